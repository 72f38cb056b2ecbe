"""The journal: a campaign that was killed goes on where it was, and nothing is asked twice or lost."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
import uvicorn

import haiku_contract as hc
from haiku_contract.campaign.drive import Sender, drive
from haiku_contract.campaign.journal import Journal
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint import surfaces
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.generate import suite
from haiku_contract.model import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haiku_contract.model import CampaignFinished

CONTRACT: Final = hc.load()
CASES: Final = suite(CONTRACT, "request")[:80]
TARGET: Final = Target("somewhere", "http://reference.invalid/", surfaces.named("bare"))
SECRET: Final = "a-token-that-nobody-has"


class Counting:
    """A flawless endpoint that remembers what it was asked, and stops answering after so many requests."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.heard: list[tuple[bytes, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.most is not None and len(self.heard) >= self.most:
            raise KeyboardInterrupt
        content_type = request.headers["content-type"]
        self.heard.append((request.content, content_type))
        if content_type == "application/json" and CONTRACT.request.is_valid_bytes(request.content):
            return httpx.Response(200, json={"content": [], "echo": SECRET})
        return httpx.Response(400, json={"errors": [{"code": 7003, "message": f"no, {SECRET}"}]})


def run(path: Path, somebody: Counting) -> CampaignFinished:
    transport = httpx.MockTransport(somebody)
    with Journal(path, CONTRACT.id, TARGET.name) as journal, httpx.Client(transport=transport) as client:
        sender = Sender(TARGET, CONTRACT.model_id, secrets=(SECRET,), arrived=journal)
        return drive(campaign(CONTRACT, CASES, TARGET, lambda _: None, known=journal.known), client, sender)


@pytest.mark.parametrize("killed_after", [1, 2, 30, 40])
def test_a_run_goes_on_where_it_was(tmp_path: Path, killed_after: int) -> None:
    whole = run(tmp_path / "whole.jsonl", Counting())
    path = tmp_path / "killed.jsonl"
    first, second = Counting(killed_after), Counting()
    with pytest.raises(KeyboardInterrupt):
        run(path, first)
    result = run(path, second)
    assert not set(first.heard) & set(second.heard)
    assert len(first.heard) + len(second.heard) == whole.requests
    assert result.requests == len(second.heard)
    assert result.verdicts == whole.verdicts
    assert result.findings == whole.findings


def test_a_finished_run_asks_nothing_again(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    first = run(path, Counting())
    before = path.read_bytes()
    somebody = Counting()
    again = run(path, somebody)
    assert somebody.heard == []
    assert again.verdicts == first.verdicts
    assert path.read_bytes() == before


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_line_that_was_not_written_to_its_end_is_asked_again(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "run.jsonl"
    whole = run(path, Counting())
    complete = path.read_bytes()
    path.write_bytes(complete[:-cut])
    somebody = Counting()
    result = run(path, somebody)
    lost = complete.count(b"\n") - complete[:-cut].count(b"\n")
    assert len(somebody.heard) == lost
    assert result.verdicts == whole.verdicts
    assert all(json.loads(line) for line in path.read_bytes().splitlines())


def test_secrets_are_taken_out_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    result = run(path, Counting())
    assert SECRET not in path.read_text("utf-8")
    assert SECRET not in repr(result)
    bodies = [base64.b64decode(json.loads(line)["body"]) for line in path.read_bytes().splitlines()[1:]]
    assert bodies
    assert not [body for body in bodies if SECRET.encode() in body]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello\n", "not the journal of a campaign"),
        (b"hello", "not the journal of a campaign"),
        (b"{}\n", "not the journal of a campaign"),
        (b"[1]\n", "not the journal of a campaign"),
        (
            b'{"haiku_contract_journal": 1, "contract": "other@1", "endpoint": "else"}\n',
            "the journal of other@1 against else, at another address",
        ),
    ],
)
def test_other_files_are_refused_and_left_alone(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(hc.UsageError, match=words):
        Journal(path, CONTRACT.id, TARGET.name)
    assert path.read_bytes() == content


NO_BASE64: Final = b'{"key": "a", "status": 200, "headers": {}, "elapsed": 0.1, "body": "!"}'


@pytest.mark.parametrize("line", [b"{}", b"x", NO_BASE64])
def test_a_broken_line_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "run.jsonl"
    run(path, Counting())
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(hc.UsageError, match=r"line \d+ is not of a journal"):
        Journal(path, CONTRACT.id, TARGET.name)


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(hc.UsageError, match="cannot be"), Journal(tmp_path, CONTRACT.id, TARGET.name):
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    """The reference endpoint over HTTP, a little slow, and the bodies that it was sent."""
    heard: list[bytes] = []
    app = create_app(CONTRACT)

    async def listening(scope: Any, receive: Any, send: Any) -> None:
        body = bytearray()

        async def hear() -> Any:
            message = await receive()
            body.extend(message.get("body", b""))
            if message["type"] == "http.request" and not message.get("more_body"):
                heard.append(bytes(body))
                await asyncio.sleep(0.005)
            return message

        await app(scope, hear, send)

    config = uvicorn.Config(listening, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    instance = uvicorn.Server(config)
    thread = threading.Thread(target=instance.run)
    thread.start()
    while not instance.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{instance.servers[0].sockets[0].getsockname()[1]}", heard
    instance.should_exit = True
    thread.join()


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_killed_for_real(server: tuple[str, list[bytes]], tmp_path: Path) -> None:
    url, heard = server
    path = tmp_path / "run.jsonl"
    script = "import sys; from haiku_contract.cli import main; sys.exit(main())"
    options = ["fuzz", "--url", url, "--resume", str(path), "--concurrency", "1", "--format", "json"]
    command = [sys.executable, "-c", script, *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - us
    while len(heard) < 40:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    answered = path.read_bytes().count(b"\n") - 1
    killed_at = len(heard)
    assert answered >= killed_at - 1
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - us
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["requests"] == len(heard) - killed_at
    assert len(heard) - len({*heard}) <= 1 + _same_body_under_two_types()
    assert {one["verdict"] for one in report["verdicts"]} == {"enforced", "unviolable", "held", "unexercised"}


def _same_body_under_two_types() -> int:
    cases = suite(CONTRACT, "request")
    return len({(case.body, case.content_type) for case in cases}) - len({case.body for case in cases})


def test_the_time_to_the_first_byte_is_kept(tmp_path: Path) -> None:
    exchange = Exchange(CASES[0], 200, {}, b"{}", 2.0, ttfb=1.5)
    path = tmp_path / "run.jsonl"
    with Journal(path, CONTRACT.id, TARGET.name) as journal:
        journal(exchange)
    known = Journal(path, CONTRACT.id, TARGET.name).known(CASES[0])
    assert known is not None
    assert (known.ttfb, known.elapsed, known.attempts) == (1.5, 2.0, 0)
