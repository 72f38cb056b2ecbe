"""The converter: which builder makes the values of which part of a schema, references and recursion included."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hypothesis import strategies as st

from haiku_contract import pointer
from haiku_contract.constraints import ASSERTIONS, types
from haiku_contract.errors import ContractLoadError, UsageError
from haiku_contract.generate import merging
from haiku_contract.generate._schema_strategies import leaves, parts
from haiku_contract.generate._schema_strategies.leaves import Check, Leaf, checked, choose
from haiku_contract.generate._schema_strategies.parts import Place
from haiku_contract.generate._schema_strategies.translating import NEWEST, OLDEST, original, translated
from haiku_contract.generate.conforming import emptiness, solver_of
from haiku_contract.generate.merging import Target, Unsatisfiable
from haiku_contract.generate.routes import routes
from haiku_contract.generate.values import SAMPLES
from haiku_contract.model import ABSENT
from haiku_contract.schemas import Document
from haiku_contract.validation import compile_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.constraints import Schema
    from haiku_contract.generate._schema_strategies.parts import Context, Strategy
    from haiku_contract.generate.goals import Host
    from haiku_contract.generate.routes import Route
    from haiku_contract.generate.solver import Solver
    from haiku_contract.validation import SchemaValidator

LEAVES: Final[dict[str, Callable[[Leaf], list[Strategy]]]] = {
    "null": leaves.null,
    "boolean": leaves.boolean,
    "integer": leaves.integer,
    "number": leaves.number,
    "string": leaves.string,
}
"""The builder of every JSON type without parts."""

PARTS: Final[dict[str, Callable[[Context, dict[str, Any], Place], list[Strategy]]]] = {
    "object": parts.objects,
    "array": parts.arrays,
}
"""The builder of every JSON type with parts."""

HELD_AGAINST: Final = frozenset(
    (
        *("not", "if", "oneOf", "allOf", "contains", "minContains", "maxContains", "uniqueItems", "$dynamicRef"),
        *("dependentSchemas", "dependentRequired", "dependencies", "patternProperties", "propertyNames"),
        *("maxProperties", "minProperties", "unevaluatedProperties", "unevaluatedItems", "additionalItems"),
    )
)
"""Keywords that construction alone does not guarantee: what is drawn is held against the schema."""

_SCALAR: Final = {
    keyword
    for keyword, speaks_of in ASSERTIONS.items()
    if (not speaks_of or set(speaks_of) <= {"number", "string"}) and keyword not in {"anyOf", "oneOf", "not"}
}
_SPEAKS_OF: Final = (
    ("object", ("properties", "required", "additionalProperties", "patternProperties", "propertyNames")),
    ("object", ("minProperties", "maxProperties", "dependentRequired", "dependentSchemas", "unevaluatedProperties")),
    ("array", ("items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems", "unevaluatedItems")),
    ("string", ("minLength", "maxLength", "pattern", "format")),
    ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
)
_Choice = TypeVar("_Choice")
_WHOLE: Final = "urn:haiku-contract:whole"
_PART: Final = "haiku-contract-part"
_UNROLLED: Final = 3  # levels of recursion that are drawn freely; below, only what ends the recursion


class Converter:
    """The strategies of one schema; parts that a reference names are built once."""

    def __init__(self, validator: SchemaValidator, *, realistic: bool = True) -> None:
        """Args: the schema and its judge, and whether values that people write are the greater part."""
        self._validator = validator
        self._solver = solver_of(validator)
        self._written = self._solver.document
        self._is_translated = self._written.number != NEWEST
        self._document = Document(translated(self._written)) if self._is_translated else self._written
        self._root = self._document.root
        self._realistic = realistic
        self._routes = routes(self._written.root)
        self._simple: dict[str, Any] = {}
        self._built: dict[Place, Strategy] = {}
        self._heights = merging.Heights(self._document)
        self._circular: dict[tuple[str, ...], bool] = {}

    def values(self) -> Strategy:
        """Values for the whole schema, each judged before it is given out.

        Raises:
            UsageError: the schema has no value, or says something that can be neither constructed nor filtered.
        """
        drawn = self.unjudged()
        complaint = f"cannot generate: no value that was drawn conforms to the {self._validator.side} schema"
        error = emptiness(self._validator)
        if isinstance(error, Unsatisfiable):
            raise Unsatisfiable(f"cannot generate: in the {self._validator.side} schema {error}")
        if error is not None:  # something that is drawn may conform all the same
            complaint = f"{complaint}, which is {error}"
        return checked(drawn, Check(self._conforms, self.simple(()), complaint))

    def _conforms(self, payload: Any) -> bool:
        """The last judgement: that of the validator, and of both engines where they might differ."""
        return self._validator.is_valid(payload) and self._validator.settled(payload) is True

    def unjudged(self) -> Strategy:
        """As `values`, before the last judgement: shows what construction alone gets right."""
        return self.convert(self._root, Place())

    def convert(self, schema: Schema, place: Place) -> Strategy:
        """The strategy of a schema that stands at a place.

        Raises:
            Unsatisfiable: it has no value.
            UsageError: it refers to something that cannot be followed.
        """
        if isinstance(schema, bool) or not (asserted := merging.assertions(schema)):
            return self._unrestricted(schema, place)
        followed = [merging.target(self._document, one) for one in merging.folded_references(asserted)]
        if len(asserted) == len(followed) == 1 and "allOf" not in asserted:
            return self._reference(followed[0], place)
        if any(self._is_circular(target.tokens) for target in followed):
            return self._deferred(asserted, place._replace(level=place.level + 1))
        return self._constructed(asserted, place)

    def simple(self, where: tuple[str, ...]) -> Any:
        """The simplest value at a place of the schema; `ABSENT` where it is not known."""
        here = pointer.join(self._original(where))
        route = self._routes.get(here)
        if here not in self._simple:
            reached = None if route is None else reach(self._solver, route)
            self._simple[here] = ABSENT if reached is None else pointer.get(reached.payload, reached.path)
        return self._simple[here]

    def is_lean(self, place: Place) -> bool:
        """Whether only what ends the recursion is to be drawn here."""
        return place.level > _UNROLLED

    # -- references ---------------------------------------------------------------------------------------------------

    def _reference(self, target: Target, place: Place) -> Strategy:
        if self._is_circular(target.tokens):
            return self._deferred(target.schema, Place(target.tokens, place.name, place.level + 1))
        there = Place(target.tokens, place.name, place.level)
        if there not in self._built:
            self._built[there] = self.convert(target.schema, there)
        return self._built[there]

    def _deferred(self, schema: Schema, place: Place) -> Strategy:
        if place not in self._built:
            if self._heights.of(schema) == math.inf:
                raise Unsatisfiable(f"cannot generate: every value at {self._shown(place)} holds another such value")
            self._built[place] = st.deferred(lambda: self._constructed(schema, place))
        return self._built[place]

    def _is_circular(self, tokens: tuple[str, ...]) -> bool:
        """Whether following the references below a place leads back to it."""
        if tokens not in self._circular:
            self._circular[tokens] = tokens in self._reached_from(tokens)
        return self._circular[tokens]

    def _reached_from(self, tokens: tuple[str, ...]) -> set[tuple[str, ...]]:
        reached: set[tuple[str, ...]] = set()
        open_ends = [tokens]
        while open_ends:
            for reference in merging.references(pointer.get(self._root, open_ends.pop())):
                found = merging.target(self._document, reference).tokens
                if found == tokens[: len(found)]:
                    return {tokens}
                if found not in reached:
                    reached.add(found)
                    open_ends.append(found)
        return reached

    # -- construction -------------------------------------------------------------------------------------------------

    def _unrestricted(self, schema: Schema, place: Place) -> Strategy:
        if schema is False:
            raise Unsatisfiable(f"cannot generate: nothing is allowed at {self._shown(place)}")
        return leaves.anything(Leaf({}, place.name, self.simple(place.where), lambda _: True, self._realistic))

    def _constructed(self, schema: Schema, place: Place) -> Strategy:
        flat = merging.flatten(self._document, schema)
        asserted = {} if isinstance(flat, bool) else merging.assertions(flat)
        if isinstance(schema, bool) or not asserted:
            return self._unrestricted(flat, place)
        if "const" in asserted or "enum" in asserted:
            built = self._members(asserted, place)
        elif not asserted.keys().isdisjoint(("anyOf", "oneOf", "if")):
            built = self._branches(asserted, place)
        else:
            built = self._typed(asserted, place)
        folded = len(schema) > 1 and not schema.keys().isdisjoint(("anyOf", *merging.REFERENCES))
        if folded or not asserted.keys().isdisjoint(HELD_AGAINST) or "allOf" in schema:
            return self._held_against(built, schema, place)
        return built

    def _members(self, schema: dict[str, Any], place: Place) -> Strategy:
        members = [schema["const"]] if "const" in schema else schema["enum"]
        try:
            accepts = self._judge(schema)
            kept = [member for member in members if accepts(member)]
        except ContractLoadError:  # can be read as a part of the whole only; the last judgement decides
            kept = members
        if not kept:
            raise Unsatisfiable(f"cannot generate: no member of 'enum' or 'const' conforms at {self._shown(place)}")
        return choose(kept)

    def _branches(self, schema: dict[str, Any], place: Place) -> Strategy:
        branches = merging.alternatives(schema)
        if self.is_lean(place):
            branches = self._flattest([(self._heights.of(one.schema), one) for one in branches])
        found: list[Strategy] = []
        for branch in branches:
            try:
                found.append(self.convert(branch.schema, place.into(*branch.tokens)))
            except Unsatisfiable:
                continue
        if not found:
            raise Unsatisfiable(f"cannot generate: no branch of the union at {self._shown(place)} has a value")
        return st.one_of(*found)

    def _typed(self, schema: dict[str, Any], place: Place) -> Strategy:
        kinds = types(schema["type"]) if "type" in schema else _kinds(schema)
        if self.is_lean(place):
            kinds = self._flattest([(self._heights.of({**schema, "type": one}), one) for one in kinds])
        scalar = {keyword: value for keyword, value in schema.items() if keyword in _SCALAR}
        simple = self.simple(place.where)
        found: list[Strategy] = []
        for kind in kinds:
            if kind in PARTS:
                found += PARTS[kind](self, schema, place)
            else:
                accepts = self._judge({**scalar, "type": kind})
                shown, formats = self._shown(place), self._written.formats
                leaf = Leaf(schema, place.name, simple, accepts, self._realistic, shown, formats)
                found += [self._exact(one) if kind == "integer" else one for one in LEAVES[kind](leaf)]
        if not found:
            raise Unsatisfiable(f"cannot generate: the keywords at {self._shown(place)} leave no value")
        return st.one_of(*found)

    def _exact(self, integers: Strategy) -> Strategy:
        """Integers as the draft of the schema knows them: in draft 4 1.0 is none (Validation section 3.2)."""
        return integers.map(int) if self._written.number == OLDEST else integers

    @staticmethod
    def _flattest(choices: list[tuple[float, _Choice]]) -> list[_Choice]:
        """The choices that end a recursion soonest."""
        least = min((height for height, _ in choices), default=0)
        return [choice for height, choice in choices if height == least]

    # -- judging ------------------------------------------------------------------------------------------------------

    def _judge(self, schema: Schema) -> Callable[[Any], bool]:
        """The judge of one part of the schema, whose references still mean the whole."""
        root = self._root if isinstance(self._root, dict) else {}
        dialect = {"$schema": root["$schema"]} if "$schema" in root else {}
        alone: Schema = {**dialect, **schema} if isinstance(schema, dict) else schema
        if any(True for _ in merging.references(schema)):
            whole = {**root, "$id": _WHOLE, "$defs": {**root.get("$defs", {}), _PART: schema}}
            alone = {**dialect, "$ref": f"{_WHOLE}#/$defs/{_PART}", "$defs": {"whole": whole}}
        return compile_schema(alone, self._validator.side, assert_format=self._validator.assert_format).is_valid

    def _held_against(self, built: Strategy, schema: dict[str, Any], place: Place) -> Strategy:
        try:
            accepts = self._judge(schema)
        except ContractLoadError:  # can be read as a part of the whole only; the last judgement decides
            return built
        candidates = [self.simple(place.where), *(value for samples in SAMPLES.values() for _, value in samples)]
        stand_in = next((one for one in candidates if one is not ABSENT and accepts(one)), ABSENT)
        keywords = ", ".join(repr(one) for one in schema if one in HELD_AGAINST) or "the union"
        complaint = (
            f"cannot generate values for {keywords} at {self._shown(place)}: none of those that the other keywords"
            " describe conforms; take this part out of the schema, or write its strategy by hand"
        )
        if stand_in is ABSENT and self._is_impossible(place):
            raise Unsatisfiable(complaint)
        return checked(built, Check(accepts, stand_in, complaint, is_final=self.simple(()) is ABSENT))

    def _is_impossible(self, place: Place) -> bool:
        """Whether no value of the whole schema has anything at a place, by proof."""
        route = self._routes.get(pointer.join(self._original(place.where)))
        if route is None or self.simple(()) is ABSENT:
            return False
        try:
            self._solver.one(route.steps)
        except UsageError as error:
            return isinstance(error, Unsatisfiable)  # else it is undecided
        return False

    def _original(self, where: tuple[str, ...]) -> tuple[str, ...]:
        return original(self._written.root, where) if self._is_translated else where

    def _shown(self, place: Place) -> str:
        side = self._validator.side
        return f"{side}:{pointer.join(place.where)}" if place.where else f"the root of the {side} schema"


def reach(solver: Solver, route: Route) -> Host | None:
    """The simplest conforming payload that reaches the end of a route; None where none was found."""
    try:
        return solver.one(route.steps)
    except UsageError:
        return None


def _kinds(schema: dict[str, Any]) -> list[str]:
    """Every type, those that the keywords speak of first."""
    spoken = [kind for kind, keywords in _SPEAKS_OF if not schema.keys().isdisjoint(keywords)]
    return list(dict.fromkeys([*spoken, *merging.ALL_TYPES]))
