"""What an exploration draws: requests of every kind, and the suite's own values side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from hypothesis import strategies as st

from haiku_contract import messages, pointer, wire
from haiku_contract.campaign.witnesses import conforming
from haiku_contract.errors import UsageError
from haiku_contract.generate import suite
from haiku_contract.generate.strategies import faulted_requests, requests
from haiku_contract.model import ABSENT
from haiku_contract.pointer import fresh

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.model import Case, Fault

_COSTLY = "max_tokens"


def cases(contract: Contract, simplest: Any, shown: Sequence[Any]) -> st.SearchStrategy[Case]:
    """Conforming requests, usual and odd ones, and faulted ones.

    Args:
        contract: whose requests.
        simplest: the payload of the simplest request.
        shown: payloads of the suite, whose members are drawn together.
    """
    usual, odd = (requests(contract, realistic=realistic) for realistic in (True, False))
    plain = st.one_of(usual, odd)
    mixed = _mixed(contract, _members(simplest, shown), plain)
    faulted = [case for case in suite(contract, "request") if case.fault is not None and case.twin is not ABSENT]
    crossed = [_crossed(contract, faulted, mixed)] if faulted else []
    return st.one_of(mixed, plain.map(conforming), faulted_requests(contract, cases=True), *crossed)


@st.composite
def _mixed(
    draw: st.DrawFn, contract: Contract, members: Mapping[str, Sequence[Any]], payloads: st.SearchStrategy[Any]
) -> Case:
    """A conforming request that takes some members from cases of the suite: what they show one by one, side by side."""
    payload = draw(payloads)
    for name, values in members.items():
        number = draw(st.integers(0, len(values)))
        changed = {**payload, name: fresh(values[number - 1])} if number else payload
        payload = changed if contract.request.is_valid(changed) else payload
    return conforming(payload)


@st.composite
def _crossed(draw: st.DrawFn, contract: Contract, faulted: Sequence[Case], payloads: st.SearchStrategy[Case]) -> Case:
    """A fault of the suite in a request that shows many things, where it is still the only one; else that request."""
    twin, case = draw(payloads), draw(st.sampled_from(faulted))
    try:
        payload = pointer.apply(cast("Fault", case.fault), twin.payload)
    except (UsageError, TypeError):  # its place is not there
        return twin
    if messages.broken(contract.request.iter_errors(payload)) != frozenset(case.breaks):
        return twin
    return replace(case, payload=payload, body=wire.encode(payload), twin=twin.payload)


def _members(simplest: Any, shown: Sequence[Any]) -> dict[str, list[Any]]:
    """The members at the top of payloads, where they are not those of the simplest one; none that asks for much."""
    found: dict[str, dict[bytes, Any]] = {}
    for payload in shown if isinstance(simplest, dict) else ():
        for name, value in payload.items() if isinstance(payload, dict) else ():
            if name != _COSTLY and (name not in simplest or value != simplest[name]):
                found.setdefault(name, {})[wire.encode(value)] = value
    return {name: list(values.values()) for name, values in found.items()}
