"""What may be told of a payload that is private: places, keys, types and lengths, and none of its values.

Validation of JSON is discreet at its source (`excerpts=False`). What is wrong with the text below JSON, and with a
stream, quotes what it found; here the quotations are taken out again.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from haiku_contract import pointer
from haiku_contract.stream.grammar import INPUT_SCHEMA

if TYPE_CHECKING:
    from haiku_contract.model import Advice, Violation

_SOMETHING: Final = "something else"
_OF_THE_HEAD: Final = ("wire:content-type", "wire:content-coding", "wire:envelope", "wire:duplicate-key")
"""Rules of the wire that show headers and keys, and no values."""

_SCALAR: Final = re.compile(r"(string|number|boolean)\b")
_KEYS: Final = re.compile(r"keys? \"")
_QUOTED_TYPE: Final = re.compile(r'\(string "(?:[^"\\]|\\.)*"(?: (at byte \d+))?\)')
_CONVERSIONS: Final = ("write it in quotes", "write it without quotes")
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


def discreet(one: Violation) -> Violation:
    """A violation below JSON or of a stream without the values of the payload."""
    side = one.constraint.partition(":")[0]
    if one.constraint in _OF_THE_HEAD or side not in {"wire", "stream"}:
        return one
    schema_of_the_request = one.constraint == INPUT_SCHEMA
    actual = _SOMETHING if side == "wire" or schema_of_the_request else _type(one.actual)
    # What a tool's schema expects is text of the request; its places and keys are shown as everywhere.
    expected = _FITTING if schema_of_the_request else one.expected
    place = _QUOTED_TYPE.sub(lambda match: f"({match[1]})" if match[1] else "", one.message.partition(": expected ")[0])
    return replace(
        one,
        expected=expected,
        actual=actual,
        message=f"{place}: expected {expected}, found {actual}",
        hint="" if schema_of_the_request else _hint(one.hint),
        context=tuple(discreet(each) for each in one.context),
    )


def discreet_advice(one: Advice, observed: str) -> Advice:
    """An advice with the provider's words as `rules.json` has them: of the request, only the place is filled in."""
    tokens = pointer.split(one.instance_location)
    known = {"at": ".".join(tokens), "index": next((token for token in tokens if token.isdecimal()), "…")}
    return replace(one, observed=_PLACEHOLDER.sub(lambda match: known.get(match[1], "…"), observed))


def _type(actual: str) -> str:
    """What was found without its excerpt: types, lengths and keys."""
    if scalar := _SCALAR.match(actual):
        return scalar[1]
    return actual if '"' not in actual or _KEYS.match(actual) else _SOMETHING


def _hint(hint: str) -> str:
    """Conversions show what to write instead; without it the advice has to do."""
    if not hint.startswith("write "):
        return hint
    return _CONVERSIONS[0] if hint.startswith(_CONVERSIONS[0]) else _CONVERSIONS[1]


_FITTING: Final = "input that fits the schema which the request declares"
