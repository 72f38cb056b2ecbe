"""The values that flow through the package: frozen, slotted, without behaviour of their own.

The words are those of a contract test: a *constraint* is one assertion site of a schema, a *violation* one broken
constraint in an instance, a *case* a payload with an expectation, an *exchange* what was sent and what came back, an
*outcome* what the endpoint did with it, a *verdict* what is known of a constraint after a run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Final, Literal, TypeAlias

Side: TypeAlias = Literal["request", "response", "stream", "error"]
Kind: TypeAlias = Literal["conforming", "faulted"]
Sureness: TypeAlias = Literal["yes", "likely", "unknown", "no longer", "no"]

JSON_CONTENT_TYPE: Final = "application/json"


class _Absent(Enum):
    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent.ABSENT
"""Stands for "no value", where `None` is a value of its own (JSON null)."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One assertion site of a schema.

    Attributes:
        id: side and JSON Pointer, as in `request:/properties/temperature/maximum`; `required` has one per member.
        side: whose schema it stands in.
        pointer: JSON Pointer (RFC 6901) into that schema, ending in the keyword (or in `required/<index>`).
        keyword: the keyword that asserts.
        value: the keyword's value; for `required` the one member.
        reachable: False when no instance location is ever held against this place (an unused definition).
        violable: False when no JSON value can break it.
        reason: why it is unreachable or unviolable; empty otherwise.
    """

    id: str
    side: Side
    pointer: str
    keyword: str
    value: Any
    reachable: bool = True
    violable: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken constraint found in an instance.

    Attributes:
        constraint: id of the constraint, or `wire:<rule>` for what JSON itself cannot carry.
        instance_location: JSON Pointer into the instance.
        expected: what the constraint asks for, in a few words.
        actual: what was found: its type, and a short excerpt where it is a scalar.
        message: one line: place, rule, what was found.
        hint: what to change; empty when the message says it all.
        context: for a union of which no branch was meant in particular, what each branch says.
        line: 1-based line in the text, where the instance came as text and the place is known.
        column: 1-based column, likewise.
        offset: where the event begins, in bytes from the start of the stream; on the stream side only.
    """

    constraint: str
    instance_location: str
    expected: str
    actual: str
    message: str
    hint: str = ""
    context: tuple[Violation, ...] = ()
    line: int | None = None
    column: int | None = None
    offset: int | None = None

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.message}{hint} [{self.constraint}]"


@dataclass(frozen=True, slots=True)
class Advice:
    """One rule of the provider that a request breaks although the published schema allows it; never a violation.

    Attributes:
        rule: id of the rule.
        instance_location: JSON Pointer into the request.
        message: one line: place, and what the provider refuses.
        observed: the provider's own words, with the values of this request.
        source: where the rule was seen.
        sureness: how sure it is for this model.
        hint: what to do instead.
        condition: when the rule holds, where it does not hold always; empty otherwise.
    """

    rule: str
    instance_location: str
    message: str
    observed: str
    source: str
    sureness: Sureness
    hint: str
    condition: str = ""

    def __str__(self) -> str:
        return self.message


class PredictedOutcome(StrEnum):
    """What can become of a request."""

    ACCEPTED = "accepted"
    REJECTED_BY_GATEWAY = "rejected-by-gateway"
    REJECTED_UPSTREAM = "rejected-upstream"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What would become of a request that is sent, with valid credentials and credits.

    Attributes:
        outcome: who would answer, and how.
        status: HTTP status of the answer.
        code: the gateway's own code; None when the request is accepted, or cannot be sent at all.
        name: `name` of an error as the gateway answers it, `message` for an accepted request.
        error_type: the provider's type of error; empty unless the provider rejects.
        message: the words of the rejection, the gateway's or the provider's own; empty when accepted.
        field: JSON Pointer of the place that is rejected; None when none in particular.
        constraint: id of the constraint (or of the rule of the wire) that the gateway rejects for.
        rule: id of the rule that the provider rejects for.
        sureness: how sure that is.
    """

    outcome: PredictedOutcome
    status: int
    code: int | None = None
    name: str = "message"
    error_type: str = ""
    message: str = ""
    field: str | None = None
    constraint: str | None = None
    rule: str | None = None
    sureness: Sureness = "likely"


@dataclass(frozen=True, slots=True)
class Fault:
    """One edit that breaks a conforming payload: an operation of RFC 6902 (JSON Patch).

    Attributes:
        op: the operation.
        path: JSON Pointer into the payload.
        value: the new value; `ABSENT` for `remove`.
    """

    op: Literal["add", "remove", "replace"]
    path: str
    value: Any = ABSENT


@dataclass(frozen=True, slots=True)
class Case:
    """A payload with a stable id and an expectation.

    Attributes:
        id: readable and stable, as in `request/temperature/maximum/above`.
        side: whose schema the payload is held against.
        kind: what is expected of the payload.
        constraint: id of the constraint that the case is about; None for a case about the contract as a whole.
        payload: the JSON value; `ABSENT` where only `body` exists because the bytes are not one JSON value.
        body: the bytes on the wire.
        breaks: ids of all constraints that the payload breaks, sorted; `(constraint,)` wherever that is possible.
        fault: the edit that leads from `twin` to `payload`; None for conforming cases and for faults below JSON.
        twin: the conforming payload that differs by `fault` alone; `ABSENT` for conforming cases.
        content_type: what the body is declared as.
    """

    id: str
    side: Side
    kind: Kind
    constraint: str | None
    payload: Any
    body: bytes
    breaks: tuple[str, ...] = ()
    fault: Fault | None = None
    twin: Any = ABSENT
    content_type: str = JSON_CONTENT_TYPE


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request with what came back.

    Attributes:
        case: what was sent.
        status: HTTP status; None when no response arrived.
        headers: response headers, names in lower case.
        body: response body, decoded from its content coding.
        elapsed: seconds from sending to the end of the body.
        error: why there is no response, in one line; empty otherwise.
        attempts: how many requests it took; 0 for an answer that an earlier run got, and for none.
        ttfb: seconds from sending to the first byte of the body, or to its end where it is empty; None where nobody
            measured it.
        echoed: whether the answer held a credential of the request, which was taken out of it.
    """

    case: Case
    status: int | None
    headers: dict[str, str]
    body: bytes
    elapsed: float
    error: str = ""
    attempts: int = 1
    ttfb: float | None = None
    echoed: bool = False


class OutcomeKind(StrEnum):
    """What an endpoint can do with a request."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CRASHED = "crashed"
    THROTTLED = "throttled"
    UNAUTHORISED = "unauthorised"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the endpoint did.

    Attributes:
        kind: the class of outcome.
        code: the endpoint's own error code, where it gave one.
        message: the endpoint's own words, or why nothing arrived.
        field: JSON Pointer of the place that a rejection names; None when it names none.
    """

    kind: OutcomeKind
    code: int | str | None = None
    message: str = ""
    field: str | None = None


class VerdictKind(StrEnum):
    """What can be known of a constraint after a run."""

    ENFORCED = "enforced"
    LEAKY = "leaky"
    MISATTRIBUTED = "misattributed"
    OVERSTRICT = "overstrict"
    CRASHING = "crashing"
    UNVIOLABLE = "unviolable"
    UNDETERMINED = "undetermined"
    HELD = "held"
    BROKEN = "broken"
    UNEXERCISED = "unexercised"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One cell of the enforcement matrix.

    Attributes:
        constraint: id of the constraint.
        verdict: what is known of it.
        witness: id of the case that shows it; None when there is none.
        detail: one line that explains the verdict.
    """

    constraint: str
    verdict: VerdictKind
    witness: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Answer:
    """As much of an answer as a report keeps.

    Attributes:
        status: HTTP status; None when no response arrived.
        content_type: what the body is declared as.
        body: the beginning of the body as it came, secrets taken out; what is no UTF-8 is escaped.
        length: bytes of the whole body.
    """

    status: int | None
    content_type: str
    body: str
    length: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the endpoint does that the contract does not allow, once per cause.

    Attributes:
        code: the kind of finding, as in `leaky`.
        fingerprint: stable between runs and machines.
        constraint: id of the constraint, or None.
        case: id of the witness.
        message: one line.
        witness: the case itself; None where nobody has kept it.
        answer: what came back; None where nobody has kept it.
        others: ids of the further constraints about which the same is found for the same cause.
    """

    code: str
    fingerprint: str
    constraint: str | None
    case: str
    message: str
    witness: Case | None = None
    answer: Answer | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CampaignStarted:
    """The first event of a campaign: what will be sent, and where."""

    contract: str
    endpoint: str
    cases: int


@dataclass(frozen=True, slots=True)
class CaseFinished:
    """One case was sent and judged."""

    exchange: Exchange
    outcome: Outcome
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class CampaignFinished:
    """The last event: everything a report needs.

    Attributes:
        contract: model id and version, as in `anthropic/claude-haiku-4.5@1.1.1`.
        endpoint: where the cases were sent.
        seed: the seed of the run.
        requests: how many requests were sent.
        cost_usd: what the answers report to have cost, by the manifest's prices.
        verdicts: one per constraint of every side.
        findings: deduplicated, in the order of discovery.
        outcomes: how many requests ended in which outcome.
        elapsed: seconds.
        left_out: ids of the cases that were not sent, because the budget did not allow them.
        stopped: why the campaign ended before its end, in one line; empty when it did not.
    """

    contract: str
    endpoint: str
    seed: int
    requests: int
    cost_usd: float
    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...]
    outcomes: dict[OutcomeKind, int] = field(default_factory=dict)
    elapsed: float = 0.0
    left_out: tuple[str, ...] = ()
    stopped: str = ""


Event: TypeAlias = CampaignStarted | CaseFinished | CampaignFinished
