"""What the tests of the guard share: a network that remembers and breaks, and clients of both kinds."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

import httpx
import pytest

import haiku_contract as hc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

URL = "http://127.0.0.1:9/"
GOOD = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}
USAGE = {"input_tokens": 1, "output_tokens": 1}
ANSWER = {
    "id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}],
    "model": "claude-haiku-4-5-20251001", "stop_reason": "end_turn", "usage": USAGE,
}  # fmt: skip
EVENTS = [
    f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
    for event in (
        {"type": "message_start", "message": {**ANSWER, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    )
]


class Chunks(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that arrives in pieces, counts what was taken, and may break."""

    def __init__(self, *chunks: bytes, error: Exception | None = None) -> None:
        self.chunks = chunks
        self.error = error
        self.taken = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.taken += 1
            yield chunk
        if self.error:
            raise self.error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


class Network(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The inner transport: remembers what was sent and how it was used, answers with a stream."""

    def __init__(self, body: Any = ANSWER, status: int = 200, **headers: str) -> None:
        """Args: a body, as chunks, bytes or JSON; headers with underscores, without any that of JSON."""
        self.sent: list[httpx.Request] = []
        self.used: list[str] = []
        if not isinstance(body, (Chunks, bytes)):
            body = json.dumps(body).encode()
        self.body = body if isinstance(body, Chunks) else Chunks(body)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()} or {
            "content-type": "application/json"
        }

    @classmethod
    def in_chunks(cls, body: bytes, size: int, **headers: str) -> Self:
        """One that sends a body in chunks of that size."""
        return cls(Chunks(*(body[at : at + size] for at in range(0, len(body), size))), **headers)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return httpx.Response(self.status, headers=self.headers, stream=self.body)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)

    def __enter__(self) -> Self:
        self.used.append("enter")
        return self

    def __exit__(self, *_: object) -> None:
        self.used.append("exit")

    async def __aenter__(self) -> Self:
        self.used.append("enter")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.used.append("exit")

    def close(self) -> None:
        self.used.append("close")

    async def aclose(self) -> None:
        self.used.append("close")


class Guard:
    """A guard in front of a network, with what its observer has seen."""

    def __init__(self, contract: hc.Contract, network: Any, **modes: Any) -> None:
        self.network = network
        self.seen: list[hc.Observation] = []
        modes.setdefault("observer", self.seen.append)
        modes.setdefault("surface", "bare")
        self.transport = hc.GuardTransport(contract, network, **modes)


def _post_sync(guard: Guard, url: str = URL, **content: Any) -> httpx.Response:
    with httpx.Client(transport=guard.transport) as client:
        return client.post(url, **content or {"json": GOOD})


def _post_async(guard: Guard, url: str = URL, **content: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=guard.transport) as client:
            return await client.post(url, **content or {"json": GOOD})

    return asyncio.run(go())


def _read_sync(guard: Guard, stop_after: int | None = None) -> list[bytes]:
    with httpx.Client(transport=guard.transport) as client, client.stream("POST", URL, json=GOOD) as response:
        got = []
        for chunk in response.iter_raw():
            got.append(chunk)
            if len(got) == stop_after:
                break
        return got


def _read_async(guard: Guard, stop_after: int | None = None) -> list[bytes]:
    async def go() -> list[bytes]:
        got = []
        async with (
            httpx.AsyncClient(transport=guard.transport) as client,
            client.stream("POST", URL, json=GOOD) as response,
        ):
            async for chunk in response.aiter_raw():
                got.append(chunk)
                if len(got) == stop_after:
                    break
        return got

    return asyncio.run(go())


@pytest.fixture(params=[_post_sync, _post_async], ids=["sync", "async"])
def post(request: pytest.FixtureRequest) -> Callable[..., httpx.Response]:
    """Post through a guard; the good request when nothing is given."""
    found: Callable[..., httpx.Response] = request.param
    return found


@pytest.fixture
def send() -> Callable[..., httpx.Response]:
    """Post through a guard synchronously, where the kind of client makes no difference."""
    return _post_sync


@pytest.fixture(params=[_read_sync, _read_async], ids=["sync", "async"])
def read(request: pytest.FixtureRequest) -> Callable[..., list[bytes]]:
    """Read the chunks of the answer, all or the first few."""
    found: Callable[..., list[bytes]] = request.param
    return found


@pytest.fixture(scope="session")
def contract() -> hc.Contract:
    return hc.load()


@pytest.fixture
def guard(contract: hc.Contract) -> Callable[..., Guard]:
    """Make a guard: a network (a conforming answer when absent), then modes; the surface is `bare` unless named."""
    return lambda network=None, **modes: Guard(contract, Network() if network is None else network, **modes)


@pytest.fixture
def network() -> type[Network]:
    return Network


@pytest.fixture
def chunks() -> type[Chunks]:
    return Chunks


@pytest.fixture
def good() -> dict[str, Any]:
    """A conforming request."""
    return dict(GOOD)


@pytest.fixture
def bad() -> dict[str, Any]:
    """A request with one violation, and with text that is nobody's business."""
    return {"messages": [{"role": "user", "content": "a private prompt"}], "max_tokens": "secret 8"}


@pytest.fixture
def answer() -> dict[str, Any]:
    """A conforming response."""
    return dict(ANSWER)


@pytest.fixture
def events() -> list[bytes]:
    """A conforming stream, event by event."""
    return list(EVENTS)


@pytest.fixture
def cancel() -> Callable[[Any], None]:
    """Cancels whoever reads a stream while the first chunk of it is looked at."""

    async def read(one: Any) -> None:
        async with (
            httpx.AsyncClient(transport=one.transport) as client,
            client.stream("POST", URL, json={"messages": [], "max_tokens": 1}) as response,
        ):
            async for _ in response.aiter_raw():
                await asyncio.sleep(60)

    async def cancelled(one: Any) -> None:
        task = asyncio.create_task(read(one))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    return lambda one: asyncio.run(cancelled(one))
