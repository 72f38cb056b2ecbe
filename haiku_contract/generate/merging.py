"""Schemas folded into one: references followed, `allOf` merged, unions opened into alternatives; pure.

What folding loses is not lost for good: what is drawn from a folded schema is held against the original.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract.constraints import types
from haiku_contract.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from haiku_contract.schemas import Document, Schema

ANNOTATIONS: Final = frozenset(
    (
        *("$schema", "$id", "$anchor", "$dynamicAnchor", "$vocabulary", "$comment", "$defs", "definitions"),
        *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
        *("contentEncoding", "contentMediaType", "contentSchema"),
    )
)
"""Keywords that assert nothing; `format` is not among them, because it says what a realistic value looks like."""

REFERENCES: Final = ("$ref", "$dynamicRef")
UNIONS: Final = ("anyOf", "oneOf")
ALL_TYPES: Final = ("object", "array", "string", "number", "boolean", "null")

_MOST_STEPS = 100


class Unsatisfiable(UsageError):  # noqa: N818 - a finding about the schema, not a malfunction
    """No value conforms to this part of the schema."""


class Target(NamedTuple):
    """What a reference names: its place in the root schema, and the schema there."""

    tokens: tuple[str, ...]
    schema: Schema


class Alternative(NamedTuple):
    """One branch of a union merged with what stands beside the union, and where the branch stands."""

    tokens: tuple[str, ...]
    schema: Schema


def assertions(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without its annotations."""
    return {keyword: value for keyword, value in schema.items() if keyword not in ANNOTATIONS}


def target(document: Document, reference: str) -> Target:
    """The schema in the same document that a reference names.

    Raises:
        UsageError: there is none.
    """
    found = document.target(reference)
    if found is None:
        followed = "only references into the same document are followed"
        raise UsageError(f"cannot generate from $ref {reference!r}: {followed}")
    return Target(*found)


def references(schema: Any) -> Iterator[str]:
    """Every reference inside a schema, at any depth."""
    if isinstance(schema, dict):
        for keyword in REFERENCES:
            if isinstance(schema.get(keyword), str):
                yield schema[keyword]
    for child in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from references(child)


def folded_references(schema: Schema) -> Iterator[str]:
    """The references that `flatten` follows: those of the schema itself and of its `allOf`."""
    if isinstance(schema, dict):
        yield from (schema[keyword] for keyword in REFERENCES if keyword in schema)
        for branch in schema.get("allOf", ()):
            yield from folded_references(branch)


def flatten(document: Document, schema: Schema, steps: int = 0) -> Schema:
    """The schema with its references followed and its `allOf` merged, down to where neither is left.

    Raises:
        UsageError: a reference leads nowhere, or to itself.
        Unsatisfiable: the parts contradict each other.
    """
    if not isinstance(schema, dict):
        return schema
    if steps > _MOST_STEPS:
        raise UsageError(f"cannot generate from {sorted(schema)}: the schema refers to itself and nothing else")
    folded: Schema = {keyword: value for keyword, value in schema.items() if keyword not in {"allOf", *REFERENCES}}
    for keyword in REFERENCES:
        if keyword in schema:
            folded = both(flatten(document, target(document, schema[keyword]).schema, steps + 1), folded)
    for branch in schema.get("allOf", ()):
        folded = both(folded, flatten(document, branch, steps + 1))
    return folded


def alternatives(schema: dict[str, Any]) -> list[Alternative]:
    """The branches of the schema's first union, each merged with everything beside it; empty where there is none."""
    for keyword in UNIONS:
        if keyword in schema:
            rest = {one: value for one, value in schema.items() if one != keyword}
            branches = [((keyword, str(index)), (branch,)) for index, branch in enumerate(schema[keyword])]
            return list(_merged(rest, branches))
    if "if" in schema:
        rest = {one: value for one, value in schema.items() if one not in {"if", "then", "else"}}
        passed, failed = (schema["if"], schema.get("then", True)), (schema.get("else", True),)
        return list(_merged(rest, [(("then",), passed), (("else",), failed)]))
    return []


def _merged(
    rest: dict[str, Any], branches: Sequence[tuple[tuple[str, ...], tuple[Schema, ...]]]
) -> Iterator[Alternative]:
    alone = not assertions(rest)
    for tokens, (first, *further) in branches:
        merged: Schema = first if alone else both(rest, first)
        for one in further:
            merged = both(merged, one)
        if merged is not False:
            yield Alternative(tokens, merged)


class Heights:
    """How many references have to be followed, one inside the other, to build the flattest value of a schema."""

    def __init__(self, document: Document) -> None:
        """Args: what references lead into."""
        self._document = document
        self._known: dict[str, float] | None = None

    def of(self, schema: Schema) -> float:
        """The height; infinite for a schema each of whose values holds another such value, or that has none."""
        if self._known is None:
            self._known = dict.fromkeys(references(self._document.root), math.inf)
            changed = True
            while changed:  # what is finite stays: in every round the next lowest ones become so
                open_names = [name for name, height in self._known.items() if height == math.inf]
                found = {name: 1 + self._of(self._target(name)) for name in open_names}
                changed = any(height < math.inf for height in found.values())
                self._known |= found
        return self._of(schema)

    def _target(self, name: str) -> Schema:
        try:
            return target(self._document, name).schema
        except UsageError:
            return False

    def _of(self, schema: Schema) -> float:
        if not isinstance(schema, dict):
            return 0 if schema else math.inf
        if "enum" in schema or "const" in schema:
            return 0
        known = self._known or {}
        needed = [known.get(schema[keyword], math.inf) for keyword in REFERENCES if keyword in schema]
        needed += [self._of(one) for one in schema.get("allOf", ())]
        needed += [min(map(self._of, schema[union]), default=math.inf) for union in UNIONS if union in schema]
        kinds = types(schema.get("type", list(ALL_TYPES)))
        needed.append(min((self._as(schema, kind) for kind in kinds), default=math.inf))
        return max(needed)

    def _as(self, schema: dict[str, Any], kind: str) -> float:
        needed: list[Schema] = []
        if kind == "object":
            properties = schema.get("properties", {})
            other = schema.get("additionalProperties", True)
            needed = [properties.get(name, other) for name in schema.get("required", ())]
        elif kind == "array" and (fewest := schema.get("minItems", 0)) > 0:
            prefix = schema.get("prefixItems", [])
            needed = [*prefix[:fewest], *([schema.get("items", True)] if fewest > len(prefix) else [])]
        return max(map(self._of, needed), default=0)


def both(one: Schema, other: Schema) -> Schema:
    """A schema for the values that conform to both, as far as one schema can say it."""
    if isinstance(one, bool):
        return other if one else False
    if isinstance(other, bool):
        return one if other else False
    if any(keyword in one and keyword in other for keyword in (*REFERENCES, "allOf")):
        return {"allOf": [one, other]}
    one, other = _closed_over(one, other), _closed_over(other, one)
    merged: dict[str, Any] = {**one, **other}
    for keyword in one.keys() & other.keys():
        if one[keyword] != other[keyword] and keyword not in ANNOTATIONS:
            merged[keyword] = _MERGERS.get(keyword, _later)(one[keyword], other[keyword])
    if merged.get("type") == [] or merged.get("enum") == []:
        return False
    if "const" in one and "const" in other and one["const"] != other["const"]:
        return False
    return merged


def _closed_over(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The first schema with what it says of further keys said of the second one's properties by name."""
    closing = one.get("additionalProperties", True)
    if closing is True or closing == {} or "properties" not in other:
        return one
    own = one.get("properties", {})
    foreign = [name for name in other["properties"] if name not in own]
    return {**one, "properties": {**own, **dict.fromkeys(foreign, closing)}} if foreign else one


def _types(one: Any, other: Any) -> list[str]:
    ours, theirs = types(one), types(other)
    wide = {"number"} & set(theirs)
    kept = [kind for kind in ours if kind in theirs or (kind == "integer" and wide)]
    return kept + [kind for kind in theirs if kind == "integer" and "number" in ours and kind not in kept]


def _members(one: list[Any], other: list[Any]) -> list[Any]:
    return [member for member in one if member in other]


def _maps(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    shared = {name: both(schema, other[name]) for name, schema in one.items() if name in other}
    return {**one, **other, **shared}


def _prefixes(one: list[Any], other: list[Any]) -> list[Any]:
    longer = one if len(one) > len(other) else other
    return [both(ours, theirs) for ours, theirs in zip(one, other, strict=False)] + longer[min(len(one), len(other)) :]


def _common_multiple(one: float, other: float) -> float:
    if float(one).is_integer() and float(other).is_integer():
        return math.lcm(int(one), int(other))
    return max(one, other)


def _products(one: list[Schema], other: list[Schema]) -> list[Schema]:
    if len(one) * len(other) > _MOST_STEPS:
        return other
    return [merged for ours in one for theirs in other if (merged := both(ours, theirs)) is not False]


def _needed(one: dict[str, list[str]], other: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: _union(one.get(name, []), other.get(name, [])) for name in _union(list(one), list(other))}


def _union(one: list[str], other: list[str]) -> list[str]:
    return list(dict.fromkeys([*one, *other]))


def _later(_one: Any, other: Any) -> Any:
    return other


_MERGERS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "type": _types,
    "enum": _members,
    "properties": _maps,
    "patternProperties": _maps,
    "additionalProperties": both,
    "propertyNames": both,
    "items": both,
    "prefixItems": _prefixes,
    "required": _union,
    "dependentRequired": _needed,
    "anyOf": _products,
    "oneOf": _products,
    "multipleOf": _common_multiple,
    "uniqueItems": lambda one, other: one or other,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"), min),
}
"""How two values of one keyword become one; for the others the later one stands, and the judge decides."""
