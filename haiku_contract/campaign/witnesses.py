"""Witnesses of an exploration, kept in a database of Hypothesis: as requests, which any version reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from haiku_contract import messages, pointer, wire
from haiku_contract.errors import UsageError
from haiku_contract.model import ABSENT, Case, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hypothesis.database import ExampleDatabase

    from haiku_contract.contract import Contract


def conforming(payload: Any) -> Case:
    """A drawn payload that conforms, as a case."""
    return Case("request/drawn", "request", "conforming", None, payload, wire.encode(payload))


class Store:
    """The witnesses of one contract in a database; of every machine that shares it."""

    def __init__(self, contract: Contract, database: ExampleDatabase | None) -> None:
        """Args: whose requests; where they are, None for nowhere."""
        self._contract = contract
        self._database = database
        self._key = f"haiku_contract {contract.id}".encode()

    def cases(self) -> list[Case]:
        """The witnesses of earlier explorations, in an order of their own."""
        if self._database is None:
            return []
        found = (self._case(value) for value in sorted(self._database.fetch(self._key)))
        return [case for case in found if case is not None]

    def keep(self, cases: Iterable[Case]) -> None:
        """Keep the witnesses of what was found."""
        if self._database is None:
            return
        for case in cases:
            entry: dict[str, Any] = {"payload": case.payload}
            if case.fault is not None:
                value = {} if case.fault.value is ABSENT else {"value": case.fault.value}
                fault = {"op": case.fault.op, "path": case.fault.path, **value}
                entry |= {"constraint": case.constraint, "twin": case.twin, "fault": fault}
            self._database.save(self._key, json.dumps(entry, sort_keys=True).encode())

    def _case(self, value: bytes) -> Case | None:
        """The case of an entry; None where it is none of this contract."""
        entry = wire.decode(value).value
        if not isinstance(entry, dict) or "payload" not in entry:
            return None
        payload, request = entry["payload"], self._contract.request
        if request.is_valid(payload):
            return conforming(payload)
        fault, constraint, twin = entry.get("fault"), entry.get("constraint"), entry.get("twin", ABSENT)
        broken = tuple(sorted(messages.broken(tuple(request.iter_errors(payload)))))
        if not isinstance(fault, dict) or constraint not in broken or not request.is_valid(twin):
            return None
        try:
            edit = Fault(fault["op"], fault["path"], fault.get("value", ABSENT))
            proved = pointer.apply(edit, twin) == payload
        except (UsageError, KeyError, IndexError, TypeError, ValueError):
            return None
        name, body = f"request/drawn/{constraint}", wire.encode(payload)
        return Case(name, "request", "faulted", constraint, payload, body, broken, edit, twin) if proved else None
