"""From options to a campaign that runs: what is sent, what sends it, what it may cost, and who listens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
import httpx

from haiku_contract.campaign.blame import MOST_FURTHER
from haiku_contract.campaign.budget import Budget, check_priced, estimate
from haiku_contract.campaign.checks import Terms
from haiku_contract.campaign.drive import Sender, drive_async
from haiku_contract.campaign.journal import Journal
from haiku_contract.campaign.pace import pace
from haiku_contract.campaign.plan import thorough, thrifty
from haiku_contract.campaign.run import campaign
from haiku_contract.campaign.taped import Unhurried
from haiku_contract.cli.exploring import explorer_of
from haiku_contract.cli.sending import STEPS
from haiku_contract.endpoint.reference import faults
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.errors import UsageError
from haiku_contract.generate import suite
from haiku_contract.report import terminal
from haiku_contract.report.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from haiku_contract.campaign.plan import Plan
    from haiku_contract.cli import targets
    from haiku_contract.cli.fuzz import Options
    from haiku_contract.model import CampaignFinished, Event

_CONNECTING: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Run(NamedTuple):
    """One campaign to be run.

    Attributes:
        options: what is asked, and how.
        to: where it is sent.
        transport: what sends it; None for the network.
        further: takes every event.
    """

    options: Options
    to: targets.Destination
    transport: httpx.AsyncBaseTransport | None
    further: Callable[[Event], None] = lambda _: None


def run(
    options: Options,
    to: targets.Destination,
    transport: httpx.AsyncBaseTransport | None,
    further: Callable[[Event], None] = lambda _: None,
) -> CampaignFinished:
    """Run the campaign of the options; the arguments are the fields of `Run`."""
    (result,) = run_all([Run(options, to, transport, further)])
    return result


def run_all(runs: Sequence[Run]) -> tuple[CampaignFinished, ...]:
    """Run campaigns of the same cases side by side; what they can cost together is said before they start.

    Raises:
        EndpointError: one of the endpoints cannot be used; the other campaigns end at once.
    """
    options = runs[0].options
    plan = _plan(options)
    with contextlib.ExitStack() as stack:
        journal = stack.enter_context(_journal(runs[0])) if options.resume is not None else None
        if options.live:
            check_priced(options.contract, _budget(options))
            _announce(options, plan, journal, endpoints=len(runs))
        bar = stack.enter_context(terminal.Bar(terminal.console(sys.stderr, color=not options.no_color)))
        return asyncio.run(_together([_pump(one, plan, journal, bar) for one in runs]))


async def _together(pumps: Sequence[Any]) -> tuple[CampaignFinished, ...]:
    tasks = [asyncio.ensure_future(one) for one in pumps]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(one: Run, plan: Plan, journal: Journal | None, bar: Callable[[Event], None]) -> CampaignFinished:
    options = one.options

    def emit(event: Event) -> None:
        bar(event)
        one.further(event)

    steps = campaign(
        options.contract,
        plan,
        one.to.target,
        emit,
        seed=options.seed,
        width=options.concurrency,
        repeat=options.repeat,
        budget=_budget(options),
        known=journal.known if journal is not None else lambda _: None,
        terms=Terms(options.surface, options.max_ttfb, options.max_total, options.checks, one.to.hide),
        explorer=explorer_of(options, options.contract),
    )
    sender = _sender(options, one.to)
    async with client_of(one.transport, options.timeout) as client:
        return await drive_async(steps, client, sender if journal is None else replace(sender, arrived=journal))


def _plan(options: Options) -> Plan:
    contract, seed = options.contract, options.seed
    plan = thorough(suite(contract, "request", seed)) if options.thorough else thrifty(contract, seed)
    if not any(case.kind == "conforming" for case in plan.cases):
        raise UsageError(
            f"{contract.id}: no conforming request is known; 'haiku-contract generate --coverage' says why"
        )
    return plan


def _budget(options: Options) -> Budget:
    return Budget(options.max_requests, options.max_tokens, options.max_cost, options.max_time, options.free)


def _journal(one: Run) -> Journal:
    url = httpx.URL(one.to.target.url).copy_with(userinfo=b"")  # a password could be guessed from its digest
    address = f"{one.options.surface} {url} {one.options.fault}"
    return Journal(Path(str(one.options.resume)), one.options.contract.id, one.to.target.name, address)


def _sender(options: Options, to: targets.Destination) -> Sender:
    return Sender(
        to.target,
        options.contract.model_id,
        headers=to.headers,
        secrets=to.secrets,
        most_seconds=STEPS * options.timeout,
        attempts=1 if options.cassette else 1 + options.retries,
        pace=Unhurried() if options.cassette else pace(options.rate, real=options.live),
        most_requests=options.max_requests,
        once=to.target.billed and (options.max_cost, options.max_tokens) != (None, None),
        until=None if options.max_time is None else time.monotonic() + options.max_time,
    )


def _announce(options: Options, plan: Plan, journal: Journal | None, *, endpoints: int) -> None:
    """Say what is sent and what it can cost: what is in the journal already is not."""
    repeat = options.repeat
    left = [case for case in plan.cases if journal is None or journal.holds(case) < repeat]
    further = MOST_FURTHER if plan.packed else 0
    most, likely = estimate(options.contract, left, repeat=repeat * endpoints, further=further)
    fine = "the endpoint does what it should" if endpoints == 1 else "both endpoints do what they should"
    click.echo(
        f"haiku-contract: about {counted(likely.requests, 'request')} and {likely.cost:.2f} USD where {fine}; "
        f"at most {counted(most.requests, 'request')} and {most.cost:.2f} USD",
        err=True,
    )


def transport_of(options: targets.Place) -> httpx.AsyncBaseTransport | None:
    """The reference endpoint; None where the network is asked."""
    if options.url is not None or options.live:
        return None
    chosen = None if options.fault is None else faults.parse(options.contract, options.fault)
    return httpx.ASGITransport(create_app(options.contract, chosen), raise_app_exceptions=False)


def client_of(transport: httpx.AsyncBaseTransport | None, timeout: float) -> httpx.AsyncClient:
    """A client that sends through a transport, or over the network.

    Raises:
        UsageError: the environment has settings that it cannot use.
    """
    nothing = CookieJar(DefaultCookiePolicy(allowed_domains=()))  # what an endpoint sets is never sent back
    try:
        return httpx.AsyncClient(transport=transport, timeout=timeout, cookies=nothing)
    except (httpx.InvalidURL, ValueError, OSError, ImportError) as error:  # whose text may quote a password
        names = ", ".join(sorted(name for name in os.environ if name.upper() in _CONNECTING)) or type(error).__name__
        raise UsageError(
            f"the proxy or certificate settings of this environment cannot be used; check {names}"
        ) from None
