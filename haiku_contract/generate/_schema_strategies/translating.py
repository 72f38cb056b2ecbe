"""Schemas of earlier drafts in the words of 2020-12, references included: the converter knows one vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from haiku_contract import pointer
from haiku_contract.schemas import HOLDING, REFERENCES

if TYPE_CHECKING:
    from haiku_contract.schemas import Document, Schema, Tokens

NEWEST: Final = 2020
OLDEST: Final = 4
"""Drafts, as `Document.number` says them."""

_SAFE: Final = "/~!$&'()*+,;=:@"  # in the fragment of a URI (RFC 3986 section 3.5)
_NAMING: Final = frozenset(("$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary"))
_DEFINING: Final = ("$defs", "definitions")
_RENAMED: Final = {"additionalItems": "items", "dependencies": "dependentSchemas"}
_NAMED_BEFORE: Final = {"prefixItems": "items", "items": "additionalItems", "dependentSchemas": "dependencies"}


def translated(document: Document) -> Any:
    """The whole schema in the words of 2020-12: what its draft does not know, or ignores beside `$ref`, is left out.

    References become pointers into the result, whatever they name a schema by.
    """
    return _translated(document, document.root)


def _translated(document: Document, schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    kept = {keyword: schema[keyword] for keyword in _DEFINING if keyword in schema}  # beside '$ref' too
    for keyword, value in (document.modern(schema) | kept).items():
        if keyword in REFERENCES:
            target = document.target(value) if isinstance(value, str) else None
            found[keyword] = value if target is None else _fragment(_new(document.root, target.tokens))
        elif keyword in HOLDING:
            found[keyword] = _held(document, value, is_map=HOLDING[keyword] == "map")
        elif keyword not in _NAMING:
            found[keyword] = value
    return found


def _fragment(tokens: Tokens) -> str:
    return f"#{quote(pointer.join(tokens), safe=_SAFE)}"


def _held(document: Document, value: Any, *, is_map: bool) -> Any:
    if isinstance(value, list):
        return [_translated(document, one) for one in value]
    if is_map and isinstance(value, dict):
        return {name: _translated(document, one) for name, one in value.items()}
    return _translated(document, value)


def _new(root: Schema, tokens: Tokens) -> Tokens:
    """Where a schema of the document stands in its translation."""
    there: list[str] = []
    node: Any = root
    in_map = False
    for token in tokens:
        parent, node = node, pointer.step(node, token)
        if isinstance(parent, dict) and not in_map:
            there.append("prefixItems" if token == "items" and isinstance(node, list) else _RENAMED.get(token, token))
            in_map = HOLDING.get(token) == "map"
        else:
            there.append(token)
            in_map = False
    return tuple(there)


def original(root: Schema, tokens: Tokens) -> Tokens:
    """Where a schema of the translation stands in the document; as far as it does, it stays as it is from there."""
    there: list[str] = []
    node: Any = root
    for token in tokens:
        before = _NAMED_BEFORE.get(token, token)
        if isinstance(node, dict) and (token not in node or (token == "items" and isinstance(node[token], list))):
            token = before if before in node else token  # noqa: PLW2901 - the name that it has there
        there.append(token)
        try:
            node = pointer.step(node, token)
        except (KeyError, IndexError, ValueError):
            node = None
    return tuple(there)
