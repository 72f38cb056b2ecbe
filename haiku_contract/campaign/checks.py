"""Oracles over one exchange: each a small function in a table, each with a code and a text that explains it.

A check yields what it has found; whether that is already known is decided by the fingerprint (`finding`).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import messages, pointer, prediction, wire
from haiku_contract.campaign import replies
from haiku_contract.campaign.outcomes import ANSWERS, CACHED, EVENT_STREAM, excerpt, media_type, read_as, succeeded
from haiku_contract.campaign.replies import Found
from haiku_contract.endpoint import surfaces
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, Answer, Finding, Outcome, OutcomeKind, VerdictKind
from haiku_contract.stream import StreamValidator
from haiku_contract.stream.coverage import exercised, reached

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from haiku_contract.contract import Contract
    from haiku_contract.model import Case, Exchange, Violation

_MESSAGES: Final = "anthropic-messages"
_OPEN: Final = ("additionalProperties", "unevaluatedProperties")
_MOST_SHOWN: Final = 2_000


class Check(NamedTuple):
    """One oracle.

    Attributes:
        code: the code of its findings.
        find: judged exchange -> what it found. One of somebody's own may yield texts instead, one for each finding.
        explain: what a finding means and what to do about it.
    """

    code: str
    find: Callable[[Judged], Iterable[Found | str]]
    explain: str


class Terms(NamedTuple):
    """What is asked of answers beside the contract.

    Attributes:
        surface: the wire form that requests are sent in.
        max_ttfb: seconds in which the first byte has to come; None is no limit.
        max_total: seconds in which an answer has to be complete; None is no limit.
        checks: checks of somebody's own.
        hide: takes secrets out of what these say.
    """

    surface: str = surfaces.BARE
    max_ttfb: float | None = None
    max_total: float | None = None
    checks: tuple[Check, ...] = ()
    hide: Callable[[str], str] = str


PLAIN: Final = Terms()
"""Nothing is asked beside the contract."""


class Judged(NamedTuple):
    """An exchange with all that was found out about it.

    Attributes:
        exchange: what was sent and what came back.
        outcome: what the endpoint did.
        violations: what is wrong with the answer by the response schema, or with the event stream by the protocol;
            empty when it was not held against either. What the response schema says of a streamed message is none.
        exercised: ids of the response, stream or error constraints that the answer was held against.
        places: pointers at which a rejection may say that a faulted request is broken.
        message: the message of a conforming answer, of a stream put together; `ABSENT` where there is none, or where
            the contract is not of the provider's message format.
        whole: the message of an answer that is not streamed, beside which a streamed one is held; `ABSENT` elsewhere.
        shape: what the response schema says of a streamed message, keys that it does not list apart.
        error: what is wrong with the body of a refusal by the error schema.
        has_error_schema: whether it is known what such a body looks like: the contract says so, and of this surface.
        may_stream: whether the contract says anything of streams.
        model_id: which model was asked.
        terms: what is asked beside the contract.
    """

    exchange: Exchange
    outcome: Outcome
    violations: tuple[Violation, ...] = ()
    exercised: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    message: Any = ABSENT
    whole: Any = ABSENT
    shape: tuple[Violation, ...] = ()
    error: tuple[Violation, ...] = ()
    has_error_schema: bool = False
    may_stream: bool = False
    model_id: str = ""
    terms: Terms = PLAIN


def judge(contract: Contract, exchange: Exchange, outcome: Outcome, terms: Terms = PLAIN) -> Judged:
    """Hold the answer against the response schema, the protocol of streams, or the error schema."""
    judged = Judged(
        exchange,
        outcome,
        has_error_schema=_knows_refusals(contract, terms.surface),
        may_stream=contract.stream is not None,
        model_id=contract.model_id,
        terms=terms,
    )
    if outcome.kind is OutcomeKind.REJECTED:
        return _judge_refusal(contract, judged._replace(places=_places(contract, exchange.case)))
    media = read_as(exchange)
    if succeeded(exchange) and media == EVENT_STREAM and contract.stream is not None:
        return _judge_stream(contract, judged)
    if outcome.kind is OutcomeKind.ACCEPTED and not succeeded(exchange):
        return _judge_refusal(contract, judged)
    if outcome.kind is OutcomeKind.ACCEPTED and media == JSON_CONTENT_TYPE:
        return _judge_message(contract, judged)
    return judged


def _judge_message(contract: Contract, judged: Judged) -> Judged:
    value, below = wire.decode(judged.exchange.body)
    if value is ABSENT:
        return judged._replace(violations=below)
    answer = surfaces.message(value)
    if judged.exchange.case.kind == "faulted" and replies.is_none(contract.response.schema, answer):
        return judged._replace(outcome=Outcome(OutcomeKind.UNKNOWN, message=excerpt(judged.exchange.body)))
    violations = (*below, *contract.response.iter_errors(answer))
    conforms = not violations and _has_messages(contract)
    return judged._replace(
        violations=violations,
        exercised=contract.response.exercised(answer),
        message=answer if conforms else ABSENT,
    )


def _has_messages(contract: Contract) -> bool:
    """Whether the contract's messages are the provider's, so that their keys mean what they mean there."""
    formats = contract.manifest.get("request_formats")
    return isinstance(formats, list) and _MESSAGES in formats


def _knows_refusals(contract: Contract, surface: str) -> bool:
    """Whether the error schema is about refusals on a surface.

    The error bodies of the provider's message format were seen on the surfaces that have a name; of an endpoint that
    takes the bare input nobody has said how it refuses, unless the contract is of another format and does.
    """
    return contract.error is not None and (surface != surfaces.BARE or not _has_messages(contract))


def _judge_refusal(contract: Contract, judged: Judged) -> Judged:
    """The body of a refusal, where it says of itself that it is JSON."""
    exchange = judged.exchange
    if contract.error is None or not judged.has_error_schema or media_type(exchange) != JSON_CONTENT_TYPE:
        return judged
    value = wire.decode(exchange.body).value
    held = frozenset() if value is ABSENT else frozenset(reached(contract.error, value))
    return judged._replace(error=tuple(contract.error.iter_errors_bytes(exchange.body)), exercised=held)


def _places(contract: Contract, case: Case) -> frozenset[str]:
    """Where the violations of a payload are, and where the unions are that they make fail as a whole."""
    found: set[str] = set()
    for violation in contract.request.iter_errors(case.payload) if case.payload is not ABSENT else ():
        found.add(violation.instance_location)
        union = prediction.outermost_union(violation.constraint.partition(":")[2])
        if union is not None:
            found.add(prediction.place_of(union, violation.instance_location))
    return frozenset(found)


def _judge_stream(contract: Contract, judged: Judged) -> Judged:
    exchange = judged.exchange
    request = None if exchange.case.payload is ABSENT else exchange.case.payload
    validator = StreamValidator(contract, request=request)
    violations = (*validator.feed(exchange.body), *validator.finish())
    held = frozenset[str]() if contract.stream is None else exercised(contract.stream, exchange.body, request=request)
    judged = judged._replace(violations=violations, exercised=held)
    if violations or judged.outcome.kind is not OutcomeKind.ACCEPTED or not _has_messages(contract):
        return judged
    shape = (one for one in validator.deviations if one.constraint.rpartition("/")[2] not in _OPEN)
    return judged._replace(message=ABSENT if validator.message is None else validator.message, shape=tuple(shape))


def findings(judged: Judged) -> tuple[Finding, ...]:
    """What every check finds in an exchange, one by one; one's own check that raises is a finding itself."""
    answer = kept(judged.exchange)
    found = [one for check in (*CHECKS.values(), *judged.terms.checks) for one in _results(check, judged)]
    return tuple(replace(one, witness=judged.exchange.case, answer=answer) for one in found)


def _results(check: Check, judged: Judged) -> Iterator[Finding]:
    case = judged.exchange.case.id
    try:
        found = [Found(one) if isinstance(one, str) else Found(*one) for one in check.find(judged)]
    except (Exception, SystemExit) as error:  # whatever somebody's check raises is told, and ends nothing
        if check not in judged.terms.checks:
            raise
        said = _shortened(judged.terms.hide(" ".join(f"{type(error).__name__}: {error}".split())))
        yield finding(FAILED, None, case, f"the check {check.code} raised {said}", cause=check.code)
        return
    for one in found:
        message = judged.terms.hide(one.message) if check in judged.terms.checks else one.message
        yield finding(check.code, one.constraint, case, message, cause=one.cause or check.code)


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_LINE else text[:_MOST_LINE] + "…"


def kept(exchange: Exchange) -> Answer:
    """As much of an answer as a report keeps."""
    body = exchange.body[:_MOST_SHOWN].decode("utf-8", "backslashreplace")
    return Answer(exchange.status, exchange.headers.get("content-type", ""), body, len(exchange.body))


def finding(code: str, constraint: str | None, case: str, message: str, *, cause: str = "") -> Finding:
    """A finding whose fingerprint depends on its cause alone, not on the witness, the run or the machine.

    The cause is the code with the constraint; where there is none with `cause`, and where that is empty with the case.
    """
    return Finding(code, fingerprint(code, constraint or cause or case), constraint, case, message)


def fingerprint(code: str, about: str) -> str:
    """Twelve hexadecimal digits for a cause."""
    return hashlib.sha256(f"{code} {about}".encode()).hexdigest()[:12]


def names_the_fault(judged: Judged) -> bool:
    """The rejection names the broken place, something inside it, or a union that it makes fail.

    A rejection that names no place is no lie; one of a body that cannot be read names a place that it has not read, but
    for the whole.
    """
    case, field = judged.exchange.case, judged.outcome.field
    if field is None:
        return True
    if case.fault is None:
        return field == "" or case.constraint not in _UNREAD
    inside = case.fault.path != "" and f"{field}/".startswith(f"{case.fault.path}/")
    return inside or field == case.fault.path or field in judged.places


def _accepted_fault(judged: Judged) -> Iterator[Found]:
    case = judged.exchange.case
    if case.kind == "faulted" and judged.outcome.kind is OutcomeKind.ACCEPTED:
        yield Found(f"accepted a request that breaks {_all(case.breaks)}", case.constraint, case.id)


def _rejected_conforming(judged: Judged) -> Iterator[Found]:
    case = judged.exchange.case
    if case.kind == "conforming" and judged.outcome.kind is OutcomeKind.REJECTED:
        yield Found(f"rejected a conforming request: {judged.outcome.message}", case.constraint, case.id)


def _crashed(judged: Judged) -> Iterator[Found]:
    case = judged.exchange.case
    if judged.outcome.kind is OutcomeKind.CRASHED:
        yield Found(f"answered {judged.exchange.status} to a {case.kind} request", case.constraint, case.id)


def _misattributed(judged: Judged) -> Iterator[Found]:
    case = judged.exchange.case
    if case.kind == "faulted" and judged.outcome.kind is OutcomeKind.REJECTED and not names_the_fault(judged):
        place = pointer.shown(judged.outcome.field or "")
        message = f"rejected for {place}, but what is broken is {case.constraint}: {judged.outcome.message}"
        yield Found(message, case.constraint, case.id)


def _nonconforming_response(judged: Judged) -> Iterator[Found]:
    for violation in judged.violations:
        for constraint in sorted(messages.broken((violation,))):
            yield Found(f"answered with a response that does not conform: {violation.message}", constraint)


def _unknown(judged: Judged) -> Iterator[Found]:
    """An answer that no row of the evidence fits; one from a cache is none, and one that is no JSON has its own check.

    Answers are of one cause where status, code and words are the same, numbers apart; where a failure is told at a
    status of success, that is the cause, whatever the words.
    """
    exchange, outcome = judged.exchange, judged.outcome
    is_odd = succeeded(exchange) and bool(exchange.body) and media_type(exchange) not in ANSWERS
    if outcome.kind is OutcomeKind.UNKNOWN and outcome.message != CACHED and not is_odd:
        words = "" if succeeded(exchange) else f" {outcome.code} {_DIGITS.sub('0', outcome.message)}"
        said = outcome.message or ("an empty body" if not exchange.body else "no words")
        message = f"answered {exchange.status} in a form that is not known: {said}"
        yield Found(message, cause=f"{exchange.status}{words}")


_DIGITS: Final = re.compile(r"\d+")
_MOST_LINE: Final = 300
_UNREAD: Final = frozenset(("wire:syntax", "wire:encoding", "wire:content-type"))

FAILED: Final = "check-failed"
"""The code of a check of somebody's own that raised."""

_TABLE: Final = (
    Check(
        VerdictKind.LEAKY,
        _accepted_fault,
        "A request that breaks the contract was accepted. Whoever relies on the endpoint to refuse it is let down; "
        "check such requests before they are sent, or have the endpoint check them.",
    ),
    Check(
        VerdictKind.OVERSTRICT,
        _rejected_conforming,
        "A request that the published schema allows was rejected. Do not send such values, or have the schema say that "
        "they are not allowed.",
    ),
    Check(
        VerdictKind.CRASHING,
        _crashed,
        "The endpoint answered with a server error (5xx). A wrong request is to be refused with 4xx, a right one to be "
        "answered; outages (502, 503, 504, 529) are not counted.",
    ),
    Check(
        VerdictKind.MISATTRIBUTED,
        _misattributed,
        "A wrong request was rejected, but for another place than the broken one. The rejection misleads whoever has "
        "to mend the request; look whether the check that should have found the fault is there at all.",
    ),
    Check(
        VerdictKind.BROKEN,
        _nonconforming_response,
        "An answer breaks the published response schema, or a stream the protocol of streams. Clients that rely on it "
        "break too.",
    ),
    Check(
        "unknown-answer",
        _unknown,
        "The endpoint answered in a way that nobody has described, so it counts neither as accepted nor as rejected. "
        "The report keeps the answer as it came; check the URL and the surface.",
    ),
    Check(
        "error-body",
        replies.error_body,
        "A refusal came in a body of none of the known shapes (error.schema.json of the contract), so that clients "
        "cannot read the reason. On the bare surface the shipped contract asks for no shape.",
    ),
    Check(
        "content-type",
        replies.content_type,
        "An answer is declared as something that it should not be, or is streamed although that was not asked, or not "
        "streamed although it was. Clients choose how to read an answer by its content type.",
    ),
    Check(
        "max-tokens",
        replies.max_tokens,
        "usage.output_tokens of an answer is more than max_tokens of its request: the limit, or the bill, is wrong.",
    ),
    Check(
        "stop-reason",
        replies.stop_reason,
        "stop_reason contradicts the rest: stop_sequence where none was given or another is named, max_tokens before "
        "they were used up, tool_use without a call of a tool.",
    ),
    Check(
        "model",
        replies.model,
        "The answer names another model than the one that was asked. Something in between may have replaced it.",
    ),
    Check(
        "stream-shape",
        replies.stream_shape,
        "A streamed answer, put together, breaks the response schema, which an unstreamed one is held against, or has "
        "not what the answer to the simplest request has. Keys beyond the schema are not counted.",
    ),
    Check(
        "slow-first-byte",
        replies.slow_first_byte,
        "The first byte of an answer came later than --max-ttfb allows.",
    ),
    Check("slow-answer", replies.slow_answer, "An answer was complete later than --max-total allows."),
    Check(
        "credential-echoed",
        replies.credential_echoed,
        "An answer holds the credential that the request was sent with, so it may end in logs and caches. The report "
        "does not hold it. Have the endpoint leave it out, and change the credential.",
    ),
)

CHECKS: Final[dict[str, Check]] = {str(one.code): one for one in _TABLE}
"""Every check, by the code of its findings."""


def _all(ids: tuple[str, ...]) -> str:
    return ids[0] if len(ids) == 1 else f"{len(ids)} constraints that break together: {', '.join(ids)}"
