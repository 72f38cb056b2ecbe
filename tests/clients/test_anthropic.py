"""The guard inside the `anthropic` SDK: 0.x on httpx, newer ones on httpx2."""

from __future__ import annotations

import asyncio
import re
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

import haiku_contract as hc

anthropic = pytest.importorskip("anthropic")
library: Any = pytest.importorskip("httpx" if anthropic.__version__.startswith("0.") else "httpx2")

GOOD: dict[str, Any] = {
    "model": "anthropic/claude-haiku-4.5", "max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}],
}  # fmt: skip
BAD: dict[str, Any] = {**GOOD, "max_tokens": 0}


def client(contract: hc.Contract, server: str, **modes: Any) -> Any:
    transport = hc.GuardTransport(contract, **modes)
    return anthropic.Anthropic(base_url=f"{server}/ai", api_key="k", http_client=library.Client(transport=transport))


def test_a_message_comes_back(contract: hc.Contract, server: str) -> None:
    seen: list[hc.Observation] = []
    with client(contract, server, response="raise", observer=seen.append) as one:
        message = one.messages.create(**GOOD)
    assert message.content[0].text
    assert [(each.direction, each.surface, each.violations) for each in seen] == [
        ("request", "messages", ()),
        ("response", "messages", ()),
    ]


def test_the_sdk_hides_what_a_transport_raises_but_keeps_the_cause(contract: hc.Contract, server: str) -> None:
    with client(contract, server) as one, pytest.raises(anthropic.APIConnectionError) as caught:
        one.with_options(max_retries=0).messages.create(**BAD)
    assert isinstance(caught.value.__cause__, hc.ContractViolation)


def test_respond_shows_our_text_at_once(contract: hc.Contract, server: str) -> None:
    seen: list[hc.Observation] = []
    started = time.monotonic()
    with (
        client(contract, server, request="respond", observer=seen.append) as one,
        pytest.raises(anthropic.BadRequestError, match="Invalid value at max_tokens: Too small") as caught,
    ):
        one.messages.create(**BAD)
    assert caught.value.status_code == 400
    assert len(seen) == 1  # no second try
    assert time.monotonic() - started < 30  # not a bar: only that nothing waits for a retry without end


def test_a_stream_is_checked_while_it_passes(contract: hc.Contract, server: str) -> None:
    seen: list[hc.Observation] = []
    with (
        client(contract, server, response="raise", observer=seen.append) as one,
        one.messages.stream(**GOOD) as stream,
    ):
        text = "".join(stream.text_stream)
        assert stream.get_final_message().content[0].text == text
    assert seen[-1].direction == "response"
    assert (seen[-1].violations, seen[-1].complete) == ((), True)


def test_asynchronously(contract: hc.Contract, server: str) -> None:
    async def go() -> None:
        transport = hc.GuardTransport(contract, request="respond", response="raise")
        http = library.AsyncClient(transport=transport)
        async with anthropic.AsyncAnthropic(base_url=f"{server}/ai", api_key="k", http_client=http) as one:
            message = await one.messages.create(**GOOD)
            assert message.stop_reason in {"end_turn", "max_tokens"}
            async with one.messages.stream(**GOOD) as stream:
                assert (await stream.get_final_message()).content
            with pytest.raises(anthropic.BadRequestError, match="Required value missing"):
                await one.messages.create(**{**GOOD, "messages": [{"content": "Hello"}]})

    with warnings.catch_warnings():
        warnings.simplefilter("error", hc.ContractWarning)
        asyncio.run(go())


@pytest.mark.skipif(library.__name__ != "httpx2", reason="the README shows the newest SDK")
def test_the_readme_example(server: str) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```py\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"hc": hc, "BASE": f"{server}/ai", "KEY": "k"}
    exec(block, names)  # noqa: S102 - our own README
    with names["client"] as one, pytest.raises(anthropic.BadRequestError, match="Too small"):
        one.messages.create(**BAD)
