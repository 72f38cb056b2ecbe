"""The reference engine: `jsonschema`, behind the same methods as the fast one."""

from __future__ import annotations

import re
import warnings
from functools import cache, partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import jsonschema
from jsonschema import validators
from referencing.jsonschema import EMPTY_REGISTRY

from haiku_contract import constraints, pointer, wire
from haiku_contract.failures import Failure, once
from haiku_contract.schemas import draft, formats, known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.constraints import Schema

_OWN_WAY: Final = ("additionalProperties", "unevaluatedProperties", "unevaluatedItems")
"""Keywords that `jsonschema` reports itself when they are `false`."""


_SHARED: Final = {"contains": "minContains", "minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
"""Keywords that `jsonschema` reports as another: a least number of items, and the exclusive bounds of draft 4."""

_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]+")
_IRIS: Final = {"iri": "URI", "iri-reference": "URI_reference"}


class ReferenceEngine:
    """`jsonschema` for one schema."""

    def __init__(self, schema: Schema, dialect: Any, formats: frozenset[str] = frozenset()) -> None:
        """Args: a schema that `dialect`, one of `jsonschema`'s validator classes, has accepted; formats that assert."""
        self._draft = draft(schema)
        self._spelled, self._forbidden = _spell(schema)
        self._places = _places(self._spelled)
        # Without a registry of ours, references to other documents would be fetched.
        checker = jsonschema.FormatChecker(())
        judges = _judges()
        checker.checkers = {name: judges[name] for name in formats & judges.keys()}
        self._validator = dialect(self._spelled, registry=EMPTY_REGISTRY, format_checker=checker)

    @classmethod
    def compile(cls, schema: Schema, *, accepted: bool = False, assert_format: bool = False) -> ReferenceEngine | None:
        """The engine; None when `jsonschema` knows no such dialect, or says that this is not a schema.

        Args:
            schema: the schema.
            accepted: the other engine takes it for a schema, and this one, which needs long to say so, is not asked.
            assert_format: whether `format` asserts.
        """
        named = isinstance(schema, dict) and "$schema" in schema
        if named and not isinstance(schema["$schema"], str):  # type: ignore[index]  # a dict, as said
            return None
        dialect: Any = validators.validator_for(schema, default=None if named else jsonschema.Draft202012Validator)  # type: ignore[arg-type]  # None asks for "unknown"
        if dialect is None:
            return None
        try:
            if not accepted:
                dialect.check_schema(schema)
            for _, one in constraints.subschemas(schema):
                _check_patterns(one)
        except (jsonschema.SchemaError, re.error):
            return None
        return cls(schema, dialect, formats(schema, asserted=assert_format))

    def is_valid(self, instance: Any) -> bool:
        """The verdict."""
        return bool(self._validator.is_valid(instance))

    def failures(self, instance: Any) -> Iterator[Failure]:
        """Why the instance does not conform."""
        return once(self._failure(error) for error in self._validator.iter_errors(instance))

    def exercised(self, instance: Any) -> frozenset[str]:  # noqa: ARG002 - the protocol's argument
        """Unknown to this engine: it does not say which keywords it evaluated."""
        return frozenset()

    def _failure(self, error: Any) -> Failure:
        branches: list[list[Failure]] = []
        if error.validator in constraints.UNIONS:
            branches = [[] for _ in error.validator_value]
            for one in error.context:
                branches[int(one.relative_schema_path[0])].append(self._failure(one))
        return Failure(
            schema_path=self._canonical(error),
            instance_path=tuple(error.absolute_path),
            instance=error.instance,
            branches=tuple(tuple(once(branch)) for branch in branches),
            unexpected=_unexpected(error),
        )

    def _canonical(self, error: Any) -> tuple[str | int, ...]:
        """Where the failing keyword stands, references followed: `jsonschema` tells the way there instead."""
        if error.schema is False:
            return ()
        place = self._places[id(error.schema)]
        if place in self._forbidden:
            return place
        return (*place, self._keyword(error.validator, error.schema))

    def _keyword(self, reported: str, schema: dict[str, Any]) -> str:
        """The keyword that failed: `jsonschema` reports the one whose function found it, which another may share."""
        said = known(schema, self._draft)
        shared = _SHARED.get(reported, "")
        return shared if shared in said and (shared == "minContains" or said[shared] is True) else reported


def _spell(schema: Schema) -> tuple[Any, frozenset[tuple[str | int, ...]]]:
    """A copy that `jsonschema` reads well, and where a `false` stands.

    Every `false` is written as `{"not": {}}`: of a bare one it tells no place.
    """
    copy = wire.normalise(schema)
    forbidden: set[tuple[str | int, ...]] = set()
    for tokens, one in list(constraints.subschemas(copy)):
        if isinstance(one, dict) and one.get("items") is True:
            one["items"] = {}  # the same, and `jsonschema` stumbles over the other one in draft 2019-09
        if tokens and one is False and constraints.keyword_at(tokens) not in _OWN_WAY:
            parent = pointer.get(copy, tokens[:-1])
            last = int(tokens[-1]) if isinstance(parent, list) else tokens[-1]
            parent[last] = {"not": {}}
            forbidden.add(_places(copy)[id(parent[last])])
    return copy, frozenset(forbidden)


def _places(document: Any) -> dict[int, tuple[str | int, ...]]:
    """Where each object of a JSON document stands, by its identity."""
    found: dict[int, tuple[str | int, ...]] = {}
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            found[id(value)] = path
            stack += [((*path, key), child) for key, child in value.items()]
        elif isinstance(value, list):
            stack += [((*path, index), child) for index, child in enumerate(value)]
    return found


def _check_patterns(schema: Schema) -> None:
    """Compile the regular expressions of one schema; raises `re.error` for those that this engine cannot read."""
    if isinstance(schema, dict):
        if "" in schema.get("patternProperties", ()) and "additionalProperties" in schema:
            raise re.error("jsonschema takes an empty pattern for none, and every key for one beyond it")
        with warnings.catch_warnings(action="ignore"):  # compiled now, a pattern is not warned of when it is used
            for pattern in (schema.get("pattern", ""), *schema.get("patternProperties", ())):
                re.compile(pattern)


def _unexpected(error: Any) -> tuple[str, ...]:
    schema = error.schema
    if error.validator != "additionalProperties" or not isinstance(schema, dict):
        return ()
    patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", {})]
    named = schema.get("properties", {})
    return tuple(key for key in error.instance if key not in named and not any(one.search(key) for one in patterns))


def unjudged(schema: Schema) -> frozenset[str]:
    """The formats that are to assert in a schema and that nothing installed can judge: an extra installs what does."""
    used = {one["format"] for _, one in constraints.subschemas(schema) if isinstance(one, dict) and "format" in one}
    return frozenset(name for name in formats(schema, asserted=True) - _judges().keys() if name in used)


@cache
def _judges() -> dict[str, Any]:
    """How each format is judged; some need what an extra installs.

    IRIs are judged here: the library that `jsonschema` would ask builds its grammar for most of a second when it is
    imported, in every process that so much as looks at this engine.
    """
    judges = dict(jsonschema.Draft202012Validator.FORMAT_CHECKER.checkers)
    if find_spec("rfc3986_validator") is not None:
        judges |= {name: (partial(_is_iri, rule=rule), ()) for name, rule in _IRIS.items()}
    return judges


def _is_iri(instance: object, *, rule: str) -> bool:
    """Whether the URI that an IRI stands for is one (RFC 3987 section 3.1, step 2)."""
    from rfc3986_validator import validate_rfc3986  # noqa: PLC0415 - an optional part

    if not isinstance(instance, str):
        return True
    mapped = _BEYOND_ASCII.sub(lambda match: quote(match[0].encode("utf-8", "surrogatepass"), safe=""), instance)
    return not mapped.endswith("\n") and bool(validate_rfc3986(mapped, rule=rule))
