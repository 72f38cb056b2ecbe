"""Campaigns in tests, and what the terminal says of them at the end."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.campaign.blame import MOST_FURTHER
from haiku_contract.campaign.budget import UNLIMITED, Budget, estimate, priced
from haiku_contract.endpoint.cassette import load
from haiku_contract.errors import EndpointError, MissingExtraError, StaleCassetteError, UsageError
from haiku_contract.model import Case, VerdictKind
from haiku_contract.report.text import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from haiku_contract.campaign.plan import Plan
    from haiku_contract.contract import Contract
    from haiku_contract.model import CampaignFinished, Verdict
    from haiku_contract.pytest_plugin.endpoints import Endpoint
    from haiku_contract.pytest_plugin.settings import Settings

MOST_ROWS: Final = 20
_MOST_STALE: Final = 5
_ATTEMPTS: Final = 4  # as `haiku-contract fuzz` does
_OPTIONS: Final = {"reference endpoint": "reference", "the real endpoint": "live"}
"""Which option names an endpoint, by how its recordings name it."""
_AS_IT_SHOULD_BE: Final = (
    VerdictKind.ENFORCED,
    VerdictKind.HELD,
    VerdictKind.UNVIOLABLE,
    VerdictKind.UNEXERCISED,
)


def run(
    contract: Contract,
    endpoint: Endpoint,
    settings: Settings,
    cases: Sequence[Case] | None,
    *,
    seed: int = 0,
    say: Callable[[str], None],
) -> tuple[CampaignFinished, tuple[str, ...]]:
    """Ask an endpoint what it enforces, and judge what comes back.

    Args:
        contract: what it is held against.
        endpoint: who answers.
        settings: what it may cost.
        cases: what is sent; None for the requests of `haiku-contract fuzz`.
        seed: of the requests of `haiku-contract fuzz`; recorded in the result.
        say: takes what there is to say before a request is sent that costs money.

    Returns:
        The result, and the ids of the cases that are not in the cassette.

    Raises:
        MissingExtraError: what campaigns need is not installed.
        StaleCassetteError: not even the first case is in the cassette.
        EndpointError: the endpoint cannot be reached.
        UsageError: the contract names no prices, and no cost can be held; or what is to be sent is no case.
    """
    try:
        from haiku_contract.campaign.drive import Sender, drive  # noqa: PLC0415 - an optional part
    except ModuleNotFoundError as error:
        if error.name != "tenacity":
            raise
        raise MissingExtraError("fuzz") from None
    import httpx  # noqa: PLC0415 - see above

    from haiku_contract.campaign.pace import pace  # noqa: PLC0415
    from haiku_contract.campaign.plan import thorough, thrifty  # noqa: PLC0415
    from haiku_contract.campaign.run import Target, campaign  # noqa: PLC0415
    from haiku_contract.campaign.taped import CampaignTransport, Stale, Unhurried  # noqa: PLC0415

    plan = thrifty(contract, seed) if cases is None else thorough(_checked(cases))
    real = settings.endpoint == "live"
    budget = _budget(contract, plan, settings, say) if real else UNLIMITED
    target = Target(endpoint.name, endpoint.base_url + endpoint.surface.path, endpoint.surface, billed=endpoint.billed)
    paced = pace("auto", real=real) if endpoint.cassette is None else Unhurried()
    asked: dict[str, Any] = {"headers": endpoint.headers, "secrets": endpoint.secrets, "pace": paced}
    sender = Sender(target, contract.model_id, attempts=_ATTEMPTS if endpoint.cassette is None else 1, **asked)
    stale = Stale()
    transport = endpoint.transport() if endpoint.cassette is None else CampaignTransport(load(endpoint.cassette))
    with httpx.Client(transport=transport, timeout=30) as client:
        try:
            result = drive(campaign(contract, plan, target, stale, seed=seed, budget=budget), client, sender)
        except EndpointError:
            if not getattr(transport, "missed", 0):
                raise
            first = plan.cases[0].id
            raise StaleCassetteError(f"{endpoint.name}: not even {first} is in it") from None
    return stale.told(result), tuple(stale.cases)


def _checked(cases: Sequence[Case]) -> tuple[Case, ...]:
    for case in cases:
        if not isinstance(case, Case):
            raise UsageError(f"{case!r:.80} is no case: give those of 'haiku_contract.generate.cases(contract)'")
    return tuple(cases)


def _budget(contract: Contract, plan: Plan, settings: Settings, say: Callable[[str], None]) -> Budget:
    """What a campaign against the real endpoint may cost; says first what it can cost."""
    if priced(contract, 0, 0) is None:
        raise UsageError(
            f"{contract.id} names no prices, so its cost is unknown: run 'haiku-contract fuzz --live --max-requests N'"
        )
    most, likely = estimate(contract, plan.cases, further=MOST_FURTHER if plan.packed else 0)
    ends = (
        f"it ends at {settings.max_cost:g} USD"
        if settings.max_cost
        else "it ends at the first answer that is billed, which --contract-max-cost USD changes"
    )
    say(
        f"contract campaign: about {counted(likely.requests, 'request')} and {likely.cost:.2f} USD where the endpoint "
        f"does what it should, at most {counted(most.requests, 'request')} and {most.cost:.2f} USD; {ends}"
    )
    return Budget(cost=settings.max_cost or None, free=not settings.max_cost)


def check(endpoint: Endpoint, stale: Sequence[str], asked: Sequence[str]) -> None:
    """Say which cases the cassette of a test lacks, and how they are recorded.

    Args:
        endpoint: who answered.
        stale: the cases.
        asked: the test, and what the command line says of what is asked.

    Raises:
        StaleCassetteError: it lacks some.
    """
    if not stale or endpoint.cassette is None:
        return
    further = f" and {len(stale) - _MOST_STALE} more" if len(stale) > _MOST_STALE else ""
    raise StaleCassetteError(
        f"{endpoint.name}: {counted(len(stale), 'case')} not in it: {', '.join(stale[:_MOST_STALE])}{further}; "
        f"{again(endpoint, asked)}"
    )


def again(endpoint: Endpoint, asked: Sequence[str]) -> str:
    """How what is not in a cassette is recorded; arguments as of `check`."""
    known = "" if endpoint.cassette is None else load(endpoint.cassette).about.get("endpoint", "")
    where = next((option for name, option in _OPTIONS.items() if known.startswith(name)), known or "URL")
    words = ["pytest", *asked, "--contract-endpoint", where, "--contract-record-mode", "new"]
    return f"record them with: {shlex.join(words)}"


def told(result: CampaignFinished) -> dict[str, Any]:
    """What is kept of a campaign for the terminal: plain values, which can be sent from one process to another."""
    return {
        "contract": result.contract,
        "endpoint": result.endpoint,
        "requests": result.requests,
        "cost": result.cost_usd,
        "verdicts": {str(kind): number for kind, number in Counter(one.verdict for one in result.verdicts).items()},
        "rows": [*_amiss(result.verdicts), *_undetermined(result.verdicts)],
        "findings": len(result.findings),
        "stopped": result.stopped,
        "left_out": len(result.left_out),
    }


def _amiss(verdicts: Iterable[Verdict]) -> Iterator[list[str]]:
    """A row for each verdict that is not as it should be."""
    for one in verdicts:
        if one.verdict not in (*_AS_IT_SHOULD_BE, VerdictKind.UNDETERMINED):
            yield [str(one.verdict), one.constraint, one.witness or "-", one.detail]


def _undetermined(verdicts: Iterable[Verdict]) -> Iterator[list[str]]:
    """A row for each reason why nothing is known, of which there are few, and not for each constraint."""
    reasons: dict[str, list[Verdict]] = {}
    for one in verdicts:
        if one.verdict == VerdictKind.UNDETERMINED:
            reasons.setdefault(one.detail, []).append(one)
    for detail, some in reasons.items():
        named = some[0].constraint if len(some) == 1 else counted(len(some), "constraint")
        yield [str(VerdictKind.UNDETERMINED), named, some[0].witness or "-", detail]


def lines(test: str, campaign: dict[str, Any]) -> Iterator[str]:
    """The enforcement matrix in short: how many verdicts of each kind, and all that are not as they should be."""
    cost = f", {campaign['cost']:.6f} USD" if campaign["cost"] else ""
    yield f"{test}: {campaign['contract']}, {counted(campaign['requests'], 'request')} to {campaign['endpoint']}{cost}"
    counts = campaign["verdicts"]
    verdicts = ", ".join(f"{counts[kind]} {kind}" for kind in VerdictKind if kind in counts)
    yield f"  {verdicts}; {counted(campaign['findings'], 'finding')}"
    rows = campaign["rows"]
    widths = [max((len(row[column]) for row in rows[:MOST_ROWS]), default=0) for column in range(3)]
    for row in rows[:MOST_ROWS]:
        cells = (one_line(cell).ljust(width) for cell, width in zip(row, (*widths, 0), strict=True))
        yield "  " + "  ".join(cells).rstrip()
    if len(rows) > MOST_ROWS:
        yield f"  and {len(rows) - MOST_ROWS} more"
    if campaign["stopped"]:
        yield f"  {counted(campaign['left_out'], 'case')} left out: {campaign['stopped']}"
