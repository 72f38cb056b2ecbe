"""Covering arrays of presence: few rows in which any few properties are present and absent in all ways.

A *literal* is one property present or absent, as a number: twice the property's place in the list, plus one when it is
present. A *combination* is as many literals of different properties as the strength says. What is still to be shown is
kept in bits, so that thousands of properties can be paired.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations, count, islice, product
from math import comb
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Literals: TypeAlias = tuple[int, ...]

_MOST_KEYS: Final = 200_000  # how many sets of literals are kept, one less in each than in a combination
_TURNED: Final = tuple(one == "+" for one in "++-+++---+-")
_HEAVY: Final = 8  # how much more a combination with a literal that is seldom possible weighs


def literal(factor: int, *, present: bool) -> int:
    """The literal of a property, by its place in the list."""
    return 2 * factor + present


def least_rows(factors: int, strength: int) -> int:
    """No fewer rows show all combinations of so many properties.

    For two at a time this is exact (Kleitman and Spencer 1973, Katona 1973). For more, half of the rows have the first
    property present and half of them absent, and each half shows all combinations of the others of one less.
    """
    strength = min(strength, factors)
    if strength <= 0:
        return 1
    if strength == 1:
        return 2
    if strength > 2:  # noqa: PLR2004 - the case above
        return 2 * least_rows(factors - 1, strength - 1)
    return next(rows for rows in count(4) if comb(rows - 1, -(-rows // 2)) >= factors)


def least_crowded_rows(factors: int, strength: int, room: int) -> int:
    """No fewer rows have any few properties present together, where not more than some can be present in one.

    Whoever has one property present has room for one less of the others beside it (Schönheim 1964).
    """
    strength = min(strength, room)
    if strength <= 0 or factors < strength:
        return 1
    return -(-factors * least_crowded_rows(factors - 1, strength - 1, room - 1) // room)


def least_rows_with(values: Sequence[int], strength: int) -> int:
    """No fewer rows show all combinations of properties that have to be present in so many rows each.

    The rows in which one is absent are a set; of two such sets none holds the other, and they have a row in common. Of
    those that are no larger than half of the rows there are few (Bollobás 1973).
    """
    rows = max(least_rows(len(values), strength), *(value + 1 for value in values))
    while strength > 1 and len(values) > 1 and not _have_place(values, rows):
        rows += 1
    return rows


def _have_place(values: Sequence[int], rows: int) -> bool:
    """Whether not too many properties have to be absent in few rows; of so many rows all but one are like any other."""
    absences = Counter(rows - value for value in values if 2 * value >= rows)
    if min(absences, default=2) < 2:  # noqa: PLR2004 - absent with another one that is, and with one that is not
        return False
    return sum(Fraction(count, comb(rows - 1, size - 1)) for size, count in absences.items()) <= 1


def smallest_pairing(factors: int) -> list[tuple[bool, ...]]:
    """The fewest rows that show any two properties in all four ways: which are present, row by row."""
    return small_pairing([0] * factors)


def small_pairing(values: Sequence[int]) -> list[tuple[bool, ...]]:
    """Few rows that show any two properties in all four ways, in so many of which each is present, at least.

    Each property is present in another choice of more than half of the rows but one: no choice holds another one, and
    any two have a row in common; in the row that is left nothing is present.
    """
    total = least_rows_with(values, 2)
    while (present := _chosen(values, total - 1)) is None:
        total += 1
    rows = [tuple(row in chosen for chosen in present) for row in range(total - 1)]
    return [*rows[:1], (False,) * len(values), *rows[1:]]


def _chosen(values: Sequence[int], rows: int) -> list[frozenset[int]] | None:
    """For each property the rows in which it is present; None where there are too few.

    Those that have to be present most choose first; whoever is left with too few choices of its size takes larger ones.
    """
    sizes = [max(value, -(-(rows + 1) // 2)) for value in values]
    found: dict[int, frozenset[int]] = {}
    for size in sorted(set(sizes), reverse=True):
        factors = [factor for factor, one in enumerate(sizes) if one == size]
        for larger in range(size, rows + 1):
            choices = map(frozenset, combinations(range(rows), larger))
            free = (one for one in choices if not any(one <= other or other <= one for other in found.values()))
            chosen = list(islice(free, len(factors)))
            if len(chosen) == len(factors):
                break
        else:
            return None
        found |= zip(factors, chosen, strict=True)
    return [found[factor] for factor in range(len(values))]


def small_tripling(factors: int) -> list[tuple[bool, ...]]:
    """Few rows that show any three properties in all eight ways: which are present, row by row.

    Of four, the fourth is present where an odd number of the others is. Of up to eleven, one row is turned round and
    round, and nothing is present in a further one (Plackett and Burman 1946). Of more, a half is put beside itself in
    the rows for that half, and beside its opposite in the rows that show any two of it (Roux 1987).
    """
    nothing = (False,) * factors
    if factors <= 4:  # noqa: PLR2004 - see above
        four = [(*row, sum(row) % 2 == 1) for row in product((True, False), repeat=3)]
        return list(dict.fromkeys(row[:factors] for row in four))
    if factors <= len(_TURNED):
        turned = [(*_TURNED[start:], *_TURNED[:start])[:factors] for start in range(len(_TURNED))]
        return [*turned[:1], nothing, *turned[1:]]
    half = -(-factors // 2)
    alike = [(*row, *row)[:factors] for row in small_tripling(half)]
    opposite = [(*row, *(not one for one in row))[:factors] for row in smallest_pairing(half)]
    rows = list(dict.fromkeys((*alike, *opposite)))
    return [*rows[:1], nothing, *(row for row in rows[1:] if row != nothing)]


def by_the_book(values: Sequence[int], strength: int) -> list[tuple[bool, ...]]:
    """Few rows that show all combinations; none for strengths for which they are made one by one.

    Args:
        values: in how many rows each property has to be present, where there are rows enough.
        strength: how many properties are combined.
    """
    if strength <= 2:  # noqa: PLR2004 - pairs
        return small_pairing(values)
    return small_tripling(len(values)) if strength == 3 else []  # noqa: PLR2004 - three at a time


class Presence:
    """What is still to be shown of the combinations of some properties."""

    def __init__(self, factors: int, strength: int) -> None:
        """Args: how many properties there are, and how many are combined at most."""
        self.factors = factors
        self.strength = min(strength, factors)
        while self.strength > 2 and comb(factors, self.strength - 1) * 2 ** (self.strength - 1) > _MOST_KEYS:  # noqa: PLR2004 - pairs are always affordable
            self.strength -= 1
        everything = (1 << 2 * factors) - 1
        self._open: dict[Literals, int] = {}
        for chosen in combinations(range(factors), self.strength - 1):
            others = everything
            for factor in chosen:
                others &= ~(3 << 2 * factor)
            for present in product((0, 1), repeat=len(chosen)):
                self._open[tuple(2 * factor + one for factor, one in zip(chosen, present, strict=True))] = others
        self.left = comb(factors, self.strength) * 2**self.strength
        self._used = [0] * (2 * factors)

    def show(self, row: Iterable[int]) -> int:
        """Note what a row shows; how many combinations it is the first to show."""
        literals = sorted(row)
        for one in literals:
            self._used[one] += 1
        return self._close(literals)

    def gain(self, row: Iterable[int]) -> int:
        """How many combinations a row would be the first to show."""
        literals = sorted(row)
        bits = _bits(literals)
        found = sum((self._open[key] & bits).bit_count() for key in combinations(literals, self.strength - 1))
        return found // self.strength

    def exclude(self, combination: Literals) -> int:
        """Note that a combination, or all with one literal, cannot be shown; how many those are."""
        if len(combination) == self.strength:
            return self._close(sorted(combination))
        (one,) = combination
        closed = 0
        for key, others in list(self._open.items()):
            found = others if one in key else others & 1 << one
            closed += found.bit_count()
            self._open[key] ^= found
        self.left -= closed // self.strength
        return closed // self.strength

    def _close(self, literals: Sequence[int]) -> int:
        bits = _bits(literals)
        closed = 0
        for key in combinations(literals, self.strength - 1):
            found = self._open[key] & bits
            if found:
                closed += found.bit_count()
                self._open[key] ^= found
        self.left -= closed // self.strength
        return closed // self.strength

    def first_open(self) -> Literals | None:
        """A combination that is still to be shown."""
        for key, others in self._open.items():
            if others:
                return tuple(sorted((*key, (others & -others).bit_length() - 1)))
        return None

    def absences(self) -> list[int]:
        """In how many more rows each property has to be absent, at least."""
        if self.strength == 2:  # noqa: PLR2004 - pairs
            return [self._absences(self._open[2 * factor,]) for factor in range(self.factors)]
        bits = 0
        for others in self._open.values():
            bits |= others
        return [bits >> 2 * factor & 1 for factor in range(self.factors)]

    def _absences(self, others: int) -> int:
        absent = ((1 << 2 * self.factors) - 1) // 3
        return 2 if others >> 1 & others & absent else int(others != 0)

    def row(self, fixed: Mapping[int, bool], order: Iterable[int]) -> list[int]:
        """A row that shows much that is still to be shown, chosen literal by literal.

        Args:
            fixed: what is settled: whether a property is present.
            order: the properties in the order in which the others are chosen.
        """
        chosen = [literal(factor, present=present) for factor, present in fixed.items()]
        rare = _bits(one for one in chosen if not one & 1)
        bits = _bits(chosen)
        for factor in order:
            if factor in fixed:
                continue
            gains = [self._gain(2 * factor + bit, chosen, bits, rare) for bit in (0, 1)]
            if gains[0] == gains[1]:
                present = self._used[2 * factor + 1] <= self._used[2 * factor]
            else:
                present = gains[1] > gains[0]
            chosen.append(2 * factor + present)
            bits |= 1 << chosen[-1]
        return sorted(chosen)

    def crowded(self, fixed: Mapping[int, bool], order: Sequence[int], room: int) -> list[int]:
        """A row of which few properties can be present: those that together show most of what is still to be shown.

        Args:
            fixed: as for `row`.
            order: the properties, those first that are to be present where it makes no difference.
            room: how many can be present at most.
        """
        everywhere = ((1 << 2 * self.factors) - 1) // 3 << 1  # all literals of presence
        chosen = [literal(factor, present=True) for factor, present in fixed.items() if present]
        left = [factor for factor in order if factor not in fixed]
        while left and len(chosen) < room:
            bits = _bits(chosen)
            one = max(left, key=lambda factor: self._worth(2 * factor + 1, chosen, bits, everywhere))
            chosen.append(2 * one + 1)
            left.remove(one)
        return sorted((*chosen, *(2 * factor for factor in order if 2 * factor + 1 not in chosen)))

    def _worth(self, one: int, chosen: Sequence[int], bits: int, everywhere: int) -> tuple[int, int]:
        """What a present property shows with those that were chosen, and what it has still to show with others."""
        further = self._open[one,] & everywhere if self.strength == 2 else 0  # noqa: PLR2004 - pairs
        return self._gain(one, chosen, bits, 0), further.bit_count()

    def _gain(self, one: int, chosen: Sequence[int], bits: int, rare: int) -> int:
        if self.strength == 1:
            return self._open[()] >> one & 1
        gain = 0
        for others in combinations(chosen, self.strength - 2):
            found = self._open[tuple(sorted((*others, one)))] & bits
            gain += found.bit_count() + _HEAVY * (found & rare).bit_count()
        return gain


def _bits(literals: Iterable[int]) -> int:
    bits = 0
    for one in literals:
        bits |= 1 << one
    return bits
