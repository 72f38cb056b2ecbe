"""The deterministic suite of event streams: conforming ones, and faulted ones with what must be reported first.

They are also what people test their own clients with; `haiku-contract generate --side stream --directory DIR` writes
them out as files.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import messages, pointer
from haiku_contract.generate.faults import certified
from haiku_contract.generate.routes import locations, routes, site_of
from haiku_contract.generate.stream_events import CONTENT_TYPE, REQUEST, USUAL, conforming, encode, framed
from haiku_contract.generate.stream_faults import FAULTS, Proposal
from haiku_contract.model import ABSENT, Case
from haiku_contract.stream import StreamValidator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.generate.stream_events import Event
    from haiku_contract.model import Constraint, Violation
    from haiku_contract.stream import StreamGrammar

_MOST_CACHED: Final = 8  # contracts; to make and to judge its streams takes most of a second


@lru_cache(_MOST_CACHED)
def stream_suite(contract: Contract) -> tuple[Case, ...]:
    """All streams of a contract, the same for the same contract, in a stable order; none where it has no stream part.

    Returns:
        Cases whose `body` is the stream and whose `payload` is the list of its events, `ABSENT` where the fault lies
        below them. A faulted one names in `constraint` what must be reported first, in `breaks` all that is reported.
        Each answers `haiku_contract.generate.stream_events.REQUEST`.
    """
    if contract.stream is None:
        return ()
    return tuple(_cases(contract, contract.stream))


def judged(contract: Contract, body: bytes) -> list[Violation]:
    """What is wrong with a stream that answers `REQUEST`, in the order in which it is reported."""
    validator = StreamValidator(contract, request=REQUEST)
    return validator.feed(body) + validator.finish()


def faulted_case(contract: Contract, name: str, proposal: Proposal) -> Case | None:
    """The case of a proposed fault; None when something else than it says is reported first."""
    found = judged(contract, proposal.body)
    if not found or found[0].constraint != proposal.constraint:
        return None
    return Case(
        id=f"stream/{name}/{proposal.label}",
        side="stream",
        kind="faulted",
        constraint=proposal.constraint,
        payload=proposal.events,
        body=proposal.body,
        breaks=tuple(sorted(messages.broken(found))),
        content_type=CONTENT_TYPE,
    )


def conforming_case(name: str, body: bytes, events: Sequence[Event] | None = None) -> Case:
    """The case of a conforming stream."""
    payload = ABSENT if events is None else list(events)
    return Case(f"stream/{name}", "stream", "conforming", None, payload, body, content_type=CONTENT_TYPE)


def _cases(contract: Contract, grammar: StreamGrammar) -> Iterator[Case]:
    streams = conforming(grammar)
    for name, events in streams.items():
        body = encode(events)
        if not judged(contract, body):
            yield conforming_case(f"conforming/{name}", body, events)
    for name, body in framed(USUAL).items():
        if not judged(contract, body):
            yield conforming_case(f"conforming/framing/{name}", body)
    for name, operator in FAULTS.items():
        for proposal in operator(grammar, USUAL):
            case = faulted_case(contract, name, proposal)
            if case is not None:
                yield case
    for kind in (name for name in grammar.blocks if name not in {"text", "tool_use"}):
        yield from _wrong_deltas(contract, grammar, streams["every-key"], kind)
    for constraint in grammar.constraints:
        yield from _schema_faults(contract, grammar, constraint, tuple(streams.values()))


def _wrong_deltas(contract: Contract, grammar: StreamGrammar, events: Sequence[Event], kind: str) -> Iterator[Case]:
    """The first delta that does not fit a block of that type."""
    for proposal in FAULTS["wrong-delta"](grammar, events):
        if proposal.label.endswith(f"-{kind}"):
            case = faulted_case(contract, "wrong-delta", proposal)
            if case is not None:
                yield case
                return


def _schema_faults(
    contract: Contract, grammar: StreamGrammar, constraint: Constraint, streams: Sequence[Sequence[Event]]
) -> Iterator[Case]:
    """One fault of a constraint that stands in a schema, in the first event that is held against it."""
    for events in streams:
        for number, event in enumerate(events):
            for label, changed in _faults_of(grammar, constraint, event):
                body = [*events[:number], changed, *events[number + 1 :]]
                name = constraint.pointer.lstrip("/").replace("/properties/", "/")
                proposal = Proposal(label, constraint.id, encode(body), body)
                case = faulted_case(contract, name, proposal)
                if case is not None and case.breaks == (constraint.id,):
                    yield case
                    return


def _faults_of(grammar: StreamGrammar, constraint: Constraint, event: Event) -> Iterator[tuple[str, Any]]:
    validator = grammar.events.get(event["type"])
    if validator is None or validator.constraint(constraint.id) is None:
        return
    route = _routes(grammar, event["type"]).get(site_of(constraint))
    if route is None:
        return
    schema = pointer.get(validator.schema, pointer.split(site_of(constraint)))
    for path in locations(route, validator.schema, event):
        if constraint.keyword == "maxItems" and constraint.value == 0:
            yield "above", _filled(event, path)
        for one in certified(validator, constraint, schema, event, path):
            yield one.label, one.payload


@cache
def _routes(grammar: StreamGrammar, kind: str) -> dict[str, Any]:
    return routes(grammar.events[kind].schema)


def _filled(value: Any, path: Sequence[str | int]) -> Any:
    """The event with one item in an array that has to be empty."""
    if not path:
        return [{"type": "text", "text": "Hello"}]
    return {**value, path[0]: _filled(value[path[0]], path[1:])}
