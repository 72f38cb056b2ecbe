"""What the Messages API knows: the keys of a request, the members of each content block and source, its enums.

Read from the parameter types of the public SDK (`anthropic` 2.12.0, beta types included), which are generated from the
provider's own interface description; beta members count as known, so that nothing is called unknown too early.
"""

from __future__ import annotations

from typing import Final

from haiku_contract.rules.members import Member, Members

FIELDS: Final = (
    "model",
    "tool_choice",
    "tools",
    "messages",
    "system",
    "thinking",
    "output_config",
    "cache_control",
    "max_tokens",
    "metadata",
    "stop_sequences",
    "temperature",
    "service_tier",
    "top_k",
    "top_p",
    "stream",
    "container",
    "inference_geo",
    "diagnostics",
)
"""Top-level keys of the API without a beta header, in the order in which the provider checks them.

The order up to `inference_geo` was measured in public with 137 requests (see `rules.json`); the last is newer: it
needs no header since September 2026.
"""

BETA_FIELDS: Final = (
    "betas",
    "billing_policy",
    "compaction",
    "context_management",
    "fallback_credit_token",
    "fallbacks",
    "mcp_servers",
    "output_format",
    "speed",
    "thread",
    "user_profile_id",
)
"""Top-level keys that exist behind a beta header only, or in SDKs only (`betas`)."""

_ANY: Final = Member()
_TEXT: Final = Member("string", needed=True)
_NULL_TEXT: Final = Member("string", null=True)
_NULL_OBJECT: Final = Member("object", null=True)
_CACHE: Final = {"cache_control": _ANY}
_CALLED: Final = {"cache_control": _ANY, "caller": _ANY}
_CALL: Final = {"id": _TEXT, "name": Member("string", needed=True, least=1, most=200)}
_INPUT: Final = {"input": Member("object", needed=True)}
_SERVER_ID: Final = Member("string", needed=True, pattern="^srvtoolu_[a-zA-Z0-9_]+$")
_RESULT: Final = {"tool_use_id": _SERVER_ID, "content": Member(needed=True), **_CALLED}

BLOCKS: Final[dict[str, Members]] = {
    "text": {"text": _TEXT, "citations": Member("array", null=True), **_CACHE},
    "image": {"source": Member("object", needed=True), "transformations": _NULL_OBJECT, **_CACHE},
    "document": {
        "source": Member("object", needed=True),
        "citations": _NULL_OBJECT,
        "context": _NULL_TEXT,
        "title": _NULL_TEXT,
        **_CACHE,
    },
    "search_result": {
        "content": Member("array", needed=True),
        "source": _TEXT,
        "title": _TEXT,
        "citations": Member("object"),
        **_CACHE,
    },
    "thinking": {"signature": _TEXT, "thinking": _TEXT},
    "redacted_thinking": {"data": _TEXT},
    "tool_use": {**_CALL, **_INPUT, **_CALLED, "toolset_name": _NULL_TEXT},
    "tool_result": {
        "tool_use_id": _TEXT,
        "content": Member("content"),
        "is_error": Member("boolean", null=True),
        "toolset_name": _NULL_TEXT,
        **_CACHE,
    },
    "tool_reference": {"tool_name": _TEXT, **_CACHE},
    "server_tool_use": {"id": _SERVER_ID, "name": _TEXT, **_INPUT, **_CALLED},
    "web_search_tool_result": _RESULT,
    "web_fetch_tool_result": _RESULT,
    "code_execution_tool_result": _RESULT,
    "bash_code_execution_tool_result": _RESULT,
    "text_editor_code_execution_tool_result": _RESULT,
    "tool_search_tool_result": _RESULT,
    "container_upload": {"file_id": _TEXT, **_CACHE},
    "mcp_tool_use": {"id": _TEXT, "name": _TEXT, "server_name": _TEXT, **_INPUT, **_CALLED},
    "mcp_tool_result": {"tool_use_id": _TEXT, "content": _ANY, "is_error": _ANY, **_CACHE},
}
"""By type of content block: its members."""

OTHER_BLOCKS: Final = ("advisor_tool_result", "compaction", "connector_text", "fallback", "mcp_tool_listing")
"""Content blocks of beta features, whose members are not looked into."""

BETA_BLOCKS: Final = {"tool_addition": "inline-tools-2026-09-15", "tool_removal": "inline-tools-2026-09-15"}
"""Content blocks that are refused without a beta header, and the header."""

BLOCK_TAGS: Final = (
    "bash_code_execution_tool_result",
    "code_execution_tool_result",
    "connector_text",
    "container_upload",
    "document",
    "image",
    "mid_conv_system",
    "redacted_thinking",
    "search_result",
    "server_tool_use",
    "text",
    "text_editor_code_execution_tool_result",
    "thinking",
    "tool_result",
    "tool_search_tool_result",
    "tool_use",
    "web_fetch_tool_result",
    "web_search_tool_result",
)
"""The types of content block that a refusal lists, put together from observed refusals; none of a beta feature."""

NESTED_BLOCKS: Final = ("document", "image", "search_result", "text", "tool_reference")
"""What a tool result may hold, as an observed refusal lists it."""

OTHER_NESTED_BLOCKS: Final = ("browser_state",)
"""What it may hold beside them since the beginning of 2026."""

IMAGE_TYPES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
PDF: Final = "application/pdf"

_URL: Final[Members] = {"url": _TEXT}
_FILE: Final[Members] = {"file_id": _TEXT}

SOURCES: Final[dict[str, dict[str, Members]]] = {
    "image": {
        "base64": {"media_type": Member("string", needed=True, values=IMAGE_TYPES), "data": _TEXT},
        "file": _FILE,
        "url": _URL,
    },
    "document": {
        "base64": {"media_type": Member("string", needed=True, values=(PDF,)), "data": _TEXT},
        "content": {"content": Member("content", needed=True)},
        "file": _FILE,
        "text": {"media_type": Member("string", needed=True, values=("text/plain",)), "data": _TEXT},
        "url": _URL,
    },
}
"""By type of block and type of its source: the members of the source."""

_DISPLAY: Final = {"display": Member("string", null=True, values=("summarized", "omitted"))}

THINKING: Final[dict[str, Members]] = {
    "adaptive": _DISPLAY,
    "between_tools": {},
    "disabled": {},
    "enabled": {"budget_tokens": Member("integer", needed=True), **_DISPLAY},
}
"""By type of `thinking`: its members."""

OUTPUT_CONFIG: Final[Members] = {
    "effort": Member("string", null=True, values=("low", "medium", "high", "xhigh", "max")),
    "format": _ANY,
}
OUTPUT_FORMAT: Final[Members] = {
    "type": Member("string", needed=True, values=("json_schema",)),
    "schema": Member("object", needed=True),
}
EPHEMERAL: Final[Members] = {"ttl": Member("string", values=("5m", "1h"))}
SERVICE_TIERS: Final = ("auto", "standard_only")
GEOS: Final = ("global", "us")
