"""Schemas that are written in ways which not every engine reads: each is read as its authors mean it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_specifications
import pytest

import haiku_contract as hc
from haiku_contract.generate.suite import cases_of
from haiku_contract.localising import localised

DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"

# A tree that an extension closes: the anchor of the outermost schema is meant (Core section 8.2.3.2).
STRICT_TREE = {
    "$id": "https://example.org/strict-tree",
    "$dynamicAnchor": "node",
    "$ref": "tree",
    "unevaluatedProperties": False,
    "definitions": {
        "tree": {
            "$id": "https://example.org/tree",
            "$dynamicAnchor": "node",
            "type": "object",
            "properties": {"data": True, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
        }
    },
}
LEAF = {"data": 1}

# The same in the words of 2019-09.
RECURSIVE = {
    "$schema": DRAFT_2019,
    "$id": "https://example.org/strict-tree",
    "$recursiveAnchor": True,
    "$ref": "tree",
    "unevaluatedProperties": False,
    "$defs": {
        "tree": {
            "$id": "https://example.org/tree",
            "$recursiveAnchor": True,
            "type": "object",
            "properties": {"data": True, "children": {"type": "array", "items": {"$recursiveRef": "#"}}},
        }
    },
}
STAYING = {
    "$schema": DRAFT_2019,
    "properties": {"tree": {"$ref": "https://example.org/tree"}},
    "additionalProperties": False,
    "$defs": RECURSIVE["$defs"],
}

# (schema, what conforms, what does not)
READ: list[tuple[Any, Any, Any]] = [
    (STRICT_TREE, {"children": [{"children": [LEAF]}]}, {"children": [{"children": [{"daat": 1}]}]}),
    (RECURSIVE, {"children": [{"children": [LEAF]}]}, {"children": [{"children": [{"daat": 1}]}]}),
    (STAYING, {"tree": {"children": [{"daat": 1}]}}, {"tree": {"children": [{"children": 1}]}}),
    (
        {"items": {"$dynamicRef": "part#it"}, "$defs": {"p": {"$id": "part", "$dynamicAnchor": "it", "type": "null"}}},
        [None],
        [1],
    ),
    ({"$ref": "#/$defs/Foo<Bar|string>", "$defs": {"Foo<Bar|string>": {"type": "string"}}}, "a", 1),
    ({"$ref": "#/$defs/Parameter Node", "$defs": {"Parameter Node": {"const": 1}}}, 1, 2),
    ({"$ref": "#/$defs/a%b", "$defs": {"a%b": {"const": 1}}}, 1, 2),
    ({"$ref": "#/$defs/a#b[]", "$defs": {"a#b[]": {"const": 1}}}, 1, 2),
    ({"$ref": "#/parts/one", "parts": {"one": {"$ref": "#/parts/Two<>"}, "Two<>": {"const": 1}}}, 1, 2),
    ({"$id": "a schema of mine", "$ref": "#/$defs/a", "$defs": {"a": {"const": 1}}}, 1, 2),
    ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, {"not": {"minLength": 1}}, {"not": {"minLength": "1"}}),
    (
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "items": {"$ref": "http://json-schema.org/draft-07/schema"},
        },
        [{"type": "object"}],
        [{"properties": {"a": {"type": "x"}}}],
    ),
    (
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "items": {"$ref": "https://json-schema.org/draft-07/schema#/definitions/nonNegativeInteger"},
        },
        [1],
        [-1],
    ),
    (
        {
            "$schema": "http://json-schema.org/draft-04/schema#",
            "properties": {"t": {"$ref": "http://json-schema.org/draft-04/schema#/properties/title"}},
        },
        {"t": "a"},
        {"t": 1},
    ),
    (
        {  # a metaschema that was copied keeps its identifier, and references still count from the document
            "$schema": "http://json-schema.org/draft-07/schema#",
            "items": {"$ref": "#/definitions/copied"},
            "definitions": {
                "copied": {
                    "$id": "http://json-schema.org/draft-07/schema",
                    "properties": {"title": {"type": "string"}, "not": {"$ref": "#/definitions/copied"}},
                }
            },
        },
        [{"title": "a", "not": {"title": "b"}}],
        [{"title": 1}],
    ),
    ({"$id": "http://[", "$ref": "#/$defs/a", "$defs": {"a": {"const": 1}}}, 1, 2),
    ({"$schema": "https://example.org/provider.definition.schema.v1.json", "prefixItems": [{"const": 1}]}, [1], [2]),
    ({"$schema": "http://json-schema-org/draft-07/schema#", "items": [{"const": 1}]}, [1], [2]),
    ({"$schema": "https://json-schema.org/draft-07/schema#", "items": [{"const": 1}]}, [1], [2]),
    ({"$schema": "http://json-schema.org/draft-05/schema#", "maximum": 1, "exclusiveMaximum": True}, 0, 1),
    (
        {"$schema": "http://json-schema.org/draft-04/schema", "properties": {"a": {"$id": "/a", "type": "null"}}},
        {"a": None},
        {"a": 1},
    ),
]


@pytest.mark.parametrize(("schema", "right", "wrong"), READ)
def test_a_schema_is_read_as_it_is_meant(schema: Any, right: Any, wrong: Any) -> None:
    before = json.dumps(schema)
    validator = hc.SchemaValidator("response", schema)
    assert validator.is_valid(right)
    assert validator.settled(right) is True
    assert not validator.is_valid(wrong)
    assert validator.settled(wrong) is False
    assert list(validator.iter_errors(wrong))
    assert json.dumps(schema) == before


@pytest.mark.parametrize("schema", [row[0] for row in READ])
def test_every_violable_constraint_of_it_has_a_case(schema: Any) -> None:
    validator = hc.SchemaValidator("response", schema)
    cases = list(cases_of(validator))
    assert {one.id for one in validator.constraints if one.violable} == {
        case.constraint for case in cases if case.kind == "faulted"
    }
    for case in cases:
        assert validator.settled(case.payload) is (case.kind == "conforming")


def test_a_schema_that_every_engine_reads_is_left_alone() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://example.org/a",
        "$ref": "#/definitions/a",
    }
    assert localised(schema) is schema


METASCHEMAS = [one for one in sorted(jsonschema_specifications.REGISTRY) if one.rpartition("/")[2].startswith("schema")]


@pytest.mark.parametrize("uri", METASCHEMAS)
def test_every_metaschema_is_a_schema_like_any_other(uri: str) -> None:
    validator = hc.SchemaValidator("response", jsonschema_specifications.REGISTRY[uri].contents)
    assert validator.is_valid({"properties": {"a": {"type": "string", "minLength": 1}}})
    assert not validator.is_valid({"properties": {"a": {"items": {"properties": {"b": {"enum": 1}}}}}})


UNKNOWN = [
    ("https://example.org/dialect", "'https://example.org/dialect', which is no draft"),
    ("http://json-schema.org/schema#", "read as draft 2020-12"),
    ("x\ny" * 1000, "…"),
]


@pytest.mark.parametrize(("dialect", "remark"), UNKNOWN)
def test_what_is_said_of_a_dialect_that_is_not_known(dialect: str, remark: str) -> None:
    said = hc.SchemaValidator("response", {"$schema": dialect}).remark
    assert remark in said
    assert said.isprintable()


@pytest.mark.parametrize("dialect", [DRAFT_2019, "http://json-schema.org/draft-03/schema", None, "http://x/draft-06/y"])
def test_nothing_is_said_of_a_dialect_that_is(dialect: str | None) -> None:
    assert hc.SchemaValidator("response", {} if dialect is None else {"$schema": dialect}).remark == ""
