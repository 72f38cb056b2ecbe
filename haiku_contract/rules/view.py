"""A request as the rules look at it: turns, content blocks and tools, whatever the payload really is.

Everything here takes any decoded JSON value and raises nothing: what is not of the expected shape is simply not there.
"""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Path: TypeAlias = tuple[str | int, ...]

THINKING: Final = ("thinking", "redacted_thinking")
"""Blocks that hold what the model thought."""


class Breach(NamedTuple):
    """One place where a rule is broken.

    Attributes:
        path: tokens to the place in the payload.
        values: what fills the placeholders of the observed message; `at` is the place as the provider writes it, and
            the dotted path where absent.
    """

    path: Path
    values: dict[str, Any]


class Block(NamedTuple):
    """One content block: where it stands, how the provider writes that place, whose turn it is in, and what it is."""

    path: Path
    at: str
    role: Any
    value: Any

    @property
    def kind(self) -> str:
        """Its type; empty where there is none."""
        kind = self.value.get("type") if isinstance(self.value, dict) else None
        return kind if isinstance(kind, str) else ""

    @property
    def tagged(self) -> str:
        """The place of its members, as the provider writes it: the type of the block is a part of it."""
        return f"{self.at}.{self.kind}"


class Turn(NamedTuple):
    """Consecutive messages of one role, which the provider joins; indices of the messages, and all their blocks."""

    role: Any
    indices: tuple[int, ...]
    blocks: tuple[Block, ...]


def breach(path: Iterable[str | int], **values: Any) -> Breach:
    """A breach at a place, with the values of the message."""
    tokens = tuple(path)
    values.setdefault("at", dotted(tokens))
    return Breach(tokens, values)


def dotted(path: Iterable[str | int]) -> str:
    """A place as the provider writes it, as in `messages.0.content`."""
    return ".".join(str(token) for token in path)


def is_number(value: Any) -> bool:
    """True for a JSON number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    """True for a JSON number without a fraction, however it is written."""
    return is_number(value) and (isinstance(value, int) or value.is_integer())


def dictionary(value: Any) -> dict[str, Any]:
    """The value when it is an object; an empty one otherwise."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The value when it is an array; an empty one otherwise."""
    return value if isinstance(value, list) else []


class View:
    """A payload and its parts, each looked for once."""

    def __init__(self, payload: Any) -> None:
        self.payload = payload
        self.top = dictionary(payload)

    def get(self, key: str) -> Any:
        """A member of the payload; `ABSENT` where it has none."""
        return self.top.get(key, ABSENT)

    @cached_property
    def messages(self) -> list[tuple[int, dict[str, Any]]]:
        """The messages that are objects, with their indices."""
        return [(index, one) for index, one in enumerate(items(self.get("messages"))) if isinstance(one, dict)]

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The members of every content array, in the order of the document; whatever they are."""
        return tuple(itertools.chain.from_iterable(_blocks(index, message) for index, message in self.messages))

    @cached_property
    def inside(self) -> dict[Path, tuple[Block, ...]]:
        """The members of the array that each tool result holds, by the path of the result."""
        found = {}
        for block in self.blocks:
            if block.kind == "tool_result":
                found[block.path] = tuple(
                    Block((*block.path, "content", index), f"{block.tagged}.content.{index}", block.role, value)
                    for index, value in enumerate(items(block.value.get("content")))
                )
        return found

    @cached_property
    def nested(self) -> tuple[Block, ...]:
        """The members of all those arrays."""
        return tuple(itertools.chain.from_iterable(self.inside.values()))

    @cached_property
    def all_blocks(self) -> tuple[Block, ...]:
        """Blocks and nested blocks."""
        return self.blocks + self.nested

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """The conversation with consecutive messages of one role joined, as the provider joins them."""
        by_index: dict[Any, list[Block]] = {}
        for block in self.blocks:
            by_index.setdefault(block.path[1], []).append(block)
        turns = []
        for role, run in itertools.groupby(self.messages, key=lambda entry: entry[1].get("role")):
            indices = tuple(index for index, _ in run)
            turns.append(Turn(role, indices, tuple(block for index in indices for block in by_index.get(index, ()))))
        return tuple(turns)

    @cached_property
    def tools(self) -> list[tuple[int, dict[str, Any]]]:
        """The tools that are objects, with their indices."""
        return [(index, one) for index, one in enumerate(items(self.get("tools"))) if isinstance(one, dict)]

    @cached_property
    def custom_tools(self) -> list[tuple[int, dict[str, Any]]]:
        """The tools that the caller defines, and not the provider."""
        return [(index, one) for index, one in self.tools if one.get("type") in (None, "custom")]

    @cached_property
    def system_blocks(self) -> list[tuple[int, Any]]:
        """The members of `system` where it is an array, with their indices."""
        return list(enumerate(items(self.get("system"))))

    @cached_property
    def thinking(self) -> str:
        """The type of `thinking`; empty where it has none."""
        kind = dictionary(self.get("thinking")).get("type")
        return kind if isinstance(kind, str) else ""

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Every text that becomes part of the prompt; data of images and documents is none."""
        found = [self.get("system"), *(dictionary(one).get("text") for _, one in self.system_blocks)]
        found += [message.get("content") for _, message in self.messages]
        for block in self.all_blocks:
            found += [dictionary(block.value).get(key) for key in ("text", "content")]
        found += [tool.get("description") for _, tool in self.tools]
        return tuple(text for text in found if isinstance(text, str))


def _blocks(index: int, message: dict[str, Any]) -> Iterator[Block]:
    for position, value in enumerate(items(message.get("content"))):
        path = ("messages", index, "content", position)
        yield Block(path, dotted(path), message.get("role"), value)
