"""The stream validator: what it finds, where, and that neither chunks nor garbage change anything."""

from __future__ import annotations

import doctest
import json
import os
import pickle
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract import messages
from haiku_contract.endpoint.reference import events, replies
from haiku_contract.generate import stream_events as make
from haiku_contract.generate import suite
from haiku_contract.generate.stream_events import REQUEST, USUAL, encode, encode_event
from haiku_contract.generate.stream_faults import FAULTS
from haiku_contract.generate.stream_strategies import chunkings, stream_cases
from haiku_contract.strategies import faulted_streams, streams
from haiku_contract.stream import pieces, validator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.model import Case, Violation

CONTRACT = hc.load()
LONG = "HAIKU_CONTRACT_LONG" in os.environ
LAW = settings(max_examples=100, derandomize=True, database=None, deadline=None)


@cache
def cases() -> tuple[Case, ...]:
    return suite(CONTRACT, "stream")


@cache
def payloads() -> tuple[list[Any], ...]:
    return tuple(case.payload for case in cases() if isinstance(case.payload, list) and case.payload)


def run(chunks: Sequence[bytes], *, request: Any = REQUEST, assemble: bool = True) -> tuple[Any, ...]:
    """Everything that can be known of a stream."""
    stream = hc.StreamValidator(CONTRACT, request=request, assemble=assemble)
    found = [one for chunk in chunks for one in stream.feed(chunk)]
    found += stream.finish()
    tallies = (stream.unknown_events, stream.unknown_keys, stream.oddities)
    return found, stream.message, stream.deviations, stream.outcome, stream.error, stream.events, tallies


def found_in(body: bytes, **options: Any) -> list[Violation]:
    return list(run([body], **options)[0])


def bytewise(body: bytes) -> list[bytes]:
    return [body[at : at + 1] for at in range(len(body))]


# -- any chunking, any garbage ----------------------------------------------------------------------------------------


def golden() -> list[Case]:
    """The usual stream, its odd framings, streams of each kind of block, and one of each kind of fault."""
    kinds: dict[str, Case] = {}
    for case in cases():
        name = case.id.removeprefix("stream/conforming/")
        kinds.setdefault(name if case.kind == "conforming" else case.id.split("/")[1], case)
    framings = [name for name in kinds if name.startswith("framing/")]
    wanted = ["usual", "thinking", "citations", "unknown-types", "error-in-a-block", *framings, *FAULTS]
    return [kinds[name] for name in wanted]


def test_the_golden_streams_in_bytes() -> None:
    for case in cases():
        assert run(bytewise(case.body)) == run([case.body]), case.id


def cuts(body: bytes) -> list[int]:
    """Where a stream is cut in two: everywhere in the long profile, else at all line ends and at every third byte."""
    return [place for place in range(len(body)) if LONG or place % 3 == 0 or {10, 13} & {*body[place - 2 : place + 2]}]


@pytest.mark.parametrize("case", golden(), ids=lambda case: case.id)
def test_the_golden_streams_in_two_chunks(case: Case) -> None:
    whole = run([case.body])[:2]
    for place in cuts(case.body):
        stream = hc.StreamValidator(CONTRACT, request=REQUEST)
        found = stream.feed(case.body[:place]) + stream.feed(case.body[place:]) + stream.finish()
        assert (found, stream.message) == whole, place


@LAW
@given(st.data(), st.sampled_from(range(len(cases()))))
def test_the_golden_streams_in_any_chunks(data: st.DataObject, number: int) -> None:
    body = cases()[number].body
    assert run(data.draw(chunkings(body))) == run([body])


@LAW
@given(st.data())
def test_drawn_streams_in_any_chunks(data: st.DataObject) -> None:
    body = data.draw(streams() | faulted_streams().map(lambda case: case.body))
    assert run(data.draw(chunkings(body))) == run([body])


TOKENS = [encode_event(event) for event in USUAL]
TOKENS += [encode_event(make.tool(1, "get_weather", "1" * 5_000)[1]), encode_event(make.tool(1, "x", '{"a":')[1])]
TOKENS += [
    b"event: ping\n",
    b"data: ",
    b"\n",
    b"\n\n",
    b"{",
    b"}",
    b'"type":',
    b'"ping"',
    b"[]",
    b"null",
    b"\xff",
    b"1" * 5_000,
    b"[" * 300,
    b"\r",
    b":",
]


@settings(LAW, max_examples=400)
@given(st.lists(st.sampled_from(TOKENS), max_size=20).map(b"".join) | st.binary(), st.booleans())
def test_arbitrary_bytes_end_in_violations_never_in_an_exception(body: bytes, assemble: bool) -> None:
    found, *_, outcome, error, _, _ = run([body], assemble=assemble)
    assert found or outcome in {"complete", "error"}
    assert (outcome == "error") == (error is not None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "index", "delta", "x"]), inner)
    ),
    max_leaves=8,
)


@settings(LAW, max_examples=200)
@given(st.data())
def test_mutilated_events_end_in_violations_never_in_an_exception(data: st.DataObject) -> None:
    """Any value anywhere in the events of a stream: a schema refuses whatever a handler could not bear."""
    events = json.loads(json.dumps(data.draw(st.sampled_from(payloads()))))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from(range(len(events))))
        place, target = [events], at
        while isinstance(place[0][target], dict) and place[0][target] and data.draw(st.booleans()):
            place, target = [place[0][target]], data.draw(st.sampled_from(sorted(place[0][target])))
        place[0][target] = data.draw(JSON)
    stream = hc.StreamValidator(CONTRACT, request=REQUEST)
    for event in events:
        stream.feed_event(event)
    stream.finish()
    assert stream.events == len(events)
    assert isinstance(stream.deviations, tuple)


def test_what_json_cannot_carry_is_a_violation_of_the_wire() -> None:
    stream = hc.StreamValidator(CONTRACT)
    assert [one.constraint for one in stream.feed_event({"type": "ping", "x": {1, 2}})] == ["wire:type"]
    assert [one.instance_location for one in stream.feed_event({"type": "ping", "x": float("nan")})] == ["/1/x"]
    assert stream.feed_event({"type": "ping", "x": (1,)}) == []


# -- laws -------------------------------------------------------------------------------------------------------------


@LAW
@given(stream_cases())
def test_no_conforming_stream_is_reported(case: Case) -> None:
    found, *_, outcome, _, _, _ = run([case.body])
    assert found == []
    assert outcome in {"complete", "error"}


@LAW
@given(stream_cases() | faulted_streams())
def test_events_alone_give_what_the_bytes_give(case: Case) -> None:
    """The list of events, as the catalog publishes streams: the same, but for offsets and framing."""
    if isinstance(case.payload, list):
        stream = hc.StreamValidator(CONTRACT, request=REQUEST)
        found = [one for event in case.payload for one in stream.feed_event(event)]
        found += stream.finish()
        whole, message, deviations, outcome, *_ = run([case.body])
        assert [(one.constraint, one.instance_location) for one in found] == [
            (one.constraint, one.instance_location) for one in whole
        ]
        assert (stream.message, stream.deviations, stream.outcome) == (message, deviations, outcome)


@LAW
@given(stream_cases() | faulted_streams())
def test_assembling_changes_no_verdict(case: Case) -> None:
    with_message, without = run([case.body]), run([case.body], assemble=False)
    assert (without[1], without[2]) == (None, ())
    assert (with_message[0], *with_message[3:]) == (without[0], *without[3:])


@settings(LAW, max_examples=200)
@given(st.sampled_from(sorted(CONTRACT.stream.events)), st.data())
def test_the_short_way_is_the_long_way(kind: str, data: st.DataObject) -> None:
    """What the fast path lets pass, strict decoding and the reference engine let pass; and the other way round."""
    event = next(one for payload in payloads() for one in payload if _kind(one) == kind)
    event = {
        **json.loads(json.dumps(event)),
        **data.draw(st.dictionaries(st.sampled_from(["index", "delta", "x"]), JSON)),
    }
    text = json.dumps(event, ensure_ascii=data.draw(st.booleans()))
    if data.draw(st.booleans()):
        text = text.replace("{", data.draw(st.sampled_from(['{"type": "ping",', '{"\\u0074ype": "ping",', "{"])), 1)
    value = orjson.loads(text)
    strict = not hc.StreamValidator(CONTRACT).feed(encode_event({"type": "x"}, "x")) and not _problems(text)
    unsure = re.search(r"\d{19}", text) is not None
    assert validator._is_strict(text, value) == (strict and not unsure)
    assert unsure or not strict or repr(value) == repr(json.loads(text))
    assert CONTRACT.stream.events[kind].engine.is_valid(event) == reference(kind).is_valid(event)


@cache
def reference(kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(CONTRACT.stream.events[kind].schema)


def _kind(event: Any) -> str:
    return str(event.get("type")) if isinstance(event, dict) else ""


def _problems(text: str) -> tuple[Violation, ...]:
    return validator.wire.decode(text).violations


# -- what is found, where, and what comes of it -----------------------------------------------------------------------


def test_a_violation_is_reported_as_soon_as_it_is_certain() -> None:
    stream = hc.StreamValidator(CONTRACT)
    body = encode(USUAL[1:])
    cut = body.index(b"\n\n") + 2
    assert stream.feed(body[: cut - 1]) == []
    [found] = stream.feed(body[cut - 1 : cut])
    assert (found.constraint, found.instance_location, found.offset) == ("stream:/order/states/start/accepts", "/0", 0)
    assert str(found) == (
        "[0] (content_block_start at byte 0): expected message_start or ping or error, found content_block_start "
        "[stream:/order/states/start/accepts]"
    )
    assert stream.feed(body[cut:]) == []
    assert stream.finish() == []


def test_places_are_pointers_into_the_list_of_events() -> None:
    events = [json.loads(json.dumps(event)) for event in USUAL]
    events[3]["delta"]["text"] = 7
    [found] = found_in(encode(events))
    assert found.constraint == "stream:/deltas/text_delta/properties/text/type"
    assert found.instance_location == "/3/delta/text"
    assert found.offset == encode(events).index(encode_event(events[3]))
    assert found.message.startswith(f"[3] (content_block_delta at byte {found.offset}): delta.text: expected a string")


def test_an_error_is_an_outcome_and_no_violation() -> None:
    found, message, deviations, outcome, error, *_ = run([encode([*USUAL[:5], make.error("overloaded_error", "Busy")])])
    assert (found, deviations, outcome) == ([], (), hc.StreamOutcome.ERROR)
    assert error == hc.StreamError("overloaded_error", "Busy")
    assert message is not None
    assert message["content"][0]["text"].startswith("Hello, w")


def test_outcomes() -> None:
    stream = hc.StreamValidator(CONTRACT)
    assert stream.outcome == "open"
    stream.feed(encode(USUAL[:-1]))
    assert (stream.outcome, stream.deviations) == ("open", ())
    stream.feed(encode(USUAL[-1:]))
    assert stream.outcome == "complete"
    assert stream.finish() == stream.finish() == []
    assert run([b""])[3] == run([encode(USUAL[:-1])])[3] == "truncated"


@pytest.mark.parametrize("more", [lambda one: one.feed(b""), lambda one: one.feed_event({})])
def test_a_validator_is_for_one_stream(more: Any) -> None:
    stream = hc.StreamValidator(CONTRACT)
    stream.finish()
    with pytest.raises(hc.UsageError, match="make a StreamValidator for each stream"):
        more(stream)


def test_deviations_are_kept_apart() -> None:
    found, message, deviations, *_ = run([encode(USUAL)])
    assert found == []
    assert [one.constraint for one in deviations] == ["response:/properties/usage/additionalProperties"]
    assert messages.broken(deviations) == CONTRACT.response.broken(message)


def test_unknown_types_and_keys_are_counted() -> None:
    *_, (types, _, _) = run([next(case.body for case in cases() if case.id.endswith("unknown-types"))])
    assert types == {
        "weather_report": 1,
        "content_block_start/hologram": 1,
        "content_block_delta/hologram_delta": 0,
        "content_block_delta/emphasis_delta": 1,
    } | {"content_block_delta/hologram_delta": 1}
    event = {**make.message_start(), "x": 1}
    event["message"] = {**event["message"], "usage": {**event["message"]["usage"], "y": 1}}
    *_, (_, keys, _) = run([encode([event, *USUAL[1:]])])
    assert keys == {"message_start/x": 1, "message_start/message/usage/y": 1}


def test_the_input_of_a_declared_tool() -> None:
    [found] = found_in(next(case.body for case in cases() if case.id == "stream/input/wrong-type"))
    assert found.constraint == "stream:/assembly/input/schema"
    assert [(one.constraint, one.instance_location) for one in found.context] == [
        ("stream:/assembly/input/schema", "/10/city")
    ]
    body = next(case.body for case in cases() if case.id == "stream/input/wrong-type")
    assert found_in(body, request=None) == []
    assert found_in(body, request={"tools": [{"name": "get_weather", "input_schema": {"type": 5}}, 1, {}]}) == []


def test_an_input_that_is_cut_is_excused_by_the_reason_to_stop() -> None:
    begin, block = make.message_start(), make.tool(0, "get_time", '{"a": [1, "b')
    for reason, expected in (("max_tokens", []), ("refusal", []), ("tool_use", ["stream:/assembly/input/json"])):
        body = encode([begin, *block, make.message_delta(reason), make.STOP])
        found, message, *_ = run([body])
        assert [one.constraint for one in found] == expected
        assert message["content"][0]["input"] == {"a": [1]}
    more = encode([begin, *block, *make.text(1, "Hi"), make.message_delta("max_tokens"), make.STOP])
    assert [one.instance_location for one in found_in(more)] == ["/3"]  # certain as soon as another block begins


def test_messages_are_one_short_line_whatever_the_stream_says() -> None:
    hostile = "\x1b[31m\u2028" * 10_000
    body = encode([*USUAL, {"type": hostile}]).replace(b"event: \x1b", b"event: x\x1b")
    other = (
        encode_event({"type": hostile}, hostile)
        + encode_event({"type": "ping"}, hostile)
        + b"data: "
        + hostile.encode()
    )
    for found in (found_in(body), found_in(other + b"\n\n")):
        assert found
        assert all(len(one.message) < 500 and one.message.isprintable() for one in found)


def test_a_missing_blank_line_is_named() -> None:
    found = found_in(next(case.body for case in cases() if case.id.startswith("stream/missing-blank-line/")))
    assert found[0].hint == "a blank line seems to be missing between two events"


def test_a_message_is_a_value_of_its_own() -> None:
    stream = hc.StreamValidator(CONTRACT)
    stream.feed(encode(USUAL[:4]))
    first = stream.message
    assert first is not None
    assert first["content"][0]["text"] == "Hello"
    first["content"][0]["text"] = first["usage"]["output_tokens"] = None
    stream.feed(encode(USUAL[4:]))
    assert stream.message is not None
    assert stream.message["content"][0]["text"].startswith("Hello, w")
    assert stream.message["usage"]["output_tokens"] == 12


@pytest.mark.parametrize("limit", [0.5, 1, 3, 64])
def test_the_reference_endpoint_streams_as_the_contract_says(limit: float) -> None:
    payload = {"messages": [{"role": "user", "content": "Hello?"}], "max_tokens": limit, "stream": True}
    answer = replies.message(payload)
    found, message, deviations, *_ = run([chunk.data for chunk in events.stream(answer)], request=payload)
    assert found == []
    assert {one.constraint for one in deviations} == {"response:/properties/usage/additionalProperties"}
    assert message["content"] == answer["content"]
    assert message["stop_reason"] == answer["stop_reason"]


def test_values_survive_pickling() -> None:
    found = found_in(encode(USUAL[:-1]))
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own bytes


def test_the_examples_of_the_docstrings() -> None:
    assert doctest.testmod(validator).failed == doctest.testmod(pieces).failed == 0
