"""Ways in which the reference endpoint can break the contract, one constraint at a time.

=========  =====================================================================================================
`lenient`  a request that breaks the constraint is accepted
`strict`   a request at the edge of what the constraint allows is rejected
`crash`    a request that breaks the constraint is answered with a 500
`broken`   the answers break the constraint of the response schema
=========  =====================================================================================================

A fault that nobody could observe (a `type` beside an `enum` of the same type, left out) is no fault and not listed.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from haiku_contract import constraints, pointer, wire
from haiku_contract.constraints import types
from haiku_contract.errors import UsageError
from haiku_contract.generate import suite
from haiku_contract.generate.routes import site_of
from haiku_contract.validation import SchemaValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.model import Case, Constraint

FaultKind: TypeAlias = Literal["lenient", "strict", "crash", "broken"]


@dataclass(frozen=True, slots=True)
class EndpointFault:
    """One way to misbehave: the kind, and the id of the constraint or of the rule of the wire."""

    kind: FaultKind
    constraint: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.constraint}"


@dataclass(frozen=True, slots=True)
class Conduct:
    """How the reference endpoint behaves.

    Attributes:
        contract: what it publishes.
        request: what it checks requests against.
        lenient: rules of the wire that it does not check.
        crash: id of the constraint whose violation crashes it.
        broken: id of the response constraint that its answers break.
    """

    contract: Contract
    request: SchemaValidator
    lenient: str = ""
    crash: str = ""
    broken: str = ""


def conduct(contract: Contract, fault: EndpointFault | None = None) -> Conduct:
    """The behaviour under a fault; flawless without one."""
    flawless = Conduct(contract, contract.request)
    if fault is None:
        return flawless
    constraint = contract.request.constraint(fault.constraint)
    if fault.kind == "crash":
        return replace(flawless, crash=fault.constraint)
    if fault.kind == "broken":
        return replace(flawless, broken=fault.constraint)
    if constraint is None:
        return replace(flawless, lenient=fault.constraint)
    changed = loosened(contract, constraint) if fault.kind == "lenient" else tightened(contract, constraint)
    return replace(flawless, request=SchemaValidator("request", changed))


def parse(contract: Contract, text: str) -> EndpointFault:
    """The fault that a text names, as in `lenient:request:/properties/temperature/maximum`.

    Raises:
        UsageError: there is no such fault; the message names the nearest one.
    """
    kind, _, constraint = text.partition(":")
    known = {str(fault): fault for fault in catalogue(contract)}
    if text in known:
        return known[text]
    if kind not in get_args(FaultKind):
        raise UsageError(f"no fault {text!r}: it starts with one of {', '.join(get_args(FaultKind))}, then ':'")
    near = difflib.get_close_matches(text, known, n=1, cutoff=0)
    raise UsageError(f"no fault {text!r}: {constraint!r} cannot be {kind} observably; the nearest is {near[0]!r}")


def catalogue(contract: Contract) -> tuple[EndpointFault, ...]:
    """Every single fault that shows in the behaviour, in the order of the constraints."""
    cases = suite(contract, "request")
    found: list[EndpointFault] = []
    for constraint in contract.request.constraints:
        if constraint.violable and _accepts(SchemaValidator("request", loosened(contract, constraint)), cases):
            found.append(EndpointFault("lenient", constraint.id))
        if constraint.reachable and _is_strict(contract, constraint, cases):
            found.append(EndpointFault("strict", constraint.id))
        if constraint.violable:
            found.append(EndpointFault("crash", constraint.id))
    for rule in wire.BYTES_RULES:
        found += [EndpointFault("lenient", f"wire:{rule}"), EndpointFault("crash", f"wire:{rule}")]
    found += [EndpointFault("broken", one.id) for one in contract.response.constraints if one.violable]
    return tuple(found)


def loosened(contract: Contract, constraint: Constraint) -> Any:
    """The request schema without the constraint."""
    return constraints.without(contract.request.schema, constraint)


def tightened(contract: Contract, constraint: Constraint) -> Any:
    """The request schema with the constraint a little narrower; the schema itself where it cannot be narrowed."""
    root = contract.request.schema
    site = pointer.split(site_of(constraint))
    schema = pointer.get(root, site)
    narrow = _NARROWER.get(constraint.keyword)
    if narrow is None or not isinstance(schema, dict):
        return root
    return constraints.replace(root, site, {**schema, **narrow(constraint.value, schema)})


def _accepts(validator: SchemaValidator, cases: Sequence[Case]) -> bool:
    return any(case.kind == "faulted" and case.fault and validator.engine.is_valid(case.payload) for case in cases)


def _is_strict(contract: Contract, constraint: Constraint, cases: Sequence[Case]) -> bool:
    """A conforming case about the constraint is refused, but not the simplest one, without which nothing shows."""
    schema = tightened(contract, constraint)
    if schema is contract.request.schema:
        return False
    engine = SchemaValidator("request", schema).engine
    conforming = [case for case in cases if case.kind == "conforming"]
    about = [case for case in conforming if case.constraint == constraint.id]
    return engine.is_valid(conforming[0].payload) and not all(engine.is_valid(case.payload) for case in about)


def _narrow_type(value: Any, _schema: dict[str, Any]) -> dict[str, Any]:
    """Refuse one edge of each type: empty texts, arrays and objects, fractions, `false`."""
    refused: dict[str, Any] = {"minLength": 1, "minItems": 1, "minProperties": 1}
    if "number" in types(value):
        return {"type": ["integer" if one == "number" else one for one in types(value)], **refused}
    return {"enum": [True]} if types(value) == ["boolean"] else refused


def _narrow_members(value: Any, _schema: dict[str, Any]) -> dict[str, Any]:
    return {"enum": value[:-1]} if len(value) > 1 else {}


def _narrow_branches(keyword: str) -> Callable[[Any, dict[str, Any]], dict[str, Any]]:
    return lambda value, _schema: {keyword: value[:-1]} if len(value) > 1 else {}


def _narrow_keys(value: Any, schema: dict[str, Any]) -> dict[str, Any]:
    """An open object is closed; a closed one refuses its last optional key."""
    if value is not False:
        return {"additionalProperties": False}
    optional = [name for name in schema.get("properties", {}) if name not in schema.get("required", ())]
    return {"properties": {**schema["properties"], optional[-1]: False}} if optional else {}


_NARROWER: Final[dict[str, Callable[[Any, dict[str, Any]], dict[str, Any]]]] = {
    "type": _narrow_type,
    "enum": _narrow_members,
    "anyOf": _narrow_branches("anyOf"),
    "oneOf": _narrow_branches("oneOf"),
    "maximum": lambda value, _schema: {"exclusiveMaximum": value},
    "minimum": lambda value, _schema: {"exclusiveMinimum": value},
    "exclusiveMaximum": lambda value, _schema: {"maximum": value - 1},
    "exclusiveMinimum": lambda value, _schema: {"minimum": value + 1},
    "maxLength": lambda value, _schema: {"maxLength": value - 1},
    "minLength": lambda value, _schema: {"minLength": value + 1},
    "maxItems": lambda value, _schema: {"maxItems": value - 1},
    "minItems": lambda value, _schema: {"minItems": value + 1},
    "additionalProperties": _narrow_keys,
}
"""How each keyword is made a little narrower: what changes in the schema that it stands in."""
