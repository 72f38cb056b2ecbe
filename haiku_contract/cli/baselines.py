"""`fuzz --baseline`: the options, the file, and what a campaign makes of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from haiku_contract.campaign import baseline
from haiku_contract.cli.options import read, write
from haiku_contract.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.campaign.baseline import Compared, Entry
    from haiku_contract.cli.fuzz import Options
    from haiku_contract.model import CampaignFinished

_DAYS: Final = 90
_OPTIONS: Final = (
    click.option("--baseline", metavar="FILE", help="Findings that are accepted: they are shown, and do not count."),
    click.option("--update-baseline", is_flag=True, help="Accept every finding of this run in --baseline FILE."),
    click.option("--reason", default="", metavar="TEXT", help="Why; for --update-baseline."),
    click.option(
        "--expires",
        type=click.DateTime(["%Y-%m-%d"]),
        metavar="DATE",
        help=f"The first day on which they count again; for --update-baseline. [default: in {_DAYS} days]",
    ),
)


def baseline_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options `--baseline`, `--update-baseline`, `--reason` and `--expires`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check(options: Options) -> None:
    """Refuse options that do not go together.

    Raises:
        UsageError: one lacks another, or the day is not to come.
    """
    if options.baseline is None and (options.update_baseline or options.reason):
        raise UsageError("--update-baseline and --reason need --baseline FILE")
    if options.update_baseline != bool(options.reason):
        raise UsageError("--update-baseline and --reason belong together: say why the findings are accepted")
    if options.expires is not None and (not options.update_baseline or options.expires.date() <= _today()):
        raise UsageError("--expires is a day to come, and belongs to --update-baseline")


def accepted(options: Options) -> tuple[Entry, ...]:
    """The entries of the file; none where it is to be written and is not there yet.

    Raises:
        UsageError: it is not a baseline.
    """
    if options.baseline is None or (options.update_baseline and not Path(options.baseline).exists()):
        return ()
    return baseline.read(read(options.baseline), options.baseline)


def compared(result: CampaignFinished, entries: tuple[Entry, ...]) -> Compared:
    """The findings of a campaign beside the baseline, as it is today."""
    return baseline.compare(result.findings, entries, _today(), hidden=baseline.unseen(result))


def update(options: Options, result: CampaignFinished, entries: tuple[Entry, ...]) -> None:
    """Write the file anew."""
    until = options.expires.date() if options.expires else _today() + dt.timedelta(days=_DAYS)
    hidden = baseline.unseen(result)
    text = baseline.updated(result.findings, entries, _today(), until=until, reason=options.reason, hidden=hidden)
    write(text, options.baseline)


def _today() -> dt.date:
    return dt.datetime.now(tz=dt.UTC).date()
