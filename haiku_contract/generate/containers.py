"""Objects and arrays from the values of their parts, for the solver; candidates, simplest first."""

from __future__ import annotations

import math
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.generate import ecma
from haiku_contract.generate.goals import Goal, Host, modern_step
from haiku_contract.generate.holding import in_place, key_of
from haiku_contract.generate.kinds import cardinality
from haiku_contract.generate.plausible import COMPANIONS, EXTRA_KEY, MOST_ITEMS
from haiku_contract.schemas import Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haiku_contract.generate.goals import Atom, Node, Step
    from haiku_contract.generate.solver import Solver

_MOST_NAMES: Final = 12
_MOST_HOSTS: Final = 4
_MOST_FORCED: Final = 20
_MOST_OTHERS: Final = 3
_MOST_LISTED: Final = 10_000
_MOST_KEYS: Final = 10_000
_CHEAP: Final = 8  # atoms that are asked for what they say of a key, for the price of one


def objects(solver: Solver, node: Node) -> Iterator[Host]:
    """Objects with the keys that have to be there and what is asked for; then with others, and with more."""
    atoms = node.atoms
    reaching, step = _reaching(atoms)
    declared = list(dict.fromkeys(name for atom in atoms for name in atom.said.get("properties", ())))
    needed = list(dict.fromkeys(name for atom in atoms for name in atom.said.get("required", ())))
    for name in _forced(solver, node, reaching, step):
        keys = _closed_under_dependencies(atoms, [*needed, *([name] if name is not None else [])])
        built = _Object(solver, node, name, declared)
        if built.fill(keys) and (built.reaches or step is None or step.keyword == "propertyNames"):
            yield from built.candidates()
    if step is not None and step.keyword != "properties":
        solver.give_up()  # there are other keys


class _Object:
    """An object that grows key by key."""

    def __init__(self, solver: Solver, node: Node, reached: str | None, declared: list[str]) -> None:
        self._solver = solver
        self._node = node
        self._reached = reached
        self._declared = declared
        self._most = min((atom.said.get("maxProperties", math.inf) for atom in node.atoms), default=math.inf)
        self._least = max((atom.said.get("minProperties", 0) for atom in node.atoms), default=0)
        self._built: dict[str, Any] = {}
        self._tails: list[Host] = []

    @property
    def reaches(self) -> bool:
        """Whether the value under one of the keys holds the place that was asked for."""
        return bool(self._tails)

    def fill(self, keys: list[str]) -> bool:
        """Add the keys that have to be there; False where that cannot be done."""
        if self._least > self._room():
            self._solver.conflict(f"{self._least} keys are asked for, and only {self._room()} may be there")
            return False
        if len(keys) > self._most:
            self._solver.conflict(f"{len(keys)} keys are required and at most {self._most} allowed")
            return False
        for name in keys:
            if not self._add(name):
                self._solver.conflict(f"nothing may stand under the required key {name!r}")
                return False
        plausible = [(name, one) for name, companions in COMPANIONS.items() for one in companions]
        for name, companion in plausible:
            if self._built.get(name) == companion and companion in self._declared:
                self._add(companion)
        if len(self._built) < self._least:
            self._add_more()
        if len(self._built) < self._least:
            self._solver.give_up()
        return len(self._built) >= self._least

    def _room(self) -> float:
        """How many keys a schema leaves that names all of them."""
        closed = [
            one.said.get("properties", {})
            for one in self._node.atoms
            if one.said.get("additionalProperties") is False and not one.said.get("patternProperties")
        ]
        return min((sum(value is not False for value in one.values()) for one in closed), default=math.inf)

    def _add_more(self) -> None:
        """Add keys that need not be there, as many as are missing."""
        for name in chain(self._declared, _further(self._solver, self._node, int(min(self._least, _MOST_KEYS)))):
            if len(self._built) >= self._least:
                return
            self._add(name)

    def candidates(self) -> Iterator[Host]:
        """The object; then with other values of its keys, one at a time; then with further keys; then with more."""
        for tail in self._tails or [Host(None, ())]:
            yield self._whole(self._built, tail)
        tail = self._tails[0] if self._tails else Host(None, ())
        yield from self._others(tail, 1, 1 + _MOST_OTHERS)
        if len(self._built) < self._most:
            spare = islice(_further(self._solver, self._node, 0), _MOST_OTHERS)
            for name in (*self._declared, *spare):
                if name not in self._built:
                    found = self._value(name)
                    if found is not None:
                        yield self._whole({**self._built, name: found.payload}, tail)
        yield from self._others(tail, 1 + _MOST_OTHERS, MOST_ITEMS)
        self._solver.give_up()

    def _others(self, tail: Host, first: int, last: int) -> Iterator[Host]:
        """The object with other values of its keys, of each those from one number to another."""
        for name in list(self._built):
            if name != self._reached:
                others = self._solver.values(self._goals(name), name, self._node.depth + 1)
                for other in islice(others, first, last):
                    yield self._whole({**self._built, name: other.payload}, tail)

    def _whole(self, built: dict[str, Any], tail: Host) -> Host:
        path: tuple[str | int, ...] = ()
        if self._reached is not None and self._tails:
            built = {**built, self._reached: tail.payload}
            path = (self._reached, *tail.path)
        ordered = [name for name in self._declared if name in built]
        return Host({name: built[name] for name in dict.fromkeys([*ordered, *built])}, path)

    def _add(self, name: str) -> bool:
        if name in self._built:
            return True
        goals = self._goals(name)
        if name == self._reached and any(goal.demand is not None for goal in goals):
            hosts = self._solver.values(goals, name, self._node.depth + 1)
            self._tails = list(islice(hosts, 1))
            found = self._tails[0] if self._tails else None
        else:
            found = self._value(name)
        if found is not None and len(self._built) < self._most:
            self._built[name] = found.payload
            return True
        return False

    def _value(self, name: str) -> Host | None:
        if not _may_be_named(self._solver, self._node.atoms, name):
            return None
        return self._solver.first(self._goals(name), name, self._node.depth + 1)

    def _goals(self, name: str) -> list[Goal]:
        return list(_of_key(self._solver, self._node.atoms, name, reached=name == self._reached))


def _reaching(atoms: Sequence[Atom]) -> tuple[Atom | None, Step | None]:
    """The atom through whose children the way goes on, and the step."""
    reaching = next((atom for atom in atoms if atom.demand), None)
    return reaching, modern_step(reaching.demand[0]) if reaching and reaching.demand else None


def _forced(solver: Solver, node: Node, reaching: Atom | None, step: Step | None) -> Iterator[str | None]:
    """The keys under which the way can go on; None where no way has to."""
    if reaching is None or step is None:
        yield None
    elif step.keyword == "properties":
        yield step.key
    elif step.keyword == "patternProperties":
        named = (name for atom in node.atoms for name in atom.said.get("properties", ()))
        allowed = _further(solver, node, 0) if any("propertyNames" in atom.said for atom in node.atoms) else ()
        known = [*named, EXTRA_KEY, *ecma.texts(step.key)[:_MOST_NAMES], *islice(allowed, _MOST_FORCED)]
        fitting = [name for name in dict.fromkeys(known) if ecma.matches(step.key, name)]
        yield from [name for name in fitting if _may_be_named(solver, node.atoms, name)][:_MOST_HOSTS]
    else:
        names = _further(solver, node, 0)
        any_name, speaks = step.keyword == "propertyNames", solver.judge.speaks_of
        yield from islice((name for name in names if any_name or not speaks(reaching.said, name)), _MOST_FORCED)


def _further(solver: Solver, node: Node, many: int) -> Iterator[str]:
    """Names for keys beyond the declared ones, a few more than are wanted."""
    many += _MOST_NAMES
    naming = [atom.said["propertyNames"] for atom in node.atoms if "propertyNames" in atom.said]
    if naming:
        goals = [Goal(one) for one in (*naming, Words(type="string"))]
        yield from (host.payload for host in islice(solver.values(goals, "", node.depth + 1), many))
    yield EXTRA_KEY
    yield from (f"{EXTRA_KEY}_{count}" for count in range(many))
    patterns = dict.fromkeys(one for atom in node.atoms for one in atom.said.get("patternProperties", ()))
    for pattern in patterns:
        yield from ecma.texts(pattern)[:_MOST_NAMES]
        yield from islice(ecma.varied(pattern), many)
    yield from dict.fromkeys(name for atom in node.atoms for name in atom.said.get("properties", ()))
    asked = (one for atom in node.atoms for one in in_place(atom.said) if isinstance(one, dict))
    yield from dict.fromkeys(name for one in asked for name in one.get("properties", ()))


def _closed_under_dependencies(atoms: Sequence[Atom], keys: list[str]) -> list[str]:
    found = dict.fromkeys(keys)
    queue = list(keys)
    while queue:
        name = queue.pop()
        for atom in atoms:
            for other in atom.said.get("dependentRequired", {}).get(name, ()):
                if other not in found:
                    found[other] = None
                    queue.append(other)
    return list(found)


def _may_be_named(solver: Solver, atoms: Sequence[Atom], name: str) -> bool:
    return all(solver.judge.holds(atom.said["propertyNames"], name) for atom in atoms if "propertyNames" in atom.said)


def _of_key(solver: Solver, atoms: Sequence[Atom], name: str, *, reached: bool) -> Iterator[Goal]:
    """What the atoms say of the value under a key."""
    solver.spend(1 + len(atoms) // _CHEAP)
    for atom in atoms:
        said = atom.said
        step = modern_step(atom.demand[0]) if reached and atom.demand else None
        rest = atom.demand[1:] if atom.demand else None
        known = solver.judge.speaks_of(said, name)
        if name in said.get("properties", ()):
            yield Goal(said["properties"][name], rest if step and step.keyword == "properties" else None)
        for pattern, schema in said.get("patternProperties", {}).items():
            if ecma.matches(pattern, name):
                met = step is not None and step.keyword == "patternProperties" and step.key == pattern
                yield Goal(schema, rest if met else None)
        if not known and "additionalProperties" in said:
            met = step is not None and step.keyword == "additionalProperties"
            yield Goal(said["additionalProperties"], rest if met else None)
        if "unevaluatedProperties" in said and not _is_evaluated(solver, atoms, atom, name):
            met = step is not None and step.keyword == "unevaluatedProperties"
            yield Goal(said["unevaluatedProperties"], rest if met else None)


def _is_evaluated(solver: Solver, atoms: Sequence[Atom], asking: Atom, name: str) -> bool:
    """Whether a key is spoken of beside or inside the schema that asks for what is left."""
    for atom in atoms:
        if atom is asking or id(asking.said) in atom.within:
            further = atom is not asking and "unevaluatedProperties" in atom.said
            if further or "additionalProperties" in atom.said or solver.judge.speaks_of(atom.said, name):
                return True
            if any(solver.judge.may_speak_of(branch, name) for branch in in_place(atom.said)):
                solver.give_up()  # whether it does, the whole value shows
                return True
    return False


# -- arrays -----------------------------------------------------------------------------------------------------------


def arrays(solver: Solver, node: Node) -> Iterator[Host]:
    """Arrays with one element where that is allowed, then short ones, then longer ones."""
    said = [atom.said for atom in node.atoms]
    least = int(max((one.get("minItems", 0) for one in said), default=0))
    most = min((one.get("maxItems", math.inf) for one in said), default=math.inf)
    if least > most:
        solver.conflict(f"at least {least} items are asked for and at most {most} allowed")
        return
    if least > _MOST_LISTED:
        solver.give_up(f"arrays of more than {_MOST_LISTED} items are not made")
        return
    reaching, step = _reaching(node.atoms)
    wanted = [(one["contains"], int(one.get("minContains", 1))) for one in said if "contains" in one]
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
    fewer = range(min(count - 1, int(min(most, _MOST_LISTED))), 0, -1)  # where one item is what several ask for
    for size in (*sizes, *range(max(sizes) + 1, max(sizes) + _MOST_OTHERS), *fewer):
        for host in _of_size(solver, node, size, inner, at) if size <= most else ():
            made = True
            yield host
    if made or inner:
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
            met = step is not None and step.keyword == "unevaluatedItems"
            yield Goal(said["unevaluatedItems"] if met else _left_over(atoms, atom), rest if met else None)


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
