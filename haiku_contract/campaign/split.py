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
        tried, held = _likely_half(left)
        if (yield tried):
            if len(held) in {1, len(left)} and any(left[number].features == tried for number in held):
                return tried
            left = [left[number] for number in sorted(held)] if len(held) < len(left) else []
        else:
            left = [one for number, one in enumerate(left) if number not in held]
    return ()


def _likely_half(explanations: Sequence[Explanation]) -> tuple[Features, set[int]]:
    """The features of the likeliest explanations that are as likely, as nearly as can be, as the others, and which.

    They never show all explanations where there are several: then the answer would tell nothing.
    """
    half = sum(one.weight for one in explanations) / 2
    order = sorted(range(len(explanations)), key=lambda number: -explanations[number].weight)
    least = min(
        order, key=lambda number: (len(explanations[number].features), not explanations[number].features[0].loose)
    )
    alone = _Trial(explanations)
    alone.put(explanations[least].features)
    best, off = (tuple(alone.tried.values()), set(alone.held)), half
    trial = _Trial(explanations)
    for number in order:
        likely = explanations[number].features
        if any(_clash(one, other) for one in likely for other in trial.tried.values()):
            continue
        trial.put(likely)
        if len(trial.held) < len(explanations) and abs(trial.weight - half) < off:
            best, off = (tuple(trial.tried.values()), set(trial.held)), abs(trial.weight - half)
        if trial.weight >= half:
            break
    return best


class _Trial:
    """Features in the making of a set, and which explanations that shows, without counting anew each time."""

    def __init__(self, explanations: Sequence[Explanation]) -> None:
        self.tried: dict[str, Packable] = {}
        self.held: set[int] = set()
        self.weight = 0.0
        self._explanations = explanations
        self._missing = [len(one.features) for one in explanations]
        self._with: dict[str, list[int]] = {}
        self._loose: dict[tuple[str, ...], set[str]] = {}
        self._shown: set[str] = set()
        for number, one in enumerate(explanations):
            for each in one.features:
                self._with.setdefault(each.name, []).append(number)
                if each.loose:
                    self._loose.setdefault(names(each.edits[0][0]), set()).add(each.name)

    def put(self, several: Features) -> None:
        """Add features; what they put somewhere shows that something stands there and around it."""
        for one in several:
            self.tried.setdefault(one.name, one)
            shown = {one.name}
            for way in (names(path) for path, value in one.edits if value is not ABSENT):
                shown |= set().union(*(self._loose.get(way[:length], ()) for length in range(len(way) + 1)))
            for name in shown - self._shown:
                self._shown.add(name)
                for number in self._with.get(name, ()):
                    self._missing[number] -= 1
                    if not self._missing[number]:
                        self.held.add(number)
                        self.weight += self._explanations[number].weight


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
