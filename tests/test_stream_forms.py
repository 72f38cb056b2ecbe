"""One stream in several forms: bytes of any kind, event objects, texts of events; and what is kept of it."""

from __future__ import annotations

import copy
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract.cli.app import run as command
from haiku_contract.generate import stream_events as make
from haiku_contract.generate.stream_events import STOP, USUAL, encode, encode_event, message_delta, message_start

CONTRACT = hc.load()
LAW = settings(max_examples=150, derandomize=True, database=None, deadline=None)
MESSAGE = message_start()


def run(body: bytes) -> tuple[list[hc.Violation], hc.StreamValidator]:
    stream = hc.StreamValidator(CONTRACT, request=make.REQUEST)
    return stream.feed(body) + stream.finish(), stream


def in_objects(events: list[Any]) -> tuple[list[hc.Violation], hc.StreamValidator]:
    stream = hc.StreamValidator(CONTRACT, request=make.REQUEST)
    return [one for event in events for one in stream.feed_event(event)] + stream.finish(), stream


# Everything that a member may be, what JSON refuses included; `json` writes and reads all of it.
VALUES = st.sampled_from(
    [0, -1, 2**64, 10**25, 10**400, 1e400, float("nan"), "\ud800", "x", "7", None, True, [], {}, {"x": [1]}, [[{}]]]
)


@LAW
@given(st.data())
def test_bytes_objects_and_texts_are_the_same_stream(data: st.DataObject) -> None:
    events = copy.deepcopy(list(USUAL))
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = events[data.draw(st.sampled_from(range(len(events))))]
        while data.draw(st.booleans()) and (inner := [key for key, one in place.items() if isinstance(one, dict)]):
            place = place[data.draw(st.sampled_from(sorted(inner)))]
        key = data.draw(st.sampled_from(sorted({*place, "x", "brand_new"} - {"type"})))
        place[key] = data.draw(VALUES)
    # An event of which one half of a surrogate is sent as an escape, because bytes cannot hold it.
    body = b"".join(b"event: %s\ndata: %s\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in events)
    whole, stream = run(body)
    objects, other = in_objects(events)
    texts = hc.StreamValidator(CONTRACT, request=make.REQUEST)
    third = [one for event in events for one in texts.feed_data(json.dumps(event))] + texts.finish()
    shown = [[(one.constraint, one.instance_location) for one in found] for found in (whole, objects, third)]
    assert shown[0] == shown[1] == shown[2]
    assert stream.unknown_keys == other.unknown_keys == texts.unknown_keys
    assert stream.unknown_events == other.unknown_events == texts.unknown_events
    assert (stream.outcome, stream.error) == (other.outcome, other.error) == (texts.outcome, texts.error)
    assert repr(stream.message) == repr(other.message) == repr(texts.message)


def test_unknown_keys_at_any_depth() -> None:
    start = message_start()
    start["message"]["usage"]["brand_new"] = 5
    start["message"]["usage"]["cache_creation"]["newer"] = 5
    for stream in (run(encode([start, *USUAL[1:]]))[1], in_objects([start, *USUAL[1:]])[1]):
        place = "message_start/message/usage"
        assert stream.unknown_keys == {f"{place}/brand_new": 1, f"{place}/cache_creation/newer": 1}


def test_keys_are_those_of_the_own_type() -> None:
    """A key of another type of block or delta is unknown; those of a type that nobody knows are not counted."""
    block = make.block(
        0, {"type": "text", "text": "", "name": "x"}, {"type": "text_delta", "text": "", "partial_json": ""}
    )
    strange = make.block(1, {"type": "hologram", "frames": []}, {"type": "hologram_delta", "frame": 1})
    stream = run(encode([MESSAGE, *block, *strange, message_delta(), STOP]))[1]
    assert stream.unknown_keys == {
        "content_block_start/content_block/name": 1,
        "content_block_delta/delta/partial_json": 1,
    }


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_chunk_may_be_any_kind_of_bytes(kind: type) -> None:
    found, stream = run(kind(encode(USUAL)))
    assert (found, stream.message) == ([], run(encode(USUAL))[1].message)


@pytest.mark.parametrize("chunk", ["text", None, 5, [b"x"]])
def test_what_is_no_chunk(chunk: Any) -> None:
    with pytest.raises(TypeError, match=r"^a chunk must be bytes, bytearray or memoryview, not \w+"):
        hc.StreamValidator(CONTRACT).feed(chunk)


def test_integers_stay_integers() -> None:
    number = 123456789012345678901
    found, stream = run(encode([message_start(output_tokens=number), message_delta(output_tokens=number + 1), STOP]))
    assert found == []
    assert stream.message is not None
    assert stream.message["usage"]["output_tokens"] == number + 1


def test_a_message_shares_nothing_with_events_or_other_messages() -> None:
    cited = make.block(
        0,
        {"type": "text", "text": "", "citations": [{"type": "a", "deep": [1]}]},
        {"type": "citations_delta", "citation": {"type": "b", "deep": [2]}},
    )
    events = copy.deepcopy([MESSAGE, *cited, message_delta(container={"id": {"x": 1}}), STOP])
    before = copy.deepcopy(events)
    stream = hc.StreamValidator(CONTRACT)
    for event in events:
        stream.feed_event(event)
    first = stream.message
    assert events == before
    assert first is not None
    for one in (first["content"][0]["citations"][0]["deep"], first["usage"]["cache_creation"]):
        one.clear()
    events[1]["content_block"]["citations"][0]["deep"].append(9)
    again = stream.message
    assert again is not None
    assert again["content"][0]["citations"] == [{"type": "a", "deep": [1]}, {"type": "b", "deep": [2]}]
    assert again["usage"]["cache_creation"] == before[0]["message"]["usage"]["cache_creation"]


def test_many_citations_take_linear_time() -> None:
    """To copy them for each would be work on hundreds of millions of references."""
    one = {"type": "citations_delta", "citation": {"type": "x"}}
    stream = hc.StreamValidator(CONTRACT)
    stream.feed(encode([MESSAGE, make.block(0, {"type": "text", "text": ""})[0]]))
    stream.feed(encode_event({"type": "content_block_delta", "index": 0, "delta": one}) * 20_000)
    assert stream.message is not None
    assert len(stream.message["content"][0]["citations"]) == 20_000


def test_a_large_chunk_takes_no_more_memory_than_small_ones() -> None:
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x" * 50}}
    body = encode([MESSAGE, make.block(0, {"type": "text", "text": ""})[0]]) + encode_event(delta) * 15_000
    stream = hc.StreamValidator(CONTRACT, assemble=False)
    stream.feed(body[:1_000])
    tracemalloc.start()
    try:
        assert stream.feed(body[1_000:]) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - len(body) < 1_000_000  # the slice above is a copy of the body


@pytest.mark.parametrize(("event", "expected"), [
    ({"type": "error", "error": {"type": "overloaded_error"}}, ("overloaded_error", "")),
    ({"type": "error", "error": {"message": "Busy"}}, ("unknown", "Busy")),
    ({"type": "error", "error": {"type": 5, "message": "Busy"}}, ("unknown", "Busy")),
    ({"type": "error", "error": []}, ("unknown", "")),
    ({"type": "error"}, ("unknown", "")),
])  # fmt: skip
def test_a_broken_error_says_what_it_can(event: Any, expected: tuple[str, str]) -> None:
    for found, stream in (run(encode([MESSAGE, event])), in_objects([MESSAGE, event])):
        assert found
        assert stream.outcome is hc.StreamOutcome.ERROR
        assert stream.error == expected


def test_an_event_field_that_says_message_is_one() -> None:
    ping = b'data: {"type":"ping"}\n\n'
    missing, named = run(ping)[0][0], run(b"event: message\n" + ping)[0][0]
    assert missing.actual == "no event field"
    assert named.actual == 'string "message"'
    assert missing.constraint == named.constraint == "stream:/framing/name"


# -- files ------------------------------------------------------------------------------------------------------------

ARRAY = json.dumps(list(USUAL)).encode()
NEITHER = "neither server-sent events nor a JSON array of events"


@pytest.mark.parametrize(("body", "code", "texts"), [
    (ARRAY, 0, ["conforms"]),
    (b"\xef\xbb\xbf" + ARRAY, 1, ["wire:encoding"]),
    (ARRAY.decode().encode("utf-16"), 1, [NEITHER, "UTF-16"]),
    (json.dumps(USUAL[0]).encode(), 1, [NEITHER]),
    (json.dumps({"events": list(USUAL)}).encode(), 1, [NEITHER]),
    (b"\n".join(json.dumps(one).encode() for one in USUAL), 1, [NEITHER]),
    (b"\xef\xbb\xbf" + encode(USUAL), 0, ["conforms", "framing bom"]),
    (ARRAY.replace(b'"index": 0', b'"x": NaN, "index": 0', 1), 1, ["[1] (content_block_start): line", "[wire:number]"]),
    (ARRAY.replace(b'"index": 0', b'"index": 0, "index": 0', 1), 1, ["[1] (content", "[wire:duplicate-key]"]),
    (ARRAY[:-1], 1, ["[wire:syntax]"]),
    (ARRAY + b"]", 1, ["[wire:syntax]"]),
    (ARRAY[:-1] + b",]", 1, ["[wire:syntax]"]),
    (b"[]", 1, ["stream:/order/terminal"]),
    (b'["a, ]', 1, ["[wire:syntax]"]),
    (b'["]", "[", {"type": "ping"}]', 1, ["stream:/event/type"]),
])  # fmt: skip
def test_files_are_recognised(tmp_path: Any, capfd: Any, body: bytes, code: int, texts: list[str]) -> None:
    path = tmp_path / "stream"
    path.write_bytes(body)
    found = command(["validate", "stream", str(path)])
    out = capfd.readouterr().out
    assert found == code
    assert [text for text in texts if text not in out] == []
    assert ("connection was cut" in out) is False


def test_one_bad_event_of_an_array_does_not_hide_the_others(tmp_path: Any, capfd: Any) -> None:
    bad = [*USUAL[:3], {**USUAL[3], "x": float("nan")}, *USUAL[4:-1]]
    (tmp_path / "array.json").write_text(json.dumps(bad), encoding="utf-8")
    (tmp_path / "bytes.sse").write_bytes(b"".join(encode_event(one) for one in bad))
    shown = []
    for name in ("array.json", "bytes.sse"):
        assert command(["validate", "stream", "--format", "json", str(tmp_path / name)]) == 1
        [entry] = json.loads(capfd.readouterr().out)["files"]
        shown.append([one["constraint"] for one in entry["violations"]])
    assert shown[0] == shown[1] == ["wire:number", "stream:/order/terminal"]


def test_streams_are_written_where_a_folder_is_named(tmp_path: Any, monkeypatch: Any, capfd: Any) -> None:
    monkeypatch.chdir(tmp_path)
    pair = {"input": {"type": "object"}, "output": {"type": "object"}}
    (tmp_path / "c.json").write_text(json.dumps({"model_id": "x/y", "schema": pair}), encoding="utf-8")
    for arguments, text in (
        (["--directory", ""], "--directory is empty"),
        (["--directory", "q", "--contract", "c.json"], "says nothing of streams"),
    ):
        assert command(["generate", "--side", "stream", *arguments]) == 2
        assert text in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["c.json"]
