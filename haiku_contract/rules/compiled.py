"""Rules about schemas that the provider compiles into a grammar: those of strict tools, and the output format.

It takes a part of JSON Schema alone, by type: what it does not take is refused by name, before the model is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract.rules.members import short
from haiku_contract.rules.schemas import subschemas
from haiku_contract.rules.view import Path, breach, dictionary, is_integer, items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haiku_contract.rules.view import Breach, View

STRICT_TOOLS: Final = 20
STRICT_OPTIONAL: Final = 24
STRICT_UNIONS: Final = 16

_MOST_KEYS: Final = 8

_ANYWHERE: Final = frozenset(
    (
        "$anchor",
        "$comment",
        "$defs",
        "$id",
        "$ref",
        "$schema",
        "allOf",
        "anyOf",
        "const",
        "default",
        "definitions",
        "deprecated",
        "description",
        "enum",
        "example",
        "examples",
        "format",
        "nullable",
        "oneOf",
        "readOnly",
        "title",
        "type",
        "writeOnly",
    )
)
"""Keywords that are taken with every type, or are not known not to be."""

_BY_TYPE: Final[dict[str, frozenset[str]]] = {
    "array": frozenset(("items", "minItems")),
    "boolean": frozenset(),
    "integer": frozenset(),
    "null": frozenset(),
    "number": frozenset(),
    "object": frozenset(("additionalProperties", "properties", "required")),
    "string": frozenset(("contentEncoding", "contentMediaType", "maxLength", "minLength", "pattern")),
}
"""By type: the keywords that are taken beside those."""

_PYTHON: Final[dict[str, Callable[[Any], bool]]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": is_integer,
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}


def _compiled(view: View) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    for index, tool in view.custom_tools:
        if tool.get("strict") is True and isinstance(tool.get("input_schema"), dict):
            yield ("tools", index, "input_schema"), f"tools.{index}.custom", tool["input_schema"]
    output = dictionary(view.get("output_config")).get("format")
    for path, at, form in (
        (("output_config", "format", "schema"), "output_config.format.schema", output),
        (("output_format", "schema"), "output_format.schema", view.get("output_format")),
    ):
        schema = dictionary(form).get("schema")
        if isinstance(schema, dict):
            yield path, at, schema


def _parts(view: View) -> Iterator[tuple[Path, str, dict[str, Any], str]]:
    """Every schema inside a compiled one that is an object: its place, the place of the whole, itself, its type."""
    for path, at, root in _compiled(view):
        for place, schema in subschemas(root, path):
            if isinstance(schema, dict):
                kind = schema.get("type")
                yield place, at, schema, kind if isinstance(kind, str) and kind in _BY_TYPE else ""


def schema_open(view: View) -> Iterator[Breach]:
    """Every object of a compiled schema is closed."""
    for path, at, schema, kind in _parts(view):
        more = schema.get("additionalProperties")
        if kind != "object" or more is False:
            continue
        if more is True or isinstance(more, dict):
            found = "true" if more is True else "object"
            reason = f"'additionalProperties: {found}' is not supported. Please set 'additionalProperties' to false"
        else:
            reason = "'additionalProperties' must be explicitly set to false"
        yield breach(path, at=at, reason=reason)


def schema_keywords(view: View) -> Iterator[Breach]:
    """A compiled schema has no keywords but those that are taken with its type."""
    for path, at, schema, kind in _parts(view):
        if not kind:
            continue
        least = schema.get("minItems", 0)
        if kind == "array" and is_integer(least) and least > 1:
            most = _quoted(schema.get("maxItems", "∞"))
            reason = f"'minItems' values other than 0 or 1 are not supported (got: [{_quoted(least)}, {most}])"
            yield breach((*path, "minItems"), at=at, kind=kind, reason=reason)
        taken = _ANYWHERE | _BY_TYPE[kind]
        names = sorted(key for key in schema if key not in taken and not key.startswith("x-"))
        if names:
            words = f"property {names[0]!r} is" if len(names) == 1 else f"properties {', '.join(names)} are"
            yield breach((*path, names[0]), at=at, kind=kind, reason=f"{words} not supported")


def schema_lengths(view: View) -> Iterator[Breach]:
    """Strings of a compiled schema have no bounds of length: documented, and once measured to be taken."""
    for path, at, schema, kind in _parts(view):
        for key in ("maxLength", "minLength"):
            if kind == "string" and key in schema:
                yield breach((*path, key), at=at, key=key)


def schema_one_of(view: View) -> Iterator[Breach]:
    """A compiled schema has no `oneOf`."""
    for path, at, schema, _ in _parts(view):
        if "oneOf" in schema:
            yield breach((*path, "oneOf"), at=at)


def schema_invalid(view: View) -> Iterator[Breach]:
    """A compiled schema has types, values that fit them, and references that lead somewhere and not in a circle."""
    for path, at, schema, _ in _parts(view):
        for check in (_enum, _items, _typeless):
            if reason := check(schema):
                yield breach(path, at=at, reason=reason)
    for path, at, root in _compiled(view):
        if reason := _references(root):
            yield breach(path, at=at, reason=reason)


def _enum(schema: dict[str, Any]) -> str:
    declared = schema.get("type")
    fits = _PYTHON.get(declared) if isinstance(declared, str) else None
    for value in items(schema.get("enum")):
        # Of a list of types none fits: a value is held against the list as a whole.
        if isinstance(declared, list) or (fits is not None and not fits(value)):
            return f"Enum value '{_quoted(value)}' does not match declared type '{_quoted(declared)}'"
    return ""


def _items(schema: dict[str, Any]) -> str:
    several = isinstance(schema.get("items"), list)
    return "Array types must be specified with a single object schema for 'items'" if several else ""


def _typeless(schema: dict[str, Any]) -> str:
    if any(key in schema for key in ("$ref", "allOf", "anyOf", "const", "enum", "oneOf", "type")):
        return ""
    shown = {short(key): _quoted(value) for key, value in list(schema.items())[:_MOST_KEYS]}
    return f"Schema type is missing for schema: {shown}"


def _quoted(value: Any) -> str:
    """A value as a message quotes it; what holds other values, by its type alone, but for a list of names."""
    if isinstance(value, list) and len(value) <= _MOST_KEYS and all(isinstance(one, str) for one in value):
        return str([short(one) for one in value])
    return short(value if isinstance(value, (str, dict, list)) else str(value))


def _references(root: dict[str, Any]) -> str:
    """What is wrong with the references among the definitions of a schema; empty when nothing."""
    known = {
        f"#/{group}/{name}": one
        for group in ("$defs", "definitions")
        for name, one in dictionary(root.get(group)).items()
    }
    leads = {name: _targets(one) for name, one in known.items()}
    leads["#"] = _targets({key: value for key, value in root.items() if key not in {"$defs", "definitions"}})
    for target in (one for targets in leads.values() for one in targets):
        if target.startswith("#/") and target not in known and not target.startswith("#/properties/"):
            return f"Reference to non-existent definition: {target}"
    if circle := _circle(leads):
        shown = " -> ".join(name.rpartition("/")[2] for name in circle)
        return (
            f"Circular reference detected in schema definitions: {shown}. "
            "Self-referencing or mutually-referencing definitions are not supported."
        )
    return ""


def _targets(schema: Any) -> list[str]:
    found = (one.get("$ref") for _, one in subschemas(schema) if isinstance(one, dict))
    return [target for target in found if isinstance(target, str)]


def _circle(leads: dict[str, list[str]]) -> list[str]:
    """The first definitions that lead back to themselves, the first of them once more at the end; iterative."""
    done: set[str] = set()
    for start, targets in leads.items():
        way = {start: iter(targets)}
        while way:
            last = next(reversed(way))
            target = next(way[last], None)
            if target is None:
                done.add(last)
                del way[last]
            elif target in way:
                names = list(way)
                return [*names[names.index(target) :], target]
            elif target in leads and target not in done:
                way[target] = iter(leads[target])
    return []


def strict_tools(view: View) -> Iterator[Breach]:
    """At most 20 tools are strict."""
    count = sum(1 for _, tool in view.custom_tools if tool.get("strict") is True)
    if count > STRICT_TOOLS:
        yield breach(("tools",), count=count, limit=STRICT_TOOLS)


def strict_optional(view: View) -> Iterator[Breach]:
    """At most 24 members of all compiled schemas together are optional."""
    count = 0
    for _, _, schema, kind in _parts(view):
        if kind == "object" and isinstance(schema.get("properties"), dict):
            needed = {name for name in items(schema.get("required")) if isinstance(name, str)}
            count += len(schema["properties"].keys() - needed)
    if count > STRICT_OPTIONAL:
        yield breach(("tools",) if view.tools else ("output_config",), count=count, limit=STRICT_OPTIONAL)


def strict_unions(view: View) -> Iterator[Breach]:
    """At most 16 members of all compiled schemas together are of more than one type."""
    count = sum(
        1
        for _, _, schema, _ in _parts(view)
        if isinstance(schema.get("anyOf"), list) or isinstance(schema.get("type"), list)
    )
    if count > STRICT_UNIONS:
        yield breach(("tools",) if view.tools else ("output_config",), count=count, limit=STRICT_UNIONS)
