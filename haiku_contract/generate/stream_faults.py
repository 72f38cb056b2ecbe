"""Single faults of event streams: what can go wrong on the way, one operator per kind in a table.

An operator takes the events of a complete, conforming stream and proposes streams with one fault each, together with
the constraint that has to be reported first. Whether it is, is judged before a proposal becomes a case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from haiku_contract import sse
from haiku_contract.generate import stream_events as make
from haiku_contract.generate.stream_events import Event, encode, encode_event
from haiku_contract.model import ABSENT
from haiku_contract.stream import grammar as rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from haiku_contract.stream import StreamGrammar

Events: TypeAlias = "Sequence[Event]"


class Proposal(NamedTuple):
    """A stream with one fault.

    Attributes:
        label: which fault of its kind.
        constraint: id of what has to be reported first.
        body: the bytes.
        events: the events, where the fault is in them; `ABSENT` where it is below.
    """

    label: str
    constraint: str
    body: bytes
    events: Any = ABSENT


Operator: TypeAlias = "Callable[[StreamGrammar, Events], Iterator[Proposal]]"


def _of(label: str, constraint: str, events: Events) -> Proposal:
    return Proposal(label, constraint, encode(events), list(events))


def _named(events: Events) -> Iterator[tuple[int, Event, str]]:
    """Each event with its number and a name that tells it from the others."""
    for number, event in enumerate(events):
        yield number, event, f"{number:02}-{event['type']}"


def _kinds(events: Events, *kinds: str) -> Iterator[tuple[int, Event, str]]:
    return (one for one in _named(events) if one[1]["type"] in kinds)


def _swapped(events: Events, number: int, event: Event) -> Events:
    return [*events[:number], event, *events[number + 1 :]]


_MISSED: Final = {
    "message_start": rules.accepts("start"),
    "content_block_start": rules.accepts("message"),
    "content_block_stop": rules.accepts("block"),
    "message_delta": rules.accepts("message"),
    "message_stop": rules.TERMINAL,
}
"""What is reported when an event of that type is missing."""

_AGAIN: Final = {
    "message_start": rules.accepts("message"),
    "content_block_start": rules.accepts("block"),
    "content_block_stop": rules.accepts("message"),
    "message_stop": rules.accepts("end"),
}
"""What is reported when an event of that type comes twice in a row."""

_SWAPPED: Final = {
    ("message_start", "content_block_start"): rules.accepts("start"),
    ("content_block_start", "content_block_delta"): rules.accepts("message"),
    ("content_block_start", "content_block_stop"): rules.accepts("message"),
    ("content_block_delta", "content_block_stop"): rules.accepts("message"),
    ("content_block_stop", "content_block_start"): rules.accepts("block"),
    ("content_block_stop", "message_delta"): rules.accepts("block"),
    ("message_delta", "message_stop"): rules.accepts("message"),
}
"""What is reported when two neighbours change places."""


def _dropped(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    for number, event, name in _kinds(events, *_MISSED):
        yield _of(name, _MISSED[event["type"]], [*events[:number], *events[number + 1 :]])


def _doubled(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    for number, event, name in _kinds(events, *_AGAIN):
        yield _of(name, _AGAIN[event["type"]], [*events[:number], event, *events[number:]])


def _reordered(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    for number, event, name in _named(events[:-1]):
        after = events[number + 1]
        constraint = _SWAPPED.get((event["type"], after["type"]))
        if constraint:
            yield _of(name, constraint, [*events[:number], after, event, *events[number + 2 :]])


def _foreign(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    """Events of another stream, or of another protocol."""
    other = make.message_start()
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": []}
    for number, _event, name in list(_kinds(events, "content_block_stop"))[:1]:
        before, after = events[:number], events[number:]
        yield _of(f"other-message-at-{name}", rules.accepts("block"), [*before, other, *after])
        for label, data, constraint in (
            ("other-protocol", encode_event(chunk, "message"), "stream:/event/required/0"),
            ("no-object", encode_event([], "ping"), "stream:/event/type"),
            ("type-is-no-text", encode_event({"type": 1}, "ping"), "stream:/event/properties/type/type"),
            ("done-mark", b"data: [DONE]\n\n", "wire:syntax"),
        ):
            yield Proposal(f"{label}-at-{name}", constraint, encode(before) + data + encode(after))


def _late(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    """Anything after the end."""
    ended = rules.accepts("end")
    begun = events[0]
    late = (make.PING, make.error(), make.message_delta(), {"type": "weather_report"}, begun, *make.text(0, "Hi")[:2])
    for event in late:
        yield _of(f"{event['type']}-after-the-end", ended, [*events, event])
    yield Proposal("done-mark-after-the-end", ended, encode(events) + b"data: [DONE]\n\n")
    number = sum(event["type"] == "content_block_start" for event in events)
    block = make.text(number, "Too late")
    yield _of("block-after-message_delta", rules.accepts("closing"), [*events[:-1], *block, events[-1]])


def _index(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    """A wrong or reused index."""
    of = {
        "content_block_start": rules.INDEX_START,
        "content_block_delta": rules.INDEX_DELTA,
        "content_block_stop": rules.INDEX_STOP,
    }
    for number, event, name in _kinds(events, *of):
        wrong = [("skipped", event["index"] + 1)]
        if event["index"]:
            wrong.append(("reused", 0))
        for label, index in wrong:
            yield _of(f"{label}-{name}", of[event["type"]], _swapped(events, number, {**event, "index": index}))


def _closed_block(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    """A delta into a block that is closed: between two blocks, and while the next one is open."""
    for number, event, name in _kinds(events, "content_block_delta"):
        stop = next(at for at, one, _ in _kinds(events, "content_block_stop") if at > number)
        yield _of(name, rules.accepts("message"), [*events[: stop + 1], event, *events[stop + 1 :]])
        for opened, _start, _name in [one for one in _kinds(events, "content_block_start") if one[0] > stop][:1]:
            yield _of(f"{name}-later", rules.INDEX_DELTA, [*events[: opened + 1], event, *events[opened + 1 :]])


_DELTAS: Final[dict[str, Event]] = {
    "text_delta": {"text": "Hi"},
    "input_json_delta": {"partial_json": "{}"},
    "thinking_delta": {"thinking": "Hm"},
    "signature_delta": {"signature": "c2ln"},
    "citations_delta": {"citation": {"type": "char_location"}},
}


def _wrong_delta(grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    """A delta that does not fit the block that is open."""
    for number, event, name in _kinds(events, "content_block_start"):
        kind = event["content_block"]["type"]
        for delta, content in _DELTAS.items():
            if kind in grammar.blocks and delta not in grammar.blocks[kind]:
                wrong = {"type": "content_block_delta", "index": event["index"], "delta": {"type": delta, **content}}
                changed = [*events[: number + 1], wrong, *events[number + 1 :]]
                yield _of(f"{delta}-in-{name[:2]}-{kind}", rules.deltas(kind), changed)


def _cut_between(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    """The stream ends after each event."""
    yield Proposal("nothing", rules.TERMINAL, b"", [])
    for number, _event, name in _named(events[:-1]):
        yield _of(f"after-{name}", rules.TERMINAL, events[: number + 1])


def _cut_within(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    """The stream ends within an event: in its lines, in a character, in an escape, before the blank line."""
    done = b""
    for _number, event, name in _named(events):
        block = encode_event(event)
        places = {"name": 9, "line": block.index(b"data: ") + 12, "line-end": len(block) - 1, "brace": len(block) - 3}
        character = next((at for at, byte in enumerate(block) if byte >= 0xC0), None)  # noqa: PLR2004 - UTF-8 lead
        if character is not None:
            places["character"] = character + 1
        if b"\\" in block:
            places["escape"] = block.index(b"\\") + 1
        for label, place in places.items():
            yield Proposal(f"{label}-of-{name}", rules.COMPLETE, done + block[:place])
        done += block


def _blank_line(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    """The blank line after an event is missing, so that it runs into the next one."""
    blocks = [encode_event(event) for event in events]
    for number, _event, name in _named(events):
        last = number == len(events) - 1
        body = b"".join([*blocks[:number], blocks[number][:-1], *blocks[number + 1 :]])
        yield Proposal(f"after-{name}", rules.COMPLETE if last else "wire:syntax", body)


def _field(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    """The event field is missing, or says something else than the data."""
    blocks = [encode_event(event) for event in events]
    for number, event, name in _named(events):
        data = blocks[number].partition(b"\n")[2]
        for label, changed in (("missing", data), ("other", b"event: completion\n" + data)):
            yield Proposal(f"{label}-{name}", rules.NAME, b"".join([*blocks[:number], changed, *blocks[number + 1 :]]))
        if event["type"] == "message_start":
            yield Proposal("missing-everywhere", rules.NAME, b"".join(one.partition(b"\n")[2] for one in blocks))


_EXTRA: Final = b'"x_extra":'
_DATA: Final[tuple[tuple[str, str, bytes], ...]] = (
    ("latin-1", rules.UTF8, _EXTRA + b'"caf\xe9",'),
    ("half-a-character", rules.UTF8, _EXTRA + b'"\xf0\x9f\x8e",'),
    ("no-quotes", "wire:syntax", b"x_extra:1,"),
    ("two-commas", "wire:syntax", b","),
    ("bad-escape", "wire:syntax", _EXTRA + b'"\\x",'),
    ("control-character", "wire:syntax", _EXTRA + b'"\x07",'),
    ("key-twice", "wire:duplicate-key", b'"type":"ping",'),
    ("nan", "wire:number", _EXTRA + b"NaN,"),
    ("lone-surrogate", "wire:surrogate", _EXTRA + b'"\\ud83d",'),
    ("too-deep", "wire:depth", _EXTRA + b"[" * 300 + b"]" * 300 + b","),
)


def _data(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    """The data of an event is no JSON, or none that everybody reads in the same way."""
    for number, event, name in list(_kinds(events, "content_block_delta"))[:1]:
        head, brace, rest = encode_event(event).partition(b"{")
        for label, constraint, inserted in _DATA:
            changed = head + brace + inserted + rest
            yield Proposal(
                f"{label}-{name}", constraint, encode(events[:number]) + changed + encode(events[number + 1 :])
            )
        empty = sse.encode(event["type"], "")
        yield Proposal(f"empty-{name}", "wire:syntax", encode(events[:number]) + empty + encode(events[number + 1 :]))


def _usage(grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    """A count falls: below that of the start, and from one `message_delta` to the next."""
    for name, path in grammar.usage.items():
        for number, event, _name in list(_kinds(events, "message_delta"))[:1]:
            high, low = (_with_count(event, path, count) for count in (1000, 999))
            yield _of(f"{name}-between-two", rules.usage(name), [*events[:number], high, low, *events[number + 1 :]])
            if events[0]["type"] == "message_start":
                start = {**events[0], "message": _with_count(events[0]["message"], path, 1000)}
                yield _of(name, rules.usage(name), [start, *events[1:number], low, *events[number + 1 :]])


def _with_count(holder: Event, path: tuple[str, ...], count: int) -> Event:
    """The event or message with one count of its usage, and the others high enough to stay out of it."""
    usage = dict(holder["usage"])
    inner = usage
    for key in path[:-1]:
        inner[key] = dict(inner.get(key) or {})
        inner = inner[key]
    inner[path[-1]] = count
    return {**holder, "usage": usage}


def _error_within(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    """An error in the middle, and the stream goes on as if nothing had happened."""
    for number, _event, name in _named(events):
        if number:
            changed = [*events[:number], make.error(), *events[number:]]
            yield _of(f"before-{name}", rules.accepts("failed"), changed)


def _stop_reason(_grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    deltas = list(_kinds(events, "message_delta"))
    if len(deltas) == 1:
        number, event, _name = deltas[0]
        without = {**event, "delta": {**event["delta"], "stop_reason": None}}
        yield _of("null", rules.STOP_REASON, _swapped(events, number, without))


_INPUTS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("garbage", rules.INPUT_JSON, ('{"city": ', "Paris}")),
    ("two-values", rules.INPUT_JSON, ('{"city": "Paris"}', "{}")),
    ("blank", rules.INPUT_JSON, (" ",)),
    ("not-whole", rules.INPUT_JSON, ('{"city": "Par',)),
    ("too-deep", rules.INPUT_JSON, ('{"city": ', "[" * 300, "]" * 300, "}")),
    ("key-twice", rules.INPUT_JSON, ('{"city": "Paris", ', '"city": "Rome"}')),
    ("number", rules.INPUT_JSON, ('{"city": "Paris", "days": 1', "e999}")),
    ("lone-surrogate", rules.INPUT_JSON, ('{"city": "\\ud8', '3d"}')),
    ("array", rules.INPUT_OBJECT, ("[", '"Paris"]')),
    ("null", rules.INPUT_OBJECT, ("null",)),
    ("undeclared-key", rules.INPUT_SCHEMA, ('{"city": "Paris", ', '"unit": "C"}')),
    ("missing-key", rules.INPUT_SCHEMA, ("{}",)),
    ("wrong-type", rules.INPUT_SCHEMA, ('{"city": 7', "5}")),
    ("empty", rules.INPUT_SCHEMA, ()),
)
"""What can be wrong with the input of a tool: a name, what is reported, and the pieces."""


def _input(grammar: StreamGrammar, events: Events) -> Iterator[Proposal]:
    """The input of a tool: no JSON, no object, not what the tool declares; in pieces, or in the start of its block."""
    excused = any(event["delta"]["stop_reason"] in grammar.cut_by for _, event, _ in _kinds(events, "message_delta"))
    starts = [one for one in _kinds(events, "content_block_start") if one[1]["content_block"].get("name")]
    for number, event, _name in starts[:1]:
        stop = next(at for at, _event, _ in _kinds(events, "content_block_stop") if at > number)
        calls = [
            (label, constraint, make.tool(event["index"], "get_weather", *pieces))
            for label, constraint, pieces in _INPUTS
            if not (excused and label in {"not-whole", "empty"})
        ]
        start, end = make.tool(event["index"], "get_weather")
        begun = {**start, "content_block": {**start["content_block"], "input": {"city": 75}}}
        if not excused:
            calls.append(("in-the-start", rules.INPUT_SCHEMA, [begun, end]))
        for label, constraint, call in calls:
            yield _of(label, constraint, [*events[:number], *call, *events[stop + 1 :]])


FAULTS: Final[dict[str, Operator]] = {
    "dropped": _dropped,
    "doubled": _doubled,
    "reordered": _reordered,
    "foreign": _foreign,
    "late": _late,
    "index": _index,
    "closed-block": _closed_block,
    "wrong-delta": _wrong_delta,
    "cut-after-event": _cut_between,
    "cut-within-event": _cut_within,
    "missing-blank-line": _blank_line,
    "event-field": _field,
    "data": _data,
    "usage-falling": _usage,
    "error-in-the-middle": _error_within,
    "stop-reason": _stop_reason,
    "input": _input,
}
"""How a stream can be faulted, by name."""
