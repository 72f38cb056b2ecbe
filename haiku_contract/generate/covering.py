"""The covering suite: as few conforming payloads as possible that together show everything conforming ones can show.

Wanted are all features of the suite (boundary values, branches, presence and absence) and, of the optional properties
of each object, every combination of presence and absence of any `strength` of them. How they are packed is the business
of `assembling`; here is what comes of it: cases that come apart again, and how near their number is to the least.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer, wire
from haiku_contract.errors import UsageError
from haiku_contract.generate.assembling import MANNERS, Assembly
from haiku_contract.generate.bounding import lower_bound
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.packing import Draft, Packable
from haiku_contract.generate.ranking import by_value
from haiku_contract.generate.suite import cases_of, unreached
from haiku_contract.model import Case

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.generate.assembling import Assembled
    from haiku_contract.generate.options import Options
    from haiku_contract.model import Side
    from haiku_contract.validation import SchemaValidator

_MOST_KEPT: Final = 8
_MOST_SPENT: Final = 150_000  # cases times features after which no other way is tried
_MOST_BASES: Final = 8  # simplest payloads of features that are tried to join others with


@dataclass(frozen=True, slots=True)
class Covering:
    """What a covering suite reaches.

    Attributes:
        cases: the packed conforming cases; those that show most come first.
        shown: for each case, the names of the features that it is the first to show.
        wanted: how many features there are.
        missed: the names of those that no case shows.
        combinations: for each case, how many combinations of optional properties it is the first to show.
        possible: how many combinations of them there are.
        left_out: what was not looked at, in one line each.
        lower_bound: no suite that shows as much can have fewer cases: so many values share one place, are in branches
            that exclude each other, or have to be put into arrays of few elements, or so many rows it takes to show the
            combinations of one object.
    """

    cases: tuple[Case, ...]
    shown: tuple[tuple[str, ...], ...]
    wanted: int
    missed: tuple[str, ...]
    combinations: tuple[int, ...]
    possible: int
    left_out: tuple[str, ...]
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
        features: what its payload shows on purpose.
    """

    case: Case
    features: tuple[Packable, ...]


def covering(contract: Contract, side: Side = "request", strength: int = 2, seed: int = 0) -> Covering:
    """The covering suite of one side.

    Args:
        contract: whose schema.
        side: `request` or `response`.
        strength: of how many optional properties of an object every combination of presence and absence is wanted.
        seed: which features come together, where that makes no difference: other seeds, other neighbours.

    Raises:
        UsageError: there is no such side, nothing conforms to its schema, or the strength is below 1.
    """
    return _covering(_validator(contract, side), strength, seed)


def packed_cases(contract: Contract, side: Side = "request", strength: int = 2, seed: int = 0) -> Iterator[Case]:
    """The cases of `covering` one by one; of a large contract each as soon as it is made. Raises likewise."""
    _, made = _making(_validator(contract, side), strength, seed)
    for number, one in enumerate(made, 1):
        yield _case(_validator(contract, side), f"packed/{number}", one.payload)


def coverage(validator: SchemaValidator, strength: int = 2) -> Coverage:
    """What the cases of a schema cover; all of them are made for that.

    Args:
        validator: the schema.
        strength: as for `covering`.
    """
    faulted = {case.constraint for case in cases_of(validator) if case.kind == "faulted"}
    without = [one for one in validator.constraints if one.id not in faulted]
    try:
        packed = _covering(validator, strength, 0)
    except UsageError:
        packed = None
    counted = len(validator.constraints) - len(without)
    return Coverage(counted, {one.id: unreached(validator, one) for one in without}, packed)


@lru_cache(_MOST_KEPT)
def packed(validator: SchemaValidator, strength: int = 2, seed: int = 0) -> tuple[Packed, ...]:
    """The cases of a covering suite, each with everything that it shows on purpose; those that show most come first.

    Args:
        validator: the schema.
        strength: as for `covering`.
        seed: as for `covering`.

    Raises:
        UsageError: the strength is below 1, or nothing conforms to the schema.
    """
    made = enumerate(_making(validator, strength, seed)[1], 1)
    return tuple(Packed(_case(validator, f"packed/{number}", one.payload), one.features) for number, one in made)


def joined(validator: SchemaValidator, features: Sequence[Packable]) -> Case | None:
    """One conforming payload that shows exactly these features, on top of the simplest one.

    Args:
        validator: the schema.
        features: some of those of a packed case, or of several, in their order there.

    Returns:
        The case, named after the features: the same for the same ones. None when they do not go together.
    """
    bases = [solver_of(validator).simplest(), *(one.payload for one in features[:_MOST_BASES])]
    for base in bases:
        draft = Draft(validator, base)
        refused = draft.add([one for one in features if not one.loose])
        if not draft.add([*refused, *(one for one in features if one.loose)]):
            digest = hashlib.sha256("\n".join(one.name for one in features).encode()).hexdigest()[:12]
            return _case(validator, f"joined/{digest}", draft.payload)
    return None


def packed_of(validator: SchemaValidator, features: Sequence[Packable]) -> Packed | None:
    """One conforming payload with as many of these features as it takes in.

    Args:
        validator: the schema.
        features: some of those of packed cases, the most wanted first.

    Returns:
        What shows some of them, at least the first; None where even that is impossible.
    """
    best: list[Packable] = []
    for base in (solver_of(validator).simplest(), *(one.payload for one in features[:1])):
        draft = Draft(validator, base)
        draft.add([one for one in features if not one.loose])
        draft.add([one for one in features if one.loose])
        best = max(best, draft.shown, key=len)
    names = {one.name for one in best}
    shown = tuple(one for one in features if one.name in names)
    case = joined(validator, shown) if shown else None
    return None if case is None else Packed(case, shown)


def _validator(contract: Contract, side: Side) -> SchemaValidator:
    found = next((one for one in contract.sides if one.side == side), None)
    if found is None:
        raise UsageError(f"no covering suite for {side!r}: choose 'request' or 'response'")
    return found


def _covering(validator: SchemaValidator, strength: int, seed: int) -> Covering:
    assembly, payloads = _making(validator, strength, seed)
    made = list(payloads)
    missed = sorted(item.name for item in assembly.waiting)
    return Covering(
        cases=tuple(_case(validator, f"packed/{number}", one.payload) for number, one in enumerate(made, 1)),
        shown=tuple(one.new for one in made),
        wanted=len(assembly.known),
        missed=tuple(missed),
        combinations=tuple(one.combinations for one in made),
        possible=sum(one.wanted - one.impossible - one.untried for one in assembly.options),
        left_out=tuple(line for one in (*assembly.options, *assembly.elements) for line in _left_out(one)),
        lower_bound=_least(validator, assembly),
    )


def _making(validator: SchemaValidator, strength: int, seed: int) -> tuple[Assembly, Iterable[Assembled]]:
    """The payloads in the making: of a small contract the fewest of some ways, of a large one each when it is asked."""
    if strength < 1:
        raise UsageError(f"no combinations of {strength} properties: the strength is 1 or more")
    best: tuple[Assembly, list[Assembled]] | None = None
    spent = 0
    for manner in MANNERS:
        assembly = Assembly(validator, strength, seed, manner)
        if not assembly.is_small():
            return assembly, assembly.payloads()
        made = list(assembly.payloads())
        if best is None or len(made) < len(best[1]):
            best = assembly, made
        spent += len(made) * len(assembly.known)
        if spent > _MOST_SPENT or len(best[1]) <= _least(validator, best[0]):
            break
    assert best is not None  # noqa: S101 - there are some manners
    return best[0], by_value(validator, best[0].options, best[1])


def _left_out(one: Options) -> Iterator[str]:
    of = f"of {len(one.there)} optional properties at {one.label}"
    if one.presence.strength < one.asked:
        yield f"combinations {of}: {one.presence.strength} at a time instead of {one.asked}, which are too many"
    if one.untried:
        yield f"combinations {of}: {one.untried} were not tried, because the object refuses too many others"


def _case(validator: SchemaValidator, name: str, payload: Any) -> Case:
    body = wire.encode(payload)
    return Case(f"{validator.side}/{name}", validator.side, "conforming", None, pointer.fresh(payload), body)


def _least(validator: SchemaValidator, assembly: Assembly) -> int:
    """The lower bound for what an assembly shows."""
    missed = {item.name for item in assembly.waiting}
    shown = [item for item in assembly.known if item.name not in missed]
    is_whole = not any(item.is_row for item in assembly.waiting)
    return lower_bound(validator, shown, [*assembly.options, *(assembly.elements if is_whole else ())])
