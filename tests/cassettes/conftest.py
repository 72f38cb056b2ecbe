"""What the tests of cassettes share: a server on loopback, and ways to send through a transport."""

from __future__ import annotations

import asyncio
import gzip
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

import brotli as brotli_library
import httpx
import pytest
import zstandard as zstandard_library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVENTS = (
    b'event: message_start\ndata: {"type": "message_start"   }\n\n',
    "event: ping\r\ndata: é".encode()[:-1],
    "é".encode()[-1:] + b"\r\n\r\n\n",
    b"event: message_stop\ndata: {}\n\n",
)


def _pieces(compress: Callable[[bytes], bytes], flush: Callable[[], bytes], finish: Callable[[], bytes]) -> list[bytes]:
    """The events, compressed so that each can be read when it comes; the last one cut in two."""
    whole = [compress(one) + flush() for one in EVENTS]
    whole[-1] += finish()
    return [*whole[:-1], whole[-1][:3], whole[-1][3:]]


def _coded() -> Iterator[tuple[str, list[bytes]]]:
    packed = zlib.compressobj(wbits=31)
    yield "gzip", _pieces(packed.compress, lambda: packed.flush(zlib.Z_SYNC_FLUSH), packed.flush)
    deflated = zlib.compressobj()
    yield "deflate", _pieces(deflated.compress, lambda: deflated.flush(zlib.Z_SYNC_FLUSH), deflated.flush)
    brotli = brotli_library.Compressor()
    yield "br", _pieces(brotli.process, brotli.flush, brotli.finish)
    zstandard = zstandard_library.ZstdCompressor().compressobj()
    block = zstandard_library.COMPRESSOBJ_FLUSH_BLOCK
    yield "zstd", _pieces(zstandard.compress, lambda: zstandard.flush(block), zstandard.flush)


CODED = dict(_coded())
"""The chunks of the same event stream in the codings that httpx can undo."""


class Handler(BaseHTTPRequestHandler):
    """Answers by path: an echo, a stream in chunks, a compressed body, a body that breaks off."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers.get("content-length", "0")))
        self.server.requests.append(self.path)  # type: ignore[attr-defined]
        answers = {"/stream": self._stream, "/gzip": self._gzip, "/broken": self._broken}
        answers |= {f"/coded/{coding}": self._coded for coding in CODED}
        answers.get(self.path, self._echo)(asked)

    def _stream(self, _asked: bytes) -> None:
        self._head("text/event-stream; charset=utf-8", ("transfer-encoding", "chunked"))
        for chunk in EVENTS:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.flush()
            self.server.pause.wait(0.01)  # type: ignore[attr-defined]
        self.wfile.write(b"0\r\n\r\n")

    def _gzip(self, asked: bytes) -> None:
        body = gzip.compress(b'{"asked":' + asked + b"}")
        self._head("application/json", ("content-encoding", "gzip"), ("content-length", str(len(body))))
        self.wfile.write(body)

    def _coded(self, _asked: bytes) -> None:
        """An event stream that is compressed as it comes, some of it in pieces that are no whole block."""
        coding = self.path.rpartition("/")[2]
        self._head("text/event-stream", ("content-encoding", coding), ("transfer-encoding", "chunked"))
        for chunk in CODED[coding]:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.flush()
            self.server.pause.wait(0.01)  # type: ignore[attr-defined]
        self.wfile.write(b"0\r\n\r\n")

    def _broken(self, _asked: bytes) -> None:
        self._head("application/json", ("content-length", "1000"))
        self.wfile.write(b'{"half":')
        self.close_connection = True

    def _echo(self, asked: bytes) -> None:
        self._head("application/json", ("content-length", str(len(asked))), ("x-secret", "quite-a-secret-value"))
        self.wfile.write(asked)

    def _head(self, content_type: str, *headers: tuple[str, str]) -> None:
        self.send_response(200)
        for name, value in (("content-type", content_type), *headers):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(NamedTuple):
    """A server that runs, what it was asked, and how it is stopped."""

    url: str
    requests: list[str]
    stop: Callable[[], None]


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on loopback, on a free port."""
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.handle_error = lambda *_: None  # type: ignore[method-assign] # a client went away, as some tests mean it to
    running.requests = []  # type: ignore[attr-defined]
    running.pause = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def stop() -> None:
        running.shutdown()
        running.server_close()
        thread.join()

    yield Server(f"http://127.0.0.1:{running.server_port}", running.requests, stop)  # type: ignore[attr-defined]
    if thread.is_alive():
        stop()


class Answer(NamedTuple):
    """What came back: status, headers, and the chunks of the body as they came."""

    status: int
    headers: list[tuple[str, str]]
    chunks: list[bytes]


def _sync(transport: Any, url: str, *, decoded: bool = False, **given: Any) -> Answer:
    with httpx.Client(transport=transport) as client, client.stream("POST", url, **given) as response:
        chunks = list(response.iter_bytes() if decoded else response.iter_raw())
        return Answer(response.status_code, response.headers.multi_items(), chunks)


def _async(transport: Any, url: str, *, decoded: bool = False, **given: Any) -> Answer:
    async def ask() -> Answer:
        async with httpx.AsyncClient(transport=transport) as client, client.stream("POST", url, **given) as response:
            chunks = [chunk async for chunk in (response.aiter_bytes() if decoded else response.aiter_raw())]
            return Answer(response.status_code, response.headers.multi_items(), chunks)

    return asyncio.run(ask())


class Edge(NamedTuple):
    """One of the two kinds of clients: its transport for the network, and how it asks."""

    network: Callable[[], Any]
    ask: Callable[..., Answer]


@pytest.fixture(params=["sync", "async"])
def edge(request: pytest.FixtureRequest) -> Edge:
    """Either kind of client."""
    return Edge(httpx.HTTPTransport, _sync) if request.param == "sync" else Edge(httpx.AsyncHTTPTransport, _async)
