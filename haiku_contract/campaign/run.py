"""The campaign without I/O: one generator decides what is sent next, and what came of it."""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from haiku_contract.campaign import blame, checks
from haiku_contract.campaign.budget import UNLIMITED
from haiku_contract.campaign.ledger import LOST_IN_A_ROW, Ledger
from haiku_contract.campaign.outcomes import outcome
from haiku_contract.campaign.plan import Plan, thorough
from haiku_contract.model import CampaignFinished, CampaignStarted, CaseFinished, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from haiku_contract.campaign.budget import Budget
    from haiku_contract.campaign.checks import Judged, Terms
    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.surfaces import Surface
    from haiku_contract.model import Case, Event, Finding

Batch: TypeAlias = "tuple[Case, ...]"
Steps: TypeAlias = "Generator[Batch, Sequence[Exchange], None]"
Explorer: TypeAlias = (
    "Callable[[Iterable[Finding], Any], Generator[Case, Judged | None, Iterable[tuple[Finding, Judged]]]]"
)
"""From what is known and the simplest payload to questions, one by one, and to what was found with its witnesses."""


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


def campaign(  # noqa: PLR0913 - keyword-only configuration of one run
    contract: Contract,
    cases: Plan | Sequence[Case],
    target: Target,
    emit: Callable[[Event], None],
    *,
    seed: int = 0,
    width: int = 1,
    repeat: int = 1,
    budget: Budget = UNLIMITED,
    known: Callable[[Case], Exchange | None] = lambda _: None,
    terms: Terms = checks.PLAIN,
    explorer: Explorer | None = None,
) -> Generator[Batch, Sequence[Exchange], CampaignFinished]:
    """The whole campaign without any I/O: yields what to send, takes what came back, returns the result.

    Args:
        contract: whose constraints are judged.
        cases: what to send, and what else may be sent to find out more; cases with the same bytes are sent once.
        target: named in the events.
        emit: takes each event as it happens.
        seed: named in the result.
        width: how many requests may be under way at once.
        repeat: how often each request is sent, for endpoints that answer now so and now so.
        budget: what may be used up; a case that could exceed it is left out.
        known: what the endpoint answered to a case in an earlier run; asked once for each time that it is sent.
        terms: what is asked of answers beside the contract.
        explorer: what looks for more when everything was sent.

    Raises:
        EndpointError: the endpoint cannot be reached, or refuses the credentials.
    """
    plan = cases if isinstance(cases, Plan) else thorough(cases)
    ledger = Ledger(contract, target, plan, budget, terms._replace(surface=target.surface.name))
    send = Sending(ledger, emit, known, repeat)
    emit(CampaignStarted(contract.id, target.name, repeat * send.different(plan.cases)))
    rest = [case for case in plan.cases[1:] if case.id not in ledger.shown]
    yield from send(plan.cases[:1])  # the first answer tells whether there is any use in going on
    if not ledger.useless or ledger.stopped:
        send.width = width
        yield from blame.features(plan, ledger, send)
        yield from send(rest)
        yield from blame.places(plan, ledger, send)
        yield from send.assure()
    if explorer is not None and not (ledger.useless or ledger.stopped or ledger.doubts.void):
        yield from send.explore(explorer, plan.cases[0].payload)
        yield from send.assure()
    finished = ledger.finish(seed)
    emit(finished)
    return finished


class Sending:
    """Sends cases, as far as the budget goes, and enters what came back."""

    def __init__(
        self, ledger: Ledger, emit: Callable[[Event], None], known: Callable[[Case], Exchange | None], repeat: int
    ) -> None:
        self.width = 1
        self._ledger = ledger
        self._emit = emit
        self._known = known
        self._repeat = repeat
        self._patience = LOST_IN_A_ROW

    @staticmethod
    def different(cases: Iterable[Case]) -> int:
        """How many requests the cases are."""
        return len({(case.body, case.content_type) for case in cases})

    def __call__(self, cases: Iterable[Case]) -> Steps:
        """Send the cases whose bytes were not sent yet."""
        queue = deque(case for case in self._new(cases) for _ in range(self._repeat))
        while queue:
            batch: list[Case] = []
            places: list[Exchange | None] = []  # answers are entered in the order of the cases, known ones too
            while queue and len(batch) < self.width:
                case = queue.popleft()
                answered = self._known(case)
                if answered is None and not self._ledger.affords([*batch, case]):
                    self._ledger.leave_out(case)
                    continue
                places.append(answered)
                if answered is None:
                    batch.append(case)
            came = iter((yield tuple(batch)) if batch else ())
            for known in places:
                self._take(next(came) if known is None else known)
            yield from self._reassure()

    def assure(self) -> Steps:
        """Where refusals are in doubt, ask whether the first request is still accepted."""
        doubts, answered = self._ledger.doubts, self._ledger.judged
        if not doubts.open or not self._ledger.affords([answered[0].exchange.case]):
            return
        simplest = answered[0].exchange.case
        exchange = None if doubts.are_new else self._known(simplest)
        if exchange is None:
            (exchange,) = yield (simplest,)
        if exchange.status is not None or exchange.attempts:
            self._emit(self._ledger.assured(exchange, outcome(exchange, self._ledger.target.surface.name)))

    def _reassure(self) -> Steps:
        """Ask before all is sent with credentials that are refused; each time after twice as many refusals."""
        if len(self._ledger.doubts.credentials) > self._patience:
            self._patience *= 2
            yield from self.assure()

    def explore(self, explorer: Explorer, simplest: Any) -> Steps:
        """Send what an exploration asks for, and enter what it has found."""
        with contextlib.closing(explorer(tuple(self._ledger.findings.values()), simplest)) as questions:
            try:
                case = next(questions)
                while True:
                    case = questions.send((yield from self._drawn(case)))
            except StopIteration as stop:
                for finding, judged in stop.value:
                    self._emit(self._ledger.discover(finding, judged))

    def _drawn(self, case: Case) -> Generator[Batch, Sequence[Exchange], Judged | None]:
        """Send one case that no plan has; what came of it, or nothing where it may not be sent."""
        earlier = self._ledger.answers(case)
        if earlier:
            return earlier[0]._replace(exchange=replace(earlier[0].exchange, case=case))
        exchange = self._known(case)
        if exchange is None and self._ledger.affords([case]):
            (exchange,) = yield (case,)
        if exchange is None or (exchange.status is None and not exchange.attempts):
            self._ledger.stopped = self._ledger.stopped or "the budget ended the exploration"
            return None
        judged = self._ledger.note(exchange, outcome(exchange, self._ledger.target.surface.name))
        self._emit(CaseFinished(exchange, judged.outcome, ()))
        yield from self._reassure()
        return judged

    def _new(self, cases: Iterable[Case]) -> list[Case]:
        different = {(case.body, case.content_type): case for case in reversed(list(cases))}
        return [case for case in reversed(different.values()) if not self._ledger.answers(case)]

    def _take(self, exchange: Exchange) -> None:
        if exchange.status is None and not exchange.attempts:
            self._ledger.leave_out(exchange.case, exchange.error.removeprefix("not sent: "))
            return
        self._emit(self._ledger.take(exchange, outcome(exchange, self._ledger.target.surface.name)))
