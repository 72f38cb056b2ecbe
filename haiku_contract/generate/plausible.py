"""What a person would write: hints for values, never more; the schema decides."""

from __future__ import annotations

from typing import Any, Final, TypeVar

_Unit = TypeVar("_Unit", str, list[Any])

EXTRA_KEY: Final = "x_extra"
"""The key that is added where any further key may stand."""

WORD: Final = "Hello"

MOST_CHARACTERS: Final = 600_000
"""Length of the longest text that is made, in characters: more than half a million, which some schemas allow."""

MOST_ITEMS: Final = 2_500
"""Length of the longest array or object that is made: more than 2,048, which some schemas allow."""

MOST_TRIED: Final = 1_000
"""How many values of one kind are tried at one place."""

PLAUSIBLE: Final[dict[str, Any]] = {
    "content": "Hello",
    "id": "msg_01A2b3C4d5E6f7G8h9J0k1L2",
    "model": "claude-haiku-4-5-20251001",
    "stop_reason": "end_turn",
    "system": "Be brief.",
    "text": "Hello",
    "type": "text",
}
"""Under a well-known name."""

COMPANIONS: Final = {"type": ("text",)}
"""Optional keys that a plausible value asks for: a block of type text has a text."""

FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "date": ("2026-01-31", "1999-12-31"),
    "date-time": ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+01:00"),
    "duration": ("P1D", "PT1H30M"),
    "email": ("ada@example.com", "grace@example.com"),
    "hostname": ("example.com", "example.org"),
    "idn-email": ("ada@example.com",),
    "idn-hostname": ("example.com",),
    "ipv4": ("192.0.2.1", "192.0.2.2"),
    "ipv6": ("2001:db8::1", "2001:db8::2"),
    "iri": ("https://example.com/é",),
    "iri-reference": ("/é",),
    "json-pointer": ("/a/0", ""),
    "regex": ("^a+$", "b"),
    "relative-json-pointer": ("1/a", "0#"),
    "time": ("12:00:00Z", "23:59:59+01:00"),
    "uri": ("https://example.com/a?b=c#d", "urn:isbn:0451450523"),
    "uri-reference": ("/a?b=c", "#d"),
    "uri-template": ("/a/{b}", "/a"),
    "uuid": ("123e4567-e89b-12d3-a456-426614174000", "00000000-0000-4000-8000-000000000000"),
}
"""Of a format (Validation section 7.3)."""

TOKENS: Final = (
    *("A", "ABC", "0", "123", "1.5", "a1", "a-b", "a_b", "a.b", "A1", "#ffffff", "/a", "1.0.0", "1.0", "a/b", "a:b"),
    *("./a", "v1", "a@b.c", "a b", "$a", "${a}", "{{ a }}", "@a/b", "a.json", "*", "10:00", "1h", "1d", "10%", "é", ""),
    *("https://example.com/a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "00000000000000000000000000000000"),
)
"""Texts for patterns that nothing could be built from."""


def repeated(unit: _Unit, length: int) -> _Unit:
    """A text or array of a length, made by repeating one that is not empty."""
    return (unit * -(-max(length, 0) // len(unit)))[: max(length, 0)]
