"""`fuzz --compare-with URL`: the same cases to two endpoints, within one budget."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from haiku_contract.campaign.compare import compare
from haiku_contract.cli import targets
from haiku_contract.cli.options import write
from haiku_contract.errors import UsageError
from haiku_contract.report import structured, text
from haiku_contract.report.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from haiku_contract.cli.fuzz import Options
    from haiku_contract.model import CampaignFinished

    Run = Callable[[Options, targets.Destination, httpx.AsyncBaseTransport | None], CampaignFinished]

_DIFFERENT: Final = 1
_BUDGET_REACHED: Final = 3
_OF_ONE: Final = ("cassette", "resume", "baseline", "list_faults", "explore")

compare_option = click.option(
    "--compare-with",
    metavar="URL",
    help="Send the same cases there too, on the same surface and without credentials, and print where verdicts differ.",
)


def check(options: Options) -> None:
    """Refuse what is about one endpoint alone, and a budget that cannot be shared.

    Raises:
        UsageError: an option cannot go with `--compare-with`.
    """
    for name in _OF_ONE:
        if getattr(options, name):
            raise UsageError(f"--compare-with cannot go with --{name.replace('_', '-')}: that is about one endpoint")
    for name in ("max_requests", "max_tokens"):
        if getattr(options, name) == 1:
            raise UsageError(f"--{name.replace('_', '-')} 1 cannot be shared by two endpoints: give at least 2")


def compare_with(options: Options, run: Run, transport: httpx.AsyncBaseTransport | None) -> int:
    """Run the campaign against both endpoints, each with half of the budget, and print how they compare.

    Returns:
        The exit code: 1 where they differ, else 3 where the budget ended before the suite.
    """
    check(options)
    half = replace(
        options,
        max_requests=None if options.max_requests is None else options.max_requests // 2,
        max_tokens=None if options.max_tokens is None else options.max_tokens // 2,
        max_cost=None if options.max_cost is None else options.max_cost / 2,
        max_time=None if options.max_time is None else options.max_time / 2,
    )
    other = replace(half, url=options.compare_with, live=False, reference=False, header=(), fault=None)
    other = replace(other, account=None, gateway=None)
    to, there = (targets.destination(one, os.environ) for one in (half, other))
    result = compare(run(half, to, transport), run(other, there, None))
    as_json = options.form == "json"
    write(structured.dumps(structured.comparison(result)) if as_json else text.comparison(result), options.output)
    for one in (result.here, result.there):
        if one.stopped:
            left_out = counted(len(one.left_out), "case")
            click.echo(f"haiku-contract: {left_out} left out at {one.endpoint}: {one.stopped}", err=True)
    if result.differs:
        return _DIFFERENT
    return _BUDGET_REACHED if result.here.stopped or result.there.stopped else 0
