"""The table from answers to outcomes, on published error bodies in our own words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from haiku_contract.campaign.outcomes import CACHED, EVIDENCE, Row, named_field, outcome
from haiku_contract.model import Case, Exchange, OutcomeKind

CASE = Case("request/simplest", "request", "conforming", None, {}, b"{}")
JSON = {"content-type": "application/json"}


def asked(payload: Any) -> Case:
    return Case("request/x", "request", "conforming", None, payload, b"")


def rest(code: int, message: str) -> bytes:
    return json.dumps({"result": None, "success": False, "errors": [{"code": code, "message": message}]}).encode()


def gateway(code: int, message: str) -> bytes:
    return json.dumps({"success": False, "error": [{"code": code, "message": message}], "internalCode": code}).encode()


def provider(kind: str, message: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (200, b'{"id":"msg_1"}', OutcomeKind.ACCEPTED, None),
        (200, b'{"result":{},"success":true,"errors":[],"messages":[]}', OutcomeKind.ACCEPTED, None),
        (402, gateway(2021, "no balance"), OutcomeKind.ACCEPTED, 2021),
        (402, b"{}", OutcomeKind.UNKNOWN, None),
        (400, rest(7003, "Model execution failed (User Input Error): x"), OutcomeKind.REJECTED, 7003),
        (400, provider("invalid_request_error", "nope"), OutcomeKind.REJECTED, "invalid_request_error"),
        (404, gateway(7003, "Model not found: x"), OutcomeKind.UNKNOWN, 7003),
        (400, gateway(2009, "Unauthorized"), OutcomeKind.UNAUTHORISED, 2009),
        (401, rest(10000, "Authentication error"), OutcomeKind.UNAUTHORISED, 10000),
        (429, gateway(2003, "Rate limited"), OutcomeKind.THROTTLED, 2003),
        (200, rest(7003, "Wholesale rate limit exceeded"), OutcomeKind.THROTTLED, 7003),
        (200, rest(1, "something new"), OutcomeKind.UNKNOWN, 1),
        (405, rest(7001, "GET not supported"), OutcomeKind.UNKNOWN, 7001),
        (413, b"too large", OutcomeKind.REJECTED, None),
        (500, provider("api_error", "oops"), OutcomeKind.CRASHED, "api_error"),
        (501, b"", OutcomeKind.CRASHED, None),
        (503, b"<html>", OutcomeKind.THROTTLED, None),
        (529, provider("overloaded_error", "busy"), OutcomeKind.THROTTLED, "overloaded_error"),
        (302, b"", OutcomeKind.UNKNOWN, None),
        (402, b'{"error":[{"code":2021,"message":"no credit"}]}', OutcomeKind.ACCEPTED, 2021),
        (429, gateway(2045, "spend limit"), OutcomeKind.THROTTLED, 2045),
        (400, gateway(2040, "no such key"), OutcomeKind.UNAUTHORISED, 2040),
        (401, gateway(2009, "Unauthorized"), OutcomeKind.UNAUTHORISED, 2009),
        (400, gateway(2001, "no gateway"), OutcomeKind.UNKNOWN, 2001),
        (400, rest(7000, "no model"), OutcomeKind.UNKNOWN, 7000),
        (404, rest(7003, "Could not route to /x"), OutcomeKind.UNKNOWN, 7003),
        (400, rest(7003, "Could not route to /x"), OutcomeKind.UNKNOWN, 7003),
        (400, rest(7003, "Rate limit exceeded"), OutcomeKind.THROTTLED, 7003),
        (400, rest(5006, "AiError: bad input"), OutcomeKind.REJECTED, 5006),
        (422, gateway(2017, "guardrails"), OutcomeKind.UNKNOWN, 2017),
        (424, gateway(2029, "held back"), OutcomeKind.UNKNOWN, 2029),
        (424, gateway(2030, "held back"), OutcomeKind.UNKNOWN, 2030),
        (404, provider("not_found_error", "model: x"), OutcomeKind.UNKNOWN, "not_found_error"),
        (413, provider("request_too_large", "too large"), OutcomeKind.REJECTED, "request_too_large"),
        (403, provider("permission_error", "no"), OutcomeKind.UNAUTHORISED, "permission_error"),
        (402, provider("billing_error", "no"), OutcomeKind.UNAUTHORISED, "billing_error"),
        (504, provider("timeout_error", "late"), OutcomeKind.THROTTLED, "timeout_error"),
        (429, provider("rate_limit_error", "slow"), OutcomeKind.THROTTLED, "rate_limit_error"),
        (401, provider("authentication_error", "key"), OutcomeKind.UNAUTHORISED, "authentication_error"),
        (500, rest(10000, "Internal error"), OutcomeKind.CRASHED, 10000),
        (500, rest(2003, "Rate limited"), OutcomeKind.CRASHED, 2003),
        (500, provider("invalid_request_error", "no"), OutcomeKind.CRASHED, "invalid_request_error"),
    ],
)
def test_table(status: int, body: bytes, kind: OutcomeKind, code: int | str | None) -> None:
    found = outcome(Exchange(CASE, status, JSON, body, 0.0))
    assert (found.kind, found.code) == (kind, code)


@pytest.mark.parametrize("row", EVIDENCE, ids=lambda row: f"{row.status}/{row.code}")
def test_every_row_decides_something_and_names_its_source(row: Row) -> None:
    status = row.status or 400
    body = (
        b"{}"
        if row.code is None
        else rest(0, row.says).replace(b'"code": 0', f'"code": {json.dumps(row.code)}'.encode())
    )
    found = outcome(Exchange(CASE, status, JSON, body, 0.0), row.surfaces[0] if row.surfaces else "")
    assert found.kind is row.kind
    assert row.source.startswith(("recorded", "documented", "RFC "))


def test_the_router_of_one_surface_says_nothing_of_another() -> None:
    exchange = Exchange(CASE, 400, JSON, rest(7003, "Could not route"), 0.0)
    assert outcome(exchange, "messages").kind is OutcomeKind.UNKNOWN
    assert outcome(exchange, "gateway").kind is OutcomeKind.REJECTED


@pytest.mark.parametrize(
    ("kind", "outcome_kind"),
    [("overloaded_error", OutcomeKind.THROTTLED), ("invalid_request_error", OutcomeKind.REJECTED),
     ("api_error", OutcomeKind.CRASHED), ("new_error", OutcomeKind.UNKNOWN)],
)  # fmt: skip
def test_an_error_event_after_a_success_decides(kind: str, outcome_kind: OutcomeKind) -> None:
    body = b"event: error\ndata: " + provider(kind, "x") + b"\n\n"
    found = outcome(Exchange(CASE, 200, {"content-type": "text/event-stream"}, body, 0.0))
    assert (found.kind, found.code) == (outcome_kind, kind)


def test_an_answer_from_a_cache_does_not_count() -> None:
    found = outcome(Exchange(CASE, 200, JSON | {"cf-aig-cache-status": "HIT"}, b'{"id":"msg_1"}', 0.0))
    assert (found.kind, found.message) == (OutcomeKind.UNKNOWN, CACHED)


PICTURE = {"messages": [{"role": "user", "content": [
    {"type": "text"}, {"type": "image", "source": {"type": "base64", "data": "x"}},
]}], "tools": [{"name": "x", "input_schema": {}}]}  # fmt: skip


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("messages.0.content.1.image.source.base64.data: wrong", "/messages/0/content/1/source/data"),
        ("messages.0.content.0.text.text: Field required", "/messages/0/content/0/text"),
        ("tools.0.custom.name: wrong", "/tools/0/name"),
        ("Model execution failed (User Input Error): messages.0.content: wrong", "/messages/0/content"),
        ("messages: at least one message is required", "/messages"),
        ("`temperature` and `top_p` cannot both be specified for this model.", None),
    ],
)
def test_the_provider_names_members_of_unions_too(message: str, field: str | None) -> None:
    assert named_field(message, asked(PICTURE)) == field


def test_a_success_that_is_neither_json_nor_a_stream_is_not_an_answer() -> None:
    found = outcome(Exchange(CASE, 200, {"content-type": "text/html"}, b"<p>hello\n</p>", 0.0))
    assert found.kind is OutcomeKind.UNKNOWN
    assert found.message == "<p>hello </p>"


def test_an_event_stream_is_an_answer() -> None:
    headers = {"content-type": "text/event-stream; charset=utf-8"}
    assert outcome(Exchange(CASE, 200, headers, b"event: ping\n\n", 0.0)).kind is OutcomeKind.ACCEPTED


def test_nothing_arrived() -> None:
    found = outcome(Exchange(CASE, None, {}, b"", 0.0, "ConnectError: refused"))
    assert (found.kind, found.message) == (OutcomeKind.UNREACHABLE, "ConnectError: refused")


def test_bytes_that_are_not_text_are_shown_escaped() -> None:
    found = outcome(Exchange(CASE, 500, {}, b"\x00\xff\x1b[31m", 0.0))
    assert found.message.isprintable()


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("Model execution failed (User Input Error): Required value missing: messages[0].role", "/messages/0/role"),
        (
            "Model execution failed (User Input Error): Invalid value at system: Invalid input: expected string",
            "/system",
        ),
        ("Invalid value at (root): Invalid input", ""),
        ("Validation error at temperature: not supported", "/temperature"),
        ("messages.0.content.0.type: Field required", "/messages/0/content/0/type"),
        ("max_tokens: Input should be a valid integer", "/max_tokens"),
        ("Internal error", None),
    ],
)
def test_named_field(message: str, field: str | None) -> None:
    assert named_field(message, asked({"messages": [], "max_tokens": 1})) == field


@pytest.mark.parametrize("message", ["error: bad input", "json: cannot unmarshal", "max_tokens: no"])
def test_a_word_before_a_colon_is_a_field_only_where_the_request_has_it(message: str) -> None:
    assert named_field(message, asked({"messages": []})) is None


def test_the_first_of_several_missing_values_is_named() -> None:
    assert named_field("Required value missing: max_tokens, temperature", CASE) == "/max_tokens"


@pytest.mark.parametrize(
    "body",
    [
        {"state": "Failed", "error": {"message": "x"}},
        {"state": "Failed", "error": "x"},
        {"success": False, "errors": []},
        {"error": {"message": "bad"}},
    ],
)
def test_a_success_that_tells_of_a_failure_is_no_answer(body: dict[str, object]) -> None:
    found = outcome(Exchange(CASE, 200, JSON, json.dumps(body).encode(), 0.0))
    assert found.kind is OutcomeKind.UNKNOWN


def test_media_types_are_read_in_any_case() -> None:
    found = outcome(Exchange(CASE, 201, {"content-type": "Application/JSON; charset=utf-8"}, b"{}", 0.0))
    assert found.kind is OutcomeKind.ACCEPTED
