"""The certificate of single faults: an edit counts when the validator finds that it breaks what it is to break."""

from __future__ import annotations

import marshal
from functools import cached_property, lru_cache
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
_MOST_KEPT: Final = 1_000
_MOST_CACHED: Final = 8
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
        self._wider: set[bytes] = set()

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
        verdict = _judgements(self.validator).of(key, payload)
        constraint = self._constraint.id
        if constraint not in verdict.every or not verdict.agreed:
            return None
        if constraint in verdict.breaks:
            return Faulted(edit.label, fault, payload, verdict.breaks, host.payload)
        if key not in self._wider:
            self._wider.add(key)
            self.wider.append(Faulted(edit.label, fault, payload, verdict.every, host.payload))
        return None


class Verdict:
    """What a payload breaks.

    Attributes:
        breaks: of unions what is broken in the branch that was meant.
        every: what is not met in any branch.
    """

    def __init__(self, validator: SchemaValidator, payload: Any) -> None:
        """Args: the judge, and the payload."""
        failures = validator.failures(payload)
        self.breaks = validator.meaning.broken(failures)
        self.every = validator.meaning.every(failures)
        self._validator = validator
        self._payload = payload

    @cached_property
    def agreed(self) -> bool:
        """Whether both engines refuse the payload."""
        return self._validator.settled(self._payload) is False


class _Judgements:
    """The verdicts on the payloads of late: faults of branches of one union lead to the same ones."""

    def __init__(self, validator: SchemaValidator) -> None:
        self._validator = validator
        self._known: dict[bytes, Verdict] = {}

    def of(self, key: bytes, payload: Any) -> Verdict:
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            found = self._known[key] = Verdict(self._validator, payload)
        return found


@lru_cache(_MOST_CACHED)
def _judgements(validator: SchemaValidator) -> _Judgements:
    return _Judgements(validator)


def proposals(validator: SchemaValidator, target: Target, current: Any) -> Iterator[Edit]:
    """What the operators propose for a constraint where some value stands."""
    constraint, said = target.constraint, target.said
    site = Site(constraint.keyword, constraint.value, said, current, solver_of(validator))
    if target.forbids is not None:
        yield from FORBIDDEN.get(target.forbids.keyword, FORBIDDEN[""])(site, target.forbids.key)
        return
    operator = OPERATORS.get(constraint.keyword, OPERATORS[""])
    if any(step.keyword == "propertyNames" for step in target.steps):
        for edit in operator(site._replace(current="")) if isinstance(current, dict) else ():
            if edit.op == "replace" and isinstance(edit.value, str):
                for value in (*islice(current.values(), _MOST_VALUES), None, "text"):
                    yield Edit(edit.label, "add", (edit.value,), value)
        return
    yield from operator(site)
