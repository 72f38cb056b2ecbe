"""How fast the suite is made: cases per second of processor time, certificate of every case included."""

from __future__ import annotations

import statistics
import time
from typing import Final

import haiku_contract as hc
from haiku_contract.contract import DEFAULT_MODEL, versions
from haiku_contract.generate import suite

ROUNDS: Final = 9


def main() -> None:
    """Print one line per shipped version."""
    print(f"{'contract':<34}  {'cases':>6}  {'CPU ms':>8}  {'cases/s':>8}")
    for version in versions(DEFAULT_MODEL):
        rounds = []
        for _ in range(ROUNDS):
            contract = hc.load(DEFAULT_MODEL, version=version)  # nothing of the last round is cached
            started = time.process_time()
            cases = suite(contract)
            rounds.append(time.process_time() - started)
        seconds = statistics.median(rounds)
        print(f"{contract.id:<34}  {len(cases):>6}  {seconds * 1000:>8.1f}  {len(cases) / seconds:>8.0f}")


if __name__ == "__main__":
    main()
