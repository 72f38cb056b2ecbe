"""Packing: features of conforming payloads put together in one, as long as it conforms.

A feature is known by its edits: the places that make it and what stands at each. Two go together when they do not want
different things at one place; an element of an array is a place of its own, so arrays take in many at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from haiku_contract import pointer, wire
from haiku_contract.errors import UsageError
from haiku_contract.generate.branches import hold
from haiku_contract.generate.conforming import solver_of
from haiku_contract.model import ABSENT, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from haiku_contract.generate.branches import Branch, Branches, Elements
    from haiku_contract.generate.features import Feature
    from haiku_contract.generate.goals import Path
    from haiku_contract.validation import SchemaValidator


_PATIENCE: Final = 100  # how often something may turn out not to conform before the rest is left for another payload


class Packable(NamedTuple):
    """A feature, or what an element shows of some, that can be packed with others.

    Attributes:
        name: what it is called; of a feature the id of its case without the side.
        constraint: id of the constraint that it is about; None for one about the contract as a whole.
        payload: the simplest payload that shows it alone.
        edits: the places that make it, and the value at each, or `ABSENT`.
        loose: whether any other value shows it as well: that something stands there is the feature.
        array: the array that it is an element of, at any place; None where its place is its own.
        branches: those that hold in every payload that shows it.
        elements: the arrays on the way to its place of which any element will do.
        is_row: whether it stands for the combinations of properties that it shows, other rows could show as well.
    """

    name: str
    constraint: str | None
    payload: Any
    edits: tuple[tuple[Path, Any], ...]
    loose: bool = False
    array: Path | None = None
    branches: Branches = ()
    elements: tuple[Elements, ...] = ()
    is_row: bool = False


def packable(one: Feature, base: Any) -> Packable:
    """A feature as what can be packed, on top of the simplest payload."""
    edits = ((one.path, one.value),) if one.loose else tuple(smallest(one.path, one.value, at(base, one.path)))
    return Packable(one.name, one.constraint, one.payload, edits, one.loose, one.array, one.branches, one.elements)


class Draft:
    """One payload in the making: it conforms, and shows what was put into it.

    Attributes:
        payload: so far.
        shown: what it shows on purpose, in the order in which it came in.
        unfit: what found its place, but did not conform there.
    """

    def __init__(self, validator: SchemaValidator, payload: Any, *, grows: bool = True) -> None:
        """Args: the judge; what to begin with; whether an element of an array is a place of its own."""
        self.payload = payload
        self.shown: list[Packable] = []
        self.unfit: list[Packable] = []
        self._validator = validator
        self._grows = grows
        self._patience = _PATIENCE
        self._taken: dict[Path, Any] = {}
        self._above: set[Path] = set()
        self._branches: dict[tuple[Path, int, bool], Branch] = {}

    def add(self, items: Sequence[Packable]) -> list[Packable]:
        """Put in what goes in, together where that conforms and else one by one; what does not, comes back."""
        payload, taken, above = self.payload, self._taken.copy(), self._above.copy()
        branches = self._branches.copy()
        put: list[Packable] = []
        refused: list[Packable] = []
        for item in items:
            (put if self._put(item) else refused).append(item)
        if self.payload is payload or (self._conforms() and self._hold(self._branches.values())):
            self.shown += put
            return refused
        self.payload, self._taken, self._above, self._branches = payload, taken, above, branches
        self._patience -= 1
        if len(put) == 1:
            self.unfit += put
        if len(put) == 1 or self._patience < 0:
            return [*refused, *put]
        half = len(put) // 2
        return [*refused, *self.add(put[:half]), *self.add(put[half:])]

    def begin_with(self, item: Packable) -> None:
        """Begin with the payload of an item instead, because it does not go with any other."""
        self.payload = item.payload
        self.shown.append(item)
        self._take(item)
        self._branches.update(self._ways(item))

    def hold(self, path: Path) -> None:
        """Keep the object at a place: what it holds is settled one by one."""
        self._above.update(path[:length] for length in range(len(path) + 1))

    def is_taken(self, path: Path) -> bool:
        """Whether something was put on purpose at a place, or above it."""
        return any(path[:length] in self._taken for length in range(len(path) + 1))

    def is_in_branch(self, item: Packable) -> bool:
        """Whether the branches hold of which an item is."""
        return self._hold(self._ways(item).values())

    def is_shown(self, path: Path) -> bool:
        """Whether a property was put in on purpose, whatever its value, at a place or above it."""
        ways = {path[:length] for length in range(len(path) + 1)}
        return any(item.loose and item.edits[0][0] in ways for item in self.shown)

    def _put(self, item: Packable) -> bool:
        is_there = item.loose and all(at(self.payload, path) is not ABSENT for path, _ in item.edits)
        is_there = is_there and self._hold(item.branches)  # in an element of an array they need not be those it brings
        if not is_there and self._conflicts(item):
            return False
        merged = self.payload if is_there else self._merged(item)
        ways = self._ways(item)
        news = [one for key, one in ways.items() if key not in self._branches]
        if merged is ABSENT or not hold(solver_of(self._validator), news, merged):
            return False
        self.payload = merged
        self._branches |= ways
        if not item.loose:
            self._take(item)
        return True

    def _conforms(self) -> bool:
        """Whether the payload conforms to both engines; the slow one is not asked where the fast one refuses."""
        return self._validator.engine.is_valid(self.payload) and bool(self._validator.settled(self.payload))

    def _hold(self, branches: Iterable[Branch]) -> bool:
        return hold(solver_of(self._validator), branches, self.payload)

    def _ways(self, item: Packable) -> dict[tuple[Path, int, bool], Branch]:
        """The branches that have to hold for an item; those inside an element of an array come with it."""
        inside = len(item.array) if self._grows and item.array is not None else None
        return {
            (one.path, id(one.schema), one.holds): one
            for one in item.branches
            if inside is None or len(one.path) <= inside
        }

    def _conflicts(self, item: Packable) -> bool:
        """Whether something else was put on purpose where the item would go, above or below it."""
        for path, value in item.edits:
            if path in self._taken and item.array is None and same(self._taken[path], value):
                continue
            if self.is_taken(path) or (path in self._above and not (self._grows and item.array is not None)):
                return True
        return False

    def _take(self, item: Packable) -> None:
        if self._grows and item.array is not None:
            self.hold(item.array)
            return
        for path, value in item.edits:
            self._taken[path] = value
            self._above.update(path[:length] for length in range(len(path)))

    def _merged(self, item: Packable) -> Any:
        """The payload with an item in it; `ABSENT` where it has no place for it."""
        where = item.array
        if not self._grows or where is None:
            return edited(self.payload, item.edits, donor=item.payload)
        elements, array = at(item.payload, where), at(self.payload, where)
        index = item.edits[0][0][len(where)]
        is_long = isinstance(array, list) and isinstance(index, int) and index <= len(array) and index < len(elements)
        is_long = is_long and where in self._above  # else what stands there is of nobody, and takes room
        grown = [*array, elements[index]] if is_long else elements
        return edited(self.payload, ((where, grown),), donor=item.payload)


def smallest(path: Path, value: Any, there: Any) -> Iterator[tuple[Path, Any]]:
    """An edit, or only the keys that it adds to an object that is there anyway."""
    grows = isinstance(value, dict) and isinstance(there, dict) and value.keys() > there.keys()
    if grows and all(same(value[name], there[name]) for name in there):
        yield from (((*path, name), one) for name, one in value.items() if name not in there)
    else:
        yield path, value


def edited(payload: Any, edits: Sequence[tuple[Path, Any]], donor: Any = ABSENT) -> Any:
    """The payload with values set or taken away; what stands between is taken from a donor where it is missing.

    Returns:
        `ABSENT` where an edit has no place in the payload.
    """
    for path, value in edits:
        for depth in range(1, len(path)):
            if value is not ABSENT and at(payload, path[:depth]) is ABSENT and donor is not ABSENT:
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
    if one is other:
        return True
    return ABSENT not in (one, other) and bool(one == other) and wire.encode(one) == wire.encode(other)
