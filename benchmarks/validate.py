"""How much faster or slower validation is than the engines below it: ratios of medians, measured in one run."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import jsonschema_rs
import orjson

import haiku_contract as hc
from haiku_contract import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROUNDS: Final = 31
ROUND_SECONDS: Final = 0.02


def main() -> None:
    """Print one table per payload."""
    contract = hc.load(version="1.0.0")
    for name, payload in payloads().items():
        body = wire.encode(payload)
        subjects = calls(contract, payload, body)
        medians = measure(subjects)
        print(f"\n{name}, {len(body):,} bytes")
        for label, seconds in medians.items():
            print(f"  {label:<38}  {seconds * 1e6:>9.2f} us")
        for ours, others in COMPARED.items():
            for other in others:
                print(f"  {ours} / {other}: {medians[ours] / medians[other]:.3g}")


def payloads() -> dict[str, Any]:
    """A question of one line, and a conversation of 100 turns made of content blocks."""
    question = {
        "messages": [{"role": "user", "content": "What are the three laws of thermodynamics?"}],
        "max_tokens": 1024,
    }
    sentence = "The second law says that the entropy of an isolated system never decreases over time. "
    turns = [
        {
            "role": ("user", "assistant")[turn % 2],
            "content": [{"type": "text", "text": f"Turn {turn}: {sentence}"}, {"type": "text", "text": sentence}],
        }
        for turn in range(100)
    ]
    return {"simple question": question, "100 turns of blocks": {"messages": turns, "max_tokens": 1024}}


def calls(contract: hc.Contract, payload: Any, body: bytes) -> dict[str, Callable[[], object]]:
    """What is measured, by name; every call has to find the payload conforming."""
    schema: Any = contract.request.schema
    fast = jsonschema_rs.validator_for(schema).is_valid
    slow = jsonschema.Draft202012Validator(schema).is_valid
    subjects: dict[str, Callable[[], object]] = {
        "contract.request.is_valid": lambda: contract.request.is_valid(payload),
        "jsonschema_rs is_valid": lambda: fast(payload),
        "jsonschema is_valid": lambda: slow(payload),
        "contract.request.validate_bytes": lambda: contract.request.validate_bytes(body),
        "orjson.loads": lambda: orjson.loads(body),
        "orjson.loads, jsonschema_rs is_valid": lambda: fast(orjson.loads(body)),
    }
    for label, call in subjects.items():
        if not call():
            raise SystemExit(f"{label} finds the payload wrong")
    return subjects


COMPARED: Final = {
    "contract.request.is_valid": ("jsonschema_rs is_valid", "jsonschema is_valid"),
    "contract.request.validate_bytes": ("orjson.loads", "orjson.loads, jsonschema_rs is_valid"),
}
"""Which medians are set in proportion: each key to each of its values."""


def measure(subjects: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """The median seconds of one call; rounds of all subjects take turns, so that a busy machine slows all alike."""
    repeats = {label: max(1, int(ROUND_SECONDS / max(_seconds(call, 3), 1e-7))) for label, call in subjects.items()}
    rounds: dict[str, list[float]] = {label: [] for label in subjects}
    for _ in range(ROUNDS):
        for label, call in subjects.items():
            rounds[label].append(_seconds(call, repeats[label]))
    return {label: statistics.median(found) for label, found in rounds.items()}


def _seconds(call: Callable[[], object], repeat: int) -> float:
    started = time.process_time()  # of this process alone: others may be busy
    for _ in range(repeat):
        call()
    return (time.process_time() - started) / repeat


if __name__ == "__main__":
    main()
