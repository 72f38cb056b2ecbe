"""What can be wrong around a payload: its content type, its content coding, its envelope.

Rules of the wire like those of `haiku_contract.wire`, with ids `wire:<rule>`; only somebody who sees the whole message
can hold it against them.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from haiku_contract import wire
from haiku_contract.model import JSON_CONTENT_TYPE, Violation
from haiku_contract.validation import SchemaValidator

STREAM_CONTENT_TYPE: Final = "text/event-stream"
_ENVELOPE: Final = "wire:envelope"


def request_type(content_type: str) -> Violation:
    """A request that is not declared as JSON."""
    return _violation("content-type", wire.RULES["content-type"], content_type or _NONE, _DECLARE)


def response_type(content_type: str) -> Violation:
    """A success that is declared neither as JSON nor as an event stream; the Worker binding hands it on as bytes."""
    expected = f"content type {JSON_CONTENT_TYPE} or {STREAM_CONTENT_TYPE}"
    return _violation("content-type", expected, content_type or _NONE, "see what answers in the endpoint's place")


def content_coding(codings: str, actual: str) -> Violation:
    """A body from which its content coding cannot be taken off."""
    declared = wire.shorten(codings.strip(), _MAX_NAME)
    return _violation("content-coding", f"a body in the content coding {declared}", actual, _RECODE)


def envelope(key: str, body: Any) -> Violation:
    """A body without the key that holds the input."""
    found = next(_with(key).iter_errors(body, excerpts=False))
    return Violation(
        constraint=_ENVELOPE,
        instance_location=found.instance_location,
        expected=found.expected,
        actual=found.actual,
        message=found.message,
        hint=found.hint if isinstance(body, dict) else f"send an object with the input under {key!r}",
    )


def is_envelope(violation: Violation) -> bool:
    """True for what `envelope` found."""
    return violation.constraint == _ENVELOPE


@cache
def _with(key: str) -> SchemaValidator:
    return SchemaValidator("request", {"type": "object", "required": [key]})


def _violation(rule: str, expected: str, actual: str, hint: str) -> Violation:
    found = wire.shorten(actual, _MAX_NAME)
    return Violation(f"wire:{rule}", "", expected, found, wire.sentence((), expected, found), hint)


_MAX_NAME: Final = 100
_NONE: Final = "none"
_DECLARE: Final = f"send the header content-type: {JSON_CONTENT_TYPE}"
_RECODE: Final = "encode the body as its content-encoding says, or leave that header out"
