"""Rejections in the words of the gateway: one problem per reply, code 7003.

The grammar (`Required value missing: <path>`, `Invalid value at <path>: <reason>`) and the path style are published
observations; the reasons beyond `expected …, received …` are our rendering in the same style.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import pointer, wire
from haiku_contract.constraints import types

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.model import Constraint, Violation

USER_INPUT_ERROR: Final = 7003
"""The gateway's code for everything that is wrong with a request."""

PREFIX: Final = "Model execution failed (User Input Error): "
"""How every message of a rejection begins."""


def text(violation: Violation, constraint: Constraint | None, payload: Any) -> str:
    """The message of a rejection.

    Args:
        violation: what is wrong.
        constraint: the constraint that it breaks; None for the rules of the wire.
        payload: the decoded input.
    """
    if constraint is None:
        return f"{PREFIX}Invalid JSON body: {violation.expected}"
    tokens, found = _place(payload, violation.instance_location)
    if constraint.keyword == "required":
        return f"{PREFIX}Required value missing: {pointer.readable([*tokens, constraint.value])}"
    reason = _REASONS.get(constraint.keyword, _other)(constraint.value, found, constraint)
    return f"{PREFIX}Invalid value at {pointer.readable(tokens)}: {reason}"


def _place(payload: Any, location: str) -> tuple[list[str | int], Any]:
    """The tokens of a location with array indices as numbers, and the value there."""
    tokens: list[str | int] = []
    for token in pointer.split(location):
        typed: str | int = int(token) if isinstance(payload, list) else token
        tokens.append(typed)
        payload = pointer.step(payload, typed)
    return tokens, payload


def _type(value: Any, found: Any, _constraint: Constraint) -> str:
    return f"Invalid input: expected {'|'.join(types(value))}, received {wire.json_type(found)}"


def _option(value: Any, _found: Any, _constraint: Constraint) -> str:
    members = value if isinstance(value, list) else [value]
    return "Invalid option: expected one of " + "|".join(json.dumps(one) for one in members)


def _bound(word: str, sign: str) -> Callable[[Any, Any, Constraint], str]:
    return lambda value, found, _constraint: f"{word}: expected {wire.json_type(found)} to be {sign}{json.dumps(value)}"


def _size(word: str, sign: str) -> Callable[[Any, Any, Constraint], str]:
    return lambda value, found, _constraint: f"{word}: expected {wire.json_type(found)} to have {sign}{value} elements"


def _keys(_value: Any, found: Any, _constraint: Constraint) -> str:
    return f"Unrecognized key in {wire.describe(found)}"


def _other(_value: Any, found: Any, constraint: Constraint) -> str:
    return f"Invalid input: {constraint.keyword} not met by {wire.json_type(found)}"


_REASONS: Final[dict[str, Callable[[Any, Any, Constraint], str]]] = {
    "type": _type,
    "enum": _option,
    "const": _option,
    "maximum": _bound("Too big", "<="),
    "exclusiveMaximum": _bound("Too big", "<"),
    "minimum": _bound("Too small", ">="),
    "exclusiveMinimum": _bound("Too small", ">"),
    "maxLength": _size("Too big", "<="),
    "minLength": _size("Too small", ">="),
    "maxItems": _size("Too big", "<="),
    "minItems": _size("Too small", ">="),
    "additionalProperties": _keys,
    "unevaluatedProperties": _keys,
}
