"""Examples per second of `requests()`, of `hypothesis-jsonschema`, and of strategies written by hand, in one run."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema

import haiku_contract as hc
from haiku_contract.strategies import requests

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES: Final = 200
FEW: Final = 30
ROUNDS: Final = 5
BARS: Final = (
    ("requests()", "from_schema()", 15),
    ("requests()", "by hand", 0.7),
    ("requests(realistic=False)", "by hand, any text", 0.7),
)

TEXTS: Final = st.text()
NUMBERS: Final = st.floats(allow_nan=False, allow_infinity=False) | st.integers()


WRITTEN: Final = st.sampled_from(["Hello", "Be brief.", "What are the three laws of thermodynamics?", "text", "image"])
"""What people write."""


def by_hand(*, realistic: bool) -> st.SearchStrategy[Any]:
    """What a person would write for the request schema of 1.1.1, nothing left out; texts of people, or any."""
    texts = WRITTEN | WRITTEN | TEXTS if realistic else TEXTS
    shares = st.floats(0, 1) | st.integers(0, 1)
    counts = st.floats(0, exclude_min=True, allow_infinity=False) | st.integers(1)
    if realistic:
        shares = st.sampled_from([0, 0.3, 0.5, 0.7, 1]) | shares
        counts = st.sampled_from([1, 16, 1024, 8192]) | counts
    cache = st.fixed_dictionaries({"type": st.just("ephemeral")}, optional={"ttl": st.sampled_from(["5m", "1h"])})
    further = st.dictionaries(texts, st.none() | st.booleans() | NUMBERS | texts, max_size=3)
    block = st.builds(
        lambda more, known: {**more, **known},
        further,
        st.fixed_dictionaries({"type": texts}, optional={"text": texts, "cache_control": cache}),
    )
    message = st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant"]), "content": texts | st.lists(block, max_size=4)}
    )
    optional = {"system": texts, "temperature": shares, "top_p": shares, "top_k": counts, "stream": st.booleans()}
    return st.builds(
        lambda more, known: {**more, **known},
        further,
        st.fixed_dictionaries(
            {"messages": st.lists(message, max_size=4), "max_tokens": counts},
            optional={**optional, "metadata": further},
        ),
    )


def main() -> int:
    """Print examples per second and the ratios with their bars; 1 when one is missed."""
    contract = hc.load(version="1.1.1")
    judge = contract.request.engine.is_valid
    subjects: dict[str, tuple[st.SearchStrategy[Any], int]] = {
        "requests()": (requests(contract), EXAMPLES),
        "requests(realistic=False)": (requests(contract, realistic=False), EXAMPLES),
        "by hand": (by_hand(realistic=True), EXAMPLES),
        "by hand, any text": (by_hand(realistic=False), EXAMPLES),
        "from_schema()": (from_schema(contract.request.schema), FEW),  # type: ignore[arg-type]  # a JSON Schema
    }
    found: dict[str, float] = {}
    for _ in range(ROUNDS):  # in turn, so that a busy machine is busy for all of them
        for name, (values, examples) in subjects.items():
            try:
                found[name] = max(found.get(name, 0.0), rate(values, examples, judge))
            except AttributeError as error:  # under Hypothesis 6.170.10 and later
                print(f"{name} does not work with this Hypothesis: {error}")
                return 2
    for name, one in found.items():
        print(f"{name:<26}  {one:>8.0f} examples/s")
    missed = False
    for name, other, bar in BARS:
        ratio = found[name] / found[other]
        missed |= ratio < bar
        print(f"{name} / {other}: {ratio:.2f} (bar {bar})")
    return int(missed)


def rate(values: st.SearchStrategy[Any], examples: int, judge: Callable[[Any], bool]) -> float:
    """Examples per second of processor time; every example is judged."""
    drawn = 0

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),  # the slow one is what is measured
    )
    @given(values)
    def draw(value: Any) -> None:
        nonlocal drawn
        drawn += judge(value)

    started = time.process_time()
    draw()
    return drawn / (time.process_time() - started)


if __name__ == "__main__":
    sys.exit(main())
