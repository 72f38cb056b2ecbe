"""Secrets in what comes back: found in the forms in which servers and libraries repeat them, and taken out.

An endpoint may repeat a credential in a body, a header or a redirect; errors and debug logs of the client may, too.
"""

from __future__ import annotations

import contextlib
import logging
import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from haiku_contract.endpoint.codings import is_compressed
from haiku_contract.endpoint.decoders import DECODERS, PIECES, Edit, apply
from haiku_contract.endpoint.known_secrets import forms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.model import Exchange

REDACTED: Final = "REDACTED"

_PLAIN: Final = 8
"""Characters from which on a secret is looked for inside other words, and in every encoding."""
_LEAST: Final = 4
"""Characters below which a text is no secret: it could not be told from numbers and words."""
_TALKATIVE: Final = ("httpx", "httpcore", "h11", "asyncio")


def hidden(text: str, secrets: tuple[str, ...]) -> str:
    """A text without the secrets."""
    found = _pattern(secrets)
    if found is None:
        return text
    return found.sub(REDACTED.encode(), text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def without(exchange: Exchange, secrets: tuple[str, ...]) -> Exchange:
    """An exchange without the secrets."""
    found = _pattern(secrets)
    if found is None:
        return exchange
    body = _unpieced(found.sub(REDACTED.encode(), exchange.body), found)
    headers = {hidden(name, secrets): hidden(value, secrets) for name, value in exchange.headers.items()}
    return replace(exchange, body=body, headers=headers, error=hidden(exchange.error, secrets))


def _unpieced(body: bytes, found: re.Pattern[bytes]) -> bytes:
    """A body without what is there in pieces: each event of a stream may bring a few characters of a text."""
    if b"data:" not in body:
        return body
    text = body.decode("latin-1")
    edits = [
        edit
        for joined in DECODERS[PIECES](text)
        for edit in joined.back([Edit(*at.span(), PIECES, REDACTED) for at in _within(found, joined.plain)])
    ]
    return apply(text, edits)[0].encode("latin-1") if edits else body


def _within(found: re.Pattern[bytes], text: str) -> Iterator[re.Match[bytes]]:
    return found.finditer(text.encode("latin-1"))


def readable(exchange: Exchange, secrets: tuple[str, ...]) -> Exchange:
    """An exchange without a body that could hide the secrets: one that is compressed and does not say so."""
    return replace(exchange, body=REDACTED.encode()) if secrets and is_compressed(exchange.body) else exchange


@contextlib.contextmanager
def hushed(secrets: tuple[str, ...]) -> Iterator[None]:
    """While this lasts, the client's own debug logs hold no secret: they show addresses and headers as they are."""

    def clean(record: logging.LogRecord) -> bool:
        record.msg, record.args = hidden(record.getMessage(), secrets), ()
        return True

    loggers = [logging.getLogger(name) for name in [*logging.root.manager.loggerDict] if _talks(name)]
    for logger in loggers:
        logger.addFilter(clean)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(clean)


def _talks(name: str) -> bool:
    return name.partition(".")[0] in _TALKATIVE


@lru_cache(16)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[bytes] | None:
    found = {form for secret in secrets for form in _forms(secret)}
    longest_first = sorted(found, key=lambda form: (-len(form), form))
    return re.compile(b"|".join(longest_first)) if found else None


def _forms(secret: str) -> Iterator[bytes]:
    """What a secret may look like, as patterns: escaped in any way, and every other way to write it, escaped again."""
    if len(secret) < _LEAST:
        return
    escaped = b"".join(map(_escaped, _bytes(secret)))
    if len(secret) < _PLAIN:
        yield rb"(?<![0-9A-Za-z])" + escaped + rb"(?![0-9A-Za-z])"
        return
    yield escaped
    for form in forms((secret,)):
        yield b"".join(bytes([byte]) if chr(byte).isalnum() else _escaped(byte) for byte in _bytes(form))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _escaped(byte: int) -> bytes:
    """One byte as it is, or percent-encoded, or escaped as in JSON, HTML and Python."""
    plain = re.escape(bytes([byte]))
    high, low = (b"[%c%c]" % (ord(digit), ord(digit.upper())) for digit in f"{byte:02x}")
    ways = [plain, b"%" + high + low, rb"\\+(?:u00|x)" + high + low, b"&#0*(?:%d|x" % byte + high + low + b");"]
    if not chr(byte).isalnum():
        ways.append(rb"\\+" + plain)
    ways += _NAMED.get(byte, [])
    return b"(?:" + b"|".join(ways) + b")"


_NAMED: Final = {
    ord(" "): [rb"\+"],
    ord("&"): [b"&amp;"],
    ord('"'): [b"&quot;"],
    ord("'"): [b"&apos;"],
    ord("<"): [b"&lt;"],
    ord(">"): [b"&gt;"],
}
