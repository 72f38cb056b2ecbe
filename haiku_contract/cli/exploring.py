"""`fuzz --explore`: what the exploration is to do, and what it can cost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from haiku_contract.campaign.budget import priced
from haiku_contract.errors import UsageError

if TYPE_CHECKING:
    from haiku_contract.campaign.run import Explorer
    from haiku_contract.contract import Contract


class Exploring(Protocol):
    """The options of an exploration."""

    @property
    def explore(self) -> int | None:
        """How many requests are drawn; None for no exploration."""

    @property
    def database(self) -> str | None:
        """Where what is found is kept."""

    @property
    def seed(self) -> int:
        """What is drawn."""

    @property
    def live(self) -> bool:
        """Whether requests cost money."""


def check(options: Exploring) -> None:
    """Refuse a database that nothing would be kept in.

    Raises:
        UsageError: nothing is explored, or it is no folder.
    """
    if options.database is None:
        return
    if options.explore is None:
        raise UsageError("--database keeps what --explore N has found: give both")
    if Path(options.database).exists() and not Path(options.database).is_dir():
        raise UsageError(f"{options.database}: not a folder; --database keeps a file for each thing that it has found")


def explorer_of(options: Exploring, contract: Contract) -> Explorer | None:
    """What draws more requests, where that is asked for; what it can cost is said."""
    if options.explore is None:
        return None
    os.environ.setdefault(
        "HYPOTHESIS_STORAGE_DIRECTORY", str(Path(os.devnull, "nowhere"))
    )  # else it litters the folder
    from haiku_contract.campaign import explore  # noqa: PLC0415 - Hypothesis is slow to import

    most = 2 * options.explore
    answer = contract.manifest.get("limits", {}).get("max_output_tokens", explore.MOST_BYTES)
    cost = priced(contract, most * explore.MOST_BYTES, most * answer) if options.live else None
    dollars = "" if cost is None else f" and {cost:.2f} USD"
    line = f"exploring with --seed {options.seed}, at most {most} more requests{dollars}"
    click.echo(f"haiku-contract: {line}", err=True)
    folder = None if options.database is None else Path(options.database)
    return explore.explorer(contract, examples=options.explore, seed=options.seed, database=folder)
