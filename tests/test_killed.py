"""A campaign that is killed by SIGKILL, at any point, against a server that counts: nothing is lost or paid twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
import uvicorn

import haiku_contract as hc
from haiku_contract.campaign.plan import thrifty
from haiku_contract.endpoint.reference import faults
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.generate import suite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from haiku_contract.contract import Contract

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals")

WIDTH: Final = 8
PROPERTIES: Final = {
    "text": {"type": "string", "minLength": 2, "maxLength": 80},
    "n": {"type": "integer", "minimum": 0, "maximum": 9},
    "how": {"enum": ["a", "b"]},
    "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
    "flag": {"type": "boolean"},
}
CATALOG: Final = {
    "model_id": "example/parrot",
    "schema": {
        "input": {"type": "object", "properties": PROPERTIES, "required": ["text"], "additionalProperties": False},
        "output": {"type": "object", "properties": {"echo": {"type": "string"}}, "required": ["echo"]},
    },
}
MAIN: Final = "from haiku_contract.cli import main; raise SystemExit(main())"
IN_A_LINE: Final = """
import os, signal
from haiku_contract.campaign import journal
fsync, left = os.fsync, [20]
def torn(number):
    left[0] -= 1
    if not left[0]:
        os.truncate(number, os.fstat(number).st_size - 30)  # as far as the line had come
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(number)
journal.os.fsync = torn
"""
"""What a killed process leaves of a line that it was writing."""


class Request(NamedTuple):
    """What tells requests apart."""

    body: bytes
    content_type: str


class Server:
    """An endpoint at a free port, which notes what it was asked, and may stop somebody instead of answering."""

    def __init__(self, contract: Contract, fault: str | None) -> None:
        self.heard: list[Request] = []
        self.stop: Callable[[list[Request]], bool] = lambda _: False
        self._texts = {_text(case.body) for case in suite(contract, "request")}
        self._app = create_app(contract, None if fault is None else faults.parse(contract, fault))
        settings: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "log_level": "critical", "lifespan": "off"}
        self._server = uvicorn.Server(uvicorn.Config(self._serve, interface="asgi3", **settings))
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        body = bytearray()
        more = True
        while more:
            message = await receive()
            body.extend(message.get("body", b""))
            more = message.get("more_body", False)
        request = Request(bytes(body), dict(scope["headers"])[b"content-type"].decode())
        self.heard.append(request)
        if await asyncio.to_thread(self.stop, self.heard[:]):
            return
        whole: list[Any] = [{"type": "http.request", "body": request.body}]

        async def again() -> Any:
            return whole.pop() if whole else await receive()

        if _text(request.body) not in self._texts:  # what no suite finds, and any exploration does
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b"oops"})
        else:
            await self._app(scope, again, send)


def _text(body: bytes) -> str | None:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    text = value.get("text") if isinstance(value, dict) else None
    return text if isinstance(text, str) else None


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> tuple[Contract, str]:
    """The contract, and its file."""
    path = tmp_path_factory.mktemp("contract") / "parrot.json"
    path.write_text(json.dumps(CATALOG), encoding="utf-8")
    return hc.load(str(path)), str(path)


class Scenario(NamedTuple):
    """What is run, what the endpoint does wrong, and which request it is killed at.

    Attributes:
        options: further options of the command line.
        fault: of the endpoint.
        planned: whether requests are counted from the first one, or from the first that no plan had.
        number: at which of these requests the process is killed.
    """

    options: tuple[str, ...] = ()
    fault: str | None = None
    planned: bool = True
    number: int = 1


SCENARIOS: Final = {
    "before the first": Scenario(),
    "at the second": Scenario(number=2),
    "among the faults": Scenario(number=30),
    "while a reason is looked for": Scenario(fault="strict:request:/properties/tags/maxItems", planned=False, number=2),
    "while it explores": Scenario(("--explore", "12"), planned=False, number=9),
    "while a witness is made small": Scenario(("--explore", "40"), planned=False, number=30),
    "while requests are repeated": Scenario(("--repeat", "3"), "lenient:request:/required/0", number=50),
}


def start(url: str, path: str, journal: Path, *options: str, first: str = "") -> subprocess.Popen[str]:
    arguments = ["fuzz", "--contract", path, "--url", url, "--resume", str(journal), "--format", "json", *options]
    command = [sys.executable, "-c", first + MAIN, *arguments, "--concurrency", str(WIDTH)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603 - us


def finish(process: subprocess.Popen[str], url: str) -> tuple[dict[str, Any], int]:
    """The report, without what depends on how many runs it took and on the port; and how many requests were sent."""
    out, err = process.communicate(timeout=60)
    assert process.returncode in (0, 1), err
    report = json.loads(out.replace(url, "URL"))
    kept = {name: value for name, value in report.items() if name not in {"requests", "cost_usd", "elapsed"}}
    return kept, report["requests"]


class Killed(NamedTuple):
    """What a campaign did that was killed and went on.

    Attributes:
        report: what it said in the end.
        sent: how many requests it sent, in the run that came to the end.
        heard: what the endpoint was asked in both runs.
        before: how much of that before the kill.
        known: how many answers the journal held then.
    """

    report: dict[str, Any]
    sent: int
    heard: list[Request]
    before: int
    known: int


def answers(journal: Path) -> int:
    """How many whole answers a journal holds."""
    return max(0, journal.read_bytes().count(b"\n") - 1)


def killed(
    scenario: Scenario, contract: tuple[Contract, str], journal: Path, wait: Callable[[], None] = lambda: None
) -> Killed:
    """Kill a campaign at a request, and let it go on.

    Args:
        scenario: what is run, and where it is killed.
        contract: what the endpoint is held against, and its file.
        journal: where answers are kept.
        wait: for what, when that request has come, before the kill.
    """
    loaded, path = contract
    plan = {Request(case.body, case.content_type) for case in thrifty(loaded).cases}
    server = Server(loaded, scenario.fault)
    with server as url:
        process = start(url, path, journal, *scenario.options)

        def stop(heard: list[Request]) -> bool:
            counted = [one for one in heard if scenario.planned or one not in plan]
            if len(counted) != scenario.number or counted[-1] is not heard[-1]:
                return False
            wait()
            process.send_signal(signal.SIGKILL)
            return True

        server.stop = stop
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        server.stop = lambda _: False
        known, before = answers(journal), len(server.heard)
        report, sent = finish(start(url, path, journal, *scenario.options), url)
    return Killed(report, sent, server.heard, before, known)


@pytest.fixture(scope="module")
def whole(contract: tuple[Contract, str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[Scenario], Killed]:
    """What the same campaign does that nobody stops."""
    known: dict[Any, Killed] = {}

    def run(scenario: Scenario) -> Killed:
        key = scenario.options, scenario.fault
        if key not in known:
            journal = tmp_path_factory.mktemp("whole") / "journal.jsonl"
            server = Server(contract[0], scenario.fault)
            with server as url:
                found = finish(start(url, contract[1], journal, *scenario.options), url)
            known[key] = Killed(*found, server.heard, len(server.heard), answers(journal))
        return known[key]

    return run


def check(result: Killed, whole: Killed) -> None:
    """Nothing is lost, nothing is asked twice but what was under way, and the report is the same."""
    assert not Counter(whole.heard) - Counter(result.heard)
    assert result.sent == len(whole.heard) - result.known
    assert 0 <= result.before - result.known <= WIDTH
    assert result.report == whole.report


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_killed_campaign_goes_on(
    name: str, contract: tuple[Contract, str], whole: Callable[[Scenario], Killed], tmp_path: Path
) -> None:
    scenario = SCENARIOS[name]
    check(killed(scenario, contract, tmp_path / "killed.jsonl"), whole(scenario))


def test_the_answers_of_half_a_batch_are_kept(
    contract: tuple[Contract, str], whole: Callable[[Scenario], Killed], tmp_path: Path
) -> None:
    """One request of a batch waits until the answers to the others are in the journal; it alone is sent again."""
    journal = tmp_path / "killed.jsonl"
    before = 1 + len(thrifty(contract[0]).packed)  # the first request, and the first batch

    def others() -> None:
        until = time.monotonic() + 20
        while answers(journal) < before + WIDTH - 1 and time.monotonic() < until:
            time.sleep(0.005)

    scenario = Scenario(number=before + 3)
    result = killed(scenario, contract, journal, others)
    assert (result.before, result.known) == (before + WIDTH, before + WIDTH - 1)
    check(result, whole(scenario))


def test_killed_within_a_line(
    contract: tuple[Contract, str], whole: Callable[[Scenario], Killed], tmp_path: Path
) -> None:
    """What is there of a line that was being written is cut off, and its answer alone is asked for again."""
    journal = tmp_path / "killed.jsonl"
    server = Server(contract[0], None)
    with server as url:
        process = start(url, contract[1], journal, first=IN_A_LINE)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert not journal.read_bytes().endswith(b"\n")
        known, before = answers(journal), len(server.heard)
        report, sent = finish(start(url, contract[1], journal), url)
    check(Killed(report, sent, server.heard, before, known), whole(Scenario()))
