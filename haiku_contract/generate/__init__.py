"""Payloads from a contract: the deterministic suite here, Hypothesis strategies in `haiku_contract.strategies`."""

from haiku_contract.generate.covering import (
    Coverage,
    Covering,
    Packed,
    coverage,
    covering,
    joined,
    packed,
    packed_cases,
)
from haiku_contract.generate.packing import Packable
from haiku_contract.generate.suite import barren, cases, suite, unreached

__all__ = [
    "Coverage",
    "Covering",
    "Packable",
    "Packed",
    "barren",
    "cases",
    "coverage",
    "covering",
    "joined",
    "packed",
    "packed_cases",
    "suite",
    "unreached",
]
