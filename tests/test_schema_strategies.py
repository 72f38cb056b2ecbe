"""The converter behind the strategies: every keyword, recursion, and what it says of schemas that it cannot serve."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, validators

import haiku_contract as hc
from haiku_contract.constraints import APPLICATORS, ASSERTIONS
from haiku_contract.generate._schema_strategies import Converter, leaves
from haiku_contract.generate.values import SMALLEST
from haiku_contract.strategies import requests

QUICK = settings(max_examples=40, derandomize=True, database=None, deadline=None)

pytestmark = pytest.mark.filterwarnings("error")


def drawn(values: st.SearchStrategy[Any], profile: settings = QUICK) -> list[Any]:
    found: list[Any] = []

    @profile
    @given(values)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


def with_schema(schema: Any) -> hc.Contract:
    response = hc.SchemaValidator("response", schema)
    return hc.Contract("test/schema", "Test", "1.0.0", {}, hc.RequestValidator(schema), response)


NODE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "required": ["value", "children"],
    "additionalProperties": False,
}
TAGGED = {"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind"]}
SIBLINGS: dict[str, Any] = {
    "recursion": {"$defs": {"node": NODE}, "$ref": "#/$defs/node"},
    "recursion through the root": {
        "properties": {"child": {"$ref": "#"}},
        "type": "object",
        "additionalProperties": False,
    },
    "recursion that a union ends": {
        "$defs": {
            "list": {
                "anyOf": [
                    {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/$defs/list"}}},
                    {"type": "null"},
                ]
            }
        },
        "$ref": "#/$defs/list",
    },
    "recursion with siblings": {
        "$defs": {"node": {"type": "object", "properties": {"sub": {"$ref": "#/$defs/node", "required": ["id"]}}}},
        "allOf": [{"$ref": "#/$defs/node"}],
    },
    "anchor": {"$defs": {"x": {"$anchor": "here", "type": "integer"}}, "$ref": "#here"},
    "reference with siblings": {
        "$defs": {"s": {"type": "string", "minLength": 2}},
        "$ref": "#/$defs/s",
        "maxLength": 4,
    },
    "tagged union": {"oneOf": [TAGGED, {**TAGGED, "properties": {"kind": {"const": "b"}, "y": {"type": "string"}}}]},
    "overlapping union": {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 2}]},
    "nested unions": {
        "anyOf": [
            {"oneOf": [{"type": "string", "maxLength": 3}, {"type": "boolean"}]},
            {"anyOf": [{"type": "null"}, {"type": "array", "items": {"anyOf": [{"type": "integer"}, TAGGED]}}]},
        ]
    },
    "union with siblings": {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        "additionalProperties": False,
    },
    "unions at once": {
        "allOf": [
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        ]
    },
    "lengths": {"type": "string", "minLength": 3, "maxLength": 5},
    "long text": {"type": "string", "minLength": 1_500},
    "pattern": {"type": "string", "pattern": "^[a-z]{2,4}-\\d+$", "maxLength": 9},
    "format": {"type": "string", "format": "date-time"},
    "leading items": {
        "type": "array",
        "prefixItems": [{"type": "string"}, {"type": "integer"}],
        "items": {"type": "null"},
    },
    "leading items only": {"prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False, "minItems": 1},
    "distinct items": {"type": "array", "items": {"enum": [1, 1.5, True, "1"]}, "uniqueItems": True, "minItems": 3},
    "many items": {"type": "array", "items": {"type": "string"}, "minItems": 120, "maxItems": 130},
    "contains": {
        "type": "array",
        "items": {"type": "integer"},
        "contains": {"minimum": 9},
        "minContains": 2,
        "maxContains": 3,
    },
    "integer": {"type": "integer", "minimum": -3, "exclusiveMaximum": 5.5},
    "huge integer": {"type": "integer", "minimum": 2**70, "maximum": 2**70 + 9},
    "multiple": {"type": "number", "multipleOf": 0.01, "minimum": 0, "maximum": 1},
    "whole multiple": {"type": "integer", "multipleOf": 7, "minimum": 10, "maximum": 1e6},
    "narrow bounds": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 3 * SMALLEST},
    "bounds at once": {"allOf": [{"type": "number", "minimum": 1}, {"maximum": 3}, {"type": "integer"}]},
    "type list": {"type": ["string", "null", "integer", "array"], "minLength": 1, "maxItems": 2},
    "no type": {"minimum": 3, "required": ["a"]},
    "constant": {"const": {"a": [1, {"b": None}]}},
    "enum with siblings": {"enum": [1, "a", "bb", None], "type": "string", "minLength": 2},
    "patterned keys": {
        "type": "object",
        "patternProperties": {"^x-": {"type": "integer"}, "^y": {"type": "string"}},
        "additionalProperties": False,
        "minProperties": 1,
    },
    "named keys": {
        "propertyNames": {"pattern": "^[a-z]+$"},
        "additionalProperties": {"type": "boolean"},
        "type": "object",
    },
    "number of keys": {"type": "object", "minProperties": 3, "maxProperties": 4},
    "dependent keys": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "dependentRequired": {"a": ["b", "c"]},
        "dependentSchemas": {"c": {"minProperties": 2}},
    },
    "unevaluated keys": {
        "allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}],
        "properties": {"b": {"type": "integer"}},
        "unevaluatedProperties": False,
    },
    "unevaluated items": {"type": "array", "prefixItems": [{"type": "string"}], "unevaluatedItems": False},
    "condition": {
        "type": "object",
        "properties": {"k": {"enum": ["a", "b"]}},
        "required": ["k"],
        "if": {"properties": {"k": {"const": "a"}}},
        "then": {"required": ["x"], "properties": {"x": {"type": "integer"}}},
        "else": {"required": ["y"]},
    },
    "closed beside open": {
        "allOf": [
            {
                "type": "object",
                "properties": {"a": {"type": ["string", "integer"]}},
                "additionalProperties": {"type": "integer"},
            },
            {"properties": {"a": {"type": ["number", "null"]}, "b": {"minimum": 5}}, "required": ["a", "b"]},
        ]
    },
    "everything twice": {
        "allOf": [
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}],
                "items": {"multipleOf": 4, "type": "number"},
                "minItems": 2,
            },
            {
                "prefixItems": [{"minimum": 3}, {"maximum": 40}],
                "items": {"multipleOf": 6},
                "maxItems": 5,
                "uniqueItems": True,
            },
        ]
    },
    "dependencies twice": {
        "allOf": [
            {"type": "object", "dependentRequired": {"a": ["b"]}, "required": ["a"]},
            {"dependentRequired": {"a": ["c"], "b": ["d"]}, "patternProperties": {"^[a-d]$": {"type": "boolean"}}},
        ]
    },
    "members twice": {"allOf": [{"enum": ["a", "b", 3]}, {"enum": ["b", 3, "c"]}, {"type": "string"}]},
    "references twice": {
        "$defs": {"low": {"minimum": 3}, "high": {"type": "integer", "maximum": 9}},
        "type": "object",
        "properties": {"n": {"allOf": [{"$ref": "#/$defs/low"}, {"$ref": "#/$defs/high"}]}},
        "allOf": [{"properties": {"n": {"$ref": "#/$defs/low"}}, "required": ["n"]}],
    },
    "required recursion in an array": {
        "$defs": {
            "pair": {
                "oneOf": [
                    {"type": "array", "items": {"$ref": "#/$defs/pair"}, "minItems": 2, "maxItems": 2},
                    {"type": "null"},
                ]
            }
        },
        "$ref": "#/$defs/pair",
    },
    "condition without else": {
        "type": "integer",
        "maximum": 9_007_199_254_740_991,
        "if": {"minimum": 10},
        "then": {"multipleOf": 5},
    },
    "negation": {"type": "string", "not": {"const": "Hello"}},
    "draft 7": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": ["object", "array"],
        "items": [{"type": "string"}],
        "additionalItems": {"type": "integer"},
        "dependencies": {"a": ["b"], "b": {"minProperties": 2}},
    },
    "impossible option": {"type": "object", "properties": {"a": False, "b": {"type": "string"}}},
    "everything": True,
}


DRAFTS = {number: f"http://json-schema.org/draft-0{number}/schema#" for number in (4, 6, 7)}
EARLIER: dict[str, Any] = {
    "4: exclusive bounds are booleans": {
        "$schema": DRAFTS[4],
        "type": "number",
        "minimum": 0,
        "exclusiveMinimum": True,
        "maximum": 1,
        "exclusiveMaximum": True,
    },
    "4: 1.0 is no integer": {"$schema": DRAFTS[4], "type": "integer", "minimum": 0, "maximum": 3},
    "4: no const": {"$schema": DRAFTS[4], "const": 3, "type": "string"},
    "4: identifiers": {
        "$schema": DRAFTS[4],
        "definitions": {"text": {"id": "#text", "type": "string"}},
        "additionalProperties": {"$ref": "#text"},
        "type": "object",
    },
    "4: references to places that hold no schemas": {
        "$schema": DRAFTS[4],
        "definitions": {"group": {"if": {"type": "integer", "const": 1}, "then": {"$ref": "#/parts/text"}}},
        "parts": {"text": {"enum": ["a", "b", "c"], "contains": False}},
        "items": {"anyOf": [{"$ref": "#/definitions/group/if"}, {"$ref": "#/definitions/group/then"}]},
        "type": "array",
    },
    "6: no conditions": {"$schema": DRAFTS[6], "type": "integer", "if": True, "then": {"type": "string"}},
    "7: nothing counts beside a reference": {
        "$schema": DRAFTS[7],
        "definitions": {"text": {"type": "string"}},
        "properties": {"a": {"$ref": "#/definitions/text", "type": "integer"}},
        "type": "object",
        "required": ["a"],
    },
    "7: at the root neither": {
        "$schema": DRAFTS[7],
        "definitions": {"text": {"type": "string"}},
        "$ref": "#/definitions/text",
        "type": "integer",
    },
    "7: references into items": {
        "$schema": DRAFTS[7],
        "type": "array",
        "items": [{"type": "string"}, {"$ref": "#/items/0"}],
        "additionalItems": {"$ref": "#/dependencies/a"},
        "dependencies": {"a": {"type": "null"}, "b": ["c"]},
        "minItems": 4,
    },
    "7: words of later drafts": {
        "$schema": DRAFTS[7],
        "type": ["array", "object"],
        "items": {"type": "integer"},
        "prefixItems": [{"type": "string"}],
        "unevaluatedProperties": False,
        "dependentRequired": {"a": ["b"]},
        "contains": {"const": 1},
        "minContains": 3,
        "minItems": 1,
        "required": ["a"],
    },
    "2019-09: recursion": {
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "$recursiveAnchor": True,
        "type": "object",
        "properties": {"inner": {"type": "array", "items": {"$recursiveRef": "#"}}, "value": {"type": "integer"}},
        "required": ["value"],
        "additionalProperties": False,
    },
}
"""What earlier drafts say differently, by draft."""


@pytest.mark.parametrize("schema", EARLIER.values(), ids=list(EARLIER))
def test_earlier_drafts_are_read_as_they_are_meant(schema: Any) -> None:
    judge = validators.validator_for(schema)(schema)
    unjudged = drawn(Converter(hc.SchemaValidator("request", schema)).unjudged())
    assert [value for value in unjudged if not judge.is_valid(value)] == []
    assert len({repr(value) for value in unjudged}) > 2


@pytest.fixture
def _nothing_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test fail where a filter would refuse an example."""

    def refuse() -> None:
        raise AssertionError("an example was rejected")

    monkeypatch.setattr(leaves, "reject", refuse)


@pytest.mark.usefixtures("_nothing_is_rejected")
def test_nothing_is_rejected_because_of_a_branch_without_values() -> None:
    """A union in a union that accepts nothing is seen before anything is drawn from it."""
    never = {"type": "integer", "oneOf": [True, True]}
    assert len(drawn(requests(with_schema({"oneOf": [{"type": "string"}, never]})))) == QUICK.max_examples
    hopeless = {"type": "string", "minLength": 1, "not": {"pattern": "^[^\ud7ff]"}}
    assert len(drawn(requests(with_schema({"anyOf": [{"type": "null"}, hopeless]})), QUICK)) > 1


@pytest.mark.usefixtures("_nothing_is_rejected")
@pytest.mark.parametrize("schema", SIBLINGS.values(), ids=list(SIBLINGS))
def test_other_schemas_are_converted(schema: Any) -> None:
    judge = validators.validator_for(schema, default=Draft202012Validator)(schema)
    unjudged = drawn(Converter(hc.SchemaValidator("request", schema)).unjudged())
    assert unjudged
    assert [value for value in unjudged if not judge.is_valid(value)] == []
    assert all(
        judge.is_valid(value) for value in drawn(requests(with_schema(schema)), settings(QUICK, max_examples=20))
    )


def test_a_pattern_that_only_ecma_262_reads() -> None:
    schema = {"type": "string", "pattern": "^\\p{Lu}+$"}
    texts = set(drawn(requests(with_schema(schema))))
    assert {"A", "ABC"} < texts
    assert all(text.isupper() for text in texts)


def test_what_is_drawn_conforms_in_both_engines() -> None:
    """A unit separator is white space to Python, and none to ECMA 262."""
    schema = {"type": "string", "pattern": "^[a-f\\x1f]$", "allOf": [{"pattern": "^\\S$"}]}
    assert hc.SchemaValidator("request", schema).is_valid("\x1f")
    assert "\x1f" not in drawn(requests(with_schema(schema)))


def test_every_keyword_has_a_schema_here() -> None:
    def keywords(schema: Any) -> set[str]:
        if isinstance(schema, dict):
            return set(schema).union(*(keywords(child) for child in schema.values()))
        return set().union(*(keywords(child) for child in schema)) if isinstance(schema, list) else set()

    assert {*ASSERTIONS, *APPLICATORS} - keywords(list(SIBLINGS.values())) == set()


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (False, "nothing is allowed at the root"),
        ({"properties": {"a": False}, "required": ["a"], "type": "object"}, "leave no value"),
        ({"allOf": [{"type": "string"}, {"type": "number"}]}, "nothing is allowed"),
        ({"type": "number", "minimum": 3, "maximum": 2}, "leave no value"),
        ({"enum": [1, 2], "type": "string"}, "no member of 'enum'"),
        (
            {"$defs": {"n": {**NODE, "properties": {"children": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
            "another such",
        ),
        ({"type": "object", "required": ["a"], "not": {"required": ["a"]}}, "'not' refuses what is asked for"),
        (
            {"properties": {"x": {"type": "string", "not": {"minLength": 0}}}, "required": ["x"], "type": "object"},
            "nothing may stand under the required key 'x'",
        ),
        ({"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 3}, "no more than 2 do"),
        ({"type": "string", "pattern": "[\\uD83D\\uDE00]"}, "'pattern'"),
        ({"type": "string", "pattern": "^\\p{Script=Tibetan}{3}$"}, "'pattern'"),
        ({"allOf": [{"const": 1}, {"const": 2}]}, "nothing is allowed"),
        ({"type": "array", "minItems": 2, "items": False}, "leave no value"),
        ({"type": "object", "required": ["a", "b"], "maxProperties": 1}, "leave no value"),
        ({"anyOf": [{"enum": []}, False]}, "no branch of the union"),
        ({"allOf": [{"$ref": "#"}]}, "another such"),
        ({"$ref": "https://example.com/other.json"}, "only references into the same document"),
    ],
)
def test_what_cannot_be_generated_is_said(schema: Any, message: str) -> None:
    with pytest.raises(hc.UsageError) as caught:
        drawn(Converter(hc.SchemaValidator("request", schema)).values())
    assert message in str(caught.value)
