"""The request schema of a contract with one constraint taken away, or made a little narrower.

How most keywords are narrowed is a row of a table. Where a keyword has none, or its row shows in no case of the suite,
the schema refuses the very values that conforming cases about the constraint have at its place.
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

    What shows is that a conforming case about the constraint is refused; but not the simplest one, without which
    nothing can be shown at all. `cases` are those of the suite, for whoever has them already.
    """
    conforming = [case for case in cases or suite(contract, "request") if case.kind == "conforming"]
    about = [case.payload for case in conforming if case.constraint == constraint.id]
    simplest = conforming[0].payload
    for schema in _narrower(contract.request.schema, constraint, about, simplest) if about else ():
        engine = SchemaValidator("request", schema, assert_format=contract.request.assert_format).engine
        if engine.is_valid(simplest) and not all(map(engine.is_valid, about)):
            return schema
    return contract.request.schema


def _narrower(root: Any, constraint: Constraint, about: list[Any], simplest: Any) -> Iterator[Any]:
    """Narrower schemas, the most natural first."""
    site = pointer.split(site_of(constraint))
    schema = pointer.get(root, site)
    if not isinstance(schema, dict):
        return
    narrow = _ROWS.get(constraint.keyword)
    if narrow is not None:
        yield constraints.replace(root, site, {**schema, **narrow(constraint.value, schema)})
    route = routes(root)[site_of(constraint)]
    usual = list(_values(root, route, simplest))
    edges = [value for payload in about for value in _values(root, route, payload) if value not in usual]
    if edges:
        refused = {"not": {"enum": edges}}
        yield constraints.replace(root, site, {**schema, "allOf": [*schema.get("allOf", ()), refused]})


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
}
"""How a keyword is made a little narrower: what changes in the schema that it stands in."""
