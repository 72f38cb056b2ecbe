"""The request schema of a contract with one constraint taken away, or made a little narrower.

How most keywords are narrowed is a row of a table. Where a keyword has none, or its row shows in no case of the suite,
the schema refuses the very values that conforming cases about the constraint have at its place. And where there are no
such cases, as with a key that has to be there, it allows no more than what the simplest request has at that place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract import constraints, pointer
from haiku_contract.constraints import types
from haiku_contract.generate import suite
from haiku_contract.generate.routes import locations, routes, site_of
from haiku_contract.validation import SchemaValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.model import Case, Constraint


def loosened(contract: Contract, constraint: Constraint) -> Any:
    """The request schema without the constraint."""
    return constraints.without(contract.request.schema, constraint)


def tightened(contract: Contract, constraint: Constraint, cases: Sequence[Case] = ()) -> Any:
    """The request schema with the constraint a little narrower; the schema itself where nothing would show of it.

    What shows is that a conforming case is refused, of those about the constraint if possible; but not the simplest
    one, without which nothing can be shown at all. `cases` are those of the suite, for whoever has them already.
    """
    conforming = [case for case in cases or suite(contract, "request") if case.kind == "conforming"]
    about = [case.payload for case in conforming if case.constraint == constraint.id]
    payloads = [case.payload for case in conforming]
    root, simplest = contract.request.schema, payloads[0]
    seen = _Seen(root, constraint)
    for witnesses, narrower in ((about, _at_the_edge(seen, about, simplest)), (payloads, _usual_only(seen, payloads))):
        for schema in narrower if witnesses else ():
            engine = SchemaValidator("request", schema, assert_format=contract.request.assert_format).engine
            if engine.is_valid(simplest) and not all(map(engine.is_valid, witnesses)):
                return schema
    return root


class _Seen:
    """The place of a constraint: the schema that its keyword stands in, and what payloads have there."""

    def __init__(self, root: Any, constraint: Constraint) -> None:
        self._root = root
        self._site = pointer.split(site_of(constraint))
        self._route = routes(root)[site_of(constraint)]
        self.constraint = constraint
        self.schema = pointer.get(root, self._site)

    def values(self, payload: Any) -> list[Any]:
        """What a payload has at every place that the schema is held against."""
        return list(_values(self._root, self._route, payload))

    def narrowed(self, **more: Any) -> Any:
        """The whole schema with more demanded at this place."""
        for keyword, tighter in _TIGHTER.items():
            if keyword in self.schema and keyword in more:
                more[keyword] = tighter(self.schema[keyword], more[keyword])
        return constraints.replace(self._root, self._site, {**self.schema, **more})

    def refusing(self, schema: Any) -> Any:
        """The whole schema, which at this place refuses what conforms to a schema."""
        return self.narrowed(allOf=[*self.schema.get("allOf", ()), {"not": schema}])


_TIGHTER: Final[dict[str, Callable[..., Any]]] = {
    "minLength": max,
    "minItems": max,
    "minProperties": max,
    "maxItems": min,
    "maxProperties": min,
}
"""Of two bounds of a kind, the one that both hold with."""


def _rows(seen: _Seen) -> Iterator[Any]:
    narrow = _ROWS.get(seen.constraint.keyword)
    if narrow is not None:
        yield seen.narrowed(**narrow(seen.constraint.value, seen.schema))


def _at_the_edge(seen: _Seen, about: list[Any], simplest: Any) -> Iterator[Any]:
    """Schemas that refuse some cases about the constraint, the most natural first."""
    if not isinstance(seen.schema, dict):
        return
    yield from _rows(seen)
    usual = seen.values(simplest)
    edges = [value for payload in about for value in seen.values(payload) if value not in usual]
    if edges:
        yield seen.refusing({"enum": edges})


def _usual_only(seen: _Seen, payloads: list[Any]) -> Iterator[Any]:
    """Schemas that refuse some case or other, the most natural first: the simplest values are the last to go."""
    if not isinstance(seen.schema, dict):
        return
    yield from _rows(seen)
    usual = next(filter(None, map(seen.values, payloads)), [])
    if usual:
        if all(isinstance(one, dict) for one in usual):
            yield seen.narrowed(maxProperties=max(map(len, usual)))
        yield seen.refusing({"not": {"enum": usual}})
        yield seen.refusing({"enum": usual})


def _values(root: Any, route: Any, payload: Any) -> Iterator[Any]:
    """What a payload has at every place that a schema is held against."""
    for path in locations(route, root, payload):
        value = payload
        for token in path:
            value = pointer.step(value, token)
        yield value


def _type(value: Any, _schema: dict[str, Any]) -> dict[str, Any]:
    """Refuse one edge of each type: empty texts, arrays and objects, fractions, `false`."""
    refused: dict[str, Any] = {"minLength": 1, "minItems": 1, "minProperties": 1}
    if "number" in types(value):
        return {"type": ["integer" if one == "number" else one for one in types(value)], **refused}
    return {"enum": [True]} if types(value) == ["boolean"] else refused


def _members(value: Any, _schema: dict[str, Any]) -> dict[str, Any]:
    return {"enum": value[:-1]} if len(value) > 1 else {}


def _branches(keyword: str) -> Callable[[Any, dict[str, Any]], dict[str, Any]]:
    return lambda value, _schema: {keyword: value[:-1]} if len(value) > 1 else {}


def _keys(value: Any, schema: dict[str, Any]) -> dict[str, Any]:
    """An open object is closed; a closed one refuses its last optional key."""
    if value is not False:
        return {"additionalProperties": False}
    optional = [name for name in schema.get("properties", {}) if name not in schema.get("required", ())]
    return {"properties": {**schema["properties"], optional[-1]: False}} if optional else {}


def _one_more(_value: Any, schema: dict[str, Any]) -> dict[str, Any]:
    """An object that has to have a key has to have an optional one too."""
    required = schema.get("required", [])
    optional = [name for name in schema.get("properties", {}) if name not in required]
    return {"required": [*required, optional[0]]} if optional else {}


def _moved(keyword: str, by: int) -> Callable[[Any, dict[str, Any]], dict[str, Any]]:
    """The bound moved inwards, where that leaves a bound; in draft 4 the exclusive ones are booleans."""
    sizes = keyword not in {"maximum", "minimum"}
    return lambda value, _schema: {} if isinstance(value, bool) or (sizes and value + by < 0) else {keyword: value + by}


_ROWS: Final[dict[str, Callable[[Any, dict[str, Any]], dict[str, Any]]]] = {
    "type": _type,
    "enum": _members,
    "anyOf": _branches("anyOf"),
    "oneOf": _branches("oneOf"),
    "maximum": lambda value, _schema: {"exclusiveMaximum": value},
    "minimum": lambda value, _schema: {"exclusiveMinimum": value},
    "exclusiveMaximum": _moved("maximum", -1),
    "exclusiveMinimum": _moved("minimum", 1),
    "maxLength": _moved("maxLength", -1),
    "minLength": _moved("minLength", 1),
    "maxItems": _moved("maxItems", -1),
    "minItems": _moved("minItems", 1),
    "maxProperties": _moved("maxProperties", -1),
    "minProperties": _moved("minProperties", 1),
    "additionalProperties": _keys,
    "required": _one_more,
    "multipleOf": lambda value, _schema: {"multipleOf": 2 * value},
    "uniqueItems": lambda value, _schema: {"maxItems": 1} if value else {},
}
"""How a keyword is made a little narrower: what changes in the schema that it stands in."""
