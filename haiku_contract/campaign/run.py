"""The campaign without I/O: one generator decides what is sent next, and what came of it."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from haiku_contract import wire
from haiku_contract.campaign import checks, matrix
from haiku_contract.campaign.budget import Budget, Use, total, used_up, worst
from haiku_contract.campaign.outcomes import media_type, outcome, succeeded
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

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from haiku_contract.campaign.checks import Terms
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
UNLIMITED: Final = Budget()


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


def campaign(  # noqa: PLR0913 - keyword-only configuration of one run
    contract: Contract,
    cases: Sequence[Case],
    target: Target,
    emit: Callable[[Event], None],
    *,
    seed: int = 0,
    width: int = 1,
    budget: Budget = UNLIMITED,
    known: Callable[[Case], Exchange | None] = lambda _: None,
    terms: Terms = checks.PLAIN,
) -> Generator[Batch, Sequence[Exchange], CampaignFinished]:
    """The whole campaign without any I/O: yields what to send, takes what came back, returns the result.

    Args:
        contract: whose constraints are judged.
        cases: what to send; cases with the same bytes are sent once.
        target: named in the events.
        emit: takes each event as it happens.
        seed: named in the result.
        width: how many requests may be under way at once.
        budget: what may be used up; a case that could exceed it is left out.
        known: what the endpoint answered to a case in an earlier run.
        terms: what is asked of answers beside the contract.

    Raises:
        EndpointError: the endpoint cannot be reached, or refuses the credentials.
    """
    groups: dict[tuple[bytes, str], list[Case]] = {}
    for case in plan(cases):
        groups.setdefault((case.body, case.content_type), []).append(case)
    queue = deque(groups.values())
    emit(CampaignStarted(contract.id, target.name, len(queue)))
    ledger = _Ledger(contract, target, budget, terms._replace(surface=target.surface.name))
    most = 1  # the first answer tells whether there is any use in going on
    while queue:
        batch: list[list[Case]] = []
        while queue and len(batch) < most:
            group = queue.popleft()
            answered = known(group[0])
            if answered is not None:
                emit(ledger.take(group, answered, outcome(answered, target.surface.name)))
            elif ledger.affords([each[0] for each in (*batch, group)]):
                batch.append(group)
            else:
                ledger.left_out += group
        exchanges = (yield tuple(group[0] for group in batch)) if batch else ()
        for group, exchange in zip(batch, exchanges, strict=True):
            if exchange.status is None and not exchange.attempts:
                ledger.skip(group, exchange.error)
            else:
                emit(ledger.take(group, exchange, outcome(exchange, target.surface.name)))
        most = width
        if ledger.useless:
            break  # nothing can be told apart when even the simplest request is refused
    finished = ledger.finish(seed)
    emit(finished)
    return finished


class _Ledger:
    """What is known so far in a campaign."""

    def __init__(self, contract: Contract, target: Target, budget: Budget, terms: Terms) -> None:
        self.contract = contract
        self.target = target
        self.budget = budget
        self.terms = terms
        self.started = time.monotonic()
        self.judged: list[checks.Judged] = []
        self.findings: dict[str, Finding] = {}
        self.outcomes: Counter[OutcomeKind] = Counter()
        self.spent = Use()
        self.left_out: list[Case] = []
        self.stopped = ""
        self.useless = False
        self.lost_in_a_row = 0

    def affords(self, cases: Sequence[Case]) -> bool:
        """Whether these cases may be sent now, whatever they cost."""
        if not self.stopped and self.budget.seconds is not None:
            self.stopped = "the time is up" if time.monotonic() - self.started > self.budget.seconds else ""
        if self.stopped or self.budget == UNLIMITED:
            return not self.stopped
        allowed = self.budget.allows(self.spent, total(worst(self.contract, one) for one in cases))
        if not allowed and not self.judged:
            self.stopped = "the budget does not even allow the simplest request"
        return allowed

    def skip(self, group: Sequence[Case], reason: str) -> None:
        """Leave cases out that could not be sent any more."""
        self.left_out += group
        self.stopped = self.stopped or reason.removeprefix("not sent: ")

    def take(self, group: Sequence[Case], exchange: Exchange, result: Outcome) -> CaseFinished:
        """Enter one exchange for all the cases that share its bytes.

        Raises:
            EndpointError: the first request, or too many in a row, did not get through.
        """
        first = not self.judged
        self.lost_in_a_row = self.lost_in_a_row + 1 if result.kind in _FATAL else 0
        if first and result.kind in _FATAL_AT_FIRST:
            raise _unusable(self.target, result.kind, exchange, result)
        if first and result.kind is OutcomeKind.ACCEPTED and _is_garbage(exchange):
            raise _unusable(self.target, OutcomeKind.UNKNOWN, exchange, result)
        if self.lost_in_a_row > _LOST_IN_A_ROW:
            raise _unusable(self.target, result.kind, exchange, result)
        self.useless = first and result.kind is not OutcomeKind.ACCEPTED
        self.outcomes[result.kind] += 1
        judged = checks.judge(self.contract, exchange, result, self.terms)
        meant = group[:1] if self.useless else group
        fanned = [judged._replace(exchange=replace(exchange, case=case)) for case in meant]
        found = {one.fingerprint: one for each in fanned for one in checks.findings(each)}
        new = {key: one for key, one in found.items() if key not in self.findings}
        self.findings |= new
        self.judged += fanned
        self._spend(exchange, result)
        return CaseFinished(exchange, result, tuple(new.values()))

    def _spend(self, exchange: Exchange, result: Outcome) -> None:
        used = used_up(self.contract, exchange) if self.target.billed else Use()
        answered = result.kind is OutcomeKind.ACCEPTED and succeeded(exchange) and exchange.attempts > 0
        if self.target.billed and answered and not used.tokens:
            used = worst(self.contract, exchange.case)  # it does not say what it has used
        self.spent = self.spent.plus(used._replace(requests=exchange.attempts))
        if self.budget.free and answered:
            self.stopped = f"{exchange.case.id} was answered, and that is billed"

    def finish(self, seed: int) -> CampaignFinished:
        """The result of what was entered."""
        return CampaignFinished(
            contract=self.contract.id,
            endpoint=self.target.name,
            seed=seed,
            requests=self.spent.requests,
            cost_usd=round(self.spent.cost, 6),
            verdicts=matrix.verdicts(self.contract, self.judged, {case.constraint for case in self.left_out}),
            findings=tuple(self.findings.values()),
            outcomes=dict(self.outcomes),
            elapsed=time.monotonic() - self.started,
            left_out=tuple(case.id for case in self.left_out),
            stopped=self.stopped or ("the budget is used up" if self.left_out else ""),
        )


def _unusable(target: Target, kind: OutcomeKind, exchange: Exchange, result: Outcome) -> EndpointError:
    return EndpointError(f"{target.name} {_FATAL_AT_FIRST[kind]} ({_answer(exchange, result)}); {_ADVICE[kind]}")


def _is_garbage(exchange: Exchange) -> bool:
    """A success that calls itself JSON and is none: whatever answers there is not the endpoint."""
    return media_type(exchange) == JSON_CONTENT_TYPE and wire.decode(exchange.body).value is ABSENT


def _answer(exchange: Exchange, result: Outcome) -> str:
    return result.message if exchange.status is None else f"HTTP {exchange.status}: {result.message}".rstrip(": ")
