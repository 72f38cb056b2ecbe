"""Event streams on their way through: at once, unchanged, and checked while they pass."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

import haiku_contract as hc

STREAM = {"content_type": "text/event-stream; charset=utf-8"}
URL = "http://127.0.0.1:9/"


def test_a_stream_passes_chunk_by_chunk_and_unchanged(
    read: Any, guard: Any, network: Any, chunks: Any, events: Any
) -> None:
    body = chunks(*events)
    one = guard(network(body, **STREAM), response="raise")
    assert read(one) == events
    assert [(each.direction, each.violations, each.complete) for each in one.seen] == [
        ("request", (), True),
        ("response", (), True),
    ]
    assert body.closed


def test_nothing_is_taken_ahead_of_the_reader(read: Any, guard: Any, network: Any, chunks: Any, events: Any) -> None:
    body = chunks(*events)
    one = guard(network(body, **STREAM), response="raise")
    assert read(one, 2) == events[:2]
    assert body.taken == 2
    assert body.closed
    assert [(each.direction, each.complete) for each in one.seen] == [("request", True), ("response", False)]


def test_a_broken_stream_raises_where_it_breaks(read: Any, guard: Any, network: Any, chunks: Any, events: Any) -> None:
    body = chunks(events[0], *events[2:])
    with pytest.raises(hc.ContractViolation, match="stream:"):
        read(guard(network(body, **STREAM), response="raise"))
    assert body.taken == 2
    assert body.closed


def test_a_truncated_stream_raises_at_its_end(read: Any, guard: Any, network: Any, chunks: Any, events: Any) -> None:
    body = chunks(*events[:-1])
    with pytest.raises(hc.ContractViolation, match="stream:"):
        read(guard(network(body, **STREAM), response="raise"))
    assert body.closed
    with pytest.warns(hc.ContractWarning, match="stream:"):
        assert read(guard(network(chunks(*events[:-1]), **STREAM))) == events[:-1]


@pytest.mark.parametrize(("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_stream(read: Any, guard: Any, network: Any, events: Any, coding: str, compress: Any) -> None:
    def body(whole: list[bytes]) -> Any:
        return network.in_chunks(compress(b"".join(whole)), 5, **STREAM, content_encoding=coding)

    read(guard(body(events), response="raise"))
    with pytest.raises(hc.ContractViolation, match="stream:/order/terminal"):
        read(guard(body(events[:-1]), response="raise"))


def test_a_broken_coding_is_reported_once(read: Any, guard: Any, network: Any, chunks: Any) -> None:
    one = guard(network(chunks(*[b"no gzip"] * 9), **STREAM, content_encoding="gzip"), response="observe")
    read(one)
    assert [each.constraint for each in one.seen[-1].violations].count("wire:content-coding") == 1


def test_a_cancelled_reader_leaves_nothing_open(
    cancel: Any, guard: Any, network: Any, chunks: Any, events: Any
) -> None:
    body = chunks(*events)
    one = guard(network(body, **STREAM), response="raise")

    cancel(one)
    assert body.closed
    assert one.seen[-1].complete is False
    assert one.seen[-1].violations == ()
