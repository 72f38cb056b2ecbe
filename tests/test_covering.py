"""Laws of the covering suite, of its lower bound, of what is told of the rest, and of the portable corpus."""

from __future__ import annotations

import json
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

import haiku_contract as hc
from haiku_contract import pointer, wire
from haiku_contract.generate import Covering, cases, corpus, coverage, covering, joined, packed, suite
from haiku_contract.generate.features import features
from haiku_contract.model import ABSENT, Fault
from haiku_contract.report import structured

if TYPE_CHECKING:
    from haiku_contract.model import Side

VERSIONS = ("1.0.0", "1.1.1")
SIDES: list[tuple[str, Side]] = [(version, side) for version in VERSIONS for side in ("request", "response")]  # type: ignore[misc]  # mypy widens the literals


def covered(version: str, side: Side) -> tuple[hc.SchemaValidator, Covering]:
    contract = hc.load(version=version)
    return (contract.request if side == "request" else contract.response), covering(contract, side)


def with_schema(schema: Any) -> hc.Contract:
    return hc.Contract(
        "test/schema", "Test", "1.0.0", {}, hc.RequestValidator(schema), hc.SchemaValidator("response", True)
    )


@pytest.mark.parametrize(("version", "side"), SIDES)
def test_packed_cases_conform_and_show_everything(version: str, side: Side) -> None:
    validator, found = covered(version, side)
    judge = Draft202012Validator(validator.schema)
    assert all(judge.is_valid(case.payload) for case in found.cases)
    assert found.missed == ()
    assert sum(map(len, found.shown)) == found.wanted
    # Each feature is in the case that claims it: the value stands at its place, or in some element of the array there.
    claimed = {name: case.payload for case, names in zip(found.cases, found.shown, strict=True) for name in names}
    for one in features(validator):
        values = _values(claimed[one.name], one.path)
        assert any(_same(value, one.value) or (one.loose and value is not ABSENT) for value in values), one.name


def _values(payload: Any, path: tuple[str | int, ...]) -> list[Any]:
    """What stands at a path, any element of an array for an index; ABSENT where a key is not there."""
    if not path:
        return [payload]
    if isinstance(path[0], int):
        return [value for one in payload for value in _values(one, path[1:])] if isinstance(payload, list) else []
    if not isinstance(payload, dict):
        return []
    return _values(payload[path[0]], path[1:]) if path[0] in payload else [ABSENT]


def _same(found: Any, wanted: Any) -> bool:
    """Alike, or an object that holds what is wanted among other things."""
    if ABSENT in (found, wanted):
        return found is wanted
    if isinstance(found, dict) and isinstance(wanted, dict):
        return all(name in found for name in wanted)
    return wire.encode(found) == wire.encode(wanted)


@pytest.mark.parametrize("version", VERSIONS)
def test_any_two_optional_properties_in_all_four_ways(version: str) -> None:
    validator, found = covered(version, "request")
    schema = validator.schema
    assert isinstance(schema, dict)
    optional = [name for name in schema["properties"] if name not in schema["required"]]
    for one, other in combinations(optional, 2):
        shown = {(one in case.payload, other in case.payload) for case in found.cases}
        assert len(shown) == 4, (one, other)


@pytest.mark.parametrize(("version", "side"), SIDES)
def test_the_lower_bound_is_one(version: str, side: Side) -> None:
    """So many values share one place outside arrays, and a payload has room for one of them."""
    validator, found = covered(version, side)
    places: dict[str, set[bytes]] = {}
    for one in features(validator):
        if not any(isinstance(token, int) for token in one.path):
            value = b"" if one.value is ABSENT else wire.encode(one.value)
            places.setdefault(pointer.join(one.path), set()).add(value)
    assert 4 <= found.lower_bound == len(found.cases)
    assert max(map(len, places.values())) >= found.lower_bound - 1


@pytest.mark.parametrize(("version", "side"), SIDES)
def test_packed_cases_come_apart_and_together(version: str, side: Side) -> None:
    """All features of a case make its payload again, each half of them a payload that conforms, as does each alone."""
    validator, found = covered(version, side)
    listed = packed(validator)
    assert tuple(one.case for one in listed) == found.cases
    for one in listed:
        whole = joined(validator, one.features)
        assert whole is not None
        assert whole.payload == one.case.payload
        for part in (one.features[::2], one.features[1::2], *((feature,) for feature in one.features)):
            case = joined(validator, part)
            assert case is not None
            assert validator.is_valid(case.payload)
    alone = {feature.name: joined(validator, (feature,)) for one in listed for feature in one.features}
    for feature in features(validator):
        case = alone[feature.name]
        assert case is not None
        assert any(_same(value, feature.value) for value in _values(case.payload, feature.path)), feature.name


def test_what_wants_two_things_at_one_place_is_not_joined() -> None:
    contract = hc.load()
    at, above = (f for one in packed(contract.request) for f in one.features if f.name.startswith("stream/type/"))
    assert joined(contract.request, [at]) == joined(contract.request, [at])
    assert joined(contract.request, [at, above]) is None


def test_strength() -> None:
    properties = {name: {"type": "null"} for name in "abcd"}
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    for strength in (1, 2, 3):
        found = covering(with_schema(schema), strength=strength)
        for chosen in combinations("abcd", strength):
            shown = {tuple(name in case.payload for name in chosen) for case in found.cases}
            assert len(shown) == 2**strength
        assert found.lower_bound >= 2**strength


def test_what_cannot_be_combined_is_not_wanted() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "null"}, "b": {"type": "null"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        "additionalProperties": False,
    }
    found = covering(with_schema(schema))
    assert found.missed == ()
    assert [case.payload for case in found.cases] == [{"a": None}, {"b": None}]


@pytest.mark.parametrize("side", ["stream", "error"])
def test_there_is_no_such_side(side: Side) -> None:
    with pytest.raises(hc.UsageError, match="choose 'request' or 'response'"):
        covering(hc.load(), side)


# -- what has no case ------------------------------------------------------------------------------------------------


def test_every_constraint_without_a_case_has_a_reason() -> None:
    schema = {
        "type": "object",
        "properties": {
            "free": {"anyOf": [{"type": "string", "minLength": 3}, {"type": "string", "maxLength": 4}]},
            "open": {"additionalProperties": True},
        },
        "$defs": {"unused": {"type": "null"}},
    }
    found = coverage(hc.SchemaValidator("response", schema))
    assert {name: reason.partition(":")[0] for name, reason in found.reasons.items()} == {
        "response:/properties/free/anyOf/0/minLength": "undecided",
        "response:/properties/free/anyOf/1/maxLength": "undecided",
        "response:/properties/open/additionalProperties": "unviolable",
        "response:/$defs/unused/type": "unreachable",
    }
    assert found.faulted == 4
    assert found.packed is not None


def test_a_schema_without_values_is_told() -> None:
    found = coverage(hc.SchemaValidator("response", {"type": "string", "minLength": 2, "maxLength": 1}))
    assert (found.faulted, found.packed) == (0, None)
    assert all("at least 2 characters are asked for and at most 1 allowed" in one for one in found.reasons.values())


# -- order and laziness ----------------------------------------------------------------------------------------------


def test_the_first_case_of_a_large_contract_comes_at_once() -> None:
    names = [f"p{index}" for index in range(2_000)]
    schema = {"type": "object", "properties": {name: {"type": "string", "pattern": "^a+$"} for name in names}}
    contract = with_schema(schema)
    asked = 0
    is_valid = contract.request.engine.is_valid

    def counted(payload: Any) -> bool:
        nonlocal asked
        asked += 1
        return is_valid(payload)

    contract.request.engine.is_valid = counted  # type: ignore[method-assign]
    assert [case.id for case in islice(cases(contract, "request"), 2)] == ["request/simplest", "request/type/null"]
    assert asked < 20


def test_any_prefix_breaks_as_many_constraints_as_it_can() -> None:
    """After the simplest payload come faults, another constraint each, until every constraint has had one."""
    contract = hc.load()
    violable = [one.id for one in contract.request.constraints if one.violable]
    first = suite(contract, "request")[1 : 1 + len(violable)]
    assert [case.constraint for case in first] == violable


# -- the portable corpus ---------------------------------------------------------------------------------------------


def patched(operations: list[dict[str, Any]], document: Any) -> Any:
    (one,) = operations
    return pointer.apply(Fault(one["op"], one["path"], one.get("value", ABSENT)), document)


def test_the_corpus_is_a_test_suite_whose_patches_can_be_undone() -> None:
    contract = hc.load()
    listed = suite(contract)
    groups = json.loads(json.dumps(corpus.groups(contract, listed)))
    by_id = {case.id: case for case in listed}
    assert [group["schema"] for group in groups] == [contract.request.schema, contract.response.schema]
    for group in groups:
        judge = Draft202012Validator(group["schema"])
        for test in group["tests"]:
            assert judge.is_valid(test["data"]) is test["valid"], test["id"]
            if "undo" in test:
                twin = patched(test["undo"], test["data"])
                assert wire.encode(patched(test["patch"], twin)) == wire.encode(test["data"]), test["id"]
                assert judge.is_valid(twin)
                assert twin == by_id[test["id"]].twin
    assert sum(len(group["tests"]) for group in groups) == sum(case.payload is not ABSENT for case in listed)


@pytest.mark.parametrize(
    ("fault", "twin", "back"),
    [
        (Fault("add", "/a/-", 3), {"a": [1, 2]}, Fault("remove", "/a/2")),
        (Fault("add", "/a/0", 3), {"a": [1, 2]}, Fault("remove", "/a/0")),
        (Fault("remove", "/a/0"), {"a": [1, 2]}, Fault("add", "/a/0", 1)),
        (Fault("add", "/b", 3), {"a": 1}, Fault("remove", "/b")),
        (Fault("add", "/-", 3), {"a": 1}, Fault("remove", "/-")),
        (Fault("add", "/a", 3), {"a": 1}, Fault("replace", "/a", 1)),
        (Fault("remove", "/a"), {"a": 1}, Fault("add", "/a", 1)),
        (Fault("replace", "/a", 3), {"a": 1}, Fault("replace", "/a", 1)),
        (Fault("replace", "", 3), {"a": 1}, Fault("replace", "", {"a": 1})),
    ],
)
def test_undoing(fault: Fault, twin: Any, back: Fault) -> None:
    assert pointer.undone(fault, twin) == back
    assert pointer.apply(back, pointer.apply(fault, twin)) == twin


GROWING = {
    "type": "object",
    "properties": {"a": {"type": "array", "uniqueItems": True}},
    "patternProperties": {"^x-": {}},
    "additionalProperties": False,
}


def test_the_lines_of_a_suite_lead_back_too() -> None:
    """What was added at the end of an array is removed from its last place; `-` is a key in an object."""
    listed = [one for one in cases(with_schema(GROWING), "request") if one.twin is not ABSENT]
    assert {"/a/-", "/-"} < {one.fault.path for one in listed if one.fault is not None}
    for one in listed:
        entry = json.loads(json.dumps(structured.case(one)))
        assert patched([entry["undo"]], entry["payload"]) == one.twin


def test_changing_a_case_changes_no_other() -> None:
    twins = {"type": "array", "items": {"type": "object", "required": ["a"]}, "minItems": 2}
    before = [one.body for one in cases(with_schema(twins), "request")]
    for one in cases(with_schema(twins), "request"):
        assert one.payload is ABSENT or wire.encode(one.payload) == one.body
        for value in (one.payload, one.twin):
            if isinstance(value, list) and value and isinstance(value[0], dict):
                rest = wire.encode(value[1:])
                value[0]["changed"] = True
                assert wire.encode(value[1:]) == rest
    assert [one.body for one in cases(with_schema(twins), "request")] == before
