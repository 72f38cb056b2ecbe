"""Holding payloads against one schema: a fast verdict, then the explanation.

The only module that knows a JSON Schema engine. `jsonschema-rs` decides and explains; `jsonschema` is the reference:
every verdict agrees with it (property tests), and it takes over where the fast engine cannot read a schema.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from itertools import islice
from marshal import dumps as _marshal
from typing import TYPE_CHECKING, Any, Final, Protocol

import jsonschema_rs

from haiku_contract import constraints, messages, pointer, wire
from haiku_contract.disputes import Disputes
from haiku_contract.errors import ContractLoadError, ContractViolation, MissingExtraError
from haiku_contract.gate import gated
from haiku_contract.localising import localised, unread
from haiku_contract.messages import Failure
from haiku_contract.model import ABSENT
from haiku_contract.schemas import subschemas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from haiku_contract.constraints import Schema
    from haiku_contract.model import Constraint, Side, Violation


_MAX_REASON = 240
_MOST_FORMATS: Final = 4_096  # texts whose format is remembered

_SURROGATE_LEAD: Final = wire.SURROGATE_LEAD


class Engine(Protocol):
    """What a JSON Schema implementation has to offer; instances are decoded JSON."""

    def is_valid(self, instance: Any) -> bool:
        """The verdict."""
        ...

    def failures(self, instance: Any) -> Iterator[Failure]:
        """Why the instance does not conform; empty when it does."""
        ...

    def exercised(self, instance: Any) -> frozenset[str]:
        """Pointers of the schema's keywords that were held against some part of the instance.

        Those in a branch of a union that the part does not fit are not among them: another branch decided.
        """
        ...


class SchemaValidator:
    """One schema of a contract, compiled on first use.

    Every method takes the payload as a Python value; those whose names say `bytes` take it as it is on the wire, as
    bytes or as text. What JSON cannot carry is a violation too, wherever it hides (`haiku_contract.wire.RULES`).
    """

    def __init__(self, side: Side, schema: Schema, *, assert_format: bool = False) -> None:
        """Args: the side that names the constraints, the schema as published, and whether `format` asserts in it."""
        self.side: Side = side
        self.schema = schema
        self.assert_format = assert_format

    def __repr__(self) -> str:
        return f"<SchemaValidator {self.side}>"

    @cached_property
    def engine(self) -> Engine:
        """The compiled schema.

        Raises:
            ContractLoadError: it is not a schema.
        """
        return compile_schema(self.schema, self.side, assert_format=self.assert_format)

    @property
    def remark(self) -> str:
        """What to tell people of the schema as a whole: that its dialect is not known; empty where there is nothing."""
        return wire.shorten(unread(self.schema), _MAX_REASON)

    @cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        """Every constraint of the schema, in the order of the document."""
        return constraints.walk(self.schema, self.side, assert_format=self.assert_format)

    def constraint(self, constraint_id: str) -> Constraint | None:
        """The constraint of that id, or None."""
        return next((one for one in self.constraints if one.id == constraint_id), None)

    def is_valid(self, payload: Any) -> bool:
        """True when the bytes that httpx would send for the payload are JSON that conforms."""
        try:
            plainly = self._gate(payload) and _SURROGATE_LEAD not in _marshal(payload, 4)
        except (ValueError, TypeError):  # the gate's and marshal's way to say that a type is not theirs
            plainly = False
        return plainly or self._is_valid_on_the_wire(payload)

    def _is_valid_on_the_wire(self, payload: Any) -> bool:
        """The verdict on whatever Python value, by way of its bytes; exact and slow."""
        return not any(True for _ in wire.problems(payload)) and self.engine.is_valid(wire.normalise(payload))

    @cached_property
    def _gate(self) -> Callable[[Any], bool]:
        """A verdict that may be trusted when it is True and `marshal`, which takes no subclasses and enums, agrees."""
        extended = gated(localised(self.schema))
        if extended is None:
            return lambda payload: wire.is_plain(payload) and self.engine.is_valid(payload)
        return _FastEngine(extended, assert_format=self.assert_format).is_valid

    def iter_errors(self, payload: Any, *, excerpts: bool = True) -> Iterator[Violation]:
        """What is wrong with the payload: what JSON cannot carry of it, or else the violations of the schema.

        Args:
            payload: the value.
            excerpts: show short excerpts of scalars; without them types, keys and lengths are all that is shown.
        """
        if not wire.is_plain(payload):
            problems = list(wire.problems(payload))
            yield from problems
            if problems:
                return
            payload = wire.normalise(payload)
        yield from self._explain(payload, excerpts=excerpts)

    def validate(self, payload: Any) -> None:
        """Return when the payload conforms.

        Raises:
            ContractViolation: it does not; `violations` says why.
        """
        if not self.is_valid(payload):
            _raise(self.iter_errors(payload))

    def is_valid_bytes(self, body: bytes | str) -> bool:
        """True when the body is strict JSON that conforms."""
        value, violations = wire.decode(body)
        return not violations and self.engine.is_valid(value)

    def iter_errors_bytes(self, body: bytes | str) -> Iterator[Violation]:
        """What is wrong with the body; a body with duplicate keys is held against the schema with the last of them."""
        value, violations = wire.decode(body)
        yield from violations
        if value is not ABSENT:
            yield from self._explain(value)

    def validate_bytes(self, body: bytes | str) -> Any:
        """The decoded value of a body that conforms.

        Raises:
            ContractViolation: it does not; `violations` says why.
        """
        value, violations = wire.decode(body)
        if violations or not self.engine.is_valid(value):
            _raise(self.iter_errors_bytes(body))
        return value

    def settled(self, payload: Any) -> bool | None:
        """The verdict on a decoded payload where both engines give the same; None where they differ.

        Where there is nothing in the schema and the payload that they might read differently, only one is asked.
        """
        found = self.engine.is_valid(payload)
        if not self._disputes.about(payload):
            return found
        try:
            same = self._other is None or self._other.is_valid(payload) == found
        except (OverflowError, RecursionError):  # of integers beyond a double the slow engine has no verdict
            same = True
        return found if same else None

    @cached_property
    def _disputes(self) -> Disputes:
        return Disputes(self.schema, assert_format=self.assert_format)

    @cached_property
    def _other(self) -> Engine | None:
        """The slow engine beside the fast one, where it can read the schema."""
        if not isinstance(self.engine, _FastEngine):
            return None
        return _reference_engine(localised(self.schema), accepted=True, assert_format=self.assert_format)

    def broken(self, payload: Any) -> frozenset[str]:
        """The ids of the constraints that a decoded payload breaks."""
        if self.engine.is_valid(payload):
            return frozenset()
        return messages.named(self.schema, self.side, self.engine.failures(payload))

    def exercised(self, payload: Any) -> frozenset[str]:
        """The ids of the constraints that were held against some part of a decoded payload."""
        keywords = self.engine.exercised(payload)
        return frozenset(one.id for one in self.constraints if _keyword_of(one) in keywords)

    def _explain(self, value: Any, *, excerpts: bool = True, most: int | None = None) -> Iterator[Violation]:
        """The violations of the schema; of a value with more than `most` failures those of the first ones found."""
        if not self.engine.is_valid(value):
            failures = islice(self.engine.failures(value), most)
            yield from messages.ranked(messages.explain(self.schema, self.side, failures, excerpts=excerpts))


def compile_schema(schema: Any, side: Side, *, assert_format: bool = False) -> Engine:
    """The fastest engine that can read the schema.

    Raises:
        ContractLoadError: none can, because it is not a schema or refers to something outside itself.
        MissingExtraError: only the slow engine can, and what judges a format in it is not installed.
    """
    if not isinstance(schema, (dict, bool)):
        raise ContractLoadError(f"the {side} schema is not a schema: expected an object, found {wire.describe(schema)}")
    schema = localised(schema)
    try:
        engine: Engine = _FastEngine(schema, assert_format=assert_format)
    except jsonschema_rs.ValidationError as error:
        fallback = (
            None
            if error.kind.name in {"$ref", "referencing"}
            else _reference_engine(schema, assert_format=assert_format)
        )
        if fallback is None:
            reason = f"at {pointer.readable(tuple(error.instance_path))}: {error.message}"
            raise _unusable(side, reason) from None
        if assert_format and _unjudged(schema):
            raise MissingExtraError("fuzz") from None
        engine = fallback
    except ValueError as error:  # nested too deeply
        raise _unusable(side, str(error)) from None
    if (found := constraints.outside(schema)) is not None:
        place, what = found
        raise _unusable(side, f"at {pointer.readable(place)}: {what}; copy what is needed under '$defs'")
    return engine


@lru_cache(_MOST_FORMATS)
def is_of_format(name: str, text: str) -> bool | None:
    """Whether a text is of a format; None where the engines disagree, or there is no such format."""
    return _format_judge(name).settled(text)


@lru_cache(_MOST_FORMATS)
def _format_judge(name: str) -> SchemaValidator:
    return SchemaValidator("request", {"format": name}, assert_format=True)


def _unusable(side: Side, reason: str) -> ContractLoadError:
    return ContractLoadError(f"the {side} schema is not a schema that can be used, {wire.shorten(reason, _MAX_REASON)}")


class _FastEngine:
    """`jsonschema-rs`."""

    def __init__(self, schema: Schema, *, assert_format: bool = False) -> None:
        self._schema = schema
        self._assert_format = assert_format
        self._validator = jsonschema_rs.validator_for(schema, validate_formats=assert_format, offline=True)
        self.is_valid = self._validator.is_valid

    def failures(self, instance: Any) -> Iterator[Failure]:
        # The engine's paths leave keys without a name out.
        if wire.has_empty_key(instance) and self._second is not None:
            return self._second.failures(instance)
        if self._shortened:
            errors = self._validator.iter_errors(instance)
            found = [_fast_failure(error, instance, self._schema) for error in errors]
            if self._is_unclear(found) and self._second is not None:
                return self._second.failures(instance)
            return messages.once(found)
        return messages.once(_fast_failure(error, instance) for error in self._validator.iter_errors(instance))

    def _is_unclear(self, found: Iterable[Failure]) -> bool:
        """Whether one of the failures may be about a keyword under a key without a name."""
        return any(
            tuple(map(str, one.schema_path)) in self._shortened or any(map(self._is_unclear, one.branches))
            for one in found
        )

    @cached_property
    def _shortened(self) -> frozenset[tuple[str, ...]]:
        """What the engine calls the keywords under keys of the schema that have no name, and may mean others by."""
        if not wire.has_empty_key(self._schema):
            return frozenset()
        odd = [place for place in subschemas(self._schema) if "" in place.tokens and isinstance(place.schema, dict)]
        return frozenset((*filter(None, place.tokens), keyword) for place in odd for keyword in place.schema)

    @cached_property
    def _second(self) -> Engine | None:
        return _reference_engine(self._schema, accepted=True, assert_format=self._assert_format)

    def exercised(self, instance: Any) -> frozenset[str]:
        units = self._validator.evaluate(instance).list()["details"]
        ways = (unit["evaluationPath"] for unit in units if not unit["valid"])
        unmet = tuple(f"{way}/" for way in ways if way.split("/")[-2:-1] and way.split("/")[-2] in constraints.UNIONS)
        reached = (unit["schemaLocation"] for unit in units if not f"{unit['evaluationPath']}/".startswith(unmet))
        return frozenset(place.partition("#")[2] or place for place in reached)


def _fast_failure(error: jsonschema_rs.ValidationError, root: Any, schema: Schema | None = None) -> Failure:
    """What the engine says of an instance, whose schema is needed where keys in it have no name."""
    kind = error.kind
    path, instance = _located(root, error.instance_path)  # the engine's own copy has its keys sorted
    while isinstance(kind, jsonschema_rs.ValidationErrorKind.PropertyNames):
        error = kind.error
        kind, instance = error.kind, error.instance
    # Loops rather than generators: unions may be nested as deeply as payloads, and every frame counts.
    branches: list[tuple[Failure, ...]] = []
    for context in getattr(kind, "context", ()):
        branch: list[Failure] = []
        for one in context:
            branch.append(_fast_failure(one, root, schema))  # noqa: PERF401 - as said
        branches.append(tuple(messages.once(branch)))
    if not all(branches):  # where several branches fit, what the others say is not why
        branches = [()] * len(branches)
    unexpected = getattr(kind, "unexpected", ())
    return Failure(
        schema_path=tuple(error.schema_path) if schema is None else _located(schema, error.schema_path)[0],
        instance_path=path,
        instance=instance,
        branches=tuple(branches),
        unexpected=tuple(name for name in unexpected if isinstance(name, str)),
    )


def _located(root: Any, path: Iterable[str | int]) -> tuple[tuple[str | int, ...], Any]:
    """The place that the engine means by a path, in which keys without a name are left out, and what stands there."""
    found: list[str | int] = []
    value = root
    for token in path:
        while isinstance(value, dict) and str(token) not in value and "" in value:
            found.append("")
            value = value[""]
        found.append(token)
        value = pointer.step(value, token)
    return tuple(found), value


def _reference_engine(schema: Schema, *, accepted: bool = False, assert_format: bool = False) -> Engine | None:
    """The slow engine, imported only when it is needed; None where it cannot read the schema either."""
    from haiku_contract._reference import ReferenceEngine  # noqa: PLC0415 - half of this package's import time

    return ReferenceEngine.compile(schema, accepted=accepted, assert_format=assert_format)


def _unjudged(schema: Schema) -> frozenset[str]:
    """The formats that the slow engine would let pass unseen."""
    from haiku_contract._reference import unjudged  # noqa: PLC0415 - see above

    return unjudged(schema)


def _keyword_of(constraint: Constraint) -> str:
    """The pointer under which an engine reports a constraint.

    Members of `required` share one; and what decides whether a branch of a union is meant is held together with the
    union, even where an engine stops at the first branch that fits.
    """
    *parents, last = pointer.split(constraint.pointer) or [""]
    if constraint.keyword == "required" and last != "required":
        return pointer.join(parents)
    if len(parents) > 1 and parents[-2] in constraints.UNIONS:
        return pointer.join(parents[:-1])
    return constraint.pointer


def _raise(violations: Iterator[Violation]) -> None:
    raise ContractViolation(tuple(violations))
