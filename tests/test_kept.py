"""A solver for a document that is changed in one place takes over what still holds there, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from haiku_contract.constraints import replace
from haiku_contract.generate.otherwise import elsewhere
from haiku_contract.generate.solver import Solver
from haiku_contract.schemas import Document

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = {
    "type": "object",
    "required": ["plain", "direct", "nested", "list"],
    "properties": {
        "plain": {"$ref": "#/$defs/other"},
        "direct": {"$ref": "#/$defs/leaf"},
        "nested": {"$ref": "#/$defs/node"},
        "list": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/node/properties/inner"}},
    },
    "$defs": {
        "leaf": {"type": "integer", "minimum": 3},
        "other": {"type": "object", "required": ["a"], "properties": {"a": {"const": "kept"}}},
        "node": {
            "type": "object",
            "required": ["inner"],
            "properties": {
                "inner": {"type": "object", "required": ["leaf"], "properties": {"leaf": {"$ref": "#/$defs/leaf"}}}
            },
        },
    },
}


@pytest.mark.parametrize(
    "place",
    [
        ["$defs", "leaf"],
        ["$defs", "other", "properties", "a"],
        ["$defs", "node", "properties", "inner"],
        ["$defs", "node", "properties", "inner", "properties", "leaf"],
        ["properties", "list", "items"],
        ["properties", "plain"],
    ],
    ids="/".join,
)
def test_what_a_change_reaches_is_found_anew(place: list[str]) -> None:
    solver = Solver(Document(SCHEMA))
    before = solver.simplest()
    changed = {"type": "string", "minLength": 1}
    after = elsewhere(solver, place, changed).simplest()
    assert after == Solver(Document(replace(SCHEMA, place, changed))).simplest()
    assert after != before
    assert solver.simplest() == before


def test_what_a_change_does_not_reach_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    solver = Solver(Document(SCHEMA))
    solver.simplest()
    searched: list[Any] = []
    values: Callable[..., Any] = Solver.values

    def watched(self: Solver, goals: Any, name: str, depth: int) -> Any:
        searched.append(name)
        return values(self, goals, name, depth)

    monkeypatch.setattr(Solver, "values", watched)
    elsewhere(solver, ["$defs", "other", "properties", "a"], {"const": "new"}).simplest()
    assert searched == ["", "plain", "a"]
