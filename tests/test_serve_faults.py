"""Every fault on the list is found by our own campaign or stream validator, and shows exactly where it was asked for.

The faults that are about a constraint are those of `test_campaign.py`, each found and localised there.
"""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import Any, NamedTuple, get_args

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.campaign.drive import Sender, drive_async
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint import surfaces
from haiku_contract.endpoint.reference.answers import handle
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.endpoint.reference.faults import EndpointFault, FaultKind, Repertoire, catalogue
from haiku_contract.endpoint.reference.refusals import ANSWERS
from haiku_contract.endpoint.reference.reply import DELIVERIES
from haiku_contract.generate import suite
from haiku_contract.generate.stream_events import REQUEST
from haiku_contract.model import OutcomeKind

CONTRACT = hc.load()
ALL = Repertoire(CONTRACT)
INPUT: dict[str, Any] = {"messages": [{"role": "user", "content": "Why is the sky blue?"}], "max_tokens": 64}
CASES = suite(CONTRACT, "request")


class Seen(NamedTuple):
    """What a campaign says of an endpoint."""

    codes: frozenset[str]
    verdicts: tuple[Any, ...] = ()
    outcomes: frozenset[OutcomeKind] = frozenset()


def seen(app: Any) -> Seen:
    """What a campaign over the application says; the error that ends one that cannot go on is a finding too."""

    async def go() -> Seen:
        target = Target("reference", "http://reference.invalid/", surfaces.named("bare"))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            steps = campaign(CONTRACT, CASES, target, lambda _: None, width=8)
            result = await drive_async(steps, client, Sender(target, CONTRACT.model_id))
        codes = frozenset(one.code for one in result.findings)
        return Seen(codes, tuple((one.constraint, one.verdict) for one in result.verdicts), frozenset(result.outcomes))

    try:
        return asyncio.run(go())
    except hc.EndpointError as error:
        return Seen(frozenset((str(error),)))


@cache
def flawless() -> Seen:
    return seen(create_app(CONTRACT))


def ask(app: Any, value: Any, **headers: str) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://reference.invalid") as client:
            return await client.post(
                "/", json=value, headers={name.replace("_", "-"): one for name, one in headers.items()}
            )

    return asyncio.run(go())


def test_the_list_is_made_of_these_kinds() -> None:
    listed = ALL.everything()
    assert {one.kind for one in listed} == set(get_args(FaultKind))
    assert len(set(map(str, listed))) == len(listed)
    about = [one for one in listed if one.kind in {"lenient", "strict", "crash", "broken"}]
    assert tuple(about) == catalogue(CONTRACT)
    assert {one.constraint for one in listed if one.kind == "answer"} == set(ANSWERS)
    assert {one.constraint for one in listed if one.kind == "delivery"} == set(DELIVERIES)


def test_the_unmodified_endpoint_has_none() -> None:
    assert flawless().codes == frozenset()
    assert flawless().outcomes == {OutcomeKind.ACCEPTED, OutcomeKind.REJECTED}
    stream = hc.StreamValidator(CONTRACT, request=REQUEST)
    assert [*stream.feed(ask(create_app(CONTRACT), REQUEST).content), *stream.finish()] == []
    assert stream.error is None


def test_every_stream_fault_is_reported() -> None:
    listed = ALL.everything("stream")
    assert len(listed) > 300
    asked = surfaces.Asked("POST", "", "/", {"content-type": "application/json"})
    for fault in listed:
        reply = handle(ALL.conduct(fault), surfaces.named("bare"), asked, json.dumps(REQUEST).encode())
        assert reply.is_stream
        stream = hc.StreamValidator(CONTRACT, request=REQUEST)
        assert [*stream.feed(b"".join(reply.chunks)), *stream.finish()], fault


@pytest.mark.parametrize("name", ANSWERS)
def test_every_refusal_is_noticed(name: str) -> None:
    assert seen(create_app(CONTRACT, EndpointFault("answer", name))) != flawless()


NOTICED = {
    "hang": "ReadTimeout",
    "hang-midway": "ReadTimeout",
    "cut": "RemoteProtocolError",
    "error-event": None,  # a stream may end so: nothing is wrong with it, but the answer is lost
    "content-type": "does not answer as this surface does",
    "envelope": "broken",
    "stale-cache": "answered from a cache",
}


@pytest.mark.parametrize("name", NOTICED)
def test_every_accident_on_the_way_is_noticed(name: str) -> None:
    found = seen(create_app(CONTRACT, EndpointFault("delivery", name)))
    assert found != flawless()
    word = NOTICED[name]
    if word is None:
        assert OutcomeKind.THROTTLED in found.outcomes
    else:
        assert any(word in code for code in found.codes)


def test_the_one_accident_that_takes_a_clock_is_tested_over_a_network() -> None:
    assert set(DELIVERIES) - set(NOTICED) == {"drip"}  # tests/cli/test_serve.py


@pytest.mark.parametrize("condition", ["/temperature=1", "/messages/0/role=user", "/system", '/metadata={"a": [1]}'])
def test_a_fault_under_a_condition(condition: str) -> None:
    fault = ALL.parse(f"broken:response:/properties/type/const if {condition}")
    assert str(fault) == f"broken:response:/properties/type/const if {condition}"
    app = create_app(CONTRACT, fault)
    meant = {"/temperature=1": {"temperature": 1}, "/system": {"system": ""}}.get(condition, {"metadata": {"a": [1]}})
    other = {**INPUT, "messages": [{"role": "assistant", "content": "I"}], "temperature": 0}
    assert not CONTRACT.response.is_valid(ask(app, {**INPUT, **meant}).json())
    assert CONTRACT.response.is_valid(ask(app, other).json())
    assert ask(app, {**other, "max_tokens": 0}).status_code == 400


def test_a_fault_for_one_answer() -> None:
    app = create_app(CONTRACT)
    for fault, status in (("answer:credits", 402), ("crash:request:/properties/max_tokens/exclusiveMinimum", 200)):
        assert ask(app, INPUT, x_haiku_fault=fault).status_code == status
        assert ask(app, INPUT).status_code == 200
    crash = "crash:request:/properties/max_tokens/exclusiveMinimum"
    assert ask(app, {**INPUT, "max_tokens": 0}, x_haiku_fault=crash).status_code == 500
    unknown = ask(app, INPUT, x_haiku_fault="answer:creditz")
    assert unknown.status_code == 400
    assert "the nearest is 'answer:credits'" in unknown.text


def test_a_fault_for_some_answers() -> None:
    faults = [ALL.parse("answer:throttled"), ALL.parse("answer:overloaded")]

    def statuses() -> list[int]:
        app = create_app(CONTRACT, faults, fault_rate=0.3)
        return [ask(app, INPUT).status_code for _ in range(100)]

    first = statuses()
    assert set(first) == {200, 429, 529}
    assert 15 < sum(status != 200 for status in first) < 45
    assert first == statuses()


def test_throttling_says_when_to_come_back() -> None:
    for name in ("throttled", "provider-throttled"):
        assert ask(create_app(CONTRACT), INPUT, x_haiku_fault=f"answer:{name}").headers["retry-after"] == "1"
    assert "retry-after" not in ask(create_app(CONTRACT), INPUT, x_haiku_fault="answer:spend-limit").headers


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("delivery:hanging", "no such delivery; the nearest is 'delivery:hang'"),
        ("stream:dropped/00", "the nearest is 'stream:dropped/00-message_start'"),
        ("answer:credits if system", "what follows 'if' is a JSON Pointer"),
        ("credits", "it starts with one of"),
    ],
)
def test_faults_that_are_none(text: str, words: str) -> None:
    with pytest.raises(hc.UsageError, match=words):
        ALL.parse(text)
