"""One finding, or one case, again: is it still there?

What to send comes from a report, which holds the witness, or from the suite; the verdict says "fixed" only where the
endpoint showed that it does what it should, and not merely that it does something else.
"""

from __future__ import annotations

import base64
import binascii
import difflib
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from haiku_contract import wire
from haiku_contract.campaign import checks, replies
from haiku_contract.campaign.outcomes import outcome, succeeded, where_credentials_are_good
from haiku_contract.errors import UsageError
from haiku_contract.generate import suite
from haiku_contract.model import ABSENT, Case, Exchange, Fault, OutcomeKind, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from haiku_contract.campaign.checks import Judged, Terms
    from haiku_contract.contract import Contract
    from haiku_contract.model import Finding, Outcome

_ABOUT_REQUESTS: Final = (VerdictKind.LEAKY, VerdictKind.OVERSTRICT, VerdictKind.CRASHING, VerdictKind.MISATTRIBUTED)
_ONCE: Final = (*_ABOUT_REQUESTS, "unknown-answer")
"""The codes of which one answer shows one finding at most, whatever its cause."""
_TOLD: Final = (OutcomeKind.ACCEPTED, OutcomeKind.REJECTED, OutcomeKind.CRASHED)
_LIMITS: Final = {"slow-first-byte": ("max_ttfb", "--max-ttfb"), "slow-answer": ("max_total", "--max-total")}
_OF_REFUSALS: Final = frozenset(("error-body", "content-type", "unknown-answer"))
_OF_STREAMS: Final = "stream-shape"
_LEAST_DIGITS: Final = 4

Steps: TypeAlias = "Generator[tuple[Case, ...], Sequence[Exchange], Replayed]"


class ReplayVerdict(StrEnum):
    """What can have become of a finding."""

    STILL_THERE = "still there"
    FIXED = "fixed"
    CANNOT_TELL = "cannot tell"


_WORST_FIRST: Final = (ReplayVerdict.STILL_THERE, ReplayVerdict.CANNOT_TELL, ReplayVerdict.FIXED)


class Subject(NamedTuple):
    """What is looked for, and with which request.

    Attributes:
        case: the witness.
        sought: fingerprints of the findings, each with its code; empty where any finding will do.
    """

    case: Case
    sought: dict[str, str]


class Replayed(NamedTuple):
    """What a replay came to.

    Attributes:
        verdict: whether it is still there.
        case: id of the case that decided.
        detail: why, in one line.
        requests: how many requests were sent.
        findings: what was found of what was sought.
    """

    verdict: ReplayVerdict
    case: str
    detail: str
    requests: int
    findings: tuple[Finding, ...] = ()


def from_report(report: Any, wanted: str, name: str) -> tuple[Subject, ...]:
    """What a report holds under a fingerprint (or the beginning of one) or under the id of a case.

    Args:
        report: the decoded report of `fuzz --format json`.
        wanted: fingerprint or case id.
        name: what the report is called in messages.

    Raises:
        UsageError: it is no report, or holds nothing or several findings of that name.
    """
    entries = report.get("findings") if isinstance(report, dict) else None
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise UsageError(f"{name}: not a report of 'haiku-contract fuzz --format json'")
    found = [one for one in entries if wanted in (one.get("fingerprint"), one.get("case"))]
    if not found and len(wanted) >= _LEAST_DIGITS:
        found = [one for one in entries if str(one.get("fingerprint")).startswith(wanted)]
        if len(found) > 1:
            raise UsageError(f"{name}: {len(found)} fingerprints begin with {wanted!r}; give more of it")
    if not found:
        known = [str(one.get(key)) for one in entries for key in ("fingerprint", "case")]
        raise UsageError(f"{name}: no finding and no case {wanted!r}{_nearest(wanted, known)}")
    return tuple(_subject(one, name) for one in found)


def _subject(entry: dict[str, Any], name: str) -> Subject:
    code, fingerprint, witness = entry.get("code"), entry.get("fingerprint"), entry.get("witness")
    if not isinstance(code, str) or not isinstance(fingerprint, str) or not isinstance(witness, dict):
        raise UsageError(f"{name}: the finding {fingerprint} has no witness; run fuzz again")
    about = [one for one in (entry.get("constraint"), *(entry.get("others") or ())) if isinstance(one, str)]
    return Subject(_case(witness, name), {fingerprint: code} | {checks.fingerprint(code, one): code for one in about})


def _case(entry: dict[str, Any], name: str) -> Case:
    """The case that `structured.witness` wrote."""
    payload, encoded, fault = entry.get("payload", ABSENT), entry.get("body_base64"), entry.get("fault")
    try:
        body = wire.encode(payload) if encoded is None else base64.b64decode(encoded, validate=True)
        edit = None if fault is None else Fault(fault["op"], str(fault["path"]), fault.get("value", ABSENT))
        return Case(
            str(entry["id"]),
            "request",
            entry["kind"],
            entry["constraint"],
            payload,
            body,
            tuple(entry.get("breaks", ())),
            edit,
            entry.get("twin", ABSENT),
            str(entry["content_type"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        raise UsageError(f"{name}: the witness {entry.get('id')} cannot be read; run fuzz again") from None


def from_suite(contract: Contract, wanted: str) -> tuple[Subject, ...]:
    """The case of the suite with an id, or the cases about the constraint whose finding has a fingerprint.

    Raises:
        UsageError: there is none; the message names the nearest.
    """
    cases = {case.id: case for case in suite(contract, "request")}
    if wanted in cases:
        return (Subject(cases[wanted], {}),)
    for code in _ABOUT_REQUESTS:
        kind = "conforming" if code is VerdictKind.OVERSTRICT else "faulted"
        for about in {case.constraint or case.id for case in cases.values()}:
            found = checks.fingerprint(code, about)
            if found == wanted:
                meant = [one for one in cases.values() if about in (one.constraint, one.id) and _fits(one, code, kind)]
                return tuple(Subject(one, {found: str(code)}) for one in meant)
    raise UsageError(
        f"no case and no finding of the suite {wanted!r}{_nearest(wanted, cases)}; what is not of the suite needs "
        "--report FILE"
    )


def _fits(case: Case, code: VerdictKind, kind: str) -> bool:
    return case.kind == kind or code is VerdictKind.CRASHING


def _nearest(wanted: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(wanted, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def check_terms(subjects: Iterable[Subject], terms: Terms) -> None:
    """See that what is sought can be found at all.

    Raises:
        UsageError: it needs a limit or a check that was not given.
    """
    known = {*checks.CHECKS, *(one.code for one in terms.checks)}
    for code in {code for one in subjects for code in one.sought.values()}:
        field, option = _LIMITS.get(code, ("", ""))
        if field and getattr(terms, field) is None:
            raise UsageError(f"a finding of {code} needs {option} SECONDS")
        if code not in known:
            raise UsageError(f"a finding of {code} needs --check MODULE:FUNCTION")


def replay(contract: Contract, subjects: Sequence[Subject], terms: Terms) -> Steps:
    """Send every witness after its twin, without any I/O of its own; the worst verdict counts.

    Yields:
        What to send; takes what came back.

    Returns:
        The verdict: still there where any witness shows it, else undecided where any is.
    """
    results = []
    for subject in subjects:
        twin = _twin(subject)
        batch = (subject.case,) if twin is None else (twin, subject.case)
        exchanges = yield batch
        judged = [checks.judge(contract, one, outcome(one, terms.surface), terms) for one in exchanges]
        if len(judged) > 1 and judged[0].outcome.kind is OutcomeKind.ACCEPTED:
            told = where_credentials_are_good(judged[-1].outcome, subject.case)
            judged[-1] = checks.judge(contract, exchanges[-1], told, terms)
        if len(judged) > 1 and judged[-1].message is not ABSENT:
            judged[-1] = judged[-1]._replace(whole=replies.listed(contract.response.schema, judged[0].message))
        results.append(_result(subject, judged))
        if results[-1].verdict is ReplayVerdict.STILL_THERE:
            break
    worst = min(results, key=lambda one: _WORST_FIRST.index(one.verdict))
    return worst._replace(requests=sum(one.requests for one in results))


def _twin(subject: Subject) -> Case | None:
    """The conforming request beside the witness: without its fault, or without the stream where that is in question."""
    case, twin = subject.case, subject.case.twin
    if _OF_STREAMS in subject.sought.values() and isinstance(case.payload, dict) and "stream" in case.payload:
        twin = {key: value for key, value in case.payload.items() if key != "stream"}
    if twin is ABSENT:
        return None
    return Case(f"{case.id}/twin", case.side, "conforming", case.constraint, twin, wire.encode(twin))


def _result(subject: Subject, judged: Sequence[Judged]) -> Replayed:
    last, sent = judged[-1], sum(one.exchange.attempts for one in judged)
    every = checks.findings(last)
    codes = {code for code in subject.sought.values() if code in _ONCE}
    found = tuple(one for one in every if not subject.sought or one.fingerprint in subject.sought or one.code in codes)
    for asked in list(subject.sought)[:1]:  # what was found of several constraints is known by one fingerprint
        found = tuple(replace(one, fingerprint=asked) for one in found)
    if found:
        return Replayed(ReplayVerdict.STILL_THERE, subject.case.id, found[0].message, sent, found)
    doubt = _doubt(subject, judged)
    verdict = ReplayVerdict.CANNOT_TELL if doubt else ReplayVerdict.FIXED
    return Replayed(verdict, subject.case.id, doubt or _did(last.outcome), sent)


def _doubt(subject: Subject, judged: Sequence[Judged]) -> str:
    """Why an answer without the finding proves nothing; empty where it does."""
    twins, last = judged[:-1], judged[-1]
    for one in judged:
        if one.outcome.kind not in _TOLD:
            return f"no verdict can be had from {one.exchange.case.id}: {_did(one.outcome)}"
    if any(one.outcome.kind is not OutcomeKind.ACCEPTED for one in twins):
        return f"the conforming twin is not accepted either: {twins[0].outcome.message or 'no reason given'}"
    codes = {code for code in subject.sought.values() if code not in _ABOUT_REQUESTS}
    if not succeeded(last.exchange) and (codes - _OF_REFUSALS or (codes and subject.case.kind == "conforming")):
        return f"the request was not answered ({_did(last.outcome)}), and the finding is about answers"
    return ""


def _did(result: Outcome) -> str:
    return f"{result.kind}: {result.message}".rstrip(": ")


def repeated(contract: Contract, subjects: Sequence[Subject], terms: Terms, times: int) -> Steps:
    """Replay so many times, for endpoints that answer now so and now so; what shows once is still there.

    Yields:
        What to send; takes what came back.

    Returns:
        The worst verdict, and how often that came of it.
    """
    rounds: list[Replayed] = []
    while len(rounds) < times:
        rounds.append((yield from replay(contract, subjects, terms)))
    worst = min(rounds, key=lambda one: _WORST_FIRST.index(one.verdict))
    same = sum(one.verdict is worst.verdict for one in rounds)
    often = "always" if same == times else "sometimes"
    said = f", {often} ({same} of {times} times)" if times > 1 else ""
    return worst._replace(detail=worst.detail + said, requests=sum(one.requests for one in rounds))
