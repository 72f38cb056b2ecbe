"""A campaign against a cassette: where it is sent, what is not in it, and how to record that."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

from haiku_contract.campaign.run import Target
from haiku_contract.campaign.taped import CampaignTransport, Stale
from haiku_contract.cli import recipes
from haiku_contract.cli.options import contract_arguments
from haiku_contract.cli.targets import Destination
from haiku_contract.endpoint import live, matching, surfaces
from haiku_contract.endpoint.cassette import load
from haiku_contract.endpoint.cassette_files import READ_ONLY
from haiku_contract.errors import EndpointError, StaleCassetteError, UsageError
from haiku_contract.report.text import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haiku_contract.campaign.reproduce import Recipe
    from haiku_contract.cli.fuzz import Options
    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.cassette import Cassette
    from haiku_contract.model import CampaignFinished

_AGE: Final = re.compile(r"([0-9]{1,5})([dw])", re.IGNORECASE)
_DAYS: Final = {"d": 1, "w": 7}
_AHEAD: Final = dt.timedelta(days=1)
"""How far ahead of ours the days of recordings may be that do not name their time zone."""

_FIRST: Final = "request/simplest"
_NOWHERE: Final = "http://recorded.invalid"
_ASKED: Final = frozenset(
    {
        "concurrency",
        "database",
        "explore",
        "free",
        "max_cost",
        "max_requests",
        "max_time",
        "max_tokens",
        "rate",
        "repeat",
        "retries",
        "seed",
        "thorough",
        "timeout",
    }
)
"""What says which requests a campaign sends, and how."""
_ENDPOINTS: Final = {"reference endpoint": "--reference", "the real endpoint": "--live"}


def _days(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    match = _AGE.fullmatch(value)
    if match is None:
        raise UsageError(f"--max-age {value!r}: write days or weeks as in 90d or 12w")
    return int(match[1]) * _DAYS[match[2].lower()]


cassette_option = click.option(
    "--cassette", metavar="FILE", help="Recorded exchanges (VCR or HAR) in place of an endpoint: no network is used."
)
max_age_option = click.option(
    "--max-age", metavar="AGE", callback=_days, help="Fail where --cassette FILE is older than this, as in 90d or 12w."
)


class Tape:
    """The cassette of a campaign, and what the campaign asked of it in vain."""

    def __init__(self, name: str, surface: str | None, max_age: int | None) -> None:
        """Args: the file; the surface, where it was named; how many days old the recording may be.

        Raises:
            CassetteError: it cannot be read.
            StaleCassetteError: it is too old.
        """
        self.cassette = load(name)
        self.surface = surface or _surface(self.cassette)
        self.transport = CampaignTransport(self.cassette)
        self._stale = Stale()
        if max_age is not None:
            _check_age(self.cassette, max_age)

    def destination(self, contract: Contract) -> Destination:
        """Where the campaign is sent: nowhere, at the address that was recorded."""
        surface = surfaces.named(self.surface)
        target = Target(f"cassette {self.cassette.name}", _address(self.cassette, surface), surface)
        return Destination(target, live.headers(surface.name, contract.model_id), self._recipe(target, contract))

    def _recipe(self, target: Target, contract: Contract) -> Recipe:
        """How the endpoint is asked that was recorded."""
        where = _option(self.cassette)
        if where == "--reference":
            return recipes.of_reference(self.surface, contract, None)
        known = where == "--live" and self.surface in live.PUBLIC
        return recipes.of_live(self.surface, contract) if known else recipes.of_url(target, contract)

    def play(self, options: Options, run: Callable[..., CampaignFinished]) -> CampaignFinished:
        """Run a campaign against the cassette; what is not in it counts as left out.

        Raises:
            StaleCassetteError: not even the first request is in it.
        """
        try:
            result = run(options, self.destination(options.contract), self.transport, self._stale)
        except EndpointError:
            if self.transport.missed and not self._stale.cases:
                self._stale.cases[_FIRST] += 1
                self.check(options)
            raise
        return self._stale.told(result)

    def check(self, options: Options) -> None:
        """Say what is stale.

        Raises:
            StaleCassetteError: a request of the campaign is not in the cassette.
        """
        if not self._stale.cases:
            return
        for case in self._stale.cases:
            click.echo(f"stale  {case}", err=True)
        recorded = self.cassette.about.get("contract", "")
        if recorded.partition("@")[0] not in ("", options.contract.model_id):
            raise StaleCassetteError(
                f"{self.cassette.name}: a recording of {one_line(recorded)}, and not of {options.contract.id}; "
                "name its contract with --contract"
            )
        lacking = f"{counted(len(self._stale.cases), 'case')} not in it"
        if _FIRST in self._stale.cases:
            lacking = "not even the first case is in it, without which no other is asked"
        raise StaleCassetteError(
            f"{self.cassette.name}: {lacking}; record them with: {command(options, self.cassette)}"
        )


def command(options: Options, cassette: Cassette) -> str:
    """The command that records what is not in a cassette yet, and nothing else: what was asked, of who was recorded."""
    about = cassette.about
    known = _option(cassette)
    place, mode = cassette.name, "new"
    if Path(place).suffix.lower() in READ_ONLY:
        place, mode = str(Path(place).with_suffix(".yaml")), "once"
    words = ["haiku-contract", "record", "--cassette", place, "--record-mode", mode]
    words += [known] if known else ["--url", about.get("endpoint") or _url(cassette, surfaces.named(options.surface))]
    words += ["--surface", options.surface, *_contract(options.contract), *_given()]
    words += ["--fault", about["fault"]] if "fault" in about else []
    for header in about.get("headers", "").splitlines():
        words += ["--header", header]
    return one_line(shlex.join(words))


def about(options: Options, endpoint: str) -> dict[str, str]:
    """What a cassette says of itself, so that it can be recorded again."""
    said = {"contract": options.contract.id, "endpoint": endpoint, "surface": options.surface}
    said |= {"fault": options.fault} if options.fault else {}
    return said | ({"headers": "\n".join(options.header)} if options.header else {})


def _contract(contract: Contract) -> list[str]:
    """The arguments for the contract: a version that is shipped, or the file that was named."""
    named = contract_arguments()
    if "--contract" not in named or named[1].partition("@")[0] == contract.model_id:
        return ["--contract", contract.id, *(one for one in named if one == "--assert-format")]
    return named


def _given() -> Iterator[str]:
    """The options of the command line at hand that say what is asked, as they were given."""
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in _ASKED or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        yield parameter.opts[0]
        if not getattr(parameter, "is_flag", False):
            yield str(context.params[name])


def _option(cassette: Cassette) -> str | None:
    """The option that names the endpoint which was recorded; None for any URL."""
    endpoint = cassette.about.get("endpoint", "")
    return next((option for name, option in _ENDPOINTS.items() if endpoint.startswith(name)), None)


def _url(cassette: Cassette, surface: surfaces.Surface) -> str:
    """Where a recording of another tool was made, without the path of the surface; `URL` where that cannot be known."""
    address = _address(cassette, surface).partition("?")[0]
    known = address.endswith(surface.path) and not address.startswith(_NOWHERE)
    return address.removesuffix(surface.path) if known else "URL"


def _surface(cassette: Cassette) -> str:
    """The surface that a cassette says it is of, or that its first request is addressed to."""
    said = cassette.about.get("surface")
    if said in surfaces.SURFACES:
        return said
    routes = (matching.route(one.method, one.url) for one in cassette.interactions)
    return next((route for route in routes if route in surfaces.SURFACES), "bare")


def _address(cassette: Cassette, surface: surfaces.Surface) -> str:
    """An address that is matched as the recorded ones are."""
    wanted = surface.name if surface.path else ""
    for one in cassette.interactions:
        usable = one.method == "POST" and one.url.startswith(("http://", "https://"))
        if usable and wanted in (matching.route(one.method, one.url), ""):
            return one.url
    return f"{_NOWHERE}{surface.path or '/'}"


def _check_age(cassette: Cassette, most: int) -> None:
    again = "record it again with --record-mode all"
    known = [one.recorded for one in cassette.interactions if one.recorded is not None]
    if len(known) < len(cassette.interactions) or not known:
        lines = (f":{one.line}" for one in cassette.interactions if one.recorded is None)
        raise StaleCassetteError(f"{cassette.name}{next(lines, '')}: does not say when it was recorded; {again}")
    today = dt.datetime.now(tz=dt.UTC).date()
    if max(known) > today + _AHEAD:
        raise StaleCassetteError(
            f"{cassette.name}: says that it was recorded on {max(known)}, and today is {today}; check the clock, or "
            f"{again}"
        )
    age = (today - min(known)).days
    if age > most:
        raise StaleCassetteError(
            f"{cassette.name}: recorded on {min(known)}, {counted(age, 'day')} ago, and may be {counted(most, 'day')} "
            f"old; {again}"
        )
