"""What it takes for a value not to conform to a schema: one table row per keyword; pure.

Each alternative is a list of schemas that a value has to conform to instead. They need not cover every way to fail:
the solver holds what it builds against the original.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract.constraints import types
from haiku_contract.generate import ecma
from haiku_contract.generate.merging import ALL_TYPES
from haiku_contract.generate.plausible import EXTRA_KEY
from haiku_contract.schemas import Words

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.generate.holding import Holding
    from haiku_contract.schemas import Document

_MOST_NESTED: Final = 8

Alternatives = list[list[Any]]


def negations(document: Document, judge: Holding, schema: Any, depth: int = 0) -> Alternatives:
    """The ways not to conform to a schema; `[[]]` where nothing conforms, empty where none is known."""
    if not isinstance(schema, dict):
        return [] if schema else [[]]
    if depth > _MOST_NESTED:
        return []
    said = document.modern(schema)
    inner = [target for one in ("$ref", "$dynamicRef") if (target := judge.referred(said, one)) is not None]
    inner += said.get("allOf", ())
    found = [one for part in inner for one in negations(document, judge, part, depth + 1)]
    kind = {"type": said["type"]} if "type" in said else {}
    for keyword, value in said.items():
        says = keyword in _ROWS and (keyword != "format" or value in document.formats)
        ways = _ROWS[keyword](value) if says else []
        # What the schema says of the type is kept, where the type is not what has to go.
        found += [[*one, Words(kind)] for one in ways] if kind and keyword != "type" else ways
    found += [[Words({"not": branch}) for branch in said[union]] for union in ("anyOf", "oneOf") if union in said]
    found += [[said["not"]]] if "not" in said else []
    return [*found, *_condition(said)]


def _condition(said: dict[str, Any]) -> Alternatives:
    if "if" not in said:
        return []
    met = [said["if"], Words({"not": said.get("then", True)})]
    return [met, [Words({"not": said["if"]}), Words({"not": said.get("else", True)})]]


def _type(value: Any) -> Alternatives:
    refused = set(types(value))
    others = [kind for kind in ALL_TYPES if kind not in refused and not (kind == "number" and "integer" in refused)]
    return [[Words(type=others)]] if others else []


def _only(kind: str, **said: Any) -> Alternatives:
    return [[Words({"type": kind, **said})]]


def _properties(value: dict[str, Any]) -> Alternatives:
    return [
        [Words(type="object", required=[name], properties={name: Words({"not": schema})})]
        for name, schema in value.items()
        if schema is not True and schema != {}
    ]


_ROWS: Final[dict[str, Callable[[Any], Alternatives]]] = {
    "type": _type,
    "required": lambda value: [[Words(type="object", properties={name: False})] for name in value],
    "properties": _properties,
    "additionalProperties": lambda value: (
        _only("object", minProperties=1) if value is False else _properties({EXTRA_KEY: value})
    ),
    "minimum": lambda value: _only("number", exclusiveMaximum=value),
    "maximum": lambda value: _only("number", exclusiveMinimum=value),
    "exclusiveMinimum": lambda value: _only("number", maximum=value),
    "exclusiveMaximum": lambda value: _only("number", minimum=value),
    "multipleOf": lambda value: _only("number", exclusiveMinimum=0, exclusiveMaximum=value),
    "minLength": lambda value: _only("string", maxLength=value - 1) if value > 0 else [],
    "maxLength": lambda value: _only("string", minLength=value + 1),
    "pattern": lambda _value: _only("string"),
    "format": lambda _value: _only("string"),
    "minItems": lambda value: _only("array", maxItems=value - 1) if value > 0 else [],
    "maxItems": lambda value: _only("array", minItems=value + 1),
    "uniqueItems": lambda value: _only("array", minItems=2) if value else [],
    "items": lambda value: _only("array", contains=Words({"not": value})),
    "unevaluatedItems": lambda value: _only("array", contains=Words({"not": value})),
    "unevaluatedProperties": lambda value: _only("object", minProperties=1, additionalProperties=Words({"not": value})),
    "contains": lambda value: _only("array", items=Words({"not": value})),
    "minProperties": lambda value: _only("object", maxProperties=value - 1) if value > 0 else [],
    "maxProperties": lambda value: _only("object", minProperties=value + 1),
    "dependentRequired": lambda value: [
        [Words(type="object", required=[name], properties={one: False})]
        for name, needed in value.items()
        for one in [other for other in needed if other != name][:1]
    ],
    "dependentSchemas": lambda value: [
        [Words(type="object", required=[name]), Words({"not": schema})] for name, schema in value.items()
    ],
    "propertyNames": lambda value: _only("object", minProperties=1, propertyNames=Words({"not": value})),
    "prefixItems": lambda value: [
        [Words(type="array", minItems=index + 1, prefixItems=[*[True] * index, Words({"not": schema})])]
        for index, schema in enumerate(value)
    ],
    "patternProperties": lambda value: [
        way
        for pattern, schema in value.items()
        for name in ecma.texts(pattern)[:1]
        for way in _properties({name: schema})  # one by one: several patterns may take the same name
    ],
}
"""How a value fails each keyword."""
