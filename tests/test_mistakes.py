"""Mistakes that people make in requests, and the first thing that they are told: message, then hint.

Each row is one edit of a conforming request. The mistakes are those of recorded traffic (`corpus` in the name) and of
what people bring along from neighbouring interfaces. A row is added by hand: read what is said and ask if it helps.
"""

from __future__ import annotations

from typing import Any

import pytest

import haiku_contract as hc

NEWEST = hc.load(version="1.1.1")
CLOSED = hc.load(version="1.0.0")  # whose content blocks are closed


def request(**edits: Any) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 64, **edits}
    return {key: value for key, value in body.items() if value is not ...}


def turn(**edits: Any) -> dict[str, Any]:
    return request(
        messages=[{key: value for key, value in {"role": "user", "content": "Hi", **edits}.items() if value is not ...}]
    )


def block(**fields: Any) -> dict[str, Any]:
    return turn(content=[fields])


STRING_OR_ARRAY = "messages[0].content: expected a string or an array, found"
NUMBER = "expected a number, found"

# name -> (payload, message, hint)
MISTAKES: dict[str, tuple[Any, str, str]] = {
    # the envelope
    "an array of requests": ([request()], "(root): expected an object, found array of 1", ""),
    "text": ("Hello", '(root): expected an object, found string "Hello"', ""),
    "nothing": (None, "(root): expected an object, found null", "leave it out, or send a value"),
    "corpus: no body": ({}, '(root): expected the key "messages", found no keys', 'add "messages"'),
    "corpus: a batch": ({"requests": []}, '(root): expected the key "messages", found key "requests"', 'add "messages"'),
    "corpus: the old prompt": (
        {"prompt": "Hi", "max_tokens_to_sample": 5},
        '(root): expected the key "messages", found keys "prompt", "max_tokens_to_sample"',
        'add "messages"',
    ),
    "corpus: no limit": (request(max_tokens=...), '(root): expected the key "max_tokens", found key "messages"', 'add "max_tokens"'),
    "message for messages": (
        {"message": [], "max_tokens": 5},
        '(root): expected the key "messages", found keys "message", "max_tokens"',
        'rename "message" to "messages"',
    ),
    "maxTokens": (
        {"messages": [], "maxTokens": 5},
        '(root): expected the key "max_tokens", found keys "messages", "maxTokens"',
        'rename "maxTokens" to "max_tokens"',
    ),
    "max_token": (
        {"messages": [], "max_token": 5},
        '(root): expected the key "max_tokens", found keys "messages", "max_token"',
        'rename "max_token" to "max_tokens"',
    ),
    # system
    "corpus: system as blocks": (
        request(system=[{"type": "text", "text": "Be brief."}]),
        "system: expected a string, found array of 1",
        "join its texts into one string",
    ),
    "system as one block": (request(system={"text": "Hi"}), "system: expected a string, found object with 1 key", ""),
    "system null": (request(system=None), "system: expected a string, found null", "leave it out, or send a value"),
    "system a number": (request(system=5), "system: expected a string, found number 5", 'write it in quotes: "5"'),
    # numbers
    "limit in quotes": (request(max_tokens="1024"), f'max_tokens: {NUMBER} string "1024"', "write 1024 without quotes"),
    "limit null": (request(max_tokens=None), f"max_tokens: {NUMBER} null", "leave it out, or send a value"),
    "limit zero": (request(max_tokens=0), "max_tokens: expected more than 0, found number 0", ""),
    "limit minus one": (request(max_tokens=-1), "max_tokens: expected more than 0, found number -1", ""),
    "limit true": (request(max_tokens=True), f"max_tokens: {NUMBER} boolean true", ""),
    "limit in words": (request(max_tokens="many"), f'max_tokens: {NUMBER} string "many"', ""),
    "limit in an array": (request(max_tokens=[64]), f"max_tokens: {NUMBER} array of 1", ""),
    "temperature of another interface": (request(temperature=2), "temperature: expected at most 1, found number 2", ""),
    "temperature a little high": (request(temperature=1.01), "temperature: expected at most 1, found number 1.01", ""),
    "temperature below zero": (request(temperature=-0.1), "temperature: expected at least 0, found number -0.1", ""),
    "temperature in quotes": (request(temperature="0.5"), f'temperature: {NUMBER} string "0.5"', "write 0.5 without quotes"),
    "temperature null": (request(temperature=None), f"temperature: {NUMBER} null", "leave it out, or send a value"),
    "top_p in per cent": (request(top_p=95), "top_p: expected at most 1, found number 95", ""),
    "top_p in quotes": (request(top_p="1"), f'top_p: {NUMBER} string "1"', "write 1 without quotes"),
    "top_k zero": (request(top_k=0), "top_k: expected more than 0, found number 0", ""),
    "top_k switched off as elsewhere": (request(top_k=-1), "top_k: expected more than 0, found number -1", ""),
    "top_k null": (request(top_k=None), f"top_k: {NUMBER} null", "leave it out, or send a value"),
    # stream and metadata
    "stream in quotes": (request(stream="true"), 'stream: expected a boolean, found string "true"', "write true without quotes"),
    "stream as a number": (request(stream=1), "stream: expected a boolean, found number 1", ""),
    "stream null": (request(stream=None), "stream: expected a boolean, found null", "leave it out, or send a value"),
    "metadata as text": (request(metadata="user-1"), 'metadata: expected an object, found string "user-1"', ""),
    "metadata as JSON text": (
        request(metadata='{"user_id": "1"}'),
        'metadata: expected an object, found string "{\\"user_id\\": \\"1\\"}"',
        'write {"user_id": "1"} without quotes',
    ),
    "metadata null": (request(metadata=None), "metadata: expected an object, found null", "leave it out, or send a value"),
    "metadata as pairs": (request(metadata=[["a", 1]]), "metadata: expected an object, found array of 1", ""),
    # messages
    "messages as text": (request(messages="Hi"), 'messages: expected an array, found string "Hi"', "put it into an array"),
    "one message": (
        request(messages={"role": "user", "content": "Hi"}),
        "messages: expected an array, found object with 2 keys",
        "put it into an array",
    ),
    "messages null": (request(messages=None), "messages: expected an array, found null", "leave it out, or send a value"),
    "corpus: messages that are texts": (
        request(messages=["Invalid content"]), 'messages[0]: expected an object, found string "Invalid content"', "",
    ),
    "pairs for messages": (request(messages=[["user", "Hi"]]), "messages[0]: expected an object, found array of 2", ""),
    # turns
    "no role": (turn(role=...), 'messages[0]: expected the key "role", found key "content"', 'add "role"'),
    "no content": (turn(content=...), 'messages[0]: expected the key "content", found key "role"', 'add "content"'),
    "rol": (
        turn(role=..., rol="user"),
        'messages[0]: expected the key "role", found keys "content", "rol"',
        'rename "rol" to "role"',
    ),
    "text for content": (
        turn(content=..., text="Hi"), 'messages[0]: expected the key "content", found keys "role", "text"', 'add "content"',
    ),
    "a name": (
        turn(name="Ada"), 'messages[0]: expected no keys beside "role", "content", found key "name"', 'remove "name"',
    ),
    "an id": (turn(id="1"), 'messages[0]: expected no keys beside "role", "content", found key "id"', 'remove "id"'),
    "cache_control beside content": (
        turn(cache_control={"type": "ephemeral"}),
        'messages[0]: expected no keys beside "role", "content", found key "cache_control"',
        'remove "cache_control"',
    ),
    "role system": (turn(role="system"), 'messages[0].role: expected "user" or "assistant", found string "system"', ""),
    "role developer": (turn(role="developer"), 'messages[0].role: expected "user" or "assistant", found string "developer"', ""),
    "role tool": (turn(role="tool"), 'messages[0].role: expected "user" or "assistant", found string "tool"', ""),
    "role User": (
        turn(role="User"), 'messages[0].role: expected "user" or "assistant", found string "User"', 'did you mean "user"?',
    ),
    "role asistant": (
        turn(role="asistant"),
        'messages[0].role: expected "user" or "assistant", found string "asistant"',
        'did you mean "assistant"?',
    ),
    "content null": (turn(content=None), f"{STRING_OR_ARRAY} null", "leave it out, or send a value"),
    "content a number": (turn(content=42), f"{STRING_OR_ARRAY} number 42", 'write it in quotes: "42"'),
    "content one block": (
        turn(content={"type": "text", "text": "Hi"}), f"{STRING_OR_ARRAY} object with 2 keys", "put it into an array",
    ),
    # blocks
    "texts for blocks": (turn(content=["Hi"]), 'messages[0].content[0]: expected an object, found string "Hi"', ""),
    "block without type": (block(text="Hi"), 'messages[0].content[0]: expected the key "type", found key "text"', 'add "type"'),
    "block with typ": (
        block(typ="text", text="Hi"),
        'messages[0].content[0]: expected the key "type", found keys "typ", "text"',
        'rename "typ" to "type"',
    ),
    "block type a number": (
        block(type=1), "messages[0].content[0].type: expected a string, found number 1", 'write it in quotes: "1"',
    ),
    "block text null": (
        block(type="text", text=None),
        "messages[0].content[0].text: expected a string, found null",
        "leave it out, or send a value",
    ),
    "block text as an array": (
        block(type="text", text=["Hi"]),
        "messages[0].content[0].text: expected a string, found array of 1",
        "join its texts into one string",
    ),
    "cache_control as text": (
        block(type="text", text="Hi", cache_control="ephemeral"),
        'messages[0].content[0].cache_control: expected an object, found string "ephemeral"',
        "",
    ),
    "cache_control without type": (
        block(type="text", text="Hi", cache_control={"ttl": "5m"}),
        'messages[0].content[0].cache_control: expected the key "type", found key "ttl"',
        'add "type"',
    ),
    "ttl of ten minutes": (
        block(type="text", text="Hi", cache_control={"type": "ephemeral", "ttl": "10m"}),
        'messages[0].content[0].cache_control.ttl: expected "5m" or "1h", found string "10m"',
        "",
    ),
    "ttl in seconds": (
        block(type="text", text="Hi", cache_control={"type": "ephemeral", "ttl": 300}),
        "messages[0].content[0].cache_control.ttl: expected a string, found number 300",
        'write it in quotes: "300"',
    ),
    # two mistakes: what explains the other comes first
    "a misspelled key explains a missing one": (
        turn(role=..., roel="user", extra=1),
        'messages[0]: expected the key "role", found keys "content", "roel", "extra"',
        'rename "roel" to "role"',
    ),
    "outside before inside": (
        request(max_tokens=0, messages=[{"role": "user", "content": [{"type": 5}]}]),
        "max_tokens: expected more than 0, found number 0",
        "",
    ),
}  # fmt: skip

KNOWN_BLOCK_KEYS = 'expected no keys beside "type", "text", "source", found'
MISTAKES_OF_CLOSED_BLOCKS: dict[str, tuple[Any, str, str]] = {
    "corpus: cache_control": (
        block(type="text", text="Hi", cache_control={"type": "ephemeral"}),
        f'messages[0].content[0]: {KNOWN_BLOCK_KEYS} key "cache_control"',
        'remove "cache_control"',
    ),
    "corpus: citations": (
        block(type="text", text="Hi", citations=[]), f'messages[0].content[0]: {KNOWN_BLOCK_KEYS} key "citations"', 'remove "citations"',
    ),
    "corpus: a tool call": (
        block(type="tool_use", id="toolu_1", name="get", input={}),
        f'messages[0].content[0]: {KNOWN_BLOCK_KEYS} keys "id", "name", "input"',
        'remove "id" and "name" and "input"',
    ),
    "corpus: a tool result": (
        block(type="tool_result", tool_use_id="toolu_1", content="5"),
        f'messages[0].content[0]: {KNOWN_BLOCK_KEYS} keys "tool_use_id", "content"',
        'remove "tool_use_id" and "content"',
    ),
    "corpus: thinking": (
        block(type="thinking", thinking="…", signature="x"),
        f'messages[0].content[0]: {KNOWN_BLOCK_KEYS} keys "thinking", "signature"',
        'remove "thinking" and "signature"',
    ),
    "corpus: a document": (
        block(type="document", source={}, title="A", citations={}),
        f'messages[0].content[0]: {KNOWN_BLOCK_KEYS} keys "title", "citations"',
        'remove "title" and "citations"',
    ),
}  # fmt: skip


def test_there_are_enough_of_them() -> None:
    assert len(MISTAKES) + len(MISTAKES_OF_CLOSED_BLOCKS) >= 60


@pytest.mark.parametrize("name", list(MISTAKES))
def test_what_is_said_first(name: str) -> None:
    payload, message, hint = MISTAKES[name]
    first = next(NEWEST.request.iter_errors(payload))
    assert (first.message, first.hint) == (message, hint)


@pytest.mark.parametrize("name", list(MISTAKES_OF_CLOSED_BLOCKS))
def test_what_is_said_first_of_closed_blocks(name: str) -> None:
    payload, message, hint = MISTAKES_OF_CLOSED_BLOCKS[name]
    first = next(CLOSED.request.iter_errors(payload))
    assert (first.message, first.hint) == (message, hint)
