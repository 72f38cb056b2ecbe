"""Contract testing for JSON endpoints: validate, generate, and find out what an endpoint really enforces.

>>> import haiku_contract as hc
>>> contract = hc.load()
>>> contract.request.is_valid({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 64})
True
"""

from typing import TYPE_CHECKING, Any

from haiku_contract.contract import Contract, load
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
from haiku_contract.model import Advice, Constraint, PredictedOutcome, Prediction, Violation
from haiku_contract.prediction import RequestValidator
from haiku_contract.stream import StreamError, StreamGrammar, StreamOutcome, StreamValidator
from haiku_contract.validation import SchemaValidator

if TYPE_CHECKING:
    from haiku_contract.guard import GuardTransport, Observation

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


def __getattr__(name: str) -> Any:
    """Import the guard when it is first asked for: it needs the client of httpx, and nothing else here does."""
    if name in {"GuardTransport", "Observation"}:
        from haiku_contract import guard  # noqa: PLC0415 - see above

        return getattr(guard, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
