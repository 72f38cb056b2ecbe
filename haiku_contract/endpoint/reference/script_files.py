"""Files of scripted answers: what may stand in them, and in one line what is wrong with them and where.

A file holds one entry (`.json`), a list of them (`.json`), one a line (`.jsonl`), or the bytes of a stream (`.sse`). An
entry is a message, or an object with these members, all optional:

=========  ======================================================================================================
`when`     the input has to hold this: the same members for an object, the same value for everything else
`status`   HTTP status, 200 to 599; 200
`headers`  further headers; `content-type` replaces that of the answer
`text`     a generated message that says this, as far as the request's `max_tokens` and `stop_sequences` let it
`body`     the whole answer; a message is sent as events to whoever asks for a stream
`events`   the events of the stream, for those who ask for one
=========  ======================================================================================================
"""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import wire
from haiku_contract.endpoint.reference.reply import BODILESS
from haiku_contract.endpoint.reference.scripts import Entry
from haiku_contract.errors import UsageError
from haiku_contract.generate.stream_events import encode_event
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SUFFIXES: Final = (".json", ".jsonl", ".sse")
_SAYS: Final = ("text", "body", "events")
_MEMBERS: Final = ("when", "status", "headers", *_SAYS)
_MESSAGE: Final = ("type", "role", "content")
"""Members by which a message is known; no entry has them."""

_STATUSES: Final = range(200, 600)
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING: Final = frozenset(("connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"))
"""Headers that say how an answer is sent, which is the server's affair."""


class Place(NamedTuple):
    """Where an entry begins."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}"


def load(name: str) -> tuple[Entry, ...]:
    """The entries of a file, or of all files of a folder in the order of their names.

    Raises:
        UsageError: there is none, or one cannot be used; the message says where and why.
    """
    if not name:
        raise UsageError("replies: name a file or a folder, not ''")
    path = Path(name)
    files = [path]
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if one.suffix in _SUFFIXES)
        if not files:
            raise UsageError(f"{name}: no file in it ends in {', '.join(_SUFFIXES)}")
    placed = [pair for file in files for pair in _READERS.get(file.suffix, _no_script)(file)]
    if not placed:
        raise UsageError(f"{name}: there is no reply in it")
    _all_are_reached(placed)
    return tuple(entry for _, entry in placed)


def _all_are_reached(placed: list[tuple[Place, Entry]]) -> None:
    """Raises: UsageError: what stands before an entry answers every request that it could answer."""
    whole: Place | None = None
    streamed: Place | None = None
    for place, entry in placed:
        earlier = streamed if entry.stream is not None and not entry.speaks else whole and streamed
        if earlier is not None:
            raise UsageError(f"{place}: never used, since {earlier} answers every request; give that one a 'when'")
        if entry.when == {}:
            streamed = streamed or place
            whole = whole or (place if entry.speaks else None)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


def _no_script(path: Path) -> Iterator[tuple[Place, Entry]]:
    raise UsageError(f"{path}: a file of replies ends in {', '.join(_SUFFIXES)}")


def _of_stream(path: Path) -> Iterator[tuple[Place, Entry]]:
    body = _read(path)
    if not body.strip():
        raise UsageError(f"{path}: an empty stream; a file that ends in .sse holds server-sent events")
    yield Place(path, 1), Entry(stream=(body,))


def _of_lines(path: Path) -> Iterator[tuple[Place, Entry]]:
    for number, line in enumerate(_read(path).split(b"\n"), 1):
        if line.strip():
            place = Place(path, number)
            # After as many line breaks as in the file, what the decoder says of lines is true of the file.
            yield place, _entry(_decoded(path, b"\n" * (number - 1) + line), place)


def _of_json(path: Path) -> Iterator[tuple[Place, Entry]]:
    body = _read(path)
    value = _decoded(path, body)
    entries = value if isinstance(value, list) else [value]
    lines = _lines(body.decode()) if isinstance(value, list) else iter((_line(body.decode(), 0),))
    for one, line in zip(entries, lines, strict=True):
        yield Place(path, line), _entry(one, Place(path, line))


_READERS: Final[dict[str, Callable[[Path], Iterator[tuple[Place, Entry]]]]] = {
    ".json": _of_json,
    ".jsonl": _of_lines,
    ".sse": _of_stream,
}
"""What reads a file, by its suffix."""


def _decoded(path: Path, text: bytes) -> Any:
    value, violations = wire.decode(text)
    if violations:
        raise UsageError(f"{path}: not JSON: {violations[0].message}")
    return value


def _lines(text: str) -> Iterator[int]:
    """The line on which each member of a list begins, in a text that is known to hold one."""
    at = text.index("[") + 1
    decoder = json.JSONDecoder()
    while True:
        begin = _after(text, at)
        if text[begin] == "]":
            return
        yield _line(text, begin)
        _, end = decoder.raw_decode(text, begin)
        at = _after(text, end)
        at += text[at] == ","


def _after(text: str, at: int) -> int:
    """Where the white space at a position ends."""
    match = _SPACE.match(text, at)
    return at if match is None else match.end()


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, _after(text, at)) + 1


def _entry(value: Any, place: Place) -> Entry:
    """The entry that a value is.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(value, dict) or not value:
        raise UsageError(f"{place}: a reply is an object, not {wire.describe(value)}")
    known = [name for name in value if name in _MEMBERS]
    if not known and any(name in value for name in _MESSAGE):
        return Entry(body=value)
    for name in value:
        if name not in _MEMBERS:
            raise UsageError(f"{place}: {_unknown(name, value)}")
    for name, problem in _PROBLEMS.items():
        found = problem(value[name]) if name in value else ""
        if found:
            raise UsageError(f"{place}: {name} {found}")
    found = _contradiction(value)
    if found:
        raise UsageError(f"{place}: {found}")
    headers = {name.lower(): text for name, text in value.get("headers", {}).items()}
    stream = tuple(encode_event(one) for one in value["events"]) if "events" in value else None
    body = value.get("body", ABSENT)
    return Entry(value.get("when", {}), value.get("status", 200), headers, value.get("text"), body, stream)


def _unknown(name: str, value: dict[str, Any]) -> str:
    if name in _MESSAGE and any(known in value for known in _MEMBERS):
        return f"a message has no {next(known for known in _MEMBERS if known in value)!r}; put the message under 'body'"
    near = difflib.get_close_matches(name, _MEMBERS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"a reply has {', '.join(_MEMBERS)}"
    return f"a reply has no member {wire.shorten(name, 40)!a}; {hint}"


def _contradiction(value: dict[str, Any]) -> str:
    """What is wrong with members that are fine one by one."""
    says = [name for name in _SAYS if name in value]
    bodiless = value.get("status") in BODILESS
    if bodiless and says:
        return f"an answer with status {value['status']} has no body, so no {says[0]}"
    if not bodiless and not says:
        return f"a reply says nothing without one of {', '.join(_SAYS)}"
    return "a reply has a text or a body, not both" if {"text", "body"} <= set(says) else ""


def _status(value: Any) -> str:
    fine = isinstance(value, int) and not isinstance(value, bool) and value in _STATUSES
    return "" if fine else f"cannot be {wire.describe(value)}: it is a number from 200 to 599"


def _headers(value: Any) -> str:
    if not isinstance(value, dict):
        return f"cannot be {wire.describe(value)}: they are an object of texts"
    names = [name.lower() for name in value]
    for name, text in value.items():
        if not _NAME.fullmatch(name):
            return f"cannot hold {wire.describe(name)}: that is no name of a header (RFC 9110, section 5.1)"
        if name.lower() in _FRAMING:
            return f"cannot hold {name!r}, which the server sets itself"
        if names.count(name.lower()) > 1:
            return f"name {name.lower()!r} twice"
        if not isinstance(text, str) or not text.isascii() or not text.isprintable() or text != text.strip():
            return f"cannot hold {wire.describe(text)} as {name!r}: it is a line of printable ASCII"
    return ""


def _text(value: Any) -> str:
    return "" if isinstance(value, str) else f"cannot be {wire.describe(value)}: it is a text"


def _events(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return f"cannot be {wire.describe(value)}: they are a list of one event or more"
    for number, event in enumerate(value):
        kind = event.get("type") if isinstance(event, dict) else None
        if not isinstance(kind, str) or not kind or not kind.isprintable():
            found = wire.describe(event)
            return f"cannot hold {found} as number {number}: an event is an object with a 'type' of one line"
    return ""


_PROBLEMS: Final[dict[str, Callable[[Any], str]]] = {
    "status": _status,
    "headers": _headers,
    "text": _text,
    "events": _events,
}
"""What is wrong with the value of a member; empty where nothing is."""
