"""Budgets: nothing is sent that could exceed one, and what was left out is said."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.campaign.budget import Budget, Use, check_priced, estimate, total, used_up, worst
from haiku_contract.campaign.drive import Sender, drive
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint import surfaces
from haiku_contract.generate import suite
from haiku_contract.model import CampaignFinished, Case, Exchange, OutcomeKind, VerdictKind

CONTRACT: Final = hc.load()
CASES: Final = suite(CONTRACT, "request")
TARGET: Final = Target("somewhere", "http://reference.invalid/", surfaces.named("bare"), billed=True)
MESSAGE: Final[dict[str, Any]] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Hello"}],
    "model": "claude-haiku-4-5-20251001",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "output_tokens": 1},
}
JSON: Final = {"content-type": "application/json"}
REFUSED: Final = {"success": False, "errors": [{"code": 7003, "message": "no"}]}
NO_CREDIT: Final = {"success": False, "error": [{"code": 2021, "message": "no balance"}]}


def run(budget: Budget, *, width: int = 4, credit: bool = True) -> tuple[CampaignFinished, int]:
    """A campaign against an endpoint that does what it should; and how many requests it heard."""
    heard = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal heard
        heard += 1
        is_json = request.headers["content-type"] == "application/json"
        if not (is_json and CONTRACT.request.is_valid_bytes(request.content)):
            return httpx.Response(400, json=REFUSED)
        return httpx.Response(200, json=MESSAGE) if credit else httpx.Response(402, json=NO_CREDIT)

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        steps = campaign(CONTRACT, CASES, TARGET, lambda _: None, width=width, budget=budget)
        return drive(steps, client, Sender(TARGET, CONTRACT.model_id)), heard


@pytest.mark.parametrize("most", [1, 2, 7, 100])
def test_requests_are_a_hard_limit(most: int) -> None:
    result, heard = run(Budget(requests=most))
    assert heard == result.requests == most
    assert result.stopped == "the budget is used up"
    sent = {case.id for case in CASES} - set(result.left_out)
    assert len(sent) >= most
    assert len(result.left_out) == len(set(result.left_out))


@pytest.mark.parametrize("limit", [0.00001, 0.001, 0.01])
def test_no_request_is_sent_that_could_exceed_the_cost(limit: float) -> None:
    result, _ = run(Budget(cost=limit))
    assert result.cost_usd <= limit
    costly = {case.id for case in CASES if worst(CONTRACT, case).cost > limit}
    assert costly <= set(result.left_out)
    assert result.left_out


def test_nothing_is_sent_where_the_simplest_request_is_too_much() -> None:
    result, heard = run(Budget(cost=0.0))
    assert (heard, len(result.left_out)) == (0, len(CASES))
    assert result.stopped == "the budget does not even allow the simplest request"


def test_tokens_are_a_limit() -> None:
    result, _ = run(Budget(tokens=5_000))
    assert {case.id for case in CASES if worst(CONTRACT, case).tokens > 5_000} <= set(result.left_out)


def test_time_is_a_limit() -> None:
    result, heard = run(Budget(seconds=-1.0))
    assert (heard, result.stopped) == (0, "the time is up")


def test_what_was_left_out_is_undetermined() -> None:
    result, _ = run(Budget(requests=30))
    verdicts = {one.constraint: one for one in result.verdicts}
    faulted = [case for case in CASES if case.kind == "faulted"]
    tried = {case.constraint for case in faulted if case.id not in result.left_out}
    untried = {case.constraint for case in faulted} - tried
    assert tried
    assert untried
    for constraint in untried:
        assert constraint is not None
        assert (verdicts[constraint].verdict, verdicts[constraint].detail) == (VerdictKind.UNDETERMINED, "left out")


def test_without_a_budget_nothing_is_left_out() -> None:
    result, _ = run(Budget())
    assert (result.left_out, result.stopped) == ((), "")


def test_free_stops_at_the_first_answer_that_is_billed() -> None:
    result, heard = run(Budget(free=True), width=1)
    assert heard == 1
    assert result.stopped == "request/simplest was answered, and that is billed"


def test_a_run_without_credit_is_free_and_complete() -> None:
    result, heard = run(Budget(free=True, cost=1e9), credit=False)
    assert (result.stopped, result.left_out, result.cost_usd) == ("", (), 0)
    assert heard == result.requests
    assert set(result.outcomes) == {OutcomeKind.ACCEPTED, OutcomeKind.REJECTED}
    kinds = {one.verdict for one in result.verdicts if one.constraint.startswith("request:")}
    assert kinds == {VerdictKind.ENFORCED, VerdictKind.UNVIOLABLE}


def test_the_worst_case_is_bounded_by_the_model() -> None:
    assert worst(CONTRACT, CASES[0]).tokens >= MESSAGE["usage"]["output_tokens"]
    asked = Case("x", "request", "conforming", None, {"max_tokens": 10**9}, b"{}")
    assert worst(CONTRACT, asked).tokens == 2 + CONTRACT.manifest["limits"]["max_output_tokens"]
    for odd in (None, True, "5", float("nan"), -3):
        assert worst(CONTRACT, replace(asked, payload={"max_tokens": odd})).tokens == 2


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": "5"}, [1], {"x": None}, {"output_tokens": 1e300}])
def test_odd_usage_counts_nothing(usage: Any) -> None:
    body = json.dumps({**MESSAGE, "usage": usage}).encode()
    exchange = Exchange(CASES[0], 200, {"content-type": "application/json"}, body, 0.0)
    assert used_up(CONTRACT, exchange) == Use(1)


def test_estimate() -> None:
    most, likely = estimate(CONTRACT, CASES)
    different = {(case.body, case.content_type) for case in CASES}
    assert most.requests == likely.requests == len(different)
    assert 0 < likely.cost < most.cost
    assert total([]) == Use()


def test_an_unpriced_model_is_not_free() -> None:
    unpriced = replace(CONTRACT, manifest={})
    with pytest.raises(hc.UsageError, match="give --max-requests"):
        check_priced(unpriced, Budget())
    check_priced(unpriced, Budget(requests=5))
    check_priced(CONTRACT, Budget())


@pytest.mark.parametrize(
    ("error", "billed"), [(httpx.ReadTimeout, True), (httpx.ReadError, True), (httpx.ConnectTimeout, False)]
)
def test_what_was_sent_and_not_answered_may_be_billed(error: type[httpx.TransportError], *, billed: bool) -> None:
    """The worst is counted of a request that went out; one that never did is free."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.content == CASES[1].body:
            raise error("", request=request)
        return httpx.Response(400, json=REFUSED) if request.content != CASES[0].body else answered

    answered = httpx.Response(200, json=MESSAGE)
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        steps = campaign(CONTRACT, CASES[:3], TARGET, lambda _: None)
        result = drive(steps, client, Sender(TARGET, CONTRACT.model_id))
    lost = worst(CONTRACT, CASES[1]).cost if billed else 0.0
    known = used_up(CONTRACT, Exchange(CASES[0], 200, JSON, answered.content, 0.0)).cost
    assert result.cost_usd == pytest.approx(known + lost, abs=1e-6)


@pytest.mark.parametrize(("once", "heard"), [(True, 1), (False, 3)])
def test_what_may_be_billed_is_not_sent_again_where_cost_is_limited(
    monkeypatch: pytest.MonkeyPatch, *, once: bool, heard: int
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        raise httpx.ReadTimeout("", request=request)

    sender = Sender(TARGET, CONTRACT.model_id, attempts=3, once=once)
    with httpx.Client(transport=httpx.MockTransport(answer)) as client, pytest.raises(hc.EndpointError):
        drive(campaign(CONTRACT, CASES[:1], TARGET, lambda _: None), client, sender)
    assert len(sent) == heard
