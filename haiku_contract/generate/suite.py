"""The deterministic suite: conforming payloads at every edge of the contract, and single faults of every constraint.

Every case is judged before it is emitted: conforming ones by the validator, faulted ones by the certificate of
`haiku_contract.generate.faults`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract import pointer, wire
from haiku_contract.generate import values
from haiku_contract.generate.conforming import ALONE, EXTRA_KEY, Positions, deref, host, simplest
from haiku_contract.generate.faults import certified
from haiku_contract.generate.routes import Route, routes, site_of
from haiku_contract.generate.streams import stream_suite
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, Case, Fault
from haiku_contract.scan import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.contract import Contract
    from haiku_contract.generate.conforming import Host
    from haiku_contract.model import Constraint, Side
    from haiku_contract.validation import SchemaValidator

_PLACES: Final = (("first", Positions(0, 3)), ("middle", Positions(1, 3)), ("last", Positions(2, 3)))


def suite(contract: Contract, side: Side | None = None) -> tuple[Case, ...]:
    """All cases of a contract, the same for the same contract, in a stable order.

    Args:
        contract: whose constraints.
        side: `request`, `response` or `stream`; the first two when absent, whose cases are one JSON value each.

    Returns:
        For each side: the simplest payload, the boundary values, the faults, and on the request side the faults below
        JSON (`wire:`). Ids are unique.
    """
    if side == "stream":
        return stream_suite(contract)
    found: dict[str, Case] = {}
    for validator in contract.sides:
        if side in (None, validator.side):
            for case in _cases(validator):
                found.setdefault(case.id, case)
    return tuple(found.values())


def _cases(validator: SchemaValidator) -> Iterator[Case]:
    base = simplest(validator.schema)
    if not validator.engine.is_valid(base):
        return
    yield _conforming(validator, "simplest", None, base)
    reachable = routes(validator.schema)
    for here, route in reachable.items():
        yield from _boundary_cases(validator, here, route)
    for constraint in validator.constraints:
        route_to = reachable.get(site_of(constraint))
        if constraint.violable and route_to is not None:
            yield from _faulted_cases(validator, constraint, route_to)
    if validator.side == "request":
        yield from wire_cases(base)


def _boundary_cases(validator: SchemaValidator, here: str, route: Route) -> Iterator[Case]:
    """The conforming values of one schema, each in the simplest payload that reaches it."""
    schema = deref(validator.schema, route.schema)
    reached = host(validator.schema, route)
    if not _holds(validator, reached):
        return
    current = pointer.get(reached.payload, reached.path)
    about = _about(validator, here, schema)
    if route.steps and route.steps[-1].keyword == "properties":
        yield _conforming(validator, f"{_name(here)}/present", about, reached.payload)
        without = pointer.apply(Fault("remove", pointer.join(reached.path)), reached.payload)
        if validator.engine.is_valid(without):
            yield _conforming(validator, f"{_name(here)}/absent", about, without)
    if not isinstance(schema, dict):
        return
    for value in values.boundary(schema, current):
        payload = pointer.apply(Fault("replace", pointer.join(reached.path), value.value), reached.payload)
        if validator.engine.is_valid(payload):
            site = f"{here}/{value.keyword}"
            known = validator.constraint(f"{validator.side}:{site}")
            yield _conforming(validator, f"{_name(site)}/{value.label}", known.id if known else about, payload)


def _about(validator: SchemaValidator, here: str, schema: Any) -> str | None:
    """The constraint that the mere presence of a property is about: its own first one, else what closes its object."""
    if isinstance(schema, dict):
        for keyword in schema:
            found = validator.constraint(f"{validator.side}:{here}/{keyword}")
            if found is not None:
                return found.id
    closing = f"{validator.side}:{pointer.join(pointer.split(here)[:-2])}/additionalProperties"
    return closing if validator.constraint(closing) else None


def _faulted_cases(validator: SchemaValidator, constraint: Constraint, route: Route) -> Iterator[Case]:
    schema = deref(validator.schema, route.schema)
    if not isinstance(schema, dict):
        return
    name = _name(constraint.pointer, constraint)
    alone = list(_faulted_at(validator, constraint, schema, host(validator.schema, route, ALONE), name))
    yield from alone
    if alone and any(step.keyword == "items" for step in route.steps):
        for place, positions in _PLACES:
            reached = host(validator.schema, route, positions)
            first = next(_faulted_at(validator, constraint, schema, reached, name, place), None)
            if first is not None:
                yield first


def _faulted_at(
    validator: SchemaValidator,
    constraint: Constraint,
    schema: dict[str, Any],
    reached: Host,
    name: str,
    place: str = "",
) -> Iterator[Case]:
    if not _holds(validator, reached):
        return
    for one in certified(validator, constraint, schema, reached.payload, reached.path):
        label = f"{one.label}-{place}" if place else one.label
        yield Case(
            id=f"{validator.side}/{name}/{label}",
            side=validator.side,
            kind="faulted",
            constraint=constraint.id,
            payload=one.payload,
            body=wire.encode(one.payload),
            breaks=tuple(sorted(one.breaks)),
            fault=one.fault,
            twin=reached.payload,
        )


def _holds(validator: SchemaValidator, reached: Host) -> bool:
    """The payload conforms, and the place is there."""
    try:
        pointer.get(reached.payload, reached.path)
    except (KeyError, IndexError, ValueError):
        return False
    return validator.engine.is_valid(reached.payload)


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
