"""What a payload holds somewhere, whatever it is about: the usual reasons why a request is too much for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ASCII: Final = 0x7F
_BASIC_PLANE: Final = 0xFFFF
_BLANK: Final = 0x20
_LONG: Final = 1_000  # characters


def _text(holds: Callable[[str], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and holds(value)


def _integer(most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) >= most


TRAITS: Final[dict[str, Callable[[Any], bool]]] = {
    "a character beyond ASCII": _text(lambda text: any(ord(one) > _ASCII for one in text)),
    "a character beyond U+FFFF": _text(lambda text: any(ord(one) > _BASIC_PLANE for one in text)),
    "a control character": _text(lambda text: any(ord(one) < _BLANK for one in text)),
    "a long text": _text(lambda text: len(text) > _LONG),
    "an empty text": _text(lambda text: not text),
    "a number with a fraction or an exponent": lambda value: isinstance(value, float),
    "an integer of more than 31 bits": _integer(1 << 31),
    "an integer of more than 53 bits": _integer(1 << 53),
    "null": lambda value: value is None,
    "an empty array": lambda value: value == [],
    "an empty object": lambda value: value == {},
}
"""By what it is called: whether a value, a key included, is one; what includes another comes before it."""


def of(payload: Any) -> frozenset[str]:
    """The traits that a payload has somewhere; none where there is no payload."""
    values = list(_values(payload))
    return frozenset(name for name, holds in TRAITS.items() if any(map(holds, values)))


def _values(payload: Any) -> Iterator[Any]:
    """Every value and key; without recursion, because payloads may be as deep as they like."""
    waiting = [] if payload is ABSENT else [payload]
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, dict):
            waiting += (*value, *value.values())
        elif isinstance(value, list):
            waiting += value
