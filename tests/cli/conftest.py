"""What the tests of the command line share."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from haiku_contract import __version__
from haiku_contract.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from haiku_contract.cli import main; raise SystemExit(main())"
PARROT = {
    "model_id": "example/parrot",
    "schema": {
        "input": {
            "type": "object",
            "properties": {"text": {"type": "string", "maxLength": 80}},
            "required": ["text"],
            "additionalProperties": True,
        },
        "output": {"type": "object", "properties": {"echo": {"type": "string"}}, "required": ["echo"]},
    },
}

# What differs from run to run, and what stands in its place in an expected output.
NORMALISERS = {
    "seconds": (re.compile(r"in \d+\.\d s\b"), "in 0.0 s"),
    "requests": (re.compile(r"\b\d+ requests to"), "N requests to"),
    "version": (re.compile(re.escape(__version__)), "0.0.0"),
}


class Result(NamedTuple):
    """What a run left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """Run a command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")

    def run(*arguments: str) -> Result:
        code = app.run(arguments)
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def command() -> list[str]:
    """What starts the command line in a process of its own."""
    return [sys.executable, "-c", MAIN]


@pytest.fixture(scope="session")
def spawn(command: list[str]) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run a command line in a process of its own."""

    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60} | options
        return subprocess.run([*command, *arguments], check=False, **settings)  # noqa: S603 - our own command line

    return run


@pytest.fixture(scope="session")
def normalised() -> Callable[[str], str]:
    """A text without what differs from run to run."""

    def normalise(text: str) -> str:
        for pattern, replacement in NORMALISERS.values():
            text = pattern.sub(replacement, text)
        return text

    return normalise


@pytest.fixture
def parrot(tmp_path: Path) -> str:
    """The file of a small contract, so that whole outputs can be shown."""
    path = tmp_path / "parrot.json"
    path.write_text(json.dumps(PARROT), encoding="utf-8")
    return path.name


@pytest.fixture(scope="session")
def report_schema() -> dict[str, Any]:
    """What the JSON report of `fuzz` conforms to."""
    path = ROOT / "schemas" / "reports" / "fuzz.schema.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))
