"""README.md runs: every Python block, every shell block, and every output that it shows."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import uvicorn

import haiku_contract as hc
from haiku_contract.endpoint.reference.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN_ADDRESS = "127.0.0.1:8000"

# As in a doctest, `...` in a shown output stands for anything; runs of blanks are alike, so columns may be closer.
MATCHING = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

# What differs from run to run, and what is shown in its place.
NORMALISERS = {
    "seconds": (re.compile(r"in \d+\.\d s\b"), "in 0.0 s"),
    "requests": (re.compile(r"\b\d+ requests to"), "400 requests to"),
    "dollars": (re.compile(r"\b0\.\d{6} USD"), "0.000000 USD"),
}

END_OF_COMMAND = "--- end of command ---"


class Block(NamedTuple):
    """A fenced block: what stands in the line before it, its language, its text, and the text block that follows."""

    mark: str
    language: str
    text: str
    output: str | None
    line: int


def _blocks(markdown: str) -> Iterator[Block]:
    mark = r"(?:^<!-- (?P<mark>.*?) -->\n)?"
    block = r"^```(?P<language>\w+)\n(?P<text>.*?)^```\n"
    output = r"(?:\n^```text\n(?P<output>.*?)^```\n)?"
    for match in re.finditer(mark + block + output, markdown, re.MULTILINE | re.DOTALL):
        line = markdown.count("\n", 0, match.start("text"))
        yield Block(match["mark"] or "", match["language"], match["text"], match["output"], line)


BLOCKS = list(_blocks(README))
PYTHON = [block for block in BLOCKS if block.language == "python" and block.mark != "pytest"]
PYTEST = [block for block in BLOCKS if block.language == "python" and block.mark == "pytest"]
TOML = [block for block in BLOCKS if block.language == "toml"]
CONSOLE = [block for block in BLOCKS if block.language == "console"]
INSTALLS = [block for block in BLOCKS if block.language == "sh"]


def _line(block: Block) -> str:
    return f"line-{block.line}"


def _assert_shown(shown: str, real: str) -> None:
    for pattern, replacement in NORMALISERS.values():
        shown, real = pattern.sub(replacement, shown), pattern.sub(replacement, real)
    checker = doctest.OutputChecker()
    if not checker.check_output(shown, real, MATCHING):
        pytest.fail(checker.output_difference(doctest.Example("", shown), real, MATCHING), pytrace=False)


def test_every_block_is_picked_up() -> None:
    fences = re.findall(r"^```(\w+)$", README, re.MULTILINE)
    outputs = sum(block.output is not None for block in BLOCKS)
    in_an_sdk = fences.count("py")  # run by tests/clients, where the SDK is
    run = len(PYTHON) + len(PYTEST) + len(TOML) + len(CONSOLE) + len(INSTALLS)
    assert len(fences) == run + outputs + in_an_sdk
    assert len(PYTHON) >= 4
    assert len(CONSOLE) >= 6


def test_the_two_commands_are_marked_for_the_ci_script() -> None:
    assert [block.mark for block in INSTALLS] == ["ci: run", "ci: test"]
    run, test = (block.text.splitlines() for block in INSTALLS)
    assert len(run) == len(test) == 1, "each of the two is one command"
    assert run[0].endswith("&& haiku-contract fuzz")
    assert " && pytest" in test[0]


@pytest.mark.parametrize("block", PYTHON, ids=_line)
def test_python_block(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "readme"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.text, f"README.md:{block.line}", "exec"), namespace)  # noqa: S102 - that is the test
        for name, value in namespace.items():
            if name.startswith("test_") and callable(value):
                value()
    _assert_shown(block.output or "", printed.getvalue())


def test_both_jobs_in_pytest(pytester: pytest.Pytester) -> None:
    for block, fixture in zip(PYTEST, ("contract_client", "contract_campaign"), strict=True):
        assert fixture in block.text
        mine = [line for line in block.text.splitlines() if line.strip() and not line.startswith(("import ", "from "))]
        assert len(mine) < 15
        pytester.makepyfile(**{f"test_{fixture}": block.text})
    pytester.makepyprojecttoml("".join(block.text for block in TOML).replace('"recorded"', '"reference"'))
    leaner = [word for name in ("asyncio", "recording", "hypothesispytest") for word in ("-p", f"no:{name}")]
    done = pytester.runpytest_subprocess(*leaner, "--strict-markers")
    outcomes = done.parseoutcomes()
    assert set(outcomes) == {"passed"}
    assert outcomes["passed"] > 20
    done.stdout.fnmatch_lines(["*= contract campaigns =*", "*: anthropic/claude-haiku-4.5@*"])


@pytest.mark.parametrize("block", CONSOLE, ids=_line)
def test_console_block(block: Block, tmp_path: Path, endpoint: str) -> None:
    commands = list(_commands(block.text))
    script = "".join(
        f"{command.replace(SHOWN_ADDRESS, endpoint)}\nlast=$?; echo '{END_OF_COMMAND}'; (exit $last)\n"
        for command, _ in commands
    )
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(  # noqa: S603 - our own README
        ["bash", "-c", script],  # noqa: S607 - wherever it is
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    *outputs, rest = done.stdout.replace(endpoint, SHOWN_ADDRESS).split(f"{END_OF_COMMAND}\n")
    assert rest == ""
    for (_, shown), real in zip(commands, outputs, strict=True):
        _assert_shown(shown, real)


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command with the output that is shown for it: `$ ` starts a command, `> ` goes on with it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        first, *lines = part.splitlines(keepends=True)
        more = 0
        while more < len(lines) and lines[more].startswith("> "):
            more += 1
        command = first + "".join(line[2:] for line in lines[:more])
        yield command.rstrip("\n"), "".join(lines[more:])


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Host and port of the reference endpoint, over HTTP, for the example that needs somebody else's."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(create_app(hc.load()), log_level="critical", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
