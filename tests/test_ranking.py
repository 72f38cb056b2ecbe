"""The order of packed cases: whatever is sent first shows the most."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

import haiku_contract as hc
from haiku_contract.generate import covering
from haiku_contract.generate.assembling import MANNERS, Assembly
from haiku_contract.generate.ranking import by_value

LETTERS = {name: {"enum": list("abcdef"[:count])} for name, count in (("p", 2), ("q", 5), ("r", 3), ("s", 1))}
FORMS: dict[str, Any] = {
    "optional": {"type": "object", "properties": LETTERS},
    "nested": {"type": "object", "properties": {"a": {"type": "object", "properties": LETTERS}, "b": {"maximum": 3}}},
    "branches": {
        "type": "object",
        "oneOf": [
            {"properties": {"kind": {"const": "few"}, "n": {"type": "integer", "minimum": 1}}, "required": ["kind"]},
            {"properties": {"kind": {"const": "many"}, **LETTERS}, "required": ["kind"]},
        ],
    },
    "elements": {"type": "array", "maxItems": 2, "items": {"enum": list("abcdefghij")}},
}


@pytest.mark.parametrize("manner", MANNERS, ids=str)
@pytest.mark.parametrize("form", [*FORMS, "haiku"])
def test_no_case_shows_more_than_one_before_it_would(form: str, manner: Any) -> None:
    validator = hc.load().request if form == "haiku" else hc.SchemaValidator("request", FORMS[form])
    assembly = Assembly(validator, 2, 0, manner)
    made = list(assembly.payloads())
    every = {name for one in made for name in one.new}

    def facts(one: Any) -> set[Any]:
        found: set[Any] = {*one.new, *(item.name for item in one.features)} & every
        for number, of in enumerate(assembly.options):
            row = of.row_of(validator, one.payload)
            found |= {(number, some) for some in combinations(row or (), of.presence.strength)}
        return found

    of = {id(one.payload): facts(one) for one in made}
    ranked = by_value(validator, assembly.options, made)
    left = set().union(*of.values())
    for number, one in enumerate(ranked):
        worth = len(of[id(one.payload)] & left)
        assert worth == max(len(of[id(other.payload)] & left) for other in ranked[number:])
        assert (worth, set(one.new)) == (len(one.new) + one.combinations, of[id(one.payload)] & left & every)
        assert worth or len(ranked) == 1
        left -= of[id(one.payload)]
    assert not left


def test_a_suite_is_told_in_that_order() -> None:
    found = covering(hc.load(), "request")
    worths = [len(new) + more for new, more in zip(found.shown, found.combinations, strict=True)]
    assert worths == sorted(worths, reverse=True)
    assert sum(map(len, found.shown)) + len(found.missed) == found.wanted
    assert sum(found.combinations) == found.possible
