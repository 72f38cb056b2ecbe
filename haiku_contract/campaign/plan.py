"""What is sent, and in which order: pure choice, as few requests as tell what an endpoint does with every constraint.

The simplest request comes first, because nothing can be told where it is refused. Packed conforming requests follow:
one of them shows dozens of values at once, and all of them are fine on an endpoint that is. A fault has to be sent
alone, because the first one that is noticed hides the rest: for every constraint the nearest (a hair beyond the bound,
so that whoever lets more through lets it through as well), then those without which a typical mistake would be missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract import pointer
from haiku_contract.campaign import pairing
from haiku_contract.campaign.marking import marked
from haiku_contract.constraints import types
from haiku_contract.errors import UsageError
from haiku_contract.generate import suite
from haiku_contract.generate.covering import Packed, packed
from haiku_contract.generate.features import shuffled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.model import Case, Constraint

_PLACES: Final = ("last", "first", "middle")
"""Where in an array of three the nearest faults are put in turn: some endpoints look at one element and no further."""

_CONFUSED: Final[dict[str, tuple[str, ...]]] = {
    "string": ("number",),
    "number": ("numeric-string",),
    "integer": ("numeric-string", "fraction"),
    "boolean": ("boolean-string",),
    "array": ("object",),
    "object": ("array",),
}
"""What is taken for a value of a type at one place or another: labels of faults, beside null, which is the nearest."""

_HABITS: Final[dict[str, tuple[str, ...]]] = {
    "number": ("true",),
    "integer": ("true",),
    "string": ("array",),
    "array": ("string",),
}
"""What is taken for a value of a type everywhere or nowhere, because a language or a library does so: asked once."""

_FURTHER: Final[dict[str, tuple[str, ...]]] = {
    "enum": ("other-case", "null"),
    "const": ("other-case", "null"),
    "pattern": ("spoilt-start", "spoilt-end"),
    "oneOf": ("fits-more",),
    "number": ("overflow",),
}
"""For other keywords and rules of the wire: the faults that a typical loosening lets through, beside the nearest."""

_NEAREST: Final[dict[str, str]] = {
    "syntax": "trailing-comma",
    "encoding": "byte-order-mark",
    "pattern": "line-feed",
}
"""Where the suite's first fault is not the one that most parsers let through: the label of the one that is."""


_STRENGTH: Final = 1
"""Features are packed, and not their combinations: so many stand side by side that most pairs are there anyway."""


class Plan(NamedTuple):
    """What a campaign sends when nothing goes wrong, and what it may fall back on when something does.

    Attributes:
        cases: in the order of sending.
        packed: those of them that show many features of conforming requests at once.
        suite: every case there is; one with the bytes of a case that was sent is judged with it.
    """

    cases: tuple[Case, ...]
    packed: tuple[Packed, ...] = ()
    suite: tuple[Case, ...] = ()


def thorough(cases: Sequence[Case]) -> Plan:
    """Every case on its own: the simplest conforming request, then the faults (a rejection is free), then the rest."""
    rank = {"faulted": 1, "conforming": 2}
    return Plan(tuple(sorted(cases, key=lambda case: 0 if case.constraint is None else rank[case.kind])))


def thrifty(contract: Contract, seed: int = 0) -> Plan:
    """The fewest cases that tell what an endpoint does with every constraint; all of them where none can be packed.

    Args:
        contract: whose constraints.
        seed: which values stand side by side in a packed request, and the order of the faults; which faults there are
            does not depend on it.
    """
    everything = suite(contract, "request")
    try:
        together = marked(contract.request, packed(contract.request, _STRENGTH, seed))
    except UsageError:  # nothing conforms
        return thorough(suite(contract, "request", seed))
    about: dict[str, list[Case]] = {}
    for case in everything:
        if case.kind == "faulted" and case.constraint is not None:
            about.setdefault(case.constraint, []).append(case)
    simplest = everything[0].payload
    if contract.stream is not None:
        together = tuple(part for one in together for part in pairing.unstreamed(contract.request, one, simplest))
    together = pairing.fronted(contract.request, together, simplest)
    nearest, further = (
        shuffled(some, seed, lambda case: case.id) for some in (_nearest(about), _further(contract, about))
    )
    chosen = (*everything[:1], *(one.case for one in together), *nearest, *further)
    return Plan(tuple(_different(chosen)), together, everything)


def without_place(case: str) -> str:
    """The id of the case that has the same fault at the only place there is."""
    stem, _, place = case.rpartition("-")
    return stem if place in _PLACES else case


def _nearest(about: Mapping[str, Sequence[Case]]) -> Iterator[Case]:
    """One fault of every constraint; those inside arrays in the last element, the first or the middle one, in turn."""
    places: dict[bytes, str] = {}
    for cases in about.values():
        preferred = _NEAREST.get(_keyword(cases[0]))
        first = next((one for one in cases if _label(one) == preferred), cases[0])
        place = places.setdefault(first.body, _PLACES[len(places) % len(_PLACES)])
        yield next((one for one in cases if one.id == f"{first.id}-{place}"), first)


def _further(contract: Contract, about: Mapping[str, Sequence[Case]]) -> Iterator[Case]:
    """The faults of the tables, in the order of the constraints."""
    constraints = {one.id: one for one in contract.request.constraints}
    habits: dict[tuple[str, str], list[Case]] = {}
    for name, cases in about.items():
        constraint = constraints.get(name)
        by_label = {_label(one): one for one in cases}
        labels = _FURTHER.get(_keyword(cases[0]), ())
        if constraint is not None and constraint.keyword == "type" and not _restated(constraint, constraints):
            labels = tuple(label for one in types(constraint.value) for label in _CONFUSED.get(one, ()))
            for habit in ((one, label) for one in types(constraint.value) for label in _HABITS.get(one, ())):
                if habit[1] in by_label:
                    habits.setdefault(habit, []).append(by_label[habit[1]])
        yield from (by_label[label] for label in labels if label in by_label)
    for alike in habits.values():
        yield min(alike, key=lambda case: len(pointer.split(_place(case))))


def _restated(constraint: Constraint, constraints: Mapping[str, Constraint]) -> bool:
    """Whether a list of values beside a type says the same and more."""
    beside = constraint.id.rpartition("/")[0]
    return f"{beside}/enum" in constraints or f"{beside}/const" in constraints


def _keyword(case: Case) -> str:
    return _place(case).rpartition("/")[2]


def _place(case: Case) -> str:
    """The pointer to the constraint that a case is about; of a rule of the wire its name."""
    return (case.constraint or "").partition(":")[2]


def _label(case: Case) -> str:
    return case.id.rpartition("/")[2]


def _different(cases: Iterable[Case]) -> Iterator[Case]:
    """The cases without those that have the bytes of one before."""
    seen: set[tuple[bytes, str]] = set()
    for case in cases:
        key = (case.body, case.content_type)
        if key not in seen:
            seen.add(key)
            yield case
