"""Rules about the schemas in a request: those of tools, and those that the provider compiles into a grammar."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.model import ABSENT
from haiku_contract.rules.members import MISSING, Member, Place, wrong
from haiku_contract.rules.view import Path, breach, dictionary, is_integer, is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haiku_contract.rules.view import Breach, View

_PARAMETER: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_ROOT: Final = {"properties": Member("object", null=True), "required": Member("array", null=True)}
_COUNTS: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")

SINGLE: Final = (
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
)
"""Keywords whose value is a schema."""

LISTED: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
"""Keywords whose value is an array of schemas."""

NAMED: Final = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")
"""Keywords whose value is an object of schemas; what any other keyword holds is data."""


def subschemas(root: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """A schema and all that are inside it, from the outside in, in the order of the document.

    Iterative, because payloads nest as they like; data under `const`, `enum`, `default` or `examples` is no schema.
    """
    stack: list[tuple[Path, Any]] = [(path, root)]
    while stack:
        place, schema = stack.pop()
        yield place, schema
        inside: list[tuple[Path, Any]] = []
        for keyword, value in dictionary(schema).items():
            if keyword in SINGLE:
                inside.append(((*place, keyword), value))
            elif keyword in LISTED and isinstance(value, list):
                inside += [((*place, keyword, index), one) for index, one in enumerate(value)]
            elif keyword in NAMED and isinstance(value, dict):
                inside += [((*place, keyword, name), one) for name, one in value.items()]
        stack.extend(reversed(inside))


def tool_schema(view: View) -> Iterator[Breach]:
    """The input schema of a tool is an object schema."""
    for index, tool in view.custom_tools:
        at = f"tools.{index}.custom.input_schema"
        schema = tool.get("input_schema", ABSENT)
        path: Path = ("tools", index, "input_schema")
        if schema is ABSENT:
            yield breach(("tools", index), at=at, reason=MISSING)
        elif not isinstance(schema, dict):
            yield breach(path, at=at, reason="Input does not match the expected shape.")
        elif "type" not in schema:
            yield breach(path, at=f"{at}.type", reason=MISSING)
        elif schema["type"] != "object":
            yield breach((*path, "type"), at=f"{at}.type", reason="Input should be 'object'")
        else:
            yield from wrong(Place(path, at, schema, _ROOT))


def tool_schema_union(view: View) -> Iterator[Breach]:
    """The input schema of a tool is no union at its root."""
    for index, tool in view.custom_tools:
        schema = dictionary(tool.get("input_schema"))
        if any(key in schema for key in ("oneOf", "anyOf", "allOf")):
            yield breach(("tools", index, "input_schema"), at=f"tools.{index}.custom.input_schema")


def tool_schema_names(view: View) -> Iterator[Breach]:
    """The parameters of a tool have names of 1 to 64 letters, digits, underscores, dots and hyphens."""
    for index, tool in view.custom_tools:
        for name in dictionary(dictionary(tool.get("input_schema")).get("properties")):
            if not _PARAMETER.fullmatch(name):
                path = ("tools", index, "input_schema", "properties", name)
                yield breach(path, at=f"tools.{index}.custom.input_schema.properties")


def tool_schema_invalid(view: View) -> Iterator[Breach]:
    """The input schema of a tool is a schema (JSON Schema draft 2020-12), as far as its keywords tell."""
    for index, tool in view.custom_tools:
        root = tool.get("input_schema")
        at = f"tools.{index}.custom.input_schema"
        for path, schema in subschemas(root, ("tools", index, "input_schema")) if isinstance(root, dict) else ():
            if not isinstance(schema, (dict, bool)):
                yield breach(path, at=at)
            for keyword, value in dictionary(schema).items():
                if keyword in _VALID and not _VALID[keyword](value):
                    yield breach((*path, keyword), at=at)


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and name in _TYPES for name in names)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value)


def _is_count(value: Any) -> bool:
    return is_integer(value) and value >= 0


_VALID: Final[dict[str, Callable[[Any], bool]]] = {
    "type": _is_type,
    "required": _are_names,
    "enum": lambda value: isinstance(value, list),
    "multipleOf": lambda value: is_number(value) and value > 0,
    "uniqueItems": lambda value: isinstance(value, bool),
    **dict.fromkeys(("$ref", "description", "format", "pattern", "title"), lambda value: isinstance(value, str)),
    **dict.fromkeys(_COUNTS, _is_count),
    **dict.fromkeys(_BOUNDS, is_number),
    **dict.fromkeys(NAMED, lambda value: isinstance(value, dict)),
    **dict.fromkeys(LISTED, lambda value: isinstance(value, list) and bool(value)),
}
"""By keyword: whether its value is one that the draft allows."""
