"""Rules about extended thinking, and what may not be sent together with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract.model import ABSENT
from haiku_contract.rules import images, members, shapes
from haiku_contract.rules.view import THINKING, breach, dictionary, is_integer, is_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.rules.view import Breach, Turn, View

LEAST_BUDGET: Final = 1024
LEAST_TOP_P: Final = 0.95
LEAST_SIGNATURE: Final = 64


def thinking_type(view: View) -> Iterator[Breach]:
    """`thinking` is an object of a known type, with the members of that type."""
    value = view.get("thinking")
    if value is ABSENT:
        return
    if not isinstance(value, dict):
        yield breach(("thinking",), reason=members.NO_OBJECT)
    elif "type" not in value:
        yield breach(("thinking",), at="thinking.type", reason=members.MISSING)
    elif view.thinking not in shapes.THINKING:
        reason = members.tag_reason(value["type"], tuple(shapes.THINKING))
        yield breach(("thinking", "type"), at="thinking", reason=reason)
    else:
        place = members.Place(("thinking",), f"thinking.{view.thinking}", value, shapes.THINKING[view.thinking])
        yield from members.wrong(place)
        yield from members.unknown(place)


def least_budget(view: View) -> Iterator[Breach]:
    """The budget is at least 1024 tokens."""
    budget: Any = dictionary(view.get("thinking")).get("budget_tokens")
    if view.thinking == "enabled" and is_integer(budget) and budget < LEAST_BUDGET:
        yield breach(("thinking", "budget_tokens"), limit=LEAST_BUDGET)


def most_budget(view: View) -> Iterator[Breach]:
    """The budget leaves something of `max_tokens`."""
    budget, most = dictionary(view.get("thinking")).get("budget_tokens"), view.get("max_tokens")
    if view.thinking == "enabled" and is_number(budget) and is_number(most) and budget >= most:
        yield breach(("thinking", "budget_tokens"))


def adaptive(view: View) -> Iterator[Breach]:
    """This model does not choose its budget itself."""
    if view.thinking == "adaptive":
        yield breach(("thinking", "type"))


def temperature(view: View) -> Iterator[Breach]:
    """With thinking, `temperature` is 1."""
    value = view.get("temperature")
    if view.thinking in {"enabled", "adaptive"} and is_number(value) and value != 1:
        yield breach(("temperature",))


def top_p(view: View) -> Iterator[Breach]:
    """With thinking, `top_p` is at least 0.95."""
    value = view.get("top_p")
    if view.thinking in {"enabled", "adaptive"} and is_number(value) and value < LEAST_TOP_P:
        yield breach(("top_p",))


def top_k(view: View) -> Iterator[Breach]:
    """With thinking, there is no `top_k`."""
    if view.thinking in {"enabled", "adaptive"} and view.get("top_k") is not ABSENT:
        yield breach(("top_k",))


def forced_tool(view: View) -> Iterator[Breach]:
    """With thinking, no tool call is forced."""
    forced = dictionary(view.get("tool_choice")).get("type") in ("any", "tool")
    if view.thinking in {"enabled", "adaptive"} and forced:
        yield breach(("tool_choice", "type"))


def _last_assistant(view: View) -> Turn | None:
    """The turn of the assistant that the answer goes on with: the last, or the first of the tool calls at the end."""
    turns = list(view.turns)
    if turns and turns[-1].role == "user":
        if not any(block.kind == "tool_result" for block in turns[-1].blocks):
            return None
        turns.pop()
    while turns and turns[-1].role == "assistant":
        before = turns[-2] if len(turns) > 1 else None
        answers = before is not None and any(block.kind == "tool_result" for block in before.blocks)
        if not answers or len(turns) < 3:  # noqa: PLR2004 - the call, its results, and what followed them
            return turns[-1]
        turns = turns[:-2]
    return None


def first_block(view: View) -> Iterator[Breach]:
    """With thinking, the turn that the answer goes on with starts with what was thought."""
    if view.thinking != "enabled" or (turn := _last_assistant(view)) is None:
        return
    if not turn.blocks:
        message = dict(view.messages)[turn.indices[0]]
        if isinstance(message.get("content"), str) and message["content"]:
            path = ("messages", turn.indices[0], "content")
            yield breach(path, at=f"messages.{turn.indices[0]}.content.0.type", found="text")
    elif turn.blocks[0].kind and turn.blocks[0].kind not in THINKING:
        block = turn.blocks[0]
        yield breach((*block.path, "type"), at=f"{block.at}.type", found=block.kind)


def not_enabled(view: View) -> Iterator[Breach]:
    """Without thinking, a last message of the assistant holds none."""
    if view.thinking in {"enabled", "adaptive"} or not view.turns or view.turns[-1].role != "assistant":
        return
    for block in view.turns[-1].blocks:
        if block.kind in THINKING:
            yield breach(block.path, at=block.at, kind=block.kind)


def last_block(view: View) -> Iterator[Breach]:
    """A message of the assistant does not end in a thinking block."""
    for turn in view.turns:
        block = turn.blocks[-1] if turn.role == "assistant" and turn.blocks else None
        if block is not None and block.kind in THINKING and block.path[1] == turn.indices[-1]:
            yield breach(block.path, at=f"messages.{block.path[1]}", kind=block.kind)


def order(view: View) -> Iterator[Breach]:
    """A message of the assistant that holds thinking starts with it."""
    for turn in view.turns:
        blocks = [block for block in turn.blocks if block.path[1] == turn.indices[0]]
        kinds = [block.kind for block in blocks]
        if turn.role == "assistant" and kinds and kinds[0] not in THINKING and set(kinds) & set(THINKING):
            yield breach(blocks[0].path, at=blocks[0].at, found=kinds[0] or "nothing")


_INVALID_SIGNATURE: Final = "Invalid `signature` in `thinking` block"
_INVALID_DATA: Final = "Invalid `data` in `redacted_thinking` block"


def unsigned(view: View) -> Iterator[Breach]:
    """A block of thinking is signed, and has something in it."""
    for block in view.blocks:
        if block.kind == "thinking" and block.value.get("signature") == "":
            if block.value.get("thinking") == "":
                at, reason = f"{block.at}.thinking", "each thinking block must contain thinking"
                yield breach((*block.path, "thinking"), at=at, reason=reason)
            else:
                yield breach((*block.path, "signature"), at=block.at, reason=_INVALID_SIGNATURE)
        elif block.kind == "redacted_thinking" and block.value.get("data") == "":
            yield breach((*block.path, "data"), at=block.at, reason=_INVALID_DATA)


def forged(view: View) -> Iterator[Breach]:
    """A signature is one that the provider can have made."""
    for block in view.blocks:
        for kind, key, reason in (
            ("thinking", "signature", _INVALID_SIGNATURE),
            ("redacted_thinking", "data", _INVALID_DATA),
        ):
            if block.kind == kind and _is_forged(block.value.get(key)):
                yield breach((*block.path, key), at=block.at, reason=reason)


def _is_forged(value: Any) -> bool:
    """True for text that cannot have come from the provider, whose signatures are base64 and longer than this."""
    return isinstance(value, str) and value != "" and (len(value) < LEAST_SIGNATURE or not images.is_base64(value))
