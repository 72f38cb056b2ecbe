"""Which feature of a packed request is to blame: two pure searches over features.

Where it is known how likely each explanation is, every question halves what is left (`narrowed`). Where none of them is
right, delta debugging goes on: the features are lined up by suspicion; the shortest run of them from the front that
still fails ends in one that is needed to make it fail, and bisection finds it in as many requests as the number of
features has binary digits. When that one does not fail alone, the search goes on among those before it with the needed
one always present: what fails only together comes out as a whole.
"""

from __future__ import annotations

from itertools import combinations, takewhile
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from haiku_contract import wire
from haiku_contract.generate.packing import at, same
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from haiku_contract.generate.packing import Packable

Features: TypeAlias = "tuple[Packable, ...]"
Search: TypeAlias = "Generator[Features, bool, Features]"

MOST_TOGETHER: Final = 3


class Explanation(NamedTuple):
    """What may be why a request fails.

    Attributes:
        features: what fails together.
        weight: how likely that is, beside the other explanations.
    """

    features: Features
    weight: float

    @property
    def names(self) -> frozenset[str]:
        """The features by name."""
        return frozenset(one.name for one in self.features)


def narrowed(explanations: Sequence[Explanation]) -> Search:
    """The explanation that is right; yields the sets to be tried, each about as likely to fail as not.

    Args:
        explanations: what may be right, each with how likely it is.

    Returns:
        The features that failed with nothing beside them; nothing where no explanation is right.
    """
    left = list(explanations)
    while left:
        tried = _likely_half(left)
        held = _held(tried, left)
        if (yield tried):
            if len(held) in {1, len(left)} and any(one.features == tried for one in held):
                return tried
            left = held if len(held) < len(left) else []
        else:
            left = [one for one in left if one not in held]
    return ()


def _likely_half(explanations: Sequence[Explanation]) -> Features:
    """The features of the likeliest explanations that are as likely, as nearly as can be, as the others.

    They never show all explanations where there are several: then the answer would tell nothing.
    """
    half = sum(one.weight for one in explanations) / 2
    least = min(explanations, key=lambda one: len(_held(one.features, explanations)))
    tried: Features = ()
    best, off = least.features, half
    for likely in sorted(explanations, key=lambda one: -one.weight):
        if any(_clash(one, other) for one in likely.features for other in tried):
            continue
        tried = tuple({one.name: one for one in (*tried, *likely.features)}.values())
        held = _held(tried, explanations)
        mass = sum(one.weight for one in held)
        if len(held) < len(explanations) and abs(mass - half) < off:
            best, off = tried, abs(mass - half)
    return best


def _held(tried: Features, explanations: Sequence[Explanation]) -> list[Explanation]:
    shown = _shown(tried, explanations)
    return [one for one in explanations if one.names <= shown]


def _shown(tried: Features, explanations: Sequence[Explanation]) -> set[str]:
    """The names of features that are tried, and of those that something stands where one of them puts something."""
    there = {names(path) for one in tried for path, value in one.edits if value is not ABSENT}
    loose = {each.name: each for one in explanations for each in one.features if each.loose}
    ways = {way[:length] for way in there for length in range(len(way) + 1)}
    return {one.name for one in tried} | {name for name, one in loose.items() if names(one.edits[0][0]) in ways}


def _clash(one: Packable, other: Packable) -> bool:
    """Whether two features want different things at one place, or inside it."""
    if one.loose or other.loose or (one.array is not None and one.array == other.array):
        return False
    for path, value in one.edits:
        for there, wanted in other.edits:
            length = min(len(path), len(there))
            if path[:length] == there[:length] and not (path == there and same(value, wanted)):
                return True
    return False


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
    ways = [(names(path), names(there)) for path, _ in feature.edits for there, _ in other.edits]
    return any(one[: len(two)] == two[: len(one)] for one, two in ways)


def common(several: Sequence[Packable]) -> list[tuple[str, ...]]:
    """The places that hold two features about different constraints, each as near to both as can be."""
    found = []
    for one, other in combinations(several, 2):
        if one.edits and other.edits and one.constraint != other.constraint:
            ways = zip(names(one.edits[0][0]), names(other.edits[0][0]), strict=False)
            found.append(tuple(token for token, _ in takewhile(lambda pair: pair[0] == pair[1], ways)))
    return found


def is_below(feature: Packable, way: tuple[str, ...]) -> bool:
    """Whether a feature is at a place or inside it."""
    return any(names(path)[: len(way)] == way for path, _ in feature.edits)


def names(path: Sequence[str | int]) -> tuple[str, ...]:
    """A place without the positions of elements, each a `*`."""
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
