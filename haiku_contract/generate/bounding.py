"""The lower bound: how many payloads it takes at least to show what a covering suite shows.

The places of a schema are a tree. What is wanted of a place comes in payloads of its own where no payload can have two
of it: values of one place; branches of a union that exclude each other; a property absent, and anything at it or below.
Of what can be shown in one payload, as different properties are, the most demanding part counts.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import wire
from haiku_contract.generate.branches import Elements, holds
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.otherwise import LITTLE_WORK
from haiku_contract.generate.presence import least_crowded_rows, least_rows, least_rows_with
from haiku_contract.generate.solver import Solver
from haiku_contract.model import ABSENT
from haiku_contract.schemas import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from haiku_contract.generate.branches import Branch, Branches
    from haiku_contract.generate.goals import Path
    from haiku_contract.generate.options import Options
    from haiku_contract.generate.packing import Packable
    from haiku_contract.validation import SchemaValidator

_MOST_PROOFS: Final = 300  # pairs of branches of which it is asked whether they exclude each other
_MOST_STARTS: Final = 16  # literals that are tried as the first of those that exclude each other
_PAIR: Final = 2


class _Group(NamedTuple):
    """Some branches of a union, none of which holds at once with one of another group."""

    union: int
    number: int
    branches: Branches


class _Place:
    """What is wanted of one place, or of it in some branches.

    Attributes:
        own: the values that are to stand there, by how they are written.
        below: the places inside: under keys, at positions, and `None` for any element of an array.
        unions: for each union at the place, what is wanted in its branches; those of two groups exclude each other.
        options: the objects with optional properties that are at the place.
        most: how many elements the array at the place has at most, where that is known.
        is_wanted: whether something has to be shown there, whatever it is.
    """

    def __init__(self) -> None:
        self.own: dict[bytes, Any] = {}
        self.below: dict[str | int | None, _Place] = {}
        self.unions: dict[int, dict[int, tuple[_Group, _Place]]] = {}
        self.options: list[Options] = []
        self.most: int | None = 0
        self.is_wanted = False

    def inside(self, steps: Iterable[str | int | Elements | _Group]) -> _Place:
        """The place at the end of a way; what is on it is made where it is missing."""
        place = self
        for step in steps:
            if isinstance(step, _Group):
                place = place.unions.setdefault(step.union, {}).setdefault(step.number, (step, _Place()))[1]
            elif isinstance(step, Elements):
                known = place.most, step.most
                place.most = None if None in known else max(one for one in known if one is not None)
                place = place.below.setdefault(None, _Place())
            else:
                place = place.below.setdefault(step, _Place())
        return place


class _Groups:
    """The branches of unions, those together of which two may hold at once."""

    def __init__(self, validator: SchemaValidator, found: Iterable[Branch]) -> None:
        self._probe = Solver(solver_of(validator).document, work=LITTLE_WORK)
        self._proofs = 0
        unions: dict[int, dict[int, Branch]] = {}
        for one in found:
            if one.fork is not None:
                unions.setdefault(one.fork.union, {})[one.fork.branch] = one
        self._known = {union: self._grouped(union, branches.values()) for union, branches in unions.items()}

    def of(self, branch: Branch) -> _Group | None:
        """The group of a branch; None where there is only one."""
        found = self._known.get(branch.fork.union, []) if branch.fork is not None else []
        if len(found) < _PAIR:
            return None
        return next(one for one in found if any(branch.fork == other.fork for other in one.branches))

    def _grouped(self, union: int, branches: Iterable[Branch]) -> list[_Group]:
        groups: list[list[Branch]] = []
        for branch in branches:
            near = [one for one in groups if any(not self._are_apart(branch, other) for other in one)]
            groups = [one for one in groups if one not in near]
            groups.append([branch, *chain(*near)])
        return [_Group(union, number, tuple(one)) for number, one in enumerate(groups)]

    def _are_apart(self, one: Branch, other: Branch) -> bool:
        """Whether two branches of a union never hold at once."""
        if one.fork is not None and one.fork.is_exclusive:
            return True
        self._proofs += 1
        return self._proofs <= _MOST_PROOFS and bool(self._probe.excluded(Words(allOf=[one.schema, other.schema]), ()))


def lower_bound(validator: SchemaValidator, shown: Sequence[Packable], objects: Sequence[Options]) -> int:
    """No suite has fewer payloads that shows all this.

    Args:
        validator: the schema.
        shown: the features.
        objects: those of which combinations of optional properties are shown, all that are possible.
    """
    groups = _Groups(validator, chain.from_iterable(one.branches for one in shown))
    root = _Place()
    for item in shown:
        for path, value in item.edits if not item.is_row else ():
            place = root.inside(_way(item, path, groups))
            if item.loose:
                place.is_wanted = True
            elif value is not ABSENT:
                place.own[wire.encode(value)] = value
    for one in objects:
        there = one.there[0]
        *steps, _ = _way(there, there.edits[0][0], groups)
        root.inside(steps).options.append(one)
    return max(_Count(solver_of(validator)).further(root, ()), 1)


def _way(item: Packable, path: Path, groups: _Groups) -> Iterator[str | int | Elements | _Group]:
    anywhere = {one.depth: one for one in item.elements}
    for depth in range(len(path) + 1):
        yield from filter(None, (groups.of(one) for one in item.branches if len(one.path) == depth))
        if depth < len(path):
            yield anywhere.get(depth, path[depth])


class _Count:
    """How many payloads, or elements, it takes to show what is wanted of places."""

    def __init__(self, solver: Solver) -> None:
        self._solver = solver
        self._alone = cache(lambda place: self.further(place, ()))
        self._absences = cache(_absences)

    def further(self, place: _Place, given: Sequence[Any]) -> int:
        """How many it takes besides some of which it is known what stands at the place: different things."""
        seen = {wire.encode(value) for value in given} if place.own else set()
        own = [value for written, value in place.own.items() if written not in seen]
        there = [*given, *own]
        parts = [sum(self._in(*one, there) for one in union.values()) for union in place.unions.values()]
        parts += [self._below(place, token, there) for token in place.below]
        parts += [self._of_options(place, one, there) for one in place.options]
        return len(own) + max(int(place.is_wanted and not there), *parts, 0)

    def _in(self, group: _Group, inner: _Place, there: Sequence[Any]) -> int:
        held = [value for value in there if any(holds(self._solver, one, value) for one in group.branches)]
        return self.further(inner, held)

    def _below(self, place: _Place, token: str | int | None, there: Sequence[Any]) -> int:
        inner = place.below[token]
        kind = dict if isinstance(token, str) else list
        whole = [one for one in there if isinstance(one, kind)]
        if token is None:
            elements = self.further(inner, [element for one in whole for element in one])
            return -(-elements // (place.most or max(elements, 1)))
        held = [at for one in whole if (at := _child(one, token)) is not ABSENT]
        absences = max((self._absences(one).get(token, 0) for one in place.options), default=0)
        return self.further(inner, held) + max(absences - (len(whole) - len(held)), 0)

    def _of_options(self, place: _Place, one: Options, there: Sequence[Any]) -> int:
        """The rows that an object has, without those that are known."""
        keys = [there.edits[0][0][-1] for there in one.there]
        values = [self._alone(place.below[key]) if key in place.below else 0 for key in keys]
        return max(_rows(one, values) - sum(isinstance(one, dict) for one in there), 0)


def _child(whole: Any, token: str | int) -> Any:
    if isinstance(token, int):
        return whole[token] if token < len(whole) else ABSENT
    return whole.get(token, ABSENT)


# -- the rows of an object ---------------------------------------------------------------------------------------------


def _absences(one: Options) -> dict[str | int | None, int]:
    """In how many rows each property has to be absent."""
    return {there.edits[0][0][-1]: _least_with(one, 2 * factor) for factor, there in enumerate(one.there)}


def _least_with(one: Options, literal: int) -> int:
    """How many rows show a literal, at least."""
    count, strength = len(one.there), one.presence.strength
    if frozenset((literal,)) in one.never:
        return 0
    if not one.never and not one.untried:
        return least_rows(count - 1, strength - 1)
    both_ways = strength == _PAIR and not one.untried
    others = (2 * factor for factor in range(count) if factor != literal >> 1)
    free = (other for other in others if not _excluded(one, literal, other) and not _excluded(one, literal, other + 1))
    return 2 if both_ways and next(free, None) is not None else 1


def _excluded(one: Options, *literals: int) -> bool:
    """Whether no row shows two literals together."""
    return any(frozenset(some) in one.never for some in (literals, literals[:1], literals[1:]))


def _rows(one: Options, values: Sequence[int]) -> int:
    """How many rows show everything that is possible of an object, at least.

    Args:
        one: the object.
        values: in how many rows each property has to be present.
    """
    least = max(_apart(one, values), _with_room(one, values))
    if one.untried:
        return least
    free: list[int] = []
    for factor in range(len(one.there)):
        if not any(some <= {2 * other + bit for other in (*free, factor) for bit in (0, 1)} for some in one.never):
            free.append(factor)
    return max(least, least_rows_with([values[factor] for factor in free], one.presence.strength), _least_crowded(one))


def _apart(one: Options, values: Sequence[int]) -> int:
    """The rows for literals of which no two are shown together."""
    worth = {2 * factor: _least_with(one, 2 * factor) for factor in range(len(values))}
    worth |= {2 * f + 1: max(value, _least_with(one, 2 * f + 1)) for f, value in enumerate(values)}
    order = sorted(worth, key=lambda literal: (-worth[literal], literal & 1 == 0))
    return max(_together(one, worth, [start, *order]) for start in order[:_MOST_STARTS])


def _together(one: Options, worth: Mapping[int, int], order: Sequence[int]) -> int:
    """What literals are worth of which no two are shown together, chosen one after the other."""
    chosen: list[int] = []
    for literal in order:
        if all(literal ^ other == 1 or (literal != other and _excluded(one, literal, other)) for other in chosen):
            chosen.append(literal)
    return sum(worth[literal] for literal in chosen)


def _with_room(one: Options, values: Sequence[int]) -> int:
    """The rows that have room for the values of all properties."""
    there = [max(value, 1) for factor, value in enumerate(values) if frozenset((2 * factor + 1,)) not in one.never]
    return -(-sum(there) // one.most)


def _least_crowded(one: Options) -> int:
    """No fewer rows have properties present together, or absent together, as many as the object has room for."""
    found = 1
    for bit, room in ((1, one.most), (0, one.most_absent)):
        strength = min(one.presence.strength, room)
        never = [some for some in one.never if len(some) <= strength or not all(literal & 1 == bit for literal in some)]
        if never and strength < one.presence.strength:
            continue  # what else the object refuses may be that very many are there, or are not
        free = sum(not any(2 * factor + bit in some for some in never) for factor in range(len(one.there)))
        found = max(found, least_crowded_rows(free, strength, room))
    return found
