"""How fast an event stream is checked, against parsing alone and against the anthropic SDK; and in how much memory.

    python benchmarks/stream.py [--events N] [--megabytes M]

Prints, from one run on one machine, in processor time: throughput of `StreamValidator` in MB/s and events/s for a long
stream of the shape of real ones; its time as a multiple of `json.loads` of every data line (bar: at most 4); the SDK's
time for the same bytes, through a mock transport, as a multiple of ours (bar: at least 5); and the peak memory of a
process that checks M MB of small events without a message, above that of one that checks none (bar: at most 20 MB).
Exit code 1 when a bar is missed. Without the anthropic SDK its line is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import haiku_contract as hc
from haiku_contract.generate.stream_events import encode, message_delta, message_start

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_PARSING = 4.0
LEAST_SDK = 5.0
MOST_MEGABYTES = 20.0
CHUNK = 16_384
ROUNDS = 3
PIECES = (
    "Recursion", " means that", " a function answers", '\n\n- **a** question "b"', " by asking itself",
    " a smaller one → until", " the question is so small", " that the", " answer is known", ".\n\n```python\nx = 1\n",
)  # fmt: skip


def delta(number: int) -> bytes:
    """A text delta as the real endpoint sends it: a few words, padded with blanks before the last brace."""
    data = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": PIECES[number % 10]}}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: content_block_delta\ndata: {text[:-1]}{' ' * (number % 15)}}}\n\n".encode()


def head_and_tail() -> tuple[bytes, bytes]:
    """What comes before the deltas, and what after them."""
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    end = [{"type": "content_block_stop", "index": 0}, message_delta(), {"type": "message_stop"}]
    return encode([message_start(), start, {"type": "ping"}]), encode(end)


def long_stream(events: int) -> bytes:
    """One answer with that many deltas."""
    head, tail = head_and_tail()
    return head + b"".join(map(delta, range(events))) + tail


def check(body: bytes, *, assemble: bool) -> None:
    """Our way."""
    stream = hc.StreamValidator(hc.load(), assemble=assemble)
    for at in range(0, len(body), CHUNK):
        if stream.feed(body[at : at + CHUNK]):
            raise SystemExit("the benchmark's own stream does not conform")
    if stream.finish() or (assemble and stream.message is None):
        raise SystemExit("the benchmark's own stream does not conform")


def sdk(body: bytes) -> Callable[[], Any] | None:
    """The SDK's way, to its final message; None where it is not installed."""
    if importlib.util.find_spec("anthropic") is None:
        return None
    import anthropic  # noqa: PLC0415 - a development dependency

    library = importlib.import_module("httpx2" if importlib.util.find_spec("httpx2") else "httpx")
    headers = {"content-type": "text/event-stream; charset=utf-8"}
    transport = library.MockTransport(lambda _request: library.Response(200, headers=headers, content=body))
    client = anthropic.Anthropic(
        api_key="none",
        base_url="http://reference.invalid",
        max_retries=0,
        http_client=library.Client(transport=transport),
    )

    def read() -> None:
        question: Any = [{"role": "user", "content": "Hello"}]
        with client.messages.stream(model="claude-haiku-4-5", max_tokens=1, messages=question) as stream:
            stream.get_final_message()

    return read


def best(*subjects: Callable[[], Any]) -> list[float]:
    """The shortest of several runs of each, in seconds; the subjects take turns."""
    times: list[list[float]] = [[] for _ in subjects]
    for _ in range(ROUNDS):
        for run, taken in zip(subjects, times, strict=True):
            started = time.process_time()
            run()
            taken.append(time.process_time() - started)
    return [min(taken) for taken in times]


def feed_megabytes(megabytes: int) -> None:
    """Check that many megabytes of small events without keeping any; print the peak memory of the process in MB."""
    stream = hc.StreamValidator(hc.load(), assemble=False)
    head, tail = head_and_tail()
    block = b"".join(map(delta, range(1_000)))
    stream.feed(head)
    fed = 0
    while fed < megabytes * 1_000_000:
        for at in range(0, len(block), CHUNK):
            stream.feed(block[at : at + CHUNK])
        fed += len(block)
    if stream.feed(tail) or stream.finish():
        raise SystemExit("the benchmark's own stream does not conform")
    print(own_peak())


def own_peak() -> float:
    """Peak memory of this process in MB."""
    # On Linux getrusage also knows the peak of the process that started this one.
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text("ascii").splitlines() if one.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def peak(megabytes: int) -> float:
    """Peak memory of a process of its own that checks that much, in MB."""
    command = [sys.executable, __file__, "--feed", str(megabytes)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603 - ourselves


def report(events: int, megabytes: int) -> bool:
    """Measure and print; whether every bar is met."""
    body = long_stream(events)
    lines = [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]

    def parse() -> None:
        for line in lines:
            json.loads(line)

    ours, lean, parsing = best(lambda: check(body, assemble=True), lambda: check(body, assemble=False), parse)
    print(f"stream: {len(lines)} events, {len(body) / 1e6:.1f} MB, in chunks of {CHUNK} bytes")
    print(f"checked and assembled: {len(body) / ours / 1e6:.1f} MB/s, {len(lines) / ours:,.0f} events/s")
    print(f"checked alone:         {len(body) / lean / 1e6:.1f} MB/s, {len(lines) / lean:,.0f} events/s")
    met = ours / parsing <= MOST_PARSING
    print(f"time against json.loads of every line: {ours / parsing:.2f} (at most {MOST_PARSING:g})")
    read = sdk(body)
    if read is not None:
        theirs = best(read)[0] / ours
        met = met and theirs >= LEAST_SDK
        print(f"time of the anthropic SDK against ours: {theirs:.1f} (at least {LEAST_SDK:g})")
    base = peak(0)
    above = peak(megabytes) - base
    met = met and above <= MOST_MEGABYTES
    print(
        f"peak memory of {megabytes} MB above that of none ({base:.1f} MB): {above:.1f} MB (at most {MOST_MEGABYTES:g})"
    )
    return met


def main() -> int:
    """Returns: the exit code."""
    parser = argparse.ArgumentParser(description="How fast an event stream is checked.")
    parser.add_argument("--events", type=int, default=50_000, help="deltas of the long stream")
    parser.add_argument("--megabytes", type=int, default=200, help="how much is fed to measure memory")
    parser.add_argument("--feed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.feed is not None:
        feed_megabytes(options.feed)
        return 0
    return 0 if report(options.events, options.megabytes) else 1


if __name__ == "__main__":
    sys.exit(main())
