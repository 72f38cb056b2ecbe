"""`haiku-contract replay`: one finding, or one case, again: fixed, or still there."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

import click

from haiku_contract import wire
from haiku_contract.campaign import checks as oracles
from haiku_contract.campaign import replay as again
from haiku_contract.campaign.drive import Sender, drive_async
from haiku_contract.campaign.replay import ReplayVerdict
from haiku_contract.cli import targets
from haiku_contract.cli.checks import check_option, limits_options
from haiku_contract.cli.options import contract_option, format_option, output_option, read, write
from haiku_contract.cli.running import client_of, transport_of
from haiku_contract.cli.sections import SectionedCommand
from haiku_contract.cli.sending import STEPS, sending_options
from haiku_contract.endpoint import live
from haiku_contract.endpoint.surfaces import BARE, SURFACES
from haiku_contract.errors import UsageError
from haiku_contract.model import ABSENT
from haiku_contract.report import structured
from haiku_contract.report.text import counted, one_line

if TYPE_CHECKING:
    from haiku_contract.campaign.checks import Check
    from haiku_contract.campaign.replay import Replayed, Subject
    from haiku_contract.contract import Contract

_EXIT: Final = {ReplayVerdict.FIXED: 0, ReplayVerdict.STILL_THERE: 1, ReplayVerdict.CANNOT_TELL: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of the command line, as given."""

    wanted: str
    contract: Contract
    report: str | None
    url: str | None
    live: bool
    reference: bool
    surface: str
    account: str | None
    gateway: str | None
    header: tuple[str, ...]
    fault: str | None
    timeout: float
    retries: int
    repeat: int
    max_ttfb: float | None
    max_total: float | None
    checks: tuple[Check, ...]
    form: str
    output: str | None


@click.command(cls=SectionedCommand)
@click.argument("wanted", metavar="FINGERPRINT|CASE_ID")
@contract_option
@click.option("--report", metavar="FILE", help="The report of 'fuzz --format json' that holds it; else the suite does.")
@sending_options
@click.option("--fault", metavar="FAULT", help="Let the reference endpoint break one constraint.")
@click.option(
    "--repeat",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="How often each request is sent, for endpoints that answer now so and now so.",
)
@limits_options
@check_option
@format_option
@output_option
@click.pass_context
def replay(context: click.Context, /, **given: Any) -> None:
    """Send the witness of a finding again, after its conforming twin, and say whether the finding is still there.

    The finding is named by its fingerprint (or the beginning of it) or by the id of its case. With --report it comes
    from there, and so does the surface; the same URL is sent the same headers, whose secrets are read from the
    environment again. Without, it comes from the suite, where a case id asks for any finding.

    Exit code 0 when it is fixed, 1 when it is still there, 4 when that cannot be told: the twin is not accepted either,
    or no answer came.
    """
    options = Options(**given)
    _check(options)
    report = {} if options.report is None else _report(options)
    _check_place(options, report)
    options = replace(options, surface=options.surface or _surface(options, report))
    subjects = _subjects(options, report)
    to = targets.destination(options, os.environ)
    if options.url is not None and not options.header and report.get("endpoint") == to.target.name:
        options = replace(options, header=_header(report))
        to = targets.destination(options, os.environ)
    terms = oracles.Terms(options.surface, options.max_ttfb, options.max_total, options.checks, to.hide)
    again.check_terms(subjects, terms)
    result = _run(options, to, again.repeated(options.contract, subjects, terms, options.repeat))
    write(_told(result, to, options.form), options.output)
    context.exit(_EXIT[result.verdict])


def _check(options: Options) -> None:
    chosen = [f"--{name}" for name in ("url", "live", "reference") if getattr(options, name)]
    if len(chosen) > 1:
        raise UsageError(f"{chosen[0]} cannot be combined with {chosen[1]}: they name two endpoints")
    if options.fault is not None and (options.url or options.live):
        raise UsageError(f"{chosen[0]} cannot be combined with --fault: that is for our own endpoint")


def _check_place(options: Options, report: dict[str, Any]) -> None:
    """Refuse to ask the reference endpoint, unless told to, about what another one has done: it would have it fixed."""
    about = report.get("endpoint")
    named = options.url or options.live or options.reference or options.fault
    if isinstance(about, str) and about != targets.REFERENCE and not named:
        raise UsageError(f"{options.report}: a report of {about}; say where to ask: --url, --live or --reference")


def _report(options: Options) -> dict[str, Any]:
    """The report, which has to be one of the same contract."""
    name = str(options.report)
    value, violations = wire.decode(read(name))
    if value is ABSENT:
        raise UsageError(f"{name}: not JSON: {violations[0].message}")
    if not isinstance(value, dict):
        again.from_report(value, options.wanted, name)  # says that it is none
    return cast("dict[str, Any]", value)


def _surface(options: Options, report: dict[str, Any]) -> str:
    """The surface of the report, where the endpoint may have it; else that of the endpoint."""
    known = live.PUBLIC if options.live else tuple(SURFACES)
    return str(report["surface"]) if report.get("surface") in known else "messages" if options.live else BARE


def _header(report: dict[str, Any]) -> tuple[str, ...]:
    """What `--header` asked for in the run that was reported: values that are secret are names of variables."""
    given = report.get("header")
    return tuple(one for one in given if isinstance(one, str)) if isinstance(given, list) else ()


def _subjects(options: Options, report: dict[str, Any]) -> tuple[Subject, ...]:
    if options.report is None:
        return again.from_suite(options.contract, options.wanted)
    found = again.from_report(report, options.wanted, options.report)
    if report.get("contract") != options.contract.id:
        about = report.get("contract")
        raise UsageError(f"{options.report}: a report of {about}, and not of {options.contract.id}; give --contract")
    return found


def _run(options: Options, to: targets.Destination, steps: again.Steps) -> Replayed:
    sender = Sender(
        to.target,
        options.contract.model_id,
        headers=to.headers,
        secrets=to.secrets,
        most_seconds=STEPS * options.timeout,
        attempts=1 + options.retries,
    )

    async def pump() -> Replayed:
        async with client_of(transport_of(options), options.timeout) as client:
            return cast("Replayed", await drive_async(cast("Any", steps), client, sender))

    return asyncio.run(pump())


def _told(result: Replayed, to: targets.Destination, form: str) -> str:
    if form == "json":
        return structured.dumps(structured.replayed(result, to.target.name))
    lines = [f"{result.verdict}: {one_line(result.detail)}"]
    lines += [f"    {one.code} {one_line(one.constraint or '-')}, {one.fingerprint}" for one in result.findings]
    lines.append(f"    case {one_line(result.case)}, {counted(result.requests, 'request')} to {to.target.name}")
    return "".join(f"{line}\n" for line in lines)
