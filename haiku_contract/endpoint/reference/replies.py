"""What the reference endpoint says: deterministic answers of plausible content, in the shape of the recordings."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.endpoint.reference.calls import call

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL: Final = "claude-haiku-4-5-20251001"
"""The name under which the model answers; never the id that was asked for."""

_TEXT: Final = """
    a short answer follows here because the question was short too and every word of it counts as one token which keeps
    the arithmetic of limits easy to check by hand while the text stays readable enough for people who look at it in a
    log or in a failing test and wonder where it came from
"""
_WORDS: Final = tuple(_TEXT.split())
_SHORTEST: Final = 8
_DIGITS: Final = (b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz" * 5)[:256]
"""A digit of base 58 for each byte."""


def message(payload: Any, seed: int = 0) -> dict[str, Any]:
    """The answer to a request payload, in the shape of the published recordings.

    One word is one token. The text is as long as it wants to be (8 words or more, chosen by the payload), cut at
    `max_tokens` and before the first of `stop_sequences`; `stop_reason` says which of these happened. Where the request
    has a tool called (`tool_choice` of type `any` or `tool`), the answer is that call, with the simplest input.
    """
    digest = hashlib.sha256(b"%d" % seed * bool(seed) + json.dumps(payload, sort_keys=True).encode()).digest()
    wanted = _SHORTEST + digest[0] % (len(_WORDS) - _SHORTEST)
    allowed = _allowed(payload)
    words = _WORDS[: min(wanted, allowed)]
    text = " ".join(words)
    text = text[:1].upper() + text[1:]
    stop = _first(text, _stops(payload))
    if stop is not None:
        text = text[: text.index(stop)]
    called = call(payload, digest[:22].translate(_DIGITS).decode())
    reason = "stop_sequence" if stop is not None else "end_turn" if wanted <= allowed else "max_tokens"
    reason = "tool_use" if called else reason
    return {
        "id": "msg_01" + digest[:22].translate(_DIGITS).decode(),
        "type": "message",
        "role": "assistant",
        "content": [called] if called else [{"type": "text", "text": text}] if text else [],
        "model": MODEL,
        "stop_reason": reason,
        "stop_sequence": None if called else stop,
        "stop_details": None,
        "usage": {"input_tokens": _count(payload), "output_tokens": max(1, len(text.split()))},
        "gatewayMetadata": {"keySource": "Unified"},
    }


def _allowed(payload: Any) -> int:
    limit = payload.get("max_tokens") if isinstance(payload, dict) else None
    if not isinstance(limit, (int, float)) or isinstance(limit, bool):
        return len(_WORDS)
    return max(1, min(math.floor(limit), len(_WORDS)))


def _stops(payload: Any) -> Sequence[str]:
    stops = payload.get("stop_sequences") if isinstance(payload, dict) else None
    return [one for one in stops if isinstance(one, str) and one] if isinstance(stops, list) else []


def _first(text: str, stops: Sequence[str]) -> str | None:
    """The one that comes first in the text; None where none of them is in it."""
    found = [one for one in stops if one in text]
    return min(found, key=text.index) if found else None


def _count(value: Any) -> int:
    """Words in all texts of a payload."""
    if isinstance(value, str):
        return len(value.split())
    if isinstance(value, dict):
        return sum(_count(one) for one in value.values())
    return sum(_count(one) for one in value) if isinstance(value, list) else 0
