"""The message that a stream of events builds up, as the clients of the protocol put it together.

What is merged how is described in the provider's public documentation of streaming: the content grows block by block,
text and thinking piece by piece; a signature comes whole; `message_delta` overwrites.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

COUNTS: Final = frozenset(
    (
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "server_tool_use",
        "output_tokens_details",
    )
)
"""What of the usage a `message_delta` may say anew."""

GROWING: Final = {"text_delta": "text", "thinking_delta": "thinking"}
"""Delta types whose pieces are joined, and the key of the piece, in the delta and in the block."""
_STOP: Final = ("stop_reason", "stop_sequence", "stop_details")


class Assembler:
    """Takes the events of a stream that fit, in their order; `message` is what they make.

    It keeps what it is given and changes it: the events must be nobody else's.
    """

    __slots__ = ("_content", "_growing", "_message", "_pieces")

    def __init__(self) -> None:
        self._message: dict[str, Any] | None = None
        self._content: list[dict[str, Any]] = []
        self._growing = ""  # the key of the last block that is growing
        self._pieces: list[str] = []

    @property
    def message(self) -> dict[str, Any] | None:
        """The message as far as it has come, a value of its own; None before it begins."""
        if self._message is None:
            return None
        self._join()
        message: dict[str, Any] = json.loads(json.dumps({**self._message, "content": self._content}))
        return message

    def start(self, message: dict[str, Any]) -> None:
        """`message_start`."""
        self._message = message

    def open(self, block: dict[str, Any]) -> None:
        """`content_block_start`."""
        self._join()
        self._content.append(block)

    def add(self, delta: dict[str, Any]) -> None:
        """`content_block_delta`, of a type in `MERGED` that fits the open block."""
        kind = delta["type"]
        key = GROWING.get(kind)
        if key is None:
            if self._content:
                _WHOLE[kind](self._content[-1], delta)
            return
        if key != self._growing:
            self._join()
            self._growing = key
        self._pieces.append(delta[key])

    def set_input(self, value: Any) -> None:
        """`content_block_stop` of a tool's call: its input."""
        if self._content:
            self._content[-1]["input"] = value

    def stop(self, delta: dict[str, Any], usage: dict[str, Any]) -> None:
        """`message_delta`: why it stopped is said anew each time, a count or a container stays until another comes."""
        message = self._message
        if message is None:
            return
        for key in _STOP:
            if key in delta or key in message:
                message[key] = delta.get(key)
        if delta.get("container") is not None:
            message["container"] = delta["container"]
        message["usage"].update({key: value for key, value in usage.items() if key in COUNTS and value is not None})

    def _join(self) -> None:
        if self._pieces:
            if self._content:
                self._content[-1][self._growing] += "".join(self._pieces)
            self._pieces = []


def _cite(block: dict[str, Any], delta: dict[str, Any]) -> None:
    citations = block.get("citations")
    if isinstance(citations, list):
        citations.append(delta["citation"])
    else:
        block["citations"] = [delta["citation"]]


def _sign(block: dict[str, Any], delta: dict[str, Any]) -> None:
    block["signature"] = delta["signature"]


_WHOLE: Final[dict[str, Callable[[dict[str, Any], dict[str, Any]], None]]] = {
    "citations_delta": _cite,
    "signature_delta": _sign,
}
"""Delta types that come whole, and what they do to the block."""

MERGED: Final = frozenset((*GROWING, *_WHOLE))
"""The delta types that are merged here; the pieces of an input are not."""

PIECES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    **{kind: (key, ("string",)) for kind, key in GROWING.items()},
    "input_json_delta": ("partial_json", ("string",)),
    "citations_delta": ("citation", ()),
    "signature_delta": ("signature", ()),
}
"""What is read of a delta of each type: the key, and the JSON types that it may have (any where none is named)."""
