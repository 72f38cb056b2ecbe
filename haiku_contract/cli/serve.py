"""`haiku-contract serve`: the reference endpoint over HTTP, all surfaces, with faults on demand."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import signal
import socket
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from haiku_contract.cli.options import contract_option, format_option, write
from haiku_contract.endpoint.reference import script_files
from haiku_contract.endpoint.reference.answers import Settings
from haiku_contract.endpoint.reference.app import FAULT_HEADER, ReferenceEndpoint, create_app
from haiku_contract.endpoint.reference.faults import Repertoire
from haiku_contract.endpoint.reference.pace import Pace
from haiku_contract.errors import MissingExtraError, UsageError
from haiku_contract.report.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    import uvicorn

    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.reference.events import Profile
    from haiku_contract.endpoint.reference.faults import EndpointFault

_PORT: Final = 8000
_MAX_PORT: Final = 65_535
_BACKLOG: Final = 2048


@click.command()
@contract_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, _MAX_PORT), default=_PORT, show_default=True, help="Port; 0 takes a free one."
)
@click.option("--token", metavar="TOKEN", help="Let nobody in without this token, on any path.")
@click.option(
    "--profile",
    type=click.Choice(["published", "observed"]),
    default="observed",
    show_default=True,
    help="Streams that obey the published schema, or that look like the recorded ones.",
)
@click.option("--replies", metavar="FILE|FOLDER", help="Scripted answers: .json, .jsonl or .sse.")
@click.option(
    "--rules", is_flag=True, help="Refuse what the provider is known to refuse although the schema allows it."
)
@click.option("--ttfb", type=click.FloatRange(0, 3600), default=0.0, metavar="SECONDS", help="Time to the first byte.")
@click.option(
    "--tokens-per-second",
    type=click.FloatRange(0, 1e6),
    default=0.0,
    help="Speed of the model; 0 is as fast as it goes.",
)
@click.option("--jitter", type=click.FloatRange(0, 1), default=0.0, help="Share by which each wait may vary.")
@click.option(
    "--chunk-bytes",
    type=click.IntRange(0, 1 << 20),
    default=0,
    help="Cut streams anywhere, into chunks of about this size.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Of ids, texts, jitter, cuts, and which answers fail."
)
@click.option(
    "--fault", "faults", multiple=True, metavar="FAULT", help="A way to misbehave; several take turns by chance."
)
@click.option(
    "--fault-rate", type=click.FloatRange(0, 1), help="Share of requests that fail so; in any way without --fault."
)
@click.option("--list-faults", is_flag=True, help="Print every fault and where it shows.")
@format_option
def serve(  # noqa: PLR0913 - one parameter per option
    *,
    contract: Contract,
    host: str,
    port: int,
    token: str | None,
    profile: Profile,
    replies: str | None,
    rules: bool,
    ttfb: float,
    tokens_per_second: float,
    jitter: float,
    chunk_bytes: int,
    seed: int,
    faults: tuple[str, ...],
    fault_rate: float | None,
    list_faults: bool,
    form: str,
) -> None:
    """Serve the reference endpoint until it is interrupted.

    Every surface answers at its full address, at its path below the root, and the bare input at '/'. The request header
    'x-haiku-fault' names a fault for one answer. The first line says where it listens; as JSON with '--format json'.
    """
    repertoire = Repertoire(contract)
    if list_faults:
        write(_list(repertoire.everything(), form), None)
        return
    if token is not None and not token:
        raise UsageError("--token is empty, and would let everybody in: leave it out, or name one")
    settings = Settings(
        profile=profile,
        script=() if replies is None else script_files.load(replies),
        pace=Pace(ttfb, tokens_per_second, jitter, chunk_bytes),
        seed=seed,
        token=token or "",
        rules=rules,
    )
    chosen = [repertoire.parse(one) for one in faults]
    if fault_rate is not None and not faults:
        chosen = list(repertoire.everything())
    app = create_app(contract, chosen, fault_rate=1 if fault_rate is None else fault_rate, settings=settings)
    server = _server(_reporting(app))
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _listener(host, port) as listener, asyncio.Runner() as runner:
            _announce(listener, contract, form, guarded=bool(token))
            runner.get_loop().set_exception_handler(_complain)
            runner.run(server.serve([listener]))
    except KeyboardInterrupt:
        return  # the way to end it
    finally:
        signal.signal(signal.SIGTERM, previous)


def _list(faults: Iterable[EndpointFault], form: str) -> str:
    """Every fault and on which requests it shows: with a tab in between, one a line, or as JSON."""
    if form == "json":
        told = (
            {"fault": str(one), "kind": one.kind, "about": one.constraint, "shows_on": one.shows_on} for one in faults
        )
        return json.dumps(list(told), indent=1) + "\n"
    return "".join(f"{one}\t{one.shows_on}\n" for one in faults)


def _listener(host: str, port: int) -> socket.socket:
    """What listens at an address.

    Raises:
        UsageError: nobody can listen there.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address, family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot listen on {host} port {port}: {reason}") from None
    # Made again from its descriptor, Python asks the system for its protocol. asyncio sends small pieces at once only
    # where that is TCP by name; else a head and its body, which are written apart, wait 40 ms for each other.
    return socket.socket(fileno=listener.detach())


def _announce(listener: socket.socket, contract: Contract, form: str, *, guarded: bool) -> None:
    address, port = listener.getsockname()[:2]
    host = f"[{address}]" if ":" in address else address
    url = f"http://{host}:{port}"
    if not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        asks = "lets in whoever knows the token" if guarded else "asks nobody who they are"
        click.echo(f"haiku-contract: warning: {address} can be reached from other machines, and {asks}", err=True)
    line = {"url": url, "host": address, "port": port, "contract": contract.id}
    text = (
        json.dumps(line)
        if form == "json"
        else f"serving {contract.id} at {url}; {FAULT_HEADER} asks for a fault; Ctrl-C ends it"
    )
    write(text + "\n", None)


def _reporting(app: ReferenceEndpoint) -> Any:
    """The application, and one line for what went wrong in it; the server makes a 500 of that."""

    async def report(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:
            click.echo(f"haiku-contract: {one_line(f'{type(error).__name__}: {error}')}", err=True)
            raise

    return report


def _server(app: Any) -> uvicorn.Server:
    """What speaks HTTP for the application.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import uvicorn  # noqa: PLC0415 - an optional part

        from haiku_contract.cli import connections  # noqa: PLC0415 - needs it
    except ImportError:
        raise MissingExtraError("fuzz") from None
    connections.raise_limit()
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a client that is gone is no news
    config = uvicorn.Config(
        app,
        http=connections.PatientProtocol,
        h11_max_incomplete_event_size=connections.LONGEST_HEAD,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_keep_alive=connections.PATIENCE,
        timeout_graceful_shutdown=1,
        backlog=_BACKLOG,
    )
    return uvicorn.Server(config)


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


def _complain(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """One line for what no connection can be told, as when there are no more file descriptors."""
    reason = context.get("exception") or ""
    click.echo(f"haiku-contract: {context['message']}: {reason}".rstrip(": "), err=True)
