"""Laws of the Hypothesis strategies: what is drawn conforms, what is faulted carries its certificate, shrunk or not."""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema
from jsonschema import Draft202012Validator

import haiku_contract as hc
from haiku_contract import pointer, wire
from haiku_contract.generate import suite
from haiku_contract.generate._schema_strategies import Converter, leaves
from haiku_contract.generate.conforming import simplest
from haiku_contract.generate.values import SMALLEST
from haiku_contract.model import ABSENT, Case
from haiku_contract.strategies import faulted_requests, faulted_responses, requests, responses

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.model import Side

VERSIONS = ("1.0.0", "1.1.1")
SIDES = [(version, side) for version in VERSIONS for side in ("request", "response")]
FAULTED = {"request": faulted_requests, "response": faulted_responses}
CONFORMING = {"request": requests, "response": responses}
LAW = settings(max_examples=120, derandomize=True, database=None, deadline=None)
QUICK = settings(LAW, max_examples=40)
SHRINKING = settings(LAW, max_examples=3_000)
FINDING = settings(SHRINKING, phases=[Phase.generate])

pytestmark = pytest.mark.filterwarnings("error")


@cache
def contract_of(version: str) -> hc.Contract:
    return hc.load(version=version)


def validator_of(version: str, side: Side) -> hc.SchemaValidator:
    return contract_of(version).request if side == "request" else contract_of(version).response


@cache
def reference(version: str, side: Side) -> Draft202012Validator:
    return Draft202012Validator(validator_of(version, side).schema)


@cache
def fewest_broken(version: str, side: Side) -> dict[str, int]:
    """How many constraints the suite breaks at least, to break each of them."""
    fewest: dict[str, int] = {}
    for case in suite(contract_of(version), side):
        if case.fault is not None and case.constraint is not None:
            fewest[case.constraint] = min(len(case.breaks), fewest.get(case.constraint, len(case.breaks)))
    return fewest


def drawn(values: st.SearchStrategy[Any], profile: settings = QUICK) -> list[Any]:
    found: list[Any] = []

    @profile
    @given(values)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


def assert_certified(case: Case, version: str) -> None:
    validator, judge = validator_of(version, case.side), reference(version, case.side)
    assert case.kind == "faulted"
    assert case.fault is not None
    assert case.constraint is not None
    assert pointer.apply(case.fault, case.twin) == case.payload
    assert validator.is_valid(case.twin)
    assert judge.is_valid(case.twin)
    assert not judge.is_valid(case.payload)
    assert case.breaks == tuple(sorted(validator.broken(case.payload)))
    assert case.constraint in case.breaks
    assert len(case.breaks) == fewest_broken(version, case.side)[case.constraint]
    assert wire.decode(case.body).value == case.payload


def with_schema(schema: Any) -> hc.Contract:
    response = hc.SchemaValidator("response", schema)
    return hc.Contract("test/schema", "Test", "1.0.0", {}, hc.RequestValidator(schema), response)


# -- conforming payloads ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "side"), SIDES)
def test_every_drawn_payload_conforms_and_survives_the_wire(version: str, side: Side) -> None:
    contract = contract_of(version)

    @LAW
    @given(CONFORMING[side](contract))
    def law(payload: Any) -> None:
        assert validator_of(version, side).is_valid(payload)
        assert reference(version, side).is_valid(payload)
        decoded = wire.decode(wire.encode(payload))
        assert decoded.violations == ()
        assert decoded.value == payload

    law()


@pytest.mark.parametrize(("version", "side"), SIDES)
def test_construction_alone_conforms(version: str, side: Side) -> None:
    judge = reference(version, side)
    assert all(judge.is_valid(payload) for payload in drawn(Converter(validator_of(version, side)).unjudged(), LAW))


@settings(derandomize=True)
@given(requests())
def test_plain_given_works_with_every_health_check(payload: Any) -> None:
    assert validator_of("1.1.1", "request").is_valid(payload)


def test_a_coverage_guided_runner_feeds_bytes() -> None:
    seen: list[Any] = []

    @settings(database=None)
    @given(faulted_requests(cases=True))
    def law(case: Case) -> None:
        assert_certified(case, "1.1.1")
        seen.append(case.id)

    noise = random.Random(1)
    for data in (b"", bytes(4_096), *(noise.randbytes(4_096) for _ in range(30))):
        law.hypothesis.fuzz_one_input(data)  # type: ignore[attr-defined]  # what it gives back depends on the bytes
    assert len(set(seen)) > 5


@pytest.mark.parametrize("strategy", [requests, responses, faulted_requests, faulted_responses])
def test_no_example_is_rejected(
    strategy: Callable[[], st.SearchStrategy[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise AssertionError("an example was rejected")

    monkeypatch.setattr(leaves, "reject", refuse)
    assert len(drawn(strategy(), LAW)) == LAW.max_examples


def test_a_conforming_case_holds_the_bytes() -> None:
    for case in drawn(requests(cases=True)):
        assert (case.id, case.kind, case.constraint, case.breaks) == ("request/drawn", "conforming", None, ())
        assert wire.decode(case.body).value == case.payload
        assert case.fault is None
        assert case.twin is ABSENT


@pytest.mark.parametrize(("version", "side"), SIDES)
def test_the_minimal_example_is_the_simplest_payload(version: str, side: Side) -> None:
    minimal = find(CONFORMING[side](contract_of(version)), lambda _: True, settings=QUICK)
    assert minimal == simplest(validator_of(version, side).schema)


SIMPLE: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (lambda body: body.get("temperature", 0) > 0.5, {**SIMPLE, "temperature": 0.7}),
        (lambda body: not body["messages"], {**SIMPLE, "messages": []}),
        (lambda body: len(body["messages"]) > 1, {**SIMPLE, "messages": SIMPLE["messages"] * 2}),
        (lambda body: "system" in body and "stream" in body, {**SIMPLE, "system": "Be brief.", "stream": False}),
    ],
    ids=["temperature", "no messages", "two messages", "two options"],
)
def test_what_does_not_matter_shrinks_to_the_simplest(wanted: Callable[[Any], bool], expected: Any) -> None:
    assert find(requests(), wanted, settings=SHRINKING) == expected


def contents(body: Any) -> list[Any]:
    return [message["content"] for message in body["messages"]]


def blocks(body: Any) -> list[Any]:
    return [block for content in contents(body) if isinstance(content, list) for block in content]


@pytest.mark.parametrize(
    "wanted",
    [
        lambda body: any("three laws" in text for text in contents(body)),
        lambda body: any(isinstance(text, str) and not text.isprintable() for text in contents(body)),
        lambda body: any(isinstance(text, str) and len(text) > 1_000 for text in contents(body)),
        lambda body: {message["role"] for message in body["messages"]} == {"user", "assistant"},
        lambda body: any(block.get("cache_control", {}).get("ttl") == "1h" for block in blocks(body)),
        lambda body: any("source" in block for block in blocks(body)),
        lambda body: len(body["messages"]) >= 20,
        lambda body: body["max_tokens"] == SMALLEST,
        lambda body: body["max_tokens"] > 1e100,
        lambda body: isinstance(body["max_tokens"], float) and body["max_tokens"] == 1.0,
        lambda body: body.get("temperature") == 0 and body.get("top_p") == 1,
        lambda body: "user_id" in body.get("metadata", {}),
        lambda body: "schlüssel 😀" in body,
    ],
    ids=lambda _: "wanted",
)
def test_plausible_and_extreme_payloads_both_appear(wanted: Callable[[Any], bool]) -> None:
    assert wanted(find(requests(), wanted, settings=FINDING))


@pytest.mark.parametrize("realistic", [True, False])
def test_the_knob_decides_whether_people_are_imitated(realistic: bool) -> None:
    texts = {text for body in drawn(requests(realistic=realistic), LAW) for text in contents(body) if type(text) is str}
    assert ("What are the three laws of thermodynamics?" in texts) is realistic
    assert any(not text.isprintable() for text in texts)


def test_changing_an_example_changes_no_other() -> None:
    def spoil(value: Any) -> None:
        for child in list(value.values()) if isinstance(value, dict) else list(value):
            if isinstance(child, (dict, list)):
                spoil(child)
        value.clear()

    for strategy in (requests(), faulted_requests()):
        for payload in drawn(strategy):
            if isinstance(payload, (dict, list)):
                spoil(payload)
    for case in drawn(faulted_requests(cases=True)):
        spoil(case.twin)
    assert find(requests(), lambda _: True, settings=QUICK) == SIMPLE
    for case in drawn(faulted_requests(cases=True)):
        assert_certified(case, "1.1.1")


# -- single faults ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "side"), SIDES)
def test_every_faulted_case_is_certified(version: str, side: Side) -> None:
    @LAW
    @given(FAULTED[side](contract_of(version), cases=True))
    def law(case: Case) -> None:
        assert_certified(case, version)

    law()


@pytest.mark.parametrize(("version", "side"), SIDES)
def test_every_violable_constraint_can_be_drawn(version: str, side: Side) -> None:
    names = {case.constraint: case.id.rpartition("/")[0] for case in suite(contract_of(version), side)}
    for constraint in validator_of(version, side).constraints:
        if constraint.violable:
            strategy = FAULTED[side](contract_of(version), constraint=constraint.id, cases=True)
            for case in drawn(strategy, settings(QUICK, max_examples=4)):
                assert case.constraint == constraint.id
                assert case.id == f"{names[constraint.id]}/drawn"
                assert_certified(case, version)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda case: len(case.twin["messages"]) > 1 and "temperature" in case.twin,
        lambda case: "cache_control" in case.constraint and len(case.twin["messages"]) > 1,
        lambda case: case.fault.op == "remove",
        lambda case: case.fault.op == "add" and len(case.twin["messages"]) > 1,
        lambda case: len(case.breaks) > 1,
    ],
    ids=["options", "blocks", "remove", "add", "together"],
)
def test_the_certificate_survives_shrinking(wanted: Callable[[Case], bool]) -> None:
    case = find(faulted_requests(cases=True), wanted, settings=SHRINKING)
    assert wanted(case)
    assert_certified(case, "1.1.1")


def test_a_fault_lands_in_drawn_payloads_not_only_in_the_simplest() -> None:
    strategy = faulted_requests(constraint="request:/properties/temperature/maximum", cases=True)
    assert len({case.body for case in drawn(strategy)}) > 20
    assert find(strategy, lambda _: True, settings=QUICK).twin == {**SIMPLE, "temperature": 0.5}


@pytest.mark.parametrize(("version", "side"), SIDES)
@pytest.mark.parametrize("seed", range(3))
def test_without_a_wish_the_minimal_fault_is_the_suites_first(version: str, side: Side, seed: int) -> None:
    """Whatever comes first while drawing, it shrinks to the first constraint, broken in the simplest payload."""
    strategy = FAULTED[side](contract_of(version), cases=True)
    minimal = find(strategy, lambda _: True, settings=QUICK, random=random.Random(seed))
    first = suite(contract_of(version), side)[1]
    assert (minimal.constraint, minimal.fault, minimal.twin) == (first.constraint, first.fault, first.twin)


def test_a_bare_faulted_payload_is_the_payload_of_the_case() -> None:
    judge = validator_of("1.1.1", "request")
    assert not any(judge.is_valid(payload) for payload in drawn(faulted_requests()))


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ("request:/properties/temprature/maximum", "did you mean request:/properties/temperature/maximum"),
        ("response:/properties/usage/type", "on the request side"),
        ("request:/additionalProperties", "cannot be broken: accepts every further key"),
        ("", "no constraint ''"),
    ],
)
def test_a_constraint_that_cannot_be_broken_is_said_at_once(constraint: str, message: str) -> None:
    with pytest.raises(hc.UsageError) as caught:
        faulted_requests(constraint=constraint)
    assert message in str(caught.value)


def test_a_schema_without_constraints_has_no_faulted_payload() -> None:
    with pytest.raises(hc.UsageError, match="no faulted payload exists"):
        drawn(faulted_requests(with_schema({"title": "anything"})))


def test_a_law_that_fails_shrinks_to_the_simplest_certified_case() -> None:
    """As somebody meets it: an assertion in a test fails, and the example shown is minimal and still faulted."""
    shown: list[Case] = []

    @settings(SHRINKING)
    @given(faulted_requests(constraint="request:/properties/top_p/minimum", cases=True))
    def law(case: Case) -> None:
        shown.append(case)
        assert len(case.twin["messages"]) < 2

    with pytest.raises(AssertionError):
        law()
    assert_certified(shown[-1], "1.1.1")
    assert shown[-1].twin == {**SIMPLE, "messages": SIMPLE["messages"] * 2, "top_p": 0.5}


# -- the other generator ---------------------------------------------------------------------------------------------

PARTS = ("max_tokens", "temperature", "stream", "system")


@pytest.mark.parametrize("name", PARTS)
def test_what_hypothesis_jsonschema_makes_of_a_part_conforms_too(name: str) -> None:
    """Where it works with every Hypothesis: values without parts; 2020-12 and draft 7 say the same there."""
    part = hc.load().request.schema["properties"][name]  # type: ignore[index]  # not a boolean
    judge = hc.SchemaValidator("request", part)
    assert all(judge.is_valid(value) for value in drawn(from_schema(part)))
    contract = with_schema({**part, "$schema": "http://json-schema.org/draft-07/schema#"})
    assert all(Draft202012Validator(part).is_valid(value) for value in drawn(requests(contract)))


def can_build_objects() -> bool:
    """Whether the installed versions of Hypothesis and hypothesis-jsonschema work together for objects."""
    try:
        find(from_schema({"type": "object", "minProperties": 1}), lambda _: True, settings=QUICK)
    except AttributeError:
        return False
    return True


@pytest.mark.parametrize("version", VERSIONS)
def test_whole_requests_of_hypothesis_jsonschema_conform_where_it_works(version: str) -> None:
    schema = validator_of(version, "request").schema
    if not can_build_objects():
        schema = {**schema["properties"]["max_tokens"]}  # type: ignore[index]  # not a boolean
    judge = hc.SchemaValidator("request", schema)
    assert all(judge.is_valid(value) for value in drawn(from_schema(schema), settings(QUICK, max_examples=10)))
