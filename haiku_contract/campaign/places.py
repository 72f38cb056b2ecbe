"""Where one payload differs from another: what a request that fails shows, beside one that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haiku_contract import pointer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.generate.goals import Path


def changed(payload: Any, simplest: Any) -> frozenset[str]:
    """The places of a payload whose values the simplest one has not, as pointers; elements of arrays are all `*`."""
    return frozenset(pointer.join(path) for path in _changes(payload, simplest, ()))


def within(places: frozenset[str], others: frozenset[str]) -> bool:
    """Whether each of some places is among others, or holds one of them, or is in one of them."""
    return all(any(_hold(place, other) or _hold(other, place) for other in others) for place in places)


def _hold(outer: str, inner: str) -> bool:
    return f"{inner}/".startswith(f"{outer}/")


def reverted(payload: Any, simplest: Any, places: frozenset[str]) -> Any:
    """The payload without what it shows at places: their members at the top are those of the simplest one."""
    if not isinstance(payload, dict) or not isinstance(simplest, dict):
        return simplest
    tops = {pointer.split(place)[0] for place in places if place}
    kept = {key: value for key, value in payload.items() if key not in tops}
    return {**{key: value for key, value in simplest.items() if key in tops or key not in kept}, **kept}


def _changes(value: Any, other: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, dict) and isinstance(other, dict):
        yield from ((*path, key) for key in other if key not in value)
        for key, member in value.items():
            yield from _changes(member, other[key], (*path, key)) if key in other else _leaves(member, (*path, key))
    elif isinstance(value, list) and isinstance(other, list):
        if len(value) != len(other):
            yield (*path, "*")
        for number, item in enumerate(value):
            like = other[min(number, len(other) - 1)] if other else None
            yield from _changes(item, like, (*path, "*")) if other else _leaves(item, (*path, "*"))
    elif value != other or type(value) is not type(other):
        yield from _leaves(value, path)


def _leaves(value: Any, path: Path) -> Iterator[Path]:
    members = (
        value.items() if isinstance(value, dict) else [("*", item) for item in value] if isinstance(value, list) else ()
    )
    if not members:
        yield path
    for key, member in members:
        yield from _leaves(member, (*path, key))
