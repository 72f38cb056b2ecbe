"""What is known to be secret in an exchange: credentials, accounts and gateways, and what the environment names so."""

from __future__ import annotations

import base64
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

from haiku_contract.endpoint.secret_kinds import STRONG
from haiku_contract.endpoint.standins import is_placeholder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from haiku_contract.endpoint.cassette import Headers

_CREDENTIALS: Final = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cf-aig-authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "cookie",
        "set-cookie",
        "x-auth-key",
        "x-auth-token",
        "x-auth-email",
        "cf-access-client-secret",
        "cf-access-jwt-assertion",
    }
)
_NAMED_LIKE_ONE: Final = re.compile(
    r"(?i)(?:\A|[-_])(?:token|secret|passw(?:or)?d|(?:api|auth|access|secret|subscription)-?key)\Z"
)
_VARIABLE: Final = re.compile(rf"(?i)(?:{STRONG}|(?:\A|_)(?:token|key|pat|pwd|auth))\Z")
_LEAST_KNOWN: Final = 8  # characters: a shorter text is found by chance
_LEAST_OF_LETTERS: Final = 16  # characters: a shorter text of nothing but letters is a word
SCHEME: Final = re.compile(r"(?i:bearer|basic|token)\s+")
_ACCOUNT: Final = re.compile(
    r"/accounts/([\w-]{8,64})(?=/|\Z)|gateway\.ai\.cloudflare\.com/v1/([\w-]{8,64})/", re.ASCII
)
_GATEWAY: Final = re.compile(r"gateway\.ai\.cloudflare\.com/v1/[\w-]{1,64}/([\w-]{1,64})", re.ASCII)
_BITS: Final = 6  # of a character of base64


def of_environment(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets among the variables of the environment: those whose names say so, but for words."""
    found = {value.strip() for name, value in environment.items() if _VARIABLE.search(name)}
    return tuple(sorted(one for one in found if not _is_word(one) and not is_placeholder(one)))


def _is_word(text: str) -> bool:
    """Whether a text is found by chance, too: in a name of the wire, or in a sentence; or it is the name of a file."""
    return len(text) < (_LEAST_OF_LETTERS if text.isalpha() else _LEAST_KNOWN) or text.startswith(("/", "."))


def gateways(url: str, headers: Headers) -> Iterator[str]:
    """The gateways through which an exchange went, but for those that are called like any word."""
    named = [value for name, value in headers if name.lower() == "cf-aig-gateway-id"]
    yield from (one for one in (*_GATEWAY.findall(url), *named) if not _is_word(one))


def accounts(url: str) -> Iterator[str]:
    """The accounts in an address of the real endpoint, or in one that is like it."""
    yield from (one for match in _ACCOUNT.finditer(url) for one in match.groups() if one)


def credentials(name: str, value: str) -> Iterator[str]:
    """The secrets in a header that is for secrets; none in any other."""
    if name.lower() not in _CREDENTIALS and not _NAMED_LIKE_ONE.search(name):
        return
    scheme = SCHEME.match(value)
    text = value[scheme.end() :] if scheme else value
    if scheme and scheme[0].lower().startswith("basic"):
        yield text.strip()
        yield from _password(text.strip())
    elif "cookie" in name.lower():
        yield from (part.partition("=")[2].strip() for part in text.split(";"))
    else:
        yield text.strip()


def _password(text: str) -> Iterator[str]:
    """The password of basic authentication (RFC 7617); a user without one is a key."""
    try:
        user, _, password = base64.b64decode(text, validate=True).decode("utf-8").partition(":")
        yield password or user
    except ValueError:  # it is none of that form
        return


@lru_cache(maxsize=64)
def forms(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """All the ways in which known secrets are written without anything around them; the longest first."""
    found = {form for text in secrets if len(text) >= _LEAST_KNOWN for form in _forms(text)}
    return tuple(sorted(found, key=lambda one: (-len(one), one)))


def _forms(text: str) -> Iterator[str]:
    data = text.encode("utf-8", "surrogatepass")
    yield from (text, data.decode("latin-1"))
    yield from (json.dumps(text)[1:-1], quote(data, safe=""), quote_plus(data))
    yield from (data.hex(), data.hex().upper())
    for order in ("utf-16-le", "utf-16-be"):
        yield text.encode(order, "surrogatepass").decode("latin-1")
    for ahead in range(3):  # what of its base64 does not depend on what stands around it
        encoded = base64.b64encode(bytes(ahead) + data).decode("ascii")
        core = encoded[-(-ahead * 8 // _BITS) : (ahead + len(data)) * 8 // _BITS]
        if len(core) >= _LEAST_KNOWN:
            yield from (core, core.translate(_OTHER_ALPHABET))


_OTHER_ALPHABET: Final = str.maketrans("+/", "-_")
