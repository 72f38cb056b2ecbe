"""Few requests: what is chosen, how the guilty feature is found, and what is said of endpoints that waver."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.campaign.blame import MOST_FURTHER
from haiku_contract.campaign.budget import Budget, estimate
from haiku_contract.campaign.drive import Sender, drive
from haiku_contract.campaign.journal import Journal
from haiku_contract.campaign.plan import thorough, thrifty
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint import surfaces
from haiku_contract.endpoint.reference.faults import Conduct
from haiku_contract.endpoint.reference.mutants import mutants
from haiku_contract.generate import suite
from haiku_contract.model import Exchange, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from haiku_contract.endpoint.reference.mutants import Mutant, Reach
    from haiku_contract.endpoint.reference.reply import Reply
    from haiku_contract.model import CampaignFinished, Case, Verdict

CONTRACT: Final = hc.load()
PLAN: Final = thrifty(CONTRACT)
TARGET: Final = Target("somewhere", "http://reference.invalid/", surfaces.named("bare"))
MESSAGE: Final[dict[str, Any]] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Hello"}],
    "model": "claude-haiku-4-5-20251001",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


@pytest.mark.parametrize("contract", [CONTRACT, hc.load(version="1.0.0")], ids=["1.1.1", "1.0.0"])
def test_another_seed_sends_the_same_faults_in_another_order_and_other_values_side_by_side(contract: Any) -> None:
    plain, *seeded = (thrifty(contract, seed) for seed in (0, 7, 7))
    assert seeded[0] == seeded[1]
    assert plain == thrifty(contract)
    faulted = [[case.id for case in plan.cases if case.kind == "faulted"] for plan in (plain, seeded[0])]
    assert faulted[0] != faulted[1]
    assert sorted(faulted[0]) == sorted(faulted[1])
    bodies = [{one.case.body for one in plan.packed} for plan in (plain, seeded[0])]
    assert bodies[0] != bodies[1]
    shown = [{feature.name for one in plan.packed for feature in one.features} for plan in (plain, seeded[0])]
    assert shown[0] == shown[1]
    assert plain.cases[0] == seeded[0].cases[0]


def test_the_plan_has_a_fault_for_every_constraint_and_every_feature() -> None:
    cases = suite(CONTRACT, "request")
    sent = {(case.body, case.content_type) for case in PLAN.cases}
    assert len(sent) == len(PLAN.cases) < len({(case.body, case.content_type) for case in cases}) / 4
    judged = {case.constraint for case in cases if (case.body, case.content_type) in sent and case.kind == "faulted"}
    assert judged == {case.constraint for case in cases if case.kind == "faulted"}
    shown = {one.name for packed in PLAN.packed for one in packed.features}
    assert {case.id.removeprefix("request/") for case in cases[1:] if case.kind == "conforming"} <= shown
    assert all(CONTRACT.request.is_valid(one.case.payload) for one in PLAN.packed)


def test_packed_requests_come_before_faults_and_only_one_asks_for_a_stream() -> None:
    kinds = [case.kind for case in PLAN.cases]
    assert kinds == sorted(kinds)
    assert PLAN.cases[0].id == "request/simplest"
    assert [one.case.id for one in PLAN.packed if one.case.payload.get("stream") is True] == [
        "request/packed/1/streamed"
    ]


def test_faults_in_arrays_are_put_at_different_places() -> None:
    places = Counter(case.id.rpartition("-")[2] for case in PLAN.cases if case.kind == "faulted")
    assert min(places[name] for name in ("first", "middle", "last")) > 2


def test_what_it_costs_at_most_is_known() -> None:
    most, likely = estimate(CONTRACT, PLAN.cases, repeat=2, further=MOST_FURTHER)
    assert likely.requests == 2 * len(PLAN.cases)
    assert most.requests == 2 * (len(PLAN.cases) + MOST_FURTHER)
    assert most.cost > likely.cost


def run(
    answer: Callable[[Any], httpx.Response | None], *, repeat: int = 1, budget: Budget | None = None
) -> tuple[CampaignFinished, list[bytes]]:
    """A campaign against an endpoint that is as it should be where the function of the payload says nothing."""
    heard: list[bytes] = []

    def respond(request: httpx.Request) -> httpx.Response:
        heard.append(request.content)
        is_json = request.headers["content-type"] == "application/json"
        if not (is_json and CONTRACT.request.is_valid_bytes(request.content)):
            odd = None if not is_json else answer(_payload(request.content))
            return odd or rejected("no")
        return answer(json.loads(request.content)) or httpx.Response(200, json=MESSAGE)

    with httpx.Client(transport=httpx.MockTransport(respond)) as client:
        limits = Budget() if budget is None else budget
        steps = campaign(CONTRACT, PLAN, TARGET, lambda _: None, repeat=repeat, budget=limits)
        return drive(steps, client, Sender(TARGET, CONTRACT.model_id)), heard


def _payload(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def rejected(message: str) -> httpx.Response:
    return httpx.Response(400, json={"success": False, "errors": [{"code": 7003, "message": message}]})


def verdict(result: CampaignFinished, constraint: str) -> Verdict:
    return next(one for one in result.verdicts if one.constraint == constraint)


def contents(payload: Any) -> list[Any]:
    messages = payload.get("messages") if isinstance(payload, dict) else None
    return [one.get("content") for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []


def test_a_crash_on_one_value_among_many_is_traced_to_it() -> None:
    result, heard = run(lambda payload: httpx.Response(500) if any(one == "" for one in contents(payload)) else None)
    found = verdict(result, "request:/properties/messages/items/properties/content/anyOf/0/type")
    assert found.verdict is VerdictKind.CRASHING
    assert found.witness == "request/messages/items/content/anyOf/0/type/empty"
    assert len(heard) <= len(PLAN.cases) + 12
    assert {one.constraint for one in result.findings} == {found.constraint}


def test_a_rejection_of_one_value_leaves_the_verdicts_of_the_others_alone() -> None:
    result, heard = run(lambda payload: rejected("no") if payload and payload.get("temperature") == 1 else None)
    assert verdict(result, "request:/properties/temperature/maximum").verdict is VerdictKind.OVERSTRICT
    wrong = [one for one in result.verdicts if one.verdict in {VerdictKind.OVERSTRICT, VerdictKind.LEAKY}]
    assert {one.constraint.rpartition("/")[0] for one in wrong} == {"request:/properties/temperature"}
    assert len(heard) <= len(PLAN.cases) + 20


def test_what_fails_only_together_is_a_finding_that_names_both() -> None:
    def together(payload: Any) -> httpx.Response | None:
        return rejected("no") if payload and "temperature" in payload and "top_k" in payload else None

    result, _ = run(together)
    (found,) = {one.message for one in result.findings}
    assert "temperature/" in found
    assert "top_k/" in found
    assert " and " in found
    assert not [one for one in result.verdicts if one.verdict is VerdictKind.OVERSTRICT]


def speaks(payload: Any) -> str | None:
    return payload.get("system") if isinstance(payload, dict) and CONTRACT.request.is_valid(payload) else None


def test_answers_that_are_broken_under_a_condition_say_which() -> None:
    broken = {**MESSAGE, "role": "user"}
    result, _ = run(lambda payload: httpx.Response(200, json=broken) if speaks(payload) is not None else None)
    found = verdict(result, "response:/properties/role/const")
    assert found.verdict is VerdictKind.BROKEN
    assert found.detail.endswith("only where a request has /system")
    assert (found.witness or "").startswith("request/system/")
    long = {**MESSAGE, "type": "text"}
    result, _ = run(lambda payload: httpx.Response(200, json=long) if speaks(payload) == " " else None)
    assert verdict(result, "response:/properties/type/const").detail.endswith("a request shows system/type/blank")


def test_features_that_nothing_accepted_shows_leave_a_constraint_undetermined() -> None:
    result, _ = run(lambda payload: httpx.Response(429) if payload and payload.get("temperature") == 1 else None)
    found = verdict(result, "request:/properties/temperature/maximum")
    assert found.verdict is VerdictKind.UNDETERMINED
    assert found.detail == "throttled"


def test_a_leak_now_and_then_is_a_leak_with_its_frequency() -> None:
    calls: Counter[str] = Counter()

    def wavering(payload: Any) -> httpx.Response | None:
        if not isinstance(payload, dict) or "max_tokens" in payload:
            return None
        calls["leak"] += 1
        return httpx.Response(200, json=MESSAGE) if calls["leak"] % 3 == 0 else None

    result, heard = run(wavering, repeat=3)
    assert heard.pop() == PLAN.cases[0].body  # once more, because the last faults were all refused in the same words
    assert len(heard) == 3 * len(PLAN.cases)
    found = verdict(result, "request:/required/1")
    assert (found.verdict, found.detail) == (VerdictKind.LEAKY, "accepted a fault, sometimes (1 of 3 times)")
    always, _ = run(lambda payload: None if not payload or "max_tokens" in payload else httpx.Response(500), repeat=2)
    assert verdict(always, "request:/required/1").detail.endswith(", always (2 of 2 times)")
    never = verdict(result, "request:/required/0")
    assert (never.verdict, never.detail) == (VerdictKind.ENFORCED, "rejected 3 times: no")


def test_a_search_goes_on_where_it_was(tmp_path: Path) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        heard.append(request.content)
        payload = _payload(request.content)
        is_json = request.headers["content-type"] == "application/json"
        if not is_json or not CONTRACT.request.is_valid_bytes(request.content) or " " in contents(payload):
            return rejected("no")
        return httpx.Response(200, json=MESSAGE)

    def go(most: int) -> CampaignFinished:
        with Journal(tmp_path / "run.jsonl", CONTRACT.id, TARGET.name) as journal:
            transport = httpx.MockTransport(respond)
            limits: dict[str, Any] = {"repeat": 2, "budget": Budget(most)}
            steps = campaign(CONTRACT, PLAN, TARGET, lambda _: None, known=journal.known, **limits)
            with httpx.Client(transport=transport) as client:
                return drive(steps, client, Sender(TARGET, CONTRACT.model_id, arrived=journal))

    heard: list[bytes] = []
    assert go(31).stopped
    assert len(heard) == 31
    whole = go(1_000)
    assert heard.pop() == PLAN.cases[0].body  # once more, because the last faults were all refused in the same words
    assert set(Counter(heard).values()) <= {2, 4}  # two cases differ in their content type alone
    again = go(1_000)
    assert (again.requests, again.verdicts, again.findings) == (0, whole.verdicts, whole.findings)
    overstrict = [one.constraint for one in whole.verdicts if one.verdict is VerdictKind.OVERSTRICT]
    assert overstrict == ["request:/properties/messages/items/properties/content/anyOf/0/type"]


def test_a_budget_that_ends_within_a_search_says_so() -> None:
    large = 9007199254740993
    most = 1 + len(PLAN.packed) + 1  # one of half a dozen values beside each other is to blame: two are needed at least

    def crash(payload: Any) -> httpx.Response | None:
        return httpx.Response(500) if payload and payload.get("max_tokens") == large else None

    result, heard = run(crash, budget=Budget(most))
    assert len(heard) == most
    assert result.stopped
    assert [(one.code, one.constraint) for one in result.findings] == [(VerdictKind.CRASHING, None)]


def test_a_contract_of_which_nothing_can_be_packed_is_sent_case_by_case() -> None:
    cases = suite(CONTRACT, "request")[:40]
    assert thorough(cases).cases[0].kind == "conforming"
    assert thorough(cases).packed == ()


@cache
def catalogue() -> list[tuple[Mutant, Reach]]:
    return list(mutants(CONTRACT))


def test_the_catalogue_of_faulty_endpoints_is_detected() -> None:
    made = catalogue()
    assert len(made) > 250
    assert Counter(reach for _, reach in made)["suite"] > 0.95 * len(made)
    reached = [one for one, reach in made if reach == "suite" and one.way != "widened"]
    missed = [one.name for one in reached if not any(one.shows(CONTRACT, case) for case in PLAN.cases)]
    assert missed == []
    assert {one.way for one in reached} == {
        "removed", "loosened", "tightened", "combination", "wire", "broken", "crash",
    }  # fmt: skip


@pytest.mark.parametrize("way", ["removed", "loosened", "tightened", "combination", "wire", "broken", "crash"])
def test_a_faulty_endpoint_of_every_way_is_found_as_it_was_foreseen(way: str) -> None:
    flawless = Conduct(CONTRACT, CONTRACT.request)
    chosen = [one for one, reach in catalogue() if reach == "suite" and one.way == way][::17][:3]
    assert chosen
    for one in chosen:
        steps = campaign(CONTRACT, PLAN, TARGET, lambda _: None)
        told = False
        try:
            batch = next(steps)
            while True:
                told = told or any(one.shows(CONTRACT, case) for case in batch)
                batch = steps.send([_exchanged(case, one.reply(flawless, case)) for case in batch])
        except StopIteration as stop:
            result = stop.value
        assert told
        assert result.findings
        named = {name for each in result.findings for name in (each.constraint, *each.others)}
        assert named & one.about if one.about else named == {None}


def _exchanged(case: Case, reply: Reply) -> Exchange:
    headers = {"content-type": reply.content_type, **reply.headers}
    return Exchange(case, reply.status, headers, b"".join(reply.chunks), 0.0)
