"""Where requests go, and how patiently: the options that every verb has which sends some."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import click

from haiku_contract.cli.headers import header_option
from haiku_contract.endpoint import surfaces

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS: Final = 4
"""How many times the time of one step a whole answer may take."""

_TIMEOUT: Final = 30.0
_LEAST_TIMEOUT: Final = 0.1
_MOST_TIMEOUT: Final = 600

_OPTIONS: Final = (
    click.option("--url", metavar="URL", help="An HTTP endpoint; without it, the reference endpoint in this process."),
    click.option("--live", is_flag=True, help="The real endpoint; the environment says who asks."),
    click.option("--reference", is_flag=True, help="The reference endpoint in this process (the default)."),
    click.option(
        "--surface",
        type=click.Choice(list(surfaces.SURFACES)),
        help="The wire form; 'bare' posts the input as it is. [default: bare; messages with --live]",
    ),
    click.option("--account", metavar="ID", help="The account, where the environment does not name it."),
    click.option("--gateway", metavar="ID", help="The gateway, where the environment does not name it."),
    header_option,
    click.option(
        "--timeout",
        type=click.FloatRange(_LEAST_TIMEOUT, _MOST_TIMEOUT),
        default=_TIMEOUT,
        show_default=True,
        help="Seconds per step; a whole answer may take four times as long.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0, 10),
        default=3,
        show_default=True,
        help="How often a request is sent again while the endpoint is busy.",
    ),
)


def sending_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options, in the order of this table."""
    return reduce(lambda made, option: option(made), reversed(_OPTIONS), command)
