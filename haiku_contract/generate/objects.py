"""Objects from the values under their keys, for the solver; candidates, simplest first."""

from __future__ import annotations

import math
from itertools import chain, islice
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.generate import ecma
from haiku_contract.generate.goals import Goal, Host, modern_step, reaching_of
from haiku_contract.generate.holding import in_place
from haiku_contract.generate.kinds import cardinality
from haiku_contract.generate.plausible import COMPANIONS, EXTRA_KEY, MOST_TRIED
from haiku_contract.schemas import Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haiku_contract.generate.goals import Atom, Node, Step
    from haiku_contract.generate.solver import Solver

_MOST_NAMES: Final = 12
_MOST_HOSTS: Final = 4
_MOST_FORCED: Final = 20
_MOST_OTHERS: Final = 3
_MOST_KEYS: Final = 10_000
_EVALUATING: Final = frozenset(("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "dependentSchemas"))
_CHEAP: Final = 8  # atoms that are asked for what they say of a key, for the price of one


def objects(solver: Solver, node: Node) -> Iterator[Host]:
    """Objects with the keys that have to be there and what is asked for; then with others, and with more."""
    atoms = node.atoms
    reaching, step = reaching_of(atoms)
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
        if self._least > self._most:
            self._solver.conflict(f"at least {self._least} keys are asked for and at most {self._most} allowed")
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
        naming = [one.said["propertyNames"] for one in self._node.atoms if "propertyNames" in one.said]
        names = [cardinality(self._solver.document, one) for one in naming]
        closed = [
            one.said.get("properties", {})
            for one in self._node.atoms
            if _is_closed(one.said) and not one.said.get("patternProperties")
        ]
        return min([*names, *(sum(value is not False for value in one.values()) for one in closed)], default=math.inf)

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
        yield from self._others(tail, 1 + _MOST_OTHERS, MOST_TRIED)
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


def _is_closed(said: dict[str, Any]) -> bool:
    """Whether a schema takes no keys but those that it names itself."""
    if "additionalProperties" in said:
        return said["additionalProperties"] is False
    return said.get("unevaluatedProperties") is False and not _EVALUATING.intersection(said)


def _further(solver: Solver, node: Node, many: int) -> Iterator[str]:
    """Names for keys beyond the declared ones, a few more than are wanted."""
    many += _MOST_NAMES
    naming = [atom.said["propertyNames"] for atom in node.atoms if "propertyNames" in atom.said]
    if naming:
        goals = [Goal(one) for one in (*naming, Words(type="string"))]
        yield from (host.payload for host in islice(solver.values(goals, "", node.depth + 1), many))
    yield EXTRA_KEY
    yield from (f"{EXTRA_KEY}_{count}" for count in range(many))
    yield from ascii_lowercase  # where a pattern speaks of keys like those, or they are too long
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
            yield Goal(said["unevaluatedProperties"])


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
