"""What a campaign concludes from answers that no reference endpoint gives: lost, endless, odd, and badly explained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.campaign import arriving
from haiku_contract.campaign.budget import Budget
from haiku_contract.campaign.drive import Sender, drive
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint import live, surfaces
from haiku_contract.generate import suite
from haiku_contract.model import OutcomeKind, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from haiku_contract.model import CampaignFinished, Case, Verdict

CONTRACT: Final = hc.load()
TARGET: Final = Target("somewhere", "http://reference.invalid/", surfaces.named("bare"), billed=True)
MESSAGE: Final = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Hello"}],
    "model": "claude-haiku-4-5-20251001",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1_000, "output_tokens": 100},
}
MAXIMUM: Final = "request:/properties/temperature/maximum"


def run(
    answer: Callable[[httpx.Request, bool], httpx.Response],
    *,
    most: int | None = None,
    cases: Sequence[Case] | None = None,
) -> CampaignFinished:
    """A campaign against a function of the request and of whether the contract allows it."""
    cases = suite(CONTRACT, "request")[:most] if cases is None else cases
    transport = httpx.MockTransport(lambda request: answer(request, CONTRACT.request.is_valid_bytes(request.content)))
    with httpx.Client(transport=transport) as client:
        return drive(campaign(CONTRACT, cases, TARGET, lambda _: None), client, Sender(TARGET, CONTRACT.model_id))


def accepted(status: int = 200, body: Any = MESSAGE) -> httpx.Response:
    return httpx.Response(status, json=body)


def rejected(message: str) -> httpx.Response:
    return httpx.Response(400, json={"success": False, "errors": [{"code": 7003, "message": message}]})


def verdict(result: CampaignFinished, constraint: str) -> Verdict:
    return next(one for one in result.verdicts if one.constraint == constraint)


def test_values_at_the_edge_that_were_not_answered_leave_a_constraint_undetermined() -> None:
    answered = 0

    def answer(_request: httpx.Request, allowed: bool) -> httpx.Response:
        nonlocal answered
        answered += allowed
        if not allowed:
            return rejected("no")
        return accepted() if answered == 1 else httpx.Response(429)

    found = verdict(run(answer), MAXIMUM)
    assert (found.verdict, found.detail) == (VerdictKind.UNDETERMINED, "throttled")
    assert found.witness is not None


def test_every_success_is_held_against_the_response_schema() -> None:
    result = run(lambda _, allowed: accepted(201, {"nonsense": 1}) if allowed else rejected("no"))
    assert verdict(result, "response:/required/0").verdict is VerdictKind.BROKEN


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        ("Invalid value at temperature: too big", VerdictKind.ENFORCED),
        ("temperature: Input should be less than or equal to 1", VerdictKind.ENFORCED),
        ("Something is wrong", VerdictKind.ENFORCED),
        ("error: something is wrong", VerdictKind.ENFORCED),
        ("Invalid value at messages: nope", VerdictKind.MISATTRIBUTED),
        ("Invalid value at (root): nope", VerdictKind.MISATTRIBUTED),
    ],
)
def test_the_named_place_has_to_be_the_broken_one(named: str, kind: VerdictKind) -> None:
    result = run(lambda _, allowed: accepted() if allowed else rejected(named))
    assert verdict(result, MAXIMUM).verdict is kind


def test_an_ancestor_is_named_rightly_only_where_a_union_fails() -> None:
    result = run(lambda _, allowed: accepted() if allowed else rejected("Invalid value at messages: nope"))
    enforced = [one.constraint for one in result.verdicts if one.verdict is VerdictKind.ENFORCED]
    assert "request:/properties/messages/type" in enforced
    assert "request:/properties/messages/items/properties/role/enum" not in enforced
    assert not [one for one in enforced if "/content/" in one]
    content = run(
        lambda _, allowed: accepted() if allowed else rejected("Invalid value at messages[0].content: Invalid input")
    )
    inside = "request:/properties/messages/items/properties/content/anyOf/1/items/required/0"
    assert verdict(content, inside).verdict in {VerdictKind.ENFORCED, VerdictKind.MISATTRIBUTED}
    witnesses = [one for one in content.findings if one.constraint == inside]
    assert all("/first" not in one.case for one in witnesses)


def test_a_body_that_cannot_be_read_has_no_place() -> None:
    result = run(lambda _, allowed: accepted() if allowed else rejected("Required value missing: messages"))
    assert verdict(result, "wire:syntax").verdict is VerdictKind.MISATTRIBUTED
    assert verdict(result, "wire:duplicate-key").verdict is VerdictKind.ENFORCED
    whole = run(lambda _, allowed: accepted() if allowed else rejected("Invalid value at (root): not JSON"))
    assert verdict(whole, "wire:syntax").verdict is VerdictKind.ENFORCED
    assert verdict(whole, "wire:encoding").verdict is VerdictKind.ENFORCED


def test_an_answer_without_end_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "MOST_BYTES", 10_000)

    def endless() -> Iterator[bytes]:
        while True:
            yield b" " * 1_000

    with pytest.raises(
        hc.EndpointError, match=r"cannot be reached \(Endless: the answer is longer than 10,000 bytes\)"
    ):
        run(lambda *_: httpx.Response(200, headers={"content-type": "application/json"}, content=endless()))


def test_an_answer_that_drips_is_lost() -> None:
    def drip() -> Iterator[bytes]:
        while True:
            yield b" "

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=drip()))
    sender = Sender(TARGET, CONTRACT.model_id, most_seconds=0.05)
    steps = campaign(CONTRACT, suite(CONTRACT, "request"), TARGET, lambda _: None)
    with httpx.Client(transport=transport) as client, pytest.raises(hc.EndpointError, match="does not end"):
        drive(steps, client, sender)


def test_what_streams_have_used_is_counted() -> None:
    started = {**MESSAGE, "content": [], "stop_reason": None, "stop_sequence": None}
    events: tuple[dict[str, Any], ...] = (
        {"type": "message_start", "message": {**started, "usage": {"input_tokens": 1_000_000, "output_tokens": 1}}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 1_000_000},
        },
        {"type": "message_stop"},
    )
    body = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events)
    result = run(
        lambda *_: httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body.encode()), most=1
    )
    assert result.outcomes == {OutcomeKind.ACCEPTED: 1}
    assert result.cost_usd == pytest.approx(6)


def test_caches_are_passed_by() -> None:
    for name in surfaces.SURFACES:
        assert live.headers(name, CONTRACT.model_id)["cf-aig-skip-cache"] == "true"


def forbidden(status: int = 403, body: Any = "no") -> httpx.Response:
    return httpx.Response(status, json=body)


@pytest.mark.parametrize("status", [401, 403])
def test_who_answers_403_to_faults_and_accepts_the_rest_does_not_refuse_the_credentials(status: int) -> None:
    result = run(lambda _, allowed: accepted() if allowed else forbidden(status))
    told = {one.verdict for one in result.verdicts if one.constraint.startswith("request:")}
    assert told == {VerdictKind.ENFORCED, VerdictKind.UNVIOLABLE}
    assert OutcomeKind.UNAUTHORISED not in result.outcomes
    assert not {one.code for one in result.findings} & {"misattributed", "overstrict", "error-body"}


def test_the_last_fault_that_is_answered_with_403_costs_one_further_request() -> None:
    """Whether the first one is still accepted shows that it was not refused for the credentials."""
    sent: list[tuple[bytes, bool]] = []

    def answer(request: httpx.Request, allowed: bool) -> httpx.Response:
        sent.append((request.content, allowed))
        if allowed:
            return accepted()
        return forbidden() if request.content == last else rejected(f"reason {len(sent)}")

    last: bytes | None = None
    cases = _faults()
    run(answer, cases=cases)
    plain = sent.copy()
    last, allowed = plain[-1]
    assert not allowed
    sent.clear()
    result = run(answer, cases=cases)
    assert sent == [*plain, plain[0]]
    assert OutcomeKind.UNAUTHORISED not in result.outcomes


@pytest.mark.parametrize("answered", [1, 8, 40])
def test_credentials_that_end_in_the_middle_are_said_to_and_prove_nothing(answered: int) -> None:
    sent = 0

    def answer(_request: httpx.Request, allowed: bool) -> httpx.Response:
        nonlocal sent
        sent += 1
        if sent > answered:
            return forbidden(401)
        return accepted() if allowed else rejected("no")

    with pytest.raises(hc.EndpointError, match="refuses the credentials"):
        run(answer)
    assert sent <= answered + 7


def test_a_code_that_is_about_credentials_is_believed_and_tells_nothing_of_the_request() -> None:
    body = {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}
    result = run(lambda _, allowed: accepted() if allowed else forbidden(403, body))
    found = verdict(result, MAXIMUM)
    assert (found.verdict, found.detail) == (VerdictKind.UNDETERMINED, "not authorised")


def test_where_the_budget_does_not_allow_to_ask_again_a_403_proves_nothing() -> None:
    cases = suite(CONTRACT, "request")
    limit = next(index for index, one in enumerate(cases, 1) if one.kind == "faulted")
    transport = httpx.MockTransport(
        lambda request: accepted() if CONTRACT.request.is_valid_bytes(request.content) else forbidden()
    )
    with httpx.Client(transport=transport) as client:
        steps = campaign(CONTRACT, cases, TARGET, lambda _: None, budget=Budget(requests=limit))
        result = drive(steps, client, Sender(TARGET, CONTRACT.model_id))
    assert VerdictKind.ENFORCED not in {one.verdict for one in result.verdicts}


@pytest.mark.parametrize("answered", [30, 60])
@pytest.mark.parametrize("status", [400, 500])
def test_an_endpoint_that_fails_fast_from_some_request_on_proves_nothing_from_there_on(
    answered: int, status: int
) -> None:
    """And it is told once that it does not accept any more what it has accepted, rather than at every fault."""
    sent: list[bool] = []

    def answer(_request: httpx.Request, allowed: bool) -> httpx.Response:
        sent.append(allowed)
        if len(sent) > answered:
            return httpx.Response(status, json={"errors": [{"code": 7003, "message": "circuit open"}]})
        return accepted() if allowed else rejected(f"reason {len(sent)}")

    result = run(answer, cases=_faults())
    assert sent[-1]  # the simplest one, once more
    proved = [one.constraint for one in result.verdicts if one.detail == "nothing is accepted any more"]
    assert len(proved) > 10
    codes = {one.code for one in result.findings}
    assert codes & {"overstrict", "crashing"} == {"overstrict" if status == 400 else "crashing"}
    (found,) = (one for one in result.findings if one.code in {"overstrict", "crashing"})
    assert found.message == f"accepted at first, and not any more: HTTP {status}: circuit open"
    assert found.witness is not None


@pytest.mark.parametrize("status", [400, 500])
def test_an_endpoint_of_few_words_costs_one_further_request(status: int) -> None:
    sent: list[bool] = []

    def answer(_request: httpx.Request, allowed: bool) -> httpx.Response:
        sent.append(allowed)
        return accepted() if allowed else httpx.Response(status, json={"message": "no"})

    result = run(answer, cases=_faults())
    assert (sent[-1], sum(sent)) == (True, 2)
    told = {one.verdict for one in result.verdicts if one.constraint.startswith("request:")}
    assert told == {VerdictKind.ENFORCED if status == 400 else VerdictKind.CRASHING, VerdictKind.UNVIOLABLE}


def _faults() -> list[Case]:
    """The simplest request, and the faults that are seen in its body."""
    simplest, *rest = suite(CONTRACT, "request")
    return [simplest, *(one for one in rest if one.kind == "faulted" and one.constraint != "wire:content-type")]
