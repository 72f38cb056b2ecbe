"""What looks like a secret, and what stands in for one.

A stand-in has the form of what it replaces (length, alphabet, known prefix, shape of a UUID) and tells nothing of it:
it is the same for every secret of that form. So it replaces itself, and is never taken for a secret.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Found(NamedTuple):
    """A secret in a text: where it is, what kind it is of, and what is written in its place."""

    start: int
    end: int
    kind: str
    standin: str


_PREFIX: Final = (
    r"(?:sk-ant-(?:[a-z]{3,6}\d\d-)?|sk-(?:proj-|or-v1-|svcacct-)?|gh[pousr]_|github_pat_|xox[abeprs]-|AKIA|ASIA|AIza|"
    r"hf_|glpat-|npm_|pypi-|cf[a-z]{1,3}_|v1\.0-|eyJ|whsec_|[rsp]k_(?:live|test)_)"
)
_KEPT: Final = re.compile(_PREFIX)
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\Z")
_HEX: Final = re.compile(r"(?=.*\d)(?:[0-9a-f]{8,}|[0-9A-F]{8,})\Z")
_NIL: Final = "00000000-0000-4000-8000-000000000000"

_EDGE: Final = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[bfnrt]))"
"""Before a key: no part of a word, but for the letter of an escape, as of a line break in JSON."""

_QUOTE: Final = r"\\{0,7}\""
_NAMES: Final = (
    r"(?:[A-Za-z0-9]{1,20}[_-]){0,3}(?:api[_-]?key|apikey|secret(?:[_-]?(?:access[_-]?)?key)?|passw(?:or)?d|passphrase|"
    r"(?:access|refresh|auth|bearer|session|api|id|security)[_-]?token|token|credentials?|authorization|cookie|"
    r"private[_-]?key|account[_-]?(?:id|tag))"
)
_VALUE: Final = r"(?:[^\s\"\\<>{}$*]|\\/|\\u[0-9A-Fa-f]{4}){8,4096}"

# kind -> pattern; its group `secret` is the secret, the whole of it where there is none
_PATTERNS: Final[dict[str, str]] = {
    "private key": r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?P<secret>[^-]{16,8192})-----END",
    "key of a provider": _EDGE
    + r"(?:sk-ant-[A-Za-z0-9_-]{12,}|sk-(?:proj-|or-v1-|svcacct-)?[A-Za-z0-9_]{20,}(?:-[A-Za-z0-9_-]+)?|"
    r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|xox[abeprs]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])|"
    r"AIza[A-Za-z0-9_-]{35}|hf_[A-Za-z0-9]{30,}|glpat-[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{50,}|"
    r"cf(?:ut|at|k)_[A-Za-z0-9_-]{30,}|v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}|whsec_[A-Za-z0-9+/]{20,}|"
    r"[rs]k_live_[A-Za-z0-9]{20,})",
    "token": _EDGE + r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    "authorisation": r"(?i:\bbearer|\bbasic)(?:\s|%20|\+){1,3}(?P<secret>[A-Za-z0-9._~+/-]{16,}=*)",
    "user and password": r"://(?P<secret>[^\s/@:\"\\<>{}$]{0,100}:[^\s/@\"\\<>{}$]{3,100})@",
    "account": r"/accounts/(?P<secret>[A-Za-z0-9_-]{8,64})(?=[/?#\s\"'\\]|\Z)",
    "gateway": r"gateway\.ai\.cloudflare\.com/v1/(?P<secret>[A-Za-z0-9_-]{8,64}/[\w-]{1,64})(?=[/?#\s\"'\\]|\Z)",
    "member of an object": rf"(?i:{_QUOTE}{_NAMES}{_QUOTE})\s{{0,9}}:\s{{0,9}}{_QUOTE}(?P<secret>{_VALUE}){_QUOTE}",
    "query": rf"(?i:[?&](?:{_NAMES}|key|sig|signature)=)(?P<secret>[^\s&#\"'\\<>{{}}$*]{{8,4096}})",
}
_COMPILED: Final = tuple((kind, re.compile(pattern)) for kind, pattern in _PATTERNS.items())
_PERCENT: Final = re.compile(r"[\w.~+/=-]*%[0-9A-Fa-f]{2}(?:[\w.~+/=-]|%[0-9A-Fa-f]{2}){11,}", re.ASCII)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_STRING: Final = re.compile(r'"[^"\\\r\n]*+(?:\\.[^"\\\r\n]*+)*+"')
_PIECE: Final = re.compile(
    r'"(?:text|partial_json|thinking|signature|content|arguments)"\s*+:\s*+"([^"\\\r\n]*+(?:\\.[^"\\\r\n]*+)*+)"'
)
_PLACEHOLDER: Final = re.compile(
    r"(?i:<[^>]*>|\[[^\]]*\]|\{.*\}|\$.*|x+|\*+|\.+|(?:your|my|the|some|dummy|fake|test|example|redacted|filtered|"
    r"placeholder|api[_-]?key|null|none|undefined|default|bearer|secret|password|token)[\w. -]{0,40})\Z"
)


def standin(secret: str) -> str:
    """What is written in place of a secret: a text of the same form that tells nothing of it."""
    if _UUID.match(secret):
        return _NIL
    kept = _KEPT.match(secret)
    start = kept[0] if kept and len(secret) - kept.end() > 3 else ""  # noqa: PLR2004 - a prefix is not the whole
    rest = secret[len(start) :]
    if rest.isdecimal() or _HEX.match(rest):
        return start + "0" * len(rest)
    fill = "X" if rest == rest.upper() else "x"
    return start + re.sub(r"[^./=%:@\s;,-]", fill, rest)


def looks_like_one(text: str) -> bool:
    """Whether a text in a place for secrets may be one: neither a stand-in nor words in its place."""
    return standin(text) != text and not _PLACEHOLDER.match(text)


def find(text: str, known: re.Pattern[str] | None = None, *, deep: bool = True, sure: bool = False) -> Iterator[Found]:
    """The secrets in a text, in no order; they may overlap.

    Args:
        text: what is searched; a body as Latin-1, so that places are those of its bytes.
        known: what is a secret wherever it is.
        deep: also look into base64, into escaped texts, and into texts that arrive in pieces.
        sure: leave out words in the place of a secret that are likely to be none.
    """
    if known is not None:
        for match in known.finditer(text):
            if standin(match[0]) != match[0]:
                yield Found(*match.span(), "known secret", standin(match[0]))
    for kind, pattern in _COMPILED:
        for match in pattern.finditer(text):
            group = "secret" if pattern.groups else 0
            secret = match[group]
            if looks_like_one(secret) if sure else standin(secret) != secret:
                yield Found(*match.span(group), kind, standin(secret))
    if deep:
        inner = partial(find, known=known, deep=False, sure=sure)
        yield from _escaped(text, inner)
        yield from _encoded(text, inner)
        yield from _quoted(text, inner)
        yield from _in_pieces(text, inner)


def apply(text: str, found: Iterable[Found]) -> tuple[str, list[tuple[int, int, int]]]:
    """The text with every secret replaced, and the edits: start and end of each in the text, length of what is new."""
    parts: list[str] = []
    edits: list[tuple[int, int, int]] = []
    at = 0
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if one.start < at:
            continue  # a part of one that is replaced already
        parts += text[at : one.start], one.standin
        edits.append((one.start, one.end, len(one.standin)))
        at = one.end
    return "".join([*parts, text[at:]]), edits


def redact(text: str, known: re.Pattern[str] | None = None) -> str:
    """The text with stand-ins for its secrets."""
    return apply(text, find(text, known))[0]


def _escaped(text: str, inner: Callable[[str], Iterator[Found]]) -> Iterator[Found]:
    """Secrets in JSON strings that are written with escapes."""
    for match in _STRING.finditer(text) if "\\u00" in text or "\\/" in text else ():
        if "\\u00" not in match[0] and "\\/" not in match[0]:
            continue
        try:
            plain = json.loads(match[0])
        except ValueError:
            continue
        cleaned = apply(plain, inner(plain))[0]
        if cleaned != plain:
            yield Found(*match.span(), "escaped text", json.dumps(cleaned))


def _encoded(text: str, inner: Callable[[str], Iterator[Found]]) -> Iterator[Found]:
    """Secrets in what is encoded in base64, with either alphabet."""
    for match in _BASE64.finditer(text):
        whole = match[0].rstrip("=")
        whole = whole[: len(whole) - (len(whole) % 4 == 1)]
        alphabet = b"-_" if "-" in whole or "_" in whole else b"+/"
        try:
            plain = base64.b64decode(whole + "=" * (-len(whole) % 4), altchars=alphabet, validate=True).decode(
                "latin-1"
            )
        except binascii.Error:
            continue
        cleaned = apply(plain, inner(plain))[0]
        if cleaned != plain:
            encoded = base64.b64encode(cleaned.encode("latin-1"), altchars=alphabet).decode("ascii").rstrip("=")
            yield Found(match.start(), match.start() + len(whole), "base64", encoded)


def _quoted(text: str, inner: Callable[[str], Iterator[Found]]) -> Iterator[Found]:
    """Secrets that are written with percent-encoding, whole or in part."""
    for match in _PERCENT.finditer(text) if "%" in text else ():
        plain = unquote(match[0], "latin-1")
        cleaned = apply(plain, inner(plain))[0]
        if cleaned != plain:
            yield Found(*match.span(), "percent-encoded", quote(cleaned, safe="/+=", encoding="latin-1"))


def _in_pieces(text: str, inner: Callable[[str], Iterator[Found]]) -> Iterator[Found]:
    """Secrets in a text that arrives piece by piece, in the events of a stream."""
    pieces = [match.span(1) for match in _PIECE.finditer(text)] if "data:" in text else []
    if len(pieces) < 2:  # noqa: PLR2004 - one is not in pieces
        return
    whole = "".join(text[start:end] for start, end in pieces)
    for one in inner(whole):
        at = 0
        for start, end in pieces:
            first, last = max(one.start, at), min(one.end, at + end - start)
            if first < last and len(one.standin) == one.end - one.start:
                part = one.standin[first - one.start : last - one.start]
                yield Found(start + first - at, start + last - at, one.kind, part)
            at += end - start
