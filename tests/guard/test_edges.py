"""The life of a transport: nothing leaks, nothing masks an error of the network, and the inner one is used as usual."""

from __future__ import annotations

import asyncio
import json
import warnings
from math import floor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import haiku_contract as hc

if TYPE_CHECKING:
    from fractions import Fraction

STREAM = {"content_type": "text/event-stream"}
URL = "http://127.0.0.1:9/"


def raising(seen: hc.Observation) -> None:
    """An observer with a bug that shows on responses."""
    if seen.direction == "response":
        raise ValueError("observer")


def test_errors_of_the_inner_transport_pass_as_they_are(post: Any, guard: Any) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("too slow", request=request)

    with pytest.raises(httpx.ConnectTimeout, match="too slow"):
        post(guard(httpx.MockTransport(fail)))


def test_a_body_that_breaks_on_the_way(post: Any, guard: Any, network: Any, chunks: Any) -> None:
    body = chunks(b'{"id":', error=httpx.ReadError("gone"))
    one = guard(network(body), response="raise")
    with pytest.raises(httpx.ReadError, match="gone"):
        post(one)
    assert body.closed
    assert [(each.direction, each.complete, each.violations) for each in one.seen] == [
        ("request", True, ()),
        ("response", False, ()),
    ]


def test_a_raising_observer_does_not_replace_an_error_of_the_network(
    post: Any, guard: Any, network: Any, chunks: Any
) -> None:
    body = chunks(b'{"id":', error=httpx.ReadError("gone"))
    with pytest.raises(httpx.ReadError, match="gone") as caught:
        post(guard(network(body), observer=raising))
    assert caught.value.__notes__ == ["while this was raised, the guard or its observer raised ValueError('observer')"]
    assert body.closed


def test_a_warning_that_is_an_error_does_not_either(
    read: Any, guard: Any, network: Any, chunks: Any, events: Any
) -> None:
    body = chunks(*events[1:3], error=httpx.ReadError("gone"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(httpx.ReadError, match="gone") as caught:
            read(guard(network(body, **STREAM)))
    assert "ContractWarning" in caught.value.__notes__[0]
    assert body.closed


def test_what_is_raised_when_a_reader_leaves_reaches_it(
    read: Any, guard: Any, network: Any, chunks: Any, events: Any
) -> None:
    body = chunks(*events[1:])
    with pytest.raises(ValueError, match="observer"):
        read(guard(network(body, **STREAM), observer=raising), 1)
    assert body.closed
    body = chunks(*events[1:])
    with pytest.warns(hc.ContractWarning, match="stream:"):
        read(guard(network(body, **STREAM)), 1)
    body = chunks(*events[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(hc.ContractWarning):
            read(guard(network(body, **STREAM)), 1)
    assert body.closed


def test_a_raising_observer_at_the_end_of_a_body(post: Any, guard: Any, network: Any, chunks: Any, answer: Any) -> None:
    body = chunks(json.dumps(answer).encode())
    with pytest.raises(ValueError, match="observer"):
        post(guard(network(body), observer=raising))
    assert body.closed


def test_a_raising_observer_of_what_is_not_looked_at(post: Any, guard: Any, network: Any, chunks: Any) -> None:
    """It is told before the client has the response, so that nobody else can close it."""
    body = chunks(b"")
    with pytest.raises(ValueError, match="observer"):
        post(guard(network(body, 302), observer=raising))
    assert body.closed


def test_a_raising_observer_of_a_request(post: Any, guard: Any) -> None:
    def refuse(seen: hc.Observation) -> None:
        raise ValueError(seen.direction)

    one = guard(observer=refuse)
    with pytest.raises(ValueError, match="request"):
        post(one)
    assert one.network.sent == []


def test_a_cancellation_stays_a_cancellation(cancel: Any, guard: Any, network: Any, chunks: Any, events: Any) -> None:
    body = chunks(*events)
    one = guard(network(body, **STREAM), observer=raising)

    cancel(one)
    assert body.closed


def test_the_inner_transport_is_entered_and_left(post: Any, guard: Any) -> None:
    one = guard()
    post(one)
    assert one.network.used == ["enter", "exit"]


def test_the_inner_transport_is_closed(guard: Any) -> None:
    one = guard()
    httpx.Client(transport=one.transport).close()
    asyncio.run(httpx.AsyncClient(transport=one.transport).aclose())
    assert one.network.used == ["close", "close"]


def test_one_transport_serves_both_kinds_of_client(
    contract: hc.Contract, monkeypatch: pytest.MonkeyPatch, network: Any, good: Any
) -> None:
    made: list[tuple[str, Any]] = []

    def library(kind: str) -> Any:
        def make() -> Any:
            made.append((kind, network()))
            return made[-1][1]

        return make

    for kind in ("HTTPTransport", "AsyncHTTPTransport"):
        monkeypatch.setattr(httpx, kind, library(kind))
    transport = hc.GuardTransport(contract, surface="bare", response="raise")

    async def go() -> None:
        async with httpx.AsyncClient(transport=transport) as client:
            await client.post(URL, json=good)

    with httpx.Client(transport=transport) as client:
        for _ in range(2):
            client.post(URL, json=good)
        asyncio.run(go())
        assert [(kind, one.used) for kind, one in made] == [("HTTPTransport", []), ("AsyncHTTPTransport", ["exit"])]
    transport.close()
    asyncio.run(transport.aclose())
    assert [(kind, one.used) for kind, one in made] == [
        ("HTTPTransport", ["exit", "close"]),
        ("AsyncHTTPTransport", ["exit", "close"]),
    ]


def looked_at(contract: hc.Contract, share: float, total: int) -> list[bool]:
    transport = hc.GuardTransport(contract, sample=share)
    return [transport._is_due() for _ in range(total)]


@given(share=st.fractions(0, 1, max_denominator=1000), total=st.integers(0, 1500))
def test_of_any_number_of_responses_the_share_is_exact(contract: hc.Contract, share: Fraction, total: int) -> None:
    due = looked_at(contract, float(share), total)
    assert sum(due) == floor(total * share)
    if share > 0:
        gaps = "".join("x" if one else "." for one in due).split("x")
        assert all(len(gap) < 1 / share for gap in gaps)  # evenly spread


@pytest.mark.parametrize(("share", "total", "number"), [(0.1, 10, 1), (0.1, 1000, 100), (0.3, 10, 3), (0.7, 10, 7)])
def test_a_tenth_of_ten_is_one(contract: hc.Contract, share: float, total: int, number: int) -> None:
    assert sum(looked_at(contract, share, total)) == number


def test_a_share_of_the_responses_is_looked_at(guard: Any, answer: Any, good: Any) -> None:
    one = guard(httpx.MockTransport(lambda _: httpx.Response(200, json=answer)), sample=0.25)
    with httpx.Client(transport=one.transport) as client:
        for _ in range(8):
            client.post(URL, json=good)
    assert [each.direction for each in one.seen].count("response") == 2
    assert [each.direction for each in one.seen].count("request") == 8
