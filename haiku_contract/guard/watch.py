"""Responses on their way through: every chunk is passed on at once and unchanged, and looked at in passing."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from haiku_contract import wire
from haiku_contract.guard.policy import Observation
from haiku_contract.stream import StreamValidator

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.guard.policy import Checked, Policy
    from haiku_contract.model import Violation
    from haiku_contract.stream import StreamError, StreamOutcome

_DECODERS: Final[dict[str, Callable[[], Any]]] = {
    "gzip": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    "deflate": zlib.decompressobj,
}
_NO_BODY: Final = (204, 304)
_MOST_KEPT: Final = 100  # violations of one stream


class Watcher(Protocol):
    """Looks at a body as it passes."""

    def feed(self, chunk: bytes) -> None:
        """Take a chunk as it came from the network.

        Raises:
            ContractViolation: something is certainly wrong, and the mode says so.
        """
        ...

    def finish(self) -> None:
        """The body has ended; raises as `feed` does."""
        ...

    def abandon(self) -> None:
        """The body was closed before its end; never raises."""
        ...


def watcher(
    policy: Policy, checked: Checked, status: int, *, content_type: str, coding: str = "identity"
) -> Watcher | None:
    """Who looks at a response; None where there is nothing that could be looked at.

    Args:
        policy: what to do about what is found.
        checked: the request.
        status: HTTP status of the response.
        content_type: what the body is declared as.
        coding: the content coding that its bytes still have.
    """
    kind = _kind(content_type)
    coding = coding.strip().lower()
    if kind is EventWatcher and policy.contract.stream is None:
        return None
    if kind is None or status in _NO_BODY or (coding != "identity" and coding not in _DECODERS):
        return None
    return kind(policy, checked, status, _DECODERS[coding]() if coding in _DECODERS else None)


def look(policy: Policy, checked: Checked, status: int, content_type: str, body: bytes) -> None:
    """Check a response whose decoded body is in memory already; raises as `Watcher.finish` does."""
    kind = _kind(content_type)
    if kind is None or status in _NO_BODY or (kind is EventWatcher and policy.contract.stream is None):
        return
    if kind is JsonWatcher:  # the usual case, in which a watcher would cost more than the check
        settle(policy, checked, status, policy.response_violations(status, body))
        return
    watching = kind(policy, checked, status, None)
    watching.feed(body)
    watching.finish()


def settle(
    policy: Policy,
    checked: Checked,
    status: int,
    violations: tuple[Violation, ...],
    *,
    complete: bool = True,
    stream: EventWatcher | None = None,
) -> None:
    """Say what was found in a response, and act on it.

    Raises:
        ContractViolation: there are violations, and the mode says so.
    """
    if policy.observer is not None:
        seen = Observation("response", checked.surface.name, status, violations, complete=complete)
        if stream is not None:
            seen = replace(seen, outcome=stream.outcome, error=stream.error, further=stream.further)
        policy.notify(seen)
    if violations:
        policy.act(policy.response, violations, "response")


def _kind(content_type: str) -> Callable[..., Watcher] | None:
    return _WATCHERS.get(content_type) or _WATCHERS.get(content_type.partition(";")[0].strip().lower())


class _Watching:
    def __init__(self, policy: Policy, checked: Checked, status: int, decoder: Any) -> None:
        self.policy = policy
        self.checked = checked
        self.status = status
        self._decoder = decoder

    def decoded(self, chunk: bytes) -> bytes:
        return self._decoder.decompress(chunk) if self._decoder else chunk

    def settle(self, violations: tuple[Violation, ...], *, complete: bool = True) -> None:
        settle(self.policy, self.checked, self.status, violations, complete=complete)


class JsonWatcher(_Watching):
    """A JSON body: kept until it is whole, then held against the schema."""

    def __init__(self, policy: Policy, checked: Checked, status: int, decoder: Any) -> None:
        super().__init__(policy, checked, status, decoder)
        self._chunks: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        """Keep a chunk."""
        self._chunks.append(chunk)

    def finish(self) -> None:
        """Judge the whole body; raises `ContractViolation` where the mode says so."""
        try:
            body = self.decoded(b"".join(self._chunks))
        except zlib.error as error:
            found: tuple[Violation, ...] = (wire.violation("encoding", (), f"a broken content coding: {error}"),)
        else:
            found = self.policy.response_violations(self.status, body)
        self.settle(found)

    def abandon(self) -> None:
        """Report that the body was not read to its end."""
        self.settle((), complete=False)


class EventWatcher(_Watching):
    """An event stream: checked event by event.

    Kept are the event that is arriving, the first 100 violations, and the input of the open tool call where the request
    declares its tool. The message is not put together, so what the published response schema would say of it
    (`StreamValidator.deviations`) is not known here.

    Attributes:
        further: how many violations there were beyond those that are kept.
    """

    def __init__(self, policy: Policy, checked: Checked, status: int, decoder: Any) -> None:
        super().__init__(policy, checked, status, decoder)
        self._validator = StreamValidator(policy.contract, request=checked.payload, assemble=False)
        self._found: list[Violation] = []
        self.further = 0

    @property
    def outcome(self) -> StreamOutcome:
        """How the stream ended; `open` until it has."""
        return self._validator.outcome

    @property
    def error(self) -> StreamError | None:
        """What the `error` event says; None where there was none."""
        return self._validator.error

    def feed(self, chunk: bytes) -> None:
        """Check what the chunk completes."""
        try:
            found = self._validator.feed(self.decoded(chunk))
        except zlib.error as error:
            found = [wire.violation("encoding", (), f"a broken content coding: {error}")]
        self._take(found)

    def finish(self) -> None:
        """Check that the stream is complete; report all that was found."""
        self._take(self._validator.finish())
        self._settle()

    def abandon(self) -> None:
        """Report what was found before the stream was closed."""
        # Where the mode is to raise, it was raised where it was found.
        self._settle(() if self.policy.response == "raise" else None, complete=False)

    def _take(self, found: list[Violation]) -> None:
        room = _MOST_KEPT - len(self._found)
        self._found += found[:room]
        self.further += len(found[room:])
        if self._found and self.policy.response == "raise":
            self._settle(complete=False)

    def _settle(self, violations: tuple[Violation, ...] | None = None, *, complete: bool = True) -> None:
        found = tuple(self._found) if violations is None else violations
        settle(self.policy, self.checked, self.status, found, complete=complete, stream=self)


_WATCHERS: Final[dict[str, Callable[..., Watcher]]] = {
    "application/json": JsonWatcher,
    "text/event-stream": EventWatcher,
}
