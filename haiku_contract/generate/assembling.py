"""From features to packed payloads, one after the other: each takes in what is most wanted of what is left.

In every payload the optional properties come first, as a row that shows many combinations of presence and absence, and
then the values, those first for whose place most are waiting. A place for which as many values are waiting as payloads
have to follow anyway gets one in each of them.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract.generate.branches import Fork, forked
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.features import features, shuffled
from haiku_contract.generate.options import Needs, Options, options_of
from haiku_contract.generate.packing import Draft, Packable, at, packable, same

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from haiku_contract.generate.branches import Way
    from haiku_contract.validation import SchemaValidator

_AHEAD: Final = 4_000  # features that are known before a payload is made of them


class Manner(NamedTuple):
    """How payloads are made.

    Attributes:
        follows: whether the rows of optional properties are those of the book, or each the one that gains most.
        rows_first: whether all rows of an object come before the values that are left, or after them.
    """

    follows: bool
    rows_first: bool


MANNERS: Final = (
    Manner(follows=True, rows_first=True),
    Manner(follows=False, rows_first=False),
    Manner(follows=False, rows_first=True),
    Manner(follows=True, rows_first=False),
)
"""Which one makes the fewest payloads depends on the schema; the first one mostly does."""


class Assembled(NamedTuple):
    """A packed payload.

    Attributes:
        payload: conforms.
        features: what it shows on purpose.
        new: the names of the features that it is the first to show.
        combinations: how many combinations of optional properties it is the first to show.
    """

    payload: Any
    features: tuple[Packable, ...]
    new: tuple[str, ...]
    combinations: int


class Assembly:
    """The packing of one schema.

    Attributes:
        options: its objects with optional properties, those in elements of arrays apart.
        elements: those in elements of arrays.
        known: the features that it came across so far.
        waiting: those of them that no payload shows yet.
    """

    def __init__(self, validator: SchemaValidator, strength: int, seed: int, manner: Manner = MANNERS[0]) -> None:
        """Args: the schema; how many properties are combined; the order of features; how payloads are made."""
        self._validator = validator
        self._base = solver_of(validator).simplest()
        self._seed = seed
        self._manner = manner
        found = options_of(validator, strength, follows=manner.follows)
        self.elements = [one for one in found if one.array is not None]
        self.options = [one for one in found if one.array is None]
        self._literals = {item.name: item for one in self.options for item in (*one.there, *one.gone)}
        self._ways: dict[str, tuple[Way, ...]] = {}
        self._fitting: set[str] = set()
        self.known: list[Packable] = list(self._literals.values())
        self.waiting: list[Packable] = []
        self._stranded: list[Packable] = []
        self._stream = chain(self._rows_of_elements(), self._values())

    def payloads(self) -> Iterator[Assembled]:
        """The payloads, those that show most first, until nothing is left that one could show."""
        self._refill()
        first = self._assembled(self._base)
        yield first
        yield from self._from(self._base)
        for rows in (self._manner.rows_first, not self._manner.rows_first):
            self._unstrand()
            yield from self._rows_left() if rows else self._values_left()
        while self._literals:
            name, item = next(iter(self._literals.items()))
            made = self._assembled(item.payload, item)
            self._literals.pop(name, None)
            yield made

    def _rows_left(self) -> Iterator[Assembled]:
        for one in self.options:
            if one.presence.left:
                self._unstrand()
                yield from self._from(one.payload)

    def _values_left(self) -> Iterator[Assembled]:
        while self.waiting or self._refill():
            yield self._assembled(self.waiting[0].payload, self.waiting[0])

    def _from(self, base: Any) -> Iterator[Assembled]:
        """Payloads on top of one, as long as they show something new."""
        while True:
            self._refill()
            before = sum(one.presence.left for one in self.options)
            made = self._assembled(base)
            if made.new or made.combinations:
                yield made
            elif before == sum(one.presence.left for one in self.options) and not any(self._insisted(base)):
                return

    def _insisted(self, base: Any) -> list[bool]:
        return [one.insist() for one in self.options if one.fits(self._validator, base)]

    def is_small(self) -> bool:
        """Whether everything that is to be shown is known at once."""
        self._refill()
        return len(self.waiting) < _AHEAD

    def _refill(self) -> bool:
        """Come to know features, as far ahead as is needed; whether any are waiting."""
        news = islice(self._stream, max(_AHEAD - len(self.waiting), 0))
        more = list(shuffled(news, self._seed, lambda item: item.name))
        self.known += more
        self.waiting += more
        return bool(self.waiting)

    # -- one payload --------------------------------------------------------------------------------------------------

    def _assembled(self, base: Any, seed: Packable | None = None) -> Assembled:
        draft = Draft(self._validator, base)
        if seed is not None:
            draft.begin_with(seed)
        needs = self._needs()
        late: list[Packable] = []
        for one in self.options:
            late += self._row(draft, one, needs, late)
        loose = [item for item in self.waiting if item.loose and item is not seed]
        helped = [item for item in self._stranded if any(draft.is_shown(path) for path, _ in item.edits)]
        firm = [item for item in (*self.waiting, *helped) if not item.loose and item is not seed]
        firm.sort(key=lambda item: -self._urgency(item, needs) if not _is_whole(item, draft.payload) else 1)
        draft.add(firm)
        draft.add(draft.add([*late, *loose]))
        if seed is None:
            self._strand(base, draft.unfit)
        return self._noted(draft)

    def _row(self, draft: Draft, one: Options, needs: Mapping[Way, int], late: Sequence[Packable]) -> list[Packable]:
        """Put the next row of an object in, as far as something has to be absent; what has to be present."""
        ways = [self._ways_of(there)[0] for there in one.there]
        if draft.is_taken(one.path) or not one.presence.left:
            return []
        draft.add([item for item in late if item.edits[0][0] == one.path[: len(item.edits[0][0])]])
        wanted = Needs([needs.get(way, 0) for way in ways], needs.get(ways[0][:-1], 0))
        found = one.row(self._validator, draft.payload, wanted) if self._fits(draft, one) else None
        if found is None:
            return []
        draft.hold(one.path)
        first, row = found
        draft.add(one.items(first))
        items = one.items(row)
        draft.add(draft.add([item for item in items if not item.loose]))
        return [item for item in items if item.loose]

    def _fits(self, draft: Draft, one: Options) -> bool:
        return one.fits(self._validator, draft.payload)

    def _strand(self, base: Any, unfit: Iterable[Packable]) -> None:
        """Put aside what does not go with the simplest payload, whatever else is in it."""
        doubtful = [item for item in unfit if item.name not in self._fitting]
        lost = {item.name for item in doubtful if Draft(self._validator, base).add([item])}
        self._fitting.update(item.name for item in doubtful)
        self._stranded += [item for item in self.waiting if item.name in lost]
        self.waiting = [item for item in self.waiting if item.name not in lost]

    def _unstrand(self) -> None:
        self.waiting += self._stranded
        self._stranded = []
        self._fitting = set()

    def _noted(self, draft: Draft) -> Assembled:
        combinations = sum(one.note(self._validator, draft.payload) for one in self.options)
        shown = {item.name for item in draft.shown}
        undone = [*self.waiting, *self._stranded]
        shown |= {item.name for item in undone if _is_whole(item, draft.payload) and draft.is_in_branch(item)}
        literals = {item.name for one in self.options for item in one.shown(self._validator, draft.payload)}
        new = sorted(literals & self._literals.keys())
        for name in new:
            del self._literals[name]
        new += [item.name for item in undone if item.name in shown]
        self.waiting = [item for item in self.waiting if item.name not in shown]
        self._stranded = [item for item in self._stranded if item.name not in shown]
        unique = {item.name: item for item in draft.shown}
        return Assembled(draft.payload, tuple(unique.values()), tuple(new), combinations)

    def _needs(self) -> Counter[Way]:
        """For every place, how many payloads have to follow at least in which something stands there."""
        firm = [item for item in self.waiting if not item.loose]
        own: Counter[Way] = Counter(way for item in firm if item.array is None for way in self._ways_of(item))
        own.update({way for item in firm if item.array is not None for way in self._ways_of(item)})
        absences: Counter[Way] = Counter()
        least: Counter[Way] = Counter()
        for one in self.options:
            if one.presence.left:
                ways = [self._ways_of(there)[0] for there in one.there]
                least[ways[0][:-1]] = one.least()
                absences |= dict(zip(ways, one.presence.absences(), strict=True))
        return demand(own, absences, least)

    def _urgency(self, item: Packable, needs: Mapping[Way, int]) -> float:
        """How many payloads its place is needed in; elements, which come in crowds, are before whole arrays."""
        return max(needs[way] for way in self._ways_of(item)) + (0.5 if item.array is not None else 0)

    def _ways_of(self, item: Packable) -> tuple[Way, ...]:
        """The places of an item, or the array that it is an element of."""
        if item.name not in self._ways:
            paths = [path for path, _ in item.edits] if item.array is None else [item.array]
            self._ways[item.name] = tuple(forked(path, item.branches) for path in paths)
        return self._ways[item.name]

    # -- what is to be shown ------------------------------------------------------------------------------------------

    def _rows_of_elements(self) -> Iterator[Packable]:
        """For objects in elements of arrays, a row each: an array holds them all."""
        for one in self.elements:
            number = 0
            while (row := one.row(self._validator, one.payload, Needs([0] * len(one.there), 0))) is not None:
                draft = Draft(self._validator, one.payload, grows=False)
                for literals in row:
                    draft.add(draft.add(one.items(literals)))
                if one.note(self._validator, draft.payload):
                    number += 1
                    edits = tuple((there.edits[0][0], at(draft.payload, there.edits[0][0])) for there in one.there)
                    name = f"{one.label}/combination-{number}"
                    branches = one.there[0].branches
                    yield Packable(name, None, draft.payload, edits, array=one.array, branches=branches, is_row=True)

    def _values(self) -> Iterator[Packable]:
        settled = {item.name for one in self.options for item in (*one.there, *one.gone)}
        seen: set[str] = set()
        for one in features(self._validator):
            if one.name not in settled and one.name not in seen:
                seen.add(one.name)
                yield packable(one, self._base)


def _is_whole(item: Packable, payload: Any) -> bool:
    """Whether an item is the whole of an object or array that the payload has as well."""
    path, value = item.edits[0]
    return (
        isinstance(value, (dict, list))
        and len(item.edits) == 1
        and item.array is None
        and same(at(payload, path), value)
    )


def demand(own: Mapping[Way, int], further: Mapping[Way, int], least: Mapping[Way, int]) -> Counter[Way]:
    """For every place, how many payloads it takes to have so many values there and below, one after the other.

    Args:
        own: how many values each place is to have.
        further: in how many payloads there has to be nothing at a place.
        least: how many it takes at least to have the object at a place in all its forms.

    Each branch of a union is taken to need payloads of its own.
    """
    places = {path[:length] for path in (*own, *further, *least) for length in range(len(path) + 1)}
    below: Counter[Way] = Counter()
    total: Counter[Way] = Counter()
    for path in sorted(places, key=len, reverse=True):
        total[path] = max(own.get(path, 0) + below[path], least.get(path, 0))
        if path:
            parent, count = path[:-1], total[path] + further.get(path, 0)
            below[parent] = below[parent] + count if isinstance(path[-1], Fork) else max(below[parent], count)
    return total
