"""Arrays from the values of their elements, for the solver; candidates, simplest first."""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.generate.goals import Goal, Host, modern_step, reaching_of
from haiku_contract.generate.holding import key_of
from haiku_contract.generate.kinds import cardinality
from haiku_contract.schemas import Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haiku_contract.generate.goals import Atom, Node
    from haiku_contract.generate.solver import Solver

_MOST_HOSTS: Final = 4
_MOST_OTHERS: Final = 3
_MOST_LISTED: Final = 10_000


def arrays(solver: Solver, node: Node) -> Iterator[Host]:
    """Arrays with one element where that is allowed, then short ones, then longer ones."""
    said = [atom.said for atom in node.atoms]
    wanted = [(one["contains"], int(one.get("minContains", 1))) for one in said if "contains" in one]
    least = int(max((*(one.get("minItems", 0) for one in said), *(count for _, count in wanted)), default=0))
    most = min((one.get("maxItems", math.inf) for one in said), default=math.inf)
    if least > most:
        solver.conflict(f"at least {least} items are asked for and at most {most} allowed")
        return
    for one in said:
        if one.get("maxContains", math.inf) < one.get("minContains", 1) and "contains" in one:
            solver.conflict("more items are asked for than 'maxContains' allows")
            return
    if least > _MOST_LISTED:
        solver.give_up(f"arrays of more than {_MOST_LISTED} items are not made")
        return
    reaching, step = reaching_of(node.atoms)
    inner = [schema for schema, count in wanted for _ in range(min(count, _MOST_LISTED))]
    leading = max((len(one.get("prefixItems", ())) for one in said), default=0)
    at = None
    if reaching is not None and step is not None:
        prefix = len(reaching.said.get("prefixItems", ()))
        at = int(step.key) if step.keyword == "prefixItems" else max(prefix, 0) + solver.positions.at
        least = max(least, at + 1, prefix + solver.positions.size if step.keyword != "prefixItems" else 0)
    usual = 0 if solver.is_lean(node.depth) else max(leading, 0 if inner else 1)
    count = len(inner)
    if (room := _distinct(solver, node.atoms, leading)) < least:
        solver.conflict(f"at least {least} items are asked for that all differ, and no more than {room} do")
        return
    sizes = dict.fromkeys((max(least, usual, count), max(least, leading + count), max(least, count), least))
    made = False
    # One item may be what several ask for.
    fewer = range(int(min(count - 1, most, _MOST_LISTED)), max(least - 1, 0), -1)
    for size in (*sizes, *range(max(sizes) + 1, max(sizes) + _MOST_OTHERS), *fewer):
        for host in _of_size(solver, node, size, inner, at) if size <= most else ():
            made = True
            yield host
    # Where any place is like any other and there was one for each, what is contained has no value anywhere.
    alike = at is None and leading == 0 and count <= most
    if made or (inner and not alike):
        solver.give_up()  # there are other sizes, and other places for what has to be contained


def _of_size(solver: Solver, node: Node, size: int, inner: list[Any], at: int | None) -> Iterator[Host]:
    """Arrays of a size, the elements that `contains` asks for last; the first element varied."""
    unique = any(atom.said.get("uniqueItems") is True for atom in node.atoms)
    built: list[Host] = []
    seen = _Seen(solver, node) if unique else None
    asked = _asked([index for index in range(size) if index != at], inner, at)
    for index in range(size):
        goals = list(_of_index(node.atoms, index, reached=index == at))
        goals += [Goal(schema) for schema in asked.get(index, ())]
        found = solver.first(goals, node.name, node.depth + 1) if seen is None else seen.another(goals)
        if found is None:
            solver.conflict("an item that has to be there has no value")
            return
        built.append(found)
    path = (at, *built[at].path) if at is not None and size else ()
    yield Host([one.payload for one in built], path)
    for index in reversed(range(min(size, _MOST_HOSTS))):
        if index == at:
            continue
        goals = list(_of_index(node.atoms, index, reached=False))
        goals += [Goal(schema) for schema in asked.get(index, ())]
        for other in islice(solver.values(goals, "", node.depth + 1), 1, 1 + _MOST_OTHERS):
            elements = [one.payload for one in built]
            elements[index] = other.payload
            yield Host(elements, path)


def _asked(free: list[int], inner: list[Any], at: int | None) -> dict[int, list[Any]]:
    """Which elements are to be what `contains` asks for: the last ones, several things at once where there are few."""
    places = free[max(len(free) - len(inner), 0) :]
    if len(places) < len(inner) and at is not None:  # the element on the way has to be one of them too
        places = [*places, at]
    asked: dict[int, list[Any]] = {}
    for count, schema in enumerate(inner) if places else ():
        asked.setdefault(places[count % len(places)], []).append(schema)
    return asked


class _Seen:
    """The elements of an array so far, whose further ones are to differ from all of them."""

    def __init__(self, solver: Solver, node: Node) -> None:
        self._solver = solver
        self._node = node
        self._keys: set[str] = set()
        self._others: dict[tuple[int, ...], Iterator[Host]] = {}

    def another(self, goals: list[Goal]) -> Host | None:
        """The simplest value for the goals that is not there yet."""
        found = self._solver.first(goals, self._node.name, self._node.depth + 1)
        if found is None or self._is_new(found):
            return found
        self._solver.give_up()
        key = tuple(id(goal.schema) for goal in goals)
        if any(goal.demand is not None for goal in goals) or key not in self._others:
            self._others[key] = self._solver.values(goals, self._node.name, self._node.depth + 1)
        return next((one for one in self._others[key] if self._is_new(one)), None)

    def _is_new(self, found: Host) -> bool:
        key = key_of(found.payload)
        new = key not in self._keys
        self._keys.add(key)
        return new


def _distinct(solver: Solver, atoms: Sequence[Atom], leading: int) -> float:
    """How many items an array can have at most that has to have different ones."""
    if not any(atom.said.get("uniqueItems") is True for atom in atoms):
        return math.inf
    known = min(
        (cardinality(solver.document, goal.schema) for goal in _of_index(atoms, leading, reached=False)),
        default=math.inf,
    )
    return leading + known


def _of_index(atoms: Sequence[Atom], index: int, *, reached: bool) -> Iterator[Goal]:
    """What the atoms say of the element at an index."""
    for atom in atoms:
        said = atom.said
        step = modern_step(atom.demand[0]) if reached and atom.demand else None
        rest = atom.demand[1:] if atom.demand else None
        prefix = said.get("prefixItems", ())
        if index < len(prefix):
            met = step is not None and step.keyword == "prefixItems" and step.key == str(index)
            yield Goal(prefix[index], rest if met else None)
        elif "items" in said:
            met = step is not None and step.keyword == "items"
            yield Goal(said["items"], rest if met else None)
        if "unevaluatedItems" in said and not _is_element_evaluated(atoms, atom, index):
            yield Goal(_left_over(atoms, atom))


def _left_over(atoms: Sequence[Atom], asking: Atom) -> Any:
    """What an element has to be that nothing speaks of: what is asked of such, or one of those that are contained."""
    related = [atom.said for atom in atoms if atom is asking or id(asking.said) in atom.within]
    contained = [one["contains"] for one in related if "contains" in one]
    left = asking.said["unevaluatedItems"]
    return Words(anyOf=[left, *contained]) if contained else left


def _is_element_evaluated(atoms: Sequence[Atom], asking: Atom, index: int) -> bool:
    for atom in atoms:
        if atom is asking or id(asking.said) in atom.within:
            whole = "items" in atom.said or (atom is not asking and "unevaluatedItems" in atom.said)
            if whole or index < len(atom.said.get("prefixItems", ())):
                return True
    return False
