"""The second way to break a constraint: values that the solver finds for a schema in which it is turned around.

Where there are unions on the way, a value that breaks the constraint may fit another branch, and nothing is broken.
Then what stands where the union does is found anew as a whole, so that it fits none of the others either.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import pointer
from haiku_contract.constraints import UNEVALUATED, UNIONS, replace
from haiku_contract.generate.goals import Host, modern_step
from haiku_contract.generate.routes import site_of
from haiku_contract.generate.solver import Solver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.generate.goals import Path, Step
    from haiku_contract.generate.targets import Target
    from haiku_contract.model import Constraint

LITTLE_WORK: Final = 15_000
_MOST: Final = 4

DOWN: Final = frozenset(("properties", "patternProperties", "additionalProperties", "items", "prefixItems"))
"""Steps from a value to one inside it; all others stay where they are."""


def otherwise(target: Target, solver: Solver, reached: Host, *, exclusive: bool = False) -> Iterator[tuple[Host, Any]]:
    """Values that break a constraint, and where in a conforming payload each is to stand.

    Args:
        target: the constraint.
        solver: that of the schema.
        reached: the payload, and where in it the constraint applies.
        exclusive: where there are unions on the way, only those that fit no other branch.

    Yields:
        Those that fit no other branch of the unions on the way first, then those that may, then such that fit none and
        need not conform to what stands beside the constraint. For those that fit none the place of the constraint, then
        the places of the unions from the inside out.
    """
    if target.forbids is not None:
        return
    tokens = pointer.split(site_of(target.constraint))
    site = pointer.get(solver.document.root, tokens)
    opposite = turned(target.constraint, site)
    levels = _levels(target.steps)
    loose = loosened(opposite)
    united = ((opposite, True), (opposite, False), (loose, True))
    for schema, alone in united[:: 2 if exclusive else 1] if levels else ((opposite, False), (loose, False)):
        if schema is None:
            continue
        other = elsewhere(solver, tokens, schema)
        for found in islice(other.hosts(target.steps, exclusive=alone), _MOST):
            for length in dict.fromkeys((len(reached.path), *(levels if alone else ()))):
                yield Host(reached.payload, reached.path[:length]), _at(found.payload, found.path[:length])


def elsewhere(solver: Solver, tokens: list[str], schema: Any) -> Solver:
    """A solver for the same document with another schema at one place, which takes over what the first one has found.

    So are the heights, which take long to find: branches are preferred as in the first one.
    """
    other = Solver(solver.document.changed(replace(solver.document.root, tokens, schema)), work=LITTLE_WORK)
    other.heights, other.firsts = solver.heights, solver.firsts.changed(tokens)
    return other


def _at(payload: Any, path: Path) -> Any:
    return pointer.get(payload, path) if path else payload


def _levels(steps: tuple[Step, ...]) -> list[int]:
    """How deep in the payload each of the unions on a way stands, the innermost first."""
    depths, depth = [], 0
    for step in map(modern_step, steps):
        if step.keyword in UNIONS:
            depths.append(depth)
        depth += step.keyword in DOWN
    return depths[::-1]


BESIDE: Final[dict[str, tuple[str, ...]]] = {
    "additionalProperties": ("properties", "patternProperties"),
    "items": ("prefixItems",),
    "additionalItems": ("items",),
    "then": ("if",),
    "else": ("if",),
    "minContains": ("contains", "maxContains"),
    "maxContains": ("contains", "minContains"),
    "contains": ("minContains",),
    "minimum": ("exclusiveMinimum",),
    "maximum": ("exclusiveMaximum",),
}
"""What a keyword is read together with."""


def turned(constraint: Constraint, site: Any) -> dict[str, Any] | None:
    """The schema of a site with one constraint turned into its opposite."""
    keyword, value = constraint.keyword, constraint.value
    if not isinstance(site, dict) or keyword not in site:
        return None
    rest = {one: other for one, other in site.items() if one != keyword}
    beside = site if keyword in UNEVALUATED else BESIDE.get(keyword, ())
    refused = {keyword: value} | {one: site[one] for one in beside if one in site}
    if keyword == "required" and isinstance(site["required"], list):
        rest["required"] = [name for name in site["required"] if name != value]
        refused = {"required": [value]}
    return {**rest, "allOf": [*site.get("allOf", ()), {"not": refused}]}


def loosened(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """A turned schema without what stood beside the constraint."""
    return None if schema is None else schema["allOf"][-1]
