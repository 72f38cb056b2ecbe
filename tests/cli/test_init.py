"""`haiku-contract init`: what it writes runs, and what exists it leaves alone."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import haiku_contract as hc
from haiku_contract.cli import app
from haiku_contract.cli.init import as_source

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
    given = workflow["jobs"]["contract"]["steps"]
    used = [step["uses"] for step in given if "uses" in step]
    assert [name.partition("@")[0] for name in used] == ["actions/checkout", "actions/setup-python"]
    assert all(re.fullmatch(r"[0-9a-f]{40}", name.partition("@")[2]) for name in used)
    commands = [shlex.split(step["run"]) for step in given if "run" in step]
    assert commands[0] == ["python", "-m", "pip", "install", f"haiku-contract[all]=={hc.__version__}"]
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


def test_another_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found from the test itself, wherever the repository is and the tests are started."""
    (tmp_path / "parrot.json").write_text(json.dumps(PARROT), encoding="utf-8")
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(tmp_path)
    assert app.run(["init", "--directory", "repository", "--contract", "parrot.json"]) == 0
    text = (root / FILES[0]).read_text(encoding="utf-8")
    assert 'load(Path(__file__).parent / "../../parrot.json")' in text
    found: dict[str, Any] = {"__file__": str(root / FILES[0])}
    monkeypatch.chdir(root)
    exec(compile(text, FILES[0], "exec"), found)  # noqa: S102 - ours
    assert found["contract"].__wrapped__().model_id == "example/parrot"
    assert app.run(["init", "--contract", "anthropic/claude-haiku-4.5@1.0.0"]) == 0
    assert (root / FILES[0]).read_text(encoding="utf-8") == text


VALUES = [
    {"max_tokens": 1, "messages": [{"content": "Hello", "role": "user"}], "model": "anthropic/claude-haiku-4.5"},
    {"a": [], "b": {}, "c": [None, True, 1.5, -0.0], "quote'\"": "tab\t and \u2028 and \U0001f600 and \ud800"},
    {"long": ["x" * 50, ["y" * 50, {"z": ["w" * 30, "v" * 30, "u" * 30]}]]},
    "x" * 200,
]


@pytest.mark.parametrize("value", VALUES)
def test_payloads_are_written_as_formatters_write_them(value: object) -> None:
    source = f"REQUEST = {as_source(value, used=len('REQUEST = '))}\n"
    assert ast.literal_eval(source.partition(" = ")[2]) == value
    lines = [line for line in source.splitlines() if "x" * 88 not in line]
    assert all(len(line) <= 88 and line == line.rstrip() for line in lines)


@pytest.mark.parametrize("made", ["file", "way", "late", "nowhere", "text"])
def test_what_cannot_be_done(tmp_path: Path, made: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "way").mkdir()
    (tmp_path / "way" / "tests").write_text("", encoding="utf-8")
    (tmp_path / "text").mkdir()
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / ".github").symlink_to("nothing")
    arguments = ["init", "--directory", str(tmp_path / made)]
    if made == "text":
        schema = {"input": {"type": "string"}, "output": {}}
        (tmp_path / "text.json").write_text(json.dumps({"model_id": "a/b", "schema": schema}), encoding="utf-8")
        arguments += ["--contract", str(tmp_path / "text.json")]
    assert app.run(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert not (tmp_path / "late" / "tests").exists()
    words = {
        "way": "is in the way",
        "late": ".github: is in the way",
        "text": "is an object, and init needs one",
    }.get(made, "no such folder")
    assert words in said.err
    assert said.err.count("\n") == 1
