"""The second way to break a constraint, where what stands at its place always fits another branch of a union."""

from __future__ import annotations

from typing import Any

import pytest

import haiku_contract as hc
from haiku_contract.generate.conforming import simplest
from haiku_contract.generate.suite import cases_of

TEXTS = {"type": "array", "items": {"type": "string"}}
VERSION_1 = {"type": "object", "properties": {"log": {"type": "boolean"}, "ids": TEXTS}, "additionalProperties": False}
VERSION_2 = {
    "type": "object",
    "properties": {"log": {"type": "boolean"}, "ids": TEXTS, "v": {"const": "2.0"}},
    "required": ["v"],
}

# (schema, what is broken): as published schemas have them.
BROKEN: list[tuple[Any, str]] = [
    # Every branch speaks of a property of its own: all of them have to be wrong at once.
    ({"type": "object", "anyOf": [{"properties": {"a": TEXTS}}, {"properties": {"b": TEXTS}}]}, "/anyOf"),
    (
        {"type": "object", "anyOf": [{"properties": {"a": TEXTS}}, {"properties": {"b": TEXTS}}]},
        "/anyOf/1/properties/b/type",
    ),
    # Only a text without characters is neither one of the list nor matches.
    ({"type": "string", "anyOf": [{"enum": ["json", "yaml"]}, {"pattern": "\\S"}]}, "/anyOf"),
    # Without its version it is one of the first version, unless something else is wrong with it as well.
    ({"oneOf": [VERSION_1, VERSION_2]}, "/oneOf/1/required/0"),
    # A longer array is fine with the second branch, unless its items are not.
    ({"anyOf": [{"type": "array", "items": {"enum": ["yes"]}, "maxItems": 1}, TEXTS]}, "/anyOf/0/maxItems"),
    # The definition is of use twice: where anything else is fine too, and where nothing else is.
    (
        {
            "properties": {
                "a": {"anyOf": [{"$ref": "#/$defs/d"}, {}]},
                "b": {"properties": {"c": {"$ref": "#/$defs/d"}}},
            },
            "$defs": {"d": {"properties": {"e": {"type": "integer"}}}},
        },
        "/$defs/d/properties/e/type",
    ),
    (
        {
            "properties": {"a": {"anyOf": [{"$ref": "#/$defs/f"}, {"type": ["object", "null"]}]}},
            "additionalProperties": {"properties": {"c": {"$ref": "#/$defs/f"}}},
            "$defs": {
                "d": {"properties": {"e": {"minimum": 1}}},
                "f": {"type": "object", "allOf": [{"$ref": "#/$defs/d"}]},
            },
        },
        "/$defs/d/properties/e/minimum",
    ),
    # A list of what is required without which, of what is required anyway.
    ({"required": ["a"], "dependentRequired": {"b": ["a"]}}, "/dependentRequired"),
    # A condition inside what another condition leads to: the outer one has to stay unmet while the inner one is met.
    (
        {
            "if": {"type": "object", "required": ["$ref"]},
            "else": {
                "type": "object",
                "properties": {"type": {"enum": ["key", "http"]}},
                "required": ["type"],
                "if": {"properties": {"type": {"const": "key"}}},
                "then": {"properties": {"name": {"type": "string"}}, "required": ["name"]},
                "unevaluatedProperties": False,
            },
        },
        "/else/properties/type/enum",
    ),
    # What is neither of twelve kinds of object.
    (
        {
            "anyOf": [
                {"type": "object", "properties": {f"p{n}": {"type": "null"}}, "required": ["k"]} for n in range(12)
            ]
        },
        "/anyOf/11/properties/p11/type",
    ),
]


@pytest.mark.parametrize(("schema", "broken"), BROKEN)
def test_what_another_branch_takes_is_broken_with_it(schema: Any, broken: str) -> None:
    validator = hc.SchemaValidator("response", schema)
    cases = [one for one in cases_of(validator) if one.constraint == f"response:{broken}" and one.kind == "faulted"]
    assert cases
    for one in cases:
        assert one.constraint in one.breaks
        assert validator.settled(one.payload) is False
        assert validator.settled(one.twin) is True


REFUSING: list[Any] = [
    {"oneOf": [True, {"unevaluatedItems": {"exclusiveMaximum": -1}, "$ref": "#/$defs/a"}], "$defs": {"a": {}}},
    {"not": {"patternProperties": {"^a": False}}},
    {"not": {"patternProperties": {"^a": False, "^[a-c]+$": True}}},
    {"not": {"patternProperties": {"^a": {"type": "string"}, "b$": True}}, "propertyNames": {"maxLength": 2}},
    {"not": {"unevaluatedProperties": {"type": "string"}, "properties": {"a": {}}}},
    {"not": {"anyOf": [{"properties": {"a": TEXTS}}, {"properties": {"b": TEXTS}}]}},
    {"allOf": [{"not": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}]}}],
     "$defs": {"a": {"properties": {"a": TEXTS}}, "b": {"properties": {"b": TEXTS}}}},
    {"not": {"not": {"not": {"properties": {"a": {"not": {"required": ["b"]}}}}}}},
    {"type": "string", "not": {"pattern": "\\S"}},
    {"type": "string", "minLength": 1, "not": {"pattern": "[^ ]"}},
]  # fmt: skip


@pytest.mark.parametrize("schema", REFUSING)
def test_what_refuses_is_taken_apart_to_where_it_can_be_met(schema: Any) -> None:
    assert hc.SchemaValidator("response", schema).settled(simplest(schema)) is True
