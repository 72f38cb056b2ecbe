"""The way from a payload's root to an assertion site, and where in a given payload that site applies."""

from __future__ import annotations

from collections import deque
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer
from haiku_contract.constraints import APPLICATORS, UNEVALUATED, UNIONS
from haiku_contract.generate import ecma
from haiku_contract.generate.goals import Step
from haiku_contract.schemas import REFERENCES, Document, held, known
from haiku_contract.trivial import accepts_everything, kinds_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from haiku_contract.generate.goals import Path
    from haiku_contract.model import Constraint
    from haiku_contract.schemas import Schema, Tokens


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
    """The shortest way to every schema inside a schema, by its pointer; breadth first, so recursion ends.

    Ways through a union of which another branch accepts everything are taken last: nothing at their end can be broken.
    """
    document = Document(root)
    is_lax = _laxity(document)
    found: dict[str, Route] = {"": Route((), root)}
    queue: deque[Tokens] = deque([()])
    lax: deque[tuple[Tokens, Route]] = deque()
    while queue or lax:
        if not queue:
            there, route = lax.popleft()
            if pointer.join(there) not in found:
                found[pointer.join(there)] = route
                queue.append(there)
            continue
        tokens = queue.popleft()
        route = found[pointer.join(tokens)]
        for step, there, schema in _edges(document, tokens, route.schema):
            here = pointer.join(there)
            if here in found:
                continue
            way = Route((*route.steps, step), schema)
            if step.keyword in UNIONS and is_lax(step.keyword, step.key, route.schema):
                lax.append((there, way))
            else:
                found[here] = way
                queue.append(there)
    return found


def _laxity(document: Document) -> Callable[[str, str, Any], bool]:
    """Tells whether a branch of a union stands beside another one that accepts everything."""
    open_branches: dict[tuple[int, str], set[str]] = {}

    def is_lax(union: str, key: str, schema: dict[str, Any]) -> bool:
        if (id(schema), union) not in open_branches:
            kinds = kinds_beside(schema)
            open_branches[id(schema), union] = {
                str(index) for index, one in enumerate(schema[union]) if accepts_everything(document, one, kinds)
            }
        return bool(open_branches[id(schema), union] - {key})

    return is_lax


def _edges(document: Document, tokens: Tokens, schema: Schema) -> Iterator[tuple[Step, Tokens, Schema]]:
    if not isinstance(schema, dict):
        return
    said = known(schema, document.number)
    for keyword, value in said.items():
        if keyword in {"then", "else"} and "if" not in said:
            continue
        if keyword in APPLICATORS and keyword not in UNEVALUATED:  # of which engines do not tell what in them failed
            for there, child in held(tokens, keyword, value):
                yield Step(keyword, *there[len(tokens) + 1 :]), there, child
        elif keyword in REFERENCES and (target := document.target(value, tokens)) is not None:
            yield Step(keyword), *target


def passed(document: Document, steps: tuple[Step, ...]) -> list[Any]:
    """The schemas that a way passes, from the root to where it ends."""
    found: list[Any] = [document.root]
    for step in steps:
        inner = found[-1][step.keyword]
        if step.keyword in REFERENCES:
            target = document.target(inner)
            inner = None if target is None else target.schema
        elif step.key:
            inner = inner[int(step.key)] if isinstance(inner, list) else inner[step.key]
        found.append(inner)
    return found


def locations(route: Route, root: Schema, instance: Any) -> list[Path]:
    """Every place in the instance that the route's schema is held against, branches of unions left open."""
    document = cache(lambda: Document(root))  # few ways have a reference on them, and to read a schema takes long
    places: list[tuple[Path, Any, Any]] = [((), instance, root)]
    for step in route.steps:
        places = [following for place in places for following in _follow(step, *place, document)]
    return [path for path, _, _ in places]


def _follow(
    step: Step, path: Path, value: Any, schema: Any, document: Callable[[], Document]
) -> Iterator[tuple[Path, Any, Any]]:
    inner = schema[step.keyword]
    if step.keyword in REFERENCES:
        target = document().target(inner)
        yield path, value, None if target is None else target.schema
        return
    if step.key or isinstance(inner, list) or APPLICATORS[step.keyword] == "map":
        inner = inner[int(step.key)] if isinstance(inner, list) else inner[step.key]
    keyword = "prefixItems" if step.keyword == "items" and step.key else step.keyword
    for token in _TOKENS.get(keyword, _here)(step, schema, value):
        yield ((*path, token), value[token], inner) if token is not None else (path, value, inner)


def _here(_step: Step, _schema: Any, _value: Any) -> Iterable[str | int | None]:
    return [None]


def _named(step: Step, _schema: Any, value: Any) -> Iterable[str | int | None]:
    return [step.key] if isinstance(value, dict) and step.key in value else []


def _dependent(step: Step, _schema: Any, value: Any) -> Iterable[str | int | None]:
    return [None] if isinstance(value, dict) and step.key in value else []


def _further_keys(_step: Step, schema: Any, value: Any) -> Iterable[str | int | None]:
    if not isinstance(value, dict):
        return []
    known_names, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    return [name for name in value if name not in known_names and not any(ecma.matches(one, name) for one in patterns)]


def _matching_keys(step: Step, _schema: Any, value: Any) -> Iterable[str | int | None]:
    return [name for name in value if ecma.matches(step.key, name)] if isinstance(value, dict) else []


def _further_items(_step: Step, schema: Any, value: Any) -> Iterable[str | int | None]:
    leading = schema["items"] if isinstance(schema.get("items"), list) else schema.get("prefixItems", ())
    return range(len(leading), len(value)) if isinstance(value, list) else []


def _numbered(step: Step, _schema: Any, value: Any) -> Iterable[str | int | None]:
    return [int(step.key)] if isinstance(value, list) and int(step.key) < len(value) else []


_TOKENS: Final[dict[str, Callable[[Step, Any, Any], Iterable[str | int | None]]]] = {
    "properties": _named,
    "patternProperties": _matching_keys,
    "additionalProperties": _further_keys,
    "items": _further_items,
    "additionalItems": _further_items,
    "prefixItems": _numbered,
    "dependentSchemas": _dependent,
    "dependencies": _dependent,
}
"""Which children of an instance an applicator speaks of, by keyword; the others speak of the instance itself (None)."""
