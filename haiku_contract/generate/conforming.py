"""Small conforming payloads: the simplest one of a schema, and the simplest one that reaches a given site."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer
from haiku_contract.constraints import types
from haiku_contract.generate.merging import Heights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.constraints import Schema
    from haiku_contract.generate.routes import Path, Route, Step

EXTRA_KEY: Final = "x_extra"
"""The key that is added where any further key may stand."""

PLAUSIBLE: Final[dict[str, Any]] = {
    "content": "Hello",
    "id": "msg_01A2b3C4d5E6f7G8h9J0k1L2",
    "model": "claude-haiku-4-5-20251001",
    "stop_reason": "end_turn",
    "system": "Be brief.",
    "text": "Hello",
    "type": "text",
}
"""What a person would write under a well-known name; a hint, never more: the schema decides."""

_COMPANIONS: Final = {"type": ("text",)}
"""Optional keys that a plausible value asks for: a block of type text has a text."""

_MAX_DEPTH = 40
_UNROLLED = 6  # levels that show what a person would write; below, what ends a recursion soonest
_WORD = "Hello"


class Host(NamedTuple):
    """A conforming payload that holds a site, and where."""

    payload: Any
    path: Path


class Positions(NamedTuple):
    """Which element of an array is the one on the route: number `at` (from 0) of `size`."""

    at: int
    size: int


ALONE: Final = Positions(0, 1)


def simplest(root: Schema) -> Any:
    """The simplest plausible payload: required keys only, one element in arrays, short texts, small numbers."""
    return _value(root, root, "", 0)


def host(root: Schema, route: Route, positions: Positions = ALONE) -> Host:
    """The simplest payload that reaches the schema at the end of a route; not judged yet."""
    return _reach(root, root, route.steps, "", positions)


def deref(root: Schema, schema: Any) -> Any:
    """The schema behind references, siblings merged over it (2020-12 lets both apply)."""
    seen = 0
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and seen < _MAX_DEPTH:
        reference = schema["$ref"]
        if not reference.startswith("#"):
            return schema
        target = pointer.get(root, pointer.split(reference[1:]))
        siblings = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**target, **siblings} if isinstance(target, dict) else target
        seen += 1
    return schema


def _reach(root: Schema, schema: Any, steps: Sequence[Step], name: str, positions: Positions) -> Host:
    if not steps:
        return Host(_value(root, schema, name, 0), ())
    (keyword, key), rest = steps[0], steps[1:]
    if keyword == "$ref":
        return _reach(root, deref(root, schema), rest, name, positions)
    inner = schema[keyword][int(key)] if key.isdigit() and isinstance(schema[keyword], list) else schema[keyword]
    if keyword in {"properties", "patternProperties", "dependentSchemas"}:
        inner = schema[keyword][key]
    if keyword in {"anyOf", "oneOf", "allOf", "then", "else", "dependentSchemas"}:
        outer = {one: value for one, value in schema.items() if one not in {keyword, "if"}}
        merged = merge(outer, inner) if isinstance(inner, dict) else outer
        return _reach(root, merged, rest, name, positions)
    if keyword == "propertyNames":
        return Host({**_object(root, schema, 0), EXTRA_KEY: _WORD}, ())
    if keyword in {"items", "prefixItems"}:
        return _reach_item(root, schema, steps, name, positions)
    member = key if keyword == "properties" else EXTRA_KEY
    reached = _reach(root, inner, rest, member, positions)
    return Host({**_object(root, schema, 0), member: reached.payload}, (member, *reached.path))


def _reach_item(root: Schema, schema: Any, steps: Sequence[Step], name: str, positions: Positions) -> Host:
    (keyword, key), rest = steps[0], steps[1:]
    prefix = [_value(root, one, name, 0) for one in schema.get("prefixItems", ())]
    if keyword == "prefixItems":
        index = int(key)
        reached = _reach(root, schema[keyword][index], rest, name, positions)
        prefix[index] = reached.payload
        return Host(prefix, (index, *reached.path))
    reached = _reach(root, schema[keyword], rest, name, positions)
    size = max(positions.size, schema.get("minItems", 0) - len(prefix))
    elements = [reached.payload if at == positions.at else _value(root, schema[keyword], name, 0) for at in range(size)]
    return Host([*prefix, *elements], (len(prefix) + positions.at, *reached.path))


def merge(outer: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    """Both schemas at once, as far as one schema can say it."""
    merged = {**outer, **inner}
    if "properties" in outer and "properties" in inner:
        merged["properties"] = {**outer["properties"], **inner["properties"]}
    if "required" in outer and "required" in inner:
        merged["required"] = list(dict.fromkeys([*outer["required"], *inner["required"]]))
    return merged


def _value(root: Schema, schema: Any, name: str, depth: int) -> Any:
    schema = deref(root, schema)
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return PLAUSIBLE.get(name, _WORD)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for keyword in ("allOf", "anyOf", "oneOf"):
        if schema.get(keyword):
            rest = {one: value for one, value in schema.items() if one != keyword}
            for branch in schema[keyword] if keyword == "allOf" else [_branch(root, schema[keyword], depth)]:
                target = deref(root, branch)
                rest = merge(rest, target) if isinstance(target, dict) else rest
            return _value(root, rest, name, depth + 1)
    kind = _kind(schema, name)
    if kind in {"object", "array"}:
        return _object(root, schema, depth) if kind == "object" else _array(root, schema, name, depth)
    return _scalar(schema, kind, name)


def _branch(root: Schema, branches: list[Schema], depth: int) -> Schema:
    """The first branch of a union; deep inside, the one with the flattest values, or a recursion would not end."""
    return branches[0] if depth <= _UNROLLED else min(branches, key=Heights(root).of)


def _kind(schema: dict[str, Any], name: str) -> str:
    if "type" in schema:
        return types(schema["type"])[0]
    hints = (
        ("object", ("properties", "required", "additionalProperties", "minProperties")),
        ("array", ("items", "prefixItems", "minItems", "contains")),
        ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
    )
    return next(
        (kind for kind, keywords in hints if any(one in schema for one in keywords)), "string" if name else "object"
    )


def _object(root: Schema, schema: dict[str, Any], depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    names = list(schema.get("required", ()))
    built = {name: _value(root, properties.get(name, True), name, depth + 1) for name in names}
    for name, companions in _COMPANIONS.items():
        if isinstance(built.get(name), str):
            for companion in companions:
                if companion == built[name] and companion in properties and companion not in built:
                    built[companion] = _value(root, properties[companion], companion, depth + 1)
    for count in range(schema.get("minProperties", 0) - len(built)):
        built[f"{EXTRA_KEY}_{count}"] = _WORD
    return {name: built[name] for name in [*(name for name in properties if name in built), *built]}


def _array(root: Schema, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
    elements = [_value(root, one, name, depth + 1) for one in schema.get("prefixItems", ())]
    items = schema.get("items", {})
    wanted = max(
        schema.get("minItems", 0), 0 if items is False or schema.get("maxItems") == 0 or depth > _UNROLLED else 1
    )
    while len(elements) < wanted:
        elements.append(_value(root, items, name, depth + 1))
    return elements


def _scalar(schema: dict[str, Any], kind: str, name: str) -> Any:
    if kind == "string":
        text = PLAUSIBLE.get(name, _WORD)
        shortest, longest = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        if len(text) < shortest:
            text = (text + " ") * shortest
            text = text[: int(shortest)]
        return text if len(text) <= longest else text[: int(longest)]
    if kind in {"number", "integer"}:
        return _number(schema, kind)
    return None if kind == "null" else False


def _number(schema: dict[str, Any], kind: str) -> Any:
    step = schema.get("multipleOf", 1)
    low = schema.get("minimum", schema.get("exclusiveMinimum", -math.inf))
    high = schema.get("maximum", schema.get("exclusiveMaximum", math.inf))
    if math.isfinite(low) and math.isfinite(high):
        middle = low + (high - low) / 2
        whole = math.ceil(middle / step) * step
        return whole if kind == "integer" or low < whole < high else middle
    if math.isfinite(low):
        return max((math.floor(low / step) + 1) * step, step)
    return min(step, (math.ceil(high / step) - 1) * step) if math.isfinite(high) else step
