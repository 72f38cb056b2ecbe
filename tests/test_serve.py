"""The reference endpoint on all its surfaces, in this process: envelopes, refusals, replies, streams, bad input."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract import rejections
from haiku_contract.endpoint.reference import app as application
from haiku_contract.endpoint.reference import events, replies, scripts
from haiku_contract.endpoint.reference.answers import MAX_BODY, Settings
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.endpoint.reference.manners import MANNERS
from haiku_contract.endpoint.reference.pace import Pace, schedule
from haiku_contract.endpoint.reference.reply import Reply
from haiku_contract.endpoint.surfaces import SURFACES
from haiku_contract.generate import suite

if TYPE_CHECKING:
    from pathlib import Path

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
    "binding": ("/ai-gateway/run?version=3", BINDING, lambda value: {"inputs": value, "options": {}}),
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


PUBLISHED_401 = {
    "/client/v4/accounts/0a/ai/run": {
        "result": None, "success": False, "messages": [],
        "errors": [{"code": 10000, "message": "Authentication error"}],
    },
    "/v1/0a/default/anthropic/v1/messages": {
        "success": False, "error": [{"code": 2009, "message": "Unauthorized"}], "name": "AiGatewayError",
        "httpCode": 400, "internalCode": 2009, "message": "Unauthorized",
    },
}  # fmt: skip


@pytest.mark.parametrize("path", PUBLISHED_401)
def test_published_bodies_without_credentials(path: str) -> None:
    body = send("POST", path, json=INPUT).json()
    assert {key: body[key] for key in PUBLISHED_401[path]} == PUBLISHED_401[path]


@each_surface
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods(surface: str, method: str) -> None:
    response = send(method, FULL[surface][0])
    assert error_of(response) == (405, 7001, f"{method} not supported for requested URI.")


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


@pytest.mark.parametrize(
    ("stops", "reason", "stop", "text"),
    [
        (["follows"], "stop_sequence", "follows", "A short answer "),
        (["here", "answer"], "stop_sequence", "answer", "A short "),
        (["nowhere"], "end_turn", None, None),
        ([1, "", "A short"], "stop_sequence", "A short", None),
    ],
)
def test_stop_sequences(stops: list[Any], reason: str, stop: str | None, text: str | None) -> None:
    answer = replies.message({**INPUT, "stop_sequences": stops})
    assert (answer["stop_reason"], answer["stop_sequence"]) == (reason, stop)
    if text is not None:
        assert answer["content"] == [{"type": "text", "text": text}]
        assert answer["usage"]["output_tokens"] == len(text.split())
    CONTRACT.response.validate(answer)


TOOLS = [
    {"name": "other", "input_schema": {}},
    {
        "name": "weather",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
]


@pytest.mark.parametrize("choice", [{"type": "tool", "name": "weather"}, {"type": "any"}])
def test_a_tool_that_has_to_be_called_is_called(choice: dict[str, str]) -> None:
    asked = {**INPUT, "tools": TOOLS[1:], "tool_choice": choice}
    answer = ask("bare", asked).json()
    (call,) = answer["content"]
    assert (call["type"], call["name"], answer["stop_reason"]) == ("tool_use", "weather", "tool_use")
    assert hc.SchemaValidator("request", TOOLS[1]["input_schema"]).is_valid(call["input"])
    streamed = {**asked, "stream": True}
    stream = hc.StreamValidator(CONTRACT, request=streamed)
    assert [*stream.feed(ask("bare", streamed).content), *stream.finish()] == []
    assert stream.message["content"][0]["name"] == "weather"


@pytest.mark.parametrize(
    "more",
    [
        {"tools": TOOLS},
        {"tools": TOOLS, "tool_choice": {"type": "auto"}},
        {"tools": TOOLS, "tool_choice": {"type": "tool", "name": "unknown"}},
        {"tools": 7, "tool_choice": {"type": "any"}},
        {"tool_choice": {"type": "any"}},
        {"tools": [7, {}], "tool_choice": {"type": "any"}},
    ],
)
def test_otherwise_the_answer_is_a_text(more: dict[str, Any]) -> None:
    assert ask("bare", {**INPUT, **more}).json()["content"][0]["type"] == "text"


ODD_SCHEMAS = [
    7, None, [], True, {"$ref": "#/nowhere"}, {"$ref": "#"}, {"type": 3}, {"properties": []}, {"required": {}},
    {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}, "required": ["a"]}, {"enum": []},
    {"type": "object", "required": ["a", "b"], "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}},
    {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "minLength": 10**12}}},
    {"type": "object", "minProperties": 1e300}, {"allOf": 3}, {"pattern": "("}, {"type": "object", "required": [7]},
    {"type": "object", "properties": {"a": {"type": "string", "minLength": "x"}}, "required": ["a"]},
]  # fmt: skip


@pytest.mark.parametrize("schema", ODD_SCHEMAS, ids=repr)
def test_a_tool_may_declare_anything(schema: Any) -> None:
    tools = [{"name": "f", "input_schema": schema}]
    answer = ask("bare", {**INPUT, "tools": tools, "tool_choice": {"type": "any"}})
    assert answer.json()["content"][0]["name"] == "f"
    CONTRACT.response.validate(answer.json())


@given(schema=st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["object", "#/a", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "properties", "required", "a", "$ref", "anyOf", "items", "enum", "minLength"]),
        inner, max_size=4),
))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_tool_may_declare_anything_at_all(schema: Any) -> None:
    asked = {**INPUT, "tools": [{"name": "f", "input_schema": schema}], "tool_choice": {"type": "any"}}
    assert isinstance(replies.message(asked)["content"][0]["input"], dict)


def test_seeds_say_something_else() -> None:
    payload = {**INPUT, "stream": False}
    assert replies.message(payload, 1) == replies.message(payload, 1)
    assert len({replies.message(payload, seed)["id"] for seed in range(4)}) == 4


def streamed(profile: str) -> tuple[bytes, hc.StreamValidator]:
    app = create_app(CONTRACT, settings=Settings(profile=profile))  # type: ignore[arg-type]
    body = ask("bare", {**INPUT, "stream": True}, app).content
    stream = hc.StreamValidator(CONTRACT)
    assert [*stream.feed(body), *stream.finish()] == []
    return body, stream


def test_what_is_published_and_what_was_observed() -> None:
    body, stream = streamed("published")
    assert stream.deviations == ()
    CONTRACT.response.validate(stream.message)
    assert b"ping" not in body
    body, stream = streamed("observed")
    assert [one.constraint for one in stream.deviations] == ["response:/properties/usage/additionalProperties"]
    assert re.search(rb"\} {2,14}\}\n", body)
    assert b"event: ping" in body
    assert b"gatewayMetadata" not in body
    start = json.loads(next(line for line in body.split(b"\n") if line.startswith(b"data:"))[5:])
    assert len(start["message"]["usage"]) == 7


@given(text=st.text(max_size=60), profile=st.sampled_from(["published", "observed"]))
@settings(max_examples=30, deadline=None)
def test_any_text_survives_being_streamed(text: str, profile: Any) -> None:
    message = {**replies.message(INPUT), "content": [{"type": "text", "text": text}]}
    stream = hc.StreamValidator(CONTRACT)
    body = b"".join(one.data for one in events.stream(message, profile))
    assert [*stream.feed(body), *stream.finish()] == []
    assert stream.message["content"][0]["text"] == text


def test_an_input_of_a_tool_survives_being_streamed() -> None:
    block = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"city": "Zürich in 2026", "days": [1, 2]}}
    message = {**replies.message(INPUT), "content": [block], "stop_reason": "tool_use"}
    stream = hc.StreamValidator(CONTRACT)
    assert [*stream.feed(b"".join(one.data for one in events.stream(message))), *stream.finish()] == []
    assert stream.message["content"] == [block]


def write(folder: Path, name: str, value: Any) -> str:
    path = folder / name
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return str(path)


def test_scripted_replies(tmp_path: Path) -> None:
    entries = [
        {"when": {"max_tokens": 1}, "status": 418, "headers": {"x-tea": "pot"}, "body": {"short": True}},
        {"when": {"messages": [{"role": "assistant"}]}, "text": "You said so yourself."},
        {"when": {"system": "pi"}, "events": [{"type": "ping"}, {"type": "odd", "value": 3.14}]},
    ]
    app = create_app(CONTRACT, settings=Settings(script=scripts.load(write(tmp_path, "some.json", entries))))
    short = ask("bare", {**INPUT, "max_tokens": 1}, app)
    assert (short.status_code, short.headers["x-tea"], short.json()) == (418, "pot", {"short": True})
    said = ask("run", {**INPUT, "messages": [{"role": "assistant", "content": "x"}]}, app).json()["result"]
    assert said["content"] == [{"type": "text", "text": "You said so yourself."}]
    assert said["usage"]["output_tokens"] == 4
    asked = {**INPUT, "messages": [{"role": "assistant", "content": "x"}], "stream": True}
    stream = hc.StreamValidator(CONTRACT)
    assert [*stream.feed(ask("bare", asked, app).content), *stream.finish()] == []
    assert stream.message["content"] == said["content"]
    odd = ask("bare", {**INPUT, "system": "pi", "stream": True}, app)
    assert odd.content.count(b"event: ") == 2
    assert ask("bare", {**INPUT, "system": "pi"}, app).json() == replies.message({**INPUT, "system": "pi"})


def test_a_folder_of_replies(tmp_path: Path) -> None:
    write(tmp_path, "b.jsonl", b'{"text": "first"}\n\n{"text": "never"}\n')
    write(tmp_path, "a.sse", b"event: x\ndata: 1\n\n")
    write(tmp_path, "README.txt", b"not a reply")
    app = create_app(CONTRACT, settings=Settings(script=scripts.load(str(tmp_path))))
    assert ask("bare", {**INPUT, "stream": True}, app).content == b"event: x\ndata: 1\n\n"
    assert ask("bare", INPUT, app).json()["content"][0]["text"] == "first"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("a.json", b"{", "not JSON"),
        ("a.json", b"7", "a reply is an object"),
        ("a.json", b'{"status": "x", "text": "y"}', "status cannot be"),
        ("a.json", b'{"status": 200}', "says nothing"),
        ("a.json", b'{"headers": {"a": "b\\n"}, "text": "y"}', "headers cannot be"),
        ("a.json", b'{"events": [{}]}', "events cannot be"),
        ("a.txt", b"", "ends in .json, .jsonl, .sse"),
    ],
)
def test_replies_that_are_none(tmp_path: Path, name: str, value: bytes, words: str) -> None:
    with pytest.raises(hc.UsageError, match=words):
        scripts.load(write(tmp_path, name, value))


def test_no_replies(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(hc.UsageError, match=re.escape(str(path))):
            scripts.load(str(path))


CHUNKS = Reply(200, (b"aa", b"bbb", b"c" * 500), "text/event-stream; charset=utf-8", {}, (0, 5, 10))


def test_the_pace_of_a_stream() -> None:
    assert schedule(CHUNKS, Pace(), "") == [(0, one) for one in CHUNKS.chunks]
    assert [at for at, _ in schedule(CHUNKS, Pace(0.5, 10), "")] == [0.5, 1.0, 2.0]
    whole = Reply(200, (b"{}",), tokens=(20,))
    assert schedule(whole, Pace(0.5, 10, chunk_bytes=1), "") == [(2.5, b"{}")]


@given(seed=st.text(max_size=4), jitter=st.floats(0, 1), size=st.integers(0, 40))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_laws_of_the_pace(seed: str, jitter: float, size: int) -> None:
    pace = Pace(0.2, 10, jitter, size)
    timed = schedule(CHUNKS, pace, seed)
    assert timed == schedule(CHUNKS, pace, seed)
    assert b"".join(data for _, data in timed) == b"".join(CHUNKS.chunks)
    times = [at for at, _ in timed]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= 1.7 * (1 + jitter) + 1e-9


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


def scope(path: str = "/", **headers: str) -> dict[str, Any]:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    asgi = {"version": "3.0", "spec_version": "2.3"}
    return {"type": "http", "asgi": asgi, "method": "POST", "path": path, "headers": [*raw, *map(_raw, JSON.items())]}


def _raw(pair: tuple[str, str]) -> tuple[bytes, bytes]:
    return pair[0].encode(), pair[1].encode()


@pytest.mark.parametrize("fault", ["", "delivery:hang", "delivery:hang-midway", "delivery:drip"])
def test_a_client_that_hangs_up_frees_everything(fault: str) -> None:
    """With a first byte an hour away, nothing ends this but the end of the connection."""
    body = json.dumps({**INPUT, "stream": True}).encode()
    app = create_app(CONTRACT, settings=Settings(pace=Pace(ttfb=0 if fault else 3600)))

    async def go() -> set[asyncio.Task[Any]]:
        gone = asyncio.Event()
        messages = [{"type": "http.request", "body": body}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def ignore(_message: Any) -> None:
            asyncio.get_running_loop().call_later(0.05, gone.set)

        asyncio.get_running_loop().call_later(0.2, gone.set)
        headers = {"x-haiku-fault": fault} if fault else {}
        await asyncio.wait_for(app(scope(**headers), receive, ignore), 10)
        await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]

    assert asyncio.run(go()) == set()


def test_a_body_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "_PATIENCE", 0.05)
    sent: list[Any] = []

    async def go() -> None:
        async def receive() -> dict[str, Any]:
            await asyncio.sleep(3600)
            return {}

        async def send(message: Any) -> None:
            sent.append(message)

        await asyncio.wait_for(create_app(CONTRACT)(scope(), receive, send), 10)

    asyncio.run(go())
    assert sent[0]["status"] == 408


def test_a_client_that_leaves_before_it_has_said_everything() -> None:
    async def go() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def refuse(message: Any) -> None:
            raise AssertionError(message)

        await create_app(CONTRACT)(scope(), receive, refuse)

    asyncio.run(go())
