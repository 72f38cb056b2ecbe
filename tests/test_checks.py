"""Every check of the table: what it finds, and what it does not mind."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

import haiku_contract as hc
from haiku_contract import wire
from haiku_contract.campaign.checks import CHECKS, FAILED, PLAIN, Check, Found, Terms, finding, findings, judge
from haiku_contract.campaign.drive import Sender, drive
from haiku_contract.campaign.outcomes import outcome
from haiku_contract.campaign.plan import thorough
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint import surfaces
from haiku_contract.endpoint.reference.answers import Settings, handle
from haiku_contract.endpoint.reference.app import SERVED
from haiku_contract.endpoint.reference.faults import conduct
from haiku_contract.generate import suite
from haiku_contract.model import Case, Exchange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haiku_contract.campaign.checks import Judged
    from haiku_contract.endpoint.reference.events import Profile
    from haiku_contract.model import Finding

CONTRACT: Final = hc.load()
ASKED: Final[dict[str, Any]] = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 10}
ANSWER: Final[dict[str, Any]] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Hello"}],
    "model": "claude-haiku-4-5-20251001",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 5},
}
SHORT: Final = ANSWER | {"usage": {"input_tokens": 3, "output_tokens": 1}}
JSON: Final = "application/json"
STREAM: Final = "text/event-stream; charset=utf-8"


def case(payload: Any) -> Case:
    return Case("request/x", "request", "conforming", None, payload, wire.encode(payload))


def exchanged(
    body: Any, *, asked: dict[str, Any] | None = None, status: int = 200, content_type: str = JSON
) -> Exchange:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Exchange(case(ASKED | (asked or {})), status, {"content-type": content_type}, sent, 1.5, ttfb=0.5)


def found(exchange: Exchange, terms: Terms = PLAIN) -> list[tuple[str, str]]:
    """Codes and messages of all findings."""
    judged = judge(CONTRACT, exchange, outcome(exchange, terms.surface), terms)
    return [(one.code, one.message) for one in findings(judged)]


def streamed(**changes: Any) -> bytes:
    """A stream of one text block; changes are about the last delta and the usage of the beginning."""
    usage = {"input_tokens": 3, "output_tokens": 1, "service_tier": "standard"}
    begun = {**ANSWER, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    delta = {"stop_reason": "end_turn", "stop_sequence": None} | changes.get("delta", {})
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun | changes.get("message", {})},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": changes.get("used", 5)}},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events).encode()


def test_a_right_answer_is_no_finding() -> None:
    assert found(exchanged(ANSWER)) == []
    assert found(exchanged(streamed(), asked={"stream": True}, content_type=STREAM)) == []


REFUSAL: Final = {"success": False, "errors": [{"code": 7003, "message": "no"}]}
TOOL: Final = {"type": "tool_use", "id": "toolu_1", "name": "x", "input": {}}

WRONG: Final[dict[str, tuple[Exchange, str, str]]] = {
    "too many tokens": (
        exchanged(ANSWER | {"usage": {"input_tokens": 3, "output_tokens": 11}}),
        "max-tokens", "used 11 output tokens, where max_tokens allows 10",
    ),
    "too many tokens, streamed": (
        exchanged(streamed(used=11), asked={"stream": True}, content_type=STREAM),
        "max-tokens", "used 11 output tokens, where max_tokens allows 10",
    ),
    "stopped at a sequence that nobody gave": (
        exchanged(ANSWER | {"stop_reason": "stop_sequence", "stop_sequence": "x"}),
        "stop-reason", "stop_reason is stop_sequence, but the request gives no stop_sequences",
    ),
    "stopped at another sequence": (
        exchanged(ANSWER | {"stop_reason": "stop_sequence", "stop_sequence": "x"}, asked={"stop_sequences": ["y"]}),
        "stop-reason", "stop_reason is stop_sequence, but stop_sequence names none of those that the request gives",
    ),
    "a sequence without the reason": (
        exchanged(ANSWER | {"stop_sequence": "y"}, asked={"stop_sequences": ["y"]}),
        "stop-reason", "stop_reason is end_turn, but a stop_sequence is named",
    ),
    "tokens not used up": (
        exchanged(ANSWER | {"stop_reason": "max_tokens"}),
        "stop-reason", "stop_reason is max_tokens, but only 5 of 10 output tokens were used",
    ),
    "no tool called": (
        exchanged(ANSWER | {"stop_reason": "tool_use"}),
        "stop-reason", "stop_reason is tool_use, but no block of the answer is a tool_use",
    ),
    "no tool called, streamed": (
        exchanged(streamed(delta={"stop_reason": "tool_use"}), asked={"stream": True}, content_type=STREAM),
        "stop-reason", "stop_reason is tool_use, but no block of the answer is a tool_use",
    ),
    "another model": (
        exchanged(ANSWER | {"model": "claude-sonnet-4-5"}),
        "model", "answered as the model 'claude-sonnet-4-5', where anthropic/claude-haiku-4.5 was asked",
    ),
    "no model": (
        exchanged(ANSWER | {"model": ""}),
        "model", "answered as the model '', where anthropic/claude-haiku-4.5 was asked",
    ),
    "a web page": (
        exchanged(b"<p>Hello", content_type="text/html"),
        "content-type", "answered with content type text/html, which is neither JSON nor an event stream",
    ),
    "a refusal that is a web page": (
        exchanged(b"<p>no", status=400, content_type="text/html"),
        "content-type", "refused with content type text/html, which is not JSON",
    ),
    "a stream that nobody asked for": (
        exchanged(streamed(), content_type=STREAM), "content-type", "answered with a stream that was not asked for",
    ),
    "a refusal of no known shape": (
        exchanged({"detail": "no"}, status=400), "error-body", "refused with a body of no known shape: ",
    ),
    "a refusal for lack of credit of no known shape": (
        exchanged({"errors": [{"code": 2021, "message": 1}]}, status=402), "error-body", "refused with a body of no ",
    ),
    "an unknown answer": (
        exchanged({"x": "hm"}, status=418), "unknown-answer", "answered 418 in a form that is not known: ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found_once(name: str) -> None:
    exchange, code, message = WRONG[name]
    told = [(each, said) for each, said in found(exchange, Terms("messages")) if each not in ("overstrict", "broken")]
    assert [each for each, _ in told] == [code]
    assert told[0][1].startswith(message)


RIGHT: Final = {
    "a sequence that was given": exchanged(
        ANSWER | {"stop_reason": "stop_sequence", "stop_sequence": "y"}, asked={"stop_sequences": ["x", "y"]}
    ),
    "a sequence that the schema has no key for": exchanged(
        ANSWER | {"stop_reason": "stop_sequence"}, asked={"stop_sequences": ["y"]}
    ),
    "all tokens": exchanged(ANSWER | {"stop_reason": "max_tokens"}, asked={"max_tokens": 5}),
    "a fraction of a token": exchanged(
        ANSWER | {"stop_reason": "max_tokens", "usage": {"input_tokens": 1, "output_tokens": 1}},
        asked={"max_tokens": 5e-324},
    ),
    "a huge limit": exchanged(ANSWER, asked={"max_tokens": 10**400}),
    "a tool": exchanged(ANSWER | {"stop_reason": "tool_use", "content": [TOOL]}),
    "a reason that nobody knows": exchanged(ANSWER | {"stop_reason": "tired"}),
    "no reason": exchanged(ANSWER | {"stop_reason": None}),
    "the model under its published name": exchanged(ANSWER | {"model": "anthropic/claude-haiku-4.5"}),
    "a model of a cloud": exchanged(ANSWER | {"model": "eu.anthropic.claude-haiku-4-5-20251001-v1:0"}),
    "no content": exchanged(b"", status=402 + 2, content_type="text/html"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_not_minded(name: str) -> None:
    minded = {"max-tokens", "stop-reason", "model", "content-type", "error-body", "stream-shape"}
    assert [one for one in found(RIGHT[name]) if one[0] in minded] == []


def test_what_its_schema_says_of_a_message_is_not_said_twice() -> None:
    exchange = exchanged(ANSWER | {"stop_reason": "tool_use", "role": "user"})
    assert {code for code, _ in found(exchange)} == {"broken"}


def test_a_streamed_answer_has_the_shape_of_an_unstreamed_one(tmp_path: Path) -> None:
    """By a response schema that asks for more than the protocol of streams does."""
    schema = json.loads(json.dumps(CONTRACT.response.schema))
    schema["properties"]["stop_reason"] = {"enum": ["max_tokens", None]}
    schema["properties"]["usage"]["required"].append("total_tokens")
    catalog = {
        "model_id": "example/claude-haiku-4.5",
        "request_formats": ["anthropic-messages"],
        "schema": {"input": CONTRACT.request.schema, "output": schema},
    }
    (tmp_path / "catalog.json").write_text(json.dumps(catalog), "utf-8")
    stricter = hc.load(tmp_path / "catalog.json")
    exchange = exchanged(streamed(), asked={"stream": True}, content_type=STREAM)
    assert {(one.code, one.constraint) for one in findings(judge(stricter, exchange, outcome(exchange)))} == {
        ("stream-shape", "response:/properties/stop_reason/enum"),
        ("stream-shape", "response:/properties/usage/required/2"),
    }
    assert found(exchange) == []  # keys beyond the schema, which the recorded streams have, are no difference


def test_surfaces_promise_different_things() -> None:
    exact = exchanged(ANSWER, content_type="application/json; charset=utf-8")
    assert [code for code, _ in found(exact, Terms("binding"))] == ["content-type"]
    assert found(exact, Terms("messages")) == []
    whole = exchanged(ANSWER, asked={"stream": True})
    assert [code for code, _ in found(whole, Terms("messages"))] == ["content-type"]
    assert found(whole, Terms("bare")) == []


def test_limits_of_time() -> None:
    assert [code for code, _ in found(exchanged(ANSWER), Terms(max_ttfb=0.4, max_total=1.4))] == [
        "slow-first-byte", "slow-answer",
    ]  # fmt: skip
    assert found(exchanged(ANSWER), Terms(max_ttfb=0.5, max_total=1.5)) == []


def test_a_credential_that_comes_back_is_a_finding_that_does_not_hold_it() -> None:
    secret = "very-secret-token"
    target = Target("somewhere", "http://reference.invalid/", surfaces.named("bare"))
    sender = Sender(target, CONTRACT.model_id, {"authorization": f"Bearer {secret}"}, (secret, "account-7"))

    def echo(request: httpx.Request) -> httpx.Response:
        said = [{"type": "text", "text": f"{request.headers['authorization']} account-7"}]
        return httpx.Response(200, json=SHORT | {"content": said})

    def quiet(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=SHORT | {"content": [{"type": "text", "text": "account-7"}]})

    def run(answer: Any) -> tuple[Finding, ...]:
        cases = suite(CONTRACT, "request")[:1]
        with httpx.Client(transport=httpx.MockTransport(answer)) as client:
            return drive(campaign(CONTRACT, cases, target, lambda _: None), client, sender).findings

    [one] = run(echo)
    assert one.code == "credential-echoed"
    assert secret not in repr(one)
    assert one.answer is not None
    assert "REDACTED" in one.answer.body
    assert [one.code for one in run(quiet)] == []


def test_the_witness_is_the_smallest_request_that_shows_it() -> None:
    shown: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if not CONTRACT.request.is_valid_bytes(request.content):
            return httpx.Response(400, json=REFUSAL)
        if b"temperature" not in request.content:
            return httpx.Response(200, json=SHORT)
        shown.append(len(request.content))
        return httpx.Response(200, json=SHORT | {"model": "another"})

    target = Target("somewhere", "http://reference.invalid/", surfaces.named("bare"))
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        steps = campaign(CONTRACT, thorough(suite(CONTRACT, "request")[::-1]), target, lambda _: None)
        result = drive(steps, client, Sender(target, CONTRACT.model_id))
    [witness] = [one.witness for one in result.findings if one.code == "model"]
    assert witness is not None
    assert len(witness.body) == min(shown) < shown[0]


def shout(judged: Judged) -> Iterator[str]:
    yield f"answered {judged.exchange.status}"


def precise(_judged: Judged) -> Iterator[Found]:
    yield Found("this", cause="one")
    yield Found("that", cause="two")
    yield Found("of a place", "request:/required/0")


def stumble(_judged: Judged) -> Iterator[str]:
    yield "something"
    raise LookupError("not\nhere")


def odd(_judged: Judged) -> Any:
    return 5


def test_checks_of_ones_own() -> None:
    own = tuple(Check(each.__name__, each, "mine") for each in (shout, precise, stumble, odd))
    exchange = exchanged(ANSWER)
    made = findings(judge(CONTRACT, exchange, outcome(exchange), Terms(checks=own)))
    assert [(one.code, one.message) for one in made] == [
        ("shout", "answered 200"),
        ("precise", "this"),
        ("precise", "that"),
        ("precise", "of a place"),
        (FAILED, "the check stumble raised LookupError: not here"),
        (FAILED, "the check odd raised TypeError: 'int' object is not iterable"),
    ]
    assert len({one.fingerprint for one in made}) == len(made)
    assert all(one.witness is exchange.case for one in made)


def test_every_check_has_a_code_and_an_explanation() -> None:
    assert all(str(one.code) == code for code, one in CHECKS.items())
    assert all(one.explain.endswith(".") and len(one.explain) > 40 for one in CHECKS.values())
    assert {code for _, code, _ in WRONG.values()} | {
        "leaky", "overstrict", "crashing", "misattributed", "broken", "stream-shape", "slow-first-byte", "slow-answer",
        "credential-echoed",
    } == set(CHECKS)  # fmt: skip


def answered(one: Case, surface: surfaces.Surface, settings: Settings) -> Exchange:
    body = surface.wrap(one.body, CONTRACT.model_id)
    head = {"content-type": one.content_type, "cf-consn-model-id": CONTRACT.model_id, "authorization": "Bearer x",
            "cf-aig-authorization": "Bearer x"}  # fmt: skip
    asked = surfaces.Asked("POST", "reference.invalid", surface.path or "/", head)
    reply = handle(conduct(CONTRACT), surface, asked, body, settings)
    headers = {"content-type": reply.content_type, **reply.headers}
    return Exchange(one, reply.status, headers, b"".join(reply.chunks), 0.0)


@pytest.mark.parametrize("profile", ["published", "observed"])
@pytest.mark.parametrize("surface", SERVED)
def test_the_reference_endpoint_gives_no_finding(surface: str, profile: Profile) -> None:
    """Whatever is asked, streamed or not."""
    wanted = surfaces.named(surface)
    stops = {"stop_sequences": ["e", "x"]}
    further = [{}, {"max_tokens": 3}, {"max_tokens": 1000}, stops]
    payloads = [ASKED | one | {"stream": flag} for one in further for flag in (False, True)]
    cases = [*suite(CONTRACT, "request")[::5], *(case(one) for one in payloads)]
    reasons = set()
    for one in cases:
        exchange = answered(one, wanted, Settings(profile=profile))
        judged = judge(CONTRACT, exchange, outcome(exchange, surface), Terms(surface))
        assert findings(judged) == (), one.id
        reasons |= {judged.message["stop_reason"]} if isinstance(judged.message, dict) else set()
    assert reasons == {"end_turn", "max_tokens", "stop_sequence"}


def test_fingerprints_are_those_of_causes() -> None:
    hot = finding("leaky", "request:/properties/temperature/maximum", "request/temperature/maximum/above", "x")
    again = finding("leaky", "request:/properties/temperature/maximum", "somewhere/else", "other words")
    assert hot.fingerprint == again.fingerprint == "36a48a136864"
    first, other = (exchanged({"x": number}, status=418) for number in (17, 2500))
    made = [findings(judge(CONTRACT, one, outcome(one)))[0].fingerprint for one in (first, other)]
    assert made[0] == made[1]
    words = exchanged({"y": 1}, status=418)
    assert findings(judge(CONTRACT, words, outcome(words)))[0].fingerprint != made[0]
    assert pickle.loads(pickle.dumps(hot)) == hot  # noqa: S301 - our own


PROGRAM: Final = """
import itertools, random, sys
import haiku_contract as hc
from haiku_contract.campaign.checks import findings, judge
from haiku_contract.campaign.outcomes import outcome
from haiku_contract.generate import cases as every
from haiku_contract.model import Exchange
contract = hc.load()
cases = list(itertools.islice(every(contract, "request"), 60))
random.Random(int(sys.argv[1])).shuffle(cases)
made = set()
for case in cases:
    for status, body in ((200, b'{"id": 5}'), (500, b"{}"), (400, b'{"detail": 1}'), (418, b"teapot 12")):
        exchange = Exchange(case, status, {"content-type": "application/json"}, body, 0.0)
        made |= {one.fingerprint for one in findings(judge(contract, exchange, outcome(exchange)))}
print(*sorted(made))
"""


def test_fingerprints_are_the_same_in_every_process_and_order() -> None:
    outputs = [
        subprocess.run(  # noqa: S603 - our own
            [sys.executable, "-c", PROGRAM, str(seed)],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in random.Random(0).sample(range(1, 1000), 2)
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0].split()) > 60
