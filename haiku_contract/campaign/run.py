"""The campaign without I/O: one generator decides what is sent next, and what came of it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from haiku_contract import wire
from haiku_contract.campaign import checks, matrix
from haiku_contract.campaign.outcomes import EVENT_STREAM, media_type, outcome
from haiku_contract.endpoint.surfaces import message
from haiku_contract.errors import EndpointError
from haiku_contract.model import (
    ABSENT,
    JSON_CONTENT_TYPE,
    CampaignFinished,
    CampaignStarted,
    CaseFinished,
    Exchange,
    OutcomeKind,
)
from haiku_contract.stream import StreamValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.surfaces import Surface
    from haiku_contract.model import Case, Event, Finding, Outcome

Batch: TypeAlias = "tuple[Case, ...]"

_FATAL: Final = {
    OutcomeKind.UNREACHABLE: "cannot be reached",
    OutcomeKind.UNAUTHORISED: "refuses the credentials",
}
_FATAL_AT_FIRST: Final = _FATAL | {
    OutcomeKind.THROTTLED: "does not serve requests at the moment",
    OutcomeKind.UNKNOWN: "does not answer as this surface does",
}
_ADVICE: Final = {
    OutcomeKind.UNREACHABLE: "check that it runs, and its host and port",
    OutcomeKind.UNAUTHORISED: "check the key and what it may do",
    OutcomeKind.THROTTLED: "try again later",
    OutcomeKind.UNKNOWN: "check the URL and the surface",
}
_LOST_IN_A_ROW: Final = 5


@dataclass(frozen=True, slots=True)
class Target:
    """Where cases are sent.

    Attributes:
        name: what it is called in reports; holds no secret.
        url: the whole address.
        surface: the wire form.
        billed: whether answers cost money.
    """

    name: str
    url: str
    surface: Surface
    billed: bool = False


def plan(cases: Sequence[Case]) -> tuple[Case, ...]:
    """The order of sending: the simplest conforming request, then the faults (a rejection is free), then the rest."""
    rank = {"faulted": 1, "conforming": 2}
    return tuple(sorted(cases, key=lambda case: 0 if case.constraint is None else rank[case.kind]))


def campaign(
    contract: Contract,
    cases: Sequence[Case],
    target: Target,
    emit: Callable[[Event], None],
    *,
    seed: int = 0,
    width: int = 1,
) -> Generator[Batch, Sequence[Exchange], CampaignFinished]:
    """The whole campaign without any I/O: yields what to send, takes what came back, returns the result.

    Args:
        contract: whose constraints are judged.
        cases: what to send; cases with the same bytes are sent once.
        target: named in the events.
        emit: takes each event as it happens.
        seed: named in the result.
        width: how many requests may be under way at once.

    Raises:
        EndpointError: the endpoint cannot be reached, or refuses the credentials.
    """
    groups: dict[tuple[bytes, str], list[Case]] = {}
    for case in plan(cases):
        groups.setdefault((case.body, case.content_type), []).append(case)
    first, *pending = groups.values()
    emit(CampaignStarted(contract.id, target.name, len(groups)))
    ledger = _Ledger(contract, target)
    (exchange,) = yield (first[0],)
    result = outcome(exchange)
    if result.kind in _FATAL_AT_FIRST:
        raise _unusable(target, result.kind, exchange, result)
    if result.kind is OutcomeKind.ACCEPTED and _is_garbage(exchange):
        raise _unusable(target, OutcomeKind.UNKNOWN, exchange, result)
    if result.kind is not OutcomeKind.ACCEPTED:
        first, pending = first[:1], []  # nothing can be told apart when even the simplest request is refused
    emit(ledger.take(first, exchange, result))
    while pending:
        batch, pending = pending[:width], pending[width:]
        exchanges = yield tuple(group[0] for group in batch)
        for group, exchange in zip(batch, exchanges, strict=True):
            emit(ledger.take(group, exchange, outcome(exchange)))
    finished = ledger.finish(seed)
    emit(finished)
    return finished


class _Ledger:
    """What is known so far in a campaign."""

    def __init__(self, contract: Contract, target: Target) -> None:
        self.contract = contract
        self.target = target
        self.started = time.monotonic()
        self.judged: list[checks.Judged] = []
        self.findings: dict[str, Finding] = {}
        self.outcomes: Counter[OutcomeKind] = Counter()
        self.cost = 0.0
        self.lost_in_a_row = 0

    def take(self, group: Sequence[Case], exchange: Exchange, result: Outcome) -> CaseFinished:
        """Enter one exchange for all the cases that share its bytes.

        Raises:
            EndpointError: too many in a row did not get through.
        """
        self.lost_in_a_row = self.lost_in_a_row + 1 if result.kind in _FATAL else 0
        if self.lost_in_a_row > _LOST_IN_A_ROW:
            raise _unusable(self.target, result.kind, exchange, result)
        self.outcomes[result.kind] += 1
        first = checks.judge(self.contract, exchange, result)
        fanned = [first._replace(exchange=replace(exchange, case=case)) for case in group]
        found = {one.fingerprint: one for each in fanned for one in checks.findings(each)}
        new = {key: one for key, one in found.items() if key not in self.findings}
        self.findings |= new
        self.judged += fanned
        self.cost += _cost(self.contract, exchange) if self.target.billed else 0
        return CaseFinished(exchange, result, tuple(new.values()))

    def finish(self, seed: int) -> CampaignFinished:
        """The result of what was entered."""
        return CampaignFinished(
            contract=self.contract.id,
            endpoint=self.target.name,
            seed=seed,
            requests=self.outcomes.total(),
            cost_usd=round(self.cost, 6),
            verdicts=matrix.verdicts(self.contract, self.judged),
            findings=tuple(self.findings.values()),
            outcomes=dict(self.outcomes),
            elapsed=time.monotonic() - self.started,
        )


def _unusable(target: Target, kind: OutcomeKind, exchange: Exchange, result: Outcome) -> EndpointError:
    return EndpointError(f"{target.name} {_FATAL_AT_FIRST[kind]} ({_answer(exchange, result)}); {_ADVICE[kind]}")


def _is_garbage(exchange: Exchange) -> bool:
    """A success that calls itself JSON and is none: whatever answers there is not the endpoint."""
    return media_type(exchange) == JSON_CONTENT_TYPE and wire.decode(exchange.body).value is ABSENT


def _answer(exchange: Exchange, result: Outcome) -> str:
    return result.message if exchange.status is None else f"HTTP {exchange.status}: {result.message}".rstrip(": ")


def _cost(contract: Contract, exchange: Exchange) -> float:
    """What an answer reports to have used, at the manifest's prices; nothing where either is unknown."""
    prices = contract.manifest.get("prices", {})
    usage = _usage(contract, exchange)
    if not isinstance(usage, dict) or "input" not in prices or "output" not in prices:
        return 0.0
    pairs = ((usage.get("input_tokens"), prices["input"]), (usage.get("output_tokens"), prices["output"]))
    per = prices.get("per_tokens", 1_000_000)
    return float(sum(count * price / per for count, price in pairs if isinstance(count, (int, float))))


def _usage(contract: Contract, exchange: Exchange) -> Any:
    """The usage that an answer reports: in the message, in that inside an envelope, or in the events of a stream."""
    if media_type(exchange) == EVENT_STREAM and contract.stream is not None:
        stream = StreamValidator(contract)
        stream.feed(exchange.body)
        value = stream.message
    else:
        value = message(wire.decode(exchange.body).value)
    return value.get("usage") if isinstance(value, dict) else None
