"""The way from a payload's root to an assertion site, and where in a given payload that site applies."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from haiku_contract import pointer
from haiku_contract.constraints import APPLICATORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from haiku_contract.constraints import Schema
    from haiku_contract.model import Constraint

Path: TypeAlias = tuple[str | int, ...]


class Step(NamedTuple):
    """One applicator on the way: the keyword, and its key or index where it holds several schemas."""

    keyword: str
    key: str = ""


class Route(NamedTuple):
    """The way to an assertion site.

    Attributes:
        steps: the applicators to follow from the root schema, references included.
        schema: the schema that the keyword stands in.
    """

    steps: tuple[Step, ...]
    schema: Schema


def site_of(constraint: Constraint) -> str:
    """Pointer to the schema that the constraint's keyword stands in."""
    tokens = pointer.split(constraint.pointer)
    if constraint.keyword == "required" and len(tokens) > 1 and tokens[-2] == "required":
        return pointer.join(tokens[:-2])
    return pointer.join(tokens[:-1])


def routes(root: Schema) -> dict[str, Route]:
    """The shortest way to every schema inside a schema, by its pointer; breadth first, so recursion ends."""
    found: dict[str, Route] = {"": Route((), root)}
    queue: deque[tuple[str, ...]] = deque([()])
    while queue:
        tokens = queue.popleft()
        route = found[pointer.join(tokens)]
        for step, child in _edges(route.schema, tokens):
            here = pointer.join(child)
            if here not in found:
                try:
                    schema = pointer.get(root, child)
                except (KeyError, IndexError, ValueError):
                    continue
                found[here] = Route((*route.steps, step), schema)
                queue.append(child)
    return found


def _edges(schema: Schema, tokens: tuple[str, ...]) -> Iterator[tuple[Step, tuple[str, ...]]]:
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        shape = APPLICATORS.get(keyword)
        if shape == "schema":
            yield Step(keyword), (*tokens, keyword)
        elif shape == "list":
            for index in range(len(value)):
                yield Step(keyword, str(index)), (*tokens, keyword, str(index))
        elif shape == "map":
            for name in value:
                yield Step(keyword, name), (*tokens, keyword, name)
        elif keyword == "$ref" and value.startswith("#"):
            yield Step(keyword), tuple(pointer.split(value[1:]) if value != "#" else [])


def locations(route: Route, root: Schema, instance: Any) -> list[Path]:
    """Every place in the instance that the route's schema is held against, branches of unions left open."""
    places: list[tuple[Path, Any, Any]] = [((), instance, root)]
    for step in route.steps:
        places = [following for place in places for following in _follow(step, *place, root)]
    return [path for path, _, _ in places]


def _follow(step: Step, path: Path, value: Any, schema: Any, root: Schema) -> Iterator[tuple[Path, Any, Any]]:
    if step.keyword == "$ref":
        yield path, value, pointer.get(root, pointer.split(schema["$ref"].lstrip("#")))
        return
    inner = schema[step.keyword]
    shape = APPLICATORS[step.keyword]
    if shape != "schema":
        inner = inner[int(step.key) if shape == "list" else step.key]
    for token in _TOKENS.get(step.keyword, _here)(step, schema, value):
        yield ((*path, token), value[token], inner) if token is not None else (path, value, inner)


def _here(_step: Step, _schema: Any, _value: Any) -> Iterable[str | int | None]:
    return [None]


def _named(step: Step, _schema: Any, value: Any) -> Iterable[str | int | None]:
    return [step.key] if isinstance(value, dict) and step.key in value else []


def _dependent(step: Step, _schema: Any, value: Any) -> Iterable[str | int | None]:
    return [None] if isinstance(value, dict) and step.key in value else []


def _further_keys(_step: Step, schema: Any, value: Any) -> Iterable[str | int | None]:
    return [name for name in value if name not in schema.get("properties", {})] if isinstance(value, dict) else []


def _matching_keys(step: Step, _schema: Any, value: Any) -> Iterable[str | int | None]:
    return [name for name in value if re.search(step.key, name)] if isinstance(value, dict) else []


def _further_items(_step: Step, schema: Any, value: Any) -> Iterable[str | int | None]:
    return range(len(schema.get("prefixItems", ())), len(value)) if isinstance(value, list) else []


def _numbered(step: Step, _schema: Any, value: Any) -> Iterable[str | int | None]:
    return [int(step.key)] if isinstance(value, list) and int(step.key) < len(value) else []


_TOKENS: Final[dict[str, Callable[[Step, Any, Any], Iterable[str | int | None]]]] = {
    "properties": _named,
    "patternProperties": _matching_keys,
    "additionalProperties": _further_keys,
    "unevaluatedProperties": _further_keys,
    "items": _further_items,
    "unevaluatedItems": _further_items,
    "prefixItems": _numbered,
    "dependentSchemas": _dependent,
}
"""Which children of an instance an applicator speaks of, by keyword; the others speak of the instance itself (None)."""
