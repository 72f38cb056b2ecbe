"""Endpoints of somebody else's that do what the contract says: what they are free to do is no finding."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

import haiku_contract as hc
from haiku_contract import wire
from haiku_contract.campaign.checks import Terms, findings, judge
from haiku_contract.campaign.drive import Sender, drive
from haiku_contract.campaign.outcomes import outcome
from haiku_contract.campaign.plan import thrifty
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint import surfaces
from haiku_contract.generate import suite
from haiku_contract.model import Exchange, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Callable

CONTRACT: Final = hc.load()
JSON: Final = "application/json"
ANSWER: Final[dict[str, Any]] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Hello"}],
    "model": "claude-haiku-4-5-20251001",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 1},
}

REFUSALS: Final[dict[str, tuple[int, str, bytes, str]]] = {
    "a list of details": (422, JSON, b'{"detail": [{"msg": "no"}]}', "error-body"),
    "a code of its own": (400, JSON, b'{"error": {"code": "bad", "message": "no"}}', "error-body"),
    "text": (400, "text/plain; charset=utf-8", b"no", "content-type"),
    "a page": (422, "text/html", b"<p>no", "content-type"),
    "nothing": (400, "", b"", "content-type"),
}
"""By its style: status, content type and body of a refusal, and the check that minds it where a shape is published."""


@pytest.mark.parametrize("style", REFUSALS)
def test_how_it_refuses_is_its_own_affair_where_nothing_is_published_of_that(style: str) -> None:
    status, media, body, code = REFUSALS[style]
    [faulted] = [one for one in suite(CONTRACT, "request") if one.id == "request/max_tokens/exclusiveMinimum/at"]
    exchange = Exchange(faulted, status, {"content-type": media}, body, 0.0)
    contracts = {
        "shipped": CONTRACT,
        "of another format": replace(CONTRACT, manifest={**CONTRACT.manifest, "request_formats": []}),
        "without shapes": replace(CONTRACT, error=None),
    }
    told = {
        (name, surface): [
            one.code for one in findings(judge(contract, exchange, outcome(exchange, surface), Terms(surface)))
        ]
        for name, contract in contracts.items()
        for surface in ("bare", "messages")
    }
    asked = {("shipped", "messages"), ("of another format", "bare"), ("of another format", "messages")}
    assert told == {key: [code] if key in asked else [] for key in told}


def endpoint(style: str, used: int = 1) -> Callable[[httpx.Request], httpx.Response]:
    """What enforces the request schema, refuses in its own style and answers the same every time."""
    status, media, body, _ = REFUSALS[style]

    def answer(request: httpx.Request) -> httpx.Response:
        is_json = wire.media_type(request.headers["content-type"]) == JSON
        if not is_json or not CONTRACT.request.is_valid_bytes(request.content):
            return httpx.Response(status, content=body, headers={"content-type": media})
        usage = {"input_tokens": 3, "output_tokens": used}
        return httpx.Response(200, content=json.dumps(ANSWER | {"usage": usage}), headers={"content-type": JSON})

    return answer


@pytest.mark.parametrize(
    ("style", "used", "found"), [("a list of details", 1, []), ("text", 1, []), ("nothing", 9, ["max-tokens"])]
)
def test_an_honest_endpoint_on_the_bare_surface(style: str, used: int, found: list[str]) -> None:
    """A reply that is always the same is longer than some requests allow, which is one finding."""
    target = Target("somewhere", "http://foreign.invalid/", surfaces.named("bare"))
    with httpx.Client(transport=httpx.MockTransport(endpoint(style, used))) as client:
        steps = campaign(CONTRACT, thrifty(CONTRACT), target, lambda _: None)
        result = drive(steps, client, Sender(target, CONTRACT.model_id))
    assert [one.code for one in result.findings] == found
    asked = {one.verdict for one in result.verdicts if one.constraint.startswith(("request:", "wire:"))}
    assert asked == {VerdictKind.ENFORCED, VerdictKind.UNVIOLABLE}
