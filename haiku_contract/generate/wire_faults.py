"""Request bodies that are wrong below JSON, one rule of the wire each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract import wire
from haiku_contract.generate.plausible import EXTRA_KEY
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, Case
from haiku_contract.scan import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_MEMBERS: Final[tuple[tuple[str, str, bytes, Any], ...]] = (
    ("number", "nan", b"NaN", 1),
    ("number", "infinity", b"Infinity", 1),
    ("number", "overflow", b"1e400", 1),
    ("surrogate", "lone", b'"\\ud800"', "text"),
    ("encoding", "latin-1", b'"caf\xe9"', "text"),
    ("depth", "deep", b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, []),
)
"""What is wrong as the value of a further member: the rule, a label, its text, and a value like it without fault."""

_SAMPLES: Final[tuple[Any, ...]] = ("text", 1, True, None, [], {})


def wire_cases(base: Any, conforms: Callable[[Any], bool], further: Iterable[Any] = ()) -> Iterator[Case]:
    """Request bodies that are wrong below JSON, each breaking one rule of the wire and no other.

    Args:
        base: a conforming payload that they are made from.
        conforms: whether a payload does.
        further: other conforming payloads, for an object without members that takes no other keys than its own.
    """
    if base == {} and not any(conforms({EXTRA_KEY: sample}) for sample in _SAMPLES):
        base = next((one for one in further if isinstance(one, dict) and one), base)
    body = wire.encode(base)
    yield from _certified(_texts(body))
    for label, content_type in (("text", "text/plain"), ("form", "application/x-www-form-urlencoded")):
        yield _case("content-type", label, body, content_type)
    if isinstance(base, dict):
        yield from _certified(_members(base, body, conforms))


def _certified(rows: Iterable[tuple[str, str, bytes]]) -> Iterator[Case]:
    """The cases that break the rule they are about, and it alone."""
    for rule, label, raw in rows:
        if {one.constraint for one in wire.decode(raw).violations} == {f"wire:{rule}"}:
            yield _case(rule, label, raw, JSON_CONTENT_TYPE)


def _case(rule: str, label: str, raw: bytes, content_type: str) -> Case:
    return Case(
        id=f"request/wire/{rule}/{label}",
        side="request",
        kind="faulted",
        constraint=f"wire:{rule}",
        payload=ABSENT,
        body=raw,
        breaks=(f"wire:{rule}",),
        content_type=content_type,
    )


def _texts(body: bytes) -> Iterator[tuple[str, str, bytes]]:
    """What may be wrong with any text; whether it is, the text itself decides."""
    yield "syntax", "empty", b""
    yield "syntax", "not-json", b"Hello"
    yield "syntax", "truncated", body[:-1]
    yield "syntax", "trailing-comma", body[:-1] + b"," + body[-1:]
    yield "syntax", "single-quotes", body.replace(b'"', b"'")
    yield "syntax", "two-values", body + body
    yield "encoding", "utf-16", b"\xff\xfe" + body.decode().encode("utf-16-le")
    yield "encoding", "byte-order-mark", b"\xef\xbb\xbf" + body


def _members(base: dict[str, Any], body: bytes, conforms: Callable[[Any], bool]) -> Iterator[tuple[str, str, bytes]]:
    """What is wrong in a member of an object; an empty one is given one, where it conforms without the fault."""
    twice = base or next((one for sample in _SAMPLES if conforms(one := {EXTRA_KEY: sample})), {})
    for name, value in list(twice.items())[:1]:
        member = wire.encode({name: value})[1:-1]
        yield "duplicate-key", "repeated", b"{" + member + b"," + wire.encode(twice)[1:]
    for rule, label, text, like in _MEMBERS:
        if base or conforms({EXTRA_KEY: like}):
            yield rule, label, b'{"' + EXTRA_KEY.encode() + b'":' + text + b"," * bool(base) + body[1:]
