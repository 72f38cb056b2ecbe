"""Cases of contracts that are small or ask for much: the faults below JSON are real, and lengths have a bound."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import haiku_contract as hc
from haiku_contract import wire
from haiku_contract.cli.generate import told
from haiku_contract.generate.suite import cases_of
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable

SIMPLE: list[Any] = [
    {},
    {"type": "object"},
    {"type": "object", "additionalProperties": False},
    {"type": "object", "additionalProperties": {"type": "integer"}},
    {"type": "object", "required": ["x_extra"]},
    {"type": "string"},
    {"type": "integer"},
    {"type": "array"},
    {"type": "null"},
]
LARGE = 2**31 - 1


def wire_cases_of(schema: Any) -> dict[str, bytes]:
    """The faults below JSON of a request schema, by rule and label."""
    cases = cases_of(hc.RequestValidator(schema))
    return {case.id.removeprefix("request/wire/"): case.body for case in cases if case.payload is ABSENT}


@pytest.mark.parametrize("schema", SIMPLE, ids=json.dumps)
def test_faults_below_json_break_their_rule_and_no_other(schema: Any) -> None:
    found = wire_cases_of(schema)
    assert {"syntax/empty", "encoding/byte-order-mark", "content-type/text"} <= set(found)
    for name, body in found.items():
        rule = name.partition("/")[0]
        expected = set() if rule == "content-type" else {f"wire:{rule}"}
        assert {one.constraint for one in wire.decode(body).violations} == expected, name


def test_an_empty_object_is_given_the_members_that_conform() -> None:
    assert {name.partition("/")[0] for name in wire_cases_of({"type": "object"})} == set(wire.BYTES_RULES)
    rules = {name.partition("/")[0] for name in wire_cases_of({"additionalProperties": {"type": "integer"}})}
    assert {"duplicate-key", "number"} <= rules
    assert not {"depth", "surrogate"} & rules
    optional = {"type": "object", "additionalProperties": False, "properties": {"a": {"type": "integer"}}}
    assert {name.partition("/")[0] for name in wire_cases_of(optional)} == set(wire.BYTES_RULES)
    closed = {name.partition("/")[0] for name in wire_cases_of({"type": "object", "additionalProperties": False})}
    assert not {"duplicate-key", "depth", "number", "surrogate"} & closed


@pytest.mark.parametrize(
    ("schema", "bounded"),
    [
        ({"type": "string", "minLength": 60_000}, {}),
        ({"type": "string", "maxLength": 60_000.0, "pattern": "^[a-z]+$"}, {}),
        ({"type": "array", "minItems": 5_000}, {}),
        ({"type": "string", "maxLength": 2**17}, {}),  # as models that take long prompts have it
        ({"type": "array", "maxItems": 2**11, "items": {"type": "integer"}}, {}),
        ({"type": "object", "maxProperties": 2**11}, {}),
        ({"type": "string", "maxLength": LARGE}, {"maxLength": "texts of more than 600000 characters"}),
        ({"type": "string", "minLength": 100_000_000}, {"minLength": "texts of more than 600000 characters"}),
        ({"type": "array", "maxItems": LARGE}, {"maxItems": "arrays of more than 2500 items"}),
        ({"type": "array", "minItems": LARGE}, {"minItems": "arrays of more than 10000 items"}),
        ({"type": "object", "maxProperties": LARGE}, {"maxProperties": "objects of more than 2500 keys"}),
        ({"contains": {"type": "null"}, "maxContains": LARGE}, {"maxContains": "arrays of more than 2500 items"}),
    ],
    ids=str,
)
def test_lengths_beyond_the_bound_are_undecided(schema: dict[str, Any], bounded: dict[str, str]) -> None:
    validator = hc.RequestValidator(schema)
    cases = list(cases_of(validator))
    assert all(len(case.body) < 10**6 for case in cases)
    lines = list(told(validator))
    for keyword in schema.keys() & {"minLength", "maxLength", "minItems", "maxItems", "maxProperties", "maxContains"}:
        line = next((one for one in lines if one.startswith(f"request:/{keyword}: ")), "")
        assert ("undecided" in line, bounded.get(keyword, "") in line) == (keyword in bounded, True)
        broken = any(case.constraint == f"request:/{keyword}" and case.kind == "faulted" for case in cases)
        assert broken == (keyword not in bounded)


def test_what_is_proven_unreachable_is_not_counted_as_violable() -> None:
    first, *further = told(hc.RequestValidator({"type": "string", "minLength": 3, "maxLength": 2}))
    assert sum("unreachable: " in line for line in further) == 3
    assert first == "request: 0 of 0 violable constraints have a faulted case"


def test_where_nothing_conforms_each_part_is_broken_on_its_own() -> None:
    inner = {"type": "string", "minLength": 3, "maxLength": 2}
    validator = hc.RequestValidator({"type": "object", "properties": {"a": inner}})
    assert next(told(validator)) == "request: 4 of 4 violable constraints have a faulted case"
    assert all(len(one.breaks) == 1 for one in cases_of(validator) if one.kind == "faulted")


def nested(depth: int, outer: Callable[[Any], Any]) -> Any:
    schema: Any = {"type": "string"}
    for _ in range(depth):
        schema = outer(schema)
    return schema


# What each asks for is one step from what the one before it asks for.
CHAIN = {
    "type": "object",
    "required": ["k0"],
    "allOf": [{"if": {"required": [f"k{at}"]}, "then": {"required": [f"k{at + 1}"]}} for at in range(40)],
}
TREE = {"type": ["object", "array", "null"], "required": ["a"], "properties": {"a": {"$ref": "#/$defs/tree"}}}
TREE |= {"items": {"$ref": "#/$defs/tree"}, "minItems": 1}
FAR = [
    {"oneOf": [{"$ref": "#/$defs/tree"}, True], "$defs": {"tree": TREE}},  # only what is no tree
    {"oneOf": [{"$ref": "#/$defs/tree"}, True, {"maxItems": 1}], "$defs": {"tree": TREE}},  # and is mended twice
    CHAIN,
    nested(100, lambda inner: {"type": "object", "required": ["a"], "properties": {"a": inner}}),
    nested(100, lambda inner: {"type": "array", "minItems": 1, "items": inner}),
    {"oneOf": [{"type": "object"}, {"type": "object"}, {"type": "string", "pattern": "^\\p{Script=Greek}{3}$"}]},
]


FAR_NAMES = ["beside trees", "far beside trees", "conditions", "objects", "arrays", "the only branch left"]


@pytest.mark.parametrize("schema", FAR, ids=FAR_NAMES)
def test_a_value_is_found_however_far_it_is(schema: Any) -> None:
    assert next(cases_of(hc.SchemaValidator("response", schema))).kind == "conforming"


HALVES = "^[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDBFF-\\uDC00\\uDFFF]{1,9}$"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": HALVES, "maxLength": 5},
        {"type": "object", "required": ["a"], "properties": {"a": {"pattern": "^[\\uD800-\\uDFFF]*$"}}},
        {"type": "object", "patternProperties": {"^[\\uD800-\\uDFFF]": {"type": "null"}}},
    ],
)
def test_no_case_holds_what_no_body_can_carry(schema: Any) -> None:
    cases = list(cases_of(hc.SchemaValidator("response", schema)))
    assert len(cases) > 1
    assert all(not list(wire.problems(case.payload)) for case in cases)
