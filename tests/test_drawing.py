"""What an exploration draws is certified: conforming requests conform, and a fault breaks what it says, alone."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import HealthCheck, given, settings

import haiku_contract as hc
from haiku_contract import messages, pointer, wire
from haiku_contract.campaign import drawing
from haiku_contract.generate import suite
from haiku_contract.model import ABSENT, Case

CONTRACT: Final = hc.load()
SHOWN: Final[list[Any]] = [case.payload for case in suite(CONTRACT, "request") if case.kind == "conforming"]
CASES: Final = drawing.cases(CONTRACT, SHOWN[0], SHOWN)


@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(CASES)
def test_every_request_is_what_it_says(case: Case) -> None:
    if case.kind == "conforming":
        assert case.body == wire.encode(case.payload)
        assert CONTRACT.request.is_valid(case.payload)
        return
    assert messages.broken(CONTRACT.request.iter_errors_bytes(case.body)) == frozenset(case.breaks)
    if case.fault is not None and case.twin is not ABSENT:
        assert CONTRACT.request.is_valid(case.twin)
        assert pointer.apply(case.fault, case.twin) == case.payload


def test_faults_of_the_suite_come_in_requests_that_show_many_things() -> None:
    """Else what an endpoint passes over in such requests alone would never be seen."""
    known = {case.id for case in suite(CONTRACT, "request")}
    seen: set[str] = set()

    @settings(max_examples=200, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(CASES)
    def look(case: Case) -> None:
        if case.id in known and isinstance(case.twin, dict) and len(case.twin) > len(SHOWN[0]) + 1:
            seen.add(case.id)

    look()
    assert len(seen) > 3
