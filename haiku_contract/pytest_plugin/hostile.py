"""An endpoint that misbehaves in one way: which ways there are for a test, and what a client is to make of each."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from haiku_contract.endpoint.reference.refusals import answer
from haiku_contract.errors import UsageError
from haiku_contract.generate.streams import judged
from haiku_contract.pytest_plugin.server import DELAYS
from haiku_contract.pytest_plugin.settings import nearest
from haiku_contract.pytest_plugin.watching import lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.endpoint.reference.faults import EndpointFault, Repertoire
    from haiku_contract.pytest_plugin.server import Visits

Form: TypeAlias = Literal["conforming", "error", "faulted", "lost"]

KINDS: Final = ("answer", "delivery", "delay", "broken", "stream")
"""The kinds of faults that concern a client; the others show to those alone who send what does not conform."""

_RETRIED: Final = frozenset((408, 429, 500, 502, 503, 504, 529))
_NO_RETRY: Final = frozenset(("spend-limit",))
_BUSY: Final = frozenset(("throttled-with-200",))


class Expected(NamedTuple):
    """What a client gets to see of a fault.

    Attributes:
        form: `conforming` (an answer like any other, though perhaps late, or from a cache), `error` (an error body or
            event), `faulted` (an answer that breaks `constraint`), `lost` (no whole answer).
        status: HTTP status of the answer; of a lost one too, of which the head may never arrive.
        retry: whether there is any use in asking again.
        constraint: what the answer breaks; None where it breaks nothing, or no constraint in particular.
    """

    form: Form
    status: int = 200
    retry: bool = False
    constraint: str | None = None


_DELIVERED: Final[dict[str, tuple[Expected, Expected]]] = {
    "hang": (Expected("lost", retry=True),) * 2,
    "hang-midway": (Expected("lost", retry=True),) * 2,
    "cut": (Expected("lost", retry=True),) * 2,
    "drip": (Expected("lost", retry=True),) * 2,
    "error-event": (Expected("conforming"), Expected("error", retry=True)),
    "content-type": (Expected("faulted", constraint="wire:content-type"),) * 2,
    "envelope": (Expected("faulted"), Expected("conforming")),
    "stale-cache": (Expected("conforming"),) * 2,
}
"""Deliveries by name: of a whole answer, and of a stream."""


@dataclass(frozen=True, slots=True)
class HostileEndpoint:
    """An endpoint that misbehaves in one way.

    Attributes:
        url: its base URL; the surfaces have their paths below it.
        fault: what it does, as in `answer:overloaded`; the words of `haiku-contract serve --list-faults`.
        expected: what a client gets to see that does not ask for a stream.
        expected_streamed: what a client gets to see that does.
    """

    url: str
    fault: str
    expected: Expected
    expected_streamed: Expected
    _visits: Visits

    @property
    def requests(self) -> int:
        """How many requests have arrived."""
        return self._visits.requests

    @property
    def mistakes(self) -> list[str]:
        """What is wrong with the requests that have arrived, one line for each violation."""
        return lines("request", self._visits.violations)

    @property
    def failures(self) -> list[str]:
        """Why a test that passed has not tested anything, in lines: what it sent is refused whatever the fault."""
        if self.mistakes:
            return self.mistakes
        if not self._visits.requests:
            return [f"{self.fault} was not shown: nothing was sent to hostile_endpoint.url"]
        if self._visits.refused and not self._visits.shown:
            return [f"{self.fault} was not shown: {self._visits.refused}"]
        return []

    @property
    def not_shown(self) -> str:
        """Why the fault has not shown itself; empty where it has."""
        return "" if self._visits.shown else self._visits.not_shown


def selected(repertoire: Repertoire, patterns: Sequence[str]) -> tuple[str, ...]:
    """The names of the faults that are to be shown, in a stable order.

    Args:
        repertoire: all there are.
        patterns: kinds of faults, their names, or names with `*`; without any, all but the faulted streams, of which
            there are hundreds, and one of each sort of those.

    Raises:
        UsageError: nothing is named so; the message has the nearest name.
    """
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise UsageError(f"contract_faults takes names of faults, not {pattern!r}")
        if not _kinds(pattern):
            raise UsageError(f"no fault {pattern!r}; {nearest(pattern.partition(':')[0], KINDS)}")
    needed = {kind for pattern in patterns or ("*",) for kind in _kinds(pattern)}
    known = [name for kind in KINDS if kind in needed for name in _names(repertoire, kind)]
    if not patterns:
        sorts = {name.partition("/")[0]: name for name in reversed(known) if name.startswith("stream:")}
        return tuple(name for name in known if not name.startswith("stream:") or name in sorts.values())
    wanted: set[str] = set()
    for pattern in patterns:
        found = [name for name in known if name.partition(":")[0] == pattern or fnmatchcase(name, pattern)]
        if not found:
            raise UsageError(f"no fault {pattern!r}; {nearest(pattern, known)}")
        wanted.update(found)
    return tuple(name for name in known if name in wanted)


def endpoint(repertoire: Repertoire, visits: Visits) -> HostileEndpoint:
    """The endpoint at an address that shows a fault.

    Args:
        repertoire: all faults there are.
        visits: the address.
    """
    if visits.fault in DELAYS:
        whole = streamed = Expected("conforming")
    else:
        whole, streamed = expected(repertoire, repertoire.parse(visits.fault))
    return HostileEndpoint(visits.url, visits.fault, whole, streamed, visits)


def expected(repertoire: Repertoire, fault: EndpointFault) -> tuple[Expected, Expected]:
    """What a client gets to see of a fault: in a whole answer, and in a stream."""
    if fault.kind == "delivery":
        return _DELIVERED[fault.constraint]
    if fault.kind == "answer":
        refused = answer(fault.constraint, "messages")
        busy = refused.status in _RETRIED and fault.constraint not in _NO_RETRY
        return (Expected("error", refused.status, busy or fault.constraint in _BUSY),) * 2
    if fault.kind == "stream":
        broken = judged(repertoire.contract, repertoire.streams[fault.constraint])[0].constraint
        return Expected("conforming"), Expected("faulted", constraint=broken)
    return Expected("faulted", constraint=fault.constraint), Expected("conforming")


def _kinds(pattern: str) -> list[str]:
    """The kinds of which a pattern may name faults; not all of them are worked out in no time."""
    return [kind for kind in KINDS if fnmatchcase(kind, pattern.partition(":")[0])]


def _names(repertoire: Repertoire, kind: str) -> Sequence[str]:
    return tuple(DELAYS) if kind == "delay" else [str(fault) for fault in repertoire.everything(kind)]
