"""The optional properties of one object: which combinations of them are still to be shown, and in which row next."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer
from haiku_contract.generate.branches import hold
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.features import presence_at
from haiku_contract.generate.goals import Goal
from haiku_contract.generate.packing import Draft, Packable, at, edited, packable
from haiku_contract.generate.presence import (
    Literals,
    Presence,
    by_the_book,
    least_rows,
    literal,
)
from haiku_contract.generate.routes import routes
from haiku_contract.model import ABSENT
from haiku_contract.schemas import REFERENCES, Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.generate.features import Feature
    from haiku_contract.generate.goals import Path, Step
    from haiku_contract.generate.routes import Route
    from haiku_contract.validation import SchemaValidator

_MOST_OTHERS: Final = 100  # payloads of other properties that one is taken out of
_MOST_TRIED: Final = 1_500  # combinations of one object that are tried alone, where the object does not allow all
_FEW: Final = 8  # ways to show one that are tried


class Needs(NamedTuple):
    """What the rows to come have to make room for.

    Attributes:
        values: how many values wait for each property, or for a place below it.
        rows: how many rows there have to be at least.
    """

    values: Sequence[int]
    rows: int


class Options:
    """The optional properties of one object.

    Attributes:
        path: where the object is.
        payload: the simplest payload with such an object.
        there: for each property, that it is present.
        gone: for each property, that it is absent.
        presence: what is still to be shown of their combinations.
        most: how many of them can be present at once, as far as the object says so.
        array: the array that it is an element of, at any place; None where its place is its own.
        most_absent: how many of them can be absent at once.
        impossible: how many combinations no payload shows.
        never: those, or single literals that none shows.
    """

    def __init__(
        self,
        path: Path,
        payload: Any,
        factors: Sequence[tuple[Packable, Packable]],
        strength: int,
        *,
        follows: bool,
        most: tuple[float, float] = (math.inf, math.inf),
    ) -> None:
        """Args: place; the simplest payload with it; its properties; how many are combined, can be there, or not."""
        self.path = path
        self.payload = payload
        self.there = tuple(there for there, _ in factors)
        self.gone = tuple(gone for _, gone in factors)
        self.asked = min(strength, len(factors))
        self.presence = Presence(len(factors), strength)
        self.wanted = self.presence.left
        self.impossible = 0
        self.most, self.most_absent = (int(max(min(one, len(factors)), 1)) for one in most)
        self.array = self.there[0].array
        self._follows = follows or self.array is not None
        self._suggested: list[tuple[bool, ...]] | None = None
        self._full: Any = ABSENT
        self._tried = 0
        self._made = 0
        self._insists = False
        self._shown: dict[int, Any] = {}
        self.never: set[frozenset[int]] = set()
        self._rows: list[set[int]] = []

    @property
    def untried(self) -> int:
        """How many combinations are neither shown nor known to be impossible."""
        left: int = self.presence.left
        return left

    @property
    def label(self) -> str:
        """The object, for people."""
        return pointer.join(self.path) or "/"

    def items(self, row: Sequence[int]) -> list[Packable]:
        """The literals of a row as what can be packed; absences first."""
        ordered = sorted(row, key=lambda one: one & 1)
        return [(self.there if one & 1 else self.gone)[one >> 1] for one in ordered]

    def fits(self, validator: SchemaValidator, payload: Any) -> bool:
        """Whether the object, with one of its properties, has a place in a payload."""
        return any(
            self._shows(validator, payload, self.there[factor : factor + 1]) for factor in range(len(self.there[:_FEW]))
        )

    def applies(self, validator: SchemaValidator, payload: Any) -> bool:
        """Whether a payload has the object, and in it the branches hold of which the properties are."""
        found, branches = at(payload, self.path), self.there[0].branches
        return isinstance(found, dict) and hold(solver_of(validator), branches, payload)

    def row_of(self, validator: SchemaValidator, payload: Any) -> list[int] | None:
        """What a payload shows of the properties; None where it has not the object."""
        return self._literals(payload) if self.applies(validator, payload) else None

    def note(self, validator: SchemaValidator, payload: Any) -> int:
        """Note what a payload shows; how many combinations it is the first to show."""
        row = self.row_of(validator, payload)
        if row is None:
            return 0
        shown = self.presence.show(row)
        wrong = {one for one in self.never if one.issubset(row)}
        self.never -= wrong
        self.impossible -= sum(len(one) == self.presence.strength for one in wrong)
        self._made += 1
        if shown:
            self._insists = False
            self._shown |= dict.fromkeys(row, payload)
        return shown

    def row(self, validator: SchemaValidator, base: Any, needs: Needs) -> tuple[list[int], list[int]] | None:
        """The next row: the literals to begin with, which show something new, and all; None when nothing is left."""
        suggested = self._suggestion(validator, base, needs.values)
        seed: list[int] | None = []
        if suggested is None and (self._insists or not any(needs.values)):
            seed = self._seed(validator, base)
            if seed is None:
                return None
        fixed = {one >> 1: bool(one & 1) for one in seed or ()}
        absences = self.presence.absences()
        tight = [
            factor for factor, values in enumerate(needs.values) if values and values + absences[factor] >= needs.rows
        ]
        spared = next((factor for factor in tight if absences[factor] and self._made), None)
        for factor in tight if suggested is None or any(suggested) else ():
            fixed.setdefault(factor, factor != spared)
        if suggested is not None and (self._follows or not any(suggested)):
            return [], [literal(factor, present=one) for factor, one in enumerate(suggested)]
        order = sorted(range(len(self.there)), key=lambda factor: -needs.values[factor])
        room = self._room(validator, base)
        if room < len(self.there):
            return seed or [], self.presence.crowded(fixed, order, room)
        return seed or [], self.presence.row(fixed, order)

    def _suggestion(self, validator: SchemaValidator, base: Any, values: Sequence[int]) -> tuple[bool, ...] | None:
        """What is present in the next row by the book: of those that are left the one that shows most."""
        if 2 * self._room(validator, base) < len(self.there):
            self._suggested = []
        if self._suggested is None:
            self._suggested = by_the_book(values if self._follows else [0] * len(values), self.presence.strength)
        if not (left := self._suggested):
            return None
        return left.pop(max(range(len(left)), key=lambda at: self._gain(left[at])))

    def _gain(self, row: Sequence[bool]) -> int:
        return self.presence.gain([literal(factor, present=present) for factor, present in enumerate(row)])

    def least(self) -> int:
        """How many more rows there have to be at least."""
        return max(least_rows(len(self.there), self.presence.strength) - self._made, 1) if self.presence.left else 0

    def insist(self) -> bool:
        """From now on only what is known to be possible is of use; whether that is new, and anything is left."""
        news = not self._insists and self.presence.left > 0
        self._insists = True
        self._suggested = []
        return news

    def shown(self, validator: SchemaValidator, payload: Any) -> list[Packable]:
        """What a payload shows of the single properties."""
        if not self.applies(validator, payload):
            return []
        return [
            gone if at(payload, there.edits[0][0]) is ABSENT else there
            for there, gone in zip(self.there, self.gone, strict=True)
        ]

    def _seed(self, validator: SchemaValidator, base: Any) -> list[int] | None:
        """The literals of a combination that is still to be shown and can be; perhaps with all others of a row."""
        while (found := self.presence.first_open()) is not None:
            if self._tried >= _MOST_TRIED:
                return None
            self._tried += 1
            items = self.items(found)
            if any(self._shows(validator, payload, items) for payload in (base, self.payload)):
                return list(found)
            ways = [self._shown[one] for one in found if one in self._shown]
            ways += [*(item.payload for item in items), self._fullest(validator, base)]
            ways += [
                there.payload for there, row in zip(self.there, self._own_rows(), strict=True) if row.issuperset(found)
            ]
            for payload in ways:
                draft = Draft(validator, payload)
                if not draft.add(items):
                    return self._filled(draft, found)
            lone = [
                one for one in found if not any(self._shows(validator, way, self.items([one])) for way in (base, *ways))
            ]
            self._exclude(tuple(lone[:1]) or found)
        return None

    def _filled(self, draft: Draft, found: Literals) -> list[int]:
        """What a payload shows that shows a combination, and with it as much as goes in of what is to be shown."""
        wanted = self.items(self.presence.row({one >> 1: bool(one & 1) for one in found}, range(len(self.there))))
        for is_loose in (False, True):
            draft.add(draft.add([item for item in wanted if item.loose is is_loose]))
        return self._literals(draft.payload)

    def _fullest(self, validator: SchemaValidator, base: Any) -> Any:
        """A payload with as many of the properties as go together."""
        if self._full is ABSENT:
            draft = Draft(validator, base)
            draft.add(draft.add(self.there))
            self._full = draft.payload
        return self._full

    def _room(self, validator: SchemaValidator, base: Any) -> int:
        """How many of the properties go together; in an element of an array, which is made by itself, perhaps all."""
        if self.array is not None:
            return len(self.there)
        return sum(one & 1 for one in self._literals(self._fullest(validator, base)))

    def _literals(self, payload: Any) -> list[int]:
        """What a payload with the object shows of its properties."""
        paths = (there.edits[0][0] for there in self.there)
        return [literal(factor, present=at(payload, path) is not ABSENT) for factor, path in enumerate(paths)]

    def _own_rows(self) -> list[set[int]]:
        """What the simplest payloads of the properties show."""
        if not self._rows:
            self._rows = [set(self._literals(there.payload)) for there in self.there]
        return self._rows

    def _exclude(self, literals: tuple[int, ...]) -> None:
        self.impossible += self.presence.exclude(literals)
        self.never.add(frozenset(literals))

    @staticmethod
    def _shows(validator: SchemaValidator, payload: Any, items: Sequence[Packable]) -> bool:
        return not Draft(validator, payload).add(items)


def options_of(validator: SchemaValidator, strength: int, *, follows: bool) -> list[Options]:
    """The objects of a schema that have optional properties, outermost first."""
    found: list[Options] = []
    known = {one.id: one for one in validator.constraints}
    base = solver_of(validator).simplest()
    for ways, most in _optional(validator):
        listed = [list(presence_at(validator, here, route, known)) for here, route in ways]
        seen = [shown for shown in listed if shown and shown[0].loose]
        others = [shown[0].payload for shown in seen]
        pairs = [pair for shown in seen if (pair := _pair(validator, shown, base, others)) is not None]
        if pairs:
            path = pairs[0][0].edits[0][0][:-1]
            alike = [pair for pair in pairs if pair[0].edits[0][0][:-1] == path]
            found.append(Options(path, pairs[0][0].payload, alike, strength, follows=follows, most=most))
    return sorted(found, key=lambda one: len(one.path))


def _optional(validator: SchemaValidator) -> list[tuple[list[tuple[str, Route]], tuple[float, float]]]:
    """The optional properties of a schema, those of one object together; how many can be there, and missing."""
    ways = routes(solver_of(validator).document.root)
    places = {route.steps: route for route in ways.values()}
    found: dict[tuple[Step, ...], list[tuple[str, Route]]] = {}
    most: dict[tuple[Step, ...], tuple[float, float]] = {}
    for here, route in ways.items():
        if not route.steps or route.steps[-1].keyword != "properties":
            continue
        parent = places.get(route.steps[:-1])
        schema = parent.schema if parent is not None and isinstance(parent.schema, dict) else {}
        if parent is not None and route.steps[-1].key not in schema.get("required", ()):
            value = tuple(step for step in parent.steps if step.keyword not in {"allOf", *REFERENCES})
            found.setdefault(value, []).append((here, route))
            known, rooms = most.get(value, (math.inf, math.inf)), _rooms(schema)
            most[value] = min(known[0], rooms[0]), min(known[1], rooms[1])
    return [(ways, most[value]) for value, ways in found.items()]


def _rooms(schema: dict[str, Any]) -> tuple[float, float]:
    """How many optional properties can be there at most, and how many can be missing."""
    there = schema.get("maxProperties", math.inf) - len(set(schema.get("required", ())))
    is_closed = schema.get("additionalProperties") is False and not schema.get("patternProperties")
    fewest = schema.get("minProperties", 0) if is_closed else 0
    return there, len(schema.get("properties", ())) - fewest if fewest else math.inf


def _pair(
    validator: SchemaValidator, shown: Sequence[Feature], base: Any, others: Sequence[Any]
) -> tuple[Packable, Packable] | None:
    """That a property is there, and that it is not; None where it always is.

    Where it cannot be taken out of the payload that shows it, there may be another payload to take it out of.
    """
    there, path = packable(shown[0], base), shown[0].path
    if len(shown) > 1:
        return there, packable(shown[1], base)
    name = f"{there.name.removesuffix('present')}absent"
    gone = there._replace(name=name, edits=((path, ABSENT),), loose=False)
    for payload in (base, *others[:_MOST_OTHERS]):
        if isinstance(at(payload, path[:-1]), dict):
            without = edited(payload, ((path, ABSENT),))
            if validator.settled(without) and hold(solver_of(validator), there.branches, without):
                return there, gone._replace(payload=without)
    payload = solved(validator, [gone])
    if payload is None or not hold(solver_of(validator), there.branches, payload):
        return None
    return there, gone._replace(payload=payload, array=None)


def solved(validator: SchemaValidator, items: Sequence[Packable]) -> Any:
    """A payload in which some properties of the root are present or absent; None where the search finds none."""
    paths = [item.edits[0][0] for item in items]
    if any(len(path) > 1 for path in paths):
        return None
    present = [path[0] for item, path in zip(items, paths, strict=True) if item.loose]
    absent = [path[0] for item, path in zip(items, paths, strict=True) if not item.loose]
    solver = solver_of(validator)
    refused = [Goal(Words({"not": {"required": [name]}})) for name in absent]
    found = solver.some((Goal(solver.document.root), Goal(Words({"required": present})), *refused), 1)
    return found[0] if found and validator.settled(found[0]) else None
