"""Who answers the clients of a test: the reference endpoint, a cassette, the real endpoint, or a URL."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import httpx

from haiku_contract.endpoint import live, surfaces
from haiku_contract.endpoint.cassette import load
from haiku_contract.endpoint.recorded import RecordedTransport, library_of
from haiku_contract.endpoint.recording import RecordingTransport
from haiku_contract.endpoint.redaction import of_session
from haiku_contract.errors import StaleCassetteError, UsageError
from haiku_contract.guard import GuardTransport
from haiku_contract.pytest_plugin.network import EVERYWHERE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.recording import RecordMode
    from haiku_contract.guard import Observation
    from haiku_contract.pytest_plugin.server import Server
    from haiku_contract.pytest_plugin.settings import Settings

TransportKind: TypeAlias = Literal["sync", "async", "any"]

_NOWHERE: Final = "http://recorded.invalid"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who answers.

    Attributes:
        name: what it is called in reports; holds no secret.
        base_url: below which the surface has its path.
        surface: the wire form.
        headers: what every request carries beside its body.
        secrets: texts that must not be shown.
        cassette: what is replayed; None where nothing is.
        recording: where answers are recorded, and how; None where they are not.
        billed: whether answers cost money.
        allowed: texts that look like secrets and are none.
        recorders: what has recorded so far.
        lacking: what was not in the cassette so far.
    """

    name: str
    base_url: str = field(repr=False)
    surface: surfaces.Surface
    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    cassette: Path | None = None
    recording: tuple[Path, RecordMode] | None = None
    billed: bool = False
    allowed: frozenset[str] = frozenset()
    recorders: list[RecordingTransport] = field(default_factory=list, repr=False, compare=False)
    lacking: list[StaleCassetteError] = field(default_factory=list, repr=False, compare=False)

    def transport(self, kind: TransportKind = "sync") -> Any:
        """What sends the requests, to this endpoint alone.

        Args:
            kind: `sync` or `async` for a client of httpx, `any` for clients of httpx and httpx2 that whoever has them
                closes. An `async` one keeps no connection open from one request to the next: its client belongs to an
                event loop that ends with the test, and nothing is left that would have to be closed in it.
        """
        if self.cassette is not None:
            replayed = _Recorded(load(self.cassette), redaction=of_session(self.secrets, allowed=self.allowed))
            replayed.lacking = self.lacking
            return replayed
        verify = self.base_url.startswith("https:")  # to read the certificates takes longer than most tests
        inner: Any = self._sender(kind, verify=verify)
        if self.recording is None:
            return inner
        path, mode = self.recording
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {"endpoint": self.name, "surface": self.surface.name}
        redaction = of_session(self.secrets, allowed=self.allowed)
        recorder = _Recording(inner, path, mode=mode, redaction=redaction, about=about)
        recorder.lacking = self.lacking
        self.recorders.append(recorder)
        return recorder

    def _sender(self, kind: TransportKind, *, verify: bool) -> Any:
        if kind == "any":
            return _Either(verify=verify)
        return httpx.HTTPTransport(verify) if kind == "sync" else _Unkept(verify, limits=_NONE_KEPT)

    def client(self) -> httpx.Client:
        """A client that is not guarded, for requests that do not conform."""
        found: httpx.Client = client(httpx.Client, self, self.transport())
        return found


class _Noting(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Notes what is not in a cassette: the client under test may keep that to itself."""

    lacking: list[StaleCassetteError]

    def handle_request(self, request: Any) -> Any:
        try:
            return super().handle_request(request)
        except StaleCassetteError as error:
            self.lacking.append(error)
            raise

    async def handle_async_request(self, request: Any) -> Any:
        try:
            return await super().handle_async_request(request)
        except StaleCassetteError as error:
            self.lacking.append(error)
            raise


class _Recorded(_Noting, RecordedTransport):
    """Answers from a cassette."""


class _Recording(_Noting, RecordingTransport):
    """Records into a cassette."""


class _Either(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends a request with a transport of the library that it is of, httpx or httpx2, as each insists on its own."""

    def __init__(self, *, verify: bool) -> None:
        self._verify = verify
        self._own: dict[tuple[str, str], Any] = {}

    def handle_request(self, request: Any) -> Any:
        return self._of(request, "HTTPTransport").handle_request(request)

    async def handle_async_request(self, request: Any) -> Any:
        return await self._of(request, "AsyncHTTPTransport").handle_async_request(request)

    def close(self) -> None:
        for (_, name), one in self._own.items():
            if name == "HTTPTransport":
                one.close()

    async def aclose(self) -> None:
        for (_, name), one in self._own.items():
            if name == "AsyncHTTPTransport":
                await one.aclose()

    def _of(self, request: Any, name: str) -> Any:
        library = library_of(request.__class__)
        key = (library.__name__, name)
        if key not in self._own:
            self._own[key] = getattr(library, name)(verify=self._verify)
        return self._own[key]


class _Unkept(httpx.AsyncHTTPTransport):
    """Keeps no connection open, so that nothing has to be awaited to close it."""

    def close(self) -> None:
        """Nothing is open."""


_NONE_KEPT: Final = httpx.Limits(max_keepalive_connections=0)


def choose(settings: Settings, contract: Contract, cassette: Path, server: Callable[[], Server]) -> Endpoint:
    """The endpoint that the settings name: by default the cassette where there is one, else the reference endpoint.

    Args:
        settings: what was set.
        contract: what is asked for.
        cassette: where the cassette of the test is, or would be.
        server: the reference endpoint, started when it is needed.

    Raises:
        UsageError: the settings cannot be followed.
        EndpointError: credentials are missing.
    """
    return replace(_chosen(settings, contract, cassette, server), allowed=frozenset(settings.allow))


def _chosen(settings: Settings, contract: Contract, cassette: Path, server: Callable[[], Server]) -> Endpoint:
    surface = surfaces.named(settings.surface)
    headers = live.headers(surface.name, contract.model_id)
    kind = settings.endpoint or ("recorded" if cassette.exists() else "reference")
    recording: tuple[Path, RecordMode] | None = (cassette, settings.record_mode)
    if settings.record_mode == "none":
        recording = None
    if kind == "recorded":
        if not cassette.is_file():
            raise UsageError(
                f"{cassette}: no such cassette; record it with --contract-record-mode once and "
                "--contract-endpoint live, reference, or a URL"
            )
        return Endpoint(f"cassette {cassette.name}", _NOWHERE, surface, headers, cassette=cassette)
    if kind == "reference":
        return Endpoint("reference endpoint", server().url, surface, headers, recording=recording)
    if kind == "live":
        if surface.name not in live.PUBLIC:
            choices = ", ".join(live.PUBLIC)
            raise UsageError(
                f"the surface {surface.name!r} has no public address: --contract-surface is one of {choices}"
            )
        known = live.credentials(os.environ, options=False)
        at = live.address(surface.name, known)
        return Endpoint(
            f"the real endpoint ({surface.name})",
            at.url.removesuffix(surface.path),
            surface,
            {**headers, **at.headers},
            (known.token, known.account),
            recording=recording,
            billed=True,
        )
    url = httpx.URL(kind)
    shown = str(url.copy_with(userinfo=b"", query=None, fragment=None))
    return Endpoint(shown, kind.rstrip("/"), surface, headers, recording=recording, billed=True)


def hosts(settings: Settings) -> tuple[str, ...]:
    """The hosts that may be reached beside this machine: all of them in a live run."""
    if settings.endpoint == "live":
        return EVERYWHERE
    if "://" not in settings.endpoint:
        return settings.allowed_hosts
    return (*settings.allowed_hosts, httpx.URL(settings.endpoint).host)


def guarded(
    settings: Settings, contract: Contract, inner: Any, observer: Callable[[Observation], None]
) -> GuardTransport:
    """A transport that shows every request and every response to the observer, which raises where they are wrong."""
    return GuardTransport(
        contract,
        inner,
        request="observe",
        response="observe",
        surface=settings.surface if settings.surface == "bare" else None,
        observer=observer,
        excerpts=settings.excerpts,
    )


def client(kind: type[Any], endpoint: Endpoint, transport: Any) -> Any:
    """A client of httpx, synchronous or asynchronous, whose relative URLs are paths of the endpoint."""
    return kind(transport=transport, base_url=endpoint.base_url, headers=dict(endpoint.headers))
