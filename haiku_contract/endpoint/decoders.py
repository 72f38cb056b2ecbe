"""What a text may stand for: escapes, percent-encoding, base64, digits, UTF-16, compression, pieces of a stream.

One table. Each decoder finds what is encoded in a text in its way, and can put stand-ins back into it: into just the
characters that stand for them where that can be, else into the whole that is encoded anew.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from bisect import bisect_right
from html.entities import html5
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from haiku_contract.errors import UnsearchableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Edit(NamedTuple):
    """A part of a text, and what is written in its place."""

    start: int
    end: int
    kind: str
    standin: str


Back: TypeAlias = "Callable[[list[Edit]], Iterable[Edit]]"


class Decoded(NamedTuple):
    """What a part of a text stands for, and the edits of the text that edits of that amount to."""

    plain: str
    back: Back


def apply(text: str, found: Iterable[Edit]) -> tuple[str, list[tuple[int, int, int]]]:
    """The text with every edit made, and the edits: start and end of each in the text, length of what is new.

    Of edits that overlap, the first and longest wins; what the others cover beyond it is replaced as well.
    """
    parts: list[str] = []
    edits: list[tuple[int, int, int]] = []
    at = 0
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if one.end <= at:
            continue
        start, standin = max(one.start, at), one.standin
        if start > one.start and len(standin) == one.end - one.start:
            standin = standin[start - one.start :]
        parts += text[at:start], standin
        edits.append((start, one.end, len(standin)))
        at = one.end
    return "".join([*parts, text[at:]]), edits


def _substituted(
    text: str,
    start: int,
    pattern: re.Pattern[str],
    meaning: Callable[[re.Match[str]], str],
    write: Callable[[str], str],
) -> Decoded:
    """A text with what a pattern finds replaced by what it means; the text begins at a place of a longer one."""
    parts: list[str] = []
    ends: list[tuple[int, int]] = [(0, 0)]
    at = length = 0
    for match in pattern.finditer(text):
        new = meaning(match)
        parts += text[at : match.start()], new
        length += match.start() - at
        ends.append((length, match.start()))
        length, at = length + len(new), match.end()
        ends.append((length, at))
    parts.append(text[at:])

    def origin(place: int) -> int:
        inside, outside = ends[bisect_right(ends, (place, len(text))) - 1]
        return start + outside + place - inside

    def back(found: list[Edit]) -> Iterator[Edit]:
        for one in found:
            yield one._replace(start=origin(one.start), end=origin(one.end), standin=write(one.standin))

    return Decoded("".join(parts), back)


_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_MEANT: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def _escapes(text: str) -> Iterator[Decoded]:
    r"""The escapes of JSON (RFC 8259 section 7) and `\x`, taken off everywhere, once."""

    def meaning(match: re.Match[str]) -> str:
        digits = match[1] or match[2]
        return chr(int(digits, 16)) if digits else _MEANT.get(match[3], match[3])

    if "\\" in text:
        plain, back = _substituted(text, 0, _ESCAPE, meaning, _escaped)
        yield Decoded(plain, lambda found: (one for one in back(found) if _is_within(text[one.start : one.end])))


def _is_within(text: str) -> bool:
    """Whether a text is within one JSON string: a quote that is not escaped is the end of one."""
    return '"' not in text or '"' not in _ESCAPE.sub("", text)


def _escaped(standin: str) -> str:
    return json.dumps(standin)[1:-1]


_PERCENTED: Final = re.compile(r"[\w.~+/=:@!*,;&?%-]{3,}+", re.ASCII)
_PERCENT: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_OF_FORM: Final = re.compile(r"%([0-9A-Fa-f]{2})|\+")


def _percents(text: str) -> Iterator[Decoded]:
    """Percent-encoding (RFC 3986 section 2.1), and that of forms, in which a plus stands for a blank."""
    for match in _PERCENTED.finditer(text) if _PERCENT.search(text) else ():
        if _PERCENT.search(match[0]):
            for pattern in (_PERCENT, _OF_FORM) if "+" in match[0] else (_PERCENT,):
                yield _substituted(match[0], match.start(), pattern, _of_percent, _percented)


def _of_percent(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else " "


def _percented(standin: str) -> str:
    return "".join(one if one.isalnum() or one in "-._~/=:@" else f"%{ord(one):02X}" for one in standin)


_MARKED: Final = re.compile(r"[^\s<>]{4,}+", re.ASCII)
_MARK: Final = re.compile(r"&(?:#(\d{1,7})|#[xX]([0-9A-Fa-f]{1,6})|(amp|quot|apos|lt|gt));")


def _marks(text: str) -> Iterator[Decoded]:
    """Character references of HTML and XML."""

    def meaning(match: re.Match[str]) -> str:
        if match[3]:
            return html5[match[3] + ";"]
        code = int(match[1]) if match[1] else int(match[2], 16)
        return chr(code) if code < 0x100 else "?"  # noqa: PLR2004 - secrets are Latin-1 here, and longer ones are none

    for match in _MARKED.finditer(text) if _MARK.search(text) else ():
        if _MARK.search(match[0]):
            yield _substituted(match[0], match.start(), _MARK, meaning, str)


_WIDE: Final = re.compile(r"(?:[\t\n\r -~]\0){8,}|(?:\0[\t\n\r -~]){8,}")


def _wide(text: str) -> Iterator[Decoded]:
    """UTF-16 with either byte first."""
    for match in _WIDE.finditer(text) if "\0" in text else ():
        first = int(match[0][0] == "\0")
        yield _spread(match.start(), match[0][first::2], "\0{}" if first else "{}\0")


def _spread(start: int, plain: str, form: str) -> Decoded:
    """A text each of whose characters is written as two; the form is given the character, and its number."""

    def back(found: list[Edit]) -> Iterator[Edit]:
        for one in found:
            standin = "".join(form.format(char, ord(char)) for char in one.standin)
            yield one._replace(start=start + 2 * one.start, end=start + 2 * one.end, standin=standin)

    return Decoded(plain, back)


_DIGITS: Final = re.compile(r"[0-9A-Fa-f]{24,}+")
_GZIP: Final = re.compile(r"\x1f\x8b\x08[\0-\x1f].{4}[\0\x02\x04][\0-\x0d\xff]", re.DOTALL)
_ZLIB: Final = re.compile(r"\x78[\x01\x5e\x9c\xda]")
_ZSTD: Final = "\x28\xb5\x2f\xfd"
"""How gzip (RFC 1952), zlib (RFC 1950) and zstd (RFC 8878) begin; zlib in too few bytes to be looked for anywhere."""

_FIRST: Final = 96  # characters in which zlib is looked for
_BREAK: Final = b"\t\n\r"
_PRINTED: Final = bytes(range(ord(" "), ord("~") + 1)) + _BREAK
_CLASSES: Final = bytes(0 if one == 0 else 1 if one in _PRINTED else 2 for one in range(256))
_TEXTS: Final = (bytes([1]) * 8, bytes([1, 0]) * 8, bytes([0, 1]) * 8)
"""Runs of characters in ASCII, and in UTF-16 with either byte first, as classes of bytes."""

_RUN: Final = re.compile(r"[\t\n\r -~]{8,}+")
_MOSTLY: Final = 0.6  # share of printed characters from which on bytes are taken for a text


def texts(data: bytes) -> Decoded | None:
    """What of bytes can hold a secret, as Latin-1: all of a text and of what may be compressed, of others what is text.

    None where nothing can.
    """
    classes = data.translate(_CLASSES)
    narrow, *wide = (one in classes for one in _TEXTS)
    if not narrow and not any(wide) and not _may_be_compressed(data):
        return None
    plain = data.decode("latin-1")
    if classes.count(1) > _MOSTLY * len(data) or any(wide) or _may_be_compressed(data) or _is_utf_8(data):
        return Decoded(plain, iter)
    return _joined(plain, [match.span() for match in _RUN.finditer(plain)], "\n")


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _may_be_compressed(data: bytes) -> bool:
    first = data[:_FIRST].decode("latin-1")
    gzip = b"\x1f\x8b\x08" in data and _GZIP.search(data.decode("latin-1")) is not None
    return gzip or first.startswith(_ZSTD) or _ZLIB.search(first) is not None


def _digits(text: str) -> Iterator[Decoded]:
    """Hexadecimal digits, two a byte, from either of the first two on."""
    for match in _DIGITS.finditer(text):
        for first in range(2):
            last = len(match[0]) - (len(match[0]) - first) % 2
            data = bytes.fromhex(match[0][first:last])
            found = texts(data)
            if found is not None:
                form = "{1:02X}" if match[0].isupper() else "{1:02x}"
                yield _within(found, _spread(match.start() + first, "", form).back)


_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}(?:\r?\n[ \t]{0,40}[A-Za-z0-9+/_-]{4,})*={0,2}")
_BREAKS: Final = re.compile(r"[\s=]+", re.ASCII)
_MOVED: Final = 4


def _base64(text: str) -> Iterator[Decoded]:
    """Base64 with either alphabet (RFC 4648), in one line or in many, from any of its characters on."""
    for match in _BASE64.finditer(text):
        whole = _BREAKS.sub("", match[0])
        altchars = b"-_" if "-" in whole or "_" in whole else b"+/"
        usual = whole.translate(_ONE_ALPHABET)
        for first in range(_MOVED):
            last = len(whole) - ((len(whole) - first) % 4 == 1)
            data = binascii.a2b_base64(usual[first:last] + "=" * (-(last - first) % 4))
            found = texts(data)
            if found is not None:
                back = _recoded(match, whole[first:last], first, data.decode("latin-1"), altchars)
                yield _within(found, back)


def _within(texts: Decoded, back: Back) -> Decoded:
    """The texts of something that was decoded, and the edits of the whole."""
    return Decoded(texts.plain, lambda found: back(list(texts.back(found))))


_ONE_ALPHABET: Final = str.maketrans("-_", "+/")


def _recoded(
    match: re.Match[str], part: str, first: int, plain: str, altchars: bytes
) -> Callable[[list[Edit]], Iterator[Edit]]:
    """How the edits of what base64 stands for are made in it; only what changes is written anew."""

    def back(found: list[Edit]) -> Iterator[Edit]:
        cleaned = apply(plain, found)[0]
        coded = base64.b64encode(cleaned.encode("latin-1", "replace"), altchars=altchars).decode("ascii").rstrip("=")
        places = [place for place, one in enumerate(match[0]) if one not in "\r\n\t ="]
        new = list(match[0])
        if len(coded) == len(part):
            for place, before, after in zip(places[first:], part, coded, strict=False):
                new[place] = new[place] if before == after else after
        else:
            padding = "=" * (-len(coded) % 4) if (len(places) + match[0].count("=")) % 4 == 0 else ""
            new[places[first] :] = coded + padding
        yield Edit(match.start(), match.end(), found[0].kind, "".join(new))

    return back


_MOST: Final = 64 * 1024 * 1024  # bytes that are unpacked
_TRIES: Final = 64  # beginnings of gzip in one text that are tried


def _compressed(text: str) -> Iterator[Decoded]:
    """What gzip and zlib have compressed.

    Raises:
        UnsearchableError: it is compressed in another way, or too large.
    """
    if text.startswith(_ZSTD):
        raise UnsearchableError("something is compressed with zstd, and could hide a secret")
    for match in islice(_GZIP.finditer(text), _TRIES):
        yield from _inflated(text, match.start(), zlib.MAX_WBITS | 16)
    for match in _ZLIB.finditer(text, 0, _FIRST):
        yield from _inflated(text, match.start(), zlib.MAX_WBITS)


def _inflated(text: str, start: int, window: int) -> Iterator[Decoded]:
    undo = zlib.decompressobj(window)
    try:
        plain = undo.decompress(text[start:].encode("latin-1", "replace"), _MOST)
    except zlib.error:
        return  # it only begins like that
    if undo.unconsumed_tail:
        raise UnsearchableError("something is compressed that is too large to be searched, and could hide a secret")

    def back(found: list[Edit]) -> Iterator[Edit]:
        cleaned = apply(plain.decode("latin-1"), found)[0].encode("latin-1", "replace")
        redo = zlib.compressobj(wbits=window)
        again = redo.compress(cleaned) + redo.flush()
        yield Edit(start, len(text) - len(undo.unused_data), found[0].kind, again.decode("latin-1"))

    yield Decoded(plain.decode("latin-1"), back)


_EVENT: Final = re.compile(r"^data:(.*)$", re.MULTILINE)
_INDEX: Final = re.compile(r'"index"\s{0,9}:\s{0,9}(\d{1,9})')
_PIECE: Final = re.compile(r'"(\w{1,40})"\s{0,9}:\s{0,9}"((?:[^"\\]|\\.)*+)"', re.ASCII)


def _pieces(text: str) -> Iterator[Decoded]:
    """Texts that arrive piece by piece in the events of a stream: members of one name at one index."""
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for event in _EVENT.finditer(text) if "data:" in text else ():
        index = _INDEX.search(event[1])
        for match in _PIECE.finditer(text, *event.span(1)):
            if match[2]:
                found.setdefault((index[1] if index else "", match[1]), []).append(match.span(2))
    for spans in found.values():
        if len(spans) > 1:
            yield _joined(text, spans)


def _joined(text: str, spans: list[tuple[int, int]], between: str = "") -> Decoded:
    begins: list[int] = []
    length = 0
    for start, end in spans:
        begins.append(length)
        length += end - start + len(between)

    def back(found: list[Edit]) -> Iterator[Edit]:
        for one in found:
            number, left, begin = bisect_right(begins, one.start) - 1, one.standin, one.start
            while begin < one.end:
                start, end = spans[number]
                here, stop = start + begin - begins[number], begins[number] + end - start
                part = min(one.end, stop) - begin
                last = one.end <= stop + len(between)
                yield Edit(here, here + part, one.kind, left if last else left[:part])
                left, begin, number = left[part + len(between) :], stop + len(between), number + 1

    return Decoded(between.join(text[start:end] for start, end in spans), back)


PIECES: Final = "pieces of a stream"

DECODERS: Final[dict[str, Callable[[str], Iterator[Decoded]]]] = {
    "compression": _compressed,
    "escapes": _escapes,
    "percent-encoding": _percents,
    "character references": _marks,
    "UTF-16": _wide,
    "base64": _base64,
    "hexadecimal digits": _digits,
    PIECES: _pieces,
}
"""Every way in which a text can stand for another."""
