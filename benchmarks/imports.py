"""What `import haiku_contract` costs, and its names at first use, against importing what it requires without httpx."""

from __future__ import annotations

import statistics
import subprocess
import sys

ROUNDS = 21
SUBJECTS = {
    "import haiku_contract": "import haiku_contract",
    "its names": "from haiku_contract import load, Violation, RequestValidator, StreamValidator, SchemaValidator",
    "its requirements": "import jsonschema, jsonschema_rs, orjson",
    "nothing": "pass",
}
TIMED = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"


def main() -> None:
    """Print the medians and the ratio."""
    rounds: dict[str, list[float]] = {name: [] for name in SUBJECTS}
    for _ in range(ROUNDS):
        for name, code in SUBJECTS.items():
            run = subprocess.run([sys.executable, "-c", TIMED.format(code)], capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter
            rounds[name].append(float(run.stdout))
    medians = {name: statistics.median(found) for name, found in rounds.items()}
    for name, seconds in medians.items():
        print(f"{name:<24} {seconds * 1e3:8.2f} ms")
    for name in ("import haiku_contract", "its names"):
        print(f"{name} / its requirements: {medians[name] / medians['its requirements']:.3f}")


if __name__ == "__main__":
    main()
