"""The optional properties of one object: which combinations of them are still to be shown, and in which row next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer
from haiku_contract.generate.branches import hold
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.features import presence_at
from haiku_contract.generate.goals import Goal
from haiku_contract.generate.packing import Draft, Packable, at, edited, packable
from haiku_contract.generate.presence import (
    Presence,
    by_the_book,
    least_crowded_rows,
    least_rows,
    literal,
)
from haiku_contract.generate.routes import routes
from haiku_contract.model import ABSENT
from haiku_contract.schemas import REFERENCES, Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
        impossible: how many combinations no payload shows.
    """

    def __init__(
        self,
        path: Path,
        payload: Any,
        factors: Sequence[tuple[Packable, Packable]],
        strength: int,
        *,
        follows: bool,
        most: int | None = None,
    ) -> None:
        """Args: where the object is, the simplest payload with it, its properties; how many are combined, and fit."""
        self.path = path
        self.payload = payload
        self.there = tuple(there for there, _ in factors)
        self.gone = tuple(gone for _, gone in factors)
        self.asked = min(strength, len(factors))
        self.presence = Presence(len(factors), strength)
        self.wanted = self.presence.left
        self.impossible = 0
        self.most = len(factors) if most is None else max(min(most, len(factors)), 1)
        self.array = self.there[0].array
        self._follows = follows or self.array is not None
        self._suggested: Iterator[tuple[bool, ...]] | None = None
        self._full: Any = ABSENT
        self._tried = 0
        self._made = 0
        self._insists = False
        self._shown: dict[int, Any] = {}
        self._never: set[frozenset[int]] = set()

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

    def note(self, validator: SchemaValidator, payload: Any) -> int:
        """Note what a payload shows; how many combinations it is the first to show."""
        if not self.applies(validator, payload):
            return 0
        row = self._literals(payload)
        shown = self.presence.show(row)
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
        """What is present in the next row by the book."""
        if 2 * self._room(validator, base) < len(self.there):
            self._suggested = iter(())
        if self._suggested is None:
            self._suggested = iter(by_the_book(values if self._follows else [0] * len(values), self.presence.strength))
        return next(self._suggested, None)

    def least(self) -> int:
        """How many more rows there have to be at least."""
        return max(least_rows(len(self.there), self.presence.strength) - self._made, 1) if self.presence.left else 0

    def insist(self) -> bool:
        """From now on only what is known to be possible is of use; whether that is new, and anything is left."""
        news = not self._insists and self.presence.left > 0
        self._insists = True
        self._suggested = iter(())
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
            for payload in ways:
                draft = Draft(validator, payload)
                if not draft.add(items):
                    return self._literals(draft.payload)
            lone = [
                one for one in found if not any(self._shows(validator, way, self.items([one])) for way in (base, *ways))
            ]
            self._exclude(tuple(lone[:1]) or found)
        return None

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

    def _exclude(self, literals: tuple[int, ...]) -> None:
        self.impossible += self.presence.exclude(literals)
        self._never.add(frozenset(literals))

    def least_ever(self) -> int:
        """No fewer payloads show all possible combinations, because of those properties that the object leaves free.

        And none shows two literals that exclude each other.
        """
        free: list[int] = []
        for factor in range(len(self.there)):
            if not any(one <= {2 * other + bit for other in (*free, factor) for bit in (0, 1)} for one in self._never):
                free.append(factor)
        alone: list[int] = []
        for one in (*range(1, 2 * len(self.there), 2), *range(0, 2 * len(self.there), 2)):
            if frozenset((one,)) not in self._never and all(frozenset((one, other)) in self._never for other in alone):
                alone.append(one)
        if self.untried:
            return len(alone)
        return max(least_rows(len(free), self.presence.strength), len(alone), self._least_crowded())

    def _least_crowded(self) -> int:
        """No fewer payloads show the properties present together, as many as the object has room for."""
        strength = min(self.presence.strength, self.most)
        never = [one for one in self._never if len(one) <= strength or not all(literal & 1 for literal in one)]
        if never and strength < self.presence.strength:
            return 1  # what else the object refuses may be that very many are present
        free = {factor for factor in range(len(self.there)) if not any(2 * factor + 1 in one for one in never)}
        return least_crowded_rows(len(free), strength, self.most)

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


def _optional(validator: SchemaValidator) -> list[tuple[list[tuple[str, Route]], int | None]]:
    """The optional properties of a schema, those of one object together, and how many it allows, where it says so."""
    ways = routes(solver_of(validator).document.root)
    places = {route.steps: route for route in ways.values()}
    found: dict[tuple[Step, ...], list[tuple[str, Route]]] = {}
    most: dict[tuple[Step, ...], int] = {}
    for here, route in ways.items():
        if not route.steps or route.steps[-1].keyword != "properties":
            continue
        parent = places.get(route.steps[:-1])
        needed = parent.schema.get("required", ()) if parent is not None and isinstance(parent.schema, dict) else ()
        if parent is not None and route.steps[-1].key not in needed:
            value = tuple(step for step in parent.steps if step.keyword not in {"allOf", *REFERENCES})
            found.setdefault(value, []).append((here, route))
            if isinstance(parent.schema, dict) and "maxProperties" in parent.schema:
                room = int(parent.schema["maxProperties"]) - len(set(needed))
                most[value] = min(room, most.get(value, room))
    return [(ways, most.get(value)) for value, ways in found.items()]


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
