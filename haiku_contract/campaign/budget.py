"""What a campaign may cost, what it can cost at most, and which cases still fit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract import wire
from haiku_contract.campaign.outcomes import EVENT_STREAM, media_type
from haiku_contract.endpoint.surfaces import message
from haiku_contract.errors import UsageError
from haiku_contract.stream import StreamValidator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from haiku_contract.contract import Contract
    from haiku_contract.model import Case, Exchange

_MILLION: Final = 1_000_000
_MOST_TOKENS: Final = 1e12


class Use(NamedTuple):
    """What requests use up: how many they are, their tokens (both ways), and dollars."""

    requests: int = 0
    tokens: int = 0
    cost: float = 0.0

    def plus(self, other: Use) -> Use:
        """Both together."""
        return Use(self.requests + other.requests, self.tokens + other.tokens, self.cost + other.cost)


def total(uses: Iterable[Use]) -> Use:
    """All of them together."""
    return reduce(Use.plus, uses, Use())


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of a campaign; None is no limit.

    Attributes:
        requests: how many requests may be sent.
        tokens: how many tokens may be used, input and output together.
        cost: dollars.
        seconds: how long the campaign may send.
        free: stop at the first answer that is billed.
    """

    requests: int | None = None
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    free: bool = False

    def allows(self, spent: Use, more: Use) -> bool:
        """Whether something more may be sent, at its worst."""
        after = spent.plus(more)
        return all(
            limit is None or amount <= limit
            for limit, amount in zip((self.requests, self.tokens, self.cost), after, strict=True)
        )


UNLIMITED: Final = Budget()
"""No limit at all."""


class Estimate(NamedTuple):
    """What a campaign uses at most, and what it uses when the endpoint accepts what conforms and nothing else."""

    most: Use
    likely: Use


def worst(contract: Contract, case: Case) -> Use:
    """What one case uses at most: a token for every byte that is sent, and as many back as it asks for."""
    asked = case.payload.get("max_tokens") if isinstance(case.payload, dict) else None
    is_number = isinstance(asked, (int, float)) and not isinstance(asked, bool)
    most = contract.manifest.get("limits", {}).get("max_output_tokens")
    output = max(0, _count(asked)) if is_number else 0
    if isinstance(most, int):
        output = min(output, most)
    return Use(1, len(case.body) + output, priced(contract, len(case.body), output) or 0.0)


def used_up(contract: Contract, exchange: Exchange) -> Use:
    """What an answer reports to have used, at the manifest's prices; nothing where it reports nothing."""
    if media_type(exchange) == EVENT_STREAM and contract.stream is not None:
        stream = StreamValidator(contract)
        stream.feed(exchange.body)
        value = stream.message
    else:
        value = message(wire.decode(exchange.body).value)
    usage = value.get("usage") if isinstance(value, dict) else None
    if not isinstance(usage, dict):
        return Use(exchange.attempts)
    sent, received = (_count(usage.get(name)) for name in ("input_tokens", "output_tokens"))
    return Use(exchange.attempts, sent + received, priced(contract, sent, received) or 0.0)


def _count(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and value == value and abs(value) < _MOST_TOKENS else 0  # noqa: PLR0124 - NaN


def priced(contract: Contract, sent: float, received: float) -> float | None:
    """Dollars for that many tokens; None where the contract names no prices."""
    prices = contract.manifest.get("prices", {})
    if not {"input", "output"} <= prices.keys():
        return None
    return float((sent * prices["input"] + received * prices["output"]) / prices.get("per_tokens", _MILLION))


def estimate(contract: Contract, cases: Iterable[Case], *, repeat: int = 1, further: int = 0) -> Estimate:
    """What sending cases uses; those with the same bytes are one.

    Args:
        contract: whose prices.
        cases: what is sent when nothing goes wrong.
        repeat: how often each is sent.
        further: how many more conforming requests there may be when something does.
    """
    different = {(case.body, case.content_type): case for case in cases}.values()
    uses = [(case.kind, worst(contract, case)) for case in different for _ in range(repeat)]
    conforming = [use for kind, use in uses if kind == "conforming"]
    costliest = max(conforming, key=lambda use: use.tokens, default=Use(1))
    everything = total(use for _, use in uses)
    return Estimate(
        total((everything, *[costliest] * (repeat * further))), total(conforming)._replace(requests=everything.requests)
    )


def check_priced(contract: Contract, budget: Budget) -> None:
    """An unpriced model is not a free one.

    Raises:
        UsageError: there are no prices, and nothing limits the number of requests.
    """
    if priced(contract, 0, 0) is None and budget.requests is None:
        raise UsageError(f"{contract.id} names no prices, so its cost is unknown: give --max-requests")
