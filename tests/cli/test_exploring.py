"""`fuzz --explore`: within the budget, resumable, and without a trace beside what was asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    Cli = Callable[..., Any]

LEAKY = ("fuzz", "--fault", "lenient:request:/properties/temperature/maximum", "--format", "json")


def test_an_exploration_is_resumed(cli: Cli, tmp_path: Path, report_schema: dict[str, Any]) -> None:
    options = ("--explore", "12", "--seed", "5", "--resume", "run.jsonl", "--database", "examples")
    plain, first, again = cli(*LEAKY), cli(*LEAKY, *options), cli(*LEAKY, *options)
    assert (plain.code, first.code, again.code) == (1, 1, 1)
    assert first.err == "haiku-contract: exploring with --seed 5, at most 24 more requests\n"
    reports = [json.loads(one.out) for one in (plain, first, again)]
    for report in reports:
        jsonschema.Draft202012Validator(report_schema).validate(report)
    assert 0 < reports[1]["requests"] - reports[0]["requests"] <= 24
    assert (reports[2]["requests"], reports[1]["seed"]) == (0, 5)
    assert reports[1]["findings"] == reports[2]["findings"]
    assert reports[0]["findings"] == reports[1]["findings"]  # what the suite has found is not found again
    assert {path.name for path in tmp_path.iterdir()} <= {"run.jsonl", "examples"}


def test_an_exploration_ends_with_the_budget(cli: Cli) -> None:
    sent = json.loads(cli("fuzz", "--format", "json").out)["requests"]
    result = cli("fuzz", "--explore", "30", "--max-requests", str(sent + 5), "--format", "json")
    assert result.code == 3
    assert result.err.endswith("the budget ended the exploration\n")
    report = json.loads(result.out)
    assert report["requests"] == sent + 5
    assert {one["verdict"] for one in report["verdicts"]} >= {"enforced", "held"}
    assert "undetermined" not in {one["verdict"] for one in report["verdicts"]}


def test_what_an_exploration_can_cost_is_said(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "a-token-that-nobody-has")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    result = cli("fuzz", "--live", "--account", "abc", "--explore", "10", "--retries", "0")
    assert result.code == 4
    assert "exploring with --seed 0, at most 20 more requests and 1.15 USD\n" in result.err


def test_a_database_that_is_a_file(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"mine")
    result = cli("fuzz", "--explore", "2", "--database", "x")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("haiku-contract: x: not a folder")
    assert (tmp_path / "x").read_bytes() == b"mine"


def test_a_database_without_an_exploration(cli: Cli) -> None:
    result = cli("fuzz", "--database", "x")
    assert (result.code, result.out) == (2, "")
    assert "--explore N" in result.err
