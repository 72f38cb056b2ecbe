"""`fuzz --cassette` where the recording lacks something or is too old: what is stale, and what records it."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import haiku_contract as hc
from haiku_contract.endpoint.cassette import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Result

    Cli = Callable[..., Result]

FAULT = "lenient:request:/properties/text/maxLength"
KEY = "a-key-of-somebody"


def take_out(*numbers: int) -> None:
    """Take exchanges out of the cassette."""
    path = Path("x.yaml")
    head, *items = re.split(r"(?m)^(?=- request:|version:)", path.read_text(encoding="utf-8"))
    kept = [one for number, one in enumerate(items) if number not in numbers]
    assert len(kept) == len(items) - len(numbers)
    path.write_text("".join([head, *kept]), encoding="utf-8")


def seen(result: Result) -> tuple[int, str, str]:
    """What a run says, but for how long it took."""
    return result.code, re.sub(r"in \d+\.\d s", "in no time", result.out), result.err


def in_a_shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as it was printed."""
    main = "from haiku_contract.cli import main; raise SystemExit(main())"
    script = folder / "bin" / "haiku-contract"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{main}" "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    path = os.pathsep.join([str(script.parent), os.environ["PATH"]])
    return subprocess.run(  # noqa: S602 - what we have printed
        command, shell=True, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False, timeout=60
    )


# what is asked at the recording and afterwards
ASKED = [
    [],
    ["--thorough"],
    ["--repeat", "2"],
    ["--explore", "2", "--seed", "7"],
    ["--assert-format"],
    ["--max-requests", "8"],
    ["--retries", "1", "--concurrency", "2", "--timeout", "9.5", "--rate", "100/s"],
]


@pytest.mark.skipif(os.name == "nt", reason="no shell")
@pytest.mark.parametrize("asked", ASKED, ids=" ".join)
def test_the_command_for_stale_cases_records_those_and_no_others(
    cli: Cli, parrot: str, tmp_path: Path, serve: Callable[..., str], asked: list[str]
) -> None:
    url = serve(hc.load(parrot))
    recording = ("record", "--record-mode", "once", "--cassette", "x.yaml", "--url", url, "--contract", parrot, *asked)
    code = 3 if "--max-requests" in asked else 0
    assert cli(*recording).code == code
    replaying = ("fuzz", "--cassette", "x.yaml", "--contract", parrot, *asked)
    before = cli(*replaying)
    total = len(load("x.yaml").interactions)
    repeats = 2 if "--repeat" in asked else 1
    take_out(*range(2 * repeats, 4 * repeats))
    stale = cli(*replaying, "--format", "json")
    assert stale.code == 4
    *listed, line = (one for one in stale.err.splitlines() if "exploring" not in one)
    assert len(listed) == 2
    assert all(one.startswith("stale  request/") for one in listed)
    report = json.loads(stale.out)
    assert set(report["left_out"]) >= {one.removeprefix("stale  ") for one in listed}
    assert {one["detail"] for one in report["verdicts"] if one["verdict"] == "undetermined"} >= {
        "stale: not in the cassette"
    }
    assert "throttled" not in stale.out
    counted, command = line.split("; record them with: ")
    assert counted == "haiku-contract: x.yaml: 2 cases not in it"
    again = in_a_shell(command, tmp_path)
    assert again.returncode == code
    assert again.stdout.endswith(f", {2 * repeats} exchanges recorded\n")
    assert len(load("x.yaml").interactions) == total
    assert seen(cli(*replaying)) == seen(before)


def test_the_command_names_who_was_recorded_as_it_was_asked(
    cli: Cli, parrot: str, tmp_path: Path, serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    headers = ["--header", "authorization: Bearer env:MY_KEY", "--header", "user-agent: it's mine"]
    where = ["--url", serve(hc.load(parrot)), "--surface", "messages", *headers]
    assert cli("record", "--record-mode", "once", "--cassette", "x.yaml", "--contract", parrot, *where).code == 0
    assert KEY not in Path("x.yaml").read_text(encoding="utf-8")
    take_out(1)
    stale = cli("fuzz", "--cassette", "x.yaml", "--contract", parrot)
    command = stale.err.partition("record them with: ")[2]
    assert "--surface messages" in command
    assert KEY not in command
    assert in_a_shell(command, tmp_path).returncode == 0
    (one,) = (each for each in load("x.yaml").interactions[-1:])
    assert dict(one.request_headers)["user-agent"] == "it's mine"
    assert dict(one.request_headers)["authorization"] == "Bearer x-xxx-xx-xxxxxxxx"
    assert cli("fuzz", "--cassette", "x.yaml", "--contract", parrot).code == 0


def test_the_command_names_the_fault_of_the_reference_endpoint(cli: Cli, parrot: str, tmp_path: Path) -> None:
    recording = ("record", "--record-mode", "once", "--cassette", "x.yaml", "--contract", parrot, "--fault", FAULT)
    assert cli(*recording).code == 0
    before = cli("fuzz", "--cassette", "x.yaml", "--contract", parrot)
    assert before.code == 1
    take_out(2)
    command = cli("fuzz", "--cassette", "x.yaml", "--contract", parrot).err.partition("record them with: ")[2]
    assert in_a_shell(command, tmp_path).returncode == 0
    assert seen(cli("fuzz", "--cassette", "x.yaml", "--contract", parrot)) == seen(before)


def test_the_command_names_the_version_that_was_asked(cli: Cli) -> None:
    assert cli("record", "--record-mode", "once", "--cassette", "x.yaml", "--max-requests", "5").code == 3
    for asked in ([], ["--contract", "anthropic/claude-haiku-4.5"], ["--contract", "anthropic/claude-haiku-4.5@1.0.0"]):
        version = "1.0.0" if asked and asked[1].endswith("1.0.0") else hc.load().version
        stale = cli("fuzz", "--cassette", "x.yaml", "--max-requests", "9", *asked)
        assert stale.code == 4
        assert f" --contract anthropic/claude-haiku-4.5@{version} --max-requests 9\n" in stale.err


def test_cases_of_the_same_bytes_are_stale_together(cli: Cli) -> None:
    asked = ("--max-requests", "40", "--format", "json")
    assert cli("record", "--record-mode", "once", "--cassette", "x.yaml", *asked[:2]).code == 3
    take_out(*range(3, 40))
    stale = cli("fuzz", "--cassette", "x.yaml", *asked)
    listed = {one.removeprefix("stale  ") for one in stale.err.splitlines()}
    undetermined = [
        one for one in json.loads(stale.out)["verdicts"] if one["witness"] and one["verdict"] == "undetermined"
    ]
    assert {one["detail"] for one in undetermined} == {"stale: not in the cassette"}
    assert any(one["witness"] not in listed for one in undetermined)


def test_the_command_for_a_recording_of_another_tool_names_its_address(cli: Cli, parrot: str) -> None:
    item = "{request: {method: POST, uri: 'URI', body: '{}'}, response: {status: {code: 400}}}"
    for address, url in (
        ("https://a.test/v4/ai/v1/messages?beta=true", "https://a.test/v4"),
        ("https://api.anthropic.com/v1/messages", "URL"),
        ("http://a.test/say?x=1", "http://a.test/say"),
        ("ftp://a.test/", "URL"),
    ):
        text = f"interactions:\n- {item.replace('URI', address)}\nversion: 1\n"
        Path("x.yaml").write_text(text, encoding="utf-8")
        stale = cli("fuzz", "--cassette", "x.yaml", "--contract", parrot)
        assert stale.code == 4
        assert f" --record-mode new --url {url} --surface " in stale.err


def test_a_recording_of_another_model_is_called_so(cli: Cli, parrot: str) -> None:
    assert cli("record", "--record-mode", "once", "--cassette", "x.yaml", "--contract", parrot).code == 0
    stale = cli("fuzz", "--cassette", "x.yaml")
    assert stale.code == 4
    recorded, asked = hc.load(parrot).id, hc.load().id
    assert stale.err.splitlines()[-1] == (
        f"haiku-contract: x.yaml: a recording of {recorded}, and not of {asked}; name its contract with --contract"
    )


def test_what_a_har_file_lacks_is_recorded_into_a_cassette(cli: Cli, parrot: str, serve: Callable[..., str]) -> None:
    url = serve(hc.load(parrot))
    entry = {
        "request": {"method": "POST", "url": url, "headers": [], "postData": {"text": "{}"}},
        "response": {"status": 400, "headers": [], "content": {"size": 0}},
    }
    Path("x.har").write_text(json.dumps({"log": {"entries": [entry]}}), encoding="utf-8")
    stale = cli("fuzz", "--cassette", "x.har", "--contract", parrot)
    assert stale.code == 4
    command = stale.err.partition("record them with: ")[2]
    assert in_a_shell(command, Path.cwd()).returncode == 0
    assert cli("fuzz", "--cassette", "x.yaml", "--contract", parrot).code == 0


def test_what_a_cassette_says_cannot_do_anything_to_a_terminal_or_a_shell(cli: Cli, parrot: str) -> None:
    assert cli("record", "--record-mode", "once", "--cassette", "x.yaml", "--contract", parrot).code == 0
    text = Path("x.yaml").read_text(encoding="utf-8")
    hostile = 'endpoint: "http://a.test/; touch owned \\e[31m\\n$(touch owned)"'
    Path("x.yaml").write_text(text.replace("endpoint: reference endpoint", hostile), encoding="utf-8")
    take_out(1)
    stale = cli("fuzz", "--cassette", "x.yaml", "--contract", parrot)
    assert stale.code == 4
    assert "\x1b" not in stale.err
    assert "--url 'http://a.test/; touch owned \\x1b[31m $(touch owned)' --surface" in stale.err


def test_a_cassette_of_something_else_is_stale(cli: Callable[..., Result], parrot: str, tmp_path: Path) -> None:
    (tmp_path / "payload.json").write_text('{"text": "something else"}', encoding="utf-8")
    assert (
        cli("record", "--record-mode", "once", "--cassette", "x.yaml", "--contract", parrot, "payload.json").code == 0
    )
    stale = cli("fuzz", "--cassette", "x.yaml", "--contract", parrot)
    assert stale.code == 4
    assert stale.err.startswith("stale  request/")


TODAY = dt.datetime.now(tz=dt.UTC).date()


def dated(*days: str) -> None:
    """Give the first exchanges of the cassette other days."""
    path = Path("x.yaml")
    text = re.sub(r"      date:\n      - .*\n", "", path.read_text(encoding="utf-8"))
    for day in days:
        text = re.sub(r"  recorded_at: '[^']*'\n", f"  recorded_at: {day}\n" if day else "", text, count=1)
    path.write_text(text, encoding="utf-8")


# days before today, the age that is allowed, the exit code
AGES = [(91, "90d", 4), (90, "90d", 0), (15, "2w", 4), (14, "2W", 0), (1, "0d", 4), (0, "0d", 0), (99, "99999D", 0)]


@pytest.mark.parametrize(("days", "age", "code"), AGES)
def test_an_old_recording_fails(cli: Cli, parrot: str, days: int, age: str, code: int) -> None:
    assert cli("record", "--record-mode", "once", "--cassette", "x.yaml", "--contract", parrot).code == 0
    then = TODAY - dt.timedelta(days=days)
    dated(f"'{then}'")
    result = cli("fuzz", "--cassette", "x.yaml", "--contract", parrot, "--max-age", age)
    assert result.code == code
    assert (f"recorded on {then}, {days} day{'s' * (days != 1)} ago" in result.err) == (code == 4)
    assert ("record it again with --record-mode all" in result.err) == (code == 4)


def days_away(days: int, text: str) -> str:
    return text.format(TODAY + dt.timedelta(days=days))


# when a recording says that it was made -> the exit code with --max-age 3d, words
DAYS = {
    "nothing": ("", 4, "x.yaml:6: does not say when it was recorded"),
    "no day": ("soon", 4, "x.yaml:6: does not say when it was recorded"),
    "a number": ("5", 4, "x.yaml:6: does not say when it was recorded"),
    "to come": (days_away(2, "'{}'"), 4, "and today is"),
    "tomorrow, which it is elsewhere": (days_away(1, "'{}'"), 0, ""),
    "a moment": (days_away(-3, "'{}T23:59:59Z'"), 0, ""),
    "a moment of the day before, elsewhere": (days_away(-4, "'{}T23:00:00-05:00'"), 0, ""),
    "a moment of the day after, elsewhere": (days_away(-3, "'{}T01:00:00+05:00'"), 4, "4 days ago"),
    "as HTTP has it": ((TODAY - dt.timedelta(days=4)).strftime("%a, %d %b %Y 23:00:00 -0500"), 0, ""),
    "as HTTP has it, long ago": ("Wed, 29 Jan 2025 14:24:59 GMT", 4, "recorded on 2025-01-29"),
}


@pytest.mark.parametrize("name", DAYS)
def test_the_day_of_a_recording_is_that_of_utc(cli: Cli, parrot: str, name: str) -> None:
    said, code, words = DAYS[name]
    assert cli("record", "--record-mode", "once", "--cassette", "x.yaml", "--contract", parrot).code == 0
    dated(said)
    result = cli("fuzz", "--cassette", "x.yaml", "--contract", parrot, "--max-age", "3d")
    assert result.code == code
    assert words in result.err


@pytest.mark.parametrize("age", ["", "90", "d", "-1d", "1.5d", "90 d", "90days", "1y", "100000d", "\uff190d"])
def test_an_age_that_is_none(cli: Cli, age: str) -> None:
    result = cli("fuzz", "--cassette", "x.yaml", f"--max-age={age}")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "write days or weeks as in 90d or 12w" in result.err
