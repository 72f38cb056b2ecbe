"""The walk over a schema: every assertion site, whether anything reaches it, and whether any JSON value can break it.

Keyword semantics are those of JSON Schema draft 2020-12 (Core sections 10 and 11, Validation section 6); of earlier
drafts where `$schema` names one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer
from haiku_contract.localising import localised
from haiku_contract.model import Constraint
from haiku_contract.schemas import (
    HOLDING,
    REFERENCES,
    Document,
    Schema,
    Shape,
    held,
    known,
    subschemas,
    types,
)
from haiku_contract.trivial import TRIVIAL, accepts_everything, is_trivial, kinds_taken, matches_every_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.model import Side

__all__ = [
    "Schema",
    "is_trivial",
    "keyword_at",
    "outside",
    "replace",
    "speaks_of",
    "subschemas",
    "types",
    "walk",
    "without",
]

_MOST_PATHS: Final = 16_384  # of keywords in large unions, which fail again and again

APPLICATORS: Final[dict[str, Shape]] = {
    "properties": "map",
    "patternProperties": "map",
    "additionalProperties": "schema",
    "propertyNames": "schema",
    "dependentSchemas": "map",
    "unevaluatedProperties": "schema",
    "prefixItems": "list",
    "items": "schema",
    "additionalItems": "schema",
    "unevaluatedItems": "schema",
    "dependencies": "map",
    "allOf": "list",
    "anyOf": "list",
    "oneOf": "list",
    "then": "schema",
    "else": "schema",
}
"""Keywords whose subschemas assert something of the instance, and the shape in which they hold them."""

UNIONS: Final = ("anyOf", "oneOf")
"""Applicators that are constraints themselves: a failing branch alone breaks nothing."""

UNEVALUATED: Final = ("unevaluatedProperties", "unevaluatedItems")
"""Applicators that are constraints as a whole: engines do not tell which part of their subschema failed."""

OPAQUE: Final = ("not", "contains", *UNEVALUATED)
"""Constraints whose subschema is not a list of constraints: one that fails inside does not make the instance fail."""

ASSERTIONS: Final = {
    "type": (),
    "enum": (),
    "const": (),
    "multipleOf": ("number",),
    "maximum": ("number",),
    "exclusiveMaximum": ("number",),
    "minimum": ("number",),
    "exclusiveMinimum": ("number",),
    "maxLength": ("string",),
    "minLength": ("string",),
    "pattern": ("string",),
    "format": ("string",),
    "maxItems": ("array",),
    "minItems": ("array",),
    "uniqueItems": ("array",),
    "maxContains": ("array",),
    "minContains": ("array",),
    "maxProperties": ("object",),
    "minProperties": ("object",),
    "required": ("object",),
    "dependentRequired": ("object",),
    "dependencies": ("object",),
    **dict.fromkeys(UNIONS, ()),
    "not": (),
    "contains": ("array",),
}
"""Keywords that are constraints of their own, and the JSON types they speak of (none: all)."""

CLOSING: Final = ("additionalProperties", "unevaluatedProperties", "items", "additionalItems", "unevaluatedItems")
"""Keywords that speak of what others beside them leave: where one is `false`, nothing more may stand there."""

_DEFINITIONS: Final = ("$defs", "definitions")
_ASKING: Final = ("if", *OPAQUE)

_SPEAKS_OF: Final[dict[str, tuple[str, ...]]] = {
    **{keyword: names for keyword, names in ASSERTIONS.items() if names},
    **dict.fromkeys(("properties", "patternProperties", "propertyNames", "dependentSchemas"), ("object",)),
    **dict.fromkeys(("additionalProperties", "unevaluatedProperties"), ("object",)),
    **dict.fromkeys(("prefixItems", "items", "additionalItems", "unevaluatedItems"), ("array",)),
}
"""The JSON types that a keyword speaks of; those that are not listed speak of every instance."""

_NO_CONTAINS: Final = "stands beside no 'contains', without which it says nothing"
_NO_TUPLE: Final = "stands beside no list under 'items', without which it says nothing"
_NO_KEY_LEFT: Final = "a pattern beside it speaks of every key"
_A_KEY: Final = "a JSON key is a string"
_NO_IF: Final = "stands beside no 'if', without which it says nothing"
_IF_NEVER: Final = "'if' never holds"
_IF_ALWAYS: Final = "'if' always holds"
_OPEN_TO: Final = "another branch of the union accepts every value that it speaks of"
_NO_ITEM_LEFT: Final = "'items' beside it speaks of every item that is left"
_NO_NAME_LEFT: Final = "'additionalProperties' beside it speaks of every key that is left"
_ONLY_ASKED: Final = "only asked under 'not', 'contains', 'if' or 'unevaluated…', where to fail is no fault"
_UNUSED: Final = "no reference leads to this definition"
_OPEN: Final = "another branch of the union accepts every value"


class _Site(NamedTuple):
    """A schema, where it stands, and what is known of the instances it is held against."""

    tokens: tuple[str, ...]
    schema: Schema
    names: bool = False  # inside propertyNames: every instance is a string
    never: str = ""  # why no failure in here makes a payload fail
    open: frozenset[str] = frozenset()  # the types of which a branch beside this one accepts every value


def walk(schema: Schema, side: Side, *, assert_format: bool = False) -> tuple[Constraint, ...]:
    """Every constraint of a schema, in the order of the document; unused definitions last, as unreachable.

    Args:
        schema: the schema.
        side: names the constraints.
        assert_format: whether `format` is one, where it names a format of the draft.
    """
    document = Document(localised(schema), assert_format=assert_format)
    found: dict[str, Constraint] = {}
    visited: set[tuple[Any, ...]] = set()
    _visit(document, side, _Site((), document.root), found, visited)
    places = list(_places(document))
    for place in places:
        if place.never == _ONLY_ASKED:
            for target in _targets(document, place):
                _visit(document, side, target, found, visited)
    seen = {here for here, *_ in visited}
    for place in places:
        if place.never == _UNUSED and pointer.join(place.tokens) not in seen:
            _visit(document, side, place, found, visited)
    return tuple(found.values())


@lru_cache(_MOST_PATHS)
def keyword_at(tokens: tuple[str | int, ...]) -> str:
    """The keyword that a pointer into a schema ends in, the member of `required` left out.

    Empty where it ends in a schema among several, as in `properties/a` and `anyOf/0`: only `false` asserts there.
    """
    keyword = ""
    rest = iter(tokens)
    for token in rest:
        keyword = str(token)
        if HOLDING.get(keyword) in {"list", "map"} and next(rest, None) is not None:
            keyword = ""
        elif keyword == "required":
            next(rest, None)
    return keyword


def without(schema: Schema, constraint: Constraint) -> Any:
    """The schema with one constraint taken out and everything else as it was; the same where nothing can break it."""
    if not constraint.violable:
        return schema
    tokens = pointer.split(constraint.pointer)
    if constraint.keyword not in ASSERTIONS:
        return replace(schema, tokens, {})
    *parents, last = tokens
    if constraint.keyword == "required":
        return replace(schema, parents, [name for name in pointer.get(schema, parents) if name != constraint.value])
    siblings = dict(pointer.get(schema, parents))
    del siblings[last]
    return replace(schema, parents, siblings)


def replace(document: Any, tokens: list[str], value: Any) -> Any:
    """The schema with the value at a place replaced or added; parts that stay are shared."""
    if not tokens:
        return value
    token, rest = tokens[0], tokens[1:]
    if isinstance(document, list):
        return [replace(child, rest, value) if index == int(token) else child for index, child in enumerate(document)]
    return {**document, token: replace(document.get(token), rest, value)}


def outside(root: Schema) -> tuple[tuple[str, ...], str] | None:
    """The first place in a schema that cannot be followed within the schema itself, and why; None when all can."""
    document = Document(root)
    for tokens, schema in subschemas(root):
        if isinstance(schema, bool):
            continue
        if tokens and isinstance(schema.get(document.naming), str):
            return (
                *tokens,
                document.naming,
            ), "a schema with an identifier of its own, and an anchor that is in several"
        for keyword in REFERENCES:
            if isinstance(known(schema, document.number).get(keyword), str) and not document.target(schema[keyword]):
                return (*tokens, keyword), f"a reference to {schema[keyword]!r}, which is another document"
    return None


def _visit(
    document: Document, side: Side, start: _Site, found: dict[str, Constraint], visited: set[tuple[Any, ...]]
) -> None:
    """Depth first, without recursion: definitions may refer to each other in chains of any length."""
    stack: list[Iterator[_Site]] = [iter((start,))]
    while stack:
        site = next(stack[-1], None)
        if site is None:
            stack.pop()
        elif (key := (pointer.join(site.tokens), *site[2:])) not in visited:
            visited.add(key)
            stack.append(_inside(document, side, site, found))


def _inside(document: Document, side: Side, site: _Site, found: dict[str, Constraint]) -> Iterator[_Site]:
    """Add the constraints of one schema, and hand out the schemas in it that assert something too."""
    if isinstance(site.schema, bool):
        if site.schema is False:
            _add(found, _constraint(side, site, site.tokens, value=False))
        return
    said = known(site.schema, document.number)
    site = site._replace(schema=said)
    for keyword, value in said.items():
        for constraint in _constraints_at(document, side, site, keyword, value):
            _add(found, constraint)
        yield from _children(document, site, keyword, value)
        if keyword in REFERENCES and (target := document.target(value)) is not None:
            yield site._replace(tokens=target.tokens, schema=target.schema)


def _add(found: dict[str, Constraint], constraint: Constraint) -> None:
    """One definition may be reached in several ways: what can be broken in one of them can be broken."""
    known = found.setdefault(constraint.id, constraint)
    if (constraint.violable, constraint.reachable) > (known.violable, known.reachable):
        found[constraint.id] = constraint


def _constraints_at(document: Document, side: Side, site: _Site, keyword: str, value: Any) -> Iterator[Constraint]:
    tokens = (*site.tokens, keyword)
    if keyword == "required":
        for index, name in enumerate(value if isinstance(value, list) else ()):
            reason = _never(document, site, keyword, [name])
            yield _constraint(side, site, (*tokens, str(index)), value=name, reason=reason)
    elif keyword in CLOSING and is_trivial(value):
        what = "key" if keyword.endswith("Properties") else "item"
        yield _constraint(side, site, tokens, value=value, reason=f"accepts every further {what}")
    elif keyword == "format" and value not in document.formats:
        return
    elif keyword in ASSERTIONS or keyword in UNEVALUATED or (keyword in CLOSING and value is False):
        reason = _never(document, site, keyword, value)
        yield _constraint(side, site, tokens, value=value, reason=reason)


def _constraint(side: Side, site: _Site, tokens: tuple[str, ...], *, value: Any, reason: str = "") -> Constraint:
    path = pointer.join(tokens)
    return Constraint(
        id=f"{side}:{path}",
        side=side,
        pointer=path,
        keyword=keyword_at(tokens),
        value=value,
        reachable=site.never not in {_UNUSED, _NO_IF, _IF_NEVER, _IF_ALWAYS},
        violable=not (site.never or reason),
        reason=site.never or reason,
    )


def _never(document: Document, site: _Site, keyword: str, value: Any) -> str:
    """Why no JSON value can break the keyword here; empty when one can."""
    beside, names = site.schema if isinstance(site.schema, dict) else {}, site.names

    reasons = {
        "accepts every value": keyword in TRIVIAL and TRIVIAL[keyword](value),
        _NO_CONTAINS: keyword in {"minContains", "maxContains"} and "contains" not in beside,
        _NO_TUPLE: keyword == "additionalItems" and not isinstance(beside.get("items"), list),
        "the exclusive bound speaks for it": beside.get(f"exclusive{keyword.capitalize()}") is True,
        _NO_KEY_LEFT: keyword == "additionalProperties" and _has_open_pattern(beside),
        "'minContains' speaks for it": keyword == "contains" and beside.get("minContains", 0) > 0,
        "'minContains' asks for none": keyword == "contains" and beside.get("minContains") == 0,
        "its branches accept every value": keyword in UNIONS
        and (keyword == "anyOf" or len(value) == 1)
        and _is_open(document, keyword, value),
        _A_KEY: names and keyword == "type" and "string" in types(value),
        _OPEN_TO: bool(_SPEAKS_OF.get(keyword)) and site.open.issuperset(_SPEAKS_OF[keyword]),
        _NO_ITEM_LEFT: keyword == "unevaluatedItems" and not isinstance(beside.get("items", []), list),
        _NO_NAME_LEFT: keyword == "unevaluatedProperties" and is_trivial(beside.get("additionalProperties")),
    }
    found = next((reason for reason, holds in reasons.items() if holds), "")
    if found:
        return found
    return _never_of_keys(keyword) if names else ""


def _is_open(document: Document, keyword: str, branches: list[Any]) -> bool:
    """Whether a branch of a union accepts everything, or those of an `anyOf` do between them."""
    if keyword == "anyOf":
        return accepts_everything(document, {"anyOf": branches})
    return any(accepts_everything(document, branch) for branch in branches)


def _never_of_keys(keyword: str) -> str:
    """Why a keyword never applies to a key; empty where it does.

    Beside a `type` that leaves none of what it speaks of, it is broken all the same, by what breaks the type too.
    """
    speaks_of = _SPEAKS_OF.get(keyword, ())
    return "" if not speaks_of or "string" in speaks_of else f"speaks of {speaks_of[0]}s only, and {_A_KEY}"


def _has_open_pattern(beside: dict[str, Any]) -> bool:
    """Whether every key matches one of the patterns of a schema."""
    return any(map(matches_every_text, beside.get("patternProperties", ())))


def speaks_of(keyword: str) -> tuple[str, ...]:
    """The JSON types that a keyword speaks of; empty for those that speak of every value."""
    return _SPEAKS_OF.get(keyword, ())


def _children(document: Document, site: _Site, keyword: str, value: Any) -> Iterator[_Site]:
    """The schemas under a keyword whose failures make the instance fail."""
    if keyword not in APPLICATORS or keyword in UNEVALUATED or (keyword in CLOSING and isinstance(value, bool)):
        return
    beside = site.schema if isinstance(site.schema, dict) else {}
    never = _never_of_keys(keyword) if site.names else ""
    if keyword in {"then", "else"} and "if" not in beside:
        never = _NO_IF
    if keyword == "then" and beside.get("if") is False:
        never = _IF_NEVER
    if keyword == "else" and accepts_everything(document, beside.get("if", False)):
        never = _IF_ALWAYS
    if keyword == "additionalItems" and not isinstance(beside.get("items"), list):
        never = _NO_TUPLE
    if keyword == "additionalProperties" and _has_open_pattern(beside):
        never = _NO_KEY_LEFT
    if keyword in UNIONS and _is_open(document, keyword, value):
        never = _OPEN
    in_place = keyword not in _SPEAKS_OF
    if not in_place and site.open.issuperset(_SPEAKS_OF[keyword]):
        never = _OPEN_TO
    taken = [kinds_taken(document, branch) for branch in value] if keyword == "anyOf" else []
    for index, (tokens, child) in enumerate(held(site.tokens, keyword, value)):
        beyond = site.open.union(*taken[:index], *taken[index + 1 :]) if in_place else frozenset()
        names = keyword == "propertyNames" or (site.names and in_place)
        yield _Site(tokens, child, names, site.never or never, beyond)


def _places(document: Document) -> Iterator[_Site]:
    """Every schema inside a schema; `never` tells definitions and what is only asked from what asserts."""
    stack = [_Site((), document.root)]
    while stack:
        site = stack.pop()
        yield site
        if isinstance(site.schema, bool):
            continue
        children: list[_Site] = []
        for keyword, value in site.schema.items():
            never = _ONLY_ASKED if keyword in _ASKING or site.never == _ONLY_ASKED else ""
            if keyword in _DEFINITIONS:
                never = _UNUSED
            children += [_Site(tokens, child, never=never) for tokens, child in held(site.tokens, keyword, value)]
        stack.extend(reversed(children))


def _targets(document: Document, site: _Site) -> Iterator[_Site]:
    for keyword in REFERENCES:
        if isinstance(site.schema, dict) and keyword in site.schema:
            target = document.target(site.schema[keyword])
            if target is not None:
                yield _Site(*target, never=site.never)
