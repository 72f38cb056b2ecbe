"""The guard: a transport for httpx and httpx2 that lets nothing pass which does not conform."""

from haiku_contract.guard.policy import Observation
from haiku_contract.guard.transport import GuardTransport

__all__ = ["GuardTransport", "Observation"]
