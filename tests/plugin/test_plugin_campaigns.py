"""Campaigns in tests: what they tell, what they may cost, and what their cassette lacks."""

from __future__ import annotations

import dataclasses
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

import haiku_contract as hc
from haiku_contract.campaign import pace
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.endpoint.surfaces import named
from haiku_contract.generate import suite
from haiku_contract.model import CampaignFinished, Verdict, VerdictKind
from haiku_contract.pytest_plugin import campaigns
from haiku_contract.pytest_plugin.campaigns import MOST_ROWS
from haiku_contract.pytest_plugin.endpoints import Endpoint
from haiku_contract.pytest_plugin.server import Server
from haiku_contract.pytest_plugin.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haiku_contract.pytest_plugin.server import Visits

    Asked = Callable[[float], tuple[str, CampaignFinished, Visits]]
    Run = Callable[..., pytest.RunResult]

CAMPAIGN = """
def test_endpoint(contract_campaign, contract):
    result = contract_campaign()
    assert len(result.verdicts) > 200 and not result.findings

def test_two_cases(contract_campaign, contract):
    from itertools import islice
    from haiku_contract.generate import cases
    assert contract_campaign(list(islice(cases(contract, "request"), 2))).requests == 2
    assert False
"""


CASES = """
import pytest

@pytest.mark.contract_cases(side="response", constraint="response:/properties/stop_reason/type")
def test_case(contract_case, contract_client):
    assert contract_client.get("/").status_code == 405
"""


def test_in_several_processes(pytester: pytest.Pytester, run_apart: Run) -> None:
    """All of them find the same nodes in the same order, and what one tells of its campaigns is shown by the first."""
    pytester.makepyfile(test_it=CAMPAIGN, test_cases=CASES)
    done = run_apart("-v", workers=2)
    nodes = [line.split()[-1] for line in done.outlines if "::test_" in line and line.startswith("[gw")]
    assert "test_cases.py::test_case[response/stop_reason/type/null]" in nodes
    assert len(nodes) == len(set(nodes)) == 16 + 2
    done.assert_outcomes(passed=16 + 1, failed=1)
    done.stdout.fnmatch_lines(
        [
            "*= contract campaigns =*",
            "test_it.py::test_*: anthropic/claude-haiku-4.5@*, * requests to reference endpoint",
            "  * enforced, *",
        ]
    )
    done.stdout.fnmatch_lines(
        [
            "test_it.py::test_two_cases: *, 2 requests to *",
            "  *1 enforced, *",
            "  undetermined  * constraints  -  no case was sent",
        ]
    )


@pytest.fixture(scope="module")
def contract() -> hc.Contract:
    return hc.load()


@pytest.fixture(scope="module")
def server(contract: hc.Contract) -> Iterator[Server]:
    running = Server(create_app(contract), "messages")
    yield running
    running.stop()


@pytest.fixture
def asked(contract: hc.Contract, server: Server, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Runs a campaign of six conforming requests as if this endpoint were the real one, for that many dollars."""
    monkeypatch.setattr(pace, "PUBLISHED_RATE", None)
    different = {case.body: case for case in suite(contract, "request") if case.kind == "conforming"}
    cases = list(different.values())[:6]
    visits = server.visit()
    endpoint = Endpoint("the real endpoint", visits.url, named("messages"), {}, billed=True)

    def run(most: float) -> tuple[str, CampaignFinished, Visits]:
        said: list[str] = []

        def say(line: str) -> None:
            assert not visits.requests
            said.append(line)

        settings = Settings(endpoint="live", max_cost=most)
        result, stale = campaigns.run(contract, endpoint, settings, cases, say=say)
        assert not stale
        (line,) = said
        return line, result, visits

    return run


def test_what_a_live_campaign_may_cost_is_said_before_it_begins(asked: Asked) -> None:
    line, result, visits = asked(1.0)
    assert result.requests == visits.requests == 6
    assert not result.stopped
    told = re.fullmatch(
        r"contract campaign: about 6 requests and (\S+) USD .*, at most 6 requests and (\S+) USD; it ends at 1 USD",
        line,
    )
    assert told is not None
    assert result.cost_usd <= float(told[2]) + 0.005


def test_without_a_budget_it_ends_at_the_first_answer_that_is_billed(asked: Asked) -> None:
    line, result, visits = asked(0.0)
    assert line.endswith("it ends at the first answer that is billed, which --contract-max-cost USD changes")
    assert result.requests == visits.requests == 1
    assert len(result.left_out) == 5


def test_what_could_cost_more_is_not_sent(asked: Asked) -> None:
    _, result, visits = asked(0.0001)
    assert 0 < visits.requests == result.requests < 6
    assert result.cost_usd <= 0.0001
    assert result.stopped == "the budget is used up"


def test_what_has_no_price_is_not_asked(contract: hc.Contract) -> None:
    unpriced = dataclasses.replace(contract, manifest={**contract.manifest, "prices": {}})
    endpoint = Endpoint("the real endpoint", "http://127.0.0.1:9", named("messages"), {}, billed=True)
    with pytest.raises(hc.UsageError, match="names no prices"):
        campaigns.run(unpriced, endpoint, Settings(endpoint="live", max_cost=1), [], say=pytest.fail)


def test_what_is_no_case_is_not_sent(contract: hc.Contract) -> None:
    endpoint = Endpoint("the reference", "http://127.0.0.1:9", named("messages"), {})
    wrong: list[Any] = [{"messages": []}]
    with pytest.raises(hc.UsageError, match=r"^\{'messages': \[\]\} is no case: give those of"):
        campaigns.run(contract, endpoint, Settings(), wrong, say=pytest.fail)


def test_the_matrix_in_short() -> None:
    """What is wrong comes first, one row each; what is not known, one row for each reason."""

    def verdict(kind: VerdictKind, place: int, detail: str) -> Verdict:
        return Verdict(f"request:/{place}", kind, f"case/{place}" if kind == VerdictKind.LEAKY else None, detail)

    unknown = [verdict(VerdictKind.UNDETERMINED, place, "no case was sent") for place in range(30)]
    alone = verdict(VerdictKind.UNDETERMINED, 30, "throttled")
    leaky = [verdict(VerdictKind.LEAKY, place, "accepted") for place in range(40, 40 + MOST_ROWS + 1)]
    fine = [verdict(VerdictKind.ENFORCED, 99, "rejected")]
    result = CampaignFinished("a/b@1", "reference endpoint", 0, 9, 0.0, (*unknown, alone, *leaky, *fine), ())
    head, counts, first, *rest = campaigns.lines("test_it.py::test_it", campaigns.told(result))
    assert head == "test_it.py::test_it: a/b@1, 9 requests to reference endpoint"
    assert counts == f"  1 enforced, {MOST_ROWS + 1} leaky, 31 undetermined; 0 findings"
    assert first == "  leaky  request:/40  case/40  accepted"
    assert len(rest) == MOST_ROWS
    assert rest[-1] == "  and 3 more"
    short = dataclasses.replace(result, verdicts=(*unknown, alone, leaky[0]))
    assert [line.split() for line in [*campaigns.lines("", campaigns.told(short))][2:]] == [
        ["leaky", "request:/40", "case/40", "accepted"],
        ["undetermined", "30", "constraints", "-", "no", "case", "was", "sent"],
        ["undetermined", "request:/30", "-", "throttled"],
    ]


STALE = """
from haiku_contract.generate import suite

def test_it(contract, contract_campaign):
    contract_campaign(suite(contract, "request")[{some}])
"""

COMMAND = "pytest test_it.py::test_it --contract-endpoint reference --contract-record-mode new"


def test_what_the_cassette_lacks_is_listed(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(test_it=STALE.format(some=":3"))
    recording = ("--contract-record-mode", "new", "--contract-endpoint", "reference")
    run(*recording).assert_outcomes(passed=1)
    pytester.makepyfile(test_it=STALE.format(some=":12"))
    stale = run()
    stale.assert_outcomes(failed=1)
    stale.stdout.fnmatch_lines(
        [
            "cassette test_it.yaml: 7 cases not in it: request/messages/items/type/null, * and 2 more; record *",
            "*left out: stale: not in the cassette",
        ]
    )
    assert stale.stdout.str().count("record them with: " + COMMAND) == 1
    run(*recording).assert_outcomes(passed=1)
    run().assert_outcomes(passed=1)
    pytester.makepyfile(test_it=STALE.format(some="12:"))
    nothing = run()
    nothing.assert_outcomes(failed=1)
    nothing.stdout.fnmatch_lines([f"cassette test_it.yaml: not even request/* is in it; record them with: {COMMAND}"])
    assert "Traceback" not in nothing.stdout.str()


def test_the_command_that_records_asks_the_same(pytester: pytest.Pytester, run: Run) -> None:
    """What the command line says is not known to the next one, as the ini file and `pyproject.toml` are."""
    pytester.makepyfile(test_it=STALE.format(some=":1"))
    pytester.makeini("[pytest]\ncontract_patience = 5\n")
    asked = ("--contract-surface", "run", "--contract", "anthropic/claude-haiku-4.5@1.0.0", "--contract-allow", "a b")
    run(*asked, "--contract-record-mode", "new", "--contract-endpoint", "reference").assert_outcomes(passed=1)
    pytester.makepyfile(test_it=STALE.format(some=":12"))
    (command,) = re.findall(r"record them with: pytest (.*)", run(*asked).stdout.str().partition("short test")[0])
    assert command == (
        "test_it.py::test_it --contract anthropic/claude-haiku-4.5@1.0.0 --contract-surface run --contract-allow 'a b' "
        "--contract-endpoint reference --contract-record-mode new"
    )
    run(*shlex.split(command)).assert_outcomes(passed=1)
    run(*asked).assert_outcomes(passed=1)


SHARED = """
from pathlib import Path
import pytest

@pytest.fixture
def contract_cassette():
    return Path(__file__).parent / "shared.yaml"

@pytest.mark.parametrize("number", [1, 2])
def test_it(contract_client, number):
    assert contract_client.get("/").status_code == 405
"""
WORKER = """
def pytest_configure(config):
    config.workerinput = {"workerid": "%s", "testrunuid": "one and the same"}
"""


def test_two_processes_do_not_record_into_one_cassette(pytester: pytest.Pytester, run: Run) -> None:
    """Told by what pytest-xdist tells its processes, of which two take a while to start."""
    pytester.makepyfile(test_it=SHARED)
    recording = ("--contract-record-mode", "all", "--contract-endpoint", "reference")
    pytester.mkdir("temporary")
    for worker, outcomes in (("gw0", {"passed": 2}), ("gw1", {"errors": 2}), ("gw0", {"passed": 2})):
        pytester.makeconftest(WORKER % worker)
        done = run(*recording, f"--basetemp=temporary/{worker}")
        done.assert_outcomes(**outcomes)
    pytester.makeconftest(WORKER % "gw1")
    done = run(*recording, "--basetemp=temporary/gw1")
    done.stdout.fnmatch_lines(["*shared.yaml: another process of this session records into it*"])
    run("--basetemp=temporary/gw1").assert_outcomes(passed=2)


def test_which_modes_let_several_processes_record_into_one_cassette(pytester: pytest.Pytester, run: Run) -> None:
    """What each adds is kept in mode `new`; in mode `once`, a cassette that was there before is replayed by all."""
    pytester.makepyfile(test_it=SHARED)
    pytester.mkdir("temporary")
    for mode, second in (("new", {"passed": 2}), ("once", {"passed": 2}), ("once", {"errors": 2})):
        if "errors" in second:
            (pytester.path / "shared.yaml").unlink()
        for worker, outcomes in (("gw0", {"passed": 2}), ("gw1", second)):
            pytester.makeconftest(WORKER % worker)
            recording = ("--contract-record-mode", mode, "--contract-endpoint", "reference")
            run(*recording, f"--basetemp=temporary/{worker}").assert_outcomes(**outcomes)
