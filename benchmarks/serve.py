"""What the reference endpoint carries on one core: plain requests, many paced streams, and its memory over time.

Prints three figures with their bars, and exits with 1 when one is missed. The server runs on one core and the clients
on another, where the system can say so; a machine with other work on those cores misses the bars for that reason.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import haiku_contract as hc

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIN = "from haiku_contract.cli import main; raise SystemExit(main())"
PAYLOAD = {"messages": [{"role": "user", "content": "What are the three laws of thermodynamics?"}], "max_tokens": 1024}

CONNECTIONS = 16
SECONDS = 10.0
PLAIN_BAR = 1000.0

STREAMS = 200
SPEED = 50.0
TOKENS = 500
LATE_BAR = 0.1

MANY = int(os.environ.get("REQUESTS", "100000"))
GROWTH_BAR = 4.0


def main() -> int:
    """Print the figures; the number of missed bars is what is returned, at most one."""
    missed = [_plain(), _streams(), _memory()]
    return int(any(missed))


def _plain() -> bool:
    with _serve() as (port, pid):
        asyncio.run(_load(port, 1000))
        spent, begun = _processor(pid), time.perf_counter()
        count = asyncio.run(_load(port, None))
        elapsed, spent = time.perf_counter() - begun, _processor(pid) - spent
    per_core = count / spent
    print(
        f"plain requests: {count / elapsed:.0f} a second, {per_core:.0f} per second of processor time "
        f"(bar: at least {PLAIN_BAR:.0f})"
    )
    return per_core < PLAIN_BAR


def _streams() -> bool:
    with _serve(f"--tokens-per-second={SPEED}", replies=[_marked(number) for number in range(STREAMS)]) as (port, pid):
        before = _processor(pid)
        begun = time.perf_counter()
        late, wrong = asyncio.run(_all_streams(port))
        elapsed = time.perf_counter() - begun
        share = (_processor(pid) - before) / elapsed
    late.sort()
    print(
        f"streams: {STREAMS} at {SPEED:.0f} tokens a second, {len(late)} events, {wrong} mixed or broken; late by "
        f"{late[len(late) // 2] * 1e3:.1f} ms (median), {late[len(late) * 999 // 1000] * 1e3:.1f} ms (99.9 %), "
        f"{late[-1] * 1e3:.1f} ms (most; bar: {LATE_BAR * 1e3:.0f} ms); {share:.0%} of a core"
    )
    return wrong > 0 or late[-1] > LATE_BAR


def _words(number: int) -> list[str]:
    """What one stream says: every word of it says which stream it belongs to, and at which place."""
    return [f"stream-{number}-word-{place}" for place in range(TOKENS)]


def _marked(number: int) -> dict[str, Any]:
    return {"when": {"metadata": {"user_id": str(number)}}, "text": " ".join(_words(number))}


def _memory() -> bool:
    with _serve() as (port, pid):
        asyncio.run(_load(port, MANY // 10))
        before = _resident(pid)
        asyncio.run(_load(port, MANY))
        grown = (_resident(pid) - before) / 1e6
    print(f"memory: {grown:+.1f} MB over {MANY} requests after the first {MANY // 10} (bar: at most {GROWTH_BAR} MB)")
    return grown > GROWTH_BAR


@contextmanager
def _serve(*options: str, replies: list[Any] | None = None) -> Iterator[tuple[int, int]]:
    """Port and process of a server on a core of its own."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    script = Path(f".bench-replies-{os.getpid()}.json")
    if replies:
        script.write_text(json.dumps(replies), encoding="utf-8")
        options = (*options, "--replies", str(script))
    command = [sys.executable, "-c", MAIN, "serve", "--port", "0", "--format", "json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - us
    try:
        if len(cores) > 1:
            os.sched_setaffinity(process.pid, cores[:1])
            os.sched_setaffinity(0, cores[1:])
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        yield json.loads(process.stdout.readline())["port"], process.pid
    finally:
        process.terminate()
        process.communicate()
        script.unlink(missing_ok=True)


def _request(**more: Any) -> bytes:
    body = json.dumps({**PAYLOAD, **more}).encode()
    head = f"POST / HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _load(port: int, wanted: int | None) -> int:
    """Requests over a few connections, so many of them or for some seconds; how many were answered."""
    done, end = 0, time.perf_counter() + SECONDS
    request = _request()

    async def one() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while done < wanted if wanted is not None else time.perf_counter() < end:
            done += 1
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"not answered: {head!r}")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return done


async def _all_streams(port: int) -> tuple[list[float], int]:
    """How late each event came after its request, and how many streams were not what they should be.

    Every event is held against the next words of its own stream as it comes; the whole against the protocol afterwards.
    """
    contract = hc.load()
    late: list[float] = []
    found = await asyncio.gather(*(_one_stream(port, number, late) for number in range(STREAMS)))
    wrong = 0
    for mixed, body in found:
        stream = hc.StreamValidator(contract)
        wrong += mixed or [*stream.feed(body), *stream.finish()] != []
    return late, wrong


async def _one_stream(port: int, number: int, late: list[float]) -> tuple[bool, bytes]:
    """Whether an event of another stream, or at the wrong place, was among its own; and all its bytes."""
    await asyncio.sleep(number / STREAMS)  # people do not come in step
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.perf_counter()
    writer.write(_request(stream=True, metadata={"user_id": str(number)}))
    await reader.readuntil(b"\r\n\r\n")
    words, mixed, body = _words(number), False, b""
    tokens = 0
    while size := int(await reader.readline(), 16):
        data = (await reader.readexactly(size + 2))[:-2]
        now = time.perf_counter()
        body += data
        if b'"text_delta"' in data:
            said = json.loads(data.partition(b"data: ")[2])["delta"]["text"].split()
            mixed |= said != words[tokens : tokens + len(said)]
            tokens += len(said)
            late.append(now - begun - tokens / SPEED)
    writer.close()
    return mixed or tokens != TOKENS, body


def _processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
