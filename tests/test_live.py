"""The real endpoint: the exact request of each surface, and what is said where a credential is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.campaign.drive import Sender
from haiku_contract.campaign.run import Target
from haiku_contract.endpoint import live, surfaces
from haiku_contract.model import Case

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL: Final = "anthropic/claude-haiku-4.5"
TOKEN: Final = "a-token-that-nobody-has"
KNOWN: Final = live.Credentials("0123456789abcdef", TOKEN, "my-gateway")
BODY: Final = b'{"messages":[],"max_tokens":1}'
CASE: Final = Case("request/simplest", "request", "conforming", None, {"messages": [], "max_tokens": 1}, BODY)
API: Final = "https://api.cloudflare.com/client/v4/accounts/0123456789abcdef"
BEARER: Final = {"authorization": f"Bearer {TOKEN}", "cf-aig-gateway-id": "my-gateway", "cf-aig-skip-cache": "true"}

# surface -> URL, headers beside those of every HTTP request, body
REQUESTS: dict[str, tuple[str, dict[str, str], bytes]] = {
    "run": (f"{API}/ai/run", BEARER, b'{"model":"anthropic/claude-haiku-4.5","input":' + BODY + b"}"),
    "messages": (
        f"{API}/ai/v1/messages",
        BEARER,
        b'{"model":"anthropic/claude-haiku-4.5","messages":[],"max_tokens":1}',
    ),
    "gateway": (
        "https://gateway.ai.cloudflare.com/v1/0123456789abcdef/my-gateway/anthropic/v1/messages",
        {
            "cf-aig-authorization": f"Bearer {TOKEN}",
            "anthropic-version": "2023-06-01",
            "cf-aig-skip-cache": "true",
        },
        b'{"model":"claude-haiku-4-5","messages":[],"max_tokens":1}',
    ),
}
OF_EVERY_REQUEST: Final = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-length"}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_request_of_a_surface(name: str) -> None:
    address = live.address(name, KNOWN)
    target = Target("x", address.url, surfaces.named(name), billed=True)
    with httpx.Client() as client:
        request = Sender(target, MODEL, live.headers(name, MODEL) | address.headers).request(client, CASE)
    url, headers, body = REQUESTS[name]
    assert (request.method, str(request.url), request.content) == ("POST", url, body)
    sent = {key: value for key, value in request.headers.items() if key not in OF_EVERY_REQUEST}
    assert sent == {**headers, "content-type": "application/json"}


def test_the_request_of_a_binding() -> None:
    surface = surfaces.named("binding")
    target = Target("x", "http://127.0.0.1:9" + surface.path, surface)
    with httpx.Client() as client:
        request = Sender(target, MODEL, live.headers("binding", MODEL)).request(client, CASE)
    assert str(request.url) == "http://127.0.0.1:9/ai-gateway/run?version=3"
    assert request.content == b'{"inputs":' + BODY + b',"options":{"gateway":{"id":"default","skipCache":true}}}'
    assert request.headers["cf-consn-model-id"] == MODEL
    assert request.headers["cf-consn-sdk-version"] == "2.0.0"


@pytest.mark.parametrize("name", ["bare", "binding"])
def test_surfaces_without_a_public_address(name: str) -> None:
    with pytest.raises(hc.EndpointError, match="choose one of run, messages, gateway"):
        live.address(name, KNOWN)


def test_credentials_come_from_the_environment() -> None:
    environment = {live.ACCOUNT: "abc", live.TOKEN: TOKEN}
    assert live.credentials(environment) == live.Credentials("abc", TOKEN, "default")
    assert live.credentials(environment | {live.GATEWAY: "g"}).gateway == "g"
    assert live.credentials(environment, account="def", gateway="h") == live.Credentials("def", TOKEN, "h")


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, f"needs an account id: set {live.ACCOUNT}, or give --account"),
        ({live.ACCOUNT: "abc"}, f"needs an API token: set {live.TOKEN}"),
        ({live.ACCOUNT: "../x", live.TOKEN: TOKEN}, "the account id that was given cannot be one"),
        ({live.ACCOUNT: "abc", live.TOKEN: f"{TOKEN}\n"}, "the API token that was given cannot be one"),
        ({live.ACCOUNT: "abc", live.TOKEN: TOKEN, live.GATEWAY: "a b"}, "the gateway id that was given cannot be one"),
    ],
)
def test_what_is_missing_or_wrong_is_said(environment: dict[str, str], words: str) -> None:
    with pytest.raises(hc.EndpointError) as caught:
        live.credentials(environment)
    assert words in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        lambda value: repr(live.address("messages", value)),
        lambda _: repr(Sender(Target("x", "y", surfaces.named("run")), MODEL, {"a": TOKEN}, (TOKEN,))),
    ],
)
def test_nothing_shows_a_credential(shown: Callable[[Any], str]) -> None:
    assert TOKEN not in shown(KNOWN)
    assert "0123456789abcdef" not in shown(KNOWN)
