"""Which constraints of the stream part a stream was held against: for the matrix, not for the hot path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haiku_contract import pointer, wire
from haiku_contract.sse import ServerSentEvent, decode
from haiku_contract.stream import grammar as rules
from haiku_contract.stream.inputs import declared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.stream.grammar import StreamGrammar
    from haiku_contract.validation import SchemaValidator


def exercised(grammar: StreamGrammar, body: bytes, *, request: Any = None) -> frozenset[str]:
    """The ids of the constraints that a stream was held against.

    Args:
        grammar: whose constraints.
        body: the whole stream.
        request: what it answers, where that is known.
    """
    found = {rules.UTF8, rules.COMPLETE, rules.TERMINAL}
    events = [wire.decode(item.data).value for item in decode(body) if isinstance(item, ServerSentEvent)]
    if events:
        found.add(rules.NAME)
    known = [event for event in events if grammar.event.engine.is_valid(event)]
    for event in events:
        found.update(reached(grammar.event, event))
    for event in known:
        if event["type"] in grammar.events:
            found.update(reached(grammar.events[event["type"]], event))
    found.update(_order(grammar, known))
    found.update(_together(grammar, known, tools=bool(declared(request))))
    return frozenset(found) & {one.id for one in grammar.constraints}


def reached(validator: SchemaValidator, value: Any) -> Iterator[str]:
    """Those of one schema. Engines leave a short `required` out; it is held wherever the schema around it is."""
    yield from validator.exercised(value)
    places = validator.engine.exercised(value)
    for one in validator.constraints:
        if one.keyword == "required" and one.pointer.rpartition("/required/")[0] in places:
            yield one.id


def _order(grammar: StreamGrammar, events: list[dict[str, Any]]) -> Iterator[str]:
    state = grammar.initial
    for event in events:
        yield rules.accepts(state)
        state = grammar.states[state].get(event["type"], state)


def _together(grammar: StreamGrammar, events: list[dict[str, Any]], *, tools: bool) -> Iterator[str]:
    """The rules over several events whose `on` has come, and the delta tables of the blocks that got a delta."""
    seen: set[str] = set()
    block = ""
    for event in events:
        seen.add(event["type"])
        inner = event.get("content_block") or event.get("delta")
        kind = inner.get("type") if isinstance(inner, dict) else None
        if isinstance(kind, str):
            seen.add(kind)
            if event["type"] == "content_block_start":
                block = kind
            elif block in grammar.blocks and kind in grammar.deltas:
                yield rules.deltas(block)
    for rule in rules.RULES:
        on = pointer.get(grammar.document, pointer.split(rule.removeprefix("stream:"))).get("on", ())
        if seen & set(on) and (rule != rules.INPUT_SCHEMA or tools):
            yield rule
    counts = [event["usage"] for event in events if isinstance(event.get("usage"), dict)]
    for name, path in grammar.usage.items():
        if any(_has(usage, path) for usage in counts):
            yield rules.usage(name)


def _has(usage: Any, path: tuple[str, ...]) -> bool:
    for key in path:
        usage = usage.get(key) if isinstance(usage, dict) else None
    return isinstance(usage, (int, float))
