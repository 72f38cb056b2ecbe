"""The certificate of single faults: an edit counts when the validator finds that it breaks what it is to break."""

from __future__ import annotations

import marshal
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer
from haiku_contract.errors import UsageError
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.operators import FORBIDDEN, OPERATORS, Edit, Site
from haiku_contract.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from haiku_contract.generate.goals import Host
    from haiku_contract.generate.targets import Target
    from haiku_contract.model import Constraint
    from haiku_contract.validation import SchemaValidator

_MOST_VALUES: Final = 4  # that are put under a key
_WITHOUT_REFERENCES: Final = 2  # the version of `marshal` in which equal values have equal bytes


class Faulted(NamedTuple):
    """A certified fault.

    Attributes:
        label: what kind of edit it is, for the case id.
        fault: the edit.
        payload: the payload after it.
        breaks: ids of all constraints that the payload breaks; `{constraint}` where it can be broken alone.
        twin: the conforming payload before it.
    """

    label: str
    fault: Fault
    payload: Any
    breaks: frozenset[str]
    twin: Any


def fewest(found: list[Faulted]) -> list[Faulted]:
    """Those that break the fewest constraints."""
    least = min((len(one.breaks) for one in found), default=0)
    return [one for one in found if len(one.breaks) == least]


class Trials:
    """Edits of conforming payloads that are to break a constraint: which do, as the validator has it.

    Attributes:
        validator: the judge.
        wider: those that break it only in a branch of a union that was not the one that was meant, once each.
    """

    def __init__(self, validator: SchemaValidator, constraint: Constraint) -> None:
        """Args: the judge, and the constraint."""
        self.validator = validator
        self.wider: list[Faulted] = []
        self._constraint = constraint
        self._known: dict[bytes, tuple[frozenset[str], frozenset[str]]] = {}

    def on(self, target: Target, host: Host) -> Iterator[Faulted]:
        """The proposals for one payload that break the constraint."""
        return self.all(self.proposed(target, host))

    def proposed(self, target: Target, host: Host) -> Iterator[tuple[Host, Edit]]:
        """The proposals for one payload."""
        try:
            current = pointer.get(host.payload, host.path)
        except (KeyError, IndexError, ValueError):
            return
        yield from ((host, edit) for edit in proposals(self.validator, target, current))

    def all(self, edits: Iterable[tuple[Host, Edit]]) -> Iterator[Faulted]:
        """Those of some edits that break the constraint."""
        for host, edit in edits:
            one = self.judged(host, edit)
            if one is not None:
                yield one

    def judged(self, host: Host, edit: Edit) -> Faulted | None:
        """What an edit breaks; None where the constraint is not among it, or the engines disagree."""
        fault = Fault(edit.op, pointer.join((*host.path, *edit.path)), edit.value)
        try:
            payload = pointer.apply(fault, host.payload)
        except UsageError:
            return None
        key = marshal.dumps(payload, _WITHOUT_REFERENCES)
        is_new = key not in self._known
        if is_new:
            self._known[key] = self._verdict(payload)
        breaks, wider = self._known[key]
        if self._constraint.id in breaks:
            return Faulted(edit.label, fault, payload, breaks, host.payload)
        if is_new and self._constraint.id in wider:
            self.wider.append(Faulted(edit.label, fault, payload, wider, host.payload))
        return None

    def _verdict(self, payload: Any) -> tuple[frozenset[str], frozenset[str]]:
        """What a payload breaks, and in every branch where that lacks the constraint; nothing if engines disagree."""
        failures = self.validator.failures(payload)
        breaks, wider = self.validator.meaning.broken(failures), frozenset[str]()
        if self._constraint.id not in breaks:
            wider = self.validator.meaning.every(failures)
        if self._constraint.id in breaks | wider and self.validator.settled(payload) is False:
            return breaks, wider
        return frozenset(), frozenset()


def proposals(validator: SchemaValidator, target: Target, current: Any) -> Iterator[Edit]:
    """What the operators propose for a constraint where some value stands."""
    constraint, said = target.constraint, target.said
    site = Site(constraint.keyword, constraint.value, said, current, solver_of(validator))
    if target.forbids is not None:
        yield from FORBIDDEN.get(target.forbids.keyword, FORBIDDEN[""])(site, target.forbids.key)
        return
    operator = OPERATORS.get(constraint.keyword, OPERATORS[""])
    if any(step.keyword == "propertyNames" for step in target.steps):
        for edit in operator(site._replace(current="")):
            if edit.op == "replace" and isinstance(edit.value, str):
                for value in (*islice(current.values(), _MOST_VALUES), None, "text"):
                    yield Edit(edit.label, "add", (edit.value,), value)
        return
    yield from operator(site)
