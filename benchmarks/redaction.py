"""Redaction: what a body of 10 MB costs, in processor time, and that ten times the bytes cost ten times the time.

Bodies as they come, and such as are made to be slow. Exits with 1 when a bar is missed.
"""

from __future__ import annotations

import base64
import json
import random
import sys
import time
from typing import TYPE_CHECKING, Final

from haiku_contract.endpoint.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL: Final = 1_000_000
LARGE: Final = 10 * SMALL
MOST: Final = 1.5
"""How often the time for a byte of the small body may go into that for a byte of the large one."""

WORDS: Final = "It was a bright cold day in April, and the clocks were striking thirteen. "


def repeated(text: str) -> Callable[[int], bytes]:
    """Bodies of nothing but one text."""
    return lambda size: (text.encode() * (size // len(text) + 1))[:size]


def conversation(size: int) -> bytes:
    """A request with many turns."""
    turn = {"role": "user", "content": [{"type": "text", "text": WORDS}]}
    return json.dumps({"max_tokens": 1, "messages": [turn] * (size // len(json.dumps(turn)))}).encode()


def image(size: int) -> bytes:
    """Random bytes in base64."""
    noise = random.Random(1).randbytes(size * 3 // 4)  # noqa: S311 - noise, not a secret
    return b'{"data": "' + base64.b64encode(noise) + b'"}'


def stream(size: int) -> bytes:
    """A stream of small pieces."""
    piece = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "bright "}}
    return f"event: content_block_delta\ndata: {json.dumps(piece)}\n\n".encode() * (size // 135)


BODIES: Final[dict[str, Callable[[int], bytes]]] = {
    "a conversation": conversation,
    "an image": image,
    "a stream": stream,
    "escapes alone": repeated("\\u0041"),
    "percent-encoding alone": repeated("%41"),
    "names of secrets alone": repeated('"password":"'),
    "assignments alone": repeated("password="),
    "beginnings of tokens alone": repeated("eyJ"),
    "one letter alone": repeated("A"),
}


def seconds(body: bytes) -> float:
    """Processor time of one redaction."""
    redaction = Redaction(secrets=("a-secret-of-mine-7",))
    started = time.process_time()
    redaction.body(body)
    return time.process_time() - started


def main() -> int:
    """Print one line per body."""
    missed = False
    for name, make in BODIES.items():
        small, large = seconds(make(SMALL)), seconds(make(LARGE))
        ratio = large / small / (LARGE / SMALL)
        missed |= ratio > MOST
        print(f"{name}: {large:.1f} s; a byte of 10 MB / a byte of 1 MB: {ratio:.2f} (bar: at most {MOST})")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
