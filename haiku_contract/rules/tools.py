"""Rules about tools, the choice among them, and the configuration of the output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract.model import ABSENT
from haiku_contract.rules import members, shapes, tool_shapes
from haiku_contract.rules.view import Path, breach, dictionary, items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.rules.view import Breach, View

_NAME: Final = members.Member("string", needed=True, least=1, most=128, pattern="^[a-zA-Z0-9_-]{1,128}$")
_DOMAINS: Final = ("allowed_domains", "blocked_domains")


def tools_type(view: View) -> Iterator[Breach]:
    """`tools` is an array of objects, `tool_choice` an object."""
    choice, tools = view.get("tool_choice"), view.get("tools")
    if choice is not ABSENT and not isinstance(choice, dict):
        yield breach(("tool_choice",), reason=members.NO_OBJECT)
    if tools is not ABSENT and not isinstance(tools, list):
        yield breach(("tools",), reason="Input should be a valid array")
    for index, tool in enumerate(items(tools)):
        if not isinstance(tool, dict):
            yield breach(("tools", index), reason=members.NO_OBJECT)


def tool_choice(view: View) -> Iterator[Breach]:
    """`tool_choice` is one of four, with the members of that one."""
    choice = view.get("tool_choice")
    if not isinstance(choice, dict):
        return
    kind = choice.get("type", ABSENT)
    if kind is ABSENT:
        yield breach(("tool_choice",), at="tool_choice.type", reason=members.MISSING)
    elif not isinstance(kind, str) or kind not in tool_shapes.TOOL_CHOICES:
        reason = members.tag_reason(kind, tuple(tool_shapes.TOOL_CHOICES))
        yield breach(("tool_choice", "type"), at="tool_choice", reason=reason)
    else:
        place = members.Place(("tool_choice",), f"tool_choice.{kind}", choice, tool_shapes.TOOL_CHOICES[kind])
        yield from members.wrong(place)
        yield from members.unknown(place)


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
        known = isinstance(kind, str) and (kind in tool_shapes.TOOL_TAGS or kind in tool_shapes.BETA_TOOLS)
        if kind is not None and not known:
            reason = members.tag_reason(kind, tool_shapes.TOOL_TAGS)
            yield breach(("tools", index, "type"), at=f"tools.{index}", reason=reason)


def tool_type_beta(view: View) -> Iterator[Breach]:
    """The type of a tool is not one that needs a beta header."""
    for index, tool in view.tools:
        kind = tool.get("type")
        if isinstance(kind, str) and kind in tool_shapes.BETA_TOOLS:
            reason = members.tag_reason(kind, tool_shapes.TOOL_TAGS)
            yield breach(("tools", index, "type"), at=f"tools.{index}", reason=reason)


def tool_name(view: View) -> Iterator[Breach]:
    """A tool has a name of 1 to 128 letters, digits, underscores and hyphens."""
    for index, tool in view.custom_tools:
        yield from members.wrong(members.Place(("tools", index), f"tools.{index}.custom", tool, {"name": _NAME}))


def tool_names(view: View) -> Iterator[Breach]:
    """No two tools have the same name."""
    seen: set[str] = set()
    for index, tool in view.tools:
        name = tool.get("name")
        if isinstance(name, str):
            if name in seen:
                yield breach(("tools", index, "name"))
            seen.add(name)


def _places(view: View) -> Iterator[members.Place]:
    for index, tool in view.custom_tools:
        yield members.Place(("tools", index), f"tools.{index}.custom", tool, tool_shapes.TOOL)
    for index, tool, kind, known in _server_tools(view):
        named = {"name": members.Member("string", needed=True, values=(known.name,))} if known.name else {}
        yield members.Place(("tools", index), f"tools.{index}.{kind}", tool, {**named, **known.members})


def _server_tools(view: View) -> Iterator[tuple[int, dict[str, Any], str, tool_shapes.ServerTool]]:
    for index, tool in view.tools:
        kind = tool.get("type")
        if isinstance(kind, str) and kind in tool_shapes.SERVER_TOOLS:
            yield index, tool, kind, tool_shapes.SERVER_TOOLS[kind]


def tool_members(view: View) -> Iterator[Breach]:
    """The members of a tool are of their type; a tool of the provider has its name."""
    for place in _places(view):
        yield from members.wrong(place)


def tool_keys(view: View) -> Iterator[Breach]:
    """A tool holds the members of its type and nothing else."""
    for place in _places(view):
        yield from members.unknown(place)


def tool_domains(view: View) -> Iterator[Breach]:
    """A search or a fetch is given domains that are allowed or domains that are not, but not both."""
    for index, tool, kind, _ in _server_tools(view):
        if all(isinstance(tool.get(key), list) for key in _DOMAINS):
            yield breach(("tools", index, _DOMAINS[1]), at=f"tools.{index}.{kind}")


def tool_deferred(view: View) -> Iterator[Breach]:
    """Not every tool waits to be searched for."""
    if view.tools and all(tool.get("defer_loading") is True for _, tool in view.tools):
        yield breach(("tools",))


def tool_deferred_cache(view: View) -> Iterator[Breach]:
    """No cache breakpoint stands on a tool that waits to be searched for."""
    for index, tool in view.tools:
        if tool.get("defer_loading") is True and tool.get("cache_control") is not None:
            yield breach(("tools", index, "cache_control"), name=tool.get("name"))


def tool_callers(view: View) -> Iterator[Breach]:
    """No tool may be called by code that this model writes."""
    servers = {index: known for index, _, _, known in _server_tools(view)}
    found = []
    for index, tool in view.tools:
        callers = tool.get("allowed_callers")
        known = servers.get(index)
        by_default = callers is None and known is not None and known.code
        if by_default or any(isinstance(one, str) and one.startswith("code_execution") for one in items(callers)):
            found.append((index, tool.get("name")))
    if found:
        names = ", ".join(str(name) for _, name in found)
        yield breach(("tools", found[0][0]), names=names)


def tool_unsupported(view: View) -> Iterator[Breach]:
    """No tool of the provider that this model does not have."""
    found = [(index, kind) for index, _, kind, known in _server_tools(view) if not known.here]
    if found:
        yield breach(("tools", found[0][0], "type"), kinds=", ".join(kind for _, kind in found))


# -- the configuration of the output --------------------------------------------------------------------------


def output_config(view: View) -> Iterator[Breach]:
    """`output_config` is an object, its `format` a JSON Schema format."""
    value = view.get("output_config")
    if value is ABSENT:
        return
    if not isinstance(value, dict):
        yield breach(("output_config",), reason="Input does not match the expected shape.")
        return
    yield from members.wrong(members.Place(("output_config",), "output_config", value, shapes.OUTPUT_CONFIG))
    form = value.get("format")
    path: Path = ("output_config", "format")
    if isinstance(form, dict):
        yield from members.wrong(members.Place(path, "output_config.format", form, shapes.OUTPUT_FORMAT))
    elif form is not None:
        yield breach(path, reason="Input does not match the expected shape.")


def output_keys(view: View) -> Iterator[Breach]:
    """`output_config` holds `effort` and `format`, the format `type` and `schema`."""
    value = dictionary(view.get("output_config"))
    form = dictionary(value.get("format"))
    yield from members.unknown(members.Place(("output_config",), "output_config", value, shapes.OUTPUT_CONFIG))
    path: Path = ("output_config", "format")
    yield from members.unknown(members.Place(path, "output_config.format", form, shapes.OUTPUT_FORMAT))


def effort(view: View) -> Iterator[Breach]:
    """No effort can be asked of this model."""
    if dictionary(view.get("output_config")).get("effort") is not None:
        yield breach(("output_config", "effort"))
