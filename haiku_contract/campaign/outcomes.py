"""From an answer to an outcome, by evidence: one table over status and code.

Sources of the codes are the published error bodies of the gateway, of its REST interface and of the provider behind it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import pointer, sse, wire
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, Outcome, OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Collection

    from haiku_contract.model import Case, Exchange

_BY_CODE: Final[dict[tuple[int, int | str], OutcomeKind]] = {
    (402, 2021): OutcomeKind.ACCEPTED,  # no credit: the schema check comes before the bill, so it was passed
    (404, 7003): OutcomeKind.UNKNOWN,  # no such model, or no such route
    (400, 2009): OutcomeKind.UNAUTHORISED,  # gateway authentication, published with either status
    (400, 2001): OutcomeKind.UNKNOWN,  # no such gateway
    (200, 7003): OutcomeKind.THROTTLED,  # "wholesale rate limit", published with this status
}
"""Outcomes that the status alone would get wrong."""

_BY_STATUS: Final[dict[int, OutcomeKind]] = {
    400: OutcomeKind.REJECTED,
    401: OutcomeKind.UNAUTHORISED,
    402: OutcomeKind.UNKNOWN,
    403: OutcomeKind.UNAUTHORISED,
    413: OutcomeKind.REJECTED,
    415: OutcomeKind.REJECTED,
    422: OutcomeKind.REJECTED,
    429: OutcomeKind.THROTTLED,
    500: OutcomeKind.CRASHED,
    502: OutcomeKind.THROTTLED,  # an outage of what stands in front says nothing about a constraint
    503: OutcomeKind.THROTTLED,
    504: OutcomeKind.THROTTLED,
    529: OutcomeKind.THROTTLED,
}

_BY_ERROR: Final[dict[str, OutcomeKind]] = {
    "invalid_request_error": OutcomeKind.REJECTED,
    "request_too_large": OutcomeKind.REJECTED,
    "authentication_error": OutcomeKind.UNAUTHORISED,
    "billing_error": OutcomeKind.UNAUTHORISED,
    "permission_error": OutcomeKind.UNAUTHORISED,
    "api_error": OutcomeKind.CRASHED,
    "overloaded_error": OutcomeKind.THROTTLED,
    "rate_limit_error": OutcomeKind.THROTTLED,
    "timeout_error": OutcomeKind.THROTTLED,
}
"""What the provider's own error types mean where they come in an event stream, after a status that says success."""

EVENT_STREAM: Final = "text/event-stream"
_ANSWERS: Final = (JSON_CONTENT_TYPE, EVENT_STREAM)
_SUCCESS: Final = range(200, 300)
_SERVER_ERROR: Final = range(500, 600)
_MOST_TEXT: Final = 300

_NAMED: Final = re.compile(r"(?:Required value missing:|(?:Invalid value|Validation error) at) (?=\S)")
_PROVIDER: Final = re.compile(r"[a-z_]+(?:\.\w+)*: ")
"""The provider's own style, and that of any other text with a colon: its first name has to be one of the payload."""


def outcome(exchange: Exchange) -> Outcome:
    """What the endpoint did, as far as its answer tells; answers that nobody has seen before are `unknown`."""
    if exchange.status is None:
        return Outcome(OutcomeKind.UNREACHABLE, message=exchange.error)
    if exchange.headers.get("cf-aig-cache-status", "").upper() == "HIT":
        return Outcome(OutcomeKind.UNKNOWN, message="answered from a cache, and not by the endpoint")
    media = media_type(exchange)
    streamed = succeeded(exchange) and media == EVENT_STREAM
    value = wire.decode(exchange.body).value if not succeeded(exchange) or media == JSON_CONTENT_TYPE else ABSENT
    if streamed:
        value = _error_event(exchange.body)
    code, message = _error(value)
    kind = _kind(exchange.status, code)
    if streamed and value is not ABSENT:
        kind = _BY_ERROR.get(str(code), OutcomeKind.UNKNOWN)
    if kind is OutcomeKind.ACCEPTED and succeeded(exchange) and (media not in _ANSWERS or _says_failure(value)):
        kind = OutcomeKind.UNKNOWN
    text = message or ("" if kind is OutcomeKind.ACCEPTED else _excerpt(exchange.body))
    field = named_field(message, _names(exchange.case)) if kind is OutcomeKind.REJECTED else None
    return Outcome(kind, code, text, field)


def succeeded(exchange: Exchange) -> bool:
    """Whether the status says success."""
    return exchange.status in _SUCCESS


def media_type(exchange: Exchange) -> str:
    """The media type of the answer, in lower case and without parameters."""
    return exchange.headers.get("content-type", "").partition(";")[0].strip().lower()


def named_field(message: str, known: Collection[str] = ()) -> str | None:
    """The pointer to the place that a rejection names; None when it names none.

    Args:
        message: the rejection's text.
        known: keys that the request may have at its top; `word: …` names a field only when the word is one of them.
    """
    match = _NAMED.search(message)
    if match is not None:
        steps = pointer.read(message[match.end() :])
        return None if steps is None else pointer.join(steps)
    steps = pointer.read(message) if _PROVIDER.match(message) else None
    return pointer.join(steps) if steps and steps[0] in known else None


def _names(case: Case) -> set[str]:
    """The keys at the top of a case's payload, before and after its fault."""
    tops = [value for value in (case.payload, case.twin) if isinstance(value, dict)]
    return {key for value in tops for key in value}


def _kind(status: int, code: int | str | None) -> OutcomeKind:
    if code is not None and (status, code) in _BY_CODE:
        return _BY_CODE[status, code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status in _SUCCESS:
        return OutcomeKind.UNKNOWN if code is not None else OutcomeKind.ACCEPTED
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


def _excerpt(body: bytes) -> str:
    text = " ".join(body[:_MOST_TEXT].decode("utf-8", "replace").split())
    return text if text.isprintable() else ascii(text)
