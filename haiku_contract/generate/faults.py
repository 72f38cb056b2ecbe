"""Single faults: one operator per keyword, and the certificate that a fault breaks what it says.

An operator only proposes. A proposal counts when the validator finds that the edited payload breaks the named
constraint and, wherever that is possible, nothing else; undoing the one edit gives the conforming payload back.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from haiku_contract import pointer
from haiku_contract.constraints import types
from haiku_contract.generate.conforming import EXTRA_KEY
from haiku_contract.generate.values import SAMPLES
from haiku_contract.model import ABSENT, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haiku_contract.generate.routes import Path
    from haiku_contract.model import Constraint
    from haiku_contract.validation import SchemaValidator


class Faulted(NamedTuple):
    """A certified fault.

    Attributes:
        label: what kind of edit it is, for the case id.
        fault: the edit.
        payload: the payload after it.
        breaks: ids of all constraints that the payload breaks; `{constraint}` where it can be broken alone.
    """

    label: str
    fault: Fault
    payload: Any
    breaks: frozenset[str]


class _Edit(NamedTuple):
    """A proposal: an operation relative to the site, with `ABSENT` for removals."""

    label: str
    op: Literal["add", "remove", "replace"]
    path: Path = ()
    value: Any = ABSENT


_Operator: TypeAlias = "Callable[[Constraint, dict[str, Any], Any], Iterator[_Edit]]"


def certified(
    validator: SchemaValidator, constraint: Constraint, schema: dict[str, Any], twin: Any, path: Path
) -> list[Faulted]:
    """The faults of a constraint at one place of a conforming payload.

    Args:
        validator: the judge.
        constraint: what is to be broken.
        schema: the schema that the constraint stands in.
        twin: a payload that conforms.
        path: where in it that schema applies.

    Returns:
        Those that break the constraint with the fewest others: alone if any does.
    """
    try:
        current = pointer.get(twin, path)
    except (KeyError, IndexError, ValueError):
        return []
    found: list[Faulted] = []
    for edit in _proposals(constraint, schema, current):
        fault = Fault(edit.op, pointer.join((*path, *edit.path)), edit.value)
        payload = pointer.apply(fault, twin)
        breaks = validator.broken(payload)
        if constraint.id in breaks:
            found.append(Faulted(edit.label, fault, payload, breaks))
    fewest = min((len(one.breaks) for one in found), default=0)
    return [one for one in found if len(one.breaks) == fewest]


def _proposals(constraint: Constraint, schema: dict[str, Any], current: Any) -> Iterator[_Edit]:
    operator = OPERATORS.get(constraint.keyword)
    if operator is not None:
        yield from operator(constraint, schema, current)


def _replace(label: str, value: Any) -> _Edit:
    return _Edit(label, "replace", (), value)


def _type(constraint: Constraint, _schema: dict[str, Any], _current: Any) -> Iterator[_Edit]:
    allowed = types(constraint.value)
    for name, samples in SAMPLES.items():
        for label, sample in samples:
            whole = "integer" in allowed and name == "number" and sample == int(sample)
            if name not in allowed and not whole:
                yield _replace(label, sample)


def _member(constraint: Constraint, _schema: dict[str, Any], current: Any) -> Iterator[_Edit]:
    members = constraint.value if constraint.keyword == "enum" else [constraint.value]
    text = next((one for one in [current, *members] if isinstance(one, str)), None)
    if text is not None:
        yield _replace("unknown", "unknown")
        yield _replace("near-miss", text + "s")
        yield _replace("other-case", text.upper() if text != text.upper() else text.lower())
        yield _replace("padded", text + " ")
        yield _replace("empty", "")
    for samples in SAMPLES.values():
        yield _replace(samples[0][0], samples[0][1])


def _bound(outwards: int) -> _Operator:
    def propose(constraint: Constraint, schema: dict[str, Any], _current: Any) -> Iterator[_Edit]:
        limit = constraint.value
        if constraint.keyword.startswith("exclusive"):
            yield _replace("at", limit)
        whole = "integer" in types(schema.get("type", []))
        side = "above" if outwards > 0 else "below"
        if not whole:
            yield _replace(f"just-{side}", math.nextafter(limit, math.copysign(math.inf, outwards)))
        beyond = math.floor(limit) + 1 if outwards > 0 else math.ceil(limit) - 1
        yield _replace(side, beyond)
        yield _replace(f"far-{side}", outwards * 1e9)

    return propose


def _required(constraint: Constraint, _schema: dict[str, Any], current: Any) -> Iterator[_Edit]:
    if isinstance(current, dict) and constraint.value in current:
        yield _Edit("removed", "remove", (constraint.value,))


def _closed(_constraint: Constraint, schema: dict[str, Any], current: Any) -> Iterator[_Edit]:
    if isinstance(current, dict):
        yield _Edit("unknown-key", "add", (EXTRA_KEY,), "text")
        yield _Edit("null-key", "add", (EXTRA_KEY,), None)
        for name in list(schema.get("properties", {}))[:1]:
            yield _Edit("near-miss-key", "add", (name + "s",), "text")
            yield _Edit("other-case-key", "add", (name.upper(),), "text")
        yield _Edit("empty-key", "add", ("",), "text")


def _closed_items(_constraint: Constraint, _schema: dict[str, Any], current: Any) -> Iterator[_Edit]:
    if isinstance(current, list):
        yield _Edit("further-item", "add", ("-",), "text")


def _length(outwards: int) -> _Operator:
    def propose(constraint: Constraint, _schema: dict[str, Any], current: Any) -> Iterator[_Edit]:
        length = constraint.value + outwards
        if length < 0:
            return
        if isinstance(current, str):
            yield _replace("above" if outwards > 0 else "below", ((current or "a") * (length + 1))[:length])
        elif isinstance(current, list) and current:
            yield _replace("above" if outwards > 0 else "below", (current * (length + 1))[:length])

    return propose


def _pattern(_constraint: Constraint, _schema: dict[str, Any], _current: Any) -> Iterator[_Edit]:
    for label, text in (("empty", ""), ("blank", " "), ("symbols", "\u0001!"), ("text", "text"), ("digits", "0")):
        yield _replace(label, text)


def _multiple(constraint: Constraint, _schema: dict[str, Any], current: Any) -> Iterator[_Edit]:
    if isinstance(current, (int, float)):
        yield _replace("between", current + constraint.value / 2)


def _unique(_constraint: Constraint, _schema: dict[str, Any], current: Any) -> Iterator[_Edit]:
    if isinstance(current, list) and current:
        yield _Edit("repeated", "add", ("-",), current[0])


def _properties(outwards: int) -> _Operator:
    def propose(constraint: Constraint, _schema: dict[str, Any], current: Any) -> Iterator[_Edit]:
        if not isinstance(current, dict):
            return
        if outwards > 0:
            extra = {f"{EXTRA_KEY}_{index}": "text" for index in range(constraint.value + 1)}
            yield _replace("above", {**current, **extra})
        elif constraint.value > 0:
            yield _replace("below", dict(list(current.items())[: constraint.value - 1]))

    return propose


def _any_type(_constraint: Constraint, _schema: dict[str, Any], _current: Any) -> Iterator[_Edit]:
    for samples in SAMPLES.values():
        for label, sample in samples:
            yield _replace(label, sample)


OPERATORS: Final[dict[str, _Operator]] = {
    "type": _type,
    "enum": _member,
    "const": _member,
    "minimum": _bound(-1),
    "exclusiveMinimum": _bound(-1),
    "maximum": _bound(1),
    "exclusiveMaximum": _bound(1),
    "multipleOf": _multiple,
    "minLength": _length(-1),
    "maxLength": _length(1),
    "pattern": _pattern,
    "minItems": _length(-1),
    "maxItems": _length(1),
    "uniqueItems": _unique,
    "minProperties": _properties(-1),
    "maxProperties": _properties(1),
    "required": _required,
    "additionalProperties": _closed,
    "unevaluatedProperties": _closed,
    "items": _closed_items,
    "unevaluatedItems": _closed_items,
    "anyOf": _any_type,
    "oneOf": _any_type,
    "not": _any_type,
}
"""How each keyword is broken."""
