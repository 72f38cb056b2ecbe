"""Which packed requests show a feature tells it from the others: group testing, worked out before anything is sent.

An array takes in as many elements as there are, so that one request could show all of them; when it fails, any can be
to blame. Spread over the packed requests that there are anyway, each element in a set of its own, no further request
is needed for that: where one element is guilty, those requests fail that show it, and no others.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, combinations, cycle, islice
from math import comb
from typing import TYPE_CHECKING, Final

from haiku_contract.generate.covering import Packed, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.generate.packing import Packable
    from haiku_contract.validation import SchemaValidator

_LEAST: Final = 2  # hosts of an element, so that two requests point to it
_MOST: Final = 3  # of them, before sets are taken that tell less


def marked(validator: SchemaValidator, together: Sequence[Packed]) -> tuple[Packed, ...]:
    """Packed requests with the elements of arrays spread over them, as many as before; unchanged where that fails.

    Args:
        validator: the schema.
        together: the packed requests.
    """
    elements = {each.name: each for one in together for each in one.features if _is_element(each)}
    own = [tuple(each for each in one.features if not _is_element(each)) for one in together]
    guests: list[list[Packable]] = [[] for _ in together]
    for array in dict.fromkeys(each.array for each in elements.values()):
        here = [each for each in elements.values() if each.array == array]
        hosts = [number for number, rest in enumerate(own) if joined(validator, (*rest, here[0])) is not None]
        if len(hosts) < _LEAST:
            return tuple(together)
        for each, marks in zip(here, cycle(_marks(len(hosts), len(here)))):
            for mark in marks:
                guests[hosts[mark]].append(each)
    made: list[Packed] = []
    for one, rest, more in zip(together, own, guests, strict=True):
        shown = (*(each for each in rest if not each.loose), *more, *(each for each in rest if each.loose))
        case = joined(validator, shown)
        if case is None:
            return tuple(together)
        made.append(Packed(replace(case, id=one.case.id), shown))
    return tuple(made)


def _is_element(feature: Packable) -> bool:
    return feature.array is not None and not feature.loose


def _marks(hosts: int, count: int) -> list[tuple[int, ...]]:
    """Different sets of so many hosts, the small before the large, none in many more of them than another."""
    sizes = chain(range(_LEAST, min(_MOST, hosts - 1) + 1), (1, hosts))
    found: list[tuple[int, ...]] = []
    for size in sizes:
        step = max(comb(hosts, size) // max(count - len(found), 1), 1)
        found += islice(combinations(range(hosts), size), None, None, step)
    return found[: max(count, 1)]
