"""Redaction at capture: what of an exchange is written down, and what stands in for the rest.

Headers are shown by an allow-list; of URLs and bodies everything is shown but what looks like a secret, what this
exchange uses as one, and what the caller names.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from haiku_contract.endpoint.cassette import Held
from haiku_contract.endpoint.known_secrets import SCHEME, accounts, credentials, forms, gateways, of_environment
from haiku_contract.endpoint.secrets import Sought, clean, find, in_plain, redact, standin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.endpoint.cassette import Headers, Interaction
    from haiku_contract.endpoint.decoders import Edit

_SHOWN: Final = """
accept accept-encoding accept-language age allow anthropic-beta anthropic-version cache-control
cf-aig-cache-status cf-aig-cache-ttl cf-aig-collect-log cf-aig-max-attempts cf-aig-request-timeout
cf-aig-skip-cache cf-aig-step cf-cache-status cf-consn-model-id cf-consn-sdk-version connection
content-encoding content-language content-length content-type date etag expect expires host
keep-alive last-modified location pragma request-id retry-after retry-after-ms server
strict-transport-security te traceparent transfer-encoding upgrade user-agent vary via
x-content-type-options x-haiku-fault x-request-id x-should-retry x-stainless-arch x-stainless-async
x-stainless-lang x-stainless-os x-stainless-package-version x-stainless-retry-count
x-stainless-runtime x-stainless-runtime-version x-stainless-timeout x-stainless-read-timeout
x-stainless-helper-method
"""
SHOWN: Final = frozenset(_SHOWN.split())
"""The headers whose values are written down; those of `anthropic-ratelimit-…` and `x-ratelimit-…` are too."""

_SHOWN_FAMILIES: Final = ("anthropic-ratelimit-", "x-ratelimit-", "access-control-")
_NO_SECRET: Final = ("default",)
_GROUPS: Final = frozenset({"user and password"})
"""Kinds of which the secret is only a part of what is found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """How an exchange is redacted.

    Attributes:
        secrets: texts that are secrets wherever they are, however encoded; less than 8 characters are none.
        headers: names of headers, in lower case, whose values are shown beside those of `SHOWN`.
        allowed: texts that look like secrets and are none.
    """

    secrets: tuple[str, ...] = field(default=(), repr=False)
    headers: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()

    def interaction(self, one: Interaction) -> Interaction:
        """An exchange as it may be written down."""
        asked = self.learning(one.url, one.request_headers)
        answered = asked.learning(one.url, one.response_headers).with_those_in(one.request.read().decode("latin-1"))
        response, sizes = answered.cut_body(one.response.read(), one.sizes)
        return replace(
            one,
            url=asked.url(one.url),
            request_headers=asked.pairs(one.request_headers),
            request=Held(asked.body(one.request.read())),
            reason=answered.text(one.reason),
            response_headers=_counted(answered.pairs(one.response_headers), len(response)),
            response=Held(response),
            sizes=sizes,
            error=answered.text(one.error),
        )

    def learning(self, url: str, headers: Headers) -> Redaction:
        """This, with what an address and headers hold as credentials and identities."""
        found = {one for name, value in headers for one in credentials(name, value)}
        found |= {*accounts(url), *gateways(url, headers)}
        return self._knowing(found).with_those_in(f"{url}\n{unquote(url)}")

    def with_those_in(self, text: str) -> Redaction:
        """This, with the secrets that a text surely holds: wherever else they are, they are none the less."""
        found = in_plain(text, Sought(allowed=self.allowed, sure=True))
        return self._knowing({text[one.start : one.end] for one in found if one.kind not in _GROUPS})

    def _knowing(self, secrets: set[str]) -> Redaction:
        more = secrets - set(self.secrets)
        return replace(self, secrets=(*self.secrets, *sorted(more))) if more else self

    def url(self, url: str) -> str:
        """An address without its secrets."""
        return self.text(url)

    def text(self, text: str) -> str:
        """A text without its secrets."""
        return redact(text, self._sought())

    def pairs(self, headers: Headers) -> Headers:
        """Headers: those of the allow-list without their secrets, stand-ins for the values of the others."""
        return tuple((self.text(name), self._value(name.lower(), value)) for name, value in headers)

    def body(self, body: bytes) -> bytes:
        """A body without its secrets."""
        return self.cut_body(body, ())[0]

    def cut_body(self, body: bytes, sizes: tuple[int, ...]) -> tuple[bytes, tuple[int, ...]]:
        """A body without its secrets, and the sizes of its chunks as they are then."""
        text = body.decode("latin-1")
        for cleaned, edits in clean(text, self._sought()):
            text, sizes = cleaned, _moved(sizes, edits)
        return text.encode("latin-1"), sizes

    def _value(self, name: str, value: str) -> str:
        if name in SHOWN or name in self.headers or name.startswith(_SHOWN_FAMILIES):
            return self.text(value)
        if name == "cf-aig-gateway-id" and value in _NO_SECRET:
            return value
        scheme = SCHEME.match(value)
        start = scheme[0] if scheme else ""
        return start + standin(value[len(start) :])

    def found(self, text: str, *, sure: bool = False) -> Iterator[Edit]:
        """The secrets in a text; a body as Latin-1, so that places are those of its bytes.

        Args:
            text: what is searched.
            sure: leave out words in the place of a secret that are likely to be none.

        Raises:
            UnsearchableError: it holds something that cannot be looked into.
        """
        return find(text, self._sought(sure=sure))

    def _sought(self, *, sure: bool = False) -> Sought:
        return Sought(forms(self.secrets), self.allowed, sure)


def of_session(
    secrets: tuple[str, ...] = (), *, headers: frozenset[str] = frozenset(), allowed: frozenset[str] = frozenset()
) -> Redaction:
    """A redaction that knows, beside the secrets that it is given, those in the environment of this process."""
    known = dict.fromkeys((*secrets, *of_environment(os.environ)))
    return Redaction(secrets=tuple(known), headers=headers, allowed=allowed)


def _moved(sizes: tuple[int, ...], edits: list[tuple[int, int, int]]) -> tuple[int, ...]:
    """The sizes of the chunks after the edits; a border inside of one that changes the length moves to its end."""
    edits = [(start, stop, new) for start, stop, new in edits if new != stop - start]
    borders: list[int] = []
    end = 0
    for size in sizes:
        end += size
        shift = sum(new - (stop - start) for start, stop, new in edits if stop <= end)
        inside = next((stop - end + new - (stop - start) for start, stop, new in edits if start < end < stop), 0)
        borders.append(end + shift + inside)
    return tuple(after - before for before, after in zip([0, *borders], borders, strict=False))


def _counted(headers: Headers, length: int) -> Headers:
    """The headers with the length that the body has."""
    return tuple((name, str(length) if name.lower() == "content-length" else value) for name, value in headers)
