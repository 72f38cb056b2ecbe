"""How the guilty feature is found among many: what is asked next, what explains the answers, what is spread before."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Final

import pytest

import haiku_contract as hc
from haiku_contract.campaign.plan import thrifty
from haiku_contract.campaign.split import Explanation, guilty, lined_up, narrowed
from haiku_contract.campaign.suspects import Seen, foreseen, shows, stands, weighed
from haiku_contract.generate.covering import packed
from haiku_contract.generate.packing import Packable
from haiku_contract.model import ABSENT

CONTRACT: Final = hc.load()
PLAN: Final = thrifty(CONTRACT)


def features(count: int) -> tuple[Packable, ...]:
    names = [f"f{index}" for index in range(count)]
    return tuple(Packable(name, f"request:/{name}", {name: 1}, (((name,), 1),)) for name in names)


def searched(count: int, bad: set[int], suspicious: int = 0) -> tuple[set[str], int]:
    """What the search finds among so many features of which some fail together, and how often it asks."""
    names = {f"f{index}" for index in bad}
    search, asked = guilty(features(count), suspicious), 1
    try:
        tried = next(search)
        while True:
            tried = search.send(names <= {one.name for one in tried})
            asked += 1
    except StopIteration as stop:
        return {one.name for one in stop.value}, asked


@pytest.mark.parametrize("count", [1, 2, 3, 10, 33, 100])
def test_one_guilty_feature_is_found_in_as_many_requests_as_the_count_has_digits(count: int) -> None:
    for index in range(count):
        found, asked = searched(count, {index})
        assert found == {f"f{index}"}
        assert asked <= count.bit_length() + 1


def test_features_that_fail_only_together_are_found_together() -> None:
    for bad in combinations(range(30), 2):
        found, asked = searched(30, set(bad))
        assert found == {f"f{index}" for index in bad}
        assert asked <= 12
    assert searched(20, {3, 9, 17})[0] == {"f3", "f9", "f17"}


def test_a_hint_saves_the_search() -> None:
    assert searched(60, {0}, suspicious=1) == ({"f0"}, 1)
    assert searched(60, {1}, suspicious=2)[1] <= 3
    assert searched(60, {40}, suspicious=1)[0] == {"f40"}  # and a wrong one does no harm


def test_nothing_is_blamed_when_nothing_fails_again() -> None:
    assert searched(8, {8})[0] == set()


def test_the_named_element_is_found_where_it_stands_in_the_packed_request() -> None:
    name = "messages/items/content/anyOf/0/type/blank"
    packed, blank = next((one, each) for one in PLAN.packed for each in one.features if each.name == name)
    messages = packed.case.payload["messages"]
    at = next(index for index, one in enumerate(messages) if one["content"] == " ")
    lined, suspicious = lined_up(packed.features, packed.case.payload, ("messages", str(at), "content"))
    assert lined[:suspicious] == (blank,)
    assert lined_up(packed.features, packed.case.payload, None)[1] == 0


def narrowed_down(right: set[str], explanations: list[Explanation]) -> tuple[set[str], int]:
    """What is found where features fail if all the right ones are there, and how often it asks."""
    search, asked = narrowed(explanations), 1
    try:
        tried = next(search)
        while True:
            shown = {one.name for one in tried}
            tried = search.send(right <= shown | {f"{name}/present" for name in shown})
            asked += 1
    except StopIteration as stop:
        return {one.name for one in stop.value}, asked


@pytest.mark.parametrize("count", [1, 2, 3, 7, 33, 100])
def test_one_of_many_explanations_is_found_by_halving_them(count: int) -> None:
    alike = [Explanation((one,), 1.0) for one in features(count)]
    for index in range(count):
        found, asked = narrowed_down({f"f{index}"}, alike)
        assert found == {f"f{index}"}
        assert asked <= count.bit_length() + 1
    assert narrowed_down({"another"}, alike)[0] == set()


def test_the_likely_explanation_is_tried_first_and_what_fails_together_is_found_among_those_that_fail_alone() -> None:
    several = features(9)
    likely = [Explanation((one,), 10.0 if one.name == "f7" else 1.0) for one in several]
    assert narrowed_down({"f7"}, likely) == ({"f7"}, 1)
    pairs = [Explanation(pair, 0.1) for pair in combinations(several, 2)]
    for pair in pairs:
        found, asked = narrowed_down(set(pair.names), [*likely, *pairs])
        assert found == pair.names
        assert asked <= 12


def test_an_explanation_is_ruled_out_by_what_shows_it_on_purpose_and_less_likely_by_what_may_be_an_accident() -> None:
    one, two, three = features(3)
    fine = Seen(frozenset(("f0", "f2")), frozenset(("f0",)), fails=False)
    weights = {each.names: each.weight for each in weighed((), (one, two, three), [fine])}
    assert frozenset(("f0",)) not in weights
    assert 0 < weights[frozenset(("f2",))] < weights[frozenset(("f1",))]
    named = {each.names: each.weight for each in weighed((three,), (one, two), [])}
    assert named[frozenset(("f2",))] > sum(weight for each, weight in named.items() if "f2" not in each)
    again = [Explanation((one,), 3.0), Explanation((two,), 1.0)]
    assert foreseen(again, frozenset(("f0",))) == 0.75
    assert foreseen([], frozenset()) == 1.0


def test_of_two_that_may_fail_together_each_may_be_a_value_or_that_something_is_there() -> None:
    there = Packable("f0/present", None, {"f0": 2}, ((("f0",), 2),), loose=True)
    value, other = features(2)
    pairs = {each.names for each in weighed((), (value, there, other), []) if len(each.features) > 1}
    assert pairs == {frozenset(("f0", "f1")), frozenset(("f0/present", "f1"))}
    found, _ = narrowed_down({"f0", "f1"}, weighed((), (value, there, other), []))
    assert found == {"f0", "f1"}


@pytest.mark.parametrize("right", [{"f0"}, {"f0/present"}, {"f1"}, {"f0/present", "f1"}])
def test_what_shows_a_value_shows_that_something_is_there(right: set[str]) -> None:
    there = Packable("f0/present", None, {"f0": 2}, ((("f0",), 2),), loose=True)
    value, other = features(2)
    alone = [Explanation((one,), 1.0) for one in (value, there, other)]
    together = [Explanation((value, other), 0.2), Explanation((there, other), 0.2)]
    found, asked = narrowed_down(right, [*alone, *together])
    assert found in (right, (right - {"f0/present"}) | {"f0"})
    assert asked <= 7


def test_an_array_is_guilty_because_of_its_length_as_well() -> None:
    long = Packable("long", None, {}, ((("a",), [1, 1, 1]),))
    assert shows(long, {"a": [1, 2, 3, 4]})
    assert not shows(long, {"a": [1, 2]})
    assert not shows(Packable("empty", None, {}, ((("a",), []),)), {"a": [1]})


def test_which_packed_requests_fail_tells_an_element_from_the_others() -> None:
    elements = {each.name for one in PLAN.packed for each in one.features if each.array is not None and not each.loose}
    marks = Counter(
        tuple(number for number, one in enumerate(PLAN.packed) if name in {each.name for each in one.features})
        for name in elements
    )
    assert len(elements) > 50
    assert set(marks.values()) == {1}
    assert all(shows(each, one.case.payload) for one in PLAN.packed for each in one.features)
    assert len(PLAN.packed) == len(packed(CONTRACT.request, 1)) + 1  # what asks for a stream is sent apart


def test_what_is_missing_together_with_what_is_around_it_is_not_shown() -> None:
    absent = Packable("absent", None, {}, ((("a", 0, "b"), ABSENT),), array=("a",))
    assert shows(absent, {"a": [{"b": 1}, {}]})
    assert not shows(absent, {"a": [{"b": 1}]})
    assert not shows(absent, {"a": []})
    assert not shows(absent, {})
    assert stands(("a", "*", "b"), {"a": [{}, {"b": None}]})
    assert not stands(("a", "*", "b"), {"a": [{}], "b": 1})
