"""Endpoints that mean ill, over real connections: time and memory are bounded, and the outcome is clear."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from haiku_contract.campaign.arriving import MOST_BYTES
from haiku_contract.campaign.drive import Sender, drive, drive_async
from haiku_contract.campaign.run import Target
from haiku_contract.endpoint import surfaces
from haiku_contract.model import Case, Exchange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

    Manner = Callable[[], AsyncIterator[bytes]]

CASE: Final = Case("request/simplest", "request", "conforming", None, {}, b"{}")
HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
STEP: Final = 0.3
"""Seconds that one step of a request may take here."""
WIDTH: Final = 8
WHOLE: Final = 0.6
"""Seconds that a whole answer may take here."""
ZEROS: Final = bytes(100_000_000)
BOMB: Final = gzip.compress(ZEROS, 9, mtime=0)


def says(*parts: bytes, then: bytes | None = None, pause: float = 0.0) -> Manner:
    """Say something, and then something else until nobody listens any more."""

    async def manner() -> AsyncIterator[bytes]:
        for part in parts:
            yield part
        while then is not None:
            yield then
            await asyncio.sleep(pause)

    return manner


async def hangs() -> AsyncIterator[bytes]:
    await asyncio.sleep(30)
    yield b""


def coded(name: str, body: bytes) -> bytes:
    return HEAD + f"content-encoding: {name}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


LOST: dict[str, tuple[Manner, str]] = {
    "hangs": (hangs, "ReadTimeout"),
    "closes": (says(), "RemoteProtocolError: "),
    "speaks something else": (says(b"\x00\xffSSH-2.0-nope\r\n\r\n" * 3), "RemoteProtocolError: "),
    "an old head that is none": (says(b"HTTP/1.0\r\n\r\n\x00"), "RemoteProtocolError: "),
    # In pieces of some size: looking at each line again takes a slow machine longer than it has patience.
    "a head without end": (says(HEAD, then=b"x-more: more\r\n" * 100), "RemoteProtocolError: "),
    "a head that drips": (says(HEAD, then=b"x", pause=0.03), "Endless: the answer does not end"),
    "always a moment more": (says(then=b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.03), "Endless: the answer does not"),
    "a body that drips": (says(HEAD + b"\r\n", then=b" ", pause=0.03), "Endless: the answer does not end"),
    "a gigabyte": (
        says(HEAD + b"content-length: 1000000000\r\n\r\n", then=b" " * 1_000_000),
        f"Endless: the answer is longer than {MOST_BYTES:,} bytes",
    ),
    "chunks without end": (
        says(HEAD + b"transfer-encoding: chunked\r\n\r\n", then=b"10000\r\n" + b" " * 65_536 + b"\r\n"),
        "Endless: the answer is longer than",
    ),
    "chunks that are none": (says(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"zz\r\n"), "RemoteProtocolError: "),
    "breaks off": (says(HEAD + b"content-length: 100\r\n\r\n{"), "RemoteProtocolError: "),
    "two lengths": (says(HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}"), "RemoteProtocolError: "),
    "a length below zero": (says(HEAD + b"content-length: -1\r\n\r\n{}"), "RemoteProtocolError: "),
    "a bomb": (says(coded("gzip", BOMB)), "Endless: the answer is longer than"),
    "a coding that breaks off": (says(coded("gzip", gzip.compress(b"{}")[:-9])), "DecodingError: the coded body"),
    "a coding that is none": (says(coded("deflate", b"{}")), "DecodingError: "),
    "a coding that nobody knows": (says(coded("br", b"{}")), "DecodingError: the body is coded as 'br'"),
    "a coding in a coding": (says(coded("gzip, gzip", b"{}")), "DecodingError: the body is coded as 'gzip, gzip'"),
}
ANSWERED: dict[str, tuple[Manner, int, bytes]] = {
    "an old answer": (says(b"HTTP/1.0 200 OK\r\n\r\n{}"), 200, b"{}"),
    "more than it says": (says(HEAD + b"content-length: 2\r\n\r\n{}{}{}"), 200, b"{}"),
    "sends elsewhere": (
        says(b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /\r\ncontent-length: 0\r\n\r\n"), 307, b"",
    ),
    "a coding that nobody asked for": (says(coded("gzip", gzip.compress(b"{}"))), 200, b"{}"),
    "no body that is coded": (says(coded("gzip", b"")), 200, b""),
}  # fmt: skip


class Somebody:
    """Listens at a free port of this machine, and answers every request in one manner."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self.url = ""
        self.heard = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> str:
        self._thread.start()
        assert self._ready.wait(10)
        return self.url

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        served: set[asyncio.Task[None]] = set()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            served.add(asyncio.current_task())  # type: ignore[arg-type]
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(2 if b"content-length: 2" in head.lower() else 0)
                async for part in self.manner():
                    writer.write(part)
                    await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)


def asking() -> Generator[Any, Any, Any]:
    """A campaign of one request, which returns what came of it."""
    return (yield (CASE,))[0]


def ask(url: str, *, several: bool) -> Exchange:
    sender = Sender(Target("somebody", url, surfaces.named("bare")), "x/y", most_seconds=WHOLE)
    if not several:
        with httpx.Client(timeout=STEP, trust_env=False) as client:
            return drive(asking(), client, sender)  # type: ignore[return-value]

    async def go() -> Any:
        async with httpx.AsyncClient(timeout=STEP, trust_env=False) as client:
            return await drive_async(asking(), client, sender)

    return asyncio.run(go())  # type: ignore[no-any-return]


def ask_many(url: str, *, patience: int = 1) -> list[Exchange]:
    """What comes of as many requests as a campaign has under way at once."""
    sender = Sender(Target("somebody", url, surfaces.named("bare")), "x/y", most_seconds=WHOLE * patience)

    def asking_many() -> Generator[Any, Any, Any]:
        return (yield (CASE,) * WIDTH)

    async def go() -> Any:
        async with httpx.AsyncClient(timeout=STEP * patience, trust_env=False) as client:
            return await drive_async(asking_many(), client, sender)

    return list(asyncio.run(go()))


@contextlib.contextmanager
def most_memory(most: int) -> Iterator[None]:
    """Nothing in this process takes more than that."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < most


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Nothing in this process takes much more than the longest answer."""
    with most_memory(5 * MOST_BYTES):
        yield


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("several", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", LOST)
def test_what_is_no_answer_is_lost(name: str, *, several: bool) -> None:
    manner, error = LOST[name]
    started = time.monotonic()
    with Somebody(manner) as url:
        exchange = ask(url, several=several)
    assert time.monotonic() - started < 20  # not a measurement: it would take an hour, or never end
    assert (exchange.status, exchange.body) == (None, b"")
    assert exchange.error.startswith(error)
    assert exchange.error.isprintable()


@pytest.mark.parametrize("several", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", ANSWERED)
def test_what_is_odd_and_an_answer(name: str, *, several: bool) -> None:
    manner, status, body = ANSWERED[name]
    with Somebody(manner) as url:
        exchange = ask(url, several=several)
    assert (exchange.status, exchange.body, exchange.error) == (status, body, "")


@pytest.mark.parametrize("name", LOST)
def test_many_that_are_no_answers_are_lost(name: str) -> None:
    """One bound for time and one for memory hold for all that are under way together; none spoils another."""
    manner, error = LOST[name]
    started = time.monotonic()
    with Somebody(manner) as url, most_memory(3 * WIDTH * MOST_BYTES):
        exchanges = ask_many(url)
    assert time.monotonic() - started < 60  # not a measurement, as above
    assert [(one.status, one.body) for one in exchanges] == [(None, b"")] * WIDTH
    for one in exchanges:
        assert one.error.startswith((error, "Endless: ", "ReadTimeout"))  # late because of the others, at worst
        assert one.error.isprintable()


@pytest.mark.parametrize("name", ANSWERED)
def test_many_that_are_odd_and_answers(name: str) -> None:
    manner, status, body = ANSWERED[name]
    with Somebody(manner) as url:
        exchanges = ask_many(url, patience=50)
    assert [(one.status, one.body, one.error) for one in exchanges] == [(status, body, "")] * WIDTH
