"""What conforming payloads of a schema can show: presence and absence of properties, and boundary values."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from haiku_contract import pointer
from haiku_contract.errors import UsageError
from haiku_contract.generate import values
from haiku_contract.generate.branches import BRANCHING, branches, elements, hold
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.targets import ways_of
from haiku_contract.model import ABSENT, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from haiku_contract.generate.branches import Branches, Elements
    from haiku_contract.generate.goals import Path, Step
    from haiku_contract.generate.routes import Route
    from haiku_contract.model import Constraint
    from haiku_contract.validation import SchemaValidator

_One = TypeVar("_One")
_MOST_KEPT: Final = 10_000


class Feature(NamedTuple):
    """Something that a conforming payload shows.

    Attributes:
        name: as in case ids, without the side.
        constraint: id of the constraint that it is about; None for the contract as a whole.
        payload: the simplest payload that shows it.
        path: where.
        value: the value there; `ABSENT` where the feature is that nothing stands there.
        loose: whether any other value there shows it as well: the feature is that something stands there.
        branches: those on the way to the place, which hold in every payload that shows it.
        elements: the arrays on the way of which the place is any element.
    """

    name: str
    constraint: str | None
    payload: Any
    path: Path
    value: Any
    loose: bool = False
    branches: Branches = ()
    elements: tuple[Elements, ...] = ()

    @property
    def array(self) -> Path | None:
        """The outermost array on the way of which the place is any element; None where there is none."""
        return self.path[: self.elements[0].depth] if self.elements else None


def features(validator: SchemaValidator, seed: int = 0) -> Iterator[Feature]:
    """Everything that conforming payloads of a schema can show, each in the simplest payload that shows it.

    Args:
        validator: the schema.
        seed: the order of the places, as for `shuffled`.

    Yields:
        The first feature of every place, then the second of every place, and so on: any prefix shows as many places as
        it can.
    """
    known = {one.id: one for one in validator.constraints}
    ways = ways_of(validator)
    shown = {
        way.steps[:at] for way in ways.values() for at, step in enumerate(way.steps) if step.keyword == "properties"
    }
    places = shuffled(ways.items(), seed, lambda place: place[0])
    return in_turn(_of_place(validator, here, route, known, shown) for here, route in places)


def _of_place(
    validator: SchemaValidator, here: str, route: Route, known: Mapping[str, Constraint], shown: set[tuple[Step, ...]]
) -> Iterator[Feature]:
    """What a place shows; a branch for which neither a value of it nor a property inside does shows that it holds."""
    found = None
    for found in _features_at(validator, here, route, known):
        yield found
    if found is None and route.steps and route.steps[-1].keyword in BRANCHING and route.steps not in shown:
        yield from _branch(validator, here, route, known)


def _branch(validator: SchemaValidator, here: str, route: Route, known: Mapping[str, Constraint]) -> Iterator[Feature]:
    """That a branch holds."""
    reached = _reached(validator, route.steps)
    if reached is None:
        return
    payload, path, current = reached
    solver, about = solver_of(validator), _about(validator, here, route.schema, known)
    way, many = branches(solver, route.steps, path), elements(solver, route.steps)
    if hold(solver, way, payload):
        yield Feature(f"{name_of(here)}/branch", about, payload, path, current, loose=True, branches=way, elements=many)


def _features_at(
    validator: SchemaValidator, here: str, route: Route, known: Mapping[str, Constraint]
) -> Iterator[Feature]:
    """The presence, the absence and the boundary values of one place."""
    reached = _reached(validator, route.steps)
    if reached is None:
        return
    payload, path, current = reached
    yield from presence_at(validator, here, route, known)
    if not isinstance(route.schema, dict):
        return
    solver, about = solver_of(validator), _about(validator, here, route.schema, known)
    way, many = branches(solver, route.steps, path), elements(solver, route.steps)
    for value in values.boundary(solver.document.modern(route.schema), current):
        edited = pointer.apply(Fault("replace", pointer.join(path), value.value), payload)
        if validator.settled(edited) and hold(solver, way, edited):
            site = f"{here}/{value.keyword}"
            found = known.get(f"{validator.side}:{site}")
            name = f"{name_of(site)}/{value.label}"
            yield Feature(name, found.id if found else about, edited, path, value.value, branches=way, elements=many)


def presence_at(
    validator: SchemaValidator, here: str, route: Route, known: Mapping[str, Constraint]
) -> Iterator[Feature]:
    """That a property is there, and, where that alone conforms, that it is not.

    Args:
        validator: the schema.
        here: pointer to the schema of the property.
        route: the way to it.
        known: the constraints of the schema by id.
    """
    reached = _reached(validator, route.steps)
    if reached is None or not (route.steps and route.steps[-1].keyword == "properties"):
        return
    payload, path, current = reached
    about = _about(validator, here, route.schema, known)
    solver, name, many = solver_of(validator), name_of(here), elements(solver_of(validator), route.steps)
    way = branches(solver, route.steps, path)
    if hold(solver, way, payload):
        yield Feature(f"{name}/present", about, payload, path, current, loose=True, branches=way, elements=many)
    without = pointer.apply(Fault("remove", pointer.join(path)), payload)
    if validator.settled(without) and hold(solver, way, without):
        yield Feature(f"{name}/absent", about, without, path, ABSENT, branches=way, elements=many)


@lru_cache(_MOST_KEPT)
def _reached(validator: SchemaValidator, steps: tuple[Step, ...]) -> tuple[Any, Path, Any] | None:
    """The simplest payload that reaches a place, where that is, and what stands there; None where there is none."""
    if any(step.keyword == "propertyNames" for step in steps):
        return None  # what stands there is a key
    try:
        payload, path = solver_of(validator).one(steps)
        return payload, path, pointer.get(payload, path)
    except (UsageError, KeyError, IndexError, ValueError):
        return None


def _about(validator: SchemaValidator, here: str, schema: Any, known: Mapping[str, Constraint]) -> str | None:
    """The constraint that the mere presence of a property is about: its own first one, else what closes its object."""
    if isinstance(schema, dict):
        for keyword in schema:
            if f"{validator.side}:{here}/{keyword}" in known:
                return f"{validator.side}:{here}/{keyword}"
    closing = f"{validator.side}:{pointer.join(pointer.split(here)[:-2])}/additionalProperties"
    return closing if closing in known else None


def shuffled(several: Iterable[_One], seed: int, name: Callable[[_One], str]) -> Iterable[_One]:
    """Things that are worth the same in another order: their own for seed 0, else one that follows from the names.

    It is the same on every machine and under every Python.
    """
    if not seed:
        return several
    return sorted(several, key=lambda one: hashlib.sha256(f"{seed} {name(one)}".encode()).digest())


def in_turn(several: Iterable[Iterator[_One]]) -> Iterator[_One]:
    """One of each, then the next of each, until all are at their end; each is asked only when it is its turn."""
    turn = list(several)
    while turn:
        left = []
        for one in turn:
            for value in islice(one, 1):
                yield value
                left.append(one)
        turn = left


def name_of(place: str, constraint: Constraint | None = None) -> str:
    """A pointer for people: `properties` left out, the member of `required` by its name."""
    tokens = pointer.split(place)
    if constraint is not None and constraint.keyword == "required" and tokens[-2:-1] == ["required"]:
        tokens = [*tokens[:-1], constraint.value]
    shown: list[str] = []
    names = False
    for token in tokens:
        if token == "properties" and not names:
            names = True
            continue
        names = False
        shown.append(token.replace("/", "~1") or "~")
    return "/".join(shown)
