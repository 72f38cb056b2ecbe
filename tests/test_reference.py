"""The reference endpoint: what it answers, and how it says no."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

import haiku_contract as hc
from haiku_contract import sse
from haiku_contract.endpoint.reference import replies
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.generate import suite

CONTRACT = hc.load()
SIMPLE = {"messages": [{"role": "user", "content": "What are the three laws of thermodynamics?"}], "max_tokens": 1024}


class Client:
    """Requests to an application in this process, one event loop each."""

    def __init__(self, contract: hc.Contract) -> None:
        self.transport = httpx.ASGITransport(create_app(contract))

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            async with httpx.AsyncClient(transport=self.transport, base_url="http://reference.invalid") as one:
                return await one.request(method, path, **content)

        return asyncio.run(go())

    def post(self, path: str, **content: Any) -> httpx.Response:
        return self.request("POST", path, **content)


@pytest.fixture(scope="module")
def client() -> Client:
    return Client(CONTRACT)


def message_of(response: httpx.Response) -> str:
    body = response.json()
    assert (body["success"], body["result"], body["messages"]) == (False, None, [])
    assert len(body["errors"]) == 1
    assert body["errors"][0]["code"] == 7003
    return str(body["errors"][0]["message"]).removeprefix("Model execution failed (User Input Error): ")


def test_an_answer_conforms_and_is_the_same_again(client: Client) -> None:
    first, second = client.post("/", json=SIMPLE), client.post("/", json=SIMPLE)
    assert first.status_code == 200
    assert first.headers["content-type"] == "application/json"
    assert first.content == second.content
    answer = CONTRACT.response.validate_bytes(first.content)
    assert answer["model"] == "claude-haiku-4-5-20251001"
    assert answer["gatewayMetadata"] == {"keySource": "Unified"}
    assert answer["stop_reason"] == "end_turn"
    assert answer["usage"]["input_tokens"] == 8  # the seven words of the question, and the role


@pytest.mark.parametrize("limit", [1, 3, 5, 7.9])
def test_the_limit_cuts_the_answer(client: Client, limit: float) -> None:
    answer = client.post("/", json={**SIMPLE, "max_tokens": limit}).json()
    assert len(answer["content"][0]["text"].split()) == answer["usage"]["output_tokens"] == int(limit)
    assert answer["stop_reason"] == "max_tokens"


def test_every_conforming_case_is_answered_and_every_answer_conforms(client: Client) -> None:
    for case in suite(CONTRACT, "request"):
        if case.kind == "conforming":
            response = client.post("/", content=case.body, headers={"content-type": case.content_type})
            assert response.status_code == 200, case.id
            if not case.payload.get("stream"):
                CONTRACT.response.validate_bytes(response.content)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"system": []}, "Invalid value at system: Invalid input: expected string, received array"),
        ({"messages": [{"content": "x"}]}, "Required value missing: messages[0].role"),
        ({"max_tokens": 0}, "Invalid value at max_tokens: Too small: expected number to be >0"),
        ({"temperature": 2}, "Invalid value at temperature: Too big: expected number to be <=1"),
        (
            {"messages": [{"role": "system", "content": "x"}]},
            'Invalid value at messages[0].role: Invalid option: expected one of "user"|"assistant"',
        ),
        (
            {"messages": [{"role": "user", "content": [{"text": "x"}]}]},
            "Invalid value at messages[0].content: Invalid input",
        ),
    ],
)
def test_rejections_speak_as_the_gateway_does(client: Client, edit: dict[str, Any], message: str) -> None:
    response = client.post("/", json={**SIMPLE, **edit})
    assert response.status_code == 400
    assert message_of(response) == message


def test_the_messages_surface_wants_the_models_id(client: Client) -> None:
    path = "/ai/v1/messages"
    assert client.post(path, json={**SIMPLE, "model": CONTRACT.model_id}).status_code == 200
    missing = client.post(path, json=SIMPLE)
    assert (missing.status_code, missing.json()["errors"][0]["code"]) == (400, 7000)
    unknown = client.post(path, json={**SIMPLE, "model": "anthropic/claude-haiku-4-5"})
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (404, 7003)
    assert unknown.json()["errors"][0]["message"] == "Model not found: anthropic/claude-haiku-4-5"


def test_other_methods_are_refused(client: Client) -> None:
    response = client.request("GET", "/ai/v1/messages")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (405, 7001)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 100_000, b"null", b'{"messages":1e999}', b"{}" * 9])
def test_any_bytes_are_refused_politely(client: Client, body: bytes) -> None:
    for path in ("/", "/ai/v1/messages"):
        response = client.post(path, content=body, headers={"content-type": "application/json"})
        assert response.status_code == 400
        assert response.json()["success"] is False


def test_a_stream_carries_the_same_message(client: Client) -> None:
    whole = client.post("/", json=SIMPLE).json()
    response = client.post("/", json={**SIMPLE, "stream": True})
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = [json.loads(one.data) for one in sse.decode(response.content) if isinstance(one, sse.ServerSentEvent)]
    assert [one["type"] for one in events][:3] == ["message_start", "content_block_start", "ping"]
    assert [one["type"] for one in events][-3:] == ["content_block_stop", "message_delta", "message_stop"]
    text = "".join(one["delta"]["text"] for one in events if one["type"] == "content_block_delta")
    streamed = replies.message({**SIMPLE, "stream": True})
    assert text == streamed["content"][0]["text"]
    assert events[-2]["usage"]["output_tokens"] == streamed["usage"]["output_tokens"]
    assert set(whole) - {"gatewayMetadata"} == set(events[0]["message"])


def test_another_contract_is_answered_by_its_own_schema() -> None:
    response_schema = {"type": "object", "properties": {"image": {"type": "string"}}, "required": ["image"],
                       "additionalProperties": False}  # fmt: skip
    contract = hc.Contract(
        "x/images", "Images", "1.0.0", {},
        hc.SchemaValidator("request", {"type": "object", "required": ["prompt"]}),
        hc.SchemaValidator("response", response_schema),
    )  # fmt: skip
    answer = Client(contract).post("/", json={"prompt": "a cat"})
    assert contract.response.is_valid(answer.json())
