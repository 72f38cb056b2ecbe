"""Whether a value conforms to a part of a schema: what the solver asks while it builds, one table row per keyword.

The engine judges whole payloads; this judges the parts that a search tries by the thousand, merged and negated ones
included, without compiling them. It never decides what is emitted.
"""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from haiku_contract.constraints import types
from haiku_contract.generate import ecma
from haiku_contract.schemas import Words
from haiku_contract.validation import is_of_format

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.schemas import Document

_MAX_DEPTH: Final = 150
_MOST_NESTED: Final = 6
_KINDS: Final[dict[type, str]] = {
    str: "string",
    dict: "object",
    Words: "object",
    list: "array",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


def kind_of(value: Any) -> str:
    """The JSON type of a value, integral numbers as `integer`."""
    kind = _KINDS[type(value)]
    return "integer" if kind == "number" and value.is_integer() else kind


def key_of(value: Any) -> str:
    """A text that two JSON values share exactly when they are equal: 1 is 1.0, but true is not 1."""
    return json.dumps(_folded(value), sort_keys=True)


def _folded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _folded(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_folded(child) for child in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def equal(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same."""
    return one is other or (one == other and key_of(one) == key_of(other))


def in_place(said: dict[str, Any]) -> list[Any]:
    """The subschemas that may or may not hold for the value that their schema is held against."""
    found = [branch for union in ("anyOf", "oneOf") for branch in said.get(union, ())]
    found += [said[one] for one in ("if", "then", "else") if one in said]
    return [*found, *said.get("dependentSchemas", {}).values()]


class Holding:
    """The judge of parts of one document; `asked` counts what it is asked."""

    def __init__(self, document: Document) -> None:
        """Args: what references lead into."""
        self._document = document
        self.asked = 0

    def holds(self, schema: Any, value: Any, depth: int = 0) -> bool:
        """Whether the value conforms to the schema, as far as can be told without an engine."""
        if not isinstance(schema, dict):
            return schema is not False
        if depth > _MAX_DEPTH:
            return True
        self.asked += 1
        said = self._document.modern(schema)
        kind = kind_of(value)
        for keyword, argument in said.items():
            row = _ROWS.get(keyword)
            if row is not None and not row(self, argument, said, value, depth + 1):
                return False
            typed = _TYPED.get(keyword)
            if typed is not None and kind in typed[0] and not typed[1](self, argument, said, value, depth + 1):
                return False
        return True

    def evaluated(self, schema: Any, value: Any, depth: int = 0) -> set[Any]:
        """The keys or indices that a schema which holds says something of (Core section 11)."""
        if not isinstance(schema, dict) or depth > _MAX_DEPTH:
            return set()
        return self._evaluated(self._document.modern(schema), value, depth)

    def _evaluated(self, said: dict[str, Any], value: Any, depth: int, but: str = "") -> set[Any]:
        found: set[Any] = set()
        for branch in self._in_place(said, value, depth):
            found |= self.evaluated(branch, value, depth + 1)
        if isinstance(value, dict):
            closing = {"additionalProperties", "unevaluatedProperties"} - {but}
            closed = any(keyword in said for keyword in closing)
            found |= {name for name in value if closed or self.speaks_of(said, name)}
        elif isinstance(value, list):
            whole = any(keyword in said for keyword in ("items", "unevaluatedItems") if keyword != but)
            found |= set(range(len(value) if whole else len(said.get("prefixItems", ()))))
            if "contains" in said:
                found |= {at for at, one in enumerate(value) if self.holds(said["contains"], one, depth + 1)}
        return found

    def unevaluated(self, said: dict[str, Any], value: Any, keyword: str, depth: int) -> set[Any]:
        """The keys or indices that `unevaluated…` speaks of."""
        every = set(value if isinstance(value, dict) else range(len(value)))
        return every - self._evaluated(said, value, depth, keyword)

    @staticmethod
    def speaks_of(said: dict[str, Any], name: str) -> bool:
        """Whether a schema says something of a key by name or pattern."""
        if name in said.get("properties", ()):
            return True
        return any(ecma.matches(pattern, name) for pattern in said.get("patternProperties", ()))

    def may_speak_of(self, schema: Any, name: str, depth: int = 0) -> bool:
        """Whether a schema may say something of a key, by itself or through what is held against the same value."""
        if not isinstance(schema, dict) or depth > _MOST_NESTED:
            return False
        said = self._document.modern(schema)
        if self.speaks_of(said, name) or "additionalProperties" in said or "unevaluatedProperties" in said:
            return True
        inner = [*in_place(said), *said.get("allOf", ()), self.referred(said, "$ref")]
        return any(self.may_speak_of(one, name, depth + 1) for one in inner)

    def _in_place(self, said: dict[str, Any], value: Any, depth: int) -> list[Any]:
        """The subschemas that are held against the same value and hold."""
        found = list(said.get("allOf", ()))
        found += [target for keyword in ("$ref", "$dynamicRef") if (target := self.referred(said, keyword)) is not None]
        for union in ("anyOf", "oneOf"):
            found += [branch for branch in said.get(union, ()) if self.holds(branch, value, depth + 1)]
        if "if" in said:
            met = self.holds(said["if"], value, depth + 1)
            found += [said["if"], said.get("then", True)] if met else [said.get("else", True)]
        dependent = said.get("dependentSchemas", {}) if isinstance(value, dict) else {}
        return found + [branch for name, branch in dependent.items() if name in value]

    def is_of(self, name: Any, text: str) -> bool:
        """Whether a text is of a format, in the eyes of both engines; every text is where formats are annotations."""
        return name not in self._document.formats or is_of_format(name, text) is True

    def referred(self, said: dict[str, Any], keyword: str) -> Any:
        """What a reference names; None when there is none, or nothing that can be followed."""
        reference = said.get(keyword)
        target = self._document.target(reference) if isinstance(reference, str) else None
        return None if target is None else target.schema


_Row: TypeAlias = "Callable[[Holding, Any, dict[str, Any], Any, int], bool]"


def _reference(keyword: str) -> _Row:
    def row(judge: Holding, _argument: Any, said: dict[str, Any], value: Any, depth: int) -> bool:
        target = judge.referred(said, keyword)
        return target is None or judge.holds(target, value, depth)

    return row


def _condition(judge: Holding, argument: Any, said: dict[str, Any], value: Any, depth: int) -> bool:
    chosen = said.get("then", True) if judge.holds(argument, value, depth) else said.get("else", True)
    return judge.holds(chosen, value, depth)


def _exactly_one(judge: Holding, argument: Any, _said: dict[str, Any], value: Any, depth: int) -> bool:
    fitting = (one for one in argument if judge.holds(one, value, depth))
    return len(list(islice(fitting, 2))) == 1


def _is_type(_judge: Holding, argument: Any, _said: dict[str, Any], value: Any, _depth: int) -> bool:
    kind, allowed = kind_of(value), types(argument)
    return kind in allowed or (kind == "integer" and "number" in allowed)


def multiple(value: float, step: float) -> bool:
    """Whether a number is a multiple of another one, both taken as they are written."""
    if not step or not (isinstance(value, int) or math.isfinite(value)):  # integers may lie beyond a double
        return False
    if isinstance(value, int) and isinstance(step, int):  # as most are, and many times as fast
        return value % step == 0
    return (Fraction(str(value)) / Fraction(str(step))).denominator == 1


def _further(judge: Holding, argument: Any, said: dict[str, Any], value: Any, depth: int) -> bool:
    return all(judge.holds(argument, one, depth) for name, one in value.items() if not judge.speaks_of(said, name))


def _patterned(judge: Holding, argument: Any, _said: dict[str, Any], value: Any, depth: int) -> bool:
    return all(
        judge.holds(schema, one, depth)
        for pattern, schema in argument.items()
        for name, one in value.items()
        if ecma.matches(pattern, name)
    )


def _unevaluated(keyword: str) -> _Row:
    def row(judge: Holding, argument: Any, said: dict[str, Any], value: Any, depth: int) -> bool:
        return all(judge.holds(argument, value[one], depth) for one in judge.unevaluated(said, value, keyword, depth))

    return row


def _contains(judge: Holding, argument: Any, said: dict[str, Any], value: Any, depth: int) -> bool:
    count = sum(judge.holds(argument, one, depth) for one in value)
    return bool(said.get("minContains", 1) <= count <= said.get("maxContains", math.inf))


def _dependent(judge: Holding, argument: Any, _said: dict[str, Any], value: Any, depth: int) -> bool:
    return all(judge.holds(schema, value, depth) for name, schema in argument.items() if name in value)


_ROWS: Final[dict[str, _Row]] = {
    "$ref": _reference("$ref"),
    "$dynamicRef": _reference("$dynamicRef"),
    "type": _is_type,
    "const": lambda _judge, argument, _said, value, _depth: equal(argument, value),
    "enum": lambda _judge, argument, _said, value, _depth: any(equal(one, value) for one in argument),
    "allOf": lambda judge, argument, _said, value, depth: all(judge.holds(one, value, depth) for one in argument),
    "anyOf": lambda judge, argument, _said, value, depth: any(judge.holds(one, value, depth) for one in argument),
    "oneOf": _exactly_one,
    "not": lambda judge, argument, _said, value, depth: not judge.holds(argument, value, depth),
    "if": _condition,
}
"""Keywords that speak of every value."""

_NUMBER, _STRING, _ARRAY, _OBJECT = ("number", "integer"), ("string",), ("array",), ("object",)
_TYPED: Final[dict[str, tuple[tuple[str, ...], _Row]]] = {
    "minimum": (_NUMBER, lambda _judge, argument, _said, value, _depth: bool(value >= argument)),
    "maximum": (_NUMBER, lambda _judge, argument, _said, value, _depth: bool(value <= argument)),
    "exclusiveMinimum": (_NUMBER, lambda _judge, argument, _said, value, _depth: bool(value > argument)),
    "exclusiveMaximum": (_NUMBER, lambda _judge, argument, _said, value, _depth: bool(value < argument)),
    "multipleOf": (_NUMBER, lambda _judge, argument, _said, value, _depth: multiple(value, argument)),
    "minLength": (_STRING, lambda _judge, argument, _said, value, _depth: len(value) >= argument),
    "maxLength": (_STRING, lambda _judge, argument, _said, value, _depth: len(value) <= argument),
    "pattern": (_STRING, lambda _judge, argument, _said, value, _depth: ecma.matches(argument, value)),
    "format": (_STRING, lambda judge, argument, _said, value, _depth: judge.is_of(argument, value)),
    "minItems": (_ARRAY, lambda _judge, argument, _said, value, _depth: len(value) >= argument),
    "maxItems": (_ARRAY, lambda _judge, argument, _said, value, _depth: len(value) <= argument),
    "uniqueItems": (
        _ARRAY,
        lambda _judge, argument, _said, value, _depth: not argument or len(set(map(key_of, value))) == len(value),
    ),
    "prefixItems": (
        _ARRAY,
        lambda judge, argument, _said, value, depth: all(
            judge.holds(schema, one, depth) for schema, one in zip(argument, value, strict=False)
        ),
    ),
    "items": (
        _ARRAY,
        lambda judge, argument, said, value, depth: all(
            judge.holds(argument, one, depth) for one in value[len(said.get("prefixItems", ())) :]
        ),
    ),
    "contains": (_ARRAY, _contains),
    "unevaluatedItems": (_ARRAY, _unevaluated("unevaluatedItems")),
    "required": (_OBJECT, lambda _judge, argument, _said, value, _depth: all(one in value for one in argument)),
    "minProperties": (_OBJECT, lambda _judge, argument, _said, value, _depth: len(value) >= argument),
    "maxProperties": (_OBJECT, lambda _judge, argument, _said, value, _depth: len(value) <= argument),
    "propertyNames": (
        _OBJECT,
        lambda judge, argument, _said, value, depth: all(judge.holds(argument, one, depth) for one in value),
    ),
    "properties": (
        _OBJECT,
        lambda judge, argument, _said, value, depth: all(
            judge.holds(schema, value[name], depth) for name, schema in argument.items() if name in value
        ),
    ),
    "patternProperties": (_OBJECT, _patterned),
    "additionalProperties": (_OBJECT, _further),
    "unevaluatedProperties": (_OBJECT, _unevaluated("unevaluatedProperties")),
    "dependentRequired": (
        _OBJECT,
        lambda _judge, argument, _said, value, _depth: all(
            one in value for name, needed in argument.items() if name in value for one in needed
        ),
    ),
    "dependentSchemas": (_OBJECT, _dependent),
}
"""Keywords that speak of values of some types only."""
