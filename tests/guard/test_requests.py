"""Requests on their way out: which ones concern the guard, and what of them is held against the contract."""

from __future__ import annotations

import gzip
import json
import warnings
import zlib
from typing import Any

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.endpoint.surfaces import Asked, Refusal, named

MODEL = "anthropic/claude-haiku-4.5"
REST = "https://api.cloudflare.com/client/v4/accounts/0123/ai"
JSON = {"content-type": "application/json"}

# One request per surface: URL, headers, how the input is wrapped.
SURFACES: dict[str, tuple[str, dict[str, str], Any]] = {
    "binding": (
        "https://workers-binding.ai/ai-gateway/run?version=3",
        {"cf-consn-model-id": MODEL},
        lambda value: {"inputs": value, "options": {"gateway": {"id": "default"}}},
    ),
    "binding without gateway": (
        "https://workers-binding.ai/run?version=3", {"cf-consn-model-id": MODEL}, lambda value: {"inputs": value},
    ),
    "run": (f"{REST}/run", {}, lambda value: {"model": MODEL, "input": value}),
    "run with the model in the path": (f"{REST}/run/anthropic%2Fclaude-haiku-4.5", {}, lambda value: value),
    "messages": (f"{REST}/v1/messages", {}, lambda value: {"model": MODEL, **value}),
    "messages of an SDK": ("http://127.0.0.1:9/any/base/v1/messages", {}, lambda value: {"model": MODEL, **value}),
    "gateway": (
        "https://gateway.ai.cloudflare.com/v1/0123/default/anthropic/v1/messages",
        {},
        lambda value: {"model": "claude-haiku-4-5", **value},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(SURFACES))
def test_every_surface_is_recognised_and_unwrapped(
    post: Any, guard: Any, good: Any, bad: Any, answer: Any, name: str
) -> None:
    url, headers, wrap = SURFACES[name]
    fine = guard(surface=None)
    assert post(fine, url, json=wrap(good), headers=headers).json() == answer
    surface = name.split(maxsplit=1)[0]
    assert [(one.direction, one.surface, one.violations) for one in fine.seen] == [
        ("request", surface, ()),
        ("response", surface, ()),
    ]
    refusing = guard(surface=None)
    with pytest.raises(hc.ContractViolation) as caught:
        post(refusing, url, json=wrap(bad), headers=headers)
    assert [one.constraint for one in caught.value.violations] == ["request:/properties/max_tokens/type"]
    assert [one.instance_location for one in caught.value.violations] == ["/max_tokens"]
    assert refusing.network.sent == []


@pytest.mark.parametrize("name", list(SURFACES))
def test_respond_answers_in_the_form_of_the_surface(post: Any, guard: Any, bad: Any, name: str) -> None:
    url, headers, wrap = SURFACES[name]
    one = guard(surface=None, request="respond")
    response = post(one, url, json=wrap(bad), headers=headers)
    assert one.network.sent == []
    assert response.status_code == 400
    body = response.json()
    (entry,) = body.get("errors") or body["error"]
    assert entry["code"] == 7003
    assert entry["message"].startswith(
        "Model execution failed (User Input Error): Invalid value at max_tokens: Invalid input: expected number, "
        "received string"
    )
    assert "secret" not in entry["message"]


@pytest.mark.parametrize(
    ("name", "wrapped", "message"),
    [
        ("run", lambda value: {"model": MODEL, "inputs": value},
         '(root): expected the key "input", found keys "model", "inputs"; rename "inputs" to "input" [wire:envelope]'),
        ("run", lambda value: {"model": MODEL, **value},
         ('(root): expected the key "input", found keys "model", "messages", "max_tokens"; '
          'add "input" [wire:envelope]')),
        ("binding", lambda value: {"input": value},
         '(root): expected the key "inputs", found key "input"; rename "input" to "inputs" [wire:envelope]'),
        ("binding", lambda value: [value],
         "(root): expected an object, found array of 1; send an object with the input under 'inputs' [wire:envelope]"),
    ],
)  # fmt: skip
def test_a_missing_key_of_the_envelope_is_named(
    post: Any, guard: Any, good: Any, name: str, wrapped: Any, message: str
) -> None:
    url, headers, _ = SURFACES[name]
    with pytest.raises(hc.ContractViolation) as caught:
        post(guard(surface=None), url, json=wrapped(good), headers=headers)
    assert str(caught.value) == message
    response = post(guard(surface=None, request="respond"), url, json=wrapped(good), headers=headers)
    assert "(User Input Error): Required value missing: input" in response.text


@pytest.mark.parametrize(("name", "key"), [("run", "input"), ("binding", "inputs")])
def test_the_surface_itself_refuses_a_body_without_the_input(name: str, key: str) -> None:
    asked = Asked("POST", "127.0.0.1", "/client/v4/accounts/0/ai/run", {"cf-consn-model-id": MODEL})
    with pytest.raises(Refusal) as caught:
        named(name).unwrap(asked, {"model": MODEL, "prompt": "Hello"}, MODEL)
    assert (caught.value.status, caught.value.code) == (400, 7003)
    assert caught.value.message == f"Model execution failed (User Input Error): Required value missing: {key}"


def test_an_input_that_is_null_is_no_missing_key(post: Any, guard: Any) -> None:
    with pytest.raises(hc.ContractViolation, match="expected an object, found null"):
        post(guard(surface=None), f"{REST}/run", json={"model": MODEL, "input": None})


def test_the_bare_surface_has_to_be_named(post: Any, guard: Any, bad: Any) -> None:
    with pytest.raises(hc.ContractViolation):
        post(guard(), "http://127.0.0.1:9/anything", json=bad)
    assert post(guard(surface=None), "http://127.0.0.1:9/anything", json=bad).status_code == 200


@pytest.mark.parametrize(
    ("url", "headers", "body"),
    [
        ("https://api.cloudflare.com/client/v4/accounts/0123/ai/v1/chat/completions", {}, {"model": MODEL, "x": 1}),
        (f"{REST}/v1/messages", {}, {"model": "anthropic/claude-opus-4.5", "max_tokens": "x"}),
        (f"{REST}/v1/messages", {}, {"max_tokens": "x"}),
        (f"{REST}/run/@cf/meta/llama", {}, {"max_tokens": "x"}),
        (f"{REST}/run", {}, {"model": "openai/gpt", "input": {}}),
        ("https://workers-binding.ai/run?version=3", {"cf-consn-model-id": "openai/gpt"}, {"inputs": {}}),
        ("https://api.anthropic.com/v1/messages", {}, {"model": "claude-haiku-4-5", "max_tokens": "x"}),
        ("https://example.com/", {}, ["anything"]),
    ],
)
def test_what_is_not_ours_passes_untouched(
    post: Any, guard: Any, network: Any, url: str, headers: dict[str, str], body: Any
) -> None:
    one = guard(network(b"not even JSON"), surface=None, response="raise")
    assert post(one, url, json=body, headers=headers).content == b"not even JSON"
    assert json.loads(one.network.sent[0].content) == body
    assert one.seen == []


def test_other_methods_pass_untouched(guard: Any) -> None:
    with httpx.Client(transport=guard(response="raise").transport) as client:
        assert client.get("http://127.0.0.1:9/").status_code == 200


def test_hosts_narrow_what_is_looked_at(post: Any, guard: Any, bad: Any) -> None:
    body = {"model": MODEL, **bad}
    modes = {"surface": None, "hosts": ["gateway.internal"]}
    assert post(guard(**modes), f"{REST}/v1/messages", json=body).status_code == 200
    with pytest.raises(hc.ContractViolation):
        post(guard(**modes), "https://gateway.internal/v1/messages", json=body)


@pytest.mark.parametrize("body", [b'{"max_tokens": NaN}', b"", b'{"max_tokens":1,"max_tokens":2}', b"\xff"])
def test_bodies_that_are_not_json(post: Any, guard: Any, body: bytes) -> None:
    one = guard()
    with pytest.raises(hc.ContractViolation, match="wire:"):
        post(one, content=body, headers=JSON)
    assert one.network.sent == []


def test_a_body_that_cannot_be_read_is_ours_when_it_names_the_model(post: Any, guard: Any) -> None:
    body = b'{"model": "anthropic/claude-haiku-4.5", "max_tokens": NaN}'
    with pytest.raises(hc.ContractViolation, match="wire:number"):
        post(guard(surface=None), f"{REST}/v1/messages", content=body, headers=JSON)


@pytest.mark.parametrize(("headers", "found"), [({"content-type": "text/plain"}, "text/plain"), ({}, "none")])
def test_the_wrong_content_type(post: Any, guard: Any, good: Any, headers: dict[str, str], found: str) -> None:
    with pytest.raises(hc.ContractViolation, match=f"application/json, found {found}; .*wire:content-type"):
        post(guard(), content=json.dumps(good).encode(), headers=headers)


def _raw_deflate(body: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeeze.compress(body) + squeeze.flush()


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": _raw_deflate,
    "identity": bytes,
    "deflate, gzip": lambda body: gzip.compress(zlib.compress(body)),
}


@pytest.mark.parametrize("coding", list(CODINGS))
def test_compressed_requests_are_checked_and_sent_as_they_are(
    post: Any, guard: Any, good: Any, bad: Any, coding: str
) -> None:
    headers = JSON | {"content-encoding": coding}
    body = CODINGS[coding](json.dumps({"model": MODEL, **good}).encode())
    one = guard(surface=None)
    post(one, f"{REST}/v1/messages", content=body, headers=headers)
    assert one.network.sent[0].content == body
    assert [each.violations for each in one.seen] == [(), ()]
    body = CODINGS[coding](json.dumps({"model": MODEL, **bad}).encode())
    with pytest.raises(hc.ContractViolation, match="max_tokens: expected a number"):
        post(guard(surface=None), f"{REST}/v1/messages", content=body, headers=headers)


@pytest.mark.parametrize(
    ("coding", "found"), [("gzip", "incorrect header check"), ("compress", "one that cannot be undone here")]
)
def test_a_coding_that_cannot_be_undone(post: Any, guard: Any, good: Any, coding: str, found: str) -> None:
    """Where the head names our model this is one violation; where only the body could, the request is not ours."""
    request = {"content": json.dumps(good).encode(), "headers": JSON | {"content-encoding": coding}}
    with pytest.raises(hc.ContractViolation, match=found) as caught:
        post(guard(surface=None), f"{REST}/run/{MODEL}", **request)
    assert [one.constraint for one in caught.value.violations] == ["wire:content-coding"]
    untouched = guard(surface=None)
    post(untouched, f"{REST}/v1/messages", **request)
    assert len(untouched.network.sent) == 1
    assert untouched.seen == []


def test_warn_and_observe_and_off(post: Any, guard: Any, bad: Any) -> None:
    with pytest.warns(hc.ContractWarning, match="max_tokens: expected a number"):
        post(guard(request="warn"), json=bad)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        observing = guard(request="observe")
        post(observing, json=bad)
        assert [len(one.violations) for one in observing.seen] == [1, 0]
        blind = guard(request="off", response="off")
        post(blind, json=bad)
        assert blind.seen == []


def test_unknown_modes_are_refused(contract: hc.Contract) -> None:
    with pytest.raises(hc.UsageError, match="no mode request='strict': choose one of raise"):
        hc.GuardTransport(contract, request="strict")  # type: ignore[arg-type]
    with pytest.raises(hc.UsageError, match="no sample"):
        hc.GuardTransport(contract, sample=2)
    with pytest.raises(hc.UsageError, match="no surface"):
        hc.GuardTransport(contract, surface="rest")
