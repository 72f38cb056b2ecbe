"""The campaign against the reference endpoint over real HTTP."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest
import uvicorn

import haiku_contract as hc
from haiku_contract.campaign.drive import Sender, drive_async
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint import surfaces
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.generate import suite
from haiku_contract.model import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.model import CampaignFinished


@pytest.fixture
def server() -> Iterator[str]:
    """The reference endpoint over real HTTP on a free port of the loopback interface."""
    app = create_app(hc.load(version="1.1.1"))
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    instance = uvicorn.Server(config)
    thread = threading.Thread(target=instance.run)
    thread.start()
    while not instance.started:
        time.sleep(0.01)
    port = instance.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    instance.should_exit = True
    thread.join()


def test_over_real_http(server: str) -> None:
    """What is told is what the endpoint's brain tells without a network."""
    contract = hc.load(version="1.1.1")
    surface = surfaces.named("messages")
    target = Target("reference", server + surface.path, surface)

    async def go(transport: httpx.AsyncBaseTransport) -> CampaignFinished:
        async with httpx.AsyncClient(transport=transport) as client:
            steps = campaign(contract, suite(contract, "request"), target, lambda _: None, width=8)
            return await drive_async(steps, client, Sender(target, contract.model_id))

    result = asyncio.run(go(httpx.AsyncHTTPTransport()))
    assert result.verdicts == asyncio.run(go(httpx.ASGITransport(create_app(contract)))).verdicts
    assert result.findings == ()
    assert set(result.outcomes) == {OutcomeKind.ACCEPTED, OutcomeKind.REJECTED}
