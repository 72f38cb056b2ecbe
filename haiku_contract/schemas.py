"""Schemas of every draft in one form: what a draft makes of a schema object, and what a reference names; pure.

Drafts 4, 6, 7, 2019-09 and 2020-12 differ in few keywords (the appendix "Change Log" of each). Everything above reads
schemas in the words of 2020-12 and keeps the pointers of the document.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import unquote, urljoin

from haiku_contract import pointer
from haiku_contract.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Schema: TypeAlias = dict[str, Any] | bool
Shape: TypeAlias = Literal["schema", "list", "map"]
Tokens: TypeAlias = tuple[str, ...]

HOLDING: Final[dict[str, Shape]] = {
    **dict.fromkeys(("properties", "patternProperties", "dependentSchemas", "dependencies"), "map"),
    **dict.fromkeys(("$defs", "definitions"), "map"),
    **dict.fromkeys(("additionalProperties", "unevaluatedProperties", "propertyNames"), "schema"),
    **dict.fromkeys(("items", "additionalItems", "unevaluatedItems", "contains"), "schema"),
    **dict.fromkeys(("not", "if", "then", "else"), "schema"),
    **dict.fromkeys(("prefixItems", "allOf", "anyOf", "oneOf"), "list"),
}
"""Every keyword that holds schemas, and the shape in which it does."""

REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_DRAFTS: Final = {"draft-04": 4, "draft-05": 4, "draft-06": 6, "draft-07": 7, "2019-09": 2019, "2020-12": 2020}
_NEWEST: Final = 2020
_SIBLINGS: Final = 2019  # the first draft in which what stands beside '$ref' counts

_SINCE: Final[dict[str, int]] = {
    **dict.fromkeys(("const", "contains", "propertyNames"), 6),
    **dict.fromkeys(("if", "then", "else"), 7),
    **dict.fromkeys(("dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties"), 2019),
    **dict.fromkeys(("minContains", "maxContains", "$recursiveRef"), 2019),
    **dict.fromkeys(("prefixItems", "$dynamicRef"), 2020),
}
_FORMATS: Final[dict[str, int]] = {
    **dict.fromkeys(("date-time", "date", "time", "email", "idn-email", "hostname", "ipv4", "ipv6", "uri", "regex"), 4),
    **dict.fromkeys(("uri-reference", "uri-template", "json-pointer"), 6),
    **dict.fromkeys(("idn-hostname", "iri", "iri-reference", "relative-json-pointer"), 7),
    **dict.fromkeys(("duration", "uuid"), 2019),
}
"""Since which draft a format is one of those that are asserted where formats are; others stay annotations."""

_UNTIL: Final[dict[str, int]] = {"dependencies": 7, "additionalItems": 2019, "$recursiveRef": 2019}


class Words(dict[str, Any]):
    """A schema that this package has made, in the words of 2020-12 whatever the draft of the document."""


class Place(NamedTuple):
    """A schema inside a document: its tokens from the root, and itself."""

    tokens: Tokens
    schema: Any


def types(value: str | list[str]) -> list[str]:
    """The names of types under `type`; drafts before 4, which only the slow engine reads, have schemas there too."""
    return [value] if isinstance(value, str) else [one for one in value if isinstance(one, str)]  # type: ignore[redundant-expr]  # draft 3


def draft(root: Schema) -> int:
    """The draft that `$schema` names: 4, 6, 7, 2019 or 2020; the newest when it names none."""
    return named_draft(root.get("$schema") if isinstance(root, dict) else None) or _NEWEST


def named_draft(dialect: Any) -> int | None:
    """The draft that the value of a `$schema` names, however it is spelt; draft 5 is draft 4; None for no known one."""
    spelt = dialect if isinstance(dialect, str) else ""
    return next((number for name, number in _DRAFTS.items() if name in spelt), None)


def known(schema: dict[str, Any], number: int) -> dict[str, Any]:
    """The keywords of a schema object that say something in a draft, under the names that they have there."""
    if number < _SIBLINGS and isinstance(schema.get("$ref"), str):
        return {"$ref": schema["$ref"]}
    if number == _NEWEST and "dependencies" not in schema and "additionalItems" not in schema:
        return schema
    return {
        keyword: value
        for keyword, value in schema.items()
        if _SINCE.get(keyword, 0) <= number <= _UNTIL.get(keyword, _NEWEST)
    }


def modern(schema: dict[str, Any], number: int) -> dict[str, Any]:
    """A schema object in the words of 2020-12; its subschemas are those of the document, as they are."""
    said = known(schema, number)
    if number == _NEWEST:
        return said
    words = Words({keyword: value for keyword, value in said.items() if keyword not in _REWORDED})
    for keyword, reword in _REWORDED.items():
        if keyword in said:
            words |= reword(said[keyword], said)
    return words


def _items(value: Any, _said: dict[str, Any]) -> dict[str, Any]:
    return {"prefixItems": value} if isinstance(value, list) else {"items": value}


def _additional_items(value: Any, said: dict[str, Any]) -> dict[str, Any]:
    return {"items": value} if isinstance(said.get("items"), list) else {}


def _dependencies(value: Any, _said: dict[str, Any]) -> dict[str, Any]:
    keys = {name: one for name, one in value.items() if isinstance(one, list)}
    schemas = {name: one for name, one in value.items() if not isinstance(one, list)}
    return {word: one for word, one in (("dependentRequired", keys), ("dependentSchemas", schemas)) if one}


def _limit(which: str) -> Callable[[Any, dict[str, Any]], dict[str, Any]]:
    """A bound, or the boolean that makes it exclusive in draft 4."""
    exclusive = f"exclusive{which.capitalize()}"

    def reword(value: Any, said: dict[str, Any]) -> dict[str, Any]:
        return {exclusive if said.get(exclusive) is True else which: value}

    return reword


_REWORDED: Final[dict[str, Callable[[Any, dict[str, Any]], dict[str, Any]]]] = {
    "items": _items,
    "additionalItems": _additional_items,
    "dependencies": _dependencies,
    "minimum": _limit("minimum"),
    "maximum": _limit("maximum"),
    "exclusiveMinimum": lambda value, _said: {} if isinstance(value, bool) else {"exclusiveMinimum": value},
    "exclusiveMaximum": lambda value, _said: {} if isinstance(value, bool) else {"exclusiveMaximum": value},
    "$recursiveRef": lambda value, _said: {"$ref": value},
}
"""What the keywords of earlier drafts are called in 2020-12."""


def held(tokens: Tokens, keyword: str, value: Any) -> Iterator[Place]:
    """The schemas under a keyword, and where they stand; whatever has not the keyword's shape holds none."""
    shape = HOLDING.get(keyword)
    here = (*tokens, keyword)
    if shape == "map" and isinstance(value, dict):
        for name, child in value.items():
            if isinstance(child, (dict, bool)):
                yield Place((*here, name), child)
    elif shape != "map" and shape and isinstance(value, list):  # drafts before 2020-12 allow lists under 'items'
        for index, child in enumerate(value):
            yield Place((*here, str(index)), child)
    elif shape == "schema" and isinstance(value, (dict, bool)):
        yield Place(here, value)


def subschemas(root: Schema, tokens: Tokens = ()) -> Iterator[Place]:
    """Every schema inside a schema, itself first, in the order of the document; `tokens` is where it stands."""
    stack = [Place(tokens, root)]
    while stack:
        place = stack.pop()
        yield place
        if isinstance(place.schema, dict):
            children = [one for key, value in place.schema.items() for one in held(place.tokens, key, value)]
            stack.extend(reversed(children))


def reachable(root: Schema) -> Iterator[Place]:
    """Every schema inside a schema, and those that references find where no keyword of JSON Schema holds them."""
    document = Document(root)
    seen: set[Tokens] = set()
    queue: list[Place] = [Place((), root)]
    while queue:
        start = queue.pop()
        for place in () if start.tokens in seen else subschemas(start.schema, start.tokens):
            if place.tokens in seen:
                continue
            seen.add(place.tokens)
            yield place
            for keyword in REFERENCES if isinstance(place.schema, dict) else ():
                reference = place.schema.get(keyword)
                target = document.target(reference, place.tokens) if isinstance(reference, str) else None
                if target is not None:
                    queue.append(target)


def formats(root: Schema, *, asserted: bool) -> frozenset[str]:
    """The formats that are assertions in a schema: all that its draft knows, or none."""
    number = draft(root)
    return frozenset(name for name, since in _FORMATS.items() if asserted and since <= number)


def _joined(base: str, reference: str) -> str:
    """A reference resolved against a base; as it is where one of them is no URI."""
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference


def _absolute(base: str, reference: str) -> str:
    return _joined(base, reference) if reference.partition("#")[0] else base + reference


class Document:
    """A schema with what its references name.

    Attributes:
        root: the schema.
        number: its draft.
        formats: the formats that are assertions in it.
    """

    def __init__(self, root: Schema, *, assert_format: bool = False) -> None:
        """Args: the schema; identifiers inside it count (Core section 8.2), other documents are not looked for."""
        self.root = root
        self.number = draft(root)
        self.formats = formats(root, asserted=assert_format)
        self._modern: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
        self._targets: dict[tuple[str, str], Place | None] = {}
        self._bases: dict[Tokens, str] = {}  # of the schemas that change it
        self._resources: dict[str, Tokens] = {"": ()}
        self._anchors: dict[tuple[str, str], Tokens] = {}
        for place in subschemas(root):
            self._register(place)

    def changed(self, root: Schema) -> Document:
        """The document with another root, whose identifiers stand where they stand in this one."""
        other = copy(self)
        other.root, other._modern, other._targets = root, {}, {}  # noqa: SLF001 - of this class
        return other

    def modern(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema object in the words of 2020-12."""
        if isinstance(schema, Words):
            return schema
        found = self._modern.get(id(schema))
        if found is None:
            found = self._modern[id(schema)] = (schema, modern(schema, self.number))  # kept, so that its id stays its
        return found[1]

    def target(self, reference: str, tokens: Tokens = ()) -> Place | None:
        """The schema that a reference names; None when it is in no resource of the document.

        Args:
            reference: a URI reference, as `$ref` holds it.
            tokens: where the schema stands that holds it, which matters where there are identifiers inside.
        """
        base = self._base(tokens)
        if (base, reference) not in self._targets:
            self._targets[base, reference] = self._resolved(base, reference)
        return self._targets[base, reference]

    def absolute(self, reference: str, tokens: Tokens = ()) -> str:
        """The URI that a reference at a place stands for."""
        return _absolute(self._base(tokens), reference)

    def _resolved(self, base: str, reference: str) -> Place | None:
        address, _, fragment = _absolute(base, reference).partition("#")
        if address not in self._resources:
            return None
        fragment = unquote(fragment)
        try:
            if fragment and not fragment.startswith("/"):
                found = self._anchors[address, fragment]
            else:
                found = (*self._resources[address], *pointer.split(fragment))
            return Place(found, pointer.get(self.root, found))
        except (KeyError, IndexError, ValueError, UsageError):
            return None

    def _base(self, tokens: Tokens) -> str:
        inner = len(self._bases) > (() in self._bases)
        return self._bases.get(self.resource(tokens) if inner else (), "")

    def _register(self, place: Place) -> None:
        tokens, schema = place
        if not isinstance(schema, dict):
            return
        named = schema.get(self.naming)
        if isinstance(named, str) and not (self.number < _SIBLINGS and "$ref" in schema):
            address, _, fragment = named.partition("#")
            if address:
                self._bases[tokens] = address = _joined(self._base(tokens), address)
                self._resources.setdefault(address, tokens)
            if fragment:
                self._anchors.setdefault((self._base(tokens), fragment), tokens)
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(schema.get(keyword), str):
                self._anchors.setdefault((self._base(tokens), schema[keyword]), tokens)

    @property
    def naming(self) -> str:
        """The keyword that gives a schema an identifier in the draft of the document."""
        return "id" if self.number == _DRAFTS["draft-04"] else "$id"

    def resource(self, tokens: Tokens) -> Tokens:
        """Where the schema with an identifier stands that a place belongs to; the root where there is none."""
        inner = (tokens[:length] for length in range(len(tokens), 0, -1) if tokens[:length] in self._bases)
        return next(inner, ())
