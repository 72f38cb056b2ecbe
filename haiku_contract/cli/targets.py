"""Where a campaign sends its requests: the reference endpoint, a URL, or the real endpoint."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from urllib.parse import unquote

import httpx

from haiku_contract.campaign.run import Target
from haiku_contract.cli import recipes
from haiku_contract.cli.headers import headers as further_headers
from haiku_contract.endpoint import live, surfaces
from haiku_contract.endpoint.echoes import hidden
from haiku_contract.endpoint.known_secrets import accounts
from haiku_contract.endpoint.reference.app import SERVED
from haiku_contract.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haiku_contract.campaign.reproduce import Recipe
    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.surfaces import Surface

REFERENCE: Final = "reference endpoint"
"""What the reference endpoint is called in reports."""

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
    def header(self) -> tuple[str, ...]:
        """What requests carry, too."""

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

    def hide(self, text: str) -> str:
        """A text without what must never be shown."""
        return hidden(text, self.secrets)


def destination(options: Place, environment: Mapping[str, str], header_option: str = "--header") -> Destination:
    """What the options name; what is wrong with the headers is told of the option that they came with.

    Raises:
        UsageError: it cannot be sent to.
        EndpointError: a credential is missing.
    """
    surface = surfaces.named(options.surface)
    if options.header and options.url is None:
        raise UsageError("--header is for --url")
    if options.live:
        return _live(options, environment, surface)
    if options.account is not None or options.gateway is not None:
        raise UsageError("--account and --gateway are for --live")
    headers = live.headers(surface.name, options.contract.model_id)
    if options.url is not None:
        more = further_headers(options.header, environment, header_option)
        target = _anywhere(options.url, surface)
        secrets = (*more.secrets, *_secrets(target.url, environment))
        recipe = recipes.of_url(target, options.contract, more, _accounts(target.url, environment))
        target = replace(target, name=hidden(target.name, secrets))
        return Destination(target, headers | dict(more.sent), recipe, secrets)
    if surface.name not in SERVED:
        raise UsageError(f"the reference endpoint has no surface {surface.name!r}: choose one of {', '.join(SERVED)}")
    target = Target(REFERENCE, "http://reference.invalid" + (surface.path or "/"), surface)
    return Destination(target, headers, recipes.of_reference(surface.name, options.contract, options.fault))


def _live(options: Place, environment: Mapping[str, str], surface: Surface) -> Destination:
    known = live.credentials(environment, account=options.account, gateway=options.gateway)
    url, identity = live.address(surface.name, known)
    target = Target(f"the real endpoint ({surface.name})", url, surface, billed=True)
    headers = live.headers(surface.name, options.contract.model_id) | identity
    recipe = recipes.of_live(surface.name, options.contract)
    gateway = () if _is_word(known.gateway, options.contract) else (known.gateway,)
    return Destination(target, headers, recipe, (known.token, known.account, *gateway, *_of_proxies(environment)))


def _is_word(name: str, contract: Contract) -> bool:
    """Whether a name that somebody chose may stand in any answer: taken out, it would change what answers say."""
    schemas = json.dumps([contract.request.schema, contract.response.schema])
    return len(name) < _LEAST_QUERIED or name in schemas


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
    queried = [value for value in parsed.params.values() if len(value) >= _LEAST_QUERIED]
    known = [environment.get(live.TOKEN, ""), *_accounts(url, environment)]
    return tuple(one for one in (*_of_user(parsed), *queried, *known, *_of_proxies(environment)) if one)


def _accounts(url: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The account of the environment, and those in an address that is like that of the real endpoint."""
    return tuple(dict.fromkeys(one for one in (environment.get(live.ACCOUNT, ""), *accounts(unquote(url))) if one))


def _of_user(url: httpx.URL) -> tuple[str, ...]:
    """The secrets in `user:password@`; a user without a password is a key."""
    user, password = url.username, url.password
    coded = base64.b64encode(f"{user}:{password}".encode()).decode() if user or password else ""
    return tuple(one for one in (coded, password, "" if password else user) if one)


def _of_proxies(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets in the addresses of proxies, which errors and debug logs of the client could repeat."""
    found: list[str] = []
    for name, value in environment.items():
        if not name.lower().endswith("_proxy"):
            continue
        address = value if "://" in value else f"http://{value}"
        try:
            found += _of_user(httpx.URL(address))
        except (httpx.InvalidURL, ValueError):  # the client will say that it cannot be used
            continue
    return tuple(found)


def _shown(url: str) -> str:
    """A text that should have been a URL, without what may be a secret in it."""
    return repr(re.split(r"[?#]", url, maxsplit=1)[0].rpartition("@")[2])
