"""The enforcement matrix: what the judged exchanges say about every constraint."""

from __future__ import annotations

from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract import messages, prediction, wire
from haiku_contract.campaign.checks import Judged, names_the_fault
from haiku_contract.campaign.outcomes import NO_MORE, NOT_RECORDED, STALE
from haiku_contract.model import Constraint, OutcomeKind, Verdict, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from haiku_contract.campaign.split import Features
    from haiku_contract.contract import Contract
    from haiku_contract.generate.packing import Packable

_LOST: Final = {
    OutcomeKind.THROTTLED: "throttled",
    OutcomeKind.UNAUTHORISED: "not authorised",
    OutcomeKind.UNREACHABLE: "unreachable",
    OutcomeKind.UNKNOWN: "answered in an unknown form",
}


class Evidence(NamedTuple):
    """What a campaign knows when it ends.

    Attributes:
        judged: what came of the cases that were sent.
        left_out: ids of the constraints about which some case was not sent.
        shown: the features of the cases that show several at once, by the id of the case.
        wanted: all features that conforming requests were to show.
        conditions: on which requests alone a constraint of the response is broken, in words.
    """

    judged: tuple[Judged, ...]
    left_out: frozenset[str] = frozenset()
    shown: Mapping[str, Features] = MappingProxyType({})
    wanted: Features = ()
    conditions: Mapping[str, str] = MappingProxyType({})


class _About(NamedTuple):
    """What is known of one constraint of requests: the answers, and the edges that no accepted request shows."""

    faulted: tuple[Judged, ...]
    conforming: tuple[Judged, ...]
    unshown: Features
    cut: bool


def verdicts(contract: Contract, evidence: Evidence) -> tuple[Verdict, ...]:
    """One verdict per constraint: of the request schema, the wire, the response schema, streams and refusals, in order.

    A constraint is judged by the cases that are about it, its own faults and the conforming values at its edges, and by
    the packed requests that show such values and were accepted.

    Args:
        contract: whose constraints.
        evidence: what is known.
    """
    about: dict[str, list[Judged]] = defaultdict(list)
    for one in evidence.judged:
        if one.exchange.case.constraint is not None:
            about[one.exchange.case.constraint].append(one)
    at_first = [one for one in evidence.judged if one.exchange.case.id == evidence.judged[0].exchange.case.id]
    usable = not at_first or any(one.outcome.kind is OutcomeKind.ACCEPTED for one in at_first)
    unshown: dict[str | None, list[Packable]] = defaultdict(list)
    for feature in _unshown(evidence):
        unshown[feature.constraint].append(feature)
    found: list[Verdict] = []
    for constraint in (*contract.request.constraints, *wire_constraints()):
        known = about[constraint.id]
        faulted = tuple(one for one in known if one.exchange.case.kind == "faulted")
        conforming = tuple(one for one in known if one.exchange.case.kind == "conforming")
        left = tuple(unshown[constraint.id])
        row = _About(faulted, conforming, left, cut=constraint.id in evidence.left_out)
        found.append(_request_verdict(constraint, row, evidence, usable=usable))
    return (*found, *_answer_verdicts(contract, evidence))


def _unshown(evidence: Evidence) -> Iterator[Packable]:
    """The features that no accepted request shows."""
    accepted: set[str] = set()
    for one in evidence.judged:
        if one.outcome.kind is OutcomeKind.ACCEPTED:
            case = one.exchange.case
            accepted |= {feature.name for feature in evidence.shown.get(case.id, ())}
            accepted.add(case.id.partition("/")[2])
    yield from (feature for feature in evidence.wanted if feature.name not in accepted)


def wire_constraints() -> tuple[Constraint, ...]:
    """The rules of JSON that the bytes of a request can break, as constraints."""
    return tuple(
        Constraint(id=f"wire:{rule}", side="request", pointer="", keyword=rule, value=wire.RULES[rule])
        for rule in wire.BYTES_RULES
    )


def _request_verdict(constraint: Constraint, about: _About, evidence: Evidence, *, usable: bool) -> Verdict:
    for kind, outcome, witnesses, detail in _decisive(about) if usable else ():
        if witnesses:
            witness = min(witnesses, key=lambda one: len(one.exchange.case.body))
            often = _often(witness, (*about.faulted, *about.conforming), outcome)
            return Verdict(constraint.id, kind, witness.exchange.case.id, detail.format(_said(witness)) + often)
    if not constraint.violable:
        return Verdict(constraint.id, VerdictKind.UNVIOLABLE, None, constraint.reason)
    lost = next((one for one in _asked(about, evidence) if one.outcome.kind in _LOST), None) if usable else None
    if lost is not None:
        why = NOT_RECORDED if STALE in lost.exchange.headers else _LOST[lost.outcome.kind]
        why = NO_MORE if lost.outcome.message == NO_MORE else why
        return Verdict(constraint.id, VerdictKind.UNDETERMINED, lost.exchange.case.id, why)
    unknown = _unknown(about) if usable else "the simplest conforming request is not accepted"
    if unknown:
        return Verdict(constraint.id, VerdictKind.UNDETERMINED, None, unknown)
    count, witness = len(about.faulted), about.faulted[0]
    detail = f"rejected {_times(count)}: {_said(witness)}{'; some cases were left out' if about.cut else ''}"
    return Verdict(constraint.id, VerdictKind.ENFORCED, witness.exchange.case.id, detail)


def _unknown(about: _About) -> str:
    """Why nothing is known, although nothing was lost; empty when the constraint is enforced."""
    if not about.faulted:
        return "left out" if about.cut else "no case was sent"
    names = ", ".join(one.name for one in about.unshown)
    return names and f"no request that shows {names} was accepted"


def _asked(about: _About, evidence: Evidence) -> Iterator[Judged]:
    """The answers on which a verdict of `enforced` depends; of packed requests where no accepted one shows the same."""
    yield from (*about.faulted, *about.conforming)
    names = {one.name for one in about.unshown}
    for one in evidence.judged if names else ():
        if names & {feature.name for feature in evidence.shown.get(one.exchange.case.id, ())}:
            yield one


def _decisive(about: _About) -> Iterator[tuple[VerdictKind, OutcomeKind, list[Judged], str]]:
    """What decides a verdict, worst first: the verdict, the outcome that shows it, the answers that do, the words."""
    everything = [*about.faulted, *about.conforming]
    crashed = [one for one in everything if one.outcome.kind is OutcomeKind.CRASHED]
    yield VerdictKind.CRASHING, OutcomeKind.CRASHED, crashed, "crashed: {}"
    accepted = [one for one in about.faulted if one.outcome.kind is OutcomeKind.ACCEPTED]
    yield VerdictKind.LEAKY, OutcomeKind.ACCEPTED, accepted, "accepted a fault"
    refused = [one for one in about.conforming if one.outcome.kind is OutcomeKind.REJECTED]
    yield VerdictKind.OVERSTRICT, OutcomeKind.REJECTED, refused, "rejected a conforming value: {}"
    rejected = [one for one in about.faulted if one.outcome.kind is OutcomeKind.REJECTED]
    misled = [one for one in rejected if not names_the_fault(one)]
    yield VerdictKind.MISATTRIBUTED, OutcomeKind.REJECTED, misled, "rejected for: {}"


def _often(witness: Judged, about: Sequence[Judged], outcome: OutcomeKind) -> str:
    """How often a case that was sent more than once ended like this."""
    same = [one for one in about if one.exchange.case.id == witness.exchange.case.id]
    return _frequency(sum(one.outcome.kind is outcome for one in same), len(same))


def _answer_verdicts(contract: Contract, evidence: Evidence) -> Iterator[Verdict]:
    broken: dict[str, list[Judged]] = defaultdict(list)
    held: dict[str, Judged] = {}
    for one in evidence.judged:
        ids = _broken(one)
        for name in ids:
            broken[name].append(one)
        held |= {name: one for name in one.exercised - ids.keys() if name not in held}
    streamed = () if contract.stream is None else contract.stream.constraints
    refused = () if contract.error is None else contract.error.constraints
    for constraint in (*contract.response.constraints, *streamed, *refused):
        if constraint.id in broken:
            witness = min(broken[constraint.id], key=lambda one: len(one.exchange.case.body))
            message = _broken(witness)[constraint.id]
            condition = evidence.conditions.get(constraint.id, "")
            detail = f"{message}{condition and '; '}{condition}{_how_often(broken[constraint.id], witness, evidence)}"
            yield Verdict(constraint.id, VerdictKind.BROKEN, witness.exchange.case.id, detail)
        elif not constraint.violable:
            yield Verdict(constraint.id, VerdictKind.UNVIOLABLE, None, constraint.reason)
        elif constraint.id in held:
            yield Verdict(constraint.id, VerdictKind.HELD, held[constraint.id].exchange.case.id, "in every answer")
        else:
            yield Verdict(constraint.id, VerdictKind.UNEXERCISED, None, "no answer reaches this place")


def _broken(judged: Judged) -> dict[str, str]:
    """The constraints that an answer breaks, each with what is wrong; a refusal of no known shape breaks the union."""
    found: dict[str, str] = {}
    for one in judged.violations:
        found |= {name: one.message for name in messages.broken((one,)) if name not in found}
    for one in judged.error:
        found.setdefault(prediction.union_of(one.constraint) or one.constraint, one.message)
    return found


def _how_often(broken: Sequence[Judged], witness: Judged, evidence: Evidence) -> str:
    """How often the answers to a case that was sent more than once were broken."""
    case = witness.exchange.case.id
    asked = sum(one.exchange.case.id == case for one in evidence.judged)
    count = sum(one.exchange.case.id == case for one in broken)
    return _frequency(count, asked)


def _frequency(count: int, asked: int) -> str:
    if asked == 1:
        return ""
    return f", {'always' if count == asked else 'sometimes'} ({count} of {asked} times)"


def _said(judged: Judged) -> str:
    return judged.outcome.message or f"HTTP {judged.exchange.status}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
