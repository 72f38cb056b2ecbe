"""Laws of packing: coverage against brute force, the lower bound against the optimum, big and awkward contracts."""

from __future__ import annotations

from itertools import chain, combinations
from math import comb
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import haiku_contract as hc
from haiku_contract.generate import covering, joined, packed, packed_cases
from haiku_contract.generate.presence import (
    Presence,
    least_crowded_rows,
    least_rows,
    least_rows_with,
    small_pairing,
    small_tripling,
    smallest_pairing,
)

NAMES = "abcd"
QUICK = settings(max_examples=60, derandomize=True, database=None, deadline=None)

SOME = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True)
NEEDING = SOME.map(lambda names: {"required": names})
RULES = {
    "required": SOME.map(lambda names: names[:1]),
    "dependentRequired": st.dictionaries(st.sampled_from(NAMES), SOME, max_size=2),
    "maxProperties": st.integers(1, 4),
    "anyOf": st.lists(NEEDING, min_size=1, max_size=3),
    "oneOf": st.lists(NEEDING, min_size=1, max_size=2),
    "not": NEEDING,
    "if": NEEDING,
    "then": NEEDING,
}
CHOSEN = st.lists(st.sampled_from(sorted(RULES)), max_size=3, unique=True)
OBJECTS = CHOSEN.flatmap(lambda names: st.fixed_dictionaries({name: RULES[name] for name in names})).map(
    lambda rules: {
        "type": "object",
        "properties": {name: {"type": "null"} for name in NAMES},
        "additionalProperties": False,
        **rules,
    }
)


def with_schema(schema: Any) -> hc.Contract:
    response = hc.SchemaValidator("response", True)
    return hc.Contract("test/schema", "Test", "1.0.0", {}, hc.RequestValidator(schema), response)


def booleans(count: int, **further: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {f"p{index}": {"type": "boolean"} for index in range(count)}, **further}


def together(present: set[str], strength: int = 2) -> set[tuple[tuple[str, bool], ...]]:
    return set(combinations([(name, name in present) for name in NAMES], strength))


def fewest(sets: list[set[Any]], wanted: set[Any]) -> int:
    """How many of some sets it takes to cover what is wanted, by trying all."""
    found = (size for size in range(len(sets) + 1) for some in combinations(sets, size) if wanted <= set().union(*some))
    return next(found)


# -- covering arrays -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factors", [*range(2, 14), 36, 130])
def test_the_smallest_pairing_is_one_and_as_small_as_can_be(factors: int) -> None:
    rows = smallest_pairing(factors)
    assert len(rows) == least_rows(factors, 2)
    for one, other in combinations(range(factors), 2):
        assert len({(row[one], row[other]) for row in rows}) == 4


@QUICK
@given(st.lists(st.integers(0, 12), min_size=1, max_size=14))
def test_a_small_pairing_has_every_property_present_as_often_as_it_is_to_be(values: list[int]) -> None:
    rows = small_pairing(values)
    for one, other in combinations(range(len(values)), 2):
        assert len({(row[one], row[other]) for row in rows}) == 4
    assert all(sum(row[one] for row in rows) >= value for one, value in enumerate(values))
    assert least_rows_with(values, 2) <= len(rows) <= least_rows_with(values, 2) + 1


@QUICK
@given(st.lists(st.integers(0, 5), min_size=2, max_size=4))
def test_no_fewer_rows_have_properties_present_so_often(values: list[int]) -> None:
    """All ways to be absent in some of the rows are tried: of any two none holds the other, and they meet in a row."""
    rows = least_rows_with(values, 2) - 1
    every = [frozenset(some) for size in range(2, rows) for some in combinations(range(rows), size)]
    families: list[tuple[frozenset[int], ...]] = [()]
    for value in values:
        families = [
            (*family, one)
            for family in families
            for one in every
            if rows - len(one) >= value
            and all(one & other and not one <= other and not other <= one for other in family)
            and all(len(one | other) < rows for other in family)
        ]
    assert families == []


def test_rows_for_the_values_of_many_texts() -> None:
    """Eight values and two absences of each of nine properties are ten rows, of a tenth eleven."""
    assert [len(small_pairing([8] * factors)) for factors in (1, 9, 10, 45, 46)] == [9, 10, 11, 11, 12]
    assert [least_rows_with([8] * factors, 2) for factors in (1, 9, 10, 45, 46)] == [9, 10, 11, 11, 12]


@pytest.mark.parametrize(("factors", "rows"), [(1, 2), (2, 4), (3, 8), (4, 8), (6, 12), (11, 12), (12, 18), (40, 26)])
def test_the_small_tripling_is_one(factors: int, rows: int) -> None:
    """12 rows for 6 to 11 properties are the optimum; for more the construction is near it (Roux)."""
    found = small_tripling(factors)
    assert len(found) == len(set(found)) == rows
    for chosen in combinations(range(factors), min(factors, 3)):
        assert len({tuple(row[one] for one in chosen) for row in found}) == 2 ** len(chosen)


@pytest.mark.parametrize("factors", range(1, 7))
@pytest.mark.parametrize("strength", [1, 2, 3])
@pytest.mark.parametrize("room", [1, 2, 3, 4])
def test_least_crowded_rows(factors: int, strength: int, room: int) -> None:
    """Never more than it takes when all choices of as many as there is room for are made one after the other."""
    together = min(strength, room, factors)
    wanted = set(combinations(range(factors), together))
    least = least_crowded_rows(factors, strength, room)
    taken = 0
    while wanted:
        rows = combinations(range(factors), min(room, factors))
        best = max(({*combinations(row, together)} & wanted for row in rows), key=len)
        wanted -= best
        taken += 1
    assert 1 <= least <= taken


@pytest.mark.parametrize(("factors", "room", "rows"), [(7, 3, 7), (13, 4, 13), (9, 3, 12), (40, 3, 267), (5, 1, 5)])
def test_least_crowded_rows_of_known_designs(factors: int, room: int, rows: int) -> None:
    """Of two at a time: the planes of order 2 and 3, the affine plane of order 3."""
    assert least_crowded_rows(factors, 2, room) == rows


@pytest.mark.parametrize(
    ("factors", "strength", "rows"),
    [(0, 2, 1), (1, 2, 2), (2, 2, 4), (3, 2, 4), (4, 2, 5), (10, 2, 6), (11, 2, 7), (35, 2, 8), (3, 3, 8), (5, 1, 2)],
)
def test_least_rows(factors: int, strength: int, rows: int) -> None:
    """Of two at a time the known optima: 4 rows for 3 properties, 5 for 4, 6 for 10, 7 for 15, 8 for 35."""
    assert least_rows(factors, strength) == rows


@pytest.mark.parametrize(("factors", "strength"), [(4, 1), (7, 2), (6, 3), (5, 4), (3, 5)])
def test_rows_show_every_combination_once_counted(factors: int, strength: int) -> None:
    presence = Presence(factors, strength)
    least = min(strength, factors)
    assert presence.left == comb(factors, least) * 2**least
    seen: set[tuple[int, ...]] = set()
    while presence.left:
        first = presence.first_open()
        assert first is not None
        row = presence.row({one >> 1: bool(one & 1) for one in first}, range(factors))
        new = set(combinations(row, least)) - seen
        seen |= new
        assert presence.show(row) == len(new)
    assert len(seen) == comb(factors, least) * 2**least
    assert presence.first_open() is None


def test_excluded_combinations_are_not_asked_for() -> None:
    presence = Presence(3, 2)
    assert presence.exclude((1,)) == 4
    assert presence.exclude((2, 5)) == 1
    assert presence.left == 12 - 5
    while (first := presence.first_open()) is not None:
        assert 1 not in first
        presence.show(first)
    assert presence.left == 0


# -- against brute force ---------------------------------------------------------------------------------------------


@QUICK
@given(OBJECTS, st.sampled_from([1, 2, 2, 3]))
def test_all_that_some_payload_shows_is_shown_and_the_bound_is_one(schema: dict[str, Any], strength: int) -> None:
    judge = Draft202012Validator(schema)
    subsets = [set(some) for size in range(len(NAMES) + 1) for some in combinations(NAMES, size)]
    valid = [some for some in subsets if judge.is_valid(dict.fromkeys(some))]
    contract = with_schema(schema)
    if not valid:
        with pytest.raises(hc.UsageError):
            covering(contract)
        return
    found = covering(contract, strength=strength)
    assert all(judge.is_valid(case.payload) for case in found.cases)
    assert found.missed == found.left_out == ()
    optional = set(NAMES) - set(schema.get("required", ()))

    def showing(present: set[str]) -> set[tuple[tuple[str, bool], ...]]:
        return {one for one in together(present, strength) if {name for name, _ in one} <= optional}

    showable = set().union(*map(showing, valid))
    shown = set().union(*(showing(set(case.payload)) for case in found.cases))
    assert shown == showable
    if len(optional) >= strength:
        assert found.lower_bound <= fewest([showing(some) for some in valid], showable) <= len(found.cases)


@QUICK
@given(OBJECTS)
def test_cases_come_apart(schema: dict[str, Any]) -> None:
    contract = with_schema(schema)
    try:
        listed = packed(contract.request)
    except hc.UsageError:
        return
    for one in listed:
        whole = joined(contract.request, one.features)
        assert whole is not None
        assert whole.payload == one.case.payload
        for feature in one.features:
            assert contract.request.is_valid(feature.payload)


# -- near the minimum ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "cases"), [(5, 6), (30, 8), (200, 11)])
def test_presence_costs_what_it_has_to(count: int, cases: int) -> None:
    found = covering(with_schema(booleans(count)))
    assert len(found.cases) == found.lower_bound == cases
    assert sum(found.combinations) == found.possible == comb(count, 2) * 4


@pytest.mark.parametrize(("count", "most", "bound", "cases"), [(12, 1, 24, 25), (12, 3, 24, 26), (40, 3, 267, 290)])
def test_where_few_may_be_present_it_costs_little_more_than_it_has_to(
    count: int, most: int, bound: int, cases: int
) -> None:
    found = covering(with_schema(booleans(count, maxProperties=most)))
    assert (found.missed, found.left_out) == ((), ())
    assert found.lower_bound == bound <= len(found.cases) <= cases


@pytest.mark.parametrize("version", ["1.0.0", "1.1.1"])
def test_the_shipped_contracts_take_as_few_requests_as_they_can(version: str) -> None:
    found = covering(hc.load(version=version))
    assert len(found.cases) == found.lower_bound


def test_of_properties_that_exclude_each_other_each_has_its_own_case() -> None:
    names = [f"p{index}" for index in range(12)]
    found = covering(with_schema(booleans(12, oneOf=[{"required": [name]} for name in names])))
    assert len(found.cases) == 24  # each with either value
    assert found.missed == ()


def test_combinations_that_another_property_makes_room_for_are_possible() -> None:
    """No two are present together, so any two are absent together because of the third."""
    found = covering(
        with_schema(booleans(3, additionalProperties=False, oneOf=[{"required": [f"p{n}"]} for n in range(3)]))
    )
    assert found.possible == sum(found.combinations) == comb(3, 2) * 3
    assert len(found.cases) == found.lower_bound == 6


def test_a_fewest_number_of_properties_leaves_few_ways_to_be_absent() -> None:
    found = covering(with_schema(booleans(6, minProperties=5, additionalProperties=False)))
    assert found.possible == comb(6, 2) * 3  # not both absent
    assert {len(case.payload) for case in found.cases} == {5, 6}
    assert found.missed == ()


def test_places_of_prefix_items_are_their_own() -> None:
    schema = {
        "prefixItems": [{"enum": [1, 2, 3]}, {"enum": ["a", "b"]}],
        "items": False,
        "minItems": 2,
        "type": "array",
    }
    found = covering(with_schema(schema))
    assert [case.payload for case in found.cases] == [[1, "a"], [2, "b"], [3, "a"]]
    assert found.lower_bound == 3


@pytest.mark.parametrize(("most", "unique", "cases"), [(2, False, 8), (3, True, 5)])
def test_what_nobody_put_into_a_small_array_takes_no_room(most: int, *, unique: bool, cases: int) -> None:
    """Three whole arrays (none, some, as many as may be), and the other values of the list, as many as have room."""
    schema = {"type": "array", "items": {"enum": [*range(10)]}, "maxItems": most, "uniqueItems": unique}
    found = covering(with_schema(schema))
    assert {value for case in found.cases for value in case.payload} == {*range(10)}
    assert found.missed == ()
    assert len(found.cases) == cases


# -- large ones ------------------------------------------------------------------------------------------------------


def test_of_a_large_contract_the_first_packed_case_shows_much_before_the_rest_is_known() -> None:
    contract = with_schema(
        {"type": "object", "properties": {f"p{index}": {"type": "string"} for index in range(1_000)}}
    )
    asked = 0
    is_valid = contract.request.engine.is_valid

    def counted(payload: Any) -> bool:
        nonlocal asked
        asked += 1
        return is_valid(payload)

    contract.request.engine.is_valid = counted  # type: ignore[method-assign]
    first = next(iter(packed_cases(contract)))
    assert len(first.payload) > 400
    assert asked < 8_000  # there are 13,000 features and half a million pairs


def test_what_is_too_much_is_said() -> None:
    found = covering(with_schema(booleans(400)), strength=4)
    assert found.left_out == (
        "combinations of 400 optional properties at /: 2 at a time instead of 4, which are too many",
    )
    assert sum(found.combinations) == found.possible == comb(400, 2) * 4


def test_what_was_not_tried_is_said() -> None:
    found = covering(with_schema(booleans(70, maxProperties=1)))
    (line,) = found.left_out
    assert "were not tried" in line
    assert found.lower_bound <= len(found.cases)


# -- the seed and the strength ---------------------------------------------------------------------------------------


def test_other_seeds_bring_other_features_together() -> None:
    contract = hc.load()
    runs = [covering(contract, seed=seed) for seed in (0, 0, 1)]
    bodies = [tuple(case.body for case in run.cases) for run in runs]
    assert bodies[0] == bodies[1] != bodies[2]
    assert runs[2].missed == ()
    assert {*chain(*runs[0].shown)} == {*chain(*runs[2].shown)}
    assert len(runs[2].cases) <= runs[0].lower_bound + 2


@pytest.mark.parametrize("strength", [0, -1])
def test_a_strength_below_one_is_refused(strength: int) -> None:
    with pytest.raises(hc.UsageError, match="the strength is 1 or more"):
        covering(hc.load(), strength=strength)
