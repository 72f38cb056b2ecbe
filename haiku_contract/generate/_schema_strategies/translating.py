"""Schemas of earlier drafts in the words of 2020-12, references included: the converter knows one vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from haiku_contract import pointer
from haiku_contract.schemas import HOLDING, REFERENCES, known

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

    References become pointers into the result, whatever they name a schema by. What they name in places that are no
    schemas to the draft comes under `$defs`.
    """
    moved: dict[Tokens, str] = {}
    root = _translated(document, document.root, moved)
    done = 0
    while done < len(moved):
        tokens, name = list(moved.items())[done]
        root.setdefault("$defs", {})[name] = _translated(document, pointer.get(document.root, tokens), moved)
        done += 1
    return root


def _translated(document: Document, schema: Any, moved: dict[Tokens, str]) -> Any:
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    kept = {keyword: schema[keyword] for keyword in _DEFINING if keyword in schema}  # beside '$ref' too
    for keyword, value in (document.modern(schema) | kept).items():
        if keyword in REFERENCES:
            target = document.target(value) if isinstance(value, str) else None
            found[keyword] = value if target is None else _reference(document, target.tokens, moved)
        elif keyword in HOLDING:
            found[keyword] = _held(document, value, moved, is_map=HOLDING[keyword] == "map")
        elif keyword not in _NAMING:
            found[keyword] = value
    return found


def _reference(document: Document, tokens: Tokens, moved: dict[Tokens, str]) -> str:
    there = _new(document, tokens)
    if there is None:
        there = ("$defs", moved.setdefault(tokens, f"moved-{len(moved)}"))
    return f"#{quote(pointer.join(there), safe=_SAFE)}"


def _held(document: Document, value: Any, moved: dict[Tokens, str], *, is_map: bool) -> Any:
    if isinstance(value, list):
        return [_translated(document, one, moved) for one in value]
    if is_map and isinstance(value, dict):
        return {name: _translated(document, one, moved) for name, one in value.items()}
    return _translated(document, value, moved)


def _new(document: Document, tokens: Tokens) -> Tokens | None:
    """Where a schema of the document stands in its translation; None where its draft knows of no schema there."""
    there: list[str] = []
    node: Any = document.root
    is_schema = True
    for token in tokens:
        if is_schema and isinstance(node, dict):
            if token not in HOLDING or token not in {*known(node, document.number), *_DEFINING}:
                return None
            inner = pointer.step(node, token)
            there.append("prefixItems" if token == "items" and isinstance(inner, list) else _RENAMED.get(token, token))
            is_schema = HOLDING[token] != "map" and not isinstance(inner, list)
        else:
            inner = pointer.step(node, token)
            there.append(token)
            is_schema = True
        node = inner
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
