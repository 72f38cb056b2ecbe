"""What a guard refuses to be made of, because it would let everything pass or fail later."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

import haiku_contract as hc


@pytest.mark.parametrize("hosts", ["api.cloudflare.com", [], ["https://api.cloudflare.com"], {"api.cloudflare.com/x"}])
def test_hosts_are_names(hosts: Any) -> None:
    with pytest.raises(hc.UsageError, match="a collection of host names"):
        hc.GuardTransport(hc.load(), hosts=hosts)


def test_hosts_are_known_in_any_case() -> None:
    inner = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    guard = hc.GuardTransport(hc.load(), inner, hosts=["API.Example.com"])
    with httpx.Client(transport=guard) as client, pytest.raises(hc.ContractViolation):
        client.post("https://api.example.com/v1/messages", json={"model": "anthropic/claude-haiku-4.5", "messages": 5})


def test_a_name_is_no_contract() -> None:
    contract: Any = "anthropic/claude-haiku-4.5"
    with pytest.raises(TypeError, match=r"hc\.load\(\)"):
        hc.GuardTransport(contract)
