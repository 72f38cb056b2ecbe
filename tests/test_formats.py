"""Formats as assertions: on request only, in both engines alike, with edges, faults and conforming values for each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings

import haiku_contract as hc
from haiku_contract import _reference, schemas
from haiku_contract._reference import ReferenceEngine
from haiku_contract.cli.app import group
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.formats import TABLE
from haiku_contract.generate.plausible import FORMATS
from haiku_contract.generate.suite import cases_of
from haiku_contract.strategies import requests

if TYPE_CHECKING:
    from pathlib import Path

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
EVERY = {"type": "object", "properties": {name: {"type": "string", "format": name} for name in TABLE}}


def asserting(schema: Any) -> hc.SchemaValidator:
    return hc.SchemaValidator("request", schema, assert_format=True)


def reference(schema: Any) -> ReferenceEngine:
    found = ReferenceEngine.compile(schema, assert_format=True)
    assert found is not None
    return found


def test_every_format_is_known_everywhere() -> None:
    assert set(TABLE) == set(FORMATS) == schemas.formats({}, asserted=True)
    assert schemas.formats({"$schema": DRAFT_4}, asserted=True) < set(TABLE)
    assert not schemas.formats({}, asserted=False)


@pytest.mark.parametrize("name", TABLE)
def test_both_engines_judge_the_texts_of_a_format_alike(name: str) -> None:
    fast, slow = asserting({"format": name}).engine, reference({"format": name})
    known = TABLE[name]
    for text in (*FORMATS[name], *(text for _, text in known.edges)):
        assert (fast.is_valid(text), slow.is_valid(text)) == (True, True), text
    for _, text in known.broken:
        assert (fast.is_valid(text), slow.is_valid(text)) == (False, False), text
    assert len({label for label, _ in known.edges}) == len(known.edges)
    assert len({label for label, _ in known.broken}) == len(known.broken)


def test_every_format_has_edges_and_faults_in_the_suite() -> None:
    validator, slow = asserting(EVERY), reference(EVERY)
    found: dict[str, set[str]] = {"conforming": set(), "faulted": set()}
    for case in cases_of(validator):
        if case.fault is None and case.kind == "faulted":
            continue  # below JSON
        assert validator.engine.is_valid(case.payload) == slow.is_valid(case.payload) == (case.kind == "conforming")
        found[case.kind].add(str(case.constraint))
        if str(case.constraint).endswith("/format") and case.kind == "faulted":
            assert case.breaks == (case.constraint,)
    places = {f"request:/properties/{name}/format" for name in TABLE}
    assert places <= found["conforming"]
    assert places <= found["faulted"]


@pytest.mark.parametrize(
    "schema",
    [
        {"format": "email", "minLength": 40, "maxLength": 45},
        {"format": "uri", "maxLength": 3},
        {"format": "date-time", "minLength": 60, "maxLength": 60},
        {"format": "hostname", "pattern": "^[a-z]+$"},
        {"format": "uri", "pattern": "^https://"},
        {"allOf": [{"format": "uri-reference"}, {"not": {"format": "uri"}}]},
        {"oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
        {"anyOf": [{"format": "uuid"}, False]},
    ],
    ids=str,
)
def test_formats_beside_other_keywords(schema: dict[str, Any]) -> None:
    schema = {"type": "string", **schema}
    found = solver_of(asserting(schema)).simplest()
    assert asserting(schema).is_valid(found)
    assert reference(schema).is_valid(found)


def test_formats_are_annotations_unless_asked_for() -> None:
    validator = hc.SchemaValidator("request", EVERY)
    assert validator.is_valid(dict.fromkeys(TABLE, "\u0001"))
    assert not [one for one in validator.constraints if one.keyword == "format"]


@pytest.mark.parametrize(
    "schema",
    [{"format": "colour"}, {"format": "uuid", "$schema": DRAFT_4}, {"format": "iri", "$schema": DRAFT_4}],
    ids=str,
)
def test_other_formats_stay_annotations(schema: dict[str, Any]) -> None:
    validator = asserting(schema)
    assert validator.constraints == ()
    assert validator.is_valid("\u0001 {%")
    assert reference(schema).is_valid("\u0001 {%")


def test_a_contract_whose_formats_assert(tmp_path: Path) -> None:
    when = {"type": "object", "required": ["when"], "properties": {"when": {"type": "string", "format": "date"}}}
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps({"model_id": "a/b", "schema": {"input": when, "output": when}}))
    usual, asserted = hc.load(path), hc.load(path, assert_format=True)
    for side in ("request", "response"):
        assert getattr(usual, side).is_valid({"when": "soon"})
        (violation,) = getattr(asserted, side).iter_errors({"when": "soon"})
        assert violation.constraint == f"{side}:/properties/when/format"
        assert violation.message == 'when: expected text of the format "date", found string "soon"'
    listed = CliRunner().invoke(group, ["constraints", "--contract", str(path), "--assert-format"])
    assert "request:/properties/when/format" in listed.output
    assert "format" not in CliRunner().invoke(group, ["constraints", "--contract", str(path)]).output

    @settings(max_examples=50, database=None, derandomize=True)
    @given(requests(asserted))
    def drawn(payload: Any) -> None:
        assert asserted.request.is_valid(payload)

    drawn()


IRIS = [
    ("https://example.org/a", True, True),
    ("https://examplé.org/ü?q=日本#é", True, True),
    ("http://[2001:db8::1]:8080/", True, True),  # a port after an address of version 6
    ("ü/a", False, True),
    ("", False, True),
    ("http://a b/", False, False),
    ("http://a.test/<é>", False, False),
    ("https://a.test/é\n", False, False),  # the end of a line is no part of an IRI
    ("https://a.test/%zz", False, False),
]


@pytest.mark.parametrize(("text", "whole", "reference_too"), IRIS)
def test_the_slow_engine_judges_iris_by_the_uris_that_they_stand_for(
    text: str, whole: bool, reference_too: bool
) -> None:
    assert reference({"format": "iri"}).is_valid(text) == whole
    assert reference({"format": "iri-reference"}).is_valid(text) == reference_too
    assert reference({"format": "iri"}).is_valid(7)


def test_a_format_that_nothing_installed_can_judge_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the slow engine can read a schema: otherwise the fast one judges, which needs nothing."""
    backwards = {"pattern": "(?P<x>.)(?P=x)"}  # of Python, and not of ECMA 262
    assert asserting({**backwards, "format": "uri"}).is_valid("http://a.test/bb")
    known = {name: one for name, one in _reference._judges().items() if name != "uri"}
    monkeypatch.setattr(_reference, "_judges", lambda: known)
    for schema in ({**backwards, "format": "date"}, {"format": "uri"}, backwards):
        assert asserting(schema).is_valid(7)
    with pytest.raises(hc.HaikuContractError, match=r"pip install 'haiku-contract\[fuzz\]'"):
        asserting({**backwards, "format": "uri"}).is_valid(7)
    assert hc.SchemaValidator("request", {**backwards, "format": "uri"}).is_valid(7)
