"""Cassettes as they are written: VCR's layout, one line per member of a body.

Every scalar is written so that YAML gives back its bytes: a text of several lines as a literal block, a long line of
JSON in double quotes with escaped line breaks between its members, and what is no text as base64.
"""

from __future__ import annotations

import base64
import re
import textwrap
from typing import TYPE_CHECKING, Final

from haiku_contract.endpoint.cassette_layouts import ABOUT, REPEAT, STREAM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from haiku_contract.endpoint.cassette import Headers, Interaction

_WIDTH: Final = 100
_PLAIN: Final = re.compile(r"[A-Za-z/][A-Za-z0-9 /._()+-]*(?<! )\Z")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_PRINTABLE: Final = re.compile(
    "[\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*\\Z"
)
_ESCAPED: Final = re.compile(
    '[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|["\\\\]'
)
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MARK: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[{\[]+|[}\]]+|,', re.DOTALL)
_DEEPEST: Final = 10
_BYTE: Final = 0xFF
_BMP: Final = 0xFFFF
TAIL: Final = "version: 1\n"
"""Stands at the end, as vcrpy has it: a file that was cut off is without it."""


def head(about: Mapping[str, str]) -> str:
    """How a cassette begins: with what it says of itself, which tells it from those of others."""
    members = "".join(f"  {name}: {scalar(value, 4)}\n" for name, value in about.items())
    return (f"{ABOUT}:\n{members}" if members else f"{ABOUT}: {{}}\n") + "interactions:\n"


def item(one: Interaction) -> str:
    """One interaction, as a member of the list."""
    request, response = one.request.read(), one.response.read()
    lines = [
        "- request:",
        f"    method: {scalar(one.method, 6)}",
        f"    uri: {scalar(one.url, 6)}",
        *_headers(one.request_headers),
        f"    body: {body(request, 6) if request else 'null'}",
        "  response:",
        f"    status:\n      code: {one.status}\n      message: {scalar(one.reason, 8)}",
        *_headers(one.response_headers),
        f"    body:\n      string: {body(response, 8)}",
    ]
    stream = [
        *([f"    sizes: {_listed(map(str, one.sizes))}"] if one.sizes else ()),
        *([f"    seconds: {_listed(map(_seconds, one.seconds))}"] if one.seconds else ()),
        *([f"    error: {scalar(one.error, 6)}"] if one.error else ()),
    ]
    lines += [f"  {STREAM}:", *stream] if stream else []
    lines += [f"  recorded_at: '{one.recorded.isoformat()}'"] if one.recorded else []
    return "\n".join(lines) + "\n"


def repeated(turn: int) -> str:
    """What an interaction ends with that is a further answer to one request; nothing for the first."""
    return f"  {REPEAT}: {turn}\n" if turn > 1 else ""


def body(data: bytes, indent: int) -> str:
    """A body as a scalar; its further lines are indented by so many blanks."""
    try:
        return scalar(data.decode("utf-8"), indent)
    except UnicodeDecodeError:
        lines = textwrap.wrap(base64.b64encode(data).decode("ascii"), 76)
        return "!!binary |\n" + "\n".join(" " * indent + line for line in lines)


def scalar(text: str, indent: int) -> str:
    """A text as a scalar; its further lines are indented by so many blanks."""
    if _PLAIN.match(text) and len(text) < _WIDTH and text.lower() not in _WORDS:
        return text
    printable = _PRINTABLE.match(text)
    if printable and text.strip("\n") != "" and "\n" in text:
        return _block(text, indent)
    if printable and len(text) < _WIDTH and "\n" not in text and "\t" not in text:
        return "'" + text.replace("'", "''") + "'"
    return _quoted(text, indent)


def _block(text: str, indent: int) -> str:
    """A literal block: the text as it is."""
    kept = text.rstrip("\n")
    chomping = {0: "-", 1: ""}.get(len(text) - len(kept), "+")
    indicator = "2" if text[0] in " \n\t" else ""
    lines = text.removesuffix("\n").split("\n")
    pad = " " * indent
    return f"|{indicator}{chomping}\n" + "\n".join(pad + line if line else "" for line in lines)


def _quoted(text: str, indent: int) -> str:
    """Double quotes; a long text goes on in the next line after members of JSON, and after line breaks."""
    written = '"'
    for number, (depth, line) in enumerate(_lines(text)):
        escaped = _ESCAPED.sub(_escape, line)
        if number:  # blanks at the beginning of a line are not part of the text, unless the first is escaped
            written += "\\\n" + " " * (indent + 2 * depth) + ("\\" if escaped[0] == " " else "")
        written += escaped
    return written + '"'


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that a text is written in, and how deeply each is nested."""
    if len(text) < _WIDTH or "\n" in text:
        yield from ((0, line) for line in re.split(r"(?<=\n)", text) if line)
        return
    start = at = depth = 0
    for match in _MARK.finditer(text):
        mark = match[0]
        if mark[0] in "{[":
            depth += len(mark)
        elif mark[0] in "}]":
            depth -= len(mark)
        if mark[0] in "{[," and text[match.end() : match.end() + 1] not in ("}", "]", ""):
            yield at, text[start : match.end()]
            start, at = match.end(), min(max(depth, 0), _DEEPEST)
    yield at, text[start:]


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    if code <= _BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _BMP else f"\\U{code:08x}"


def _headers(headers: Headers) -> list[str]:
    if not headers:
        return ["    headers: {}"]
    grouped: dict[str, list[str]] = {}
    for name, value in headers:
        grouped.setdefault(name, []).append(value)
    lines = ["    headers:"]
    for name, values in grouped.items():
        lines.append(f"      {scalar(name, 8)}:")
        lines += [f"      - {scalar(value, 8)}" for value in values]
    return lines


def _seconds(value: float) -> str:
    return f"{value:.3f}"


def _listed(items: Iterable[str]) -> str:
    return "[" + ", ".join(items) + "]"
