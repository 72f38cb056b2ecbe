"""Addresses where no endpoint of the surface answers, and endpoints that are of no use."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Self

    Cli = Callable[..., Any]


class Somebody:
    """What listens at an address: answers every request with the same bytes, and keeps what it was sent."""

    def __init__(self, answer: bytes | None) -> None:
        """Args: the answer; nothing at all is said where it is None."""
        self.answer = answer
        self.connected = threading.Event()
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for connection in self._open:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connected.set()
            if self.answer is None:
                self._open.append(connection)
                continue
            with connection, contextlib.suppress(OSError):
                if self.answer:
                    connection.settimeout(10)
                    self.heard.append(_request(connection))
                    connection.sendall(self.answer)


def _request(connection: socket.socket) -> bytes:
    """One whole request: closing with bytes unread would reset the connection and lose the answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def _http(status: str, body: str = "", content_type: str = "text/html", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-type: {content_type}", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "connection: close", "", body]).encode()


ROUTE = json.dumps({"success": False, "errors": [{"code": 7003, "message": "Could not route\nto \x1b[31m/here"}]})

# The answer to everything, and what is said about it.
NO_ENDPOINTS = {
    "garbage": (b"\x00\xffSSH-2.0-nope\r\n\r\n" * 3, "cannot be reached (RemoteProtocolError: "),
    "closes at once": (b"", "cannot be reached ("),
    "breaks off": (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", "cannot be reached (RemoteProtocolError: "),
    "web page": (
        _http("200 OK", "<p>Hello</p>"),
        "does not answer as this surface does (HTTP 200: <p>Hello</p>); check the URL and the surface",
    ),
    "no content": (_http("204 No Content"), "does not answer as this surface does (HTTP 204); check the URL and the"),
    "not found": (
        _http("404 Not Found", "<p>nope</p>"),
        "does not answer as this surface does (HTTP 404: <p>nope</p>);",
    ),
    "no route": (
        _http("404 Not Found", ROUTE, "application/json"),
        "does not answer as this surface does (HTTP 404: Could not route to \\x1b[31m/",
    ),
    "moved": (
        _http("302 Found", "", "text/html", "location: /there"),
        "does not answer as this surface does (HTTP 302); check the URL",
    ),
    "JSON that is none": (
        _http("200 OK", "abc", "application/json"),
        "does not answer as this surface does (HTTP 200); check the URL and the surface",
    ),
    "unauthorised": (_http("401 Unauthorized"), "refuses the credentials (HTTP 401)"),
    "forbidden": (_http("403 Forbidden"), "refuses the credentials (HTTP 403)"),
    "too many": (_http("429 Too Many Requests"), "does not serve requests at the moment (HTTP 429)"),
    "outage": (_http("503 Service Unavailable"), "does not serve requests at the moment (HTTP 503)"),
}


@pytest.mark.parametrize("name", NO_ENDPOINTS)
def test_what_answers_is_no_endpoint(cli: Cli, tmp_path: Path, name: str) -> None:
    answer, line = NO_ENDPOINTS[name]
    with Somebody(answer) as somebody:
        result = cli("fuzz", "--url", somebody.url, "--timeout", "5", "--retries", "0", "--output", "report.txt")
    assert (result.code, result.out, result.err.count("\n")) == (4, "", 1)
    assert result.err.startswith(f"haiku-contract: {somebody.url} {line}")
    assert result.err.strip().isprintable()
    assert len(somebody.heard) <= 1
    assert list(tmp_path.iterdir()) == []


def test_nobody_answers(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = cli("fuzz", "--url", f"http://me:secret@127.0.0.1:{port}/here?key=secret#secret")
    assert (result.code, result.out, result.err.count("\n")) == (4, "", 1)
    assert result.err.startswith(f"haiku-contract: http://127.0.0.1:{port}/here cannot be reached (ConnectError: ")
    assert "secret" not in result.err


def test_nobody_answers_in_time(cli: Cli) -> None:
    with Somebody(None) as somebody:
        result = cli("fuzz", "--url", somebody.url, "--timeout", "0.2", "--retries", "0")
    assert (result.code, result.out) == (4, "")
    line = f"{somebody.url} cannot be reached (ReadTimeout); check that it runs, and its host and port"
    assert result.err == f"haiku-contract: {line}\n"


def test_endpoint_that_crashes_on_everything(cli: Cli, report_schema: dict[str, Any]) -> None:
    with Somebody(_http("500 Internal Server Error", "boom")) as somebody:
        result = cli("fuzz", "--url", somebody.url, "--format", "json")
    assert (result.code, result.err) == (1, "")
    report = json.loads(result.out)
    jsonschema.Draft202012Validator(report_schema).validate(report)
    assert report["requests"] == 1
    assert [(one["code"], one["case"]) for one in report["findings"]] == [("crashing", "request/simplest")]
    assert {one["verdict"] for one in report["verdicts"]} == {"undetermined", "unviolable", "unexercised"}


def test_endpoint_that_accepts_everything(cli: Cli, parrot: str) -> None:
    with Somebody(_http("200 OK", '{"echo": "Hello"}', "application/json")) as somebody:
        result = cli("fuzz", "--contract", parrot, "--url", somebody.url, "--format", "json")
    assert (result.code, result.err) == (1, "")
    verdicts = {one["verdict"] for one in json.loads(result.out)["verdicts"]}
    assert verdicts == {"leaky", "unviolable", "held"}


def test_url_is_used_as_it_is_written(cli: Cli) -> None:
    with Somebody(_http("404 Not Found")) as somebody:
        for surface in ("bare", "messages"):
            cli("fuzz", "--url", f"{somebody.url}/a%2Fb/?key=1", "--surface", surface)
    assert [heard.split(b" ")[1] for heard in somebody.heard] == [b"/a%2Fb/?key=1", b"/a%2Fb/ai/v1/messages?key=1"]


def test_output_is_checked_before_anything_is_sent(cli: Cli) -> None:
    with Somebody(_http("200 OK")) as somebody:
        result = cli("fuzz", "--url", somebody.url, "--output", "no/where")
    assert result.code == 2
    assert not somebody.connected.is_set()


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_interrupted(command: list[str]) -> None:
    with Somebody(None) as somebody:
        command = [*command, "fuzz", "--url", somebody.url]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - us
        assert somebody.connected.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"\nhaiku-contract: interrupted\n")


def test_a_busy_endpoint_is_asked_again(cli: Cli) -> None:
    with Somebody(_http("429 Too Many Requests", "", "text/html", "retry-after: 0")) as somebody:
        result = cli("fuzz", "--url", somebody.url, "--retries", "2")
    assert (result.code, result.out) == (4, "")
    assert len(somebody.heard) == 3


def test_budget(cli: Cli, report_schema: dict[str, Any]) -> None:
    result = cli("fuzz", "--max-requests", "5", "--format", "json")
    assert result.code == 3
    assert re.fullmatch(r"haiku-contract: \d+ cases left out: the budget is used up\n", result.err)
    report = json.loads(result.out)
    jsonschema.Draft202012Validator(report_schema).validate(report)
    assert report["requests"] == 5
    assert f"{len(report['left_out'])} cases" in result.err


def test_resume(cli: Cli, tmp_path: Path) -> None:
    first = cli("fuzz", "--max-requests", "50", "--resume", "run.jsonl", "--format", "json")
    second = cli("fuzz", "--resume", "run.jsonl", "--format", "json")
    whole = cli("fuzz", "--format", "json")
    assert (first.code, second.code, whole.code) == (3, 0, 0)
    sent = [json.loads(one.out)["requests"] for one in (first, second, whole)]
    assert sent == [50, sent[2] - 50, sent[2]]
    assert json.loads(second.out)["verdicts"] == json.loads(whole.out)["verdicts"]
    assert [path.name for path in tmp_path.iterdir()] == ["run.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "words"),
    [
        (["--live"], {}, 4, "the real endpoint needs an account id: set CLOUDFLARE_ACCOUNT_ID, or give --account"),
        (["--live", "--account", "abc"], {}, 4, "the real endpoint needs an API token: set CLOUDFLARE_API_TOKEN"),
        (["--live", "--surface", "bare"], {"CLOUDFLARE_ACCOUNT_ID": "a", "CLOUDFLARE_API_TOKEN": "12345678"}, 4,
         "the surface 'bare' has no public address"),
        (["--live", "--url", "http://127.0.0.1:1"], {}, 2, "--url cannot be combined with --live"),
        (["--live", "--fault", "x"], {}, 2, "--live cannot be combined with --fault"),
        (["--account", "abc"], {}, 2, "--account and --gateway are for --live"),
        (["--rate", "fast"], {}, 2, "not a rate: 'fast'"),
        (["--resume", "."], {}, 2, ".: cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_run(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, arguments: list[str], environment: dict[str, str], code: int, words: str
) -> None:
    for name in ("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_GATEWAY_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = cli("fuzz", *arguments)
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)
    assert result.err.startswith(f"haiku-contract: {words}")


def test_baseline(cli: Cli, report_schema: dict[str, Any]) -> None:
    faulty = ("fuzz", "--fault", "lenient:request:/properties/temperature/maximum", "--baseline", "known.json")
    assert cli(*faulty).code == 2
    written = cli(*faulty, "--update-baseline", "--reason", "waits for the provider")
    assert (written.code, written.err) == (0, "")
    again = cli(*faulty)
    assert (again.code, again.err) == (0, "")
    assert "accepted leaky request:/properties/temperature/maximum, until 2" in again.out
    assert "waits for the provider" in again.out
    other = cli("fuzz", "--fault", "lenient:request:/required/0", "--baseline", "known.json", "--format", "json")
    assert other.code == 1
    report = json.loads(other.out)
    jsonschema.Draft202012Validator(report_schema).validate(report)
    assert {one["accepted"] for one in report["findings"]} == {None}
    assert len(report["baseline"]["vanished"]) == 1


def test_the_end_of_acceptance_is_a_day_to_come(cli: Cli, tmp_path: Path, parrot: str) -> None:
    fault = ("--contract", parrot, "--fault", "lenient:request:/properties/text/maxLength", "--baseline", "known.json")
    assert cli("fuzz", *fault, "--update-baseline", "--reason", "x", "--expires", "2199-12-31").code == 0
    [entry] = json.loads((tmp_path / "known.json").read_text("utf-8"))["accepted"]
    assert entry["expires"] == "2199-12-31"
    for arguments in (("--update-baseline", "--reason", "x", "--expires", "2001-01-01"), ("--expires", "2199-12-31")):
        result = cli("fuzz", *fault, *arguments)
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert "--expires is a day to come, and belongs to --update-baseline" in result.err
    part = cli("fuzz", *fault, "--max-requests", "2")
    assert "vanished" not in part.out


def test_a_baseline_that_is_none(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}", "utf-8")
    result = cli("fuzz", "--baseline", "x.json")
    assert (result.code, result.err) == (2, "haiku-contract: x.json: not a baseline; --update-baseline writes one\n")
    assert cli("fuzz", "--update-baseline").code == 2


def test_a_journal_is_of_one_endpoint(cli: Cli) -> None:
    faulty = ("fuzz", "--fault", "crash:request:/required/1", "--max-requests", "5", "--resume", "run.jsonl")
    assert cli(*faulty).code in (1, 3)
    for other in (("fuzz",), ("fuzz", "--surface", "messages"), ("fuzz", "--fault", "lenient:request:/required/0")):
        result = cli(*other, "--resume", "run.jsonl")
        assert (result.code, result.out) == (2, "")
        assert "at another address or surface; name another file" in result.err


def test_a_baseline_is_written_after_a_whole_run_alone(cli: Cli, tmp_path: Path) -> None:
    result = cli("fuzz", "--baseline", "k.json", "--update-baseline", "--reason", "x", "--max-requests", "3")
    assert (result.code, result.err.count("\n")) == (2, 2)
    assert "k.json: not written" in result.err
    assert list(tmp_path.iterdir()) == []
    assert cli("fuzz", "--baseline", "k.json", "--update-baseline").code == 2


@pytest.mark.parametrize("schema", [False, {"type": "object", "required": ["a"], "properties": {"a": False}}])
def test_a_contract_that_nothing_conforms_to(cli: Cli, tmp_path: Path, schema: Any) -> None:
    catalog = {"model_id": "x/y", "schema": {"input": schema, "output": {"type": "object"}}}
    (tmp_path / "none.json").write_text(json.dumps(catalog), "utf-8")
    result = cli("fuzz", "--contract", "none.json")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert "no conforming request is known" in result.err


def test_keys_of_any_kind_are_named_rightly(cli: Cli, tmp_path: Path) -> None:
    names = ["a b", "a,b", "a: b", "it's", "ab\n", "x]y", "[0]", "é"]
    schema = {"type": "object", "required": names, "properties": {name: {"type": "integer"} for name in names}}
    catalog = {"model_id": "x/y", "schema": {"input": schema, "output": {"type": "object"}}}
    (tmp_path / "keys.json").write_text(json.dumps(catalog), "utf-8")
    result = cli("fuzz", "--contract", "keys.json", "--format", "json")
    assert json.loads(result.out)["findings"] == []
    assert result.code == 0


@pytest.mark.parametrize("option", ["--max-time", "--max-cost", "--timeout"])
def test_no_number_is_no_limit(cli: Cli, option: str) -> None:
    result = cli("fuzz", option, "nan")
    assert (result.code, result.out) == (2, "")


def test_secrets_of_a_url_are_nowhere(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint repeats whatever it was sent, plain and encoded; nothing that is written holds it."""
    secrets = {"p4ssw0rd-of-mine": "cDRzc3cwcmQtb2YtbWluZQ", "key-in-the-query": "a2V5LWluLXRoZS1xdWVyeQ"}
    token = "a-token-that-nobody-has"
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", token)
    echo = json.dumps({"errors": [{"code": 1, "message": " ".join([*secrets, *secrets.values(), token])}]})
    with Somebody(_http("500 Oops", echo, "application/json", f"x-echo: {token}")) as somebody:
        address = somebody.url.replace("//", "//me:p4ssw0rd-of-mine@") + "/?key=key-in-the-query"
        result = cli("fuzz", "--url", address, "--resume", "run.jsonl", "--format", "json")
    assert b"uthorization: Basic bWU6cDRzc3cwcmQtb2YtbWluZQ==" in somebody.heard[0]
    journal = [json.loads(line) for line in (tmp_path / "run.jsonl").read_bytes().splitlines()]
    bodies = "".join(base64.b64decode(entry.get("body", "")).decode() for entry in journal)
    assert "REDACTED" in bodies
    written = result.out + result.err + bodies + (tmp_path / "run.jsonl").read_text("utf-8")
    assert not [one for one in (*secrets, *(coded[3:-3] for coded in secrets.values()), token) if one in written]
