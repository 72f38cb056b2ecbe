"""Laws of the deterministic suite, judged by `jsonschema`, which had no part in making it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict

import jsonschema
import pytest

import haiku_contract as hc
from haiku_contract import constraints, pointer, wire
from haiku_contract.generate import suite
from haiku_contract.generate.faults import OPERATORS
from haiku_contract.generate.values import BOUNDARIES
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE

VERSIONS = ("1.0.0", "1.1.0", "1.1.1")
CONTRACTS = {version: hc.load(version=version) for version in VERSIONS}
SUITES = {version: suite(contract) for version, contract in CONTRACTS.items()}

# What a person must find in the suite, by the part of the id that names it.
EXPECTED_IDS = [
    "request/simplest",
    "request/max_tokens/exclusiveMinimum/smallest",
    "request/max_tokens/exclusiveMinimum/at",
    "request/max_tokens/type/integral-float",
    "request/max_tokens/type/true",
    "request/max_tokens/type/numeric-string",
    "request/max_tokens/type/null",
    "request/temperature/maximum/at",
    "request/temperature/maximum/just-inside",
    "request/temperature/maximum/above",
    "request/temperature/maximum/just-above",
    "request/temperature/minimum/at",
    "request/temperature/minimum/just-below",
    "request/temperature/present",
    "request/temperature/absent",
    "request/system/type/empty",
    "request/system/type/long",
    "request/system/type/non-ascii",
    "request/system/type/astral",
    "request/system/type/control",
    "request/stream/type/true",
    "request/stream/type/false",
    "request/stream/type/numeric-string",
    "request/messages/type/empty",
    "request/messages/type/long",
    "request/messages/items/role/enum/user",
    "request/messages/items/role/enum/assistant",
    "request/messages/items/role/enum/unknown",
    "request/messages/items/role/enum/near-miss",
    "request/messages/items/role/enum/unknown-first",
    "request/messages/items/role/enum/unknown-middle",
    "request/messages/items/role/enum/unknown-last",
    "request/messages/items/additionalProperties/near-miss-key",
    "request/messages/items/content/anyOf/branch-0-string",
    "request/messages/items/content/anyOf/branch-1-array",
    "request/messages/items/content/anyOf/1/items/required/type/removed",
    "request/messages/items/content/anyOf/1/items/required/type/removed-middle",
    "request/additionalProperties/extra-null",
    "request/required/messages/removed",
    "request/wire/syntax/truncated",
    "request/wire/syntax/empty",
    "request/wire/duplicate-key/repeated",
    "request/wire/number/nan",
    "request/wire/content-type/text",
    "request/type/array",
    "response/usage/additionalProperties/unknown-key",
    "response/role/const/unknown",
]


def judge(version: str, side: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(getattr(CONTRACTS[version], side).schema)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_verdict_is_the_reference_engines_verdict(version: str) -> None:
    for case in SUITES[version]:
        if case.payload is not ABSENT:
            assert judge(version, case.side).is_valid(case.payload) == (case.kind == "conforming"), case.id


@pytest.mark.parametrize("version", VERSIONS)
def test_certificate(version: str) -> None:
    """The payload breaks what the case says and the constraint is among it; undoing the one edit gives the twin."""
    contract = CONTRACTS[version]
    for case in SUITES[version]:
        if case.fault is None:
            continue
        validator = getattr(contract, case.side)
        assert case.breaks == tuple(sorted(validator.broken(case.payload))), case.id
        assert case.constraint in case.breaks, case.id
        assert validator.is_valid(case.twin), case.id
        assert wire.encode(pointer.apply(case.fault, case.twin)) == case.body, case.id
        assert wire.encode(case.twin) != case.body, case.id  # bytes, because True == 1 in Python


@pytest.mark.parametrize("version", VERSIONS)
def test_taking_the_constraints_out_makes_the_fault_conform(version: str) -> None:
    """The certificate without our own explanations: without exactly the named constraints the payload is valid."""
    contract = CONTRACTS[version]
    for case in SUITES[version]:
        if case.fault is None:
            continue
        validator = getattr(contract, case.side)
        # Indices of `required` shift when a member goes, so later members go first.
        named = sorted((one for one in validator.constraints if one.id in case.breaks), key=lambda one: one.pointer)
        schema = validator.schema
        for one in reversed(named):
            parent = constraints.without(schema, one) if _is_there(schema, one.pointer) else schema
            schema = parent
        assert jsonschema.Draft202012Validator(schema).is_valid(case.payload), case.id


def _is_there(schema: object, place: str) -> bool:
    try:
        pointer.get(schema, pointer.split(place))
    except (KeyError, IndexError):
        return False
    return True


@pytest.mark.parametrize("version", VERSIONS)
def test_every_violable_constraint_is_broken_alone_or_the_reason_is_structural(version: str) -> None:
    by_constraint = defaultdict(list)
    for case in SUITES[version]:
        if case.kind == "faulted":
            by_constraint[case.constraint].append(case)
    for one in CONTRACTS[version].constraints:
        if not one.violable:
            assert one.id not in by_constraint
            continue
        cases = by_constraint[one.id]
        assert cases, f"no case for {one.id}"
        if any(len(case.breaks) > 1 for case in cases):
            assert _cannot_be_alone(CONTRACTS[version], one), one.id
            assert all(one.id in case.breaks for case in cases)


def _cannot_be_alone(contract: hc.Contract, one: hc.Constraint) -> bool:
    """A type beside a const or an enum of that type; a union all of whose branches turn on the type."""
    schema = getattr(contract, one.side).schema
    parent = pointer.get(schema, pointer.split(one.pointer)[:-1])
    if one.keyword == "type" and ("const" in parent or "enum" in parent):
        return True
    return one.keyword in constraints.UNIONS or pointer.split(one.pointer)[-3:-2] == ["anyOf"]


@pytest.mark.parametrize("version", VERSIONS)
def test_ids_are_unique_and_the_expected_ones_are_there(version: str) -> None:
    ids = [case.id for case in SUITES[version]]
    assert len(ids) == len(set(ids))
    assert [one for one in EXPECTED_IDS if one not in ids] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_bodies_are_what_the_case_says(version: str) -> None:
    for case in SUITES[version]:
        found = {one.constraint for one in wire.decode(case.body).violations}
        if case.payload is not ABSENT:
            assert found == set()
            assert case.body == wire.encode(case.payload)
            assert case.content_type == JSON_CONTENT_TYPE
        elif case.constraint == "wire:content-type":
            assert found == set()
            assert case.content_type != JSON_CONTENT_TYPE
        else:
            assert found == {case.constraint}, case.id


@pytest.mark.parametrize("version", VERSIONS)
def test_every_rule_of_the_wire_has_a_case(version: str) -> None:
    assert {case.constraint for case in SUITES[version] if case.payload is ABSENT} == {
        f"wire:{rule}" for rule in wire.BYTES_RULES
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_every_optional_property_is_present_and_absent(version: str) -> None:
    payloads = [case.payload for case in SUITES[version] if case.side == "request" and case.kind == "conforming"]
    schema = CONTRACTS[version].request.schema
    assert isinstance(schema, dict)
    for name in schema["properties"]:
        assert any(name in payload for payload in payloads)
        assert name in schema["required"] or any(name not in payload for payload in payloads)


def test_wrong_types_cover_every_other_json_type() -> None:
    """Of `max_tokens`, a number: null, both booleans, strings, array and object are wrong; 1.0 is right."""
    cases = [case for case in SUITES["1.1.1"] if case.id.startswith("request/max_tokens/type/")]
    values = {case.id.rpartition("/")[2]: case.payload["max_tokens"] for case in cases if case.kind == "faulted"}
    assert {json.dumps(value) for value in values.values()} == {
        "null", "true", "false", '"text"', '"1"', '"true"', "[]", "{}",
    }  # fmt: skip
    assert any(case.kind == "conforming" and case.body.endswith(b'"max_tokens":1.0}') for case in cases)


def test_every_keyword_of_the_shipped_schemas_has_a_fault_operator_and_boundary_values() -> None:
    keywords = {
        one.keyword for contract in CONTRACTS.values() for one in contract.constraints if one.violable or one.reachable
    }
    assert keywords <= set(OPERATORS)
    assert keywords - {"required"} <= set(BOUNDARIES)  # a member of `required` has no edge: it is there or not


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_the_same_bytes_in_another_process(hash_seed: str) -> None:
    code = (
        "import hashlib, haiku_contract as hc; from haiku_contract.generate import suite;"
        "print(hashlib.sha256(b''.join(c.id.encode() + c.body for c in suite(hc.load(version='1.1.1')))).hexdigest())"
    )
    run = subprocess.run(  # noqa: S603 - our own interpreter on our own code
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    here = hashlib.sha256(b"".join(case.id.encode() + case.body for case in SUITES["1.1.1"])).hexdigest()
    assert run.stdout.strip() == here


SIBLING = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string", "minLength": 1, "maxLength": 8},
        "count": {"type": "integer", "minimum": 1, "maximum": 4},
        "sizes": {"type": "array", "items": {"type": "number", "multipleOf": 0.5}, "minItems": 1, "maxItems": 3},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "uniqueItems": True},
        "mode": {"oneOf": [{"const": "fast"}, {"type": "object", "properties": {"k": {"type": "null"}}}]},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "boolean"}], "items": False},
    },
    "required": ["prompt"],
    "minProperties": 1,
    "maxProperties": 9,
    "additionalProperties": False,
    "$defs": {"tag": {"type": "string", "enum": ["a", "b"]}, "unused": {"type": "string"}},
}


def test_a_sibling_contract() -> None:
    """Keywords that the shipped contract does not use: same laws, and a case for each constraint."""
    validator = hc.SchemaValidator("request", SIBLING)
    contract = hc.Contract("x/sibling", "Sibling", "1.0.0", {}, validator, hc.SchemaValidator("response", True))
    reference = jsonschema.Draft202012Validator(SIBLING)
    cases = [case for case in suite(contract, "request") if case.payload is not ABSENT]
    for case in cases:
        assert reference.is_valid(case.payload) == (case.kind == "conforming"), case.id
    covered = {case.constraint for case in cases if case.kind == "faulted"}
    assert {one.id for one in validator.constraints if one.violable} == covered
    assert [one.id for one in validator.constraints if not one.reachable] == ["request:/$defs/unused/type"]
