"""The JSON types that schemas leave, and the order in which they are tried; integers are a type of their own here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.constraints import types
from haiku_contract.generate.goals import modern_step
from haiku_contract.generate.holding import equal, key_of, kind_of
from haiku_contract.generate.merging import ANNOTATIONS
from haiku_contract.generate.scalars import bounds
from haiku_contract.schemas import Words
from haiku_contract.trivial import accepts_everything

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.generate.goals import Node
    from haiku_contract.schemas import Document

_KINDS: Final = ("object", "array", "string", "number", "integer", "boolean", "null")
EVERY: Final = frozenset(_KINDS)
_SPEAK_OF: Final = (
    ("object", ("properties", "required", "additionalProperties", "minProperties", "patternProperties")),
    ("object", ("propertyNames", "dependentRequired", "dependentSchemas", "unevaluatedProperties")),
    ("array", ("items", "prefixItems", "minItems", "contains", "uniqueItems", "unevaluatedItems")),
    ("string", ("minLength", "maxLength", "pattern", "format")),
    ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
)


def members(said: dict[str, Any]) -> list[Any]:
    """The values that a schema lists."""
    return [said["const"]] if "const" in said else list(said["enum"])


def kinds_of(said: dict[str, Any]) -> frozenset[str]:
    """The JSON types that a schema leaves, as far as its own keywords tell."""
    kinds = EVERY
    if "type" in said:
        named = set(types(said["type"]))
        kinds = frozenset(named | ({"integer"} if "number" in named else set()))
    if "const" in said or "enum" in said:
        kinds &= {kind_of(one) for one in members(said)}
    return kinds


def refused_kinds(refused: Any) -> frozenset[str]:
    """The JSON types that a schema under `not` takes away: those it names where it speaks of nothing else."""
    if not isinstance(refused, dict) or set(refused) - ANNOTATIONS != {"type"}:
        return frozenset()
    named = set(types(refused["type"]))
    return frozenset(named | ({"integer"} if "number" in named else set()))


def kinds_left(said: dict[str, Any]) -> frozenset[str]:
    """The JSON types that a schema leaves and does not refuse."""
    return kinds_of(said) - refused_kinds(said.get("not"))


def in_order(node: Node, said: Sequence[dict[str, Any]]) -> list[str]:
    """The kinds to try: as the schema lists them, or as its keywords and the name of the place suggest."""
    kinds = node.kinds
    step = next((modern_step(atom.demand[0]) for atom in node.atoms if atom.demand), None)
    if step is not None:
        wanted = "array" if step.keyword in {"items", "prefixItems"} else "object"
        return [wanted] if wanted in kinds else []
    listed = [kind for one in said if "type" in one for kind in types(one["type"])]
    spoken = [kind for kind, keywords in _SPEAK_OF if any(word in one for one in said for word in keywords)]
    usual = ["string" if node.name else "object"]
    ordered = dict.fromkeys([*listed, *spoken, *usual, *_KINDS])
    return [kind for kind in ordered if kind in kinds and not (kind == "integer" and "number" in kinds)]


def contradiction(ours: frozenset[str], said: dict[str, Any]) -> str:
    """Why no type is left of a set and of what a schema leaves."""
    theirs = kinds_of(said)
    if not theirs:
        return "it lists no value of its type"
    if ours & theirs:
        return "'not' takes away the only type that is left"
    one, other = (", ".join(kind for kind in _KINDS if kind in kinds) for kinds in (ours, theirs))
    return f"no type is both one of {one} and one of {other}"


def asked_anyway(document: Document, said: dict[str, Any]) -> list[Any]:
    """What a schema asks under a condition that always holds: of a key that is required, or of every value."""
    found, kinds, condition = [], kinds_of(said), said.get("if")
    if kinds == {"object"}:
        dependent = said.get("dependentSchemas", {})
        found += [dependent[name] for name in said.get("required", ()) if name in dependent]
    if condition is False:
        found.append(said.get("else", True))
    elif condition is not None and accepts_everything(document, condition, kinds):
        found.append(said.get("then", True))
    return found


def refuse_each_other(document: Document, asked: Sequence[dict[str, Any]]) -> bool:
    """Whether what stands under a `not` is, word by word, what schemas that hold at the same time ask for."""
    for one in asked:
        words = document.modern(one["not"]) if isinstance(one.get("not"), dict) else {}
        said = words.keys() - ANNOTATIONS
        if said and said <= _WORDS and all(any(_same_word(other, words, name) for other in asked) for name in said):
            return True
    return False


def _same_word(one: dict[str, Any], other: dict[str, Any], keyword: str) -> bool:
    """Whether two schemas say the same by a keyword."""
    return keyword in one and equal(one[keyword], other[keyword])


def cardinality(document: Document, schema: Any, depth: int = 0) -> float:
    """How many different values a schema leaves at most, as far as a glance tells."""
    if not isinstance(schema, dict) or depth > _MOST_NESTED:
        return 0 if schema is False else math.inf
    said = document.modern(schema)
    if "const" in said or "enum" in said:
        return len({key_of(one) for one in members(said)})
    target = document.target(said["$ref"]) if isinstance(said.get("$ref"), str) else None
    parts = [*said.get("allOf", ()), *([] if target is None else [target.schema])]
    most = [cardinality(document, part, depth + 1) for part in parts]
    unions = [said[one] for one in ("anyOf", "oneOf") if one in said]
    most += [sum(cardinality(document, branch, depth + 1) for branch in branches) for branches in unions]
    kinds = kinds_left(said)
    most.append(sum(_MEMBERS[kind] if kind in _MEMBERS else _whole_between(said, kind) for kind in kinds))
    return min(most)


def _whole_between(said: dict[str, Any], kind: str) -> float:
    low, high, above, below = bounds([said])
    if kind != "integer" or math.inf in (-low, high):
        return math.inf
    first, last = math.ceil(low), math.floor(high)
    return max(last - first + 1 - (above and first == low) - (below and last == high), 0)


_MEMBERS: Final = {"boolean": 2, "null": 1}  # how many values a type has
_MOST_NESTED: Final = 8
_IN_PLACE: Final = frozenset(("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if"))
_WORDS: Final = frozenset(
    (
        *("type", "const", "enum", "multipleOf", "maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"),
        *("maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems"),
        *("maxProperties", "minProperties", "required", "properties", "patternProperties", "propertyNames"),
    )
)
"""Keywords that mean the same whatever stands beside them."""

_SCALAR: Final = frozenset(("type", "const", "enum", "pattern", "format"))
"""Keywords whose opposite no other keyword says."""


def flat(said: dict[str, Any]) -> Words:
    """A schema without what is held against the whole node at once; what refuses scalars by itself is none of that."""
    refused = said.get("not")
    flat = isinstance(refused, dict) and refused.keys() - ANNOTATIONS <= _SCALAR
    return Words(
        {keyword: value for keyword, value in said.items() if keyword not in _IN_PLACE or (flat and keyword == "not")}
    )
