"""Where a campaign sends its requests: the reference endpoint, a URL, or the real endpoint."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple, Protocol

import httpx

from haiku_contract.campaign.run import Target
from haiku_contract.cli import recipes
from haiku_contract.endpoint import live, surfaces
from haiku_contract.endpoint.reference.app import SERVED
from haiku_contract.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haiku_contract.campaign.reproduce import Recipe
    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.surfaces import Surface

_MAX_PORT = 65_535
_LEAST_QUERIED = 8  # characters: shorter values of a query are no secrets


class Place(Protocol):
    """The options that say where requests are sent."""

    @property
    def contract(self) -> Contract:
        """What the endpoint is held against."""

    @property
    def url(self) -> str | None:
        """An address; None where there is none."""

    @property
    def live(self) -> bool:
        """Whether it is the real endpoint."""

    @property
    def surface(self) -> str:
        """The wire form."""

    @property
    def account(self) -> str | None:
        """The account, where the environment does not name it."""

    @property
    def gateway(self) -> str | None:
        """The gateway, likewise."""

    @property
    def fault(self) -> str | None:
        """What the reference endpoint does wrong."""


class Destination(NamedTuple):
    """A target, the headers of every request to it, how one is sent by hand, and what must never be shown of them."""

    target: Target
    headers: Mapping[str, str]
    recipe: Recipe
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Destination {self.target.name}>"


def destination(options: Place, environment: Mapping[str, str]) -> Destination:
    """What the options name.

    Raises:
        UsageError: it cannot be sent to.
        EndpointError: a credential is missing.
    """
    surface = surfaces.named(options.surface)
    if options.live:
        known = live.credentials(environment, account=options.account, gateway=options.gateway)
        url, identity = live.address(surface.name, known)
        target = Target(f"the real endpoint ({surface.name})", url, surface, billed=True)
        headers = live.headers(surface.name, options.contract.model_id) | identity
        recipe = recipes.of_live(surface.name, options.contract)
        return Destination(target, headers, recipe, (known.token, known.account))
    if options.account is not None or options.gateway is not None:
        raise UsageError("--account and --gateway are for --live")
    if options.url is not None:
        headers = live.headers(surface.name, options.contract.model_id)
        target = _anywhere(options.url, surface)
        return Destination(target, headers, recipes.of_url(target, options.contract), _secrets(target.url, environment))
    if surface.name not in SERVED:
        raise UsageError(f"the reference endpoint has no surface {surface.name!r}: choose one of {', '.join(SERVED)}")
    headers = live.headers(surface.name, options.contract.model_id)
    target = Target("reference endpoint", "http://reference.invalid" + (surface.path or "/"), surface)
    return Destination(target, headers, recipes.of_reference(surface.name, options.contract, options.fault))


def _anywhere(url: str, surface: Surface) -> Target:
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


def _secrets(url: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """What an endpoint at a URL could repeat and must not be shown: who asks, by the URL or by the environment."""
    parsed = httpx.URL(url)
    user, password = parsed.username, parsed.password
    coded = base64.b64encode(f"{user}:{password}".encode()).decode() if user or password else ""
    queried = [value for value in parsed.params.values() if len(value) >= _LEAST_QUERIED]
    known = [environment.get(name, "") for name in (live.TOKEN, live.ACCOUNT)]
    return tuple(one for one in (coded, password, "" if password else user, *queried, *known) if one)


def _shown(url: str) -> str:
    """A text that should have been a URL, without what may be a secret in it."""
    return repr(url.partition("?")[0].rpartition("@")[2])
