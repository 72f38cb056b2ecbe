"""Responses on their way through: every chunk is passed on at once and unchanged, and looked at in passing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from haiku_contract import wire
from haiku_contract.guard import coding, heads
from haiku_contract.guard.coding import CodingError
from haiku_contract.guard.policy import Observation
from haiku_contract.model import JSON_CONTENT_TYPE, Violation
from haiku_contract.stream import StreamValidator

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.guard.coding import Decoder
    from haiku_contract.guard.policy import Checked, Policy
    from haiku_contract.stream import StreamError, StreamOutcome

_NO_CONTENT: Final = 204
_MOST_KEPT: Final = 100  # violations of one stream
_REDIRECTS: Final = 300
_ERRORS: Final = 400


class Head(NamedTuple):
    """A response as far as its head tells.

    Attributes:
        status: HTTP status.
        content_type: what the body is declared as; empty where it is not.
        codings: the content codings that its bytes still have; empty for none.
    """

    status: int
    content_type: str
    codings: str = ""


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
        """The body was closed before its end; raises as `feed` does."""
        ...


def watcher(policy: Policy, checked: Checked, head: Head, library: Any) -> Watcher | None:
    """Who looks at a response; None where there is nothing that could be looked at, which the observer is told.

    Args:
        policy: what to do about what is found.
        checked: the request.
        head: of the response.
        library: the client's, whose decoders undo what it can undo.
    """
    kind = _WATCHERS.get(head.content_type) or _WATCHERS.get(wire.media_type(head.content_type))
    decoder = coding.decoder(library, head.codings) if head.codings else None
    if _says_nothing(head.status):
        reason = f"HTTP {head.status}"
    elif kind is None and head.status < _ERRORS:
        return ForeignWatcher(policy, checked, head)
    elif kind is None:  # what stands in front of the endpoint reports its errors in any form
        reason = f"content type {head.content_type or 'none'}"
    elif head.codings and decoder is None:
        reason = f"content coding {head.codings}"
    elif kind is EventWatcher and policy.contract.stream is None:
        reason = "a contract that says nothing of streams"
    else:
        return kind(policy, checked, head.status, decoder)
    if policy.observer is not None:
        policy.notify(Observation("response", checked.surface.name, head.status, skipped=reason))
    return None


def look(policy: Policy, checked: Checked, head: Head, library: Any, body: bytes) -> None:
    """Check a response whose body is in memory already, as the client has read it; raises as `Watcher.finish` does."""
    if head.codings:
        head = head._replace(codings=coding.left(library, head.codings))
    elif head.content_type == JSON_CONTENT_TYPE and not _says_nothing(head.status):
        # The usual case, in which a watcher would cost more than the check.
        settle(policy, checked, head.status, policy.response_violations(head.status, body))
        return
    watching = watcher(policy, checked, head, library)
    if watching is not None:
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
    violations = policy.discreet(violations)
    if policy.observer is not None:
        seen = Observation("response", checked.surface.name, status, violations, complete=complete)
        if stream is not None:
            said = stream.error
            if said is not None and not policy.excerpts:
                said = said._replace(message="")
            seen = replace(seen, outcome=stream.outcome, error=said, further=stream.further)
        policy.notify(seen)
    if violations:
        policy.act(policy.response, violations, "response")


def _says_nothing(status: int) -> bool:
    """A redirect, or a success without a body: nothing that the contract speaks of."""
    return status == _NO_CONTENT or _REDIRECTS <= status < _ERRORS


class _Watching:
    def __init__(self, policy: Policy, checked: Checked, status: int, decoder: Decoder | None) -> None:
        self.policy = policy
        self.checked = checked
        self.status = status
        self._decoder = decoder

    def decoded(self, chunk: bytes) -> bytes:
        """The chunk without its content codings; raises `CodingError`."""
        return chunk if self._decoder is None else self._decoder.decode(chunk)

    def settle(self, violations: tuple[Violation, ...], *, complete: bool = True) -> None:
        settle(self.policy, self.checked, self.status, violations, complete=complete)


class ForeignWatcher(_Watching):
    """A success of another content type: it is wrong whatever it holds."""

    def __init__(self, policy: Policy, checked: Checked, head: Head) -> None:
        super().__init__(policy, checked, head.status, None)
        self._found = (heads.response_type(head.content_type),)

    def feed(self, chunk: bytes) -> None:  # noqa: ARG002 - nothing of it is looked at
        """Raise at once where the mode says so."""
        if self.policy.response == "raise":
            self.settle(self._found, complete=False)

    def finish(self) -> None:
        """Report the content type; raises `ContractViolation` where the mode says so."""
        self.settle(self._found)

    def abandon(self) -> None:
        """Report the content type, which was wrong from the start; raises as `finish` does."""
        self.settle(self._found, complete=False)


class JsonWatcher(_Watching):
    """A JSON body: kept until it is whole, then held against the schema."""

    def __init__(self, policy: Policy, checked: Checked, status: int, decoder: Decoder | None) -> None:
        super().__init__(policy, checked, status, decoder)
        self._chunks: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        """Keep a chunk."""
        self._chunks.append(chunk)

    def finish(self) -> None:
        """Judge the whole body; raises `ContractViolation` where the mode says so."""
        try:
            body = self.decoded(b"".join(self._chunks))
        except CodingError as error:
            found: tuple[Violation, ...] = (error.violation,)
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

    def __init__(self, policy: Policy, checked: Checked, status: int, decoder: Decoder | None) -> None:
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
        except CodingError as error:
            found = [error.violation]
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
