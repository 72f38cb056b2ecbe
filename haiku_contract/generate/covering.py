"""The covering suite: as few conforming payloads as possible that together show everything conforming ones can show.

Wanted are all features of the suite (boundary values, branches, presence and absence) and, of the optional properties
of each object, every combination of presence and absence of any `strength` of them. Payloads are packed greedily: each
takes in whatever still conforms. An element of an array is a place of its own, so arrays take in many features at once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from haiku_contract import pointer, wire
from haiku_contract.errors import UsageError
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.goals import Step
from haiku_contract.generate.routes import routes
from haiku_contract.generate.suite import cases_of, features, unreached
from haiku_contract.model import ABSENT, Case, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.generate.goals import Path
    from haiku_contract.generate.routes import Route
    from haiku_contract.model import Side
    from haiku_contract.validation import SchemaValidator

_TRIES: Final = 8
_MOST_OPTIONS: Final = 60  # optional properties of one object whose combinations are looked at


@dataclass(frozen=True, slots=True)
class Covering:
    """What a covering suite reaches.

    Attributes:
        cases: the packed conforming cases; those that show most come first.
        shown: for each case, the names of what it is the first to show.
        wanted: how many features and combinations there are.
        missed: the names of those that no case shows.
        lower_bound: no suite that shows as much can have fewer cases: so many values share one place.
    """

    cases: tuple[Case, ...]
    shown: tuple[tuple[str, ...], ...]
    wanted: int
    missed: tuple[str, ...]
    lower_bound: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the cases of one schema cover.

    Attributes:
        faulted: how many constraints have a faulted case.
        reasons: for every other one why it has none: unviolable, unreachable or undecided, and what is known.
        packed: the covering suite; None where nothing conforms.
    """

    faulted: int
    reasons: dict[str, str]
    packed: Covering | None


class _Item(NamedTuple):
    """A feature, or a combination of present and absent properties, to be packed.

    Attributes:
        name: what it is called.
        payload: the simplest payload that shows it.
        edits: the places that make it, and the value at each, or `ABSENT`.
    """

    name: str
    payload: Any
    edits: tuple[tuple[Path, Any], ...]


def covering(contract: Contract, side: Side = "request", strength: int = 2) -> Covering:
    """The covering suite of one side.

    Args:
        contract: whose schema.
        side: `request` or `response`.
        strength: of how many optional properties of an object every combination of presence and absence is wanted.

    Raises:
        UsageError: there is no such side, or nothing conforms to its schema.
    """
    validator = next((one for one in contract.sides if one.side == side), None)
    if validator is None:
        raise UsageError(f"no covering suite for {side!r}: choose 'request' or 'response'")
    return _covering(validator, strength)


def coverage(validator: SchemaValidator, strength: int = 2) -> Coverage:
    """What the cases of a schema cover; all of them are made for that.

    Args:
        validator: the schema.
        strength: as for `covering`.
    """
    faulted = {case.constraint for case in cases_of(validator) if case.kind == "faulted"}
    without = [one for one in validator.constraints if one.id not in faulted]
    try:
        packed = _covering(validator, strength)
    except UsageError:
        packed = None
    counted = len(validator.constraints) - len(without)
    return Coverage(counted, {one.id: unreached(validator, one) for one in without}, packed)


def _covering(validator: SchemaValidator, strength: int) -> Covering:
    base = solver_of(validator).simplest()
    items = list(_items(validator, base, strength))
    packed = min((_packed(validator, base, items, turn) for turn in range(_TRIES)), key=len)
    left = {item.name: item for item in items}
    for name in (name for _, names in packed for name in names):
        del left[name]
    cases = tuple(
        Case(f"{validator.side}/packed/{number}", validator.side, "conforming", None, payload, wire.encode(payload))
        for number, (payload, _) in enumerate(packed, 1)
    )
    shown = tuple(names for _, names in packed)
    return Covering(cases, shown, len(items), tuple(left), _lower_bound(items, left))


def _packed(
    validator: SchemaValidator, base: Any, items: Sequence[_Item], turn: int
) -> list[tuple[Any, tuple[str, ...]]]:
    """Payloads that show the items; on every turn of the packing other items come first where several could."""
    left = {item.name: item for item in items}
    found: list[tuple[Any, tuple[str, ...]]] = []
    while left:
        ordered = list(left.values())
        if turn and len(found) % (turn + 1) == turn:
            ordered.reverse()
        payload, names = _pack(validator, base, _contended(ordered) if turn < _TRIES // 2 else ordered)
        if not names:
            break
        found.append((payload, names))
        for name in names:
            del left[name]
    return found


def _items(validator: SchemaValidator, base: Any, strength: int) -> Iterator[_Item]:
    for one in features(validator):
        yield _Item(one.name, one.payload, tuple(_smallest(one.path, one.value, _at(base, one.path))))
    for route, names in _objects(validator).values():
        yield from _combinations(validator, route, names[:_MOST_OPTIONS], strength)


def _smallest(path: Path, value: Any, there: Any) -> Iterator[tuple[Path, Any]]:
    """An edit, or only the keys that it adds to an object that is there anyway."""
    grows = isinstance(value, dict) and isinstance(there, dict) and value.keys() > there.keys()
    if grows and all(_same(value[name], there[name]) for name in there):
        yield from (((*path, name), one) for name, one in value.items() if name not in there)
    else:
        yield path, value


def _contended(items: Iterable[_Item]) -> list[_Item]:
    """The items for the places that most items want first."""
    wanting = Counter(path for item in items for path, _ in item.edits)
    return sorted(items, key=lambda item: -max(wanting[path] for path, _ in item.edits))


def _objects(validator: SchemaValidator) -> dict[tuple[Step, ...], tuple[Route, list[str]]]:
    """The objects of a schema, each with its optional properties."""
    ways = routes(solver_of(validator).document.root)
    places = {route.steps: route for route in ways.values()}
    found: dict[tuple[Step, ...], tuple[Route, list[str]]] = {}
    for steps in places:
        if steps and steps[-1].keyword == "properties" and (parent := places.get(steps[:-1])) is not None:
            name = steps[-1].key
            needed = parent.schema.get("required", ()) if isinstance(parent.schema, dict) else ()
            if name not in needed:
                found.setdefault(parent.steps, (parent, []))[1].append(name)
    return found


def _combinations(validator: SchemaValidator, route: Route, names: list[str], strength: int) -> Iterator[_Item]:
    """Every combination of presence and absence of some properties of an object that a payload can show."""
    solver = solver_of(validator)
    there: dict[str, Any] = {}
    for name in names:
        try:
            reached = solver.one((*route.steps, Step("properties", name)))
            there[name] = pointer.get(reached.payload, reached.path)
        except (UsageError, KeyError, IndexError, ValueError):
            continue
    try:
        host = solver.one(route.steps)
    except UsageError:
        return
    label = pointer.join(host.path) or "/"
    for chosen in combinations(there, min(strength, len(there))) if len(there) > 1 else ():
        for present in product((True, False), repeat=len(chosen)):
            edits = tuple(
                ((*host.path, name), there[name] if here else ABSENT)
                for name, here in zip(chosen, present, strict=True)
            )
            payload = _edited(host.payload, edits)
            if payload is not ABSENT and validator.settled(payload):
                said = ", ".join(f"{'' if here else 'no '}{name}" for name, here in zip(chosen, present, strict=True))
                yield _Item(f"{label}: {said}", payload, edits)


def _pack(validator: SchemaValidator, base: Any, items: Sequence[_Item]) -> tuple[Any, tuple[str, ...]]:
    """One payload that shows as many of the items as fit together, and their names."""
    payload = base
    taken: dict[Path, Any] = {}
    grown: set[Path] = set()
    names: list[str] = []
    for item in items:
        if all(_same(taken.get(path, value), value) for path, value in item.edits) and _is_shown(payload, item, taken):
            names.append(item.name)
            continue
        if _is_taken(item, taken) or any(array[: len(path)] == path for array in grown for path, _ in item.edits):
            continue
        merged = _merged(payload, item)
        fits = merged is not ABSENT and bool(validator.settled(merged))
        if fits or not names:  # what does not go with the simplest payload has one of its own
            payload = merged if fits else item.payload
            names.append(item.name)
            if _repeats(item):
                grown.add(_array(item.edits[0][0]))
            else:
                taken |= dict(item.edits)
    return payload, tuple(names)


def _repeats(item: _Item) -> bool:
    """Whether the item stands in an element of an array, of which there may be any number."""
    return any(isinstance(token, int) for path, _ in item.edits for token in path)


def _array(path: Path) -> Path:
    """The outermost array on the way."""
    return path[: next(index for index, token in enumerate(path) if isinstance(token, int))]


def _is_shown(payload: Any, item: _Item, taken: Mapping[Path, Any]) -> bool:
    """Whether a payload shows an item already, by what was put into it on purpose."""
    return not _repeats(item) and all(path in taken and _same(_at(payload, path), value) for path, value in item.edits)


def _is_taken(item: _Item, taken: Mapping[Path, Any]) -> bool:
    """Whether something else was put on purpose where the item would go, above or below it."""
    if _repeats(item):
        return any(path == edit[: len(path)] for path in taken for edit, _ in item.edits)
    for edit, value in item.edits:
        for path, other in taken.items():
            shorter = min(len(path), len(edit))
            if path[:shorter] == edit[:shorter] and not (path == edit and _same(value, other)):
                return True
    return False


def _merged(payload: Any, item: _Item) -> Any:
    """The payload with an item in it; `ABSENT` where it has no place for it."""
    if not _repeats(item):
        return _edited(payload, item.edits, donor=item.payload)
    where = _array(item.edits[0][0])
    elements, array = _at(item.payload, where), _at(payload, where)
    at = item.edits[0][0][len(where)]
    grown = [*array, elements[at]] if isinstance(array, list) and at in range(len(elements)) else elements
    return _edited(payload, ((where, grown),), donor=item.payload)


def _edited(payload: Any, edits: Sequence[tuple[Path, Any]], donor: Any = ABSENT) -> Any:
    """The payload with values set or taken away; what stands between is taken from a donor where it is missing."""
    for path, value in edits:
        for depth in range(1, len(path)):
            if _at(payload, path[:depth]) is ABSENT and donor is not ABSENT:
                payload = _edited(payload, ((path[:depth], _at(donor, path[:depth])),))
        there = _at(payload, path)
        if value is ABSENT and there is ABSENT:
            continue
        changed: Literal["add", "replace"] = "add" if path and there is ABSENT else "replace"
        try:
            payload = pointer.apply(Fault("remove" if value is ABSENT else changed, pointer.join(path), value), payload)
        except UsageError:
            return ABSENT
    return payload


def _at(payload: Any, path: Path) -> Any:
    try:
        return pointer.get(payload, path)
    except (KeyError, IndexError, ValueError):
        return ABSENT


def _same(one: Any, other: Any) -> bool:
    """Whether two values are written alike: 1 and 1.0 are two boundary values."""
    return one is other or (ABSENT not in (one, other) and wire.encode(one) == wire.encode(other))


def _lower_bound(items: Sequence[_Item], missed: Mapping[str, _Item]) -> int:
    """The most values that have to stand, one after the other, at one place outside arrays."""
    sharing: dict[tuple[Path, ...], set[bytes]] = {}
    for item in items:
        if item.name not in missed and not _repeats(item):
            values = b"\n".join(b"absent" if value is ABSENT else wire.encode(value) for _, value in item.edits)
            sharing.setdefault(tuple(path for path, _ in item.edits), set()).add(values)
    return max(map(len, sharing.values()), default=0)
