"""Tools as the Messages API knows them: the caller's own, the provider's by type, and those behind a beta header.

Read from the parameter types of the public SDK (`anthropic` 2.12.0), which are generated from the provider's own
interface description; a test holds the tables against the SDK that is installed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from haiku_contract.rules.members import Member, Members

ANY: Final = Member()
STRING: Final = Member("string")
FLAG: Final = Member("boolean")
LIST: Final = Member("array")
NULL_FLAG: Final = Member("boolean", null=True)
NULL_LIST: Final = Member("array", null=True)
NULL_OBJECT: Final = Member("object", null=True)
COUNT: Final = Member("integer", null=True, above=0)

_ALL: Final[dict[str, Member]] = {
    "allowed_callers": LIST,
    "cache_control": ANY,
    "defer_loading": FLAG,
    "strict": FLAG,
}
_EXAMPLES: Final[dict[str, Member]] = {**_ALL, "input_examples": LIST}

TOOL: Final[Members] = {
    "name": ANY,
    "input_schema": ANY,
    "description": STRING,
    "eager_input_streaming": NULL_FLAG,
    **_EXAMPLES,
}
"""Members of a tool that the caller defines; rules of their own look into its name and its schema."""


class ServerTool(NamedTuple):
    """A tool of the provider.

    Attributes:
        name: the only name that it may have; empty for a set of tools, which has none.
        members: its members beside type and name.
        code: whether code that the model writes may call it unless the request says otherwise.
        here: whether this model has it.
    """

    name: str
    members: Members
    code: bool = False
    here: bool = True


_SEARCH: Final[dict[str, Member]] = {
    **_ALL,
    "allowed_domains": NULL_LIST,
    "blocked_domains": NULL_LIST,
    "max_uses": COUNT,
    "user_location": NULL_OBJECT,
}
_FETCH: Final[dict[str, Member]] = {
    **_ALL,
    "allowed_domains": NULL_LIST,
    "blocked_domains": NULL_LIST,
    "citations": NULL_OBJECT,
    "max_content_tokens": COUNT,
    "max_uses": COUNT,
    "url_sources": ANY,
}
_INCLUSION: Final = {"response_inclusion": Member("string", values=("full", "excluded"))}
_SET: Final[Members] = {"cache_control": ANY, "configs": NULL_OBJECT}
_EDITOR: Final = "str_replace_based_edit_tool"

SERVER_TOOLS: Final[dict[str, ServerTool]] = {
    "bash_20250124": ServerTool("bash", _EXAMPLES),
    "browser_toolset_20260801": ServerTool("", _SET, here=False),
    "code_execution_20250522": ServerTool("code_execution", _ALL),
    "code_execution_20250825": ServerTool("code_execution", _ALL),
    "code_execution_20260120": ServerTool("code_execution", _ALL),
    "code_execution_20260521": ServerTool("code_execution", _ALL),
    "computer_toolset_20260801": ServerTool("", _SET, here=False),
    "memory_20250818": ServerTool("memory", _EXAMPLES),
    "text_editor_20250124": ServerTool("str_replace_editor", _EXAMPLES),
    "text_editor_20250429": ServerTool(_EDITOR, _EXAMPLES),
    "text_editor_20250728": ServerTool(_EDITOR, {**_EXAMPLES, "max_characters": COUNT}),
    "tool_search_tool_bm25": ServerTool("tool_search_tool_bm25", _ALL),
    "tool_search_tool_bm25_20251119": ServerTool("tool_search_tool_bm25", _ALL),
    "tool_search_tool_regex": ServerTool("tool_search_tool_regex", _ALL),
    "tool_search_tool_regex_20251119": ServerTool("tool_search_tool_regex", _ALL),
    "web_fetch_20250910": ServerTool("web_fetch", _FETCH),
    "web_fetch_20260209": ServerTool("web_fetch", _FETCH, code=True),
    "web_fetch_20260309": ServerTool("web_fetch", {**_FETCH, "use_cache": FLAG}, code=True),
    "web_fetch_20260318": ServerTool("web_fetch", {**_FETCH, "use_cache": FLAG, **_INCLUSION}, code=True),
    "web_search_20250305": ServerTool("web_search", _SEARCH),
    "web_search_20260209": ServerTool("web_search", _SEARCH, code=True),
    "web_search_20260318": ServerTool("web_search", {**_SEARCH, **_INCLUSION}, code=True),
}
"""By type: the provider's tools that need no beta header."""

TOOL_TAGS: Final = tuple(sorted({*SERVER_TOOLS, "custom"}))
"""The types that a refusal lists, in its order."""

BETA_TOOLS: Final = frozenset(
    (
        "advisor_20260301",
        "bash_20241022",
        "computer_20241022",
        "computer_20250124",
        "computer_20251124",
        "mcp_toolset",
        "text_editor_20241022",
    )
)
"""Types that exist behind a beta header only."""

TOOL_CHOICES: Final[dict[str, Members]] = {
    "auto": {"disable_parallel_tool_use": FLAG},
    "any": {"disable_parallel_tool_use": FLAG},
    "tool": {"name": Member("string", needed=True), "disable_parallel_tool_use": FLAG},
    "none": {},
}
"""By type of tool choice: its members."""
