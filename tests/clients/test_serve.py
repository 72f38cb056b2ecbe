"""Real clients against `haiku-contract serve`, in a process of its own; each test is skipped without its client."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

MODEL = "anthropic/claude-haiku-4.5"
INPUT: dict[str, Any] = {"max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}]}
GOOD: dict[str, Any] = {"model": MODEL, **INPUT}
BAD: dict[str, Any] = {**GOOD, "max_tokens": 0}


@pytest.fixture(scope="module")
def anthropic() -> Any:
    return pytest.importorskip("anthropic")


@pytest.fixture(scope="module")
def cloudflare() -> Any:
    return pytest.importorskip("cloudflare")


def below(served: str) -> dict[str, str]:
    """Base URLs below which `/v1/messages` answers."""
    return {"root": served, "short": f"{served}/ai", "account": f"{served}/client/v4/accounts/0123/ai"}


@pytest.mark.parametrize("base", ["root", "short", "account"])
@pytest.mark.parametrize("credentials", [{"api_key": "k"}, {"auth_token": "t"}], ids=["key", "token"])
def test_anthropic(anthropic: Any, served: str, base: str, credentials: dict[str, str]) -> None:
    with anthropic.Anthropic(base_url=below(served)[base], max_retries=0, **credentials) as client:
        message = client.messages.create(**GOOD)
        assert (message.type, message.content[0].type, message.model) == (
            "message", "text", "claude-haiku-4-5-20251001",
        )  # fmt: skip
        assert message._request_id.startswith("req_")
        with client.messages.stream(**GOOD) as stream:
            text = "".join(stream.text_stream)
            assert stream.get_final_message().content[0].text == text != ""
        with pytest.raises(anthropic.BadRequestError, match="Invalid value at max_tokens: Too small"):
            client.messages.create(**BAD)
        with pytest.raises(anthropic.NotFoundError, match="Model not found: nope"):
            client.messages.create(**{**GOOD, "model": "nope"})


def test_anthropic_through_the_gateway(anthropic: Any, served: str) -> None:
    base = f"{served}/v1/0123/default/anthropic"
    headers = {"cf-aig-authorization": "Bearer t"}
    asked = {**GOOD, "model": "claude-haiku-4-5"}
    with anthropic.Anthropic(base_url=base, api_key="k", max_retries=0, default_headers=headers) as client:
        assert client.messages.create(**asked).content[0].text
        with client.messages.stream(**asked) as stream:
            assert stream.get_final_message().stop_reason in {"end_turn", "max_tokens"}
    with (
        anthropic.Anthropic(base_url=base, api_key="k", max_retries=0) as client,
        pytest.raises(anthropic.AuthenticationError, match="2009"),
    ):
        client.messages.create(**asked)


FAULTS = {
    "answer:throttled": "RateLimitError",
    "answer:provider-throttled": "RateLimitError",
    "answer:overloaded": "APIStatusError",  # of which class it is, versions do not agree
    "answer:provider-crashed": "InternalServerError",
    "answer:permission": "PermissionDeniedError",
    "answer:unauthorised": "AuthenticationError",
    "answer:guardrails": "UnprocessableEntityError",
    "answer:too-large": "APIStatusError",
    "answer:credits": "APIStatusError",
}


@pytest.mark.parametrize(("fault", "error"), FAULTS.items())
def test_anthropic_raises_its_own_error(anthropic: Any, served: str, fault: str, error: str) -> None:
    with (
        anthropic.Anthropic(base_url=served, api_key="k", max_retries=0) as client,
        pytest.raises(getattr(anthropic, error)) as caught,
    ):
        client.messages.create(**GOOD, extra_headers={"x-haiku-fault": fault})
    if fault.endswith("throttled"):
        assert caught.value.response.headers["retry-after"] == "1"


def test_anthropic_loses_its_answer(anthropic: Any, served: str) -> None:
    with anthropic.Anthropic(base_url=served, api_key="k", max_retries=0, timeout=0.5) as client:
        with pytest.raises(anthropic.APITimeoutError):
            client.messages.create(**GOOD, extra_headers={"x-haiku-fault": "delivery:hang"})
        with (
            pytest.raises(anthropic.APIError),
            client.messages.stream(**GOOD, extra_headers={"x-haiku-fault": "delivery:error-event"}) as stream,
        ):
            stream.get_final_message()
        assert client.messages.create(**GOOD).content  # and the next one is answered


def test_anthropic_asynchronously(anthropic: Any, served: str) -> None:
    async def go() -> None:
        async with anthropic.AsyncAnthropic(base_url=served, api_key="k", max_retries=0) as client:
            messages = await asyncio.gather(*(client.messages.create(**GOOD) for _ in range(8)))
            assert len({one.id for one in messages}) == 1
            async with client.messages.stream(**GOOD) as stream:
                assert (await stream.get_final_message()).content

    asyncio.run(go())


def test_cloudflare(cloudflare: Any, served: str) -> None:
    with cloudflare.Cloudflare(api_token="t", base_url=f"{served}/client/v4", max_retries=0) as client:  # noqa: S106 - no secret
        message = client.ai.run(MODEL, account_id="0123", extra_body=INPUT)
        assert message["content"][0]["text"]
        streamed = client.ai.with_streaming_response.run(MODEL, account_id="0123", extra_body={**INPUT, "stream": True})
        with streamed as response:
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert b"event: message_stop" in response.read()
        with pytest.raises(cloudflare.BadRequestError, match="Required value missing: max_tokens"):
            client.ai.run(MODEL, account_id="0123", extra_body={"messages": INPUT["messages"]})
        with pytest.raises(cloudflare.NotFoundError, match="Model not found: anthropic/claude-haiku-4-5"):
            client.ai.run("anthropic/claude-haiku-4-5", account_id="0123", extra_body=INPUT)
