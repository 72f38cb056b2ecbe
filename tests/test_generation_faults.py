"""Constraints that are hard to break: in lax unions, of types that the simplest value has not, under odd patterns."""

from __future__ import annotations

from typing import Any

import pytest

import haiku_contract as hc
from haiku_contract import pointer, wire
from haiku_contract._reference import ReferenceEngine
from haiku_contract.generate.suite import cases_of, unreached

LAX = {"properties": {"any": {"type": "array", "items": {"type": "string"}}}}

# A schema, a constraint in it, and how many constraints the smallest fault of it breaks together.
BROKEN: list[tuple[dict[str, Any], str, int]] = [
    ({"anyOf": [{"type": "string"}, LAX]}, "/anyOf/0/type", 3),
    ({"anyOf": [{"type": "string"}, LAX]}, "/anyOf/1/properties/any/type", 1),
    ({"type": "array", "items": {"anyOf": [{"type": "null"}, {"maxLength": 2}]}}, "/items/anyOf/0/type", 3),
    ({"anyOf": [{"pattern": "^a"}, {"pattern": "b$"}]}, "/anyOf", 3),
    ({"anyOf": [{"pattern": "^a"}, {"pattern": "b$"}]}, "/anyOf/1/pattern", 3),
    ({"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "object"}]}, "/anyOf", 3),
    ({"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "object"}]}, "/anyOf/1/type", 3),
    ({"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "object"}]}, "/anyOf/0/type", 4),
    ({"type": ["object", "string"], "minLength": 2}, "/minLength", 1),
    ({"type": ["null", "array"], "uniqueItems": True}, "/uniqueItems", 1),
    ({"items": {"type": "integer"}}, "/items/type", 1),
    ({"maximum": 3}, "/maximum", 1),
    ({"patternProperties": {"^.*$": {"type": "null"}}, "additionalProperties": False}, "/additionalProperties", 1),
    ({"type": "string", "pattern": "^.*$"}, "/pattern", 1),
    ({"type": "string", "pattern": "^\\d*$"}, "/pattern", 1),
    # Of another type than the one that is accepted: broken with it, and with nothing else.
    ({"type": "null", "maximum": 2}, "/maximum", 2),
    ({"type": "string", "required": ["a"], "minProperties": 2}, "/required/0", 2),
    ({"type": "string", "required": ["a"], "minProperties": 2}, "/minProperties", 2),
    ({"type": "boolean", "dependentRequired": {"a": ["b"]}, "required": ["c"]}, "/dependentRequired", 2),
    ({"type": "null", "unevaluatedItems": {"type": "string"}, "minItems": 1}, "/unevaluatedItems", 2),
    ({"enum": ["a"], "properties": {"a": {"const": 1}}}, "/properties/a/const", 2),
    # Without the key there are too few.
    ({"type": "object", "required": ["a", "b"], "minProperties": 2}, "/required/0", 1),
    # One key more is one too many, unless another one goes.
    ({"type": "object", "properties": {"a": {}, "c": {}}, "additionalProperties": False, "minProperties": 2,
      "maxProperties": 2}, "/additionalProperties", 1),
    ({"type": "object", "properties": {"a": {}, "c": {}}, "unevaluatedProperties": False, "minProperties": 2,
      "maxProperties": 2}, "/unevaluatedProperties", 1),
    ({"properties": {"p": {"allOf": [{"type": "number"}, {"not": {"required": ["c"]}}]}}},
     "/properties/p/allOf/0/type", 1),
    # No conforming value has the part in which they stand.
    ({"type": "null", "properties": {"a": {"minimum": 1}}, "required": ["a", "b"]}, "/properties/a/minimum", 2),
    ({"properties": {"a": {"type": "null", "const": 3}}}, "/properties/a/type", 1),
    ({"properties": {"a": {"type": "null", "const": 3}}}, "/properties/a/const", 1),
    ({"allOf": [{"type": "null"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {"items": {"minLength": 1}}}},
     "/$defs/a/items/minLength", 2),
    ({"prefixItems": [False, {"multipleOf": 2}]}, "/prefixItems/1/multipleOf", 2),
    ({"type": "null", "prefixItems": [False]}, "/prefixItems/0", 2),
    ({"type": "null", "prefixItems": [False], "items": {"const": 1}}, "/items/const", 3),
    ({"type": "null", "properties": {"a": {"anyOf": [{"type": "string"}, {"const": 7}]}}}, "/properties/a/anyOf", 4),
    ({"type": "null", "properties": {"a": {"anyOf": [{"type": "string"}, {"const": 7}]}}},
     "/properties/a/anyOf/1/const", 4),
    ({"type": "null", "patternProperties": {"^a": {"type": "null"}, "b$": False}},
     "/patternProperties/^a/type", 2),
    ({"type": "null", "additionalProperties": {"const": 1}, "properties": {"a": False}},
     "/additionalProperties/const", 2),
    ({"type": "null", "if": {"required": ["a"]}, "then": {"maxProperties": 1}}, "/then/maxProperties", 2),
    # Every array is refused, and every object has too many keys, or too few.
    ({"contains": False, "prefixItems": [False]}, "/prefixItems/0", 2),
    ({"properties": {"a": {"minProperties": 3, "unevaluatedProperties": False}}},
     "/properties/a/unevaluatedProperties", 1),
    # What stands for the part that is not evaluated is more than any sample.
    ({"unevaluatedProperties": {"maxProperties": 1}}, "/unevaluatedProperties", 1),
    ({"prefixItems": [True], "unevaluatedItems": {"maxItems": 1}}, "/unevaluatedItems", 1),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "place", "together"), BROKEN, ids=str)
def test_what_is_hard_to_break(schema: dict[str, Any], place: str, together: int) -> None:
    validator, reference = hc.SchemaValidator("response", schema), ReferenceEngine.compile(schema)
    assert reference is not None
    found = [one for one in cases_of(validator) if one.kind == "faulted" and one.constraint == f"response:{place}"]
    assert {len(one.breaks) for one in found} == {together}
    for case in found:
        assert f"response:{place}" in case.breaks
        assert not validator.engine.is_valid(case.payload)
        assert not reference.is_valid(case.payload)
        assert case.fault is not None
        assert validator.engine.is_valid(case.twin)
        assert wire.encode(pointer.apply(case.fault, case.twin)) == case.body


BRANCH = "unviolable: another branch of the union accepts every value that it speaks of"
# A schema, a constraint in it, and why it has no faulted case.
UNBROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"anyOf": [{"instanceof": "RegExp"}, {"minLength": 1}]}, "/anyOf/1/minLength", "unviolable: another branch"),
    ({"pattern": "[\\s\\S]*"}, "/pattern", "unviolable: accepts every value"),
    ({"if": False, "then": False}, "/then", "unreachable: 'if' never holds"),
    ({"dependentRequired": {"a": ["a"]}}, "/dependentRequired", "unviolable: accepts every value"),
    (
        {"additionalProperties": True, "unevaluatedProperties": False},
        "/unevaluatedProperties",
        "unviolable: 'additional",
    ),
    ({"anyOf": [{"allOf": [{"maxLength": 3}]}, {"type": "string"}]}, "/anyOf/0/allOf/0/maxLength", BRANCH),
    ({"anyOf": [{"type": ["number", "array"]}, {"items": {"minimum": 3}}]}, "/anyOf/1/items/minimum", BRANCH),
    ({"oneOf": [{"type": "null"}, {"type": "null"}]}, "/oneOf/0/type", "unreachable: no value conforms: no branch"),
]


@pytest.mark.parametrize(("schema", "place", "why"), UNBROKEN, ids=str)
def test_what_cannot_be_broken_is_said_so(schema: dict[str, Any], place: str, why: str) -> None:
    validator = hc.SchemaValidator("response", schema)
    constraint = validator.constraint(f"response:{place}")
    assert constraint is not None
    assert not any(one.constraint == constraint.id and one.kind == "faulted" for one in cases_of(validator))
    assert unreached(validator, constraint).startswith(why)


# A schema, and a constraint in it that is broken alone although the first edit that comes to mind breaks more.
ALONE: list[tuple[dict[str, Any], str]] = [
    ({"properties": {"a": {}, "b": {"type": "null"}}, "required": ["a"], "minProperties": 1}
     | {"additionalProperties": False}, "/required/0"),
    ({"required": ["a"], "minProperties": 2}, "/required/0"),
    ({"patternProperties": {"^x": {}}, "additionalProperties": {"type": "null"}}, "/additionalProperties/type"),
    ({"propertyNames": {"maxLength": 1}, "additionalProperties": {"type": "null"}}, "/additionalProperties/type"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "place"), ALONE, ids=str)
def test_what_can_be_broken_alone_is(schema: dict[str, Any], place: str) -> None:
    found = [one for one in cases_of(hc.SchemaValidator("response", schema)) if one.constraint == f"response:{place}"]
    assert (f"response:{place}",) in {one.breaks for one in found}


def test_a_way_through_what_is_left_over_is_not_taken() -> None:
    """Engines do not tell which part of it failed: found by the law over drawn schemas."""
    inner = {"items": {}, "properties": {"b": {"$ref": "#/$defs/one"}}}
    definitions = {"one": {"not": True}, "inner": inner}
    schema = {"$ref": "#/$defs/inner", "unevaluatedItems": {"$ref": "#/$defs/one"}, "$defs": definitions}
    cases = list(cases_of(hc.SchemaValidator("response", schema)))
    assert any(one.kind == "faulted" and one.breaks == ("response:/$defs/one/not",) for one in cases)


def test_a_way_that_leaves_nothing_to_break_is_not_taken() -> None:
    """What is defined once is broken where it counts, even if a shorter way leads there through a lax union."""
    lax = {"anyOf": [{"$ref": "#/$defs/word"}, {"description": "anything"}]}
    words = {"type": "array", "items": {"$ref": "#/$defs/word"}}
    schema = {"properties": {"a": lax, "b": {"properties": {"c": words}}}, "$defs": {"word": {"type": "string"}}}
    cases = list(cases_of(hc.SchemaValidator("response", schema)))
    assert any(one.kind == "faulted" and one.breaks == ("response:/$defs/word/type",) for one in cases)


@pytest.mark.parametrize(
    "schema",
    [{"pattern": "^a$"}, {"pattern": "\\d$"}, {"additionalProperties": False, "patternProperties": {"^a$": {}}}],
    ids=str,
)
def test_what_the_engines_read_differently_is_no_case(schema: dict[str, Any]) -> None:
    validator, reference = hc.SchemaValidator("response", schema), ReferenceEngine.compile(schema)
    assert reference is not None
    assert validator.settled("a\n" if schema.get("pattern") == "^a$" else "٣") is None or "pattern" not in schema
    for case in cases_of(validator):
        assert validator.engine.is_valid(case.payload) == reference.is_valid(case.payload)
