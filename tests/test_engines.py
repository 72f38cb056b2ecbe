"""The fast engine and the reference engine on small schemas of the whole vocabulary, and where the two differ."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract import constraints, messages, pointer
from haiku_contract._fast import FastEngine
from haiku_contract._reference import ReferenceEngine
from haiku_contract.failures import Meaning
from haiku_contract.validation import SchemaValidator, compile_schema

if TYPE_CHECKING:
    from haiku_contract.failures import Failure

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=60)


class Sample(NamedTuple):
    """A schema, instances that conform, and instances with the violations that they have: (pointer, place)."""

    schema: Any
    valid: list[Any]
    invalid: list[tuple[Any, set[tuple[str, str]]]]


NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "required": ["value"]}
TEXT = {"type": "string"}
EXTENSIBLE = {
    "$dynamicRef": "#node",
    "$defs": {"tree": {"$dynamicAnchor": "node", "properties": {"child": {"$dynamicRef": "#node"}}, "required": ["n"]}},
}

# fmt: off
SAMPLES: dict[str, Sample] = {
    "type": Sample(
        {"type": ["integer", "null"]}, [1, 1.0, -0.0, None, 10**30], [(1.5, {("/type", "")}), (True, {("/type", "")})],
    ),
    "const and enum": Sample(
        {"properties": {"a": {"const": False}, "b": {"enum": [1, [True], {"x": None}]}}},
        [{"a": False, "b": 1.0}, {"b": [True]}, {"b": {"x": None}}, []],
        [({"a": 0}, {("/properties/a/const", "/a")}), ({"b": [1]}, {("/properties/b/enum", "/b")}),
         ({"b": True}, {("/properties/b/enum", "/b")})],
    ),
    "number": Sample(
        {"minimum": 1, "exclusiveMaximum": 9, "multipleOf": 0.5, "items": {"exclusiveMinimum": 0, "maximum": 1}},
        [1, 8.5, "0", None, [1, 5e-324]],
        [([0, 2], {("/items/exclusiveMinimum", "/0"), ("/items/maximum", "/1")}), (0, {("/minimum", "")}),
         (9, {("/exclusiveMaximum", "")}), (1.25, {("/multipleOf", "")}),
         (0.25, {("/minimum", ""), ("/multipleOf", "")})],
    ),
    "string": Sample(
        {"minLength": 2, "maxLength": 3, "pattern": "^[a-z😀]*$"}, ["ab", "😀😀😀", 1],
        [("a", {("/minLength", "")}), ("😀😀😀😀", {("/maxLength", "")}), ("AB", {("/pattern", "")}),
         ("A", {("/minLength", ""), ("/pattern", "")})],
    ),
    "array": Sample(
        {"minItems": 1, "maxItems": 2, "uniqueItems": True}, [[1], [1, True], [0, False], ["1", 1], [[1], [True]], {}],
        [([], {("/minItems", "")}), ([1, 1.0], {("/uniqueItems", "")}),
         ([{"a": [1]}, {"a": [1.0]}], {("/uniqueItems", "")}),
         ([1, 2, 2], {("/maxItems", ""), ("/uniqueItems", "")})],
    ),
    "object": Sample(
        {"minProperties": 1, "maxProperties": 2, "required": ["a", "b"]}, [{"a": 1, "b": 2}, []],
        [({}, {("/minProperties", ""), ("/required/0", ""), ("/required/1", "")}), ({"b": 1}, {("/required/0", "")}),
         ({"a": 1, "c": 1, "d": 1}, {("/maxProperties", ""), ("/required/1", "")})],
    ),
    "closed object": Sample(
        {"properties": {"a": TEXT}, "patternProperties": {"^x-": {"type": "number"}}, "additionalProperties": False},
        [{}, {"a": "", "x-1": 1}],
        [({"b": 1, "c": 2}, {("/additionalProperties", "")}), ({"x-": ""}, {("/patternProperties/^x-/type", "/x-")})],
    ),
    "typed further keys": Sample(
        {"properties": {"a": {}}, "additionalProperties": TEXT}, [{"a": 1, "b": ""}],
        [({"b": 1, "c~/": 2}, {("/additionalProperties/type", "/b"), ("/additionalProperties/type", "/c~0~1")})],
    ),
    "keys": Sample(
        {"propertyNames": {"maxLength": 2, "pattern": "^a"}}, [{}, {"a": 1, "ab": 2}, 1],
        [({"abc": 1}, {("/propertyNames/maxLength", "")}),
         ({"b": 1, "abc": 1}, {("/propertyNames/maxLength", ""), ("/propertyNames/pattern", "")})],
    ),
    "no keys": Sample({"propertyNames": False}, [{}, []], [({"a": 1}, {("/propertyNames", "")})]),
    "dependent": Sample(
        {"dependentRequired": {"a": ["b", "c"]}, "dependentSchemas": {"x": {"required": ["y"]}, "z": False}},
        [{}, {"a": 1, "b": 1, "c": 1}, {"x": 1, "y": 1}, {"b": 1}],
        [({"a": 1}, {("/dependentRequired", "")}), ({"x": 1}, {("/dependentSchemas/x/required/0", "")}),
         ({"z": 1}, {("/dependentSchemas/z", "")})],
    ),
    "tuple": Sample(
        {"prefixItems": [TEXT, {"type": "number"}], "items": False}, [[], [""], ["", 1], {}],
        [([1], {("/prefixItems/0/type", "/0")}), (["", 1, 2, 3], {("/items", "/2"), ("/items", "/3")})],
    ),
    "items": Sample(
        {"items": {"items": TEXT}}, [[], [[""]], [1]], [([[""], ["", 1]], {("/items/items/type", "/1/1")})],
    ),
    "contains": Sample(
        {"contains": TEXT}, [[""], [1, ""], {}], [([], {("/contains", "")}), ([1], {("/contains", "")})],
    ),
    "contains some": Sample(
        {"contains": TEXT, "minContains": 2, "maxContains": 3}, [["", ""], ["", "", "", 1]],
        [([], {("/minContains", "")}), ([""], {("/minContains", "")}), (["", "", "", ""], {("/maxContains", "")})],
    ),
    "contains none": Sample(
        {"contains": TEXT, "minContains": 0, "maxContains": 1}, [[], [1], [""]], [(["", ""], {("/maxContains", "")})],
    ),
    "draft 7": Sample(
        {"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": ["b"], "c": {"required": ["d"]}},
         "items": [TEXT], "additionalItems": {"type": "null"}, "$defs": {"unknown": False}},
        [{}, {"a": 1, "b": 2}, ["", None]],
        [({"a": 1}, {("/dependencies", "")}), ({"c": 1}, {("/dependencies/c/required/0", "")}),
         (["", 1], {("/additionalItems/type", "/1")})],
    ),
    "all of": Sample(
        {"allOf": [{"type": "number"}, {"$ref": "#/$defs/small"}], "$defs": {"small": {"maximum": 5}}}, [5],
        [(6, {("/$defs/small/maximum", "")}), ("", {("/allOf/0/type", "")})],
    ),
    "any of": Sample(
        {"anyOf": [{"type": "string", "minLength": 2}, {"type": "number", "minimum": 2}, False]}, ["ab", 2],
        [("a", {("/anyOf/0/minLength", "")}), (1, {("/anyOf/1/minimum", "")}),
         (None, {("/anyOf", ""), ("/anyOf/0/type", ""), ("/anyOf/1/type", ""), ("/anyOf/2", "")})],
    ),
    "one of": Sample(
        {"oneOf": [{"type": "number", "minimum": 5}, {"type": "number", "maximum": 2}]}, [5, 2],
        [(3, {("/oneOf/0/minimum", "")}), (None, {("/oneOf", ""), ("/oneOf/0/type", ""), ("/oneOf/1/type", "")})],
    ),
    "not": Sample(
        {"not": TEXT, "items": {"not": {}}}, [1, []], [("", {("/not", "")}), ([1], {("/items/not", "/0")})],
    ),
    "if": Sample(
        {"if": TEXT, "then": {"minLength": 2}, "else": {"type": "number"}}, ["ab", 1],
        [("a", {("/then/minLength", "")}), (None, {("/else/type", "")})],
    ),
    "false": Sample(
        {"properties": {"a": False, "required": False, "type": False, "b": {"prefixItems": [False]}}},
        [{}, {"b": []}, []],
        [({"a": 1, "required": [], "type": 1},
          {("/properties/a", "/a"), ("/properties/required", "/required"), ("/properties/type", "/type")}),
         ({"b": [0]}, {("/properties/b/prefixItems/0", "/b/0")})],
    ),
    "never": Sample(False, [], [(None, {("", "")}), ({"a": 1}, {("", "")})]),
    "unevaluated keys": Sample(
        {"allOf": [{"properties": {"a": {}}}], "if": {"required": ["b"]}, "then": {"properties": {"b": {}}},
         "unevaluatedProperties": False},
        [{"a": 1}, {"a": 1, "b": 1}], [({"a": 1, "c": 1, "d": 1}, {("/unevaluatedProperties", "")})],
    ),
    "typed unevaluated keys": Sample(
        {"properties": {"a": {}}, "unevaluatedProperties": TEXT}, [{"a": 1, "b": ""}],
        [({"b": 1}, {("/unevaluatedProperties", "")})],
    ),
    "unevaluated items": Sample(
        {"prefixItems": [{}], "contains": TEXT, "unevaluatedItems": False}, [[1, ""], ["", ""]],
        [([1, "", 2], {("/unevaluatedItems", "")})],
    ),
    "recursive": Sample(
        {"$ref": "#/$defs/node", "$defs": {"node": NODE}}, [{"value": 1}, {"value": 1, "next": {"value": 2}}],
        [({"next": {"value": 1, "next": {}}},
          {("/$defs/node/required/0", ""), ("/$defs/node/required/0", "/next/next")}),
         ({"value": 1, "next": 5}, {("/$defs/node/type", "/next")})],
    ),
    "to the root": Sample(
        {"properties": {"a": {"$ref": "#"}}, "maxProperties": 1}, [{"a": {"a": {}}}],
        [({"a": {"b": 1, "c": 1}}, {("/maxProperties", "/a")})],
    ),
    "references of every form": Sample(
        {"$id": "https://example.org/root",
         "$defs": {"a b/%": {"$anchor": "text", "type": "string"}, "to": {"$ref": "#text"}},
         "prefixItems": [{"$ref": "#/$defs/a%20b~1%25"}, {"$ref": "#text"}, {"$ref": "https://example.org/root#/$defs/to"},
                         {"$dynamicRef": "#text"}, {"$ref": "root#text", "minLength": 2}]},
        [["", "", "", "", "ab"]],
        [([1, 2, 3, 4], {("/$defs/a b~1%/type", f"/{index}") for index in range(4)})],
    ),
    "dynamic": Sample(EXTENSIBLE, [{"n": 1, "child": {"n": 2}}], [
        ({"n": 1, "child": {}}, {("/$defs/tree/required/0", "/child")}), ({}, {("/$defs/tree/required/0", "")}),
    ]),
    "names of keywords": Sample(
        {"properties": {"properties": {"properties": {"items": {"const": False}}}, "$ref": TEXT,
                        "$defs": {"enum": [1]}}},
        [{"properties": {"items": False}, "$ref": "", "$defs": 1}],
        [({"properties": {"items": 0}, "$ref": 1, "$defs": 2},
          {("/properties/properties/properties/items/const", "/properties/items"), ("/properties/$ref/type", "/$ref"),
           ("/properties/$defs/enum", "/$defs")})],
    ),
}
# fmt: on

# (schema, instance, verdict of the fast engine, of the reference engine, why)
DIFFERENCES: list[tuple[Any, Any, bool, bool, str]] = [
    ({"multipleOf": 0.1}, 0.3, True, False, "exact decimals against division of doubles"),
    ({"pattern": "^\\d$"}, "\u0661", False, True, "ECMA 262 against Python: other digits"),
    ({"pattern": "^a$"}, "a\n", False, True, "ECMA 262 against Python: '$' before a last line break"),
]


def sites(schema: Any, failures: Any) -> set[tuple[str, str]]:
    found = messages.explain(Meaning(schema, "request"), failures)
    return {(one, place) for violation in found for one, place in _sites(violation)}


def _sites(violation: hc.Violation) -> set[tuple[str, str]]:
    own = {(violation.constraint.removeprefix("request:"), violation.instance_location)}
    return own.union(*(_sites(one) for one in violation.context))


def engines(schema: Any) -> tuple[FastEngine, ReferenceEngine]:
    reference = ReferenceEngine.compile(schema)
    assert reference is not None
    return FastEngine(schema), reference


@pytest.mark.parametrize("name", SAMPLES)
def test_both_engines_report_what_is_broken(name: str) -> None:
    schema, valid, invalid = SAMPLES[name]
    listed = {one.pointer for one in constraints.walk(schema, "request") if one.violable}
    bare = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)(schema)
    for engine in engines(schema):
        for instance in valid:
            assert engine.is_valid(instance)
            assert list(engine.failures(instance)) == []
            assert bare.is_valid(instance)
        for instance, expected in invalid:
            assert not engine.is_valid(instance)
            assert sites(schema, engine.failures(instance)) == expected
            assert {place for place, _ in expected} <= listed
            assert not bare.is_valid(instance)


def test_the_samples_speak_of_every_keyword() -> None:
    broken = {place for one in SAMPLES.values() for _, expected in one.invalid for place, _ in expected}
    keywords = {constraints.keyword_at(tuple(pointer.split(place))) for place in broken}
    asserted = set(constraints.ASSERTIONS) - {"format"}  # which tests/test_formats.py is about
    assert keywords - {""} == asserted | {"propertyNames", *CLOSING}


CLOSING = {"additionalProperties", "items", "unevaluatedProperties", "unevaluatedItems"}

NAMES = st.sampled_from(
    ["a", "b", "c", "x", "y", "x-1", "z", "value", "next", "child", "n", "required", "properties", "$ref"]
)
SMALL_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 9) | st.sampled_from([0.5, 1.0, 2.25, "", "a", "ab", "abcd", "😀"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@cache
def compiled(name: str) -> tuple[FastEngine, ReferenceEngine, SchemaValidator]:
    """A sample's schema, compiled once for all values."""
    schema = SAMPLES[name].schema
    return *engines(schema), SchemaValidator("request", schema)


@pytest.mark.parametrize("name", SAMPLES)
@given(data=st.data())
@DETERMINISTIC
def test_both_engines_agree_on_generated_values(name: str, data: st.DataObject) -> None:
    (fast, reference, validator), instance = compiled(name), data.draw(SMALL_JSON)
    assert fast.is_valid(instance) == reference.is_valid(instance)
    assert _ids(fast.failures(instance)) == _ids(reference.failures(instance))
    ours = list(validator.iter_errors(instance))
    assert validator.is_valid(instance) == (not ours)
    assert messages.broken(ours) <= {one.id for one in validator.constraints}


def _ids(failures: Any) -> set[tuple[Any, ...]]:
    """Failures by place; of a union that fits too often, the branches are left out: only the fast engine has them."""
    return {
        (one.schema_path, one.instance_path, frozenset(map(_branch, one.branches)) if all(one.branches) else None)
        for one in failures
    }


def _branch(failures: tuple[Failure, ...]) -> frozenset[Any]:
    return frozenset(_ids(failures))


@pytest.mark.parametrize(("schema", "instance", "fast", "reference", "why"), DIFFERENCES)
def test_where_the_engines_differ(schema: Any, instance: Any, fast: bool, reference: bool, why: str) -> None:
    found = tuple(engine.is_valid(instance) for engine in engines(schema))
    assert found == (fast, reference), why


def test_both_engines_take_a_double_for_the_number_that_it_is() -> None:
    schema = {"multipleOf": 5}
    assert int(1e100) % 5 != 0
    assert [engine.is_valid(1e100) for engine in engines(schema)] == [False, False]


DRAFT_4 = {"$schema": "http://json-schema.org/draft-04/schema#"}
DRAFT_7 = {"$schema": "http://json-schema.org/draft-07/schema#"}


@pytest.mark.parametrize(
    ("schema", "instance", "keyword"),
    [
        (DRAFT_4 | {"minimum": 1, "exclusiveMinimum": True}, 1, "exclusiveMinimum"),
        (DRAFT_4 | {"maximum": 1, "exclusiveMaximum": True}, 2, "exclusiveMaximum"),
        (DRAFT_4 | {"minimum": 1, "exclusiveMinimum": False}, 0, "minimum"),
        (DRAFT_7 | {"contains": True, "minContains": 0}, [], "contains"),  # it has no minContains
        ({"contains": {"type": "null"}, "minContains": 2}, [None], "minContains"),
        ({"contains": {"type": "null"}}, [], "contains"),
    ],
)
def test_both_engines_name_the_keyword_that_the_draft_has(schema: Any, instance: Any, keyword: str) -> None:
    for engine in engines(schema):
        assert sites(schema, engine.failures(instance)) == {(f"/{keyword}", "")}


def test_only_the_fast_engine_knows_the_unexpected_keys_of_unevaluated_properties() -> None:
    fast, reference = (next(one.failures({"a": 1})) for one in engines({"unevaluatedProperties": False}))
    assert (fast.unexpected, reference.unexpected) == (("a",), ())
    assert sites({"unevaluatedProperties": False}, [fast]) == sites({"unevaluatedProperties": False}, [reference])


# -- which engine, and what neither can use ---------------------------------------------------------------------


def test_the_reference_engine_takes_over_where_the_fast_one_cannot_read_a_pattern() -> None:
    schema = {"properties": {"a": {"pattern": "(?P<x>.)(?P=x)"}}, "items": {"type": "null"}}
    assert isinstance(compile_schema(schema, "request"), ReferenceEngine)
    validator = SchemaValidator("request", schema)
    assert validator.is_valid({"a": "bb"})
    assert [one.constraint for one in validator.iter_errors({"a": "bc"})] == ["request:/properties/a/pattern"]
    assert [one.instance_location for one in validator.iter_errors((None, 1))] == ["/1"], "a tuple is an array"


def test_a_value_that_fits_too_many_branches_breaks_the_union_alone() -> None:
    schema = {"oneOf": [{"required": ["a"]}, {"type": "object"}, {"minProperties": 0}]}
    for engine in engines(schema):
        assert Meaning(schema, "response").broken(engine.failures({})) == {"response:/oneOf"}


def test_a_key_without_a_name_where_only_the_fast_engine_reads_the_schema() -> None:
    closed = {"required": ["b"], "properties": {"b": {"type": "array"}}}
    schema = {"additionalProperties": closed, "propertyNames": {"pattern": "^[\\p{L}]*$"}}
    assert ReferenceEngine.compile(schema) is None
    validator = SchemaValidator("response", schema)
    assert validator.broken({"": {"b": 1}}) == {"response:/additionalProperties/properties/b/type"}
    (violation,) = validator.iter_errors({"": {"b": 1}})
    assert violation.instance_location == "//b"


def test_a_keyword_under_a_key_without_a_name_where_only_the_fast_engine_reads_the_schema() -> None:
    schema = {"properties": {"": {"anyOf": [{"type": "string", "pattern": "^[\\p{L}]*$"}, {"const": 1}]}}}
    assert ReferenceEngine.compile(schema) is None
    validator = SchemaValidator("response", schema)
    assert validator.broken({"": "1"}) == {"response:/properties//anyOf/0/pattern"}
    assert list(validator.iter_errors({"": True}))


def test_nothing_contained_is_not_too_much() -> None:
    schema = {"contains": {"type": "null"}, "maxContains": 1}
    for engine in engines(schema):
        assert Meaning(schema, "response").broken(engine.failures([1])) == {"response:/contains"}
        assert Meaning(schema, "response").broken(engine.failures([None, None])) == {"response:/maxContains"}


def test_an_item_too_many_does_not_tell_that_no_array_was_meant() -> None:
    array = {"type": "array", "items": [{"const": "a"}], "additionalItems": False, "maxItems": 1}
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "anyOf": [{"const": "a"}, array]}
    for engine in engines(schema):
        found = Meaning(schema, "response").broken(engine.failures(["a", "a"]))
        assert found == {"response:/anyOf/1/additionalItems", "response:/anyOf/1/maxItems"}


def test_keys_of_digits_keep_their_zeros() -> None:
    schema = {
        "$ref": "#/$defs/007",
        "$defs": {"007": {"properties": {"042": {"oneOf": [{"const": 1}, {"minimum": 7}]}}}},
    }
    for engine in engines(schema):
        (failure,) = engine.failures({"042": 2})
        assert failure.schema_path == ("$defs", "007", "properties", "042", "oneOf")
        assert tuple(map(str, failure.instance_path)) == ("042",)
        assert failure.branches[1][0].schema_path[-2:] == (1, "minimum")


def test_items_that_may_be_anything_are_evaluated_in_2019_09() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "allOf": [{"items": True}],
        "unevaluatedItems": False,
    }
    assert all(engine.is_valid(["a"]) for engine in engines(schema))


def test_an_empty_pattern_of_keys_is_left_to_the_engine_that_reads_it() -> None:
    schema = {"patternProperties": {"": {"type": "null"}}, "additionalProperties": False}
    validator = hc.SchemaValidator("request", schema)
    assert ReferenceEngine.compile(schema) is None
    assert validator.settled({"a": None}) is True
    assert validator.settled({"a": 1}) is False
