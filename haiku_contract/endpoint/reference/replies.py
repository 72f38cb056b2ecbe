"""What the reference endpoint says: deterministic answers of plausible content, whole or as a stream."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import sse

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL: Final = "claude-haiku-4-5-20251001"
"""The name under which the model answers; never the id that was asked for."""

_TEXT: Final = """
    a short answer follows here because the question was short too and every word of it counts as one token which keeps
    the arithmetic of limits easy to check by hand while the text stays readable enough for people who look at it in a
    log or in a failing test and wonder where it came from
"""
_WORDS: Final = tuple(_TEXT.split())
_SHORTEST: Final = 8
_CHUNK: Final = 5
_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def message(payload: Any) -> dict[str, Any]:
    """The answer to a request payload, in the shape of the published recordings.

    One word is one token. The text is as long as it wants to be (8 words or more, chosen by the payload), cut at
    `max_tokens`; `stop_reason` says which of the two happened.
    """
    digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).digest()
    wanted = _SHORTEST + digest[0] % (len(_WORDS) - _SHORTEST)
    allowed = _allowed(payload)
    words = _WORDS[: min(wanted, allowed)]
    text = " ".join(words)
    return {
        "id": "msg_01" + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:22]),
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": text[:1].upper() + text[1:]}],
        "model": MODEL,
        "stop_reason": "end_turn" if wanted <= allowed else "max_tokens",
        "stop_sequence": None,
        "stop_details": None,
        "usage": {"input_tokens": _count(payload), "output_tokens": len(words)},
        "gatewayMetadata": {"keySource": "Unified"},
    }


def stream(answer: dict[str, Any]) -> Iterator[bytes]:
    """The answer as the events of the real endpoint, one chunk of bytes per event."""
    usage = answer["usage"]
    start = {
        **{key: value for key, value in answer.items() if key != "gatewayMetadata"},
        "content": [],
        "stop_reason": None,
        "usage": {
            "input_tokens": usage["input_tokens"],
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 1,
            "service_tier": "standard",
            "inference_geo": "not_available",
        },
    }
    yield _event({"type": "message_start", "message": start})
    for index, block in enumerate(answer["content"]):
        yield _event({"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}})
        yield _event({"type": "ping"})
        words = block["text"].split(" ")
        for at in range(0, len(words), _CHUNK):
            piece = (" " if at else "") + " ".join(words[at : at + _CHUNK])
            delta = {"type": "text_delta", "text": piece}
            yield _event({"type": "content_block_delta", "index": index, "delta": delta})
        yield _event({"type": "content_block_stop", "index": index})
    delta = {key: answer[key] for key in ("stop_reason", "stop_sequence", "stop_details")}
    final = {
        "input_tokens": usage["input_tokens"],
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": max(usage["output_tokens"], 1),
    }
    yield _event({"type": "message_delta", "delta": delta, "usage": final})
    yield _event({"type": "message_stop"})


def _event(data: dict[str, Any]) -> bytes:
    return sse.encode(str(data["type"]), json.dumps(data, separators=(",", ":"), ensure_ascii=False))


def _allowed(payload: Any) -> int:
    limit = payload.get("max_tokens") if isinstance(payload, dict) else None
    if not isinstance(limit, (int, float)) or isinstance(limit, bool):
        return len(_WORDS)
    return max(0, min(math.floor(limit), len(_WORDS)))


def _count(value: Any) -> int:
    """Words in all texts of a payload."""
    if isinstance(value, str):
        return len(value.split())
    if isinstance(value, dict):
        return sum(_count(one) for one in value.values())
    return sum(_count(one) for one in value) if isinstance(value, list) else 0
