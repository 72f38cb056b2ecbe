"""What plainly accepts every value, through references to itself too: nothing in it can be broken."""

from __future__ import annotations

from typing import Any, Final

import pytest

import haiku_contract as hc
from haiku_contract.schemas import Document
from haiku_contract.trivial import accepts_everything

PLAIN: Final = {"type": ["null", "boolean", "number", "string"]}
ANY_JSON: Final = {
    "anyOf": [
        PLAIN,
        {"type": "array", "items": {"$ref": "#"}},
        {"type": "object", "additionalProperties": {"$ref": "#"}},
    ]
}
LISTS: Final = {"type": "array", "items": {"$ref": "#/$defs/lists"}}


@pytest.mark.parametrize(
    ("schema", "open_kinds", "everything"),
    [
        (ANY_JSON, ["array", "object", "null"], True),
        ({"anyOf": [PLAIN, {"type": ["array", "object"], "minItems": 1}]}, ["null"], False),
        ({"anyOf": [{"type": ["integer", "array", "object"]}, {"type": ["null", "boolean", "string"]}]}, [], False),
        ({"$ref": "#/$defs/lists", "$defs": {"lists": LISTS}}, [], False),
        (
            {"anyOf": [{"type": [*PLAIN["type"], "object"]}, {"$ref": "#/$defs/lists"}], "$defs": {"lists": LISTS}},
            [],
            False,
        ),
    ],
    ids=str,
)
def test_what_accepts_everything(schema: dict[str, Any], open_kinds: list[str], everything: bool) -> None:
    document = Document(schema)
    assert accepts_everything(document, schema) is everything
    assert all(accepts_everything(document, schema, frozenset((kind,))) for kind in open_kinds)
    assert not any(accepts_everything(document, LISTS, frozenset((kind,))) for kind in ("array", "object"))


def test_nothing_can_be_broken_in_a_union_that_takes_everything() -> None:
    validator = hc.SchemaValidator("response", ANY_JSON)
    assert {one.pointer: one.reason for one in validator.constraints} == {
        "/anyOf": "its branches accept every value",
        "/anyOf/0/type": "another branch of the union accepts every value",
        "/anyOf/1/type": "another branch of the union accepts every value",
        "/anyOf/2/type": "another branch of the union accepts every value",
    }
    assert not any(one.violable for one in validator.constraints)
