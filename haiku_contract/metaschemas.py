"""The metaschemas of JSON Schema, for the schemas that refer to them: every tool is expected to know these by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract.schemas import REFERENCES, Document, named_draft, reachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.schemas import Schema

_HOST: Final = "json-schema.org/"
_OLD_WORDS: Final = 4  # the draft whose words mean something else in later ones
_RECURSIVE: Final = 2019  # the draft whose metaschema is one only where a schema begins with it


def supplied(root: Schema) -> Schema:
    """The schema with the metaschemas that it refers to among its definitions; itself where it refers to none.

    Those of other drafts that say things in other words are not looked for: they would be read in the wrong ones.
    """
    if not isinstance(root, dict) or not _mentions(root):
        return root
    keyword = "$defs" if Document(root).number >= _RECURSIVE else "definitions"
    definitions = root.get(keyword, {})
    while isinstance(definitions, dict):
        more = {name: one for name, one in _wanted(Document(root)) if name not in definitions}
        if not more:
            break
        definitions = {**definitions, **more}
        root = {**root, keyword: definitions}
    return root


def _mentions(root: Any) -> bool:
    """Whether a text in a document may be a reference to a metaschema."""
    stack = [root]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if any(_HOST in value[name] for name in (*REFERENCES, "$id", "id") if isinstance(value.get(name), str)):
                return True
            stack += value.values()
        elif isinstance(value, list):
            stack += value
    return False


def _wanted(document: Document) -> Iterator[tuple[str, Any]]:
    """The metaschemas that a document refers to and does not hold, by their addresses."""
    for tokens, schema in reachable(document.root):
        for keyword in REFERENCES if isinstance(schema, dict) else ():
            reference = schema.get(keyword)
            if isinstance(reference, str) and document.target(reference, tokens) is None:
                address = document.absolute(reference, tokens).partition("#")[0]
                is_missing = _HOST in address and document.target(address) is None  # not a wrong pointer into it
                contents = _published(address) if is_missing else None
                if contents is not None and _is_readable(named_draft(address), document):
                    yield address, {**contents, document.naming: address}


def _is_readable(theirs: int | None, document: Document) -> bool:
    """Whether a metaschema of a draft means the same as a part of the document."""
    if theirs == _RECURSIVE:
        return isinstance(document.root, dict) and document.root.get("$recursiveAnchor") is True
    return theirs == document.number or (theirs is not None and _OLD_WORDS < theirs < document.number)


def _published(address: str) -> Any:
    """What is published at an address; None where that is no metaschema."""
    from jsonschema_specifications import REGISTRY  # noqa: PLC0415 - comes with jsonschema, and reads all of them

    plain = address.replace("https://", "http://", 1)  # which earlier drafts are named by, and some write otherwise
    for uri in (address, f"{address}#", plain, f"{plain}#"):
        if uri in REGISTRY:
            return REGISTRY[uri].contents
    return None
