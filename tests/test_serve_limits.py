"""What the reference endpoint must not do: let strangers in, take for ever over a body, stumble over a condition."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any, Final

import pytest

import haiku_contract as hc
from haiku_contract.endpoint import surfaces
from haiku_contract.endpoint.reference.answers import Settings, handle
from haiku_contract.endpoint.reference.faults import Repertoire, conduct, parse

CONTRACT: Final = hc.load()
SECRET: Final = "a-token"
INPUT: Final[dict[str, Any]] = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
PATHS: Final = {name: surface.path.partition("?")[0] or "/" for name, surface in surfaces.SURFACES.items()}


def status(name: str, headers: dict[str, str], *, token: str = "", payload: Any = INPUT) -> int:
    surface = surfaces.named(name)
    body = surface.wrap(json.dumps(payload).encode(), CONTRACT.model_id)
    known = {"content-type": "application/json", "cf-consn-model-id": CONTRACT.model_id, "anthropic-version": "1"}
    asked = surfaces.Asked("POST", "127.0.0.1", PATHS[name], known | headers)
    return handle(conduct(CONTRACT), surface, asked, body, Settings(token=token)).status


@pytest.mark.parametrize("name", PATHS)
def test_nobody_gets_in_without_the_token(name: str) -> None:
    assert status(name, {}, token=SECRET) == 401
    assert status(name, {"authorization": "Bearer other", "cf-aig-authorization": "Bearer other"}, token=SECRET) == 401
    right = {"authorization": "Bearer a-token", "cf-aig-authorization": "Bearer a-token"}
    assert status(name, right, token=SECRET) == 200
    assert status(name, {}) == 200


@pytest.mark.parametrize(("model", "expected"), [
    ("claude-haiku-4-5", 200), ("claude-haiku-4-5-20251001", 200), ("claude-haiku-4-5-20990101junk", 404),
    ("claude-haiku-4-5-2099", 404), ("claude-haiku-4-6", 404),
])  # fmt: skip
def test_the_gateway_knows_the_model_by_its_name_and_date(model: str, expected: int) -> None:
    asked = surfaces.Asked("POST", "127.0.0.1", PATHS["gateway"], {"content-type": "application/json"})
    body = json.dumps({"model": model, **INPUT}).encode()
    assert handle(conduct(CONTRACT), surfaces.named("gateway"), asked, body).status == expected


def test_a_body_with_very_many_mistakes_is_refused_for_one_of_them() -> None:
    """Only the first ones are explained, however many there are."""
    tracemalloc.start()
    try:
        assert status("bare", {}, payload={"messages": [1] * 20_000, "max_tokens": 1}) == 400
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60_000_000  # of all 20,000 it would be several times as much


@pytest.mark.parametrize("condition", ["/~2", "/messages/0/~", "/messages=" + "[" * 20_000, "messages", "=1"])
def test_a_condition_that_cannot_be_read_is_no_fault(condition: str) -> None:
    with pytest.raises(hc.UsageError, match="what follows 'if'"):
        parse(CONTRACT, f"answer:credits if {condition}")


@pytest.mark.parametrize(("condition", "payload", "holds"), [
    ("/stream=true", {"stream": True}, True), ("/stream=1", {"stream": True}, False),
    ("/max_tokens=true", {"max_tokens": 1}, False), ("/max_tokens=1", {"max_tokens": 1.0}, True),
    ("/messages/-1", {"messages": [1]}, False), ("/messages/0", {"messages": [1]}, True),
    ("/a~1b", {"a/b": None}, True), ("/system=Be brief.", {"system": "Be brief."}, True),
])  # fmt: skip
def test_when_a_condition_holds(condition: str, payload: Any, holds: bool) -> None:
    repertoire = Repertoire(CONTRACT)
    behaviour = repertoire.conduct(repertoire.parse(f"answer:credits if {condition}"))
    assert bool(behaviour.towards(payload).answer) == holds
