"""The guard inside the `cloudflare` SDK, which names the model in the path and sends the input flat."""

from __future__ import annotations

import json
from typing import Any

import pytest

import haiku_contract as hc

cloudflare = pytest.importorskip("cloudflare")
httpx = pytest.importorskip("httpx")

MODEL = "anthropic/claude-haiku-4.5"
GOOD: dict[str, Any] = {"max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}]}
ANSWER = {
    "id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}],
    "model": "claude-haiku-4-5-20251001", "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip


class Network:
    """Answers as the REST interface does, and remembers what arrived."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def __call__(self, request: Any) -> Any:
        self.requests.append(request)
        return httpx.Response(200, json={"result": ANSWER, "success": True, "errors": [], "messages": []})


def run(contract: hc.Contract, network: Network, payload: dict[str, Any], **modes: Any) -> Any:
    transport = hc.GuardTransport(contract, httpx.MockTransport(network), **modes)
    with cloudflare.Cloudflare(api_token="t", http_client=httpx.Client(transport=transport)) as client:  # noqa: S106 - no secret
        return client.ai.run(MODEL, account_id="0123", extra_body=payload)


def test_a_run_passes(contract: hc.Contract) -> None:
    network = Network()
    seen: list[hc.Observation] = []
    run(contract, network, GOOD, response="raise", observer=seen.append)
    assert [(one.direction, one.surface, one.violations) for one in seen] == [
        ("request", "run", ()),
        ("response", "run", ()),
    ]
    assert json.loads(network.requests[0].content) == GOOD


def test_respond_is_the_sdks_own_bad_request(contract: hc.Contract) -> None:
    network = Network()
    with pytest.raises(cloudflare.BadRequestError, match="Invalid value at system: Invalid input: expected string"):
        run(contract, network, {**GOOD, "system": [{"type": "text", "text": "x"}]}, request="respond")
    assert network.requests == []
