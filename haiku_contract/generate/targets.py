"""What is to be broken, and how payloads get there: the shortest way first, then detours through other references."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer
from haiku_contract.constraints import UNIONS, is_trivial
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.goals import Step, modern_step
from haiku_contract.generate.operators import OPERATORS
from haiku_contract.generate.routes import Route, routes, site_of
from haiku_contract.schemas import REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from haiku_contract.model import Constraint
    from haiku_contract.validation import SchemaValidator

_MOST_CACHED: Final = 8
_MOST_DETOURS: Final = 4
_IN_PLACE: Final = (*REFERENCES, "allOf")


class Target(NamedTuple):
    """A constraint that is to be broken, and how payloads get there.

    Attributes:
        constraint: the constraint.
        steps: the way to the schema whose instances are edited.
        said: that schema, in the words of 2020-12.
        forbids: the last step of the way, where what stands at its end is `false` and nothing can.
    """

    constraint: Constraint
    steps: tuple[Step, ...]
    said: dict[str, Any]
    forbids: Step | None = None


@lru_cache(_MOST_CACHED)
def ways_of(validator: SchemaValidator) -> Mapping[str, Route]:
    """The shortest way to every place of a schema, by its pointer."""
    return routes(solver_of(validator).document.root)


def target_of(validator: SchemaValidator, constraint: Constraint, ways: Mapping[str, Route]) -> Target | None:
    """How to get to a constraint on the shortest way; None where no way leads there."""
    document = solver_of(validator).document
    forbids = constraint.keyword not in OPERATORS or not constraint.keyword
    refuses = constraint.keyword == "not" and is_trivial(constraint.value)
    route = ways.get(constraint.pointer if forbids else site_of(constraint))
    if not forbids and not refuses:
        if route is None or not isinstance(route.schema, dict):
            return None
        return Target(constraint, route.steps, document.modern(route.schema))
    steps = route.steps if route is not None else ()
    steps = beyond(steps)
    if not steps:
        return None
    parents = [one for one in ways.values() if one.steps == steps[:-1] and isinstance(one.schema, dict)]
    parent = parents[0].schema if parents else None
    if not isinstance(parent, dict):
        return None
    return Target(constraint, steps[:-1], document.modern(parent), modern_step(steps[-1]))


def beyond(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """A way without the steps at its end that lead nowhere else: references, and the parts of `allOf`."""
    while steps and steps[-1].keyword in _IN_PLACE:
        steps = steps[:-1]
    return steps


def targets_of(validator: SchemaValidator, constraint: Constraint) -> Iterator[Target]:
    """The ways to a constraint: the shortest one, then detours, with few unions first; none for what is unviolable."""
    first = target_of(validator, constraint, ways_of(validator)) if constraint.violable else None
    if first is None:
        return
    yield first
    if first.forbids is None:
        for steps in islice(_detours(validator, site_of(constraint)), _MOST_DETOURS):
            yield first._replace(steps=steps)


@lru_cache(_MOST_CACHED)
def _referrers(validator: SchemaValidator) -> Mapping[str, list[tuple[str, Step]]]:
    """Where references to each place stand, those first to which a way with few unions leads."""
    document, ways = solver_of(validator).document, ways_of(validator)
    found: dict[str, list[tuple[str, Step]]] = {}
    for here in sorted(ways, key=lambda one: (_unions(ways[one].steps), len(ways[one].steps))):
        schema = ways[here].schema
        for keyword in REFERENCES:
            reference = schema.get(keyword) if isinstance(schema, dict) else None
            target = document.target(reference) if isinstance(reference, str) else None
            if target is not None:
                found.setdefault(pointer.join(target.tokens), []).append((here, Step(keyword)))
    return found


def _unions(steps: tuple[Step, ...]) -> int:
    return sum(step.keyword in UNIONS for step in steps)


def _detours(validator: SchemaValidator, place: str) -> Iterator[tuple[Step, ...]]:
    """Ways to a place through other references to a definition that it stands in, or to one that leads there."""
    ways, referrers = ways_of(validator), _referrers(validator)
    seen = {ways[place].steps}
    gone: set[str] = set()
    queue: deque[tuple[str, tuple[Step, ...]]] = deque([(place, ())])
    while queue:
        here, tail = queue.popleft()
        tokens = pointer.split(here)
        for length in range(len(tokens), -1, -1):
            definition = pointer.join(tokens[:length])
            head = ways[definition].steps if definition in ways else ()
            if definition in gone or ways[here].steps[: len(head)] != head:
                continue
            gone.add(definition)
            inside = (*ways[here].steps[len(head) :], *tail)
            for there, step in referrers.get(definition, ()):
                steps = (*ways[there].steps, step, *inside)
                if steps not in seen:
                    seen.add(steps)
                    yield steps
                queue.append((there, (step, *inside)))
