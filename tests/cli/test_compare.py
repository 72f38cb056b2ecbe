"""`fuzz --compare-with`: one endpoint in this process, another one served."""

from __future__ import annotations

import base64
import json
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import pytest
import uvicorn

import haiku_contract as hc
from haiku_contract.campaign.checks import finding
from haiku_contract.campaign.compare import compare
from haiku_contract.endpoint import live as live_endpoint
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.model import CampaignFinished, Verdict, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haiku_contract.model import Finding

    Cli = Callable[..., Any]

TEXT: Final = "request:/properties/text/maxLength"
SCHEMA: Final = Path(__file__).resolve().parents[2] / "schemas" / "reports" / "compare.schema.json"


@pytest.fixture
def served(cli: Cli, parrot: str) -> Iterator[str]:
    """The URL of a faultless reference endpoint of the small contract."""
    assert cli
    server = uvicorn.Server(uvicorn.Config(create_app(hc.load(parrot)), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_what_differs_is_told(cli: Cli, parrot: str, served: str) -> None:
    fault = ("--fault", f"lenient:{TEXT}")
    result = cli("fuzz", "--contract", parrot, "--compare-with", served, *fault)
    assert (result.code, result.err) == (1, "")
    lines = result.out.splitlines()
    assert lines[0] == TEXT
    assert lines[1].startswith("    leaky at reference endpoint, request/text/maxLength/above: accepted")
    assert lines[2].startswith(f"    enforced at {served}, request/text/maxLength/above: rejected")
    assert lines[3] == "15 constraints: 1 differs"
    told = json.loads(cli("fuzz", "--contract", parrot, "--compare-with", served, *fault, "--format", "json").out)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(told)
    assert [one["constraint"] for one in told["differences"]] == [TEXT]
    assert [one["endpoint"] for one in told["endpoints"]] == ["reference endpoint", served]


def test_two_that_are_alike(cli: Cli, parrot: str, served: str) -> None:
    result = cli("fuzz", "--contract", parrot, "--compare-with", served)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0] == "15 constraints: 0 differ"


def test_both_share_one_budget(cli: Cli, parrot: str, served: str) -> None:
    result = cli("fuzz", "--contract", parrot, "--compare-with", served, "--max-requests", "7", "--format", "json")
    assert result.code == 3
    told = json.loads(result.out)
    assert [one["requests"] for one in told["endpoints"]] == [3, 3]
    assert told["differences"] == []
    assert told["untold"]
    assert result.err.count("left out at") == 2


def test_an_endpoint_that_refuses_everything_differs(cli: Cli, parrot: str, served: str) -> None:
    fault = ("--fault", "answer:invalid-request")
    result = cli("fuzz", "--contract", parrot, "--compare-with", served, *fault)
    assert result.code == 1
    assert "overstrict at reference endpoint alone: rejected a conforming request" in result.out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--compare-with", "nope"], "not a URL that can be sent to: 'nope'"),
        (["--compare-with", "http://x", "--resume", "j"], "--compare-with cannot go with --resume"),
        (["--compare-with", "http://x", "--baseline", "b"], "--compare-with cannot go with --baseline"),
        (["--compare-with", "http://x", "--explore", "3"], "--compare-with cannot go with --explore"),
        (["--compare-with", "http://x", "--list-faults"], "--compare-with cannot go with --list-faults"),
        (["--compare-with", "http://x", "--max-requests", "1"], "--max-requests 1 cannot be shared by two endpoints"),
    ],
)
def test_what_cannot_be_compared(cli: Cli, arguments: list[str], line: str) -> None:
    result = cli("fuzz", *arguments)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith(f"haiku-contract: {line}")


def finished(
    verdicts: dict[str, VerdictKind], findings: tuple[Finding, ...] = (), left_out: tuple[str, ...] = ()
) -> CampaignFinished:
    rows = tuple(Verdict(name, kind, None, "") for name, kind in verdicts.items())
    return CampaignFinished("x@1", "x", 0, 1, 0.0, rows, findings, left_out=left_out)


def test_what_was_not_told_is_no_difference() -> None:
    kinds = VerdictKind
    here = finished({"a": kinds.LEAKY, "b": kinds.ENFORCED, "c": kinds.HELD, "d": kinds.BROKEN})
    there = finished({"a": kinds.UNDETERMINED, "b": kinds.ENFORCED, "c": kinds.UNEXERCISED, "d": kinds.HELD})
    result = compare(here, there)
    assert [one.here.constraint for one in result.differences] == ["d"]
    assert result.untold == ("a", "c")
    assert compare(there, here).untold == ("a", "c")
    assert not compare(here, here).differs


def test_findings_of_one_alone() -> None:
    odd, hot = finding("model", None, "x", "m"), finding("leaky", "a", "x", "m")
    leaky, enforced = {"a": VerdictKind.LEAKY}, {"a": VerdictKind.ENFORCED}
    result = compare(finished(leaky, (odd, hot)), finished(enforced))
    assert (result.only_here, result.only_there) == ((odd,), ())  # the other one is a difference of verdicts
    assert not compare(finished(leaky, (odd,)), finished(leaky, left_out=("x",))).differs
    assert compare(finished(leaky), finished(leaky, (odd,))).only_there == (odd,)


def says(status: str, body: bytes) -> Callable[[bytes], bytes]:
    """Say the same to everybody."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return lambda _: head.encode() + b"connection: close\r\n\r\n" + body


refusing = says("400 Bad Request", b'{"errors":[{"code":7003,"message":"no"}]}')
accepting = says("200 OK", b'{"echo":""}')


OURS: Final = ("a-key-of-ours", "a-token-of-ours", "our-p4ssword")
THEIRS: Final = ("a-key-of-theirs", "their-p4ssword")


@pytest.mark.parametrize("live", [False, True])
def test_each_endpoint_gets_its_own_credentials(
    cli: Cli, listen: Any, monkeypatch: pytest.MonkeyPatch, *, live: bool
) -> None:
    here, there = listen(refusing), listen(refusing)
    monkeypatch.setattr(live_endpoint, "_API", f"{here.url}/client/v4/accounts/")
    for name, value in zip(("OUR_KEY", live_endpoint.TOKEN, "THEIR_KEY"), (*OURS[:2], THEIRS[0]), strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(live_endpoint.ACCOUNT, "0123456789abcdef")
    ours = f"http://me:{OURS[2]}@{here.url.removeprefix('http://')}"
    theirs = f"http://me:{THEIRS[1]}@{there.url.removeprefix('http://')}"
    at = ("--live",) if live else ("--url", ours, "--surface", "messages", "--header", "X-Api-Key: env:OUR_KEY")
    result = cli("fuzz", *at, "--compare-with", theirs, "--compare-header", "X-Api-Key: env:THEIR_KEY")
    sent = [b"".join(one.heard).decode() for one in (here, there)]
    assert all(sent)
    coded = [base64.b64encode(f"me:{one}".encode()).decode() for one in (OURS[2], THEIRS[1])]
    assert (OURS[1] if live else OURS[0]) in sent[0]
    assert (coded[0] in sent[0]) != live
    assert not [one for one in (*THEIRS, coded[1]) if one in sent[0] + result.out + result.err]
    assert THEIRS[0] in sent[1]
    assert coded[1] in sent[1]
    assert not [one for one in (*OURS, coded[0], "0123456789abcdef") if one in sent[1] + result.out + result.err]


def test_an_endpoint_that_is_not_there_ends_both(cli: Cli, listen: Any, parrot: str) -> None:
    """What the first endpoint answers is of no use then, and may have its price."""
    here = listen(refusing)
    result = cli("fuzz", "--contract", parrot, "--url", here.url, "--compare-with", "http://127.0.0.1:1")
    assert (result.code, result.out, result.err.count("\n")) == (4, "", 1)
    assert result.err.startswith("haiku-contract: http://127.0.0.1:1 cannot be reached")
    assert len(here.heard) <= 1


@pytest.mark.parametrize("most", [5, 8])
def test_the_budget_is_that_of_both(cli: Cli, listen: Any, parrot: str, most: int) -> None:
    here, there = listen(accepting), listen(accepting)
    limit = ("--max-requests", str(most), "--format", "json")
    result = cli("fuzz", "--contract", parrot, "--url", here.url, "--compare-with", there.url, *limit)
    assert len(here.heard) == len(there.heard) == most // 2
    assert here.heard[0].partition(b"\r\n\r\n")[2] == there.heard[0].partition(b"\r\n\r\n")[2]
    told = json.loads(result.out)["endpoints"]
    assert told[0]["left_out"] == told[1]["left_out"]  # the same cases were compared


def test_what_both_can_cost_is_said(cli: Cli, listen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(err: str) -> list[float]:
        figures = re.search(r"about (\d+) requests and ([\d.]+) USD .* at most (\d+) requests and ([\d.]+) USD", err)
        assert figures
        return [float(one) for one in figures.groups()]

    somebody, other = listen(refusing), listen(refusing)
    monkeypatch.setattr(live_endpoint, "_API", f"{somebody.url}/client/v4/accounts/")
    monkeypatch.setenv(live_endpoint.TOKEN, OURS[1])
    monkeypatch.setenv(live_endpoint.ACCOUNT, "0123456789abcdef")
    alone = said(cli("fuzz", "--live", "--max-requests", "2").err)
    both = said(cli("fuzz", "--live", "--max-requests", "2", "--compare-with", other.url).err)
    assert both == pytest.approx([2 * one for one in alone], rel=0.02)  # dollars are rounded


def test_a_header_for_an_endpoint_that_nobody_named(cli: Cli) -> None:
    result = cli("fuzz", "--compare-header", "X-Api-Key: env:KEY")
    assert (result.code, result.err) == (2, "haiku-contract: --compare-header is for --compare-with URL\n")


@pytest.mark.parametrize(
    ("header", "code", "said"),
    [
        ("X-Api-Key: abc", 2, "--compare-header x-api-key: its value may be a secret"),
        ("X-Api-Key: env:NOT_THERE", 4, "--compare-header x-api-key needs the environment variable NOT_THERE: set it"),
        ("nothing", 2, "--compare-header takes 'NAME: VALUE'"),
        ("Host: x", 2, "--compare-header host cannot be given"),
    ],
)
def test_a_mistake_in_a_header_is_told_of_the_option_it_came_with(cli: Cli, header: str, code: int, said: str) -> None:
    result = cli("fuzz", "--compare-with", "http://127.0.0.1:9", "--compare-header", header)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(f"haiku-contract: {said}")
