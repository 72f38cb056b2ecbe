"""The two thin edges of a campaign: a synchronous and an asynchronous client pump the same generator."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, cast

import httpx
from tenacity import AsyncRetrying, Retrying

from haiku_contract.campaign.pace import Pace, retries
from haiku_contract.model import Exchange

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from tenacity import BaseRetrying

    from haiku_contract.campaign.run import Batch, Target
    from haiku_contract.model import CampaignFinished, Case

_MOST_BYTES: Final = 32 * 1024 * 1024
_MOST_SECONDS: Final = 120.0
_REDACTED: Final = "REDACTED"


def drive(
    steps: Generator[Batch, Sequence[Exchange], CampaignFinished], client: httpx.Client, send: Sender
) -> CampaignFinished:
    """Pump a campaign with a synchronous client; one request at a time.

    Returns:
        The `CampaignFinished` of the campaign.
    """
    try:
        batch = next(steps)
        while True:
            batch = steps.send([_exchange(client, send, case) for case in batch])
    except StopIteration as stop:
        return cast("CampaignFinished", stop.value)


async def drive_async(
    steps: Generator[Batch, Sequence[Exchange], CampaignFinished], client: httpx.AsyncClient, send: Sender
) -> CampaignFinished:
    """Pump a campaign with an asynchronous client; the requests of a batch are under way at once.

    Returns:
        The `CampaignFinished` of the campaign.
    """
    try:
        batch = next(steps)
        while True:
            batch = steps.send(await asyncio.gather(*(_exchange_async(client, send, case) for case in batch)))
    except StopIteration as stop:
        return cast("CampaignFinished", stop.value)


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
    """

    target: Target
    model_id: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    most_seconds: float = _MOST_SECONDS
    attempts: int = 1
    pace: Pace = field(default_factory=lambda: Pace(None))
    most_requests: int | None = None
    sent: Counter[str] = field(default_factory=Counter, repr=False)

    def request(self, client: httpx.Client | httpx.AsyncClient, case: Case) -> httpx.Request:
        """The request of a case, body and content type exactly as the case has them."""
        body = self.target.surface.wrap(case.body, self.model_id)
        headers = {**self.headers, "content-type": case.content_type}
        return client.build_request("POST", self.target.url, content=body, headers=headers)

    def again(self) -> dict[str, Any]:
        """How tenacity is to try again."""
        return retries(self.attempts, lambda: self.sent["all"] == self.most_requests)


def _exchange(client: httpx.Client, send: Sender, case: Case) -> Exchange:
    again = Retrying(**send.again())
    return _counted(again(_attempt, client, send, case), again)


async def _exchange_async(client: httpx.AsyncClient, send: Sender, case: Case) -> Exchange:
    again = AsyncRetrying(**send.again())
    return _counted(await again(_attempt_async, client, send, case), again)


def _attempt(client: httpx.Client, send: Sender, case: Case) -> Exchange:
    time.sleep(send.pace.delay(time.monotonic()))
    send.sent["all"] += 1
    started = time.monotonic()
    try:
        response = client.send(send.request(client, case), stream=True)
        try:
            body, first = bytearray(), None
            for chunk in response.iter_bytes():
                first = first or time.monotonic()
                _take(body, chunk, started + send.most_seconds)
        finally:
            response.close()
    except httpx.RequestError as error:
        return _heard(send, _lost(case, error, started))
    return _heard(send, _arrived(case, response, bytes(body), (started, first)))


async def _attempt_async(client: httpx.AsyncClient, send: Sender, case: Case) -> Exchange:
    await asyncio.sleep(send.pace.delay(time.monotonic()))
    send.sent["all"] += 1
    started = time.monotonic()
    try:
        response = await client.send(send.request(client, case), stream=True)
        try:
            body, first = bytearray(), None
            async for chunk in response.aiter_bytes():
                first = first or time.monotonic()
                _take(body, chunk, started + send.most_seconds)
        finally:
            await response.aclose()
    except httpx.RequestError as error:
        return _heard(send, _lost(case, error, started))
    return _heard(send, _arrived(case, response, bytes(body), (started, first)))


class _Endless(httpx.RequestError):
    """An answer that goes on and on."""


def _take(body: bytearray, chunk: bytes, deadline: float) -> None:
    body += chunk
    if len(body) > _MOST_BYTES:
        raise _Endless(f"the answer is longer than {_MOST_BYTES:,} bytes")
    if time.monotonic() > deadline:
        raise _Endless("the answer does not end")


def _heard(send: Sender, exchange: Exchange) -> Exchange:
    """The exchange without secrets, after the pace has taken notice of it."""
    send.pace.heard(exchange)
    credentials = [one for one in send.secrets if any(one in value for value in send.headers.values())]
    heard = "\n".join((exchange.body.decode("latin-1"), *exchange.headers.values()))
    exchange = replace(exchange, echoed=any(one in heard for one in credentials))
    for secret in send.secrets:
        exchange = replace(
            exchange,
            body=exchange.body.replace(secret.encode(), _REDACTED.encode()),
            headers={name: value.replace(secret, _REDACTED) for name, value in exchange.headers.items()},
            error=exchange.error.replace(secret, _REDACTED),
        )
    return exchange


def _counted(exchange: Exchange, again: BaseRetrying) -> Exchange:
    return replace(exchange, attempts=again.statistics.get("attempt_number", 1))


def _arrived(case: Case, response: httpx.Response, body: bytes, times: tuple[float, float | None]) -> Exchange:
    """Args: what was sent, what came back, and when it was sent and the first byte of the body came."""
    (started, first), ended = times, time.monotonic()
    headers = {name.lower(): value for name, value in response.headers.items()}
    ttfb = (first or ended) - started
    return Exchange(case, response.status_code, headers, body, ended - started, ttfb=ttfb)


def _lost(case: Case, error: httpx.RequestError, started: float) -> Exchange:
    name = type(error).__name__.lstrip("_")
    reason = " ".join(f"{name}: {error}".split()).rstrip(": ")
    return Exchange(case, None, {}, b"", time.monotonic() - started, reason)
