"""The JSON types that schemas leave, and the order in which they are tried; integers are a type of their own here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract.constraints import types
from haiku_contract.generate.goals import modern_step
from haiku_contract.generate.holding import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.generate.goals import Node

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


def in_order(node: Node, said: Sequence[dict[str, Any]]) -> list[str]:
    """The kinds to try: as the schema lists them, or as its keywords and the name of the place suggest."""
    kinds = node.kinds
    step = next((modern_step(atom.demand[0]) for atom in node.atoms if atom.demand), None)
    if step is not None:
        wanted = "array" if step.keyword in {"items", "prefixItems", "unevaluatedItems"} else "object"
        return [wanted] if wanted in kinds else []
    listed = [kind for one in said if "type" in one for kind in types(one["type"])]
    spoken = [kind for kind, keywords in _SPEAK_OF if any(word in one for one in said for word in keywords)]
    usual = ["string" if node.name else "object"]
    ordered = dict.fromkeys([*listed, *spoken, *usual, *_KINDS])
    return [kind for kind in ordered if kind in kinds and not (kind == "integer" and "number" in kinds)]


def contradiction(ours: frozenset[str], theirs: frozenset[str]) -> str:
    """Why no type is left of two sets."""
    if not theirs:
        return "it lists no value of its type"
    one, other = (", ".join(kind for kind in _KINDS if kind in kinds) for kinds in (ours, theirs))
    return f"no type is both one of {one} and one of {other}"
