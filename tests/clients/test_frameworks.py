"""Frameworks on top of the clients, against `haiku-contract serve`; each test is skipped without its framework."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

MODEL = "anthropic/claude-haiku-4.5"
HELLO = [{"role": "user", "content": "Hello"}]
PARAMETERS = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}

pytestmark = pytest.mark.filterwarnings("ignore")  # what frameworks say of each other is not ours to mend


@pytest.fixture(scope="module")
def litellm() -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks the network for prices
    return pytest.importorskip("litellm")


def test_litellm(litellm: Any, served: str) -> None:
    asked = {"model": f"anthropic/{MODEL}", "api_base": served, "api_key": "k", "messages": HELLO, "max_tokens": 5}
    answer = litellm.completion(**asked)
    assert (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("length", 5)
    pieces = [chunk.choices[0].delta.content or "" for chunk in litellm.completion(**asked, stream=True)]
    assert len("".join(pieces).split()) == 5
    tool = {"type": "function", "function": {"name": "f", "parameters": PARAMETERS}}
    (call,) = litellm.completion(**asked, tools=[tool], tool_choice="required").choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("f", '{"days": 1}')
    blocks = [{"role": "system", "content": "Be brief."}, *HELLO]  # which it sends as a list: the contract has a text
    with pytest.raises(litellm.BadRequestError, match="Invalid value at system: Invalid input: expected string"):
        litellm.completion(**{**asked, "messages": blocks})


def test_langchain(served: str) -> None:
    langchain = pytest.importorskip("langchain_anthropic")
    model = langchain.ChatAnthropic(model=MODEL, base_url=served, api_key="k", max_tokens=5, max_retries=0)
    answer = model.invoke([("system", "Be brief."), ("human", "Hello")])
    assert (len(answer.content.split()), answer.usage_metadata["output_tokens"]) == (5, 5)
    assert len("".join(chunk.content for chunk in model.stream("Hello")).split()) == 5
    tool = {"name": "f", "description": "d", "input_schema": PARAMETERS}
    (call,) = model.bind_tools([tool], tool_choice="f").invoke("Hello").tool_calls
    assert (call["name"], call["args"]) == ("f", {"days": 1})


def test_pydantic_ai(served: str) -> None:
    pytest.importorskip("pydantic_ai")
    anthropic = pytest.importorskip("anthropic")
    from pydantic_ai import Agent  # noqa: PLC0415 - optional
    from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415 - optional
    from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415 - optional

    async def go() -> tuple[str, str]:
        async with anthropic.AsyncAnthropic(base_url=served, api_key="k", max_retries=0) as client:
            agent = Agent(AnthropicModel(MODEL, provider=AnthropicProvider(anthropic_client=client)), output_type=str)
            whole = await agent.run("Hello")
            async with agent.run_stream("Hello") as stream:
                return whole.output, "".join([piece async for piece in stream.stream_text(delta=True)])

    for text in asyncio.run(go()):
        assert text.startswith("A short answer")
