"""`replay` of a report sends what was sent: on the same surface, with the same headers, as often as is asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Cli = Callable[..., Any]
    Listen = Callable[[Callable[[bytes], bytes]], Any]

CASE: Final = "request/required/text/removed"
KEY: Final = "a-key-that-nobody-has"
HEADER: Final = ("--header", "X-Api-Key: env:MY_KEY")


def http(status: str, value: Any) -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"connection: close\r\n\r\n" + body


class Lenient:
    """Accepts a request without its text every so many times; refuses nothing else but what has no text."""

    def __init__(self, every: int = 1) -> None:
        self.every = every
        self.turn = 0

    def __call__(self, request: bytes) -> bytes:
        if b'"text"' in request:
            return http("200 OK", {"echo": ""})
        self.turn += 1
        if self.turn % self.every == 0:
            return http("200 OK", {"echo": ""})
        return http("400 Bad", {"errors": [{"code": 7003, "message": "Required value missing: text"}]})


@pytest.fixture
def report(cli: Cli, parrot: str, listen: Listen, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, str]:
    """An endpoint, and the report of a campaign at it."""
    monkeypatch.setenv("MY_KEY", KEY)
    somebody = listen(Lenient())
    at = ("--url", somebody.url, "--surface", "messages", *HEADER)
    assert cli("fuzz", "--contract", parrot, *at, "--format", "json", "--output", "report.json").code == 1
    somebody.heard.clear()
    return somebody, "report.json"


def test_the_surface_and_the_headers_are_those_of_the_report(
    cli: Cli, parrot: str, report: tuple[Any, str], tmp_path: Path
) -> None:
    somebody, name = report
    assert KEY not in (tmp_path / name).read_text("utf-8")
    result = cli("replay", CASE, "--contract", parrot, "--report", name, "--url", somebody.url)
    assert (result.code, result.err) == (1, "")
    assert len(somebody.heard) == 2  # the twin, and the witness
    for request in somebody.heard:
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /ai/v1/messages HTTP/1.1")
        assert f"x-api-key: {KEY}".encode() in head
        assert json.loads(body)["model"] == "example/parrot"


def test_the_reference_endpoint_is_not_asked_about_another_one(cli: Cli, parrot: str, report: tuple[Any, str]) -> None:
    """It would answer that the finding is fixed."""
    somebody, name = report
    result = cli("replay", CASE, "--contract", parrot, "--report", name)
    line = f"haiku-contract: {name}: a report of {somebody.url}; say where to ask: --url, --live or --reference\n"
    assert (result.code, result.out, result.err) == (2, "", line)
    told = cli("replay", CASE, "--contract", parrot, "--report", name, "--reference")
    assert told.code == 0
    assert told.out.startswith("fixed: ")


def test_what_is_asked_for_goes_before(cli: Cli, parrot: str, report: tuple[Any, str]) -> None:
    somebody, name = report
    given = ("--surface", "bare", "--header", "User-Agent: mine/1")
    assert cli("replay", CASE, "--contract", parrot, "--report", name, "--url", somebody.url, *given).code == 1
    head = somebody.heard[0].partition(b"\r\n\r\n")[0]
    assert head.startswith(b"POST / HTTP/1.1")
    assert b"mine/1" in head
    assert KEY.encode() not in head


def test_another_endpoint_gets_no_credentials(cli: Cli, parrot: str, report: tuple[Any, str], listen: Listen) -> None:
    other = listen(Lenient())
    assert cli("replay", CASE, "--contract", parrot, "--report", report[1], "--url", other.url).code == 1
    assert other.heard
    assert KEY.encode() not in b"".join(other.heard)


def test_a_missing_variable_is_said_before_anything_is_sent(
    cli: Cli, parrot: str, report: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody, name = report
    monkeypatch.delenv("MY_KEY")
    result = cli("replay", CASE, "--contract", parrot, "--report", name, "--url", somebody.url)
    assert (result.code, result.out, result.err.count("\n")) == (4, "", 1)
    assert "needs the environment variable MY_KEY: set it" in result.err
    assert somebody.heard == []


@pytest.mark.parametrize(
    ("every", "repeat", "told"),
    [
        (3, 3, (1, ", sometimes (1 of 3 times)")),
        (1, 3, (1, ", always (3 of 3 times)")),
        (99, 3, (0, ", always (3 of 3 times)")),
        (3, 1, (0, "fixed: rejected: Required value missing: text\n")),
    ],
)
def test_what_shows_now_and_then_is_still_there(
    cli: Cli, parrot: str, listen: Listen, *, every: int, repeat: int, told: tuple[int, str]
) -> None:
    somebody = listen(Lenient(every))
    result = cli("replay", CASE, "--contract", parrot, "--url", somebody.url, "--repeat", str(repeat))
    assert (result.code, result.err) == (told[0], "")
    assert told[1] in result.out
    assert len(somebody.heard) == 2 * repeat
    assert f"{2 * repeat} requests to" in result.out


@pytest.mark.parametrize("header", [None, 5, ["X-Api-Key: in-the-open-1234"], ["nonsense"], [7]])
def test_reports_that_somebody_has_written(
    cli: Cli, parrot: str, report: tuple[Any, str], tmp_path: Path, header: Any
) -> None:
    somebody, name = report
    changed = json.loads((tmp_path / name).read_text("utf-8")) | {"header": header, "surface": ["nope"]}
    (tmp_path / name).write_text(json.dumps(changed), "utf-8")
    result = cli("replay", CASE, "--contract", parrot, "--report", name, "--url", somebody.url)
    is_text = isinstance(header, list) and isinstance(header[0], str)
    assert (result.code, result.err.count("\n")) == ((2, 1) if is_text else (1, 0))
    assert KEY not in result.err
