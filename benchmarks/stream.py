"""How fast an event stream is checked, against parsing alone and against the anthropic SDK; and in how much memory.

    python benchmarks/stream.py [--events N] [--megabytes M]

Prints, from one run on one machine, in processor time: throughput of `StreamValidator` in MB/s and events/s for a long
stream of the shape of real ones; for that stream and others (the input of a tool, CRLF, every event in a chunk of its
own, event types that nobody knows) its time as a multiple of `json.loads` of every data line (bar: at most 4); the
SDK's time for the first stream, through a mock transport, as a multiple of ours (bar: at least 5); and the peak memory
of a process that checks M MB of small events without a message, in small chunks and in one of 40 MB, above that of one
that checks none (bar: at most 20 MB above what is fed at once). Exit code 1 when a bar is missed. Without the
anthropic SDK its line is left out.
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
from haiku_contract.generate.stream_events import encode, encode_event, message_delta, message_start, tool

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
INPUT = '{"city": "Par\\u00eds", "days": [1, 2.5, true], "note": "a \\"quoted\\" word\\n", "more": {"x": null}}, '


def delta(number: int) -> bytes:
    """A text delta as the real endpoint sends it: a few words, padded with blanks before the last brace."""
    data = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": PIECES[number % 10]}}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: content_block_delta\ndata: {text[:-1]}{' ' * (number % 15)}}}\n\n".encode()


def input_delta(number: int, piece: str) -> bytes:
    """A piece of a tool's input."""
    data = {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: content_block_delta\ndata: {text[:-1]}{' ' * (number % 15)}}}\n\n".encode()


def unknown(number: int) -> bytes:
    """An event of a type that the contract does not know."""
    return encode_event(
        {"type": "weather_report", "number": number, "sky": {"colour": "blue", "text": PIECES[number % 10]}}
    )


def tool_stream(events: int) -> bytes:
    """The call of a tool with an input in that many pieces, as text and numbers in lists of objects."""
    start, stop = tool(0, "get_time")
    text = '{"a": [' + INPUT * (events * 11 // len(INPUT)) + "0]}"
    pieces = b"".join(input_delta(at, text[at : at + 11]) for at in range(0, len(text), 11))
    end = [stop, message_delta("tool_use"), {"type": "message_stop"}]
    return encode([message_start(), start]) + pieces + encode(end)


def unknown_stream(events: int) -> bytes:
    """An answer with that many events of a type that nobody knows."""
    head, tail = head_and_tail()
    return head + b"".join(map(unknown, range(events))) + tail


def head_and_tail() -> tuple[bytes, bytes]:
    """What comes before the deltas, and what after them."""
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    end = [{"type": "content_block_stop", "index": 0}, message_delta(), {"type": "message_stop"}]
    return encode([message_start(), start, {"type": "ping"}]), encode(end)


def long_stream(events: int) -> bytes:
    """One answer with that many deltas."""
    head, tail = head_and_tail()
    return head + b"".join(map(delta, range(events))) + tail


def in_chunks(body: bytes) -> list[bytes]:
    """The stream as the network delivers it when it is fast."""
    return [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)]


def check(chunks: list[bytes], *, assemble: bool = True) -> None:
    """Our way."""
    stream = hc.StreamValidator(hc.load(), assemble=assemble)
    for chunk in chunks:
        if stream.feed(chunk):
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


def feed_megabytes(megabytes: int, at_once: int) -> None:
    """Check that many megabytes of small events without keeping any; print the peak memory of the process in MB."""
    stream = hc.StreamValidator(hc.load(), assemble=False)
    head, tail = head_and_tail()
    block = b"".join(map(delta, range(1_000)))
    block *= max(1, at_once // len(block))
    stream.feed(head)
    fed = 0
    while fed < megabytes * 1_000_000:
        for at in range(0, len(block), at_once):
            stream.feed(block[at : at + at_once] if at_once < len(block) else block)
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


def peak(megabytes: int, at_once: int) -> float:
    """Peak memory of a process of its own that checks that much, in MB."""
    command = [sys.executable, __file__, "--feed", str(megabytes), "--at-once", str(at_once)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603 - ourselves


def against_parsing(name: str, body: bytes, chunks: list[bytes]) -> bool:
    """Measure one stream against `json.loads`, and print; whether the bar is met."""
    lines = [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]

    def parse() -> None:
        for line in lines:
            json.loads(line)

    ours, parsing = best(lambda: check(chunks), parse)
    print(
        f"{name:<28} {len(body) / ours / 1e6:5.1f} MB/s {len(lines) / ours:9,.0f} events/s "
        f"{ours / parsing:5.2f} times json.loads (at most {MOST_PARSING:g})"
    )
    return ours / parsing <= MOST_PARSING


def report(events: int, megabytes: int) -> bool:
    """Measure and print; whether every bar is met."""
    body = long_stream(events)
    crlf, calls, strangers = body.replace(b"\n", b"\r\n"), tool_stream(events), unknown_stream(events)
    blocks = [block + b"\n\n" for block in body.split(b"\n\n")[:-1]]
    print(f"stream: {len(blocks)} events, {len(body) / 1e6:.1f} MB, in chunks of {CHUNK} bytes")
    met = [
        against_parsing("text", body, in_chunks(body)),
        against_parsing("input of a tool", calls, in_chunks(calls)),
        against_parsing("CRLF", crlf, in_chunks(crlf)),
        against_parsing("every event in its own chunk", body, blocks),
        against_parsing("unknown event types", strangers, in_chunks(strangers)),
    ]
    read = sdk(body)
    if read is not None:
        theirs, ours = best(read, lambda: check(in_chunks(body)))
        met.append(theirs / ours >= LEAST_SDK)
        print(f"time of the anthropic SDK against ours: {theirs / ours:.1f} (at least {LEAST_SDK:g})")
    for at_once in (CHUNK, 40_000_000):
        base, full = peak(0, at_once), peak(megabytes, at_once)
        met.append(full - base <= MOST_MEGABYTES)
        print(
            f"peak memory of {megabytes} MB in chunks of {at_once:,} bytes above that of none ({base:.1f} MB): "
            f"{full - base:.1f} MB (at most {MOST_MEGABYTES:g})"
        )
    return all(met)


def main() -> int:
    """Returns: the exit code."""
    parser = argparse.ArgumentParser(description="How fast an event stream is checked.")
    parser.add_argument("--events", type=int, default=50_000, help="deltas of the long stream")
    parser.add_argument("--megabytes", type=int, default=200, help="how much is fed to measure memory")
    parser.add_argument("--feed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--at-once", type=int, default=CHUNK, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.feed is not None:
        feed_megabytes(options.feed, options.at_once)
        return 0
    return 0 if report(options.events, options.megabytes) else 1


if __name__ == "__main__":
    sys.exit(main())
