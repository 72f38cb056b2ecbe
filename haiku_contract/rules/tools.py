"""Rules about tools, the choice among them, and schemas that the provider compiles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.model import ABSENT
from haiku_contract.rules import shapes
from haiku_contract.rules.view import Path, breach, dictionary, is_number, items, schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haiku_contract.rules.view import Breach, View

STRICT_TOOLS: Final = 20
STRICT_OPTIONAL: Final = 24
STRICT_UNIONS: Final = 16

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_LONGEST: Final = 128
_PARAMETER: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
_SERVER_TOOL: Final = re.compile(r"[a-z][a-z0-9_]*_\d{8}|tool_search_tool_(?:bm25|regex)|mcp_toolset|custom")
_BETA_TOOL: Final = re.compile(r"computer_\d{8}")
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def tools_type(view: View) -> Iterator[Breach]:
    """`tools` is an array of objects, `tool_choice` an object."""
    choice, tools = view.get("tool_choice"), view.get("tools")
    if choice is not ABSENT and not isinstance(choice, dict):
        yield breach(("tool_choice",), reason="Input should be an object")
    if tools is not ABSENT and not isinstance(tools, list):
        yield breach(("tools",), reason="Input should be a valid array")
    for index, tool in enumerate(items(tools)):
        if not isinstance(tool, dict):
            yield breach(("tools", index), reason="Input should be an object")


def tool_choice(view: View) -> Iterator[Breach]:
    """`tool_choice` is one of four, with the members of that one."""
    choice = view.get("tool_choice")
    if not isinstance(choice, dict):
        return
    kind = choice.get("type", ABSENT)
    if kind is ABSENT:
        yield breach(("tool_choice",), at="tool_choice.type", reason="Field required")
    elif not isinstance(kind, str) or kind not in shapes.TOOL_CHOICES:
        tags = ", ".join(repr(one) for one in shapes.TOOL_CHOICES)
        shown = kind[:40] if isinstance(kind, str) else type(kind).__name__
        reason = f"Input tag {shown!r} found using 'type' does not match any of the expected tags: {tags}"
        yield breach(("tool_choice", "type"), at="tool_choice", reason=reason)
    else:
        if kind == "tool" and not isinstance(choice.get("name"), str):
            reason = "Input should be a valid string" if "name" in choice else "Field required"
            yield breach(("tool_choice",), at="tool_choice.tool.name", reason=reason)
        for key in choice:
            if key not in shapes.TOOL_CHOICES[kind]:
                reason = "Extra inputs are not permitted"
                yield breach(("tool_choice", key), at=f"tool_choice.{kind}.{key}", reason=reason)


def tool_choice_name(view: View) -> Iterator[Breach]:
    """A tool that has to be called is among the tools, and there are some where any has to be."""
    choice = dictionary(view.get("tool_choice"))
    # Sets of tools bring names that are not written in the request.
    if view.get("mcp_servers") is not ABSENT or any("toolset" in str(tool.get("type")) for _, tool in view.tools):
        return
    name = choice.get("name")
    if choice.get("type") == "any" and view.get("tools") in (ABSENT, []):
        yield breach(("tool_choice",), message="tool_choice.any may only be specified while providing tools")
    named = choice.get("type") == "tool" and isinstance(name, str)
    if named and all(tool.get("name") != name for _, tool in view.tools):
        yield breach(("tool_choice", "name"), message=f"Tool '{name}' not found in provided tools")


def tool_type(view: View) -> Iterator[Breach]:
    """The type of a tool is `custom`, or one of the provider's own."""
    for index, tool in view.tools:
        kind = tool.get("type")
        if kind is not None and not (isinstance(kind, str) and _SERVER_TOOL.fullmatch(kind)):
            tag = kind[:40] if isinstance(kind, str) else type(kind).__name__
            yield breach(("tools", index, "type"), at=f"tools.{index}", tag=tag)


def tool_type_beta(view: View) -> Iterator[Breach]:
    """The type of a tool is not one that needs a beta header."""
    for index, tool in view.tools:
        kind = tool.get("type")
        if isinstance(kind, str) and _BETA_TOOL.fullmatch(kind):
            yield breach(("tools", index, "type"), at=f"tools.{index}", tag=kind)


def tool_name(view: View) -> Iterator[Breach]:
    """A tool has a name of 1 to 128 letters, digits, underscores and hyphens."""
    for index, tool in view.custom_tools:
        name = tool.get("name", ABSENT)
        reason = ""
        if name is ABSENT:
            reason = "Field required"
        elif not isinstance(name, str):
            reason = "Input should be a valid string"
        elif not name:
            reason = "String should have at least 1 character"
        elif len(name) > _LONGEST:
            reason = f"String should have at most {_LONGEST} characters"
        elif not _NAME.fullmatch(name):
            reason = "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"
        if reason:
            path: Path = ("tools", index) if name is ABSENT else ("tools", index, "name")
            yield breach(path, at=f"tools.{index}.custom.name", reason=reason)


def tool_names(view: View) -> Iterator[Breach]:
    """No two tools have the same name."""
    seen: set[str] = set()
    for index, tool in view.tools:
        name = tool.get("name")
        if isinstance(name, str):
            if name in seen:
                yield breach(("tools", index, "name"))
            seen.add(name)


def tool_keys(view: View) -> Iterator[Breach]:
    """A tool of the caller holds the members of a tool and nothing else."""
    for index, tool in view.custom_tools:
        for key in tool:
            if key not in shapes.TOOL:
                yield breach(("tools", index, key), at=f"tools.{index}.custom.{key}")


def tool_schema(view: View) -> Iterator[Breach]:
    """The input schema of a tool is an object schema."""
    for index, tool in view.custom_tools:
        at = f"tools.{index}.custom.input_schema"
        schema = tool.get("input_schema", ABSENT)
        path: Path = ("tools", index, "input_schema")
        if schema is ABSENT:
            yield breach(("tools", index), at=at, reason="Field required")
        elif not isinstance(schema, dict):
            yield breach(path, at=at, reason="Input does not match the expected shape.")
        elif "type" not in schema:
            yield breach(path, at=f"{at}.type", reason="Field required")
        elif schema["type"] != "object":
            yield breach((*path, "type"), at=f"{at}.type", reason="Input should be 'object'")


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
    """The input schema of a tool is a schema (JSON Schema draft 2020-12), as far as its most used keywords tell."""
    for index, tool in view.custom_tools:
        stack: list[tuple[Path, Any]] = [(("tools", index, "input_schema"), tool.get("input_schema", {}))]
        if not isinstance(stack[0][1], dict):
            continue
        while stack:
            path, schema = stack.pop()
            if not isinstance(schema, (dict, bool)):
                yield breach(path, at=f"tools.{index}.custom.input_schema")
                continue
            for keyword, value in dictionary(schema).items():
                if keyword in _VALID and not _VALID[keyword](value):
                    yield breach((*path, keyword), at=f"tools.{index}.custom.input_schema")
                elif keyword in {"properties", "$defs"}:
                    stack.extend(((*path, keyword, name), child) for name, child in value.items())
                elif keyword in {"anyOf", "oneOf", "allOf", "prefixItems"}:
                    stack.extend(((*path, keyword, place), child) for place, child in enumerate(value))
                elif keyword in {"items", "additionalProperties"}:
                    stack.append(((*path, keyword), value))


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and name in _TYPES for name in names)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_VALID: Final[dict[str, Callable[[Any], bool]]] = {
    "type": _is_type,
    "required": _are_names,
    "properties": _is_object,
    "$defs": _is_object,
    "enum": _is_list,
    **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), _is_list),
    **dict.fromkeys(_BOUNDS, is_number),
}


# -- schemas that are compiled: strict tools and the output format -------------------------------------------


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


def _is_schema_of(schema: dict[str, Any], kinds: tuple[str, ...]) -> str:
    """Which of the types the schema is of; empty for none, and for what only looks like a schema."""
    kind = schema.get("type")
    return kind if isinstance(kind, str) and kind in kinds else ""


def schema_open(view: View) -> Iterator[Breach]:
    """Every object of a compiled schema is closed."""
    for path, at, schema in _compiled(view):
        if any(
            _is_schema_of(one, ("object",)) and one.get("additionalProperties", True) is not False
            for one in schemas(schema)
        ):
            yield breach(path, at=at)


def schema_bounds(view: View) -> Iterator[Breach]:
    """Numbers of a compiled schema have no bounds."""
    for path, at, schema in _compiled(view):
        for one in schemas(schema):
            kind = _is_schema_of(one, ("integer", "number"))
            bounds = [key for key in _BOUNDS if key in one] if kind else []
            if bounds:
                names = f"property '{bounds[0]}' is" if len(bounds) == 1 else f"properties {', '.join(bounds)} are"
                yield breach(path, at=at, kind=kind, names=names)
                break


def strict_tools(view: View) -> Iterator[Breach]:
    """At most 20 tools are strict."""
    count = sum(1 for _, tool in view.custom_tools if tool.get("strict") is True)
    if count > STRICT_TOOLS:
        yield breach(("tools",), count=count, limit=STRICT_TOOLS)


def strict_optional(view: View) -> Iterator[Breach]:
    """At most 24 members of all compiled schemas together are optional."""
    count = 0
    for _, _, schema in _compiled(view):
        for one in schemas(schema):
            if _is_schema_of(one, ("object",)) and isinstance(one.get("properties"), dict):
                needed = {name for name in items(one.get("required")) if isinstance(name, str)}
                count += len(one["properties"].keys() - needed)
    if count > STRICT_OPTIONAL:
        yield breach(("tools",) if view.tools else ("output_config",), count=count, limit=STRICT_OPTIONAL)


def strict_unions(view: View) -> Iterator[Breach]:
    """At most 16 members of all compiled schemas together are of more than one type."""
    count = sum(
        1
        for _, _, schema in _compiled(view)
        for one in schemas(schema)
        if isinstance(one.get("anyOf"), list) or isinstance(one.get("type"), list)
    )
    if count > STRICT_UNIONS:
        yield breach(("tools",) if view.tools else ("output_config",), count=count, limit=STRICT_UNIONS)


def output_config(view: View) -> Iterator[Breach]:
    """`output_config` is an object, its `format` a JSON Schema format."""
    value = view.get("output_config")
    if value is ABSENT:
        return
    if not isinstance(value, dict):
        yield breach(("output_config",), reason="Input does not match the expected shape.")
        return
    form = value.get("format")
    if form is not None and not isinstance(form, dict):
        yield breach(("output_config", "format"), reason="Input should be an object")
    elif form is not None and "schema" not in form:
        yield breach(("output_config", "format"), at="output_config.format.schema", reason="Field required")
    elif form is not None and not isinstance(form["schema"], dict):
        reason = "Input should be a valid dictionary"
        yield breach(("output_config", "format", "schema"), reason=reason)


def output_keys(view: View) -> Iterator[Breach]:
    """`output_config` holds `effort` and `format`, the format `type` and `schema`."""
    for key in dictionary(view.get("output_config")):
        if key not in {"effort", "format", "task_budget"}:
            yield breach(("output_config", key))
    for key in dictionary(dictionary(view.get("output_config")).get("format")):
        if key not in {"schema", "type"}:
            yield breach(("output_config", "format", key))


def effort(view: View) -> Iterator[Breach]:
    """No effort can be asked of this model."""
    if dictionary(view.get("output_config")).get("effort") is not None:
        yield breach(("output_config", "effort"))
