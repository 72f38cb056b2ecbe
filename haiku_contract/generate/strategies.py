"""Hypothesis strategies for payloads of a contract: conforming ones, and ones with a single certified fault.

This module and its helpers in `_schema_strategies` are the only ones that import hypothesis; the public name is
`haiku_contract.strategies`.
"""

from __future__ import annotations

import difflib
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, overload

from hypothesis import strategies as st

from haiku_contract import pointer, wire
from haiku_contract.contract import Contract, load
from haiku_contract.errors import UsageError
from haiku_contract.generate._schema_strategies import Converter
from haiku_contract.generate.conforming import ALONE, solver_of
from haiku_contract.generate.faults import faults
from haiku_contract.generate.features import name_of
from haiku_contract.generate.goals import Host
from haiku_contract.generate.operators import Edit
from haiku_contract.generate.routes import Route, locations
from haiku_contract.generate.targets import targets_of
from haiku_contract.generate.trials import Faulted, Trials, fewest
from haiku_contract.model import Case, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.generate.goals import Path
    from haiku_contract.generate.targets import Target
    from haiku_contract.model import Constraint, Side
    from haiku_contract.validation import SchemaValidator

_MOST_CACHED: Final = 32
_MOST_PLACES: Final = 3  # places of a drawn payload that are tried before a place is made


class _Site(NamedTuple):
    """A constraint that one edit can break, and what the simplest payload that reaches it shows.

    Attributes:
        constraint: what is to be broken.
        name: how case ids name it.
        route: the way to the schema that it stands in.
        target: how it is broken.
        reached: the simplest conforming payload with a place for it.
        edits: the edits of that payload that break it with the fewest others: alone where it can be broken alone.
    """

    constraint: Constraint
    name: str
    route: Route
    target: Target
    reached: Host
    edits: tuple[Faulted, ...]


@overload
def requests(
    contract: Contract | None = ..., *, cases: Literal[False] = ..., realistic: bool = ...
) -> st.SearchStrategy[Any]: ...
@overload
def requests(
    contract: Contract | None = ..., *, cases: Literal[True], realistic: bool = ...
) -> st.SearchStrategy[Case]: ...
def requests(
    contract: Contract | None = None, *, cases: bool = False, realistic: bool = True
) -> st.SearchStrategy[Any]:
    """Requests that conform.

    Args:
        contract: whose request schema; the newest shipped contract when absent, loaded when the first example is drawn.
        cases: draw `Case` objects instead of bare payloads.
        realistic: draw mostly what people write, with odd texts and extreme numbers in between; False draws mostly the
            latter.

    Returns:
        A strategy that shrinks towards the simplest request of the contract. Its values are JSON, and fresh: changing
        one changes no other.

    Raises:
        UsageError: (while drawing) the schema has no value, or says something that can be neither constructed nor
            filtered; the message names the keyword and the place.
        MissingExtraError: (while drawing) the schema is open somewhere and `hypothesis-jsonschema` is not installed.
    """
    return _conforming(contract, "request", cases=cases, realistic=realistic)


@overload
def responses(
    contract: Contract | None = ..., *, cases: Literal[False] = ..., realistic: bool = ...
) -> st.SearchStrategy[Any]: ...
@overload
def responses(
    contract: Contract | None = ..., *, cases: Literal[True], realistic: bool = ...
) -> st.SearchStrategy[Case]: ...
def responses(
    contract: Contract | None = None, *, cases: bool = False, realistic: bool = True
) -> st.SearchStrategy[Any]:
    """Responses that conform: what a client has to cope with.

    Takes, returns and raises what `requests` does, for the response schema.
    """
    return _conforming(contract, "response", cases=cases, realistic=realistic)


@overload
def faulted_requests(
    contract: Contract | None = ...,
    *,
    constraint: str | None = ...,
    cases: Literal[False] = ...,
    realistic: bool = ...,
) -> st.SearchStrategy[Any]: ...
@overload
def faulted_requests(
    contract: Contract | None = ..., *, constraint: str | None = ..., cases: Literal[True], realistic: bool = ...
) -> st.SearchStrategy[Case]: ...
def faulted_requests(
    contract: Contract | None = None, *, constraint: str | None = None, cases: bool = False, realistic: bool = True
) -> st.SearchStrategy[Any]:
    """Requests with exactly one fault, each with the certificate that the fault breaks what it says.

    Args:
        contract: whose request schema; the newest shipped contract when absent, loaded when the first example is drawn
            (at once, when a constraint is named).
        constraint: id of the constraint to break, as in `request:/properties/temperature/maximum`; any of those that
            one edit can break when absent.
        cases: draw `Case` objects, which hold fault, conforming twin and broken constraints, instead of bare payloads.
        realistic: as for `requests`, of the payload that is edited.

    Returns:
        A strategy of payloads that break the constraint alone wherever it can be broken alone, and else with the fewest
        others; undoing the one edit gives a conforming payload. This is proved for every example, shrunk ones included.

    Raises:
        UsageError: there is no such constraint, or no value can break it; (while drawing) as `requests`.
        MissingExtraError: as `requests`.
    """
    return _faulted(contract, "request", constraint, cases=cases, realistic=realistic)


@overload
def faulted_responses(
    contract: Contract | None = ...,
    *,
    constraint: str | None = ...,
    cases: Literal[False] = ...,
    realistic: bool = ...,
) -> st.SearchStrategy[Any]: ...
@overload
def faulted_responses(
    contract: Contract | None = ..., *, constraint: str | None = ..., cases: Literal[True], realistic: bool = ...
) -> st.SearchStrategy[Case]: ...
def faulted_responses(
    contract: Contract | None = None, *, constraint: str | None = None, cases: bool = False, realistic: bool = True
) -> st.SearchStrategy[Any]:
    """Responses with exactly one fault: what a client has to notice.

    Takes, returns and raises what `faulted_requests` does, for the response schema.
    """
    return _faulted(contract, "response", constraint, cases=cases, realistic=realistic)


def _conforming(contract: Contract | None, side: Side, *, cases: bool, realistic: bool) -> st.SearchStrategy[Any]:
    check(contract)

    def payloads() -> st.SearchStrategy[Any]:
        return _payloads(_validator(contract, side), realistic=realistic)

    drawn = st.deferred(payloads)
    return drawn.map(lambda payload: _conforming_case(side, payload)) if cases else drawn


def _faulted(
    contract: Contract | None, side: Side, constraint: str | None, *, cases: bool, realistic: bool
) -> st.SearchStrategy[Any]:
    check(contract)
    if constraint is not None:
        _site(_validator(contract, side), constraint)

    def drawn() -> st.SearchStrategy[Case]:
        validator = _validator(contract, side)
        wanted = _violable(validator) if constraint is None else (constraint,)
        return _faulted_cases(validator, wanted, _payloads(validator, realistic=realistic))

    found = st.deferred(drawn)
    return found if cases else found.map(lambda case: case.payload)


@cache
def newest() -> Contract:
    """The newest shipped contract, loaded once."""
    return load()


def check(contract: object) -> None:
    """Refuse at once what is no contract, instead of when the first example is drawn.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(contract, Contract | None):
        raise UsageError(f"{contract!r:.80} is no contract: give what 'haiku_contract.load()' returns, or nothing")


def _validator(contract: Contract | None, side: Side) -> SchemaValidator:
    chosen = newest() if contract is None else contract
    return chosen.request if side == "request" else chosen.response


@lru_cache(_MOST_CACHED)
def _payloads(validator: SchemaValidator, *, realistic: bool) -> st.SearchStrategy[Any]:
    return Converter(validator, realistic=realistic).values()


def _conforming_case(side: Side, payload: Any) -> Case:
    return Case(f"{side}/drawn", side, "conforming", None, payload, wire.encode(payload))


# -- single faults --------------------------------------------------------------------------------------------------


@st.composite
def _faulted_cases(
    draw: st.DrawFn, validator: SchemaValidator, wanted: tuple[str, ...], payloads: st.SearchStrategy[Any]
) -> Case:
    site = _first_breakable(validator, wanted, draw(st.integers(0, len(wanted) - 1)))
    payload = draw(payloads)
    places = locations(site.route, solver_of(validator).document.root, payload)
    turn = draw(st.integers(0, max(len(places) - 1, 0)))  # drawn always: fewer choices would count as simpler
    twin, found = _edited(validator, site, payload, [*places[turn:], *places[:turn]])
    chosen = found[draw(st.integers(0, len(found) - 1))]
    broken = pointer.fresh(chosen.payload)
    return Case(
        id=f"{validator.side}/{site.name}/drawn",
        side=validator.side,
        kind="faulted",
        constraint=site.constraint.id,
        payload=broken,
        body=wire.encode(broken),
        breaks=tuple(sorted(chosen.breaks)),
        fault=Fault(chosen.fault.op, chosen.fault.path, pointer.fresh(chosen.fault.value)),
        twin=twin,
    )


def _first_breakable(validator: SchemaValidator, wanted: tuple[str, ...], start: int) -> _Site:
    """The site of the first wanted constraint, from `start` on and around, that some edit breaks."""
    for constraint_id in (*wanted[start:], *wanted[:start]):
        site = _breakable(validator, constraint_id)
        if site is not None:
            return site
    raise UsageError(f"nothing in the {validator.side} schema can be broken by one edit: no faulted payload exists")


def _edited(
    validator: SchemaValidator, site: _Site, payload: Any, places: list[Path]
) -> tuple[Any, tuple[Faulted, ...]]:
    """A conforming twin, and the edits of it that break no more than has to break."""
    least = len(site.edits[0].breaks)
    for twin, path in _twins(validator, site, payload, places):
        found = fewest(list(Trials(validator, site.constraint).on(site.target, Host(twin, path))))
        best = tuple(one for one in found if len(one.breaks) <= least)
        if best:
            return twin, best
    # No edit of its own at any place of what was drawn: one that is known for the simplest payload may do.
    known = (_judged_again(validator, site, payload, one) for one in site.edits)
    best = tuple(one for one in known if one is not None and len(one.breaks) <= least)
    if best:
        return payload, best
    return pointer.fresh(site.edits[0].twin), tuple(one for one in site.edits if one.twin is site.edits[0].twin)


def _judged_again(validator: SchemaValidator, site: _Site, payload: Any, one: Faulted) -> Faulted | None:
    """A known edit of another payload, made on this one; None where it does not break the constraint here."""
    edit = Edit(one.label, one.fault.op, tuple(pointer.split(one.fault.path)), one.fault.value)
    return Trials(validator, site.constraint).judged(Host(payload, ()), edit)


def _twins(validator: SchemaValidator, site: _Site, payload: Any, places: list[Path]) -> Iterator[tuple[Any, Path]]:
    """Conforming payloads with a place for the fault: the one that was drawn, then that with a place grafted in."""
    for path in places[:_MOST_PLACES]:
        yield payload, path
    whole, path = site.reached
    for depth in range(len(path), 0, -1):
        grafted = _graft(payload, whole, path[:depth])
        if validator.is_valid(grafted) and path in locations(site.route, solver_of(validator).document.root, grafted):
            yield grafted, path


def _graft(payload: Any, donor: Any, path: Path) -> Any:
    """The payload with the donor's value at a place; unchanged where the place has no parent in it."""
    try:
        parent = pointer.get(payload, path[:-1])
        value = pointer.fresh(pointer.get(donor, path))
    except (KeyError, IndexError, ValueError):
        return payload
    there = isinstance(parent, list) and isinstance(path[-1], int) and path[-1] < len(parent)
    try:
        return pointer.apply(Fault("replace" if there else "add", pointer.join(path), value), payload)
    except (UsageError, TypeError):
        return payload


@lru_cache(_MOST_CACHED)
def _violable(validator: SchemaValidator) -> tuple[str, ...]:
    found = tuple(one.id for one in validator.constraints if one.violable)
    if not found:
        raise UsageError(f"nothing in the {validator.side} schema can be broken: no faulted payload exists")
    return found


def _site(validator: SchemaValidator, constraint_id: str) -> _Site:
    """The site of a constraint.

    Raises:
        UsageError: there is no such constraint, or nothing is known that breaks it.
    """
    if not isinstance(constraint_id, str):
        raise UsageError(f"{constraint_id!r:.80} is no id of a constraint: give a text as in 'request:/required/0'")
    constraint = validator.constraint(constraint_id)
    near = _near(validator, constraint_id)
    if constraint is None:
        raise UsageError(f"no constraint {constraint_id!r} on the {validator.side} side{near}")
    if not constraint.violable:
        raise UsageError(f"{constraint_id} cannot be broken: {constraint.reason}{near}")
    site = _breakable(validator, constraint_id)
    if site is None:
        raise UsageError(f"no single edit is known that breaks {constraint_id}{near}")
    return site


@lru_cache(_MOST_CACHED * 100)
def _breakable(validator: SchemaValidator, constraint_id: str) -> _Site | None:
    constraint = validator.constraint(constraint_id)
    for target in targets_of(validator, constraint) if constraint is not None else ():
        try:
            found = fewest(list(faults(validator, target, ALONE)))
        except UsageError:  # no payload gets there on this way
            continue
        if found:
            name, route = name_of(target.constraint.pointer, target.constraint), Route(target.steps, target.said)
            return _Site(target.constraint, name, route, target, _reached(validator, target, found[0]), tuple(found))
    return None


def _reached(validator: SchemaValidator, target: Target, first: Faulted) -> Host:
    """The simplest payload that is held against the constraint; where none is, the one that the first fault changes."""
    try:
        return solver_of(validator).one(target.steps)
    except UsageError:
        return Host(first.twin, tuple(pointer.split(first.fault.path)))


def _near(validator: SchemaValidator, constraint_id: str) -> str:
    """A hint at the most similar constraint that can be broken."""
    others = [one.id for one in validator.constraints if one.violable and one.id != constraint_id]
    near = difflib.get_close_matches(constraint_id, others, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""
