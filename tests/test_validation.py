"""Verdict and explanation say the same, and unions are explained by the branch that was meant."""

from __future__ import annotations

import json
import math
import pickle
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract.validation import SchemaValidator

if TYPE_CHECKING:
    from haiku_contract.model import Violation

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=300)
REQUEST = hc.load(version="1.0.0").request
USER = {"role": "user", "content": "Hello"}
PLAIN = {"messages": [USER], "max_tokens": 1}


class Role(StrEnum):
    USER = "user"


def found(schema: Any, instance: Any) -> list[Violation]:
    return list(SchemaValidator("request", schema).iter_errors(instance))


# -- the verdict and the explanation ----------------------------------------------------------------------------

PYTHON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from([Role.USER, "user", "\ud800", b"x", 10**400, UUID(int=1), (), frozenset()]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(
            st.sampled_from([*PLAIN, *USER, Role.USER, "metadata", "temperature", "x", 1, None]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(
    PYTHON
    | st.builds(lambda extra: {**PLAIN, **extra}, st.dictionaries(st.sampled_from(["metadata", "top_k"]), PYTHON))
)
@settings(DETERMINISTIC, max_examples=800)
def test_the_verdict_is_the_explanation_of_python_values(payload: Any) -> None:
    violations = list(REQUEST.iter_errors(payload))
    assert REQUEST.is_valid(payload) == (not violations)
    if violations:
        with pytest.raises(hc.ContractViolation) as caught:
            REQUEST.validate(payload)
        assert caught.value.violations == tuple(violations)
    else:
        REQUEST.validate(payload)


@given(
    st.binary()
    | PYTHON.map(lambda value: repr(value).replace("'", '"'))
    | st.sampled_from(["", "null", "{}", '{"a":1,"a":2}'])
)
@settings(DETERMINISTIC, max_examples=800)
def test_the_verdict_is_the_explanation_of_bodies(body: bytes | str) -> None:
    violations = list(REQUEST.iter_errors_bytes(body))
    assert REQUEST.is_valid_bytes(body) == (not violations)
    if violations:
        with pytest.raises(hc.ContractViolation) as caught:
            REQUEST.validate_bytes(body)
        assert caught.value.violations == tuple(violations)
    else:
        assert REQUEST.validate_bytes(body) == json.loads(body)


def test_a_body_is_decoded_once_it_conforms() -> None:
    assert REQUEST.validate_bytes(json.dumps(PLAIN)) == PLAIN
    assert REQUEST.validate_bytes(json.dumps(PLAIN).encode()) == PLAIN


def test_a_body_with_duplicate_keys_is_explained_with_the_last_of_them() -> None:
    body = '{"messages": [], "max_tokens": 1, "max_tokens": 0}'
    assert [one.constraint for one in REQUEST.iter_errors_bytes(body)] == [
        "wire:duplicate-key",
        "request:/properties/max_tokens/exclusiveMinimum",
    ]


def test_what_python_writes_otherwise_conforms_as_the_wire_has_it() -> None:
    assert REQUEST.is_valid(
        {"messages": ({"role": Role.USER, "content": ({"type": "text"},)},), "max_tokens": True + 1}
    )
    assert not REQUEST.is_valid({"messages": (), "max_tokens": True})
    assert [one.instance_location for one in REQUEST.iter_errors({"messages": ((),), "max_tokens": 1})] == [
        "/messages/0"
    ]


def test_what_json_cannot_carry_comes_before_the_schema() -> None:
    violations = list(REQUEST.iter_errors({"messages": 5, "max_tokens": math.nan}))
    assert [one.constraint for one in violations] == ["wire:number"]


def test_unions_nested_as_deeply_as_the_wire_allows() -> None:
    schema = {
        "$ref": "#/$defs/n",
        "$defs": {"n": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#/$defs/n"}}]}},
    }
    instance: Any = 5
    for _ in range(253):
        instance = [instance]
    (violation,) = found(schema, instance)
    assert violation.constraint == "request:/$defs/n/anyOf"
    assert violation.instance_location == "/0" * 253
    assert len(violation.message) < 400


# -- the branch that was meant ----------------------------------------------------------------------------------

_CONTENT = "/properties/messages/items/properties/content/anyOf"
_SHAPE = {"type": "object", "required": ["type"]}
SHAPES = {
    "anyOf": [
        {**_SHAPE, "properties": {"type": {"const": "circle"}, "radius": {"type": "number"}}},
        {
            **_SHAPE,
            "properties": {"type": {"enum": ["square", "box"]}, "side": {"type": "number"}, "depth": {"minimum": 1}},
        },
        {"type": "string", "maxLength": 3},
        {"type": "null"},
    ]
}
NESTED = {
    "oneOf": [
        {"type": "array", "items": SHAPES, "maxItems": 2},
        {"anyOf": [{"type": "boolean"}, {"type": "number", "minimum": 0}]},
    ]
}

# (schema, instance, what is reported: (pointer, instance location))
MEANT: list[tuple[Any, Any, list[tuple[str, str]]]] = [
    (SHAPES, {"type": "circle", "radius": "1"}, [("/anyOf/0/properties/radius/type", "/radius")]),
    (SHAPES, {"type": "box", "side": "1", "depth": 0}, [
        ("/anyOf/1/properties/side/type", "/side"), ("/anyOf/1/properties/depth/minimum", "/depth"),
    ]),
    (SHAPES, {"type": "box", "side": "1", "radius": "1"}, [("/anyOf/1/properties/side/type", "/side")]),
    (SHAPES, {"radius": "1"}, [("/anyOf/1/required/0", "")]),
    (SHAPES, "long", [("/anyOf/2/maxLength", "")]),
    (SHAPES, 5, [("/anyOf", "")]),
    (NESTED, [{"type": "circle", "radius": None}], [("/oneOf/0/items/anyOf/0/properties/radius/type", "/0/radius")]),
    (NESTED, [None, "long", None], [("/oneOf/0/maxItems", ""), ("/oneOf/0/items/anyOf/2/maxLength", "/1")]),
    (NESTED, -1, [("/oneOf/1/anyOf/1/minimum", "")]),
    (NESTED, "x", [("/oneOf", "")]),
    ({"anyOf": [{"const": 1}, {"enum": ["a", "b"]}]}, 2, [("/anyOf", "")]),
    ({"anyOf": [False, {"type": "string"}]}, 2, [("/anyOf", "")]),
    ({"oneOf": [{"type": "string"}, {"minLength": 1}, {"maxLength": 0}]}, "a", [("/oneOf", "")]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "instance", "expected"), MEANT)
def test_a_union_is_explained_by_the_branch_that_was_meant(schema: Any, instance: Any, expected: list[Any]) -> None:
    assert [
        (one.constraint.removeprefix("request:"), one.instance_location) for one in found(schema, instance)
    ] == expected


@pytest.mark.parametrize(
    ("content", "constraint", "location"),
    [
        ([{"type": "text", "text": "a"}, {"text": "b"}], "/1/items/required/0", "/1"),
        ([{"type": "text", "txt": "a"}], "/1/items/additionalProperties", "/0"),
        ([{"type": "text", "text": 5}], "/1/items/properties/text/type", "/0/text"),
        (["Hello"], "/1/items/type", "/0"),
        ({"type": "text", "text": "a"}, "", ""),
        (None, "", ""),
    ],
)
def test_content_with_a_fault_is_about_the_fault(content: Any, constraint: str, location: str) -> None:
    violations = list(REQUEST.iter_errors({"messages": [USER, {"role": "user", "content": content}], "max_tokens": 1}))
    assert [one.constraint for one in violations] == [f"request:{_CONTENT}{constraint}"]
    assert violations[0].instance_location == f"/messages/1/content{location}"
    expected = [f"request:{_CONTENT}/0/type", f"request:{_CONTENT}/1/type"] if not constraint else []
    assert [one.constraint for one in violations[0].context] == expected


# -- errors -----------------------------------------------------------------------------------------------------


def test_every_error_survives_pickling() -> None:
    violations = tuple(REQUEST.iter_errors({"messages": [{"role": "x", "content": 5}], "max_tokens": 0}))
    assert any(one.context for one in violations)
    samples = [
        hc.HaikuContractError("a"),
        hc.ContractLoadError("b"),
        hc.ContractViolation(violations),
        hc.UsageError("c"),
        hc.EndpointError("d"),
        hc.MissingExtraError("fuzz"),
    ]
    for sample in samples:
        again = pickle.loads(pickle.dumps(sample))  # noqa: S301 - our own bytes
        assert (type(again), str(again), vars(again)) == (type(sample), str(sample), vars(sample))


def test_an_unusable_schema_is_an_error_of_its_own() -> None:
    with pytest.raises(hc.ContractLoadError, match="the request schema"):
        SchemaValidator("request", {"type": "foo"}).is_valid(1)


# -- keys without a name ------------------------------------------------------------------------------------------

NAMELESS: list[tuple[Any, Any, list[tuple[str, str]]]] = [
    (
        {"additionalProperties": {"type": "array", "items": {"type": "integer"}}},
        {"": ["x"]},
        [("/additionalProperties/items/type", "//0")],
    ),
    ({"properties": {"": {"type": "integer"}}}, {"": "x"}, [("/properties//type", "/")]),
    ({"additionalProperties": {"type": "integer"}}, {"": "x"}, [("/additionalProperties/type", "/")]),
    ({"properties": {"a": {"required": [""]}}}, {"a": {}}, [("/properties/a/required/0", "/a")]),
]


@pytest.mark.parametrize(("schema", "instance", "expected"), NAMELESS)
def test_keys_without_a_name_have_a_place_too(schema: Any, instance: Any, expected: list[Any]) -> None:
    reported = [(one.constraint.removeprefix("request:"), one.instance_location) for one in found(schema, instance)]
    assert reported == expected
    assert SchemaValidator("request", schema).broken(instance) == {f"request:{expected[0][0]}"}
