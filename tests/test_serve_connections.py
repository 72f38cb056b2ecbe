"""The reference endpoint and clients that come and go as they like: whatever they do, nothing of it stays."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import haiku_contract as hc
from haiku_contract.endpoint.reference import app as application
from haiku_contract.endpoint.reference.answers import Settings
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.endpoint.reference.pace import Pace

CONTRACT = hc.load()
INPUT: dict[str, Any] = {"messages": [{"role": "user", "content": "Why is the sky blue?"}], "max_tokens": 64}
JSON = {"content-type": "application/json"}


def scope(path: str = "/", **headers: str) -> dict[str, Any]:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    asgi = {"version": "3.0", "spec_version": "2.3"}
    return {"type": "http", "asgi": asgi, "method": "POST", "path": path, "headers": [*raw, *map(_raw, JSON.items())]}


def _raw(pair: tuple[str, str]) -> tuple[bytes, bytes]:
    return pair[0].encode(), pair[1].encode()


@pytest.mark.parametrize("fault", ["", "delivery:hang", "delivery:hang-midway", "delivery:drip"])
def test_a_client_that_hangs_up_frees_everything(fault: str) -> None:
    """With a first byte an hour away, nothing ends this but the end of the connection."""
    body = json.dumps({**INPUT, "stream": True}).encode()
    app = create_app(CONTRACT, settings=Settings(pace=Pace(ttfb=0 if fault else 3600)))

    async def go() -> set[asyncio.Task[Any]]:
        gone = asyncio.Event()
        messages = [{"type": "http.request", "body": body}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def ignore(_message: Any) -> None:
            asyncio.get_running_loop().call_later(0.05, gone.set)

        asyncio.get_running_loop().call_later(0.2, gone.set)
        headers = {"x-haiku-fault": fault} if fault else {}
        await asyncio.wait_for(app(scope(**headers), receive, ignore), 10)
        await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]

    assert asyncio.run(go()) == set()


def test_a_body_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "_PATIENCE", 0.05)
    sent: list[Any] = []

    async def go() -> None:
        async def receive() -> dict[str, Any]:
            await asyncio.sleep(3600)
            return {}

        async def send(message: Any) -> None:
            sent.append(message)

        await asyncio.wait_for(create_app(CONTRACT)(scope(), receive, send), 10)

    asyncio.run(go())
    assert sent[0]["status"] == 408


def test_a_body_that_comes_drop_by_drop_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece comes in time, and the whole of it never would."""
    monkeypatch.setattr(application, "_LONGEST", 0.1)
    sent: list[Any] = []

    async def go() -> None:
        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0.01)
            return {"type": "http.request", "body": b" ", "more_body": True}

        async def send(message: Any) -> None:
            sent.append(message)

        await asyncio.wait_for(create_app(CONTRACT)(scope(), receive, send), 10)

    asyncio.run(go())
    assert sent[0]["status"] == 408


def test_a_client_that_leaves_before_it_has_said_everything() -> None:
    async def go() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def refuse(message: Any) -> None:
            raise AssertionError(message)

        await create_app(CONTRACT)(scope(), receive, refuse)

    asyncio.run(go())
