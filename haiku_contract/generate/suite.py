"""The deterministic suite: conforming payloads at every edge of the contract, and single faults of every constraint.

Every case is judged before it is emitted: conforming ones by the validator, faulted ones by the certificate of
`haiku_contract.generate.faults`.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import pointer, wire
from haiku_contract.errors import UsageError
from haiku_contract.generate import values
from haiku_contract.generate.conforming import ALONE, EXTRA_KEY, Positions, solver_of
from haiku_contract.generate.faults import faults, target_of
from haiku_contract.generate.merging import Unsatisfiable
from haiku_contract.generate.routes import routes
from haiku_contract.generate.streams import stream_suite
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, Case, Fault
from haiku_contract.scan import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from haiku_contract.contract import Contract
    from haiku_contract.generate.faults import Faulted, Target
    from haiku_contract.generate.routes import Route
    from haiku_contract.model import Constraint, Side
    from haiku_contract.validation import SchemaValidator

_PLACES: Final = (("first", Positions(0, 3)), ("middle", Positions(1, 3)), ("last", Positions(2, 3)))


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
    return "undecided: none of the edits that were tried breaks it"


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
    known = {one.id: one for one in validator.constraints}
    for here, route in ways.items():
        yield from _boundary_cases(validator, here, route, known)
    if validator.side == "request":
        yield from wire_cases(base)
    for faulted in further:
        yield from faulted


def _boundary_cases(
    validator: SchemaValidator, here: str, route: Route, known: Mapping[str, Constraint]
) -> Iterator[Case]:
    """The conforming values of one schema, each in the simplest payload that reaches it."""
    solver = solver_of(validator)
    try:
        reached = solver.one(route.steps)
        current = pointer.get(reached.payload, reached.path)
    except (UsageError, KeyError, IndexError, ValueError):
        return
    about = _about(validator, here, route.schema, known)
    if route.steps and route.steps[-1].keyword == "properties":
        yield _conforming(validator, f"{_name(here)}/present", about, reached.payload)
        without = pointer.apply(Fault("remove", pointer.join(reached.path)), reached.payload)
        if validator.engine.is_valid(without):
            yield _conforming(validator, f"{_name(here)}/absent", about, without)
    if not isinstance(route.schema, dict) or any(step.keyword == "propertyNames" for step in route.steps):
        return
    for value in values.boundary(solver.document.modern(route.schema), current):
        payload = pointer.apply(Fault("replace", pointer.join(reached.path), value.value), reached.payload)
        if validator.engine.is_valid(payload):
            site = f"{here}/{value.keyword}"
            found = known.get(f"{validator.side}:{site}")
            yield _conforming(validator, f"{_name(site)}/{value.label}", found.id if found else about, payload)


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
    alone = False
    try:
        for one in faults(validator, target, ALONE):
            alone = True
            yield _faulted(validator, constraint, one, f"{name}/{one.label}")
        if alone and any(step.keyword == "items" for step in target.steps):
            for place, positions in _PLACES:
                for one in islice(faults(validator, target, positions), 1):
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


def wire_cases(base: Any) -> Iterator[Case]:
    """Request bodies that are wrong below JSON, made from a conforming payload; one rule of the wire each."""
    body = wire.encode(base)
    is_object = isinstance(base, dict)
    open_brace = body[:1] if is_object else b"["
    extra = b'{"' + EXTRA_KEY.encode() + b'":'
    rows: list[tuple[str, str, bytes, str]] = [
        ("syntax", "empty", b"", JSON_CONTENT_TYPE),
        ("syntax", "not-json", b"Hello", JSON_CONTENT_TYPE),
        ("syntax", "truncated", body[:-1], JSON_CONTENT_TYPE),
        ("syntax", "trailing-comma", body[:-1] + b"," + body[-1:], JSON_CONTENT_TYPE),
        ("syntax", "single-quotes", body.replace(b'"', b"'"), JSON_CONTENT_TYPE),
        ("syntax", "two-values", body + body, JSON_CONTENT_TYPE),
        ("encoding", "utf-16", b"\xff\xfe" + body.decode().encode("utf-16-le"), JSON_CONTENT_TYPE),
        ("encoding", "byte-order-mark", b"\xef\xbb\xbf" + body, JSON_CONTENT_TYPE),
        ("content-type", "text", body, "text/plain"),
        ("content-type", "form", body, "application/x-www-form-urlencoded"),
    ]
    if is_object and base:
        member = wire.encode(dict([next(iter(base.items()))]))
        rows += [
            ("duplicate-key", "repeated", open_brace + member[1:-1] + b"," + body[1:], JSON_CONTENT_TYPE),
            ("number", "nan", extra + b"NaN," + body[1:], JSON_CONTENT_TYPE),
            ("number", "infinity", extra + b"Infinity," + body[1:], JSON_CONTENT_TYPE),
            ("number", "overflow", extra + b"1e400," + body[1:], JSON_CONTENT_TYPE),
            ("surrogate", "lone", extra + b'"\\ud800",' + body[1:], JSON_CONTENT_TYPE),
            ("encoding", "latin-1", extra + b'"caf\xe9",' + body[1:], JSON_CONTENT_TYPE),
            (
                "depth",
                "deep",
                extra + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"," + body[1:],
                JSON_CONTENT_TYPE,
            ),
        ]
    for rule, label, raw, content_type in rows:
        yield Case(
            id=f"request/wire/{rule}/{label}",
            side="request",
            kind="faulted",
            constraint=f"wire:{rule}",
            payload=ABSENT,
            body=raw,
            breaks=(f"wire:{rule}",),
            content_type=content_type,
        )
