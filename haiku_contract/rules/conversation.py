"""Rules about a conversation as a whole: who speaks, what a turn holds, and which tool call is answered where."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.rules.view import breach, items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.rules.view import Block, Breach, Turn, View

MOST_MESSAGES: Final = 100_000

_TOOL_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
_BLANK: Final = " \t\n\r\x0b\x0c"


def messages_empty(view: View) -> Iterator[Breach]:
    """There is at least one message."""
    if view.get("messages") == []:
        yield breach(("messages",))


def messages_many(view: View) -> Iterator[Breach]:
    """There are at most 100,000 messages."""
    if len(items(view.get("messages"))) > MOST_MESSAGES:
        yield breach(("messages",), limit=MOST_MESSAGES)


def _is_empty(message: dict[str, Any]) -> bool:
    return message.get("content") in ("", [])


def user_empty(view: View) -> Iterator[Breach]:
    """A turn of the user has content; consecutive messages are one turn, and one of them is enough."""
    by_index = dict(view.messages)
    for turn in view.turns:
        if turn.role == "user" and all(_is_empty(by_index[index]) for index in turn.indices):
            yield breach(("messages", turn.indices[0], "content"), index=turn.indices[0])


def assistant_empty(view: View) -> Iterator[Breach]:
    """A turn of the assistant has content, unless it is the last."""
    by_index = dict(view.messages)
    for turn in view.turns[:-1]:
        if turn.role == "assistant" and all(_is_empty(by_index[index]) for index in turn.indices):
            yield breach(("messages", turn.indices[0], "content"), index=turn.indices[0])


def prefill_blank(view: View) -> Iterator[Breach]:
    """A last message of the assistant does not end in white space."""
    if not view.messages or view.messages[-1][1].get("role") != "assistant":
        return
    index, message = view.messages[-1]
    content = message.get("content")
    if isinstance(content, str):
        if content.endswith(tuple(_BLANK)):
            yield breach(("messages", index, "content"))
    elif (blocks := view.blocks) and blocks[-1].path[1] == index and blocks[-1].kind == "text":
        text = blocks[-1].value.get("text")
        if isinstance(text, str) and text.endswith(tuple(_BLANK)):
            yield breach((*blocks[-1].path, "text"))


def prefill(view: View) -> Iterator[Breach]:
    """A last message of the assistant, which newer models refuse and this one completes."""
    if view.turns and view.turns[-1].role == "assistant":
        yield breach(("messages", view.turns[-1].indices[-1]))


def first_role(view: View) -> Iterator[Breach]:
    """The first message is of the user; an old rule."""
    if view.turns and view.turns[0].role == "assistant":
        yield breach(("messages", 0, "role"))


def alternate(view: View) -> Iterator[Breach]:
    """Roles alternate; an old rule."""
    for turn in view.turns:
        if len(turn.indices) > 1 and isinstance(turn.role, str):
            yield breach(("messages", turn.indices[1], "role"), role=turn.role)


# -- tool calls and their results -----------------------------------------------------------------------------


def _ids(blocks: tuple[Block, ...], kind: str, key: str) -> list[tuple[Block, str]]:
    return [
        (block, block.value[key]) for block in blocks if block.kind == kind and isinstance(block.value.get(key), str)
    ]


def tool_use_id(view: View) -> Iterator[Breach]:
    """The id of a tool call is made of letters, digits, underscores and hyphens."""
    for kind, key in (("tool_use", "id"), ("tool_result", "tool_use_id")):
        for block, value in _ids(view.blocks, kind, key):
            if not _TOOL_ID.fullmatch(value):
                yield breach((*block.path, key), at=f"{block.tagged}.{key}")


def tool_use_unique(view: View) -> Iterator[Breach]:
    """No two tool calls of a conversation have the same id."""
    seen: set[str] = set()
    for block, value in _ids(view.blocks, "tool_use", "id"):
        if value in seen:
            yield breach((*block.path, "id"), at=block.at)
        seen.add(value)


def tool_use_role(view: View) -> Iterator[Breach]:
    """Tool calls are the assistant's, their results the user's."""
    for block in view.blocks:
        if block.kind == "tool_use" and block.role == "user":
            yield breach(block.path, at=f"messages.{block.path[1]}", kind="tool_use", role="assistant")
        if block.kind == "tool_result" and block.role == "assistant":
            yield breach(block.path, at=f"messages.{block.path[1]}", kind="tool_result", role="user")


def _pairs(view: View) -> Iterator[tuple[Turn | None, Turn]]:
    previous: Turn | None = None
    for turn in view.turns:
        yield previous, turn
        previous = turn


def tool_use_unanswered(view: View) -> Iterator[Breach]:
    """Each tool call is answered in the next turn of the user."""
    following = (*view.turns[1:], None)
    for turn, answer in zip(view.turns, following, strict=False):
        if turn.role != "assistant":
            continue
        answered = {value for _, value in _ids(answer.blocks if answer else (), "tool_result", "tool_use_id")}
        open_calls = [(block, value) for block, value in _ids(turn.blocks, "tool_use", "id") if value not in answered]
        if open_calls:
            ids = ", ".join(value for _, value in open_calls)
            yield breach(open_calls[0][0].path, at=f"messages.{open_calls[0][0].path[1]}", ids=ids)


def server_tool_unanswered(view: View) -> Iterator[Breach]:
    """A search or a fetch of an earlier turn stands with what was found.

    It may be open where the next turn brings the results of other tools first, and in the last turn, which goes on.
    """
    for turn, answer in itertools.pairwise(view.turns):
        if turn.role != "assistant" or any(block.kind == "tool_result" for block in answer.blocks):
            continue
        for block, value in _ids(turn.blocks, "server_tool_use", "id"):
            name = block.value.get("name")
            if name in ("web_search", "web_fetch"):
                found = {one for _, one in _ids(turn.blocks, f"{name}_tool_result", "tool_use_id")}
                if value not in found:
                    yield breach(block.path, at=f"messages.{block.path[1]}", name=name, id=value)


def tool_result_orphan(view: View) -> Iterator[Breach]:
    """A result answers a tool call of the assistant's turn right before it."""
    for previous, turn in _pairs(view):
        if turn.role != "user":
            continue
        called = {value for _, value in _ids(previous.blocks if previous else (), "tool_use", "id")}
        for block, value in _ids(turn.blocks, "tool_result", "tool_use_id"):
            if value not in called:
                yield breach((*block.path, "tool_use_id"), at=block.at, id=value)


def tool_result_twice(view: View) -> Iterator[Breach]:
    """A tool call is answered once."""
    for turn in view.turns:
        seen: set[str] = set()
        for block, value in _ids(turn.blocks, "tool_result", "tool_use_id") if turn.role == "user" else ():
            if value in seen:
                yield breach((*block.path, "tool_use_id"), at=block.at, id=value)
            seen.add(value)


def tool_result_late(view: View) -> Iterator[Breach]:
    """Results come before anything else in the turn that answers."""
    for turn in view.turns:
        results = [index for index, block in enumerate(turn.blocks) if block.kind == "tool_result"]
        if turn.role == "user" and results and results[-1] != len(results) - 1:
            yield breach(turn.blocks[results[-1]].path)
