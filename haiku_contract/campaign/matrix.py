"""The enforcement matrix: what the judged exchanges say about every constraint."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from haiku_contract import messages, wire
from haiku_contract.campaign.checks import Judged, names_the_fault
from haiku_contract.model import Constraint, OutcomeKind, Verdict, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from haiku_contract.contract import Contract

_LOST: Final = {
    OutcomeKind.THROTTLED: "throttled",
    OutcomeKind.UNAUTHORISED: "not authorised",
    OutcomeKind.UNREACHABLE: "unreachable",
    OutcomeKind.UNKNOWN: "answered in an unknown form",
}


def verdicts(
    contract: Contract, judged: Iterable[Judged], left_out: Collection[str | None] = ()
) -> tuple[Verdict, ...]:
    """One verdict per constraint: of the request schema, the wire, the response schema and streams, in this order.

    A constraint is judged by the cases that are about it: its own faults, and the conforming values at its edges.

    Args:
        contract: whose constraints.
        judged: what came of the cases that were sent.
        left_out: ids of the constraints about which some case was not sent.
    """
    everything = list(judged)
    about: dict[str, list[Judged]] = defaultdict(list)
    for one in everything:
        if one.exchange.case.constraint is not None:
            about[one.exchange.case.constraint].append(one)
    baseline = next((one for one in everything if one.exchange.case.constraint is None), None)
    usable = baseline is None or baseline.outcome.kind is OutcomeKind.ACCEPTED
    subjects = [*contract.request.constraints, *wire_constraints()]
    found = [_request_verdict(one, about[one.id], usable=usable, cut=one.id in left_out) for one in subjects]
    return (*found, *_response_verdicts(contract, everything))


def wire_constraints() -> tuple[Constraint, ...]:
    """The rules of JSON that the bytes of a request can break, as constraints."""
    return tuple(
        Constraint(id=f"wire:{rule}", side="request", pointer="", keyword=rule, value=wire.RULES[rule])
        for rule in wire.BYTES_RULES
    )


def _request_verdict(constraint: Constraint, about: Sequence[Judged], *, usable: bool, cut: bool) -> Verdict:
    faulted = [one for one in about if one.exchange.case.kind == "faulted"]
    conforming = [one for one in about if one.exchange.case.kind == "conforming"]
    for kind, witnesses, detail in _evidence(faulted, conforming):
        if witnesses and usable:
            return Verdict(constraint.id, kind, witnesses[0].exchange.case.id, detail.format(_said(witnesses[0])))
    if not constraint.violable:
        return Verdict(constraint.id, VerdictKind.UNVIOLABLE, None, constraint.reason)
    if not usable:
        return Verdict(constraint.id, VerdictKind.UNDETERMINED, None, "the simplest conforming request is not accepted")
    lost = next((one for one in about if one.outcome.kind in _LOST), None)
    if lost is not None:
        return Verdict(constraint.id, VerdictKind.UNDETERMINED, lost.exchange.case.id, _LOST[lost.outcome.kind])
    if not faulted:
        return Verdict(constraint.id, VerdictKind.UNDETERMINED, None, "left out" if cut else "no case was sent")
    detail = f"rejected {_times(len(faulted))}: {_said(faulted[0])}{'; some cases were left out' if cut else ''}"
    return Verdict(constraint.id, VerdictKind.ENFORCED, faulted[0].exchange.case.id, detail)


def _evidence(
    faulted: Sequence[Judged], conforming: Sequence[Judged]
) -> Iterator[tuple[VerdictKind, list[Judged], str]]:
    """What would decide a verdict, worst first."""
    everything = [*faulted, *conforming]
    rejected = [one for one in faulted if one.outcome.kind is OutcomeKind.REJECTED]
    yield VerdictKind.CRASHING, [one for one in everything if one.outcome.kind is OutcomeKind.CRASHED], "crashed: {}"
    yield VerdictKind.LEAKY, [one for one in faulted if one.outcome.kind is OutcomeKind.ACCEPTED], "accepted a fault"
    refused = [one for one in conforming if one.outcome.kind is OutcomeKind.REJECTED]
    yield VerdictKind.OVERSTRICT, refused, "rejected a conforming value: {}"
    yield VerdictKind.MISATTRIBUTED, [one for one in rejected if not names_the_fault(one)], "rejected for: {}"


def _response_verdicts(contract: Contract, judged: Sequence[Judged]) -> Iterator[Verdict]:
    broken: dict[str, Judged] = {}
    held: dict[str, Judged] = {}
    for one in judged:
        ids = messages.broken(one.violations)
        broken |= {name: one for name in ids if name not in broken}
        held |= {name: one for name in one.exercised - ids if name not in held}
    streamed = () if contract.stream is None else contract.stream.constraints
    for constraint in (*contract.response.constraints, *streamed):
        witness = broken.get(constraint.id)
        if witness is not None:
            message = next(each.message for each in witness.violations if constraint.id in messages.broken((each,)))
            yield Verdict(constraint.id, VerdictKind.BROKEN, witness.exchange.case.id, message)
        elif not constraint.violable:
            yield Verdict(constraint.id, VerdictKind.UNVIOLABLE, None, constraint.reason)
        elif constraint.id in held:
            yield Verdict(constraint.id, VerdictKind.HELD, held[constraint.id].exchange.case.id, "in every answer")
        else:
            yield Verdict(constraint.id, VerdictKind.UNEXERCISED, None, "no answer reaches this place")


def _said(judged: Judged) -> str:
    return judged.outcome.message or f"HTTP {judged.exchange.status}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
