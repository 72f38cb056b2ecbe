"""Prompts and answers are private: without `excerpts` no value of a payload is in anything that the guard says."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import haiku_contract as hc
from haiku_contract.contract import fixtures
from haiku_contract.guard.discretion import discreet

if TYPE_CHECKING:
    from collections.abc import Iterable

SECRET = "hunter2"
NUMBER = 271828
STREAM = {"content_type": "text/event-stream"}
DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": SECRET}}
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {"a": {"enum": [SECRET], "maxLength": 3}}}}


def sse(*events: Any) -> bytes:
    return b"".join(f"event: {one.get('type')}\ndata: {json.dumps(one)}\n\n".encode() for one in events)


def said(send: Any, guard: Any, network: Any, content: dict[str, Any], **modes: Any) -> Iterable[str]:
    """Everything that is said of one exchange: to the observer, as warnings, as an exception, as an answer."""
    warning = guard(network, **{"request": "warn", "response": "warn", "advice": "warn"} | modes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        send(warning, **content)
    yield from map(repr, warning.seen)
    yield from (str(one.message) for one in caught)
    with pytest.raises((hc.ContractViolation, hc.ContractAdvice)) as raised:
        send(guard(network, **{"request": "raise", "response": "raise", "advice": "raise"} | modes), **content)
    yield from (str(raised.value), repr(raised.value), repr(raised.value.__dict__))


def answered(send: Any, guard: Any, content: dict[str, Any]) -> str:
    """The 400 in the endpoint's place."""
    response = send(guard(request="respond", advice="raise"), **content)
    assert response.status_code == 400
    return str(response.text)


def check(texts: Iterable[str]) -> None:
    for text in texts:
        assert SECRET not in text
        assert str(NUMBER) not in text


MESSAGE = {"role": "user", "content": "x"}
REQUESTS: dict[str, Any] = {
    "type": {"messages": [MESSAGE], "max_tokens": SECRET},
    "conversion": {"messages": [MESSAGE], "max_tokens": str(NUMBER)},
    "enum": {"messages": [{"role": SECRET, "content": "x"}], "max_tokens": 5},
    "minimum": {"messages": [MESSAGE], "max_tokens": -NUMBER},
    "union": {"messages": [{"role": "user", "content": NUMBER}], "max_tokens": 5},
    "block": {"messages": [{"role": "user", "content": [{"type": "text", "text": NUMBER}]}], "max_tokens": 5},
    "system": {"messages": [MESSAGE], "max_tokens": 5, "system": [{"type": "text", "text": SECRET}]},
}
BODIES: dict[str, bytes] = {
    "syntax": b'{"messages": hunter2}',
    "cut": b'{"messages": "hunter2',
    "number": b'{"max_tokens": 271828e9999}',
    "encoding": b'{"a": "hunter2 \xff"}',
    "duplicate": b'{"a": "hunter2", "a": 271828}',
    "surrogate": b'{"a": "hunter2 \\ud800"}',
    "two": b'{} "hunter2"',
}


@pytest.mark.parametrize("name", list(REQUESTS))
def test_of_a_request(send: Any, guard: Any, network: Any, name: str) -> None:
    content = {"json": REQUESTS[name]}
    check([*said(send, guard, network(), content), answered(send, guard, content)])


@pytest.mark.parametrize("name", list(BODIES))
def test_of_a_request_that_is_no_json(send: Any, guard: Any, network: Any, name: str) -> None:
    content = {"content": BODIES[name], "headers": {"content-type": "application/json"}}
    check([*said(send, guard, network(), content), answered(send, guard, content)])


ADVISED: dict[str, Any] = {
    "role": {"messages": [{"role": "user", "content": [{"type": SECRET}]}], "max_tokens": 5},
    "media type": {
        "messages": [{"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": SECRET}}]}],
        "max_tokens": 5,
    },
    "tool": {"messages": [MESSAGE], "max_tokens": 5, "tools": [{"name": f"{SECRET} !", "input_schema": {}}]},
    "tool type": {"messages": [MESSAGE], "max_tokens": 5, "tools": [{"type": SECRET, "name": "x"}]},
    "tokens": {"messages": [MESSAGE], "max_tokens": NUMBER},
}  # fmt: skip


@pytest.mark.parametrize("name", list(ADVISED))
def test_of_an_advice(send: Any, guard: Any, network: Any, name: str) -> None:
    content = {"json": ADVISED[name]}
    check([*said(send, guard, network(), content), answered(send, guard, content)])


def test_an_advice_shows_more_when_it_is_asked_to(send: Any, guard: Any) -> None:
    with pytest.raises(hc.ContractAdvice) as caught:
        send(guard(advice="raise"), json=ADVISED["tokens"])
    assert caught.value.advice[0].observed.startswith("max_tokens: … > …, which is the maximum")
    with pytest.raises(hc.ContractAdvice) as caught:
        send(guard(advice="raise", excerpts=True), json=ADVISED["tokens"])
    assert caught.value.advice[0].observed.startswith("max_tokens: 271828 > 64000, which is the maximum")


RESPONSES: dict[str, tuple[int, Any]] = {
    "const": (200, {"type": SECRET}),
    "type": (200, {"usage": {"input_tokens": str(NUMBER), "output_tokens": SECRET}}),
    "no object": (200, SECRET),
    "error": (400, {"error": [{"code": SECRET, "message": NUMBER}]}),
    "error of no known shape": (400, {"error": SECRET}),
    "error at 200": (200, {"success": False, "errors": SECRET}),
    "no JSON": (200, b'{"text": hunter2}'),
}


@pytest.mark.parametrize("name", list(RESPONSES))
def test_of_a_response(send: Any, guard: Any, network: Any, good: Any, name: str) -> None:
    status, body = RESPONSES[name]
    check(said(send, guard, network(body, status, content_type="application/json"), {"json": good}))


def streams(start: Any) -> dict[str, bytes]:
    """One stream per kind of violation; `start` is the conforming first event."""
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    tool = {**block, "content_block": {"type": "tool_use", "id": "t", "name": "look", "input": {}}}
    piece = {**DELTA, "delta": {"type": "input_json_delta", "partial_json": json.dumps({"a": SECRET * 2, "b": NUMBER})}}
    stop = {"type": "content_block_stop", "index": 0}
    return {
        "order": sse(start, DELTA),
        "index": sse(start, {**block, "index": NUMBER}),
        "schema": sse(start, block, {**DELTA, "delta": {"type": "text_delta", "text": NUMBER}}),
        "conversion": sse(start, {**block, "index": str(NUMBER)}),
        "conversion to text": sse(start, {**block, "content_block": {"type": "text", "text": NUMBER}}),
        "no object": b'event: ping\ndata: "hunter2"\n\n',
        "type": b'event: ping\ndata: {"type": 271828}\n\n',
        "syntax": b"event: ping\ndata: hunter2\n\n",
        "encoding": b'event: ping\ndata: "hunter2 \xff"\n\n',
        "name": b"event: hunter2 says hi\ndata: " + json.dumps(start).encode() + b"\n\n",
        "late": sse(start, {"type": "error", "error": {"type": "x", "message": SECRET}}, {"type": f"{SECRET} !"}),
        "tool input": sse(start, tool, piece, stop),
        "tool input that is no JSON": sse(start, tool, {**piece, "delta": {**piece["delta"], "partial_json": SECRET}}),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(streams({})))
def test_of_a_stream(send: Any, guard: Any, network: Any, good: Any, answer: Any, name: str) -> None:
    start = {"type": "message_start", "message": {**answer, "content": [], "stop_reason": None}}
    content = {"json": {**good, "tools": [TOOL]}}
    for size in (11, 100_000):
        answering = network.in_chunks(streams(start)[name], size, **STREAM)
        told = list(said(send, guard, answering, content, advice="off"))
        check(told)
        assert any("stream:" in one or "wire:" in one for one in told)


def test_of_every_violation_of_the_faulted_streams(contract: hc.Contract) -> None:
    """Places, keys and types stay; what is quoted goes, and a second time nothing more goes."""
    rules = set()
    folder = fixtures() / contract.model_id / "1.0.0" / "stream" / "faulted"
    for file in folder.iterdir():
        validator = hc.StreamValidator(contract)
        for one in [*validator.feed(file.read_bytes()), *validator.finish()]:
            shown = discreet(one)
            assert (shown.constraint, shown.instance_location, shown.offset) == (
                one.constraint, one.instance_location, one.offset,
            )  # fmt: skip
            assert discreet(shown) == shown
            assert 'string "' not in str(shown)
            rules.add(one.constraint)
    assert len(rules) > 30


def test_what_is_no_excerpt_stays(contract: hc.Contract, events: Any) -> None:
    validator = hc.StreamValidator(contract)
    (cut,) = [*validator.feed(b"".join(events[:-1])), *validator.finish()]
    assert discreet(cut) == cut
    assert "found its end" in cut.message


def test_excerpts_are_shown_when_asked_for(send: Any, guard: Any, network: Any, good: Any) -> None:
    with pytest.raises(hc.ContractViolation, match=SECRET):
        send(guard(excerpts=True), json=REQUESTS["type"])
    with pytest.raises(hc.ContractViolation, match=SECRET):
        send(guard(network(sse({"type": "ping"}, {"type": "message_start", "message": SECRET}), **STREAM),
                   excerpts=True, response="raise"), json=good)  # fmt: skip
    with pytest.raises(hc.ContractViolation, match=SECRET):
        send(guard(excerpts=True), content=BODIES["syntax"], headers={"content-type": "application/json"})


def test_a_message_says_what_to_do(send: Any, guard: Any, bad: Any) -> None:
    with pytest.raises(hc.ContractViolation) as caught:
        send(guard(), json=bad)
    assert str(caught.value) == ("max_tokens: expected a number, found string [request:/properties/max_tokens/type]")
