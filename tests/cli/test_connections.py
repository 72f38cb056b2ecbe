"""The connections of `serve`: each waits for the head of a request, but not for ever, and says what is wrong."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from uvicorn.server import ServerState

import haiku_contract as hc
from haiku_contract.cli import connections
from haiku_contract.endpoint.reference.app import create_app

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]

APP = create_app(hc.load())
BODY = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}).encode()
HEAD = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY)
BEGUN = HEAD[:40]
PATIENCE = 0.1
PUNCTUAL = b"HTTP/1.1 200 OK"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE", PATIENCE)


def talk(client: Client) -> Any:
    """What a client makes of the server, to which it has one connection; nothing may be wrong in the server's loop."""
    wrong: list[Any] = []

    async def go() -> Any:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: wrong.append(context))
        config = uvicorn.Config(APP, lifespan="off", log_config=None, timeout_keep_alive=0.2, ws="none")
        config.load()
        state = ServerState()
        server = await loop.create_server(
            lambda: connections.PatientProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            try:
                return await asyncio.wait_for(client(reader, writer), 10)
            finally:
                writer.close()
                for _ in range(1000):
                    if state.connections:
                        await asyncio.sleep(0.01)
                assert not state.connections

    result = asyncio.run(go())
    assert wrong == []
    return result


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The first line of an answer, whose body is read too."""
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    return head.partition(b"\r\n")[0]


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("begun", [b"", BEGUN])
def test_a_head_that_does_not_come(before: int, begun: bytes) -> None:
    """The first on a connection, and any after it; a connection that is silent between two is closed without a word."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        for _ in range(before):
            writer.write(HEAD + BODY)
            assert await answer(reader) == PUNCTUAL
        writer.write(begun)
        return await reader.read()

    said: bytes = talk(client)
    assert said.startswith(b"HTTP/1.1 408 ") if begun or not before else said == b""


def test_a_head_in_very_small_pieces_is_given_no_more_time() -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(HEAD + BODY + BEGUN)  # the second comes with the first
        assert await answer(reader) == PUNCTUAL
        while not reader.at_eof():
            writer.write(b"x")
            await asyncio.sleep(PATIENCE / 5)
            if reader._buffer:  # type: ignore[attr-defined]
                return await reader.read()
        return b""

    assert talk(client).startswith(b"HTTP/1.1 408 ")


def test_whoever_is_in_time_is_served_for_longer_than_patience_lasts() -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[bytes]:
        lines = []
        for _ in range(4):
            for piece in (HEAD[:30], HEAD[30:], BODY[:20], BODY[20:]):
                writer.write(piece)
                await asyncio.sleep(PATIENCE / 5)
            lines.append(await answer(reader))
        return lines

    assert talk(client) == [PUNCTUAL] * 4


def test_requests_that_do_not_wait_for_answers() -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[bytes]:
        writer.write((HEAD + BODY) * 20)
        return [await answer(reader) for _ in range(20)]

    assert talk(client) == [PUNCTUAL] * 20


@pytest.mark.parametrize("rest", [b"zz\r\n", b"1\r\nx\r\n", b""])
def test_the_rest_of_a_body_that_is_answered_already(rest: bytes) -> None:
    """Whatever comes of it: the connection ends, and nothing is said twice."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        told = await answer(reader)
        writer.write(rest)
        assert await reader.read() == b""
        return told

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("haiku_contract.endpoint.reference.app._PATIENCE", 0.01)
        assert talk(client) == b"HTTP/1.1 408 Request Timeout"


@pytest.mark.parametrize(("data", "status"), [
    (b"GARBAGE\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * connections.LONGEST_HEAD, 431),
    (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n", 501),
])  # fmt: skip
def test_what_is_no_http_has_a_status_that_fits(data: bytes, status: int) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(data)
        return await reader.read()

    assert talk(client).startswith(b"HTTP/1.1 %d " % status)
