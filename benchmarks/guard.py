"""What the guard costs: round trips through an in-process transport, with it and without, in one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import orjson
from validate import measure, payloads

import haiku_contract as hc

if TYPE_CHECKING:
    from collections.abc import Callable

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
            medians = measure({"plain": _post(plain, payload), "guarded": _post(guarded, payload)})
            print(
                f"{name:<22}  plain {medians['plain'] * 1e6:8.1f} us   guarded {medians['guarded'] * 1e6:8.1f} us   "
                f"guarded / plain: {medians['guarded'] / medians['plain']:.3f}"
            )


def _post(client: httpx.Client, payload: Any) -> Callable[[], object]:
    return lambda: client.post(URL, json=payload)


if __name__ == "__main__":
    main()
