"""What an endpoint does at many constraints for one reason is one finding; the matrix names every constraint.

Each way to see a common cause is a row of a table: a function from what came of a witness to a text that is the same
for all findings of one cause. The fingerprint of what comes of several is that of this text.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract import messages, pointer
from haiku_contract.campaign import checks, traits
from haiku_contract.campaign.plan import without_place
from haiku_contract.model import OutcomeKind, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from haiku_contract.campaign.checks import Judged
    from haiku_contract.model import Case, Finding

_DIGITS: Final = re.compile(r"\d+")
_DEEPEST: Final = 1 << 30
_UNKNOWN: Final = "unknown-answer"


class Known(NamedTuple):
    """What a campaign knows when it ends.

    Attributes:
        answers: what came of each case, by its id; several where it was sent more than once.
        harmless: the traits of requests that were accepted.
        unjudged: the arrays in whose later elements a fault was accepted that is rejected where it is alone.
    """

    answers: Mapping[str, Sequence[Judged]]
    harmless: frozenset[str]
    unjudged: frozenset[str]


class Way(NamedTuple):
    """One way in which findings can have a common cause.

    Attributes:
        codes: of which findings.
        least: how many constraints have to have it in common.
        cause: a finding, what came of its witness, what else is known -> what it has in common with others; or empty.
        words: what is said of the cause.
    """

    codes: tuple[str, ...]
    least: int
    cause: Callable[[Finding, Judged, Known], str]
    words: str


def together(findings: Iterable[Finding], judged: Sequence[Judged]) -> tuple[Finding, ...]:
    """The findings, those of one cause as one, where the first of them was.

    Args:
        findings: one for each code and constraint.
        judged: what came of all cases.
    """
    left = list(findings)
    known = _known(judged)
    for way in WAYS:
        groups: dict[tuple[str, str], list[Finding]] = {}
        for one in left:
            witness = _witness(one, known) if one.code in way.codes else None
            cause = "" if witness is None else way.cause(one, witness, known)
            if cause:
                groups.setdefault((one.code, cause), []).append(one)
        for (code, cause), group in groups.items():
            if len(group) >= way.least:
                left[left.index(group[0])] = _one(way, code, cause, group)
                left = [one for one in left if one not in group]
    return tuple(left)


def _known(judged: Sequence[Judged]) -> Known:
    answers: dict[str, list[Judged]] = {}
    for one in judged:
        answers.setdefault(one.exchange.case.id, []).append(one)
    accepted = [one.exchange.case for one in judged if one.outcome.kind is OutcomeKind.ACCEPTED]
    harmless = {name for case in accepted for name in traits.of(case.payload)}
    known = Known(answers, frozenset(harmless), frozenset())
    unjudged = {_array(case) for case in accepted if _alone(case, known) == {OutcomeKind.REJECTED}}
    return known._replace(unjudged=frozenset(unjudged))


def _witness(finding: Finding, known: Known) -> Judged | None:
    """What came of the witness of a finding, where that is what shows it."""
    wanted = _SHOWN.get(finding.code)
    answers = known.answers.get(finding.case, ())
    return next((one for one in answers if one.outcome.kind is wanted or (wanted is None and one.violations)), None)


def _one(way: Way, code: str, cause: str, group: Sequence[Finding]) -> Finding:
    """One finding for several: the one about the outermost constraint, of those the one with the smallest witness."""
    chosen = min(group, key=_rank)
    others = {one.constraint: None for one in group if one.constraint and one.constraint != chosen.constraint}
    count = f" ({len(others) + 1} constraints)" if others else ""
    return replace(
        chosen,
        fingerprint=checks.fingerprint(code, cause),
        message=f"{way.words.format(cause)}{count}: {chosen.message}",
        others=tuple(others),
    )


def _rank(finding: Finding) -> tuple[int, int]:
    depth = finding.constraint.count("/") if finding.constraint else _DEEPEST  # rules of the wire are no pointers
    return depth, 0 if finding.witness is None else len(finding.witness.body)


# -- the ways ----------------------------------------------------------------------------------------------------------


def _now_and_then(_finding: Finding, witness: Judged, known: Known) -> str:
    kinds = {one.outcome.kind for one in known.answers[witness.exchange.case.id]}
    return "now and then" if len(kinds) > 1 else ""


def _status(_finding: Finding, witness: Judged, _known: Known) -> str:
    """The status that nobody knows what to make of, whatever the words."""
    return f"HTTP {witness.exchange.status}"


def _named(_finding: Finding, witness: Judged, _known: Known) -> str:
    """The place that a rejection names, positions apart."""
    field = witness.outcome.field
    return "" if field is None else _DIGITS.sub("0", pointer.shown(field))


def _said(_finding: Finding, witness: Judged, _known: Known) -> str:
    """The words of a rejection that names a place, numbers apart."""
    return "" if witness.outcome.field is None else _DIGITS.sub("0", witness.outcome.message)


def _beyond_the_first(_finding: Finding, witness: Judged, known: Known) -> str:
    """The array of whose elements only the first is judged."""
    case = witness.exchange.case
    array = _array(case)
    return array if array in known.unjudged and OutcomeKind.ACCEPTED not in _alone(case, known) else ""


def _array(case: Case) -> str:
    """The array in whose first element a fault is not, but in a later one; empty where there is none."""
    tokens = pointer.split(case.fault.path) if case.fault is not None else []
    index = next((at for at, token in enumerate(tokens) if token.isdecimal() and int(token) > 0), None)
    return "" if index is None else _DIGITS.sub("0", pointer.join(tokens[:index]))


def _alone(case: Case, known: Known) -> set[OutcomeKind]:
    """What came of the same fault in an array of one element."""
    name = without_place(case.id)
    return {one.outcome.kind for one in known.answers.get(name, ())} if name != case.id else set()


def _cut(finding: Finding, witness: Judged, _known: Known) -> str:
    """That a stream breaks off within an event: the event is not complete then, and the stream has no end."""
    broken = messages.broken(witness.violations)
    return "a stream" if finding.constraint in _MISSING and broken >= _MISSING else ""


def _having(trait: str) -> Callable[[Finding, Judged, Known], str]:
    """What the payload has, where nothing that has it was accepted."""
    return lambda _, witness, known: (
        trait if trait not in known.harmless and trait in traits.of(witness.exchange.case.payload) else ""
    )


_SHOWN: Final[dict[str, OutcomeKind]] = {
    VerdictKind.LEAKY: OutcomeKind.ACCEPTED,
    VerdictKind.OVERSTRICT: OutcomeKind.REJECTED,
    VerdictKind.CRASHING: OutcomeKind.CRASHED,
    VerdictKind.MISATTRIBUTED: OutcomeKind.REJECTED,
    _UNKNOWN: OutcomeKind.UNKNOWN,
}
"""By code: the outcome that shows it."""

_MISSING: Final = frozenset(("stream:/framing/complete", "stream:/order/terminal"))
_FAILING: Final = (VerdictKind.CRASHING, VerdictKind.OVERSTRICT)

WAYS: Final = (
    Way(tuple(_SHOWN), 3, _now_and_then, "{}"),
    Way((_UNKNOWN,), 3, _status, "{}, in many words"),
    Way((VerdictKind.MISATTRIBUTED,), 3, _named, "{} is named for what it is not"),
    Way((VerdictKind.LEAKY,), 2, _beyond_the_first, "only the first element of {} is judged"),
    *(Way(_FAILING, 2, _having(trait), "fails at {}, wherever it stands") for trait in traits.TRAITS),
    Way((VerdictKind.OVERSTRICT,), 2, _said, "for one reason"),
    Way((VerdictKind.BROKEN,), 2, _cut, "{} breaks off within an event"),
)
"""The ways, in the order in which they are tried; what includes another comes before it."""
