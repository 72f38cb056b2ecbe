"""The law of packing about unions: what a case claims, it shows in a branch that holds, by the reference engine."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import haiku_contract as hc
from haiku_contract import pointer, wire
from haiku_contract.generate import covering, joined, packed
from haiku_contract.generate.features import features, name_of
from haiku_contract.generate.routes import routes
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUICK = settings(max_examples=50, derandomize=True, database=None, deadline=None)

LEAVES = st.sampled_from(
    [
        {"type": "integer", "minimum": 0, "maximum": 9},
        {"type": "string", "maxLength": 2},
        {"type": "boolean"},
        {"enum": [1, "a"]},
        {"const": "x"},
        {"const": "y"},
    ]
)


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    properties = draw(st.dictionaries(st.sampled_from("abc"), LEAVES, min_size=1))
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
    further = draw(st.sampled_from([{}, {"additionalProperties": False}]))
    return {"type": "object", "properties": properties, "required": required, **further}


ARRAYS = st.builds(lambda items: {"type": "array", "items": items}, LEAVES)
BRANCHES = st.lists(objects() | LEAVES | ARRAYS, min_size=2, max_size=3)
UNIONS = st.builds(lambda union, branches: {union: branches}, st.sampled_from(["anyOf", "oneOf"]), BRANCHES)
CONDITIONS = st.builds(
    lambda asked, then, other: {"type": "object", "if": {"required": [asked]}, "then": then, "else": other},
    st.sampled_from("abc"),
    objects(),
    objects(),
)
PLACES = (
    UNIONS
    | CONDITIONS
    | st.builds(
        lambda items, most: {"type": "array", "items": items, **most}, UNIONS, st.sampled_from([{}, {"maxItems": 2}])
    )
)
SCHEMAS = PLACES | st.builds(
    lambda properties: {"type": "object", "properties": properties},
    st.dictionaries(st.sampled_from("pq"), PLACES, min_size=1),
)
SHAPES = hc.load("benchmarks/contracts/shapes.json")


def validator_of(schema: Any) -> hc.SchemaValidator:
    return hc.SchemaValidator("request", schema)


def with_schema(schema: Any) -> hc.Contract:
    response = hc.SchemaValidator("response", True)
    return hc.Contract("test/schema", "Test", "1.0.0", {}, hc.RequestValidator(schema), response)


def spoken_of(schema: Any, tokens: list[str], value: Any) -> Iterator[Any]:
    """What a part of a schema, by its pointer, speaks of in a value; `ABSENT` for a property that is not there."""
    if not tokens:
        yield value
        return
    keyword, *rest = tokens
    inner = schema[keyword]
    if keyword in {"properties", "anyOf", "oneOf"}:
        key, *rest = rest
        inner = inner[int(key) if isinstance(inner, list) else key]
        if keyword == "properties":
            found = [value.get(key, ABSENT)] if isinstance(value, dict) else []
        else:
            found = [value] if Draft202012Validator(inner).is_valid(value) else []
    elif keyword in {"then", "else"}:
        found = [value] if Draft202012Validator(schema["if"]).is_valid(value) is (keyword == "then") else []
    else:
        found = CHILDREN[keyword](schema, value)
    for one in found:
        if one is not ABSENT or not rest:
            yield from spoken_of(inner, rest, one)


CHILDREN: dict[str, Callable[[Any, Any], list[Any]]] = {
    "items": lambda _, value: value if isinstance(value, list) else [],
    "additionalProperties": lambda schema, value: (
        [one for key, one in value.items() if key not in schema.get("properties", ())]
        if isinstance(value, dict)
        else []
    ),
}


def shown(validator: hc.SchemaValidator, payload: Any) -> dict[str, list[Any]]:
    """For every place of a schema, by its name in features, what it speaks of in a payload."""
    places = routes(validator.schema)
    return {name_of(here): list(spoken_of(validator.schema, pointer.split(here), payload)) for here in places}


def assert_shown(validator: hc.SchemaValidator, known: dict[str, Any], payload: Any, names: Any) -> None:
    """That a payload shows features, known by their names."""
    there = shown(validator, payload)
    for name in names:
        place, _, what = name.rpartition("/")
        if what == "present":
            assert any(value is not ABSENT for value in there[place]), name
        elif what == "absent":
            assert ABSENT in there[place], name
        elif not what.startswith("combination-"):
            wanted = wire.encode(known[name])
            values = there[place.rpartition("/")[0]]
            assert any(wire.encode(value) == wanted for value in values if value is not ABSENT), name


def assert_honest(schema: Any) -> None:
    validator = validator_of(schema)
    contract = with_schema(schema)
    try:
        found = covering(contract)
    except hc.UsageError:
        return
    assert found.missed == ()
    assert found.lower_bound <= len(found.cases)
    judge = Draft202012Validator(schema)
    known = {one.name: one.value for one in features(validator)}
    for case, names in zip(found.cases, found.shown, strict=True):
        assert judge.is_valid(case.payload)
        assert_shown(validator, known, case.payload, names)
    for one in packed(validator):
        assert_shown(validator, known, one.case.payload, [feature.name for feature in one.features])
        for feature in one.features[:5]:
            assert_shown(validator, known, feature.payload, [feature.name])
        half = joined(validator, one.features[::2])
        if half is not None:
            assert_shown(validator, known, half.payload, [feature.name for feature in one.features[::2]])


@QUICK
@given(SCHEMAS)
def test_what_a_case_claims_it_shows_in_a_branch_that_holds(schema: dict[str, Any]) -> None:
    assert_honest(schema)


def test_shapes() -> None:
    assert_honest(SHAPES.request.schema)


def test_of_a_tagged_union_each_branch_takes_payloads_of_its_own() -> None:
    found = covering(SHAPES)
    kinds = Counter(case.payload["shape"]["kind"] for case in found.cases)
    assert kinds == {"circle": 9, "square": 9}  # nine numbers each
    assert found.lower_bound == 18


@pytest.mark.parametrize("union", ["anyOf", "oneOf"])
def test_what_only_another_branch_allows_is_no_feature_of_a_branch(union: str) -> None:
    """Without `a`, `b` is what holds: that `a` may be absent is nothing that the first branch shows."""
    first = {"type": "object", "required": ["a"], "properties": {"a": {"type": "null"}}}
    schema = {"type": "object", union: [first, {"not": {"required": ["a"]}, "properties": {"b": {"type": "null"}}}]}
    names = {one.name for one in features(validator_of(schema))}
    assert f"{union}/0/a/present" in names
    assert f"{union}/0/a/absent" not in names
    assert_honest(schema)


def test_what_stands_in_an_element_is_of_the_branch_that_holds_for_that_element() -> None:
    """An element with an integer shows nothing of the branch with the boolean, though the same key stands there."""
    first = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
    second = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert_honest({"type": "array", "items": {"anyOf": [first, second]}})


WHOLE = [
    ({"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "integer", "multipleOf": 5}]}, "oneOf"),
    ({"anyOf": [{"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^b"}]}, "anyOf"),
    ({"oneOf": [{"type": "object", "required": ["x"]}, {"type": "object", "required": ["y"]}]}, "oneOf"),
    ({"anyOf": [{"$ref": "#/$defs/a"}, {"const": 1}], "$defs": {"a": {"type": "null"}}}, "anyOf"),
]


@pytest.mark.parametrize(("schema", "union"), WHOLE)
def test_each_branch_holds_in_some_packed_case(schema: dict[str, Any], union: str) -> None:
    payloads = [one.case.payload for one in packed(hc.SchemaValidator("request", schema))]
    for branch in schema[union]:
        judge = Draft202012Validator({**branch, "$defs": schema.get("$defs", {})})
        assert any(judge.is_valid(payload) for payload in payloads), branch


def test_a_condition_is_met_in_some_packed_case_and_unmet_in_another() -> None:
    schema = {"type": "object", "if": {"required": ["x"]}, "then": {"required": ["y"]}, "else": {"required": ["z"]}}
    payloads = [one.case.payload for one in packed(hc.SchemaValidator("request", schema))]
    assert {"x" in payload for payload in payloads} == {True, False}
