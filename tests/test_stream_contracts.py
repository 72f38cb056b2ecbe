"""Stream parts of other contracts: what cannot be used is refused when it is loaded, what can be used never raises."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract.errors import ContractLoadError
from haiku_contract.generate import suite
from haiku_contract.generate.stream_events import STOP, USUAL, block, encode, message_delta, message_start
from haiku_contract.generate.stream_strategies import stream_cases
from haiku_contract.strategies import faulted_streams
from haiku_contract.stream import StreamGrammar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from haiku_contract.model import Case

CONTRACT = hc.load()
LAW = settings(max_examples=100, derandomize=True, database=None, deadline=None)


def changed(edit: Callable[[Any], Any]) -> dict[str, Any]:
    document = copy.deepcopy(dict(CONTRACT.stream.document))
    edit(document)
    return document


def contract_of(document: dict[str, Any], folder: Path) -> hc.Contract:
    manifest = {"model_id": "x/y", "version": "1.0.0"}
    for name, content in (("manifest.json", manifest), ("request.schema.json", {}), ("response.schema.json", {}),
                          ("stream.json", document)):  # fmt: skip
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return hc.load(folder)


@pytest.mark.parametrize(("edit", "need"), [
    (lambda one: one["events"]["message_delta"].update(required=["delta"]), "message_delta/usage of type object"),
    (lambda one: one["events"]["message_delta"]["properties"].update(usage={}), "message_delta/usage of type object"),
    (lambda one: one["$defs"]["message"]["required"].remove("usage"), "message_start/message/usage of type object"),
    (lambda one: one["blocks"]["tool_use"]["start"].update(required=["id", "input"]),
     "content_block_start/content_block/name (of a tool_use) of type string"),
    (lambda one: one["blocks"]["text"]["start"].update(required=[]),
     "content_block_start/content_block/text (of a text) of type string"),
    (lambda one: one["deltas"]["text_delta"]["properties"].update(text={"type": ["string", "null"]}),
     "content_block_delta/delta/text (of a text_delta) of type string"),
    (lambda one: one["$defs"]["delta"].pop("allOf"), "content_block_delta/delta/text (of a text_delta)"),
    (lambda one: one["events"]["content_block_stop"].pop("required"), "content_block_stop/index"),
    (lambda one: one["$defs"].update(block={"$ref": "#/$defs/block"}), "RecursionError"),
])  # fmt: skip
def test_a_file_that_asks_for_too_little_cannot_be_loaded(edit: Callable[[Any], Any], need: str) -> None:
    with pytest.raises(ContractLoadError) as raised:
        StreamGrammar(changed(edit))
    assert need in str(raised.value)


def test_deltas_that_cannot_be_merged_are_counted(tmp_path: Path) -> None:
    def edit(document: Any) -> None:
        document["deltas"]["mood_delta"] = {"required": ["mood"], "properties": {"mood": {}}}
        document["blocks"]["text"]["deltas"].append("mood_delta")

    contract = contract_of(changed(edit), tmp_path)
    deltas = ({"type": "text_delta", "text": "Hi"}, {"type": "mood_delta", "mood": "good"})
    body = encode([message_start(), *block(0, {"type": "text", "text": ""}, *deltas), message_delta(), STOP])
    for assemble in (True, False):
        stream = hc.StreamValidator(contract, assemble=assemble)
        assert stream.feed(body) + stream.finish() == []
        assert stream.unknown_events == {"content_block_delta/mood_delta": 1}


def renamed(document: Any) -> None:
    """The same table with other names for its states."""
    order = document["order"]
    text = json.dumps(order)
    for name in order["states"]:
        text = text.replace(f'"{name}"', f'"the {name}"')
    document["order"] = json.loads(
        text.replace('"the message": "the', '"message": "the').replace('"the error": "the', '"error": "the')
    )


def test_recovery_knows_no_names_of_states(tmp_path: Path) -> None:
    contract = contract_of(changed(renamed), tmp_path)
    assert contract.stream is not None
    assert contract.stream.initial == "the start"
    for case in suite(CONTRACT, "stream"):
        ours, theirs = (hc.StreamValidator(one, request=None) for one in (CONTRACT, contract))
        found = [one.constraint.replace("/states/the ", "/states/") for one in theirs.feed(case.body) + theirs.finish()]
        assert found == [one.constraint for one in ours.feed(case.body) + ours.finish()], case.id


@cache
def bodies() -> list[bytes]:
    return [case.body for case in suite(CONTRACT, "stream")]


def places(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value, *(place for one in value.values() for place in places(one))]
    return [place for one in value for place in places(one)] if isinstance(value, list) else []


@settings(LAW, phases=[Phase.generate])  # each example compiles schemas: shrinking would take minutes
@given(st.data())
def test_what_loads_never_raises(data: st.DataObject) -> None:
    """Keys taken out of a stream part, or replaced: refused when it is loaded, or good for every stream."""
    document = changed(lambda _: None)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(places(document)))
        if keys := sorted(place.keys() - {"$schema"}):  # which dialect it is in is no part of what is judged here
            key = data.draw(st.sampled_from(keys))
            new = data.draw(st.sampled_from([None, {}, [], True, "string", ["string"], {"type": "string"}, "start"]))
            if new is None:
                del place[key]
            else:
                place[key] = new
    try:
        grammar = StreamGrammar(document)
        stream = hc.StreamValidator(hc.Contract("x/y", "", "1", {}, CONTRACT.request, CONTRACT.response, grammar))
    except ContractLoadError:
        return
    for body in (encode(USUAL), *data.draw(st.lists(st.sampled_from(bodies()), max_size=4))):
        stream = hc.StreamValidator(stream._contract)
        stream.feed(body)
        stream.finish()
        assert isinstance(stream.deviations, tuple)


def stricter(document: Any) -> None:
    document["events"]["ping"]["required"] = ["x_extra"]
    document["$defs"]["message"]["required"].append("mood")
    document["$defs"]["message"]["properties"]["mood"] = {"type": "string"}


@settings(LAW, max_examples=30)
@given(data=st.data())
def test_what_is_drawn_for_a_contract_conforms_to_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    contract = contract_of(changed(stricter), tmp_path_factory.mktemp("contract"))
    stream = hc.StreamValidator(contract)
    assert stream.feed(data.draw(stream_cases(contract)).body) + stream.finish() == []
    assert stream.events


@settings(LAW, max_examples=2)
@given(data=st.data())
def test_a_contract_that_refuses_everything(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    contract = contract_of(changed(lambda one: one["event"].update({"not": {}})), tmp_path_factory.mktemp("contract"))
    with pytest.raises(hc.UsageError, match="refuses every stream that this package can make"):
        data.draw(stream_cases(contract))


MARKS = {
    "no space": b'\ndata:{"', "several data lines": b"\ndata:  ", "id": b"\nid: 7", "retry": b"\nretry: 100",
    "comment": b"\n:", "crlf": b"\r\n\r\n", "cr": b"\r\r", "mixed": b"\n\r\n", "unknown block": b"hologram",
    "unknown delta": b"emphasis_delta", "unknown event": b"weather_report", "byte order mark": b"\xef\xbb\xbf",
}  # fmt: skip


def test_every_framing_was_drawn() -> None:
    seen: set[str] = set()

    @settings(LAW, max_examples=200)
    @given(stream_cases() | faulted_streams())
    def draw(case: Case) -> None:
        seen.update(name for name, mark in MARKS.items() if mark in case.body)

    draw()
    assert set(MARKS) - seen == set()
