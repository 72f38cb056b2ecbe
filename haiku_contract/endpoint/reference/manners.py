"""How each surface answers: who is let in, the envelope of a success, the body of an error, the headers.

One row per surface. Bodies and headers are those of published recordings; what is only inferred says so.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract.endpoint.surfaces import SURFACES, Asked, Surface, gateway_error, recognise, rest_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from haiku_contract.endpoint.reference.refusals import Refused

_DIGITS: Final = (b"0123456789ABCDEFGHJKMNPQRSTVWXYZ" * 8)[:256]
"""A digit of an ULID (Crockford's base 32), which is what log ids are, for each byte."""

_LETTERS: Final = (b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz" * 5)[:256]
"""A digit of base 58, which is what the provider's ids are made of, for each byte."""


class Ids(NamedTuple):
    """The ids of one answer; the same request has the same ids."""

    log: str
    event: str
    request: str
    provider: str


@dataclass(frozen=True, slots=True)
class Manners:
    """How one surface answers.

    Attributes:
        success: (message) -> body of a whole answer.
        error: (refusal, ids) -> body of an error.
        credentials: header -> scheme in front of the token; one of them has to be there where credentials are asked
            for, and none is ever asked for where there are none.
        unauthorised: name of the refusal without them.
        demanded: header -> name of the refusal when it is not there.
        headers: names of the headers of an answer that got as far as the gateway.
    """

    success: Callable[[Any], Any]
    error: Callable[[Refused, Ids], Any]
    credentials: Mapping[str, str] = field(default_factory=dict)
    unauthorised: str = "unauthorised"
    demanded: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[str, ...] = ()


def route(asked: Asked) -> Surface | None:
    """The surface that serves a path, whatever the method; None where nothing is."""
    return _SHORT.get(asked.path) or recognise(asked._replace(method="POST"))


def lost(asked: Asked) -> str:
    """The name of the refusal of a request that no surface serves."""
    return "method" if asked.method != "POST" and _ROUTER.search(asked.path) else "route"


def turned_away(asked: Asked, surface: Surface, token: str = "") -> str | None:
    """The name of the refusal of a request whose headers do not let it in; None for all others.

    Credentials are asked for at the full address of a surface, which names an account, and everywhere once there is
    a token that they have to hold. At the short paths nobody is asked, so that nothing needs a made-up secret.
    """
    manners = MANNERS[surface.name]
    if not token and not _ACCOUNT.search(asked.path):
        return None
    schemes = manners.credentials or (_ANY if token else {})
    given = [_token(asked.headers.get(name, ""), scheme) for name, scheme in schemes.items()]
    if schemes and not (token in given if token else any(given)):
        return manners.unauthorised
    return next((refusal for name, refusal in manners.demanded.items() if name not in asked.headers), None)


def ids(seed: int, surface: Surface, body: bytes) -> Ids:
    """The ids of the answer to a request."""
    digest = hashlib.sha512(b"%d\0%s\0" % (seed, surface.name.encode()) + body).digest()
    log = "01" + digest[:24].translate(_DIGITS).decode()
    provider = "req_011C" + digest[24:44].translate(_LETTERS).decode()
    return Ids(log, _uuid(digest[32:48]), _uuid(digest[48:64]), provider)


def headers(surface: Surface, known: Ids) -> dict[str, str]:
    """The headers of an answer that got as far as the gateway."""
    values = {
        "cf-ai-req-id": known.request,
        "cf-aig-log-id": known.log,
        "cf-aig-request-id": known.request,
        "cf-aig-event-id": known.event,
        "cf-aig-step": "0",
        "cf-aig-cache-status": "MISS",
        "request-id": known.provider,
    }
    return {name: values[name] for name in MANNERS[surface.name].headers}


def _token(value: str, scheme: str) -> str:
    return value[len(scheme) :].strip() if value[: len(scheme)].lower() == scheme else ""


def _uuid(digest: bytes) -> str:
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def _bare(message: Any) -> Any:
    return message


def _enveloped(message: Any) -> Any:
    return {"result": message, "success": True, "errors": [], "messages": []}


def _rest(refused: Refused, _ids: Ids) -> Any:
    return rest_error(refused.status, refused.code, refused.text)


def _gateway(refused: Refused, known: Ids) -> Any:
    body = gateway_error(refused.http_code or refused.status, refused.code, refused.text)
    if refused.brief:
        return {key: value for key, value in body.items() if key != "description"}
    return body | {"description": refused.description, "requestId": known.request}


def _provided(otherwise: Callable[[Refused, Ids], Any]) -> Callable[[Refused, Ids], Any]:
    """Errors of the provider in its own words, where a surface passes them on as they are."""

    def error(refused: Refused, known: Ids) -> Any:
        if not refused.provider:
            return otherwise(refused, known)
        what = {"type": refused.provider, "message": refused.message}
        return {"type": "error", "error": what, "request_id": known.provider}

    return error


_AIG: Final = ("cf-aig-log-id", "cf-aig-request-id", "cf-aig-event-id", "cf-aig-step", "cf-aig-cache-status")
_BEARER: Final = {"authorization": "bearer "}
_ANY: Final = _BEARER | {"x-api-key": ""}

MANNERS: Final[dict[str, Manners]] = {
    "bare": Manners(_bare, _rest),
    "binding": Manners(_bare, _gateway, headers=("cf-ai-req-id", *_AIG)),
    "run": Manners(_enveloped, _rest, _BEARER, headers=("cf-ai-req-id", *_AIG)),
    # The older SDKs know no other way than `x-api-key`.
    "messages": Manners(_bare, _provided(_rest), _ANY, headers=("request-id", *_AIG)),
    "gateway": Manners(
        _bare,
        _provided(_gateway),
        {"cf-aig-authorization": "bearer "},
        "gateway-unauthorised",
        {"anthropic-version": "no-version"},
        ("request-id", *_AIG),
    ),
}
"""The surfaces by name."""

_SHORT: Final = {surface.path.partition("?")[0] or "/": surface for surface in SURFACES.values()}
_ROUTER: Final = re.compile(r"(?:^|/accounts/[^/]+)/ai/")
"""Paths at which the REST interface was seen to refuse a method and not the path, whatever follows."""
_ACCOUNT: Final = re.compile(r"/accounts/[^/]+/|^/v1/[^/]+/[^/]+/")


def encode(body: Any) -> bytes:
    """The bytes of a body; anything that JSON can carry."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
