"""Which recorded exchange answers a request: by method, surface, and body as JSON; never by headers that change.

A request whose bytes were recorded gets the answer to these bytes. Only where there is none, a body that is the same
JSON in another spelling (order of keys, blanks, escapes, `1.0` for `1`) will do.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import unquote, urlsplit

from haiku_contract import wire
from haiku_contract.endpoint.surfaces import Asked, recognise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.endpoint.cassette import Headers, Interaction

Key: TypeAlias = "tuple[str, str, bytes]"

_DIGEST: Final = 16
_EXACT_INTEGERS: Final = 2**53


def exact(method: str, url: str, body: bytes) -> Key:
    """What a request is known by to the byte."""
    return method, route(method, url), hashlib.blake2b(body, digest_size=_DIGEST).digest()


def request(one: Interaction) -> str:
    """What tells the request of an interaction from all others: those with the same are answered in turn."""
    method, where, digest = exact(one.method, one.url, one.request.read())
    return f"{method} {where} {media_type(one.request_headers)} {digest.hex()}"


def alike(method: str, url: str, body: bytes) -> Key:
    """What a request is known by whatever its JSON is spelled like."""
    return method, route(method, url), hashlib.blake2b(_canonical(body), digest_size=_DIGEST).digest()


@lru_cache(maxsize=1024)
def route(method: str, url: str) -> str:
    """The surface that a request is addressed to; its path and query where that is none."""
    parts = urlsplit(url)
    surface = recognise(Asked(method, parts.hostname or "", unquote(parts.path), {}))
    if surface is not None:
        return surface.name
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def media_type(headers: Headers | Sequence[tuple[str, str]]) -> str:
    """The content type without its parameters; empty where there is none."""
    found = next((value for name, value in headers if name.lower() == "content-type"), "")
    return found.partition(";")[0].strip().lower()


def _canonical(body: bytes) -> bytes:
    decoded = wire.decode(body)
    if decoded.violations:
        return b"\0" + body  # no JSON begins like this
    return json.dumps(_plain(decoded.value), sort_keys=True, separators=(",", ":")).encode("ascii")


def _plain(value: Any) -> Any:
    """The value with one spelling for each number: an integer where it is one."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT_INTEGERS:
        return int(value)
    return value
