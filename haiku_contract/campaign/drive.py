"""The two thin edges of a campaign: a synchronous and an asynchronous client pump the same generator."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, cast

import httpx
from tenacity import AsyncRetrying, Retrying

from haiku_contract.campaign.arriving import Endless, Incoming
from haiku_contract.campaign.pace import Pace, retries
from haiku_contract.endpoint.echoes import hushed, readable, without
from haiku_contract.endpoint.recorded import SECONDS
from haiku_contract.model import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from tenacity import BaseRetrying

    from haiku_contract.campaign.run import Batch, Target
    from haiku_contract.model import CampaignFinished, Case

_MOST_SECONDS: Final = 120.0


def drive(
    steps: Generator[Batch, Sequence[Exchange], CampaignFinished], client: httpx.Client, send: Sender
) -> CampaignFinished:
    """Pump a campaign with a synchronous client; one request at a time.

    Returns:
        The `CampaignFinished` of the campaign.
    """
    sockets: list[socket.socket] = []
    with hushed(send.secrets), contextlib.closing(steps):
        try:
            batch = next(steps)
            while True:
                send.tally.owed += len(batch)
                batch = steps.send([_exchange(client, send, case, sockets) for case in batch])
        except StopIteration as stop:
            return cast("CampaignFinished", stop.value)


async def drive_async(
    steps: Generator[Batch, Sequence[Exchange], CampaignFinished], client: httpx.AsyncClient, send: Sender
) -> CampaignFinished:
    """Pump a campaign with an asynchronous client; the requests of a batch are under way at once.

    Returns:
        The `CampaignFinished` of the campaign.
    """
    with hushed(send.secrets), contextlib.closing(steps):
        try:
            batch = next(steps)
            while True:
                send.tally.owed += len(batch)
                batch = steps.send(await asyncio.gather(*(_exchange_async(client, send, case) for case in batch)))
        except StopIteration as stop:
            return cast("CampaignFinished", stop.value)


@dataclass(slots=True)
class Tally:
    """How many requests were sent, and how many of a batch are still to be sent for the first time."""

    sent: int = 0
    owed: int = 0


@dataclass(frozen=True, slots=True)
class Sender:
    """How a case becomes a request, how fast requests follow one another, and how often one is sent again.

    Attributes:
        target: where to.
        model_id: which model.
        headers: what every request carries beside its body.
        secrets: texts that are taken out of whatever comes back.
        most_seconds: how long an answer may take in all.
        attempts: how often a request is sent at most, while the endpoint is busy.
        pace: when the next one may start.
        most_requests: how many may be sent in all; None is no limit.
        once: a request that timed out is not sent again, because the endpoint may bill both.
        until: nothing is sent after this time of `time.monotonic`; None is no limit.
        arrived: takes each answer as soon as it is there, without secrets, while others of its batch are under way.
        tally: what was sent so far.
    """

    target: Target
    model_id: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    most_seconds: float = _MOST_SECONDS
    attempts: int = 1
    pace: Pace = field(default_factory=lambda: Pace(None))
    most_requests: int | None = None
    once: bool = False
    until: float | None = None
    arrived: Callable[[Exchange], None] = field(default=lambda _: None, repr=False)
    tally: Tally = field(default_factory=Tally, repr=False)

    def request(self, client: httpx.Client | httpx.AsyncClient, case: Case) -> httpx.Request:
        """The request of a case, body and content type exactly as the case has them.

        No content coding is asked for: what an answer takes in memory is then what it takes on the wire.
        """
        body = self.target.surface.wrap(case.body, self.model_id)
        headers = {"accept-encoding": "identity", **self.headers, "content-type": case.content_type}
        return client.build_request("POST", self.target.url, content=body, headers=headers)

    def turn(self) -> float | None:
        """Seconds to wait before the next request; None when none may be sent any more."""
        now = time.monotonic()
        wait = self.pace.delay(now)
        return None if self.until is not None and now + wait > self.until else wait

    def again(self) -> dict[str, Any]:
        """How tenacity is to try again."""
        return retries(self.attempts, self._used_up, once=self.once)

    def _used_up(self, wait: float) -> bool:
        late = self.until is not None and time.monotonic() + wait > self.until
        return late or (self.most_requests is not None and self.tally.sent + self.tally.owed >= self.most_requests)


def _exchange(client: httpx.Client, send: Sender, case: Case, sockets: list[socket.socket]) -> Exchange:
    send.tally.owed -= 1
    again = Retrying(**send.again())
    return _concluded(send, again(_attempt, client, send, case, sockets), again)


async def _exchange_async(client: httpx.AsyncClient, send: Sender, case: Case) -> Exchange:
    again = AsyncRetrying(**send.again())
    first = True

    async def attempt() -> Exchange:
        nonlocal first
        may_be_sent = await _turn(send)
        send.tally.owed -= first
        first = False
        return await _attempt_async(client, send, case) if may_be_sent else _unsent(case)

    return _concluded(send, await again(attempt), again)


async def _turn(send: Sender) -> bool:
    """Wait for a turn, and for another one where an answer has asked to wait meanwhile; false when there is none."""
    while (wait := send.turn()) is not None:
        asked = send.pace.asked
        await asyncio.sleep(wait)
        if send.pace.asked == asked:
            return True
    return False


def _attempt(client: httpx.Client, send: Sender, case: Case, sockets: list[socket.socket]) -> Exchange:
    wait = send.turn()
    if wait is None:
        return _unsent(case)
    time.sleep(wait)
    send.tally.sent += 1
    started = time.monotonic()
    request = send.request(client, case)
    try:
        with _watched(request, sockets, send.most_seconds):
            response = client.send(request, stream=True)
            with contextlib.closing(response):
                incoming = Incoming(response)
                for chunk in incoming.chunks():
                    incoming.take(chunk)
                    _check(started + send.most_seconds)
                body = incoming.whole()
    except httpx.RequestError as error:
        return _heard(send, _lost(case, error, started))
    return _heard(send, _arrived(case, response, body, (started, incoming.began)))


async def _attempt_async(client: httpx.AsyncClient, send: Sender, case: Case) -> Exchange:
    send.tally.sent += 1
    started = time.monotonic()
    try:
        async with asyncio.timeout(send.most_seconds):
            response = await client.send(send.request(client, case), stream=True)
            try:
                incoming = Incoming(response)
                async for chunk in incoming.chunks_async():
                    incoming.take(chunk)
                    _check(started + send.most_seconds)
                body = incoming.whole()
            finally:
                await response.aclose()
    except TimeoutError:
        return _heard(send, _lost(case, Endless(_NO_END), started))
    except httpx.RequestError as error:
        return _heard(send, _lost(case, error, started))
    return _heard(send, _arrived(case, response, body, (started, incoming.began)))


_NO_END: Final = "the answer does not end"


def _check(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise Endless(_NO_END)


@contextlib.contextmanager
def _watched(request: httpx.Request, sockets: list[socket.socket], seconds: float) -> Iterator[None]:
    """Shut the connection when a request has taken too long: time-outs of single steps never end a head that drips."""
    rang = threading.Event()

    def connected(name: str, info: Mapping[str, Any]) -> None:
        if name.endswith(("connect_tcp.complete", "start_tls.complete")):
            found = info["return_value"].get_extra_info("socket")
            sockets[:] = [one for one in sockets if one.fileno() >= 0] + [found]

    def ring() -> None:
        rang.set()
        for one in sockets:
            with contextlib.suppress(OSError):  # it is closed already
                one.shutdown(socket.SHUT_RDWR)

    request.extensions["trace"] = connected
    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    except httpx.RequestError:
        if not rang.is_set():
            raise
    finally:
        timer.cancel()
    if rang.is_set():  # a body whose length nobody said ends as if it were whole
        raise Endless(_NO_END)


def _heard(send: Sender, exchange: Exchange) -> Exchange:
    """The exchange without secrets, after the pace has taken notice of it."""
    send.pace.heard(exchange, time.monotonic())
    credentials = tuple(one for one in send.secrets if any(one in value for value in send.headers.values()))
    clean = readable(without(exchange, send.secrets), send.secrets)
    return replace(clean, echoed=without(exchange, credentials) != exchange)


def _concluded(send: Sender, exchange: Exchange, again: BaseRetrying) -> Exchange:
    """The last answer of a request, with the number of attempts; it is handed on before the batch has ended."""
    tried: int = again.statistics.get("attempt_number", 1)
    exchange = replace(exchange, attempts=tried - (exchange.attempts == 0))
    send.arrived(exchange)
    return exchange


def _unsent(case: Case) -> Exchange:
    return Exchange(case, None, {}, b"", 0.0, "not sent: the time is up", attempts=0)


def _arrived(case: Case, response: httpx.Response, body: bytes, times: tuple[float, float | None]) -> Exchange:
    """The exchange; of a recorded answer, with the times of its recording.

    Args: what was sent, what came back, and when it was sent and the first byte of the body came.
    """
    (started, first), ended = times, time.monotonic()
    headers = {name.lower(): value for name, value in response.headers.items()}
    recorded = response.extensions.get(SECONDS)
    ttfb, elapsed = (recorded[0], recorded[-1]) if recorded else ((first or ended) - started, ended - started)
    return Exchange(case, response.status_code, headers, body, elapsed, ttfb=ttfb)


def _lost(case: Case, error: httpx.RequestError, started: float) -> Exchange:
    reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")
    return Exchange(case, None, {}, b"", time.monotonic() - started, reason)
