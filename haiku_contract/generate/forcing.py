"""Constraints that no conforming payload is held against: what stands beside the way to them is broken with them.

As in `{"type": "null", "properties": {"a": {"minimum": 1}}}`: no conforming value has an `a`, and `{"a": 0}` breaks
`type` and `minimum` together. The payload stays as it is as far down as the way can be gone; what stands there is
replaced by a value of the rest of the way.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.constraints import UNIONS, replace
from haiku_contract.errors import UsageError
from haiku_contract.generate.goals import Host, Step, modern_step
from haiku_contract.generate.otherwise import BESIDE, DOWN, LITTLE_WORK, turned
from haiku_contract.generate.routes import passed
from haiku_contract.generate.solver import Solver
from haiku_contract.schemas import HOLDING, REFERENCES, Words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.generate.targets import Target
    from haiku_contract.schemas import Document

_MOST: Final = 4
_IN_PLACE: Final = (*REFERENCES, "allOf", *UNIONS)
_EXCLUDING: Final = ("type", "const", "enum", "not", "$dynamicRef", "$ref", "allOf", *UNIONS)
"""What keeps a value from having the parts that the way leads through."""


def forced(target: Target, solver: Solver) -> Iterator[tuple[Host, Host]]:
    """Values that break a constraint which no conforming one can, and the place in a payload where each is to stand.

    Args:
        target: the constraint.
        solver: that of the schema.

    Yields:
        The place, and what is to stand there, with the place in it that the constraint speaks of: values that conform
        to most of what stands beside the way, then such that do only what the way asks for.
    """
    steps = target.steps if target.forbids is None else (*target.steps, target.forbids)
    length, reached = _furthest(solver, target.steps)
    while length and modern_step(steps[length - 1]).keyword not in DOWN:
        length -= 1  # what leads here in the same value may depend on what the value is
    schemas = passed(solver.document, target.steps)[length:]
    probe = Solver(solver.document, work=LITTLE_WORK)
    probe.heights = solver.heights  # they take long to find, and only order
    for end, spared in _ends(target, schemas[-1]):
        narrow, way = _narrowed(solver.document, schemas, steps[length:], end, spared=spared)
        for found in islice(probe.hosts(way, start=narrow), _MOST):
            yield reached, found


def _ends(target: Target, site: Any) -> Iterator[tuple[dict[str, Any], bool]]:
    """What a value at the end of the way has to conform to, and whether what stands beside the way stays."""
    opposite = turned(target.constraint, site) if target.forbids is None else {"allOf": [{}]}
    if opposite is not None:
        refusal = opposite["allOf"][-1]
        yield from ((opposite, True), (_without_kinds(opposite) | {"allOf": [refusal]}, True), (refusal, False))


def _furthest(solver: Solver, steps: tuple[Step, ...]) -> tuple[int, Host]:
    """How many of the steps a conforming payload can go, and the simplest one that does."""
    for length in range(len(steps), 0, -1):
        with suppress(UsageError):
            return length, solver.one(steps[:length])
    return 0, solver.one(())


def _narrowed(
    document: Document, schemas: list[Any], steps: tuple[Step, ...], end: Any, *, spared: bool
) -> tuple[Any, tuple[Step, ...]]:
    """A schema that asks for the way and what it ends in, and the steps in it.

    Args:
        document: the schemas' own.
        schemas: those that each step starts from.
        steps: the way.
        end: what is to stand at its end.
        spared: whether what stands beside the way stays.
    """
    inner, way = end, list[Step]()
    for schema, step in zip(schemas[: len(steps)][::-1], map(modern_step, steps[::-1]), strict=True):
        said = document.modern(schema)
        kept = _without_kinds(said) if spared else _opened(said, step.keyword)
        if step.keyword in _IN_PLACE:
            others = enumerate(said[step.keyword]) if step.keyword in UNIONS else ()
            refused = [{"not": one} for number, one in others if str(number) != step.key]
            inner = Words(kept | {"allOf": [inner, *refused]})
            way.append(Step("allOf", "0"))
        else:
            held = replace(kept[step.keyword], [step.key], inner) if step.key else inner
            inner = Words(kept | {step.keyword: held})
            way.append(step)
    return inner, tuple(reversed(way))


def _without_kinds(said: dict[str, Any]) -> dict[str, Any]:
    return {one: value for one, value in said.items() if one not in _EXCLUDING}


def _opened(said: dict[str, Any], keyword: str) -> dict[str, Any]:
    """What a step needs of a schema, with schemas that accept everything where several are held."""
    opened: dict[str, Any] = {}
    for one in (keyword, *BESIDE.get(keyword, ())) if keyword not in _IN_PLACE else ():
        if one in said:
            shape = HOLDING.get(one)
            opened[one] = [{}] * len(said[one]) if shape == "list" else said[one]
            opened[one] = {name: {} for name in said[one]} if shape == "map" else opened[one]
    return opened
