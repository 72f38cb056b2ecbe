"""`haiku-contract fuzz`: the campaign, and the enforcement matrix that comes of it."""

from __future__ import annotations

import io
import math
import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from haiku_contract.cli import baselines, comparing, exploring, running, targets
from haiku_contract.cli.baselines import baseline_options
from haiku_contract.cli.cassettes import Tape, cassette_option, max_age_option
from haiku_contract.cli.checks import check_option, limits_options
from haiku_contract.cli.comparing import compare_options
from haiku_contract.cli.options import contract_option, format_option, no_color_option, output_option, write
from haiku_contract.cli.sections import SectionedCommand
from haiku_contract.cli.sending import sending_options
from haiku_contract.endpoint.reference import faults
from haiku_contract.errors import EndpointError, UsageError
from haiku_contract.model import VerdictKind
from haiku_contract.report import structured, terminal
from haiku_contract.report.text import counted

if TYPE_CHECKING:
    import datetime as dt

    from haiku_contract.campaign.baseline import Compared
    from haiku_contract.campaign.checks import Check
    from haiku_contract.campaign.reproduce import Recipe
    from haiku_contract.contract import Contract
    from haiku_contract.model import CampaignFinished

BUDGET_REACHED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of the command line, as given."""

    contract: Contract
    url: str | None
    live: bool
    reference: bool
    cassette: str | None
    max_age: int | None
    surface: str
    account: str | None
    gateway: str | None
    header: tuple[str, ...]
    fault: str | None
    list_faults: bool
    concurrency: int
    timeout: float
    rate: str
    retries: int
    thorough: bool
    repeat: int
    explore: int | None
    database: str | None
    max_requests: int | None
    max_cost: float | None
    max_tokens: int | None
    max_time: float | None
    free: bool
    resume: str | None
    baseline: str | None
    update_baseline: bool
    reason: str
    expires: dt.datetime | None
    max_ttfb: float | None
    max_total: float | None
    checks: tuple[Check, ...]
    compare_with: str | None
    compare_header: tuple[str, ...]
    seed: int
    form: str
    output: str | None
    no_color: bool


@click.command(cls=SectionedCommand)
@contract_option
@sending_options
@cassette_option
@max_age_option
@click.option("--fault", metavar="FAULT", help="Let the reference endpoint break one constraint; see --list-faults.")
@click.option("--list-faults", is_flag=True, help="Print the faults of the reference endpoint, one a line.")
@click.option(
    "--concurrency", type=click.IntRange(1, 64), default=8, show_default=True, help="Requests under way at once."
)
@click.option(
    "--rate", default="auto", show_default=True, help="Requests per time, as in 3/s or 200/m; none is no limit."
)
@click.option("--thorough", is_flag=True, help="Send every case of the suite on its own, some hundreds of requests.")
@click.option(
    "--repeat", type=click.IntRange(1, 100), default=1, show_default=True, help="How often each request is sent."
)
@click.option("--explore", type=click.IntRange(1), metavar="N", help="Then send N requests that Hypothesis draws.")
@click.option("--database", metavar="FOLDER", help="Keep what --explore has found, and try it first next time.")
@click.option("--max-requests", type=click.IntRange(1), help="Stop before more requests than this.")
@click.option("--max-cost", type=click.FloatRange(0), metavar="USD", help="Leave out what could cost more in all.")
@click.option("--max-tokens", type=click.IntRange(1), help="Leave out what could use more tokens in all.")
@click.option("--max-time", type=click.FloatRange(0.1), metavar="SECONDS", help="Send nothing after this time.")
@click.option("--free", is_flag=True, help="Stop at the first answer that is billed.")
@click.option("--resume", metavar="FILE", help="Keep every answer in FILE, and do not ask again for those in it.")
@baseline_options
@limits_options
@check_option
@compare_options
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Which values come together, the order of what is worth the same, and what --explore draws.",
)
@format_option
@output_option
@no_color_option
@click.pass_context
def fuzz(context: click.Context, /, **given: Any) -> None:
    """Ask an endpoint what it enforces, and print it constraint by constraint.

    The fewest requests are sent that tell: many conforming values at once, one fault of every constraint, and those
    that a typical mistake lets through. When one of them goes wrong, some more find out why.

    Exit code 1 when the endpoint does anything that the contract does not allow, 3 when the budget ended before the
    campaign, 4 when the endpoint cannot be reached, or when answers were lost on which a verdict depends.

    With --live, CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID say who asks, and CLOUDFLARE_GATEWAY_ID through which
    gateway.
    """
    surface = given.pop("surface")
    options = options_of(given, surface)
    check(options)
    if options.list_faults and options.compare_with is None:
        write("".join(f"{one}\n" for one in faults.catalogue(options.contract)), options.output)
        return
    if options.compare_with is not None:
        context.exit(comparing.compare_with(options))
    accepted = baselines.accepted(options)
    tape = None
    if options.cassette is None:
        to = targets.destination(options, os.environ)
        result = running.run(options, to, running.transport_of(options))
    else:
        tape = Tape(options.cassette, surface, options.max_age)
        options = replace(options, surface=tape.surface)
        to = tape.destination(options.contract)
        result = tape.play(options, running.run)
    compared = baselines.compared(result, accepted)
    _report(result, compared, to.recipe, options)
    if tape is not None:
        tape.check(options)
    if options.update_baseline and not result.stopped:
        baselines.update(options, result, accepted)
    context.exit(_concluded(options, result, compared))


def _concluded(options: Options, result: CampaignFinished, compared: Compared) -> int:
    """The exit code; what was left out is told first."""
    if result.stopped:
        click.echo(f"haiku-contract: {counted(len(result.left_out), 'case')} left out: {result.stopped}", err=True)
    if options.update_baseline and result.stopped:
        raise UsageError(f"{options.baseline}: not written, because a part of the suite knows a part of the findings")
    if compared.new and not options.update_baseline:
        return 1
    if result.stopped:
        return BUDGET_REACHED
    lost = sum(one.verdict is VerdictKind.UNDETERMINED and one.witness is not None for one in result.verdicts)
    if lost:
        raise EndpointError(
            f"{counted(lost, 'constraint')} undetermined, because {result.endpoint} throttled, dropped or "
            "misunderstood requests; run again later, or with --concurrency 1"
        )
    return 0


def options_of(given: dict[str, Any], surface: str | None) -> Options:
    """The options as given, and the surface: where none is named, that of the endpoint."""
    return Options(**given, surface=surface or ("messages" if given["live"] else "bare"))


def check(options: Options) -> None:
    """Refuse options that do not go together.

    Raises:
        UsageError: two of them do not, or one lacks another.
    """
    chosen = [name for name in ("url", "live", "reference", "cassette") if getattr(options, name)]
    if options.max_age is not None and options.cassette is None:
        raise UsageError("--max-age is about the recording in --cassette FILE")
    if options.compare_header and options.compare_with is None:
        raise UsageError("--compare-header is for --compare-with URL")
    if options.header and options.url is None:
        raise UsageError("--header is for --url")
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]} cannot be combined with --{chosen[1]}: they name two endpoints")
    own = [f"--{name.replace('_', '-')}" for name in ("fault", "list_faults") if getattr(options, name)]
    if chosen and chosen != ["reference"] and own:
        raise UsageError(f"--{chosen[0]} cannot be combined with {own[0]}: that is for our own endpoint")
    if len(own) > 1:
        raise UsageError("--list-faults prints what --fault takes: give one of the two")
    exploring.check(options)
    baselines.check(options)
    for name in ("timeout", "max_cost", "max_time", "max_ttfb", "max_total"):
        if math.isnan(getattr(options, name) or 0):
            raise UsageError(f"--{name.replace('_', '-')} is not a number")


def _report(result: CampaignFinished, compared: Compared, recipe: Recipe, options: Options) -> None:
    color = not options.no_color
    if options.form == "json":
        write(structured.dumps(structured.campaign(result, compared, recipe, options.header)), options.output)
        return
    printed = options.output is None or options.output == "-"
    out = terminal.console(sys.stdout, color=color)
    if printed and out.file.isatty():
        terminal.matrix(result, out, compared, recipe)
        return
    text = io.StringIO()
    terminal.matrix(result, terminal.console(text, color=color and printed), compared, recipe)
    write(text.getvalue(), options.output)
