"""What arrives at each surface, byte by byte: the request line, the names of headers in their order, the body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from haiku_contract.endpoint import live, surfaces

if TYPE_CHECKING:
    from collections.abc import Callable

    Cli = Callable[..., Any]
    Listen = Callable[[Callable[[bytes], bytes]], Any]

ACCOUNT: Final = "0123456789abcdef"
GATEWAY: Final = "my-gateway"
TOKEN: Final = "a-token-that-nobody-has"
INPUT: Final = b'{"messages":[{"role":"user","content":"Hello"}],"max_tokens":1}'
BASE: Final = ("Host", "Accept", "Connection", "User-Agent", "accept-encoding", "cf-aig-skip-cache")
"""What every request begins with: the client's own headers, no content coding, and no answer from a cache."""
END: Final = ("content-type", "Content-Length")


class Golden(NamedTuple):
    """One request.

    Attributes:
        target: of the request line.
        names: the headers between those of every request.
        values: of headers that are the endpoint's own.
        body: the exact bytes.
    """

    target: str
    names: tuple[str, ...]
    values: dict[str, str]
    body: bytes


REST: Final = {"authorization": f"Bearer {TOKEN}", "cf-aig-gateway-id": GATEWAY}
NATIVE: Final = {"anthropic-version": "2023-06-01", "cf-aig-authorization": f"Bearer {TOKEN}"}
BINDING: Final = {"cf-consn-model-id": "anthropic/claude-haiku-4.5", "cf-consn-sdk-version": "2.0.0"}

# The real surfaces, as published; those without a public address are what a local imitation of it is sent.
LIVE: Final = {
    "run": Golden(
        f"/client/v4/accounts/{ACCOUNT}/ai/run",
        ("authorization", "cf-aig-gateway-id"),
        REST,
        b'{"model":"anthropic/claude-haiku-4.5","input":' + INPUT + b"}",
    ),
    "messages": Golden(
        f"/client/v4/accounts/{ACCOUNT}/ai/v1/messages",
        ("authorization", "cf-aig-gateway-id"),
        REST,
        b'{"model":"anthropic/claude-haiku-4.5",' + INPUT[1:],
    ),
    "gateway": Golden(
        f"/v1/{ACCOUNT}/{GATEWAY}/anthropic/v1/messages",
        ("anthropic-version", "cf-aig-authorization"),
        NATIVE,
        b'{"model":"claude-haiku-4-5",' + INPUT[1:],
    ),
}
LOCAL: Final = {
    "bare": Golden("/", (), {}, INPUT),
    "binding": Golden(
        "/ai-gateway/run?version=3",
        ("cf-consn-model-id", "cf-consn-sdk-version"),
        BINDING,
        b'{"inputs":' + INPUT + b',"options":{"gateway":{"id":"default","skipCache":true}}}',
    ),
}


def refuse(_: bytes) -> bytes:
    """End the campaign at the first request."""
    body = json.dumps({"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}).encode()
    head = f"HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"connection: close\r\n\r\n" + body


@pytest.fixture
def elsewhere(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Somebody on this machine in the place of the real endpoint, with the credentials for it."""
    somebody = listen(refuse)
    monkeypatch.setattr(live, "_API", f"{somebody.url}/client/v4/accounts/")
    monkeypatch.setattr(live, "_GATEWAY", f"{somebody.url}/v1/")
    for name, value in ((live.ACCOUNT, ACCOUNT), (live.TOKEN, TOKEN), (live.GATEWAY, GATEWAY)):
        monkeypatch.setenv(name, value)
    return somebody


def check(request: bytes, golden: Golden) -> None:
    head, _, body = request.partition(b"\r\n\r\n")
    line, *fields = head.decode("ascii").split("\r\n")
    pairs = [tuple(field.split(": ", 1)) for field in fields]
    values = {name.lower(): value for name, value in pairs}
    assert line == f"POST {golden.target} HTTP/1.1"
    assert tuple(name for name, _ in pairs) == (*BASE, *golden.names, *END)
    assert {name: values[name] for name in golden.names} == golden.values
    assert (values["cf-aig-skip-cache"], values["content-type"]) == ("true", "application/json")
    assert (values["accept-encoding"], values["content-length"]) == ("identity", str(len(golden.body)))
    assert body == golden.body


def test_every_surface_is_here() -> None:
    assert set(surfaces.SURFACES) == LIVE.keys() | LOCAL.keys()
    assert set(live.PUBLIC) == LIVE.keys()


@pytest.mark.parametrize("surface", LIVE)
def test_the_real_endpoint(cli: Cli, elsewhere: Any, surface: str) -> None:
    result = cli("fuzz", "--live", "--surface", surface, "--max-requests", "1")
    assert (result.code, result.out) == (4, "")
    (request,) = elsewhere.heard
    check(request, LIVE[surface])
    last = result.err.splitlines()[-1]
    assert "refuses the credentials (HTTP 401: Authentication error); check the key and what it may do" in last
    assert TOKEN not in result.err
    assert ACCOUNT not in result.err


@pytest.mark.parametrize("surface", LOCAL)
def test_endpoints_of_other_people(cli: Cli, listen: Listen, surface: str) -> None:
    somebody = listen(refuse)
    assert cli("fuzz", "--url", somebody.url, "--surface", surface).code == 4
    (request,) = somebody.heard
    check(request, LOCAL[surface])


@pytest.mark.parametrize("surface", LIVE)
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (live.ACCOUNT, "", f"the real endpoint needs an account id: set {live.ACCOUNT}, or give --account"),
        (live.ACCOUNT, "a/../b", "the account id that was given cannot be one"),
        (live.TOKEN, "", f"the real endpoint needs an API token: set {live.TOKEN}"),
        (live.TOKEN, "short", "the API token that was given cannot be one"),
        (live.TOKEN, f"{TOKEN}\nx-evil: yes", "the API token that was given cannot be one"),
        (live.TOKEN, "ein-schlüssel-der-keiner-ist", "the API token that was given cannot be one"),
        (live.GATEWAY, "my gateway", "the gateway id that was given cannot be one"),
    ],
)
def test_nothing_is_sent_without_credentials(  # noqa: PLR0913, PLR0917 - a table
    cli: Cli, elsewhere: Any, monkeypatch: pytest.MonkeyPatch, surface: str, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    for verb in (("fuzz",), ("replay", "request/simplest"), ("record", "--cassette", "x.yaml")):
        result = cli(*verb, "--live", "--surface", surface)
        assert (result.code, result.out, result.err.count("\n")) == (4, "", 1)
        assert result.err.startswith(f"haiku-contract: {words}")
        assert not [secret for secret in (TOKEN, "x-evil", "schlüssel") if secret in result.err]
    assert elsewhere.heard == []
