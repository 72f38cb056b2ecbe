"""What the tests of the command line share."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import uvicorn

from haiku_contract import __version__
from haiku_contract.cli import app
from haiku_contract.endpoint.reference import faults
from haiku_contract.endpoint.reference.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import haiku_contract as hc

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


class Listener:
    """Listens on loopback, one connection after the other; keeps every request as it came, byte by byte."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        """Args: from a whole request to the whole answer."""
        self.heard: list[bytes] = []
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            connection.settimeout(10)
            with connection, contextlib.suppress(OSError):
                request = self._read(connection)
                self.heard.append(request)
                connection.sendall(self._answer(request))

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536) or b"\r\n\r\n"
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        while length and len(body) < int(length[1]):
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body


def answer(status: str, body: bytes, *headers: str) -> bytes:
    """An answer in JSON, as bytes."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "connection: close"]
    if not any(one.startswith("content-type") for one in headers):
        lines.append("content-type: application/json")
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture
def listen() -> Iterator[Callable[[Callable[[bytes], bytes]], Listener]]:
    """Start a listener; it ends with the test."""
    running: list[Listener] = []

    def start(how: Callable[[bytes], bytes]) -> Listener:
        running.append(Listener(how))
        return running[-1]

    yield start
    for one in running:
        one.close()


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


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """The reference endpoint over HTTP on loopback, with a fault if asked."""
    running = []

    def start(contract: hc.Contract, fault: str | None = None) -> str:
        app = create_app(contract, None if fault is None else faults.parse(contract, fault))
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        running.append((server, thread, listening))
        return f"http://127.0.0.1:{listening.getsockname()[1]}/"

    yield start
    for server, thread, listening in running:
        server.should_exit = True
        thread.join()
        listening.close()
