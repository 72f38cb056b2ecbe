"""The input of a tool's call: read strictly, held against its declared schema, and shown as clients show it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract.generate.stream_events import (
    REQUEST,
    STOP,
    block,
    encode,
    error,
    message_delta,
    message_start,
    tool,
)
from haiku_contract.stream.pieces import JsonPieces

CONTRACT = hc.load()
LAW = settings(max_examples=150, derandomize=True, database=None, deadline=None)


def call(*pieces: str, reason: str = "tool_use", name: str = "get_time") -> bytes:
    return encode([message_start(), *tool(0, name, *pieces), message_delta(reason), STOP])


def run(body: bytes, **options: Any) -> tuple[list[hc.Violation], hc.StreamValidator]:
    stream = hc.StreamValidator(CONTRACT, request=REQUEST, **options)
    return stream.feed(body) + stream.finish(), stream


@pytest.mark.parametrize(("text", "rules", "value"), [
    ('{"a":' + "1" * 5_000 + "}", ["wire:number"], {"a": float("inf")}),
    ('{"a":1e999}', ["wire:number"], {"a": float("inf")}),
    ('{"a":"\\ud800"}', ["wire:surrogate"], {"a": "\ud800"}),
    ('{"a":1,"a":2}', ["wire:duplicate-key"], {"a": 2}),
    ('{"a":' + "[" * 300 + "]" * 300 + "}", ["wire:depth"], {}),
    ('{"a":12345678901234567890123}', [], {"a": 12345678901234567890123}),
    ('{"a":1e2}', [], {"a": 100.0}),
])  # fmt: skip
def test_an_input_is_read_strictly(text: str, rules: list[str], value: Any) -> None:
    for pieces in ([text], [text[at : at + 3] for at in range(0, len(text), 3)]):
        found, stream = run(call(*pieces))
        assert [one.constraint for one in found] == ["stream:/assembly/input/json"] * bool(rules)
        assert [detail.constraint for one in found for detail in one.context] == rules
        assert stream.message is not None
        assert stream.message["content"][0]["input"] == value
        assert all(one.message.isprintable() and len(one.message) < 500 for one in found)


def test_an_input_that_is_not_kept_is_held_against_the_grammar_of_json() -> None:
    body = encode([message_start(), *tool(0, "undeclared", '{"a":1,"a":2}'), message_delta("tool_use"), STOP])
    assert [one.constraint for one in run(body)[0]] == ["stream:/assembly/input/json"]
    assert run(body, assemble=False)[0] == []
    declared = body.replace(b"undeclared", b"get_time")
    assert run(declared, assemble=False)[0] == run(declared)[0] != []


START = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": 7}}


@pytest.mark.parametrize(("events", "reason", "found"), [
    (tool(0, "get_weather"), "tool_use", ["/2"]),
    (tool(0, "get_weather", "", ""), "tool_use", ["/4"]),
    (tool(0, "get_weather"), "max_tokens", []),
    (block(0, START), "tool_use", ["/2"]),
    (block(0, {**START, "input": {"city": "Paris"}}), "tool_use", []),
    (block(0, START, {"type": "input_json_delta", "partial_json": '{"city": "Paris"}'}), "tool_use", []),
    (tool(0, "get_time"), "tool_use", []),
])  # fmt: skip
def test_a_call_without_a_piece_is_held_against_its_schema(events: Any, reason: str, found: list[str]) -> None:
    body = encode([message_start(), *events, message_delta(reason), STOP])
    reported = run(body)[0]
    assert [(one.constraint, one.instance_location) for one in reported] == [
        ("stream:/assembly/input/schema", place) for place in found
    ]
    assert run(body, assemble=False)[0] == reported


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


@settings(LAW, max_examples=50)
@given(st.dictionaries(st.text(max_size=2), JSON, max_size=3), st.none() | st.just(1), st.booleans())
def test_an_open_input_is_shown_as_the_sdk_shows_it(value: Any, indent: int | None, ascii_: bool) -> None:
    """Every beginning of an input, by the parser that the SDK uses."""
    jiter = pytest.importorskip("jiter", reason="anthropic brings it")
    text = json.dumps(value, ensure_ascii=ascii_, indent=indent)
    begin = [message_start(), *tool(0, "get_time")[:1]]
    stream = hc.StreamValidator(CONTRACT)
    for event in begin:
        stream.feed_event(event)
    for end, piece in enumerate(text, 1):
        stream.feed_event({**tool(0, "get_time", piece)[1]})
        assert stream.message is not None
        shown = jiter.from_json(text[:end].encode(), partial_mode=True)
        assert repr(stream.message["content"][0]["input"]) == repr(shown), text[:end]


def test_an_open_input_is_not_lost_with_the_connection_or_an_error() -> None:
    begun = [message_start(), *tool(0, "get_weather", '{"city": "Paris", "da')[:-1]]
    for body in (encode(begun), encode([*begun, error()])):
        stream = run(body)[1]
        assert stream.message is not None
        assert stream.message["content"][0]["input"] == {"city": "Paris"}


@LAW
@given(st.lists(JSON, max_size=8), st.sampled_from(["", " ", "\n  "]), st.data())
def test_runs_change_nothing(values: list[Any], blank: str, data: st.DataObject) -> None:
    """What a run takes in one step is what single characters come to."""
    text = "[" + f"{blank},{blank}".join(json.dumps(one) for one in values) + blank + "]"
    at = data.draw(st.integers(0, len(text)))
    text = text[:at] + data.draw(st.sampled_from(["", ",", "]", "0", '"', "x", "\\", "[", "-"])) + text[at:]
    whole, slow = JsonPieces(), JsonPieces()
    whole.feed(text)
    for char in text:
        slow.feed(char)
    assert (whole.can_be_json, whole.is_json, whole.closed(text)) == (slow.can_be_json, slow.is_json, slow.closed(text))
