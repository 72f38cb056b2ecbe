"""`fuzz --compare-with URL`: the same cases to two endpoints, within one budget."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import click

from haiku_contract.campaign.compare import compare
from haiku_contract.cli import running, targets
from haiku_contract.cli.options import write
from haiku_contract.errors import UsageError
from haiku_contract.report import structured, text
from haiku_contract.report.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.cli.fuzz import Options

_DIFFERENT: Final = 1
_BUDGET_REACHED: Final = 3
_OF_ONE: Final = ("cassette", "resume", "baseline", "list_faults", "explore")

_OPTIONS: Final = (
    click.option(
        "--compare-with",
        metavar="URL",
        help="Send the same cases there too, on the same surface, and print where verdicts differ.",
    ),
    click.option(
        "--compare-header",
        multiple=True,
        metavar="'NAME: VALUE'",
        help="As --header, for requests to --compare-with URL; neither endpoint is sent the headers of the other.",
    ),
)


def compare_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options `--compare-with` and `--compare-header`."""
    return reduce(lambda made, option: option(made), reversed(_OPTIONS), command)


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


def compare_with(options: Options) -> int:
    """Run the campaign against both endpoints at once, each with half of the budget, and print how they compare.

    Half of the budget each, because the same cases are to be left out at both where it does not reach.

    Returns:
        The exit code: 1 where they differ, else 3 where the budget ended before the suite.
    """
    check(options)
    half = replace(
        options,
        max_requests=None if options.max_requests is None else options.max_requests // 2,
        max_tokens=None if options.max_tokens is None else options.max_tokens // 2,
        max_cost=None if options.max_cost is None else options.max_cost / 2,
    )
    other = replace(half, url=options.compare_with, live=False, reference=False, header=options.compare_header)
    other = replace(other, account=None, gateway=None, fault=None)
    here, there = (
        running.Run(one, targets.destination(one, os.environ, option), running.transport_of(one))
        for one, option in ((half, "--header"), (other, "--compare-header"))
    )
    result = compare(*running.run_all([here, there]))
    as_json = options.form == "json"
    write(structured.dumps(structured.comparison(result)) if as_json else text.comparison(result), options.output)
    for one in (result.here, result.there):
        if one.stopped:
            left_out = counted(len(one.left_out), "case")
            click.echo(f"haiku-contract: {left_out} left out at {one.endpoint}: {one.stopped}", err=True)
    if result.differs:
        return _DIFFERENT
    return _BUDGET_REACHED if result.here.stopped or result.there.stopped else 0
