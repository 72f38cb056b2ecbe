"""A campaign against a cassette: where it is sent, what is not in it, and how to record that."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click
import httpx

from haiku_contract.campaign.pace import Pace
from haiku_contract.campaign.run import Target
from haiku_contract.cli import recipes
from haiku_contract.cli.targets import Destination
from haiku_contract.endpoint import live, matching, surfaces
from haiku_contract.endpoint.cassette import load
from haiku_contract.endpoint.recorded import RecordedTransport
from haiku_contract.errors import EndpointError, StaleCassetteError, UsageError
from haiku_contract.report.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.campaign.reproduce import Recipe
    from haiku_contract.cli.fuzz import Options
    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.cassette import Cassette, Interaction
    from haiku_contract.model import CampaignFinished, Event, Exchange

STALE: Final = "x-haiku-contract-stale"
"""The header of what is answered in place of what is not recorded."""

_AGE: Final = re.compile(r"(\d{1,5})([dw])\Z")
_DAYS: Final = {"d": 1, "w": 7}
_BUSY: Final = frozenset({429, 502, 503, 504, 529})
_ENDPOINTS: Final = {"reference endpoint": "--reference", "the real endpoint": "--live"}


def _days(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    match = _AGE.match(value)
    if match is None:
        raise UsageError(f"--max-age {value!r}: write days or weeks as in 90d or 12w")
    return int(match[1]) * _DAYS[match[2]]


cassette_option = click.option(
    "--cassette", metavar="FILE", help="Recorded exchanges (VCR or HAR) in place of an endpoint: no network is used."
)
max_age_option = click.option(
    "--max-age", metavar="AGE", callback=_days, help="Fail where --cassette FILE is older than this, as in 90d or 12w."
)


class Unhurried(Pace):
    """The pace of a recording, which is never overrun, whatever it says."""

    def __init__(self) -> None:
        super().__init__(None)

    def heard(self, exchange: Exchange, now: float) -> None:
        """Take no notice: who was busy when it was recorded is not any more."""


class CampaignTransport(RecordedTransport):
    """Answers a campaign from a cassette; what is not in it is answered as by a busy endpoint, which is no verdict."""

    missed = 0

    async def handle_async_request(self, request: Any) -> Any:
        """The recorded answer, or that there is none."""
        try:
            return await super().handle_async_request(request)
        except StaleCassetteError:
            self.missed += 1
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "not in the cassette"}}
            return httpx.Response(529, headers={STALE: "1"}, json=error)

    def find(self, method: str, url: str, content_type: str, body: bytes) -> Interaction:
        """The interaction that answers; not one that says to ask again, where it was asked again."""
        found = before = super().find(method, url, content_type, body)
        while found.status in _BUSY:
            found = super().find(method, url, content_type, body)
            if found is before:
                break
            before = found
        return found


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
        self._stale: Counter[str] = Counter()
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

    def __call__(self, event: Event) -> None:
        """Take notice of a case that is not in the cassette."""
        exchange = getattr(event, "exchange", None)
        if exchange is not None and STALE in exchange.headers:
            self._stale[exchange.case.id] += 1

    def play(self, options: Options, run: Callable[..., CampaignFinished]) -> CampaignFinished:
        """Run a campaign against the cassette; what is not in it counts as left out.

        Raises:
            StaleCassetteError: not even the first request is in it.
        """
        try:
            result = run(options, self.destination(options.contract), self.transport, self)
        except EndpointError:
            if self.transport.missed and not self._stale:
                self._stale["request/simplest"] += 1
                self.check(options)
            raise
        if not self._stale:
            return result
        stale = tuple(self._stale)
        verdicts = tuple(
            replace(one, detail="stale: not in the cassette") if one.witness in self._stale else one
            for one in result.verdicts
        )
        return replace(
            result, verdicts=verdicts, left_out=(*stale, *result.left_out), stopped="stale: not in the cassette"
        )

    def check(self, options: Options) -> None:
        """Say what is stale.

        Raises:
            StaleCassetteError: a request of the campaign is not in the cassette.
        """
        if not self._stale:
            return
        for case in self._stale:
            click.echo(f"stale  {case}", err=True)
        raise StaleCassetteError(
            f"{self.cassette.name}: {counted(len(self._stale), 'case')} not in it; record them with: "
            + command(options, self.cassette)
        )


def command(options: Options, cassette: Cassette) -> str:
    """The command that records what is not in a cassette yet, and nothing else."""
    known = _option(cassette)
    where = [known] if known else ["--url", cassette.about.get("endpoint", "URL")]
    words = ["haiku-contract", "record", "--cassette", cassette.name, "--record-mode", "new", *where]
    words += ["--surface", options.surface, "--contract", options.contract.id]
    words += ["--thorough"] if options.thorough else []
    return shlex.join(words)


def _option(cassette: Cassette) -> str | None:
    """The option that names the endpoint which was recorded; None for any URL."""
    endpoint = cassette.about.get("endpoint", "")
    return next((option for name, option in _ENDPOINTS.items() if endpoint.startswith(name)), None)


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
        if one.method == "POST" and wanted in (matching.route(one.method, one.url), ""):
            return one.url
    return f"http://recorded.invalid{surface.path or '/'}"


def _check_age(cassette: Cassette, most: int) -> None:
    days = [one.recorded for one in cassette.interactions]
    known = [day for day in days if day is not None]
    if len(known) < len(days) or not days:
        raise StaleCassetteError(f"{cassette.name}: does not say when it was recorded; record it again")
    age = (dt.datetime.now(tz=dt.UTC).date() - min(known)).days
    if age > most:
        raise StaleCassetteError(
            f"{cassette.name}: recorded on {min(known)}, {counted(age, 'day')} ago, and may be {most} days old; "
            "record it again with --record-mode all"
        )
