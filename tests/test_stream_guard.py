"""Event streams through the guard: how they ended, what is kept of them, and that nothing else reaches the caller."""

from __future__ import annotations

import warnings
from typing import Any

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.generate.stream_events import CONTENT_TYPE, USUAL, encode, encode_event, error
from haiku_contract.guard.policy import Checked, Observation, Policy
from haiku_contract.guard.watch import EventWatcher
from haiku_contract.stream import StreamError, StreamOutcome

CONTRACT = hc.load()
GOOD = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5, "stream": True}


def observed(body: bytes, **options: Any) -> Observation:
    """What the guard says of a streamed answer."""
    seen: list[Observation] = []
    transport = hc.GuardTransport(
        options.pop("contract", CONTRACT),
        httpx.MockTransport(lambda _: httpx.Response(200, headers={"content-type": CONTENT_TYPE}, content=body)),
        surface="bare",
        observer=seen.append,
        **({"response": "observe"} | options),
    )
    with httpx.Client(transport=transport) as client:
        assert client.post("http://127.0.0.1:9/", json=GOOD).content == body
    return seen[-1]


@pytest.mark.parametrize(("body", "outcome", "said"), [
    (encode(USUAL), StreamOutcome.COMPLETE, None),
    (encode([*USUAL[:4], error("api_error", "Busy")]), StreamOutcome.ERROR, StreamError("api_error", "Busy")),
    (encode(USUAL[:4]), StreamOutcome.TRUNCATED, None),
])  # fmt: skip
def test_an_observation_says_how_a_stream_ended(body: bytes, outcome: StreamOutcome, said: StreamError | None) -> None:
    assert observed(body).error == (said and said._replace(message=""))
    seen = observed(body, excerpts=True)
    assert (seen.outcome, seen.error, seen.complete, seen.further) == (outcome, said, True, 0)
    assert bool(seen.violations) == (outcome is StreamOutcome.TRUNCATED)


def test_a_stream_cannot_fill_the_memory_with_violations() -> None:
    seen = observed(encode(USUAL[:3]) + encode_event({"type": "content_block_delta"}) * 1_000)
    assert len(seen.violations) == 100
    assert seen.further == 2 * 1_000 + 1 - 100


def test_a_stream_that_is_closed_early_is_open() -> None:
    seen: list[Observation] = []
    policy = Policy(CONTRACT, response="observe", observer=seen.append)
    surface = hc.GuardTransport(CONTRACT, surface="bare")._policy.surface
    assert surface is not None
    watching = EventWatcher(policy, Checked(surface, GOOD), 200, None)
    watching.feed(encode(USUAL[:4]))
    watching.abandon()
    assert [(one.outcome, one.complete, one.violations) for one in seen] == [(StreamOutcome.OPEN, False, ())]


@pytest.mark.parametrize("mode", ["observe", "warn"])
def test_nothing_but_warnings_reaches_the_caller(mode: str) -> None:
    """Also of what no validator likes: digits without end, deep nesting, half characters, garbage."""
    bodies = [
        b"\x00\xff" * 100,
        b"data: " + b"[" * 5_000 + b"\n\n",
        b"data: " + b"1" * 5_000 + b"\n\n",
        encode(USUAL)[:777],
    ]
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        for body in bodies:
            assert observed(body, response=mode).violations


def test_a_contract_without_streams_lets_them_pass(tmp_path: Any) -> None:
    path = tmp_path / "catalog.json"
    path.write_text('{"model_id": "x/y", "schema": {"input": {}, "output": {}}}', encoding="utf-8")
    contract = hc.load(path)
    assert observed(encode(USUAL), contract=contract).skipped == "a contract that says nothing of streams"
