"""Which verdicts the two JSON Schema engines might give differently; pure.

They read expressions in two languages, ECMA 262 and Python's, and count in two ways. Both give the same where an
expression uses what the two languages share and the texts are plain: then the slow one need not be asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from haiku_contract.schemas import reachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.schemas import Schema

_ALWAYS: Final = frozenset(("unevaluatedItems", "unevaluatedProperties", "$dynamicRef"))
"""Keywords of which the two engines are known to think differently at times, or might, whatever the value."""

_ESCAPED: Final = r"\\(?:[dwsDWStnrfv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[!-/:;=?@\[-`{-~])"
_SHARED: Final = re.compile(
    rf"(?:(?:[^\\\[\](){{}}*+?|.^$]|{_ESCAPED}|\.|\)"  # a character, or the end of a group
    rf"|\[\^?(?:[^\\\[\]&~|\-]|([&~|\-])(?!\1)|{_ESCAPED})+\]"  # one of a class; twice '&' is an intersection to some
    r")(?:(?:[*+?]|\{\d{1,4}(?:,\d{0,4})?\})\??)?(?![*+?{])"
    r"|[\^$|]|\((?:\?[:=!])?(?![*+?{]))*"
)
"""Expressions in what ECMA 262 and Python share: they mean the same of texts of printable ASCII."""

_ODD_TEXT: Final = re.compile(rb"[\\\x7f-\xff]")
_ODD_NUMBER: Final = re.compile(rb"\d[.eE]|\d{16}")
_MOST_EXACT: Final = 2**53


class Disputes:
    """What the engines might read differently in one schema."""

    def __init__(self, schema: Schema, *, assert_format: bool = False) -> None:
        """Args: the schema, and whether `format` asserts in it."""
        objects = [one for _, one in reachable(schema) if isinstance(one, dict)]
        always = _ALWAYS | {"format"} if assert_format else _ALWAYS
        patterns = [one for said in objects for one in _patterns(said)]
        factors = [said["multipleOf"] for said in objects if "multipleOf" in said]
        self._always = (
            any(not always.isdisjoint(said) for said in objects)
            or not all(map(is_shared, patterns))
            or not all(isinstance(one, int) and one < _MOST_EXACT for one in factors)
        )
        odd = [*((_ODD_TEXT,) if patterns else ()), *((_ODD_NUMBER,) if factors else ())]
        self._odd: tuple[re.Pattern[bytes], ...] = tuple(odd)

    def about(self, payload: Any) -> bool:
        """Whether the verdicts on a decoded payload might differ."""
        if self._always or not self._odd:
            return self._always
        try:
            text = orjson.dumps(payload)
        except TypeError:  # an integer beyond 64 bits, or a lone surrogate
            return True
        return any(one.search(text) for one in self._odd)


def is_shared(pattern: Any) -> bool:
    """Whether an expression means the same in ECMA 262 and in Python for every text of printable ASCII."""
    printable = isinstance(pattern, str) and pattern.isascii() and pattern.isprintable()
    return printable and _SHARED.fullmatch(pattern) is not None


def _patterns(said: dict[str, Any]) -> Iterator[Any]:
    if "pattern" in said:
        yield said["pattern"]
    if isinstance(said.get("patternProperties"), dict):
        yield from said["patternProperties"]
