"""The search for conforming values: every keyword, earlier drafts, what has no value, and ways through a schema."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import validators

import haiku_contract as hc
from haiku_contract.constraints import APPLICATORS, ASSERTIONS
from haiku_contract.generate import ecma
from haiku_contract.generate.conforming import Undecided, simplest, solver_of
from haiku_contract.generate.merging import Unsatisfiable
from haiku_contract.generate.routes import locations, routes
from haiku_contract.generate.suite import cases_of
from haiku_contract.localising import localised
from haiku_contract.model import ABSENT

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"
TAG = {"type": "object", "properties": {"kind": {"const": "a"}}, "required": ["kind"]}

# fmt: off
# A schema, and the simplest value of it that a person would expect.
SIMPLEST: list[tuple[Any, Any]] = [
    (True, {}),
    ({"type": "string"}, "Hello"),
    ({"type": ["integer", "null"], "minimum": 3}, 4),
    ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
    ({"type": "number", "multipleOf": 0.01, "minimum": 0.005, "maximum": 0.015}, 0.01),
    ({"type": "integer", "multipleOf": 7, "minimum": 10, "maximum": 20}, 14),
    ({"type": "string", "minLength": 8, "maxLength": 9}, "Hello He"),
    ({"type": "string", "pattern": "^[a-z]{2}-\\d+$"}, "aa-1"),
    ({"type": "string", "format": "date"}, "2026-01-31"),
    ({"enum": [3, "a"], "type": "string"}, "a"),
    ({"type": "array", "items": {"type": "null"}}, [None]),
    ({"type": "array", "prefixItems": [{"const": 1}, False], "minItems": 1, "maxItems": 3}, [1]),
    ({"type": "array", "items": {"enum": [1, 1.0, 2]}, "uniqueItems": True, "minItems": 2}, [1, 2]),
    ({"type": "array", "contains": {"const": 5}, "minContains": 2, "maxContains": 3}, [5, 5]),
    ({"type": "array", "prefixItems": [True], "unevaluatedItems": {"type": "null"}, "minItems": 2}, [{}, None]),
    ({"type": "object", "required": ["b"], "properties": {"a": {}, "b": {"type": "null"}}}, {"b": None}),
    (
        {"type": "object", "minProperties": 1, "patternProperties": {"^n": {}}, "additionalProperties": False},
        {"n": "Hello"},
    ),
    ({"type": "object", "propertyNames": {"pattern": "^[a-z]$"}, "minProperties": 2}, {"a": "Hello", "b": "Hello"}),
    (
        {"type": "object", "required": ["a"], "dependentRequired": {"a": ["b"], "b": ["c"]}},
        {"a": "Hello", "b": "Hello", "c": "Hello"},
    ),
    ({"required": ["a"], "dependentSchemas": {"a": {"properties": {"a": {"const": 1}}}}, "type": "object"}, {"a": 1}),
    ({"allOf": [{"type": "string"}, {"minLength": 7}], "maxLength": 7}, "Hello H"),
    ({"anyOf": [{"type": "string", "maxLength": 2}, {"type": "null"}], "minLength": 3}, None),
    ({"oneOf": [{"minimum": 5}, {"maximum": 9}], "type": "integer"}, 10),
    ({"contains": {"oneOf": [True, True]}, "exclusiveMaximum": -1}, -2),  # the branches are one object in Python
    ({"oneOf": [True, {"exclusiveMaximum": -1}]}, 1),
    ({"not": {"$ref": "#/$defs/x", "dependentSchemas": {"a": False}}, "$defs": {"x": {"title": ""}}}, {"a": "Hello"}),
    ({"oneOf": [TAG, {**TAG, "properties": {"kind": {"type": "string"}}}]}, {"kind": "Hello"}),
    ({"type": "object", "not": {"required": ["a"]}, "minProperties": 1, "properties": {"a": {}}}, {"x_extra": "Hello"}),
    ({"type": "string", "not": {"maxLength": 6}}, "Hello H"),
    ({"not": {"multipleOf": 1}}, 0.5),
    ({"type": "integer", "not": {"multipleOf": 3}}, 1),
    ({"allOf": [{"not": {"multipleOf": 2}}, {"not": {"multipleOf": 3}}]}, 1),
    ({"not": {"multipleOf": 1}, "minimum": 1, "maximum": 2}, 1.5),
    ({"type": "object", "if": {"maxProperties": 0}, "then": {"required": ["a"]}}, {"x_extra": "Hello"}),
    ({"type": "integer", "if": {"minimum": 0}, "then": False, "maximum": 5}, -1),
    (
        {"allOf": [{"properties": {"a": {}}}], "required": ["a"], "unevaluatedProperties": False, "minProperties": 1},
        {"a": "Hello"},
    ),
    ({"$ref": "#/$defs/x", "maxLength": 2, "$defs": {"x": {"$anchor": "here", "type": "string"}}}, "He"),
    ({"$dynamicRef": "#here", "$defs": {"x": {"$dynamicAnchor": "here", "type": "null"}}}, None),
    (
        {"$ref": "#/$defs/list", "$defs": {"list": {"oneOf": [{"type": "array", "items": {"$ref": "#/$defs/list"}}]}}},
        [[[[[[[[]]]]]]]],
    ),
    ({"$schema": DRAFT_4, "type": "integer", "minimum": 1, "exclusiveMinimum": True, "maximum": 2}, 2),
    ({"$schema": DRAFT_4, "type": "integer", "const": 5}, 1),
    (
        {"$schema": DRAFT_7, "type": "array", "items": [{}], "additionalItems": {"type": "null"}, "minItems": 2},
        [{}, None],
    ),
    (
        {"$schema": DRAFT_7, "type": "object", "dependencies": {"a": ["b"]}, "required": ["a"]},
        {"a": "Hello", "b": "Hello"},
    ),
    (
        {"$schema": DRAFT_7, "dependencies": {"a": {"maxProperties": 0}}, "type": "object", "minProperties": 1},
        {"x_extra": "Hello"},
    ),
    ({"$schema": DRAFT_7, "$ref": "#/definitions/x", "type": "string", "definitions": {"x": {"type": "null"}}}, None),
    ({"$schema": DRAFT_7, "$ref": "#x", "definitions": {"x": {"$id": "#x", "type": "null"}}}, None),
    ({"$schema": DRAFT_2019, "items": {"$recursiveRef": "#"}, "type": ["object", "array"], "minItems": 1}, {}),
    ({"type": "object", "required": ["a"], "if": False, "else": {"properties": {"a": {"type": "null"}}}}, {"a": None}),
]
# fmt: on


@pytest.mark.parametrize(("schema", "expected"), SIMPLEST)
def test_the_simplest_value(schema: Any, expected: Any) -> None:
    found = simplest(schema)
    assert validators.validator_for(schema, default=validators.Draft202012Validator)(schema).is_valid(found)
    assert found == expected


def test_every_keyword_has_a_schema_here() -> None:
    shown = str([schema for schema, _ in SIMPLEST])
    assert [one for one in {*ASSERTIONS, *APPLICATORS} if f"'{one}'" not in shown] == []


NEARLY: list[Any] = [
    {"type": "number", "multipleOf": 0.1, "minimum": 0.01, "maximum": 0.1},
    {"type": "number", "multipleOf": 0.1, "exclusiveMinimum": 0.35, "maximum": 0.4},
    {"type": ["string", "null"], "not": {"type": "string", "minLength": 0}},
    {"type": "number", "multipleOf": 1, "not": {"type": "number", "multipleOf": 1.5}},
    {"multipleOf": 1, "not": {"multipleOf": 1, "type": "number"}},
    {"enum": [1, True], "not": {"enum": [True, 1], "maximum": 0}},
    {"properties": {"a": {"type": "null"}}, "not": {"properties": {"a": {"type": "null"}}, "required": ["a"]}},
    {"type": ["object", "null"], "required": ["a"], "dependentSchemas": {"a": False}},
    {"type": ["string", "null"], "if": {"minLength": 1}, "then": {"type": "null"}},
    {"type": "object", "unevaluatedProperties": False, "minProperties": 1, "$ref": "#/$defs/a",
     "$defs": {"a": {"properties": {"b": {}}}}},
]  # fmt: skip


@pytest.mark.parametrize("schema", NEARLY, ids=str)
def test_what_is_next_to_unsatisfiable_has_a_value(schema: Any) -> None:
    assert hc.SchemaValidator("response", schema).settled(simplest(schema)) is True


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (False, "'false' stands there"),
        ({"not": {}}, "refuses everything"),
        ({"type": "number", "minimum": 3, "maximum": 2}, "no number lies between 3 and 2"),
        ({"type": "integer", "exclusiveMinimum": 3, "maximum": 3}, "no number lies between 3 and 3"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "at least 3 characters are asked for and at most 2"),
        ({"type": "array", "minItems": 3, "maxItems": 2}, "at least 3 items are asked for and at most 2"),
        ({"type": "array", "minItems": 1, "items": False}, "'false' stands there"),
        ({"type": "object", "required": ["a", "b"], "maxProperties": 1}, "2 keys are required and at most 1"),
        ({"type": "object", "required": ["a"], "properties": {"a": False}}, "'false' stands there"),
        ({"allOf": [{"type": "string"}, {"type": "number"}]}, "no type is both one of string and one of number"),
        ({"enum": [1, 2], "type": "string"}, "lists no value of its type"),
        ({"const": 1, "enum": [2]}, "contradict each other"),
        ({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 4}, "no integer lies between 3 and 4"),
        ({"type": "integer", "minimum": 3.2, "maximum": 3.8}, "no integer lies between 3.2 and 3.8"),
        ({"type": "number", "multipleOf": 7, "minimum": 8, "maximum": 13}, "no multiple of 7 lies between 8 and 13"),
        ({"type": "number", "multipleOf": 0.5, "minimum": 1.1, "maximum": 1.4}, "no multiple of 0.5 lies between"),
        ({"type": "array", "uniqueItems": True, "minItems": 3, "items": {"type": "boolean"}}, "no more than 2 do"),
        ({"type": "array", "uniqueItems": True, "minItems": 3, "items": {"enum": [1, 1.0, "a"]}}, "no more than 2 do"),
        (
            {
                "type": "array",
                "uniqueItems": True,
                "minItems": 4,
                "items": {"type": "integer", "minimum": 1, "maximum": 3},
            },
            "no more than 3 do",
        ),
        ({"type": "number", "multipleOf": 0.1, "minimum": 0.01, "maximum": 0.05}, "no multiple of 0.1 lies between"),
        ({"type": "string", "not": {"type": "string"}}, "'not' takes away the only type"),
        ({"type": "string", "not": {"minLength": 0, "pattern": ""}}, "refuses everything"),
        ({"type": "array", "not": {"items": True}}, "refuses everything"),
        ({"if": True, "then": False}, "'false' stands there"),
        ({"type": "number", "multipleOf": 1, "not": {"type": "number", "multipleOf": 1}}, "'not' refuses what is"),
        (
            {"allOf": [{"minimum": 2, "type": "integer"}, {"required": ["a"]}, {"not": {"title": "T", "minimum": 2}}]},
            "'not' refuses what is asked for beside it",
        ),
        ({"type": "string", "if": {"minLength": 0}, "then": {"type": "number"}}, "no type is both"),
        ({"if": False, "else": False}, "'false' stands there"),
        ({"type": "object", "required": ["a"], "dependentSchemas": {"a": False}}, "'false' stands there"),
        (
            {"type": "object", "properties": {"a": {}}, "unevaluatedProperties": False, "minProperties": 2},
            "2 keys are asked for, and only 1 may be there",
        ),
        ({"type": "boolean", "not": {"enum": [True, False]}}, "contradict each other"),
        ({"enum": ["a", "b"], "not": {"enum": ["b", "a"]}}, "contradict each other"),
        (
            {"type": "object", "properties": {"a": {}, "b": False}, "additionalProperties": False, "minProperties": 2},
            "2 keys are asked for, and only 1 may be there",
        ),
        ({"type": "object", "propertyNames": {"enum": ["a", "b"]}, "minProperties": 3}, "and only 2 may be there"),
        ({"type": "object", "propertyNames": False, "minProperties": 1}, "and only 0 may be there"),
        ({"type": "array", "contains": False}, "'false' stands there"),
        ({"type": "array", "contains": {}, "minContains": 3, "maxItems": 2}, "at least 3 items are asked for"),
        ({"type": "array", "contains": {}, "maxContains": 0}, "than 'maxContains' allows"),
        ({"type": "object", "minProperties": 2, "maxProperties": 1}, "at least 2 keys are asked for and at most 1"),
        ({"type": "array", "contains": {"const": 1}, "items": {"type": "string"}}, "no type is both one of string"),
        ({"oneOf": [{"type": "string"}, {"type": "string"}]}, "no branch of 'oneOf' can be the one"),
        ({"oneOf": [{"const": 1}, {"const": True}, {"const": 1}], "type": "integer"}, "no type is both"),
        ({"type": "string", "pattern": "^a{3}$", "minLength": 4}, "longer or shorter texts"),
        ({"type": "string", "pattern": "[a-z]{5}", "maxLength": 4}, "longer or shorter texts"),
    ],
)
def test_why_nothing_conforms(schema: Any, reason: str) -> None:
    with pytest.raises(Unsatisfiable) as caught:
        simplest(schema)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^a$", "not": {"const": "a"}},
        {"type": "integer", "minimum": 3, "not": {"minimum": 2}},
        {"oneOf": [{"type": "string"}, {"type": "string", "minLength": 0}]},
    ],
)
def test_what_cannot_be_decided_is_said_and_soon(schema: Any) -> None:
    with pytest.raises(Undecided, match="undecided: no conforming value was found within the bound"):
        simplest(schema)


def chain(levels: int, inner: Any) -> Any:
    return {"type": "object", "required": ["a"], "properties": {"a": chain(levels - 1, inner)}} if levels else inner


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "minProperties": 300, "additionalProperties": {"type": "integer"}},
        {"type": "object", "minProperties": 60, "patternProperties": {"^x-\\d+$": {}}, "additionalProperties": False},
        {"type": "object", "minProperties": 30, "propertyNames": {"pattern": "^[a-z]{3}$"}},
        {"type": "array", "uniqueItems": True, "minItems": 200, "items": {"type": "string"}},
        {"type": "array", "uniqueItems": True, "minItems": 100, "items": {"type": "integer", "maximum": 7}},
        {"type": "array", "uniqueItems": True, "minItems": 50, "items": {"type": "string", "pattern": "^[a-z]{4}$"}},
        {"type": "array", "uniqueItems": True, "minItems": 40, "items": {"type": "number", "minimum": 0, "maximum": 1}},
        {"type": "array", "uniqueItems": True, "minItems": 30, "items": chain(1, {"type": "string"})},
        chain(60, {"type": "null"}),
        {"allOf": [{"required": [f"p{one}"], "properties": {f"p{one}": {}}} for one in range(200)], "type": "object"},
        {"type": "array", "contains": {"type": "string"}, "unevaluatedItems": {"type": "integer"}, "minItems": 3},
        {"type": "array", "contains": {"type": "string"}, "unevaluatedItems": False, "minItems": 2},
        {"type": "array", "allOf": [{"contains": {"minimum": 1}}, {"contains": {"maximum": 5}}], "maxItems": 1},
        {"type": "string", "minLength": 12, "allOf": [{"pattern": "^[A-Z]"}, {"pattern": "\\d"}, {"pattern": "[!@#]"}]},
        {"required": ["a", "b"], "anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}
        | {"type": "object", "unevaluatedProperties": False},
        {"if": {"properties": {"k": {"const": 1}}, "required": ["k"]}, "then": {"properties": {"v": {}}}}
        | {"type": "object", "unevaluatedProperties": False, "minProperties": 2},
    ],
    ids=lambda schema: str(schema)[:60],
)
def test_what_takes_many_names_values_or_levels_is_found(schema: Any) -> None:
    assert validators.Draft202012Validator(schema).is_valid(simplest(schema))


def test_nothing_is_retried_forever() -> None:
    """Thirty unions of which any two contradict each other have 3^30 ways through them."""
    unions = [{"anyOf": [{"minLength": 9 - one}, {"pattern": f"^{one}$"}, {"const": str(one)}]} for one in range(9)]
    with pytest.raises((Undecided, Unsatisfiable)):
        simplest({"type": "string", "maxLength": 0, "allOf": unions * 4, "not": {"const": ""}})


SITES: dict[str, Any] = {
    "type": "object",
    "properties": {
        "branch": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"deep": {"type": "null"}}}]},
        "list": {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}},
        "either": {"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "null"}},
        "tree": {"$ref": "#/$defs/tree"},
    },
    "patternProperties": {"^x-\\d": {"type": "boolean"}},
    "additionalProperties": {"type": "number"},
    "dependentSchemas": {"tree": {"required": ["list"]}},
    "$defs": {"tree": {"type": "object", "properties": {"next": {"$ref": "#/$defs/tree"}, "leaf": {"const": 1}}}},
}


def test_every_place_of_a_schema_is_reached() -> None:
    validator = hc.SchemaValidator("request", SITES)
    reached = {here: (route, solver_of(validator).one(route.steps)) for here, route in routes(SITES).items()}
    assert len(reached) == 18
    for here, (route, host) in reached.items():
        assert validator.is_valid(host.payload), here
        assert host.path in locations(route, SITES, host.payload), here
    assert reached["/properties/list/items"][1].payload == {"list": ["Hello", 1]}
    assert reached["/$defs/tree/properties/leaf"][1].payload == {"list": ["Hello"], "tree": {"leaf": 1}}
    assert reached["/properties/either/else"][1].payload == {"either": None}


def test_exclusive_hosts_fit_no_other_branch() -> None:
    schema = {"anyOf": [{"type": "object", "required": ["a"]}, {"type": "object", "required": ["b"]}]}
    solver = solver_of(hc.SchemaValidator("request", {**schema, "required": ["a"]}))
    way = routes(solver.document.root)["/anyOf/0"].steps
    host = next(solver.hosts(way, exclusive=True))
    assert "a" in host.payload
    assert "b" not in host.payload


NESTED = {
    "$id": "https://example.com/root",
    "properties": {"p": {"$ref": "part"}, "q": {"$ref": "part#/$defs/inner"}, "r": {"$ref": "part#named"}},
    "required": ["p", "q", "r"],
    "$defs": {
        "one": {
            "$id": "part",
            "type": "object",
            "properties": {"n": {"$ref": "#/$defs/inner"}},
            "required": ["n"],
            "$defs": {"inner": {"type": "null"}, "other": {"$anchor": "named", "type": "boolean"}},
        },
    },
}


def test_identifiers_inside_a_document() -> None:
    validator = hc.SchemaValidator("response", NESTED)
    assert validator.is_valid({"p": {"n": None}, "q": None, "r": True})
    assert simplest(NESTED) == {"p": {"n": None}, "q": None, "r": False}
    assert validator.broken({"p": {"n": 1}, "q": None, "r": True}) == {"response:/$defs/one/$defs/inner/type"}
    assert localised(SITES) is SITES
    assert "$id" not in localised(NESTED)["$defs"]["one"]  # type: ignore[index]  # an object
    assert "$id" in NESTED["$defs"]["one"]  # type: ignore[operator,index,call-overload]  # the published schema is not changed


# Pattern, a text that matches, one that does not.
PATTERNS = [
    ("^\\p{Lu}+$", "A", "a"),
    ("^[\\p{L}_]$", "é", "1"),
    ("^\\p{Script=Greek}{3}$", "\u03b1\u03b2\u03b3", "abc"),
    ("^[\\p{Script=Han}\\p{Hira}]+$", "一ぁ", "a"),
    ("^\\p{sc=Cyrl}\\p{M}$", "\u0430\u0301", "\u0430\u0430"),
    ("\\p{Emoji_Presentation}", "😀", "x"),
    ("^(?<year>\\d{4})-\\k<year>$", "1999-1999", "1999-1998"),
    ("^[^]$", "\n", ""),
    ("[]", None, "a"),
    ("^.$", "a", "\r"),
    ("^[^[]+\\/$", "a/", "[/"),
    ("\\u{1F600}", "😀", "x"),
    ("^(?=.*[A-Z])(?=.*\\d).{8,}$", "Ab0-_./:", "ab0-_./:"),
    ("^(?=!+[^!*,;{}[\\]~\\n]+$)(?=(.*\\w)).+$", "!a", "!!"),
    ("^(a|b){2}\\s$", "ab\u00a0", "ab"),
    ("^a$|^b$", "b", "b\n"),
]


@pytest.mark.parametrize(("pattern", "right", "wrong"), PATTERNS)
def test_patterns_are_read_as_ecma_262_has_them(pattern: str, right: str | None, wrong: str) -> None:
    assert not ecma.matches(pattern, wrong)
    if right is not None:
        assert ecma.matches(pattern, right)
        assert ecma.texts(pattern)
    assert all(ecma.matches(pattern, text) for text in ecma.texts(pattern, least=9))


def test_texts_are_counted_through_as_far_as_a_pattern_goes() -> None:
    assert set(ecma.varied("^[ab]{2}$")) == {"aa", "ab", "ba", "bb"}
    assert list(ecma.varied("^[ab]{2}$", 3)) == []
    many = list(ecma.varied("^[a-z]{2}$"))
    assert len(set(many)) > 500
    assert all(ecma.matches("^[a-z]{2}$", text) for text in many)
    assert list(ecma.varied("^[a-z]{2}$")) == many


def test_texts_of_thousands_of_characters_are_built() -> None:
    assert len(simplest({"type": "string", "pattern": "^[^\\s]{5000}$"})) == 5000
    assert list(ecma.varied("^.{5000}$")) == []


def test_nobody_is_warned_of_what_python_may_read_otherwise_one_day() -> None:
    validator = hc.SchemaValidator("request", {"type": "string", "pattern": "^[[a]$"})
    assert {case.kind for case in cases_of(validator)} == {"conforming", "faulted"}


@pytest.mark.parametrize("pattern", ["^(a+)+b$", "^(a|a+)*b$", "^((a*)*)*b$", "^(?:a+){2,}b$"])
def test_a_pattern_that_would_take_ages_is_left_to_the_engine(pattern: str) -> None:
    assert ecma.matches(pattern, "a" * 100)
    assert not ecma.matches(pattern, "a" * 10)
    schema = {"type": "string", "pattern": pattern, "minLength": 40}
    assert hc.SchemaValidator("response", schema).is_valid(solver_of(hc.SchemaValidator("response", schema)).simplest())


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "number", "minimum": -1.7976931348623157e308, "maximum": 1.7976931348623157e308},
        {"type": "integer", "maximum": 10**310},
        {"type": "integer", "minimum": 10**310},
        {"type": "number", "multipleOf": 10**310},
        {"type": "number", "minimum": 10**310, "maximum": 10**310 + 3},
    ],
)
def test_bounds_beyond_a_double(schema: Any) -> None:
    validator = hc.SchemaValidator("request", schema)
    for case in cases_of(validator):
        assert case.payload is ABSENT or validator.engine.is_valid(case.payload) == (case.kind == "conforming"), case.id
