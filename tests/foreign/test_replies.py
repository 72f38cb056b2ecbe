"""How endpoints of somebody else's reply to right requests, and what a campaign says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from foreign_endpoint import answered, honest, problem, replayed_right, run

if TYPE_CHECKING:
    from foreign_endpoint import Endpoint, Reply


def forgets_usage_beside_top_k(payload: Any) -> Reply:
    status, body, *media = honest(payload)
    if status == 200 and not media and "top_k" in payload:
        del body["usage"]
    return (status, body, *media)


def test_a_key_that_is_missing_beside_another() -> None:
    told = run(forgets_usage_beside_top_k)
    assert told.odd == {"broken": {"response:/required/6"}}
    assert told.found == [("broken", "response:/required/6")]
    (row,) = (one for one in told.result.verdicts if one.constraint == "response:/required/6")
    assert row.detail.endswith("only where a request has /top_k")
    replayed_right(told, forgets_usage_beside_top_k)


def cuts_streams(payload: Any) -> Reply:
    status, body, *media = honest(payload)
    return (status, body[: len(body) // 2] if media else body, *media)


def test_a_cut_stream_is_one_finding() -> None:
    """Within an event: the event is not complete, and the stream has no end; the same bytes are missing."""
    told = run(cuts_streams)
    assert told.odd == {"broken": {"stream:/framing/complete", "stream:/order/terminal"}}
    assert told.found == [("broken", "stream:/framing/complete")]
    replayed_right(told, cuts_streams)


def counts_too_much(payload: Any) -> Reply:
    return honest(payload) if problem(payload) else answered(payload, usage={"input_tokens": 3, "output_tokens": 99})


def is_another_model(payload: Any) -> Reply:
    return honest(payload) if problem(payload) else answered(payload, model="claude-3-5-sonnet-20241022")


def says_that_it_is_text(payload: Any) -> Reply:
    status, body, *media = honest(payload)
    return (status, body, *(media or ["text/plain"])) if status == 200 else (status, body)


ODD: Final[dict[Endpoint, str]] = {
    counts_too_much: "max-tokens",
    is_another_model: "model",
    says_that_it_is_text: "content-type",
}


@pytest.mark.parametrize("endpoint", ODD, ids=lambda one: one.__name__)
def test_what_is_odd_in_every_reply_is_one_finding(endpoint: Endpoint) -> None:
    """It says nothing of the schemas, which are kept."""
    for surface in ("bare", "messages"):
        told = run(endpoint, surface)
        assert (told.odd, told.found) == ({}, [(ODD[endpoint], None)])
        replayed_right(told, endpoint)


def forgets_the_model_in_streams(payload: Any) -> Reply:
    is_streamed = not problem(payload) and payload.get("stream") is True
    return answered(payload, model="claude-haiku-4-5") if is_streamed else honest(payload)


def counts_in_streams_alone_what_was_cached(payload: Any) -> Reply:
    usage = {"input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": 0}
    is_streamed = not problem(payload) and payload.get("stream") is True
    return answered(payload, usage=usage) if is_streamed else honest(payload)


def cites_where_it_does_not_stream(payload: Any) -> Reply:
    is_whole = not problem(payload) and payload.get("stream") is not True
    content = [{"type": "text", "text": "Hi", "citations": []}]
    return answered(payload, content=content, container={"id": "c"}) if is_whole else honest(payload)


SHAPES: Final[dict[Endpoint, str]] = {
    forgets_the_model_in_streams: 'model is string "claude-haiku-4-5" and not string "claude-haiku-4-5-20251001"',
    counts_in_streams_alone_what_was_cached: "",
    cites_where_it_does_not_stream: "content[0].citations is missing",
}
"""What a streamed reply has not that a whole one has; what is beyond the schema in either is no difference."""


@pytest.mark.parametrize("endpoint", SHAPES, ids=lambda one: one.__name__)
def test_streamed_and_whole_replies_are_of_one_shape(endpoint: Endpoint) -> None:
    told = run(endpoint)
    words = SHAPES[endpoint]
    expected = [f"the streamed answer differs from an unstreamed one: {words}"] if words else []
    assert [one.message for one in told.result.findings if one.code == "stream-shape"] == expected
    assert (told.odd, len(told.found)) == ({}, len(expected))
    if expected:
        replayed_right(told, endpoint)


def cuts_streams_beside_a_temperature(payload: Any) -> Reply:
    status, body, *media = honest(payload)
    return (status, body[: len(body) // 2] if media and "temperature" in payload else body, *media)


def test_a_stream_that_is_cut_beside_an_option() -> None:
    told = run(cuts_streams_beside_a_temperature)
    cut = "stream:/framing/complete"
    assert told.odd == {"broken": {cut, "stream:/order/terminal"}}
    assert told.found == [("broken", cut)]
    (row,) = (one for one in told.result.verdicts if one.constraint == cut)
    assert "only where a request shows" in row.detail
    assert "stream" in row.detail.partition("shows")[2]
    assert "temperature" in row.detail.partition("shows")[2]
    replayed_right(told, cuts_streams_beside_a_temperature)
