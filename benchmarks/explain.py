"""What a full explanation costs, and what a large image costs: ratios of medians, measured in one run."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import jsonschema_rs
from validate import measure, payloads

import haiku_contract as hc

IMAGE_BYTES = 5 * 1024 * 1024


def main() -> None:
    """Print both ratios."""
    contract = hc.load(version="1.0.0")
    schema: Any = contract.request.schema
    bad = copy.deepcopy(payloads()["100 turns of blocks"])
    bad["messages"][50]["role"] = "system"
    slow = jsonschema.Draft202012Validator(schema)
    medians = measure(
        {
            "contract.request.iter_errors": lambda: list(contract.request.iter_errors(bad)),
            "jsonschema iter_errors": lambda: list(slow.iter_errors(bad)),
        }
    )
    _print("the conversation with one bad role", medians)

    source = {"type": "base64", "media_type": "image/png", "data": "A" * IMAGE_BYTES}
    image = {"messages": [{"role": "user", "content": [{"type": "image", "source": source}]}], "max_tokens": 64}
    fast = jsonschema_rs.validator_for(schema).is_valid
    medians = measure(
        {
            "contract.request.is_valid": lambda: contract.request.is_valid(image),
            "jsonschema_rs is_valid": lambda: fast(image),
        }
    )
    _print("an image of 5 MB in base64", medians)


def _print(title: str, medians: dict[str, float]) -> None:
    (ours, our_seconds), (other, other_seconds) = medians.items()
    print(f"{title}\n  {ours:<30} {our_seconds * 1e6:10.2f} us\n  {other:<30} {other_seconds * 1e6:10.2f} us")
    print(f"  {ours} / {other}: {our_seconds / other_seconds:.4g}")


if __name__ == "__main__":
    main()
