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
from haiku_contract.endpoint.reference import events, replies, script_files, scripts
from haiku_contract.endpoint.reference.answers import PLAIN, Settings, handle
from haiku_contract.endpoint.reference.faults import EndpointFault, Repertoire, conduct
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
    whole = ask(INPUT).json()
    published = ask(INPUT, Settings(profile="published")).json()
    assert {key: whole[key] for key in published} == published
    assert whole.keys() - published.keys() == {"stop_details", "gatewayMetadata"}
    assert CONTRACT.response.schema["properties"].keys() <= published.keys()
    body, stream = streamed("published")
    assert stream.deviations == ()
    CONTRACT.response.validate(stream.message)
    assert b"ping" not in body
    assert b"stop_details" not in body
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


def scripted(folder: Path, *entries: Any) -> Settings:
    return Settings(script=script_files.load(write(folder, "some.json", list(entries))))


def test_scripted_replies(tmp_path: Path) -> None:
    written = scripted(
        tmp_path,
        {"when": {"max_tokens": 1}, "status": 418, "headers": {"X-Tea": "pot"}, "body": {"short": True}},
        {"when": {"messages": [{"role": "assistant"}]}, "text": "You said so yourself."},
        {"when": {"system": "pi"}, "events": [{"type": "ping"}, {"type": "odd", "value": 3.14}]},
        {"when": {"system": "nothing"}, "status": 204, "headers": {"Content-Type": "text/plain"}},
    )
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
    for more in ({}, {"stream": True}):
        nothing = ask({**INPUT, "system": "nothing", **more}, written)
        assert (nothing.status_code, nothing.headers["content-type"], nothing.content) == (204, "text/plain", b"")


@pytest.mark.parametrize(
    ("more", "text", "reason", "stop"),
    [
        ({}, "One  two\nthree, four. ", "end_turn", None),
        ({"max_tokens": 4}, "One  two\nthree, four. ", "end_turn", None),
        ({"max_tokens": 3}, "One  two\nthree,", "max_tokens", None),
        ({"max_tokens": 1e300}, "One  two\nthree, four. ", "end_turn", None),
        ({"stop_sequences": ["four", "e,"]}, "One  two\nthre", "stop_sequence", "e,"),
        ({"stop_sequences": ["four"], "max_tokens": 3}, "One  two\nthree,", "max_tokens", None),
        ({"stop_sequences": ["One"]}, "", "stop_sequence", "One"),
        ({"tools": [{"name": "f"}], "tool_choice": {"type": "any"}}, "One  two\nthree, four. ", "end_turn", None),
    ],
)
def test_a_scripted_text_obeys_the_request(
    tmp_path: Path, more: dict[str, Any], text: str, reason: str, stop: str | None
) -> None:
    written = scripted(tmp_path, {"text": "One  two\nthree, four. "})
    answer = ask({**INPUT, **more}, written).json()
    assert answer["content"] == ([{"type": "text", "text": text}] if text else [])
    assert (answer["stop_reason"], answer["stop_sequence"]) == (reason, stop)
    assert answer["usage"]["output_tokens"] == max(1, len(text.split()))
    CONTRACT.response.validate(answer)
    stream = hc.StreamValidator(CONTRACT)
    assert [*stream.feed(ask({**INPUT, **more, "stream": True}, written).content), *stream.finish()] == []
    assert stream.message["content"] == answer["content"]


DELTAS = [
    {"type": "message_start"},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "one two three"}},
    {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "{"}},
    {"type": "content_block_delta", "delta": 7},
]


def test_scripted_events_have_a_pace(tmp_path: Path) -> None:
    """One token a word of text, one a piece of a tool's input: from a list, and from the bytes of a file."""
    listed = scripts.answer(
        scripted(tmp_path, {"events": DELTAS}).script, INPUT, streamed=True, profile="observed", seed=0
    )
    assert listed is not None
    assert listed.tokens == (0, 3, 1, 0)
    for ending in (b"\n", b"\r\n", b"\r"):
        body = b"".join(listed.chunks).replace(b"\n", ending) + b": cut"
        (entry,) = script_files.load(write(tmp_path, "some.sse", body))
        reply = scripts.answer([entry], INPUT, streamed=True, profile="observed", seed=0)
        assert reply is not None
        assert (b"".join(reply.chunks), reply.tokens) == (body, (0, 3, 1, 0, 0))
    assert [at for at, _ in schedule(listed, Pace(0.5, 10), "")] == [0.5, 0.8, 0.9, 0.9]


@pytest.mark.parametrize("name", ["cut", "hang-midway", "error-event"])
def test_streams_that_break_off_have_a_pace_until_then(name: str) -> None:
    asked = Asked("POST", "reference.invalid", "/", {"content-type": "application/json"})
    body = json.dumps({**INPUT, "stream": True}).encode()
    right = handle(FLAWLESS, SURFACES["bare"], asked, body)
    wrong = handle(conduct(CONTRACT, EndpointFault("delivery", name)), SURFACES["bare"], asked, body)
    kept = len(wrong.tokens)
    assert 3 < kept < len(right.tokens)
    assert wrong.chunks[: kept - 1] == right.chunks[: kept - 1]
    assert wrong.tokens == right.tokens[:kept]
    assert sum(wrong.tokens) > 0


def test_faulted_streams_have_a_pace() -> None:
    everything = Repertoire(CONTRACT)
    asked = Asked("POST", "reference.invalid", "/", {"content-type": "application/json"})
    body = json.dumps({**INPUT, "stream": True}).encode()
    first = "dropped/00-message_start"
    for name in (first, *list(everything.streams)[::25]):
        reply = handle(everything.conduct(EndpointFault("stream", name)), SURFACES["bare"], asked, body)
        assert b"".join(reply.chunks) == everything.streams[name]
        assert len(reply.chunks) == len(reply.tokens)
        if name == first:  # three pieces of a text, four of a tool's input
            assert reply.tokens == (0, 0, 1, 5, 4, 0, 0, 1, 1, 1, 1, 0, 0, 0)


@given(body=st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["usage", "content", "text", "input", "output_tokens", "type", "stop_reason"]), inner),
))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_body_can_be_scripted(body: Any) -> None:
    written = Settings(script=[scripts.Entry(body=body)])
    assert ask(INPUT, written).json() == body
    streamed = ask({**INPUT, "stream": True}, written)
    is_message = isinstance(body, dict) and isinstance(body.get("content"), list)
    assert streamed.headers["content-type"].startswith("text/event-stream") == is_message


def test_a_folder_of_replies(tmp_path: Path) -> None:
    write(tmp_path, "b.jsonl", b'{"when": {"max_tokens": 1}, "text": "short"}\n\n{"text": "first"}\n')
    write(tmp_path, "a.sse", b"event: x\ndata: 1\n\n")
    write(tmp_path, "README.txt", b"not a reply")
    written = Settings(script=script_files.load(str(tmp_path)))
    assert ask({**INPUT, "stream": True}, written).content == b"event: x\ndata: 1\n\n"
    assert ask(INPUT, written).json()["content"][0]["text"] == "first"
    assert ask({**INPUT, "max_tokens": 1}, written).json()["content"][0]["text"] == "short"


NO_REPLIES = [
    ("a.json", b"{", "a.json: not JSON: line 1, column 2"),
    ("a.jsonl", b'{"text": "x"}\n\n{"text": y}', "a.jsonl: not JSON: line 3, column 10"),
    ("a.json", b'{"text": "x", "text": "y"}', "a.json: not JSON: line 1, column 15: text: expected every key once"),
    ("a.json", b"7", "line 1: a reply is an object, not number 7"),
    ("a.json", b'[{"when": {"a": 1}, "text": "x"},\n\n  []\n]', "line 3: a reply is an object, not array"),
    ("a.jsonl", b'\n{"status": "x", "text": "y"}', "line 2: status cannot be"),
    ("a.json", b'{"status": 99, "text": "y"}', "status cannot be number 99: it is a number from 200 to 599"),
    ("a.json", b'{"status": true, "text": "y"}', "status cannot be boolean true"),
    ("a.json", b'{"status": 200}', "a reply says nothing without one of text, body, events"),
    ("a.json", b'{"status": 204, "text": "y"}', "an answer with status 204 has no body, so no text"),
    ("a.json", b'{"text": "x", "body": {}}', "a text or a body, not both"),
    ("a.json", b'{"headers": {"a": "b\\n"}, "text": "y"}', "headers cannot hold"),
    ("a.json", b'{"headers": {"a": " b"}, "text": "y"}', "a line of printable ASCII"),
    ("a.json", b'{"headers": {"a b": "c"}, "text": "y"}', "is no name of a header"),
    ("a.json", b'{"headers": {"A": "c", "a": "d"}, "text": "y"}', "headers name 'a' twice"),
    ("a.json", b'{"headers": {"Content-Length": "1"}, "text": "y"}', "which the server sets itself"),
    ("a.json", b'{"headers": [], "text": "y"}', "headers cannot be"),
    ("a.json", b'{"events": []}', "events cannot be"),
    ("a.json", b'{"events": [{"type": "ping"}, {}]}', "as number 1: an event is an object with a 'type'"),
    ("a.json", b'{"events": [{"type": "a\\nb"}]}', "as number 0: an event is an object with a 'type' of one line"),
    ("a.json", b'{"text": 7}', "text cannot be number 7"),
    ("a.json", b'{"wen": {}, "text": "y"}', "no member 'wen'; did you mean 'when'?"),
    ("a.json", b'{"wen": {}, "txt": "y"}', "no member 'wen'; did you mean 'when'?"),
    ("a.json", b'{"nonsense": 1}', "a reply has when, status, headers, text, body, events"),
    ("a.json", b'{"status": 500, "content": []}', "a message has no 'status'; put the message under 'body'"),
    ("a.jsonl", b'{"text": "x"}\n{"text": "y"}', "line 2: never used, since"),
    ("a.jsonl", b'{"text": "x"}\n{"when": {"system": "s"}, "events": [{"type": "ping"}]}', "line 2: never used"),
    ("a.json", b"[]", "there is no reply in it"),
    ("a.jsonl", b"\n", "there is no reply in it"),
    ("a.sse", b"\n", "an empty stream"),
    ("a.txt", b"", "ends in .json, .jsonl, .sse"),
]


@pytest.mark.parametrize(("name", "value", "words"), NO_REPLIES)
def test_replies_that_are_none(tmp_path: Path, name: str, value: bytes, words: str) -> None:
    """One line that says which file, which line, what, and where it can what to do."""
    with pytest.raises(hc.UsageError, match=re.escape(words)) as caught:
        script_files.load(write(tmp_path, name, value))
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_replies(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(hc.UsageError, match=re.escape(str(path))):
            script_files.load(str(path))


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
