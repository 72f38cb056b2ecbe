"""Strategies at their edges: what is no contract and no constraint is refused; what is not installed is named."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import find, settings

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
