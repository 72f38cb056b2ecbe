"""Violations that a test did not get to see, because the client under test kept them to itself."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from haiku_contract.errors import ContractViolation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType

    from haiku_contract.guard import Observation
    from haiku_contract.model import Violation


class Watch:
    """The observer of the guards of one test: raises what they find, and remembers it.

    Attributes:
        found: direction (`request`, `response`) and exception, in the order in which they were raised.
    """

    def __init__(self, test: Callable[..., Any] | None) -> None:
        self._test = test
        self.found: list[tuple[str, ContractViolation]] = []

    def __call__(self, observed: Observation) -> None:
        """Take an observation.

        Raises:
            ContractViolation: something does not conform.
        """
        if observed.violations:
            raised = ContractViolation(observed.violations)
            self.found.append((observed.direction, raised))
            raise raised

    def hidden(self) -> list[str]:
        """The violations that never reached the test itself, as whoever sent the request has swallowed them; in lines.

        A test that wants to see a violation lets it come, as with `pytest.raises`: its own frame is in the traceback.
        """
        kept = [(direction, one) for direction, one in self.found if not seen(self._test, one)]
        return [line for direction, one in kept for line in lines(direction, one.violations)]


def lines(direction: str, violations: Iterable[Violation]) -> list[str]:
    """What is wrong with a message, one line for each violation."""
    return [f"{direction} does not conform: {one}" for one in violations]


def seen(test: Callable[..., Any] | None, raised: BaseException) -> bool:
    """Whether what was raised came as far as the test itself."""
    trace, code = raised.__traceback__, _code(test)
    while trace is not None:
        if trace.tb_frame.f_code is code:
            return True
        trace = trace.tb_next
    return False


def _code(test: Callable[..., Any] | None) -> CodeType | None:
    """The code of a test, below what Hypothesis and decorators put around it."""
    inner = getattr(getattr(test, "hypothesis", None), "inner_test", test)
    code = getattr(inspect.unwrap(inner), "__code__", None) if callable(inner) else None
    return code if inspect.iscode(code) else None
