"""What is asked further when something went wrong: which feature of a packed request, and which place of a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from haiku_contract import messages, pointer, wire
from haiku_contract.campaign import split
from haiku_contract.campaign.ledger import FAILURES
from haiku_contract.campaign.plan import without_place
from haiku_contract.generate.covering import joined
from haiku_contract.generate.packing import at
from haiku_contract.model import ABSENT, Case, Exchange, OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from haiku_contract.campaign.checks import Judged
    from haiku_contract.campaign.ledger import Ledger
    from haiku_contract.campaign.plan import Plan
    from haiku_contract.campaign.split import Features
    from haiku_contract.generate.covering import Packed
    from haiku_contract.generate.packing import Packable

Send: TypeAlias = "Callable[[Iterable[Case]], Generator[tuple[Case, ...], Sequence[Exchange], None]]"
Fails: TypeAlias = "Callable[[Judged], bool]"

MOST_FURTHER: Final = 72
"""How many further requests a campaign makes to find out more, in all."""

_MOST_SPLITS: Final = 12
_MOST_GUILTY: Final = 3
_MOST_ALONE: Final = 6
_MOST_ELSEWHERE: Final = 6
_MOST_FEATURES: Final = MOST_FURTHER - _MOST_ALONE - _MOST_ELSEWHERE
_LOST: Final = (OutcomeKind.THROTTLED, OutcomeKind.UNREACHABLE, OutcomeKind.UNAUTHORISED, OutcomeKind.UNKNOWN)

Steps: TypeAlias = "Generator[tuple[Case, ...], Sequence[Exchange], None]"


def features(plan: Plan, ledger: Ledger, send: Send) -> Steps:
    """Find the guilty features of the packed requests that failed, and show the other ones without them.

    Then find on what it depends that answers to packed requests broke constraints of the response.
    """
    asking = _Asking(plan, ledger, send)
    for one in plan.packed:
        yield from _explained(one, asking)
    at_first = {name for judged in ledger.answers(plan.cases[0]) for name in messages.broken(judged.violations)}
    for one in plan.packed:
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


class _Asking:
    """Sends sets of features, within a limit."""

    def __init__(self, plan: Plan, ledger: Ledger, send: Send) -> None:
        self.ledger = ledger
        self.left = _MOST_FEATURES
        self.guilty: list[Packable] = []
        self.together: list[Features] = []
        self._send = send
        self._validator = ledger.contract.request
        self._suite = {case.id: case for case in plan.suite}

    def case(self, shown: Features) -> Case | None:
        """The request that shows features: the suite's own for a single one; None when they do not go together."""
        if len(shown) == 1 and (known := self._suite.get(f"request/{shown[0].name}")) is not None:
            return known
        if len(shown) == 1:
            (one,) = shown
            name = f"request/alone/{one.name}"
            return Case(name, "request", "conforming", one.constraint, one.payload, wire.encode(one.payload))
        return joined(self._validator, shown)

    def ask(self, case: Case, shown: Features) -> Generator[tuple[Case, ...], Sequence[Exchange], tuple[Judged, ...]]:
        """What comes of a request; nothing when it may not be sent."""
        if self.left <= 0 and not self.ledger.answers(case):
            return ()
        if not self.ledger.answers(case):
            self.left -= 1
        if case.constraint is None:
            self.ledger.shown.setdefault(case.id, shown)
        yield from self._send([case])
        return self.ledger.answers(case)

    def failed(self, case: Case) -> Judged | None:
        """An answer that a conforming request should not get; None where there was none."""
        return next((one for one in self.ledger.answers(case) if one.outcome.kind in FAILURES), None)

    def reduced(self, one: Packed, shown: Features) -> Generator[tuple[Case, ...], Sequence[Exchange], Packed]:
        """A packed request with fewer features, which is sent."""
        case = self.case(shown)
        if case is None:
            return one._replace(case=one.case, features=shown)
        yield from self.ask(case, shown)
        return one._replace(case=case, features=shown)

    def search(
        self, one: Packed, fails: Fails, named: Sequence[str | int] | None
    ) -> Generator[tuple[Case, ...], Sequence[Exchange], Features]:
        """The features of a request because of which it fails; nothing when that is not found."""
        lined, suspicious = split.lined_up(one.features, one.case.payload, named)
        search = split.guilty(lined, suspicious)
        most = self.left - _MOST_SPLITS
        answer: bool | None = None
        while True:
            try:
                wanted = next(search) if answer is None else search.send(answer)
            except StopIteration as stop:
                return tuple(each for each in one.features if each in stop.value)  # the order in which it was sent
            ordered = tuple(each for each in one.features if each in wanted)
            case = self.case(ordered)
            if case is not None and self.left <= most:
                return ()
            answers = () if case is None else (yield from self.ask(case, ordered))
            if case is not None and (not answers or all(each.outcome.kind in _LOST for each in answers)):
                return ()
            answer = any(fails(each) for each in answers)


def _explained(one: Packed, asking: _Asking) -> Steps:
    """Take guilty features out of a packed request until it is accepted; those that are known to be, first."""
    failed = asking.failed(one.case)
    if failed is not None:
        one = yield from _without_known(one, asking)
        failed = asking.failed(one.case)
    for _ in range(_MOST_GUILTY):
        if failed is None:
            return
        field = failed.outcome.field
        found = yield from asking.search(one, _fails, None if field is None else pointer.split(field))
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
            asking.together.append(found)
        else:
            asking.guilty.append(found[0])
        before = one
        one = yield from _without_known(one, asking)
        if one is before:
            return
        failed = asking.failed(one.case)


def _without_known(one: Packed, asking: _Asking) -> Generator[tuple[Case, ...], Sequence[Exchange], Packed]:
    """A packed request without what is known to fail: guilty features, and one place of those that fail together."""
    same = {wire.encode(each.payload) for each in asking.guilty}
    innocent = tuple(
        each
        for each in one.features
        if wire.encode(each.payload) not in same and not any(split.related(each, other) for other in asking.guilty)
    )
    for found in asking.together:
        apart = tuple(each for each in innocent if split.is_there(each, found[0]))
        beside = tuple(each for each in innocent if any(split.is_there(each, other) for other in found[1:]))
        if apart and (beside or len(found) == 1):
            innocent = tuple(each for each in innocent if each not in apart)
            yield from asking.reduced(one, apart)
    if not innocent or len(innocent) == len(one.features):
        return one
    return (yield from asking.reduced(one, innocent))


def _conditioned(one: Packed, asking: _Asking, at_first: set[str]) -> Steps:
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
    if len(found) == 1 and path and all(there) and len(there) > _MOST_GUILTY:
        return f"only where a request has {pointer.join(path)}"
    return f"only where a request shows {_all(found)}"


def _fails(judged: Judged) -> bool:
    return judged.outcome.kind in FAILURES


def _breaks(constraint: str) -> Fails:
    return lambda judged: constraint in messages.broken(judged.violations)


def _all(found: Features) -> str:
    return " and ".join(one.name for one in found)
