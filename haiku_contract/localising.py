"""Schemas as every engine reads them: references as pointers, no identifiers inside, a dialect that is known; pure.

Published schemas name their parts in more ways than engines understand. Here each is written in the one way that all
do. Where anything stands stays, so what is said of the result is said of the published schema.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from haiku_contract import pointer
from haiku_contract.schemas import REFERENCES, Document, Place, Schema, Tokens, draft, named_draft, reachable

_DIALECTS: Final = {
    4: "http://json-schema.org/draft-04/schema",
    6: "http://json-schema.org/draft-06/schema",
    7: "http://json-schema.org/draft-07/schema",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}
"""How each draft is named by those who published it."""

_BEFORE: Final = re.compile(r"json-schema\.org/draft-0[0-3]\b")
"""Drafts that only the slow engine reads, as they are."""

_PART: Final = r"(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
_URI: Final = re.compile(f"{_PART}(?:#{_PART})?")
"""What a URI reference is made of (RFC 3986 section 2)."""

_NAMES: Final = ("$anchor", "$dynamicAnchor", "$schema")
"""Keywords that name a schema or a dialect, of which nothing is left to say where no part is named."""


class _Ambiguous(Exception):  # noqa: N818 - ends a walk
    """Which anchor is meant depends on the way to the reference."""


def unread(root: Schema) -> str:
    """What to tell people of a schema whose dialect is not known; empty where it is."""
    named = root.get("$schema") if isinstance(root, dict) else None
    if not isinstance(named, str) or _BEFORE.search(named) or named_draft(named) is not None:
        return ""
    return f"'$schema' names {named!r}, which is no draft of JSON Schema: read as draft 2020-12"


def localised(root: Schema) -> Schema:
    """The same schema with no identifiers inside it: every reference a pointer from the root; itself where it has none.

    A document in which it is decided while an instance is held against it which of several dynamic anchors of one name
    is meant is left as it is.
    """
    if not isinstance(root, dict):
        return root
    document = Document(root)
    places = [place for place in reachable(root) if isinstance(place.schema, dict)]
    if not _is_odd(document, places):
        return root
    outermost = _outermost(document, places)
    try:
        replaced = {place.tokens: _pointers(document, place, outermost) for place in places}
    except _Ambiguous:
        return root
    mirror: dict[str, Any] = _copied(root)
    for tokens, schema in places:
        mine = pointer.get(mirror, tokens)
        mine |= replaced[tokens]
        if "$ref" in mine and "$ref" not in schema:
            del mine["$recursiveRef"]  # what it means stands under '$ref' now
        for keyword in (document.naming, *_NAMES):
            if isinstance(schema.get(keyword), str):
                mine.pop(keyword)
    if isinstance(root.get("$schema"), str):
        mirror["$schema"] = _dialect(root)
    return mirror


def _is_odd(document: Document, places: list[Place]) -> bool:
    """Whether anything in a document is written in a way that not every engine reads."""
    named = document.root.get("$schema") if isinstance(document.root, dict) else None
    if isinstance(named, str) and named.rstrip("#") != _dialect(document.root).rstrip("#"):
        return True
    for tokens, schema in places:
        names = [schema[one] for one in (document.naming, *REFERENCES) if isinstance(schema.get(one), str)]
        if (tokens and isinstance(schema.get(document.naming), str)) or not all(map(_URI.fullmatch, names)):
            return True
    return False


def _dialect(root: Schema) -> str:
    """The name of the dialect in which a schema is read."""
    named = root["$schema"] if isinstance(root, dict) else ""
    return str(named) if _BEFORE.search(named) else _DIALECTS[draft(root)]


def _outermost(document: Document, places: list[Place]) -> dict[str, Tokens | None]:
    """Which dynamic anchor is the outermost one of its name, whatever the way; None where that depends on the way."""
    anchors: dict[str, dict[Tokens, Tokens]] = {}
    for tokens, schema in places:
        if isinstance(schema.get("$dynamicAnchor"), str):
            anchors.setdefault(schema["$dynamicAnchor"], {})[document.resource(tokens)] = tokens
    found: dict[str, Tokens | None] = {}
    for name, inside in anchors.items():
        entries = {()} if () in inside else set(inside) if len(inside) == 1 else _entries(document, places, inside)
        found[name] = inside[entries.pop()] if len(entries) == 1 else None
    return found


def _entries(document: Document, places: list[Place], inside: dict[Tokens, Tokens]) -> set[Tokens]:
    """Those of some schemas with identifiers into which a way from outside of all of them leads."""
    found = {one for one in inside if one[-2:-1] not in {("$defs",), ("definitions",)}}
    for tokens, schema in places:
        references = [schema[one] for one in REFERENCES if isinstance(schema.get(one), str)]
        targets = [document.target(one, tokens) for one in references]
        if document.resource(tokens) not in inside:
            found |= {document.resource(one.tokens) for one in targets if one is not None} & inside.keys()
    return found


def _pointers(document: Document, place: Place, outermost: dict[str, Tokens | None]) -> dict[str, str]:
    """The references of one schema as pointers from the root; those that lead nowhere are left out."""
    tokens, schema = place
    found: dict[str, Tokens] = {}
    for keyword in REFERENCES:
        reference = schema.get(keyword)
        target = document.target(reference, tokens) if isinstance(reference, str) else None
        if target is not None:
            found[keyword] = _dynamic(target, reference, outermost) if keyword == "$dynamicRef" else target.tokens
    if "$recursiveRef" in found:
        found.setdefault("$ref", _recursive(document, found.pop("$recursiveRef")))
    return {keyword: "#" + quote(pointer.join(there), safe="/~!$&'()*+,;=:@") for keyword, there in found.items()}


def _dynamic(target: Place, reference: str, outermost: dict[str, Tokens | None]) -> Tokens:
    """What a dynamic reference means: the anchor in the outermost schema that has one (Core section 8.2.3.2)."""
    name = reference.partition("#")[2]
    if not isinstance(target.schema, dict) or target.schema.get("$dynamicAnchor") != name:
        return target.tokens
    meant = outermost[name]
    if meant is None:
        raise _Ambiguous
    return meant


def _recursive(document: Document, there: Tokens) -> Tokens:
    """What a recursive reference means: the root, where that and its own resource ask for it (2019-09, 8.2.4.2)."""
    asking = [pointer.get(document.root, one) for one in ((), there)]
    return () if all(isinstance(one, dict) and one.get("$recursiveAnchor") is True for one in asking) else there


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(child) for key, child in value.items()}
    return [_copied(child) for child in value] if isinstance(value, list) else value
