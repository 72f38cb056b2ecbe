"""From an answer to an outcome, by evidence: one table over surface, status, code and message, with a source per row.

The sources are the published error bodies of the gateway, of its REST interface and of the provider behind it, and
observations that others published; what none of them covers is decided by the status, and what nobody has seen is
`unknown`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer, rejections, sse, wire
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, Outcome, OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.model import Case, Exchange


_SUCCESS: Final = range(200, 300)
_SERVER_ERROR: Final = range(500, 600)


class Row(NamedTuple):
    """One line of evidence.

    Attributes:
        surfaces: where it holds; everywhere when empty.
        status: HTTP status; None for any but a server error, which no code explains away.
        code: the gateway's own code, or the provider's type of error; None for any, and for none.
        says: what the message holds, in lower case; empty for any message.
        kind: the outcome.
        source: where that was seen, and what it means.
    """

    surfaces: tuple[str, ...]
    status: int | None
    code: int | str | None
    says: str
    kind: OutcomeKind
    source: str

    def fits(self, surface: str, status: int | None, code: int | str | None, message: str) -> bool:
        """Whether an answer is of this kind; a status of None is that of an event, which has none of its own."""
        fits = status not in _SERVER_ERROR if self.status is None else status == self.status
        return (
            (not surface or not self.surfaces or surface in self.surfaces)
            and (fits or (status is None and self.code is not None))
            and (self.code is None or code == self.code)
            and self.says in message.lower()
        )


_ANY: Final = ()
_REST: Final = ("run", "messages")
_ACCEPTED, _REJECTED, _CRASHED = OutcomeKind.ACCEPTED, OutcomeKind.REJECTED, OutcomeKind.CRASHED
_THROTTLED, _UNAUTHORISED, _UNKNOWN = OutcomeKind.THROTTLED, OutcomeKind.UNAUTHORISED, OutcomeKind.UNKNOWN

EVIDENCE: Final = (
    Row(_ANY, 402, 2021, "", _ACCEPTED, "recorded without credit: the schema check, which comes first, was passed"),
    Row(_ANY, None, 7003, "rate limit exceeded", _THROTTLED, "recorded on the REST interface, at a status of success"),
    Row(_ANY, 404, 7003, "", _UNKNOWN, "recorded: no such model, or no such route"),
    Row(_REST, None, 7003, "could not route", _UNKNOWN, "recorded: the router's own use of the code"),
    Row(_ANY, 400, 7003, "", _REJECTED, "recorded: the schema check, or the provider's rejection handed on"),
    Row(_ANY, 400, 5006, "", _REJECTED, "recorded: the schema check of the platform's own models"),
    Row(_ANY, None, 2009, "", _UNAUTHORISED, "recorded with 400 and documented with 401: the gateway's authentication"),
    Row(_ANY, None, 10000, "", _UNAUTHORISED, "recorded: the authentication of the REST interface"),
    Row(_ANY, None, 2040, "", _UNAUTHORISED, "recorded: the gateway holds no such key for the provider"),
    Row(_ANY, None, 2001, "", _UNKNOWN, "documented: no such gateway"),
    Row(_ANY, 400, 7000, "", _UNKNOWN, "documented: no model was named"),
    Row(_ANY, None, 7001, "", _UNKNOWN, "recorded: the method is not known at this address"),
    Row(_ANY, None, 2017, "", _UNKNOWN, "documented: guardrails have stopped it, which is no word about the schema"),
    Row(_ANY, None, 2029, "", _UNKNOWN, "documented: data-loss prevention has stopped the request"),
    Row(_ANY, None, 2030, "", _UNKNOWN, "documented: data-loss prevention has stopped the answer"),
    Row(_ANY, None, 2003, "", _THROTTLED, "recorded: the gateway's rate limit"),
    Row(_ANY, None, 2045, "", _THROTTLED, "recorded: a spend limit, which ends with its period"),
    Row(_ANY, 400, "invalid_request_error", "", _REJECTED, "documented by the provider"),
    Row(_ANY, 413, "request_too_large", "", _REJECTED, "documented by the provider"),
    Row(_ANY, 401, "authentication_error", "", _UNAUTHORISED, "documented by the provider"),
    Row(_ANY, 402, "billing_error", "", _UNAUTHORISED, "documented by the provider"),
    Row(_ANY, 403, "permission_error", "", _UNAUTHORISED, "documented by the provider"),
    Row(_ANY, 404, "not_found_error", "", _UNKNOWN, "documented by the provider: no such model"),
    Row(_ANY, 429, "rate_limit_error", "", _THROTTLED, "documented by the provider, with retry-after"),
    Row(_ANY, 500, "api_error", "", _CRASHED, "documented by the provider"),
    Row(_ANY, 504, "timeout_error", "", _THROTTLED, "documented by the provider"),
    Row(_ANY, 529, "overloaded_error", "", _THROTTLED, "documented by the provider"),
    Row(_ANY, 400, None, "", _REJECTED, "RFC 9110: the request is wrong"),
    Row(_ANY, 401, None, "", _UNAUTHORISED, "RFC 9110"),
    Row(_ANY, 403, None, "", _UNAUTHORISED, "RFC 9110"),
    Row(_ANY, 413, None, "", _REJECTED, "RFC 9110: the request is too large"),
    Row(_ANY, 415, None, "", _REJECTED, "RFC 9110: the content type is wrong"),
    Row(_ANY, 422, None, "", _REJECTED, "RFC 9110: the content is wrong"),
    Row(_ANY, 429, None, "", _THROTTLED, "RFC 6585"),
    Row(_ANY, 502, None, "", _THROTTLED, "RFC 9110: an outage behind what answered says nothing about a constraint"),
    Row(_ANY, 503, None, "", _THROTTLED, "RFC 9110: an outage says nothing about a constraint"),
    Row(_ANY, 504, None, "", _THROTTLED, "RFC 9110: a time-out says nothing about a constraint"),
    Row(_ANY, 529, None, "", _THROTTLED, "documented by the provider: overloaded"),
)
"""The first row that fits decides; what follows the table is in `_by_class`."""

_OF_CREDENTIALS: Final = frozenset(row.code for row in EVIDENCE if row.kind is _UNAUTHORISED and row.code is not None)

EVENT_STREAM: Final = "text/event-stream"
ANSWERS: Final = (JSON_CONTENT_TYPE, EVENT_STREAM)
"""The media types of an answer to an accepted request."""

STALE: Final = "x-haiku-contract-stale"
"""The header of what is answered in place of what a cassette does not hold."""
NOT_RECORDED: Final = "stale: not in the cassette"
NO_MORE: Final = "nothing is accepted any more"
CACHED: Final = "answered from a cache, and not by the endpoint"
"""What is said of an answer that does not count."""

_MOST_TEXT: Final = 300

_NAMED: Final = re.compile(r"(?:Required value missing:|(?:Invalid value|Validation error) at) (?=\S)")
_PROVIDER: Final = re.compile(r"[a-z_]+(?:\.\w+)*: ")
"""The provider's own style, and that of any other text with a colon: its first name has to be one of the payload."""


def outcome(exchange: Exchange, surface: str = "") -> Outcome:
    """What the endpoint did, as far as its answer tells; answers that nobody has seen before are `unknown`.

    Args:
        exchange: what was sent and what came back.
        surface: which wire form it was sent in; rows that are about one surface fit any where it is empty.
    """
    if exchange.status is None:
        return Outcome(OutcomeKind.UNREACHABLE, message=exchange.error)
    if exchange.headers.get("cf-aig-cache-status", "").upper() == "HIT":
        return Outcome(OutcomeKind.UNKNOWN, message=CACHED)
    media = read_as(exchange)
    streamed = succeeded(exchange) and media == EVENT_STREAM
    value = wire.decode(exchange.body).value if not succeeded(exchange) or media == JSON_CONTENT_TYPE else ABSENT
    if streamed:
        value = _error_event(exchange.body)
    code, message = _error(value)
    failed_stream = streamed and value is not ABSENT
    kind = _kind(surface, None if failed_stream else exchange.status, code, message)
    if kind is OutcomeKind.ACCEPTED and succeeded(exchange) and (media not in ANSWERS or _says_failure(value)):
        kind = OutcomeKind.UNKNOWN
    text = message or ("" if kind is OutcomeKind.ACCEPTED else excerpt(exchange.body))
    field = named_field(message, exchange.case) if kind is OutcomeKind.REJECTED else None
    return Outcome(kind, code, text, field)


def where_credentials_are_good(result: Outcome, case: Case) -> Outcome:
    """The outcome, where others show that the credentials are accepted: then a 401 or 403 for a fault is a rejection.

    Unless its code is one of those that are known to be about credentials, whatever was sent.
    """
    if result.kind is not _UNAUTHORISED or case.kind != "faulted" or result.code in _OF_CREDENTIALS:
        return result
    return replace(result, kind=_REJECTED, field=named_field(result.message, case))


def succeeded(exchange: Exchange) -> bool:
    """Whether the status says success."""
    return exchange.status in _SUCCESS


def media_type(exchange: Exchange) -> str:
    """The media type of the answer."""
    return wire.media_type(exchange.headers.get("content-type", ""))


def read_as(exchange: Exchange) -> str:
    """The media type that an answer is read as: what it is declared as, or JSON where it is an object all the same."""
    media = media_type(exchange)
    if media in ANSWERS or not exchange.body.lstrip().startswith(b"{"):
        return media
    return JSON_CONTENT_TYPE if isinstance(wire.decode(exchange.body).value, dict) else media


def named_field(message: str, case: Case) -> str | None:
    """The pointer to the place that a rejection of a case names; None when it names none.

    The gateway names it in a sentence of its own, with indices in brackets or set apart by dots. The provider begins
    with it, also behind the gateway's prefix; a text that begins with any other word and a colon names no place, so the
    word has to be a key of the request, before or after its fault.
    """
    match = _NAMED.search(message)
    if match is not None:
        steps = pointer.read(message[match.end() :])
        return None if steps is None else pointer.join(steps)
    told = message.removeprefix(rejections.PREFIX)
    steps = pointer.read(told) if _PROVIDER.match(told) else None
    known = [one for one in (case.payload, case.twin) if isinstance(one, dict) and steps and steps[0] in one]
    return pointer.join(_untagged(steps, known[0])) if steps and known else None


def _untagged(steps: Sequence[str], value: Any) -> list[str]:
    """The steps without the names of union members, which the provider puts between those of the payload.

    As in `messages.0.content.1.image.source.base64.data`, where the block's `type` is `image`, and its source's
    `base64`.
    """
    kept: list[str] = []
    skipped = False
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        is_tag = isinstance(value, dict) and step not in value and (step == value.get("type") or following in value)
        if kept and is_tag and not skipped:
            skipped = True
            continue
        skipped = False
        kept.append(step)
        try:
            value = pointer.step(value, step)
        except (LookupError, ValueError):
            value = ABSENT
    return kept


def _kind(surface: str, status: int | None, code: int | str | None, message: str) -> OutcomeKind:
    for row in EVIDENCE:
        if row.fits(surface, status, code, message):
            return row.kind
    return _by_class(status, code)


def _by_class(status: int | None, code: int | str | None) -> OutcomeKind:
    """What is left: a success without a word of an error is one, and a server error is one."""
    if status in _SUCCESS and code is None:
        return OutcomeKind.ACCEPTED
    return OutcomeKind.CRASHED if status in _SERVER_ERROR else OutcomeKind.UNKNOWN


def _error_event(body: bytes) -> Any:
    """What the error event of a stream says; `ABSENT` where there is none."""
    for item in sse.decode(body) if b"error" in body else ():
        if isinstance(item, sse.ServerSentEvent) and item.event == "error":
            return wire.decode(item.data).value
    return ABSENT


def _says_failure(value: Any) -> bool:
    """A body that contradicts the success of its status: an envelope of a failure, without a code that tells more."""
    if not isinstance(value, dict):
        return False
    error = value.get("error")
    told = isinstance(error, dict) and "message" in error
    return value.get("success") is False or value.get("state") == "Failed" or told


def _error(value: Any) -> tuple[int | str | None, str]:
    """Code and message of the three published error bodies: REST (`errors`), gateway (`error` list), provider."""
    if not isinstance(value, dict) or value.get("success") is True:
        return None, ""
    entries = value.get("errors") or value.get("error")
    if isinstance(entries, dict):  # the provider: {"type": "error", "error": {"type", "message"}}
        return _text(entries.get("type")), str(entries.get("message", ""))
    if isinstance(entries, list) and entries and isinstance(entries[0], dict):
        code = entries[0].get("code")
        return code if isinstance(code, int) else _text(code), str(entries[0].get("message", ""))
    return None, ""


def _text(code: Any) -> str | None:
    return None if code is None else str(code)


def excerpt(body: bytes) -> str:
    """The beginning of a body, in one line that can be shown."""
    text = " ".join(body[:_MOST_TEXT].decode("utf-8", "replace").split())
    return text if text.isprintable() else ascii(text)
