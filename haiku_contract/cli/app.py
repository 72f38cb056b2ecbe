"""The group of all verbs, and how errors become one line and an exit code."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

import click

from haiku_contract import __version__
from haiku_contract.cli.audit import audit
from haiku_contract.cli.constraints import constraints
from haiku_contract.cli.explain import explain
from haiku_contract.cli.fuzz import fuzz
from haiku_contract.cli.generate import generate
from haiku_contract.cli.init import init
from haiku_contract.cli.record import command as record
from haiku_contract.cli.replay import replay
from haiku_contract.cli.serve import serve
from haiku_contract.cli.validate import validate
from haiku_contract.endpoint import live
from haiku_contract.endpoint.echoes import hidden
from haiku_contract.errors import EndpointError, HaikuContractError
from haiku_contract.report.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE: Final = 2
UNREACHABLE: Final = 4
_INTERRUPTED: Final = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="haiku-contract")
def group() -> None:
    """Contract testing for JSON endpoints.

    Exit codes: 0 fine, 1 findings or violations, 2 usage or configuration, 3 the budget ended before the
    suite, 4 endpoint unreachable.
    """


for _verb in (validate, constraints, generate, fuzz, replay, record, audit, serve, init, explain):
    group.add_command(_verb)


def run(arguments: Sequence[str]) -> int:
    """Run the command line on arguments.

    Returns:
        The exit code.
    """
    try:
        return int(group.main(list(arguments), prog_name="haiku-contract", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.exceptions.Abort:
        return _fail("interrupted", _INTERRUPTED)
    except (click.ClickException, HaikuContractError) as error:
        return _fail(_line(error), UNREACHABLE if isinstance(error, EndpointError) else USAGE)


def _line(error: click.ClickException | HaikuContractError) -> str:
    """What went wrong, in one line."""
    text = error.format_message().rstrip(".") if isinstance(error, click.ClickException) else str(error)
    hint = f"; see '{error.ctx.command_path} --help'" if isinstance(error, click.UsageError) and error.ctx else ""
    known = (
        os.environ.get(live.TOKEN, ""),
        os.environ.get(live.ACCOUNT, ""),
    )  # an error of somebody's check may hold it
    return one_line(hidden(text, known)) + hint


def _fail(message: str, code: int) -> int:
    with contextlib.suppress(OSError):  # nobody is listening; the exit code still tells
        click.echo(f"haiku-contract: {message}", err=True)
    return code
