"""Cases as a portable corpus: in the layout of the JSON-Schema-Test-Suite, for validators in any language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haiku_contract import pointer
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from haiku_contract.contract import Contract
    from haiku_contract.model import Case


def groups(contract: Contract, cases: Iterable[Case]) -> list[dict[str, Any]]:
    """The cases that are one JSON value, in one group for each side.

    Args:
        contract: whose schemas the groups carry.
        cases: cases of `suite` or of `covering`.

    Returns:
        Groups with `description`, `schema` and `tests`; a test has `description`, `data` and `valid` as every runner
        expects them, and besides `id`, `constraint`, `breaks`, `patch` (RFC 6902, from the conforming twin to `data`)
        and `undo` (back again) where it has them.
    """
    listed = [case for case in cases if case.payload is not ABSENT]
    return [
        {
            "description": f"{contract.id} {validator.side}",
            "schema": validator.schema,
            "tests": [_test(case) for case in listed if case.side == validator.side],
        }
        for validator in contract.sides
        if any(case.side == validator.side for case in listed)
    ]


def _test(case: Case) -> dict[str, Any]:
    test: dict[str, Any] = {
        "description": case.id,
        "data": case.payload,
        "valid": case.kind == "conforming",
        "id": case.id,
        "constraint": case.constraint,
    }
    if case.fault is not None:
        test["breaks"] = list(case.breaks)
        test["patch"] = [pointer.operation(case.fault)]
        test["undo"] = [pointer.operation(pointer.undone(case.fault, case.twin))]
    return test
