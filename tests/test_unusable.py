"""What is no schema, or none that can be used: refused in one line that says where and why."""

from __future__ import annotations

import re
from typing import Any

import pytest

import haiku_contract as hc
from haiku_contract.validation import compile_schema

# Which 'item' is meant depends on which list leads to it.
LISTS = {
    "$ref": "texts",
    "properties": {"a": {"$ref": "numbers"}},
    "$defs": {
        "texts": {"$id": "texts", "$ref": "list", "$defs": {"item": {"$dynamicAnchor": "item", "type": "string"}}},
        "numbers": {"$id": "numbers", "$ref": "list", "$defs": {"item": {"$dynamicAnchor": "item", "type": "number"}}},
        "list": {"$id": "list", "items": {"$dynamicRef": "#item"}, "$defs": {"item": {"$dynamicAnchor": "item"}}},
    },
}

UNUSABLE: list[tuple[Any, str]] = [
    (5, "expected an object, found number 5"),
    (None, "expected an object, found null"),
    ([{}], "expected an object, found array of 1"),
    ({"type": "foo"}, "at type: "),
    ({"properties": {"a": {"required": ["b", "b"]}}}, r"at properties\.a\.required: "),
    ({"pattern": "("}, "at pattern: "),
    ({"patternProperties": {"(?P<x>.)": {}, "[": {}}}, "at patternProperties"),
    ({"$ref": "https://example.org/other"}, "https://example.org/other"),
    ({"properties": {"a": {"$ref": "other.json#/a"}}}, "other.json"),
    ({"pattern": "(?P<x>.)(?P=x)", "$ref": "https://example.org/other"}, "https://example.org/other"),
    ({"$ref": "#/$defs/nope"}, "nope"),
    ({"$dynamicRef": "#nope"}, "nope"),
    ({"$schema": 5}, "5"),
    ({"$ref": "#/~2"}, "~2"),
    ({"$id": "http://[", "$ref": "#/$defs/none", "$defs": {"a b": {}}}, "none"),
    ({"$ref": "http://[x"}, "Invalid URI"),
    (LISTS, r"at \$defs\.texts\.\$id: .*several"),
    ({"enum": ["x\ny" * 10_000], "type": "x\ny" * 10_000}, "at type: "),
]


@pytest.mark.parametrize(("schema", "reason"), UNUSABLE)
def test_a_schema_that_cannot_be_used(schema: Any, reason: str) -> None:
    with pytest.raises(hc.ContractLoadError, match=reason) as caught:
        compile_schema(schema, "response")
    assert str(caught.value).startswith("the response schema is not a schema")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_a_schema_nested_too_deeply() -> None:
    schema: Any = {}
    for _ in range(2000):
        schema = {"not": schema}
    with pytest.raises(hc.ContractLoadError, match=re.compile("recursion", re.IGNORECASE)):
        compile_schema(schema, "request")
