"""The guard in the clients of httpx2: the same transport, no second copy."""

from __future__ import annotations

import asyncio
import types
from typing import TYPE_CHECKING, Any

import pytest

import haiku_contract as hc
from haiku_contract.endpoint.cassette import load
from haiku_contract.endpoint.recorded import RecordedTransport
from haiku_contract.endpoint.recording import RecordingTransport
from haiku_contract.errors import StaleCassetteError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

httpx2: Any = pytest.importorskip("httpx2")

GOOD = {"model": "anthropic/claude-haiku-4.5", "max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}]}


def test_synchronously(contract: hc.Contract, server: str) -> None:
    url = f"{server}/ai/v1/messages"
    with httpx2.Client(transport=hc.GuardTransport(contract, response="raise")) as client:
        assert client.post(url, json=GOOD).status_code == 200
        with pytest.raises(hc.ContractViolation, match="max_tokens"):
            client.post(url, json={**GOOD, "max_tokens": 0})
        with client.stream("POST", url, json={**GOOD, "stream": True}) as response:
            assert b"message_stop" in b"".join(response.iter_bytes())
    with httpx2.Client(transport=hc.GuardTransport(contract, request="respond")) as client:
        answer = client.post(url, json={**GOOD, "max_tokens": 0})
        assert isinstance(answer, httpx2.Response)
        assert answer.status_code == 400


def test_asynchronously(contract: hc.Contract, server: str) -> None:
    url = f"{server}/ai/v1/messages"

    async def go() -> None:
        async with httpx2.AsyncClient(transport=hc.GuardTransport(contract, response="raise")) as client:
            assert (await client.post(url, json=GOOD)).status_code == 200
            with pytest.raises(hc.ContractViolation, match="max_tokens"):
                await client.post(url, json={**GOOD, "max_tokens": 0})
            async with client.stream("POST", url, json={**GOOD, "stream": True}) as response:
                assert b"message_stop" in b"".join([chunk async for chunk in response.aiter_bytes()])

    asyncio.run(go())


def test_the_decoders_of_httpx2_are_used(contract: hc.Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    backwards = types.SimpleNamespace(decode=lambda chunk: iter([chunk[::-1]]))
    decoders = httpx2._decoders.SUPPORTED_DECODERS
    monkeypatch.setitem(decoders, "zz", lambda: backwards)
    headers = {"content-type": "application/json", "content-encoding": "zz"}

    class Body(httpx2.SyncByteStream):  # type: ignore[misc]
        def __iter__(self) -> Iterator[bytes]:
            yield b"{}"[::-1]

    inner = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, stream=Body()))
    with (
        httpx2.Client(transport=hc.GuardTransport(contract, inner, response="raise")) as client,
        client.stream("POST", "http://127.0.0.1:9/v1/messages", json=GOOD) as response,
        pytest.raises(hc.ContractViolation, match="response:/required/0"),
    ):
        list(response.iter_raw())


def test_one_transport_serves_both_kinds_of_client(contract: hc.Contract, server: str) -> None:
    url = f"{server}/ai/v1/messages"
    transport = hc.GuardTransport(contract, response="raise")

    async def go() -> int:
        async with httpx2.AsyncClient(transport=transport) as client:
            return int((await client.post(url, json=GOOD)).status_code)

    with httpx2.Client(transport=transport) as client:
        assert client.post(url, json=GOOD).status_code == 200
        assert asyncio.run(go()) == 200
        assert client.post(url, json=GOOD).status_code == 200


def test_a_transport_of_httpx2_inside(contract: hc.Contract) -> None:
    inner = httpx2.MockTransport(lambda _: httpx2.Response(200, json={}))
    with (
        httpx2.Client(transport=hc.GuardTransport(contract, inner, response="raise")) as client,
        pytest.raises(hc.ContractViolation, match="response:/required/0"),
    ):
        client.post("http://127.0.0.1:9/v1/messages", json=GOOD)


def test_what_httpx2_records_it_replays(server: str, tmp_path: Path) -> None:
    url, cassette = f"{server}/ai/v1/messages", tmp_path / "x.yaml"
    question = {**GOOD, "stream": True}

    def ask(transport: Any) -> list[bytes]:
        with httpx2.Client(transport=transport) as client, client.stream("POST", url, json=question) as response:
            assert isinstance(response, httpx2.Response)
            return list(response.iter_raw())

    async def ask_again(transport: Any) -> list[bytes]:
        async with (
            httpx2.AsyncClient(transport=transport) as client,
            client.stream("POST", url, json=question) as response,
        ):
            return [chunk async for chunk in response.aiter_raw()]

    recorded = ask(RecordingTransport(httpx2.HTTPTransport(), cassette, mode="once"))
    assert b"message_stop" in b"".join(recorded)
    assert ask(RecordedTransport(load(cassette))) == recorded
    assert asyncio.run(ask_again(RecordedTransport(load(cassette)))) == recorded
    with (
        httpx2.Client(transport=RecordedTransport(load(cassette))) as client,
        pytest.raises(StaleCassetteError, match="holds no answer"),
    ):
        client.post(url, json=GOOD)
