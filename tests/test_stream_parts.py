"""What the stream validator is made of: JSON in pieces, the stream part of a contract, what a stream exercises."""

from __future__ import annotations

import json
import tracemalloc
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract.errors import ContractLoadError
from haiku_contract.generate import stream_events as make
from haiku_contract.generate import suite
from haiku_contract.generate.stream_events import REQUEST, USUAL, encode, encode_event
from haiku_contract.stream import assembler
from haiku_contract.stream.coverage import exercised
from haiku_contract.stream.pieces import JsonPieces
from haiku_contract.stream.reporting import OTHER

if TYPE_CHECKING:
    from pathlib import Path

    from haiku_contract.model import Case

CONTRACT = hc.load()
LAW = settings(max_examples=100, derandomize=True, database=None, deadline=None)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@cache
def cases() -> tuple[Case, ...]:
    return suite(CONTRACT, "stream")


# -- memory -----------------------------------------------------------------------------------------------------------


def test_a_stream_cannot_fill_the_memory_with_names() -> None:
    stream = hc.StreamValidator(CONTRACT)
    for number in range(1_000):
        stream.feed(encode_event({"type": f"{number:09}" * 100, f"{number}" * 100: 1}))
        stream.feed(encode_event({"type": "ping", f"{number:09}" * 100: 1}))
    for tally in (stream.unknown_events, stream.unknown_keys):
        assert len(tally) == 257
        assert sum(tally.values()) == 1_000
        assert tally[OTHER] == 1_000 - 256
        assert max(map(len, tally)) <= 200


def test_memory_without_a_message_is_bounded_by_the_event() -> None:
    """A tool's input of any length, a text of any length, junk after the end."""
    start = encode([make.message_start(), *make.tool(0, "get_time")[:1]])
    piece = encode_event({"type": "content_block_delta", "index": 0,
                          "delta": {"type": "input_json_delta", "partial_json": '"' + "x" * 1_000 + '",'}})  # fmt: skip
    stream = hc.StreamValidator(CONTRACT, assemble=False)
    stream.feed(start)
    stream.feed(encode_event({"type": "content_block_delta", "index": 0,
                              "delta": {"type": "input_json_delta", "partial_json": '{"a": ['}}))  # fmt: skip
    tracemalloc.start()
    try:
        for _ in range(3_000):
            assert stream.feed(piece) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


# -- JSON in pieces ---------------------------------------------------------------------------------------------------


def is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse)
    except ValueError:
        return False
    return True


def _refuse(name: str) -> None:
    raise ValueError(name)


PARTS = st.sampled_from(
    [*'{}[]:,"\\ \n-+.eE019u', '"a"', '"a":', "true", "null", "nul", "1.5e3", "\\u00e9", "NaN", "é"]
)


@settings(LAW, max_examples=300)
@given(st.data(), st.lists(PARTS, max_size=10).map("".join) | JSON.map(json.dumps))
def test_pieces_are_json_when_the_whole_is(data: st.DataObject, text: str) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    machine = JsonPieces()
    for start, end in zip([0, *places], [*places, len(text)], strict=True):
        machine.feed(text[start:end])
    assert machine.is_json == is_json(text)
    assert machine.size == len(text)
    assert machine.first == text.lstrip(" \t\n\r")[:1] or not machine.can_be_json
    if machine.is_json:
        assert machine.can_be_json


@LAW
@given(JSON.map(json.dumps))
def test_every_beginning_of_json_can_be_json_and_can_be_closed(text: str) -> None:
    for end in range(len(text)):
        machine = JsonPieces()
        assert machine.feed(text[:end]), text[:end]
        closed = machine.closed(text[:end])
        assert not closed or is_json(closed)


def test_depth_is_bounded() -> None:
    assert JsonPieces().feed("[" * 254)
    assert not JsonPieces().feed("[" * 255)


# -- the contract's part ----------------------------------------------------------------------------------------------


def test_the_stream_part_is_the_same_in_every_version() -> None:
    parts = [hc.load(version=version).stream for version in ("1.0.0", "1.1.0", "1.1.1")]
    assert all(part is not None and part.document == CONTRACT.stream.document for part in parts)


def test_ids_are_places_in_the_file_and_every_one_is_violable() -> None:
    constraints = CONTRACT.stream.constraints
    assert len({one.id for one in constraints}) == len(constraints) == 177
    assert all(one.violable and one.reachable and one.id == f"stream:{one.pointer}" for one in constraints)


def test_the_table_is_complete() -> None:
    """Every known event is accepted somewhere and leads to one state, wherever it comes from."""
    states = CONTRACT.stream.states
    for kind in CONTRACT.stream.events:
        targets = {accepted[kind] for state, accepted in states.items() if kind in accepted}
        assert targets, kind
        assert len(targets) == 1 or kind == "ping"
    assert all(states[state] == {} for state in CONTRACT.stream.terminal)


def test_the_assembler_knows_the_deltas_and_counts_of_the_file() -> None:
    document = CONTRACT.stream.document
    merged = document["events"]["message_delta"]["properties"]["usage"]["properties"]
    assert set(merged) == assembler.COUNTS
    assert set(document["deltas"]) == {*assembler.MERGED, "input_json_delta"} == set(assembler.PIECES)


def test_exercised() -> None:
    usual = exercised(CONTRACT.stream, encode(USUAL), request=REQUEST)
    assert {"stream:/assembly/input/schema", "stream:/blocks/tool_use/deltas", "stream:/framing/name"} <= usual
    assert "stream:/events/error/required/0" not in usual
    assert exercised(CONTRACT.stream, b"") == {
        "stream:/framing/utf8",
        "stream:/framing/complete",
        "stream:/order/terminal",
    }
    shown = [
        case for case in cases() if case.id.startswith(("stream/wrong-delta/", "stream/late/", "stream/error-in-"))
    ]
    shown += [next(case for case in cases() if case.id.endswith(name)) for name in ("/every-key", "with-every-key")]
    everything = usual.union(*(exercised(CONTRACT.stream, case.body, request=REQUEST) for case in shown))
    assert everything == {one.id for one in CONTRACT.stream.constraints}


PAIR = {"input": {"type": "object"}, "output": {"type": "object"}}


@pytest.mark.parametrize(("formats", "streams_"), [(["anthropic-messages"], True), (["other"], False), ("x", False)])
def test_a_catalog_file_streams_by_its_request_format(tmp_path: Path, formats: Any, streams_: bool) -> None:
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps({"model_id": "x/y", "schema": PAIR, "request_formats": formats}), encoding="utf-8")
    contract = hc.load(path)
    assert (contract.stream is not None) == streams_
    if not streams_:
        with pytest.raises(hc.UsageError, match=r"says nothing of streams: add a stream\.json"):
            hc.StreamValidator(contract)
        assert suite(contract, "stream") == ()


@pytest.mark.parametrize(("change", "message"), [
    ({"order": {}}, "'initial'"),
    ({"order": {"initial": "start", "terminal": [], "states": {"start": {"accepts": {"x": "start"}}}}}, "'x'"),
    ({"assembly": 1}, "subscriptable"),
])  # fmt: skip
def test_a_stream_part_of_another_form_cannot_be_loaded(tmp_path: Path, change: Any, message: str) -> None:
    manifest = {"model_id": "x/y", "version": "1.0.0"}
    for name, content in (("manifest.json", manifest), ("request.schema.json", {}), ("response.schema.json", {}),
                          ("stream.json", {**CONTRACT.stream.document, **change})):  # fmt: skip
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ContractLoadError, match=r"stream\.json: not the stream part of a contract") as raised:
        hc.load(tmp_path)
    assert message in str(raised.value)
