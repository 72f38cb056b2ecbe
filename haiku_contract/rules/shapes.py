"""What the Messages API knows: the keys of a request, of each content block and of a tool, and the values of its enums.

Read from the parameter types of the public SDK (`anthropic` 2.12.0, beta types included), which are generated from the
provider's own interface description; beta members count as known, so that nothing is called unknown too early.
"""

from __future__ import annotations

from typing import Final

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
    "speed",
    "diagnostics",
)
"""Top-level keys of the API without a beta header, in the order in which the provider checks them.

The order up to `inference_geo` was measured in public with 137 requests (see `rules.json`); the last two are newer.
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
    "thread",
)
"""Top-level keys that exist behind a beta header only, or in SDKs only (`betas`)."""

_CALLED: Final = ("cache_control", "caller")

BLOCKS: Final[dict[str, tuple[dict[str, str], tuple[str, ...]]]] = {
    "text": ({"text": "string"}, ("cache_control", "citations")),
    "image": ({"source": ""}, ("cache_control", "transformations")),
    "document": ({"source": ""}, ("cache_control", "citations", "context", "title")),
    "search_result": ({"content": "array", "source": "string", "title": "string"}, ("cache_control", "citations")),
    "thinking": ({"signature": "string", "thinking": "string"}, ()),
    "redacted_thinking": ({"data": "string"}, ()),
    "tool_use": ({"id": "string", "input": "object", "name": "string"}, (*_CALLED, "toolset_name")),
    "tool_result": ({"tool_use_id": "string"}, ("cache_control", "content", "is_error", "toolset_name")),
    "server_tool_use": ({"id": "string", "input": "object", "name": "string"}, _CALLED),
    "web_search_tool_result": ({"content": "", "tool_use_id": "string"}, _CALLED),
    "web_fetch_tool_result": ({"content": "", "tool_use_id": "string"}, _CALLED),
    "code_execution_tool_result": ({"content": "", "tool_use_id": "string"}, _CALLED),
    "bash_code_execution_tool_result": ({"content": "", "tool_use_id": "string"}, _CALLED),
    "text_editor_code_execution_tool_result": ({"content": "", "tool_use_id": "string"}, _CALLED),
    "tool_search_tool_result": ({"content": "", "tool_use_id": "string"}, _CALLED),
    "container_upload": ({"file_id": "string"}, ("cache_control",)),
    "mcp_tool_use": ({"id": "string", "input": "object", "name": "string", "server_name": "string"}, _CALLED),
    "mcp_tool_result": ({"tool_use_id": "string"}, ("cache_control", "content", "is_error")),
}
"""By type of content block: the members it must have with their JSON type (empty: any), and those it may have."""

OTHER_BLOCKS: Final = (
    "advisor_tool_result",
    "compaction",
    "fallback",
    "mcp_tool_listing",
    "tool_addition",
    "tool_removal",
)
"""Content blocks of beta features, whose members are not looked into."""

NESTED_BLOCKS: Final = ("browser_state", "document", "image", "search_result", "text", "tool_reference")
"""What a tool result may hold."""

TOOL: Final = (
    "allowed_callers",
    "cache_control",
    "defer_loading",
    "description",
    "eager_input_streaming",
    "input_examples",
    "input_schema",
    "name",
    "strict",
    "type",
)
"""Members of a tool that the caller defines."""

TOOL_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "auto": ("disable_parallel_tool_use", "type"),
    "any": ("disable_parallel_tool_use", "type"),
    "tool": ("disable_parallel_tool_use", "name", "type"),
    "none": ("type",),
}
"""By type of tool choice: its members."""

IMAGE_TYPES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
IMAGE_SOURCES: Final = ("base64", "file", "url")
DOCUMENT_SOURCES: Final = ("base64", "content", "file", "text", "url")
THINKING_TYPES: Final = ("adaptive", "between_tools", "disabled", "enabled")
SERVICE_TIERS: Final = ("auto", "standard_only")
GEOS: Final = ("global", "us")
TTLS: Final = ("5m", "1h")
