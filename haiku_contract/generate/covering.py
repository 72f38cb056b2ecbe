"""The covering suite: as few conforming payloads as possible that together show everything conforming ones can show.

Wanted are all features of the suite (boundary values, branches, presence and absence) and, of the optional properties
of each object, every combination of presence and absence of any `strength` of them. Payloads are packed greedily: each
takes in whatever still conforms. An element of an array is a place of its own, so arrays take in many features at once.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer, wire
from haiku_contract.errors import UsageError
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.goals import Step
from haiku_contract.generate.packing import Packable, at, edited, pack, repeats, smallest
from haiku_contract.generate.routes import routes
from haiku_contract.generate.suite import cases_of, features, unreached
from haiku_contract.model import ABSENT, Case

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.generate.goals import Path
    from haiku_contract.generate.routes import Route
    from haiku_contract.model import Side
    from haiku_contract.validation import SchemaValidator

_TRIES: Final = 8
_MOST_KEPT: Final = 8
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


class Packed(NamedTuple):
    """A packed case.

    Attributes:
        case: conforms, and is about no one constraint.
        features: what its payload shows on purpose and no case before it showed.
    """

    case: Case
    features: tuple[Packable, ...]


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


@lru_cache(_MOST_KEPT)
def packed(validator: SchemaValidator, strength: int = 2) -> tuple[Packed, ...]:
    """The cases of a covering suite, each with everything that it shows on purpose; those that show most come first.

    Args:
        validator: the schema.
        strength: as for `covering`.

    Raises:
        UsageError: nothing conforms to the schema.
    """
    return _packing(validator, strength)[0]


def joined(validator: SchemaValidator, features: Sequence[Packable]) -> Case | None:
    """One conforming payload that shows exactly these features, on top of the simplest one.

    Args:
        validator: the schema.
        features: some of those of a packed case, or of several, in their order there.

    Returns:
        The case, named after the features: the same for the same ones. None when they do not go together.
    """
    payload, shown = pack(validator, solver_of(validator).simplest(), features)
    if len(shown) < len(features):
        return None
    digest = hashlib.sha256("\n".join(one.name for one in features).encode()).hexdigest()[:12]
    return _case(validator, f"joined/{digest}", payload)


def _covering(validator: SchemaValidator, strength: int) -> Covering:
    found, items = _packing(validator, strength)
    left = {item.name: item for item in items}
    for one in found:
        for feature in one.features:
            del left[feature.name]
    shown = tuple(tuple(feature.name for feature in one.features) for one in found)
    return Covering(tuple(one.case for one in found), shown, len(items), tuple(left), _lower_bound(items, left))


@lru_cache(_MOST_KEPT)
def _packing(validator: SchemaValidator, strength: int) -> tuple[tuple[Packed, ...], tuple[Packable, ...]]:
    """The packed cases, and everything that was to be packed."""
    base = solver_of(validator).simplest()
    items = tuple(_items(validator, base, strength))
    best = min((_packed(validator, base, items, turn) for turn in range(_TRIES)), key=len)
    numbered = enumerate(best, 1)
    found = tuple(Packed(_case(validator, f"packed/{number}", payload), shown) for number, (payload, shown) in numbered)
    return found, items


def _case(validator: SchemaValidator, name: str, payload: Any) -> Case:
    return Case(f"{validator.side}/{name}", validator.side, "conforming", None, payload, wire.encode(payload))


def _packed(
    validator: SchemaValidator, base: Any, items: Sequence[Packable], turn: int
) -> list[tuple[Any, tuple[Packable, ...]]]:
    """Payloads that show the items; on every turn of the packing other items come first where several could."""
    left = {item.name: item for item in items}
    found: list[tuple[Any, tuple[Packable, ...]]] = []
    while left:
        ordered = list(left.values())
        if turn and len(found) % (turn + 1) == turn:
            ordered.reverse()
        payload, shown = pack(validator, base, _contended(ordered) if turn < _TRIES // 2 else ordered)
        if not shown:
            break
        found.append((payload, shown))
        for one in shown:
            del left[one.name]
    return found


def _items(validator: SchemaValidator, base: Any, strength: int) -> Iterator[Packable]:
    for one in features(validator):
        yield Packable(one.name, one.constraint, one.payload, tuple(smallest(one.path, one.value, at(base, one.path))))
    for route, names in _objects(validator).values():
        yield from _combinations(validator, route, names[:_MOST_OPTIONS], strength)


def _contended(items: Iterable[Packable]) -> list[Packable]:
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


def _combinations(validator: SchemaValidator, route: Route, names: list[str], strength: int) -> Iterator[Packable]:
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
            payload = edited(host.payload, edits)
            if payload is not ABSENT and validator.settled(payload):
                said = ", ".join(f"{'' if here else 'no '}{name}" for name, here in zip(chosen, present, strict=True))
                yield Packable(f"{label}: {said}", None, payload, edits)


def _lower_bound(items: Sequence[Packable], missed: Mapping[str, Packable]) -> int:
    """The most values that have to stand, one after the other, at one place outside arrays."""
    sharing: dict[tuple[Path, ...], set[bytes]] = {}
    for item in items:
        if item.name not in missed and not repeats(item):
            values = b"\n".join(b"absent" if value is ABSENT else wire.encode(value) for _, value in item.edits)
            sharing.setdefault(tuple(path for path, _ in item.edits), set()).add(values)
    return max(map(len, sharing.values()), default=0)
