"""Where output goes: files, pipes, terminals, and places that do not take it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from haiku_contract.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

    Cli = Callable[..., Any]
    Spawn = Callable[..., CompletedProcess[bytes]]
    Normalise = Callable[[str], str]

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "anthropic" / "claude-haiku-4.5" / "1.0.0"
HOT = "request:/properties/temperature/maximum"


VERBS = {
    "validate": (["validate", "request", str(FIXTURES / "request" / "conforming" / "simple-question.json")], 0),
    "constraints": (["constraints"], 0),
    "generate": (["generate"], 0),
    "fuzz": (["fuzz", "--fault", f"lenient:{HOT}"], 1),
    "fuzz-json": (["fuzz", "--fault", f"lenient:{HOT}", "--format", "json"], 1),
}
each_verb = pytest.mark.parametrize(("arguments", "code"), VERBS.values(), ids=VERBS)


@each_verb
def test_output_file_holds_what_would_have_been_printed(
    cli: Cli, tmp_path: Path, arguments: list[str], code: int, normalised: Normalise
) -> None:
    printed = cli(*arguments, "--output", "-")
    assert cli(*arguments, "--output", "out.txt") == (code, "", "")
    assert normalised((tmp_path / "out.txt").read_text(encoding="utf-8")) == normalised(printed.out)
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_output_file_is_whole_or_as_it_was(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise error

    (tmp_path / "out.txt").write_text("before", encoding="utf-8")
    monkeypatch.setattr(options.Path, "replace", fail)
    result = cli("constraints", "--output", "out.txt")
    assert (result.code, result.out) == ((130, "") if isinstance(error, KeyboardInterrupt) else (2, ""))
    assert result.err.strip().startswith("haiku-contract: ")
    assert result.err.strip().count("\n") == 0
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out.txt": "before"}


def test_output_through_a_link_keeps_the_link(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    assert cli("constraints", "--output", "link") == (0, "", "")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text(encoding="utf-8").startswith("request:/type")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_output_into_a_pipe_is_written_not_replaced(tmp_path: Path, parrot: str, spawn: Spawn) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        done = spawn("constraints", "--contract", parrot, "--output", "pipe", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert os.read(reader, 65536).startswith(b"request:/type")
    finally:
        os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


@each_verb
def test_nobody_reads_on(arguments: list[str], code: int, spawn: Spawn) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = spawn(*arguments, stdout=write_end)
    finally:
        os.close(write_end)
    assert (done.returncode, done.stderr) == (code, b"")


def test_only_the_first_line_is_read(command: list[str]) -> None:
    command = [*command, "generate", "--side", "all"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 - us
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["id"] == "request/simplest"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_standard_output_is_full(spawn: Spawn) -> None:
    with Path("/dev/full").open("wb") as full:
        done = spawn("constraints", stdout=full)
    assert done.returncode == 2
    assert done.stderr == b"haiku-contract: standard output: cannot be written: No space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="needs a shell that closes streams")
@pytest.mark.parametrize(
    ("arguments", "closed", "code"),
    [("fuzz", ">&-", 0), ("fuzz", "2>&-", 0), ("fuzz --nope", "2>&-", 2), ("validate request -", "<&-", 2)],
)
def test_closed_streams(arguments: str, closed: str, code: int, command: list[str]) -> None:
    script = f"{shlex.join(command)} {arguments} {closed}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, timeout=60, check=False)  # noqa: S603, S607 - us
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


def _on_a_terminal(command: list[str], **environment: str) -> bytes:
    """What a command line prints when its standard output is a terminal."""
    pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")
    clean = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "TERM"}}
    master, slave = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - us
        command, stdin=slave, stdout=slave, stderr=slave, env=clean | {"TERM": "xterm-256color"} | environment
    )
    os.close(slave)
    printed = b""
    with contextlib.suppress(OSError):  # Linux says EIO at the end
        while chunk := os.read(master, 65536):
            printed += chunk
    os.close(master)
    assert process.wait(60) == 0
    return printed


def test_colours_on_a_terminal(parrot: str, tmp_path: Path, command: list[str]) -> None:
    colour = re.compile(rb"\x1b\[(?:[\d;]*;)?(?:3\d|38;[\d;]*|9\d)m")
    fuzz = [*command, "fuzz", "--contract", str(tmp_path / parrot)]
    assert colour.search(_on_a_terminal(fuzz))
    assert not colour.search(_on_a_terminal(fuzz, NO_COLOR="1"))
    assert not colour.search(_on_a_terminal([*fuzz, "--no-color"]))
