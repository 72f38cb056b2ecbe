"""Which cases of the suite a marker asks for."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, get_args

from haiku_contract.errors import UsageError
from haiku_contract.generate import suite
from haiku_contract.generate.suite import cases_of, unreached
from haiku_contract.model import Kind, Side
from haiku_contract.pytest_plugin.settings import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from haiku_contract.contract import Contract
    from haiku_contract.model import Case

MARKER: Final = "contract_cases"
ARGUMENTS: Final = ("side", "kind", "constraint")
SIDES: Final[tuple[Side, ...]] = get_args(Side)
_OF_PREFIX: Final[dict[str, Side]] = {one: one for one in SIDES} | {"wire": "request"}
"""The sides by what the names of their constraints begin with."""


class Suites:
    """The suites of one contract, each made when it is first asked for."""

    def __init__(self, contract: Contract) -> None:
        """Args: the contract."""
        self._contract = contract
        self._made: dict[Side, tuple[Case, ...]] = {}

    def selected(self, arguments: Mapping[str, Any], unnamed: tuple[Any, ...] = ()) -> tuple[Case, ...]:
        """The cases that the arguments of a marker name, in the order of the suite.

        Args:
            arguments: `side` (`request` by default, or those of the constraints), `kind` (both by default),
                `constraint` (an id, which may hold `*`, or a list of them; all by default).
            unnamed: arguments without a name, of which the marker takes none.

        Raises:
            UsageError: something is named that does not exist, with the nearest name; or nothing fits, with the reason.
        """
        if unnamed:
            named = ", ".join(f"{one}=" for one in ARGUMENTS)
            raise UsageError(f"@pytest.mark.{MARKER} takes {named}, not {unnamed[0]!r}")
        for name in arguments:
            _check(name, ARGUMENTS, "argument")
        side, kind, constraint = (arguments.get(name) for name in ARGUMENTS)
        if side is not None:
            _check(side, SIDES, "side")
        if kind is not None:
            _check(kind, get_args(Kind), "kind")
        chosen = self._cases(side or "request") if constraint is None else self._about(_texts(constraint), side)
        found = tuple(case for case in chosen if kind in (None, case.kind))
        if not found:
            shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
            raise UsageError(
                f"no case has {shown}; 'haiku-contract generate --coverage' says what cannot be broken, and why"
            )
        return found

    def _about(self, patterns: Iterable[str], side: Side | None) -> tuple[Case, ...]:
        """The cases about the constraints that are named, of each side in its order."""
        wanted: dict[Side, set[str]] = {}
        for pattern in patterns:
            own = _OF_PREFIX.get(pattern.partition(":")[0], side or "request")
            if side not in (None, own):
                raise UsageError(f"@pytest.mark.{MARKER}: {pattern!r} is none of the side {side!r}; leave side= out")
            wanted.setdefault(own, set()).update(self._named(pattern, own))
        return tuple(
            case for one in SIDES if one in wanted for case in self._cases(one) if case.constraint in wanted[one]
        )

    def _named(self, pattern: str, side: Side) -> list[str]:
        """The constraints of a side that a pattern names.

        Raises:
            UsageError: it names none that has a case; the message says why, or what may be meant.
        """
        known = dict.fromkeys(case.constraint for case in self._cases(side) if case.constraint)
        found = [pattern] if pattern in known else [one for one in known if fnmatchcase(one, pattern)]
        if found:
            return found
        for validator in self._contract.sides:
            if (barren := validator.constraint(pattern)) is not None:
                raise UsageError(f"@pytest.mark.{MARKER}: no case for {pattern}: {unreached(validator, barren)}")
        raise _unknown(pattern, sorted(known), "constraint")

    def _cases(self, side: Side) -> tuple[Case, ...]:
        if side not in self._made:
            errors = self._contract.error
            if side != "error":
                self._made[side] = suite(self._contract, side)
            elif errors is not None:
                self._made[side] = tuple(cases_of(errors))
            else:
                raise UsageError(f"{self._contract.id} says nothing of errors")
        return self._made[side]


def _texts(given: Any) -> tuple[str, ...]:
    """One text, or some."""
    some = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, list | tuple | set) else ()
    if not some or not all(isinstance(one, str) for one in some):
        raise UsageError(f"@pytest.mark.{MARKER}: constraint= is an id, or a list of ids, not {given!r}")
    return some


def _check(name: Any, known: Any, what: str) -> None:
    if name not in known:
        raise _unknown(name, known, what)


def _unknown(name: Any, known: Iterable[str], what: str) -> UsageError:
    return UsageError(f"@pytest.mark.{MARKER}: no {what} {name!r}; {nearest(str(name), known)}")
