"""The stream part of a contract: a schema per event type, the order as a table, and rules over several events.

It is data, read from `stream.json` (described in schemas/README.md). Every constraint of it has an id of the form
`stream:<JSON Pointer into that file>`:

======================================  ===============================================================================
`stream:/events/<type>/…`               the schema of an event of that type; what several share stands under
                                        `/deltas/<type>/…`, `/blocks/<type>/start/…` and `/$defs/<name>/…`
`stream:/event/…`                       what every event is, of a known type or not
`stream:/order/states/<state>/accepts`  an event came in a state that does not accept it
`stream:/order/terminal`                the stream ended in a state that is not terminal
`stream:/blocks/<type>/deltas`          a delta of a known type came that does not fit the open block
`stream:/framing/…`                     the bytes: `utf8`, `complete` (nothing is cut at the end), `name`
`stream:/assembly/…`                    rules over several events: `index/…`, `input/…`, `usage/…`, `stop_reason`
======================================  ===============================================================================
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from haiku_contract import pointer
from haiku_contract.errors import ContractLoadError, UsageError
from haiku_contract.model import Constraint
from haiku_contract.stream import reading
from haiku_contract.validation import SchemaValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_Check: TypeAlias = "Callable[[Any], bool]"

UTF8: Final = "stream:/framing/utf8"
COMPLETE: Final = "stream:/framing/complete"
NAME: Final = "stream:/framing/name"
TERMINAL: Final = "stream:/order/terminal"
INDEX_START: Final = "stream:/assembly/index/start"
INDEX_DELTA: Final = "stream:/assembly/index/delta"
INDEX_STOP: Final = "stream:/assembly/index/stop"
INPUT_JSON: Final = "stream:/assembly/input/json"
INPUT_OBJECT: Final = "stream:/assembly/input/object"
INPUT_SCHEMA: Final = "stream:/assembly/input/schema"
STOP_REASON: Final = "stream:/assembly/stop_reason"

RULES: Final = (
    *(UTF8, COMPLETE, NAME),
    *(INDEX_START, INDEX_DELTA, INDEX_STOP),
    *(INPUT_JSON, INPUT_OBJECT, INPUT_SCHEMA),
    STOP_REASON,
)
"""The rules that the validator knows; a file that leaves one out cannot be used."""

_ANY_EVENT: Final = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}


def accepts(state: str) -> str:
    """Id of the constraint that a state accepts an event."""
    return f"stream:{pointer.join(('order', 'states', state, 'accepts'))}"


def deltas(block: str) -> str:
    """Id of the constraint that a delta fits a block of that type."""
    return f"stream:{pointer.join(('blocks', block, 'deltas'))}"


def usage(name: str) -> str:
    """Id of the constraint that a count of the usage never falls."""
    return f"stream:{pointer.join(('assembly', 'usage', name))}"


class StreamGrammar:
    """What a contract says of event streams.

    Attributes:
        document: the file as it is; read it, do not change it.
        event: what every event is.
        events: the schema of each known event type.
        initial: the state before the first event.
        states: for each state the event types that it accepts, and the state after each.
        later: for each state the event types that may still come, and the state after the nearest of each.
        terminal: the states in which a stream may end.
        blocks: for each known block type the delta types that fit it.
        deltas: every known delta type.
        keys: for each event type the keys that its schema names.
        usage: for each count that never falls the keys that lead to it in a `usage`.
        cut_by: the stop reasons for which the input of a tool may be cut off.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Args: the content of a `stream.json`.

        Raises:
            ContractLoadError: it is not of that form, a schema in it is none, or the schemas do not ask for what a
                message is put together from.
        """
        try:
            self._read(document)
            self._check_schemas(document)
            need = reading.unmet(document)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError, UsageError) as error:
            raise ContractLoadError(
                f"not the stream part of a contract: {error!r} while reading it; schemas/README.md describes the form"
            ) from None
        if need is not None:
            types = f" of type {' or '.join(sorted(need.types))}" if need.types else ""
            raise ContractLoadError(
                f"not the stream part of a contract: the schemas must require {need}{types}; a message is put together "
                "from it (schemas/README.md)"
            )

    def __repr__(self) -> str:
        return f"<StreamGrammar of {len(self.events)} event types>"

    def _read(self, document: Mapping[str, Any]) -> None:
        order, assembly = document["order"], document["assembly"]
        self.document = document
        self.event = self._validator("/event")
        self.events = {name: self._validator(pointer.join(("events", name))) for name in document["events"]}
        self.initial: str = order["initial"]
        self.states: dict[str, dict[str, str]] = {
            name: dict(state["accepts"]) for name, state in order["states"].items()
        }
        self.terminal = frozenset[str](order["terminal"])
        self.blocks = {name: frozenset[str](block["deltas"]) for name, block in document["blocks"].items()}
        self.deltas = frozenset[str](document["deltas"])
        self.usage = {name: tuple[str, ...](rule["path"]) for name, rule in assembly["usage"].items()}
        self.cut_by = frozenset[str](assembly["input"]["json"]["unless_cut_by"])
        self._expected = {rule: self._text(rule) for rule in (*RULES, *(usage(name) for name in self.usage))}
        for state in (self.initial, *self.terminal, *(to for one in self.states.values() for to in one.values())):
            self.states[state]
        for kind in {kind for accepted in self.states.values() for kind in accepted}:
            self.events[kind]
        self.keys = reading.keys(document)
        self.later = {state: _later(self.states, state) for state in self.states}

    def _validator(self, place: str) -> SchemaValidator:
        # The whole document is the schema, so that a place in it is the id of a constraint, whatever refers to it.
        return SchemaValidator("stream", {"$ref": f"#{place}", **self.document})

    def _check_schemas(self, document: Mapping[str, Any]) -> None:
        # A meta-schema looks where JSON Schema has its schemas, and not under the keys of this file.
        starts = [block["start"] for block in document["blocks"].values()]
        schemas = [document["event"], *document["events"].values(), *document["deltas"].values(), *starts]
        SchemaValidator("stream", {**document, "allOf": schemas}).engine  # noqa: B018 - compiling is the check

    def _text(self, rule: str) -> str:
        return str(pointer.get(self.document, pointer.split(rule.removeprefix("stream:")))["expected"])

    def expected(self, rule: str) -> str:
        """What a rule over several events, or one of the framing, asks for, in a few words."""
        return self._expected[rule]

    @cached_property
    def checks(self) -> dict[str, _Check]:
        """For each event type whether an event of it conforms, both to what every event is and to its own schema."""
        every = self.event.engine.is_valid
        own: dict[str, _Check] = {kind: validator.engine.is_valid for kind, validator in self.events.items()}
        if {key: value for key, value in self.document["event"].items() if key != "description"} == _ANY_EVENT:
            return own  # whoever has looked the type up knows that the event is an object with a type
        return {kind: partial(_both, every, is_valid) for kind, is_valid in own.items()}

    @cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        """Every constraint: those of the schemas, then order, blocks, framing and assembly."""
        found: dict[str, Constraint] = {}
        for validator in (self.event, *self.events.values()):
            for one in validator.constraints:
                if one.reachable or one.id not in found:
                    found[one.id] = one
        for one in self._rules():
            found[one.id] = one
        return tuple(found.values())

    def _rules(self) -> Iterator[Constraint]:
        for state in self.states:
            yield _constraint(accepts(state), self.states[state])
        yield _constraint(TERMINAL, sorted(self.terminal))
        for block in self.blocks:
            everything = self.blocks[block] >= self.deltas
            yield _constraint(deltas(block), sorted(self.blocks[block]), "every delta fits" if everything else "")
        for rule in self._expected:
            yield _constraint(rule, self._expected[rule])


def _constraint(rule: str, value: Any, reason: str = "") -> Constraint:
    place = rule.removeprefix("stream:")
    keyword = pointer.split(place)[-1]
    return Constraint(rule, "stream", place, keyword, value, violable=not reason, reason=reason)


def _both(one: _Check, other: _Check, event: Any) -> bool:
    return one(event) and other(event)


def _later(states: Mapping[str, Mapping[str, str]], state: str) -> dict[str, str]:
    found: dict[str, str] = {}
    reached = [state]
    for one in reached:  # grows: what is nearer comes first
        for kind, following in states[one].items():
            found.setdefault(kind, following)
            if following not in reached:
                reached.append(following)
    return found
