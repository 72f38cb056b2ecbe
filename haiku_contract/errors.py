"""Every exception this package raises on purpose.

::

    HaikuContractError
    ├── ContractLoadError        a contract cannot be read: no such version, folder, catalog, or schema
    ├── ContractViolation        a payload does not conform; holds the violations
    ├── ContractAdvice           a conforming request breaks a known rule of the provider; holds the advice
    ├── UsageError               the caller asked for something that does not exist
    ├── EndpointError            the endpoint cannot be reached or spoken to
    │   └── StaleCassetteError   a cassette does not hold what is asked of it, or is too old
    ├── CassetteError            a cassette cannot be read, or holds a secret
    │   └── UnsearchableError    something cannot be searched for secrets, and so is not written down
    ├── NetworkBlockedError      a test wanted to reach what it may not
    └── MissingExtraError        an optional part of the package is not installed

Violations are data (`haiku_contract.model.Violation`); only the edge turns them into an exception.
All arguments are positional, so every one of these survives pickling (pytest-xdist, process pools).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from haiku_contract.model import Advice, Violation


class HaikuContractError(Exception):
    """Root of the tree above."""


class ContractLoadError(HaikuContractError):
    """A contract cannot be read; the message names the file and what to do."""


class ContractViolation(HaikuContractError, ValueError):  # noqa: N818 - the public name of a result, not of a malfunction
    """A payload does not conform.

    Attributes:
        violations: what was found, in the order in which it is worth reading; never empty.
    """

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__(violations)
        self.violations = violations

    def __str__(self) -> str:
        return "\n".join(str(violation) for violation in self.violations)


class ContractAdvice(HaikuContractError):  # noqa: N818 - advice, not a malfunction
    """A conforming request breaks a known rule of the provider, and the guard was asked to stop it.

    Attributes:
        advice: which rules; never empty.
    """

    def __init__(self, advice: tuple[Advice, ...]) -> None:
        super().__init__(advice)
        self.advice = advice

    def __str__(self) -> str:
        return "\n".join(one.message for one in self.advice)


class ContractWarning(UserWarning):
    """What the guard says when it is asked to warn."""


class UsageError(HaikuContractError):
    """A name that does not exist was asked for: a constraint, a surface, a case, a fault."""


class EndpointError(HaikuContractError):
    """The endpoint cannot be reached, or what answers does not speak HTTP."""


class StaleCassetteError(EndpointError):
    """A request is not in the cassette, or the cassette is too old; the message says which, without its secrets."""


class CassetteError(HaikuContractError):
    """A cassette cannot be read; the message names the file, the line, and what to do."""


class UnsearchableError(CassetteError, ValueError):
    """Something cannot be searched for secrets; the message says what hinders that, and shows nothing of it."""


class NetworkBlockedError(HaikuContractError):
    """A test wanted to reach something beyond this machine, which its endpoint does not need."""


class MissingExtraError(HaikuContractError, ImportError):
    """An optional part is not installed; the message is the command that installs it."""

    def __init__(self, extra: str) -> None:
        super().__init__(extra)
        self.extra = extra

    def __str__(self) -> str:
        return f"this needs an optional part of the package: pip install 'haiku-contract[{self.extra}]'"
