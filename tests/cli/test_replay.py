"""`replay`, `explain`, and checks of somebody's own: from the command line, down to the exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import pytest

import haiku_contract as hc
from haiku_contract.campaign.checks import CHECKS, FAILED
from haiku_contract.campaign.outcomes import EVIDENCE
from haiku_contract.campaign.replay import ReplayVerdict
from haiku_contract.model import OutcomeKind, VerdictKind
from haiku_contract.report.explanations import explanations

if TYPE_CHECKING:
    from collections.abc import Callable

    Cli = Callable[..., Any]

ROOT: Final = Path(__file__).resolve().parents[2]
HOT: Final = "request:/properties/temperature/maximum"
FAULT: Final = ("--fault", f"lenient:{HOT}")
CASE: Final = "request/temperature/maximum/just-above"
PRINT: Final = "36a48a136864"


@pytest.fixture
def report(cli: Cli) -> str:
    """The report of a campaign with one finding."""
    assert cli("fuzz", *FAULT, "--format", "json", "--output", "report.json").code == 1
    return "report.json"


def test_a_finding_is_still_there_or_fixed(cli: Cli, report: str) -> None:
    for wanted in (PRINT, PRINT[:5]):
        there = cli("replay", wanted, "--report", report, *FAULT)
        assert (there.code, there.err) == (1, "")
        assert there.out.startswith(f"still there: accepted a request that breaks {HOT}\n    leaky {HOT}, {PRINT}\n")
    fixed = cli("replay", PRINT, "--report", report)
    assert (fixed.code, fixed.err) == (0, "")
    assert fixed.out.startswith("fixed: rejected: ")


def test_what_rejects_everything_has_mended_nothing(cli: Cli, report: str) -> None:
    for fault, why in (
        ("answer:model-not-found", "no verdict can be had"),
        ("answer:invalid-request", "the conforming twin is not accepted either"),
    ):
        result = cli("replay", PRINT, "--report", report, "--fault", fault)
        assert (result.code, result.err) == (4, ""), result.out
        assert result.out.startswith(f"cannot tell: {why}"), result.out


def test_an_endpoint_that_is_not_there(cli: Cli, report: str) -> None:
    result = cli("replay", PRINT, "--report", report, "--url", "http://127.0.0.1:9", "--retries", "0")
    assert result.code == 4
    assert result.out.startswith("cannot tell: no verdict can be had from request/temperature/")


def test_without_a_report_the_suite_knows(cli: Cli) -> None:
    assert cli("replay", CASE, *FAULT).code == 1
    assert cli("replay", CASE).code == 0
    assert cli("replay", PRINT).code == 0
    by_print = cli("replay", PRINT, *FAULT, "--format", "json")
    assert (by_print.code, by_print.err) == (1, "")
    told = json.loads(by_print.out)
    schema = json.loads((ROOT / "schemas" / "reports" / "replay.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(told)
    assert (told["verdict"], told["findings"][0]["fingerprint"]) == ("still there", PRINT)


def test_a_case_of_bytes_alone_comes_back_from_a_report(cli: Cli) -> None:
    fault = ("--fault", "lenient:wire:duplicate-key")
    found = json.loads(cli("fuzz", *fault, "--format", "json", "--output", "r.json").out or "null")
    assert found is None
    entries = json.loads(Path("r.json").read_text("utf-8"))["findings"]
    assert {one["constraint"] for one in entries} == {"wire:duplicate-key"}
    assert cli("replay", entries[0]["fingerprint"], "--report", "r.json", *fault).code == 1
    assert cli("replay", entries[0]["case"], "--report", "r.json").code == 0


def test_a_finding_about_answers_needs_an_answer(cli: Cli) -> None:
    fault = "broken:response:/properties/id/type"
    cli("fuzz", "--fault", fault, "--format", "json", "--output", "r.json")
    [entry] = json.loads(Path("r.json").read_text("utf-8"))["findings"]
    asked = ("replay", entry["fingerprint"], "--report", "r.json")
    assert cli(*asked, "--fault", fault).code == 1
    assert cli(*asked).code == 0
    without_credit = cli(*asked, "--fault", "answer:credits")
    assert without_credit.code == 4
    assert "was not answered" in without_credit.out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nope"], "no case and no finding of the suite 'nope'"),
        (["request/simplst"], "did you mean 'request/simplest'?"),
        (["x", "--report", "none.json"], "none.json: no such file"),
        (["x", "--report", "text"], "text: not JSON"),
        (["x", "--report", "other.json"], "other.json: not a report of 'haiku-contract fuzz --format json'"),
        (
            ["0123456789aa", "--report", "good.json"],
            "no finding and no case '0123456789aa'; did you mean '0123456789ab'",
        ),
        (["0123456789", "--report", "good.json"], "2 fingerprints begin with '0123456789'; give more of it"),
        (["0123456789ab", "--report", "good.json"], "the finding 0123456789ab has no witness; run fuzz again"),
        (["request/odd", "--report", "good.json"], "the witness request/odd cannot be read; run fuzz again"),
        (["request/own", "--report", "good.json"], "a report of x@1, and not of anthropic/claude-haiku-4.5@1.1.1"),
        (["request/simplest", "--url", "http://x", "--live"], "--url cannot be combined with --live"),
        (["request/simplest", "--url", "http://x", "--fault", "x"], "--url cannot be combined with --fault"),
        (["request/simplest", "--check", "nope"], "--check 'nope': write it as MODULE:FUNCTION"),
    ],
)
def test_what_cannot_be_replayed(cli: Cli, tmp_path: Path, arguments: list[str], line: str) -> None:
    own = {"id": "request/own", "kind": "conforming", "constraint": None, "payload": {}, "content_type": "text/plain"}
    findings = [
        {"code": "leaky", "fingerprint": "0123456789ab", "case": "request/a", "witness": None},
        {"code": "leaky", "fingerprint": "0123456789cd", "case": "request/odd", "witness": {"id": "request/odd"}},
        {"code": "overstrict", "fingerprint": "f" * 12, "case": "request/own", "witness": own},
    ]
    (tmp_path / "good.json").write_text(json.dumps({"contract": "x@1", "findings": findings}), "utf-8")
    (tmp_path / "text").write_text("text", "utf-8")
    (tmp_path / "other.json").write_text("[]", "utf-8")
    result = cli("replay", *arguments)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert line in result.err


@pytest.mark.parametrize(
    ("code", "needs"), [("slow-answer", "--max-total SECONDS"), ("mine", "--check MODULE:FUNCTION")]
)
def test_what_was_asked_beside_the_contract_has_to_be_asked_again(
    cli: Cli, tmp_path: Path, code: str, needs: str
) -> None:
    witness = {"id": "a", "kind": "conforming", "constraint": None, "payload": {}, "content_type": "application/json"}
    finding = {"code": code, "fingerprint": "0" * 12, "case": "a", "witness": witness}
    report = {"contract": hc.load().id, "findings": [finding]}
    (tmp_path / "r.json").write_text(json.dumps(report), "utf-8")
    result = cli("replay", "a", "--report", "r.json")
    assert (result.code, result.err) == (2, f"haiku-contract: a finding of {code} needs {needs}\n")


# -- explain --------------------------------------------------------------------------------------------------------


def test_every_code_is_explained(cli: Cli) -> None:
    listed = cli("explain")
    assert (listed.code, listed.err) == (0, "")
    codes = {(one.kind, one.code) for one in explanations(hc.load())}
    assert listed.out.count("\n") == len(codes)
    assert {("verdict", one.value) for one in VerdictKind} <= codes
    assert {("outcome", one.value) for one in OutcomeKind} <= codes
    assert {("verdict of replay", one.value) for one in ReplayVerdict} <= codes
    assert {("finding", code) for code in (*CHECKS, FAILED)} <= codes
    assert {("error code", str(row.code)) for row in EVIDENCE if row.code is not None} <= codes
    assert ("rule of the wire", "wire:duplicate-key") in codes
    assert ("rule of the provider", "empty-user") in codes
    assert [one for one in explanations(hc.load()) if len(one.text) < 30 or not one.text.endswith(".")] == []


def test_one_code_is_explained(cli: Cli) -> None:
    leaky = cli("explain", "leaky").out
    assert leaky.startswith("leaky (verdict)\n    A request that breaks this constraint was accepted. Check requests ")
    assert "leaky (finding)" in leaky
    assert cli("explain", "syntax").out == cli("explain", "wire:syntax").out
    assert "without credit" in cli("explain", "2021").out
    assert json.loads(cli("explain", "max-tokens", "--format", "json").out)[0]["kind"] == "finding"
    typo = cli("explain", "leeky")
    assert (typo.code, typo.err) == (2, "haiku-contract: no code 'leeky'; did you mean 'leaky'?\n")
    assert cli("explain", "§§§").err == "haiku-contract: no code '§§§'; 'haiku-contract explain' lists them all\n"


# -- checks of somebody's own ---------------------------------------------------------------------------------------

OWN: Final = '''
def echoes_nothing(judged):
    """No answer is empty of sense."""
    if judged.outcome.kind == "accepted":
        yield "an answer"

def falls_over(judged):
    raise ValueError("over")

def ends_it(judged):
    raise SystemExit(3)

def leaky(judged):
    return ()

NUMBER = 5
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_checks_of_this_test", raising=False)
    (tmp_path / "own_checks_of_this_test.py").write_text(OWN, "utf-8")
    (tmp_path / "broken_module_of_this_test.py").write_text("1/0", "utf-8")
    return "own_checks_of_this_test"


def test_checks_that_are_named(cli: Cli, own: str, parrot: str) -> None:
    given = ("--contract", parrot, "--check", f"{own}:echoes_nothing", "--check", f"{own}:falls_over")
    result = cli("fuzz", *given, "--format", "json")
    assert (result.code, result.err) == (1, "")
    found = {one["code"]: one["message"] for one in json.loads(result.out)["findings"]}
    assert found == {"echoes-nothing": "an answer", "check-failed": "the check falls-over raised ValueError: over"}
    told = cli("explain", "echoes-nothing", "--check", f"{own}:echoes_nothing").out
    assert told == "echoes-nothing (finding)\n    No answer is empty of sense.\n"


def test_a_check_that_wants_to_end_the_process_is_told_as_any_that_raises(cli: Cli, own: str, parrot: str) -> None:
    result = cli("fuzz", "--contract", parrot, "--check", f"{own}:ends_it", "--format", "json")
    assert (result.code, result.err) == (1, "")
    assert [one["message"] for one in json.loads(result.out)["findings"]] == ["the check ends-it raised SystemExit: 3"]


def test_checks_that_are_installed(
    cli: Cli, own: str, parrot: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1\n", "utf-8")
    entry = f"[haiku_contract.checks]\nsensible = {own}:echoes_nothing\n"
    (folder / "entry_points.txt").write_text(entry, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    result = cli("fuzz", "--contract", parrot, "--format", "json")
    assert [one["code"] for one in json.loads(result.out)["findings"]] == ["sensible"]
    (folder / "entry_points.txt").write_text(entry.replace("echoes_nothing", "nothing"), "utf-8")
    broken = cli("fuzz", "--contract", parrot)
    assert (broken.code, broken.out, broken.err.count("\n")) == (2, "", 1)
    assert broken.err.startswith("haiku-contract: the entry point 'sensible' of haiku_contract.checks cannot be loaded")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("{own}:nothing", "there is no such function"),
        ("{own}:NUMBER", "there is no such function"),
        ("{own}:leaky", "two checks have the code 'leaky': rename one of the two functions"),
        ("{own}", "write it as MODULE:FUNCTION"),
        ("no_such_module_here:x", "cannot be loaded: ModuleNotFoundError"),
        ("broken_module_of_this_test:x", "cannot be loaded: ZeroDivisionError: division by zero"),
    ],
)
def test_checks_that_cannot_be_loaded(cli: Cli, own: str, name: str, line: str) -> None:
    result = cli("fuzz", "--check", name.format(own=own))
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert line in result.err


@pytest.mark.parametrize("option", ["--max-ttfb", "--max-total"])
def test_limits_of_time_are_asked_for(cli: Cli, parrot: str, option: str) -> None:
    late = cli("fuzz", "--contract", parrot, option, "0", "--format", "json")
    assert late.code == 1
    assert {one["code"] for one in json.loads(late.out)["findings"]} <= {"slow-first-byte", "slow-answer"}
    assert cli("fuzz", "--contract", parrot, option, "600").code == 0
    assert cli("fuzz", "--contract", parrot, option, "nan").code == 2
