"""What every code means and what to do: verdicts, findings, outcomes, rules of the wire and of the provider."""

from __future__ import annotations

import difflib
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract import wire
from haiku_contract.campaign.checks import CHECKS, FAILED
from haiku_contract.campaign.outcomes import EVIDENCE
from haiku_contract.campaign.replay import ReplayVerdict
from haiku_contract.errors import UsageError
from haiku_contract.model import OutcomeKind, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from haiku_contract.campaign.checks import Check
    from haiku_contract.contract import Contract


class Explanation(NamedTuple):
    """One meaning of a code.

    Attributes:
        code: as it stands in reports.
        kind: what has this code, as in `verdict`.
        text: what it means, and what to do.
    """

    code: str
    kind: str
    text: str


VERDICTS: Final = {
    VerdictKind.ENFORCED: "Every request that breaks this constraint was rejected for it, and the conforming values at "
    "its edges were accepted. Nothing to do.",
    VerdictKind.LEAKY: "A request that breaks this constraint was accepted. Check requests before they are sent, or "
    "have the endpoint check them.",
    VerdictKind.MISATTRIBUTED: "A request that breaks this constraint was rejected, but another place was named as the "
    "reason. Perhaps another check happens to refuse it; do not rely on this one.",
    VerdictKind.OVERSTRICT: "A value that this constraint allows was rejected. Do not send such values, or have the "
    "schema changed.",
    VerdictKind.CRASHING: "A request about this constraint was answered with a server error. Report it with the "
    "witness.",
    VerdictKind.UNVIOLABLE: "No JSON value can break this constraint, so there is nothing to send. Nothing to do.",
    VerdictKind.UNDETERMINED: "Nothing can be told: answers were lost, left out of the budget, or nothing works at "
    "all. Run again later, with a larger budget, or with --resume.",
    VerdictKind.HELD: "Every answer that reaches this constraint of the response conforms. Nothing to do.",
    VerdictKind.BROKEN: "An answer breaks this constraint of the response. Clients that rely on it break; report it "
    "with the witness.",
    VerdictKind.UNEXERCISED: "No answer reached this constraint of the response, so nothing is known of it.",
}

OUTCOMES: Final = {
    OutcomeKind.ACCEPTED: "The request passed the schema check: it was answered, or refused for lack of credit alone.",
    OutcomeKind.REJECTED: "The request was refused as wrong.",
    OutcomeKind.CRASHED: "The endpoint answered with a server error.",
    OutcomeKind.THROTTLED: "The endpoint was busy or out of order for the moment; asked again, and then no verdict.",
    OutcomeKind.UNAUTHORISED: "The credentials were refused. Check the key and what it may do.",
    OutcomeKind.UNREACHABLE: "Nothing came back. Check that the endpoint runs, and its host and port.",
    OutcomeKind.UNKNOWN: "The answer is of a form that nobody has described, or comes from a cache; no verdict.",
}

REPLAYS: Final = {
    ReplayVerdict.STILL_THERE: "The witness was sent again, and the finding was made again.",
    ReplayVerdict.FIXED: "The witness was sent again and answered as it should be; its conforming twin was accepted.",
    ReplayVerdict.CANNOT_TELL: "An answer was lost, the conforming twin is not accepted either, or the finding is "
    "about answers and there was none. Replay it again when the endpoint serves requests.",
}

_AROUND: Final = {
    "content-coding": "a body in the content coding that its head names",
    "envelope": "a body with the key that holds the input",
}
_FAILED: Final = (
    "A check of your own, given with --check or installed as an entry point, raised an exception. Mend the check; the "
    "campaign went on without it."
)


def explanations(contract: Contract, checks: Iterable[Check] = ()) -> tuple[Explanation, ...]:
    """Every code that reports can hold, kind by kind.

    Args:
        contract: whose rules of the provider are told too.
        checks: checks of somebody's own.
    """
    return tuple(_all(contract, checks))


def _all(contract: Contract, checks: Iterable[Check]) -> Iterator[Explanation]:
    yield from (Explanation(kind.value, "verdict", text) for kind, text in VERDICTS.items())
    yield from (Explanation(one.code, "finding", one.explain) for one in (*CHECKS.values(), *checks))
    yield Explanation(FAILED, "finding", _FAILED)
    yield from (Explanation(kind.value, "outcome", text) for kind, text in OUTCOMES.items())
    yield from (Explanation(kind.value, "verdict of replay", text) for kind, text in REPLAYS.items())
    for rule, expected in (wire.RULES | _AROUND).items():
        yield Explanation(f"wire:{rule}", "rule of the wire", f"Expected on the wire: {expected}.")
    codes: dict[str, list[str]] = defaultdict(list)
    for row in EVIDENCE:
        if row.code is not None:
            where = f"{row.status or 'any status'}{row.says and f', {row.says!r}'}"
            codes[str(row.code)].append(f"{where}: {row.kind} ({row.source}).")
    yield from (Explanation(code, "error code", " ".join(texts)) for code, texts in codes.items())
    for one in contract.request.rules:
        condition = f" Condition: {one.condition}." if one.condition else ""
        text = f"The provider refuses {one.forbids}; {one.hint}.{condition} Sure: {one.sureness}. Seen: {one.source}."
        yield Explanation(one.id, "rule of the provider", text)


def explain(known: Iterable[Explanation], code: str) -> tuple[Explanation, ...]:
    """What a code means; a rule of the wire is known without its `wire:` too.

    Raises:
        UsageError: there is no such code; the message names the nearest.
    """
    everything = tuple(known)
    found = tuple(one for one in everything if code in (one.code, one.code.removeprefix("wire:")))
    if not found:
        near = difflib.get_close_matches(code, [one.code for one in everything], n=1)
        hint = f"did you mean {near[0]!r}?" if near else "'haiku-contract explain' lists them all"
        raise UsageError(f"no code {code!r}; {hint}")
    return found
