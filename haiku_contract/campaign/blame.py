"""What is asked further when something went wrong: which feature of a packed request, and which place of a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from haiku_contract import messages, pointer
from haiku_contract.campaign.asking import Asking, fails
from haiku_contract.campaign.ledger import FAILURES
from haiku_contract.campaign.plan import without_place
from haiku_contract.generate.packing import at
from haiku_contract.model import ABSENT, OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from haiku_contract.campaign.asking import Fails, Send, Steps
    from haiku_contract.campaign.ledger import Ledger
    from haiku_contract.campaign.plan import Plan
    from haiku_contract.campaign.split import Features
    from haiku_contract.generate.covering import Packed
    from haiku_contract.model import Case

MOST_FURTHER: Final = 72
"""How many further requests a campaign makes to find out more, in all."""

_MOST_ALONE: Final = 6
_MOST_ELSEWHERE: Final = 6
_MOST_FEATURES: Final = MOST_FURTHER - _MOST_ALONE - _MOST_ELSEWHERE
_SURELY: Final = 4


def features(plan: Plan, ledger: Ledger, send: Send) -> Steps:
    """Send the packed requests one by one, and find the guilty features of those that fail.

    The search begins when it is likelier that the next one fails for the same reason than not. From then on requests do
    without what is known to fail, and take in what failed beside it; what is left of that comes at the end. Then it is
    found on what it depends that answers broke constraints of the response.
    """
    asking = Asking(plan, ledger, send, _MOST_FEATURES)
    for one in plan.packed:
        if asking.is_known(one):
            yield from _explained(asking)
        yield from asking.planned(one)
    yield from _explained(asking)
    while asking.waiting:
        yield from asking.rest()
        yield from _explained(asking)
    at_first = {name for judged in ledger.answers(plan.cases[0]) for name in messages.broken(judged.violations)}
    for one in tuple(asking.sent):
        yield from _conditioned(one, asking, at_first)


def places(plan: Plan, ledger: Ledger, send: Send) -> Steps:
    """Send the faults that were accepted at one place among others once more at the only place there is.

    Where several are rejected there, some elements are not judged at all: then what was rejected in others is sent in
    those.
    """
    known = {case.id: case for case in plan.suite}
    accepted = [one.exchange.case for one in ledger.judged if one.outcome.kind is OutcomeKind.ACCEPTED]
    leaks = sorted((case for case in accepted if case.kind == "faulted"), key=lambda case: len(case.body))
    alone = {case.id: known[without_place(case.id)] for case in leaks if without_place(case.id) in known}
    yield from send(list(alone.values())[:_MOST_ALONE])
    only_there = [
        case
        for case in leaks
        if case.id in alone and any(one.outcome.kind is OutcomeKind.REJECTED for one in ledger.answers(alone[case.id]))
    ]
    if len({case.constraint for case in only_there}) > 1:
        unjudged = {case.id.rpartition("-")[2] for case in only_there}
        found = {case.constraint: case for case in _elsewhere(ledger, known, sorted(unjudged))}
        yield from send(list(found.values())[:_MOST_ELSEWHERE])


def _elsewhere(ledger: Ledger, known: Mapping[str, Case], unjudged: Sequence[str]) -> Iterator[Case]:
    """For each constraint whose fault was rejected in one element of several: its fault in one that is not judged."""
    faulted = [one for one in ledger.judged if one.exchange.case.kind == "faulted"]
    leaky = {one.exchange.case.constraint for one in faulted if one.outcome.kind is OutcomeKind.ACCEPTED}
    for case in (one.exchange.case for one in faulted if one.exchange.case.constraint not in leaky):
        stem = without_place(case.id)
        there = next((known[name] for place in unjudged if (name := f"{stem}-{place}") in known), None)
        if there is not None and stem != case.id:
            yield there


def _explained(asking: Asking) -> Steps:
    """Find why the packed requests fail that do; what is shown beside the guilty features waits for another request."""
    failing, asking.failing = sorted(asking.failing, key=lambda one: len(one.features)), []
    for one in failing:
        if asking.is_new(one) and not asking.is_too_long(one):
            yield from _blamed(one, asking)
        else:
            asking.waiting += one.features


def _blamed(one: Packed, asking: Asking) -> Steps:
    failed = asking.failed(one.case)
    if failed is None:
        return
    found = yield from asking.search(one, fails, asking.named(one))
    code = FAILURES[failed.outcome.kind]
    words = failed.outcome.message or f"HTTP {failed.exchange.status}"
    cause = words if failed.outcome.kind is OutcomeKind.REJECTED else ""
    if not found:
        shown = f"one of {len(one.features)} features"
        asking.ledger.blame(code, one.case, f"a conforming request fails because of {shown}: {words}", cause)
        return
    if len(found) > 1 or found[0].constraint is None:
        case = asking.case(found) or one.case
        asking.ledger.blame(code, case, f"a conforming request fails because of {_all(found)}: {words}", cause)
    asking.blame(found)
    known = {each.name for each in found if len(found) in {1, len(one.features)}}
    asking.waiting += tuple(each for each in one.features if each.name not in known)


def _conditioned(one: Packed, asking: Asking, at_first: set[str]) -> Steps:
    """Find the feature on which it depends that the answer breaks a constraint of the response."""
    ledger = asking.ledger
    broken = {name for each in ledger.answers(one.case) for name in messages.broken(each.violations)}
    for name in sorted(broken - at_first - ledger.conditions.keys()):
        if name in ledger.conditions:
            continue
        found = yield from asking.search(one, _breaks(name), None)
        case = asking.case(found) if found else None
        together = {name}
        for each in () if case is None else ledger.answers(case):
            together |= messages.broken(each.violations) - at_first
        words = _condition(name, found, ledger)
        ledger.conditions |= {other: words for other in together if other not in ledger.conditions}


def _condition(constraint: str, found: Features, ledger: Ledger) -> str:
    """On what it depends that answers break a constraint: on a value, or on whether a place is there at all."""
    if not found:
        return "not in every answer"
    path = found[0].edits[0][0]
    there = [
        constraint in messages.broken(one.violations)
        for one in ledger.judged
        if constraint in one.exercised | messages.broken(one.violations)
        and at(one.exchange.case.payload, path) is not ABSENT
    ]
    if len(found) == 1 and path and all(there) and len(there) >= _SURELY:
        return f"only where a request has {pointer.join(path)}"
    return f"only where a request shows {_all(found)}"


def _breaks(constraint: str) -> Fails:
    return lambda judged: constraint in messages.broken(judged.violations)


def _all(found: Features) -> str:
    return " and ".join(one.name for one in found)
