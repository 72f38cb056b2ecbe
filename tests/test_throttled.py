"""Endpoints that are busy, over real connections: waits are obeyed, capped and jittered, and patience ends."""

from __future__ import annotations

import asyncio
import email.utils
import itertools
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.campaign.drive import Sender, drive, drive_async
from haiku_contract.campaign.pace import MOST_WAIT, Pace, retry_after
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.endpoint import surfaces
from haiku_contract.generate import suite
from haiku_contract.model import CampaignFinished, Case, Exchange, OutcomeKind, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTRACT: Final = hc.load()
CASES: Final = {case.body: case for case in suite(CONTRACT, "request") if case.id == "request/simplest" or case.fault}
FIRST, *FAULTED = [*CASES.values()][:9]
GOOD: Final = b'{"content":[]}'
BUSY: Final = b'{"error":[{"code":2003,"message":"Rate limited"}]}'
REFUSED: Final = b'{"success":false,"errors":[{"code":7003,"message":"no"}]}'
AT_ONCE: Final = 0.9
"""Seconds between requests below which nobody has waited: the least wait is one second."""


class Said(NamedTuple):
    """An answer, and how long it takes."""

    status: int = 429
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    seconds: float = 0.0


class Busy:
    """Says something for so many requests, and then answers properly; notes what it was asked, and when."""

    def __init__(self, says: Callable[[], Said], times: int, body: bytes | None) -> None:
        self.heard: list[tuple[float, bytes]] = []
        busy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["content-length"]))
                busy.heard.append((time.monotonic(), asked))
                meant = [one for _, one in busy.heard if body in (None, one)]
                if body in (None, asked) and len(meant) <= times:
                    said = says()
                    time.sleep(said.seconds)
                    self._answer(said.status, BUSY, said.headers)
                elif CONTRACT.request.is_valid_bytes(asked):
                    self._answer(200, GOOD, {})
                else:
                    self._answer(400, REFUSED, {})

            def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {"content-type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def waits(self) -> list[float]:
        """The seconds between requests of the same bytes."""
        times: dict[bytes, list[float]] = {}
        for when, body in self.heard:
            times.setdefault(body, []).append(when)
        return [after - before for one in times.values() for before, after in itertools.pairwise(one)]


@pytest.fixture
def busy() -> Iterator[Callable[..., Busy]]:
    running: list[Busy] = []

    def start(says: Callable[[], Said], times: int, body: bytes | None = None) -> Busy:
        running.append(Busy(says, times, body))
        return running[-1]

    yield start
    for one in running:
        one.close()


def run(url: str, *, several: bool, cases: list[Case] | None = None, timeout: float = 5.0, **how: Any) -> Any:
    target = Target("somebody", url, surfaces.named("bare"))
    sender = Sender(target, CONTRACT.model_id, **{"attempts": 3, **how})
    steps = campaign(CONTRACT, cases or [FIRST], target, lambda _: None, width=8 if several else 1)
    if not several:
        with httpx.Client(timeout=timeout, trust_env=False) as client:
            return drive(steps, client, sender)

    async def go() -> CampaignFinished:
        async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
            return await drive_async(steps, client, sender)

    return asyncio.run(go())


both = pytest.mark.parametrize("several", [False, True], ids=["sync", "async"])


@both
def test_seconds_are_waited(busy: Callable[..., Busy], *, several: bool) -> None:
    somebody = busy(lambda: Said(headers={"retry-after": "1"}), 2)
    result = run(somebody.url, several=several)
    assert (result.requests, result.outcomes) == (3, {OutcomeKind.ACCEPTED: 1})
    assert all(1 <= wait < 3 for wait in somebody.waits())


@both
def test_dates_are_waited_for(busy: Callable[..., Busy], *, several: bool) -> None:
    until: list[float] = []

    def says() -> Said:
        until.append(float(int(time.time()) + 2))
        return Said(503, {"retry-after": email.utils.formatdate(until[-1], usegmt=True)})

    somebody = busy(says, 1)
    result = run(somebody.url, several=several)
    assert (result.requests, result.outcomes) == (2, {OutcomeKind.ACCEPTED: 1})
    assert time.time() >= until[0]


@both
@pytest.mark.parametrize("said", [Said(503), Said(529), Said(seconds=2.0)], ids=["503", "529", "a time-out"])
def test_who_names_no_time_is_given_some(busy: Callable[..., Busy], said: Said, *, several: bool) -> None:
    somebody = busy(lambda: said, 1)
    result = run(somebody.url, several=several, timeout=0.3)
    assert (result.requests, result.outcomes) == (2, {OutcomeKind.ACCEPTED: 1})
    assert all(1 <= wait < 4 for wait in somebody.waits())


@both
@pytest.mark.parametrize("asked", [MOST_WAIT + 1, 86_400 * 365])
def test_who_asks_for_too_much_is_not_asked_again(busy: Callable[..., Busy], asked: float, *, several: bool) -> None:
    somebody = busy(lambda: Said(headers={"retry-after": str(int(asked))}), 9, FAULTED[0].body)
    result = run(somebody.url, several=several, cases=[FIRST, *FAULTED[:2]])
    assert (result.requests, somebody.waits()) == (3, [])
    verdicts = {one.constraint: one.verdict for one in result.verdicts}
    assert verdicts[str(FAULTED[0].constraint)] is VerdictKind.UNDETERMINED
    assert result.outcomes[OutcomeKind.THROTTLED] == 1


@both
def test_what_stays_busy_is_undetermined_and_the_rest_is_told(busy: Callable[..., Busy], *, several: bool) -> None:
    somebody = busy(lambda: Said(headers={"retry-after": "0"}), 9, FAULTED[0].body)
    result = run(somebody.url, several=several, cases=[FIRST, *FAULTED])
    assert sum(body == FAULTED[0].body for _, body in somebody.heard) == 3
    told = {str(case.constraint): VerdictKind.ENFORCED for case in FAULTED[1:]}
    told[str(FAULTED[0].constraint)] = VerdictKind.UNDETERMINED
    assert {one.constraint: one.verdict for one in result.verdicts if one.constraint in told} == told


def test_who_asks_one_to_wait_is_left_alone_by_all(busy: Callable[..., Busy]) -> None:
    """Requests that are about to be sent wait, too: they would only be told the same."""
    somebody = busy(lambda: Said(headers={"retry-after": "1"}), 1, FAULTED[0].body)
    run(somebody.url, several=True, cases=[FIRST, *FAULTED], pace=Pace(20.0))
    first, throttled, *others = [when for when, _ in somebody.heard]
    assert somebody.heard[1][1] == FAULTED[0].body
    assert len([when for when in others if when < throttled + AT_ONCE]) <= 1  # it was under way
    assert somebody.heard[-1][1] == FIRST.body  # once more, because the faults were all refused in the same words
    assert (len(others) - 1, first < throttled) == (len(FAULTED), True)


def answered(status: int, elapsed: float) -> Exchange:
    return Exchange(FIRST, status, {"content-type": "application/json"}, b"{}", elapsed)


def test_auto_slows_down_once_for_all_that_were_under_way() -> None:
    """Eight requests that were sent together and refused together tell one thing, and not eight times."""
    adaptive = Pace(10.0, adapts=True)
    for number in range(8):
        adaptive.heard(answered(429, 0.5), 100.0 + number / 100)
    adaptive.delay(200.0)
    assert adaptive.delay(200.0) == pytest.approx(0.2)
    adaptive.heard(answered(429, 0.5), 101.0)
    adaptive.delay(300.0)
    assert adaptive.delay(300.0) == pytest.approx(0.4)
    for _ in range(200):
        adaptive.heard(answered(200, 0.1), 301.0)
    adaptive.delay(400.0)
    assert adaptive.delay(400.0) == pytest.approx(0.1)


@pytest.mark.parametrize("several", [True], ids=["async"])
def test_auto_over_a_connection(busy: Callable[..., Busy], *, several: bool) -> None:
    somebody = busy(lambda: Said(headers={"retry-after": "0"}), 2, FAULTED[0].body)
    adaptive = Pace(None, adapts=True)
    run(somebody.url, several=several, cases=[FIRST, *FAULTED], pace=adaptive)
    now = time.monotonic() + 100
    assert adaptive.delay(now) == 0
    assert 0.05 < adaptive.delay(now) <= 0.4


@pytest.mark.parametrize(
    "text", ["9" * 400, "Jan 99999999999999999999 - 00:00:01 1970", "Mon, 01 Jan 99999 00:00:00 GMT", "1e3", "²"]
)
def test_odd_times_are_no_crash(text: str) -> None:
    asked = retry_after(Exchange(FIRST, 429, {"retry-after": text}, b"", 0.0), now=40.0)
    assert asked is None or asked > MOST_WAIT
