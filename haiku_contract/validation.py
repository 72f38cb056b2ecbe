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
from haiku_contract._fast import FastEngine, reference_engine
from haiku_contract.disputes import Disputes
from haiku_contract.errors import ContractLoadError, ContractViolation, MissingExtraError
from haiku_contract.failures import Meaning
from haiku_contract.gate import gated
from haiku_contract.localising import localised, unread
from haiku_contract.metaschemas import supplied
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haiku_contract.constraints import Schema
    from haiku_contract.failures import Failure
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
        """Args: the side that names the constraints, the schema as published, and whether `format` asserts in it.

        Metaschemas that the schema refers to are added to its definitions.
        """
        self.side: Side = side
        self.schema = supplied(schema)
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

    @cached_property
    def meaning(self) -> Meaning:
        """What failures of the schema mean."""
        return Meaning(self.schema, self.side)

    def constraint(self, constraint_id: str) -> Constraint | None:
        """The constraint of that id, or None."""
        return self._by_id.get(constraint_id)

    @cached_property
    def _by_id(self) -> dict[str, Constraint]:
        return {one.id: one for one in self.constraints}

    @cached_property
    def _keywords(self) -> tuple[tuple[str, str], ...]:
        """The id of each constraint, and the pointer under which an engine reports it."""
        return tuple((one.id, _keyword_of(one)) for one in self.constraints)

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
        return FastEngine(extended, assert_format=self.assert_format).is_valid

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

        Where there is nothing in the schema and the payload that they might read differently, only one is asked. There
        is none either on what no body can carry, such as half of a pair of surrogates that a pattern speaks of.
        """
        if _SURROGATE_LEAD in _marshal(payload, 4) and any(True for _ in wire.problems(payload)):
            return None
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
        if not isinstance(self.engine, FastEngine):
            return None
        return reference_engine(localised(self.schema), accepted=True, assert_format=self.assert_format)

    def broken(self, payload: Any) -> frozenset[str]:
        """The ids of the constraints that a decoded payload breaks."""
        return self.meaning.broken(self.failures(payload))

    def failures(self, payload: Any) -> list[Failure]:
        """What the engine reports of a decoded payload; empty when it conforms."""
        return [] if self.engine.is_valid(payload) else list(self.engine.failures(payload))

    def exercised(self, payload: Any) -> frozenset[str]:
        """The ids of the constraints that were held against some part of a decoded payload."""
        keywords = self.engine.exercised(payload)
        return frozenset(name for name, keyword in self._keywords if keyword in keywords)

    def _explain(self, value: Any, *, excerpts: bool = True, most: int | None = None) -> Iterator[Violation]:
        """The violations of the schema; of a value with more than `most` failures those of the first ones found."""
        if not self.engine.is_valid(value):
            failures = islice(self.engine.failures(value), most)
            yield from messages.ranked(messages.explain(self.meaning, failures, excerpts=excerpts))


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
        engine: Engine = FastEngine(schema, assert_format=assert_format)
    except jsonschema_rs.ValidationError as error:
        fallback = (
            None
            if error.kind.name in {"$ref", "referencing"}
            else reference_engine(schema, assert_format=assert_format)
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
