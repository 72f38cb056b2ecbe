"""The input of a tool's call while it arrives in pieces, and what the request says it has to be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from haiku_contract.errors import ContractLoadError
from haiku_contract.stream.pieces import JsonPieces
from haiku_contract.validation import SchemaValidator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.model import Violation


class ToolInput:
    """The input of the open block.

    Attributes:
        pieces: what is known of the JSON text.
    """

    __slots__ = ("_schema", "_text", "pieces")

    def __init__(self, schema: SchemaValidator | None, *, keep: bool) -> None:
        """Args: the schema that the request declares, if any, and whether the value is wanted anyway."""
        self.pieces = JsonPieces()
        self._schema = schema
        self._text: list[str] | None = [] if keep or schema is not None else None

    def feed(self, piece: str) -> bool:
        """Take the next piece; whether the input can still become JSON."""
        if self._text is not None:
            self._text.append(piece)
        return self.pieces.feed(piece)

    @property
    def kept(self) -> bool:
        """Whether there is a value to ask for."""
        return self._text is not None and self.pieces.size > 0

    def value(self) -> Any:
        """The input; of one that was cut off what is whole, as clients show it; of one that is no JSON nothing."""
        text = "".join(self._text or ())
        # Not orjson: it reads an integer beyond 64 bits as a float.
        return json.loads(text if self.pieces.is_json else self.pieces.closed(text) or "{}")

    def violations(self, value: Any) -> Iterator[Violation]:
        """What the declared schema says of the input."""
        if self._schema is not None:
            yield from self._schema.iter_errors(value)


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
