"""Answers that somebody wrote: which requests each is for, and what it says.

A file holds one entry (`.json`), a list of them (`.json`), one a line (`.jsonl`), or the bytes of a stream (`.sse`). An
entry is a message, or an object with these members, all optional:

=========  ======================================================================================================
`when`     the input has to hold this: the same members for an object, the same value for everything else
`status`   HTTP status; 200
`headers`  further headers
`text`     a generated message that says this
`body`     the whole answer; a message is sent as events to whoever asks for a stream
`events`   the events of the stream, for those who ask for one
=========  ======================================================================================================

The first entry that fits a request answers it; where none does, the answer is generated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from haiku_contract import wire
from haiku_contract.endpoint.reference import events, replies
from haiku_contract.endpoint.reference.manners import encode
from haiku_contract.endpoint.reference.reply import Reply
from haiku_contract.errors import UsageError
from haiku_contract.generate.stream_events import CONTENT_TYPE, encode_event
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from haiku_contract.endpoint.reference.events import Profile

_MEMBERS: Final = frozenset(("when", "status", "headers", "text", "body", "events"))
_SUFFIXES: Final = (".json", ".jsonl", ".sse")
_STATUSES: Final = range(200, 600)
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One scripted answer.

    Attributes:
        when: what the input has to hold.
        status: HTTP status.
        headers: further headers.
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


Script: TypeAlias = "Sequence[Entry]"


def load(name: str) -> tuple[Entry, ...]:
    """The entries of a file, or of all files of a folder in the order of their names.

    Raises:
        UsageError: there is none, or one cannot be used; the message says where and why.
    """
    path = Path(name)
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if one.suffix in _SUFFIXES)
        if not files:
            raise UsageError(f"{name}: no file in it ends in {', '.join(_SUFFIXES)}")
        return tuple(entry for file in files for entry in _entries(file))
    return tuple(_entries(path))


def answer(script: Script, payload: Any, *, streamed: bool, profile: Profile, seed: int) -> Reply | None:
    """The answer of the first entry that fits a request; None where none does."""
    for entry in script:
        if _holds(payload, entry.when):
            reply = _streamed(entry, payload, profile, seed) if streamed else _whole(entry, payload, seed)
            if reply is not None:
                return reply
    return None


def _whole(entry: Entry, payload: Any, seed: int) -> Reply | None:
    body = entry.body if entry.body is not ABSENT else _said(entry, payload, seed)
    return None if body is ABSENT else Reply(entry.status, (encode(body),), headers=entry.headers)


def _streamed(entry: Entry, payload: Any, profile: Profile, seed: int) -> Reply | None:
    if entry.stream is not None:
        return Reply(entry.status, entry.stream, CONTENT_TYPE, entry.headers)
    body = entry.body if entry.body is not ABSENT else _said(entry, payload, seed)
    if body is ABSENT:
        return None
    if entry.status != _OK or not isinstance(body, dict) or not isinstance(body.get("content"), list):
        return Reply(entry.status, (encode(body),), headers=entry.headers)
    chunks = tuple(events.stream(body, profile))
    tokens = tuple(chunk.tokens for chunk in chunks)
    return Reply(entry.status, tuple(chunk.data for chunk in chunks), CONTENT_TYPE, entry.headers, tokens)


def _said(entry: Entry, payload: Any, seed: int) -> Any:
    """A generated message that says the text of the entry."""
    if entry.text is None:
        return ABSENT
    message = replies.message(payload, seed)
    usage = {**message["usage"], "output_tokens": max(1, len(entry.text.split()))}
    return {**message, "content": [{"type": "text", "text": entry.text}], "stop_reason": "end_turn",
            "stop_sequence": None, "usage": usage}  # fmt: skip


def _holds(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(key in value and _holds(value[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        if not isinstance(value, list) or len(value) != len(wanted):
            return False
        return all(_holds(one, other) for one, other in zip(value, wanted, strict=True))
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def _entries(path: Path) -> Iterator[Entry]:
    if path.suffix not in _SUFFIXES:
        raise UsageError(f"{path}: a file of replies ends in {', '.join(_SUFFIXES)}")
    try:
        body = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    if path.suffix == ".sse":
        yield Entry(stream=(body,))
        return
    texts = [line for line in body.splitlines() if line.strip()] if path.suffix == ".jsonl" else [body]
    for text in texts:
        value, violations = wire.decode(text)
        if value is ABSENT:
            raise UsageError(f"{path}: not JSON: {violations[0].message}")
        for one in value if isinstance(value, list) else [value]:
            yield _entry(one, path)


def _entry(value: Any, path: Path) -> Entry:
    """The entry that a value is.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(value, dict) or not value:
        raise UsageError(f"{path}: a reply is an object, not {wire.describe(value)}")
    if not value.keys() <= _MEMBERS:
        return Entry(body=value)
    wrong = [name for name, good in _CHECKS.items() if name in value and not good(value[name])]
    if wrong:
        raise UsageError(f"{path}: {wrong[0]} cannot be {wire.describe(value[wrong[0]])}")
    if not value.keys() & {"text", "body", "events"}:
        raise UsageError(f"{path}: a reply says nothing without one of text, body, events")
    stream = tuple(encode_event(one) for one in value["events"]) if "events" in value else None
    return Entry(
        value.get("when", {}),
        value.get("status", _OK),
        value.get("headers", {}),
        value.get("text"),
        value.get("body", ABSENT),
        stream,
    )


def _is_headers(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(one, str) and one.isascii() and one.isprintable() for pair in value.items() for one in pair
    )


_CHECKS: Final[dict[str, Any]] = {
    "status": lambda value: isinstance(value, int) and not isinstance(value, bool) and value in _STATUSES,
    "headers": _is_headers,
    "text": lambda value: isinstance(value, str),
    "events": lambda value: isinstance(value, list) and all(isinstance(one, dict) and "type" in one for one in value),
}
