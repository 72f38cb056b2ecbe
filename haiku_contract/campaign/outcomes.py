"""From an answer to an outcome, by evidence: one table over status and code.

Sources of the codes are the published error bodies of the gateway, of its REST interface and of the provider behind it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import pointer, sse, wire
from haiku_contract.model import ABSENT, Outcome, OutcomeKind

if TYPE_CHECKING:
    from haiku_contract.model import Exchange

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

_SUCCESS: Final = range(200, 300)
_SERVER_ERROR: Final = range(500, 600)
_MOST_TEXT: Final = 300

_NAMED: Final = (
    re.compile(r"Required value missing: (?P<path>\S+)"),
    re.compile(r"(?:Invalid value|Validation error) at (?P<path>[^\s:]+): "),
    re.compile(r"^(?P<path>[a-z_]+(?:\.\w+)*): "),  # the provider's own style
)
_STEP: Final = re.compile(r"\[(\d+)\]|\['([^']*)'\]|\.?([^.\[\]]+)")


def outcome(exchange: Exchange) -> Outcome:
    """What the endpoint did, as far as its answer tells; answers that nobody has seen before are `unknown`."""
    if exchange.status is None:
        return Outcome(OutcomeKind.UNREACHABLE, message=exchange.error)
    value = wire.decode(exchange.body).value if exchange.status not in _SUCCESS or _is_json(exchange) else ABSENT
    if exchange.status in _SUCCESS and _is_stream(exchange):
        value = _error_event(exchange.body)
    code, message = _error(value)
    kind = _kind(exchange.status, code)
    if value is not ABSENT and exchange.status in _SUCCESS and _is_stream(exchange):
        kind = _BY_ERROR.get(str(code), OutcomeKind.UNKNOWN)
    if kind is OutcomeKind.ACCEPTED and exchange.status in _SUCCESS and not _is_answer(exchange):
        kind = OutcomeKind.UNKNOWN
    text = message or ("" if kind is OutcomeKind.ACCEPTED else _excerpt(exchange.body))
    return Outcome(kind, code, text, named_field(message) if kind is OutcomeKind.REJECTED else None)


def named_field(message: str) -> str | None:
    """The pointer to the place that a rejection names; None when it names none."""
    for pattern in _NAMED:
        match = pattern.search(message)
        if match is not None:
            path = match["path"]
            return "" if path == "(root)" else pointer.join(_steps(path))
    return None


def _steps(path: str) -> list[str]:
    return [next(part for part in match if part) for match in _STEP.findall(path) if any(match)]


def _kind(status: int, code: int | str | None) -> OutcomeKind:
    if code is not None and (status, code) in _BY_CODE:
        return _BY_CODE[status, code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status in _SUCCESS:
        return OutcomeKind.UNKNOWN if code is not None else OutcomeKind.ACCEPTED
    return OutcomeKind.CRASHED if status in _SERVER_ERROR else OutcomeKind.UNKNOWN


def _is_json(exchange: Exchange) -> bool:
    return exchange.headers.get("content-type", "").startswith("application/json")


def _is_stream(exchange: Exchange) -> bool:
    return exchange.headers.get("content-type", "").startswith("text/event-stream")


def _error_event(body: bytes) -> Any:
    """What the error event of a stream says; `ABSENT` where there is none."""
    for item in sse.decode(body) if b"error" in body else ():
        if isinstance(item, sse.ServerSentEvent) and item.event == "error":
            return wire.decode(item.data).value
    return ABSENT


def _is_answer(exchange: Exchange) -> bool:
    """A message or a stream of one; a success of any other content type comes from something else."""
    return exchange.headers.get("content-type", "").startswith(("application/json", "text/event-stream"))


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
