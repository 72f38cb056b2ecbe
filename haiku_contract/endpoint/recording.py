"""Recording: a transport that sends through another one, and writes down what comes back, redacted."""

from __future__ import annotations

import datetime as dt
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import httpx

from haiku_contract.endpoint import codings
from haiku_contract.endpoint.cassette import Held, Interaction, load
from haiku_contract.endpoint.cassette_files import Recording, state
from haiku_contract.endpoint.recorded import RecordedTransport, library_of, pairs
from haiku_contract.endpoint.redaction import Redaction, of_session
from haiku_contract.errors import StaleCassetteError, UnsearchableError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from haiku_contract.endpoint.cassette import Headers

RecordMode: TypeAlias = Literal["none", "once", "new", "all"]
RECORD_MODES: Final = get_args(RecordMode)
OTHER_NAMES: Final[dict[str, RecordMode]] = {"new_episodes": "new", "rewrite": "all"}
"""What vcrpy and pytest-recording call modes that are the same."""


class RecordingTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends through another transport, and writes what comes back into a cassette when it is closed.

    What was answered is kept beside the cassette at once; a recording that was killed is taken up by the next one.

    Args:
        inner: sends the requests; None will do where nothing is recorded.
        path: the cassette.
        mode: `none`: answer from the cassette alone. `once`: likewise if there is one, else record all. `new`: answer
            what is in the cassette, and record the rest into it. `all`: record everything, in place of what there is,
            of which the rest is kept where an exception ends the recording. Where one does and there is no cassette,
            there is none afterwards: what was recorded stays beside its place, and `once` and `new` take it up.
            `new_episodes` and `rewrite` are other names of the last two.
        redaction: what is taken out before anything is written; the default takes out whatever looks like a secret.
        about: what the cassette says of itself.

    Raises:
        UsageError: no such mode.
        CassetteError: the cassette cannot be read or written.
        StaleCassetteError: (by a request) it is not in the cassette, and the mode does not allow to record it.
    """

    def __init__(
        self,
        inner: Any,
        path: str | Path,
        *,
        mode: RecordMode | Literal["new_episodes", "rewrite"] = "none",
        redaction: Redaction | None = None,
        about: Mapping[str, str] | None = None,
    ) -> None:
        mode = OTHER_NAMES.get(mode, mode)
        if mode not in RECORD_MODES:
            raise UsageError(f"no record mode {mode!r}: choose one of {', '.join(RECORD_MODES)}")
        path = Path(path)
        self._inner = inner
        self._redaction = of_session() if redaction is None else redaction
        self._may_record = mode in ("new", "all") or (mode == "once" and state(path) is None)
        self._replays = mode != "all"
        recording = Recording(path, about or {}, self._redaction, fresh=mode == "all") if self._may_record else None
        known = load(path) if recording is None else recording.known
        again = recording is None or not recording.continues
        self._recorded = RecordedTransport(known, redaction=self._redaction, again=again)
        self._tape = _Tape(recording, self._redaction)

    @property
    def unrecorded(self) -> tuple[str, ...]:
        """What could not be written down, and why: one line each."""
        return tuple(self._tape.unrecorded)

    @property
    def recorded(self) -> int:
        """How many exchanges were written down."""
        return self._tape.written

    def interrupt(self) -> None:
        """Close as if an exception ended the recording, whenever it is closed."""
        self._tape.interrupted = True

    def handle_request(self, request: Any) -> Any:
        """The recorded answer, or the one that the inner transport gets."""
        body = request.read()
        if self._replays:
            try:
                return self._recorded.handle_request(request)
            except StaleCassetteError:
                if not self._may_record:
                    raise
        take = self._tape.take(request, body)
        return _taped(request, self._inner.handle_request(request), take)

    async def handle_async_request(self, request: Any) -> Any:
        """The recorded answer, or the one that the inner transport gets."""
        body = await request.aread()
        if self._replays:
            try:
                return await self._recorded.handle_async_request(request)
            except StaleCassetteError:
                if not self._may_record:
                    raise
        take = self._tape.take(request, body)
        return _taped(request, await self._inner.handle_async_request(request), take)

    def close(self) -> None:
        """Close the inner transport, and put the cassette in its place."""
        try:
            if self._inner is not None:
                self._inner.close()
        finally:
            self._tape.close()

    async def aclose(self) -> None:
        """Close the inner transport, and put the cassette in its place."""
        try:
            if self._inner is not None:
                await self._inner.aclose()
        finally:
            self._tape.close()

    def __enter__(self) -> Self:
        if self._inner is not None:
            self._inner.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        try:
            if self._inner is not None:
                self._inner.__exit__(exc_type, exc_value, traceback)
        finally:
            self._tape.close(exc_type)

    async def __aenter__(self) -> Self:
        if self._inner is not None:
            await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        try:
            if self._inner is not None:
                await self._inner.__aexit__(exc_type, exc_value, traceback)
        finally:
            self._tape.close(exc_type)


class _Tape:
    """What is recorded."""

    def __init__(self, recording: Recording | None, redaction: Redaction) -> None:
        self._recording = recording
        self._redaction = redaction
        self._lock = threading.Lock()
        self._sent = 0
        self.unrecorded: list[str] = []
        self.written = 0
        self.interrupted = False

    def take(self, request: Any, body: bytes) -> _Take:
        """A place for the answer to a request, in the order of sending."""
        if self._recording is not None:
            self._recording.begin()
        with self._lock:
            number, self._sent = self._sent, self._sent + 1
        return _Take(self, number, request, body)

    def enter(self, number: int, interaction: Interaction) -> None:
        """Take an exchange."""
        if self._recording is None:
            return
        try:
            redacted = self._redaction.interaction(interaction)
        except UnsearchableError as error:
            self.unrecorded.append(f"{interaction.method} {httpx.URL(interaction.url).host}: {error}")
            return
        self._recording.add(number, redacted)
        with self._lock:
            self.written += 1

    def close(self, ended_by: type[BaseException] | None = None) -> None:
        """Put the cassette in its place; what interrupts a recording leaves it to the next one, which goes on."""
        if self._recording is not None:
            interrupted = ended_by is not None and not _is_of_the_network(ended_by)
            self._recording.close(interrupted=self.interrupted or interrupted)


def _is_of_the_network(kind: type[BaseException]) -> bool:
    """Whether an exception is what an endpoint did: a connection that breaks off is recorded as it broke off."""
    failure = getattr(sys.modules.get(kind.__module__.partition(".")[0]), "TransportError", None)
    return isinstance(failure, type) and issubclass(kind, failure)


class _Take:
    """One exchange while it happens."""

    def __init__(self, tape: _Tape, number: int, request: Any, body: bytes) -> None:
        self._tape = tape
        self._number = number
        self._ended = False
        self._request = request
        self._body = body
        self._started = time.monotonic()
        self._chunks: list[bytes] = []
        self._seconds: list[float] = []
        self.head: tuple[int, str, Headers] = (0, "", ())

    def hear(self, chunk: bytes) -> None:
        """Take the next chunk of the body."""
        self._chunks.append(chunk)
        self._seconds.append(time.monotonic() - self._started)

    def end(self, error: str = "") -> None:
        """The body is at its end, or broke off; what comes after that does not count."""
        if self._ended:
            return
        self._ended = True
        status, reason, headers = self.head
        sent = pairs(self._request.headers)
        try:
            codings.check_readable(sent, self._body)
            headers, chunks = codings.undone(headers, self._chunks, self._seconds)
            codings.check_plain("response", b"".join(data for _, data in chunks))
        except (ValueError, httpx.DecodingError) as caught:
            self._tape.unrecorded.append(f"{self._request.method} {self._request.url.host}: {caught}")
            return
        several = len(chunks) > 1
        self._tape.enter(
            self._number,
            Interaction(
                method=self._request.method,
                url=str(self._request.url),
                request_headers=sent,
                request=Held(self._body),
                status=status,
                reason=reason,
                response_headers=headers,
                response=Held(b"".join(data for _, data in chunks)),
                sizes=tuple(len(data) for _, data in chunks) if several else (),
                seconds=tuple(when for when, _ in chunks),
                error=error,
                recorded=dt.datetime.now(tz=dt.UTC).date(),
            ),
        )


def _taped(request: Any, response: Any, take: _Take) -> Any:
    """The response, every chunk of which is heard on its way."""
    library = library_of(request.__class__)
    reason = response.extensions.get("reason_phrase", b"").decode("latin-1")
    take.head = (response.status_code, reason, pairs(response.headers))
    if hasattr(response, "_content"):  # answered from memory, as mock transports do
        take.hear(response.content)
        take.end()
        return response
    response.stream = _tee(library)(library, response.stream, take)
    return response


class _Tee:
    """A stream that is written down while it is read; mixed with the stream classes of a library."""

    def __init__(self, library: Any, stream: Any, take: _Take) -> None:
        self._library = library
        self._stream = stream
        self._take = take

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                self._take.hear(chunk)
                yield chunk
        except self._library.TransportError as error:
            self._take.end(f"{type(error).__name__}: {error}")
            raise
        self._take.end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                self._take.hear(chunk)
                yield chunk
        except self._library.TransportError as error:
            self._take.end(f"{type(error).__name__}: {error}")
            raise
        self._take.end()

    def close(self) -> None:
        """Close the body; what was not read of it by now was not wanted."""
        self._take.end(_LEFT)
        self._stream.close()

    async def aclose(self) -> None:
        """Close the body; what was not read of it by now was not wanted."""
        self._take.end(_LEFT)
        await self._stream.aclose()


_LEFT: Final = "ReadError: the client that was recorded stopped reading here"


@cache
def _tee(library: Any) -> type[Any]:
    return type("RecordingStream", (_Tee, library.SyncByteStream, library.AsyncByteStream), {})
