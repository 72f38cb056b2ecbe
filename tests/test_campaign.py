"""The campaign against the reference endpoint: flawless, and with every single fault in turn."""

from __future__ import annotations

import asyncio
import os
from functools import cache
from typing import TYPE_CHECKING, Final, cast

import httpx
import jsonschema
import pytest

import haiku_contract as hc
from haiku_contract.campaign.drive import Sender, drive, drive_async
from haiku_contract.campaign.plan import Plan, thrifty
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint import live, surfaces
from haiku_contract.endpoint.reference import faults
from haiku_contract.endpoint.reference.app import SERVED, create_app, handle
from haiku_contract.endpoint.reference.faults import Conduct, EndpointFault, Repertoire, catalogue, conduct
from haiku_contract.generate import suite
from haiku_contract.model import (
    CampaignFinished,
    CampaignStarted,
    Case,
    CaseFinished,
    Exchange,
    VerdictKind,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.model import Event

CONTRACTS = {version: hc.load(version=version) for version in ("1.0.0", "1.1.1")}
REPERTOIRES = {version: Repertoire(contract) for version, contract in CONTRACTS.items()}
FAULTS = {(version, str(fault)): fault for version, every in REPERTOIRES.items() for fault in every.about}


@cache
def conducted(version: str, fault: EndpointFault) -> Conduct:
    """The endpoint's brain with a fault; it is made once, and asked in several tests."""
    return REPERTOIRES[version].conduct(fault)


def _local() -> list[tuple[str, str]]:
    """The faults that cases about their own constraint can show: all but strictness about what has no edge."""
    local = []
    for (version, text), fault in FAULTS.items():
        known = (one for one in REPERTOIRES[version].cases if one.constraint == fault.constraint)
        about = [one.payload for one in known if one.kind == "conforming"]
        engine = conducted(version, fault).request.engine
        if fault.kind != "strict" or not all(map(engine.is_valid, about)):
            local.append((version, text))
    return local


LOCAL = _local()


def run(version: str, fault: EndpointFault | None = None, surface: str = "bare") -> CampaignFinished:
    """One campaign over ASGI in this process."""
    contract = CONTRACTS[version]
    target = Target(
        "reference", "http://reference.invalid" + (surfaces.named(surface).path or "/"), surfaces.named(surface)
    )

    async def go() -> CampaignFinished:
        transport = httpx.ASGITransport(create_app(contract, fault))
        async with httpx.AsyncClient(transport=transport) as client:
            steps = campaign(contract, cases(contract.version), target, lambda _: None, width=8)
            send = Sender(target, contract.model_id, live.headers(surface, contract.model_id))
            return await drive_async(steps, client, send)

    return asyncio.run(go())


def head_of(request: httpx.Request) -> surfaces.Asked:
    return surfaces.Asked(request.method, request.url.host, request.url.path, dict(request.headers))


@cache
def cases(version: str, side: str = "request") -> tuple[Case, ...]:
    return suite(CONTRACTS[version], side)


@cache
def few(version: str) -> Plan:
    return thrifty(CONTRACTS[version])


def run_in_memory(version: str, fault: EndpointFault, plan: Plan | None = None) -> tuple[CampaignFinished, list[Case]]:
    """One campaign against the endpoint's brain alone: there are many faults, and HTTP makes no difference to them.

    Returns:
        What came of it, and the cases in the order of sending.
    """
    contract = CONTRACTS[version]
    behaviour, surface = conducted(version, fault), surfaces.named("bare")
    target, sent = Target("reference", "", surface), list[Case]()
    steps = campaign(contract, cases(version) if plan is None else plan, target, lambda _: None, width=8)
    try:
        batch = next(steps)
        while True:
            sent += batch
            batch = steps.send([answered(behaviour, surface, case) for case in batch])
    except StopIteration as stop:
        return cast("CampaignFinished", stop.value), sent


def answered(behaviour: Conduct, surface: surfaces.Surface, case: Case) -> Exchange:
    asked = surfaces.Asked("POST", "reference.invalid", "/", {"content-type": case.content_type})
    reply = handle(behaviour, surface, asked, case.body)
    headers = {"content-type": reply.content_type, **reply.headers}
    return Exchange(case, reply.status, headers, b"".join(reply.chunks), 0.0)


def endpoint(behaviour: Conduct, surface: surfaces.Surface) -> Callable[[httpx.Request], httpx.Response]:
    """The endpoint's brain as what a mock transport asks."""

    def answer(request: httpx.Request) -> httpx.Response:
        reply = handle(behaviour, surface, head_of(request), request.content)
        headers = {"content-type": reply.content_type}
        return httpx.Response(reply.status, headers=headers, content=b"".join(reply.chunks))

    return answer


@cache
def flawless(version: str) -> CampaignFinished:
    return run(version)


def matrix(result: CampaignFinished) -> dict[str, VerdictKind]:
    return {one.constraint: one.verdict for one in result.verdicts}


@pytest.mark.parametrize("surface", SERVED)
@pytest.mark.parametrize("version", list(CONTRACTS))
def test_flawless_endpoint(version: str, surface: str) -> None:
    """Every violable constraint is enforced or held, nothing is undetermined, nothing is found."""
    result = run(version, surface=surface)
    contract = CONTRACTS[version]
    verdicts = matrix(result)
    assert result.findings == ()
    assert [one.constraint for one in result.verdicts][: len(contract.request.constraints)] == [
        one.id for one in contract.request.constraints
    ]
    for one in contract.constraints:
        expected = VerdictKind.ENFORCED if one.side == "request" else VerdictKind.HELD
        assert verdicts[one.id] == (expected if one.violable else VerdictKind.UNVIOLABLE), one.id
    wire_rows = {name: verdict for name, verdict in verdicts.items() if name.startswith("wire:")}
    assert set(wire_rows.values()) == {VerdictKind.ENFORCED}
    assert contract.stream is not None
    streamed = {verdicts[one.id] for one in contract.stream.constraints}
    assert streamed == {VerdictKind.HELD, VerdictKind.UNEXERCISED}  # the answers are texts: no tool, no thinking
    assert contract.error is not None
    refused = {verdicts[one.id] for one in contract.error.constraints}
    assert refused == {VerdictKind.UNEXERCISED} | ({VerdictKind.HELD} if surface != "bare" else set())
    sides = (*contract.constraints, *contract.stream.constraints, *contract.error.constraints)
    assert len(verdicts) == len(sides) + len(wire_rows)


@cache
def expected_changes(version: str, fault: EndpointFault) -> dict[str, VerdictKind]:
    """Which verdicts must change, worked out without the campaign, by `jsonschema` and the schema with the fault."""
    contract, requests = CONTRACTS[version], cases(version)
    if fault.kind == "crash":
        return {case.constraint: VerdictKind.CRASHING for case in requests if fault.constraint in case.breaks}
    if fault.kind == "broken":
        answers = cases(version, "response")
        faulted = [case.breaks for case in answers if case.constraint == fault.constraint and case.kind == "faulted"]
        return dict.fromkeys(min(faulted, key=len), VerdictKind.BROKEN)
    if fault.constraint.startswith("wire:"):
        return {fault.constraint: VerdictKind.LEAKY}
    constraint = contract.request.constraint(fault.constraint)
    assert constraint is not None
    if fault.kind == "lenient":
        judge = jsonschema.Draft202012Validator(faults.loosened(contract, constraint))
        return {case.constraint: VerdictKind.LEAKY for case in requests if case.fault and judge.is_valid(case.payload)}
    judge = jsonschema.Draft202012Validator(faults.tightened(contract, constraint, requests))
    return {
        case.constraint: VerdictKind.OVERSTRICT
        for case in requests
        if case.kind == "conforming" and not judge.is_valid(case.payload)
    }


def changes(version: str, result: CampaignFinished, fault: EndpointFault) -> dict[str, VerdictKind]:
    """Which verdicts are not those of the flawless endpoint."""
    before, after = matrix(flawless(version)), matrix(result)
    changed = {name: verdict for name, verdict in after.items() if verdict != before[name]}
    if fault.kind != "broken":
        return changed
    # A broken answer can hide what lies below the break; nothing but that may change besides.
    hidden = {name for name, verdict in changed.items() if verdict is VerdictKind.UNEXERCISED}
    assert all(name.startswith("response:") for name in hidden)
    return {name: verdict for name, verdict in changed.items() if name not in hidden}


def about(result: CampaignFinished) -> set[str | None]:
    return {name for one in result.findings for name in (one.constraint, *one.others)}


REPLACING: Final = {"strict:request:/properties/messages/items/properties/content/anyOf"}
"""Where most packed requests fail, others stand in for those that the plan has: more by name, no more in all."""


@pytest.mark.parametrize(("version", "text"), LOCAL)
def test_few_requests_find_and_localise_every_single_fault(version: str, text: str) -> None:
    fault, plan = FAULTS[version, text], few(version)
    result, sent = run_in_memory(version, fault, plan)
    changed = changes(version, result, fault)
    found = {name: verdict for name, verdict in changed.items() if verdict is not VerdictKind.UNDETERMINED}
    assert found.items() <= expected_changes(version, fault).items()
    assert fault.constraint in found
    assert about(result) == set(found)
    further = [case for case in sent if case.id not in {each.id for each in plan.cases}]
    assert len(further) <= (19 if text in REPLACING else 15)
    assert len(sent) <= len(plan.cases) + 12
    assert len({(case.body, case.content_type) for case in sent}) == len(sent)


# What both versions say is the same in both; the long profile tries it in each.
LONG = "HAIKU_CONTRACT_LONG" in os.environ
ONCE = (
    LOCAL if "HAIKU_CONTRACT_LONG" in os.environ else list({text: (version, text) for version, text in LOCAL}.values())
)


@pytest.mark.parametrize(("version", "text"), LOCAL if LONG else ONCE)
def test_the_whole_suite_changes_exactly_the_predicted_verdicts(version: str, text: str) -> None:
    fault = FAULTS[version, text]
    result, _ = run_in_memory(version, fault)
    changed = changes(version, result, fault)
    assert changed == expected_changes(version, fault)
    assert fault.constraint in changed
    assert about(result) == set(changed)


@pytest.mark.parametrize(("version", "text"), sorted({*FAULTS} - {*LOCAL}))
def test_few_requests_find_strictness_that_has_no_edge_of_its_own(version: str, text: str) -> None:
    """Where no conforming value is about a constraint alone, what is refused lies below it or beside it."""
    result, _ = run_in_memory(version, FAULTS[version, text], few(version))
    assert "overstrict" in {one.code for one in result.findings}
    assert {one.code for one in result.findings} <= {"overstrict", "misattributed"}


@pytest.mark.parametrize("version", list(CONTRACTS))
def test_few_requests_tell_as_much_of_a_flawless_endpoint_as_many(version: str) -> None:
    contract, plan = CONTRACTS[version], few(version)
    target = Target("reference", "http://reference.invalid/", surfaces.named("bare"))
    with httpx.Client(transport=httpx.MockTransport(endpoint(conduct(contract), target.surface))) as client:
        steps = campaign(contract, plan, target, lambda _: None, width=3)
        result = drive(steps, client, Sender(target, contract.model_id))
    assert matrix(result) == matrix(flawless(version))
    assert result.findings == ()
    assert result.requests == len(plan.cases)
    assert result.requests * 4 < flawless(version).requests


def test_the_catalogue_of_faults_speaks_of_every_violable_constraint() -> None:
    for contract in CONTRACTS.values():
        listed = catalogue(contract)
        for kind, side in (("crash", contract.request), ("broken", contract.response)):
            named = {fault.constraint for fault in listed if fault.kind == kind}
            assert {one.id for one in side.constraints if one.violable} <= named
        unseen = {one.id for one in contract.request.constraints if one.violable} - {
            fault.constraint for fault in listed if fault.kind == "lenient"
        }
        # Left out because nobody can observe it: the const or enum beside it says the same.
        assert all(name.endswith("/type") for name in unseen)


def test_unknown_faults_name_the_nearest() -> None:
    contract = CONTRACTS["1.1.1"]
    with pytest.raises(hc.UsageError, match="nearest is 'lenient:request:/properties/temperature/maximum'"):
        faults.parse(contract, "lenient:request:/properties/temperatur/maximum")
    with pytest.raises(hc.UsageError, match="starts with one of lenient, strict, crash, broken"):
        faults.parse(contract, "lenent:x")


def test_sync_and_async_drivers_give_the_same_result() -> None:
    contract = CONTRACTS["1.1.1"]
    behaviour = conduct(contract, faults.parse(contract, "lenient:request:/properties/top_p/minimum"))
    surface = surfaces.named("messages")

    target = Target("reference", "http://reference.invalid/ai/v1/messages", surface)
    with httpx.Client(transport=httpx.MockTransport(endpoint(behaviour, surface))) as client:
        steps = campaign(contract, cases(contract.version), target, lambda _: None)
        result = drive(steps, client, Sender(target, contract.model_id))
    over_asgi = run("1.1.1", faults.parse(contract, "lenient:request:/properties/top_p/minimum"), "messages")
    assert result.verdicts == over_asgi.verdicts
    assert result.findings == over_asgi.findings
    assert result.requests == over_asgi.requests


def test_events_tell_the_whole_story() -> None:
    contract = CONTRACTS["1.1.1"]
    events: list[Event] = []
    surface = surfaces.named("bare")
    target = Target("reference", "http://reference.invalid/", surface)
    behaviour = conduct(contract)

    with httpx.Client(transport=httpx.MockTransport(endpoint(behaviour, surface))) as client:
        steps = campaign(contract, cases(contract.version), target, events.append, seed=7)
        result = drive(steps, client, Sender(target, contract.model_id))
    assert isinstance(events[0], CampaignStarted)
    assert isinstance(events[-1], CampaignFinished)
    assert events[-1] is result
    middle = [one for one in events if isinstance(one, CaseFinished)]
    assert len(middle) == len(events) - 2 == events[0].cases == result.requests
    assert len({(one.exchange.case.body, one.exchange.case.content_type) for one in middle}) == len(middle)
    assert middle[0].exchange.case.id == "request/simplest"
    assert result.seed == 7


def test_no_use_asking_on_when_the_simplest_request_is_refused() -> None:
    contract = CONTRACTS["1.1.1"]
    target = Target("nowhere", "http://reference.invalid/", surfaces.named("bare"))
    body = b'{"success":false,"errors":[{"code":7003,"message":"Invalid value at model: no"}]}'
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(400, headers={"content-type": "application/json"}, content=body)

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        steps = campaign(contract, cases(contract.version), target, lambda _: None)
        result = drive(steps, client, Sender(target, contract.model_id))
    assert len(sent) == 1
    violable = [one.id for one in contract.request.constraints if one.violable]
    assert all(matrix(result)[name] is VerdictKind.UNDETERMINED for name in violable)
    assert [one.code for one in result.findings] == ["overstrict"]


@pytest.mark.parametrize(
    ("status", "content_type", "body", "words"),
    [
        (
            401,
            "application/json",
            b'{"errors":[{"code":10000,"message":"Authentication error"}]}',
            "refuses the credentials",
        ),
        (404, "text/html", b"<h1>not here</h1>", "check the URL"),
        (200, "text/html", b"<h1>welcome</h1>", "check the URL"),
        (302, "text/html", b"", "check the URL"),
        (429, "application/json", b'{"error":[{"code":2003,"message":"Rate limited"}]}', "at the moment"),
    ],
)
def test_what_is_not_the_endpoint_is_said_at_once(status: int, content_type: str, body: bytes, words: str) -> None:
    contract = CONTRACTS["1.1.1"]
    target = Target("somewhere", "http://reference.invalid/", surfaces.named("bare"))
    transport = httpx.MockTransport(
        lambda _: httpx.Response(status, headers={"content-type": content_type}, content=body)
    )
    with httpx.Client(transport=transport) as client, pytest.raises(hc.EndpointError, match=words):
        drive(
            campaign(contract, cases(contract.version), target, lambda _: None),
            client,
            Sender(target, contract.model_id),
        )


def test_an_endpoint_that_dies_is_not_asked_for_ever() -> None:
    contract = CONTRACTS["1.1.1"]
    target = Target("mortal", "http://reference.invalid/", surfaces.named("bare"))
    alive = endpoint(conduct(contract), target.surface)
    count = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        if count > 20:
            raise httpx.ConnectError("refused", request=request)
        return alive(request)

    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        pytest.raises(hc.EndpointError, match="refused"),
    ):
        drive(
            campaign(contract, cases(contract.version), target, lambda _: None),
            client,
            Sender(target, contract.model_id),
        )
    assert count < 40
