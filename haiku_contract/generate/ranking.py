"""Packed payloads by value: none that is left shows more than the next one, so that any beginning shows the most."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from haiku_contract.generate.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.generate.assembling import Assembled
    from haiku_contract.generate.options import Options
    from haiku_contract.validation import SchemaValidator


def by_value(validator: SchemaValidator, options: Sequence[Options], made: Sequence[Assembled]) -> list[Assembled]:
    """The payloads, each time the one that shows most of what those before it do not; among equals, as they come.

    Those that show nothing more are left out.

    Args:
        validator: the schema.
        options: its objects with optional properties, whose combinations count as much as features do.
        made: the payloads; of each, what it is the first to show is counted anew.
    """
    left = {name for one in made for name in one.new}
    shown = [left & {*one.new, *(item.name for item in one.features)} for one in made]
    presences = [Presence(len(one.there), one.presence.strength) for one in options]
    rows = [[one.row_of(validator, payload.payload) for one in options] for payload in made]

    def value(number: int) -> int:
        gained = (presence.gain(row) for presence, row in zip(presences, rows[number], strict=True) if row is not None)
        return len(shown[number] & left) + sum(gained)

    ranked: list[Assembled] = []
    queue = [(-value(number), number) for number in range(len(made))]
    heapq.heapify(queue)
    while queue:
        _, number = heapq.heappop(queue)
        worth = value(number)
        if queue and (-worth, number) > queue[0]:  # it has lost to those before it, and no value ever grows
            heapq.heappush(queue, (-worth, number))
            continue
        if ranked and not worth:
            break  # others have come to show all that the rest shows
        new = tuple(sorted(shown[number] & left))
        closed = sum(
            presence.show(row) for presence, row in zip(presences, rows[number], strict=True) if row is not None
        )
        left -= set(new)
        ranked.append(made[number]._replace(new=new, combinations=closed))
    return ranked
