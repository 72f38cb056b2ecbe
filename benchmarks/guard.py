"""What the guard costs: round trips through an in-process transport, with it and without, in one run.

The figure is the median of many ratios, each of two rounds that follow one another: what else the machine does changes
slowly, and so falls on both.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any, Final

import httpx
import orjson
from validate import payloads

import haiku_contract as hc

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS: Final = 101
CALLS: Final = 20
URL = "http://127.0.0.1:9/"
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Energy is kept, entropy grows, and absolute zero is out of reach."}],
    "model": "claude-haiku-4-5-20251001",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 16, "output_tokens": 14},
}


def main() -> None:
    """Print one line per payload."""
    contract = hc.load(version="1.0.0")
    body = orjson.dumps(ANSWER)
    headers = {"content-type": "application/json"}
    inner = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=body))
    guard = hc.GuardTransport(contract, inner, surface="bare", response="raise")
    with httpx.Client(transport=inner) as plain, httpx.Client(transport=guard) as guarded:
        for name, payload in payloads().items():
            pairs = compare(_post(plain, payload), _post(guarded, payload))
            without, with_it = (statistics.median(column) * 1e6 for column in zip(*pairs, strict=True))
            ratio = statistics.median(after / before for before, after in pairs)
            print(f"{name:<22}  plain {without:8.1f} us   guarded {with_it:8.1f} us   guarded / plain: {ratio:.3f}")


def compare(plain: Callable[[], object], guarded: Callable[[], object]) -> list[tuple[float, float]]:
    """Seconds of processor time of one call of each, round by round."""
    for call in (plain, guarded):
        _seconds(call)
    return [(_seconds(plain), _seconds(guarded)) for _ in range(ROUNDS)]


def _seconds(call: Callable[[], object]) -> float:
    started = time.process_time()  # of this process alone: others may be busy
    for _ in range(CALLS):
        call()
    return (time.process_time() - started) / CALLS


def _post(client: httpx.Client, payload: Any) -> Callable[[], object]:
    return lambda: client.post(URL, json=payload)


if __name__ == "__main__":
    main()
