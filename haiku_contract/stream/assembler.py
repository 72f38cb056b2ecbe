"""The message that a stream of events builds up, as the clients of the protocol put it together.

What is merged how is described in the provider's public documentation of streaming: the content grows block by block,
text and thinking piece by piece; a signature comes whole; `message_delta` overwrites.
"""

from __future__ import annotations

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

_GROWING: Final = {"text_delta": "text", "thinking_delta": "thinking"}
"""Delta types whose pieces are joined, and the key of the piece, in the delta and in the block."""
_STOP: Final = ("stop_reason", "stop_sequence", "stop_details")


class Assembler:
    """Takes the events of a stream that fit, in their order; `message` is what they make."""

    __slots__ = ("_content", "_growing", "_message", "_pieces")

    def __init__(self) -> None:
        self._message: dict[str, Any] | None = None
        self._content: list[dict[str, Any]] = []
        self._growing = ""  # the key of the last block that is growing
        self._pieces: list[str] = []

    @property
    def message(self) -> dict[str, Any] | None:
        """The message as far as it has come; None before it begins. An open block holds what has arrived of it."""
        if self._message is None:
            return None
        self._join()
        content = [
            {key: list(value) if isinstance(value, list) else value for key, value in block.items()}
            for block in self._content
        ]
        return {**self._message, "content": content, "usage": dict(self._message["usage"])}

    def start(self, message: dict[str, Any]) -> None:
        """`message_start`."""
        self._message = {**message, "usage": dict(message["usage"])}

    def open(self, block: dict[str, Any]) -> None:
        """`content_block_start`."""
        self._join()
        self._content.append(dict(block))

    def add(self, delta: dict[str, Any]) -> None:
        """`content_block_delta`, of a type that fits the open block."""
        kind = delta["type"]
        key = _GROWING.get(kind)
        if key is not None:
            self._growing = key
            self._pieces.append(delta[key])
        elif self._content:
            _WHOLE[kind](self._content[-1], delta)

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
    block["citations"] = [*(block.get("citations") or ()), delta["citation"]]


def _sign(block: dict[str, Any], delta: dict[str, Any]) -> None:
    block["signature"] = delta["signature"]


_WHOLE: Final[dict[str, Callable[[dict[str, Any], dict[str, Any]], None]]] = {
    "citations_delta": _cite,
    "signature_delta": _sign,
}
"""Delta types that come whole, and what they do to the block."""
