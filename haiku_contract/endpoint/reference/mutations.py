"""How a schema is made looser or tighter than it was published: one row per keyword, pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from haiku_contract.constraints import types

if TYPE_CHECKING:
    from collections.abc import Callable

Changes: TypeAlias = "Callable[[Any, dict[str, Any]], dict[str, Any] | None]"

_TYPES: Final = ("null", "boolean", "number", "string", "array", "object")
_ASCII: Final = "^[\\x00-\\x7F]*$"


def _set(keyword: str, make: Callable[[Any], Any], without: str = "") -> Changes:
    """Another value for one keyword, in place of another one."""
    return lambda value, said: {**{key: one for key, one in said.items() if key != without}, keyword: make(value)}


def _also(name: str) -> Changes:
    def change(value: Any, said: dict[str, Any]) -> dict[str, Any] | None:
        if name in types(value) or (name == "number" and "integer" in types(value)):
            return None
        return {**said, "type": [*types(value), name]}

    return change


def _whole(value: Any, said: dict[str, Any]) -> dict[str, Any] | None:
    kinds = ["integer" if one == "number" else one for one in types(value)]
    return {**said, "type": kinds} if "number" in types(value) else None


def _only(kind: str, **given: Any) -> Changes:
    return lambda value, said: {**said, **given} if kind in types(value) and not said.keys() & given.keys() else None


def _members(make: Callable[[list[Any]], list[Any]]) -> Changes:
    def change(value: Any, said: dict[str, Any]) -> dict[str, Any] | None:
        members = make(value if isinstance(value, list) else [value])
        rest = {key: one for key, one in said.items() if key not in {"enum", "const"}}
        return {**rest, "enum": members} if members else None

    return change


def _in_any_case(members: list[Any]) -> list[Any]:
    other = [one.upper() if one != one.upper() else one.lower() for one in members if isinstance(one, str)]
    return [*members, *other] if other else []


def _nullable(_value: Any, said: dict[str, Any]) -> dict[str, Any]:
    members = said.get("enum", [said.get("const")])
    rest = {key: one for key, one in said.items() if key not in {"enum", "const"}}
    kinds = {"type": [*types(said["type"]), "null"]} if "type" in said else {}
    return {**rest, **kinds, "enum": [*members, None]}


def _first_branch(keyword: str, kept: slice) -> Changes:
    return lambda value, said: {**said, keyword: value[kept]} if len(value) > 1 else None


def _unanchored(mark: str) -> Changes:
    return lambda value, said: {**said, "pattern": value.removeprefix(mark).removesuffix(mark)}


def _open(value: Any, said: dict[str, Any]) -> dict[str, Any] | None:
    return {**said, "additionalProperties": {"type": "string"}} if value is False else None


def _closed(value: Any, said: dict[str, Any]) -> dict[str, Any] | None:
    return None if value is False else {**said, "additionalProperties": False}


def _typed(value: Any, said: dict[str, Any]) -> dict[str, Any] | None:
    return None if value is False else {**said, "additionalProperties": {"type": ["string", "number", "boolean"]}}


LOOSER: Final[dict[str, tuple[tuple[str, Changes], ...]]] = {
    "type": tuple((f"also {name}", _also(name)) for name in _TYPES),
    "enum": (("in any case", _members(_in_any_case)), ("or null", _nullable)),
    "const": (("in any case", _members(_in_any_case)), ("or null", _nullable)),
    "maximum": (
        ("and a little more", _set("maximum", lambda value: math.nextafter(value, math.inf))),
        ("and one more", _set("maximum", lambda value: value + 1)),
        ("and much more", _set("maximum", lambda value: value + 1e6)),
    ),
    "minimum": (
        ("and a little less", _set("minimum", lambda value: math.nextafter(value, -math.inf))),
        ("and one less", _set("minimum", lambda value: value - 1)),
        ("and much less", _set("minimum", lambda value: value - 1e6)),
    ),
    "exclusiveMinimum": (
        ("inclusive", _set("minimum", lambda value: value, "exclusiveMinimum")),
        ("and one less", _set("exclusiveMinimum", lambda value: value - 1)),
    ),
    "exclusiveMaximum": (
        ("inclusive", _set("maximum", lambda value: value, "exclusiveMaximum")),
        ("and one more", _set("exclusiveMaximum", lambda value: value + 1)),
    ),
    "maxLength": (("and one more", _set("maxLength", lambda value: value + 1)),),
    "minLength": (("and one less", _set("minLength", lambda value: value - 1)),),
    "maxItems": (("and one more", _set("maxItems", lambda value: value + 1)),),
    "minItems": (("and one less", _set("minItems", lambda value: value - 1)),),
    "pattern": (("from anywhere", _unanchored("^")), ("to anywhere", _unanchored("$"))),
    "oneOf": (("any of", _set("anyOf", lambda value: value, "oneOf")),),
    "anyOf": (("or null", _set("anyOf", lambda value: [*value, {"type": "null"}])),),
    "additionalProperties": (("or texts", _open),),
}
"""How each keyword is loosened: a label, and what stands there instead."""

TIGHTER: Final[dict[str, tuple[tuple[str, Changes], ...]]] = {
    "type": (
        ("whole numbers", _whole),
        ("numbers of 32 bits", _only("number", maximum=2**31 - 1)),
        ("numbers of 53 bits", _only("number", maximum=2**53)),
        ("texts that are not empty", _only("string", minLength=1)),
        ("texts that are not blank", _only("string", pattern="^$|\\S")),
        ("texts of 1,000 characters", _only("string", maxLength=1_000)),
        ("texts in ASCII", _only("string", pattern=_ASCII)),
        ("texts without control characters", _only("string", pattern="^[^\\x00-\\x1F]*$")),
        ("arrays that are not empty", _only("array", minItems=1)),
        ("arrays of 20 items", _only("array", maxItems=20)),
        ("objects that are not empty", _only("object", minProperties=1)),
        ("true alone", _only("boolean", enum=[True])),
        ("false alone", _only("boolean", enum=[False])),
    ),
    "enum": (
        ("without the first", _members(lambda value: value[1:])),
        ("without the last", _members(lambda v: v[:-1])),
    ),
    "maximum": (
        ("exclusive", _set("exclusiveMaximum", lambda value: value)),
        ("and a little less", _set("maximum", lambda value: value - 1e-9)),
    ),
    "minimum": (
        ("exclusive", _set("exclusiveMinimum", lambda value: value)),
        ("and a little more", _set("minimum", lambda value: value + 1e-9)),
    ),
    "exclusiveMinimum": (("one and more", _set("minimum", lambda value: value + 1)),),
    "exclusiveMaximum": (("one and less", _set("maximum", lambda value: value - 1)),),
    "maxLength": (("one less", _set("maxLength", lambda value: value - 1)),),
    "minLength": (("one more", _set("minLength", lambda value: value + 1)),),
    "maxItems": (("one less", _set("maxItems", lambda value: value - 1)),),
    "minItems": (("one more", _set("minItems", lambda value: value + 1)),),
    "anyOf": (
        ("the first alone", _first_branch("anyOf", slice(1))),
        ("without the first", _first_branch("anyOf", slice(1, None))),
    ),
    "oneOf": (
        ("the first alone", _first_branch("oneOf", slice(1))),
        ("without the first", _first_branch("oneOf", slice(1, None))),
    ),
    "additionalProperties": (("closed", _closed), ("scalars alone", _typed)),
}
"""How each keyword is tightened."""
