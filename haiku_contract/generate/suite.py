"""The deterministic suite: conforming payloads at every edge of the contract, and single faults of every constraint.

Every case is judged before it is emitted: conforming ones by the validator, faulted ones by the certificate of
`haiku_contract.generate.faults`.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer, wire
from haiku_contract.errors import UsageError
from haiku_contract.generate import values
from haiku_contract.generate.conforming import ALONE, Positions, solver_of
from haiku_contract.generate.faults import faults, proven, target_of
from haiku_contract.generate.merging import Unsatisfiable
from haiku_contract.generate.plausible import MOST_CHARACTERS, MOST_ITEMS
from haiku_contract.generate.routes import routes
from haiku_contract.generate.streams import stream_suite
from haiku_contract.generate.wire_faults import wire_cases
from haiku_contract.model import ABSENT, Case, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from haiku_contract.contract import Contract
    from haiku_contract.generate.faults import Faulted, Target
    from haiku_contract.generate.goals import Path
    from haiku_contract.generate.routes import Route
    from haiku_contract.model import Constraint, Side
    from haiku_contract.validation import SchemaValidator

_PLACES: Final = (("first", Positions(0, 3)), ("middle", Positions(1, 3)), ("last", Positions(2, 3)))


_MOST: Final[dict[str, tuple[int, str, str]]] = {
    "maxLength": (MOST_CHARACTERS, "texts", "characters"),
    "maxItems": (MOST_ITEMS, "arrays", "items"),
    "maxContains": (MOST_ITEMS, "arrays", "items"),
    "maxProperties": (MOST_ITEMS, "objects", "keys"),
}
"""Up to which bound each keyword is broken, and what is not made beyond it."""


class Feature(NamedTuple):
    """Something that a conforming payload shows.

    Attributes:
        name: as in case ids, without the side.
        constraint: id of the constraint that it is about; None for the contract as a whole.
        payload: the simplest payload that shows it.
        path: where.
        value: the value there; `ABSENT` where the feature is that nothing stands there.
    """

    name: str
    constraint: str | None
    payload: Any
    path: Path
    value: Any


def suite(contract: Contract, side: Side | None = None) -> tuple[Case, ...]:
    """All cases of a contract, the same for the same contract, in a stable order.

    Args:
        contract: whose constraints.
        side: `request`, `response` or `stream`; the first two when absent, whose cases are one JSON value each.

    Returns:
        What `cases` yields.
    """
    return tuple(cases(contract, side))


def cases(contract: Contract, side: Side | None = None) -> Iterator[Case]:
    """The cases of `suite` one by one, each as soon as it is known: the first of a large contract comes at once.

    Yields:
        For each side, by value per case: the simplest payload, a fault of every constraint, the conforming boundary
        values, on the request side the faults below JSON (`wire:`), and the other faults. Ids are unique.
    """
    if side == "stream":
        yield from stream_suite(contract)
        return
    for validator in contract.sides:
        if side in (None, validator.side):
            yield from cases_of(validator)


def cases_of(validator: SchemaValidator) -> Iterator[Case]:
    """The cases of one schema, as `cases` yields them."""
    seen: set[str] = set()
    for case in _cases(validator):
        if case.id not in seen:
            seen.add(case.id)
            yield case


def unreached(validator: SchemaValidator, constraint: Constraint) -> str:
    """Why a constraint has no faulted case: unviolable, unreachable or undecided, and the reason.

    Args:
        validator: the schema that the constraint stands in.
        constraint: one that no case of the suite is about.
    """
    if not constraint.violable:
        return f"{'unviolable' if constraint.reachable else 'unreachable'}: {constraint.reason}"
    target = target_of(validator, constraint, routes(solver_of(validator).document.root))
    if target is None:
        return "unreachable: no payload is ever held against this place"
    try:
        solver_of(validator).one(target.steps)
    except Unsatisfiable as error:
        return f"unreachable: {error}"
    except UsageError as error:
        return str(error)
    if constraint.keyword in _MOST:
        most, what, unit = _MOST[constraint.keyword]
        if constraint.value >= most:
            return f"undecided: {what} of more than {most} {unit} are not made"
    return "undecided: no edit was found because of which a payload fails; a branch of a union may accept all of them"


def _cases(validator: SchemaValidator) -> Iterator[Case]:
    try:
        base = solver_of(validator).simplest()
    except UsageError:  # there is no payload to begin with, which `unreached` explains
        return
    yield _conforming(validator, "simplest", None, base)
    ways = routes(solver_of(validator).document.root)
    further: list[Iterator[Case]] = []
    for constraint in validator.constraints:
        target = target_of(validator, constraint, ways) if constraint.violable else None
        if target is not None:
            faulted = _faulted_cases(validator, target)
            yield from islice(faulted, 1)
            further.append(faulted)
    for one in features(validator):
        yield _conforming(validator, one.name, one.constraint, one.payload)
    if validator.side == "request":
        yield from wire_cases(base, validator.engine.is_valid)
    for faulted in further:
        yield from faulted


def features(validator: SchemaValidator) -> Iterator[Feature]:
    """Everything that conforming payloads of a schema can show, each in the simplest payload that shows it."""
    known = {one.id: one for one in validator.constraints}
    for here, route in routes(solver_of(validator).document.root).items():
        yield from _features_at(validator, here, route, known)


def _features_at(
    validator: SchemaValidator, here: str, route: Route, known: Mapping[str, Constraint]
) -> Iterator[Feature]:
    """The presence, the absence and the boundary values of one place."""
    solver = solver_of(validator)
    if any(step.keyword == "propertyNames" for step in route.steps):
        return  # what stands there is a key
    try:
        payload, path = solver.one(route.steps)
        current = pointer.get(payload, path)
    except (UsageError, KeyError, IndexError, ValueError):
        return
    about = _about(validator, here, route.schema, known)
    if route.steps and route.steps[-1].keyword == "properties":
        yield Feature(f"{_name(here)}/present", about, payload, path, current)
        without = pointer.apply(Fault("remove", pointer.join(path)), payload)
        if validator.settled(without):
            yield Feature(f"{_name(here)}/absent", about, without, path, ABSENT)
    if not isinstance(route.schema, dict):
        return
    for value in values.boundary(solver.document.modern(route.schema), current):
        edited = pointer.apply(Fault("replace", pointer.join(path), value.value), payload)
        if validator.settled(edited):
            site = f"{here}/{value.keyword}"
            found = known.get(f"{validator.side}:{site}")
            name = f"{_name(site)}/{value.label}"
            yield Feature(name, found.id if found else about, edited, path, value.value)


def _about(validator: SchemaValidator, here: str, schema: Any, known: Mapping[str, Constraint]) -> str | None:
    """The constraint that the mere presence of a property is about: its own first one, else what closes its object."""
    if isinstance(schema, dict):
        for keyword in schema:
            if f"{validator.side}:{here}/{keyword}" in known:
                return f"{validator.side}:{here}/{keyword}"
    closing = f"{validator.side}:{pointer.join(pointer.split(here)[:-2])}/additionalProperties"
    return closing if closing in known else None


def _faulted_cases(validator: SchemaValidator, target: Target) -> Iterator[Case]:
    constraint = target.constraint
    name = _name(constraint.pointer, constraint)
    least = 0
    try:
        for one in faults(validator, target, ALONE):
            least = len(one.breaks)
            yield _faulted(validator, constraint, one, f"{name}/{one.label}")
        for place, positions in _PLACES if least and any(step.keyword == "items" for step in target.steps) else ():
            found = proven(validator, target, solver_of(validator).one(target.steps, positions))
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
        payload=one.payload,
        body=wire.encode(one.payload),
        breaks=tuple(sorted(one.breaks)),
        fault=one.fault,
        twin=one.twin,
    )


def _conforming(validator: SchemaValidator, name: str, constraint: str | None, payload: Any) -> Case:
    return Case(
        id=f"{validator.side}/{name}",
        side=validator.side,
        kind="conforming",
        constraint=constraint,
        payload=payload,
        body=wire.encode(payload),
    )


def _name(place: str, constraint: Constraint | None = None) -> str:
    """A pointer for people: `properties` left out, the member of `required` by its name."""
    tokens = pointer.split(place)
    if constraint is not None and constraint.keyword == "required" and tokens[-2:-1] == ["required"]:
        tokens = [*tokens[:-1], constraint.value]
    shown: list[str] = []
    names = False
    for token in tokens:
        if token == "properties" and not names:
            names = True
            continue
        names = False
        shown.append(token.replace("/", "~1") or "~")
    return "/".join(shown)
