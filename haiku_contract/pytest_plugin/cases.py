"""Which cases of the suite a marker asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from haiku_contract.errors import UsageError
from haiku_contract.generate import suite
from haiku_contract.model import Kind
from haiku_contract.pytest_plugin.settings import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haiku_contract.contract import Contract
    from haiku_contract.model import Case, Side

MARKER: Final = "contract_cases"
ARGUMENTS: Final = ("side", "kind", "constraint")
SIDES: Final[tuple[Side, ...]] = ("request", "response", "stream")


class Suites:
    """The suites of one contract, each made when it is first asked for."""

    def __init__(self, contract: Contract) -> None:
        """Args: the contract."""
        self._contract = contract
        self._made: dict[Side, tuple[Case, ...]] = {}

    def selected(self, arguments: Mapping[str, Any], unnamed: tuple[Any, ...] = ()) -> tuple[Case, ...]:
        """The cases that the arguments of a marker name, in the order of the suite.

        Args:
            arguments: `side` (`request` by default, or that of the constraint), `kind` (both by default), `constraint`
                (an id, or a list of them; all by default).
            unnamed: arguments without a name, of which the marker takes none.

        Raises:
            UsageError: something is named that does not exist, with the nearest name; or nothing fits.
        """
        if unnamed:
            named = ", ".join(f"{one}=" for one in ARGUMENTS)
            raise UsageError(f"@pytest.mark.{MARKER} takes {named}, not {unnamed[0]!r}")
        for name in arguments:
            _check(name, ARGUMENTS, "argument")
        wanted = arguments.get("constraint")
        constraints = None if wanted is None else (wanted,) if isinstance(wanted, str) else tuple(wanted)
        side: Any = arguments.get("side") or self._side(constraints)
        _check(side, SIDES, "side")
        kind = arguments.get("kind")
        if kind is not None:
            _check(kind, get_args(Kind), "kind")
        cases = self._cases(side)
        for one in constraints or ():
            _check(one, sorted({case.constraint for case in cases if case.constraint}), "constraint")
        found = tuple(
            case
            for case in cases
            if (kind is None or case.kind == kind) and (constraints is None or case.constraint in constraints)
        )
        if not found:
            shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
            raise UsageError(
                f"no case has {shown}; 'haiku-contract generate --coverage' says what cannot be broken, and why"
            )
        return found

    def _cases(self, side: Side) -> tuple[Case, ...]:
        if side not in self._made:
            self._made[side] = suite(self._contract, side)
        return self._made[side]

    def _side(self, constraints: tuple[Any, ...] | None) -> str:
        """The side of the first constraint; `wire:` is about requests."""
        prefix = str(constraints[0]).partition(":")[0] if constraints else ""
        return prefix if prefix in SIDES else "request"


def _check(name: Any, known: Any, what: str) -> None:
    if name not in known:
        raise UsageError(f"@pytest.mark.{MARKER}: no {what} {name!r}; {nearest(str(name), known)}")
