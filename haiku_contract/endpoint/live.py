"""The real endpoint: where each surface answers, and what its requests carry beside the body.

Addresses, headers and the names of the environment variables are those of the published documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract.errors import EndpointError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ACCOUNT: Final = "CLOUDFLARE_ACCOUNT_ID"
TOKEN: Final = "CLOUDFLARE_API_TOKEN"
GATEWAY: Final = "CLOUDFLARE_GATEWAY_ID"
SKIP_CACHE: Final = {"cf-aig-skip-cache": "true"}
"""A gateway has been seen to answer identical bodies from its cache even where that is turned off."""

_API: Final = "https://api.cloudflare.com/client/v4/accounts/"
_GATEWAY: Final = "https://gateway.ai.cloudflare.com/v1/"
_ID = re.compile(r"[\w-]{1,64}\Z", re.ASCII)
_SECRET = re.compile(r"[!-~]{8,4096}\Z")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks, through which gateway; nothing of it is ever shown."""

    account: str = field(repr=False)
    token: str = field(repr=False)
    gateway: str = field(repr=False, default="default")


class Address(NamedTuple):
    """Where requests go, and the headers that say who asks."""

    url: str
    headers: dict[str, str]

    def __repr__(self) -> str:
        return "<Address>"


def credentials(
    environment: Mapping[str, str], *, account: str | None = None, gateway: str | None = None, options: bool = True
) -> Credentials:
    """The credentials in the environment; account and gateway may be given instead, the token may not.

    Args:
        environment: the environment.
        account: in place of what is there.
        gateway: likewise.
        options: whether there are options for both, which advice can name.

    Raises:
        EndpointError: one is missing, or cannot be what it should be.
    """
    instead = (", or give --account", ", or give --gateway") if options else ("", "")
    found = {
        "account id": (account or environment.get(ACCOUNT, ""), _ID, f"set {ACCOUNT}{instead[0]}"),
        "API token": (environment.get(TOKEN, ""), _SECRET, f"set {TOKEN}"),
        "gateway id": (gateway or environment.get(GATEWAY) or "default", _ID, f"set {GATEWAY}{instead[1]}"),
    }
    for name, (value, form, advice) in found.items():
        if not value:
            raise EndpointError(f"the real endpoint needs an {name}: {advice}")
        if not form.match(value):
            odd = "it has blanks, line breaks or letters beyond ASCII, or an unusual length"
            raise EndpointError(f"the {name} that was given cannot be one ({odd}): {advice}")
    return Credentials(*(value for value, _, _ in found.values()))


def address(surface: str, known: Credentials) -> Address:
    """Where a surface answers.

    Raises:
        EndpointError: it does not answer to the outside.
    """
    if surface not in _ADDRESSES:
        choices = ", ".join(_ADDRESSES)
        raise EndpointError(f"the surface {surface!r} has no public address: choose one of {choices}, or give --url")
    return _ADDRESSES[surface](known)


def headers(surface: str, model_id: str) -> dict[str, str]:
    """What every request of a surface carries, whoever asks."""
    more = {
        "binding": {"cf-consn-model-id": model_id, "cf-consn-sdk-version": "2.0.0"},
        "gateway": {"anthropic-version": "2023-06-01"},
    }
    return SKIP_CACHE | more.get(surface, {})


def _api(path: str) -> Callable[[Credentials], Address]:
    def at(known: Credentials) -> Address:
        headers = {"authorization": f"Bearer {known.token}", "cf-aig-gateway-id": known.gateway}
        return Address(f"{_API}{known.account}{path}", headers)

    return at


def _native(known: Credentials) -> Address:
    headers = {"cf-aig-authorization": f"Bearer {known.token}"}
    return Address(f"{_GATEWAY}{known.account}/{known.gateway}/anthropic/v1/messages", headers)


_ADDRESSES: Final[dict[str, Callable[[Credentials], Address]]] = {
    "run": _api("/ai/run"),
    "messages": _api("/ai/v1/messages"),
    "gateway": _native,
}

PUBLIC: Final = tuple(_ADDRESSES)
"""The surfaces that answer to the outside."""
