"""A schema made to look everywhere: what it leaves open is held to be JSON, and nothing else changes.

JSON Schema says nothing about values that JSON cannot carry, and an engine never looks inside `{}`. Compiled into the
same pass, the verdict on a Python payload costs what the verdict on decoded JSON costs. A gate only ever refuses more
than its schema does; what it refuses is looked at again, slowly and exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract.constraints import types
from haiku_contract.scan import MAX_DEPTH

if TYPE_CHECKING:
    from haiku_contract.constraints import Schema

_LARGEST: Final = 2**53
_TYPES: Final = ("null", "boolean", "number", "string", "array", "object")
_UNIONS: Final = ("anyOf", "oneOf", "allOf")
_KNOWN: Final = frozenset((
    *_UNIONS, "$schema", "title", "description", "default", "examples", "$comment", "deprecated", "format",
    "type", "properties", "additionalProperties", "items", "enum", "const", "required", "propertyNames",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
    "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
))  # fmt: skip
"""Keywords beside which further assertions on JSON-ness change nothing; `not` or `unevaluatedItems` are no such."""


def gated(schema: Schema) -> dict[str, Any] | None:
    """The schema with every open place held to be JSON of at most `MAX_DEPTH` levels.

    Returns:
        A schema that accepts of all JSON values those that the given one accepts, and of other Python values none that
        an engine can tell from JSON; None where it uses a keyword that this is not known of.
    """
    if not isinstance(schema, dict) or not _is_known(schema):
        return None
    return {**_extended(schema, 1), "$defs": {f"json{depth}": _anything(depth) for depth in range(1, MAX_DEPTH + 1)}}


def _is_known(schema: Any) -> bool:
    if not isinstance(schema, dict):  # a list under 'items' in drafts before 2020-12
        return isinstance(schema, bool)
    return schema.keys() <= _KNOWN and all(_is_known(child) for child in _children(schema))


def _children(schema: dict[str, Any]) -> list[Any]:
    found = [schema[keyword] for keyword in ("additionalProperties", "items") if keyword in schema]
    found += schema.get("properties", {}).values()
    return found + [branch for keyword in _UNIONS for branch in schema.get(keyword, ())]


def _anything(depth: int) -> dict[str, Any]:
    """Any JSON value that stands `depth` levels deep."""
    inner: Any = {"$ref": f"#/$defs/json{depth + 1}"} if depth < MAX_DEPTH else False
    return {"type": list(_TYPES), "items": inner, "additionalProperties": inner, **_bounds({})}


def _bounds(schema: dict[str, Any]) -> dict[str, Any]:
    """Integers beyond a double are no JSON numbers; this refuses them long before, where comparing is still fast."""
    added = {"maximum": _LARGEST, "minimum": -_LARGEST}
    return {keyword: bound for keyword, bound in added.items() if keyword not in schema}


def _extended(schema: Any, depth: int) -> Any:
    if schema in (True, {}):
        return {"$ref": f"#/$defs/json{depth}"} if depth <= MAX_DEPTH else False
    if schema is False:
        return False
    extended = dict(schema)
    for keyword in _UNIONS:
        if keyword in schema:
            extended[keyword] = [_extended(branch, depth) for branch in schema[keyword]]
    if "type" not in schema and any(keyword in schema for keyword in (*_UNIONS, "enum", "const")):
        return extended  # the branches look, or there is nothing to look into
    kinds = types(schema.get("type", list(_TYPES)))
    extended.setdefault("type", kinds)
    if "object" in kinds:
        properties = schema.get("properties", {})
        extended["properties"] = {name: _extended(child, depth + 1) for name, child in properties.items()}
        extended["additionalProperties"] = _extended(schema.get("additionalProperties", True), depth + 1)
    if "array" in kinds:
        extended["items"] = _extended(schema.get("items", True), depth + 1)
    if "number" in kinds or "integer" in kinds:
        extended |= _bounds(schema)
    return extended
