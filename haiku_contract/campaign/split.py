"""Which feature of a packed request is to blame: delta debugging over features, a pure search.

The features are lined up by suspicion. The shortest run of them from the front that still fails ends in one that is
needed to make it fail; bisection finds it in as many requests as the number of features has binary digits. When that
one does not fail alone, the search goes on among those before it with the needed one always present: what fails only
together comes out as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from haiku_contract import wire
from haiku_contract.generate.packing import at, same
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from haiku_contract.generate.packing import Packable

Features: TypeAlias = "tuple[Packable, ...]"
Search: TypeAlias = "Generator[Features, bool, Features]"

MOST_TOGETHER: Final = 3


def guilty(suspects: Sequence[Packable], suspicious: int) -> Search:
    """The smallest set of features that fails; yields the sets to be tried, and takes whether each fails.

    Args:
        suspects: all the features of what failed, the most suspicious first.
        suspicious: how many of them are more suspicious than the rest.

    Returns:
        The features that fail together; nothing when more than `MOST_TOGETHER` are needed, or none fails again.
    """
    needed: Features = ()
    pool = tuple(suspects)
    first = suspicious
    while pool and len(needed) < MOST_TOGETHER:
        low, high = 0, len(pool)  # the first `high` fail together with what is needed, the first `low` do not
        guess = first if 0 < first < high else high // 2
        while high - low > 1:
            if (yield (*pool[:guess], *needed)):
                high = guess
                if (high, needed) == (1, ()):
                    return pool[:1]
            else:
                low = guess
            guess = (low + high) // 2
        needed, pool, first = (pool[high - 1], *needed), pool[: high - 1], 0
        if (yield needed):
            return needed
    return ()


def lined_up(features: Sequence[Packable], payload: Any, named: Sequence[str | int] | None) -> tuple[Features, int]:
    """The features of a payload by suspicion, and how many of them are at the place that a rejection names.

    What is about a constraint comes before combinations, the simple before the deep, so that the simplest of those that
    fail is found; what is the same payload under two names is taken once.
    """
    different: dict[bytes, Packable] = {}
    for one in sorted(features, key=_plainness):
        different.setdefault(wire.encode(one.payload), one)
    blamed = [one for one in different.values() if named is not None and is_at(one, payload, named)]
    rest = [one for one in different.values() if one not in blamed]
    return (*blamed, *rest), len(blamed)


def _plainness(feature: Packable) -> tuple[bool, int, int]:
    deepest = max((len(path) for path, _ in feature.edits), default=0)
    return feature.constraint is None, deepest, len(wire.encode(feature.payload))


def related(feature: Packable, guilty: Packable) -> bool:
    """Whether a feature has nothing more to tell once another is known to be guilty.

    It is about the same constraint, or a combination with what stands at the guilty place, around it or inside it.
    """
    if feature.constraint is not None:
        return feature.constraint == guilty.constraint
    return is_there(feature, guilty)


def is_there(feature: Packable, other: Packable) -> bool:
    """Whether two features are at one place, or one around the other."""
    ways = [(_names(path), _names(there)) for path, _ in feature.edits for there, _ in other.edits]
    return any(one[: len(two)] == two[: len(one)] for one, two in ways)


def _names(path: Sequence[str | int]) -> tuple[str, ...]:
    """A place without the positions of elements."""
    return tuple("*" if isinstance(token, int) else token for token in path)


def is_at(feature: Packable, payload: Any, named: Sequence[str | int]) -> bool:
    """Whether a feature that a payload shows is at a place, inside it or around it."""
    return any(_meets(path, feature, payload, named) for path, _ in feature.edits)


def _meets(path: Sequence[str | int], feature: Packable, payload: Any, named: Sequence[str | int]) -> bool:
    for depth, (token, other) in enumerate(zip(path, named, strict=False)):
        if isinstance(token, int):  # an element stands elsewhere in the packed payload than in the simplest one
            mine = at(feature.payload, tuple(path[: depth + 1]))
            there = at(payload, (*path[:depth], int(other))) if str(other).isdecimal() else ABSENT
            return same(mine, there)
        if token != str(other):
            return False
    return True
