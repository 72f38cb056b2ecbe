"""`record`, and `fuzz --cassette`: a campaign that was recorded says offline what it said live."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import haiku_contract as hc
from haiku_contract.campaign.taped import Unhurried
from haiku_contract.endpoint.cassette import load
from haiku_contract.endpoint.cassette_writing import repeated
from haiku_contract.model import Case, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Result

KEY = "sk-ant-api03-" + "Ab3dEf7hIj-_" * 5 + "QAA"
FAULT = "lenient:request:/properties/text/maxLength"


def matrix(cli: Callable[..., Result], *arguments: str) -> Any:
    result = cli("fuzz", "--format", "json", *arguments)
    assert result.err == ""
    report = json.loads(result.out)
    return (
        result.code,
        [(one["constraint"], one["verdict"], one["witness"], one["detail"]) for one in report["verdicts"]],
        [one["fingerprint"] for one in report["findings"]],
    )


@pytest.mark.parametrize("how", [[], ["--thorough"], ["--seed", "7"]], ids=["thrifty", "thorough", "seeded"])
def test_a_recorded_campaign_says_what_the_live_one_says(
    cli: Callable[..., Result], parrot: str, serve: Callable[..., str], how: list[str]
) -> None:
    url = serve(hc.load(parrot), FAULT)
    live = matrix(cli, "--url", url, "--contract", parrot, *how)
    assert live[0] == 1
    assert live[2] != []
    recorded = cli("record", "--record-mode", "once", "--cassette", "x.yaml", "--url", url, "--contract", parrot, *how)
    assert (recorded.code, recorded.err) == (0, "")
    assert matrix(cli, "--cassette", "x.yaml", "--contract", parrot, *how) == live


@pytest.mark.parametrize("surface", ["binding", "run", "messages", "gateway"])
def test_every_surface_can_be_recorded(cli: Callable[..., Result], parrot: str, surface: str) -> None:
    live = matrix(cli, "--surface", surface, "--contract", parrot)
    assert (
        cli("record", "--record-mode", "once", "--cassette", "x.yaml", "--surface", surface, "--contract", parrot).code
        == 0
    )
    assert matrix(cli, "--cassette", "x.yaml", "--contract", parrot) == live
    about = load("x.yaml").about
    assert about == {"contract": hc.load(parrot).id, "endpoint": "reference endpoint", "surface": surface}


def test_another_version_is_asked_of_the_same_recording(cli: Callable[..., Result], serve: Callable[..., str]) -> None:
    newest, first = (f"anthropic/claude-haiku-4.5@{version}" for version in ("1.1.1", "1.0.0"))
    url = serve(hc.load(newest))
    for version in (newest, first):
        recording = ("record", "--cassette", "x.yaml", "--record-mode", "new", "--url", url, "--contract", version)
        assert cli(*recording).code == 0
    assert matrix(cli, "--cassette", "x.yaml", "--contract", newest)[0] == 0
    code, verdicts, findings = matrix(cli, "--cassette", "x.yaml", "--contract", first)
    assert code == 1
    closed = "request:/properties/messages/items/properties/content/anyOf/1/items/additionalProperties"
    assert [one[:2] for one in verdicts if one[0] == closed] == [(closed, "leaky")]
    assert findings != []


# options -> the codes of the findings, where every answer began after 2.5 seconds and was whole after 4
LIMITS: dict[tuple[str, ...], set[str]] = {
    ("--max-ttfb", "2.6", "--max-total", "4.1"): set(),
    ("--max-ttfb", "2.4"): {"slow-first-byte"},
    ("--max-total", "3.9"): {"slow-answer"},
}


@pytest.mark.parametrize("limits", LIMITS)
def test_how_long_answers_took_is_taken_from_the_recording(
    cli: Callable[..., Result], parrot: str, limits: tuple[str, ...]
) -> None:
    path = Path("x.yaml")
    assert cli("record", "--record-mode", "once", "--cassette", "x.yaml", "--contract", parrot).code == 0
    text = re.sub(r"seconds: \[[^]]*\]", "seconds: [2.5, 4.0]", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    result = cli("fuzz", "--cassette", "x.yaml", "--contract", parrot, "--format", "json", *limits)
    assert {one["code"] for one in json.loads(result.out)["findings"]} == LIMITS[limits]
    assert result.code == int(bool(LIMITS[limits]))


def test_nobody_waits_for_a_recording() -> None:
    pace = Unhurried()
    case = Case("x", "request", "conforming", None, {}, b"{}")
    pace.heard(Exchange(case, 429, {"retry-after": "30"}, b"", 0.0), 0.0)
    assert pace.delay(0.0) == 0


def test_a_busy_answer_is_passed_over_where_it_was_asked_again(cli: Callable[..., Result], parrot: str) -> None:
    path = Path("x.yaml")
    assert cli("record", "--record-mode", "once", "--cassette", "x.yaml", "--contract", parrot).code == 0
    head, first, rest = re.split(r"(?=^- request:)", path.read_text(encoding="utf-8"), maxsplit=2, flags=re.MULTILINE)
    busy = first.replace("code: 200", "code: 429")
    assert busy != first
    path.write_text(head + busy + busy + repeated(2) + first + repeated(3) + rest, encoding="utf-8")
    assert cli("fuzz", "--cassette", "x.yaml", "--contract", parrot).code == 0
    path.write_text(head + busy + rest, encoding="utf-8")
    assert cli("fuzz", "--cassette", "x.yaml", "--contract", parrot).code == 4


def test_nothing_is_recorded_without_a_mode(cli: Callable[..., Result], parrot: str, serve: Callable[..., str]) -> None:
    url = serve(hc.load(parrot))
    recording = ("record", "--cassette", "x.yaml", "--url", url, "--contract", parrot)
    assert cli(*recording).code == 2
    assert not Path("x.yaml").exists()
    assert cli(*recording, "--record-mode", "once").out.endswith(" recorded\n")
    before = Path("x.yaml").read_bytes()
    again = cli(*recording)
    assert (again.code, again.err) == (0, "")
    assert again.out.endswith(" answered, 0 exchanges recorded\n")
    lacking = cli(*recording, "--thorough")
    assert (lacking.code, lacking.out) == (4, "")
    assert "x.yaml: holds no answer to POST /" in lacking.err
    assert lacking.err.endswith("record it in mode 'new'\n")
    assert Path("x.yaml").read_bytes() == before


def test_a_recording_that_the_budget_ends_says_so(cli: Callable[..., Result], parrot: str) -> None:
    result = cli("record", "--record-mode", "once", "--cassette", "x.yaml", "--contract", parrot, "--max-requests", "3")
    assert (result.code, result.out) == (3, "x.yaml: 3 requests answered, 3 exchanges recorded\n")
    said = r"haiku-contract: \d+ cases left out: the budget is used up; go on with --record-mode new\n"
    assert re.fullmatch(said, result.err)
    assert len(load("x.yaml").interactions) == 3


class _Once(BaseHTTPRequestHandler):
    """Answers one request, and hangs up on all others."""

    answered = False

    def do_POST(self) -> None:
        self.close_connection = True
        if not _Once.answered:
            _Once.answered = True
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_a_recording_that_fails_keeps_what_it_has_and_says_how_it_goes_on(
    cli: Callable[..., Result], parrot: str, tmp_path: Path
) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps({"text": name}), encoding="utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Once) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        recording = ("record", "--cassette", "x.yaml", "--contract", parrot, "--url", url, "a.json", "b.json")
        failed = cli(*recording, "--record-mode", "once")
        left = [one.name for one in Path().glob("*.yaml")]
        _Once.answered = False
        again = cli(*recording, "--record-mode", "once")
        server.shutdown()
        thread.join()
    assert (failed.code, failed.out) == (4, "")
    assert failed.err.splitlines()[1:] == [
        "haiku-contract: x.yaml: 1 exchange kept; go on with --record-mode new",
        f"haiku-contract: {url} did not answer b.json (RemoteProtocolError)",
    ]
    assert left == []  # no half cassette, which mode 'once' would take for a whole one
    assert (again.code, again.out) == (0, "x.yaml: 2 requests answered, 1 exchange recorded\n")
    sent = [one.request.read() for one in load("x.yaml").interactions]
    assert sent == [b'{"text": "a.json"}', b'{"text": "b.json"}']


@pytest.mark.parametrize(("name", "recorded"), [("new_episodes", 0), ("rewrite", 2)])
def test_modes_have_the_names_of_other_tools_too(
    cli: Callable[..., Result], parrot: str, name: str, recorded: int
) -> None:
    Path("a.json").write_text('{"text": "a"}', encoding="utf-8")
    Path("b.json").write_text('{"text": "b"}', encoding="utf-8")
    recording = ("--cassette", "x.yaml", "--contract", parrot, "a.json", "b.json")
    assert cli("record", "--record-mode", "once", *recording).code == 0
    assert f", {recorded} exchanges recorded" in cli("record", "--record-mode", name, *recording).out


def test_given_payloads_are_recorded(cli: Callable[..., Result], parrot: str, tmp_path: Path) -> None:
    for name, body in (("a.json", b'{"text": "a"}'), ("b.json", b'{"text": 5}')):
        (tmp_path / name).write_bytes(body)
    result = cli("record", "--record-mode", "once", "--cassette", "x.yaml", "--contract", parrot, "a.json", "b.json")
    assert result == (0, "x.yaml: 2 requests answered, 2 exchanges recorded\n", "a.json: HTTP 200\nb.json: HTTP 400\n")
    assert [one.request.read() for one in load("x.yaml").interactions] == [b'{"text": "a"}', b'{"text": 5}']


def test_scan_tells_what_it_finds_beside_what_it_cannot_read(cli: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{KEY}\n", encoding="utf-8")
    (tmp_path / "b\nc.txt").write_text(f"{KEY}\n", encoding="utf-8")
    assert cli("record", "--scan", "gone", "a.txt", "b\nc.txt") == (
        2,
        "a.txt:1: key of a provider\nb c.txt:1: key of a provider\n",
        "haiku-contract: gone: no such file\nhaiku-contract: 2 likely secrets\n",
    )
    assert cli("record", "--scan", "a.txt", "--allow", KEY) == (0, "", "")


def test_scan_knows_the_secrets_of_the_environment(
    cli: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("x: only-we-know-7\n", encoding="utf-8")
    assert cli("record", "--scan", ".").code == 0
    monkeypatch.setenv("MY_TOKEN", "only-we-know-7")
    assert cli("record", "--scan", ".")[:2] == (1, "a.txt:1: known secret\n")


def test_scan_names_places_and_no_secrets(cli: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"fine\nkey = {KEY}\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("fine\n", encoding="utf-8")
    assert cli("record", "--scan", ".") == (
        1,
        "a.txt:2: key of a provider\n",
        "haiku-contract: 1 likely secret\n",
    )
    assert cli("record", "--scan", "b.txt") == (0, "", "")
    assert cli("record", "--scan", "--allow", KEY, "a.txt") == (0, "", "")


# arguments -> exit code, words on standard error
MISTAKES = [
    (["record"], 2, "name the cassette with --cassette FILE"),
    (["record", "--record-mode", "once", "--cassette", "-"], 2, "name the cassette with --cassette FILE"),
    (["record", "--scan"], 2, "--scan needs a PATH"),
    (["record", "--scan", "nowhere"], 2, "nowhere: no such file"),
    (
        ["record", "--cassette", "x.yaml"],
        2,
        "x.yaml: no such file; record it with 'haiku-contract record --record-mode once'",
    ),
    (["record", "--cassette", "x.yaml", "--record-mode", "none"], 2, "x.yaml: no such file"),
    (
        ["record", "--record-mode", "once", "--cassette", "nowhere/x.yaml"],
        2,
        "cannot be written: No such file or directory",
    ),
    (["record", "--record-mode", "once", "--cassette", "."], 2, "cannot be read: Is a directory"),
    (["record", "--record-mode", "once", "--cassette", "x.yaml", "nothing.json"], 2, "nothing.json: no such file"),
    (
        ["record", "--record-mode", "once", "--cassette", "x.yaml", "--url", "http://127.0.0.1:1/"],
        4,
        "cannot be reached",
    ),
    (["record", "--cassette", "x.yaml", "--record-mode", "some"], 2, "'some' is not one of"),
    (
        ["fuzz", "--cassette", "x.yaml"],
        2,
        "x.yaml: no such file; record it with 'haiku-contract record --record-mode once'",
    ),
    (["fuzz", "--cassette", "bad.yaml"], 2, "bad.yaml:1: not a cassette"),
    (["fuzz", "--cassette", "bad.yaml", "--reference"], 2, "they name two endpoints"),
    (["fuzz", "--cassette", "bad.yaml", "--fault", "x"], 2, "that is for our own endpoint"),
    (["fuzz", "--max-age", "90d"], 2, "--max-age is about the recording in --cassette FILE"),
    (["fuzz", "--cassette", "bad.yaml", "--max-age", "soon"], 2, "write days or weeks as in 90d or 12w"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "words"), MISTAKES, ids=lambda one: " ".join(one) if isinstance(one, list) else ""
)
def test_mistakes(cli: Callable[..., Result], tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    (tmp_path / "bad.yaml").write_text("hello", encoding="utf-8")
    result = cli(*arguments)
    assert (result.code, result.out) == (code, "")
    assert words in result.err
    assert len(result.err.splitlines()) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["bad.yaml"]
