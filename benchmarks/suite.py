"""How fast the suite is made, certificate of every case included, and how tightly its features are packed."""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any, Final

import haiku_contract as hc
from haiku_contract.contract import DEFAULT_MODEL, versions
from haiku_contract.generate import covering, suite

ROUNDS: Final = 9
BAR: Final = 0.5
BOOLEANS: Final = ((30, None), (200, None), (2_000, None), (40, 3))
"""Optional properties, and how many of them may be present, where not all may."""


def main() -> int:
    """Print one line per shipped version, and one per object of booleans; 1 when a bar is missed."""
    slowest = 0.0
    print(f"{'contract':<34}  {'cases':>6}  {'CPU ms':>8}  {'cases/s':>8}  packed requests")
    for version in versions(DEFAULT_MODEL):
        rounds = []
        for _ in range(ROUNDS):
            contract = hc.load(DEFAULT_MODEL, version=version)  # nothing of the last round is cached
            started = time.process_time()
            cases = suite(contract)
            rounds.append(time.process_time() - started)
        seconds = statistics.median(rounds)
        slowest = max(slowest, seconds)
        told = packing(hc.load(DEFAULT_MODEL, version=version))
        print(f"{contract.id:<34}  {len(cases):>6}  {seconds * 1000:>8.1f}  {len(cases) / seconds:>8.0f}  {told}")
    for count, most in BOOLEANS:
        properties = {f"p{index}": {"type": "boolean"} for index in range(count)}
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        schema |= {} if most is None else {"maxProperties": most}
        response = hc.SchemaValidator("response", {"type": "null"})
        contract = hc.Contract("booleans", "Booleans", "1.0.0", {}, hc.RequestValidator(schema), response)
        name = f"{count} optional booleans" + ("" if most is None else f", {most} at most")
        print(f"{name:<34}  {'':>26}  {packing(contract)}")
    print(f"slowest suite: {slowest:.2f} s of processor time (bar {BAR})")
    return int(slowest > BAR)


def packing(contract: hc.Contract) -> str:
    """How many packed requests there are, how few there can be, what they show, and how long it takes."""
    started = time.process_time()
    packed = covering(contract)
    spent = (time.process_time() - started) * 1000
    shown = f"{packed.wanted - len(packed.missed)} of {packed.wanted} features"
    together = f"{sum(packed.combinations)} of {packed.possible} combinations"
    return f"{len(packed.cases)} (no fewer than {packed.lower_bound}): {shown}, {together}; {spent:.0f} ms"


if __name__ == "__main__":
    sys.exit(main())
