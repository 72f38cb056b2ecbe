"""Cassettes: what loading costs beside YAML alone, what replaying costs beside a constant, and what is held in memory.

The figures are ratios of one run, in processor time; the subjects take turns. Exits with 1 when a bar is missed.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import yaml

from haiku_contract.endpoint import matching
from haiku_contract.endpoint.cassette import Held, Interaction, load
from haiku_contract.endpoint.cassette_files import put
from haiku_contract.endpoint.cassette_writing import item
from haiku_contract.endpoint.recorded import RecordedTransport

if TYPE_CHECKING:
    from collections.abc import Callable

URL: Final = "http://127.0.0.1:9/v1/messages"
JSON: Final = (("content-type", "application/json"),)
ROUNDS: Final = 31
LOADED: Final = 1_000
MANY: Final = 10_000
LARGE: Final = 20_000


def main() -> int:
    """Print one line per figure."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.yaml")
        write(path, LOADED)
        loading = ratio(lambda: load(path), lambda: yaml.load(path.read_bytes(), yaml.CSafeLoader), 5)
        missed = report(f"load {LOADED:,} interactions / yaml.CSafeLoader alone", loading, 2.0, at_most=True)
        cassette = load(path)
        for name, asked in {"one request again and again": [0], "every request of the cassette": range(LOADED)}.items():
            speed = replaying(RecordedTransport(cassette), [request(number) for number in asked])
            missed |= report(f"replay / MockTransport, {name}", speed, 0.7, at_most=False)
        write(path, MANY, LARGE)
        size = path.stat().st_size
        tracemalloc.start()
        cassette = load(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        bodies = MANY * LARGE
        print(f"{len(cassette.interactions):,} interactions, {size / 1e6:.0f} MB, bodies of {bodies / 1e6:.0f} MB")
        missed |= report("peak memory while loading / size of the bodies", peak / bodies, 0.25, at_most=True)
    return int(missed)


def request(number: int) -> bytes:
    """The body of a request."""
    return json.dumps({"messages": [{"role": "user", "content": f"Hello {number}"}], "max_tokens": 1}).encode()


def answer(number: int, size: int = 0) -> bytes:
    """The body of an answer, with a text of so many letters."""
    content = [{"type": "text", "text": "Energy is kept, and entropy grows. " * (1 + size // 35)}]
    usage = {"input_tokens": 16, "output_tokens": 14}
    whole = {"id": f"msg_{number}", "type": "message", "role": "assistant", "content": content, "usage": usage}
    return json.dumps(whole, separators=(",", ":")).encode()


def write(path: Path, many: int, size: int = 0) -> None:
    """Write a cassette."""
    about = {"contract": "anthropic/claude-haiku-4.5@1.1.1"}
    put(path, (_recorded(number, size) for number in range(many)), about)


def _recorded(number: int, size: int) -> tuple[str, str]:
    asked, answered = Held(request(number)), Held(answer(number, size))
    one = Interaction(
        method="POST",
        url=URL,
        request_headers=JSON,
        request=asked,
        status=200,
        reason="OK",
        response_headers=(*JSON, ("content-length", str(len(answered.data)))),
        response=answered,
        seconds=(0.5,),
    )
    return matching.request(one), item(one)


def replaying(transport: RecordedTransport, bodies: list[bytes]) -> float:
    """How fast a client gets recorded answers, as a part of how fast it gets one that is made on the spot."""
    constant = answer(0)
    headers = {"content-type": "application/json", "content-length": str(len(constant))}
    mock = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=constant))
    calls = max(1, 20 // len(bodies))
    with httpx.Client(transport=transport) as recorded, httpx.Client(transport=mock) as mocked:

        def ask(client: httpx.Client) -> Callable[[], None]:
            def call() -> None:
                for _ in range(calls):
                    for body in bodies:
                        client.post(URL, content=body, headers={"content-type": "application/json"}).raise_for_status()

            return call

        return ratio(ask(mocked), ask(recorded), ROUNDS if len(bodies) == 1 else 5)


def ratio(subject: Callable[[], object], measure: Callable[[], object], rounds: int) -> float:
    """The time of one by the time of the other: the median of rounds that follow one another."""
    subject()
    measure()
    return statistics.median(seconds(subject) / seconds(measure) for _ in range(rounds))


def seconds(call: Callable[[], object]) -> float:
    """Processor time of one call."""
    started = time.process_time()
    call()
    return time.process_time() - started


def report(name: str, value: float, bar: float, *, at_most: bool) -> bool:
    """Print a figure; whether its bar is missed."""
    missed = value > bar if at_most else value < bar
    print(f"{name}: {value:.2f} (bar: at {'most' if at_most else 'least'} {bar}){' MISSED' if missed else ''}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
