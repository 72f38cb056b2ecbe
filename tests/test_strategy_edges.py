"""Strategies at their edges: what is no contract and no constraint is refused; what is not installed is named."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import find, given, settings

import haiku_contract as hc
from haiku_contract import strategies
from haiku_contract.generate._schema_strategies import leaves
from haiku_contract.strategies import faulted_requests, requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis import strategies as st


def with_schema(schema: Any) -> hc.Contract:
    response = hc.SchemaValidator("response", schema)
    return hc.Contract("test/schema", "Test", "1.0.0", {}, hc.RequestValidator(schema), response)


def first(values: st.SearchStrategy[Any]) -> Any:
    return find(values, lambda _: True, settings=settings(database=None, max_examples=10))


@pytest.mark.parametrize("name", sorted(set(strategies.__all__) - {"chunkings"}))
def test_what_is_no_contract_is_refused_at_once(name: str) -> None:
    make: Callable[[Any], object] = getattr(strategies, name)
    with pytest.raises(hc.UsageError, match=r"'a/folder' is no contract: give what 'haiku_contract.load\(\)' returns"):
        make("a/folder")


@pytest.mark.parametrize("wrong", [5, b"request:/type", ["request:/type"]])
def test_a_constraint_is_named_by_its_id(wrong: Any) -> None:
    with pytest.raises(hc.UsageError, match="no id of a constraint: give a text"):
        faulted_requests(constraint=wrong)


def test_names_of_keys_are_broken_in_objects_only() -> None:
    """Whatever else is drawn has no keys: found by drawing from drawn schemas."""
    contract = with_schema({"propertyNames": {"pattern": "^x-"}})

    @settings(database=None, derandomize=True, max_examples=50, deadline=None)
    @given(faulted_requests(contract, constraint="request:/propertyNames/pattern", cases=True))
    def law(case: hc.Case) -> None:
        assert set(case.breaks) == contract.request.broken(case.payload) == {"request:/propertyNames/pattern"}

    law()


DETOUR = {  # the shortest way to the definition leads through a union that accepts all the rest as well
    "type": "object",
    "required": ["t"],
    "properties": {"a": {"anyOf": [{"$ref": "#/$defs/f"}, {"type": ["object", "null"]}]}, "t": {"type": "string"}},
    "additionalProperties": {"properties": {"c": {"$ref": "#/$defs/f"}}},
    "$defs": {"d": {"properties": {"e": {"minimum": 1}}}, "f": {"type": "object", "allOf": [{"$ref": "#/$defs/d"}]}},
}
NEVER = {  # no conforming payload is held against the bound
    "type": "object",
    "required": ["t"],
    "properties": {"n": {"type": "null", "properties": {"x": {"minimum": 1}}}, "t": {"type": "string"}},
}


@pytest.mark.parametrize(
    ("schema", "constraint", "together"),
    [(DETOUR, "/$defs/d/properties/e/minimum", 1), (NEVER, "/properties/n/properties/x/minimum", 2)],
    ids=["detour", "never"],
)
def test_what_the_suite_breaks_is_broken_in_any_payload(schema: Any, constraint: str, together: int) -> None:
    contract = with_schema(schema)
    drawn = faulted_requests(contract, constraint=f"request:{constraint}", cases=True)
    texts = set()

    @settings(database=None, derandomize=True, max_examples=30, deadline=None)
    @given(drawn)
    def law(case: hc.Case) -> None:
        assert contract.request.is_valid(case.twin)
        assert len(case.breaks) == together
        assert f"request:{constraint}" in case.breaks
        assert contract.request.broken(case.payload) == set(case.breaks)
        texts.add(case.twin.get("t"))

    law()
    assert len(texts) > 3  # the rest of the payload is drawn, not the simplest one


# -- optional parts --------------------------------------------------------------------------------------------------


def run(code: str) -> str:
    return subprocess.run(  # noqa: S603 - our own code in our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_without_hypothesis_the_import_says_what_to_install() -> None:
    told = run(
        "import sys; sys.modules['hypothesis'] = None\n"
        "try: import haiku_contract.strategies\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    assert told.startswith("MissingExtraError ")
    assert told.endswith("pip install 'haiku-contract[fuzz]'")


def test_importing_and_naming_a_strategy_is_cheap() -> None:
    loaded = run(
        "import sys, hypothesis; before = set(sys.modules)  # whose plugins may bring anything along\n"
        "import haiku_contract.strategies as s; s.requests(); s.faulted_responses(cases=True)\n"
        "print([name for name in ('hypothesis_jsonschema', 'pytest', 'jsonschema') if name in {*sys.modules} - before])"
    )
    assert loaded == "[]"


def test_an_open_schema_without_hypothesis_jsonschema_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis_jsonschema", None)
    leaves._tree.cache_clear()
    with pytest.raises(hc.MissingExtraError, match="fuzz"):
        first(requests(with_schema({"title": "anything"})))
    closed = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
    assert first(requests(with_schema(closed))) == {}
