"""Endpoints as somebody outside writes them: plain functions from a request to an answer, and a campaign against one.

What they know of the contract is its schema alone, and they judge by `jsonschema`, not by this package.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import httpx
import jsonschema

import haiku_contract as hc
from haiku_contract import wire
from haiku_contract.campaign.checks import Terms
from haiku_contract.campaign.drive import Sender, drive
from haiku_contract.campaign.plan import thrifty
from haiku_contract.campaign.replay import from_report, replay
from haiku_contract.campaign.reproduce import Recipe
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint import live, surfaces
from haiku_contract.model import CampaignFinished, VerdictKind
from haiku_contract.report import structured

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.campaign.plan import Plan
    from haiku_contract.campaign.replay import Replayed

Reply: TypeAlias = "tuple[int, Any] | tuple[int, Any, str]"
"""Status, body and, where it is not that of JSON, the content type; a body that is neither bytes nor text is JSON."""
Endpoint: TypeAlias = "Callable[[Any], Reply]"
"""From the decoded request to the answer."""

CONTRACT: Final = hc.load()
JSON: Final = "application/json"
_SCHEMA: Final = jsonschema.Draft202012Validator(CONTRACT.request.schema)
_FINE: Final = (VerdictKind.ENFORCED, VerdictKind.UNVIOLABLE, VerdictKind.HELD, VerdictKind.UNEXERCISED)
_MODEL: Final = "claude-haiku-4-5-20251001"


def problem(payload: Any) -> tuple[list[str | int], str] | None:
    """The place and the words of what is wrong first, in the order of the schema; a union is one place."""
    for error in _SCHEMA.iter_errors(payload):
        missing = [error.message.split("'")[1]] if error.validator == "required" else []
        return [*error.absolute_path, *missing], error.message
    return None


def refused(place: list[str | int], words: str) -> Reply:
    """The refusal of an honest endpoint."""
    return 400, {"type": "error", "error": {"type": "invalid_request_error", "message": f"{dotted(place)}: {words}"}}


def dotted(place: list[str | int]) -> str:
    """A place as the provider writes it."""
    return ".".join(map(str, place))


def message(payload: Any, **changed: Any) -> dict[str, Any]:
    """The reply to a right request: as many tokens as it allows, at most two."""
    used = 1 if payload["max_tokens"] < 2 else 2
    reply = {"id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
    usage = {"input_tokens": 3, "output_tokens": used}
    reason = "end_turn" if payload["max_tokens"] > used else "max_tokens"
    return reply | {"model": _MODEL, "stop_reason": reason, "stop_sequence": None, "usage": usage} | changed


def events(whole: dict[str, Any]) -> list[bytes]:
    """A reply as a stream, event by event."""
    told = [
        {"type": "message_start", "message": whole | {"content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None},
            "usage": {"output_tokens": whole["usage"]["output_tokens"]},
        },
        {"type": "message_stop"},
    ]
    return [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in told]


def answered(payload: Any, **changed: Any) -> Reply:
    """The answer to a right request, streamed where that is asked."""
    whole = message(payload, **changed)
    if payload.get("stream") is True:
        return 200, b"".join(events(whole)), "text/event-stream"
    return 200, whole


def honest(payload: Any) -> Reply:
    """What the contract says, and no more."""
    wrong = problem(payload)
    return answered(payload) if wrong is None else refused(*wrong)


def served(endpoint: Endpoint, request: httpx.Request) -> httpx.Response:
    """One request to an endpoint: what is not strictly JSON is refused before it."""
    payload, wrong = wire.decode(request.content)
    if wire.media_type(request.headers.get("content-type", "")) != JSON or wrong:
        reply = refused([], "expected JSON")
    else:
        reply = endpoint(payload)
    status, body, media = (*reply, JSON)[:3]
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers={"content-type": media} if media else {})


@cache
def few() -> Plan:
    """The few requests of a campaign against the shipped contract."""
    return thrifty(CONTRACT)


class Ran:
    """What came of a campaign."""

    def __init__(self, result: CampaignFinished, surface: str) -> None:
        self.result = result
        self._surface = surface

    @property
    def odd(self) -> dict[str, set[str]]:
        """The constraints that are not as they should be, by verdict."""
        found: dict[str, set[str]] = {}
        for one in self.result.verdicts:
            if one.verdict not in _FINE:
                found.setdefault(str(one.verdict), set()).add(one.constraint)
        return found

    @property
    def found(self) -> list[tuple[str, str | None]]:
        """Code and constraint of every finding."""
        return sorted(((str(one.code), one.constraint) for one in self.result.findings), key=str)

    def replayed(self, endpoint: Endpoint) -> list[str]:
        """What has become of each finding at an endpoint, by what a report holds of it."""
        recipe = Recipe("http://foreign.invalid/", {}, self._surface, CONTRACT.model_id)
        report = {"findings": [structured.finding(one, recipe) for one in self.result.findings]}
        told: list[str] = []
        for one in self.result.findings:
            subjects = from_report(json.loads(json.dumps(report)), one.fingerprint, "report.json")
            steps = replay(CONTRACT, subjects, Terms(self._surface))
            result = cast("Replayed", _driven(cast("Any", steps), endpoint, self._surface))
            assert {each.fingerprint for each in result.findings} <= {one.fingerprint}
            told.append(str(result.verdict))
        return told


def replayed_right(told: Ran, endpoint: Endpoint) -> None:
    """Every finding is still there at the endpoint, and fixed at one that does what the contract says."""
    assert told.result.findings
    assert {*told.replayed(endpoint)} == {"still there"}
    assert {*told.replayed(honest)} == {"fixed"}


def run(endpoint: Endpoint, surface: str = "bare", repeat: int = 1) -> Ran:
    """A campaign against an endpoint."""
    terms = Terms(surface)
    steps = campaign(CONTRACT, few(), _target(surface), lambda _: None, repeat=repeat, terms=terms)
    return Ran(_driven(steps, endpoint, surface), surface)


def _target(surface: str) -> Target:
    return Target("somewhere", "http://foreign.invalid/", surfaces.named(surface))


def _driven(steps: Any, endpoint: Endpoint, surface: str) -> CampaignFinished:
    with httpx.Client(transport=httpx.MockTransport(lambda request: served(endpoint, request))) as client:
        sender = Sender(_target(surface), CONTRACT.model_id, live.headers(surface, CONTRACT.model_id))
        return drive(steps, client, sender)
