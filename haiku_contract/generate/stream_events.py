"""Conforming event streams: the events they are made of, and one stream for each thing that a stream may do.

All of them answer `REQUEST`. Texts, ids and counts were written for this package.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from haiku_contract import pointer, sse
from haiku_contract.generate.conforming import PLAUSIBLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from haiku_contract.stream import StreamGrammar

Event: TypeAlias = "dict[str, Any]"

CONTENT_TYPE: Final = "text/event-stream; charset=utf-8"
_MAX_DEPTH: Final = 20

REQUEST: Final[dict[str, Any]] = {
    "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
    "max_tokens": 64,
    "stream": True,
    "tools": [
        {
            "name": "get_weather",
            "input_schema": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
                "required": ["city"],
                "additionalProperties": False,
            },
        },
        {"name": "get_time", "input_schema": {"type": "object"}},
    ],
}
"""The request that the streams answer: it declares two tools."""

_COUNTS: Final = {"input_tokens": 25, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 3}
PING: Final[Event] = {"type": "ping"}
STOP: Final[Event] = {"type": "message_stop"}


def message_start(**usage: int) -> Event:
    """The first event, with the usage of the real endpoint."""
    return {
        "type": "message_start",
        "message": {
            "id": PLAUSIBLE["id"],
            "type": "message",
            "role": "assistant",
            "model": PLAUSIBLE["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": {
                **_COUNTS,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
                "output_tokens": 1,
                "service_tier": "standard",
                "inference_geo": "not_available",
                **usage,
            },
        },
    }


def block(index: int, start: Event, *deltas: Event) -> list[Event]:
    """The events of one content block."""
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(index: int, *pieces: str) -> list[Event]:
    """A text block."""
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces))


def tool(index: int, name: str, *pieces: str, kind: str = "tool_use") -> list[Event]:
    """The call of a tool; the pieces together are its input."""
    start = {"type": kind, "id": f"toolu_0{index}A1b2C3", "name": name, "input": {}}
    return block(index, start, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


def message_delta(reason: str | None = "end_turn", output_tokens: int = 12, **more: Any) -> Event:
    """The last but one event."""
    delta = {"stop_reason": reason, "stop_sequence": None, "stop_details": None}
    return {"type": "message_delta", "delta": delta, "usage": {**_COUNTS, "output_tokens": output_tokens, **more}}


def error(kind: str = "overloaded_error", message: str = "Overloaded") -> Event:
    """The event that ends an answer which failed."""
    return {"type": "error", "error": {"type": kind, "message": message}}


def encode(events: Iterable[Event]) -> bytes:
    """The bytes of a stream, in the form of the real endpoint."""
    return b"".join(encode_event(event) for event in events)


def encode_event(event: Any, name: str | None = None) -> bytes:
    """The bytes of one event; its name is its type unless another one is given."""
    data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return sse.encode(name or str(event["type"]), data)


HELLO: Final = (*text(0, "Hello", ', wörld 🎈 "in quotes"', "\nand a second line."),)
WEATHER: Final = (*tool(1, "get_weather", "", '{"city": ', '"Pa', 'ris", "days": 2}'),)

USUAL: Final[tuple[Event, ...]] = (
    message_start(),
    HELLO[0],
    PING,
    *HELLO[1:],
    *WEATHER,
    message_delta("tool_use"),
    STOP,
)
"""The stream from which faults are made: a text, the call of a tool, a ping."""


def conforming(grammar: StreamGrammar) -> dict[str, tuple[Event, ...]]:
    """One stream for each thing that a stream may do, by name; the last two are made from the schemas."""
    return {
        **_plain(),
        **_tools(),
        **_rich(),
        "pings-everywhere": tuple(one for event in USUAL for one in (PING, event)),
        "unknown-keys": tuple({**event, "x_extra": {"a": 1}} for event in USUAL),
        "error-at-once": (error(),),
        "error-in-a-block": (*USUAL[:5], error("api_error", "Internal server error")),
        "every-key": full(grammar),
        "error-with-every-key": (_full_event(grammar, "error"),),
    }


def _plain() -> dict[str, tuple[Event, ...]]:
    begin, end = message_start(), (message_delta(), STOP)
    searched = {"web_search_requests": 1, "web_fetch_requests": 0}
    return {
        "usual": USUAL,
        "nothing-said": (begin, *end),
        "one-text": (begin, *text(0, "Hello"), *end),
        "block-without-delta": (begin, *text(0), *end),
        "three-blocks": (begin, *text(0, "One"), *text(1, "two", ""), *text(2, "three"), *end),
        "two-message-deltas": (begin, *text(0, "Hi"), message_delta(None, 3), message_delta("end_turn", 5), STOP),
        "usage-in-full": (begin, *text(0, "Hi"), message_delta("end_turn", 9, server_tool_use=searched), STOP),
    }


def _tools() -> dict[str, tuple[Event, ...]]:
    begin, called = message_start(), (message_delta("tool_use"), STOP)
    pieces = '{"city": "Zürich \\u00e9\\ud83c\\udf88\\n", "days": 1e0}'
    search = tool(0, "web_search", '{"query": "weather"}', kind="server_tool_use")
    result = {"type": "web_search_tool_result", "tool_use_id": "toolu_00A1b2C3", "content": []}
    return {
        "tool-without-input": (begin, *tool(0, "get_time", ""), *called),
        "tool-without-delta": (begin, *tool(0, "get_time"), *called),
        "input-piece-by-piece": (begin, *tool(0, "get_weather", *pieces), *called),
        "input-cut-by-max-tokens": (
            begin,
            *tool(0, "get_weather", '{"city": "Paris", "d'),
            message_delta("max_tokens"),
            STOP,
        ),
        "tool-of-the-provider": (begin, *search, *block(1, result), *text(2, "Sunny."), message_delta(), STOP),
    }


def _rich() -> dict[str, tuple[Event, ...]]:
    begin, end = message_start(), (message_delta(), STOP)
    thinking = (
        {"type": "thinking_delta", "thinking": "The city is "},
        {"type": "thinking_delta", "thinking": "Paris."},
        {"type": "signature_delta", "signature": "c2lnbmF0dXJl"},
    )
    citation = {"type": "char_location", "cited_text": "Paris", "document_index": 0}
    cited = (
        {"type": "text_delta", "text": "Paris"},
        {"type": "citations_delta", "citation": citation},
        {"type": "citations_delta", "citation": {**citation, "document_index": 1}},
    )
    surprise = {"type": "hologram", "frames": []}
    return {
        "thinking": (begin, *block(0, {"type": "thinking", "thinking": "", "signature": ""}, *thinking), *end),
        "citations": (begin, *block(0, {"type": "text", "text": "", "citations": []}, *cited), *end),
        "unknown-types": (
            begin,
            {"type": "weather_report", "sky": "blue"},
            *block(0, surprise, {"type": "hologram_delta", "frame": 1}),
            *block(1, {"type": "text", "text": ""}, {"type": "emphasis_delta", "level": 2}),
            *end,
        ),
    }


def full(grammar: StreamGrammar) -> tuple[Event, ...]:
    """A stream with every kind of block and delta, and every key that the schemas name."""
    events = [_full_event(grammar, "message_start")]
    for index, kind in enumerate(grammar.blocks):
        start = {"type": kind, **_full(grammar, grammar.document["blocks"][kind]["start"], "")}
        fitting = [name for name in grammar.document["deltas"] if name in grammar.blocks[kind]]
        pieces = [{"type": name, **_full(grammar, grammar.document["deltas"][name], "")} for name in fitting]
        events += block(index, start, *(piece | _JSON if "partial_json" in piece else piece for piece in pieces))
    return (*events, _full_event(grammar, "message_delta"), STOP)


_JSON: Final = {"partial_json": '{"city": "Paris"}'}


def _full_event(grammar: StreamGrammar, kind: str) -> Event:
    return {**_full(grammar, grammar.document["events"][kind], ""), "type": kind}


def _full(grammar: StreamGrammar, schema: Any, name: str, depth: int = 0) -> Any:
    """A value with every key that the schema names."""
    if "$ref" in schema and depth < _MAX_DEPTH:
        target = pointer.get(grammar.document, pointer.split(schema["$ref"][1:]))
        return _full(grammar, target, name, depth + 1)
    if "const" in schema:
        return schema["const"]
    types = schema.get("type", "object")
    kind = next((one for one in ([types] if isinstance(types, str) else types) if one != "null"), "null")
    if kind == "object":
        members = schema.get("properties", {})
        return {key: _full(grammar, member, key, depth + 1) for key, member in members.items()}
    return PLAUSIBLE.get(name, "text") if kind == "string" else _SAMPLES.get(kind)


_SAMPLES: Final[dict[str, Any]] = {"integer": 1, "number": 1, "boolean": True, "array": []}


def framed(events: Sequence[Event]) -> dict[str, bytes]:
    """The same events in every framing that the standard allows (WHATWG HTML 9.2), by name."""
    body = encode(events)
    return {
        "crlf": body.replace(b"\n", b"\r\n"),
        "cr": body.replace(b"\n", b"\r"),
        "byte-order-mark": b"\xef\xbb\xbf" + body,
        "comments": b": one moment\n\n" + body.replace(b"event: ", b": still here\nevent: "),
        "padded": b"".join(
            encode_event(event).replace(b"}\n\n", b" " * (index % 15) + b"}\n\n") for index, event in enumerate(events)
        ),
        "no-space-after-the-colon": body.replace(b"data: ", b"data:").replace(b"event: ", b"event:"),
        "data-first": b"".join(
            b"\n".join([*reversed(encode_event(event).rstrip(b"\n").split(b"\n")), b"", b""]) for event in events
        ),
        "ids-and-retries": body.replace(b"event: ", b"id: 7\nretry: 100\nevent: "),
        "further-blank-lines": body.replace(b"\n\n", b"\n\n\n\n"),
        "spread-over-lines": b"".join(
            encode_event(event).replace(b'{"type"', b'{\ndata: "type"', 1) for event in events
        ),
    }
