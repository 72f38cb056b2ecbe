"""Values without parts: numbers between bounds, texts of a length and pattern; candidates, simplest first."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import islice, product
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.generate import ecma
from haiku_contract.generate.formats import of_length
from haiku_contract.generate.plausible import FORMATS, MOST_CHARACTERS, MOST_TRIED, PLAUSIBLE, TOKENS, WORD, repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_MOST_TEXTS: Final = 24
_EXACT: Final = 2**53
_NEAR: Final = 12
_MOST_LETTERS: Final = 4
_EXTREME: Final = 10**12


def null(_said: Sequence[dict[str, Any]], _name: str) -> Iterator[Any]:
    """JSON null."""
    yield None


def boolean(_said: Sequence[dict[str, Any]], _name: str) -> Iterator[Any]:
    """Both booleans."""
    yield from (False, True)


def bounds(said: Sequence[dict[str, Any]]) -> tuple[float, float, bool, bool]:
    """The tightest bounds of numbers, and whether each is exclusive."""
    low, high, above, below = -math.inf, math.inf, False, False
    for one in said:
        for keyword, exclusive in (("minimum", False), ("exclusiveMinimum", True)):
            if keyword in one and (one[keyword], exclusive) > (low, above):
                low, above = one[keyword], exclusive
        for keyword, exclusive in (("maximum", False), ("exclusiveMaximum", True)):
            if keyword in one and (one[keyword], not exclusive) < (high, not below):
                high, below = one[keyword], exclusive
    return low, high, above, below


def number(said: Sequence[dict[str, Any]], _name: str) -> Iterator[Any]:
    """Numbers that a person would write, then the bounds and what lies near them."""
    yield from _numbers(said, whole=False)


def integer(said: Sequence[dict[str, Any]], _name: str) -> Iterator[Any]:
    """The integral ones."""
    yield from (int(one) for one in _numbers(said, whole=True) if _is_finite(one) and one == math.floor(one))


def _numbers(said: Sequence[dict[str, Any]], *, whole: bool) -> Iterator[Any]:
    low, high, _, _ = bounds(said)
    steps = [one["multipleOf"] for one in said if one.get("multipleOf")]
    step = _common(steps)
    yield _preferred(low, high, step or 1, whole=whole)
    near = [one for one in (low, high) if _is_finite(one)] or [0]
    if step is not None:
        start = math.ceil(Fraction(str(near[0])) / Fraction(str(step)))
        for count in range(-_NEAR, _NEAR + 1):
            exact = Fraction(str(step)) * (start + count)
            yield int(exact) if exact.denominator == 1 else float(exact)
    for edge in near:
        yield edge
        yield from (math.floor(edge) + 1, math.ceil(edge) - 1)
        if not whole and abs(edge) < _EXTREME:
            yield from (math.nextafter(edge, math.inf), math.nextafter(edge, -math.inf))
    if not whole and _is_finite(low) and _is_finite(high):
        yield _plain(_middle(low, high))
    yield from (1, 0, -1, 2, 42, 100, *(() if whole else (0.5, 1.5)), 1_000, 10**6)
    base = math.floor(near[0])
    yield from (base + count for count in range(-_NEAR, _NEAR * 4))
    yield from _many(low, high, step, base, whole=whole)


def _many(low: float, high: float, step: float | None, base: int, *, whole: bool) -> Iterator[Any]:
    """Many more numbers, for arrays whose items all have to differ."""
    downwards = -1 if not _is_finite(low) and _is_finite(high) else 1
    unit = Fraction(str(step)) if step is not None else Fraction(1)
    first = math.ceil(base / unit)
    for count in range(MOST_TRIED):
        yield _plain((first + downwards * count) * unit)
    if not whole and _is_finite(low) and _is_finite(high):
        width = Fraction(high) - Fraction(low)
        yield from (_plain(Fraction(low) + width * count / MOST_TRIED) for count in range(1, MOST_TRIED))


def _common(steps: Sequence[float]) -> float | None:
    """A number whose multiples are multiples of all."""
    if not steps:
        return None
    exact = [Fraction(str(one)) for one in steps]
    scale = math.lcm(*(one.denominator for one in exact))
    found = Fraction(math.lcm(*(int(one * scale) for one in exact)), scale)
    return int(found) if found.denominator == 1 else float(found)


def _preferred(low: float, high: float, step: float, *, whole: bool) -> Any:
    unit = Fraction(str(step))
    if _is_finite(low) and _is_finite(high):
        middle = _middle(low, high)
        nearest = _plain(math.ceil(middle / unit) * unit)
        return nearest if whole or low < nearest < high else _plain(middle)
    if _is_finite(low):
        return max(_plain((math.floor(Fraction(low) / unit) + 1) * unit), step)
    return min(step, _plain((math.ceil(Fraction(high) / unit) - 1) * unit)) if _is_finite(high) else step


def _is_finite(value: float) -> bool:
    """As `math.isfinite`, which cannot be asked about integers beyond a double."""
    return isinstance(value, int) or math.isfinite(value)


def _middle(low: float, high: float) -> Fraction:
    return (Fraction(low) + Fraction(high)) / 2


def _plain(exact: Fraction) -> int | float:
    return int(exact) if exact.denominator == 1 or abs(exact) > _EXACT else float(exact)


def string(said: Sequence[dict[str, Any]], name: str) -> Iterator[str]:
    """Texts: what a person would write under the name, of the format, for the patterns, of the length."""
    least = int(max((one.get("minLength", 0) for one in said), default=0))
    most = min((one.get("maxLength", math.inf) for one in said), default=math.inf)
    patterns = [one["pattern"] for one in said if "pattern" in one]
    named = dict.fromkeys(str(one.get("format")) for one in said)
    formats = [text for name in named for text in FORMATS.get(name, ())]
    hint = PLAUSIBLE.get(name, WORD)
    usual = [hint if isinstance(hint, str) else WORD]
    yield from formats
    yield from (text for name in named for text in of_length(name, least, most))
    if not patterns and not formats and not too_long(said):
        yield from _fitted(usual, least, most)
    known = [text for one in said for text in noted(one) if isinstance(text, str)]
    if too_long(said):
        yield from known
        return
    built = [text for one in patterns for text in ecma.texts(one, least)[:_MOST_TEXTS]]
    together = ["".join(texts[0] for texts in map(ecma.texts, patterns) if texts)] if len(patterns) > 1 else []
    yield from _fitted([*built, *together, *known, *usual, *TOKENS], least, most)
    stem = WORD[: int(min(most, len(WORD)))]
    yield from (f"{stem}{count}" for count in range(2, _MOST_TEXTS))
    if most >= 1:
        yield from (chr(ord("a") + count) * max(least, 1) for count in range(min(_MOST_TEXTS, 26)))
    yield from (text for text in ("", " ") if least <= len(text) <= most)
    for pattern in patterns:
        yield from ecma.varied(pattern, least)
    if not patterns:
        yield from _counted(least, most)


def _counted(least: int, most: float) -> Iterator[str]:
    """Texts of letters in the order of a counter, as short as they may be."""
    for length in range(max(least, 1), int(min(most, least + _MOST_LETTERS)) + 1):
        for letters in islice(product(ascii_lowercase, repeat=min(length, _MOST_LETTERS)), MOST_TRIED):
            yield "".join(letters).rjust(length, "a")


def _fitted(texts: Sequence[str], least: int, most: float) -> Iterator[str]:
    """The texts, and what becomes of them where they are too short or too long."""
    for text in texts:
        yield text
        if len(text) < least:
            yield repeated(text + " ", least) if text else "a" * least
            yield (text + "a" * least)[:least]
            yield ("a" * least + text)[-least:] if text else "a" * least
        if len(text) > most:
            yield text[: int(most)]


def noted(said: dict[str, Any]) -> list[Any]:
    """The values that the schema's author gives as examples."""
    examples = said.get("examples", ())
    return [*(examples if isinstance(examples, list) else ()), *(said[one] for one in ("default",) if one in said)]


def too_long(said: Sequence[dict[str, Any]]) -> str:
    """Why no text is made for a length, where none is: what is asked for is beyond the bound."""
    least = max((one.get("minLength", 0) for one in said), default=0)
    return f"texts of more than {MOST_CHARACTERS} characters are not made" if least > MOST_CHARACTERS else ""


def _widths(said: Sequence[dict[str, Any]]) -> tuple[int, float]:
    """How many characters all patterns leave at least and at most."""
    widths = [ecma.widths(one["pattern"]) for one in said if "pattern" in one]
    return max((one for one, _ in widths), default=0), min((one for _, one in widths), default=math.inf)


_ROUNDED: Final = Fraction(1, 10**9)
"""How far from a multiple, as a share of it, is what an engine may take for one that computes with doubles."""


def nothing_between(said: Sequence[dict[str, Any]], kind: str) -> str:
    """Why bounds leave no value of a kind; empty where they leave some, or where it is not known."""
    if kind == "string":
        least = max((one.get("minLength", 0) for one in said), default=0)
        most = min((one.get("maxLength", math.inf) for one in said), default=math.inf)
        shortest, longest = _widths(said)
        if least > most:
            return f"at least {least} characters are asked for and at most {most} allowed"
        if shortest > most or longest < least:
            return "its pattern takes only longer or shorter texts than the length allows"
        return ""
    low, high, above, below = bounds(said)
    if low > high or (low == high and (above or below)):
        return f"no number lies between {low} and {high}"
    step = _common([one["multipleOf"] for one in said if one.get("multipleOf")] + ([1] if kind == "integer" else []))
    if step is None or not _is_finite(low) or not _is_finite(high):
        return ""
    unit = Fraction(step)
    lowest, highest = Fraction(low) / unit, Fraction(high) / unit
    doubt = 0 if _is_exact(step) else _ROUNDED
    first, last = math.ceil(lowest - abs(lowest) * doubt), math.floor(highest + abs(highest) * doubt)
    first += above and first * unit == Fraction(low)
    last -= below and last * unit == Fraction(high)
    what = "integer" if step == 1 else f"multiple of {step}"
    return f"no {what} lies between {low} and {high}" if first > last else ""


def _is_exact(step: float) -> bool:
    """Whether a number is the same in decimals and as a double, so that all engines mean the same by its multiples."""
    return isinstance(step, int) or Fraction(step) == Fraction(str(step))


BUILDERS: Final[dict[str, Callable[[Sequence[dict[str, Any]], str], Iterator[Any]]]] = {
    "string": string,
    "number": number,
    "integer": integer,
    "boolean": boolean,
    "null": null,
}
"""The values of every JSON type without parts: from what is said of it and the name that it stands under."""
