"""Our verdicts and reported constraints against `jsonschema`: on real traffic, on the suite, on generated values.

What `jsonschema` reports is mapped to our ids by the identity of the schema that failed, because its own paths leave
references out.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import haiku_contract as hc
from haiku_contract import messages, pointer
from haiku_contract.generate import suite
from haiku_contract.model import ABSENT, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jsonschema import ValidationError

    from haiku_contract.model import Violation

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=300)
CORPUS = Path(os.environ.get("HAIKU_CONTRACT_CORPUS") or Path(__file__).resolve().parents[2] / "shared" / "corpus")
CONTRACTS = {version: hc.load(version=version) for version in ("1.0.0", "1.1.1")}
VALIDATORS = [side for contract in CONTRACTS.values() for side in contract.sides]

Site = tuple[str, str]
"""Id of a constraint, and the instance location at which it is broken."""


class Oracle:
    """`jsonschema` for one schema, its errors by our ids."""

    def __init__(self, schema: Any) -> None:
        self._schema = json.loads(json.dumps(schema))  # every object once
        self._places = {id(one): path for path, one in objects(self._schema, ())}
        self._validator = Draft202012Validator(self._schema)

    def is_valid(self, instance: Any) -> bool:
        return self._validator.is_valid(instance)

    def errors(self, instance: Any) -> list[ValidationError]:
        return list(self._validator.iter_errors(instance))

    def sites(self, error: ValidationError) -> set[Site]:
        """The constraints that one error is about: one for each missing member of `required`."""
        location = pointer.join(error.absolute_path)
        path = (*self._places[id(error.schema)], str(error.validator))
        if error.validator == "required":
            missing = [index for index, name in enumerate(error.validator_value) if name not in error.instance]
            return {(pointer.join((*path, index)), location) for index in missing}
        return {(pointer.join(path), location)}

    def inside(self, error: ValidationError) -> set[Site]:
        """The constraints that an error and its context are about."""
        return self.sites(error).union(*(self.inside(one) for one in error.context or ()))


def objects(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from objects(child, (*path, key))


def reported(violations: Iterable[Violation]) -> set[Site]:
    """What we report, the branches of unresolved unions included."""
    found: set[Site] = set()
    for one in violations:
        found |= {(one.constraint.partition(":")[2], one.instance_location)} | reported(one.context)
    return found


def agree(ours: list[Violation], oracle: Oracle, instance: Any) -> None:
    """Nothing is reported that `jsonschema` does not see at that place, and nothing that it sees is passed over."""
    errors, found = oracle.errors(instance), reported(ours)
    assert bool(ours) == bool(errors)
    assert found <= set[Site]().union(*(oracle.inside(error) for error in errors))
    for error in errors:
        assert oracle.sites(error) <= found or (error.context and oracle.inside(error) & found)


@cache
def oracle_of(index: int) -> Oracle:
    return Oracle(VALIDATORS[index].schema)


def judge(index: int, instance: Any) -> None:
    validator, oracle = VALIDATORS[index], oracle_of(index)
    ours = list(validator.iter_errors(instance))
    assert validator.is_valid(instance) == (not ours) == oracle.is_valid(instance)
    body = json.dumps(instance).encode()
    assert list(validator.iter_errors_bytes(body)) == ours
    assert validator.is_valid_bytes(body) == (not ours)
    agree(ours, oracle, instance)
    known = {one.id for one in validator.constraints if one.violable}
    assert messages.broken(ours) <= known
    assert all(one.message.isprintable() and len(one.message) < 400 for one in ours)


# -- (a) real traffic -------------------------------------------------------------------------------------------


@pytest.mark.skipif(
    not any(CORPUS.glob("*.jsonl")), reason=f"no recorded traffic in {CORPUS.name!r}; set HAIKU_CONTRACT_CORPUS"
)
@pytest.mark.parametrize("index", range(len(VALIDATORS)))
def test_on_recorded_traffic(index: int) -> None:
    bodies = [
        exchange[VALIDATORS[index].side]
        for file in sorted(CORPUS.glob("*.jsonl"))
        for exchange in map(json.loads, file.read_text(encoding="utf-8").splitlines())
    ]
    bodies = [body for body in bodies if body is not None]
    assert bodies
    for body in bodies:
        judge(index, body)


# -- (b) the suite ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(len(VALIDATORS)))
def test_on_the_suite(index: int) -> None:
    contract = list(CONTRACTS.values())[index // 2]
    for case in suite(contract, VALIDATORS[index].side):
        if case.payload is not ABSENT:
            judge(index, case.payload)
            assert VALIDATORS[index].is_valid_bytes(case.body) == (case.kind == "conforming")


# -- (c) generated values ---------------------------------------------------------------------------------------

KEYS = st.sampled_from(
    [
        "messages",
        "max_tokens",
        "role",
        "content",
        "type",
        "text",
        "source",
        "cache_control",
        "ttl",
        "usage",
        "metadata",
        "x",
    ]
) | st.text(max_size=2)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, -1, 1.0, 0.5, 1.5, 10**30, "user", "assistant", "message", "text", "5m", "ephemeral"])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@cache
def payloads(index: int) -> list[Any]:
    contract = list(CONTRACTS.values())[index // 2]
    found = [case.payload for case in suite(contract, VALIDATORS[index].side) if case.kind == "conforming"]
    return [payload for payload in found if len(json.dumps(payload)) < 2000]


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn, index: int) -> Any:
    """A conforming payload after some edits, most of which break something."""
    payload = draw(st.sampled_from(payloads(index)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(payload)))
        here = pointer.get(payload, path)
        if isinstance(here, dict) and draw(st.booleans()):
            fault = Fault("add", pointer.join((*path, draw(KEYS))), draw(JSON))
        elif path and draw(st.booleans()):
            fault = Fault("remove", pointer.join(path))
        else:
            fault = Fault("replace", pointer.join(path), draw(JSON))
        payload = pointer.apply(fault, payload)
    return payload


@pytest.mark.parametrize("index", range(len(VALIDATORS)))
@given(data=st.data())
@DETERMINISTIC
def test_on_mutated_payloads(index: int, data: st.DataObject) -> None:
    judge(index, data.draw(mutated(index)))


@given(st.sampled_from(range(len(VALIDATORS))), JSON)
@DETERMINISTIC
def test_on_any_json(index: int, value: Any) -> None:
    judge(index, value)
