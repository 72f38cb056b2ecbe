"""An event stream held against its contract while it arrives: no I/O, any chunking, any garbage."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from haiku_contract import wire
from haiku_contract.errors import UsageError
from haiku_contract.model import ABSENT
from haiku_contract.sse import Oddity, SSEDecoder, as_bytes
from haiku_contract.stream import grammar as rules
from haiku_contract.stream.protocol import Protocol
from haiku_contract.stream.reporting import Place, inside, tally, violation

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.contract import Contract
    from haiku_contract.model import Violation
    from haiku_contract.sse import ServerSentEvent
    from haiku_contract.stream.reading import Keys

_MERGED: Final = "a blank line seems to be missing between two events"
_SLICE: Final = 65_536  # bytes whose events are in memory together, however large the chunk
_DIGITS_TO_ZEROS: Final = bytes(0x30 if 0x30 <= byte <= 0x39 else 0 for byte in range(256))  # noqa: PLR2004 - ASCII digits
_LONG_NUMBER: Final = b"0" * 19
_CUT: Final = "the connection was cut, or something in between dropped the rest"


class StreamOutcome(StrEnum):
    """How a stream ended."""

    OPEN = "open"
    COMPLETE = "complete"
    ERROR = "error"
    TRUNCATED = "truncated"


class StreamError(NamedTuple):
    """What an `error` event says.

    Attributes:
        type: as in `overloaded_error`.
        message: the endpoint's own words.
    """

    type: str
    message: str


class StreamValidator:
    r"""Holds one event stream against the stream part of a contract.

    A violation is reported as soon as it is certain, once, at the event that shows it: `instance_location` is a JSON
    Pointer into the list of the stream's events, `offset` the byte at which the event begins. What the chunks are makes
    no difference. After a violation the validator goes on with what was most likely meant.

    Memory is bounded by the largest event plus the message; without `assemble` by the largest event alone, and the
    input of the open tool call where `request` declares its schema. Where the input of a call is not kept (neither
    `assemble` nor a declared schema) it is held against the grammar of JSON alone: a key that comes twice, a number
    beyond a double, or half a surrogate pair in it is not found.

    >>> import haiku_contract as hc
    >>> stream = hc.StreamValidator(hc.load())
    >>> stream.feed(b'event: ping\ndata: {"type":"ping"}\n\n')
    []
    >>> [one.constraint for one in stream.finish()]
    ['stream:/order/terminal']

    Attributes:
        outcome: how the stream ended; `open` until it has.
        error: what its `error` event says; None where there was none.
        events: how many events there were.
        unknown_events: how often a type that the contract does not know came: of an event, or of a content block or a
            delta (`content_block_start/<type>`, `content_block_delta/<type>`; also a delta that the contract knows and
            this package cannot merge). Tolerated, and so no violation.
        unknown_keys: how often a key that the contract does not know came, as in `message_start/message/usage/x`. The
            keys of unknown types are not counted.
        oddities: how often the framing was odd in which way (`haiku_contract.sse.Oddity`).
    """

    def __init__(self, contract: Contract, *, request: Any = None, assemble: bool = True) -> None:
        """Args: the contract; the request's payload, when known, for its tools; whether to put `message` together.

        Raises:
            UsageError: the contract says nothing of streams.
        """
        if contract.stream is None:
            raise UsageError(f"{contract.id} says nothing of streams: add a stream.json (schemas/README.md)")
        self._contract = contract
        self._grammar = contract.stream
        self._decoder = SSEDecoder()
        self._protocol = Protocol(self._grammar, request=request, assemble=assemble)
        self._types: dict[str, tuple[Callable[[Any], bool], Keys | None]] = {
            name: (is_valid, self._grammar.keys[name]) for name, is_valid in self._grammar.checks.items()
        }
        self._unknown_type = (self._grammar.event.engine.is_valid, None)
        self._deviations: tuple[Violation, ...] | None = None
        self._finished = False
        self._size = 0  # bytes fed
        self._nameless = False
        self._repeated_at = -1  # offset of the last line that named a second type in a block
        self.events = 0
        self.unknown_events: Counter[str] = self._protocol.unknown
        self.unknown_keys: Counter[str] = Counter()
        self.oddities: Counter[str] = Counter()

    @property
    def outcome(self) -> StreamOutcome:
        """How the stream ended; `open` until it has."""
        if self._protocol.error is not None:
            return StreamOutcome.ERROR
        if self._protocol.at_the_end:
            return StreamOutcome.COMPLETE
        return StreamOutcome.TRUNCATED if self._finished else StreamOutcome.OPEN

    @property
    def error(self) -> StreamError | None:
        """What the `error` event says; None where there was none."""
        found = self._protocol.error
        return None if found is None else StreamError(*found)

    @property
    def message(self) -> dict[str, Any] | None:
        """The message as far as it has come, a value of its own; None before it begins, and without `assemble`."""
        return self._protocol.message

    @property
    def deviations(self) -> tuple[Violation, ...]:
        """What the published response schema says of the complete message; empty until there is one.

        No violation of the protocol: the published schema may be behind what the provider sends.
        """
        if self._deviations is None and self._protocol.at_the_end:
            message = self._protocol.message
            self._deviations = () if message is None else tuple(self._contract.response.iter_errors(message))
        return self._deviations or ()

    def feed(self, chunk: bytes | bytearray | memoryview) -> list[Violation]:
        """Take the next bytes, cut anywhere.

        Returns:
            The violations that are certain now and were not before.

        Raises:
            TypeError: the chunk is not made of bytes.
            UsageError: the stream has been finished.
        """
        self._still_open()
        if type(chunk) is not bytes:
            chunk = as_bytes(chunk)
        found: list[Violation] = []
        size = len(chunk)
        for part in (chunk,) if size <= _SLICE else (chunk[at : at + _SLICE] for at in range(0, size, _SLICE)):
            for item in self._decoder.feed(part):
                if type(item) is Oddity:
                    self._odd(item, found)
                else:
                    self._take(item, found)  # type: ignore[arg-type]
        self._size += size
        return found

    def feed_event(self, event: Any) -> list[Violation]:
        """Take the next event where somebody else has decoded it: the object in its data, which is not changed.

        Returns:
            The violations that are certain now and were not before.

        Raises:
            UsageError: the stream has been finished.
        """
        self._still_open()
        problems = () if wire.is_plain(event) else tuple(wire.problems(event))
        kind = event.get("type") if isinstance(event, dict) else ""
        name = kind if isinstance(kind, str) else ""
        return self._feed_decoded(ABSENT if problems else wire.normalise(event), problems, name)

    def feed_data(self, data: str | bytes) -> list[Violation]:
        """Take the next event where somebody else has undone the framing: the JSON text of its data.

        Returns:
            The violations that are certain now and were not before.

        Raises:
            UsageError: the stream has been finished.
        """
        self._still_open()
        value, problems = wire.decode(data)
        return self._feed_decoded(value, problems, "" if value is not ABSENT else _type_in(data))

    def _feed_decoded(self, value: Any, problems: tuple[Violation, ...], name: str) -> list[Violation]:
        """An event without framing; `name` is its type as far as that can be told where it has no value."""
        found: list[Violation] = []
        if value is not ABSENT:
            name = value["type"] if isinstance(value, dict) and isinstance(value.get("type"), str) else ""
        place = Place(self.events, name)
        if self._protocol.is_over:
            self._protocol.take_late(place, found)
        else:
            found += [inside(place, one) for one in problems]
            if value is not ABSENT:
                self._read(value, None, found)
            elif name in self._types:
                self._protocol.take_broken(name, None, None, self.events, found)
        self.events += 1
        return found

    def finish(self) -> list[Violation]:
        """Take note that the stream has ended; a second time nothing happens.

        Returns:
            What is wrong with where it ended.
        """
        if self._finished:
            return []
        self._finished = True
        found: list[Violation] = []
        for item in self._decoder.finish():
            if isinstance(item, Oddity):
                tally(self.oddities, item.code)
                # What was cut within a character is cut: the line is dropped, and what it held is no event.
                if item.code == "unfinished-block":
                    words = (self._grammar.expected(rules.COMPLETE), "the end of the stream within an event", _CUT)
                    found.append(violation(rules.COMPLETE, Place(self.events, "", item.offset), (), words))
        self._protocol.finish(Place(self.events, "", self._size or None), found)
        return found

    def _still_open(self) -> None:
        if self._finished:
            raise UsageError("this stream has been finished; make a StreamValidator for each stream")

    def _take(self, item: ServerSentEvent, found: list[Violation]) -> None:
        """The common event: strict JSON that says its type and conforms; everything else goes the long way."""
        data = item.data
        try:
            value = orjson.loads(data)
            kind = value["type"]
            is_valid, keys = self._types.get(kind, self._unknown_type)
        except (ValueError, TypeError, KeyError):
            self._take_unusual(item, found)
        else:
            if item.event != kind or not _is_strict(data, value) or not is_valid(value):
                self._take_unusual(item, found)
            elif keys is not None:
                self._count_keys(keys, value, kind)
                self._protocol.take(kind, value, item.offset, self.events, found)
            elif self._protocol.is_over:
                self._protocol.take_late(Place(self.events, kind, item.offset), found)
            else:
                self._protocol.take_unknown(kind)
        self.events += 1

    def _take_unusual(self, item: ServerSentEvent, found: list[Violation]) -> None:
        place = Place(self.events, item.event, item.offset)
        if self._protocol.is_over:
            self._protocol.take_late(place, found)
            return
        value, problems = wire.decode(item.data)
        hint = _MERGED if self._repeated_at >= item.offset else ""
        found += [inside(place, replace(one, hint=hint or one.hint)) for one in problems]
        if value is not ABSENT:
            self._read(value, item, found)
        elif item.event in self._types:
            self._protocol.take_broken(item.event, None, item.offset, self.events, found)

    def _read(self, value: Any, item: ServerSentEvent | None, found: list[Violation]) -> None:
        """One event of any kind; `item` is its frame, None where there is none."""
        name, offset = ("", None) if item is None else (item.event, item.offset)
        problems = list(self._grammar.event.iter_errors(value))
        kind = value.get("type") if isinstance(value, dict) else None
        if problems:
            found += [inside(Place(self.events, name, offset), one) for one in problems]
            if item is None and isinstance(kind, str):
                name = kind
            if name in self._types:
                self._protocol.take_broken(name, value, offset, self.events, found)
            return
        kind = value["type"]
        place = Place(self.events, kind, offset)
        if item is not None and item.event != kind:
            self._misnamed(item, place, found)
        if kind not in self._types:
            self._protocol.take_unknown(kind)
            return
        problems = list(self._grammar.events[kind].iter_errors(value))
        found += [inside(place, one) for one in problems]
        self._count_keys(self._grammar.keys[kind], value, kind)
        take = self._protocol.take_broken if problems else self._protocol.take
        take(kind, value, offset, self.events, found)

    def _misnamed(self, item: ServerSentEvent, place: Place, found: list[Violation]) -> None:
        # A stream without event fields lacks every one of them for the same reason.
        if item.named or not self._nameless:
            words = (
                self._grammar.expected(rules.NAME),
                wire.describe(item.event) if item.named else "no event field",
                "",
            )
            found.append(violation(rules.NAME, place, ("type",), words))
        self._nameless = self._nameless or not item.named

    def _odd(self, item: Oddity, found: list[Violation]) -> None:
        tally(self.oddities, item.code)
        if item.code == "repeated-event":
            self._repeated_at = item.offset
        if item.code == "invalid-utf8":
            words = (self._grammar.expected(rules.UTF8), item.message, "")
            found.append(violation(rules.UTF8, Place(self.events, "", item.offset), (), words))

    def _count_keys(self, keys: Keys, value: dict[str, Any], kind: str) -> None:
        unknown: list[str] = []
        keys.find(value, kind, unknown)
        if unknown:
            for one in unknown:
                tally(self.unknown_keys, one)


def _is_strict(data: str, value: Any) -> bool:
    """A JSON text that orjson decodes to the value says just that; False when unsure.

    Without duplicate keys it has as many strings; and orjson rounds integers beyond 64 bits, of 19 digits or more.
    """
    try:
        again = orjson.dumps(value)
    except TypeError:  # nested deeper than orjson writes
        return False
    raw = data.encode()
    if raw[:-1].rstrip(b" ") + raw[-1:] == again:  # as servers send it: compact, padded before the last brace
        return True
    if _LONG_NUMBER in raw.translate(_DIGITS_TO_ZEROS):
        return False
    if "\\" not in data:
        return data.count('"') == again.count(b'"')
    bare, bare_again = data.replace("\\\\", ""), again.replace(b"\\\\", b"")
    return bare.count('"') - bare.count('\\"') == bare_again.count(b'"') - bare_again.count(b'\\"')


def _type_in(data: str | bytes) -> str:
    """The type that a text says, which is JSON only to lenient readers; empty where it says none."""
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    try:
        value = json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        return ""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""
