"""What a schema of the stream part says without a value: the keys that it names, and the keys that it asks for.

Nothing here decides whether an event conforms. The validator counts keys that no schema names, and a file whose events
may lack what a message is put together from is refused when it is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer, wire
from haiku_contract.stream import assembler

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ANY: Final = frozenset[str]()
_TEXT: Final = frozenset(("string",))
_OBJECT: Final = frozenset(("object",))


class Need(NamedTuple):
    """A key that is read of events that conform.

    Attributes:
        event: the event type.
        path: the keys that lead to it.
        types: the JSON types that it may have; any when empty.
        kind: the type of the block or delta that holds it; empty where that does not matter.
    """

    event: str
    path: tuple[str, ...]
    types: frozenset[str] = _ANY
    kind: str = ""

    def __str__(self) -> str:
        """As in `content_block_delta/delta/text (of a text_delta)`."""
        return "/".join((self.event, *self.path)) + (f" (of a {self.kind})" if self.kind else "")


_ALWAYS: Final = (
    Need("message_start", ("message",), _OBJECT),
    Need("message_start", ("message", "usage"), _OBJECT),
    Need("content_block_start", ("index",)),
    Need("content_block_start", ("content_block",), _OBJECT),
    Need("content_block_start", ("content_block", "type"), _TEXT),
    Need("content_block_delta", ("index",)),
    Need("content_block_delta", ("delta",), _OBJECT),
    Need("content_block_delta", ("delta", "type"), _TEXT),
    Need("content_block_stop", ("index",)),
    Need("message_delta", ("delta",), _OBJECT),
    Need("message_delta", ("delta", "stop_reason"), _TEXT | {"null"}),
    Need("message_delta", ("usage",), _OBJECT),
)


def unmet(document: Mapping[str, Any]) -> Need | None:
    """The first key that is read of events and that the schemas do not ask for; None when all is well."""
    every = list(_applying(document, document["event"]))
    if not _fit(every, _OBJECT) or not _asked(document, every, "type", _TEXT):
        return Need("event", ("type",), _TEXT)
    return next((one for one in _needs(document) if one.event in document["events"] and not _met(document, one)), None)


def _needs(document: Mapping[str, Any]) -> Iterator[Need]:
    yield from _ALWAYS
    for kind, (key, types) in assembler.PIECES.items():
        if kind in document["deltas"]:
            yield Need("content_block_delta", ("delta", key), frozenset(types), kind)
    for kind, block in document["blocks"].items():
        for delta in block["deltas"]:
            if delta in assembler.GROWING:
                yield Need("content_block_start", ("content_block", assembler.GROWING[delta]), _TEXT, kind)
        if kind == "tool_use":
            yield Need("content_block_start", ("content_block", "name"), _TEXT, kind)


def _met(document: Mapping[str, Any], need: Need) -> bool:
    schemas = list(_applying(document, document["events"][need.event]))
    for key in need.path[:-1]:
        schemas = [found for one in _members(schemas, key) for found in _applying(document, one, need.kind)]
    return _asked(document, schemas, need.path[-1], need.types)


def _asked(document: Mapping[str, Any], schemas: list[dict[str, Any]], key: str, types: frozenset[str]) -> bool:
    """Whether what fits all the schemas has the key, and a value of one of the types in it."""
    below = [found for one in _members(schemas, key) for found in _applying(document, one)]
    return any(key in one.get("required", ()) for one in schemas) and (not types or _fit(below, types))


def _fit(schemas: list[dict[str, Any]], types: frozenset[str]) -> bool:
    """Whether what fits all the schemas is of one of the types."""
    allowed = [found for one in schemas if (found := _types(one)) is not None]
    return bool(allowed) and frozenset.intersection(*allowed) <= types


def _members(schemas: list[dict[str, Any]], key: str) -> list[Any]:
    return [one["properties"][key] for one in schemas if key in one.get("properties", {})]


def _types(schema: dict[str, Any]) -> frozenset[str] | None:
    """The JSON types that a schema lets pass; None where it does not say."""
    if "const" in schema:
        return frozenset((wire.json_type(schema["const"]),))
    if "enum" in schema:
        return frozenset(map(wire.json_type, schema["enum"]))
    types = schema.get("type")
    return None if types is None else frozenset((types,)) if isinstance(types, str) else frozenset(types)


def _applying(document: Mapping[str, Any], schema: Any, kind: str = "") -> Iterator[dict[str, Any]]:
    """The schemas that every value has to fit, and those that one of that type has to fit besides."""
    if not isinstance(schema, dict):
        return
    yield schema
    if "$ref" in schema:
        yield from _applying(document, _target(document, schema["$ref"]), kind)
    for branch in schema.get("allOf", ()):
        named = _type_of_branch(branch)
        if named is None:
            yield from _applying(document, branch, kind)
        elif named == kind:
            yield from _applying(document, branch.get("then"), kind)


def _target(document: Mapping[str, Any], ref: str) -> Any:
    return pointer.get(document, pointer.split(ref.removeprefix("#")))


def _type_of_branch(branch: Any) -> str | None:
    """The type of block or delta that a branch is about, where it says `if` its type is that one; else None."""
    if not isinstance(branch, dict) or "if" not in branch:
        return None
    return str(branch["if"].get("properties", {}).get("type", {}).get("const", ""))


class Keys:
    """The keys that a schema names.

    Attributes:
        names: the keys of the object, whatever its type.
        below: those that hold objects whose keys are named too, what they add to a place, and these keys.
        by_type: where a schema tells blocks or deltas apart, what it names of each type (of all others nothing is
            known, and so nothing is counted); empty elsewhere.
    """

    __slots__ = ("below", "by_type", "names")

    def __init__(self) -> None:
        self.names: frozenset[str] = frozenset()
        self.below: tuple[tuple[str, str, Keys], ...] = ()
        self.by_type: dict[str, Keys] = {}

    def find(self, value: dict[str, Any], place: str, found: list[str]) -> None:
        """Add to `found` the keys of a value that are not named, each behind the place of the value."""
        keys = self
        if self.by_type:
            kind = value.get("type")
            chosen = self.by_type.get(kind) if type(kind) is str else None
            if chosen is None:
                return
            keys = chosen
        if not keys.names.issuperset(value):
            found += [f"{place}/{key}" for key in value if key not in keys.names]
        for key, suffix, below in keys.below:
            member = value.get(key)
            if type(member) is dict:
                below.find(member, place + suffix, found)


def keys(document: Mapping[str, Any]) -> dict[str, Keys]:
    """For each event type the keys that its schema names."""
    known: dict[str, Keys] = {}
    return {kind: _named(document, [schema], known) or Keys() for kind, schema in document["events"].items()}


def _named(document: Mapping[str, Any], schemas: list[Any], known: dict[str, Keys]) -> Keys | None:
    """What schemas of one place name together; None where they name nothing.

    `known` holds what was found for each list of schemas, so that one that contains itself comes to an end.
    """
    applying = [one for schema in schemas for one in _applying(document, schema)]
    identity = ",".join(str(id(one)) for one in applying)
    if identity in known:
        return known[identity]
    kinds = {
        kind: branch.get("then")
        for one in applying
        for branch in one.get("allOf", ())
        if (kind := _type_of_branch(branch))
    }
    members: dict[str, list[Any]] = {}
    for one in applying:
        for name, member in one.get("properties", {}).items():
            members.setdefault(name, []).append(member)
    if not members and not kinds:
        return None
    found = known[identity] = Keys()
    found.names = frozenset(members)
    if kinds:
        plain = [{"properties": one["properties"]} for one in applying if "properties" in one]
        found.by_type = {kind: _named(document, [*plain, then], known) or Keys() for kind, then in kinds.items()}
    else:
        found.below = tuple(
            (name, f"/{name}", below) for name, one in members.items() if (below := _named(document, one, known))
        )
    return found
