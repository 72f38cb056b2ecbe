"""JSON Pointer (RFC 6901), the one-operation subset of JSON Patch (RFC 6902), and how a place is shown to people."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from haiku_contract.errors import UsageError
from haiku_contract.model import ABSENT, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*\Z")
_BAD_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"(?:0|[1-9][0-9]*)\Z")


def join(tokens: Iterable[str | int]) -> str:
    """The pointer made of reference tokens (RFC 6901 section 3), as in `/messages/0/role`."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)


def split(pointer: str) -> list[str]:
    """The reference tokens of a pointer (RFC 6901 section 4).

    Raises:
        UsageError: the text is not a pointer.
    """
    if not pointer:
        return []
    if not pointer.startswith("/"):
        raise UsageError(f"not a JSON Pointer: {pointer!r} does not start with '/'")
    if _BAD_ESCAPE.search(pointer):
        raise UsageError(f"not a JSON Pointer: {pointer!r} has a '~' that is neither '~0' nor '~1'")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


_READABLE = re.compile(
    r"""\[(\d+)\]|\[('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]|\.?([^\s.,;:\[\]'"]+)""",
)


def step(document: Any, token: str | int) -> Any:
    """The child that one reference token names.

    Raises:
        KeyError, IndexError, ValueError: there is none.
    """
    if isinstance(document, list):
        return document[_index(token)]
    if isinstance(document, dict):
        return document[str(token)]  # an engine may give a key of digits as a number
    raise KeyError(token)


def _index(token: str | int) -> int:
    """The array index that a token names: digits without a leading zero, never from the end (RFC 6901 section 4)."""
    if type(token) is int and token >= 0:  # a bool is none
        return token
    if not _INDEX.match(str(token)):
        raise ValueError(token)
    return int(token)


def get(document: Any, tokens: Iterable[str | int]) -> Any:
    """The value that the reference tokens name; raises as `step` does."""
    for token in tokens:
        document = step(document, token)
    return document


def readable(tokens: Sequence[str | int]) -> str:
    """The place in the notation of the endpoint's own messages, as in `messages[0].role`; `(root)` for the whole.

    In one line whatever the keys hold: those that are no plain names are quoted, and escaped where they do not show.
    """
    parts: list[str] = []
    for token in tokens:
        if isinstance(token, int):
            parts.append(f"[{token}]")
        elif _PLAIN_KEY.match(token):
            parts.append(f".{token}" if parts else token)
        else:
            parts.append(f"[{token!r}]")
    return "".join(parts) or "(root)"


def shown(place: str) -> str:
    """A pointer in that notation; tokens that look like positions are taken for such."""
    return readable([int(token) if token.isdecimal() else token for token in split(place)])


def read(text: str) -> list[str] | None:
    """The tokens of the place that a text begins with, in the notation of `readable`; None where it begins with none.

    Names may also be set apart by dots alone, as in `messages.0.role`.
    """
    if text.startswith("(root)"):
        return []
    tokens: list[str] = []
    at = 0
    while (match := _READABLE.match(text, at)) is not None:
        index, quoted, name = match.groups()
        tokens.append(ast.literal_eval(quoted) if quoted else index or name)
        at = match.end()
    return tokens or None


def apply(fault: Fault, document: Any) -> Any:
    """The document after one operation of RFC 6902; the document itself is not changed, untouched parts are shared.

    Raises:
        UsageError: the operation does not fit the document.
    """
    tokens = split(fault.path)
    try:
        return _edit(document, tokens, fault)
    except (KeyError, IndexError, ValueError):
        raise UsageError(f"cannot {fault.op} {fault.path!r}: there is no such place in the document") from None


def undone(fault: Fault, document: Any) -> Fault:
    """The operation that leads back to the document from what `apply` made of it."""
    *parents, last = split(fault.path) or [""]
    if not fault.path:
        return Fault("replace", "", document)
    parent = get(document, parents)
    if isinstance(parent, list) and fault.op == "add":
        return Fault("remove", join((*parents, len(parent) if last == "-" else last)))
    if isinstance(parent, dict) and last not in parent:
        return Fault("remove", fault.path)
    return Fault("add" if fault.op == "remove" else "replace", fault.path, step(parent, last))


def operation(fault: Fault) -> dict[str, Any]:
    """The operation as RFC 6902 writes it."""
    value = {} if fault.value is ABSENT else {"value": fault.value}
    return {"op": fault.op, "path": fault.path, **value}


def fresh(value: Any) -> Any:
    """A copy of a JSON value that shares nothing with it and in itself: a change of a part changes that part alone."""
    if isinstance(value, dict):
        return {key: fresh(child) for key, child in value.items()}
    return [fresh(child) for child in value] if isinstance(value, list) else value


def _edit(document: Any, tokens: list[str], fault: Fault) -> Any:
    if not tokens:
        return fault.value
    token, rest = tokens[0], tokens[1:]
    if rest:
        return _put(document, token, _edit(step(document, token), rest, fault))
    if fault.op == "add":
        return _add(document, token, fault.value)
    step(document, token)
    if fault.op == "replace":
        return _put(document, token, fault.value)
    if isinstance(document, list):
        return [child for index, child in enumerate(document) if index != _index(token)]
    return {key: child for key, child in document.items() if key != token}


def _put(document: Any, token: str, value: Any) -> Any:
    """A copy of the container with the child at an existing place replaced."""
    copy = document.copy()
    copy[_index(token) if isinstance(document, list) else token] = value
    return copy


def _add(document: Any, token: str, value: Any) -> Any:
    """RFC 6902 section 4.1: into an array before the index, which may be its length or `-`; into an object anywhere."""
    if isinstance(document, dict):
        return {**document, token: value}
    if not isinstance(document, list):
        raise KeyError(token)
    index = len(document) if token == "-" else _index(token)
    if index > len(document):
        raise IndexError(token)
    return [*document[:index], value, *document[index:]]
