"""Four ways to ask for a verdict, and `jsonschema`, agree on 20,000 seeded values, JSON or not."""

from __future__ import annotations

import copy
import enum
import json
import random
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

import haiku_contract as hc
from haiku_contract.generate import suite
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VALUES: Final = 20_000
VERSIONS: Final = ("1.0.0", "1.1.1")
SIDES: Final = ("request", "response")
KEYS: Final = ("type", "text", "role", "x", "")
PARTS: Final = len(VERSIONS) * len(SIDES)


class Role(enum.StrEnum):
    USER = "user"


class Name(str):
    __slots__ = ()


SCALARS: Final = (
    *(None, True, False, 0, 1, -1, 1.0, 0.5, 1.5, 5e-324, -0.0, 10**30, 2**64, 1e308),
    *("", "user", "assistant", "text", "message", "end_turn", "1", "true", "é", "\U0001f600", "\x00", "a" * 300),
)
FOREIGN: Final = (
    *(float("nan"), float("inf"), 10**400, b"x", "\ud800", UUID(int=1), {1, 2}, 1j, object(), Role),
    *({1: 2}, {None: 1}, {"\ud800": 1}, {b"a": 1}),
)
CARRIED: Final = (Role.USER, Name("user"), (), ("a",), ({"role": Role.USER, "content": ("x",)},), {Name("type"): 1})


def on_the_wire(value: Any) -> Any:
    """The value as `json` sends and reads it; `ABSENT` for what JSON has no way to say."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
        return json.loads(text) if all(map(has_a_form, parts(value))) else ABSENT
    except (TypeError, ValueError):
        return ABSENT


def has_a_form(value: Any) -> bool:
    """`json` writes every integer, and turns numbers and null into keys; neither survives the other side."""
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value)
    return not isinstance(value, int) or abs(value) < 2**1024


def parts(value: Any) -> Iterator[Any]:
    yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    for child in children:
        yield from parts(child)


def drawn(rng: random.Random, pools: tuple[tuple[Any, ...], ...], depth: int = 0) -> Any:
    """A value: a scalar of one of the pools, or an array or object of values."""
    if depth < 3 and rng.random() < 0.4:
        members = [drawn(rng, pools, depth + 1) for _ in range(rng.randrange(4))]
        return (
            members if rng.random() < 0.5 else {rng.choice(("type", "text", "role", "x", "")): one for one in members}
        )
    return copy.copy(rng.choice(rng.choice(pools)))


def edited(rng: random.Random, payload: Any, value: Any) -> Any:
    """The payload with a value put somewhere, or something taken away."""
    if not isinstance(payload, (dict, list)) or not payload or rng.random() < 0.1:
        return value
    key = rng.choice(list(payload) if isinstance(payload, dict) else range(len(payload)))
    chance = rng.random()
    if chance < 0.15:
        del payload[key]
    elif chance < 0.3 and isinstance(payload, dict):
        payload[rng.choice(("metadata", "temperature", "x", "usage", "cache_control"))] = value
    else:
        payload[key] = edited(rng, payload[key], value)
    return payload


def values(rng: random.Random, contract: hc.Contract, side: str) -> Iterator[Any]:
    """Conforming, faulted, arbitrary JSON, and arbitrary Python objects in turn."""
    known = [case.payload for case in suite(contract, side) if case.payload is not ABSENT and len(case.body) < 2_000]
    pools: tuple[tuple[tuple[Any, ...], ...], ...] = ((SCALARS,), (SCALARS, CARRIED), (SCALARS, FOREIGN))
    while True:
        yield rng.choice(known)
        for pool in pools:
            yield edited(rng, copy.deepcopy(rng.choice(known)), drawn(rng, pool))
            yield drawn(rng, pool)


def raises(call: Callable[[Any], Any], argument: Any) -> bool:
    try:
        call(argument)
    except hc.ContractViolation:
        return True
    return False


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_way_to_ask_gives_the_same_verdict(version: str, side: str) -> None:
    contract = hc.load(version=version)
    validator = contract.request if side == "request" else contract.response
    oracle = Draft202012Validator(validator.schema)
    verdicts = {True: 0, False: 0, None: 0}
    made = values(random.Random(f"{version} {side}"), contract, side)
    for _ in range(VALUES // PARTS):
        value = next(made)
        sent = on_the_wire(value)
        expected = sent is not ABSENT and oracle.is_valid(sent)
        verdicts[None if sent is ABSENT else expected] += 1
        assert validator.is_valid(value) == expected, value
        violations = list(validator.iter_errors(value))
        assert (not violations) == expected, value
        if sent is ABSENT:
            assert all(one.constraint.startswith("wire:") for one in violations), value
        else:
            body = json.dumps(sent, ensure_ascii=False).encode()
            assert raises(validator.validate_bytes, body) != expected, value
    assert min(verdicts.values()) > VALUES // PARTS // 20, verdicts
