"""Every fault on the list is found by our own campaign or stream validator, and shows exactly where it was asked for.

How a whole campaign finds and localises those that are about a constraint: `test_campaign.py`.
"""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import Any, NamedTuple, get_args

import httpx
import pytest

import haiku_contract as hc
from haiku_contract import messages
from haiku_contract.campaign import checks, outcomes
from haiku_contract.campaign.drive import Sender, drive_async
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint import surfaces
from haiku_contract.endpoint.reference.answers import handle
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.endpoint.reference.faults import Conduct, EndpointFault, FaultKind, Repertoire, catalogue
from haiku_contract.endpoint.reference.refusals import ANSWERS
from haiku_contract.endpoint.reference.reply import DELIVERIES, Reply
from haiku_contract.generate.stream_events import REQUEST
from haiku_contract.generate.streams import stream_suite
from haiku_contract.model import Case, Exchange, OutcomeKind

CONTRACT = hc.load()
ALL = Repertoire(CONTRACT)
INPUT: dict[str, Any] = {"messages": [{"role": "user", "content": "Why is the sky blue?"}], "max_tokens": 64}
CASES = ALL.cases


class Seen(NamedTuple):
    """What a campaign says of an endpoint."""

    said: tuple[str, ...]
    verdicts: tuple[Any, ...] = ()
    outcomes: frozenset[OutcomeKind] = frozenset()


def seen(app: Any) -> Seen:
    """What a campaign over the application says; the error that ends one that cannot go on is a finding too."""

    async def go() -> Seen:
        target = Target("reference", "http://reference.invalid/", surfaces.named("bare"))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            steps = campaign(CONTRACT, CASES, target, lambda _: None, width=8)
            result = await drive_async(steps, client, Sender(target, CONTRACT.model_id))
        said = tuple(f"{one.code}: {one.message}" for one in result.findings)
        return Seen(said, tuple((one.constraint, one.verdict) for one in result.verdicts), frozenset(result.outcomes))

    try:
        return asyncio.run(go())
    except hc.EndpointError as error:
        return Seen((str(error),))


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
    assert tuple(about) == catalogue(CONTRACT, CASES)
    assert {one.constraint for one in listed if one.kind == "answer"} == set(ANSWERS)
    assert {one.constraint for one in listed if one.kind == "delivery"} == set(DELIVERIES)


def test_the_unmodified_endpoint_has_none() -> None:
    assert flawless().said == ()
    assert flawless().outcomes == {OutcomeKind.ACCEPTED, OutcomeKind.REJECTED}
    stream = hc.StreamValidator(CONTRACT, request=REQUEST)
    assert [*stream.feed(ask(create_app(CONTRACT), REQUEST).content), *stream.finish()] == []
    assert stream.error is None


def answered(behaviour: Conduct, value: Any, content_type: str = "application/json") -> Reply:
    asked = surfaces.Asked("POST", "reference.invalid", "/", {"content-type": content_type})
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return handle(behaviour, surfaces.named("bare"), asked, body)


def found(behaviour: Conduct, case: Case) -> set[tuple[str, str | None]]:
    """What the checks say of the answer to one case: codes, and the constraints that they are about."""
    reply = answered(behaviour, case.body, case.content_type)
    headers = {"content-type": reply.content_type, **reply.headers}
    exchange = Exchange(case, reply.status, headers, b"".join(reply.chunks), 0.0)
    judged = checks.judge(CONTRACT, exchange, outcomes.outcome(exchange))
    return {(one.code, one.constraint) for one in checks.findings(judged)}


CODES = {"lenient": "leaky", "strict": "overstrict", "crash": "crashing", "broken": "broken"}


def test_every_fault_of_a_constraint_is_found_by_the_checks() -> None:
    """In the answer to a case about the constraint, or to the simplest one; and nothing is found in it otherwise."""
    about: dict[str | None, list[Case]] = {}
    for case in CASES:
        about.setdefault(case.constraint, []).append(case)
        assert found(ALL.conduct(), case) == set(), case.id
    for fault in ALL.about:
        behaviour = ALL.conduct(fault)
        cases = CASES[:1] if fault.kind == "broken" else about.get(fault.constraint, [])
        seen_here = {one for case in cases for one in found(behaviour, case)}
        if fault.kind == "strict" and "overstrict" not in dict(seen_here):  # it has no edge of its own
            assert any("overstrict" in dict(found(behaviour, case)) for case in CASES), fault
        else:
            assert (CODES[fault.kind], fault.constraint) in seen_here, fault


def test_every_stream_fault_is_reported_for_what_it_is() -> None:
    faulted = {case.id.removeprefix("stream/"): case for case in stream_suite(CONTRACT) if case.kind == "faulted"}
    listed = ALL.everything("stream")
    assert {one.constraint for one in listed} == set(faulted)
    assert len(listed) > 300
    for fault in listed:
        reply = answered(ALL.conduct(fault), REQUEST)
        assert reply.is_stream
        stream = hc.StreamValidator(CONTRACT, request=REQUEST)
        violations = [*stream.feed(b"".join(reply.chunks)), *stream.finish()]
        assert messages.broken(violations) & set(faulted[fault.constraint].breaks), fault


AT_THE_MOMENT = "does not serve requests at the moment (HTTP"
CREDENTIALS = "refuses the credentials (HTTP"
ELSEWHERE = "does not answer as this surface does (HTTP"
REFUSED = {
    "throttled": f"{AT_THE_MOMENT} 429: Rate limited)",
    "throttled-with-200": f"{AT_THE_MOMENT} 200: Wholesale rate limit exceeded",
    "credits": "unexercised",  # which is an acceptance: of the answers, no more can be said
    "spend-limit": f"{AT_THE_MOMENT} 429: Spend limit exceeded",
    "guardrails": f"{ELSEWHERE} 422: Prompt blocked",
    "data-loss-prevention": f"{ELSEWHERE} 422: Request content blocked due to DLP",
    "data-loss-prevention-of-answer": f"{ELSEWHERE} 422: Response content blocked due to DLP",
    "no-credential": f"{CREDENTIALS} 400: Provider 'anthropic' has no BYOK credential",
    "provider-unauthorised": f"{CREDENTIALS} 401: invalid x-api-key)",
    "provider-not-found": f"{ELSEWHERE} 404: model: claude-haiku-4-5)",
    "unauthorised": f"{CREDENTIALS} 401: Authentication error)",
    "gateway-unauthorised": f"{CREDENTIALS} 401: Unauthorized)",
    "no-gateway": f"{ELSEWHERE} 400: Please configure AI Gateway",
    "model-not-found": f"{ELSEWHERE} 404: Model not found",
    "no-route": f"{ELSEWHERE} 404: Could not route",
    "invalid-request": "overstrict: rejected a conforming request: Model execution failed (User Input Error): `temper",
    "permission": f"{CREDENTIALS} 403: ",
    "too-large": "overstrict: rejected a conforming request: Model execution failed (User Input Error): Request exc",
    "provider-throttled": f"{AT_THE_MOMENT} 429: Number of request tokens",
    "provider-crashed": "crashing: answered 500 to a conforming request",
    "provider-timeout": f"{AT_THE_MOMENT} 504: Request timed out)",
    "overloaded": f"{AT_THE_MOMENT} 529: Overloaded)",
    "outage": f"{AT_THE_MOMENT} 503: Service unavailable)",
}
"""What a campaign says of each refusal in place of an answer."""


@pytest.mark.parametrize("name", ANSWERS)
def test_every_refusal_is_noticed_for_what_it_is(name: str) -> None:
    result = seen(create_app(CONTRACT, EndpointFault("answer", name)))
    if REFUSED[name] == "unexercised":
        assert (result.said, result.outcomes) == ((), flawless().outcomes)
        before, after = dict(flawless().verdicts), dict(result.verdicts)
        assert {after[name] for name, verdict in before.items() if verdict == "held"} == {"unexercised"}
    else:
        assert [line for line in result.said if REFUSED[name] in line], result.said


NOTICED = {
    "hang": "cannot be reached (ReadTimeout",
    "hang-midway": "cannot be reached (ReadTimeout",
    "cut": "cannot be reached (RemoteProtocolError",
    "error-event": None,  # a stream may end so: nothing is wrong with it, but the answer is lost
    "content-type": "content-type: answered with content type text/html",
    "envelope": 'broken: answered with a response that does not conform: (root): expected the key "id"',
    "stale-cache": "answered from a cache",
}
"""What a campaign says of each accident."""


@pytest.mark.parametrize("name", NOTICED)
def test_every_accident_on_the_way_is_noticed_for_what_it_is(name: str) -> None:
    result = seen(create_app(CONTRACT, EndpointFault("delivery", name)))
    words = NOTICED[name]
    if words is None:
        assert result.outcomes - flawless().outcomes == {OutcomeKind.THROTTLED}
    else:
        assert [line for line in result.said if words in line], result.said


def test_the_one_accident_that_takes_a_clock_is_tested_over_a_network() -> None:
    assert set(DELIVERIES) - set(NOTICED) == {"drip"}  # tests/cli/test_serve.py


WHOLE, STREAMED = INPUT, {**INPUT, "stream": True}


def test_every_fault_shows_where_the_list_says() -> None:
    """On a conforming request for a whole answer, or for a stream, or for neither; elsewhere the answer is right."""
    expected = {
        "requests for a whole answer": (True, False),
        "requests for a stream": (False, True),
        "conforming requests": (True, True),
        "requests that break it": (False, False),
    }
    right = [answered(ALL.conduct(), one) for one in (WHOLE, STREAMED)]
    for fault in ALL.everything():
        behaviour = ALL.conduct(fault)
        shows = tuple(answered(behaviour, one) != usual for one, usual in zip((WHOLE, STREAMED), right, strict=True))
        if fault.kind == "strict":  # what is at the edge depends on the constraint; the simplest request never is
            assert answered(behaviour, CASES[0].body) == answered(ALL.conduct(), CASES[0].body), fault
        else:
            assert shows == expected[fault.shows_on], fault


def test_an_answer_says_that_a_fault_does_not_show_in_it() -> None:
    app = create_app(CONTRACT, ALL.parse("stream:dropped/00-message_start"))
    assert "x-haiku-fault" not in ask(app, STREAMED).headers
    told = ask(app, WHOLE)
    CONTRACT.response.validate(told.json())
    assert told.headers["x-haiku-fault"] == (
        "not shown: stream:dropped/00-message_start shows on requests for a stream"
    )
    told = ask(create_app(CONTRACT), STREAMED, x_haiku_fault="delivery:envelope if /system=a\tb")
    assert told.headers["x-haiku-fault"].endswith("shows on requests for a whole answer, if /system=a\\tb")
    assert "x-haiku-fault" not in ask(create_app(CONTRACT), WHOLE).headers


@pytest.mark.parametrize("value", [WHOLE, STREAMED, {**INPUT, "max_tokens": 0}], ids=["whole", "streamed", "refused"])
def test_of_all_faults_each_answer_shows_one_that_can_show(value: Any) -> None:
    app = create_app(CONTRACT, [one for one in ALL.everything() if one.constraint != "drip"])
    right = ask(create_app(CONTRACT), value)
    for _ in range(20):
        wrong = ask_or_lose(app, value)
        assert wrong is None or (wrong.status_code, wrong.content, dict(wrong.headers)) != (
            right.status_code, right.content, dict(right.headers),
        )  # fmt: skip
        assert wrong is None or "x-haiku-fault" not in wrong.headers


def ask_or_lose(app: Any, value: Any) -> httpx.Response | None:
    """The answer; None where it gets lost on its way."""
    try:
        return ask(app, value)
    except httpx.TransportError:
        return None


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_is_a_share(rate: float) -> None:
    with pytest.raises(hc.UsageError, match="a fault rate is a share"):
        create_app(CONTRACT, fault_rate=rate)


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


def test_any_constraint_can_be_too_strict() -> None:
    """Whatever can be broken, and the simplest request is answered all the same."""
    strict = {one.constraint for one in ALL.everything("strict")}
    assert {one.id for one in CONTRACT.request.constraints if one.violable} <= strict
    (fault,) = (one for one in ALL.everything("strict") if one.constraint == "request:/required/0")
    refused = ask(create_app(CONTRACT, fault), {**INPUT, "temperature": 1})
    assert "Invalid value at (root)" in refused.text
    assert ask(create_app(CONTRACT, fault), INPUT).status_code == 200


def test_keywords_of_other_contracts_can_be_too_strict_too() -> None:
    properties: dict[str, Any] = {
        "a": {"type": "integer", "multipleOf": 2},
        "b": {"type": "string", "pattern": "^x", "minLength": 2},
        "c": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "maxItems": 1},
        "d": {"type": ["string", "array"], "minItems": 3, "minLength": 3},
        "e": {"not": {"const": 1}},
    }
    schema = {"type": "object", "properties": properties, "required": ["a"]}
    request = hc.RequestValidator(schema)
    contract = hc.Contract("x/some", "Some", "1.0.0", {}, request, hc.SchemaValidator("response", {"type": "object"}))
    everything = Repertoire(contract)
    violable = {one.id for one in request.constraints if one.violable}
    assert violable - {one.constraint for one in everything.everything("strict")} == set()
    for fault in everything.everything("strict"):
        narrower = everything.conduct(fault).request.engine
        refused = [case for case in everything.cases if not case.fault and not narrower.is_valid(case.payload)]
        assert refused, fault
        assert narrower.is_valid(everything.cases[0].payload), fault
        assert not [case for case in everything.cases if case.fault and narrower.is_valid(case.payload)], fault


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
