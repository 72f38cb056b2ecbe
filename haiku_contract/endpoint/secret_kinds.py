"""Every kind of secret: known by its own form, or by the name of the place in which it stands. Tables, no decoding.

A place is a name (of a header, of a member, of a field, of a variable) with a value beside it, in whatever notation.
"""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract.endpoint.secret_forms import FORMS, KEPT
from haiku_contract.endpoint.standins import is_mark, is_mixed, is_placeholder, is_random, standin, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.endpoint.secret_forms import Form


def _anything(_: str) -> bool:
    return True


def _is_no_mark(text: str) -> bool:
    return not is_mark(text)


def _is_no_placeholder(text: str) -> bool:
    return not is_placeholder(text)


def _is_open(text: str) -> bool:
    """Whether a value without quotes is a secret rather than a word or an expression."""
    return is_mixed(text) and "://" not in text and not is_mark(text)


def _is_word(text: str) -> bool:
    return " " not in text and _is_open(text) and not is_placeholder(text)


def _is_token(text: str) -> bool:
    """Whether a word of 40 characters is a token of Cloudflare; an id with its kind in front (`msg_...`) is none."""
    digits = sum(map(str.isdigit, text))
    return is_random(text) and digits >= _LEAST_DIGITS and not re.match(r"[a-z]{2,12}_", text)


def _is_key(text: str) -> bool:
    """Whether hexadecimal digits are a global key of Cloudflare rather than a number, or an example."""
    return sum(map(str.isalpha, text)) >= _LEAST_LETTERS and len(set(text)) >= _LEAST_DIFFERENT


def _is_surely_password(text: str) -> bool:
    """Whether of `user:password` the latter is one, as none is in an example."""
    return _is_word(text.partition(":")[2])


_LEAST_DIGITS: Final = 2  # of 40 characters; a name of a program has fewer
_LEAST_LETTERS: Final = 5  # of 37 and more hexadecimal digits; a number has fewer
_LEAST_DIFFERENT: Final = 10  # of the sixteen; an example has fewer


class Names(NamedTuple):
    """Names of places for secrets.

    Attributes:
        starts: how they begin, in small letters.
        pattern: matches at such a start, up to where the value begins.
    """

    starts: tuple[str, ...]
    pattern: re.Pattern[str]


class Kind(NamedTuple):
    """How secrets of one kind are found.

    Attributes:
        name: what reports call it.
        hints: of these texts, in small letters, at least one is in every text that holds such a secret; none: any.
        pattern: its group `secret` is the secret.
        is_one: whether a text that was found by the pattern is one.
        is_surely: likewise, where a false alarm is worse than a text that is kept.
        standin: what is written in its place.
        names: the names behind which the pattern is looked for; None where it is looked for anywhere.
        parts: what in the group is a secret, its own first group; None where the whole is one.
    """

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    is_one: Callable[[str], bool] = _is_no_mark
    is_surely: Callable[[str], bool] = _is_no_placeholder
    standin: Callable[[str], str] = written
    names: Names | None = None
    parts: re.Pattern[str] | None = None


def _of_form(form: Form) -> Kind:
    edge = "" if form.glued else r"(?:(?<![A-Za-z0-9_-])|(?<=\\[bfnrt]))"
    shouted = "[A-Z0-9]" in form.rest  # it need not have a digit

    def is_surely(text: str) -> bool:
        rest = KEPT.sub("", text, count=1)
        return shouted or (is_mixed(rest) and not is_placeholder(rest))

    pattern = re.compile(f"{edge}(?P<secret>{form.prefix}{form.rest})", re.ASCII)
    return Kind("key of a provider", (form.hint.lower(),), pattern, _anything, is_surely, standin)


_at: Final = partial(re.compile, flags=re.ASCII | re.IGNORECASE)
_SUFFIX: Final = r"(?:[_-]?(?:\d{1,2}|v\d|base|confirm(?:ation)?|hash|value))?"
_BETWEEN: Final = _SUFFIX + (
    r"(?:[\"']?\s{0,9}(?::=?|=>?|>)\s{0,9}|"
    r"[\"']?\s{0,99},?\s{0,99}[\"']?value[\"']?\s{0,9}[:=]\s{0,9})"  # name and value, each with its own
)
STRONG: Final = (
    r"(?:api[_-]?(?:key|token|secret)|secret(?:[_-]?(?:access[_-]?)?key)?|passw(?:or)?d|passphrase|"
    r"(?:access|refresh|auth|bearer|session|id|security)[_-]?token|credentials?|authorization|cookie|"
    r"(?:private|signing|encryption|subscription|auth|access)[_-]?key|account[_-]?(?:id|tag)|gateway[_-]?id)"
)
"""The ends of names of secrets, as a pattern; whatever stands in front of them."""

_FIRST_WORDS: Final = """
access account api auth bearer cookie credential encryption gateway id passphrase passw private refresh secret security
session signing subscription
"""
_STRONG: Final = Names(tuple(_FIRST_WORDS.split()), _at(STRONG + _BETWEEN))
_STRONG_MEMBER: Final = Names(_STRONG.starts, _at(STRONG + _SUFFIX + r"\"\s{0,9}:\s{0,9}"))
_STRONG_PAIR: Final = Names(_STRONG.starts, _at(STRONG + r"[\"']\s{0,9},\s{0,9}(?=[\"'])"))
_WEAK: Final = Names(("token", "auth", "pwd", "key"), _at(r"(?<![a-z])(?:token|auth|pwd|key)" + _BETWEEN))
"""Names of many things; behind them, only what looks drawn at random is a secret."""

_SCHEME: Final = r"(?:(?:bearer|basic|token)(?:\s|%20|\+){1,3})?"
_QUOTED: Final = _at(
    rf"[bfru]?(?P<quote>[\"'`]){_SCHEME}(?P<secret>(?:(?!(?P=quote)|\"\s{{0,9}}[,:}}\]])[^\\\r\n]|\\.){{6,4096}})(?P=quote)"
)
_OPEN: Final = _at(_SCHEME + r"(?P<secret>[^\s\"'`<>,;&(){}\[\]\\|]{8,1024}+)(?![(\[{])")
_MEMBER: Final = re.compile(r'"((?:[^"\\]|\\.){6,})"(?!\s*:)')

_OTHER_FORMS: Final = (
    Kind(
        "private key",
        ("private key",),
        re.compile(
            r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----(?P<secret>(?:[^-\"]|-(?!----)){16,16384})-----END",
            re.ASCII,
        ),
    ),
    # RFC 7519
    Kind(
        "token",
        ("eyj",),
        re.compile(r"(?P<secret>eyJ(?:(?!eyJ)[A-Za-z0-9_-]){8,}+\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})", re.ASCII),
    ),
    # Cloudflare, "Token formats", those of before 2026; 40 digits would be a name of Git
    Kind(
        "token without a prefix",
        (),
        re.compile(
            r"(?<![\w+/=.-])(?:[A-Za-z0-9+/]{60,}+(?:\r?\n[ \t]*+[A-Za-z0-9+/=]{4,}+)+|"  # the lines of base64
            r"(?P<secret>[A-Za-z0-9_-]{40})(?![\w+/=-]))",
            re.ASCII,
        ),
        _is_token,
        _is_token,
    ),
    Kind(
        "global key",
        (),
        re.compile(r"(?<![\w+/=-])(?P<secret>[0-9a-f]{37}(?:[0-9a-f]{1,2}|[0-9a-f]{4,8})?)(?![\w+/=-])", re.ASCII),
        _is_key,
        _is_key,
    ),
)
"""Forms that are more than a prefix and what follows it."""

_PLACES: Final = (
    Kind(
        "authorisation",
        ("bearer", "basic"),
        _at(r"(?:\bbearer|\bbasic)(?:\s|%20|\+){1,3}(?P<secret>[A-Za-z0-9._~+/-]{16,}=*)"),
        is_surely=is_mixed,
    ),
    Kind(
        "user and password",
        ("://",),
        _at(r"://(?P<secret>[^\s/@:\"\\<>{}$]{0,100}:[^\s/@\"\\<>{}$]{3,100})@"),
        is_surely=_is_surely_password,
    ),
    Kind("account", ("/accounts/",), _at(r"/accounts/(?P<secret>[A-Za-z0-9_-]{8,64})(?=[/?#\s\"'\\]|\Z)")),
    Kind(
        "gateway",
        ("gateway.ai.cloudflare.com",),
        _at(r"gateway\.ai\.cloudflare\.com/v1/(?P<secret>[A-Za-z0-9_-]{8,64}/[\w-]{1,64})(?=[/?#\s\"'\\]|\Z)"),
    ),
    Kind(
        "gateway",
        ("gateway",),
        _at(r'"gateway"\s*:\s*\{[^{}]{0,400}?"id"\s*:\s*"(?P<secret>[^"\\]{1,64})"'),
        lambda text: text != "default",
        lambda text: text != "default",
    ),
    Kind("secret in its place", (), _QUOTED, names=_STRONG_MEMBER),
    Kind("secret in its place", (), _QUOTED, is_surely=_is_word, names=_STRONG),
    Kind("secret in its place", (), _OPEN, _is_open, _is_open, names=_STRONG),
    Kind("secret in its place", (), _QUOTED, is_random, is_random, names=_STRONG_PAIR),
    Kind("secret in its place", (), _QUOTED, is_random, is_random, names=_WEAK),
    Kind("secret in its place", (), _OPEN, is_random, is_random, names=_WEAK),
    Kind("number in the place of a secret", (), _at(r"(?P<secret>\d{6,40})(?=\s{0,99}(?:[,}\]\\]|\Z))"), names=_STRONG),
    Kind(
        "list in the place of a secret",
        (),
        _at(r"\[(?P<secret>[^\[\]{}]{8,4096})\]"),
        is_surely=_is_word,
        names=_STRONG,
        parts=_MEMBER,
    ),
    Kind(
        "object in the place of a secret",
        (),
        _at(r"\{(?P<secret>[^\[\]{}]{8,4096})\}"),
        _is_word,
        _is_word,
        names=_STRONG,
        parts=_MEMBER,
    ),
    Kind(
        "option of a command",
        ("--",),
        _at(rf"--[\w-]{{0,40}}?{STRONG}[ =]{{1,3}}[\"']?(?P<secret>[^\s\"'`<>\\]{{8,1024}})"),
        _is_open,
        _is_open,
    ),
    # RFC 6265: all that one line holds
    Kind(
        "cookie",
        ("cookie:",),
        _at(r"cookie:\s{0,9}(?P<secret>[\w!#$%&*+.^`|~-]{1,100}=[^\r\n\"'\\]{8,4096})"),
        is_mixed,
        is_mixed,
    ),
    # RFC 7578: the name of a part, the rest of its head, and its body
    Kind(
        "part of a form",
        ("form-data",),
        _at(
            rf"name=\"?[\w.-]{{0,60}}?{STRONG}\"?[^\r\n]{{0,200}}\r?\n(?:[^\r\n]{{1,200}}\r?\n){{0,5}}\r?\n(?P<secret>[^\r\n\"]{{4,4096}})"
        ),
    ),
    Kind(
        "query",
        ("key", "sig", "token", "secret", "passw", "passphrase", "credential", "cookie", "auth", "account"),
        _at(rf"[?&](?:[\w-]{{0,40}}?{STRONG}|key|token|sig|signature)=(?P<secret>[^\s&#\"'\\<>{{}}$*]{{8,4096}})"),
    ),
)


@cache
def kinds() -> tuple[Kind, ...]:
    """Every kind."""
    return (*map(_of_form, FORMS), *_OTHER_FORMS, *_PLACES)
