"""Answers that somebody wrote: which requests each is for, and what it says.

The first entry that fits a request answers it; where none does, the answer is generated. How they are written:
`script_files`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from haiku_contract.endpoint.reference import events, replies
from haiku_contract.endpoint.reference.manners import encode
from haiku_contract.endpoint.reference.reply import BODILESS, Reply
from haiku_contract.generate.stream_events import CONTENT_TYPE
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from haiku_contract.endpoint.reference.events import Profile

_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One scripted answer.

    Attributes:
        when: what the input has to hold.
        status: HTTP status.
        headers: further headers, their names in lower case.
        text: what a generated message says.
        body: the whole answer; `ABSENT` where there is none.
        stream: the chunks of the stream; None where there are none.
    """

    when: Any = field(default_factory=dict)
    status: int = _OK
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    body: Any = ABSENT
    stream: tuple[bytes, ...] | None = None

    @property
    def speaks(self) -> bool:
        """Whether it answers those too who do not ask for a stream."""
        return self.text is not None or self.body is not ABSENT or self.status in BODILESS


Script: TypeAlias = "Sequence[Entry]"


def answer(script: Script, payload: Any, *, streamed: bool, profile: Profile, seed: int) -> Reply | None:
    """The answer of the first entry that fits a request; None where none does."""
    for entry in script:
        fits = entry.speaks or (streamed and entry.stream is not None)
        if fits and _holds(payload, entry.when):
            return _streamed(entry, payload, profile, seed) if streamed else _whole(entry, payload, profile, seed)
    return None


def _whole(entry: Entry, payload: Any, profile: Profile, seed: int) -> Reply:
    if entry.status in BODILESS:
        return _reply(entry, (b"",), JSON_CONTENT_TYPE)
    body = _body(entry, payload, profile, seed)
    return _reply(entry, (encode(body),), JSON_CONTENT_TYPE, (replies.length(body),))


def _streamed(entry: Entry, payload: Any, profile: Profile, seed: int) -> Reply:
    if entry.stream is not None:
        return _as_stream(entry, events.chunks(b"".join(entry.stream)))
    body = ABSENT if entry.status in BODILESS else _body(entry, payload, profile, seed)
    if entry.status != _OK or not isinstance(body, dict) or not isinstance(body.get("content"), list):
        return _whole(entry, payload, profile, seed)
    return _as_stream(entry, tuple(events.stream(body, profile)))


def _as_stream(entry: Entry, chunks: tuple[events.Chunk, ...]) -> Reply:
    tokens = tuple(chunk.tokens for chunk in chunks)
    return _reply(entry, tuple(chunk.data for chunk in chunks), CONTENT_TYPE, tokens)


def _reply(entry: Entry, chunks: tuple[bytes, ...], content_type: str, tokens: tuple[int, ...] = ()) -> Reply:
    headers = {name: value for name, value in entry.headers.items() if name != "content-type"}
    return Reply(entry.status, chunks, entry.headers.get("content-type", content_type), headers, tokens)


def _body(entry: Entry, payload: Any, profile: Profile, seed: int) -> Any:
    return entry.body if entry.body is not ABSENT else replies.message(payload, seed, entry.text, profile=profile)


def _holds(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(key in value and _holds(value[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        if not isinstance(value, list) or len(value) != len(wanted):
            return False
        return all(_holds(one, other) for one, other in zip(value, wanted, strict=True))
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)
