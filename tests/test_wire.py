"""JSON on the wire against the standard library: what decodes, what is reported and where."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from haiku_contract import scan, wire
from haiku_contract.model import ABSENT

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=400)

NUMBERS = st.integers() | st.integers(-(10**308), 10**308) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=8) | st.text('"\\/ueu0022ntnull\n\x7f\u2028é😀', max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
SPACES = st.text(" \t\r\n", max_size=3)


# -- the strict oracle: the standard library with every hook shut ------------------------------------------------


class _NotStrictError(Exception):
    pass


def _reject(text: str) -> Any:
    raise _NotStrictError(text)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise _NotStrictError("duplicate")
    return dict(pairs)


def _float(text: str) -> float:
    return float(text) if math.isfinite(float(text)) else _reject(text)


def _int(text: str) -> int:
    return int(text) if math.isfinite(float(text)) else _reject(text)


def _depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max(map(_depth, children), default=0)


def strict(body: bytes | str) -> Any:
    """The value; `ABSENT` where the body is not strict JSON."""
    try:
        text = body if isinstance(body, str) else body.decode("utf-8")
        text.encode("utf-8")
        value = json.loads(text, object_pairs_hook=_pairs, parse_constant=_reject, parse_float=_float, parse_int=_int)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # lone surrogates
    except (_NotStrictError, ValueError, RecursionError):
        return ABSENT
    return value if _depth(value) <= scan.MAX_DEPTH else ABSENT


def same(one: Any, other: Any) -> bool:
    """Equal in types, signs of zero and order of keys too."""
    return repr(one) == repr(other)


# -- decoding ---------------------------------------------------------------------------------------------------


@st.composite
def written(draw: st.DrawFn) -> str:
    """A JSON text in one of the many ways to write the same value."""
    text = json.dumps(
        draw(JSON),
        indent=draw(st.sampled_from([None, 0, 1, "\t"])),
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": "), ("\r\n,\t", " : ")])),
    )
    return draw(SPACES) + text + draw(SPACES)


@given(written())
@DETERMINISTIC
def test_strict_json_decodes_to_what_the_standard_library_says(text: str) -> None:
    expected = json.loads(text)
    for body in (text, text.encode(), bytearray(text.encode()), memoryview(text.encode())):
        decoded = wire.decode(body)
        assert decoded.violations == ()
        assert same(decoded.value, expected)


@pytest.mark.parametrize(
    "text",
    [
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        '{"a": [1, 123456789012345678901234567890]}',
        "1" + "0" * 308,
        "1e2",
        "-0",
        "-0.0",
        "1.0",
        "1e-400",
        "0.1",
        "179769313486231570000000000000000000000e270",
        '"e1 e2 e3 \\ud83d\\ude00"',
        '["\\u0000", "\\u007f"]',
    ],
)
def test_numbers_and_texts_keep_their_value(text: str) -> None:
    decoded = wire.decode(text)
    assert decoded.violations == ()
    assert same(decoded.value, json.loads(text))


PIECES = r"""{ } [ ] , : "a" "\u0061" "b" "" "\"" "\\" "\\\"" "\u0022" "\ud800" "\ud83d\ude00" "\udc00x" "\x" "é" "
    0 1 -0 1.5 -2e3 01 +1 .5 1. 1e 1e400 -1e999 123456789012345678901234567890 NaN Infinity -Infinity -NaN
    true false null True nul truefalse {"a":1} {"a":1,"a":2} [1,] {"a"} // /**/ '"""
ODD_PIECES = [" ", "\n", "\r\n", "\t", "\x0b", "\xa0", "\ufeff", "\x00", '"\x7f"', '"\n"', '"\x1f"', "\ud800"]
SOUP = st.lists(st.sampled_from(PIECES.split()) | st.sampled_from(ODD_PIECES), max_size=9).map("".join)


@given(SOUP | st.text(st.characters()) | st.text('{}[]",:\\ 1eu0', max_size=12))
@settings(DETERMINISTIC, max_examples=1200)
def test_any_text_is_reported_exactly_when_it_is_not_strict(text: str) -> None:
    decoded, expected = wire.decode(text), strict(text)
    assert bool(decoded.violations) == (expected is ABSENT), decoded
    if not decoded.violations:
        assert same(decoded.value, expected)


@given(st.binary() | SOUP.map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(DETERMINISTIC, max_examples=700)
def test_any_bytes_are_reported_exactly_when_they_are_not_strict(body: bytes) -> None:
    decoded, expected = wire.decode(body), strict(body)
    assert bool(decoded.violations) == (expected is ABSENT), decoded
    if not decoded.violations:
        assert same(decoded.value, expected)


@given(written().map(str.encode), st.data())
@settings(DETERMINISTIC, max_examples=500)
def test_one_slip_in_a_text_is_reported_exactly_when_it_matters(body: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(start + 2, len(body))))
    slipped = body[:start] + data.draw(st.binary(max_size=2) | st.sampled_from([b'"', b"\\", b",", b"}"])) + body[end:]
    decoded, expected = wire.decode(slipped), strict(slipped)
    assert bool(decoded.violations) == (expected is ABSENT), decoded


@given(SOUP | st.text(st.characters()))
@DETERMINISTIC
def test_text_and_its_bytes_are_reported_alike(text: str) -> None:
    assume(text.isprintable() or not re.search("[\ud800-\udfff]", text))
    assert same(wire.decode(text), wire.decode(text.encode("utf-8")))


KEYS = st.sampled_from(
    ['"a"', r'"\u0061"', r'"\""', r'"\u0022"', r'"\\"', r'"\\\""', r'"\u005c"', '""', '"é"', r'"\u00e9"']
)


@given(st.recursive(
    KEYS | st.sampled_from(["1", "null", "[]"]),
    lambda inner: st.lists(st.tuples(KEYS, inner), max_size=4).map(
        lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
    ) | st.lists(inner, max_size=3).map(lambda items: "[" + ",".join(items) + "]"),
    max_leaves=12,
))  # fmt: skip
@settings(DETERMINISTIC, max_examples=700)
def test_duplicate_keys_are_found_however_they_are_written(text: str) -> None:
    decoded = wire.decode(text)
    twice: list[str] = []
    assert same(decoded.value, json.loads(text)), "the last of the duplicates"
    json.loads(text, object_pairs_hook=lambda pairs: twice.extend([key for key, _ in pairs]) or dict(pairs))  # type: ignore[func-returns-value]
    assert bool(decoded.violations) == (strict(text) is ABSENT)
    assert {violation.constraint for violation in decoded.violations} <= {"wire:duplicate-key"}
    assert len(decoded.violations) <= min(len(twice), 20)


# (body, rule, where in the text, where in the value)
PLACES: list[tuple[bytes | str, str, tuple[int, int], str]] = [
    (b"", "syntax", (1, 1), ""),
    ("", "syntax", (1, 1), ""),
    (b" \t\r\n", "syntax", (1, 1), ""),
    (b"Hello", "syntax", (1, 1), ""),
    (b"\xef\xbb\xbf{}", "encoding", (1, 1), ""),
    ("\ufeff{}", "encoding", (1, 1), ""),
    (b"\xff\xfe{\x00}\x00", "encoding", (1, 1), ""),
    ("{}".encode("utf-16-le"), "syntax", (1, 2), ""),
    ("{}".encode("utf-16-be"), "syntax", (1, 1), ""),
    (b'{"a":\n "caf\xe9"}', "encoding", (2, 6), ""),
    ('"é\u2028é'.encode() + b"\xc0\x80", "encoding", (1, 5), ""),
    (b'"\xed\xa0\x80"', "encoding", (1, 2), ""),
    ('["a\n\ud800"]', "surrogate", (2, 1), ""),
    (b'["\\ud800"]', "surrogate", (1, 2), "/0"),
    (b'{"a": 1,\n "\\udfff": 2}', "surrogate", (2, 2), "/\ufffd"),
    (b'{"a": 1,\r\n  "b": [true, NaN]}', "number", (2, 15), "/b/1"),
    (b"-Infinity", "number", (1, 1), ""),
    (b"[1e400]", "number", (1, 2), "/0"),
    (b"[-" + b"9" * 400 + b"]", "number", (1, 2), "/0"),
    (b"[" + b"9" * 5000 + b"]", "number", (1, 2), "/0"),
    (b'{"a": 1, "b": {"c": 1,\n\n"c": 2}}', "duplicate-key", (3, 1), "/b/c"),
    (b'{"a": 1, "\\u0061": 2}', "duplicate-key", (1, 10), "/a"),
    (b'{"a": 1', "syntax", (1, 8), "/a"),
    (b'{"a": 1,}', "syntax", (1, 9), ""),
    (b'{"a": 1, b: 2}', "syntax", (1, 10), ""),
    (b"{'a': 1}", "syntax", (1, 2), ""),
    (b"[1, 2,]", "syntax", (1, 7), "/2"),
    (b"[1 2]", "syntax", (1, 4), "/0"),
    (b"[1}", "syntax", (1, 3), "/0"),
    (b'{"a": "b\nc"}', "syntax", (1, 7), "/a"),
    (b'{"a": "\\x"}', "syntax", (1, 7), "/a"),
    (b'{"a": "open', "syntax", (1, 7), "/a"),
    (b"01", "syntax", (1, 1), ""),
    (b"{} {}", "syntax", (1, 4), ""),
    (b"[1]\x00", "syntax", (1, 4), ""),
    (b"\n\n" + b"[" * 254 + b"]" * 254 + b"x", "syntax", (3, 509), ""),
    (b"[" * 255 + b"]" * 255, "depth", (1, 255), "/0" * 254),
    (b'\n{"a":\n' * 255 + b"1" + b"}" * 255, "depth", (510, 1), "/a" * 254),
    (b"[" * 254 + b"{}" + b"]" * 254, "depth", (1, 255), "/0" * 254),
    (b'[{"a":' * 127 + b"[[" + b"]]" + b"}]" * 127, "depth", (1, 763), "/0/a" * 127),
]


@pytest.mark.parametrize(("body", "rule", "where", "location"), PLACES)
def test_where_a_body_is_wrong(body: bytes | str, rule: str, where: tuple[int, int], location: str) -> None:
    first = wire.decode(body).violations[0]
    assert (first.constraint, (first.line, first.column), first.instance_location) == (f"wire:{rule}", where, location)
    assert first.message.startswith(f"line {first.line}, column {first.column}: ")


@pytest.mark.parametrize("body", [b"[" * 254 + b"]" * 254, b'{"a":' * 254 + b"1" + b"}" * 254])
def test_the_deepest_nesting_decodes(body: bytes) -> None:
    assert wire.decode(body).violations == ()
    assert same(wire.decode(body).value, json.loads(body))


def test_several_problems_are_reported_at_once_but_not_without_end() -> None:
    body = b'{"a": NaN, "a": "\\ud800", "b": [1e999]}'
    assert [one.constraint for one in wire.decode(body).violations] == [
        "wire:number",
        "wire:duplicate-key",
        "wire:surrogate",
        "wire:number",
    ]
    assert len(wire.decode(b"[" + b"NaN," * 5000 + b"NaN]").violations) == 20


def test_a_flood_of_brackets_is_one_violation_after_bounded_work(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    move = scan._move
    monkeypatch.setattr(scan, "_move", lambda state, token, stack: steps.append(token) or move(state, token, stack))  # type: ignore[func-returns-value]
    violations = wire.decode(b"[" * 10_000_000).violations
    assert [one.constraint for one in violations] == ["wire:depth"]
    assert len(steps) <= scan.MAX_DEPTH + 1


@pytest.mark.parametrize("body", [None, 5, ["{}"], {"a": 1}])
def test_what_is_no_body_is_refused_in_words(body: Any) -> None:
    with pytest.raises(TypeError, match="a body is bytes or text, and not"):
        wire.decode(body)
