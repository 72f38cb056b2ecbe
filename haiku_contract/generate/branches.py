"""The branches on the way to a place: only where they hold does a payload show what stands there.

A value under a key that one branch of a union speaks of says nothing of it in a payload for which another one holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from haiku_contract import pointer
from haiku_contract.constraints import APPLICATORS, UNIONS
from haiku_contract.generate.goals import modern_step
from haiku_contract.schemas import REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from haiku_contract.generate.goals import Path, Step
    from haiku_contract.generate.solver import Solver

_CONDITIONS: Final = ("then", "else")
BRANCHING: Final = frozenset((*UNIONS, *_CONDITIONS))
"""Keywords whose schemas need not hold."""

_WITHOUT_TOKEN: Final = ("allOf", *UNIONS, *_CONDITIONS, "dependentSchemas", "propertyNames", *REFERENCES)


class Fork(NamedTuple):
    """One branch of a union.

    Attributes:
        union: which union.
        branch: which of its branches.
        is_exclusive: whether no two of them hold at once, by what the union itself says.
    """

    union: int
    branch: int
    is_exclusive: bool


class Union(NamedTuple):
    """A union, on the way to what its branches speak of."""

    number: int


class Branch(NamedTuple):
    """One branch on the way to a place.

    Attributes:
        path: the value that it is held against.
        schema: what it says, or what it is applied on condition of.
        holds: whether it does, in a payload that shows the place.
        fork: which branch of which union this is, where it is one.
    """

    path: Path
    schema: Any
    holds: bool = True
    fork: Fork | None = None


class Elements(NamedTuple):
    """Where on a way any element of an array will do.

    Attributes:
        depth: how many tokens of the path lead to the array.
        most: how many elements it has at most, as far as is said there.
    """

    depth: int
    most: int | None


Branches: TypeAlias = tuple[Branch, ...]
Way: TypeAlias = tuple[str | int | Union | Fork, ...]


def branches(solver: Solver, steps: Sequence[Step], path: Path) -> Branches:
    """The branches on a way: those of unions, and the conditions on which a schema is applied.

    Args:
        solver: of the schema.
        steps: the way to a place.
        path: where that is, in a payload.
    """
    found: list[Branch] = []
    for step, schema, depth in _passed(solver, steps):
        word = step.keyword
        if word in UNIONS:
            index = int(step.key)
            fork = Fork(id(schema[word]), index, word == "oneOf")
            found.append(Branch(path[:depth], schema[word][index], fork=fork))
        elif word in _CONDITIONS:
            fork = Fork(id(schema["if"]), word == "else", is_exclusive=True)
            found.append(Branch(path[:depth], schema["if"], word == "then", fork))
        elif word == "dependentSchemas":
            found.append(Branch(path[:depth], {"type": "object", "required": [step.key]}))
    return tuple(found)


def forked(path: Path, found: Branches) -> Way:
    """A path with the branches on its way in it: each union, and which branch of it."""
    way: list[str | int | Union | Fork] = []
    for depth in range(len(path) + 1):
        for fork in (one.fork for one in found if len(one.path) == depth and one.fork is not None):
            way += [Union(fork.union), fork]
        way += path[depth : depth + 1]
    return tuple(way)


def elements(solver: Solver, steps: Sequence[Step]) -> tuple[Elements, ...]:
    """The arrays on a way of which any element will do: those that `prefixItems` does not number."""
    passed = _passed(solver, steps)
    return tuple(Elements(depth, schema.get("maxItems")) for step, schema, depth in passed if step.keyword == "items")


def _passed(solver: Solver, steps: Sequence[Step]) -> Iterator[tuple[Step, Any, int]]:
    """Each step of a way in the words of 2020-12, the schema that it is taken from, and how deep in a payload."""
    schema: Any = solver.document.root
    depth = 0
    for step in steps:
        modern = modern_step(step)
        yield modern, schema, depth
        schema = _next(solver, step, schema)
        depth += modern.keyword not in _WITHOUT_TOKEN


def _next(solver: Solver, step: Step, schema: Any) -> Any:
    inner = schema[step.keyword]
    if step.keyword in REFERENCES:
        target = solver.document.target(inner)
        return None if target is None else target.schema
    if isinstance(inner, list):
        return inner[int(step.key)]
    return inner[step.key] if APPLICATORS[step.keyword] == "map" else inner


def hold(solver: Solver, found: Iterable[Branch], payload: Any) -> bool:
    """Whether branches hold in a payload, and others do not, as it is to be."""
    return all(_holds_in(solver, one, payload) for one in found)


def _holds_in(solver: Solver, one: Branch, payload: Any) -> bool:
    try:
        return holds(solver, one, pointer.get(payload, one.path))
    except (KeyError, IndexError, ValueError):
        return False


def holds(solver: Solver, one: Branch, value: Any) -> bool:
    """Whether a branch holds for what stands at its place, or does not, as it is to be."""
    return solver.judge.holds(one.schema, value) is one.holds
