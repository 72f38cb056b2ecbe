"""What an answer is before it becomes HTTP, and the ways in which it can get lost or spoiled on its way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from haiku_contract.generate.stream_events import encode_event
from haiku_contract.generate.stream_events import error as error_event
from haiku_contract.model import JSON_CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BODILESS: Final = (204, 205, 304)
"""Statuses of answers that have no body (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5)."""

Ending: TypeAlias = Literal["complete", "cut", "hang"]

SLOW: Final = 1.0
"""Seconds between two bytes that drip."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, before it becomes HTTP.

    Attributes:
        status: HTTP status.
        chunks: the body; sent one by one, each when its time has come.
        content_type: of the body.
        headers: further headers.
        tokens: how many tokens each chunk carries; none of them carries any where it is empty.
        ending: how it ends: as it should, with the connection cut, or not at all.
        pause: seconds before each chunk.
    """

    status: int
    chunks: tuple[bytes, ...]
    content_type: str = JSON_CONTENT_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    tokens: tuple[int, ...] = ()
    ending: Ending = "complete"
    pause: float = 0.0

    @property
    def is_stream(self) -> bool:
        """True for server-sent events."""
        return self.content_type.startswith("text/event-stream")


def _half(reply: Reply) -> Reply:
    """The first half of the bytes, cut where it falls."""
    body = b"".join(reply.chunks)
    middle, kept = len(body) // 2, []
    for chunk in reply.chunks:
        kept.append(chunk[:middle])
        middle -= len(kept[-1])
    chunks = tuple(chunk for chunk in kept if chunk)
    return replace(reply, chunks=chunks, tokens=reply.tokens[: len(chunks)])


def _cut(reply: Reply) -> Reply:
    return replace(_half(reply), ending="cut")


def _hang(reply: Reply) -> Reply:
    return replace(reply, chunks=(), tokens=(), ending="hang")


def _hang_midway(reply: Reply) -> Reply:
    return replace(_half(reply), ending="hang")


def _drip(reply: Reply) -> Reply:
    body = b"".join(reply.chunks)
    drops = tuple(body[at : at + 1] for at in range(len(body)))
    return replace(reply, chunks=drops or (b"",), tokens=(), pause=SLOW)


def _error_event(reply: Reply) -> Reply:
    """A stream that breaks off with an error event; a whole answer has no place for one."""
    if not reply.is_stream:
        return reply
    begun = max(1, len(reply.chunks) // 2)
    return replace(reply, chunks=(*reply.chunks[:begun], encode_event(error_event())), tokens=reply.tokens[:begun])


def _content_type(reply: Reply) -> Reply:
    return replace(reply, content_type="text/html; charset=utf-8")


def _envelope(reply: Reply) -> Reply:
    """A whole answer in an envelope that no surface uses; a stream has none."""
    if reply.is_stream:
        return reply
    return replace(reply, chunks=(b'{"output":', *reply.chunks, b',"status":"ok"}'), tokens=())


def _stale(reply: Reply) -> Reply:
    return replace(reply, headers={**reply.headers, "cf-aig-cache-status": "HIT"})


DELIVERIES: Final[dict[str, Callable[[Reply], Reply]]] = {
    "hang": _hang,
    "hang-midway": _hang_midway,
    "cut": _cut,
    "drip": _drip,
    "error-event": _error_event,
    "content-type": _content_type,
    "envelope": _envelope,
    "stale-cache": _stale,
}
"""What can happen to the answer of an accepted request, by name."""
