"""`--header 'NAME: VALUE'`: what requests to a `--url` carry beside their body; a secret comes from the environment."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from haiku_contract.endpoint import secrets
from haiku_contract.endpoint.redaction import SHOWN
from haiku_contract.errors import EndpointError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_OURS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)
"""The headers that say how a request is framed and coded; each request has its own."""

_NAME: Final = re.compile(r"[!#$%&'*+.^`|~\w-]{1,200}", re.ASCII)  # a token, RFC 9110 section 5.6.2
_VALUE: Final = re.compile(r"[ -~]{1,8192}")
_VARIABLE: Final = re.compile(r"(?:(?P<scheme>[A-Za-z]{1,20}) +)?env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)", re.ASCII)
_SCHEME: Final = re.compile(r"[A-Za-z]{1,20} +")

header_option = click.option(
    "--header",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="What each request to --url carries, too. A secret is read from the environment: 'NAME: env:VARIABLE', "
    "'Authorization: Bearer env:VARIABLE'.",
)


class Headers(NamedTuple):
    """Headers as sent and as shown.

    Attributes:
        sent: their values.
        shown: likewise, `$VARIABLE` in place of what comes from the environment.
        variables: the names of the variables.
        secrets: what must not be shown of the values.
    """

    sent: Mapping[str, str]
    shown: Mapping[str, str]
    variables: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self.sent)}>"


def headers(given: Iterable[str], environment: Mapping[str, str], option: str = "--header") -> Headers:
    """The headers that an option of the command line asks for, names in lower case.

    Raises:
        UsageError: one cannot be sent, or its value may be a secret and stands in the command line.
        EndpointError: a variable of the environment is missing, or cannot be the value of a header.
    """
    sent: dict[str, str] = {}
    shown: dict[str, str] = {}
    variables: dict[str, None] = {}
    hidden: list[str] = []
    for text in given:
        name, value = _split(text, option)
        if name in sent:
            raise UsageError(f"{option} {name} is given twice")
        match = _VARIABLE.fullmatch(value)
        if match is None:
            _check_literal(name, value, option)
            sent[name] = shown[name] = value
            continue
        scheme = f"{match['scheme']} " if match["scheme"] else ""
        found = _from(environment, match["name"], f"{option} {name}")
        sent[name], shown[name] = scheme + found, f"{scheme}${match['name']}"
        variables[match["name"]] = None
        hidden += (one for one in _parts(name, sent[name]) if one)
    return Headers(sent, shown, tuple(variables), tuple(dict.fromkeys(hidden)))


def _split(text: str, option: str) -> tuple[str, str]:
    """The name in lower case, and the value; neither is repeated in an error before it is known to be no secret."""
    name, colon, value = text.partition(":")
    name, value = name.strip().lower(), value.strip()
    if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise UsageError(f"{option} takes 'NAME: VALUE' in ASCII, or 'NAME: env:VARIABLE' where the value is a secret")
    if name in _OURS:
        raise UsageError(f"{option} {name} cannot be given: each request says that of itself")
    return name, value


def _check_literal(name: str, value: str, option: str) -> None:
    if name not in SHOWN or any(secrets.find(value, secrets.Sought(sure=True))):
        raise UsageError(
            f"{option} {name}: its value may be a secret, and is not taken from the command line; "
            f"put it into the environment and write '{name}: env:VARIABLE'"
        )


def _from(environment: Mapping[str, str], variable: str, asked_by: str) -> str:
    value = environment.get(variable, "").strip()
    if not value:
        raise EndpointError(f"{asked_by} needs the environment variable {variable}: set it")
    if not _VALUE.fullmatch(value):
        raise EndpointError(f"the environment variable {variable} cannot be a header: not ASCII, or too long")
    return value


def _parts(name: str, value: str) -> Iterator[str]:
    """What of a value is secret: itself, what follows its scheme, the password in that, and what cookies hold."""
    yield value
    scheme = _SCHEME.match(value)
    if scheme is not None:
        yield value[scheme.end() :]
        try:
            plain = base64.b64decode(value[scheme.end() :], validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            plain = ""
        yield from (plain, plain.partition(":")[2])
    if name == "cookie":
        yield from (part.partition("=")[2].strip() for part in value.split(";"))
