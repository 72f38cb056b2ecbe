"""Responses on their way through: every chunk is passed on at once and unchanged, and looked at in passing."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from haiku_contract import wire
from haiku_contract.guard.policy import Observation
from haiku_contract.stream import StreamValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from haiku_contract.guard.policy import Checked, Policy
    from haiku_contract.model import Violation

_DECODERS: Final[dict[str, Callable[[], Any]]] = {
    "gzip": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    "deflate": zlib.decompressobj,
}
_NO_BODY: Final = (204, 304)


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
    if kind is None or status in _NO_BODY or (coding != "identity" and coding not in _DECODERS):
        return None
    return kind(policy, checked, status, _DECODERS[coding]() if coding in _DECODERS else None)


def look(policy: Policy, checked: Checked, status: int, content_type: str, body: bytes) -> None:
    """Check a response whose decoded body is in memory already; raises as `Watcher.finish` does."""
    kind = _kind(content_type)
    if kind is None or status in _NO_BODY:
        return
    if kind is JsonWatcher:  # the usual case, in which a watcher would cost more than the check
        settle(policy, checked, status, policy.response_violations(status, body))
        return
    watching = kind(policy, checked, status, None)
    watching.feed(body)
    watching.finish()


def settle(
    policy: Policy, checked: Checked, status: int, violations: tuple[Violation, ...], *, complete: bool = True
) -> None:
    """Say what was found in a response, and act on it.

    Raises:
        ContractViolation: there are violations, and the mode says so.
    """
    if policy.observer is not None:
        seen = Observation("response", checked.surface.name, status, violations, complete=complete)
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
    """An event stream: checked event by event, nothing kept beyond the current one."""

    def __init__(self, policy: Policy, checked: Checked, status: int, decoder: Any) -> None:
        super().__init__(policy, checked, status, decoder)
        self._validator = StreamValidator(policy.contract, request=checked.payload, assemble=False)
        self._found: list[Violation] = []

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
        self.settle(tuple(self._found))

    def abandon(self) -> None:
        """Report what was found before the stream was closed."""
        # Where the mode is to raise, it was raised where it was found.
        self.settle(() if self.policy.response == "raise" else tuple(self._found), complete=False)

    def _take(self, found: Iterable[Violation]) -> None:
        self._found += found
        if self._found and self.policy.response == "raise":
            self.settle(tuple(self._found), complete=False)


_WATCHERS: Final[dict[str, Callable[..., Watcher]]] = {
    "application/json": JsonWatcher,
    "text/event-stream": EventWatcher,
}
