"""Request bodies that are wrong below JSON, one rule of the wire each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haiku_contract import wire
from haiku_contract.generate.plausible import EXTRA_KEY
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, Case
from haiku_contract.scan import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator


def wire_cases(base: Any) -> Iterator[Case]:
    """Request bodies that are wrong below JSON, made from a conforming payload; one rule of the wire each."""
    body = wire.encode(base)
    is_object = isinstance(base, dict)
    open_brace = body[:1] if is_object else b"["
    extra = b'{"' + EXTRA_KEY.encode() + b'":'
    rows: list[tuple[str, str, bytes, str]] = [
        ("syntax", "empty", b"", JSON_CONTENT_TYPE),
        ("syntax", "not-json", b"Hello", JSON_CONTENT_TYPE),
        ("syntax", "truncated", body[:-1], JSON_CONTENT_TYPE),
        ("syntax", "trailing-comma", body[:-1] + b"," + body[-1:], JSON_CONTENT_TYPE),
        ("syntax", "single-quotes", body.replace(b'"', b"'"), JSON_CONTENT_TYPE),
        ("syntax", "two-values", body + body, JSON_CONTENT_TYPE),
        ("encoding", "utf-16", b"\xff\xfe" + body.decode().encode("utf-16-le"), JSON_CONTENT_TYPE),
        ("encoding", "byte-order-mark", b"\xef\xbb\xbf" + body, JSON_CONTENT_TYPE),
        ("content-type", "text", body, "text/plain"),
        ("content-type", "form", body, "application/x-www-form-urlencoded"),
    ]
    if is_object and base:
        member = wire.encode(dict([next(iter(base.items()))]))
        rows += [
            ("duplicate-key", "repeated", open_brace + member[1:-1] + b"," + body[1:], JSON_CONTENT_TYPE),
            ("number", "nan", extra + b"NaN," + body[1:], JSON_CONTENT_TYPE),
            ("number", "infinity", extra + b"Infinity," + body[1:], JSON_CONTENT_TYPE),
            ("number", "overflow", extra + b"1e400," + body[1:], JSON_CONTENT_TYPE),
            ("surrogate", "lone", extra + b'"\\ud800",' + body[1:], JSON_CONTENT_TYPE),
            ("encoding", "latin-1", extra + b'"caf\xe9",' + body[1:], JSON_CONTENT_TYPE),
            (
                "depth",
                "deep",
                extra + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"," + body[1:],
                JSON_CONTENT_TYPE,
            ),
        ]
    for rule, label, raw, content_type in rows:
        yield Case(
            id=f"request/wire/{rule}/{label}",
            side="request",
            kind="faulted",
            constraint=f"wire:{rule}",
            payload=ABSENT,
            body=raw,
            breaks=(f"wire:{rule}",),
            content_type=content_type,
        )
