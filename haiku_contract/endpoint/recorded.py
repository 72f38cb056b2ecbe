"""The recorded endpoint: transports that answer from a cassette, or record into one.

For the clients of httpx, synchronous and asynchronous, and for their twins of httpx2.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import httpx

from haiku_contract import wire
from haiku_contract.endpoint import matching
from haiku_contract.endpoint.redaction import Redaction, of_session
from haiku_contract.errors import StaleCassetteError, UnsearchableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from haiku_contract.endpoint.cassette import Cassette, Headers, Interaction
    from haiku_contract.endpoint.matching import Key

    Candidates: TypeAlias = list[tuple[str, Interaction]]

SECONDS: Final = "haiku_contract_seconds"
"""The extension of a response that says when its chunks came at the recording, in seconds after the request."""

_MOST_SHOWN: Final = 60


class RecordedTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers from a cassette, and touches no network.

    The same request asked again gets the next recorded answer to it, in the order of the cassette, and the last one
    again and again once there are no more.

    Args:
        cassette: from `haiku_contract.endpoint.cassette.load`.
        timing: whether every chunk comes when it came at the recording, rather than at once.
        redaction: how the recording was redacted: a request is compared as it would have been recorded.
        again: whether the last answer is given again and again, rather than that a further request is stale.

    Raises:
        StaleCassetteError: (by a request) it is not in the cassette.
    """

    def __init__(
        self, cassette: Cassette, *, timing: bool = False, redaction: Redaction | None = None, again: bool = True
    ) -> None:
        self._cassette = cassette
        self._timing = timing
        self._again = again
        self._redaction = of_session() if redaction is None else redaction
        self._exact: dict[Key, Candidates] = {}
        self._alike: dict[Key, Candidates] | None = None
        self._turns: Counter[tuple[Key, str]] = Counter()
        self._lock = threading.Lock()
        for one in cassette.interactions:
            key = matching.exact(one.method, one.url, one.request.read())
            self._exact.setdefault(key, []).append((matching.media_type(one.request_headers), one))

    def handle_request(self, request: Any) -> Any:
        """The recorded answer."""
        return self._answer(
            request, self.find(request.method, str(request.url), pairs(request.headers), request.read())
        )

    async def handle_async_request(self, request: Any) -> Any:
        """The recorded answer."""
        body = await request.aread()
        return self._answer(request, self.find(request.method, str(request.url), pairs(request.headers), body))

    def find(self, method: str, url: str, headers: Headers, body: bytes) -> Interaction:
        """The interaction whose turn it is to answer a request.

        Raises:
            StaleCassetteError: there is none.
        """
        content_type = matching.media_type(headers)
        key = matching.exact(method, url, body)
        found = _of_type(self._exact.get(key), content_type)
        shown = ""
        if not found:
            key, shown = self._as_recorded(method, url, headers, body)
            found = _of_type(self._by_meaning().get(key), content_type)
        if len(found) == 1 and self._again:
            return found[0]
        with self._lock:
            turn = self._turns[key, content_type]
            self._turns[key, content_type] += 1
        if not found or (turn >= len(found) and not self._again):
            shown = shown or self._as_recorded(method, url, headers, body)[1]
            raise StaleCassetteError(f"{self._cassette.name}: holds no answer to {shown}; record it in mode 'new'")
        return found[min(turn, len(found) - 1)]

    def _as_recorded(self, method: str, url: str, headers: Headers, body: bytes) -> tuple[Key, str]:
        """What a request would be known by if it had been recorded, and how it is shown."""
        redaction = self._redaction.learning(url, headers)
        try:
            url, body = redaction.url(url), redaction.body(body)
        except UnsearchableError as error:  # so it was not recorded
            return (method, "", b""), f"{method} {matching.route(method, '')}: {error}"
        return matching.alike(method, url, body), f"{method} {matching.route(method, url)} {_shown(body)}"

    def _by_meaning(self) -> dict[Key, Candidates]:
        if self._alike is None:
            known: dict[Key, Candidates] = {}
            for one in self._cassette.interactions:
                url, body = self._redaction.url(one.url), self._redaction.body(one.request.read())
                key = matching.alike(one.method, url, body)
                known.setdefault(key, []).append((matching.media_type(one.request_headers), one))
            self._alike = known
        return self._alike

    def _answer(self, request: Any, found: Interaction) -> Any:
        library = library_of(request.__class__)
        extensions: dict[str, Any] = {SECONDS: found.seconds} if found.seconds else {}
        if found.reason:
            extensions["reason_phrase"] = found.reason.encode("latin-1", "replace")
        return library.Response(
            found.status,
            headers=[(name, _encoded(value)) for name, value in found.response_headers],
            stream=self._stream(library, found),
            extensions=extensions,
        )

    def _stream(self, library: Any, found: Interaction) -> Any:
        if self._timing or found.sizes or found.error:
            return _stream(library)(library, found, timing=self._timing)
        return library.ByteStream(found.response.read())  # the same, in one chunk and in less time


def _of_type(found: Candidates | None, content_type: str) -> list[Interaction]:
    """Those that were asked with this content type, or for which none was recorded."""
    return [one for recorded, one in found if recorded in (content_type, "")] if found else []


def pairs(headers: Any) -> Headers:
    """Headers of a library's own kind as pairs, in their order."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.raw)


def _shown(body: bytes) -> str:
    """A request in a few words; it was redacted."""
    return wire.shorten(body.decode("utf-8", "replace"), _MOST_SHOWN) or "without a body"


def _encoded(value: str) -> str | bytes:
    """The value of a header as its bytes, where it is not ASCII: recorders read it as Latin-1, and HAR has any text."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


class _Replay:
    """A recorded body, chunk by chunk; mixed with the stream classes of a library."""

    def __init__(self, library: Any, recorded: Interaction, *, timing: bool) -> None:
        self._library = library
        self._recorded = recorded
        self._timing = timing

    def __iter__(self) -> Iterator[bytes]:
        started = time.monotonic()
        for due, chunk in self._chunks():
            if due:
                time.sleep(max(0.0, due - (time.monotonic() - started)))
            yield chunk
        self._break()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        started = time.monotonic()
        for due, chunk in self._chunks():
            if due:
                await _sleep(max(0.0, due - (time.monotonic() - started)))
            yield chunk
        self._break()

    def close(self) -> None:
        """Nothing is open."""

    async def aclose(self) -> None:
        """Nothing is open."""

    def _chunks(self) -> Iterator[tuple[float, bytes]]:
        body = self._recorded.response.read()
        seconds = iter(self._recorded.seconds if self._timing else ())
        start = 0
        for size in self._recorded.sizes or (len(body),):
            yield next(seconds, 0.0), body[start : start + size]
            start += size

    def _break(self) -> None:
        """End as the recorded body ended."""
        if not self._recorded.error:
            return
        name, _, message = self._recorded.error.partition(": ")
        kind = name if name in _BREAKS else "ReadError"
        raise getattr(self._library, kind)(message)


_BREAKS: Final = ("ReadError", "ReadTimeout", "RemoteProtocolError", "CloseError")


async def _sleep(seconds: float) -> None:
    import anyio  # noqa: PLC0415 - httpx brings it; only replaying with times needs it

    await anyio.sleep(seconds)


@cache
def _stream(library: Any) -> type[Any]:
    return type("RecordedStream", (_Replay, library.SyncByteStream, library.AsyncByteStream), {})


@cache
def library_of(kind: type[Any]) -> Any:
    """The library that a class of requests belongs to: httpx, httpx2, or whatever else has the same classes."""
    return sys.modules[kind.__module__.partition(".")[0]]
