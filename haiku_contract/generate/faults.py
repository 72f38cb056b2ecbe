"""Single faults: one operator per keyword, and the certificate that a fault breaks what it says.

An operator only proposes. A proposal counts when the validator finds that the edited payload breaks the named
constraint and, wherever that is possible, nothing else; undoing the one edit gives the conforming payload back.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import pointer
from haiku_contract.constraints import ASSERTIONS, UNIONS, speaks_of, types
from haiku_contract.errors import UsageError
from haiku_contract.generate.conforming import solver_of
from haiku_contract.generate.forcing import forced
from haiku_contract.generate.goals import Goal, Host
from haiku_contract.generate.holding import equal, kind_of
from haiku_contract.generate.kinds import kinds_of
from haiku_contract.generate.operators import OPERATORS, Edit
from haiku_contract.generate.otherwise import elsewhere, otherwise
from haiku_contract.generate.plausible import EXTRA_KEY
from haiku_contract.generate.routes import site_of
from haiku_contract.generate.targets import Target, beyond
from haiku_contract.generate.trials import Faulted, Trials, fewest, proposals
from haiku_contract.generate.values import SAMPLES
from haiku_contract.model import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from haiku_contract.generate.goals import Path, Positions
    from haiku_contract.model import Constraint
    from haiku_contract.validation import SchemaValidator

__all__ = ["OPERATORS", "Faulted", "Target", "certified"]

_MOST_HOSTS: Final = 4
_MOST_EXCLUSIVE: Final = 2
_MOST_SPARE: Final = 4  # properties that may stand instead of a required one
_MOST_TOGETHER: Final = 12
_ENOUGH_TOGETHER: Final = 5  # of those with the fewest, for keywords of which the others break the same

_SELDOM_ALONE: Final = frozenset(("", "type", "const", "enum", "anyOf", "oneOf", "not", "required"))
"""Keywords that are broken together with others for reasons that another payload would not change."""


_LISTING: Final = ("type", "const", "enum")
_CLOSING: Final = ("additionalProperties", "unevaluatedProperties")


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
    return fewest(list(Trials(validator, constraint).on(target, Host(twin, path))))


def faults(validator: SchemaValidator, target: Target, positions: Positions) -> Iterator[Faulted]:
    """The faults of a constraint in the simplest payloads that reach it: those that break it alone as they are found.

    Only where none does, those that break it with the fewest others follow.

    Raises:
        UsageError: no payload reaches the constraint; the message says why.
    """
    if _is_of_other_kinds(target) and (found := _forced(validator, target)):
        yield from found
        return
    try:
        reached = solver_of(validator).one(target.steps, positions)
    except UsageError:
        found = _forced(validator, target)
        if not found:
            raise
        yield from found
        return
    some = False
    for one in _in_payloads(validator, target, positions, reached):
        some = True
        yield one
    yield from () if some else _forced(validator, target)


def _in_payloads(validator: SchemaValidator, target: Target, positions: Positions, reached: Host) -> Iterator[Faulted]:
    """The faults of a constraint in the simplest payload that reaches it, and where need be in others."""
    trials = Trials(validator, target.constraint)
    soon = _foregone(trials, target, reached)
    yield from soon
    for one in _found(trials, target, positions, reached):
        if not any(equal(one.payload, other.payload) for other in soon):
            yield one


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
        found = trials.judged(host, _as_a_whole(value))
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


def _is_of_other_kinds(target: Target) -> bool:
    """Whether what stands beside a keyword takes no value of a type that the keyword speaks of."""
    spoken = speaks_of(target.constraint.keyword if target.forbids is None else target.forbids.keyword)
    return bool(spoken) and not kinds_of(target.said).intersection(spoken)


def _forced(validator: SchemaValidator, target: Target) -> list[Faulted]:
    """The faults that break the fewest others, for a constraint that is never broken alone."""
    solver = solver_of(validator)
    edits: list[tuple[Host, Edit]] = []
    for host, value in forced(target, solver):
        edits.append((host, _as_a_whole(value.payload)))
        current = pointer.get(value.payload, value.path) if value.path else value.payload
        changed = (edit._replace(path=(*value.path, *edit.path)) for edit in proposals(validator, target, current))
        edits += [(host, edit) for edit in _as_wholes(changed, value.payload)]
    if target.forbids is None and _is_of_other_kinds(target):
        with suppress(UsageError):
            reached = solver.one(target.steps)
            edits += [(reached, edit) for edit in _of_other_kinds(validator, target)]
    trials = Trials(validator, target.constraint)
    return fewest(list(trials.all(edits)) or trials.wider)[:1]


def _of_other_kinds(validator: SchemaValidator, target: Target) -> Iterator[Edit]:
    """Plain values of the types that a keyword speaks of, changed as it asks for."""
    for kind in speaks_of(target.constraint.keyword):
        plain = SAMPLES[kind][0][1]
        yield from _as_wholes(proposals(validator, target, plain), plain)


def _as_wholes(edits: Iterable[Edit], value: Any) -> Iterator[Edit]:
    """Edits of a value as such that put the changed value where it stands."""
    for edit in edits:
        with suppress(UsageError):
            yield _as_a_whole(pointer.apply(Fault(edit.op, pointer.join(edit.path), edit.value), value))


def _as_a_whole(value: Any) -> Edit:
    return Edit("otherwise", "replace", (), value)


def _beside(validator: SchemaValidator, target: Target, reached: Host) -> Iterator[tuple[Host, Edit]]:
    """Edits with values that what stands beside a type, a list or the names of keys allows: they break nothing else."""
    keyword, said = target.constraint.keyword, target.said
    if keyword == "required" or keyword in _CLOSING:
        yield from ((reached, edit) for edit in _renamed(validator, target, reached))
    if keyword in _LISTING and any(one in ASSERTIONS and one not in _LISTING for one in said):
        for host, value in otherwise(target, solver_of(validator), reached):
            yield host, _as_a_whole(value)
    listed = said.get("enum", ()) if keyword != "enum" else ()
    if keyword in {"const", "enum"} and "boolean" in types(said.get("type", ())):
        listed = (False, True)
    for number, value in enumerate(listed):
        yield reached, Edit(f"listed-{number}", "replace", (), value)


def _renamed(validator: SchemaValidator, target: Target, reached: Host) -> Iterator[Edit]:
    """Objects with as many keys as before, where one was that is required, or where all are named."""
    constraint, said = target.constraint, target.said
    there = pointer.get(reached.payload, reached.path)
    if not isinstance(there, dict):
        return
    extra = f"{EXTRA_KEY}_{len(there)}" if EXTRA_KEY in there else EXTRA_KEY
    for gone in (constraint.value,) if constraint.keyword == "required" else list(there)[-_MOST_SPARE:]:
        others = {name: value for name, value in there.items() if name != gone}
        yield Edit("renamed", "replace", (), {extra: "text", **others})
    if constraint.keyword == "required" and "minProperties" in said:
        spare = {name: one for name, one in said.get("properties", {}).items() if name not in there}
        for name, one in islice(spare.items(), _MOST_SPARE):
            for value in solver_of(validator).some((Goal(one),), 1):
                yield Edit(f"instead-{name}", "replace", (), {**others, name: value})


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
