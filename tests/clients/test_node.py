"""Clients that run on Node, and the Workers runtime, against `haiku-contract serve`.

`HAIKU_NODE` names a folder in which npm has installed them; `.ci/clients` makes one. Skipped where there is none.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import haiku_contract as hc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent / "node"
EXAMPLES = sorted((HERE / "examples").glob("*.js"))
FOLDER = os.environ.get("HAIKU_NODE", "")
INPUT = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 64}

pytestmark = pytest.mark.skipif(
    not FOLDER or not shutil.which("node"), reason="needs node, and HAIKU_NODE with packages"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the scripts, and the packages beside them, which is where Node looks."""
    for script in HERE.iterdir():
        if script.is_file():
            shutil.copy(script, tmp_path)
    (tmp_path / "node_modules").symlink_to(Path(FOLDER).resolve() / "node_modules")
    return tmp_path


def package(name: str) -> Path:
    """The folder of an installed package; its test is skipped where it is missing."""
    path = Path(FOLDER) / "node_modules" / name
    if not path.exists():
        pytest.skip(f"needs the npm package {name}")
    return path


def run(folder: Path, script: str, served: str) -> Any:
    command = ["node", script, served]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_anthropic_sdk(folder: Path, served: str, contract: hc.Contract) -> None:
    package("@anthropic-ai/sdk")
    got = run(folder, "anthropic-sdk.mjs", served)
    assert got["message"]["content"][0]["text"]
    assert contract.response.is_valid({key: got["message"][key] for key in got["message"] if not key.startswith("_")})
    assert got["events"][0] == "message_start"
    assert got["events"][-1] == "message_stop"
    assert got["streamed"]["content"][0]["text"]
    assert (got["refused"]["name"], got["refused"]["status"]) == ("BadRequestError", 400)
    assert "Invalid value at max_tokens: Too small" in got["refused"]["message"]
    assert got["overloaded"]["status"] == 529
    assert "Overloaded" in got["broken"]["message"]


def test_ai_sdk(folder: Path, served: str) -> None:
    package("ai")
    package("@ai-sdk/anthropic")
    got = run(folder, "ai-sdk.mjs", served)
    assert got["text"]
    assert got["streamed"]
    assert got["reason"] in {"stop", "length"}
    assert got["streamedReason"] in {"stop", "length"}
    assert got["refused"]["status"] == 400
    assert "Invalid value at system: Invalid input: expected string, received array" in got["refused"]["body"]


@contextmanager
def running(folder: Path, served: str) -> Iterator[Callable[[Any], Any]]:
    """`worker.js` of the folder with an AI binding, in the real runtime; asks it with JSON."""
    binary = package("@cloudflare/workerd-linux-64") / "bin" / "workerd"
    config = (folder / "config.capnp").read_text(encoding="utf-8").replace("ENDPOINT", served.removeprefix("http://"))
    (folder / "config.capnp").write_text(config, encoding="utf-8")
    command = [binary, "serve", "config.capnp", "--control-fd=1"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603 - the runtime
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate(timeout=10)[1]
    url = f"http://127.0.0.1:{json.loads(line)['port']}/"

    def ask(value: Any) -> Any:
        body = json.dumps(value).encode()
        with urllib.request.urlopen(url, body, timeout=30) as response:
            return json.load(response)

    try:
        yield ask
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture
def worker(folder: Path, served: str) -> Iterator[Callable[[Any], Any]]:
    """A Worker that runs the examples of the catalog, or any request."""
    functions = [
        f"{one.stem!r}: async (env, console) => {{\n{one.read_text(encoding='utf-8')}}},\n" for one in EXAMPLES
    ]
    source = (folder / "worker.js").read_text(encoding="utf-8").replace("/* EXAMPLES */", "".join(functions))
    (folder / "worker.js").write_text(source, encoding="utf-8")
    with running(folder, served) as ask:
        yield ask


def test_workers_ai_provider(folder: Path, served: str) -> None:
    """The provider of the AI SDK for Workers; it sends `system` as an array of blocks, which the schema refuses."""
    package("workers-ai-provider")
    esbuild = package("esbuild") / "bin" / "esbuild"
    options = ["--bundle", "--format=esm", "--conditions=workerd,worker", "--external:node:*", "--outfile=worker.js"]
    options += ["--allow-overwrite", "--log-level=error"]
    subprocess.run([esbuild, "provider.mjs", *options], cwd=folder, check=True, timeout=60)  # noqa: S603 - a bundler
    with running(folder, served) as ask:
        got = ask({})
    assert got["text"]
    assert len(got["pieces"]) > 1
    assert {got["reason"], got["streamedReason"]} <= {"stop", "length"}
    assert got["refused"]["status"] == 400
    assert "Invalid value at system: Invalid input: expected string, received array" in got["refused"]["body"]


def test_the_examples_of_the_catalog_in_a_worker(worker: Callable[[Any], Any], contract: hc.Contract) -> None:
    got = worker({})
    assert sorted(got["printed"]) == [one.stem for one in EXAMPLES]
    assert len(EXAMPLES) == 5
    assert got["log"].startswith("01")
    for name, (value,) in got["printed"].items():
        if name.endswith("streaming-response"):
            stream = hc.StreamValidator(contract)
            assert [*stream.feed(value["stream"].encode()), *stream.finish()] == []
        else:
            contract.response.validate(value)


@pytest.mark.parametrize(
    ("model", "inputs", "message"),
    [
        ("anthropic/claude-haiku-4.5", {**INPUT, "max_tokens": 0}, "7003: User Input Error"),
        ("anthropic/claude-haiku-4-5", INPUT, "7003: User Input Error"),
    ],
)
def test_what_a_worker_sees_of_a_refusal(
    worker: Callable[[Any], Any], model: str, inputs: dict[str, Any], message: str
) -> None:
    thrown = {"constructor": "InferenceUpstreamError", "name": "AiGatewayError", "message": message}
    assert worker({"model": model, "inputs": inputs}) == thrown
