"""Rules about messages and their content blocks, each block for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haiku_contract.model import ABSENT
from haiku_contract.rules import members, shapes
from haiku_contract.rules.view import breach, dictionary, items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.rules.view import Block, Breach, View


def messages_type(view: View) -> Iterator[Breach]:
    """`messages` is an array."""
    value = view.get("messages")
    if value is not ABSENT and not isinstance(value, list):
        yield breach(("messages",))


def message_type(view: View) -> Iterator[Breach]:
    """A message is an object."""
    for index, message in enumerate(items(view.get("messages"))):
        if not isinstance(message, dict):
            yield breach(("messages", index))


def message_keys(view: View) -> Iterator[Breach]:
    """A message has `role` and `content` and nothing else."""
    for index, message in view.messages:
        for key in message:
            if key not in {"role", "content"}:
                yield breach(("messages", index, key))


def role(view: View) -> Iterator[Breach]:
    """A role is `user` or `assistant`; `system` has a rule of its own."""
    for index, message in view.messages:
        value = message.get("role", ABSENT)
        if value is not ABSENT and value not in ("user", "assistant", "system"):
            yield breach(("messages", index, "role"), role=value if isinstance(value, str) else type(value).__name__)


def role_system(view: View) -> Iterator[Breach]:
    """The first message has not the role `system`."""
    for index, message in view.messages[:1]:
        if index == 0 and message.get("role") == "system":
            yield breach(("messages", 0, "role"))


def role_system_later(view: View) -> Iterator[Breach]:
    """No later message has the role `system`."""
    for index, message in view.messages:
        if index and message.get("role") == "system":
            yield breach(("messages", index, "role"))


def content_type(view: View) -> Iterator[Breach]:
    """Content is a string or an array."""
    for index, message in view.messages:
        if "content" in message and not isinstance(message["content"], (str, list)):
            yield breach(("messages", index, "content"))


def block_type(view: View) -> Iterator[Breach]:
    """A block is an object with a type that is a string."""
    for block in view.all_blocks:
        if not isinstance(block.value, dict):
            yield breach(block.path, at=block.at, reason=members.NO_OBJECT)
        elif "type" not in block.value:
            yield breach(block.path, at=f"{block.at}.type", reason=members.MISSING)
        elif not isinstance(block.value["type"], str):
            yield breach((*block.path, "type"), at=f"{block.at}.type", reason="Input should be a valid string")


def block_unknown(view: View) -> Iterator[Breach]:
    """The type of a block is one that the API has."""
    known = {*shapes.BLOCK_TAGS, *shapes.BLOCKS, *shapes.OTHER_BLOCKS, *shapes.BETA_BLOCKS} - {"tool_reference"}
    nested = {*shapes.NESTED_BLOCKS, *shapes.OTHER_NESTED_BLOCKS}
    for blocks, kinds, tags in (
        (view.blocks, known, shapes.BLOCK_TAGS),
        (view.nested, nested, shapes.NESTED_BLOCKS),
    ):
        for block in blocks:
            if isinstance(block.value, dict) and isinstance(block.value.get("type"), str) and block.kind not in kinds:
                yield breach((*block.path, "type"), at=block.at, reason=members.tag_reason(block.kind, tags))


def block_beta(view: View) -> Iterator[Breach]:
    """The type of a block is not one that needs a beta header."""
    for block in view.blocks:
        if block.kind in shapes.BETA_BLOCKS:
            yield breach((*block.path, "type"), at=block.at, kind=block.kind, header=shapes.BETA_BLOCKS[block.kind])


def _places(view: View) -> Iterator[members.Place]:
    for block in view.all_blocks:
        if block.kind in shapes.BLOCKS:
            yield members.Place(block.path, block.tagged, block.value, shapes.BLOCKS[block.kind])


def block_keys(view: View) -> Iterator[Breach]:
    """A block holds the members of its type and nothing else."""
    for place in _places(view):
        yield from members.unknown(place)


def block_members(view: View) -> Iterator[Breach]:
    """A block holds what its type needs, of the right type and length."""
    for place in _places(view):
        yield from members.wrong(place)


def block_assistant(view: View) -> Iterator[Breach]:
    """Images, documents and uploads are the user's."""
    for block in view.blocks:
        if block.role == "assistant" and block.kind in {"image", "document", "container_upload"}:
            yield breach(block.path, at=f"messages.{block.path[1]}.content", kind=block.kind)


# -- results of tools that failed -----------------------------------------------------------------------------


def _failed(view: View) -> Iterator[Block]:
    for block in view.blocks:
        if block.kind == "tool_result" and block.value.get("is_error") is True:
            yield block


def error_empty(view: View) -> Iterator[Breach]:
    """A result that is an error says what went wrong."""
    for block in _failed(view):
        if block.value.get("content", "") in ("", []):
            yield breach(block.path, at=block.tagged)


def error_text(view: View) -> Iterator[Breach]:
    """A result that is an error holds text alone."""
    for block in _failed(view):
        for inner in view.inside.get(block.path, ()):
            if inner.kind and inner.kind != "text":
                yield breach(inner.path, at=block.tagged)
                break


# -- text -----------------------------------------------------------------------------------------------------


def _texts(view: View) -> Iterator[tuple[Block, str, bool]]:
    """The text blocks of the messages, their text, and whether they stand in a turn of the user before the last."""
    last = view.turns[-1].indices if view.turns else ()
    for block in view.all_blocks:
        text = block.value.get("text") if block.kind == "text" else None
        if isinstance(text, str):
            yield block, text, block.role == "user" and block.path[1] not in last


def text_empty(view: View) -> Iterator[Breach]:
    """A text block holds text: in `system`, of the assistant, and in the last turn."""
    for block, text, earlier in _texts(view):
        if not text and not earlier:
            yield breach((*block.path, "text"), at="messages")
    for index, one in view.system_blocks:
        if dictionary(one).get("text") == "":
            yield breach(("system", index, "text"), at="system")


def text_empty_earlier(view: View) -> Iterator[Breach]:
    """A text block of an earlier turn of the user holds text."""
    for block, text, earlier in _texts(view):
        if not text and earlier:
            yield breach((*block.path, "text"), at="messages")


def text_blank(view: View) -> Iterator[Breach]:
    """A text block of the user, or of `system`, holds more than white space; so does content that is a string.

    Blank blocks of the assistant are accepted (two recordings of this model).
    """
    for index, message in view.messages:
        text = message.get("content")
        if message.get("role") == "user" and isinstance(text, str) and text and not text.strip():
            yield breach(("messages", index, "content"), at="messages")
    for block in view.blocks:
        text = block.value.get("text") if block.kind == "text" and block.role == "user" else None
        if isinstance(text, str) and text and not text.strip():
            yield breach((*block.path, "text"), at="messages")
    for index, one in view.system_blocks:
        text = dictionary(one).get("text")
        if isinstance(text, str) and text and not text.strip():
            yield breach(("system", index, "text"), at="system")
