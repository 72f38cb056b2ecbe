"""Objects of the API as tables: which members they have, of which type, and how a refusal of one reads.

The provider checks each object by its type, as pydantic does: what is missing, what is of another type or out of its
bounds, and at last what it does not know. One table row per member says it all; the rules only name the tables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from haiku_contract.rules.view import breach, is_integer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from haiku_contract.rules.view import Breach, Path

MISSING: Final = "Field required"
EXTRA: Final = "Extra inputs are not permitted"
NO_OBJECT: Final = "Input should be an object"

_SHORT: Final = 40


class Member(NamedTuple):
    """One member of an object.

    Attributes:
        kind: its JSON type, `content` for a string or an array; empty where nothing is checked.
        needed: whether it may not be missing.
        null: whether it may be null.
        least: the least length of a string, or the least integer.
        most: the greatest length of a string.
        above: what an integer has to be greater than.
        pattern: the regular expression that a string has to match as a whole; empty for none.
        values: the only strings that it may be, in the order in which a refusal lists them.
    """

    kind: str = ""
    needed: bool = False
    null: bool = False
    least: int | None = None
    most: int | None = None
    above: int | None = None
    pattern: str = ""
    values: tuple[str, ...] = ()


Members: TypeAlias = "Mapping[str, Member]"


class Place(NamedTuple):
    """An object that a table speaks of: where it stands, how the provider writes that place, its value, the table."""

    path: Path
    at: str
    value: dict[str, Any]
    members: Members


def wrong(place: Place) -> Iterator[Breach]:
    """Members that are missing, of another type, or out of their bounds."""
    for key, member in place.members.items():
        at = f"{place.at}.{key}"
        if key in place.value:
            if found := reason(place.value[key], member):
                yield breach((*place.path, key), at=at, reason=found)
        elif member.needed:
            yield breach(place.path, at=at, reason=MISSING)


def unknown(place: Place) -> Iterator[Breach]:
    """Members that the object does not have; its type is one that each has."""
    for key in place.value:
        if key != "type" and key not in place.members:
            yield breach((*place.path, key), at=f"{place.at}.{key}", reason=EXTRA)


def reason(value: Any, member: Member) -> str:
    """What the provider says of a value in the place of a member; empty when nothing."""
    if not member.kind or (value is None and member.null):
        return ""
    if member.values:
        fits = isinstance(value, str) and value in member.values
        return "" if fits else f"Input should be {_either(member.values)}"
    fits_kind, words = _KINDS[member.kind]
    return _bounds(value, member) if fits_kind(value) else words


def tag_reason(tag: Any, known: tuple[str, ...]) -> str:
    """What the provider says of a type that it does not know."""
    tags = ", ".join(repr(one) for one in known)
    return f"Input tag {short(tag)!r} found using 'type' does not match any of the expected tags: {tags}"


def short(value: Any) -> str:
    """A value as a refusal may quote it: not longer than what is readable in one line."""
    text = value if isinstance(value, str) else type(value).__name__
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def _bounds(value: Any, member: Member) -> str:
    if isinstance(value, str):
        if member.least is not None and len(value) < member.least:
            return f"String should have at least {_characters(member.least)}"
        if member.most is not None and len(value) > member.most:
            return f"String should have at most {_characters(member.most)}"
        if member.pattern and not re.fullmatch(member.pattern, value):
            return f"String should match pattern '{member.pattern}'"
    elif member.above is not None and is_integer(value) and value <= member.above:
        return f"Input should be greater than {member.above}"
    return ""


def _characters(count: int) -> str:
    return f"{count} character{'' if count == 1 else 's'}"


def _either(values: tuple[str, ...]) -> str:
    *first, last = (repr(one) for one in values)
    return f"{', '.join(first)} or {last}" if first else last


_KINDS: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "string": (lambda value: isinstance(value, str), "Input should be a valid string"),
    "integer": (is_integer, "Input should be a valid integer"),
    "boolean": (lambda value: isinstance(value, bool), "Input should be a valid boolean"),
    "array": (lambda value: isinstance(value, list), "Input should be a valid array"),
    "object": (lambda value: isinstance(value, dict), NO_OBJECT),
    "content": (lambda value: isinstance(value, (str, list)), "Input should be a valid array"),
}
"""By kind: what fits it, and what a refusal says of what does not."""
