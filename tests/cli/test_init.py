"""`haiku-contract init`: what it writes runs, and what exists it leaves alone."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from haiku_contract.cli import app

if TYPE_CHECKING:
    from pathlib import Path

FILES = ["tests/test_contract.py", "tests/cassettes/contract.yaml", ".github/workflows/contract.yml"]
PARROT = {
    "model_id": "example/parrot",
    "schema": {
        "input": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        "output": {"type": "object", "properties": {"echo": {"type": "string"}}, "required": ["echo"]},
    },
}


def steps(root: Path) -> list[list[str]]:
    """The commands of the workflow, for this environment, without the one that installs."""
    workflow = yaml.safe_load((root / FILES[2]).read_text(encoding="utf-8"))
    commands = [step["run"].split() for step in workflow["jobs"]["contract"]["steps"] if "run" in step]
    assert commands[0][:4] == ["python", "-m", "pip", "install"]
    verb = [sys.executable, "-c", "from haiku_contract.cli import main; raise SystemExit(main())"]
    return [[*(verb if one[0] == "haiku-contract" else [sys.executable]), *one[1:]] for one in commands[1:]]


def test_the_set_up_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["init", "--directory", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"written     {tmp_path / name}" for name in FILES]
    assert "reference endpoint, which stands in" in (tmp_path / FILES[1]).read_text(encoding="utf-8")
    scan, test = steps(tmp_path)
    leaner = ["-p", "no:asyncio", "-p", "no:hypothesispytest", "-p", "no:recording", "-p", "no:anyio"]
    for command in (scan, [*test, *leaner, "-p", "no:cacheprovider", "--contract-endpoint", "recorded"]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - ours
        assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout

    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    (tmp_path / FILES[2]).write_text("mine", encoding="utf-8")
    (tmp_path / FILES[0]).unlink()
    assert app.run(["init", "--directory", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"written     {tmp_path / FILES[0]}",
        f"left alone  {tmp_path / FILES[1]}: it exists",
        f"left alone  {tmp_path / FILES[2]}: it exists",
    ]
    assert (tmp_path / FILES[2]).read_text(encoding="utf-8") == "mine"
    assert [(tmp_path / name).read_bytes() for name in FILES[:2]] == [before[name] for name in FILES[:2]]


def test_another_contract(tmp_path: Path) -> None:
    catalog = tmp_path / "parrot.json"
    catalog.write_text(json.dumps(PARROT), encoding="utf-8")
    assert app.run(["init", "--directory", str(tmp_path), "--contract", str(catalog)]) == 0
    text = (tmp_path / FILES[0]).read_text(encoding="utf-8")
    assert repr(str(catalog)) in text
    compile(text, FILES[0], "exec")
    assert app.run(["init", "--directory", str(tmp_path), "--contract", "anthropic/claude-haiku-4.5@1.0.0"]) == 0
    assert (tmp_path / FILES[0]).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("made", ["file", "way", "nowhere", "text"])
def test_what_cannot_be_done(tmp_path: Path, made: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "way").mkdir()
    (tmp_path / "way" / "tests").write_text("", encoding="utf-8")
    (tmp_path / "text").mkdir()
    arguments = ["init", "--directory", str(tmp_path / made)]
    if made == "text":
        schema = {"input": {"type": "string"}, "output": {}}
        (tmp_path / "text.json").write_text(json.dumps({"model_id": "a/b", "schema": schema}), encoding="utf-8")
        arguments += ["--contract", str(tmp_path / "text.json")]
    assert app.run(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    words = {"way": "is in the way", "text": "is an object, and init needs one"}.get(made, "no such folder")
    assert words in said.err
    assert said.err.count("\n") == 1
