"""Examples per second of `requests()`, of `hypothesis-jsonschema`, and of strategies written by hand, in one run."""

from __future__ import annotations

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
ROUNDS: Final = 3

TEXTS: Final = st.text()
NUMBERS: Final = st.floats(allow_nan=False, allow_infinity=False) | st.integers()


def by_hand() -> st.SearchStrategy[Any]:
    """What a person would write for the request schema of 1.1.1, nothing left out."""
    shares = st.floats(0, 1) | st.integers(0, 1)
    cache = st.fixed_dictionaries({"type": st.just("ephemeral")}, optional={"ttl": st.sampled_from(["5m", "1h"])})
    further = st.dictionaries(TEXTS, st.none() | st.booleans() | NUMBERS | TEXTS, max_size=3)
    block = st.builds(
        lambda more, known: {**more, **known},
        further,
        st.fixed_dictionaries({"type": TEXTS}, optional={"text": TEXTS, "cache_control": cache}),
    )
    message = st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant"]), "content": TEXTS | st.lists(block, max_size=4)}
    )
    return st.builds(
        lambda more, known: {**more, **known},
        further,
        st.fixed_dictionaries(
            {
                "messages": st.lists(message, max_size=4),
                "max_tokens": st.floats(0, exclude_min=True, allow_infinity=False) | st.integers(1),
            },
            optional={
                "system": TEXTS,
                "temperature": shares,
                "top_p": shares,
                "top_k": st.floats(0, exclude_min=True, allow_infinity=False) | st.integers(1),
                "stream": st.booleans(),
            },
        ),
    )


def main() -> None:
    """Print examples per second and the two ratios."""
    contract = hc.load(version="1.1.1")
    judge = contract.request.engine.is_valid
    found = {
        "requests()": rate(requests(contract), EXAMPLES, judge),
        "by hand": rate(by_hand(), EXAMPLES, judge),
    }
    try:
        found["from_schema()"] = rate(from_schema(contract.request.schema), FEW, judge)  # type: ignore[arg-type]
    except AttributeError as error:  # under Hypothesis 6.170.10 and later
        print(f"from_schema() does not work with this Hypothesis: {error}")
    for name, one in found.items():
        print(f"{name:<14}  {one:>8.0f} examples/s")
    for name in [other for other in found if other != "requests()"]:
        print(f"requests() / {name}: {found['requests()'] / found[name]:.2f}")


def rate(values: st.SearchStrategy[Any], examples: int, judge: Callable[[Any], bool]) -> float:
    """Examples per second of processor time, the best of some rounds; every example is judged."""
    best = 0.0
    for _ in range(ROUNDS):
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
        best = max(best, drawn / (time.process_time() - started))
    return best


if __name__ == "__main__":
    main()
