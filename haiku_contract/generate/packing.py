"""Packing: features of conforming payloads put together in one, as long as it conforms.

A feature is known by its edits: the places that make it and what stands at each. Two go together when they do not want
different things at one place; an element of an array is a place of its own, so arrays take in many at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from haiku_contract import pointer, wire
from haiku_contract.errors import UsageError
from haiku_contract.model import ABSENT, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from haiku_contract.generate.goals import Path
    from haiku_contract.validation import SchemaValidator


class Packable(NamedTuple):
    """A feature, or a combination of present and absent properties, that can be packed with others.

    Attributes:
        name: what it is called; of a feature the id of its case without the side.
        constraint: id of the constraint that it is about; None for a combination.
        payload: the simplest payload that shows it alone.
        edits: the places that make it, and the value at each, or `ABSENT`.
    """

    name: str
    constraint: str | None
    payload: Any
    edits: tuple[tuple[Path, Any], ...]


def smallest(path: Path, value: Any, there: Any) -> Iterator[tuple[Path, Any]]:
    """An edit, or only the keys that it adds to an object that is there anyway."""
    grows = isinstance(value, dict) and isinstance(there, dict) and value.keys() > there.keys()
    if grows and all(same(value[name], there[name]) for name in there):
        yield from (((*path, name), one) for name, one in value.items() if name not in there)
    else:
        yield path, value


def pack(validator: SchemaValidator, base: Any, items: Sequence[Packable]) -> tuple[Any, tuple[Packable, ...]]:
    """One payload that shows as many of the items as fit together, and those items."""
    payload = base
    taken: dict[Path, Any] = {}
    grown: set[Path] = set()
    shown: list[Packable] = []
    for item in items:
        if all(same(taken.get(path, value), value) for path, value in item.edits) and _is_shown(payload, item, taken):
            shown.append(item)
            continue
        if _is_taken(item, taken) or any(array[: len(path)] == path for array in grown for path, _ in item.edits):
            continue
        merged = _merged(payload, item)
        fits = merged is not ABSENT and validator.settled(merged)
        if fits or not shown:  # what does not go with the simplest payload has one of its own
            payload = merged if fits else item.payload
            shown.append(item)
            if repeats(item):
                grown.add(_array(item.edits[0][0]))
            else:
                taken |= dict(item.edits)
    return payload, tuple(shown)


def repeats(item: Packable) -> bool:
    """Whether the item stands in an element of an array, of which there may be any number."""
    return any(isinstance(token, int) for path, _ in item.edits for token in path)


def _array(path: Path) -> Path:
    """The outermost array on the way."""
    return path[: next(index for index, token in enumerate(path) if isinstance(token, int))]


def _is_shown(payload: Any, item: Packable, taken: Mapping[Path, Any]) -> bool:
    """Whether a payload shows an item already, by what was put into it on purpose."""
    return not repeats(item) and all(path in taken and same(at(payload, path), value) for path, value in item.edits)


def _is_taken(item: Packable, taken: Mapping[Path, Any]) -> bool:
    """Whether something else was put on purpose where the item would go, above or below it."""
    if repeats(item):
        return any(path == edit[: len(path)] for path in taken for edit, _ in item.edits)
    for edit, value in item.edits:
        for path, other in taken.items():
            shorter = min(len(path), len(edit))
            if path[:shorter] == edit[:shorter] and not (path == edit and same(value, other)):
                return True
    return False


def _merged(payload: Any, item: Packable) -> Any:
    """The payload with an item in it; `ABSENT` where it has no place for it."""
    if not repeats(item):
        return edited(payload, item.edits, donor=item.payload)
    where = _array(item.edits[0][0])
    elements, array = at(item.payload, where), at(payload, where)
    index = item.edits[0][0][len(where)]
    grown = [*array, elements[index]] if isinstance(array, list) and index in range(len(elements)) else elements
    return edited(payload, ((where, grown),), donor=item.payload)


def edited(payload: Any, edits: Sequence[tuple[Path, Any]], donor: Any = ABSENT) -> Any:
    """The payload with values set or taken away; what stands between is taken from a donor where it is missing."""
    for path, value in edits:
        for depth in range(1, len(path)):
            if at(payload, path[:depth]) is ABSENT and donor is not ABSENT:
                payload = edited(payload, ((path[:depth], at(donor, path[:depth])),))
        there = at(payload, path)
        if value is ABSENT and there is ABSENT:
            continue
        changed: Literal["add", "replace"] = "add" if path and there is ABSENT else "replace"
        try:
            payload = pointer.apply(Fault("remove" if value is ABSENT else changed, pointer.join(path), value), payload)
        except UsageError:
            return ABSENT
    return payload


def at(payload: Any, path: Path) -> Any:
    """What stands at a path; `ABSENT` where nothing does."""
    try:
        return pointer.get(payload, path)
    except (KeyError, IndexError, ValueError):
        return ABSENT


def same(one: Any, other: Any) -> bool:
    """Whether two values are written alike: 1 and 1.0 are two boundary values."""
    return one is other or (ABSENT not in (one, other) and wire.encode(one) == wire.encode(other))
