"""Hypothesis strategies for values without parts, and for arbitrary JSON.

Every strategy here begins with values that a person would write, so that generation is realistic and shrinking ends at
something readable; the curated oddities and the full range follow as further branches.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from haiku_contract.errors import MissingExtraError, UsageError
from haiku_contract.generate.ecma import compiled as regex
from haiku_contract.generate.formats import of_length
from haiku_contract.generate.plausible import FORMATS, PLAUSIBLE
from haiku_contract.generate.values import NUMBERS, SAMPLES, SMALLEST, TEXTS
from haiku_contract.model import ABSENT
from haiku_contract.pointer import fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_SENTENCES: Final = (
    "What are the three laws of thermodynamics?",
    "Write a haiku about autumn rain.",
    "Summarise this in one sentence: The quick brown fox jumps over the lazy dog.",
    "Übersetze bitte: „Guten Morgen“ 🌅",
)
_TYPICAL: Final[dict[str, tuple[Any, ...]]] = {
    "content": _SENTENCES,
    "description": _SENTENCES,
    "id": ("toolu_01A09q90qw90lq917835lq9", "1"),
    "input_tokens": (12, 2095, 0),
    "max_tokens": (1, 16, 1024, 8192, 64_000),
    "model": ("claude-haiku-4-5", "claude-haiku-4.5"),
    "name": ("get_weather", "Ada Lovelace"),
    "output_tokens": (503, 1, 0),
    "source": (
        {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
        {"type": "url", "url": "https://example.com/cat.jpg"},
    ),
    "stop_reason": ("max_tokens", "stop_sequence", "tool_use", "refusal"),
    "system": ("You are a helpful coding assistant specializing in Python.",),
    "temperature": (0, 0.3, 0.7, 1, 1.0),
    "text": _SENTENCES,
    "top_k": (1, 5, 40),
    "top_p": (0.1, 0.9, 0.95, 1),
    "type": ("image", "tool_use", "tool_result", "thinking"),
    "url": ("https://example.com/",),
}
"""What people write under a well-known name, beside `conforming.PLAUSIBLE`; a hint: the schema decides."""

_WORDS: Final = ("Hello", "a", "text", "true", "1", "null")
_TOKENS: Final = ("A", "ABC", "0", "123", "1.5", "a1", "a-b", "a_b", "a.b", "A1", "#ffffff", "/a", "1.0.0", "é")
_JSON: Final[tuple[Any, ...]] = (
    {},
    [],
    {"user_id": "user-1"},
    [1, "two", None],
    {"a": [{"b": [1.5, "two", None, False]}]},
)
_KEYS: Final = ("user_id", "x_extra", "tools", "stop_sequences", "name", "", " ", "schlüssel 😀", "__proto__", "a/b~c")
_LONGEST_DRAWN: Final = 1_000  # longer texts are drawn short and filled up
_MOST_INTEGER: Final = 2**63 - 1  # what every JSON decoder reads as an integer
_MOST_EXACT: Final = 2**53  # beyond, a float may be another number than the integer
_MOST_MULTIPLES: Final = 200
_ATTEMPTS: Final = 3
_PATIENCE: Final = 15


class Leaf(NamedTuple):
    """What is known of a place that holds a value without parts.

    Attributes:
        schema: what stands there.
        name: the key it stands under; empty where there is none.
        simple: the simplest value there; `ABSENT` when unknown.
        accepts: the judge of candidates.
        realistic: whether values that people write are the greater part.
        shown: the place, for messages.
        formats: the formats that assert.
    """

    schema: dict[str, Any]
    name: str
    simple: Any
    accepts: Callable[[Any], bool]
    realistic: bool
    shown: str = ""
    formats: frozenset[str] = frozenset()


class Check:
    """A judge behind a strategy, what stands in for a value it refuses, and what to say when it refuses everything.

    One that is not final lets a refused value pass where nothing can stand in: the judge of the whole will see it.
    """

    __slots__ = ("accepts", "complaint", "is_final", "kept", "refused", "stand_in")

    def __init__(self, accepts: Callable[[Any], bool], stand_in: Any, complaint: str, *, is_final: bool = True) -> None:
        self.accepts = accepts
        self.is_final = is_final
        self.stand_in = stand_in
        self.complaint = complaint
        self.kept = False
        self.refused = 0


@st.composite
def checked(draw: st.DrawFn, values: st.SearchStrategy[Any], check: Check) -> Any:
    """Values that the judge accepts: drawn again when refused, then replaced by the stand-in, so that none is rejected.

    Raises:
        UsageError: there is no stand-in, and nothing that was drawn so far was ever accepted.
    """
    for _ in range(_ATTEMPTS):
        value = draw(values)
        if check.accepts(value):
            check.kept = True
            return value
    if check.stand_in is not ABSENT:
        return fresh(check.stand_in)
    if not check.is_final:
        return value
    check.refused += 1
    if check.refused >= _PATIENCE and not check.kept:
        raise UsageError(check.complaint)
    return reject()


def choose(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """One of some fixed values, simplest first."""
    chosen = st.sampled_from(values)
    return chosen.map(fresh) if any(isinstance(value, (dict, list)) for value in values) else chosen


def typical(leaf: Leaf, generic: Iterable[Any]) -> list[Any]:
    """The simplest value and those that people write at a place, as far as they conform there."""
    plausible = [PLAUSIBLE[leaf.name]] if leaf.name in PLAUSIBLE else []
    known = [*plausible, *_TYPICAL.get(leaf.name, ())]
    first = [] if leaf.simple is ABSENT else [leaf.simple]
    return list(distinct(value for value in [*first, *known, *generic] if leaf.accepts(value)))


def distinct(values: Iterable[Any]) -> Iterator[Any]:
    """The values without repetitions; 1, 1.0 and true are three."""
    seen: set[str] = set()
    for value in values:
        if repr(value) not in seen:
            seen.add(repr(value))
            yield value


def mixed(
    leaf: Leaf, known: Sequence[Any], odd: Sequence[Any], ranges: Sequence[st.SearchStrategy[Any]]
) -> list[st.SearchStrategy[Any]]:
    """The branches of a leaf: typical values (by default the greater part), curated oddities, the full range."""
    pools = [known, known, odd] if leaf.realistic else [known[:1], odd, odd]
    return [*(choose(pool) for pool in pools if pool), *ranges]


def null(_leaf: Leaf) -> list[st.SearchStrategy[Any]]:
    """JSON null."""
    return [st.none()]


def boolean(_leaf: Leaf) -> list[st.SearchStrategy[Any]]:
    """Both booleans."""
    return [st.booleans()]


def string(leaf: Leaf) -> list[st.SearchStrategy[Any]]:
    """Texts of the wanted length and pattern, without surrogates."""
    schema = leaf.schema
    if "pattern" in schema:
        return _matching(leaf, schema["pattern"])
    known = typical(leaf, [*FORMATS.get(schema.get("format", ""), ()), *([] if leaf.name in _TYPICAL else _WORDS)])
    odd = [text for _, text in TEXTS if leaf.accepts(text)]
    shortest, longest = int(schema.get("minLength", 0)), schema.get("maxLength")
    longest = None if longest is None else int(longest)
    if longest is not None and longest < shortest:
        return []
    if schema.get("format") in leaf.formats:
        made = of_length(schema["format"], shortest, math.inf if longest is None else longest)
        return mixed(leaf, typical(leaf, [*known, *made]), [], [])
    if shortest <= _LONGEST_DRAWN:
        return mixed(leaf, known, odd, [st.text(min_size=shortest, max_size=longest)])
    filled = st.text(max_size=_LONGEST_DRAWN).map(lambda text: text.ljust(shortest, "a"))
    return mixed(leaf, known, odd, [filled])


def _matching(leaf: Leaf, pattern: str) -> list[st.SearchStrategy[Any]]:
    known = typical(leaf, [*_WORDS, *_TOKENS, *(text for texts in FORMATS.values() for text in texts)])
    odd = [text for _, text in TEXTS if leaf.accepts(text)]
    complaint = (
        f"cannot generate texts for 'pattern' {pattern!r} at {leaf.shown}: nothing that was built from it conforms;"
        " simplify it, or write the strategy for this place by hand"
    )
    matching = patterned(pattern)
    if matching is None and not (known or odd):
        raise UsageError(complaint)
    stand_in = next(iter([*known, *odd]), ABSENT)
    built = [] if matching is None else [checked(matching, Check(leaf.accepts, stand_in, complaint))]
    return mixed(leaf, known, odd, built)


def patterned(pattern: str) -> st.SearchStrategy[str] | None:
    """Texts for an ECMA 262 pattern, as far as Python reads it the same way; None where it does not read it at all."""
    found = regex(pattern)
    if found is None:
        return None
    matching = st.from_regex(found)
    try:
        matching.validate()
    except InvalidArgument:  # it asks for halves of surrogate pairs, which no JSON text has
        return None
    return matching


def number(leaf: Leaf) -> list[st.SearchStrategy[Any]]:
    """Integers, integral floats and fractions between the bounds, the bounds and their neighbours included."""
    schema = leaf.schema
    low, high = _whole_bounds(schema)
    least, most = _float_bounds(schema)
    edges = [edge for edge in (low, high, least, most) if edge is not None]
    known = typical(leaf, [1, 0, 0.5, 1.0, 42])
    odd = list(distinct(value for value in [*edges, SMALLEST, *(one for _, one in NUMBERS)] if leaf.accepts(value)))
    ranges: list[st.SearchStrategy[Any]] = []
    if "multipleOf" in schema:
        ranges = _multiples(leaf, low, high)
    elif math.isfinite(least or 0) and math.isfinite(most or 0) and (least is None or most is None or least <= most):
        ranges.append(st.floats(least, most, allow_nan=False, allow_infinity=False))
    return mixed(leaf, known, odd, [*ranges, *([] if "multipleOf" in schema else _integers(low, high))])


def integer(leaf: Leaf) -> list[st.SearchStrategy[Any]]:
    """Integers between the bounds, as JSON integers and as integral floats such as 1.0."""
    schema = leaf.schema
    low, high = _whole_bounds(schema)
    edges = [edge for edge in (low, high) if edge is not None]
    known = typical(leaf, [1, 0, 42, 1.0])
    odd = list(distinct(value for value in [*edges, *(one for _, one in NUMBERS)] if leaf.accepts(value)))
    ranges = _multiples(leaf, low, high) if "multipleOf" in schema else _integers(low, high)
    return mixed(leaf, known, odd, ranges)


def _integers(low: int | None, high: int | None) -> list[st.SearchStrategy[Any]]:
    """Integers and integral floats; without a bound, as far as every decoder reads them as integers."""
    floor = min(-_MOST_INTEGER, high or 0) if low is None else low
    ceiling = max(_MOST_INTEGER, low or 0) if high is None else high
    exact_floor, exact_ceiling = max(floor, -_MOST_EXACT), min(ceiling, _MOST_EXACT)
    found: list[st.SearchStrategy[Any]] = []
    if floor <= ceiling:
        found.append(st.integers(floor, ceiling))
    if exact_floor <= exact_ceiling:
        found.append(st.integers(exact_floor, exact_ceiling).map(float))
    return found


def _multiples(leaf: Leaf, low: int | None, high: int | None) -> list[st.SearchStrategy[Any]]:
    step = leaf.schema["multipleOf"]
    if float(step).is_integer():
        size = int(step)
        limit = max(_MOST_INTEGER // size, 1)
        most = limit if high is None else high // size
        least = min(-limit, most) if low is None else -(-low // size)
        most = max(most, least) if high is None else most
        return [st.integers(least, most).map(lambda times: times * size)] if least <= most else []
    exact = Fraction(str(step))
    near = 0 if low is None and high is None else math.floor((low if low is not None else high or 0) / exact)
    times = [near + sign * count for count in range(_MOST_MULTIPLES) for sign in ((1, -1) if count else (1,))]
    values = [float(exact * one) for one in times]
    kept = [value for value in values if (value / step).is_integer() and leaf.accepts(value)]
    return [st.sampled_from(kept)] if kept else []


def _bounds(schema: dict[str, Any], which: str) -> tuple[float, bool] | None:
    """The closer of the two bounds on one side, and whether it is exclusive."""
    inclusive, exclusive = schema.get(which), schema.get(f"exclusive{which.capitalize()}")
    found = [(inclusive, False)] if inclusive is not None else []
    if exclusive is not None and not isinstance(exclusive, bool):  # draft 4 has booleans here
        found.append((exclusive, True))
    if not found:
        return None
    best = max if which == "minimum" else min
    return best(found, key=lambda bound: (bound[0], bound[1] == (which == "minimum")))


def _whole_bounds(schema: dict[str, Any]) -> tuple[int | None, int | None]:
    low, high = _bounds(schema, "minimum"), _bounds(schema, "maximum")
    return (
        None if low is None else math.floor(low[0]) + 1 if low[1] else math.ceil(low[0]),
        None if high is None else math.ceil(high[0]) - 1 if high[1] else math.floor(high[0]),
    )


def _float_bounds(schema: dict[str, Any]) -> tuple[float | None, float | None]:
    low, high = _bounds(schema, "minimum"), _bounds(schema, "maximum")
    return (
        None if low is None else _nearest(low[0], math.inf, exclusive=low[1]),
        None if high is None else _nearest(high[0], -math.inf, exclusive=high[1]),
    )


def _nearest(bound: float, inwards: float, *, exclusive: bool) -> float:
    """The first double on the inner side of a bound; the bound itself may be an integer that no double holds."""
    try:
        edge = float(bound)
    except OverflowError:
        edge = math.copysign(math.inf, bound)
    outside = edge < bound if inwards > 0 else edge > bound
    return math.nextafter(edge, inwards) if outside or (exclusive and edge == bound) else edge


def anything(leaf: Leaf) -> st.SearchStrategy[Any]:
    """Arbitrary JSON.

    Raises:
        MissingExtraError: `hypothesis-jsonschema` is not installed.
    """
    plain = [one for samples in SAMPLES.values() for _, one in samples]
    known = typical(leaf, [*_WORDS, *plain, *_JSON])
    odd = [*(text for _, text in TEXTS), *(one for _, one in NUMBERS), SMALLEST]
    return st.one_of(*mixed(leaf, known, odd, [st.text(), st.floats(allow_nan=False, allow_infinity=False), _tree()]))


def keys() -> st.SearchStrategy[str]:
    """Names for further keys of an open object."""
    return st.one_of(st.sampled_from(_KEYS), st.text())


@cache
def _tree() -> st.SearchStrategy[Any]:
    try:
        from hypothesis_jsonschema import from_schema  # noqa: PLC0415 - optional, and slow to import
    except ImportError:
        raise MissingExtraError("fuzz") from None
    values: st.SearchStrategy[Any] = from_schema({})
    return values.map(_carried)


def _carried(value: Any) -> Any:
    """The value with integers that only some decoders read exactly turned into what the others make of them."""
    if isinstance(value, dict):
        return {key: _carried(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_carried(child) for child in value]
    return float(value) if isinstance(value, int) and abs(value) > _MOST_INTEGER else value
