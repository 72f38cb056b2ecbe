"""Regular expressions of ECMA 262: as Python's, and texts that match them."""

from __future__ import annotations

import math
import re
import warnings
from functools import lru_cache
from itertools import product
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_parser: Any = re._parser  # noqa: SLF001 - the only parser of expressions in the library

_SPACE: Final = "\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_CLASSES: Final[dict[str, str]] = {
    **dict.fromkeys(("L", "Letter", "Alphabetic", "Ll", "Lowercase_Letter", "Lowercase"), "a-zA-Zà-öø-ÿ"),
    **dict.fromkeys(("Ll", "Lowercase_Letter", "Lowercase"), "a-zà-öø-ÿ"),
    **dict.fromkeys(("Lu", "Uppercase_Letter", "Uppercase"), "A-ZÀ-ÖØ-Þ"),
    **dict.fromkeys(("N", "Nd", "Number", "Decimal_Number", "digit"), "0-9"),
    **dict.fromkeys(("P", "Punctuation"), "!-#%-*,-/:;?@\\[-\\]_{}"),
    **dict.fromkeys(("S", "Symbol"), "$+<=>^`|~"),
    **dict.fromkeys(("Z", "Zs", "Space_Separator", "White_Space"), _SPACE),
    **dict.fromkeys(("M", "Mark", "Combining_Mark", "Mn", "Nonspacing_Mark"), "\u0300-\u036f"),
    **dict.fromkeys(("C", "Other", "Cc", "Control"), "\\x00-\\x1f\\x7f"),
    **dict.fromkeys(("Pd", "Dash_Punctuation"), "\\-\u2013\u2014"),
    **dict.fromkeys(("Pc", "Connector_Punctuation"), "_"),
    **dict.fromkeys(("Sc", "Currency_Symbol"), "$\u20ac"),
    **dict.fromkeys(("Sm", "Math_Symbol"), "+<=>|~"),
    **dict.fromkeys(("Emoji", "Emoji_Presentation", "Extended_Pictographic"), "\U0001f600-\U0001f64f"),
    **dict.fromkeys(("Lo", "Other_Letter"), "\u05d0-\u05ea\u4e00-\u4eff"),
    **dict.fromkeys(("Latin", "Latn"), "a-zA-Z"),
    **dict.fromkeys(("Greek", "Grek"), "\u03b1-\u03c9"),
    **dict.fromkeys(("Cyrillic", "Cyrl"), "\u0430-\u044f"),
    **dict.fromkeys(("Hebrew", "Hebr"), "\u05d0-\u05ea"),
    **dict.fromkeys(("Arabic", "Arab"), "\u0627-\u063a"),
    **dict.fromkeys(("Devanagari", "Deva"), "\u0905-\u0939"),
    **dict.fromkeys(("Thai",), "\u0e01-\u0e2e"),
    **dict.fromkeys(("Hiragana", "Hira"), "\u3041-\u3096"),
    **dict.fromkeys(("Katakana", "Kana"), "\u30a1-\u30fa"),
    **dict.fromkeys(("Han", "Hani", "Ideographic", "Unified_Ideograph"), "\u4e00-\u4eff"),
    **dict.fromkeys(("Hangul", "Hang"), "\uac00-\uacff"),
    **dict.fromkeys(("ID_Start", "XID_Start"), "a-zA-Z"),
    **dict.fromkeys(("ID_Continue", "XID_Continue"), "a-zA-Z0-9_"),
    "ASCII": "\\x00-\\x7f",
}
"""Some members of the Unicode classes that patterns name; enough to make texts, and the engine judges them."""

_PIECE: Final = re.compile(
    r"\\(?P<class>[pP])\{(?:[A-Za-z_]+=)?(?P<name>[A-Za-z_]+)\}"
    r"|\\u\{(?P<long>[0-9A-Fa-f]+)\}|\\c(?P<control>[A-Za-z])|\\(?P<plain>[/\-_#%&,:;<=>@`\"'!~ ])"
    r"|\(\?<(?P<group>[A-Za-z_$][\w$]*)>|\\k<(?P<back>[A-Za-z_$][\w$]*)>|(?P<space>\\s)|(?P<nul>\\0(?!\d))"
    r"|(?P<any>\[\^\])|(?P<none>\[\])|(?P<end>\$(?=\)|\||\Z))|(?P<dot>\.)|(?P<other>\\.|.)",
    re.DOTALL,
)
"""What ECMA 262 writes otherwise than Python."""

_REPEATS: Final = frozenset(("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"))
_HOLDING: Final = _REPEATS | {"SUBPATTERN", "ATOMIC_GROUP", "ASSERT", "ASSERT_NOT"}
_FEW: Final = 3
_MOST_TRIED: Final = 11  # characters of a text that a slow pattern is tried on
_MOST_REPEATS: Final = (10_000, 2_000)  # of what stands in no repetition, and of what stands in one
_MOST_COUNTED: Final = 1_000  # characters of a text of which many are made
_MOST_VARIED: Final = 600
_AT_A_TIME: Final = 20
_TRIED: Final = (0, 1, 2, 3, 5, 8)
_MOST_BRANCHES: Final = 12
_ENOUGH: Final = 40
_MOST_CHARACTERS: Final = 0x250
_LIKELY: Final = "a1Ab0-_./:@ #+~é"


@lru_cache(maxsize=4_096)
def compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern as Python's, as far as the two agree; None where Python cannot read it."""
    with warnings.catch_warnings(action="error"):  # a pattern that Python has doubts about means something else to it
        try:
            return re.compile(translated(pattern), re.ASCII)
        except (re.error, OverflowError, RecursionError, Warning):
            return None


def translated(pattern: str) -> str:
    """The pattern in Python's words."""
    out: list[str] = []
    inside = False
    for piece in _PIECE.finditer(pattern):
        kind = piece.lastgroup or ""
        kind = "class" if kind == "name" else kind
        text = piece.group()
        out.append(_WORDS[kind](piece, inside) if kind in _WORDS else text)
        if text == "[" and kind == "other":
            if inside:
                out[-1] = "\\["
            inside = True
        elif text == "]" or kind in {"any", "none"}:
            inside = False
    return "".join(out)


def _unicode_class(piece: re.Match[str], inside: bool) -> str:  # noqa: FBT001 - a row of a table
    members = _CLASSES.get(piece["name"], "a-zA-Z")
    if piece["class"] == "p":
        return members if inside else f"[{members}]"
    return "!-/" if inside else f"[^{members}]"


_WORDS: Final[dict[str, Callable[[re.Match[str], bool], str]]] = {
    "class": _unicode_class,
    "long": lambda piece, _: re.escape(chr(min(int(piece["long"], 16), 0x10FFFF))),
    "control": lambda piece, _: f"\\x{ord(piece['control']) % 32:02x}",
    "plain": lambda piece, _: re.escape(piece["plain"]),
    "group": lambda piece, _: f"(?P<{piece['group'].replace('$', '_')}>",
    "back": lambda piece, _: f"(?P={piece['back'].replace('$', '_')})",
    "space": lambda _, inside: _SPACE if inside else f"[{_SPACE}]",
    "nul": lambda _, __: "\\x00",
    "any": lambda _, inside: "\\[\\^]" if inside else "[\\s\\S]",
    "none": lambda _, inside: "\\[]" if inside else "(?!)",
    "dot": lambda _, inside: "." if inside else "[^\\n\\r\u2028\u2029]",
    "end": lambda _, inside: "$" if inside else "\\Z",
}


def matches(pattern: str, text: str) -> bool:
    """Whether a text matches; every text may where Python cannot tell, or not in time: the engine judges."""
    found = compiled(pattern)
    return found is None or (len(text) > _MOST_TRIED and _is_slow(pattern)) or found.search(text) is not None


@lru_cache(maxsize=4_096)
def _is_slow(pattern: str) -> bool:
    """Whether repetitions stand in repetitions, for which Python can need time exponential in the text."""
    return _repeats_inside(_parser.parse(translated(pattern), re.ASCII), inside=False)


def _repeats_inside(tree: Any, *, inside: bool) -> bool:
    for code, value in tree:
        name = str(code)
        repeats = name in _REPEATS and int(value[1]) > _FEW
        if repeats and inside:
            return True
        parts = value[1] if name == "BRANCH" else [value[-1]] if name in _HOLDING else []
        if any(_repeats_inside(part, inside=inside or repeats) for part in parts):
            return True
    return False


@lru_cache(maxsize=4_096)
def texts(pattern: str, least: int = 0) -> tuple[str, ...]:
    """Texts that match, short ones first, without repetitions; none where none could be built.

    Args:
        pattern: the expression.
        least: how many characters are wanted at least, where repetitions in the pattern leave a choice.
    """
    if compiled(pattern) is None:
        return ()
    whole = _parser.parse(translated(pattern), re.ASCII)
    trees = (whole, *_ahead(whole))
    known: dict[Any, list[str]] = {}
    matching: dict[str, None] = {}
    for repeats in dict.fromkeys((*_TRIED, least)):
        turns = _MOST_BRANCHES if repeats <= _MOST_COUNTED else _FEW  # a pattern may look at long texts for long
        for turn, tree in product(range(turns), trees):
            text = _Sampler(repeats, turn, known).text(tree)
            for padded in (text, f"a{text}", f"{text}a"):
                if padded not in matching and matches(pattern, padded):
                    matching[padded] = None
        if len(matching) >= _ENOUGH and repeats >= least:
            break
    return tuple(matching)


def _ahead(tree: Any) -> Iterator[Any]:
    """What an expression looks ahead for where it begins: a text for that may be one for the whole."""
    for code, value in tree:
        if str(code) == "ASSERT" and value[0] > 0:
            yield value[1]
        elif str(code) != "AT":
            return


def varied(pattern: str, least: int = 0) -> Iterator[str]:
    """Many texts that match: the characters of one counted through, then of a longer one."""
    low, high = widths(pattern)
    if compiled(pattern) is None or high < least or max(low, least) > _MOST_COUNTED:
        return
    for repeats in dict.fromkeys((max(_FEW, least), max(_TRIED[-1], least))):
        for start in range(0, _MOST_VARIED, _AT_A_TIME):
            found, ended = _counted(pattern, repeats, start)
            yield from found
            if ended:
                break


@lru_cache(maxsize=256)  # some are asked for thousands of times
def _counted(pattern: str, repeats: int, start: int) -> tuple[tuple[str, ...], bool]:
    """The next texts that match, from a number on, and whether there are no more."""
    tree = _parser.parse(translated(pattern), re.ASCII)
    known: dict[Any, list[str]] = {}
    found: list[str] = []
    for number in range(start, start + _AT_A_TIME):
        counter = _Counter(repeats, number, known)
        text = counter.text(tree)
        if counter.left:
            return tuple(found), True
        if matches(pattern, text):
            found.append(text)
    return tuple(found), False


@lru_cache(maxsize=4_096)
def widths(pattern: str) -> tuple[int, float]:
    """How many characters a text that matches has at least and at most, as far as the pattern tells."""
    if compiled(pattern) is None or "\\u" in pattern:
        return 0, math.inf
    tree = _parser.parse(translated(pattern), re.ASCII)
    low, high = tree.getwidth()
    ends = [str(value) for _, value in (list(tree)[:1] + list(tree)[-1:])]
    whole = len(ends) > 1 and ends[0] == "AT_BEGINNING" and ends[1] in {"AT_END", "AT_END_STRING"}
    return int(low), int(high) if whole and high < _parser.MAXREPEAT and "$" not in translated(pattern) else math.inf


class _Sampler:
    """One way through an expression: how often repetitions repeat, and which branch is taken at forks."""

    def __init__(self, repeats: int, turn: int, known: dict[Any, list[str]]) -> None:
        self._repeats = repeats
        self._turn = turn
        self._known = known
        self._picked = 0
        self._inside = 0
        self._groups: dict[int, str] = {}

    def text(self, tree: Any) -> str:
        return "".join(self._one(str(code), value) for code, value in tree)

    def _one(self, code: str, value: Any) -> str:  # noqa: PLR0911 - a row for each construct
        if code == "LITERAL":
            return chr(value)
        if code in {"NOT_LITERAL", "ANY", "IN"}:
            return self._pick(code, value)
        if code in _REPEATS:
            low, high, inner = value
            wanted = min(self._repeats, _FEW) if self._inside else self._repeats
            count = min(max(int(low), min(wanted, int(high))), _MOST_REPEATS[self._inside > 0])
            self._inside += 1
            text = "".join(self.text(inner) for _ in range(count))
            self._inside -= 1
            return text
        if code == "SUBPATTERN":
            text = self.text(value[-1])
            if value[0] is not None:
                self._groups[value[0]] = text
            return text
        if code == "BRANCH":
            return self.text(self._branch(value[1]))
        if code == "GROUPREF":
            return self._groups.get(value, "")
        return self.text(value[-1]) if code == "ATOMIC_GROUP" else ""

    def _branch(self, branches: Sequence[Any]) -> Any:
        return branches[self._turn % len(branches)]

    def _pick(self, code: str, value: Any) -> str:
        """A character, another one on every turn where there are several, and on some turns at every place."""
        self._picked += 1
        found = self._choices(code, value, _preferred)
        shift = self._picked if self._turn % 3 == 1 else 0
        return found[(self._turn + shift) % len(found)] if found else ""

    def _choices(self, code: str, value: Any, choose: Callable[[str, Any], list[str]]) -> list[str]:
        """The characters to choose from for a construct of the tree; long repetitions ask for them at every place."""
        key = (code, id(value) if code == "IN" else value)
        if key not in self._known:
            self._known[key] = choose(code, value)
        return self._known[key]


class _Counter(_Sampler):
    """The way whose forks and characters are the digits of a number, which any other number takes elsewhere."""

    def __init__(self, repeats: int, number: int, known: dict[Any, list[str]]) -> None:
        super().__init__(repeats, 0, known)
        self.left = number

    def _next(self, among: int) -> int:
        self.left, digit = divmod(self.left, among)
        return digit

    def _branch(self, branches: Sequence[Any]) -> Any:
        return branches[self._next(len(branches))]

    def _pick(self, code: str, value: Any) -> str:
        found = self._choices(code, value, _accepted)
        return found[self._next(len(found))] if found else ""


def _preferred(code: str, value: Any) -> list[str]:
    """Likely characters that are accepted, and those that a class names; where there are none, others."""
    accepts, named = _accepting(code, value), _named(value) if code == "IN" else []
    likely = [one for one in dict.fromkeys([*_LIKELY, *named]) if accepts(one)]
    return likely or [chr(one) for one in range(_MOST_CHARACTERS) if accepts(chr(one))][:_MOST_BRANCHES]


def _accepted(code: str, value: Any) -> list[str]:
    """The characters that are accepted, those that people write where there are such."""
    accepts = _accepting(code, value)
    usual = [one for one in ascii_lowercase + digits if accepts(one)]
    return usual or [chr(one) for one in range(_MOST_CHARACTERS) if accepts(chr(one))][:_MOST_BRANCHES]


def _named(members: Any) -> list[str]:
    """The characters that a class names itself, as members or ends of ranges."""
    literals = [value for kind, value in members if str(kind) == "LITERAL"]
    return [chr(one) for one in (*literals, *(value[0] for kind, value in members if str(kind) == "RANGE"))]


def _accepting(code: str, value: Any) -> Callable[[str], bool]:
    if code == "ANY":
        return lambda one: one != "\n"
    if code == "NOT_LITERAL":
        return lambda one: ord(one) != value
    negated = bool(value) and str(value[0][0]) == "NEGATE"
    members = value[1:] if negated else value
    return lambda one: any(_has(str(kind), member, one) for kind, member in members) is not negated


def _has(kind: str, member: Any, one: str) -> bool:
    if kind == "LITERAL":
        return bool(ord(one) == member)
    if kind == "RANGE":
        return bool(member[0] <= ord(one) <= member[1])
    name = str(member).removeprefix("CATEGORY_")
    positive = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}.get(name.removeprefix("NOT_"), ".")
    return bool(re.match(positive, one, re.ASCII)) is not name.startswith("NOT_")
