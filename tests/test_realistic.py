"""Requests as clients write them, over the whole surface of the interface: what is accepted, and what is refused how.

Each outcome is public knowledge of the provider: its reference, or a refusal that others quote. `U` and `A` are
messages of the user and of the assistant.
"""

from __future__ import annotations

from typing import Any

import pytest

import haiku_contract as hc


def U(content: Any) -> dict[str, Any]:  # noqa: N802 - as short as the rows need it
    return {"role": "user", "content": content}


def A(content: Any) -> dict[str, Any]:  # noqa: N802 - likewise
    return {"role": "assistant", "content": content}


def messages(*turns: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(turns)}


def text(content: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": content, **more}


def image(**source: Any) -> dict[str, Any]:
    return {"type": "image", "source": source}


def document(**source: Any) -> dict[str, Any]:
    return {"type": "document", "source": source}


def call(name: str = "get_weather", of: str = "toolu_01", **more: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": of, "name": name, "input": {"location": "Bonn"}, **more}


def result(content: Any = "12 degrees", of: str = "toolu_01", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": of, "content": content, **more}


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def answer(schema: Any) -> dict[str, Any]:
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


CACHE = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
WEATHER = {
    "name": "get_weather",
    "description": "The weather at a place.",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
GIF = "R0lGODlhAQABAAAAACwAAAAAAQABAAA="
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoK"
SIGNATURE = "EqoBCkgIARABGAIiQL" + "QUJD" * 40
THOUGHT = {"type": "thinking", "thinking": "They ask for the weather.", "signature": SIGNATURE}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}
SEARCHED = [
    {"type": "server_tool_use", "id": "srvtoolu_01", "name": "web_search", "input": {"query": "Bonn"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_01", "content": []},
    text("It rains.", citations=[]),
]
TREE = {**closed(root={"$ref": "#/$defs/node"}), "$defs": {"node": closed(next={"$ref": "#/$defs/node"})}}
EITHER = {"anyOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "null"}]}

ACCEPTED: dict[str, dict[str, Any]] = {
    "one question": {},
    "a conversation": messages(U("Hi"), A("Hello."), U("How are you?")),
    "two messages of the user in a row": messages(U("Hi"), U("Anybody there?")),
    "the assistant first": messages(A("Hello."), U("Hi")),
    "an answer begun": messages(U("Name a colour, as JSON."), A('{"colour":')),
    "an empty message beside a full one": messages(U([]), U("Hi")),
    "system": {"system": "You are terse."},
    "system of nothing": {"system": ""},
    "temperature 0": {"temperature": 0},
    "top_p": {"top_p": 0.9},
    "top_k and temperature": {"top_k": 40, "temperature": 0.3},
    "max_tokens as a float": {"max_tokens": 1024.0},
    "the most tokens": {"max_tokens": 64_000},
    "stream": {"stream": True},
    "stop sequences": {"stop_sequences": ["\n\nHuman:", "END"]},
    "stop sequences null": {"stop_sequences": None},
    "user as a UUID": {"metadata": {"user_id": "13803d75-b4b5-4c3e-b2a2-6f21399b021b"}},
    "user as claude-code writes it": {"metadata": {"user_id": f"user_{'0a' * 32}_account__session_{'1b' * 16}"}},
    "service tier": {"service_tier": "auto"},
    "diagnostics": {"diagnostics": {"previous_message_id": None}},
    "cache the whole": CACHE,
    "cache a block for an hour": messages(U([text("x", **HOUR), text("y", **CACHE)])),
    "image as base64": messages(U([image(type="base64", media_type="image/png", data=PNG), text("What is it?")])),
    "image by URL": messages(U([text("And this?"), image(type="url", url="https://example.com/a.jpg")])),
    "image as a file": messages(U([image(type="file", file_id="file_011"), text("And this?")])),
    "PDF as base64": messages(U([document(type="base64", media_type="application/pdf", data=PDF), text("Sum it up.")])),
    "PDF by URL": messages(U([document(type="url", url="https://example.com/a.pdf"), text("Sum it up.")])),
    "text as a document": messages(
        U([{**document(type="text", media_type="text/plain", data="Grass is green."), "citations": {"enabled": True}}])
    ),
    "document of blocks": messages(U([document(type="content", content=[text("Grass is green.")]), text("Well?")])),
    "document with all": messages(
        U([{**document(type="text", media_type="text/plain", data="x"), "title": "T", "context": "C", **CACHE}])
    ),
    "search result": messages(
        U([{"type": "search_result", "source": "https://example.com", "title": "T", "content": [text("x")]}])
    ),
    "a tool": {"tools": [WEATHER]},
    "a tool of type custom": {"tools": [{**WEATHER, "type": "custom", **CACHE}]},
    "a tool without a description": {"tools": [{key: WEATHER[key] for key in ("name", "input_schema")}]},
    "a tool without properties": {"tools": [{"name": "f", "input_schema": {"type": "object"}}]},
    "a tool with any schema inside": {
        "tools": [
            {
                "name": "f",
                "input_schema": {
                    "type": "object",
                    "properties": {
                        "a": {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "null"}], "default": None},
                        "b": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
                        "c": {"enum": ["x", 1, None]},
                    },
                    "additionalProperties": True,
                },
            }
        ]
    },
    "a strict tool": {"tools": [{"name": "f", "strict": True, "input_schema": closed(a={"type": "string"})}]},
    "any tool": {"tools": [WEATHER], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
    "no tool": {"tools": [WEATHER], "tool_choice": {"type": "none"}},
    "that tool": {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "get_weather"}},
    "a call and its result": {**messages(U("Hi"), A([text("Let me see."), call()]), U([result()])), "tools": [WEATHER]},
    "two calls": messages(U("Hi"), A([call(), call(of="toolu_02")]), U([result(), result(of="toolu_02")])),
    "a result and more": messages(U("Hi"), A([call()]), U([result(), text("And tomorrow?")])),
    "a result without content": messages(U("Hi"), A([call()]), U([{"type": "tool_result", "tool_use_id": "toolu_01"}])),
    "a result of blocks": messages(
        U("Hi"), A([call()]), U([result([text("x"), image(type="base64", media_type="image/gif", data=GIF)])])
    ),
    "a result that failed": messages(U("Hi"), A([call()]), U([result("no such place", is_error=True)])),
    "a call of another caller": messages(U("Hi"), A([call(caller={"type": "direct"})]), U([result()])),
    "web search": {"tools": [{**SEARCH, "user_location": {"type": "approximate", "city": "Bonn"}}]},
    "web search in history": {**messages(U("Hi"), A(SEARCHED), U("Thanks")), "tools": [SEARCH]},
    "newer web search, called directly": {
        "tools": [{"type": "web_search_20260209", "name": "web_search", "allowed_callers": ["direct"]}]
    },
    "web fetch": {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch", "citations": {"enabled": True}}]},
    "code execution": {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
    "bash and editor": {
        "tools": [
            {"type": "bash_20250124", "name": "bash"},
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 10_000},
        ]
    },
    "memory": {"tools": [{"type": "memory_20250818", "name": "memory"}]},
    "tool search": {
        "tools": [
            {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
            {**WEATHER, "defer_loading": True},
        ]
    },
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048},
    "thinking and temperature 1": {
        "thinking": {"type": "enabled", "budget_tokens": 2048},
        "max_tokens": 4096,
        "temperature": 1,
    },
    "no thinking": {"thinking": {"type": "disabled"}},
    "thinking sent back": {
        **messages(U("Hi"), A([THOUGHT, call()]), U([result()])),
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "max_tokens": 2048,
        "tools": [WEATHER],
    },
    "thinking of an earlier turn": messages(U("Hi"), A([THOUGHT, text("Hello.")]), U("Bye")),
    "answer as JSON": answer(closed(name={"type": "string", "description": "d"}, age={"type": "integer"})),
    "answer with what is taken": answer(
        {
            **closed(
                kind=EITHER,
                when={"type": "string", "format": "date-time"},
                tags={"type": "array", "items": {"type": "string"}, "minItems": 1},
                part={"$ref": "#/$defs/part"},
                fixed={"const": {"type": "object", "minimum": 1}},
                model_config={"type": ["integer", "null"], "default": None, "title": "T"},
            ),
            "$defs": {"part": closed(a={"type": "number", "examples": [{"type": "object"}]})},
        }
    ),
    "answer without a format": {"output_config": {"format": None}},
}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no messages": ({"messages": []}, "messages: at least one message is required"),
    "nothing said": (messages(U("")), "messages.0: user messages must have non-empty content"),
    "white space": (messages(U("  \n")), "messages: text content blocks must contain non-whitespace text"),
    "an empty block": (messages(U([text("")])), "messages: text content blocks must be non-empty"),
    "an answer begun with a blank": (
        messages(U("Hi"), A("Well, ")),
        "messages: final assistant content cannot end with trailing whitespace",
    ),
    "half a token": ({"max_tokens": 0.5}, "max_tokens: Input should be a valid integer"),
    "OpenAI's response format": (
        {"response_format": {"type": "json_object"}},
        "response_format: Extra inputs are not permitted",
    ),
    "OpenAI's stop": ({"stop": ["x"]}, "stop: Extra inputs are not permitted"),
    "OpenAI's stream options": (
        {"stream_options": {"include_usage": True}},
        "stream_options: Extra inputs are not permitted",
    ),
    "fast": ({"speed": "fast"}, "speed: Extra inputs are not permitted"),
    "servers": ({"mcp_servers": []}, "mcp_servers: Extra inputs are not permitted"),
    "a session": ({"metadata": {"session_id": "1"}}, "metadata.session_id: Extra inputs are not permitted"),
    "one stop sequence": ({"stop_sequences": "END"}, "stop_sequences: Input should be a valid array"),
    "a line break as stop sequence": (
        {"stop_sequences": ["\n"]},
        "stop_sequences: each stop sequence must contain non-whitespace",
    ),
    "flex": ({"service_tier": "flex"}, "service_tier: Input should be 'auto' or 'standard_only'"),
    "a place": ({"inference_geo": "us"}, "'claude-haiku-4-5-20251001' does not support inference_geo."),
    "no such place": ({"inference_geo": "eu"}, "inference_geo: must be one of ['global', 'us']"),
    "effort": ({"output_config": {"effort": "low"}}, "This model does not support the effort parameter."),
    "adaptive thinking": ({"thinking": {"type": "adaptive"}}, "adaptive thinking is not supported on this model"),
    "thinking without budget": (
        {"thinking": {"type": "enabled"}},
        "thinking.enabled.budget_tokens: Field required",
    ),
    "a small budget": (
        {"thinking": {"type": "enabled", "budget_tokens": 512}, "max_tokens": 2048},
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    ),
    "thinking and a forced tool": (
        {
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "max_tokens": 2048,
            "tools": [WEATHER],
            "tool_choice": {"type": "any"},
        },
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    "OpenAI's image": (
        messages(U([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}])),
        (
            "messages.0.content.0: Input tag 'image_url' found using 'type' does not match any of the expected tags: "
            "'bash_code_execution_tool_result', …"
        ),
    ),
    "OpenAI's text in a result": (
        messages(U("Hi"), A([call()]), U([result([{"type": "input_text", "text": "x"}])])),
        (
            "messages.2.content.0.tool_result.content.0: Input tag 'input_text' found using 'type' does not match any "
            "of the expected tags: 'document', 'image', 'search_result', 'text', 'tool_reference'"
        ),
    ),
    "image/jpg": (
        messages(U([image(type="base64", media_type="image/jpg", data=PNG)])),
        (
            "messages.0.content.0.image.source.base64.media_type: "
            "Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
        ),
    ),
    "an image that is another": (
        messages(U([image(type="base64", media_type="image/png", data=GIF)])),
        "messages.0.content.0.image.source.base64.data: The image was specified using the image/png media type, …",
    ),
    "a table as a document": (
        messages(U([document(type="base64", media_type="text/csv", data="YQ==")])),
        "messages.0.content.0.document.source.base64.media_type: Input should be 'application/pdf'",
    ),
    "an empty PDF": (
        messages(U([document(type="base64", media_type="application/pdf", data="")])),
        "messages.0.content.0.document.source.base64: PDF cannot be empty",
    ),
    "an image of the assistant": (
        messages(U("Hi"), A([image(type="base64", media_type="image/png", data=PNG)]), U("Again")),
        "messages.1.content: 'image' blocks are not permitted within assistant turns.",
    ),
    "OpenAI's tool": (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
        "tools.0: Input tag 'function' found using 'type' does not match any of the expected tags: 'bash_20250124', …",
    ),
    "a tool described by null": (
        {"tools": [{**WEATHER, "description": None}]},
        "tools.0.custom.description: Input should be a valid string",
    ),
    "a tool with parameters": (
        {"tools": [{"name": "f", "description": "d", "parameters": {"type": "object"}}]},
        "tools.0.custom.input_schema: Field required",
    ),
    "a tool with a dot": (
        {"tools": [{**WEATHER, "name": "weather.get"}]},
        "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
    ),
    "the same tool twice": ({"tools": [WEATHER, WEATHER]}, "tools: Tool names must be unique."),
    "required": ({"tools": [WEATHER], "tool_choice": "required"}, "tool_choice: Input should be an object"),
    "another tool": (
        {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "time"}},
        "Tool 'time' not found in provided tools",
    ),
    "bash under another name": (
        {"tools": [{"type": "bash_20250124", "name": "Bash"}]},
        "tools.0.bash_20250124.name: Input should be 'bash'",
    ),
    "a search of no version": (
        {"tools": [{"type": "web_search", "name": "web_search"}]},
        "tools.0: Input tag 'web_search' found using 'type' does not match any of the expected tags: 'bash_…",
    ),
    "code that calls": (
        {"tools": [{"type": "web_fetch_20260209", "name": "web_fetch"}]},
        "'claude-haiku-4-5-20251001' does not support programmatic tool calling. The following tools have …",
    ),
    "a call without its result": (
        messages(U("Hi"), A([call()]), U("Well?")),
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_01. …",
    ),
    "a result of nothing": (
        messages(U([result()])),
        "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_01. …",
    ),
    "a call with a string": (
        messages(U("Hi"), A([{**call(), "input": "{}"}]), U([result()])),
        "messages.1.content.0.tool_use.input: Input should be an object",
    ),
    "a failure without words": (
        messages(U("Hi"), A([call()]), U([result("", is_error=True)])),
        "messages.2.content.0.tool_result: content cannot be empty if `is_error` is true",
    ),
    "a thought without signature": (
        messages(U("Hi"), A([{"type": "thinking", "thinking": "x"}, text("a")]), U("Bye")),
        "messages.1.content.0.thinking.signature: Field required",
    ),
    "an open object": (
        answer({"type": "object", "properties": {"a": {"type": "string"}}}),
        "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
    ),
    "a map": (
        answer(closed(a={"type": "object", "additionalProperties": {"type": "string"}})),
        "output_config.format.schema: For 'object' type, 'additionalProperties: object' is not supported. Please set …",
    ),
    "bounds": (
        answer(closed(a={"type": "integer", "minimum": 0, "maximum": 9})),
        "output_config.format.schema: For 'integer' type, properties maximum, minimum are not supported",
    ),
    "a name in the schema": (
        answer({**closed(), "name": "Person"}),
        "output_config.format.schema: For 'object' type, property 'name' is not supported",
    ),
    "a tree": (
        answer(TREE),
        (
            "output_config.format.schema: Invalid schema: Circular reference detected in schema definitions: "
            "node -> node. Self-referencing or mutually-referencing definitions are not supported."
        ),
    ),
    "a nullable enum": (
        answer(closed(a={"type": ["string", "null"], "enum": ["x", None]})),
        "output_config.format.schema: Invalid schema: Enum value 'x' does not match declared type '['string', 'null']'",
    ),
    "too many cache marks": (
        messages(U([text("x", **CACHE)] * 5)),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "a mark for a day": (
        {"tools": [{**WEATHER, "cache_control": {"type": "ephemeral", "ttl": "1d"}}]},
        "tools.0.custom.cache_control.ephemeral.ttl: Input should be '5m' or '1h'",
    ),
    "a marked thought": (
        messages(U("Hi"), A([{**THOUGHT, **CACHE}, text("a")]), U("Bye")),
        "messages.1.content.0.thinking.cache_control: Extra inputs are not permitted",
    ),
}


@pytest.fixture(scope="module")
def predict() -> Any:
    request = hc.load().request
    return lambda fragment: request.predict({"max_tokens": 1024, "messages": [U("Hi")], **fragment})


@pytest.mark.parametrize("name", ACCEPTED)
def test_request_that_is_accepted_is_predicted_to_be(predict: Any, name: str) -> None:
    prediction = predict(ACCEPTED[name])
    assert (prediction.outcome, prediction.message) == ("accepted", "")


@pytest.mark.parametrize("name", REFUSED)
def test_request_that_is_refused_is_predicted_with_the_refusal(predict: Any, name: str) -> None:
    fragment, message = REFUSED[name]
    prediction = predict(fragment)
    assert prediction.outcome == "rejected-upstream"
    cut = message.endswith("…")
    assert prediction.message.startswith(message[:-1]) if cut else prediction.message == message
