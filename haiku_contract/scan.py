"""Where and why a text is not strict JSON: an iterative scanner that builds nothing and never recurses.

It runs only after the fast decoder refused a text or lost a key of it: written for exact places, not for speed.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH: Final = 254
"""Levels of nesting that are accepted: as many as orjson writes, and every engine behind this package can carry."""

_MOST = 20  # a text with more problems than this is not the text that was meant

_TOKEN = re.compile(
    r"""[ \t\n\r]*+(?:
        (?P<mark>[{}\[\]:,])
      | (?P<string>"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+")
      | (?P<constant>-?(?:NaN|Infinity)\b)
      | (?P<number>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![0-9.eE+-]))
      | (?P<word>true|false|null)
    )""",
    re.VERBOSE,
)
_BLANK = re.compile(r"[ \t\n\r]*+")
_SURROGATE = re.compile("[\ud800-\udfff]")

# What may come next, by state (RFC 8259 sections 2 to 5): the state after each token that belongs there. After a comma
# an object wants a key instead, and after the last closing mark the text has to end.
_VALUE, _FIRST_VALUE, _FIRST_KEY, _KEY, _COLON, _AFTER, _END = range(7)
_EXPECTED: Final = {
    _VALUE: "a value",
    _FIRST_VALUE: "a value or ']'",
    _FIRST_KEY: "a key in double quotes or '}'",
    _KEY: "a key in double quotes",
    _COLON: "':'",
    _AFTER: "',' or the end of the array or object",
    _END: "the end of the text",
}
_OPENS: Final = ("{", "[")
_CLOSES: Final = ("}", "]")
_NEXT: Final = {
    **{(state, kind): _AFTER for state in (_VALUE, _FIRST_VALUE) for kind in ("string", "number", "word", "constant")},
    **{(state, "{"): _FIRST_KEY for state in (_VALUE, _FIRST_VALUE)},
    **{(state, "["): _FIRST_VALUE for state in (_VALUE, _FIRST_VALUE)},
    **{(state, "string"): _COLON for state in (_KEY, _FIRST_KEY)},
    (_FIRST_VALUE, "]"): _AFTER,
    (_FIRST_KEY, "}"): _AFTER,
    (_COLON, ":"): _VALUE,
    (_AFTER, ","): _VALUE,
    (_AFTER, "]"): _AFTER,
    (_AFTER, "}"): _AFTER,
}


class Problem(NamedTuple):
    """One departure from strict JSON: the rule of `wire.RULES`, the place in the value and in the text."""

    rule: str
    path: tuple[str | int, ...]
    actual: str
    line: int
    column: int


class _Frame:
    """An array or object that is still open."""

    __slots__ = ("index", "is_object", "key", "keys")

    def __init__(self, *, is_object: bool) -> None:
        self.is_object = is_object
        self.keys: set[str] = set()
        self.key: str | None = None
        self.index = 0

    @property
    def token(self) -> str | int | None:
        """Where in the container the scan is; None in an object between its members."""
        return self.key if self.is_object else self.index


def scan(text: str) -> Iterator[Problem]:
    """The problems of a JSON text, at most twenty; the first one of syntax or depth ends the scan."""
    for count, problem in enumerate(_scan(text), 1):
        yield problem
        if count == _MOST or problem.rule in {"syntax", "depth"}:
            return


def _scan(text: str) -> Iterator[Problem]:
    stack: list[_Frame] = []
    state, position = _VALUE, 0

    def problem(rule: str, actual: str, at: int) -> Problem:
        line = text.count("\n", 0, at) + 1
        path = tuple(token for frame in stack if (token := frame.token) is not None)
        return Problem(rule, path, actual, line, at - text.rfind("\n", 0, at))

    while True:
        blank = _BLANK.match(text, position)
        start = blank.end() if blank else position
        match = _TOKEN.match(text, start)
        if match is None:
            if start < len(text):
                yield problem("syntax", _unreadable(text, start), start)
            elif state != _END:
                yield problem("syntax", f"the end of the text instead of {_EXPECTED[state]}", start)
            return
        kind, token, position = str(match.lastgroup), match.group().strip(), match.end()
        if (state, token if kind == "mark" else kind) not in _NEXT or (
            token in _CLOSES and stack[-1].is_object != (token == "}")
        ):
            yield problem("syntax", f"{token[:20]!r} instead of {_EXPECTED[state]}", start)
            return
        for rule, found in _faults(state, kind, token, stack):
            yield problem(rule, found, start)
        if token in _OPENS and len(stack) == MAX_DEPTH:
            yield problem("depth", "more", start)
            return
        state = _move(state, token if kind == "mark" else kind, stack)


def _faults(state: int, kind: str, token: str, stack: list[_Frame]) -> Iterator[tuple[str, str]]:
    """What is wrong with one token that belongs where it stands; keeps the keys of the object that is open."""
    if kind == "constant" or (kind == "number" and math.isinf(float(token))):
        yield "number", token[:40]
    if kind == "string":
        text = json.loads(token)
        if state in {_KEY, _FIRST_KEY}:
            frame = stack[-1]
            frame.key = text
            if text in frame.keys:
                yield "duplicate-key", f"{token[:40]} twice"
            frame.keys.add(text)
        if _SURROGATE.search(text):
            yield "surrogate", token[:40]


def _move(state: int, token: str, stack: list[_Frame]) -> int:
    """Open or close what the token opens or closes; the state after it."""
    if token in _OPENS:
        stack.append(_Frame(is_object=token == "{"))
    elif token in _CLOSES:
        stack.pop()
    elif token == ",":
        stack[-1].index += 1
        stack[-1].key = None
        return _KEY if stack[-1].is_object else _VALUE
    following = _NEXT[state, token]
    return _END if following == _AFTER and not stack else following


def _unreadable(text: str, at: int) -> str:
    if text[at] == '"':
        end = text.find('"', at + 1)
        return "a string that does not end" if end < 0 else "a string with a bad escape or a control character"
    return f"{text[at : at + 20]!r}"
