"""The fast engine: `jsonschema-rs`, and what it says differently from what it means."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from haiku_contract import constraints, pointer, wire
from haiku_contract.failures import Failure, once
from haiku_contract.schemas import subschemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from haiku_contract._reference import ReferenceEngine
    from haiku_contract.schemas import Schema


class FastEngine:
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
        schema = self._schema if self._is_odd else None
        found = once(_fast_failure(error, instance, schema) for error in self._validator.iter_errors(instance))
        if not self._doubtful or self._second is None:
            return found
        every = list(found)
        return self._second.failures(instance) if self._is_unclear(every) else iter(every)

    @cached_property
    def _is_odd(self) -> bool:
        """Whether the engine's paths into the schema may leave keys out, or zeros at the beginning of one."""
        keys = (key for place in subschemas(self._schema) for key in place.tokens[-1:])
        return any(not key or (key[0] == "0" and key.isdecimal() and len(key) > 1) for key in keys)

    def _is_unclear(self, found: Iterable[Failure]) -> bool:
        """Whether one of the failures may be about another keyword than the one that the engine names."""
        return any(
            tuple(map(str, one.schema_path)) in self._doubtful or any(map(self._is_unclear, one.branches))
            for one in found
        )

    @cached_property
    def _doubtful(self) -> frozenset[tuple[str, ...]]:
        """What the engine calls keywords under keys of the schema that have no name, and may mean others by.

        It also says `maxContains` where nothing is contained, and that is said of `contains`.
        """
        places = [place for place in subschemas(self._schema) if isinstance(place.schema, dict)]
        odd = [one for one in places if "" in one.tokens]
        found = {(*filter(None, place.tokens), keyword) for place in odd for keyword in place.schema}
        found |= {(*tokens, "maxContains") for tokens, said in places if "maxContains" in said and "contains" in said}
        return frozenset(found)

    @cached_property
    def _second(self) -> ReferenceEngine | None:
        return reference_engine(self._schema, accepted=True, assert_format=self._assert_format)

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
        branches.append(tuple(once(branch)))
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
    tokens = tuple(path)
    value = root
    try:
        for token in tokens:
            value = value[token]
    except (KeyError, TypeError):  # see `_found`
        return _found(root, tokens)
    return tokens, value


def _found(root: Any, tokens: tuple[str | int, ...]) -> tuple[tuple[str | int, ...], Any]:
    found: list[str | int] = []
    value = root
    for token in tokens:
        while isinstance(value, dict) and (key := _key(value, token)) not in value and "" in value:
            found.append("")
            value = value[""]
        found.append(key if isinstance(value, dict) else token)
        value = pointer.step(value, found[-1])
    return tuple(found), value


def _key(value: dict[str, Any], token: str | int) -> str:
    """The key that the engine means: it gives one of digits as a number."""
    if isinstance(token, str) or str(token) in value:
        return str(token)
    return next((one for one in value if one.isascii() and one.isdecimal() and int(one) == token), str(token))


def reference_engine(schema: Schema, *, accepted: bool = False, assert_format: bool = False) -> ReferenceEngine | None:
    """The slow engine, imported only when it is needed; None where it cannot read the schema either."""
    from haiku_contract._reference import ReferenceEngine  # noqa: PLC0415 - half of this package's import time

    return ReferenceEngine.compile(schema, accepted=accepted, assert_format=assert_format)
