"""How endpoints of somebody else's refuse, and what a campaign says of it: the style of all refusals is one cause."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
from foreign_endpoint import CONTRACT, answered, few, honest, problem, refused, replayed_right, run

from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint.surfaces import named
from haiku_contract.model import Exchange, VerdictKind

if TYPE_CHECKING:
    from foreign_endpoint import Endpoint, Reply

    from haiku_contract.model import CampaignFinished, Case

VIOLABLE: Final = {one.id for one in CONTRACT.request.constraints if one.violable}


def tells_of_errors_with_200(payload: Any) -> Reply:
    _, body, *media = honest(payload)
    return (200, body, *media)


def answers_nothing_to_what_is_wrong(payload: Any) -> Reply:
    return (204, b"", "") if problem(payload) else answered(payload)


def has_words_of_its_own_for_failure(payload: Any) -> Reply:
    wrong = problem(payload)
    return (200, {"ok": False, "reason": wrong[1]}) if wrong else answered(payload)


def answers_with_pages(payload: Any) -> Reply:
    wrong = problem(payload)
    return (400, f"<html><h1>Bad Request</h1>{wrong[1][:40]}</html>", "text/html") if wrong else answered(payload)


def answers_with_text(payload: Any) -> Reply:
    wrong = problem(payload)
    return (400, f"bad request: {wrong[1][:40]}", "text/plain") if wrong else answered(payload)


def has_an_envelope_of_its_own(payload: Any) -> Reply:
    wrong = problem(payload)
    return (400, {"code": "E17", "detail": wrong[1]}) if wrong else answered(payload)


def describes_problems(payload: Any) -> Reply:
    wrong = problem(payload)
    return (422, {"title": "no", "detail": wrong[1]}, "application/problem+json") if wrong else answered(payload)


STYLES: Final[dict[Endpoint, list[tuple[str, str | None]]]] = {
    answers_with_pages: [("content-type", None)],
    answers_with_text: [("content-type", None)],
    has_an_envelope_of_its_own: [("error-body", "error:/anyOf")],
    describes_problems: [],
}
"""What is found on a surface whose refusals are published; elsewhere the style is nobody's affair."""


@pytest.mark.parametrize("endpoint", STYLES, ids=lambda one: one.__name__)
def test_a_style_of_refusals_is_one_finding_where_one_is_published(endpoint: Endpoint) -> None:
    """They are refusals all the same: every constraint is enforced."""
    assert run(endpoint).found == []
    told = run(endpoint, "messages")
    assert told.found == STYLES[endpoint]
    if told.found:
        replayed_right(told, endpoint)
    assert told.odd == ({"broken": {"error:/anyOf"}} if ("error-body", "error:/anyOf") in told.found else {})


def test_the_shapes_of_refusals_have_rows() -> None:
    """An honest one refuses in the third of the published shapes; of the others only what tells them apart is held."""
    rows = {one.constraint: one.verdict for one in run(honest, "messages").result.verdicts}
    assert CONTRACT.error is not None
    refusals = {one.id: rows[one.id] for one in CONTRACT.error.constraints}
    held = {name for name, verdict in refusals.items() if verdict is VerdictKind.HELD}
    assert held | {name for name, verdict in refusals.items() if verdict is VerdictKind.UNEXERCISED} == set(refusals)
    provider = {name for name in refusals if name.startswith("error:/anyOf/2/") and "request_id" not in name}
    assert held - {"error:/anyOf", *(f"error:/anyOf/{number}/type" for number in (0, 1, 3))} == provider
    unasked = {one.constraint: one.verdict for one in run(honest).result.verdicts}
    assert {unasked[name] for name in refusals} == {VerdictKind.UNEXERCISED}


def refuses_by_conflict(payload: Any) -> Reply:
    wrong = problem(payload)
    return (409, {"why": wrong[1]}) if wrong else answered(payload)


SILENT: Final = (
    refuses_by_conflict,
    tells_of_errors_with_200,
    answers_nothing_to_what_is_wrong,
    has_words_of_its_own_for_failure,
)


@pytest.mark.parametrize("endpoint", SILENT, ids=lambda one: one.__name__)
def test_an_answer_that_is_neither_refusal_nor_reply_says_nothing_of_constraints(endpoint: Endpoint) -> None:
    """It is neither a refusal nor a reply, and told once, whatever the words; a status that nobody knows likewise."""
    told = run(endpoint)
    assert told.odd.keys() == {"undetermined"}
    assert told.odd["undetermined"] >= VIOLABLE
    assert told.found == [("unknown-answer", None)]
    replayed_right(told, endpoint)


def test_an_empty_success_is_told_in_words() -> None:
    (found,) = run(answers_nothing_to_what_is_wrong).result.findings
    assert found.message == "answered 204 in a form that is not known: an empty body"


def names_another_field(payload: Any) -> Reply:
    return refused(["max_tokens"], "Input should be valid") if problem(payload) else answered(payload)


def test_a_field_that_is_always_named_is_one_finding() -> None:
    """Refused as wrong in `max_tokens` is right of that alone, and no lie about a body that is no JSON."""
    told = run(names_another_field)
    right = {one for one in VIOLABLE if "/max_tokens/" in one or one == "request:/required/1"}
    assert told.odd == {"misattributed": VIOLABLE - right}
    (found,) = told.result.findings
    assert found.message.startswith("max_tokens is named for what it is not (")
    assert {found.constraint, *found.others} == told.odd["misattributed"]


def names_what_is_around(payload: Any) -> Reply:
    wrong = problem(payload)
    return answered(payload) if wrong is None else refused(wrong[0][:2], wrong[1])


def test_a_place_is_told_as_the_endpoint_would_write_it() -> None:
    """What is around the broken place is another one, unless it is a union that fails as a whole."""
    told = run(names_what_is_around)
    items = "request:/properties/messages/items"
    assert {f"{items}/properties/role/enum", f"{items}/properties/role/type"} <= told.odd["misattributed"]
    assert [code for code, _ in told.found] == ["misattributed"]
    assert "messages[0]" in told.result.findings[0].message


# -- now so and now so -------------------------------------------------------------------------------------------------


def test_a_crash_now_and_then_is_no_matter_of_constraints() -> None:
    dice = random.Random(7)

    def crashes_now_and_then(payload: Any) -> Reply:
        return (500, {"error": "try again"}) if dice.random() < 0.2 else honest(payload)

    told = run(crashes_now_and_then, repeat=3)
    assert told.odd.keys() <= {"crashing", "undetermined"}
    assert len(told.found) < len(told.odd["crashing"]) / 4
    assert any(one.message.startswith("now and then (") for one in told.result.findings)


def test_a_limit_of_requests_is_no_verdict() -> None:
    asked = 0

    def has_enough_after_twenty(payload: Any) -> Reply:
        nonlocal asked
        asked += 1
        if asked > 20:
            return 429, {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
        return honest(payload)

    told = run(has_enough_after_twenty)
    assert told.odd.keys() == {"undetermined"}
    assert told.found == []


def test_an_endpoint_that_stays_busy_is_not_asked_for_ever() -> None:
    """Each request was tried again and again by then; what is left out can be had with --resume."""
    steps = campaign(CONTRACT, few(), Target("busy", "http://foreign.invalid/", named("bare")), lambda _: None)
    asked = 0
    try:
        batch = next(steps)
        while True:
            asked += len(batch)
            batch = steps.send([Exchange(one, *busy(one, asked), 0.0, attempts=4) for one in batch])
    except StopIteration as stop:
        result = cast("CampaignFinished", stop.value)
    assert asked == 22
    assert result.stopped.startswith("the endpoint stays busy (2 requests in a row")
    assert len(result.left_out) >= len(few().cases) - asked
    assert result.findings == ()


def busy(case: Case, asked: int) -> tuple[int, dict[str, str], bytes]:
    status, body, *media = honest(case.payload) if asked <= 20 else (429, {"error": "slow down"})
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return status, {"content-type": media[0] if media else "application/json"}, content
