"""What accepts every value: keywords written so that they assert nothing, patterns, and schemas made of such."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from haiku_contract.schemas import HOLDING, known, types

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.schemas import Document

_ALL_TYPES: Final = frozenset(("null", "boolean", "number", "string", "array", "object"))
_ASKED: Final = frozenset(("if", "contains", "not", "$defs", "definitions"))
"""Keywords that hold schemas which need not accept what the whole accepts."""

_SAYING: Final = frozenset(
    (
        *("enum", "const", "multipleOf", "maximum", "minimum", "maxLength", "maxItems", "maxContains", "maxProperties"),
        *("contains", "$dynamicRef", "$recursiveRef", "required"),
    )
)
"""Keywords that say something however they are written, as far as can be told at a glance."""

Within: TypeAlias = frozenset[tuple[int, frozenset[str]]]

_IN_PLACE: Final = ("allOf", "oneOf", "then", "else", "dependentSchemas", "dependencies")
_MOST_NESTED: Final = 24
_MOST_PATTERNS: Final = 4_096  # of which is remembered whether every text matches

_parser: Any = re._parser  # noqa: SLF001 - the only parser of expressions in the library


def is_trivial(schema: Any) -> bool:
    """True for the two ways to write a schema that accepts everything and says nothing."""
    return schema is True or schema == {}


@lru_cache(_MOST_PATTERNS)
def matches_every_text(pattern: str) -> bool:
    """Whether every text matches, as far as can be told: what may be empty is found everywhere."""
    if "{," in pattern:  # zero and more to Python, and a text to ECMA 262
        return False
    with warnings.catch_warnings(action="ignore"):  # about what a later Python may read otherwise
        try:
            tree = list(_parser.parse(pattern))
        except (re.error, OverflowError, RecursionError):
            return False
    return _matches_everywhere(tree)


def _matches_everywhere(tree: list[Any]) -> bool:
    if len(tree) == 1 and str(tree[0][0]) == "BRANCH":
        return any(_matches_everywhere(list(branch)) for branch in tree[0][1][1])
    started = bool(tree) and str(tree[0][1]) == "AT_BEGINNING"
    tree = tree[1:] if started else tree
    ended = bool(tree) and str(tree[-1][1]) == "AT_END"
    tree = tree[:-1] if ended else tree
    if started and ended:
        return len(tree) == 1 and _takes_everything(*tree[0])
    return all(_may_be_empty(str(code), value) for code, value in tree)


def _may_be_empty(code: str, value: Any) -> bool:
    if code in {"MAX_REPEAT", "MIN_REPEAT"}:
        return int(value[0]) == 0 or all(_may_be_empty(str(one), inner) for one, inner in value[2])
    return code == "SUBPATTERN" and all(_may_be_empty(str(one), inner) for one, inner in value[-1])


def _takes_everything(code: Any, value: Any) -> bool:
    """Whether a construct between the anchors takes any text: any number of characters of any kind."""
    if str(code) == "SUBPATTERN" and len(value[-1]) == 1:
        return _takes_everything(*value[-1][0])
    if str(code) not in {"MAX_REPEAT", "MIN_REPEAT"} or int(value[0]) > 0 or value[1] is not _parser.MAXREPEAT:
        return False
    inner = list(value[2])
    named = {str(member) for kind, member in inner[0][1]} if len(inner) == 1 and str(inner[0][0]) == "IN" else set()
    return any({f"CATEGORY_{one}", f"CATEGORY_NOT_{one}"} <= named for one in ("SPACE", "DIGIT", "WORD"))


TRIVIAL: Final[dict[str, Callable[[Any], bool]]] = {
    "minLength": lambda value: value <= 0,
    "minItems": lambda value: value <= 0,
    "minProperties": lambda value: value <= 0,
    "minContains": lambda value: value <= 0,
    "uniqueItems": lambda value: value is False,
    "type": lambda value: set(types(value)) >= _ALL_TYPES,
    "not": lambda value: value is False,
    "pattern": matches_every_text,
    "dependentRequired": lambda value: all(set(others) <= {name} for name, others in value.items()),
    "dependencies": lambda value: not any(isinstance(one, list) and one for one in value.values()),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), lambda value: value is False),
}
"""For each keyword that can be written so that it asserts nothing: when it is."""


def kinds_beside(said: dict[str, Any]) -> frozenset[str]:
    """The JSON types that a schema leaves to what stands beside its `type`."""
    return frozenset(types(said["type"])) if "type" in said else _ALL_TYPES


def accepts_everything(
    document: Document, schema: Any, kinds: frozenset[str] = _ALL_TYPES, within: Within = frozenset()
) -> bool:
    """Whether a schema plainly accepts every value; False also where it takes more than a glance to tell.

    Args:
        document: what references lead into.
        schema: the schema.
        kinds: the JSON types of the values that are meant.
        within: the schemas, by identity, for the values inside whose instances this is asked, and of which types.
    """
    if not isinstance(schema, dict):
        return schema is True
    if any(one == id(schema) and kinds <= others for one, others in within):
        return True  # nothing in the circle refuses anything
    said = known(schema, document.number)
    if len(within) > _MOST_NESTED or ("type" in said and not _takes(said["type"], kinds)):
        return False
    inner = within | {(id(schema), kinds)}
    return all(_is_open(document, (keyword, value), kinds, inner) for keyword, value in said.items())


def _takes(named: Any, kinds: frozenset[str]) -> bool:
    """Whether a `type` names all of some types."""
    found = set(types(named))
    return kinds <= found | ({"integer"} & set(kinds) if "number" in found else set())


def kinds_taken(document: Document, schema: Any) -> frozenset[str]:
    """The JSON types, of those that keywords speak of, of which a schema plainly accepts every value."""
    kinds = ("number", "string", "array", "object")
    return frozenset(kind for kind in kinds if accepts_everything(document, schema, frozenset((kind,))))


def _is_open(document: Document, said: tuple[str, Any], kinds: frozenset[str], within: Within) -> bool:
    keyword, value = said
    if keyword == "type":
        return _takes(value, kinds)
    if keyword == "$ref":
        target = document.target(value)
        return target is not None and accepts_everything(document, target.schema, kinds, within)
    if keyword == "anyOf":
        return all(
            any(accepts_everything(document, branch, frozenset((kind,)), within) for branch in value)
            for kind in sorted(kinds)
        )
    closes = (keyword == "oneOf" and len(value) > 1) or (keyword == "format" and value in document.formats)
    if closes or (keyword in TRIVIAL and not TRIVIAL[keyword](value)):
        return False
    if keyword in _ASKED or keyword not in HOLDING:
        return keyword not in _SAYING or (keyword == "required" and not value)
    inner = kinds if keyword in _IN_PLACE else _ALL_TYPES
    children = value.values() if HOLDING[keyword] == "map" else value if isinstance(value, list) else [value]
    return all(accepts_everything(document, one, inner, within) for one in children if not isinstance(one, list))
