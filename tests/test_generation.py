"""Laws of generation for any contract: drawn schemas, every keyword, earlier drafts, and published schemas."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, Any

import jsonschema_specifications
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import validators

import haiku_contract as hc
from haiku_contract import pointer, strategies, wire
from haiku_contract._reference import ReferenceEngine
from haiku_contract.failures import Meaning
from haiku_contract.generate.conforming import Undecided, simplest
from haiku_contract.generate.merging import Unsatisfiable
from haiku_contract.generate.suite import cases_of, unreached

if TYPE_CHECKING:
    from haiku_contract.model import Case

LONG = "HAIKU_CONTRACT_LONG" in os.environ
"""Whether the laws over drawn schemas are tried on 3,000 of them; a few do while something else is worked on."""

LAW = settings(max_examples=3_000 if LONG else 50, derandomize=not LONG, database=None, deadline=None)
MOST_CASES = 120  # of one schema

# -- schemas ---------------------------------------------------------------------------------------------------------

SCALARS = st.sampled_from([None, True, False, 0, 1, -1, 1.5, 7, "", "a", "b", "ab", "abc", "1"])
NAMES = st.sampled_from(["a", "b", "c", "x-y"])
PATTERNS = st.sampled_from(["^a", "b$", "^[a-c]+$", "^x-", "\\d"])
SMALL = st.integers(0, 3)
NUMBERS = st.sampled_from([-1, 0, 1, 1.5, 2, 3, 10])
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])


def keywords(inner: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    maps = st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    lists = st.lists(inner, min_size=1, max_size=3)
    return {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(SCALARS, min_size=1, max_size=4, unique_by=repr),
        "const": SCALARS,
        **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), NUMBERS),
        "multipleOf": st.sampled_from([0.5, 1, 2, 3]),
        **dict.fromkeys(("minLength", "minItems", "minProperties", "minContains"), SMALL),
        **dict.fromkeys(("maxLength", "maxItems", "maxProperties", "maxContains"), SMALL.map(lambda most: most + 1)),
        "pattern": PATTERNS,
        "format": st.sampled_from(["date", "ipv4", "uuid", "uri-reference", "regex", "colour"]),
        "uniqueItems": st.booleans(),
        "required": st.lists(NAMES, max_size=2, unique=True),
        "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=2),
        **dict.fromkeys(("properties", "dependentSchemas"), maps),
        "patternProperties": st.dictionaries(PATTERNS, inner, min_size=1, max_size=2),
        **dict.fromkeys(("additionalProperties", "unevaluatedProperties", "propertyNames"), inner),
        **dict.fromkeys(("items", "contains", "unevaluatedItems", "not", "if", "then", "else"), inner),
        **dict.fromkeys(("prefixItems", "allOf", "anyOf", "oneOf"), lists),
    }


OLDER = ["https://json-schema.org/draft/2019-09/schema", "http://json-schema.org/draft-07/schema#"]
REFERENCES = {
    "$ref": st.sampled_from(["#/$defs/one", "#/$defs/two", "#/$defs/tree", "#two"]),
    "$dynamicRef": st.sampled_from(["#/$defs/one", "#one"]),
}
DIALECTS = st.sampled_from([*["https://json-schema.org/draft/2020-12/schema"] * 4, *OLDER])
TREE = {"type": ["object", "array", "null"], "required": ["a"], "minItems": 1}
TREE |= {"items": {"$ref": "#/$defs/tree"}, "properties": {"a": {"$ref": "#/$defs/tree"}, "b": {"$ref": "#/$defs/one"}}}


def objects(inner: st.SearchStrategy[Any], *, referring: bool = True) -> st.SearchStrategy[Any]:
    rows = keywords(inner) | (REFERENCES if referring else {})
    chosen = st.lists(st.sampled_from(sorted(rows)), min_size=1, max_size=4, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: rows[name] for name in names}))


PARTS = st.recursive(st.booleans() | objects(st.just(True)), objects, max_leaves=5)


def texts(schema: Any) -> set[str]:
    """Every text that a schema holds as a value."""
    if isinstance(schema, dict):
        return set().union(*map(texts, schema.values()))
    return set().union(*map(texts, schema)) if isinstance(schema, list) else {schema} & {str(schema)}


SCHEMAS = st.builds(
    lambda schema, dialect, one, two: (
        {
            "$schema": dialect,
            **schema,
            "$defs": {"one": {"$dynamicAnchor": "one", **one}, "two": {"$anchor": "two", **two}, "tree": TREE},
        }
        if isinstance(schema, dict)
        else schema
    ),
    PARTS,
    DIALECTS,
    objects(st.just(True), referring=False),  # references that lead back to themselves have no meaning
    objects(st.just(True), referring=False),
).filter(
    lambda schema: isinstance(schema, bool) or schema["$schema"] not in OLDER or not {"#one", "#two"} & texts(schema)
)
VALUES = [None, True, 0, 1, 2, 1.5, "", "a", "ab", "b", [], [1], [1, 2], ["a", "a"], {}, {"a": 1}, {"a": "a", "b": 1}]


def assert_certified(validator: hc.SchemaValidator, reference: ReferenceEngine, case: Case) -> None:
    """Both engines agree with the case, and the edit can be undone."""
    assert validator.engine.is_valid(case.payload) == reference.is_valid(case.payload) == (case.kind == "conforming")
    if case.fault is None:
        return
    assert case.constraint in case.breaks
    assert validator.is_valid(case.twin)
    assert reference.is_valid(case.twin)
    assert wire.encode(pointer.apply(case.fault, case.twin)) == case.body
    if len(case.breaks) == 1:
        assert validator.broken(case.payload) == {case.constraint}
        found = Meaning(validator.schema, validator.side).broken(reference.failures(case.payload))
        # What failed is evaluated by nobody in the eyes of this engine, so it blames what is left over too.
        assert {one for one in found if "/unevaluated" not in one or one == case.constraint} == {case.constraint}


@LAW
@given(SCHEMAS)
def test_cases_of_any_schema_are_what_they_say(schema: Any) -> None:
    validator = hc.SchemaValidator("response", schema, assert_format=True)
    reference = ReferenceEngine.compile(schema, assert_format=True)
    assert reference is not None
    for case in islice(cases_of(validator), MOST_CASES):
        assert_certified(validator, reference, case)


@settings(LAW, max_examples=3_000 if LONG else 100)
@given(SCHEMAS)
def test_a_value_is_found_wherever_a_simple_one_conforms(schema: Any) -> None:
    engine = hc.SchemaValidator("response", schema).engine
    if any(engine.is_valid(value) for value in VALUES):
        assert engine.is_valid(simplest(schema))
    else:
        try:
            assert engine.is_valid(simplest(schema))
        except (Unsatisfiable, Undecided) as error:
            assert str(error).startswith(("no value conforms", "undecided"))  # noqa: PT017 - either way is right


@LAW
@given(SCHEMAS)
def test_what_some_value_breaks_is_never_said_to_be_unbreakable(schema: Any) -> None:
    """It has a faulted case, or is undecided."""
    validator = hc.SchemaValidator("response", schema, assert_format=True)
    refused = [value for value in VALUES if not validator.is_valid(value)]
    if len(refused) == len(VALUES):  # there need not be a payload to begin with
        return
    broken = frozenset().union(*map(validator.broken, refused))
    faulted = {case.constraint for case in cases_of(validator) if case.kind == "faulted"}
    for constraint in validator.constraints:
        if constraint.id in broken - faulted:
            assert unreached(validator, constraint).startswith("undecided"), constraint.id


@settings(LAW, max_examples=1_000 if LONG else 40)
@given(SCHEMAS, st.data())
def test_what_strategies_draw_is_what_it_says(schema: Any, data: st.DataObject) -> None:
    validator = hc.SchemaValidator("response", schema, assert_format=True)
    reference = ReferenceEngine.compile(schema, assert_format=True)
    assert reference is not None
    if not any(validator.is_valid(value) for value in VALUES):
        return
    contract = hc.Contract("test/schema", "Test", "1.0.0", {}, hc.RequestValidator(schema), validator)
    assert_certified(validator, reference, data.draw(strategies.responses(contract, cases=True)))
    if any(case.kind == "faulted" for case in cases_of(validator)):
        assert_certified(validator, reference, data.draw(strategies.faulted_responses(contract, cases=True)))


PUBLISHED = {
    name: schema.contents
    for name in ("draft-04", "draft-06", "draft-07")
    for schema in [jsonschema_specifications.REGISTRY[f"http://json-schema.org/{name}/schema#"]]
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_schemas(name: str) -> None:
    """The metaschemas that are one document: recursive, old, and every keyword in them."""
    schema = PUBLISHED[name]
    validator, judge = hc.SchemaValidator("response", schema), validators.validator_for(schema)(schema)
    covered = set()
    for case in islice(cases_of(validator), MOST_CASES):
        assert judge.is_valid(case.payload) == (case.kind == "conforming"), case.id
        covered.add(case.constraint if case.kind == "faulted" else None)
    without = [one for one in validator.constraints if one.violable and one.id not in covered]
    assert len(without) <= 0.05 * sum(one.violable for one in validator.constraints)
    assert all(unreached(validator, one) for one in without)
