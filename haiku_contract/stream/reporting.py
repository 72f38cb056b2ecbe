"""What is said of a stream: violations, where in it they are, and tallies of what is tolerated."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract import pointer, wire
from haiku_contract.model import Violation

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

OTHER: Final = "(other)"
"""Under this name a tally counts what comes after its first 256 names."""

_MOST_NAMES: Final = 256
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_LONGEST_NAME: Final = 200


class Place(NamedTuple):
    """Where in a stream: the number of the event (from 0), its type, and its offset in bytes where there are bytes."""

    number: int
    kind: str = ""
    offset: int | None = None

    def __str__(self) -> str:
        """As in ` (ping at byte 12)`."""
        at = "" if self.offset is None else f"at byte {self.offset}"
        about = " ".join(part for part in (named(self.kind), at) if part)
        return f" ({about})" if about else ""


def named(kind: str) -> str:
    """A type as text shows it: as it is where it is a name, else quoted and short, because the stream chose it."""
    return kind if not kind or _NAME.fullmatch(kind) else wire.describe(kind)


def violation(
    rule: str,
    place: Place,
    tokens: Sequence[str | int],
    words: tuple[str, str, str],
    context: tuple[Violation, ...] = (),
) -> Violation:
    """A broken rule.

    Args:
        rule: id of the constraint.
        place: of the event.
        tokens: from the event to the value in question.
        words: what is expected, what was found, and a hint.
        context: what is wrong in detail.
    """
    expected, actual, hint = words
    path = (place.number, *tokens)
    return Violation(
        constraint=rule,
        instance_location=pointer.join(path),
        expected=expected,
        actual=actual,
        message=f"{pointer.readable(path)}{place}: expected {expected}, found {actual}",
        hint=hint,
        context=context,
        offset=place.offset,
    )


def inside(place: Place, found: Violation) -> Violation:
    """What is wrong in one event, seen from the stream."""
    return replace(
        found,
        instance_location=f"/{place.number}{found.instance_location}",
        message=f"[{place.number}]{place}: {found.message}",
        context=tuple(inside(place, one) for one in found.context),
        line=None,
        column=None,
        offset=place.offset,
    )


def under(rule: str, tokens: Sequence[str | int], found: Violation) -> Violation:
    """What a schema of the request says, as the detail of a rule: under the rule's id, at a place in an event."""
    return replace(
        found,
        constraint=rule,
        instance_location=pointer.join(tokens) + found.instance_location,
        context=tuple(under(rule, tokens, one) for one in found.context),
    )


def tally(counter: Counter[str], name: str) -> None:
    """Count a name that the stream chose, without letting the stream choose how much memory that takes."""
    name = name[:_LONGEST_NAME]
    counter[name if name in counter or len(counter) < _MOST_NAMES else OTHER] += 1
