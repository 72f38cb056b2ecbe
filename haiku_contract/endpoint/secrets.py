"""What looks like a secret, and what stands in for one.

A stand-in has the form of what it replaces (length, alphabet, known prefix, shape of a UUID) and tells nothing of it:
it is the same for every secret of that form. So it replaces itself, and is never taken for a secret.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


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

_EDGE: Final = r"(?<![A-Za-z0-9_-])"
_QUOTE: Final = r"\\{0,7}\""
_NAMES: Final = (
    r"(?:[A-Za-z0-9]{1,20}[_-]){0,3}(?:api[_-]?key|apikey|secret(?:[_-]?(?:access[_-]?)?key)?|passw(?:or)?d|passphrase|"
    r"(?:access|refresh|auth|bearer|session|api|id|security)[_-]?token|token|credentials?|authorization|cookie|"
    r"private[_-]?key|account[_-]?(?:id|tag))"
)
_VALUE: Final = r"[^\s\"\\<>{}$*]{8,4096}"

# kind -> pattern; its group `s` is the secret, the whole of it where there is none
_PATTERNS: Final[dict[str, str]] = {
    "private key": r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?P<s_pem>[^-]{16,8192})-----END",
    "key of a provider": _EDGE
    + r"(?:sk-ant-[A-Za-z0-9_-]{12,}|sk-(?:proj-|or-v1-|svcacct-)?[A-Za-z0-9_]{20,}(?:-[A-Za-z0-9_-]+)?|"
    r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|xox[abeprs]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])|"
    r"AIza[A-Za-z0-9_-]{35}|hf_[A-Za-z0-9]{30,}|glpat-[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{50,}|"
    r"cf(?:ut|at|k)_[A-Za-z0-9_-]{30,}|v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}|whsec_[A-Za-z0-9+/]{20,}|"
    r"[rs]k_live_[A-Za-z0-9]{20,})",
    "token": _EDGE + r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    "authorisation": r"(?i:\bbearer|\bbasic)(?:\s|%20|\+){1,3}(?P<s_auth>[A-Za-z0-9._~+/-]{16,}=*)",
    "user and password": r"://(?P<s_user>[^\s/@:\"\\<>{}$]{0,100}:[^\s/@\"\\<>{}$]{3,100})@",
    "account": r"/accounts/(?P<s_account>[A-Za-z0-9_-]{8,64})(?=[/?#\s\"'\\]|\Z)",
    "gateway": r"gateway\.ai\.cloudflare\.com/v1/(?P<s_gateway>[A-Za-z0-9_-]{8,64}/[\w-]{1,64})(?=[/?#\s\"'\\]|\Z)",
    "member of an object": rf"(?i:{_QUOTE}{_NAMES}{_QUOTE})\s{{0,9}}:\s{{0,9}}{_QUOTE}(?P<s_member>{_VALUE}){_QUOTE}",
    "query": rf"(?i:[?&](?:{_NAMES}|key|sig|signature)=)(?P<s_query>[^\s&#\"'\\<>{{}}$*]{{8,4096}})",
}
_ANY: Final = re.compile("|".join(f"(?P<k{number}>{one})" for number, one in enumerate(_PATTERNS.values())))
_KINDS: Final = {f"k{number}": kind for number, kind in enumerate(_PATTERNS)}
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_ESCAPED: Final = re.compile(r'"((?:[^"\\\r\n]|\\.)*\\u00(?:[^"\\\r\n]|\\.)*)"')
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


def find(text: str, known: re.Pattern[str] | None = None, *, deep: bool = True) -> Iterator[Found]:
    """The secrets in a text, in no order; they may overlap.

    Args:
        text: what is searched; a body as Latin-1, so that places are those of its bytes.
        known: what is a secret wherever it is.
        deep: also look into base64 and into escaped texts.
    """
    if known is not None:
        for match in known.finditer(text):
            if standin(match[0]) != match[0]:
                yield Found(*match.span(), "known secret", standin(match[0]))
    for match in _ANY.finditer(text):
        groups = match.groupdict()
        name = next((one for one in groups if one.startswith("s_") and groups[one] is not None), None)
        kind = next(_KINDS[one] for one in _KINDS if groups[one] is not None)
        secret = match[name] if name else match[0]
        if looks_like_one(secret):
            yield Found(*(match.span(name) if name else match.span()), kind, standin(secret))
    if deep:
        yield from _escaped(text, known)
        yield from _encoded(text, known)


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


def _escaped(text: str, known: re.Pattern[str] | None) -> Iterator[Found]:
    """Secrets in JSON strings that are written with escapes."""
    for match in _ESCAPED.finditer(text):
        try:
            plain = json.loads(match[0])
        except ValueError:
            continue
        cleaned = apply(plain, find(plain, known, deep=False))[0]
        if cleaned != plain:
            yield Found(*match.span(), "escaped text", json.dumps(cleaned))


def _encoded(text: str, known: re.Pattern[str] | None) -> Iterator[Found]:
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
        cleaned = apply(plain, find(plain, known, deep=False))[0]
        if cleaned != plain:
            encoded = base64.b64encode(cleaned.encode("latin-1"), altchars=alphabet).decode("ascii").rstrip("=")
            yield Found(match.start(), match.start() + len(whole), "base64", encoded)
