"""Hypothesis strategies for event streams: conforming ones, ones with a single fault, and ways to cut them.

The public name is `haiku_contract.strategies`.
"""

from __future__ import annotations

import json
from itertools import cycle, pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hypothesis import assume
from hypothesis import strategies as st

from haiku_contract.errors import UsageError
from haiku_contract.generate import stream_events as make
from haiku_contract.generate.strategies import check, newest
from haiku_contract.generate.stream_faults import FAULTS, Proposal
from haiku_contract.generate.streams import conforming_case, faulted_case, judged
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.generate.stream_events import Event
    from haiku_contract.model import Case
    from haiku_contract.stream import StreamGrammar

_TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_COUNTS: Final = st.integers(0, 300)
_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=4,
)


def streams(contract: Contract | None = None) -> st.SearchStrategy[bytes]:
    """Conforming event streams, as bytes.

    They hold texts, thinking, citations, calls of tools with their input cut anywhere, pings, and events, blocks,
    deltas and keys that nobody knows; in the framings that the standard allows: any line end anywhere, data in several
    lines, fields in any order and with or without a blank after the colon, ids, reconnection times, comments, a byte
    order mark. Some end in an `error` event. All answer `haiku_contract.generate.stream_events.REQUEST`, and each has
    been judged by the contract.

    Args:
        contract: whose streams; the newest shipped contract when absent, loaded when the first example is drawn.

    Raises:
        UsageError: (while drawing) the contract says nothing of streams, or refuses every stream that is known here.
    """
    return stream_cases(contract).map(lambda case: case.body)


def stream_cases(contract: Contract | None = None) -> st.SearchStrategy[Case]:
    """What `streams` draws, as cases: `payload` is the list of events."""
    check(contract)
    return st.deferred(lambda: _cases(_chosen(contract)))


def faulted_streams(contract: Contract | None = None) -> st.SearchStrategy[Case]:
    """Event streams with one fault, each a case whose `constraint` is what has to be reported first.

    Takes and raises what `streams` does, and draws the same framings where the fault is not in them. That the
    constraint is reported first was judged for each of them.
    """
    check(contract)
    return st.deferred(lambda: _faulted(_chosen(contract)))


def chunkings(body: bytes) -> st.SearchStrategy[list[bytes]]:
    """Ways in which a stream may arrive: the same bytes in chunks, cut anywhere, empty ones included.

    Args:
        body: the stream.
    """

    def cut(places: list[int]) -> list[bytes]:
        bounds = [0, *sorted(places), len(body)]
        return [body[start:end] for start, end in pairwise(bounds)]

    bytewise = st.just([body[at : at + 1] for at in range(len(body))])
    return st.lists(st.integers(0, len(body)), max_size=20).map(cut) | bytewise


def _chosen(contract: Contract | None) -> Contract:
    return newest() if contract is None else contract


def _grammar(contract: Contract) -> StreamGrammar:
    if contract.stream is None:
        raise UsageError(f"{contract.id} says nothing of streams: add a stream.json (schemas/README.md)")
    return contract.stream


# -- conforming streams -----------------------------------------------------------------------------------------------


def _pieces(text: str) -> st.SearchStrategy[list[str]]:
    """The text in pieces, cut anywhere; with an empty piece now and then."""

    def cut(places: list[int]) -> list[str]:
        bounds = [0, *sorted(places), len(text)]
        return [text[start:end] for start, end in pairwise(bounds)]

    return st.lists(st.integers(0, len(text)), max_size=4).map(cut)


@st.composite
def _text(draw: st.DrawFn, index: int) -> list[Event]:
    deltas: list[Event] = [{"type": "text_delta", "text": one} for one in draw(_pieces(draw(_TEXT)))]
    if draw(st.booleans()):
        deltas.append({"type": "citations_delta", "citation": {"type": "char_location", "cited_text": draw(_TEXT)}})
    return make.block(index, {"type": "text", "text": ""}, *deltas)


@st.composite
def _thinking(draw: st.DrawFn, index: int) -> list[Event]:
    deltas: list[Event] = [{"type": "thinking_delta", "thinking": one} for one in draw(_pieces(draw(_TEXT)))]
    deltas.append({"type": "signature_delta", "signature": draw(_TEXT)})
    return make.block(index, {"type": "thinking", "thinking": "", "signature": ""}, *deltas)


@st.composite
def _tool(draw: st.DrawFn, index: int) -> list[Event]:
    name = draw(st.sampled_from(["get_weather", "get_time", "undeclared", "web_search"]))
    value: Any = draw(st.dictionaries(_TEXT, _VALUES, max_size=3))
    if name == "get_weather":
        value = {"city": draw(_TEXT), **({"days": draw(st.integers(1, 9))} if draw(st.booleans()) else {})}
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.none() | st.just(1)))
    kind = "server_tool_use" if name == "web_search" else "tool_use"
    return make.tool(index, name, *draw(_pieces(text)), kind=kind)


@st.composite
def _whole(draw: st.DrawFn, index: int) -> list[Event]:
    start: Event = draw(
        st.sampled_from(
            [
                {"type": "redacted_thinking", "data": "c2VjcmV0"},
                {"type": "web_search_tool_result", "tool_use_id": "toolu_1", "content": []},
            ]
        )
    )
    return make.block(index, start)


@st.composite
def _unknown(draw: st.DrawFn, index: int) -> list[Event]:
    """A block that nobody knows, or a text with a delta that nobody knows."""
    if draw(st.booleans()):
        start = {"type": "hologram", "frames": draw(_VALUES)}
        return make.block(index, start, {"type": "hologram_delta", "frame": draw(_VALUES)})
    deltas: list[Event] = [{"type": "text_delta", "text": draw(_TEXT)}, {"type": "emphasis_delta", "level": 2}]
    return make.block(index, {"type": "text", "text": ""}, *draw(st.permutations(deltas)))


_BLOCKS: Final = (_text, _text, _tool, _thinking, _whole, _unknown)


@st.composite
def _events(draw: st.DrawFn) -> list[Event]:
    start, first = draw(_COUNTS), draw(_COUNTS)
    events = [make.message_start(input_tokens=start, output_tokens=first, cache_read_input_tokens=0)]
    for index in range(draw(st.integers(0, 3))):
        events += draw(draw(st.sampled_from(_BLOCKS))(index))
    reason = draw(st.sampled_from(["end_turn", "max_tokens", "tool_use", "stop_sequence", "something_new"]))
    counts = {"input_tokens": start + draw(_COUNTS), "cache_read_input_tokens": draw(_COUNTS)}
    events += [make.message_delta(reason, first + draw(_COUNTS), **counts), make.STOP]
    return events


@st.composite
def _decorated(draw: st.DrawFn) -> list[Event]:
    """Events with what has to be tolerated among them."""
    events = draw(_events())
    extras: list[Event] = [make.PING, make.PING, {"type": "weather_report", "sky": draw(_VALUES)}]
    for extra in draw(st.lists(st.sampled_from(extras), max_size=4)):
        events.insert(draw(st.integers(0, len(events) - 1)), extra)
    if draw(st.booleans()):
        at = draw(st.integers(0, len(events) - 1))
        events[at] = {**events[at], "x_extra": draw(_VALUES)}
    if draw(st.sampled_from([False, False, False, True])):
        events = [*events[: draw(st.integers(0, len(events) - 1))], make.error("overloaded_error", draw(_TEXT))]
    return events


@st.composite
def _cases(draw: st.DrawFn, contract: Contract) -> Case:
    events = draw(_decorated())
    case = conforming_case("drawn", draw(_framed(events)), events)
    if not judged(contract, case.body):
        return case
    # The contract asks for more than the events of this module have; some are made from its own schemas.
    known = [one for one in make.conforming(_grammar(contract)).values() if not judged(contract, make.encode(one))]
    if not known:
        raise UsageError(f"{contract.id} refuses every stream that this package can make; see generate.suite")
    events = list(draw(st.sampled_from(known)))
    return conforming_case("drawn", draw(_framed(events)), events)


@st.composite
def _framed(draw: st.DrawFn, events: Sequence[Event]) -> bytes:
    """A stream of the events, in one of the framings that the standard allows (WHATWG HTML 9.2).

    Line ends and styles take turns, so that a stream costs few draws however long it is.
    """
    ends = cycle(draw(st.lists(st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"]), min_size=1, max_size=3)))
    styles = cycle(draw(st.lists(st.just(_Style()) | _STYLES, min_size=1, max_size=3)))
    body = bytearray(draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])))
    for event, style in zip(events, styles, strict=False):
        for line, end in zip(_lines(event, style), ends, strict=False):
            # After a CR a LF would end no line of its own.
            body += line + (b"\r\n" if not line and end == b"\n" and body.endswith(b"\r") else end)
    return bytes(body)


class _Style(NamedTuple):
    """How an event is written; as the real endpoint does by default."""

    colon: str = ": "
    ascii: bool = False
    indent: int | None = None  # the data in several lines, unless None
    padding: int = 3
    more: tuple[str, ...] = ()  # comments and further fields
    data_first: bool = False
    blank_lines: int = 1


_STYLES: Final = st.builds(
    _Style,
    colon=st.sampled_from([":", ": "]),
    ascii=st.booleans(),
    indent=st.none() | st.integers(0, 1),
    padding=st.integers(0, 14),
    more=st.sampled_from([(), (":",), (": still here",), ("id: 7", "retry: 100"), ("retry:5", "id"), ("id:", ": a")]),
    data_first=st.booleans(),
    blank_lines=st.integers(1, 2),
)


def _lines(event: Event, style: _Style) -> list[bytes]:
    separators = None if style.indent is not None else (",", ":")
    text = json.dumps(event, ensure_ascii=style.ascii, indent=style.indent, separators=separators)
    data = [f"data{style.colon}{line}" for line in (text[:-1] + " " * style.padding + text[-1:]).split("\n")]
    name = f"event{style.colon}{event['type']}"
    fields = [*data, *style.more, name] if style.data_first else [name, *style.more, *data]
    return [*(line.encode() for line in fields), *[b""] * style.blank_lines]


# -- faulted streams --------------------------------------------------------------------------------------------------


@st.composite
def _faulted(draw: st.DrawFn, contract: Contract) -> Case:
    grammar = _grammar(contract)
    events = draw(_events())
    name = draw(st.sampled_from(list(FAULTS)))
    proposals = list(FAULTS[name](grammar, events))
    if not proposals:  # the fault needs a block that was not drawn
        events = list(make.USUAL)
        proposals = list(FAULTS[name](grammar, events))
    proposal = draw(st.sampled_from(proposals))
    if proposal.events is not ABSENT and all(isinstance(one, dict) and "type" in one for one in proposal.events):
        proposal = proposal._replace(body=draw(_framed(proposal.events)))
    case = faulted_case(contract, name, _labelled(proposal))
    assume(case is not None)
    return case  # type: ignore[return-value]


def _labelled(proposal: Proposal) -> Proposal:
    return proposal._replace(label=f"{proposal.label}/drawn")
