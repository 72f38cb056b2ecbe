"""Campaigns in tests, and what the terminal says of them at the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.errors import MissingExtraError
from haiku_contract.model import VerdictKind
from haiku_contract.report.text import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.model import CampaignFinished, Case
    from haiku_contract.pytest_plugin.endpoints import Endpoint
    from haiku_contract.pytest_plugin.settings import Settings

_MOST_ROWS: Final = 20
_AS_IT_SHOULD_BE: Final = (
    VerdictKind.ENFORCED,
    VerdictKind.HELD,
    VerdictKind.UNVIOLABLE,
    VerdictKind.UNEXERCISED,
)


def run(
    contract: Contract, endpoint: Endpoint, settings: Settings, cases: Sequence[Case] | None, seed: int
) -> CampaignFinished:
    """Send the suite to an endpoint, or the cases that are given, and judge what comes back.

    Raises:
        MissingExtraError: what campaigns need is not installed.
        EndpointError: the endpoint cannot be reached, or the cassette does not hold what is asked.
    """
    try:
        from haiku_contract.campaign.drive import Sender, drive  # noqa: PLC0415 - an optional part
    except ModuleNotFoundError as error:
        if error.name != "tenacity":
            raise
        raise MissingExtraError("fuzz") from None
    import httpx  # noqa: PLC0415 - see above

    from haiku_contract.campaign.budget import Budget  # noqa: PLC0415
    from haiku_contract.campaign.run import Target, campaign  # noqa: PLC0415
    from haiku_contract.generate import suite  # noqa: PLC0415

    target = Target(endpoint.name, endpoint.base_url + endpoint.surface.path, endpoint.surface, billed=endpoint.billed)
    real = settings.endpoint == "live"
    budget = Budget(cost=settings.max_cost or None, free=not settings.max_cost) if real else Budget()
    sent = suite(contract, "request") if cases is None else tuple(cases)
    sender = Sender(target, contract.model_id, headers=endpoint.headers, secrets=endpoint.secrets)
    with httpx.Client(transport=endpoint.transport(), timeout=30) as client:
        return drive(campaign(contract, sent, target, lambda _: None, seed=seed, budget=budget), client, sender)


def told(result: CampaignFinished) -> dict[str, Any]:
    """What is kept of a campaign for the terminal: plain values, which can be sent from one process to another."""
    return {
        "contract": result.contract,
        "endpoint": result.endpoint,
        "requests": result.requests,
        "cost": result.cost_usd,
        "verdicts": {str(kind): number for kind, number in Counter(one.verdict for one in result.verdicts).items()},
        "rows": [
            [str(one.verdict), one.constraint, one.witness or "-", one.detail]
            for one in result.verdicts
            if one.verdict not in _AS_IT_SHOULD_BE
        ],
        "findings": len(result.findings),
        "stopped": result.stopped,
        "left_out": len(result.left_out),
    }


def lines(test: str, campaign: dict[str, Any]) -> Iterator[str]:
    """The enforcement matrix in short: how many verdicts of each kind, and all that are not as they should be."""
    cost = f", {campaign['cost']:.6f} USD" if campaign["cost"] else ""
    yield f"{test}: {campaign['contract']}, {counted(campaign['requests'], 'request')} to {campaign['endpoint']}{cost}"
    counts = campaign["verdicts"]
    verdicts = ", ".join(f"{counts[kind]} {kind}" for kind in VerdictKind if kind in counts)
    yield f"  {verdicts}; {counted(campaign['findings'], 'finding')}"
    rows = campaign["rows"]
    widths = [max((len(row[column]) for row in rows[:_MOST_ROWS]), default=0) for column in range(3)]
    for row in rows[:_MOST_ROWS]:
        cells = (one_line(cell).ljust(width) for cell, width in zip(row, (*widths, 0), strict=True))
        yield "  " + "  ".join(cells).rstrip()
    if len(rows) > _MOST_ROWS:
        yield f"  and {len(rows) - _MOST_ROWS} more"
    if campaign["stopped"]:
        yield f"  {counted(campaign['left_out'], 'case')} left out: {campaign['stopped']}"
