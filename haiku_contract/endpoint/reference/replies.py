"""What the reference endpoint says: deterministic answers of plausible content, in the shape of the recordings."""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.endpoint.reference.calls import call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.endpoint.reference.events import Profile

MODEL: Final = "claude-haiku-4-5-20251001"
"""The name under which the model answers; never the id that was asked for."""

_TEXT: Final = """
    a short answer follows here because the question was short too and every word of it counts as one token which keeps
    the arithmetic of limits easy to check by hand while the text stays readable enough for people who look at it in a
    log or in a failing test and wonder where it came from
"""
_WORDS: Final = tuple(_TEXT.split())
_OBSERVED: Final = ("stop_details", "gatewayMetadata")
_WORD: Final = re.compile(r"\S+")
_SHORTEST: Final = 8
_DIGITS: Final = (b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz" * 5)[:256]
"""A digit of base 58 for each byte."""


def message(payload: Any, seed: int = 0, said: str | None = None, *, profile: Profile = "observed") -> dict[str, Any]:
    """The answer to a request payload, in the shape of the published recordings.

    One word is one token. The text is as long as it wants to be (8 words or more, chosen by the payload), cut after
    `max_tokens` words and before the first of `stop_sequences`; `stop_reason` says which of these happened. Where the
    request has a tool called (`tool_choice` of type `any` or `tool`), the answer is that call, with the simplest input.

    Args:
        payload: the input of the request.
        seed: of the id and of what is said.
        said: the text, where somebody wrote one; it is cut in the same way, and no tool is called.
        profile: with or without the members that recordings have and nobody publishes.
    """
    digest = hashlib.sha256(b"%d" % seed * bool(seed) + json.dumps(payload, sort_keys=True).encode()).digest()
    wanted = _made_up(digest) if said is None else said
    text = _first_words(wanted, _allowed(payload))
    reason = "end_turn" if text == wanted else "max_tokens"
    stop = _first(text, _stops(payload))
    if stop is not None:
        text, reason = text[: text.index(stop)], "stop_sequence"
    called = call(payload, digest[:22].translate(_DIGITS).decode()) if said is None else None
    answer = {
        "id": "msg_01" + digest[:22].translate(_DIGITS).decode(),
        "type": "message",
        "role": "assistant",
        "content": [called] if called else [{"type": "text", "text": text}] if text else [],
        "model": MODEL,
        "stop_reason": "tool_use" if called else reason,
        "stop_sequence": None if called else stop,
        "stop_details": None,
        "usage": {"input_tokens": _count(payload), "output_tokens": max(1, len(text.split()))},
        "gatewayMetadata": {"keySource": "Unified"},
    }
    return answer if profile == "observed" else {key: answer[key] for key in answer if key not in _OBSERVED}


def length(answer: Any) -> int:
    """How many tokens an answer says it has; 0 where it says nothing of the kind."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    count = usage.get("output_tokens") if isinstance(usage, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else 0


def _made_up(digest: bytes) -> str:
    text = " ".join(_WORDS[: _SHORTEST + digest[0] % (len(_WORDS) - _SHORTEST)])
    return text[:1].upper() + text[1:]


def _first_words(text: str, count: int | None) -> str:
    """The text up to the end of a word, white space and all."""
    if count is None:
        return text
    ends = [match.end() for match in islice(_WORD.finditer(text), count + 1)]
    return text[: ends[count - 1]] if len(ends) > count else text


def _allowed(payload: Any) -> int | None:
    """How many words may be said; None where nothing limits them."""
    limit = payload.get("max_tokens") if isinstance(payload, dict) else None
    if not isinstance(limit, (int, float)) or isinstance(limit, bool):
        return None
    return max(1, min(math.floor(limit), sys.maxsize - 1))


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
