"""Responses that are no event streams: what of them is looked at, what is wrong, and what is said of the rest."""

from __future__ import annotations

import gzip
import json
import types
import zlib
from typing import Any

import httpx
import pytest

import haiku_contract as hc

MODEL = "anthropic/claude-haiku-4.5"
REST = "https://api.cloudflare.com/client/v4/accounts/0123/ai"
ENTRY = {"code": 7003, "message": "no"}


def raw_deflate(body: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeeze.compress(body) + squeeze.flush()


CODINGS = {
    "identity": bytes,
    "gzip": gzip.compress,
    "GZIP, identity": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    " deflate ": raw_deflate,
    "deflate, gzip": lambda body: gzip.compress(zlib.compress(body)),
}


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("coding", list(CODINGS))
def test_a_response_that_does_not_conform(
    read: Any, guard: Any, network: Any, answer: Any, size: int, coding: str
) -> None:
    raw = CODINGS[coding](json.dumps({**answer, "usage": {}, "type": "private text"}).encode())
    headers = {"content_type": "application/json; charset=utf-8", "content_encoding": coding}
    with pytest.raises(hc.ContractViolation) as caught:
        read(guard(network.in_chunks(raw, size, **headers), response="raise"))
    assert sorted(one.constraint for one in caught.value.violations) == [
        "response:/properties/type/const",
        "response:/properties/usage/required/0",
        "response:/properties/usage/required/1",
    ]
    assert "private" not in str(caught.value)
    with pytest.warns(hc.ContractWarning, match="response does not conform"):
        assert b"".join(read(guard(network.in_chunks(raw, size, **headers)))) == raw
    fine = guard(network(CODINGS[coding](json.dumps(answer).encode()), **headers), response="raise")
    read(fine)
    assert [(one.violations, one.skipped) for one in fine.seen] == [((), ""), ((), "")]


@pytest.mark.parametrize("coding", list(CODINGS))
def test_a_response_in_memory(post: Any, guard: Any, answer: Any, coding: str) -> None:
    def reply(body: Any) -> httpx.MockTransport:
        headers = {"content-type": "application/json", "content-encoding": coding}
        content = CODINGS[coding](json.dumps(body).encode())
        return httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=content))

    post(guard(reply(answer), response="raise"))
    with pytest.raises(hc.ContractViolation, match="response:/required/0"):
        post(guard(reply({}), response="raise"))


def test_a_broken_coding_has_a_rule_of_its_own(read: Any, guard: Any, network: Any) -> None:
    one = guard(network(b"{}", content_type="application/json", content_encoding="gzip"), response="raise")
    with pytest.raises(hc.ContractViolation) as caught:
        read(one)
    (violation,) = caught.value.violations
    assert str(violation) == (
        "(root): expected a body in the content coding gzip, found Error -3 while decompressing data: incorrect header "
        "check; encode the body as its content-encoding says, or leave that header out [wire:content-coding]"
    )


@pytest.mark.parametrize("coding", ["compress", "gzip, compress", "br"])
def test_a_coding_that_nobody_here_can_undo_is_not_hidden(
    read: Any, guard: Any, network: Any, monkeypatch: pytest.MonkeyPatch, coding: str
) -> None:
    monkeypatch.delitem(httpx._decoders.SUPPORTED_DECODERS, "br", raising=False)
    one = guard(network(b"whatever", content_type="application/json", content_encoding=coding), response="raise")
    assert read(one) == [b"whatever"]
    assert [each.skipped for each in one.seen] == ["", f"content coding {coding}"]
    assert one.seen[-1].status == 200


@pytest.mark.parametrize("joined", [True, False])
def test_the_decoders_of_the_client_are_used(
    read: Any, guard: Any, network: Any, monkeypatch: pytest.MonkeyPatch, joined: bool
) -> None:
    """As of httpx, which return bytes, and of httpx2, which yield them."""

    def backwards(chunk: bytes) -> Any:
        return chunk[::-1] if joined else iter([chunk[::-1]])

    monkeypatch.setitem(
        httpx._decoders.SUPPORTED_DECODERS,
        "zz",
        lambda: types.SimpleNamespace(decode=backwards),  # type: ignore[arg-type, return-value]
    )
    one = guard(network(b'{"oops":1}'[::-1], content_type="application/json", content_encoding="zz"), response="raise")
    with pytest.raises(hc.ContractViolation, match="response:/required/0"):
        read(one)


@pytest.mark.parametrize(("coding", "package"), [("br", "brotli"), ("zstd", "zstandard")])
def test_codings_that_need_a_package(read: Any, guard: Any, network: Any, coding: str, package: str) -> None:
    body = pytest.importorskip(package).compress(b'{"oops":1}')
    one = guard(network(body, content_type="application/json", content_encoding=coding), response="raise")
    with pytest.raises(hc.ContractViolation, match="response:/required/0"):
        read(one)


@pytest.mark.parametrize("content_type", ["text/plain", "text/html; charset=utf-8", "application/jsonl", ""])
def test_a_success_of_another_content_type(
    post: Any, guard: Any, network: Any, chunks: Any, answer: Any, content_type: str
) -> None:
    body = chunks(json.dumps(answer).encode())
    one = guard(network(body, content_type=content_type), response="raise")
    with pytest.raises(hc.ContractViolation, match=f"found {content_type or 'none'}; .*wire:content-type"):
        post(one)
    assert body.closed
    with pytest.warns(hc.ContractWarning, match="wire:content-type"):
        assert post(guard(network(answer, content_type=content_type))).json() == answer


def test_a_success_of_another_content_type_in_memory(post: Any, guard: Any) -> None:
    html = httpx.MockTransport(lambda _: httpx.Response(200, html="<p>signed out</p>"))
    with pytest.raises(hc.ContractViolation, match="found text/html"):
        post(guard(html, response="raise"))


@pytest.mark.parametrize("status", [204, 301, 302, 304, 307, 308])
def test_what_says_nothing_is_not_judged(read: Any, guard: Any, network: Any, status: int) -> None:
    one = guard(network(b"", status, location="http://127.0.0.1:9/", content_type="application/json"), response="raise")
    read(one)
    assert [(each.violations, each.skipped) for each in one.seen] == [((), ""), ((), f"HTTP {status}")]


def test_an_error_page_of_somebody_else_is_not_judged(read: Any, guard: Any, network: Any) -> None:
    one = guard(network(b"<h1>Bad gateway</h1>", 502, content_type="text/html"), response="raise")
    read(one)
    assert [each.skipped for each in one.seen] == ["", "content type text/html"]


ENVELOPES: dict[str, Any] = {
    "REST": lambda answer: {"result": answer, "success": True, "errors": [], "messages": []},
    "preview": lambda answer: {"state": "Completed", "result": answer},
    "bare": lambda answer: answer,
    "bare, with an error key": lambda answer: {**answer, "error": None},
}


@pytest.mark.parametrize("name", list(ENVELOPES))
def test_envelopes_of_a_success(post: Any, guard: Any, network: Any, good: Any, answer: Any, name: str) -> None:
    request = {"model": MODEL, "input": good}
    envelope = ENVELOPES[name](answer)
    assert (
        post(guard(network(envelope), surface=None, response="raise"), f"{REST}/run", json=request).json() == envelope
    )
    with pytest.raises(hc.ContractViolation, match="response:/required/"):
        post(guard(network(ENVELOPES[name]({"id": "x"})), surface=None, response="raise"), f"{REST}/run", json=request)


ERRORS: list[tuple[Any, bool]] = [
    ({"result": None, "success": False, "errors": [ENTRY], "messages": []}, True),
    ({"success": False, "result": [], "messages": [], "error": [ENTRY], "name": "AiGatewayError"}, True),
    ({"errors": [ENTRY]}, True),
    ({"error": [ENTRY]}, True),
    ({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}, "request_id": "req_1"}, True),
    ({"state": "Failed", "error": "no"}, True),
    ({"success": False}, False),
    ({"state": "Failed"}, False),
    ({"errors": []}, False),
    ({"error": {"type": 5}}, False),
]


@pytest.mark.parametrize("status", [200, 400, 529])
@pytest.mark.parametrize(("body", "fine"), ERRORS)
def test_error_bodies_have_known_shapes_at_any_status(
    post: Any, guard: Any, network: Any, body: Any, fine: bool, status: int
) -> None:
    one = guard(network(body, status), response="raise")
    if fine:
        assert post(one).status_code == status
        assert [each.violations for each in one.seen] == [(), ()]
        return
    with pytest.raises(hc.ContractViolation) as caught:
        post(one)
    assert {each.constraint.partition(":")[0] for each in caught.value.violations} == {"error"}


@pytest.mark.parametrize("body", [{"oops": 1}, []])
def test_the_status_of_an_error_is_enough(post: Any, guard: Any, network: Any, body: Any) -> None:
    with pytest.raises(hc.ContractViolation, match="error:"):
        post(guard(network(body, 400), response="raise"))
    with pytest.raises(hc.ContractViolation, match="response:"):
        post(guard(network(body, 200), response="raise"))
