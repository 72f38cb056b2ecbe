"""Contract testing for JSON endpoints: validate, generate, and find out what an endpoint really enforces.

>>> import haiku_contract as hc
>>> contract = hc.load()
>>> contract.request.is_valid({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 64})
True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.errors import (
    ContractAdvice,
    ContractLoadError,
    ContractViolation,
    ContractWarning,
    EndpointError,
    HaikuContractError,
    MissingExtraError,
    UsageError,
)

if TYPE_CHECKING:
    from haiku_contract.contract import Contract, load
    from haiku_contract.guard import GuardTransport, Observation
    from haiku_contract.model import Advice, Constraint, PredictedOutcome, Prediction, Violation
    from haiku_contract.prediction import RequestValidator
    from haiku_contract.stream import StreamError, StreamGrammar, StreamOutcome, StreamValidator
    from haiku_contract.validation import SchemaValidator

__version__ = "0.1.0"

__all__ = [
    "Advice",
    "Constraint",
    "Contract",
    "ContractAdvice",
    "ContractLoadError",
    "ContractViolation",
    "ContractWarning",
    "EndpointError",
    "GuardTransport",
    "HaikuContractError",
    "MissingExtraError",
    "Observation",
    "PredictedOutcome",
    "Prediction",
    "RequestValidator",
    "SchemaValidator",
    "StreamError",
    "StreamGrammar",
    "StreamOutcome",
    "StreamValidator",
    "UsageError",
    "Violation",
    "__version__",
    "load",
]


_HOMES: Final = {
    "contract": ("Contract", "load"),
    "guard": ("GuardTransport", "Observation"),
    "model": ("Advice", "Constraint", "PredictedOutcome", "Prediction", "Violation"),
    "prediction": ("RequestValidator",),
    "stream": ("StreamError", "StreamGrammar", "StreamOutcome", "StreamValidator"),
    "validation": ("SchemaValidator",),
}
_HOME: Final = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for.

    pytest imports this package in every session where it is installed, to find the plugin: that shall cost nothing.
    """
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
