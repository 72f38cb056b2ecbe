"""How fast the suite is made, certificate of every case included, and how tightly its features are packed."""

from __future__ import annotations

import statistics
import time
from typing import Final

import haiku_contract as hc
from haiku_contract.contract import DEFAULT_MODEL, versions
from haiku_contract.generate import covering, suite

ROUNDS: Final = 9


def main() -> None:
    """Print one line per shipped version."""
    print(f"{'contract':<34}  {'cases':>6}  {'CPU ms':>8}  {'cases/s':>8}  packed requests (lower bound), CPU ms")
    for version in versions(DEFAULT_MODEL):
        rounds = []
        for _ in range(ROUNDS):
            contract = hc.load(DEFAULT_MODEL, version=version)  # nothing of the last round is cached
            started = time.process_time()
            cases = suite(contract)
            rounds.append(time.process_time() - started)
        seconds = statistics.median(rounds)
        started = time.process_time()
        packed = covering(contract)
        spent = (time.process_time() - started) * 1000
        shown = f"{len(packed.cases)} ({packed.lower_bound}) of {packed.wanted} features, {spent:.0f}"
        print(f"{contract.id:<34}  {len(cases):>6}  {seconds * 1000:>8.1f}  {len(cases) / seconds:>8.0f}  {shown}")


if __name__ == "__main__":
    main()
