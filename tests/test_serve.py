"""The reference endpoint on all its surfaces, in this process: envelopes, headers, refusals, bad input."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract import rejections
from haiku_contract.endpoint.reference.answers import MAX_BODY, Settings
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.endpoint.reference.manners import MANNERS
from haiku_contract.endpoint.surfaces import SURFACES
from haiku_contract.generate import suite

CONTRACT = hc.load()
MODEL = CONTRACT.model_id
INPUT: dict[str, Any] = {"messages": [{"role": "user", "content": "Why is the sky blue?"}], "max_tokens": 64}
JSON = {"content-type": "application/json"}
BINDING = {"cf-consn-model-id": MODEL, "cf-consn-sdk-version": "2.0.0"}
GATEWAY = {"cf-aig-authorization": "Bearer t", "anthropic-version": "2023-06-01"}
BEARER = {"authorization": "Bearer t"}

# Where each surface answers as the real one does, what its requests look like, and what lets them in.
FULL: dict[str, tuple[str, dict[str, str], Any]] = {
    "bare": ("/", {}, lambda value: value),
    "binding": (
        "/ai-gateway/run?version=3",
        BINDING,
        lambda value: {"inputs": value, "options": {"gateway": {"id": "default"}}},
    ),
    "run": ("/client/v4/accounts/0a/ai/run", BEARER, lambda value: {"model": MODEL, "input": value}),
    "messages": ("/client/v4/accounts/0a/ai/v1/messages", BEARER, lambda value: {**value, "model": MODEL}),
    "gateway": ("/v1/0a/default/anthropic/v1/messages", GATEWAY, lambda value: {**value, "model": "claude-haiku-4-5"}),
}
each_surface = pytest.mark.parametrize("surface", FULL)


def send(method: str, path: str, app: Any = None, **content: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app or APP)
        async with httpx.AsyncClient(transport=transport, base_url="http://reference.invalid") as client:
            return await client.request(method, path, **content)

    return asyncio.run(go())


APP = create_app(CONTRACT)


def ask(surface: str, value: Any, app: Any = None, **headers: str) -> httpx.Response:
    path, known, wrap = FULL[surface]
    return send("POST", path, app, json=wrap(value), headers=known | headers)


def error_of(response: httpx.Response) -> tuple[int, int, str]:
    """Status, code and message, whichever envelope they came in."""
    body = response.json()
    assert body["success"] is False
    (only,) = body.get("errors") or body["error"]
    return response.status_code, only["code"], only["message"]


def test_every_surface_has_its_manners() -> None:
    assert set(MANNERS) == set(SURFACES) == set(FULL)


@each_surface
def test_an_answer_in_its_envelope(surface: str) -> None:
    response = ask(surface, INPUT)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    body = response.json()
    if surface == "run":
        assert {key: body[key] for key in body if key != "result"} == {"success": True, "errors": [], "messages": []}
        body = body["result"]
    CONTRACT.response.validate(body)
    assert all(block["text"] for block in body["content"])
    assert (body["model"], body["gatewayMetadata"]) == ("claude-haiku-4-5-20251001", {"keySource": "Unified"})


HEADERS = {
    "bare": set(),
    "binding": {"cf-ai-req-id", "cf-aig-log-id", "cf-aig-request-id", "cf-aig-event-id", "cf-aig-step"},
    "run": {"cf-ai-req-id", "cf-aig-log-id", "cf-aig-request-id", "cf-aig-event-id", "cf-aig-step"},
    "messages": {"request-id", "cf-aig-log-id", "cf-aig-request-id", "cf-aig-event-id", "cf-aig-step"},
    "gateway": {"request-id", "cf-aig-log-id", "cf-aig-request-id", "cf-aig-event-id", "cf-aig-step"},
}


@each_surface
def test_headers_of_an_answer(surface: str) -> None:
    response = ask(surface, INPUT)
    ours = {name for name in response.headers if name.startswith("cf-") or name == "request-id"}
    assert ours == HEADERS[surface] | ({"cf-aig-cache-status"} if surface != "bare" else set())
    assert response.headers.get("cf-aig-cache-status", "MISS") == "MISS"
    assert response.headers == ask(surface, INPUT).headers
    if surface != "bare":
        other = ask(surface, {**INPUT, "max_tokens": 3})
        assert re.fullmatch(r"01[0-9A-HJKMNP-TV-Z]{24}", response.headers["cf-aig-log-id"])
        assert response.headers["cf-aig-log-id"] != other.headers["cf-aig-log-id"]
    if "request-id" in ours:
        assert re.fullmatch(r"req_011C\w{20}", response.headers["request-id"])


@each_surface
def test_a_stream_is_the_same_on_every_surface(surface: str) -> None:
    response = ask(surface, {**INPUT, "stream": True})
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    stream = hc.StreamValidator(CONTRACT)
    assert [*stream.feed(response.content), *stream.finish()] == []


@each_surface
def test_a_rejection_in_the_words_of_the_gateway(surface: str) -> None:
    response = ask(surface, {**INPUT, "system": []})
    text = f"{rejections.PREFIX}Invalid value at system: Invalid input: expected string, received array"
    assert error_of(response) == (400, 7003, text)
    body = response.json()
    if surface in {"binding", "gateway"}:
        assert body == {
            "success": False, "result": [], "messages": [], "error": [{"code": 7003, "message": text}],
            "name": "AiGatewayError", "httpCode": 400, "internalCode": 7003, "message": text,
            "description": "User Input Error", "requestId": body["requestId"],
        }  # fmt: skip
    else:
        assert body == {"result": None, "success": False, "errors": [{"code": 7003, "message": text}], "messages": []}


@pytest.mark.parametrize("path", ["/run?version=3", "/ai-gateway/run?version=3"])
def test_both_paths_of_the_binding(path: str) -> None:
    assert send("POST", path, json={"inputs": INPUT, "options": {}}, headers=BINDING).status_code == 200


@pytest.mark.parametrize("path", ["/v1/messages", "/ai/v1/messages", "/any/base/v1/messages", "/v1/messages?beta=true"])
def test_messages_below_any_base(path: str) -> None:
    assert send("POST", path, json={**INPUT, "model": MODEL}).status_code == 200


@pytest.mark.parametrize("model", ["anthropic/claude-haiku-4.5", "anthropic%2Fclaude-haiku-4.5"])
def test_run_with_the_model_in_the_path(model: str) -> None:
    for base, headers in (("", {}), ("/client/v4/accounts/0a", BEARER)):
        response = send("POST", f"{base}/ai/run/{model}", json=INPUT, headers=headers)
        assert response.json()["success"] is True


MODELS = {
    "binding": ("/run", {**JSON, "cf-consn-model-id": "%MODEL%"}, {"inputs": INPUT, "options": {}}),
    "run": ("/ai/run", JSON, {"model": "%MODEL%", "input": INPUT}),
    "messages": ("/v1/messages", JSON, {**INPUT, "model": "%MODEL%"}),
    "gateway": ("/anthropic/v1/messages", JSON, {**INPUT, "model": "%MODEL%"}),
}


@pytest.mark.parametrize("surface", MODELS)
@pytest.mark.parametrize("model", ["anthropic/claude-haiku-4-5", "nope"])
def test_other_models_are_not_found(surface: str, model: str) -> None:
    path, headers, body = MODELS[surface]
    content = json.dumps(body).replace("%MODEL%", model)
    headers = {name: value.replace("%MODEL%", model) for name, value in headers.items()}
    response = send("POST", path, content=content, headers=headers)
    assert error_of(response) == (404, 7003, f"Model not found: {model}")


@pytest.mark.parametrize("surface", MODELS)
def test_no_model_at_all(surface: str) -> None:
    path, _, body = MODELS[surface]
    body = {key: value for key, value in body.items() if key != "model"}
    assert error_of(send("POST", path, json=body))[:2] == (400, 7000)


@pytest.mark.parametrize("model", ["claude-haiku-4-5", "claude-haiku-4-5-20251001"])
def test_the_gateway_knows_the_providers_ids(model: str) -> None:
    assert send("POST", "/anthropic/v1/messages", json={**INPUT, "model": model}).status_code == 200


def test_who_is_let_in() -> None:
    for surface, code in (("run", 10000), ("messages", 10000), ("gateway", 2009)):
        path, _, wrap = FULL[surface]
        for headers in ({}, {"authorization": "Bearer "}, {"authorization": "Basic t"}, {"cf-aig-authorization": "t"}):
            assert error_of(send("POST", path, json=wrap(INPUT), headers=headers))[:2] == (401, code)
    path, _, wrap = FULL["gateway"]
    unversioned = send("POST", path, json=wrap(INPUT), headers={"cf-aig-authorization": "Bearer t"})
    assert unversioned.status_code == 400
    assert unversioned.json()["error"]["type"] == "invalid_request_error"


def test_a_token_is_asked_for_everywhere() -> None:
    app = create_app(CONTRACT, settings=Settings(token="secret"))  # noqa: S106 - a made-up one
    body = {**INPUT, "model": MODEL}
    assert error_of(send("POST", "/v1/messages", app, json=body, headers=BEARER))[:2] == (401, 10000)
    for headers in ({"authorization": "bearer secret"}, {"x-api-key": "secret"}):
        assert send("POST", "/v1/messages", app, json=body, headers=headers).status_code == 200


UNROUTED = "/client/v4/accounts/$%7BCLOUDFLARE_ACCOUNT_ID%7D/ai/v1/chat/completions"
NO_KEY = "Provider 'anthropic' has no BYOK credential named 'example'. Configured aliases: 'other'"
CREDIT = "Insufficient balance; add money to your gateway or use BYOK"


def rest(code: int, message: str) -> dict[str, Any]:
    return {"result": None, "success": False, "errors": [{"code": code, "message": message}], "messages": []}


def gateway(status: int, code: int, message: str, **more: str) -> dict[str, Any]:
    return {
        "success": False, "result": [], "messages": [], "error": [{"code": code, "message": message}],
        "name": "AiGatewayError", "httpCode": status, "internalCode": code, "message": message, **more,
    }  # fmt: skip


# What is published of whole bodies: the surface, its path without a credential or a fault, the status, and the body.
PUBLISHED = [
    ("run", "", 401, rest(10000, "Authentication error")),
    ("messages", "", 401, rest(10000, "Authentication error")),
    ("gateway", "", 401, {**gateway(401, 2009, "Unauthorized", description="Unauthorized"), "httpCode": 400}),
    ("gateway", "no-credential", 400, gateway(400, 2040, NO_KEY)),
    ("binding", "credits", 402, gateway(402, 2021, CREDIT, description="Insufficient AI Gateway credits")),
    ("binding", "throttled", 429, gateway(429, 2003, "Rate limited", description="Rate limited")),
]


@pytest.mark.parametrize(("surface", "fault", "status", "body"), PUBLISHED)
def test_published_bodies(surface: str, fault: str, status: int, body: dict[str, Any]) -> None:
    path, headers, wrap = FULL[surface]
    headers = {**headers, "x-haiku-fault": f"answer:{fault}"} if fault else {}
    response = send("POST", path, json=wrap(INPUT), headers=headers)
    assert response.status_code == status
    told = response.json()
    if "description" in body:  # then the id of the request is there too
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", told.pop("requestId"))
    assert told == body


def test_a_path_that_leads_nowhere_is_told_as_it_was_sent() -> None:
    response = send("POST", UNROUTED, json=INPUT)
    text = f"Could not route to {UNROUTED}, perhaps your object identifier is invalid?"
    assert (response.status_code, response.json()) == (404, rest(7003, text))


@each_surface
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods(surface: str, method: str) -> None:
    response = send(method, FULL[surface][0])
    assert error_of(response) == (405, 7001, f"{method} not supported for requested URI.")


@pytest.mark.parametrize(("path", "status", "code"), [
    ("/client/v4/accounts/0a/ai/v1/models", 405, 7001), ("/ai/v1/models", 405, 7001), ("/models", 404, 7003),
])  # fmt: skip
def test_other_methods_where_nothing_is(path: str, status: int, code: int) -> None:
    """Published is what `GET …/ai/v1/models` is told."""
    response = send("GET", path)
    assert error_of(response)[:2] == (status, code)
    assert response.json()["errors"][0]["message"].startswith("GET not supported") == (status == 405)


def test_no_route() -> None:
    response = send("POST", "/client/v4/accounts/0a/ai/v1/chat/completions", json=INPUT)
    text = (
        "Could not route to /client/v4/accounts/0a/ai/v1/chat/completions, perhaps your object identifier is invalid?"
    )
    assert error_of(response) == (404, 7003, text)


@each_surface
@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_other_content_types(surface: str, content_type: str) -> None:
    path, headers, wrap = FULL[surface]
    body = json.dumps(wrap(INPUT))
    response = send("POST", path, content=body, headers={**headers, "content-type": content_type})
    assert error_of(response)[:2] == (400, 7003)
    charset = {**headers, "content-type": "application/json; charset=utf-8"}
    assert send("POST", path, content=body, headers=charset).status_code == 200


@each_surface
def test_a_body_that_is_too_large(surface: str) -> None:
    path, headers, _ = FULL[surface]

    async def giant() -> Any:
        for _ in range(MAX_BODY // (1 << 20) + 1):
            yield b" " * (1 << 20)

    response = send("POST", path, content=giant(), headers=headers | JSON)
    assert response.status_code == 413
    assert "Request exceeds the maximum size" in response.text


GRAMMAR = re.compile(
    re.escape(rejections.PREFIX) + r"(Required value missing: \S.*|Invalid value at \S+: \S.*|Invalid JSON body: \S.*)"
)

EVERY_KEYWORD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "a": {"type": "integer", "minimum": 1, "maximum": 9, "multipleOf": 2},
        "b": {"type": "string", "minLength": 2, "maxLength": 4},
        "c": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2, "uniqueItems": True},
        "d": {"type": "object", "minProperties": 1, "maxProperties": 2},
        "e": {"enum": ["p", 1]},
        "f": {"const": None},
        "g": {"oneOf": [{"type": "string"}, {"type": "number"}]},
        "h": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    },
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("contract", [CONTRACT, hc.load(version="1.0.0"), None], ids=["1.1.1", "1.0.0", "another"])
def test_every_constraint_is_refused_in_the_same_grammar(contract: hc.Contract | None) -> None:
    if contract is None:
        sides = hc.RequestValidator(EVERY_KEYWORD), hc.SchemaValidator("response", {"type": "object"})
        contract = hc.Contract("x/all", "All", "1.0.0", {}, *sides)
    app = create_app(contract)
    refused = set()
    for case in suite(contract, "request"):
        if case.kind == "faulted":
            response = send("POST", "/", app, content=case.body, headers={"content-type": case.content_type})
            status, code, message = error_of(response)
            assert (status, code) == (400, 7003), case.id
            assert GRAMMAR.fullmatch(message), message
            refused.add(case.constraint)
    assert {one.id for one in contract.request.constraints if one.violable} <= refused


@pytest.mark.parametrize(
    ("keyword", "value", "found"),
    [
        ("pattern", "^x", "y"),
        ("contains", {"const": 1}, [2]),
        ("not", {}, 1),
        ("dependentRequired", {"a": ["b"]}, {"a": 1}),
    ],
)
def test_keywords_that_the_suite_cannot_break_are_refused_too(keyword: str, value: Any, found: Any) -> None:
    request = hc.RequestValidator({"properties": {"x": {keyword: value}}})
    contract = hc.Contract("x/one", "One", "1.0.0", {}, request, hc.SchemaValidator("response", {"type": "object"}))
    status, code, message = error_of(send("POST", "/", create_app(contract), json={"x": found}))
    assert (status, code) == (400, 7003)
    assert GRAMMAR.fullmatch(message), message


def test_rules_of_the_provider() -> None:
    both = {**INPUT, "temperature": 1, "top_p": 1}
    assert ask("messages", both).status_code == 200
    strict = create_app(CONTRACT, settings=Settings(rules=True))
    refused = ask("messages", both, strict)
    assert refused.status_code == 400
    assert refused.json()["error"]["type"] == "invalid_request_error"
    assert "cannot both be specified" in refused.json()["error"]["message"]
    assert error_of(ask("run", both, strict))[:2] == (400, 7003)
    assert ask("messages", INPUT, strict).status_code == 200


@given(body=st.binary(max_size=200), surface=st.sampled_from(sorted(FULL)))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_refused(body: bytes, surface: str) -> None:
    path, headers, _ = FULL[surface]
    response = send("POST", path, content=body, headers=headers | JSON)
    assert 400 <= response.status_code < 500
    response.json()


@each_surface
@pytest.mark.parametrize("value", [b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000])
def test_deep_json(surface: str, value: bytes) -> None:
    path, headers, _ = FULL[surface]
    for body in (value, b'{"model":"%s","input":%s}' % (MODEL.encode(), value)):
        assert send("POST", path, content=body, headers=headers | JSON).status_code == 400
