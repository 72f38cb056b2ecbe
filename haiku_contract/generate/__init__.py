"""Payloads from a contract: the deterministic suite here, Hypothesis strategies in `haiku_contract.strategies`."""

from haiku_contract.generate.suite import suite

__all__ = ["suite"]
