"""An answer as the events of the real endpoint: one chunk of bytes per event, and how many tokens are in it."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from haiku_contract import sse, wire

if TYPE_CHECKING:
    from collections.abc import Iterator

Profile: TypeAlias = Literal["published", "observed"]
"""`published`: the message that the events make conforms to the response schema. `observed`: as recorded."""

_MOST_WORDS: Final = 5
_MOST_BLANKS: Final = 14
_WORDS: Final = re.compile(r"\s*\S+|\s+$")
_BORDER: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
_LAST: Final = ("stop_reason", "stop_sequence", "stop_details")  # known when the message ends, null until then
_GATEWAYS: Final = "gatewayMetadata"  # in whole answers only


class Chunk(NamedTuple):
    """One event as bytes, and how many tokens it carries."""

    data: bytes
    tokens: int = 0


def stream(answer: dict[str, Any], profile: Profile = "observed") -> Iterator[Chunk]:
    """The events of a message; of any message that has an array `content`, whatever the script put in it."""
    digest = hashlib.sha256(json.dumps(answer, sort_keys=True).encode()).digest()
    for number, (event, tokens) in enumerate(_events(answer, digest, profile)):
        if event["type"] != "ping" or profile == "observed":
            blanks = digest[-1 - number % len(digest)] % (_MOST_BLANKS + 1) if profile == "observed" else 0
            data = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
            yield Chunk(sse.encode(str(event["type"]), f"{data[:-1]}{' ' * blanks}}}"), tokens)


def chunks(body: bytes) -> tuple[Chunk, ...]:
    """The bytes of any stream, one chunk an event, with the tokens that can be told from them."""
    ends = [match.end() for match in _BORDER.finditer(body)]
    begins = [0, *ends]
    pieces = (body[begin:end] for begin, end in zip(begins, [*ends, len(body)], strict=True))
    return tuple(Chunk(piece, _tokens(piece)) for piece in pieces if piece) or (Chunk(b""),)


def _tokens(piece: bytes) -> int:
    """The words of a text, or one for a piece of a tool's input; none in what is no delta at all."""
    for item in sse.decode(piece):
        event = wire.decode(item.data).value if isinstance(item, sse.ServerSentEvent) else None
        delta = event.get("delta") if isinstance(event, dict) else None
        if isinstance(delta, dict):
            text = delta.get("text")
            return len(text.split()) if isinstance(text, str) else int("partial_json" in delta)
    return 0


def _events(answer: dict[str, Any], digest: bytes, profile: Profile) -> Iterator[tuple[dict[str, Any], int]]:
    usage = answer.get("usage")
    begin, end = _USAGES[profile](usage if isinstance(usage, dict) else {})
    start = {key: None if key in _LAST else value for key, value in answer.items() if key != _GATEWAYS}
    yield {"type": "message_start", "message": {**start, "content": [], "stop_reason": None, "usage": begin}}, 0
    for index, block in enumerate(answer.get("content") or []):
        empty, deltas = _block(block, digest)
        yield {"type": "content_block_start", "index": index, "content_block": empty}, 0
        if index == 0:
            yield {"type": "ping"}, 0
        for delta, tokens in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}, tokens
        yield {"type": "content_block_stop", "index": index}, 0
    delta = {key: answer[key] for key in _LAST if key in answer}
    yield {"type": "message_delta", "delta": delta, "usage": end}, 0
    yield {"type": "message_stop"}, 0


def _block(block: Any, digest: bytes) -> tuple[Any, list[tuple[dict[str, Any], int]]]:
    """The block as it starts, and the deltas that fill it; one that nobody knows how to cut comes whole."""
    if isinstance(block, dict) and isinstance(block.get("text"), str):
        pieces = _pieces(block["text"], digest)
        return {**block, "text": ""}, [({"type": "text_delta", "text": one}, len(one.split())) for one in pieces]
    if isinstance(block, dict) and isinstance(block.get("input"), dict):
        whole = json.dumps(block["input"], separators=(",", ":"), ensure_ascii=False)
        pieces = ["", *_pieces(whole, digest)]
        return {**block, "input": {}}, [({"type": "input_json_delta", "partial_json": one}, 1) for one in pieces]
    return block, []


def _pieces(text: str, digest: bytes) -> list[str]:
    """The text in pieces of one to five words, cut as the digest says."""
    words = _WORDS.findall(text)
    pieces: list[str] = []
    at = 0
    while at < len(words):
        size = 1 + digest[len(pieces) % len(digest)] % _MOST_WORDS
        pieces.append("".join(words[at : at + size]))
        at += size
    return pieces


def _published(usage: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two counts that the schema names."""
    begin = {"input_tokens": usage.get("input_tokens", 0), "output_tokens": 1}
    return begin, {"output_tokens": usage.get("output_tokens", 1)}


def _observed(usage: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Seven keys at the beginning and four at the end, as recorded."""
    counts = {
        "input_tokens": usage.get("input_tokens", 0),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
    begin = {
        **counts,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 1,
        "service_tier": "standard",
        "inference_geo": "not_available",
    }
    return begin, {**counts, "output_tokens": usage.get("output_tokens", 1)}


_USAGES: Final = {"published": _published, "observed": _observed}
"""The usage of the first event, and that of the last but one."""
