"""What the reference endpoint says when all is well, and when: texts, tools, profiles, scripts, pace."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract.endpoint.reference import events, replies, scripts
from haiku_contract.endpoint.reference.answers import PLAIN, Settings, handle
from haiku_contract.endpoint.reference.faults import conduct
from haiku_contract.endpoint.reference.pace import Pace, schedule
from haiku_contract.endpoint.reference.reply import Reply
from haiku_contract.endpoint.surfaces import SURFACES, Asked

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = hc.load()
FLAWLESS = conduct(CONTRACT)
INPUT: dict[str, Any] = {"messages": [{"role": "user", "content": "Why is the sky blue?"}], "max_tokens": 64}


def ask(value: Any, written: Settings = PLAIN) -> httpx.Response:
    """What the pure part answers, as a client would get it."""
    asked = Asked("POST", "reference.invalid", "/", {"content-type": "application/json"})
    reply = handle(FLAWLESS, SURFACES["bare"], asked, json.dumps(value).encode(), written)
    headers = {**reply.headers, "content-type": reply.content_type}
    return httpx.Response(reply.status, headers=headers, content=b"".join(reply.chunks))


@pytest.mark.parametrize(
    ("stops", "reason", "stop", "text"),
    [
        (["follows"], "stop_sequence", "follows", "A short answer "),
        (["here", "answer"], "stop_sequence", "answer", "A short "),
        (["nowhere"], "end_turn", None, None),
        ([1, "", "A short"], "stop_sequence", "A short", None),
    ],
)
def test_stop_sequences(stops: list[Any], reason: str, stop: str | None, text: str | None) -> None:
    answer = replies.message({**INPUT, "stop_sequences": stops})
    assert (answer["stop_reason"], answer["stop_sequence"]) == (reason, stop)
    if text is not None:
        assert answer["content"] == [{"type": "text", "text": text}]
        assert answer["usage"]["output_tokens"] == len(text.split())
    CONTRACT.response.validate(answer)


TOOLS = [
    {"name": "other", "input_schema": {}},
    {
        "name": "weather",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
]


@pytest.mark.parametrize("choice", [{"type": "tool", "name": "weather"}, {"type": "any"}])
def test_a_tool_that_has_to_be_called_is_called(choice: dict[str, str]) -> None:
    asked = {**INPUT, "tools": TOOLS[1:], "tool_choice": choice}
    answer = ask(asked).json()
    (call,) = answer["content"]
    assert (call["type"], call["name"], answer["stop_reason"]) == ("tool_use", "weather", "tool_use")
    assert hc.SchemaValidator("request", TOOLS[1]["input_schema"]).is_valid(call["input"])
    streamed = {**asked, "stream": True}
    stream = hc.StreamValidator(CONTRACT, request=streamed)
    assert [*stream.feed(ask(streamed).content), *stream.finish()] == []
    assert stream.message["content"][0]["name"] == "weather"


@pytest.mark.parametrize(
    "more",
    [
        {"tools": TOOLS},
        {"tools": TOOLS, "tool_choice": {"type": "auto"}},
        {"tools": TOOLS, "tool_choice": {"type": "tool", "name": "unknown"}},
        {"tools": 7, "tool_choice": {"type": "any"}},
        {"tool_choice": {"type": "any"}},
        {"tools": [7, {}], "tool_choice": {"type": "any"}},
    ],
)
def test_otherwise_the_answer_is_a_text(more: dict[str, Any]) -> None:
    assert ask({**INPUT, **more}).json()["content"][0]["type"] == "text"


ODD_SCHEMAS = [
    7, None, [], True, {"$ref": "#/nowhere"}, {"$ref": "#"}, {"type": 3}, {"properties": []}, {"required": {}},
    {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}, "required": ["a"]}, {"enum": []},
    {"type": "object", "required": ["a", "b"], "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}},
    {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "minLength": 10**12}}},
    {"type": "object", "minProperties": 1e300}, {"allOf": 3}, {"pattern": "("}, {"type": "object", "required": [7]},
    {"type": "object", "properties": {"a": {"type": "string", "minLength": "x"}}, "required": ["a"]},
]  # fmt: skip


@pytest.mark.parametrize("schema", ODD_SCHEMAS, ids=repr)
def test_a_tool_may_declare_anything(schema: Any) -> None:
    tools = [{"name": "f", "input_schema": schema}]
    answer = ask({**INPUT, "tools": tools, "tool_choice": {"type": "any"}})
    assert answer.json()["content"][0]["name"] == "f"
    CONTRACT.response.validate(answer.json())


@given(schema=st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["object", "#/a", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "properties", "required", "a", "$ref", "anyOf", "items", "enum", "minLength"]),
        inner, max_size=4),
))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_tool_may_declare_anything_at_all(schema: Any) -> None:
    asked = {**INPUT, "tools": [{"name": "f", "input_schema": schema}], "tool_choice": {"type": "any"}}
    assert isinstance(replies.message(asked)["content"][0]["input"], dict)


def test_seeds_say_something_else() -> None:
    payload = {**INPUT, "stream": False}
    assert replies.message(payload, 1) == replies.message(payload, 1)
    assert len({replies.message(payload, seed)["id"] for seed in range(4)}) == 4


def streamed(profile: str) -> tuple[bytes, hc.StreamValidator]:
    written = Settings(profile=profile)  # type: ignore[arg-type]
    body = ask({**INPUT, "stream": True}, written).content
    stream = hc.StreamValidator(CONTRACT)
    assert [*stream.feed(body), *stream.finish()] == []
    return body, stream


def test_what_is_published_and_what_was_observed() -> None:
    body, stream = streamed("published")
    assert stream.deviations == ()
    CONTRACT.response.validate(stream.message)
    assert b"ping" not in body
    body, stream = streamed("observed")
    assert [one.constraint for one in stream.deviations] == ["response:/properties/usage/additionalProperties"]
    assert re.search(rb"\} {2,14}\}\n", body)
    assert b"event: ping" in body
    assert b"gatewayMetadata" not in body
    start = json.loads(next(line for line in body.split(b"\n") if line.startswith(b"data:"))[5:])
    assert len(start["message"]["usage"]) == 7


@given(text=st.text(max_size=60), profile=st.sampled_from(["published", "observed"]))
@settings(max_examples=30, deadline=None)
def test_any_text_survives_being_streamed(text: str, profile: Any) -> None:
    message = {**replies.message(INPUT), "content": [{"type": "text", "text": text}]}
    stream = hc.StreamValidator(CONTRACT)
    body = b"".join(one.data for one in events.stream(message, profile))
    assert [*stream.feed(body), *stream.finish()] == []
    assert stream.message["content"][0]["text"] == text


def test_an_input_of_a_tool_survives_being_streamed() -> None:
    block = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"city": "Zürich in 2026", "days": [1, 2]}}
    message = {**replies.message(INPUT), "content": [block], "stop_reason": "tool_use"}
    stream = hc.StreamValidator(CONTRACT)
    assert [*stream.feed(b"".join(one.data for one in events.stream(message))), *stream.finish()] == []
    assert stream.message["content"] == [block]


def write(folder: Path, name: str, value: Any) -> str:
    path = folder / name
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return str(path)


def test_scripted_replies(tmp_path: Path) -> None:
    entries = [
        {"when": {"max_tokens": 1}, "status": 418, "headers": {"x-tea": "pot"}, "body": {"short": True}},
        {"when": {"messages": [{"role": "assistant"}]}, "text": "You said so yourself."},
        {"when": {"system": "pi"}, "events": [{"type": "ping"}, {"type": "odd", "value": 3.14}]},
    ]
    written = Settings(script=scripts.load(write(tmp_path, "some.json", entries)))
    short = ask({**INPUT, "max_tokens": 1}, written)
    assert (short.status_code, short.headers["x-tea"], short.json()) == (418, "pot", {"short": True})
    said = ask({**INPUT, "messages": [{"role": "assistant", "content": "x"}]}, written).json()
    assert said["content"] == [{"type": "text", "text": "You said so yourself."}]
    assert said["usage"]["output_tokens"] == 4
    asked = {**INPUT, "messages": [{"role": "assistant", "content": "x"}], "stream": True}
    stream = hc.StreamValidator(CONTRACT)
    assert [*stream.feed(ask(asked, written).content), *stream.finish()] == []
    assert stream.message["content"] == said["content"]
    odd = ask({**INPUT, "system": "pi", "stream": True}, written)
    assert odd.content.count(b"event: ") == 2
    assert ask({**INPUT, "system": "pi"}, written).json() == replies.message({**INPUT, "system": "pi"})


def test_a_folder_of_replies(tmp_path: Path) -> None:
    write(tmp_path, "b.jsonl", b'{"text": "first"}\n\n{"text": "never"}\n')
    write(tmp_path, "a.sse", b"event: x\ndata: 1\n\n")
    write(tmp_path, "README.txt", b"not a reply")
    written = Settings(script=scripts.load(str(tmp_path)))
    assert ask({**INPUT, "stream": True}, written).content == b"event: x\ndata: 1\n\n"
    assert ask(INPUT, written).json()["content"][0]["text"] == "first"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("a.json", b"{", "not JSON"),
        ("a.json", b"7", "a reply is an object"),
        ("a.json", b'{"status": "x", "text": "y"}', "status cannot be"),
        ("a.json", b'{"status": 200}', "says nothing"),
        ("a.json", b'{"headers": {"a": "b\\n"}, "text": "y"}', "headers cannot be"),
        ("a.json", b'{"events": [{}]}', "events cannot be"),
        ("a.txt", b"", "ends in .json, .jsonl, .sse"),
    ],
)
def test_replies_that_are_none(tmp_path: Path, name: str, value: bytes, words: str) -> None:
    with pytest.raises(hc.UsageError, match=words):
        scripts.load(write(tmp_path, name, value))


def test_no_replies(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(hc.UsageError, match=re.escape(str(path))):
            scripts.load(str(path))


CHUNKS = Reply(200, (b"aa", b"bbb", b"c" * 500), "text/event-stream; charset=utf-8", {}, (0, 5, 10))


def test_the_pace_of_a_stream() -> None:
    assert schedule(CHUNKS, Pace(), "") == [(0, one) for one in CHUNKS.chunks]
    assert [at for at, _ in schedule(CHUNKS, Pace(0.5, 10), "")] == [0.5, 1.0, 2.0]
    whole = Reply(200, (b"{}",), tokens=(20,))
    assert schedule(whole, Pace(0.5, 10, chunk_bytes=1), "") == [(2.5, b"{}")]


@given(seed=st.text(max_size=4), jitter=st.floats(0, 1), size=st.integers(0, 40))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_laws_of_the_pace(seed: str, jitter: float, size: int) -> None:
    pace = Pace(0.2, 10, jitter, size)
    timed = schedule(CHUNKS, pace, seed)
    assert timed == schedule(CHUNKS, pace, seed)
    assert b"".join(data for _, data in timed) == b"".join(CHUNKS.chunks)
    times = [at for at, _ in timed]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= 1.7 * (1 + jitter) + 1e-9
