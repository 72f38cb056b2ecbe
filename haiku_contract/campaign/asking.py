"""Sends sets of features of conforming requests, and remembers what is known to fail and what is still to be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from haiku_contract import pointer, wire
from haiku_contract.campaign import split, suspects
from haiku_contract.campaign.ledger import FAILURES
from haiku_contract.campaign.suspects import Seen
from haiku_contract.generate.covering import Packed, joined, packed_of
from haiku_contract.model import Case, Exchange, OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from haiku_contract.campaign.checks import Judged
    from haiku_contract.campaign.ledger import Ledger
    from haiku_contract.campaign.plan import Plan
    from haiku_contract.campaign.split import Explanation, Features, Search
    from haiku_contract.generate.packing import Packable

Send: TypeAlias = "Callable[[Iterable[Case]], Generator[tuple[Case, ...], Sequence[Exchange], None]]"
Fails: TypeAlias = "Callable[[Judged], bool]"
Steps: TypeAlias = "Generator[tuple[Case, ...], Sequence[Exchange], None]"

_MOST_SPLITS: Final = 14  # requests that one search may take
_LIKELY: Final = 0.5  # share of the weight above which one explanation outweighs all others
_SURELY: Final = 0.75  # from which likelihood on another failure would tell nothing new
_LEAST: Final = 2  # elements in an array that can be halved
_LOST: Final = (OutcomeKind.THROTTLED, OutcomeKind.UNREACHABLE, OutcomeKind.UNAUTHORISED, OutcomeKind.UNKNOWN)


def fails(judged: Judged) -> bool:
    """Whether an answer is one that a conforming request should not get."""
    return judged.outcome.kind in FAILURES


class Asking:
    """Sends sets of features, within a limit.

    Attributes:
        left: how many further requests there may be.
        guilty: the features that fail alone.
        together: those that fail only together, and those about no constraint.
        sent: what was sent, with what it shows on purpose.
        failing: the packed requests that failed for no known reason.
        waiting: features that were to be shown beside those, and some more that no request has shown yet.
    """

    def __init__(self, plan: Plan, ledger: Ledger, send: Send, most: int) -> None:
        """Args: what is sent when nothing goes wrong; what is known; how to send; how many further requests."""
        self.ledger = ledger
        self.left = most
        self.guilty: list[Packable] = []
        self.together: list[Features] = []
        self.sent: list[Packed] = [Packed(plan.cases[0], ())]
        self.failing: list[Packed] = []
        self.waiting: Features = ()
        self._send = send
        self._validator = ledger.contract.request
        self._suite = {case.id: case for case in plan.suite}
        counts = [sum(each.array is not None and not each.loose for each in one.features) for one in plan.packed]
        self._most_elements = max(counts, default=0)
        self._standing: dict[str, frozenset[str]] = {}
        self._known = {each.name: each for one in plan.packed for each in one.features}

    # -- one request ---------------------------------------------------------------------------------------------------

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
        """What comes of a further request; nothing when it may not be sent."""
        if not self.ledger.answers(case):
            if self.left <= 0:
                return ()
            self.left -= 1
        yield from self._ask(Packed(case, shown))
        return self.ledger.answers(case)

    def _ask(self, one: Packed) -> Steps:
        if one.case.constraint is None:
            self.ledger.shown.setdefault(one.case.id, one.features)
        yield from self._send([one.case])
        if self.ledger.answers(one.case):
            self.sent.append(one)

    def failed(self, case: Case) -> Judged | None:
        """An answer that a conforming request should not get; None where there was none."""
        return next((one for one in self.ledger.answers(case) if fails(one)), None)

    def named(self, one: Packed) -> Sequence[str] | None:
        """The place that the rejection of a request names."""
        failed = self.failed(one.case)
        field = None if failed is None else failed.outcome.field
        return None if field is None else pointer.split(field)

    # -- what the plan has, and what is left of it ---------------------------------------------------------------------

    def planned(self, one: Packed) -> Steps:
        """Send a packed request, without what is known to fail, and with what waits, as far as it goes in."""
        if self.waiting or not self.is_new(one):
            yield from self._repacked(one.features)
        else:
            yield from self._packed(one)

    def blame(self, found: Features) -> None:
        """Take notice of features that fail: alone, or only together.

        Of those only the place with the fewest features is left out of requests from then on.
        """
        if len(found) == 1 and found[0].constraint is not None:
            self.guilty.append(found[0])
        else:
            there = {one.name: sum(split.is_there(each, one) for each in self._known.values()) for one in found}
            self.together.append(tuple(sorted(found, key=lambda one: there[one.name])))

    def is_too_long(self, one: Packed) -> bool:
        """Whether a request fails at an array that is guilty where it is longer: from then on they are shorter."""
        way = self.named(one)
        arrays = [each for each in self._alone() if suspects.is_long(each)]
        there = [each for each in one.features if each.array is not None and not each.loose]
        if (
            way is None
            or not any(split.names(each.edits[0][0]) == tuple(way) for each in arrays)
            or len(there) < _LEAST
        ):
            return False
        self._most_elements = len(there) // 2
        return True

    def is_new(self, one: Packed) -> bool:
        """Whether nothing that a packed request shows, on purpose or not, is known to fail, or likely to."""
        innocent = self._apart(self._sure(self._innocent(one.features)))
        return len(innocent) == len(one.features) and not self._fails_by_accident(one)

    def rest(self) -> Steps:
        """Send what waits, as much as goes into one request; at last what is likely to fail, until that fails."""
        self.left -= 1
        if self.left >= 0 and self._sure(self._untold(self.waiting)):
            yield from self._repacked(())
            return
        doubtful = self._fitting(self._untold(self.waiting)) if self.left >= 0 else None
        if doubtful is not None:
            yield from self._ask(doubtful)
        self.waiting = () if doubtful is None or self.failed(doubtful.case) else self._untold(self.waiting)

    def _repacked(self, more: Features) -> Steps:
        self.waiting = self._untold((*more, *self.waiting))
        sure = self._sure(self.waiting)
        fitting = self._fitting(sure)
        gone = {each.name for each in (sure if fitting is None else fitting.features)}
        self.waiting = tuple(each for each in self.waiting if each.name not in gone)
        if fitting is not None:
            yield from self._packed(fitting)

    def _packed(self, one: Packed) -> Steps:
        yield from self._ask(one)
        if self.failed(one.case) is not None:
            self.failing.append(one)

    def _fitting(self, several: Features) -> Packed | None:
        """As many of some features as go together, in arrays that are no longer than those that are on the plan.

        Nor are they as long as what is guilty, where that is an array.
        """
        elements = [each.name for each in several if each.array is not None and not each.loose]
        most = self._most_elements
        fitting = self._with(several, elements[:most])
        while fitting is not None and most > 0 and self._fails_by_accident(fitting):
            most = min(most, len(elements)) - 1
            fitting = self._with(several, elements[:most])
        return fitting

    def _with(self, several: Features, elements: Sequence[str]) -> Packed | None:
        chosen = tuple(each for each in several if each.array is None or each.loose or each.name in elements)
        return packed_of(self._validator, self._apart(chosen)) if chosen else None

    def _fails_by_accident(self, one: Packed) -> bool:
        return any(suspects.shows(each, one.case.payload) for each in self._certain())

    def _untold(self, several: Features) -> Features:
        """The features that no accepted request shows, each once, without those that are known to be guilty."""
        told = {each.name for one in self._accepted() for each in one.features}
        return tuple({each.name: each for each in self._innocent(several) if each.name not in told}.values())

    def _innocent(self, several: Features) -> Features:
        """The features that have more to tell than those that are known to be guilty."""
        same = {wire.encode(each.payload) for each in self.guilty}
        return tuple(
            each
            for each in several
            if wire.encode(each.payload) not in same and not any(split.related(each, other) for other in self.guilty)
        )

    def _sure(self, several: Features) -> Features:
        """The features without those that are likely to fail as well: they show what is guilty, or are beside it.

        Beside it means: two guilty ones are there, and no accepted request has anything there.
        """
        accepted = [one.case.payload for one in self._accepted()]
        alone = self._certain()
        shut = [way for way in split.common(self._alone()) if not any(suspects.stands(way, each) for each in accepted)]
        return tuple(
            each
            for each in several
            if not any(suspects.shows(one, each.payload) for one in alone)
            and not any(split.is_below(each, way) for way in shut)
        )

    def _apart(self, several: Features) -> Features:
        """The features without one of the places of those that fail only together."""
        for found in self.together:
            first = [each.name for each in several if split.is_there(each, found[0])]
            beside = [each for each in several if any(split.is_there(each, other) for other in found[1:])]
            if first and len(first) < len(several) and (beside or len(found) == 1):
                several = tuple(each for each in several if each.name not in first)
        return several

    def _certain(self) -> list[Packable]:
        """What fails alone and stands in no accepted request, not even by accident."""
        alone = self._alone()
        accepted = [self._may_show(one.case) for one in self._accepted()] if alone else []
        return [one for one in alone if not any(one.name in stands for stands in accepted)]

    def _alone(self) -> list[Packable]:
        return [*self.guilty, *(found[0] for found in self.together if len(found) == 1)]

    def _accepted(self) -> list[Packed]:
        return [one for one in self.sent if _is_accepted(self.ledger.answers(one.case))]

    # -- the search ----------------------------------------------------------------------------------------------------

    def is_known(self, one: Packed) -> bool:
        """Whether it is known enough why requests failed to search before another one is sent.

        That is: whether that one is sure to fail for the same reason, or one explanation is likelier than all others.
        Else it tells more than it costs: where it fails, one more request shows what stood beside the guilty feature.
        """
        if not self.failing:
            return False
        last = self.failing[-1]
        left = self._explanations(last, fails, self.named(last))
        everything = sum(each.weight for each in left)
        is_plain = any(each.weight > _LIKELY * everything for each in left)
        return is_plain or suspects.foreseen(left, self._may_show(one.case)) > _SURELY

    def search(
        self, one: Packed, fails: Fails, named: Sequence[str | int] | None
    ) -> Generator[tuple[Case, ...], Sequence[Exchange], Features]:
        """The features of a request because of which it fails; nothing when that is not found."""
        lined, blamed = split.lined_up(one.features, one.case.payload, named)
        most = self.left - _MOST_SPLITS
        for search in (split.narrowed(self._explanations(one, fails, named)), split.guilty(lined, blamed)):
            found = yield from self._tried(search, one, fails, most)
            if found:
                return found
        return ()

    def _explanations(self, one: Packed, fails: Fails, named: Sequence[str | int] | None) -> list[Explanation]:
        """What may be why a request fails, by what came of the others; not by those that are explained."""
        known = [{each.name for each in found} for found in (*((one,) for one in self._certain()), *self.together)]
        seen = []
        for other in self.sent:
            answers = self.ledger.answers(other.case)
            failed, stands = any(fails(each) for each in answers), self._may_show(other.case)
            is_open = failed and not any(each <= stands for each in known)
            if other.case.id != one.case.id and (is_open or (_is_accepted(answers) and not failed)):
                seen.append(Seen(stands, frozenset(each.name for each in other.features), failed))
        told = frozenset[str]().union(*(each.shown for each in seen if not each.fails))
        here = {each.name: each for each in one.features}
        here |= {each.name: each for each in self._known.values() if each.name in self._may_show(one.case)}
        new = tuple(each for each in here.values() if each.name not in told)
        old = (each for each in here.values() if each.name in told)
        lined, blamed = split.lined_up(new, one.case.payload, named)
        guilty = self._alone()
        suspicious = lined[:blamed] or tuple(each for each in lined if any(split.is_there(each, g) for g in guilty))
        there = {each.name for each in suspicious}
        rest = (*(each for each in lined if each.name not in there), *old)  # what is told may fail together with others
        return suspects.weighed(suspicious, rest, seen)

    def _tried(
        self, search: Search, one: Packed, fails: Fails, most: int
    ) -> Generator[tuple[Case, ...], Sequence[Exchange], Features]:
        """What a search finds; nothing when it would take too many requests, or answers are lost."""
        answer: bool | None = None
        while True:
            try:
                wanted = next(search) if answer is None else search.send(answer)
            except StopIteration as stop:
                return self._in_order(one, stop.value)
            ordered = self._in_order(one, wanted)
            case = self.case(ordered)
            if case is not None and self.left <= most and not self.ledger.answers(case):
                return ()
            answers = () if case is None else (yield from self.ask(case, ordered))
            if case is not None and (not answers or all(each.outcome.kind in _LOST for each in answers)):
                return ()
            answer = any(fails(each) for each in answers)

    def _may_show(self, case: Case) -> frozenset[str]:
        """The names of the features that stand in a request, on purpose or not."""
        if case.id not in self._standing:
            found = (each.name for each in self._known.values() if suspects.shows(each, case.payload))
            self._standing[case.id] = frozenset(found)
        return self._standing[case.id]

    def _in_order(self, one: Packed, several: Features) -> Features:
        """Features in the order in which they are shown, then those that stand there by accident."""
        names = {each.name for each in several}
        shown = tuple(each for each in one.features if each.name in names)
        return (*shown, *(each for each in several if each not in shown))


def _is_accepted(answers: Sequence[Judged]) -> bool:
    return any(one.outcome.kind is OutcomeKind.ACCEPTED for one in answers)
