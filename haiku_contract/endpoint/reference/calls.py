"""The call of a tool, where a request has one called: the simplest input that the tool declares."""

from __future__ import annotations

from typing import Any, Final

from haiku_contract import pointer
from haiku_contract.errors import HaikuContractError
from haiku_contract.generate.conforming import simplest

_FORCED: Final = ("any", "tool")
_COUNTS: Final = ("minItems", "minLength", "minProperties")
_BUDGET: Final = 5000


def call(payload: Any, digits: str) -> dict[str, Any] | None:
    """The block that calls the tool which the request has called; None where it has none called."""
    choice = payload.get("tool_choice") if isinstance(payload, dict) else None
    tools = payload.get("tools") if isinstance(payload, dict) else None
    if not isinstance(choice, dict) or choice.get("type") not in _FORCED or not isinstance(tools, list):
        return None
    for tool in tools:
        if isinstance(tool, dict) and isinstance(tool.get("name"), str):
            name = tool["name"]
            if choice["type"] == "any" or name == choice.get("name"):
                value = _input(tool.get("input_schema"))
                return {"type": "tool_use", "id": f"toolu_01{digits}", "name": name, "input": value}
    return None


def _input(schema: Any) -> dict[str, Any]:
    """The simplest input; an empty one where what is declared is no schema of an object, or asks for a giant."""
    try:
        _weigh(schema, schema, _BUDGET)
        value = simplest(schema)
    except (HaikuContractError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError):
        return {}  # what a client sends as a schema may be anything
    return value if isinstance(value, dict) else {}


def _weigh(root: Any, schema: Any, left: float, times: float = 1) -> float:
    """What is left of a budget after a schema and all that it refers to, as often as it asks for it.

    Raises:
        OverflowError: nothing is left, as with a schema that contains itself.
    """
    children = schema
    if isinstance(schema, dict):
        times *= max(1, *(count for key in _COUNTS if isinstance(count := schema.get(key, 1), int | float)))
        left -= times
        if left < 0:
            raise OverflowError
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            left = _weigh(root, pointer.get(root, pointer.split(reference[1:])), left, times)
        children = schema.values()
    elif not isinstance(schema, list):
        return left
    for child in children:
        left = _weigh(root, child, left, times)
    return left
