"""JSON on the wire: strict decoding, encoding exactly as httpx does, and what JSON cannot carry.

A payload is what its bytes say. Nothing here knows a schema; the rules below are constraints of their own, with ids
`wire:<rule>`, and hold for every payload of every contract.
"""

from __future__ import annotations

import json
import marshal
import math
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from haiku_contract import pointer
from haiku_contract.model import ABSENT, Violation
from haiku_contract.scan import MAX_DEPTH, Problem, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

RULES: Final = {
    "syntax": "JSON text (RFC 8259)",
    "encoding": "UTF-8 without a byte order mark (RFC 8259 section 8.1)",
    "duplicate-key": "every key once in an object (RFC 8259 section 4)",
    "depth": f"at most {MAX_DEPTH} levels of nesting",
    "number": "a finite number that a double can hold (RFC 8259 section 6)",
    "surrogate": "Unicode text without lone surrogates (RFC 8259 section 8.2)",
    "key": "object keys that are strings",
    "type": "a value that JSON can carry: object, array, string, number, boolean or null",
    "content-type": "content type application/json",
}
"""What each rule of the wire expects, by name."""

BYTES_RULES: Final = ("syntax", "encoding", "duplicate-key", "depth", "number", "surrogate", "content-type")
"""The rules that bytes can break; `key` and `type` are about Python values that were never encoded."""

_MAX_TEXT = 40
_MAX_WORDS = 120
_MOST_TOKENS = 8
_TUPLE_CODES = (b"(", b")", b"\xa8", b"\xa9")  # how marshal begins a tuple; a text may hold these bytes too
_CONTAINERS = frozenset((list, tuple, dict))
_DIGITS_TO_ZEROS = bytes(0x30 if 0x30 <= byte <= 0x39 else 0 for byte in range(256))  # noqa: PLR2004 - ASCII digits
_LONG_NUMBER = b"0" * 19
SURROGATE_LEAD: Final = b"\xed"
"""The first byte of every surrogate as `marshal` writes it; also that of some Hangul, and of some lengths."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_HINTS = {
    "number": "send null, or leave the key out",
    "key": "turn the key into a string",
    "type": "convert it to a dict, list, str, int, float, bool or None",
    "surrogate": "replace the lone surrogate, for example with U+FFFD",
    "depth": "flatten the value, or check whether it refers to itself",
    "duplicate-key": "keep one of the two",
    "encoding": "encode the text as UTF-8 without a byte order mark",
}


class Decoded(NamedTuple):
    """What strict decoding found: the value (`ABSENT` where there is none), and what is wrong with the text."""

    value: Any
    violations: tuple[Violation, ...]


def media_type(content_type: str) -> str:
    """A content type without its parameters, in lower case (RFC 9110 section 8.3.1)."""
    return content_type.partition(";")[0].strip().lower()


def encode(value: Any) -> bytes:
    """The bytes that `httpx` sends for `json=value`.

    Raises:
        ValueError, TypeError: JSON cannot carry the value; `problems` says why.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def decode(body: bytes | bytearray | memoryview | str) -> Decoded:
    """Decode strictly.

    Unlike `json` and `orjson` this keeps nothing quiet: duplicate keys, NaN, numbers beyond a double, lone surrogates,
    a byte order mark and nesting beyond `MAX_DEPTH` levels are violations with line and column, never exceptions.
    """
    try:
        value = orjson.loads(body)
        encoded = orjson.dumps(value)
        if encoded == body:  # compact, as httpx sends it: nothing was lost, nothing rounded
            return Decoded(value, ())
    except (ValueError, TypeError):  # not JSON; nested deeper than orjson writes
        encoded = b""
    data = _as_utf8(body)
    if isinstance(data, Problem):
        return Decoded(ABSENT, (_from_problem(data),))
    # Parsing keeps the last of duplicate keys, so the value holds fewer strings than the text did.
    if encoded and _strings(encoded) == _strings(data):
        return Decoded(json.loads(data) if _may_be_rounded(data) else value, ())
    problems = tuple(_from_problem(problem) for problem in scan(data.decode("utf-8")))
    only_twice = all(problem.constraint == "wire:duplicate-key" for problem in problems)
    return Decoded(json.loads(data) if only_twice else ABSENT, problems)


def is_plain(value: Any) -> bool:
    """True when the value is made of JSON's own types alone, so that the wire changes nothing of it; False when unsure.

    Two C encoders share the work, each refusing what the other lets pass: `marshal` takes no enum, dataclass or
    subclass; `orjson` takes no bytes, set, complex number, foreign key, lone surrogate, deep nesting or big integer.
    NaN and the infinities pass both, and `orjson` writes those as null. Tuples pass both too, and must not come before
    `orjson`: it follows them without end, into the ground where one contains itself.
    """
    try:
        marshalled = marshal.dumps(value, 4)
        if any(code in marshalled for code in _TUPLE_CODES) and _holds_tuple(value):
            return False
        encoded = orjson.dumps(value)
    except (ValueError, TypeError):
        return False
    return b"null" not in encoded or not any(True for _ in _walk(value))


def _holds_tuple(value: Any) -> bool:
    stack, seen = [value], set()
    while stack:
        item = stack.pop()
        if type(item) is tuple:
            return True
        if id(item) not in seen:
            seen.add(id(item))
            children = item.values() if type(item) is dict else item if type(item) is list else ()
            stack += [child for child in children if type(child) in _CONTAINERS]
    return False


def has_empty_key(value: Any) -> bool:
    """Whether an object anywhere in a JSON value has a key without a name."""
    try:
        text = orjson.dumps(value)
    except TypeError:  # nested deeper, or numbers bigger, than orjson writes
        text = json.dumps(value, separators=(",", ":")).encode()
    return b'{"":' in text or b',"":' in text  # a quote inside a string has a backslash before it


def normalise(value: Any) -> Any:
    """What the other side decodes from the bytes of `encode(value)`; raises as `encode` does."""
    return json.loads(encode(value))


def problems(value: Any) -> Iterator[Violation]:
    """What JSON cannot carry in a Python value, wherever it hides; lazy, in document order."""
    for rule, path, found in _walk(value):
        yield violation(rule, path, found)


def violation(rule: str, path: Sequence[str | int], actual: str) -> Violation:
    """A violation of one of the `RULES` at a place."""
    found = shorten(actual, _MAX_WORDS)
    return Violation(
        constraint=f"wire:{rule}",
        instance_location=_SURROGATE.sub("\ufffd", pointer.join(path)),
        expected=RULES[rule],
        actual=found,
        message=sentence(path, RULES[rule], found),
        hint=_HINTS.get(rule, ""),
    )


def sentence(path: Sequence[str | int], expected: str, actual: str) -> str:
    """The message of a violation: one line of bounded length, whatever the payload holds."""
    tokens = [token if isinstance(token, int) else shorten(token, _MAX_TEXT) for token in path]
    place = pointer.readable(tokens[:_MOST_TOKENS])
    if len(tokens) > _MOST_TOKENS:
        place = f"{place} … {pointer.readable(tokens[-1:])}"
    return (
        f"{shorten(place, _MAX_WORDS)}: expected {shorten(expected, _MAX_WORDS)}, found {shorten(actual, _MAX_WORDS)}"
    )


def shorten(text: str, most: int) -> str:
    """The text in one line of at most `most` characters: cut at its end, and escaped where nobody could see it."""
    shown = text[: most + 1]
    if not shown.isprintable():
        shown = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in shown)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def json_type(value: Any) -> str:
    """The JSON type of a value, by JSON's name; `Python …` where JSON has none."""
    if isinstance(value, bool):  # before int, which bool is a subclass of
        return "boolean"
    for kinds, name in _TYPE_NAMES:
        if isinstance(value, kinds):
            return name
    return f"Python {type(value).__name__}"


_TYPE_NAMES: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (str, "string"),
    ((int, float), "number"),
    (type(None), "null"),
    (dict, "object"),
    ((list, tuple), "array"),
)


def describe(value: Any, *, excerpts: bool = True) -> str:
    """Type and a short excerpt, as in `string "0.5"`, `array of 3`, `object with 2 keys`, `null`.

    Without `excerpts` scalars are described by their type alone.
    """
    kind = json_type(value)
    excerpt = _EXCERPTS.get(kind) if excerpts or kind in {"array", "object"} else None
    return f"{kind} {excerpt(value)}".rstrip() if excerpt else kind


def _short_text(value: str) -> str:
    text = value if len(value) <= _MAX_TEXT else value[: _MAX_TEXT - 1] + "…"
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _short_number(value: Any) -> str:
    if isinstance(value, float):
        return float.__repr__(value)  # a subclass may show itself otherwise, the wire does not
    # int.__repr__ refuses integers of more than 4,300 digits (sys.set_int_max_str_digits).
    bits = int.bit_length(value)
    return f"of {bits} bits" if bits > 100 else int.__repr__(value)  # noqa: PLR2004 - far beyond what is readable


_EXCERPTS: Final[dict[str, Callable[[Any], str]]] = {
    "null": lambda _: "",
    "boolean": lambda value: str(value).lower(),
    "string": _short_text,
    "number": _short_number,
    "array": lambda value: f"of {len(value)}",
    "object": lambda value: f"with {len(value)} key{'' if len(value) == 1 else 's'}",
}


def _as_utf8(body: bytes | bytearray | memoryview | str) -> bytes | Problem:
    if not isinstance(body, (bytes, bytearray, memoryview, str)):
        raise TypeError(f"a body is bytes or text, and not {type(body).__name__}; use the method without 'bytes'")
    try:
        data = body.encode("utf-8") if isinstance(body, str) else bytes(body)
    except UnicodeEncodeError as error:
        before, found = error.object[: error.start], error.object[error.start]
        return Problem("surrogate", (), f"U+{ord(found):04X}", *_line_column(before))
    if not data.strip(b" \t\r\n"):
        return Problem("syntax", (), "nothing" if not data else "only white space", 1, 1)
    if data.startswith(b"\xef\xbb\xbf"):
        return Problem("encoding", (), "a byte order mark", 1, 1)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        return Problem("encoding", (), f"byte 0x{data[error.start]:02X} at offset {error.start}", *_line_column(before))
    return data


def _line_column(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _strings(data: bytes) -> int:
    """Twice the number of strings in a JSON text: its quotes less the escaped ones."""
    if b"\\" not in data:
        return data.count(b'"')
    bare = data.replace(b"\\\\", b"")
    return bare.count(b'"') - bare.count(b'\\"')


def _may_be_rounded(data: bytes) -> bool:
    """Whether an integer beyond 64 bits may be in a text, which orjson decodes as a float: one of 19 digits or more."""
    return _LONG_NUMBER in data.translate(_DIGITS_TO_ZEROS)


def _from_problem(problem: Problem) -> Violation:
    found = violation(problem.rule, problem.path, problem.actual)
    return Violation(
        constraint=found.constraint,
        instance_location=found.instance_location,
        expected=found.expected,
        actual=found.actual,
        message=f"line {problem.line}, column {problem.column}: {found.message}",
        hint=found.hint,
        line=problem.line,
        column=problem.column,
    )


def _walk(value: Any) -> Iterator[tuple[str, tuple[str | int, ...], str]]:
    """What JSON cannot carry, as (rule, path, found); iterative, because payloads may refer to themselves."""
    stack: list[tuple[Any, tuple[str | int, ...], frozenset[int]]] = [(value, (), frozenset())]
    while stack:
        item, path, above = stack.pop()
        if isinstance(item, (dict, list, tuple)):
            if id(item) in above:
                yield "depth", path, f"{describe(item)} that contains itself"
                continue
            if len(path) >= MAX_DEPTH:
                yield "depth", path, "more"
                continue
            inside = above | {id(item)}
            members: Iterable[tuple[str | int, Any]] = enumerate(item)
            if isinstance(item, dict):
                for rule, found in _key_problems(item):
                    yield rule, path, found
                members = ((str.__str__(key), child) for key, child in item.items() if isinstance(key, str))
            stack.extend(reversed([(child, (*path, token), inside) for token, child in members]))
        elif fault := _scalar_problem(item):
            yield fault, path, describe(item) if fault != "surrogate" else "a lone surrogate"


def _key_problems(item: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    """Keys that JSON cannot carry, and keys that differ in Python alone (subclasses of `str` may)."""
    seen: set[str] = set()
    for key in item:
        if not isinstance(key, str):
            yield "key", f"key {describe(key)}"
        elif _scalar_problem(key):
            yield "surrogate", f"key {describe(key)}"
        elif (text := str.__str__(key)) in seen:
            yield "duplicate-key", f"key {describe(text)} twice"
        else:
            seen.add(text)


def _scalar_problem(item: object) -> str:
    match item:
        case None | bool():
            return ""
        case str():
            return "" if item.isascii() or not _has_surrogate(item) else "surrogate"
        case float():
            return "" if math.isfinite(item) else "number"
        case int():
            return "" if _fits_double(item) else "number"
        case _:
            return "type"


def _has_surrogate(text: str) -> bool:
    try:
        str.encode(text, "utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _fits_double(number: int) -> bool:
    try:
        int.__float__(number)
    except OverflowError:
        return False
    return True
