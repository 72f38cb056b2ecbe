"""The input of a tool's call while it arrives in pieces, and what the request says it has to be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import wire
from haiku_contract.errors import ContractLoadError
from haiku_contract.model import ABSENT
from haiku_contract.stream import grammar as rules
from haiku_contract.stream.pieces import JsonPieces
from haiku_contract.validation import SchemaValidator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.model import Violation

_MOST_DIGITS: Final = 400  # more than an integer that a double can hold has, fewer than int() refuses


class ToolInput:
    """The input of the open block.

    Attributes:
        pieces: what is known of the JSON text.
    """

    __slots__ = ("_schema", "_start", "_text", "pieces")

    def __init__(self, start: Any, schema: SchemaValidator | None, *, keep: bool) -> None:
        """Args: what the block begins with; the schema that the request declares, if any; whether a value is wanted."""
        self.pieces = JsonPieces()
        self._start = start
        self._schema = schema
        self._text: list[str] | None = [] if keep or schema is not None else None

    def feed(self, piece: str) -> bool:
        """Take the next piece; whether the input can still become JSON."""
        if self._text is not None:
            self._text.append(piece)
        return self.pieces.feed(piece)

    @property
    def value(self) -> Any:
        """The input as clients show it.

        Of one that was cut off what is whole, of one that is no JSON nothing, and without any piece what the block
        began with. Numbers beyond a double are infinite.
        """
        if not self.pieces.size:
            return self._start
        text = "".join(self._text or ())
        # Not orjson: it reads an integer beyond 64 bits as a float.
        return json.loads(text if self.pieces.is_json else self.pieces.closed(text) or "{}", parse_int=_integer)

    def faults(self) -> Iterator[tuple[str, tuple[Violation, ...]]]:
        """Which rules a whole input breaks, each with the details; nothing where it was not kept.

        An input without any piece is what the block began with: it is held against the declared schema alone.
        """
        if self._text is None:
            return
        value, below = wire.decode("".join(self._text)) if self.pieces.size else (self._start, ())
        if below:
            yield rules.INPUT_JSON, below
        if self._schema is not None and value is not ABSENT:
            details = tuple(self._schema.iter_errors(value))
            if details:
                yield rules.INPUT_SCHEMA, details


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def declared(request: Any) -> dict[str, SchemaValidator]:
    """The input schemas of the tools that a request declares, by name; those that are no schemas are left out."""
    found: dict[str, SchemaValidator] = {}
    tools = request.get("tools") if isinstance(request, dict) else None
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str) or "input_schema" not in tool:
            continue
        validator = SchemaValidator("request", tool["input_schema"])
        try:
            validator.engine  # noqa: B018 - compiling is the check
        except ContractLoadError:
            continue
        found[tool["name"]] = validator
    return found
