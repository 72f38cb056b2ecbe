"""`--header`: credentials of an endpoint at a URL come from the environment, and are shown nowhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from haiku_contract.cli.headers import headers
from haiku_contract.errors import EndpointError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Cli = Callable[..., Any]

KEY: Final = "a-key-that-nobody-has"
BASIC: Final = "bWU6cDRzc3cwcmQ="  # me:p4ssw0rd
REFUSED: Final = (
    b"HTTP/1.1 500 Oops\r\ncontent-type: application/json\r\nset-cookie: session=of-theirs; Path=/\r\n"
    b"connection: close\r\ncontent-length: 2\r\n\r\n{}"
)


def test_values_come_from_the_environment() -> None:
    given = ["X-Api-Key: env:KEY", "Authorization:  Bearer env:KEY", "User-Agent: mine/1", "Cookie: env:JAR"]
    found = headers(given, {"KEY": f" {KEY}\n", "JAR": "a=first-one; b=second-one"})
    assert found.sent == {
        "x-api-key": KEY,
        "authorization": f"Bearer {KEY}",
        "user-agent": "mine/1",
        "cookie": "a=first-one; b=second-one",
    }
    assert found.shown == {
        "x-api-key": "$KEY",
        "authorization": "Bearer $KEY",
        "user-agent": "mine/1",
        "cookie": "$JAR",
    }
    assert found.variables == ("KEY", "JAR")
    assert {KEY, f"Bearer {KEY}", "first-one", "second-one"} <= set(found.secrets)
    assert "mine/1" not in found.secrets
    assert KEY not in repr(found)


@pytest.mark.parametrize("given", [["Authorization: Basic env:KEY"], ["Authorization: env:WHOLE"]])
def test_what_is_in_a_value_is_secret_too(given: list[str]) -> None:
    found = headers(given, {"KEY": BASIC, "WHOLE": f"Basic {BASIC}"})
    assert {BASIC, "me:p4ssw0rd", "p4ssw0rd"} <= set(found.secrets)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ([f"X-Api-Key: {KEY}"], UsageError, "--header x-api-key: its value may be a secret"),
        ([f"X-Anything: {KEY}"], UsageError, "write 'x-anything: env:VARIABLE'"),
        ([f"Authorization: Bearer {KEY}"], UsageError, "--header authorization: its value may be a secret"),
        (["User-Agent: sk-ant-api03-" + "Ab3dEf7hIj" * 5], UsageError, "--header user-agent: its value may be"),
        ([KEY], UsageError, "--header takes 'NAME: VALUE'"),
        ([f"a b: {KEY}"], UsageError, "--header takes 'NAME: VALUE'"),
        (["accept:"], UsageError, "--header takes 'NAME: VALUE'"),
        (["accept: a\nb"], UsageError, "--header takes 'NAME: VALUE'"),
        (["accept: é"], UsageError, "--header takes 'NAME: VALUE'"),
        (["Content-Type: text/plain"], UsageError, "--header content-type cannot be given"),
        (["Host: env:KEY"], UsageError, "--header host cannot be given"),
        (["accept: a", "Accept: b"], UsageError, "--header accept is given twice"),
        (["x-api-key: env:NONE"], EndpointError, "--header x-api-key needs the environment variable NONE: set it"),
        (["x-api-key: env:BAD"], EndpointError, "the environment variable BAD cannot be a header"),
    ],
)
def test_what_is_refused(given: list[str], error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        headers(given, {"KEY": KEY, "BAD": f"{KEY}\n{KEY}"})
    assert words in str(caught.value)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("verb", [("fuzz",), ("replay", "request/simplest")])
def test_where_no_header_can_be_given(cli: Cli, verb: tuple[str, ...]) -> None:
    result = cli(*verb, "--header", "accept: */*")
    assert (result.code, result.out, result.err) == (2, "", "haiku-contract: --header is for --url\n")


def test_headers_are_sent_and_shown_as_variables(
    cli: Cli, listen: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With fuzz, replay and record."""
    monkeypatch.setenv("MY_KEY", KEY)
    somebody = listen(lambda _: REFUSED)
    options = ("--url", somebody.url, "--header", "Authorization: Bearer env:MY_KEY", "--retries", "0")
    fuzzed = cli("fuzz", *options, "--format", "json")
    cli("replay", "request/temperature/maximum/above", *options)
    cli("record", "--record-mode", "once", *options, "--cassette", "tape.yaml", "--max-requests", "1")
    assert len(somebody.heard) == 4
    for request in somebody.heard:
        assert request.lower().count(f"authorization: bearer {KEY}".encode()) == 1
    [found] = json.loads(fuzzed.out)["findings"]
    assert '-H "authorization: Bearer $MY_KEY"' in found["reproduce"]["curl"]
    assert "os.environ['MY_KEY']" in found["reproduce"]["python"]
    written = fuzzed.out + fuzzed.err + (tmp_path / "tape.yaml").read_text("utf-8")
    assert KEY not in written


@pytest.mark.parametrize("path", ["/of/acc0unt-of-mine/run", "/client/v4/accounts/acc0unt-of-mine/ai/run"])
def test_an_account_in_the_path_is_not_shown(cli: Cli, listen: Any, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    if "accounts" not in path:
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "acc0unt-of-mine")
    somebody = listen(lambda _: REFUSED)
    result = cli("fuzz", "--url", somebody.url + path, "--format", "json")
    assert somebody.heard[0].split(b" ")[1] == path.encode()
    assert "acc0unt" not in result.out + result.err
    report = json.loads(result.out)
    assert report["endpoint"] == somebody.url + path.replace("acc0unt-of-mine", "REDACTED")
    assert path.replace("acc0unt-of-mine", "$CLOUDFLARE_ACCOUNT_ID") in report["findings"][0]["reproduce"]["curl"]


@pytest.mark.parametrize(
    "proxy", ["ftp://me:s3cret-of-mine@host", "http://me:s3cret-of-mine@host:x", "me:s3cret-of-mine@"]
)
def test_settings_that_cannot_be_used_are_named_and_not_quoted(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY")
    result = cli("fuzz", "--url", "https://127.0.0.1:9/", "--retries", "0", "--timeout", "1")
    assert (result.out, result.err.count("\n")) == ("", 1)
    assert result.code in (2, 4)
    assert "s3cret" not in result.err


def test_what_an_endpoint_sets_is_not_sent_back(cli: Cli, listen: Any) -> None:
    busy = REFUSED.replace(b"500 Oops", b"429 Too Many\r\nretry-after: 0")
    somebody = listen(lambda _: busy)
    cli("fuzz", "--url", somebody.url, "--retries", "2")
    assert len(somebody.heard) == 3
    assert not [request for request in somebody.heard if b"cookie" in request.lower()]
