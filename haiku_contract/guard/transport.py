"""The thin edges of the guard: one transport for synchronous and asynchronous clients of httpx and of httpx2.

The two libraries have the same classes under two names; which one is meant is read off the request (`_library`).
"""

from __future__ import annotations

import sys
from fractions import Fraction
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final, cast

import httpx

from haiku_contract.contract import Contract
from haiku_contract.endpoint.surfaces import named
from haiku_contract.errors import UsageError
from haiku_contract.guard.coding import undone
from haiku_contract.guard.policy import Policy
from haiku_contract.guard.watch import Head, look, watcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterator
    from types import TracebackType
    from typing import Self

    from haiku_contract.endpoint.surfaces import Asked, Surface
    from haiku_contract.guard.answers import Answer
    from haiku_contract.guard.policy import AdviceMode, Checked, Observation, RequestMode, ResponseMode
    from haiku_contract.guard.watch import Watcher


class GuardTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Checks requests before a byte is sent and responses while they arrive.

    Wraps any transport, for `httpx.Client` and `httpx.AsyncClient` and their httpx2 twins alike. Requests that are not
    this contract's (another path, host or model) pass untouched, and so do all errors of the inner transport. Content
    codings are undone for the check alone. A request in a coding that cannot be undone is a violation where its head
    names the model; where only the body could, it is not recognised and passes.

    Args:
        contract: what to hold requests and responses against.
        inner: the transport that does the sending; the library's own by default.
        request: what to do with a request that does not conform. `raise`: raise `ContractViolation`, nothing is sent.
            `respond`: answer it with the 400 that the endpoint would give, for SDKs that hide what a transport raises.
            `warn`: issue a `ContractWarning` and send it. `observe`: tell the observer only. `off`: do not look.
        response: likewise for responses; what is wrong with a stream is raised from its iteration. Redirects and error
            pages of other content types are not looked at, which the observer is told.
        advice: what to do when a conforming request breaks a known rule of the provider: `off`, `warn`, or `raise`
            (`ContractAdvice`; with `respond` the provider's predicted refusal is answered instead).
        sample: share of the responses that are looked at, from 0 to 1, evenly spread.
        surface: the wire form of everything that goes through here; recognised by the request when absent. The `bare`
            form (the body is the input) cannot be recognised and has to be named.
        hosts: only requests to these hosts are looked at; any but the provider's own when absent.
        observer: called with an `Observation` for every request that was looked at, and for the responses to those.
            What it raises reaches the caller, after the response is closed; where another exception is on its way
            already (the network's, a cancellation), that one does, with a note.
        excerpts: show short excerpts of the payload's values in violations; off because prompts are private. Keys and
            places are always shown.

    Raises:
        UsageError: a mode or surface that does not exist, or a sample outside 0 to 1.
    """

    def __init__(  # noqa: PLR0913 - keyword-only configuration of one object
        self,
        contract: Contract,
        inner: Any = None,
        *,
        request: RequestMode = "raise",
        response: ResponseMode = "warn",
        advice: AdviceMode = "off",
        sample: float = 1.0,
        surface: str | None = None,
        hosts: Collection[str] | None = None,
        observer: Callable[[Observation], None] | None = None,
        excerpts: bool = False,
    ) -> None:
        if not isinstance(contract, Contract):
            raise TypeError(f"a contract is what hc.load() gives, and not {type(contract).__name__}")
        if hosts is not None and (isinstance(hosts, str) or not hosts or any("/" in one for one in hosts)):
            raise UsageError(f"hosts={hosts!r}: give a collection of host names, without scheme and path")
        if not 0 <= sample <= 1:
            raise UsageError(f"no sample of {sample}: choose a share from 0 to 1")
        self._policy = Policy(
            contract,
            request=request,
            response=response,
            advice=advice,
            surface=named(surface) if surface else None,
            hosts=frozenset(one.lower() for one in hosts) if hosts is not None else None,
            observer=observer,
            excerpts=excerpts,
        )
        self._inner = inner
        self._own: dict[tuple[str, str], Any] = {}  # the libraries' transports, by library and kind
        # 0.1 is no binary fraction: of ten responses it has to be one all the same.
        self._share = Fraction(sample).limit_denominator(_FINEST).as_integer_ratio()
        self._numbers = count()

    def handle_request(self, request: Any) -> Any:
        """Check, send, and watch what comes back."""
        library = _library(request.__class__)
        inner = self._sender(library, _SYNC)
        asked = cast("Asked", _Head(request))
        surface = self._policy.surface_of(asked)
        if surface is None:
            return inner.handle_request(request)
        checked = self._check(library, asked, surface, request, request.read())
        if checked is None:
            return inner.handle_request(request)
        if checked.answer is not None:
            return _respond(library, checked.answer, request)
        response = inner.handle_request(request)
        try:
            self._watch(library, checked, response, "SyncByteStream")
        except BaseException:
            response.close()
            raise
        return response

    async def handle_async_request(self, request: Any) -> Any:
        """Check, send, and watch what comes back."""
        library = _library(request.__class__)
        inner = self._sender(library, _ASYNC)
        asked = cast("Asked", _Head(request))
        surface = self._policy.surface_of(asked)
        if surface is None:
            return await inner.handle_async_request(request)
        checked = self._check(library, asked, surface, request, await request.aread())
        if checked is None:
            return await inner.handle_async_request(request)
        if checked.answer is not None:
            return _respond(library, checked.answer, request)
        response = await inner.handle_async_request(request)
        try:
            self._watch(library, checked, response, "AsyncByteStream")
        except BaseException:
            await response.aclose()
            raise
        return response

    def close(self) -> None:
        """Close the inner transport: the given one, or the libraries' synchronous ones."""
        for inner in self._senders(_SYNC):
            inner.close()

    async def aclose(self) -> None:
        """Close the inner transport: the given one, or the libraries' asynchronous ones."""
        for inner in self._senders(_ASYNC):
            await inner.aclose()

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
        for inner in self._senders(_SYNC):
            inner.__exit__(exc_type, exc_value, traceback)

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
        for inner in self._senders(_ASYNC):
            await inner.__aexit__(exc_type, exc_value, traceback)

    def _sender(self, library: Any, kind: str) -> Any:
        if self._inner is not None:
            return self._inner
        key = (library.__name__, kind)
        if key not in self._own:
            self._own[key] = getattr(library, kind)()
        return self._own[key]

    def _senders(self, kind: str) -> list[Any]:
        if self._inner is not None:
            return [self._inner]
        return [inner for (_, one), inner in self._own.items() if one == kind]

    def _check(self, library: Any, asked: Asked, surface: Surface, request: Any, body: bytes) -> Checked | None:
        content_type, codings = _described(request)
        known = undone(library, codings, body) if codings else body
        return self._policy.check_request(asked, surface, content_type, known)

    def _watch(self, library: Any, checked: Checked, response: Any, kind: str) -> None:
        if self._policy.response == "off" or not self._is_due():
            return
        head = Head(response.status_code, *_described(response))
        if hasattr(response, "_content"):  # answered from memory, as mock transports do
            look(self._policy, checked, head, library, response.content)
            return
        watching = watcher(self._policy, checked, head, library)
        if watching is not None:
            response.stream = _watched(getattr(library, kind))(response.stream, watching)

    def _is_due(self) -> bool:
        """Whether the next response is looked at: of any number of them, as many as the share says, rounded down."""
        looked_at, of = self._share
        if looked_at == of:
            return True
        before = next(self._numbers) * looked_at
        return (before + looked_at) // of > before // of


class _Watched:
    """A stream that shows every chunk to a watcher on its way; mixed with the stream class of a library."""

    def __init__(self, stream: Any, watching: Watcher) -> None:
        self._stream = stream
        self._watching: Watcher | None = watching

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            self._show(chunk)
            yield chunk
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._show(chunk)
            yield chunk
        self._end()

    def close(self) -> None:
        try:
            self._leave()
        finally:
            self._stream.close()

    async def aclose(self) -> None:
        try:
            self._leave()
        finally:
            await self._stream.aclose()

    def _take(self) -> Watcher | None:
        """The watcher, for the last time unless it is put back: what has raised has nothing more to say."""
        watching, self._watching = self._watching, None
        return watching

    def _show(self, chunk: bytes) -> None:
        if (watching := self._take()) is not None:
            watching.feed(chunk)
            self._watching = watching

    def _end(self) -> None:
        if (watching := self._take()) is not None:
            watching.finish()

    def _leave(self) -> None:
        """The body is closed, perhaps before its end, and perhaps because of an exception, which is not replaced."""
        if (watching := self._take()) is None:
            return
        on_its_way = sys.exception()
        try:
            watching.abandon()
        except Exception as error:
            if on_its_way is None:
                raise
            on_its_way.add_note(f"while this was raised, the guard or its observer raised {error!r}")


@cache
def _watched(base: type[Any]) -> type[Any]:
    """The watched stream as a class of one library, which insists on its own."""
    return type(f"Watched{base.__name__}", (_Watched, base), {})


@cache
def _library(kind: type[Any]) -> Any:
    """The library that a class of requests belongs to: httpx, httpx2, or whatever else has the same classes."""
    return sys.modules[kind.__module__.partition(".")[0]]


class _Head:
    """An `Asked` that takes apart only what is asked for: to parse a URL costs more than to check a short request."""

    def __init__(self, request: Any) -> None:
        self.method: str = request.method
        self.headers: Any = request.headers
        self._url = request.url

    @property
    def host(self) -> str:
        return str(self._url.host)

    @property
    def path(self) -> str:
        return str(self._url.path)


def _described(message: Any) -> tuple[str, str]:
    """Content type and content codings, read from the raw list: the mapping first finds out its encoding."""
    content_type, codings = b"", b""
    for key, value in message.headers.raw:
        if len(key) == _TYPE_LENGTH and key.lower() == _TYPE:  # the length is known, and most names end here
            content_type = value
        elif len(key) == _CODING_LENGTH and key.lower() == _CODING:
            codings = codings + b", " + value if codings else value
    return str(content_type, "latin-1"), str(codings, "latin-1")


def _respond(library: Any, answer: Answer, request: Any) -> Any:
    return library.Response(answer.status, headers=answer.headers, content=answer.body, request=request)


_SYNC: Final = "HTTPTransport"
_ASYNC: Final = "AsyncHTTPTransport"
_FINEST: Final = 10**12
_TYPE: Final = b"content-type"
_CODING: Final = b"content-encoding"
_TYPE_LENGTH: Final = len(_TYPE)
_CODING_LENGTH: Final = len(_CODING)
