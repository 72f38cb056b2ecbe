"""Payloads from a contract: the deterministic suite here, Hypothesis strategies in `haiku_contract.strategies`."""

from haiku_contract.generate.covering import Coverage, Covering, coverage, covering
from haiku_contract.generate.suite import cases, suite

__all__ = ["Coverage", "Covering", "cases", "coverage", "covering", "suite"]
