"""The walk over a schema against lists written by hand, and what taking one constraint out may change."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract import constraints, pointer
from haiku_contract.generate import suite
from haiku_contract.model import ABSENT
from haiku_contract.validation import SchemaValidator, compile_schema

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=300)
VERSIONS = ("1.0.0", "1.1.0", "1.1.1")

_MESSAGE = "/properties/messages/items"
_BLOCK = f"{_MESSAGE}/properties/content/anyOf/1/items"
FURTHER = "accepts every further key"
A_KEY = "a JSON key is a string"

REQUEST_1_0_0: list[tuple[str, str]] = [
    ("/type", ""),
    ("/properties/messages/type", ""),
    (f"{_MESSAGE}/type", ""),
    (f"{_MESSAGE}/properties/role/type", ""),
    (f"{_MESSAGE}/properties/role/enum", ""),
    (f"{_MESSAGE}/properties/content/anyOf", ""),
    (f"{_MESSAGE}/properties/content/anyOf/0/type", ""),
    (f"{_MESSAGE}/properties/content/anyOf/1/type", ""),
    (f"{_BLOCK}/type", ""),
    (f"{_BLOCK}/properties/type/type", ""),
    (f"{_BLOCK}/properties/text/type", ""),
    (f"{_BLOCK}/required/0", ""),
    (f"{_BLOCK}/additionalProperties", ""),
    (f"{_MESSAGE}/required/0", ""),
    (f"{_MESSAGE}/required/1", ""),
    (f"{_MESSAGE}/additionalProperties", ""),
    ("/properties/max_tokens/type", ""),
    ("/properties/max_tokens/exclusiveMinimum", ""),
    ("/properties/system/type", ""),
    ("/properties/temperature/type", ""),
    ("/properties/temperature/minimum", ""),
    ("/properties/temperature/maximum", ""),
    ("/properties/top_p/type", ""),
    ("/properties/top_p/minimum", ""),
    ("/properties/top_p/maximum", ""),
    ("/properties/top_k/type", ""),
    ("/properties/top_k/exclusiveMinimum", ""),
    ("/properties/stream/type", ""),
    ("/properties/metadata/type", ""),
    ("/properties/metadata/propertyNames/type", A_KEY),
    ("/properties/metadata/additionalProperties", FURTHER),
    ("/required/0", ""),
    ("/required/1", ""),
    ("/additionalProperties", FURTHER),
]
"""Every assertion site of the published request schema, and why nothing can break it where nothing can."""

UNUSED = "no reference leads to this definition"
ASKED = "only asked under 'not', 'contains', 'if' or 'unevaluated…', where to fail is no fault"
EVERY = "accepts every value"
EVERY_KEY = "a pattern beside it speaks of every key"
NO_CONTAINS = "stands beside no 'contains', without which it says nothing"
ONE = "its branches accept every value"
OPEN = "another branch of the union accepts every value"
OPEN_TO = "another branch of the union accepts every value that it speaks of"
NO_IF = "stands beside no 'if', without which it says nothing"

VOCABULARY: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "everything",
    "allOf": [{"type": "object"}, {"$ref": "#/$defs/node"}, False],
    "anyOf": [{"minProperties": 1}, {"$ref": "#word"}],
    "oneOf": [{"required": ["a"]}, True],
    "not": {"required": ["z"], "properties": {"z": {"$ref": "#/$defs/asked"}}},
    "if": {"properties": {"kind": {"const": 1}}},
    "then": {"required": ["one", "two"]},
    "else": {"$ref": "#/$defs/a%20b~1c"},
    "dependentSchemas": {"a": {"maxProperties": 9}, "b": False},
    "dependentRequired": {"a": ["b"]},
    "properties": {
        "list": {
            "prefixItems": [{"const": "head"}, {"enum": [1, 2]}],
            "items": {"multipleOf": 2},
            "contains": {"type": "integer"},
            "minContains": 1,
            "maxContains": 3,
            "uniqueItems": True,
        },
        "required": False,
        "items": {"minLength": 1},
        "closed": {"prefixItems": [True], "items": False, "unevaluatedItems": {"type": "string"}},
    },
    "patternProperties": {"^x-": {"pattern": "a"}},
    "propertyNames": {"maxLength": 9, "$ref": "#word"},
    "unevaluatedProperties": {"type": "number"},
    "$defs": {
        "node": {"properties": {"next": {"$ref": "#/$defs/node"}, "up": {"$dynamicRef": "#top"}}},
        "word": {"$anchor": "word", "type": "string", "minLength": 2},
        "top": {"$dynamicAnchor": "top", "exclusiveMaximum": 5},
        "a b/c": {"maxItems": 2},
        "asked": {"type": "null"},
        "unused": {"type": "null", "$defs": {"deeper": {"const": 1}}},
    },
}
VOCABULARY_SITES: list[tuple[str, str]] = [
    ("/allOf/0/type", ""),
    ("/$defs/top/exclusiveMaximum", ""),
    ("/allOf/2", ""),
    ("/anyOf", ""),
    ("/anyOf/0/minProperties", ""),
    ("/$defs/word/type", ""),
    ("/$defs/word/minLength", ""),
    ("/oneOf", ""),
    ("/oneOf/0/required/0", OPEN),
    ("/not", ""),
    ("/then/required/0", ""),
    ("/then/required/1", ""),
    ("/$defs/a b~1c/maxItems", ""),
    ("/dependentSchemas/a/maxProperties", ""),
    ("/dependentSchemas/b", ""),
    ("/dependentRequired", ""),
    ("/properties/list/prefixItems/0/const", ""),
    ("/properties/list/prefixItems/1/enum", ""),
    ("/properties/list/items/multipleOf", ""),
    ("/properties/list/contains", "'minContains' speaks for it"),
    ("/properties/list/minContains", ""),
    ("/properties/list/maxContains", ""),
    ("/properties/list/uniqueItems", ""),
    ("/properties/required", ""),
    ("/properties/items/minLength", ""),
    ("/properties/closed/items", ""),
    ("/properties/closed/unevaluatedItems", "'items' beside it speaks of every item that is left"),
    ("/patternProperties/^x-/pattern", ""),
    ("/propertyNames/maxLength", ""),
    ("/unevaluatedProperties", ""),
    ("/$defs/asked/type", ASKED),
    ("/$defs/unused/type", UNUSED),
    ("/$defs/unused/$defs/deeper/const", UNUSED),
]

# (schema, [(pointer, why nothing can break it)])
UNVIOLABLE: list[tuple[Any, list[tuple[str, str]]]] = [
    (True, []),
    ({}, []),
    (False, [("", "")]),
    ({"type": ["null", "boolean", "number", "string", "array", "object"]}, [("/type", EVERY)]),
    ({"type": ["null", "boolean", "integer", "string", "array", "object"]}, [("/type", "")]),
    ({"minLength": 0, "minItems": 0, "minProperties": 0}, [
        ("/minLength", EVERY), ("/minItems", EVERY), ("/minProperties", EVERY),
    ]),
    ({"uniqueItems": False, "dependentRequired": {"a": []}}, [("/uniqueItems", EVERY), ("/dependentRequired", EVERY)]),
    ({"items": True, "additionalProperties": {}}, [
        ("/items", "accepts every further item"), ("/additionalProperties", FURTHER),
    ]),
    ({"unevaluatedItems": {}, "unevaluatedProperties": False}, [
        ("/unevaluatedItems", "accepts every further item"), ("/unevaluatedProperties", ""),
    ]),
    ({"not": False}, [("/not", EVERY)]),
    ({"not": {}}, [("/not", "")]),
    ({"anyOf": [{"type": "string"}, True]}, [("/anyOf", ONE), ("/anyOf/0/type", OPEN)]),
    ({"oneOf": [True]}, [("/oneOf", ONE)]),
    ({"anyOf": [{"instanceof": "RegExp"}, {"minLength": 1}]}, [("/anyOf", ONE), ("/anyOf/1/minLength", OPEN)]),
    ({"anyOf": [{"properties": {"a": {"$ref": "#"}}}, False]}, [("/anyOf", ONE), ("/anyOf/1", OPEN)]),
    ({"anyOf": [{"properties": {"a": {"enum": [1]}}}, {"required": ["b"]}]}, [
        ("/anyOf", ""),
        ("/anyOf/0/properties/a/enum", ""),
        ("/anyOf/1/required/0", ""),
    ]),
    ({"type": "object", "anyOf": [{"type": "object"}, {"required": ["a"]}]}, [
        ("/type", ""),
        ("/anyOf", ""),  # with the type, by what is no object
        ("/anyOf/0/type", ""),
        ("/anyOf/1/required/0", OPEN_TO),
    ]),
    ({"pattern": "[\\s\\S]*"}, [("/pattern", EVERY)]),
    ({"pattern": "^[\\d\\D]*$"}, [("/pattern", EVERY)]),
    ({"pattern": "^.*$"}, [("/pattern", "")]),
    ({"pattern": "a{,3}"}, [("/pattern", "")]),
    ({"const": False, "enum": [False]}, [("/const", ""), ("/enum", "")]),
    ({"type": "string", "minimum": 1, "required": ["a"], "maxLength": 3}, [
        ("/type", ""),
        ("/minimum", ""),  # with the type, by a small number
        ("/required/0", ""),
        ("/maxLength", ""),
    ]),
    ({"type": "integer", "minimum": 1}, [("/type", ""), ("/minimum", "")]),
    ({"type": ["string", "null"], "properties": {"a": {"type": "null"}}, "items": False}, [
        ("/type", ""),
        ("/properties/a/type", ""),
        ("/items", ""),
    ]),
    ({"propertyNames": {"type": ["string", "null"], "maximum": 1, "minLength": 1, "allOf": [{"type": "string"}]}}, [
        ("/propertyNames/type", A_KEY),
        ("/propertyNames/maximum", f"speaks of numbers only, and {A_KEY}"),
        ("/propertyNames/minLength", ""),
        ("/propertyNames/allOf/0/type", A_KEY),
    ]),
    ({"propertyNames": {"type": "number"}}, [("/propertyNames/type", "")]),
    ({"propertyNames": {"properties": {"a": {"type": "string"}}}}, [
        ("/propertyNames/properties/a/type", f"speaks of objects only, and {A_KEY}"),
    ]),
    ({"minContains": 2, "maxContains": 3}, [("/minContains", NO_CONTAINS), ("/maxContains", NO_CONTAINS)]),
    ({"contains": {}, "minContains": 0, "maxContains": 1}, [
        ("/contains", "'minContains' asks for none"), ("/minContains", EVERY), ("/maxContains", ""),
    ]),
    ({"patternProperties": {"^(a|b)|c*$": {}}, "additionalProperties": False}, [("/additionalProperties", EVERY_KEY)]),
    ({"patternProperties": {".*": {}}, "additionalProperties": {"const": 1}}, [
        ("/additionalProperties/const", EVERY_KEY),
    ]),
    ({"patternProperties": {"^(a|b)$|^c*$": {}}, "additionalProperties": False}, [("/additionalProperties", "")]),
    ({"type": "string", "pattern": "^(arn:.*)|()$"}, [("/type", ""), ("/pattern", EVERY)]),
    ({"then": {"type": "null"}, "else": False}, [
        ("/then/type", NO_IF), ("/else", NO_IF),
    ]),
    ({"if": False, "then": False, "else": False}, [("/then", "'if' never holds"), ("/else", "")]),
    ({"if": {}, "then": False, "else": False}, [("/then", ""), ("/else", "'if' always holds")]),
    ({"propertyNames": {"$ref": "#/$defs/s"}, "items": {"$ref": "#/$defs/s"}, "$defs": {"s": {"type": "string"}}}, [
        ("/$defs/s/type", ""),
    ]),
    ({"not": {"$ref": "#/$defs/s"}, "items": {"$ref": "#/$defs/s"}, "$defs": {"s": {"type": "string"}}}, [
        ("/not", ""), ("/$defs/s/type", ""),
    ]),
    ({"$id": "https://example.org/s", "$ref": "https://example.org/s#/$defs/s", "$defs": {"s": {"type": "string"}}}, [
        ("/$defs/s/type", ""),
    ]),
    ({"properties": {"$defs": {"type": "null"}, "$ref": {"const": "#/nowhere"}}}, [
        ("/properties/$defs/type", ""), ("/properties/$ref/const", ""),
    ]),
]  # fmt: skip


def sites(schema: Any) -> list[tuple[str, str]]:
    return [(one.pointer, one.reason) for one in constraints.walk(schema, "request")]


CONTRACTS = {version: hc.load(version=version) for version in VERSIONS}


@cache
def payloads(side: str) -> list[Any]:
    found = [case.payload for contract in CONTRACTS.values() for case in suite(contract) if case.side == side]
    return [payload for payload in found if payload is not ABSENT]


def test_the_request_of_1_0_0() -> None:
    found = CONTRACTS["1.0.0"].request.constraints
    assert [(one.pointer, one.reason) for one in found] == REQUEST_1_0_0
    assert [one.pointer for one in found if not one.violable] == [place for place, reason in REQUEST_1_0_0 if reason]
    assert all(one.reachable for one in found)


def test_the_response_of_1_0_0_and_what_1_1_1_changed() -> None:
    old, new = (CONTRACTS[version].response.constraints for version in ("1.0.0", "1.1.1"))
    assert (len(old), sum(one.violable for one in old)) == (30, 28)
    assert [one.pointer for one in old if not one.violable] == [
        "/properties/content/items/additionalProperties",
        "/additionalProperties",
    ]
    assert {one.id for one in old} ^ {one.id for one in new} == {
        *(f"response:/properties/stop_reason/anyOf{rest}" for rest in ("", "/0/type", "/1/type")),
        "response:/properties/stop_reason/type",
    }


@pytest.mark.parametrize(
    "schema", [one.schema for contract in CONTRACTS.values() for one in contract.sides] + [VOCABULARY]
)
def test_every_id_names_a_place_in_the_schema(schema: Any) -> None:
    found = constraints.walk(schema, "response")
    assert len({one.id for one in found}) == len(found)
    for one in found:
        assert one.id == f"response:{one.pointer}"
        assert pointer.get(schema, pointer.split(one.pointer)) == one.value
        assert one.keyword == constraints.keyword_at(tuple(pointer.split(one.pointer)))
        assert one.violable == (not one.reason)
        assert one.reachable == (one.reason not in {UNUSED, NO_IF})


def test_the_whole_vocabulary() -> None:
    assert sites(VOCABULARY) == VOCABULARY_SITES
    compile_schema(VOCABULARY, "request")


@pytest.mark.parametrize("index", range(len(UNVIOLABLE)))
def test_what_nothing_can_break(index: int) -> None:
    schema, expected = UNVIOLABLE[index]
    assert sites(schema) == expected
    compile_schema(schema, "request")


@pytest.mark.parametrize("index", range(len(UNVIOLABLE)))
@given(data=st.data())
@settings(DETERMINISTIC, max_examples=40)
def test_nothing_breaks_what_nothing_can_break(index: int, data: st.DataObject) -> None:
    validator = SchemaValidator("request", UNVIOLABLE[index][0])
    broken = validator.broken(data.draw(SMALL_JSON))
    assert not [one for one in validator.constraints if one.id in broken and not one.violable]


SMALL_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 4) | st.floats(-1, 4) | st.sampled_from(["", "a", "abcd"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "$ref"]), inner, max_size=3),
    max_leaves=6,
)


def test_definitions_in_a_long_chain() -> None:
    chain = {f"d{index}": {"$ref": f"#/$defs/d{index + 1}"} for index in range(3000)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**chain, "d3000": {"type": "null"}}}
    assert sites(schema) == [("/$defs/d3000/type", "")]


@pytest.mark.parametrize(
    ("tokens", "keyword"),
    [
        ([], ""),
        (["type"], "type"),
        (["required"], "required"),
        (["required", "0"], "required"),
        (["properties", "required"], ""),
        (["properties", "required", "required", 1], "required"),
        (["properties", "properties", "properties", "type", "type"], "type"),
        (["anyOf", 0], ""),
        (["anyOf"], "anyOf"),
        (["items"], "items"),
        (["properties", "items", "items"], "items"),
        (["$defs", "type", "const"], "const"),
    ],
)
def test_the_keyword_at_a_place(tokens: list[str | int], keyword: str) -> None:
    assert constraints.keyword_at(tuple(tokens)) == keyword


# -- without ----------------------------------------------------------------------------------------------------


@cache
def weaker(version: str, side: str, constraint_id: str) -> SchemaValidator:
    validator = getattr(CONTRACTS[version], side)
    return SchemaValidator(side, constraints.without(validator.schema, validator.constraint(constraint_id)))  # type: ignore[arg-type]


@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_constraint_its_own_faults_conform(version: str) -> None:
    for case in suite(CONTRACTS[version]):
        if case.kind == "faulted" and case.breaks == (case.constraint,) and not case.constraint.startswith("wire:"):
            validator = weaker(version, case.side, case.constraint)
            assert validator.engine.is_valid(case.payload), case.id


@given(st.data())
@settings(DETERMINISTIC, max_examples=800)
def test_without_a_constraint_everything_valid_stays_valid(data: st.DataObject) -> None:
    version = data.draw(st.sampled_from(VERSIONS))
    validator = data.draw(st.sampled_from(CONTRACTS[version].sides))
    payload = data.draw(st.sampled_from(payloads(validator.side)))
    constraint = data.draw(st.sampled_from(validator.constraints))
    less = weaker(version, validator.side, constraint.id)
    broken = validator.broken(payload)
    assert {member(one) for one in less.broken(payload)} <= {member(one) for one in broken}
    if broken <= {constraint.id}:
        assert less.engine.is_valid(payload)


def member(constraint_id: str) -> str:
    """The members of `required` move up where one is taken out."""
    return re.sub(r"/required/\d+\Z", "/required", constraint_id)


WITHOUT: list[tuple[Any, str, Any]] = [
    ({"const": False, "type": "null"}, "/const", {"type": "null"}),
    ({"properties": {"const": False}}, "/properties/const", {"properties": {"const": {}}}),
    ({"properties": {"required": False}}, "/properties/required", {"properties": {"required": {}}}),
    ({"required": ["a", "b"]}, "/required/0", {"required": ["b"]}),
    ({"required": ["a"]}, "/required/0", {"required": []}),
    ({"prefixItems": [True], "items": False}, "/items", {"prefixItems": [True], "items": {}}),
    ({"anyOf": [{"type": "null"}, False]}, "/anyOf/1", {"anyOf": [{"type": "null"}, {}]}),
    ({"anyOf": [{"type": "null"}, False]}, "/anyOf/0/type", {"anyOf": [{}, False]}),
    ({"anyOf": [{"type": "null"}], "minimum": 1}, "/anyOf", {"minimum": 1}),
    ({"additionalProperties": False}, "/additionalProperties", {"additionalProperties": {}}),
    ({"unevaluatedProperties": {"type": "null"}}, "/unevaluatedProperties", {"unevaluatedProperties": {}}),
    ({"contains": {}, "minContains": 0}, "/minContains", {"contains": {}, "minContains": 0}),
    ({"contains": {}, "minContains": 2}, "/minContains", {"contains": {}}),
    ({"not": {"$ref": "#/$defs/a"}, "$defs": {"a": {"type": "null"}}}, "/$defs/a/type", None),
    (False, "", {}),
]


@pytest.mark.parametrize(("schema", "place", "expected"), WITHOUT)
def test_what_is_taken_out(schema: Any, place: str, expected: Any) -> None:
    constraint = next(one for one in constraints.walk(schema, "request") if one.pointer == place)
    assert constraints.without(schema, constraint) == (schema if expected is None else expected)
