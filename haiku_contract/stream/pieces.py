"""JSON text that arrives in pieces: whether it can still become JSON, and whether it is whole (RFC 8259).

The automaton keeps what is open, never what was read, so that the input of a tool can be checked in constant memory.
"""

from __future__ import annotations

import re
from typing import Final

from haiku_contract.scan import MAX_DEPTH

_BLANKS: Final = " \t\n\r"
_DIGITS: Final = "0123456789"
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_ESCAPED: Final = frozenset('"\\/bfnrt')
_LITERALS: Final = {"t": "rue", "f": "alse", "n": "ull"}
_CLOSERS: Final = {"{": "}", "[": "]"}

# What is expected (RFC 8259 sections 2 to 5); after the outermost value nothing but blanks.
_VALUE, _FIRST_VALUE, _FIRST_KEY, _KEY, _COLON, _AFTER, _END, _BROKEN = range(8)
_KEYS: Final = frozenset((_FIRST_KEY, _KEY))
_VALUES: Final = frozenset((_VALUE, _FIRST_VALUE))
_CLOSABLE: Final = frozenset((_AFTER, _FIRST_KEY, _FIRST_VALUE))

# Section 6, a number by what has been read of it: for each state the state after `0`, another digit, and each sign.
_NUMBER: Final = {
    "-": {"0": "0", "1": "int"},
    "0": {".": "dot", "e": "e"},
    "int": {"0": "int", "1": "int", ".": "dot", "e": "e"},
    "dot": {"0": "fraction", "1": "fraction"},
    "fraction": {"0": "fraction", "1": "fraction", "e": "e"},
    "e": {"0": "exponent", "1": "exponent", "-": "sign", "+": "sign"},
    "sign": {"0": "exponent", "1": "exponent"},
    "exponent": {"0": "exponent", "1": "exponent"},
}
_GROWING_NUMBERS: Final = frozenset(("int", "fraction", "exponent"))
_WHOLE_NUMBERS: Final = frozenset(("0", *_GROWING_NUMBERS))

# Runs that the automaton would only walk through: the regular expressions take them in one step. They never go back
# (possessive quantifiers), and take nothing that the next piece could continue, so that they change no verdict.
_BLANK: Final = r"[ \t\n\r]*+"
_CHARACTERS: Final = r'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+'
_STRING: Final = f'"{_CHARACTERS}"'
_SCALAR: Final = (
    rf"(?:{_STRING}|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?=[ \t\n\r,\]}}])|true|false|null)"
)


def _list(item: str) -> str:
    """Items between commas, or none."""
    return f"(?:{item}(?:{_BLANK},{_BLANK}{item})*+)?+"


_PAIR: Final = f"{_STRING}{_BLANK}:{_BLANK}"
_FLAT: Final = rf"(?:\[{_BLANK}{_list(_SCALAR)}{_BLANK}\]|\{{{_BLANK}{_list(_PAIR + _SCALAR)}{_BLANK}\}})"
_WHOLE: Final = f"(?:{_SCALAR}|{_FLAT})"

_INSIDE_TEXT: Final = re.compile(_CHARACTERS)
_RUN_OF_DIGITS: Final = re.compile(r"[0-9]*+")
_RUN_OF_BLANKS: Final = re.compile(_BLANK)
_MORE: Final = {
    "]": re.compile(f"(?:{_BLANK},{_BLANK}{_WHOLE})++"),
    "}": re.compile(f"(?:{_BLANK},{_BLANK}{_PAIR}{_WHOLE})++"),
}
"""What may follow a value, by what would close the innermost array or object: more values that are whole."""


class JsonPieces:
    """One JSON text, fed in pieces that are cut anywhere.

    Attributes:
        first: the first character that is no blank; empty as long as there is none.
        is_too_deep: it is no JSON because of more than `MAX_DEPTH` levels of nesting.
        size: how many characters were fed.
    """

    __slots__ = (
        "_cut",
        "_escape",
        "_expected",
        "_is_key",
        "_literal",
        "_number",
        "_open",
        "_open_at_cut",
        "_text",
        "first",
        "is_too_deep",
        "size",
    )

    def __init__(self) -> None:
        self.first = ""
        self.is_too_deep = False
        self.size = 0
        self._expected = _VALUE
        self._open = ""  # what would close everything that is open, innermost first
        self._text = False  # inside a string
        self._is_key = False
        self._escape = ""
        self._literal = ""  # what is missing of true, false or null
        self._number = ""
        self._cut = 0
        self._open_at_cut = ""

    @property
    def can_be_json(self) -> bool:
        """False as soon as no further piece can make JSON of it."""
        return self._expected != _BROKEN

    @property
    def is_json(self) -> bool:
        """True when what was fed is one whole JSON text."""
        at_the_end = not (self._text or self._literal) and self._number in {"", *_WHOLE_NUMBERS}
        return at_the_end and self._expected == _END

    def closed(self, text: str) -> str:
        """The text that was fed, cut after the last value or key that is whole, and everything closed that was open.

        This is how clients show an input that the end of the answer has cut off; empty where nothing is left.
        """
        if not self.can_be_json:
            return ""
        if self._number in _WHOLE_NUMBERS:
            return text + self._open
        return text[: self._cut] + self._open_at_cut

    def feed(self, piece: str) -> bool:
        """Take the next piece.

        Returns:
            Whether it can still become JSON.
        """
        at, end = 0, len(piece)
        while at < end and self._expected != _BROKEN:
            at = self._in_text(piece, at) if self._text else self._between(piece, at)
        self.size += end
        return self._expected != _BROKEN

    def _between(self, piece: str, at: int) -> int:
        if self._number:
            return self._in_number(piece, at)
        if self._literal:
            return self._in_literal(piece, at)
        char = piece[at]
        if char in _BLANKS:
            return _end(_RUN_OF_BLANKS, piece, at)
        # What is taken whole may open one more level.
        if char == "," and self._expected == _AFTER and len(self._open) < MAX_DEPTH:
            end = _end(_MORE[self._open[0]], piece, at)
            if end > at:
                self._mark(end)
                return end
        if not self.first:
            self.first = char
        self._token(char, at)
        return self._in_text(piece, at + 1) if self._text else at + 1

    def _in_literal(self, piece: str, at: int) -> int:
        if piece[at] != self._literal[0]:
            self._expected = _BROKEN
        self._literal = self._literal[1:]
        if not self._literal:
            self._mark(at + 1)
        return at + 1

    def _in_number(self, piece: str, at: int) -> int:
        following = _NUMBER[self._number].get(_class(piece[at]))
        if following:
            self._number = following
            return _end(_RUN_OF_DIGITS, piece, at + 1) if following in _GROWING_NUMBERS else at + 1
        if self._number not in _WHOLE_NUMBERS:
            self._expected = _BROKEN
            return at
        self._number = ""
        self._mark(at)
        return at

    def _token(self, char: str, at: int) -> None:
        expected = self._expected
        if char == '"' and expected in _KEYS:
            self._text = self._is_key = True
            self._expected = _COLON
        elif expected == _COLON and char == ":":
            self._expected = _VALUE
        elif expected == _AFTER and char == ",":
            self._expected = _KEY if self._open[0] == "}" else _VALUE
        elif self._open[:1] == char and expected in _CLOSABLE:
            self._open = self._open[1:]
            self._expected = _AFTER if self._open else _END
            self._mark(at + 1)
        elif expected in _VALUES:
            self._value(char, at)
        else:
            self._expected = _BROKEN

    def _value(self, char: str, at: int) -> None:
        self._expected = _AFTER if self._open else _END
        if char == '"':
            self._text, self._is_key = True, False
        elif char in _LITERALS:
            self._literal = _LITERALS[char]
        elif char == "-" or char in _DIGITS:
            self._number = char if char in "-0" else "int"
        elif char in _CLOSERS and len(self._open) == MAX_DEPTH:
            self.is_too_deep = True
            self._expected = _BROKEN
        elif char in _CLOSERS:
            self._open = _CLOSERS[char] + self._open
            self._expected = _FIRST_KEY if char == "{" else _FIRST_VALUE
            self._mark(at + 1)
        else:
            self._expected = _BROKEN

    def _in_text(self, piece: str, at: int) -> int:
        if self._escape:
            return self._in_escape(piece, at)
        at = _end(_INSIDE_TEXT, piece, at)
        if at == len(piece):
            return at
        if piece[at] == '"':
            self._text = False
            if not self._is_key:
                self._mark(at + 1)
            elif piece.startswith(":", at + 1):  # nearly always
                self._expected = _VALUE
                return at + 2
        elif piece[at] == "\\":
            self._escape = "\\"
        else:
            self._expected = _BROKEN
        return at + 1

    def _in_escape(self, piece: str, at: int) -> int:
        """Section 7: a backslash and one character, or `u` and four hexadecimal digits."""
        char = piece[at]
        if self._escape == "\\":
            self._escape = "\\u" if char == "u" else ""
            if char != "u" and char not in _ESCAPED:
                self._expected = _BROKEN
        elif char in _HEX:
            self._escape += char
            if len(self._escape) == len("\\uFFFF"):
                self._escape = ""
        else:
            self._expected = _BROKEN
        return at + 1

    def _mark(self, at: int) -> None:
        """Everything up to here can be kept when the rest never comes."""
        self._cut = self.size + at
        self._open_at_cut = self._open


def _class(char: str) -> str:
    """The column of a character in the table of numbers."""
    if char in "Ee":
        return "e"
    return "1" if "1" <= char <= "9" else char


def _end(run: re.Pattern[str], piece: str, at: int) -> int:
    """Where a run that begins here ends; here, where there is none."""
    found = run.match(piece, at)
    return found.end() if found else at
