"""`haiku-contract fuzz`: the campaign, and the enforcement matrix that comes of it."""

from __future__ import annotations

import asyncio
import io
import sys
from typing import TYPE_CHECKING

import click
import httpx

from haiku_contract.campaign.drive import Sender, drive_async
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.cli.options import contract_option, format_option, no_color_option, output_option, write
from haiku_contract.endpoint import surfaces
from haiku_contract.endpoint.reference import faults
from haiku_contract.endpoint.reference.app import SERVED, create_app
from haiku_contract.errors import EndpointError, UsageError
from haiku_contract.generate import suite
from haiku_contract.model import VerdictKind
from haiku_contract.report import structured, terminal
from haiku_contract.report.text import counted

if TYPE_CHECKING:
    from haiku_contract.contract import Contract
    from haiku_contract.model import CampaignFinished

_TIMEOUT = 30.0
_LEAST_TIMEOUT = 0.1
_STEPS = 4  # how many times the time of one step a whole answer may take
_MAX_PORT = 65_535


@click.command()
@contract_option
@click.option("--url", metavar="URL", help="An HTTP endpoint; without it, the reference endpoint in this process.")
@click.option("--reference", is_flag=True, help="The reference endpoint in this process (the default).")
@click.option(
    "--surface",
    type=click.Choice(SERVED),
    default="bare",
    show_default=True,
    help="The wire form; 'bare' posts the input as it is.",
)
@click.option("--fault", metavar="FAULT", help="Let the reference endpoint break one constraint; see --list-faults.")
@click.option("--list-faults", is_flag=True, help="Print the faults of the reference endpoint, one a line.")
@click.option(
    "--concurrency", type=click.IntRange(1, 64), default=8, show_default=True, help="Requests under way at once."
)
@click.option(
    "--timeout",
    type=click.FloatRange(_LEAST_TIMEOUT, 600),
    default=_TIMEOUT,
    show_default=True,
    help="Seconds per step; a whole answer may take four times as long.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Recorded in the report.")
@format_option
@output_option
@no_color_option
@click.pass_context
def fuzz(  # noqa: PLR0913 - one parameter per option
    context: click.Context,
    *,
    contract: Contract,
    url: str | None,
    surface: str,
    fault: str | None,
    concurrency: int,
    timeout: float,
    seed: int,
    form: str,
    output: str | None,
    reference: bool,
    list_faults: bool,
    no_color: bool,
) -> None:
    """Run the suite against an endpoint and print what it enforces, constraint by constraint.

    Exit code 1 when the endpoint does anything that the contract does not allow, 4 when it cannot be reached, or when
    answers were lost on which a verdict depends.
    """
    if url is not None and (reference or fault is not None or list_faults):
        raise UsageError(
            "--url cannot be combined with --reference, --fault or --list-faults: those are for our own endpoint"
        )
    if list_faults and fault is not None:
        raise UsageError("--list-faults prints what --fault takes: give one of the two")
    if not timeout >= _LEAST_TIMEOUT:  # not even NaN
        raise UsageError("--timeout is not a number of seconds")
    if list_faults:
        write("".join(f"{one}\n" for one in faults.catalogue(contract)), output)
        return
    target = _target(url, surfaces.named(surface))
    chosen = None if fault is None else faults.parse(contract, fault)
    transport = httpx.ASGITransport(create_app(contract, chosen), raise_app_exceptions=False) if url is None else None
    bar = terminal.Bar(terminal.console(sys.stderr, color=not no_color))

    async def run() -> CampaignFinished:
        steps = campaign(contract, suite(contract, "request"), target, bar, seed=seed, width=concurrency)
        async with _client(transport, timeout) as client:
            return await drive_async(steps, client, _sender(target, contract.model_id, timeout))

    with bar:
        result = asyncio.run(run())
    _report(result, form, output, color=not no_color)
    if result.findings:
        context.exit(1)
    lost = sum(one.verdict is VerdictKind.UNDETERMINED and one.witness is not None for one in result.verdicts)
    if lost:
        raise EndpointError(
            f"{counted(lost, 'constraint')} undetermined, because {target.name} throttled, dropped or misunderstood "
            "requests; run again later, or with --concurrency 1"
        )


def _target(url: str | None, surface: surfaces.Surface) -> Target:
    if url is None:
        return Target("reference endpoint", "http://reference.invalid" + (surface.path or "/"), surface)
    try:
        parsed = httpx.URL(url)
        usable = parsed.scheme in {"http", "https"} and parsed.host and (parsed.port or 0) <= _MAX_PORT
        name = str(parsed.copy_with(userinfo=b"", query=None, fragment=None))
    except (httpx.InvalidURL, ValueError):  # ValueError: host names that no name server could know
        usable, name = False, ""
    if not usable:
        raise UsageError(f"not a URL that can be sent to: {_shown(url)}; write it as http[s]://HOST[:PORT]/PATH")
    path, mark, query = parsed.raw_path.partition(b"?")
    if surface.path:
        path = path.rstrip(b"/") + surface.path.encode()
    return Target(name, str(parsed.copy_with(raw_path=path + mark + query)), surface, billed=True)


def _sender(target: Target, model_id: str, timeout: float) -> Sender:
    # A gateway answers identical bodies from its cache, even with its cache turned off.
    headers = {"cf-aig-skip-cache": "true"} if target.billed else {}
    return Sender(target, model_id, headers, most_seconds=_STEPS * timeout)


def _shown(url: str) -> str:
    """A text that should have been a URL, without what may be a secret in it."""
    return repr(url.partition("?")[0].rpartition("@")[2])


def _client(transport: httpx.AsyncBaseTransport | None, timeout: float) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(transport=transport, timeout=timeout)
    except (httpx.InvalidURL, ValueError, OSError, ImportError) as error:
        raise UsageError(f"the proxy or certificate settings of this environment cannot be used: {error}") from None


def _report(result: CampaignFinished, form: str, output: str | None, *, color: bool) -> None:
    if form == "json":
        write(structured.dumps(structured.campaign(result)), output)
        return
    printed = output is None or output == "-"
    out = terminal.console(sys.stdout, color=color)
    if printed and out.file.isatty():
        terminal.matrix(result, out)
        return
    text = io.StringIO()
    terminal.matrix(result, terminal.console(text, color=color and printed))
    write(text.getvalue(), output)
