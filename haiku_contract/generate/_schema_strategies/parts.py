"""Hypothesis strategies for objects and arrays, from those of their parts."""

from __future__ import annotations

import math
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias

from hypothesis import strategies as st

from haiku_contract.generate import ecma, merging
from haiku_contract.generate._schema_strategies import leaves
from haiku_contract.generate.holding import key_of
from haiku_contract.generate.merging import Unsatisfiable
from haiku_contract.generate.plausible import EXTRA_KEY
from haiku_contract.pointer import fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haiku_contract.constraints import Schema

Strategy: TypeAlias = "st.SearchStrategy[Any]"

_SELDOM: Final = 7  # the simplest object is one of at least so many others
_MORE: Final = 3  # how many items are drawn beyond the fewest
_MOST_DRAWN: Final = 50  # longer arrays are filled up with copies
_LONG: Final = 20
_MOST_LONG: Final = 2  # long arrays of long arrays, but no deeper


class Place(NamedTuple):
    """Where a schema stands, the key of the values it describes, and how often references came back to themselves."""

    where: tuple[str, ...] = ()
    name: str = ""
    level: int = 0

    def into(self, *tokens: str, name: str | None = None) -> Place:
        """The place of a subschema."""
        return Place((*self.where, *tokens), self.name if name is None else name, self.level)


class Context(Protocol):
    """What the builders of objects and arrays need of the converter."""

    def convert(self, schema: Schema, place: Place) -> Strategy:
        """The strategy of a subschema; raises `Unsatisfiable` when it has no value."""
        ...

    def simple(self, where: tuple[str, ...]) -> Any:
        """The simplest value at a place; `ABSENT` where it is not known."""
        ...

    def is_lean(self, place: Place) -> bool:
        """Whether only what ends the recursion is to be drawn here."""
        ...


class _Next(Enum):
    """What an object or array becomes, or that it has enough parts."""

    SIMPLE = "simple"
    STOP = "stop"
    SHORT = "short"
    LISTED = "listed"
    REPEATED = "repeated"


class _Source(NamedTuple):
    """Further keys of an object: their names, their values, and which names are theirs."""

    names: Strategy
    values: Strategy
    owns: Callable[[str], bool]


class _Object(NamedTuple):
    """What an object is drawn from; `first` and `picks` draw keys of `optional`, sources, or what is `_Next`."""

    simple: Any
    required: dict[str, Strategy]
    optional: dict[str, Strategy]
    sources: tuple[_Source, ...]
    dependent: dict[str, list[str]]
    least: int
    most: float
    first: Strategy
    picks: Strategy

    def __repr__(self) -> str:
        return f"<object with {', '.join([*self.required, *self.optional]) or 'any keys'}>"


class _Array(NamedTuple):
    """What an array is drawn from; `first` draws what is `_Next`."""

    simple: Any
    prefix: tuple[Strategy, ...]
    rest: Strategy
    contained: tuple[Strategy, ...]
    fewest: int
    most: float
    first: Strategy

    def __repr__(self) -> str:
        return f"<array of {self.fewest} to {self.most}>"


def objects(context: Context, schema: dict[str, Any], place: Place) -> list[Strategy]:
    """Objects: required keys, some of the optional ones, and further keys where the object is open."""
    needed = list(dict.fromkeys(schema.get("required", ())))
    most = schema.get("maxProperties", math.inf)
    required = {name: _satisfiable(context, *_property(schema, name, place)) for name in needed}
    if len(needed) > most or None in required.values():
        return []
    lean = context.is_lean(place)
    names = [] if lean else [name for name in schema.get("properties", {}) if name not in required]
    optional = {name: _satisfiable(context, *_property(schema, name, place)) for name in names}
    kept = {name: values for name, values in optional.items() if values is not None}
    sources = () if lean else tuple(_sources(context, schema, place))
    simple = context.simple(place.where)
    picks: list[Any] = [_Next.STOP, *kept, *sources]
    picks += [_Next.STOP] * (len(picks) // 2)
    rarely = [_Next.SIMPLE, *picks * -(-_SELDOM // len(picks))]
    spec = _Object(
        simple=simple,
        required={name: values for name, values in required.items() if values is not None},
        optional=kept,
        sources=sources,
        dependent=schema.get("dependentRequired", {}),
        least=int(schema.get("minProperties", 0)),
        most=most,
        first=st.sampled_from(rarely if isinstance(simple, dict) else picks),
        picks=st.sampled_from(picks),
    )
    return [_objects(spec)]


@st.composite
def _objects(draw: st.DrawFn, spec: _Object) -> dict[str, Any]:
    pick = draw(spec.first)
    if pick is _Next.SIMPLE:
        simple: dict[str, Any] = fresh(spec.simple)
        return simple
    built = {name: draw(values) for name, values in spec.required.items()}
    while pick is not _Next.STOP and len(built) < spec.most:
        if isinstance(pick, str):
            if pick not in built:
                built[pick] = draw(spec.optional[pick])
        elif pick.owns(name := draw(pick.names)):
            built[name] = draw(pick.values)
        pick = draw(spec.picks)
    _complete(draw, spec, built)
    return built


def _complete(draw: st.DrawFn, spec: _Object, built: dict[str, Any]) -> None:
    """Add the keys that others ask for, and as many more as there have to be."""
    asked = [name for key in list(built) for name in spec.dependent.get(key, ())]
    while asked:
        name = asked.pop()
        if name not in built and (values := _values_of(spec, name)) is not None:
            built[name] = draw(values)
            asked += spec.dependent.get(name, ())
    spare = [*spec.optional, *(f"{EXTRA_KEY}_{count}" for count in range(spec.least))]
    for name in spare if len(built) < spec.least else ():
        if len(built) < spec.least and name not in built and (values := _values_of(spec, name)) is not None:
            built[name] = draw(values)


def _values_of(spec: _Object, name: str) -> Strategy | None:
    if name in spec.optional:
        return spec.optional[name]
    return next((source.values for source in spec.sources if source.owns(name)), None)


def _property(schema: dict[str, Any], name: str, place: Place) -> tuple[Schema, Place]:
    """Everything that a schema says of one key: under its name, by pattern, or for further keys."""
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    said = [schema for pattern, schema in patterns.items() if (_searcher(pattern))(name)]
    if name in properties:
        where = place.into("properties", name, name=name)
        return (properties[name], where) if not said else ({"allOf": [properties[name], *said]}, where)
    if said:
        return {"allOf": said}, place.into("patternProperties", name=name)
    return _closing(schema), place.into("additionalProperties", name=name)


def _closing(schema: dict[str, Any]) -> Any:
    return schema.get("additionalProperties", schema.get("unevaluatedProperties", True))


def _sources(context: Context, schema: dict[str, Any], place: Place) -> Iterator[_Source]:
    known = schema.get("properties", {})
    patterns = {pattern: _searcher(pattern) for pattern in schema.get("patternProperties", {})}

    def owner(*own: str) -> Callable[[str], bool]:
        return lambda name: name not in known and own == tuple(one for one, fits in patterns.items() if fits(name))

    for pattern, inner in schema.get("patternProperties", {}).items():
        names = leaves.patterned(pattern)
        values = _satisfiable(context, inner, place.into("patternProperties", pattern, name=""))
        if names is not None and values is not None:
            yield _Source(names, values, owner(pattern))
    naming = merging.both({"type": "string"}, schema.get("propertyNames", True))
    free = merging.assertions(naming) == {"type": "string"} if isinstance(naming, dict) else False
    allowed = leaves.keys() if free else _satisfiable(context, naming, place.into("propertyNames", name=""))
    further = _satisfiable(context, _closing(schema), place.into("additionalProperties", name=""))
    if allowed is not None and further is not None:
        yield _Source(allowed, further, owner())


def arrays(context: Context, schema: dict[str, Any], place: Place) -> list[Strategy]:
    """Arrays: the leading items, then a few further ones, at times many."""
    leading, items = schema.get("prefixItems", []), schema.get("items", True)
    if isinstance(items, list):  # drafts before 2020-12
        leading, items = items, schema.get("additionalItems", True)
    fewest, most = int(schema.get("minItems", 0)), schema.get("maxItems", math.inf)
    prefix: list[Strategy] = []
    for index, inner in enumerate(leading):
        values = _satisfiable(context, inner, place.into("prefixItems", str(index)))
        if values is None:
            most = min(most, index)
            break
        prefix.append(values)
    further = _satisfiable(context, items, place.into("items"))
    most = min(most, len(prefix)) if further is None else most
    if fewest > most:
        return []
    prefix = prefix[: int(min(most, len(prefix)))]
    contained = _contained(context, schema, items, place)
    base = min(max(fewest - len(prefix) - len(contained), 0), _MOST_DRAWN)
    limit = max(most - len(prefix) - len(contained), 0)
    unique = key_of if schema.get("uniqueItems") else None
    lean = context.is_lean(place)
    rest: Strategy = st.just([])
    if further is not None and (limit > 0 if not lean else base > 0):
        size = base if lean else max(base, 1)
        rest = st.lists(
            further, min_size=size, max_size=int(min(limit, size if lean else base + _MORE)), unique_by=unique
        )
    simple = context.simple(place.where)
    first = [_Next.SIMPLE] if isinstance(simple, list) else []
    first += [_Next.SHORT] if fewest <= len(prefix) and not contained else []
    first += [] if lean and first else [_Next.LISTED] * (_SELDOM - 2)
    nested = place.level > 0 or place.where.count("items") >= _MOST_LONG
    first += [_Next.REPEATED] if limit >= _LONG and not (unique or nested) else []
    spec = _Array(simple, tuple(prefix), rest, contained, fewest, most, st.sampled_from(first))
    return [_arrays(spec)]


@st.composite
def _arrays(draw: st.DrawFn, spec: _Array) -> list[Any]:
    become = draw(spec.first)
    if become is _Next.SIMPLE:
        simple: list[Any] = fresh(spec.simple)
        return simple
    if become is _Next.SHORT:
        length = draw(st.integers(spec.fewest, len(spec.prefix))) if spec.prefix else 0
        return [draw(values) for values in spec.prefix[:length]]
    built = [draw(values) for values in spec.prefix]
    rest: list[Any] = draw(spec.rest)
    contained = [draw(values) for values in spec.contained]
    wanted = spec.fewest - len(built) - len(contained)
    if become is _Next.REPEATED:
        wanted = int(min(max(wanted, _LONG), spec.most - len(built) - len(contained)))
    if rest and len(rest) < wanted:
        rest = [*rest, *(fresh(rest[index % len(rest)]) for index in range(wanted - len(rest)))]
    return [*built, *rest, *contained]


def _contained(context: Context, schema: dict[str, Any], items: Schema, place: Place) -> tuple[Strategy, ...]:
    """The items that `contains` asks for."""
    count = int(schema.get("minContains", 1)) if "contains" in schema else 0
    if not count:
        return ()
    both: Schema = {"allOf": [items, schema["contains"]]} if items is not True else schema["contains"]
    values = _satisfiable(context, both, place.into("contains"))
    return () if values is None else (values,) * min(count, _MOST_DRAWN)


def _satisfiable(context: Context, schema: Schema, place: Place) -> Strategy | None:
    try:
        return context.convert(schema, place)
    except Unsatisfiable:
        return None


def _searcher(pattern: str) -> Callable[[str], bool]:
    """Whether a text matches an ECMA 262 pattern; every text may, where Python cannot read it."""
    return lambda text: ecma.matches(pattern, text)
