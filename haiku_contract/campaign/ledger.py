"""What is known so far in a campaign: every answer, what it has used up, and what follows from it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from haiku_contract import wire
from haiku_contract.campaign import causes, checks, matrix, replies
from haiku_contract.campaign.budget import UNLIMITED, Use, total, used_up, worst
from haiku_contract.campaign.doubts import Doubts
from haiku_contract.campaign.outcomes import EVENT_STREAM, NO_MORE, media_type, succeeded
from haiku_contract.errors import EndpointError
from haiku_contract.model import (
    ABSENT,
    JSON_CONTENT_TYPE,
    CampaignFinished,
    CaseFinished,
    Outcome,
    OutcomeKind,
    VerdictKind,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.campaign.budget import Budget
    from haiku_contract.campaign.checks import Terms
    from haiku_contract.campaign.plan import Plan
    from haiku_contract.campaign.run import Target
    from haiku_contract.campaign.split import Features
    from haiku_contract.contract import Contract
    from haiku_contract.model import Case, Exchange, Finding

Bytes: TypeAlias = tuple[bytes, str]

_FATAL_AT_FIRST: Final = {
    OutcomeKind.UNREACHABLE: "cannot be reached",
    OutcomeKind.UNAUTHORISED: "refuses the credentials",
    OutcomeKind.THROTTLED: "does not serve requests at the moment",
    OutcomeKind.UNKNOWN: "does not answer as this surface does",
}
_ADVICE: Final = {
    OutcomeKind.UNREACHABLE: "check that it runs, and its host and port",
    OutcomeKind.UNAUTHORISED: "check the key and what it may do",
    OutcomeKind.THROTTLED: "try again later",
    OutcomeKind.UNKNOWN: "check the URL and the surface",
}
_OF_REFUSALS: Final = (VerdictKind.MISATTRIBUTED, VerdictKind.CRASHING, "error-body")
LOST_IN_A_ROW: Final = 5
"""After so many requests that did not get through one after another, it is asked whether any does."""
_BUSY_IN_A_ROW: Final = 2
"""After so many requests that were throttled each time that they were sent, minutes in all, no other one is sent."""
_NEVER_SENT: Final = ("Connect", "Proxy", "PoolTimeout", "UnsupportedProtocol")
"""How errors of the client begin after which the endpoint has not heard of the request."""
FAILURES: Final = {OutcomeKind.REJECTED: VerdictKind.OVERSTRICT, OutcomeKind.CRASHED: VerdictKind.CRASHING}
"""How a conforming request can fail, and what that is called."""


class Ledger:
    """The answers of one campaign.

    Attributes:
        judged: everything that came of the cases, in the order of the answers; cases of the same bytes have one each.
        shown: what the conforming cases show that show several features at once, by the id of the case.
        conditions: on which requests alone a constraint of the response is broken, in words.
        doubts: which refusals say nothing of the requests where nothing is accepted afterwards.
    """

    def __init__(self, contract: Contract, target: Target, plan: Plan, budget: Budget, terms: Terms) -> None:
        self.contract = contract
        self.target = target
        self.budget = budget
        self.terms = terms
        self.started = time.monotonic()
        self.judged: list[checks.Judged] = []
        self.findings: dict[str, Finding] = {}
        self.outcomes: Counter[OutcomeKind] = Counter()
        self.spent = Use()
        self.left_out: dict[str, Case] = {}
        self.stopped = ""
        self.shown: dict[str, Features] = {one.case.id: one.features for one in plan.packed}
        self.conditions: dict[str, str] = {}
        self.doubts = Doubts()
        self._wanted = tuple(feature for one in plan.packed for feature in one.features)
        self._whole: Any = ABSENT
        self._lost_in_a_row = 0
        self._busy_in_a_row = 0
        self._answers: dict[Bytes, list[checks.Judged]] = {}
        self._alike: dict[Bytes, dict[str, Case]] = {}
        for case in (*plan.cases, *plan.suite):
            self._alike.setdefault(bytes_of(case), {}).setdefault(case.id, case)

    @property
    def useless(self) -> bool:
        """Nothing can be told apart, because no request has been accepted."""
        return not any(one.outcome.kind is OutcomeKind.ACCEPTED for one in self.judged)

    def alike(self, case: Case) -> list[Case]:
        """All the cases with the bytes of one, that one first."""
        return [case, *(one for name, one in self._alike.get(bytes_of(case), {}).items() if name != case.id)]

    def answers(self, case: Case) -> tuple[checks.Judged, ...]:
        """What came of the bytes of a case; nothing when they were not sent."""
        return tuple(self._answers.get(bytes_of(case), ()))

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

    def leave_out(self, case: Case, reason: str = "") -> None:
        """Enter that a case is not sent: because of the budget, or of something else that ends the campaign."""
        self.stopped = self.stopped or reason
        self.left_out |= {one.id: one for one in self.alike(case)}

    def take(self, exchange: Exchange, result: Outcome) -> CaseFinished:
        """Enter one exchange for all the cases that share its bytes.

        Raises:
            EndpointError: the first request, or too many in a row, did not get through.
        """
        first = not self.judged
        if first and result.kind in _FATAL_AT_FIRST:
            raise _unusable(self.target, result.kind, exchange, result)
        if first and result.kind is OutcomeKind.ACCEPTED and _is_garbage(exchange):
            raise _unusable(self.target, OutcomeKind.UNKNOWN, exchange, result)
        judged = self.note(exchange, result)
        hopeless = self.useless and result.kind is not OutcomeKind.ACCEPTED
        meant = [exchange.case] if hopeless else self.alike(exchange.case)
        fanned = [judged._replace(exchange=replace(exchange, case=case)) for case in meant]
        found = {one.fingerprint: one for each in fanned for one in self._findings(each)}
        new = {key: one for key, one in found.items() if key not in self.findings}
        self.findings |= new | {key: one for key, one in found.items() if _is_smaller(one, self.findings.get(key))}
        self.judged += fanned
        self._answers.setdefault(bytes_of(exchange.case), []).append(judged)
        return CaseFinished(exchange, judged.outcome, tuple(new.values()))

    def note(self, exchange: Exchange, result: Outcome) -> checks.Judged:
        """Enter what an exchange has used up, and judge it.

        Raises:
            EndpointError: too many requests in a row did not get through.
        """
        self._lost_in_a_row = self._lost_in_a_row + 1 if result.kind is OutcomeKind.UNREACHABLE else 0
        if self._lost_in_a_row > LOST_IN_A_ROW:
            raise _unusable(self.target, result.kind, exchange, result)
        result = self.doubts.heard(exchange, result)
        self._spend(exchange, result)
        self._patience(exchange, result)
        judged = checks.judge(self.contract, exchange, result, self.terms)
        if isinstance(judged.message, dict) and media_type(exchange) != EVENT_STREAM:
            if self._whole is ABSENT:
                self._whole = replies.listed(self.contract.response.schema, judged.message)
        elif judged.message is not ABSENT:
            judged = judged._replace(whole=self._whole)
        self.outcomes[judged.outcome.kind] += 1
        return judged

    def assured(self, exchange: Exchange, result: Outcome) -> CaseFinished:
        """Enter the answer to a request that was accepted before: whether it still is.

        Raises:
            EndpointError: it is not, because of the credentials.
        """
        if result.kind is OutcomeKind.UNAUTHORISED:
            raise _unusable(self.target, result.kind, exchange, result)
        before = set(self.findings)
        if result.kind in FAILURES:
            self.doubts.are_right = True
            words = _answer(exchange, result)
            self.blame(FAILURES[result.kind], exchange.case, f"accepted at first, and not any more: {words}", NO_MORE)
        new = tuple(one for key, one in self.findings.items() if key not in before)
        return CaseFinished(exchange, self.note(exchange, result).outcome, new)

    def _without_doubts(self) -> None:
        """Take back what follows from refusals of which it is not known whether anything would have been accepted."""
        is_lost = {bytes_of(one.exchange.case) for one in self.judged} & self.doubts.void
        lost = {one.exchange.case.id for one in self.judged if bytes_of(one.exchange.case) in is_lost}
        self.judged = [_undecided(one) if one.exchange.case.id in lost else one for one in self.judged]
        self.findings = {
            key: one for key, one in self.findings.items() if one.code not in _OF_REFUSALS or one.case not in lost
        }

    def _patience(self, exchange: Exchange, result: Outcome) -> None:
        """Stop where the endpoint stays busy however often it is asked: every further request would wait as long."""
        is_busy = result.kind is OutcomeKind.THROTTLED and exchange.attempts > 1
        self._busy_in_a_row = self._busy_in_a_row + 1 if is_busy else 0
        if self._busy_in_a_row == _BUSY_IN_A_ROW:
            often = f"{_BUSY_IN_A_ROW} requests in a row, the last one {exchange.attempts} times"
            self.stopped = self.stopped or f"the endpoint stays busy ({often}); run again later, with --resume"

    def discover(self, finding: Finding, judged: checks.Judged) -> CaseFinished:
        """Enter what an exploration has found, with its witness, whose request was entered when it was sent."""
        self.findings.setdefault(finding.fingerprint, finding)
        self.judged.append(judged)
        return CaseFinished(replace(judged.exchange, attempts=0), judged.outcome, (finding,))

    def blame(self, code: str, case: Case, message: str, cause: str = "") -> None:
        """Enter a finding about requests that show several features at once; its cause is the case if none is given."""
        failed = (one.exchange for one in self.answers(case) if FAILURES.get(one.outcome.kind) == code)
        answer = next((checks.kept(one) for one in failed), None)
        found = replace(checks.finding(code, None, case.id, message, cause=cause), witness=case, answer=answer)
        self.findings.setdefault(found.fingerprint, found)

    def _findings(self, judged: checks.Judged) -> list[Finding]:
        """What the checks find; that a request with many features fails is no finding before it is known why."""
        packed = judged.exchange.case.id in self.shown
        return [one for one in checks.findings(judged) if not (packed and one.code in FAILURES.values())]

    def _spend(self, exchange: Exchange, result: Outcome) -> None:
        if not exchange.attempts:  # an answer of an earlier run, which was counted then
            return
        used = used_up(self.contract, exchange) if self.target.billed else Use()
        answered = result.kind is OutcomeKind.ACCEPTED and succeeded(exchange)
        if self.target.billed and (_may_be_billed(exchange) or (answered and not used.tokens)):
            used = total([worst(self.contract, exchange.case)] * exchange.attempts)  # nothing says what was used
        self.spent = self.spent.plus(used._replace(requests=exchange.attempts))
        if self.budget.free and answered:
            self.stopped = f"{exchange.case.id} was answered, and that is billed"

    def finish(self, seed: int) -> CampaignFinished:
        """The result of what was entered."""
        self._without_doubts()
        evidence = matrix.Evidence(
            judged=tuple(self.judged),
            left_out=frozenset(case.constraint for case in self.left_out.values() if case.constraint is not None),
            shown=self.shown,
            wanted=self._wanted,
            conditions=self.conditions,
        )
        verdicts = matrix.verdicts(self.contract, evidence)
        return CampaignFinished(
            contract=self.contract.id,
            endpoint=self.target.name,
            seed=seed,
            requests=self.spent.requests,
            cost_usd=round(self.spent.cost, 6),
            verdicts=verdicts,
            findings=self._with_witnesses({one.constraint: one.witness for one in verdicts}),
            outcomes=dict(self.outcomes),
            elapsed=time.monotonic() - self.started,
            left_out=tuple(self.left_out),
            stopped=self.stopped or ("the budget is used up" if self.left_out else ""),
        )

    def _with_witnesses(self, witnesses: dict[str, str | None]) -> tuple[Finding, ...]:
        """The findings, one for each cause, each as the witness shows it that the verdict names: the smallest one."""
        by_case = {one.exchange.case.id: one for one in reversed(self.judged)}
        found = dict(self.findings)
        for key, one in self.findings.items():
            witness = by_case.get(witnesses.get(one.constraint or "") or "")
            for better in () if witness is None else self._findings(witness):
                if better.fingerprint == key:
                    found[key] = better
        return causes.together(found.values(), self.judged)


def _is_smaller(found: Finding, known: Finding | None) -> bool:
    """Whether a finding about no constraint has a shorter witness than it had; the others have that of the verdict."""
    if known is None or found.constraint is not None or found.witness is None or known.witness is None:
        return False
    return len(found.witness.body) < len(known.witness.body)


def _undecided(judged: checks.Judged) -> checks.Judged:
    """What came of a case, where the same would have come of any other."""
    if judged.outcome.kind not in (*FAILURES, OutcomeKind.UNAUTHORISED):
        return judged
    is_refused = judged.exchange.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    kind = OutcomeKind.UNAUTHORISED if is_refused else OutcomeKind.UNKNOWN
    return judged._replace(outcome=Outcome(kind, judged.outcome.code, NO_MORE))


def _may_be_billed(exchange: Exchange) -> bool:
    """Whether a request went out and no answer came that would say what it has used."""
    return exchange.status is None and not exchange.error.startswith(_NEVER_SENT)


def bytes_of(case: Case) -> Bytes:
    """What tells requests apart."""
    return case.body, case.content_type


def _unusable(target: Target, kind: OutcomeKind, exchange: Exchange, result: Outcome) -> EndpointError:
    return EndpointError(f"{target.name} {_FATAL_AT_FIRST[kind]} ({_answer(exchange, result)}); {_ADVICE[kind]}")


def _is_garbage(exchange: Exchange) -> bool:
    """A success that calls itself JSON and is none: whatever answers there is not the endpoint."""
    return media_type(exchange) == JSON_CONTENT_TYPE and wire.decode(exchange.body).value is ABSENT


def _answer(exchange: Exchange, result: Outcome) -> str:
    return result.message if exchange.status is None else f"HTTP {exchange.status}: {result.message}".rstrip(": ")
