"""The tables of the interface: against the parameter types of the public SDK, and the words they lead to."""

from __future__ import annotations

import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haiku_contract.rules import members, shapes, tool_shapes
from haiku_contract.rules.members import Member, Place

types = pytest.importorskip("anthropic.types")

SOURCES = {
    ("image", "base64"): "Base64ImageSourceParam",
    ("image", "url"): "URLImageSourceParam",
    ("document", "base64"): "Base64PDFSourceParam",
    ("document", "content"): "ContentBlockSourceParam",
    ("document", "text"): "PlainTextSourceParam",
    ("document", "url"): "URLPDFSourceParam",
}
BLOCKS = {
    "text": "TextBlockParam",
    "image": "ImageBlockParam",
    "document": "DocumentBlockParam",
    "search_result": "SearchResultBlockParam",
    "thinking": "ThinkingBlockParam",
    "redacted_thinking": "RedactedThinkingBlockParam",
    "tool_use": "ToolUseBlockParam",
    "tool_result": "ToolResultBlockParam",
    "server_tool_use": "ServerToolUseBlockParam",
    "web_search_tool_result": "WebSearchToolResultBlockParam",
}
CHOICES = {"auto": "ToolChoiceAutoParam", "any": "ToolChoiceAnyParam", "tool": "ToolChoiceToolParam"}
TABLES = [
    *((name, shapes.SOURCES[block][kind]) for (block, kind), name in SOURCES.items()),
    *((name, shapes.BLOCKS[kind]) for kind, name in BLOCKS.items()),
    *((name, tool_shapes.TOOL_CHOICES[kind]) for kind, name in CHOICES.items()),
    ("ToolParam", tool_shapes.TOOL),
    ("ThinkingConfigEnabledParam", shapes.THINKING["enabled"]),
    ("ThinkingConfigDisabledParam", shapes.THINKING["disabled"]),
    ("OutputConfigParam", shapes.OUTPUT_CONFIG),
    ("JSONOutputFormatParam", shapes.OUTPUT_FORMAT),
]
PYTHON = {str: "string", bool: "boolean", int: "integer"}


def _plain(annotation: Any) -> tuple[Any, bool]:
    """A type without `Required` and `Optional`, and whether null is one of its values."""
    while typing.get_origin(annotation) is not None and "Required" in str(typing.get_origin(annotation)):
        annotation = typing.get_args(annotation)[0]
    options = typing.get_args(annotation)
    if type(None) in options:
        rest = [one for one in options if one is not type(None)]
        return (rest[0] if len(rest) == 1 else annotation), True
    return annotation, False


@pytest.mark.parametrize(("name", "table"), TABLES, ids=[name for name, _ in TABLES])
def test_table_says_of_each_member_what_the_sdk_says(name: str, table: members.Members) -> None:
    typed = getattr(types, name, None)
    if typed is None:
        pytest.skip("not in the SDK that is installed")
    hints = typing.get_type_hints(typed)
    for key, member in table.items():
        if key not in hints:
            continue  # of a newer SDK than the installed one
        found, null = _plain(hints[key])
        if found in PYTHON and member.kind:
            assert member.kind == PYTHON[found], key
        if member.kind and null:
            assert member.null, key
        if typing.get_origin(found) is typing.Literal and member.values:
            assert set(member.values) == set(typing.get_args(found)), key
    known = {key for key in hints if key != "type"}
    assert known <= table.keys() | {"type"}, "the SDK knows members that the table would refuse"


def test_provider_tools_are_those_of_the_sdk() -> None:
    union = pytest.importorskip("anthropic.types.tool_union_param").ToolUnionParam
    for typed in typing.get_args(union):
        hints = typing.get_type_hints(typed)
        for kind in typing.get_args(hints["type"]):
            if kind not in tool_shapes.SERVER_TOOLS:
                continue
            known = tool_shapes.SERVER_TOOLS[kind]
            assert {key for key in hints if key not in {"type", "name"}} <= known.members.keys(), kind
            assert typing.get_args(hints.get("name")) == ((known.name,) if known.name else ()), kind


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.none(), max_size=1)
MEMBERS = st.builds(
    Member,
    kind=st.sampled_from(["", "string", "integer", "boolean", "array", "object", "content"]),
    needed=st.booleans(),
    null=st.booleans(),
    least=st.none() | st.integers(0, 2),
    most=st.none() | st.integers(2, 3),
    above=st.none() | st.integers(-1, 1),
    pattern=st.sampled_from(["", "a*"]),
    values=st.sampled_from([(), ("a", "b")]),
)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from("abc"), VALUES), st.dictionaries(st.sampled_from("abc"), MEMBERS))
def test_object_is_refused_once_per_member_that_is_not_as_the_table_says(
    value: dict[str, Any], table: dict[str, Member]
) -> None:
    place = Place((), "x", value, table)
    wrong = {str(one.values["at"]) for one in members.wrong(place)}
    unknown = {str(one.values["at"]) for one in members.unknown(place)}
    assert unknown == {f"x.{key}" for key in value.keys() - table.keys()}
    assert wrong == {
        f"x.{key}"
        for key, member in table.items()
        if (key in value and members.reason(value[key], member)) or (key not in value and member.needed)
    }


@pytest.mark.parametrize(
    ("value", "member", "reason"),
    [
        (None, Member("string", null=True), ""),
        (None, Member("string"), "Input should be a valid string"),
        ("", Member("string", least=1), "String should have at least 1 character"),
        ("abc", Member("string", most=2), "String should have at most 2 characters"),
        (0, Member("integer", above=0), "Input should be greater than 0"),
        (True, Member("integer"), "Input should be a valid integer"),
        (1, Member("boolean"), "Input should be a valid boolean"),
        ({}, Member("content"), "Input should be a valid array"),
        ("d", Member("string", values=("a", "b", "c")), "Input should be 'a', 'b' or 'c'"),
        (7, Member(), ""),
    ],
)
def test_refusal_of_a_value_reads_as_the_providers(value: Any, member: Member, reason: str) -> None:
    assert members.reason(value, member) == reason


def test_tag_that_is_quoted_is_short() -> None:
    assert len(members.tag_reason("x" * 10_000, ("a",))) < 200
