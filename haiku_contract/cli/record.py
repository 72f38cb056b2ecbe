"""`haiku-contract record`: a campaign, or given payloads, into a cassette; and what in files looks like a secret."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import httpx

from haiku_contract.campaign.drive import Sender
from haiku_contract.campaign.pace import pace
from haiku_contract.cli import cassettes, targets
from haiku_contract.cli.fuzz import check, fuzz, options_of
from haiku_contract.cli.options import read, write
from haiku_contract.cli.running import client_of, run, transport_of
from haiku_contract.cli.sections import SectionedCommand
from haiku_contract.endpoint import scanning
from haiku_contract.endpoint.known_secrets import of_environment
from haiku_contract.endpoint.recording import OTHER_NAMES, RECORD_MODES, RecordingTransport
from haiku_contract.endpoint.redaction import of_session
from haiku_contract.errors import EndpointError, UsageError
from haiku_contract.model import Case
from haiku_contract.report.text import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.cli.fuzz import Options

_OF_FUZZ: Final = frozenset(
    {
        "baseline",
        "cassette",
        "checks",
        "compare_header",
        "compare_with",
        "expires",
        "form",
        "list_faults",
        "max_age",
        "max_total",
        "max_ttfb",
        "no_color",
        "output",
        "reason",
        "resume",
        "update_baseline",
    }
)
"""What only the judging of a campaign needs."""

_BUDGET_REACHED: Final = 3


def record(context: click.Context, /, **given: Any) -> None:
    """Record a campaign, or the PAYLOADs, into --cassette FILE; secrets are taken out before anything is written.

    Nothing is recorded, nor sent, unless --record-mode says so. Without --url or --live, the reference endpoint in this
    process answers. With --scan, nothing is recorded: the PATHs are searched for secrets, and the exit code is 1 when
    one is found.
    """
    paths, output = given.pop("paths"), given.pop("output")
    name, mode = given.pop("cassette"), given.pop("record_mode")
    shown, allowed = given.pop("show_header"), given.pop("allow")
    if given.pop("scan"):
        context.exit(_scan(paths, allowed, output))
    if not name or name == "-":
        raise UsageError("name the cassette with --cassette FILE")
    surface = given.pop("surface")
    unasked = fuzz.make_context("fuzz", []).params
    options = options_of({**{name: unasked[name] for name in _OF_FUZZ}, **given}, surface)
    check(options)
    to = targets.destination(options, os.environ)
    transport = RecordingTransport(
        transport_of(options) or httpx.AsyncHTTPTransport(),
        name,
        mode=mode,
        redaction=of_session(to.secrets, headers=frozenset(one.lower() for one in shown), allowed=frozenset(allowed)),
        about=cassettes.about(options, to.target.name),
    )
    result = None
    try:
        if paths:
            sent = _payloads(options, to, transport, paths)
        else:
            result = run(options, to, transport)
            sent = result.requests
    except BaseException:
        if transport.recorded:
            done = counted(transport.recorded, "exchange")
            click.echo(f"haiku-contract: {name}: {done} kept; go on with --record-mode new", err=True)
        raise
    for line in transport.unrecorded:
        click.echo(f"haiku-contract: not recorded: {line}", err=True)
    write(f"{name}: {counted(sent, 'request')} answered, {counted(transport.recorded, 'exchange')} recorded\n", output)
    if transport.unrecorded:
        context.exit(1)
    if result is not None and result.stopped:
        left_out = f"{counted(len(result.left_out), 'case')} left out: {result.stopped}"
        click.echo(f"haiku-contract: {left_out}; go on with --record-mode new", err=True)
        context.exit(_BUDGET_REACHED)


def _payloads(options: Options, to: targets.Destination, transport: RecordingTransport, paths: Sequence[str]) -> int:
    bodies = [(path, read(path)) for path in paths]
    sender = Sender(
        to.target, options.contract.model_id, headers=to.headers, pace=pace(options.rate, real=options.live)
    )

    async def send() -> None:
        async with client_of(transport, options.timeout) as client:
            for path, body in bodies:
                case = Case(path, "request", "conforming", None, None, body)
                await asyncio.sleep(sender.pace.delay(asyncio.get_running_loop().time()))
                try:
                    response = await client.send(sender.request(client, case))
                except httpx.RequestError as error:
                    raise EndpointError(f"{to.target.name} did not answer {path} ({type(error).__name__})") from None
                click.echo(f"{path}: HTTP {response.status_code}", err=True)

    asyncio.run(send())
    return len(bodies)


def _scan(paths: Sequence[str], allowed: Sequence[str], output: str | None) -> int:
    if not paths:
        raise UsageError("--scan needs a PATH: files or folders to be searched for secrets")
    known = of_environment(os.environ)
    found: list[scanning.Leak] = []
    unread: list[str] = []
    for path in paths:
        try:
            found += scanning.scan(Path(path), frozenset(allowed), known)
        except UsageError as error:
            unread.append(one_line(str(error)))
    write("".join(one_line(f"{one.path}:{one.line}: {one.kind}") + "\n" for one in found), output)
    for line in unread:
        click.echo(f"haiku-contract: {line}", err=True)
    if found:
        click.echo(f"haiku-contract: {counted(len(found), 'likely secret')}", err=True)
    return _UNREAD if unread else int(bool(found))


_UNREAD: Final = 2
_OPTIONS: Final = [
    click.Argument(["paths"], nargs=-1, metavar="[PAYLOAD|PATH]..."),
    click.Option(["--cassette"], metavar="FILE", help="Where to record."),
    click.Option(
        ["--record-mode"],
        type=click.Choice([*RECORD_MODES, *OTHER_NAMES]),
        metavar=f"[{'|'.join(RECORD_MODES)}]",
        default="none",
        show_default=True,
        help="none: look whether all is there; once: record if there is no cassette; new: record what is not in it; "
        "all: record everything again. A recording that was killed goes on where it was, except with all.",
    ),
    click.Option(["--scan"], is_flag=True, help="Record nothing; look for secrets in the PATHs."),
    click.Option(["--show-header"], multiple=True, metavar="NAME", help="A header whose value is no secret."),
    click.Option(["--allow"], multiple=True, metavar="TEXT", help="A text that looks like a secret and is none."),
]
_OUTPUT: Final = next(one for one in fuzz.params if one.name == "output")
command: Final = SectionedCommand(
    "record",
    params=[*_OPTIONS, *(one for one in fuzz.params if one.name not in _OF_FUZZ), _OUTPUT],
    callback=click.pass_context(record),
    help=record.__doc__,
)
