"""The deterministic suite: conforming payloads at every edge of the contract, and single faults of every constraint.

Every case is judged before it is emitted: conforming ones by the validator, faulted ones by the certificate of
`haiku_contract.generate.faults`.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import pointer, wire
from haiku_contract.errors import UsageError
from haiku_contract.generate.conforming import ALONE, Positions, emptiness, solver_of
from haiku_contract.generate.faults import faults
from haiku_contract.generate.features import features, in_turn, name_of, shuffled
from haiku_contract.generate.merging import Unsatisfiable
from haiku_contract.generate.otherwise import LITTLE_WORK
from haiku_contract.generate.plausible import MOST_CHARACTERS, MOST_ITEMS
from haiku_contract.generate.routes import passed
from haiku_contract.generate.solver import Solver
from haiku_contract.generate.streams import stream_suite
from haiku_contract.generate.targets import targets_of
from haiku_contract.generate.trials import Trials
from haiku_contract.generate.wire_faults import wire_cases
from haiku_contract.model import Case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.contract import Contract
    from haiku_contract.generate.targets import Target
    from haiku_contract.generate.trials import Faulted
    from haiku_contract.model import Constraint, Side
    from haiku_contract.validation import SchemaValidator

_PLACES: Final = (("first", Positions(0, 3)), ("middle", Positions(1, 3)), ("last", Positions(2, 3)))
_MOST_TRIED: Final = 12  # payloads that faults of the wire may be made from
_MOST: Final[dict[str, tuple[int, str, str]]] = {
    "maxLength": (MOST_CHARACTERS, "texts", "characters"),
    "maxItems": (MOST_ITEMS, "arrays", "items"),
    "maxContains": (MOST_ITEMS, "arrays", "items"),
    "maxProperties": (MOST_ITEMS, "objects", "keys"),
}
"""Up to which bound each keyword is broken, and what is not made beyond it."""


def suite(contract: Contract, side: Side | None = None, seed: int = 0) -> tuple[Case, ...]:
    """All cases of a contract, the same for the same contract and seed, in a stable order.

    Args:
        contract: whose constraints.
        side: `request`, `response` or `stream`; the first two when absent, whose cases are one JSON value each.
        seed: the order among cases that are worth the same: under a budget another seed sends other ones. The cases
            themselves do not depend on it.

    Returns:
        What `cases` yields.
    """
    return tuple(cases(contract, side, seed))


def cases(contract: Contract, side: Side | None = None, seed: int = 0) -> Iterator[Case]:
    """The cases of `suite` one by one, each as soon as it is known: the first of a large contract comes at once.

    Yields:
        For each side, by value per case: the simplest payload, a fault of every constraint, the conforming boundary
        values (one of every place, then the next of every place), on the request side the faults below JSON (`wire:`),
        and the other faults, again one of every constraint at a time. Ids are unique.
    """
    if side == "stream":
        yield from shuffled(stream_suite(contract), seed, _id_of)
        return
    for validator in contract.sides:
        if side in (None, validator.side):
            yield from cases_of(validator, seed)


def cases_of(validator: SchemaValidator, seed: int = 0) -> Iterator[Case]:
    """The cases of one schema, as `cases` yields them."""
    seen: set[str] = set()
    for case in _cases(validator, seed):
        if case.id not in seen:
            seen.add(case.id)
            yield case


def barren(validator: SchemaValidator) -> str | None:
    """Why a schema has no cases: nothing conforms to it, or nothing was found that does; None where it has some."""
    error = emptiness(validator)
    return None if error is None else str(error)


def unreached(validator: SchemaValidator, constraint: Constraint) -> str:
    """Why a constraint has no faulted case: unviolable, unreachable or undecided, and the reason.

    Args:
        validator: the schema that the constraint stands in.
        constraint: one that no case of the suite is about.
    """
    if not constraint.violable:
        return f"{'unviolable' if constraint.reachable else 'unreachable'}: {constraint.reason}"
    targets = list(targets_of(validator, constraint))
    if not targets:
        return "unreachable: no payload is ever held against this place"
    if isinstance(nothing := emptiness(validator), Unsatisfiable):
        return f"unreachable: {nothing}"
    reasons = [_unreached(validator, target) for target in targets]
    if all(reasons):
        return next((one for one in reasons if one.startswith("undecided")), reasons[0])
    if constraint.keyword in _MOST:
        most, what, unit = _MOST[constraint.keyword]
        if constraint.value >= most:
            return f"undecided: {what} of more than {most} {unit} are not made"
    return "undecided: no edit was found because of which a payload fails; a branch of a union may accept all of them"


def _unreached(validator: SchemaValidator, target: Target) -> str:
    """Why no payload gets to a constraint on one way; empty where one does."""
    try:
        solver_of(validator).one(target.steps)
    except Unsatisfiable as error:
        return f"unreachable: {error}"
    except UsageError as error:
        document = solver_of(validator).document
        probe = Solver(document, work=LITTLE_WORK)  # a part of the way may be short enough for a proof
        parts = list(enumerate(passed(document, target.steps)))[:0:-1]
        proofs = (probe.excluded(schema, target.steps[at:]) for at, schema in parts)
        proof = next(filter(None, proofs), "")
        return f"unreachable: no value conforms on the way: {proof}" if proof else str(error)
    return ""


def _cases(validator: SchemaValidator, seed: int) -> Iterator[Case]:
    try:
        base = solver_of(validator).simplest()
    except UsageError:  # there is no payload to begin with, which `unreached` explains
        return
    yield _conforming(validator, "simplest", None, base)
    further: list[Iterator[Case]] = []
    for constraint in shuffled(validator.constraints, seed, _id_of):
        faulted = _faulted_cases(validator, constraint)
        yield from islice(faulted, 1)
        further.append(faulted)
    for one in features(validator, seed):
        yield _conforming(validator, one.name, one.constraint, one.payload)
    if validator.side == "request":
        others = (host.payload for host in islice(solver_of(validator).hosts(()), _MOST_TRIED))
        yield from shuffled(wire_cases(base, validator.engine.is_valid, others), seed, _id_of)
    yield from in_turn(further)


def _id_of(one: Case | Constraint) -> str:
    return one.id


def _faulted_cases(validator: SchemaValidator, constraint: Constraint) -> Iterator[Case]:
    """The cases of a constraint on the first way on which there are some."""
    for target in targets_of(validator, constraint):
        found = False
        for case in _cases_on(validator, target):
            found = True
            yield case
        if found:
            return


def _cases_on(validator: SchemaValidator, target: Target) -> Iterator[Case]:
    constraint = target.constraint
    name = name_of(constraint.pointer, constraint)
    least = 0
    try:
        for one in faults(validator, target, ALONE):
            least = len(one.breaks)
            yield _faulted(validator, constraint, one, f"{name}/{one.label}")
        for place, positions in _PLACES if least and any(step.keyword == "items" for step in target.steps) else ():
            found = Trials(validator, constraint).on(target, solver_of(validator).one(target.steps, positions))
            for one in islice((one for one in found if len(one.breaks) <= least), 1):
                yield _faulted(validator, constraint, one, f"{name}/{one.label}-{place}")
    except UsageError:  # no payload reaches it, or none of this length; `unreached` explains
        return


def _faulted(validator: SchemaValidator, constraint: Constraint, one: Faulted, name: str) -> Case:
    return Case(
        id=f"{validator.side}/{name}",
        side=validator.side,
        kind="faulted",
        constraint=constraint.id,
        payload=pointer.fresh(one.payload),
        body=wire.encode(one.payload),
        breaks=tuple(sorted(one.breaks)),
        fault=one.fault,
        twin=pointer.fresh(one.twin),
    )


def _conforming(validator: SchemaValidator, name: str, constraint: str | None, payload: Any) -> Case:
    return Case(
        id=f"{validator.side}/{name}",
        side=validator.side,
        kind="conforming",
        constraint=constraint,
        payload=pointer.fresh(payload),
        body=wire.encode(payload),
    )
