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
    from collections.abc import Iterable, Sequence

    from haiku_contract.generate.goals import Path, Step
    from haiku_contract.generate.solver import Solver

_CONDITIONS: Final = ("then", "else")
BRANCHING: Final = frozenset((*UNIONS, *_CONDITIONS))
"""Keywords whose schemas need not hold."""

_WITHOUT_TOKEN: Final = ("allOf", *UNIONS, *_CONDITIONS, "dependentSchemas", "propertyNames", *REFERENCES)


class Fork(NamedTuple):
    """A union of which exactly one branch holds, or one of its branches."""

    union: int
    branch: int | None = None


class Branch(NamedTuple):
    """One branch on the way to a place.

    Attributes:
        path: the value that it is held against.
        schema: what it says, or what it is applied on condition of.
        holds: whether it does, in a payload that shows the place.
        fork: the union and which of its branches this is, where no two of them hold at once.
    """

    path: Path
    schema: Any
    holds: bool = True
    fork: Fork | None = None


Branches: TypeAlias = tuple[Branch, ...]
Way: TypeAlias = tuple[str | int | Fork, ...]


def branches(solver: Solver, steps: Sequence[Step], path: Path) -> Branches:
    """The branches on a way: those of unions, and the conditions on which a schema is applied.

    Args:
        solver: of the schema.
        steps: the way to a place.
        path: where that is, in a payload.
    """
    found: list[Branch] = []
    schema: Any = solver.document.root
    depth = 0
    for step in steps:
        word = modern_step(step).keyword
        if word in UNIONS:
            index = int(step.key)
            fork = Fork(id(schema[word]), index) if word == "oneOf" else None
            found.append(Branch(path[:depth], schema[word][index], fork=fork))
        elif word in _CONDITIONS:
            found.append(Branch(path[:depth], schema["if"], word == "then", Fork(id(schema["if"]), word == "else")))
        elif word == "dependentSchemas":
            found.append(Branch(path[:depth], {"type": "object", "required": [step.key]}))
        schema = _next(solver, step, schema)
        depth += word not in _WITHOUT_TOKEN
    return tuple(found)


def _next(solver: Solver, step: Step, schema: Any) -> Any:
    inner = schema[step.keyword]
    if step.keyword in REFERENCES:
        target = solver.document.target(inner)
        return None if target is None else target.schema
    if isinstance(inner, list):
        return inner[int(step.key)]
    return inner[step.key] if APPLICATORS[step.keyword] == "map" else inner


def forked(path: Path, found: Branches) -> Way:
    """A path with the forks on its way in it: each union that has one branch, and which one that is."""
    way: list[str | int | Fork] = []
    for depth in range(len(path) + 1):
        for fork in (one.fork for one in found if len(one.path) == depth and one.fork is not None):
            way += [Fork(fork.union), fork]
        way += path[depth : depth + 1]
    return tuple(way)


def hold(solver: Solver, found: Iterable[Branch], payload: Any) -> bool:
    """Whether branches hold in a payload, and others do not, as it is to be."""
    return all(_holds(solver, one, payload) for one in found)


def _holds(solver: Solver, one: Branch, payload: Any) -> bool:
    try:
        value = pointer.get(payload, one.path)
    except (KeyError, IndexError, ValueError):
        return False
    return solver.judge.holds(one.schema, value) is one.holds
