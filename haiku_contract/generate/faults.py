"""Single faults: one operator per keyword, and the certificate that a fault breaks what it says.

An operator only proposes. A proposal counts when the validator finds that the edited payload breaks the named
constraint and, wherever that is possible, nothing else; undoing the one edit gives the conforming payload back.
"""

from __future__ import annotations

import marshal
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer
from haiku_contract.constraints import ASSERTIONS, UNIONS, speaks_of, types
from haiku_contract.errors import UsageError
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.goals import Host
from haiku_contract.generate.holding import kind_of
from haiku_contract.generate.operators import FORBIDDEN, OPERATORS, Edit, Site
from haiku_contract.generate.otherwise import elsewhere, otherwise
from haiku_contract.generate.routes import site_of
from haiku_contract.generate.targets import Target, beyond, target_of
from haiku_contract.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from haiku_contract.generate.goals import Path, Positions
    from haiku_contract.model import Constraint
    from haiku_contract.validation import SchemaValidator

__all__ = ["OPERATORS", "Faulted", "Target", "certified", "target_of"]

_MOST_HOSTS: Final = 4
_MOST_EXCLUSIVE: Final = 2
_MOST_TOGETHER: Final = 12
_WITHOUT_REFERENCES: Final = 2  # the version of `marshal` in which equal values have equal bytes
_ENOUGH_TOGETHER: Final = 5  # of those with the fewest, for keywords of which the others break the same

_SELDOM_ALONE: Final = frozenset(("", "type", "const", "enum", "anyOf", "oneOf", "not", "required"))
"""Keywords that are broken together with others for reasons that another payload would not change."""


_LISTING: Final = ("type", "const", "enum")


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


def certified(
    validator: SchemaValidator, constraint: Constraint, schema: dict[str, Any], twin: Any, path: Path
) -> list[Faulted]:
    """The faults of a constraint at one place of a conforming payload.

    Args:
        validator: the judge.
        constraint: what is to be broken.
        schema: the schema that the constraint stands in.
        twin: a payload that conforms.
        path: where in it that schema applies.

    Returns:
        Those that break the constraint with the fewest others: alone if any does.
    """
    target = Target(constraint, (), solver_of(validator).document.modern(schema))
    return fewest(list(proven(validator, target, Host(twin, path))))


def fewest(found: list[Faulted]) -> list[Faulted]:
    """Those that break the fewest constraints."""
    least = min((len(one.breaks) for one in found), default=0)
    return [one for one in found if len(one.breaks) == least]


def faults(validator: SchemaValidator, target: Target, positions: Positions) -> Iterator[Faulted]:
    """The faults of a constraint in the simplest payloads that reach it: those that break it alone as they are found.

    Only where none does, those that break it with the fewest others follow.

    Raises:
        UsageError: no payload reaches the constraint; the message says why.
    """
    trials = Trials(validator, target.constraint)
    reached = solver_of(validator).one(target.steps, positions)
    soon = _foregone(trials, target, reached)
    yield from soon
    shown = [one.payload for one in soon]
    yield from (one for one in _found(trials, target, positions, reached) if one.payload not in shown)


def _found(trials: Trials, target: Target, positions: Positions, reached: Host) -> Iterator[Faulted]:
    """The faults of a constraint, beginning with those in one payload."""
    together: list[Faulted] = []
    alone = False
    for one in trials.on(target, reached):
        if len(one.breaks) == 1:
            alone = True
            yield one
        else:
            together.append(one)
    if not alone:
        together += trials.all(_beside(trials.validator, target, reached))
    if alone or (together and target.constraint.keyword in _SELDOM_ALONE):
        yield from () if alone else fewest(together)[:_ENOUGH_TOGETHER]
        return
    # Where another branch of a union is always the one that was meant, a payload that fits no other one is what helps.
    unmeant = bool(trials.wider) and not together
    for host in _others(trials.validator, target, positions, reached, exclusive=unmeant):
        for one in trials.on(target, host):
            if len(one.breaks) == 1:
                yield one
                return
            together.append(one)
    for host, value in otherwise(target, solver_of(trials.validator), reached, exclusive=unmeant):
        found = trials.judged(host, Edit("otherwise", "replace", (), value))
        if found is not None and len(found.breaks) == 1:
            yield found
            return
        together += [] if found is None else [found]
    yield from fewest(together or trials.wider)[:_MOST_TOGETHER]


def _foregone(trials: Trials, target: Target, reached: Host) -> list[Faulted]:
    """The first of the faults that are found in the end, where it is known sooner; none where it is not.

    What a branch lists, or its type, is broken by values that no branch is meant for: what each breaks together is the
    same for all values of a type.
    """
    keyword, steps = target.constraint.keyword, beyond(target.steps)
    if keyword != "anyOf" and not (keyword in _LISTING and steps and steps[-1].keyword in UNIONS):
        return []
    first: dict[str, Edit] = {}
    for _, edit in trials.proposed(target, reached):
        if edit.op == "replace":
            first.setdefault(kind_of(edit.value), edit)
    found = fewest(list(trials.all((reached, edit) for edit in first.values())))[:1]
    return [one for one in found if len(one.breaks) > 1]


def _beside(validator: SchemaValidator, target: Target, reached: Host) -> Iterator[tuple[Host, Edit]]:
    """Edits with values that what stands beside a type or a list allows: they break nothing else."""
    keyword, said = target.constraint.keyword, target.said
    if keyword in _LISTING and any(one in ASSERTIONS and one not in _LISTING for one in said):
        for host, value in otherwise(target, solver_of(validator), reached):
            yield host, Edit("otherwise", "replace", (), value)
    listed = said.get("enum", ()) if keyword != "enum" else ()
    if keyword in {"const", "enum"} and "boolean" in types(said.get("type", ())):
        listed = (False, True)
    for number, value in enumerate(listed):
        yield reached, Edit(f"listed-{number}", "replace", (), value)


def _others(
    validator: SchemaValidator, target: Target, positions: Positions, reached: Host, *, exclusive: bool
) -> Iterator[Host]:
    """Further payloads: with a value of another type there, then such that fit no other branch, then less simple ones.

    The unions whose other branches are not to fit are those on the way; `exclusive` leaves out the less simple ones.
    """
    solver = solver_of(validator)
    yield from _typed(validator, target, reached)
    if any(step.keyword in UNIONS for step in target.steps):
        yield from islice(solver.hosts(target.steps, positions, exclusive=True), _MOST_EXCLUSIVE)
    yield from () if exclusive else islice(solver.hosts(target.steps, positions), 1, _MOST_HOSTS)


def _typed(validator: SchemaValidator, target: Target, reached: Host) -> Iterator[Host]:
    """Payloads with a value that the keyword speaks of, where the simplest one has a value of another type."""
    kinds, document = speaks_of(target.constraint.keyword), solver_of(validator).document
    kind = kind_of(pointer.get(reached.payload, reached.path))
    if not kinds or target.forbids is not None or kind in kinds or (kind == "integer" and "number" in kinds):
        return
    tokens = pointer.split(site_of(target.constraint))
    site = pointer.get(document.root, tokens)
    narrowed = {**site, "allOf": [*site.get("allOf", ()), {"type": list(kinds)}]}
    solver = elsewhere(solver_of(validator), tokens, narrowed)
    yield from (host for host in islice(solver.hosts(target.steps), _MOST_EXCLUSIVE) if validator.settled(host.payload))


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
        yield from ((host, edit) for edit in _proposals(self.validator, target, current))

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


def proven(validator: SchemaValidator, target: Target, host: Host) -> Iterator[Faulted]:
    """The proposals for one payload that break the constraint."""
    return Trials(validator, target.constraint).on(target, host)


def _proposals(validator: SchemaValidator, target: Target, current: Any) -> Iterator[Edit]:
    constraint, said = target.constraint, target.said
    site = Site(constraint.keyword, constraint.value, said, current, solver_of(validator))
    if target.forbids is not None:
        yield from FORBIDDEN.get(target.forbids.keyword, FORBIDDEN[""])(site, target.forbids.key)
        return
    operator = OPERATORS.get(constraint.keyword, OPERATORS[""])
    if any(step.keyword == "propertyNames" for step in target.steps):
        for edit in operator(site._replace(current="")):
            if edit.op == "replace" and isinstance(edit.value, str):
                for value in (*islice(current.values(), _MOST_HOSTS), None, "text"):
                    yield Edit(edit.label, "add", (edit.value,), value)
        return
    yield from operator(site)
