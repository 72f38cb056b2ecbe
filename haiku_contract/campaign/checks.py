"""Oracles over one exchange: each a small function in a table, each with a code.

A check yields what is wrong; whether that is already known is decided by the fingerprint (`finding`).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract import messages, pointer, prediction, wire
from haiku_contract.campaign.outcomes import EVENT_STREAM, media_type, succeeded
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, Finding, OutcomeKind, VerdictKind
from haiku_contract.stream import StreamValidator
from haiku_contract.stream.coverage import exercised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haiku_contract.contract import Contract
    from haiku_contract.model import Case, Exchange, Outcome, Violation


class Judged(NamedTuple):
    """An exchange with all that was found out about it.

    Attributes:
        exchange: what was sent and what came back.
        outcome: what the endpoint did.
        violations: what is wrong with the answer by the response schema, or with the event stream by the protocol;
            empty when it was not held against either. What the response schema says of a streamed message is none.
        exercised: ids of the response or stream constraints that the answer was held against.
        places: pointers at which a rejection may say that a faulted request is broken.
    """

    exchange: Exchange
    outcome: Outcome
    violations: tuple[Violation, ...] = ()
    exercised: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()


def judge(contract: Contract, exchange: Exchange, outcome: Outcome) -> Judged:
    """Hold the answer against the response schema, where it is a message, or against the protocol of streams."""
    if outcome.kind is OutcomeKind.REJECTED:
        return Judged(exchange, outcome, places=_places(contract, exchange.case))
    media = media_type(exchange)
    if succeeded(exchange) and media == EVENT_STREAM and contract.stream is not None:
        return _judge_stream(contract, exchange, outcome)
    if outcome.kind is not OutcomeKind.ACCEPTED or not succeeded(exchange) or media != JSON_CONTENT_TYPE:
        return Judged(exchange, outcome)
    value, below = wire.decode(exchange.body)
    if value is ABSENT:
        return Judged(exchange, outcome, below)
    violations = (*below, *contract.response.iter_errors(value))
    return Judged(exchange, outcome, violations, contract.response.exercised(value))


def _places(contract: Contract, case: Case) -> frozenset[str]:
    """Where the violations of a payload are, and where the unions are that they make fail as a whole."""
    found: set[str] = set()
    for violation in contract.request.iter_errors(case.payload) if case.payload is not ABSENT else ():
        found.add(violation.instance_location)
        union = prediction.outermost_union(violation.constraint.partition(":")[2])
        if union is not None:
            found.add(prediction.place_of(union, violation.instance_location))
    return frozenset(found)


def _judge_stream(contract: Contract, exchange: Exchange, outcome: Outcome) -> Judged:
    request = None if exchange.case.payload is ABSENT else exchange.case.payload
    validator = StreamValidator(contract, request=request, assemble=False)
    violations = (*validator.feed(exchange.body), *validator.finish())
    reached = (
        frozenset[str]() if contract.stream is None else exercised(contract.stream, exchange.body, request=request)
    )
    return Judged(exchange, outcome, violations, reached)


def findings(judged: Judged) -> tuple[Finding, ...]:
    """What every check of the table finds in an exchange, one by one."""
    return tuple(found for check in CHECKS.values() for found in check(judged))


def finding(code: str, constraint: str | None, case: str, message: str) -> Finding:
    """A finding whose fingerprint depends on its cause alone, not on the witness, the run or the machine."""
    cause = f"{code} {constraint or case}"
    return Finding(code, hashlib.sha256(cause.encode()).hexdigest()[:12], constraint, case, message)


def names_the_fault(judged: Judged) -> bool:
    """The rejection names the broken place, something inside it, or a union that it makes fail.

    A rejection that names no place is no lie; one of a body that cannot be read names a place that it has not read.
    """
    case, field = judged.exchange.case, judged.outcome.field
    if field is None:
        return True
    if case.fault is None:
        return case.constraint not in _UNREAD
    inside = case.fault.path != "" and f"{field}/".startswith(f"{case.fault.path}/")
    return inside or field == case.fault.path or field in judged.places


def _accepted_fault(judged: Judged) -> Iterator[Finding]:
    case = judged.exchange.case
    if case.kind == "faulted" and judged.outcome.kind is OutcomeKind.ACCEPTED:
        yield finding(
            VerdictKind.LEAKY, case.constraint, case.id, f"accepted a request that breaks {_all(case.breaks)}"
        )


def _rejected_conforming(judged: Judged) -> Iterator[Finding]:
    case = judged.exchange.case
    if case.kind == "conforming" and judged.outcome.kind is OutcomeKind.REJECTED:
        message = f"rejected a conforming request: {judged.outcome.message}"
        yield finding(VerdictKind.OVERSTRICT, case.constraint, case.id, message)


def _crashed(judged: Judged) -> Iterator[Finding]:
    case = judged.exchange.case
    if judged.outcome.kind is OutcomeKind.CRASHED:
        message = f"answered {judged.exchange.status} to a {case.kind} request"
        yield finding(VerdictKind.CRASHING, case.constraint, case.id, message)


def _misattributed(judged: Judged) -> Iterator[Finding]:
    case = judged.exchange.case
    if case.kind == "faulted" and judged.outcome.kind is OutcomeKind.REJECTED and not names_the_fault(judged):
        place = pointer.readable(pointer.split(judged.outcome.field or ""))
        message = f"rejected for {place}, but what is broken is {case.constraint}: {judged.outcome.message}"
        yield finding(VerdictKind.MISATTRIBUTED, case.constraint, case.id, message)


def _nonconforming_response(judged: Judged) -> Iterator[Finding]:
    for violation in judged.violations:
        for constraint in sorted(messages.broken((violation,))):
            message = f"answered with a response that does not conform: {violation.message}"
            yield finding(VerdictKind.BROKEN, constraint, judged.exchange.case.id, message)


def _unknown(judged: Judged) -> Iterator[Finding]:
    if judged.outcome.kind is OutcomeKind.UNKNOWN:
        message = f"answered {judged.exchange.status} in a form that is not known: {judged.outcome.message}"
        yield finding("unknown-answer", None, judged.exchange.case.id, message)


_UNREAD: Final = frozenset(("wire:syntax", "wire:encoding", "wire:content-type"))

CHECKS: Final[dict[str, Callable[[Judged], Iterator[Finding]]]] = {
    "accepted-fault": _accepted_fault,
    "rejected-conforming": _rejected_conforming,
    "crashed": _crashed,
    "misattributed": _misattributed,
    "nonconforming-response": _nonconforming_response,
    "unknown-answer": _unknown,
}
"""Every check, by name."""


def _all(ids: tuple[str, ...]) -> str:
    return ids[0] if len(ids) == 1 else f"{len(ids)} constraints that break together: {', '.join(ids)}"
