"""Conforming values at the edges of what a keyword allows, one table row per keyword.

Every value here is a candidate: the suite emits it only after the validator has agreed that it conforms.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from haiku_contract.constraints import types
from haiku_contract.generate.formats import TABLE
from haiku_contract.generate.plausible import EXTRA_KEY, MOST_CHARACTERS, MOST_ITEMS, repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONG: Final = 2_000
"""Length of a long string, in characters; long enough to leave every small buffer, cheap enough to be sent."""

MANY: Final = 50
"""Length of a long array."""

SMALLEST: Final = math.ulp(0.0)
"""The smallest positive double."""

SAMPLES: Final[dict[str, tuple[tuple[str, Any], ...]]] = {
    "null": (("null", None),),
    "boolean": (("true", True), ("false", False)),
    "number": (("number", 1), ("fraction", 0.5)),
    "string": (("string", "text"), ("numeric-string", "1"), ("boolean-string", "true")),
    "array": (("array", []),),
    "object": (("object", {}),),
}
"""A few values of every JSON type, by type and label."""

TEXTS: Final = (
    ("empty", ""),
    ("blank", " "),
    ("long", "a" * LONG),
    ("non-ascii", "Grüße, 世界"),
    ("astral", "𝄞 😀"),
    ("control", "tab\tline\nnull\x00escape\x1bdelete\x7f"),
    ("quotes", "\"'\\/`${}"),
    ("combining", "e\u0301 \u202eabc\u202c \ufeff"),
)
NUMBERS: Final = (
    ("integer", 1),
    ("integral-float", 1.0),
    ("zero", 0),
    ("fraction", 0.5),
    ("negative", -1),
    ("large", 2**31),
    ("beyond-double-integers", 2**53 + 1),
    ("exponent", 1e100),
)


class Value(NamedTuple):
    """A candidate: the keyword it belongs to, a label for the case id, and the value."""

    keyword: str
    label: str
    value: Any


_Row: TypeAlias = "Callable[[Any, dict[str, Any], Any], Iterator[tuple[str, Any]]]"


def boundary(schema: dict[str, Any], current: Any) -> Iterator[Value]:
    """The candidates for one place: `schema` is what stands there, `current` a value that conforms to it."""
    for keyword, value in schema.items():
        if keyword in BOUNDARIES:
            for label, candidate in BOUNDARIES[keyword](value, schema, current):
                yield Value(keyword, label, candidate)


def _type(value: Any, schema: dict[str, Any], current: Any) -> Iterator[tuple[str, Any]]:
    if "enum" in schema or "const" in schema:
        return
    for name in types(value):
        if name == "string":
            yield from TEXTS
        elif name in {"number", "integer"}:
            yield from NUMBERS
        elif name == "boolean":
            yield from SAMPLES["boolean"]
        elif name == "null":
            yield "null", None
        elif name == "array":
            yield "empty", []
            if isinstance(current, list) and current:
                yield "long", _many(current[0], schema.get("items"))
        elif name == "object":
            yield "empty", {}


def _many(element: Any, items: Any) -> list[Any]:
    """Many elements that take turns in the listed values of their members: not one of them after itself."""
    known = items.get("properties") if isinstance(items, dict) and isinstance(element, dict) else None
    listed = {
        name: one["enum"]
        for name, one in (known.items() if isinstance(known, dict) else ())
        if name in element and isinstance(one, dict) and isinstance(one.get("enum"), list) and one["enum"]
    }
    turns = ({name: values[number % len(values)] for name, values in listed.items()} for number in range(MANY))
    return [element | turn for turn in turns] if listed else [element] * MANY


def _enum(value: Any, _schema: dict[str, Any], _current: Any) -> Iterator[tuple[str, Any]]:
    for index, member in enumerate(value):
        yield member if isinstance(member, str) and member.isidentifier() else f"member-{index}", member


def _const(value: Any, _schema: dict[str, Any], _current: Any) -> Iterator[tuple[str, Any]]:
    yield "value", value


def _bound(inwards: float, *, exclusive: bool) -> _Row:
    def candidates(value: Any, schema: dict[str, Any], _current: Any) -> Iterator[tuple[str, Any]]:
        if not exclusive:
            yield "at", value
        whole = "integer" in types(schema.get("type", [])) or abs(value) > sys.float_info.max
        if not whole:
            yield ("smallest" if value == 0 else "just-inside"), math.nextafter(value, math.copysign(math.inf, inwards))
        yield "inside", math.floor(value) + inwards if inwards > 0 else math.ceil(value) + inwards
        if not whole:
            yield "well-inside", value + inwards / 4

    return candidates


def _text_length(outwards: int) -> _Row:
    def candidates(value: Any, _schema: dict[str, Any], current: Any) -> Iterator[tuple[str, Any]]:
        text = current if isinstance(current, str) and current else "a"
        for label, length in (("at", int(value)), ("inside", int(value) - outwards)):
            if length <= MOST_CHARACTERS:
                yield label, repeated(text, length)
        if value <= MOST_CHARACTERS:
            yield "at-astral", "😀" * int(value)

    return candidates


def _item_count(outwards: int) -> _Row:
    def candidates(value: Any, _schema: dict[str, Any], current: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(current, list) and current:
            for label, length in (("at", int(value)), ("inside", int(value) - outwards)):
                if length <= max(MOST_ITEMS, len(current)):
                    yield label, repeated(current, length)

    return candidates


def _branches(value: Any, _schema: dict[str, Any], _current: Any) -> Iterator[tuple[str, Any]]:
    for index, branch in enumerate(value):
        for name in types(branch.get("type", [])) if isinstance(branch, dict) else ():
            for label, sample in SAMPLES.get(name, ()):
                yield f"branch-{index}-{label}", sample


def _open(value: Any, schema: dict[str, Any], current: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(current, dict):
        return
    if value is False:
        for name, inner in schema.get("properties", {}).items():
            if name not in current and inner in (True, {}):
                for samples in SAMPLES.values():
                    label, sample = samples[0]
                    yield f"{name}-{label}", {**current, name: sample}
        return
    for samples in SAMPLES.values():
        label, sample = samples[0]
        yield f"extra-{label}", {**current, EXTRA_KEY: sample}
    yield "extra-empty-name", {**current, "": "text"}
    yield "extra-non-ascii-name", {**current, "schlüssel 😀": "text"}
    yield "extra-nested", {**current, EXTRA_KEY: {"a": [{"b": [1, "two", None]}]}}


BOUNDARIES: Final[dict[str, _Row]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minimum": _bound(1, exclusive=False),
    "maximum": _bound(-1, exclusive=False),
    "exclusiveMinimum": _bound(1, exclusive=True),
    "exclusiveMaximum": _bound(-1, exclusive=True),
    "minLength": _text_length(-1),
    "maxLength": _text_length(1),
    "format": lambda value, _schema, _current: iter(TABLE[value].edges if value in TABLE else ()),
    "minItems": _item_count(-1),
    "maxItems": _item_count(1),
    "anyOf": _branches,
    "oneOf": _branches,
    "additionalProperties": _open,
    "unevaluatedProperties": _open,
}
"""The boundary values of every keyword that has some."""
