"""How findings are reproduced by hand: the recipe of an endpoint, with variables where something must not be shown."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

import httpx

from haiku_contract.campaign.reproduce import Recipe
from haiku_contract.cli.options import contract_arguments
from haiku_contract.endpoint import live, surfaces

if TYPE_CHECKING:
    from haiku_contract.campaign.run import Target
    from haiku_contract.contract import Contract

USERINFO: Final = "ENDPOINT_USERINFO"
QUERY: Final = "ENDPOINT_QUERY"
"""Stand for what the address of an endpoint may hold of secrets: `user:password`, and what follows the `?`."""

_SERVED: Final = "http://127.0.0.1:8000"


def of_live(surface: str, contract: Contract) -> Recipe:
    """The recipe of the real endpoint; account, key and gateway are those of the environment."""
    variables = (live.ACCOUNT, live.TOKEN, live.GATEWAY)
    known = live.Credentials(*(f"${name}" for name in variables))
    url, identity = live.address(surface, known)
    headers = live.headers(surface, contract.model_id) | identity
    return Recipe(url, headers, surface, contract.model_id, variables)


def of_url(target: Target, contract: Contract) -> Recipe:
    """The recipe of any endpoint."""
    url = httpx.URL(target.url)
    path = url.raw_path.partition(b"?")[0].decode("ascii")
    shown = url.copy_with(userinfo=b"", query=None, fragment=None)
    host = str(shown.copy_with(raw_path=b"/")).removesuffix("/")
    variables = tuple(name for name, used in ((USERINFO, url.userinfo), (QUERY, url.query)) if used)
    if url.userinfo:
        host = host.replace("://", f"://${USERINFO}@", 1)
    address = host + path + (f"?${QUERY}" if url.query else "")
    surface = target.surface.name
    return Recipe(address, live.headers(surface, contract.model_id), surface, contract.model_id, variables)


def of_reference(surface: str, contract: Contract, fault: str | None) -> Recipe:
    """The recipe of the reference endpoint, which has to be served for it."""
    command = ["haiku-contract", "serve", *contract_arguments()]
    command += [] if fault is None else ["--fault", fault]
    address = _SERVED + (surfaces.named(surface).path or "/")
    headers = live.headers(surface, contract.model_id)
    return Recipe(address, headers, surface, contract.model_id, before=shlex.join(command))
