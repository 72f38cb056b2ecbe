"""The lower bound against the optimum: of schemas with few values all are made, and it is tried to do with fewer."""

from __future__ import annotations

from itertools import combinations, combinations_with_replacement, product
from math import prod
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import haiku_contract as hc
from haiku_contract import wire
from haiku_contract.generate import covering
from haiku_contract.generate.assembling import Assembly
from haiku_contract.generate.branches import hold
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.packing import at, same
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from haiku_contract.generate.goals import Path
    from haiku_contract.generate.packing import Packable

MOST_VALUES = 400
_LOOKS = 2_000
SCALARS = st.sampled_from(
    [{"type": "boolean"}, {"type": "null"}, {"enum": [1, 2, 3]}, {"enum": ["k", "l"]}, {"const": 0}]
)


def with_schema(schema: Any) -> hc.Contract:
    response = hc.SchemaValidator("response", True)
    return hc.Contract("test/schema", "Test", "1.0.0", {}, hc.RequestValidator(schema), response)


def _objects(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.lists(st.sampled_from("abc"), max_size=1)
    rules = {"required": names, "maxProperties": st.integers(1, 3), "minProperties": st.integers(1, 2)}
    closed = {"type": st.just("object"), "additionalProperties": st.just(False)}
    properties = st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3)
    return st.fixed_dictionaries({**closed, "properties": properties}, optional=rules)


def _arrays(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner, "maxItems": st.integers(1, 2)},
        optional={"minItems": st.just(1), "uniqueItems": st.just(True)},
    )


def _unions(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    branches = st.lists(inner, min_size=2, max_size=3)
    return st.sampled_from(["oneOf", "anyOf"]).flatmap(lambda union: branches.map(lambda some: {union: some}))


SMALL = st.recursive(SCALARS, lambda inner: _objects(inner) | _arrays(inner) | _unions(inner), max_leaves=8)


def _every(schema: dict[str, Any]) -> list[Any]:
    """The values of a small schema, and perhaps some that do not conform."""
    if "enum" in schema or "const" in schema:
        found = schema.get("enum", [schema.get("const")])
    elif "oneOf" in schema or "anyOf" in schema:
        found = [value for branch in schema.get("oneOf", schema.get("anyOf")) for value in _every(branch)]
    elif schema["type"] == "array":
        inner = _every(schema["items"])
        assume(len(inner) < MOST_VALUES**0.5)
        found = [list(some) for n in range(schema["maxItems"] + 1) for some in combinations_with_replacement(inner, n)]
    elif schema["type"] == "object":
        choices = [[ABSENT, *_every(one)] for one in schema["properties"].values()]
        assume(prod(map(len, choices)) < MOST_VALUES)
        rows = (zip(schema["properties"], row, strict=True) for row in product(*choices))
        found = [{name: value for name, value in row if value is not ABSENT} for row in rows]
    else:
        found = [True, False] if schema["type"] == "boolean" else [None]
    return list({wire.encode(value): value for value in found}.values())


# -- what a payload shows --------------------------------------------------------------------------------------------


class Wanted:
    """What a covering suite shows, looked for in any payload."""

    def __init__(self, validator: hc.SchemaValidator, strength: int) -> None:
        assembly = Assembly(validator, strength, 0)
        self.payloads = [one.payload for one in assembly.payloads()]
        self._solver = solver_of(validator)
        self._items = [one for one in assembly.known if not one.is_row and one not in assembly.waiting]
        self._objects = [*assembly.options, *assembly.elements]

    def of(self, payload: Any) -> frozenset[Any]:
        """The features and the combinations of optional properties that a payload shows."""
        found: set[Any] = set()
        for item in self._items:
            places = _places(item, item.edits[0][0], payload)
            if any(self._is_there(item, payload, one) for one in places):
                found.add(item.name)
        for number, one in enumerate(self._objects):
            there = one.there[0]
            for place in _places(there, one.path, payload):
                known = at(payload, place)
                if isinstance(known, dict) and self._hold(there, payload, place):
                    row = [(other.edits[0][0][-1], other.edits[0][0][-1] in known) for other in one.there]
                    found |= {(number, some) for some in combinations(row, one.presence.strength)}
        return frozenset(found)

    def _is_there(self, item: Packable, payload: Any, place: Path) -> bool:
        """Whether what an item wants stands at a place, in the branches in which it has to."""
        for path, value in item.edits:
            found = at(payload, _moved(path, place))
            if value is ABSENT and not isinstance(at(payload, _moved(path, place)[:-1]), dict):
                return False
            if (found is ABSENT) is not (value is ABSENT) or not (item.loose or same(found, value)):
                return False
        return self._hold(item, payload, place)

    def _hold(self, item: Packable, payload: Any, place: Path) -> bool:
        return hold(self._solver, (one._replace(path=_moved(one.path, place)) for one in item.branches), payload)


def _moved(path: Path, place: Path) -> Path:
    """A path with its beginning taken from a place."""
    return (*place[: len(path)], *path[len(place) :])


def _places(item: Packable, path: Path, payload: Any) -> list[Path]:
    """The paths that a path stands for: any element of an array will do where the item says so."""
    anywhere = {one.depth for one in item.elements}
    found: list[Path] = [()]
    for depth, token in enumerate(path):
        if depth in anywhere:
            arrays = [(one, at(payload, one)) for one in found]
            found = [(*one, n) for one, whole in arrays if isinstance(whole, list) for n in range(len(whole))]
        else:
            found = [(*one, token) for one in found]
    return found


def _are_enough(sets: list[frozenset[Any]], wanted: frozenset[Any], most: int) -> bool:
    """Whether so many of some sets cover what is wanted, as far as it can be told in short time."""
    left = [_LOOKS]

    def covers(rest: frozenset[Any], room: int) -> bool:
        left[0] -= 1
        if not rest or not room or left[0] < 0 or max(len(one & rest) for one in sets) * room < len(rest):
            return not rest
        rare = min(rest, key=lambda thing: (sum(thing in one for one in sets), str(thing)))
        return any(
            covers(rest - one, room - 1) for one in sorted(sets, key=lambda one: -len(one & rest)) if rare in one
        )

    return covers(wanted, most)


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(SMALL, st.sampled_from([1, 2, 2, 3]))
def test_no_fewer_payloads_show_as_much(schema: dict[str, Any], strength: int) -> None:
    judge = Draft202012Validator(schema)
    every = [value for value in _every(schema) if judge.is_valid(value)]
    assume(every)
    contract = with_schema(schema)
    wanted = Wanted(contract.request, strength)
    shown = frozenset().union(*map(wanted.of, wanted.payloads))
    sets = list({wanted.of(value) for value in every})
    assert shown == frozenset().union(*sets)
    found = covering(contract, strength=strength)
    assert found.lower_bound <= len(found.cases)
    assert not _are_enough(sets, shown, found.lower_bound - 1)


# -- known figures ---------------------------------------------------------------------------------------------------


def booleans(*names: str, **further: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "boolean"} for name in names}, **further}


def tagged(count: int, union: str) -> dict[str, Any]:
    """A union of objects with a tag: of each it takes four rows of three optional properties."""
    tags = [booleans(*"abc", required=["kind"], additionalProperties=False) for _ in range(count)]
    for number, one in enumerate(tags):
        one["properties"]["kind"] = {"const": number}
    return {union: tags}


LISTED = {"type": "array", "items": {"enum": [*range(10)]}}


@pytest.mark.parametrize(
    ("schema", "bound"),
    [
        (tagged(12, "oneOf"), 48),
        (tagged(12, "anyOf"), 48),  # no two of them hold at once, which has to be proved
        ({"properties": {"x": tagged(12, "anyOf")}, "required": ["x"], "type": "object"}, 48),
        ({"anyOf": [booleans(*"abc"), booleans(*"abd")]}, 4),  # these may both hold
        # no element, two and three that are alike, and 47 others
        ({"type": "array", "items": tagged(12, "oneOf"), "maxItems": 3}, 19),
        (LISTED | {"maxItems": 2}, 8),  # [], [0], [0, 0], and nine in pairs
        (LISTED | {"maxItems": 3, "uniqueItems": True}, 5),
        (booleans("e", a=1) | {"properties": {"f": booleans("e", "g"), "h": {"type": "boolean"}}}, 6),
        (booleans(*"abcdefgh", minProperties=5, additionalProperties=False), 11),  # any two absent, three at a time
        (booleans(*"abcdefgh", maxProperties=2), 28),
        (booleans(*"abc", additionalProperties=False, oneOf=[{"required": [name]} for name in "abc"]), 6),
        ({"type": "object", "properties": {name: {"enum": [*range(8)]} for name in "abcdefghij"}}, 11),
    ],
)
def test_the_bound_knows_what_cannot_be_together(schema: dict[str, Any], bound: int) -> None:
    found = covering(with_schema(schema))
    assert (found.lower_bound, found.missed) == (bound, ())
