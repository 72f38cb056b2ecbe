"""Rate, retries and what they cost: throttled requests are sent again, politely and not for ever."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.campaign import drive as driving
from haiku_contract.campaign.drive import Sender, drive, drive_async
from haiku_contract.campaign.pace import PUBLISHED_RATE, pace, retry_after
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint import surfaces
from haiku_contract.generate import suite
from haiku_contract.model import CampaignFinished, Case, Exchange, OutcomeKind

CONTRACT = hc.load()
CASES = suite(CONTRACT, "request")[:1]
TARGET = Target("somewhere", "http://reference.invalid/", surfaces.named("bare"))
CASE = Case("request/simplest", "request", "conforming", None, {}, b"{}")
BUSY = {"error": [{"code": 2003, "message": "Rate limited"}]}


class Busy:
    """Answers 429 so many times, then properly."""

    def __init__(self, times: int, headers: dict[str, str] | None = None, status: int = 429) -> None:
        self.times, self.headers, self.status = times, headers or {}, status
        self.heard = 0

    def __call__(self, _request: httpx.Request) -> httpx.Response:
        self.heard += 1
        if self.heard <= self.times:
            return httpx.Response(self.status, headers=self.headers, json=BUSY)
        return httpx.Response(200, json={"content": []})


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long would have been waited; nobody waits."""
    waits: list[float] = []
    here, sleep, asleep = threading.get_ident(), time.sleep, asyncio.sleep

    def note(seconds: float) -> None:
        if threading.get_ident() == here:
            waits.append(seconds)
        else:
            sleep(seconds)  # a server of another test

    async def note_async(seconds: float) -> None:
        if threading.get_ident() == here:
            waits.append(seconds)
        else:
            await asleep(seconds)

    monkeypatch.setattr(time, "sleep", note)
    monkeypatch.setattr(asyncio, "sleep", note_async)
    return waits


def run(somebody: Any, sender: Sender, *, several: bool) -> CampaignFinished:
    steps = campaign(CONTRACT, CASES, TARGET, lambda _: None)
    transport = httpx.MockTransport(somebody)
    if not several:
        with httpx.Client(transport=transport) as client:
            return drive(steps, client, sender)

    async def go() -> CampaignFinished:
        async with httpx.AsyncClient(transport=transport) as client:
            return await drive_async(steps, client, sender)

    return asyncio.run(go())


@pytest.mark.parametrize("several", [False, True], ids=["sync", "async"])
def test_a_busy_endpoint_is_asked_again(slept: list[float], monkeypatch: pytest.MonkeyPatch, *, several: bool) -> None:
    clock = SimpleNamespace(monotonic=lambda: 100.0 + sum(slept), sleep=time.sleep)  # goes on while somebody waits
    monkeypatch.setattr(driving, "time", clock)
    somebody = Busy(2, {"retry-after": "7"})
    result = run(somebody, Sender(TARGET, CONTRACT.model_id, attempts=4), several=several)
    assert somebody.heard == result.requests == 3
    assert result.outcomes == {OutcomeKind.ACCEPTED: 1}
    assert [one for one in slept if one] == [7.0, 7.0]


@pytest.mark.parametrize("several", [False, True], ids=["sync", "async"])
def test_patience_ends(slept: list[float], *, several: bool) -> None:
    somebody = Busy(99, status=503)
    with pytest.raises(hc.EndpointError, match="does not serve requests"):
        run(somebody, Sender(TARGET, CONTRACT.model_id, attempts=4), several=several)
    assert somebody.heard == 4
    waits = [one for one in slept if one]
    assert len(waits) == 3
    assert all(2**turn <= wait <= 2**turn + 1 for turn, wait in enumerate(waits))


def test_who_asks_to_wait_for_an_hour_is_not_asked_again(slept: list[float]) -> None:
    somebody = Busy(99, {"retry-after": "3600"})
    with pytest.raises(hc.EndpointError):
        run(somebody, Sender(TARGET, CONTRACT.model_id, attempts=4), several=False)
    assert (somebody.heard, sum(slept)) == (1, 0)


def test_requests_that_are_sent_again_count(slept: list[float]) -> None:
    somebody = Busy(99)
    with pytest.raises(hc.EndpointError):
        run(somebody, Sender(TARGET, CONTRACT.model_id, attempts=9, most_requests=2), several=False)
    assert somebody.heard == 2
    assert slept


@pytest.mark.parametrize("error", [httpx.ReadTimeout("slow"), httpx.ConnectError("refused")])
def test_time_outs_are_tried_again_and_refused_connections_are_not(slept: list[float], error: Exception) -> None:
    heard = 0

    def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal heard
        heard += 1
        raise error

    with pytest.raises(hc.EndpointError, match="cannot be reached"):
        run(answer, Sender(TARGET, CONTRACT.model_id, attempts=3), several=False)
    assert heard == (3 if isinstance(error, httpx.TimeoutException) else 1)
    assert len([one for one in slept if one]) == heard - 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7), ("0", 0), ("Thu, 01 Jan 1970 00:01:40 GMT", 60), ("Thu, 01 Jan 1970 00:00:01 GMT", 0), ("soon", None),
     ("", None), ("-1", None)],
)  # fmt: skip
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after(Exchange(CASE, 429, {"retry-after": text}, b"", 0.0), now=40.0) == seconds


@pytest.mark.parametrize(("text", "interval"), [("3/s", 1 / 3), ("200/m", 0.3), ("36/h", 100.0), ("0.5/s", 2.0)])
def test_requests_keep_their_distance(text: str, interval: float) -> None:
    spaced = pace(text, real=False)
    assert [spaced.delay(now) for now in (0.0, 0.0, 0.0)] == pytest.approx([0, interval, 2 * interval])
    assert spaced.delay(1_000.0) == 0


def test_no_limit() -> None:
    for text in ("none", "auto"):
        unlimited = pace(text, real=False)
        assert {unlimited.delay(0.0) for _ in range(9)} == {0.0}


def test_auto_keeps_to_the_published_rate_and_slows_down() -> None:
    adaptive = pace("auto", real=True)
    assert [adaptive.delay(0.0), adaptive.delay(0.0)] == pytest.approx([0, 1 / PUBLISHED_RATE])
    adaptive.heard(Exchange(CASE, 429, {}, b"", 0.0), 100.0)
    adaptive.delay(100.0)
    assert adaptive.delay(100.0) == pytest.approx(2 / PUBLISHED_RATE)
    for _ in range(99):
        adaptive.heard(Exchange(CASE, 200, {"content-type": "application/json"}, b"{}", 0.0), 200.0)
    adaptive.delay(200.0)
    assert adaptive.delay(200.0) == pytest.approx(1 / PUBLISHED_RATE)


@pytest.mark.parametrize("text", ["", "3", "3/d", "-1/s", "0/s", "x/s", "1e3/s", "3/s "])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(hc.UsageError, match="not a rate"):
        pace(text, real=False)


def test_the_distance_is_kept_by_the_drivers() -> None:
    steps = campaign(CONTRACT, suite(CONTRACT, "request")[:4], TARGET, lambda _: None)
    sender = Sender(TARGET, CONTRACT.model_id, pace=pace("50/s", real=False))
    started = time.monotonic()
    with httpx.Client(transport=httpx.MockTransport(Busy(0))) as client:
        result = drive(steps, client, sender)
    assert time.monotonic() - started >= (result.requests - 1) / 50
