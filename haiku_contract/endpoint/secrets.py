"""Secrets in a text: found by what is known, by their form and by their place, however they are encoded; and replaced.

A stand-in has the form of what it replaces (length, alphabet, known prefix, shape of a UUID) and tells nothing of it:
it is the same for every secret of that form. So it replaces itself, and is never taken for a secret.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract.endpoint.decoders import DECODERS, Edit, apply
from haiku_contract.endpoint.secret_kinds import kinds
from haiku_contract.endpoint.standins import is_placeholder, standin
from haiku_contract.errors import UnsearchableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.endpoint.secret_kinds import Kind, Names

__all__ = ["NOTHING", "Sought", "clean", "find", "in_plain", "looks_like_one", "redact", "shown", "standin"]

_DEPTH: Final = 7
_ROUNDS: Final = 8
_TIMES: Final = 24
_FREE: Final = 1024 * 1024
"""How much may be searched in all what a text stands for: so many times its length, and so many characters more."""


class Sought(NamedTuple):
    """What is sought beside what looks like a secret.

    Attributes:
        known: what is a secret wherever it is, in every way in which it is written without an encoding around it.
        allowed: texts that look like secrets and are none.
        sure: leave out words in the place of a secret that are likely to be none.
    """

    known: tuple[str, ...] = ()
    allowed: frozenset[str] = frozenset()
    sure: bool = False


NOTHING: Final = Sought()


class _Work:
    """How much of what a text stands for may still be searched, and what was found: no text is searched twice."""

    def __init__(self, text: str) -> None:
        self.left = _TIMES * len(text) + _FREE
        self.found: dict[str, list[Edit]] = {text: []}

    def take(self, plain: str) -> None:
        """Reckon with one more text.

        Raises:
            UnsearchableError: it would be too much.
        """
        self.left -= len(plain)
        if self.left < 0:
            raise UnsearchableError("something is encoded so often that it cannot be searched, and could hide a secret")


def looks_like_one(text: str) -> bool:
    """Whether a text in a place for secrets may be one: neither a stand-in nor words in its place."""
    return not is_placeholder(text)


def find(text: str, sought: Sought = NOTHING) -> Iterator[Edit]:
    """The secrets in a text, in no order; they may overlap.

    Args:
        text: what is searched; a body as Latin-1, so that places are those of its bytes.
        sought: what is sought.

    Raises:
        UnsearchableError: it holds something that cannot be looked into.
    """
    return _find(text, sought, _DEPTH, _Work(text))


def clean(text: str, sought: Sought = NOTHING) -> Iterator[tuple[str, list[tuple[int, int, int]]]]:
    """The text with stand-ins for its secrets: the edits in rounds, until nothing is found; what each makes of it.

    Raises:
        UnsearchableError: it holds something that cannot be looked into.
    """
    for _ in range(_ROUNDS):
        text, edits = apply(text, find(text, sought))
        if not edits:
            return
        yield text, edits
    raise UnsearchableError("something still looks like a secret when it is replaced")


def redact(text: str, sought: Sought = NOTHING) -> str:
    """The text with stand-ins for its secrets; raises as `clean` does."""
    for cleaned, _ in clean(text, sought):
        text = cleaned
    return text


def shown(text: str) -> str:
    """A text of a report without its secrets; nothing of it where it cannot be searched."""
    try:
        return redact(text)
    except UnsearchableError:
        return "(not shown: it cannot be searched for secrets)"


def _find(text: str, sought: Sought, depth: int, work: _Work) -> Iterator[Edit]:
    yield from in_plain(text, sought)
    if not depth:
        return
    for decoder in DECODERS.values():
        for decoded in decoder(text):
            if decoded.plain not in work.found:
                work.take(decoded.plain)
                work.found[decoded.plain] = []
                work.found[decoded.plain] = list(_find(decoded.plain, sought, depth - 1, work))
            if work.found[decoded.plain]:
                yield from decoded.back(work.found[decoded.plain])


def in_plain(text: str, sought: Sought) -> Iterator[Edit]:
    """The secrets in a text that are written as they are, without any encoding."""
    for known in sought.known:
        if known in text and standin(known) != known:
            for match in re.finditer(re.escape(known), text):
                yield Edit(*match.span(), "known secret", standin(known))
    for kind, start, end in _matches(text):
        secret = text[start:end]
        if secret not in sought.allowed and (kind.is_surely if sought.sure else kind.is_one)(secret):
            replaced = kind.standin(secret)
            if replaced != secret:
                yield Edit(start, end, kind.name, replaced)


def _matches(text: str) -> Iterator[tuple[Kind, int, int]]:
    """Whatever has the form or the place of a secret: its kind, start and end."""
    for kind, match in _wholes(text):
        if kind.parts is not None:
            for part in kind.parts.finditer(text, *match.span("secret")):
                yield kind, *part.span(1)
        elif match["secret"]:
            yield kind, *match.span("secret")


def _wholes(text: str) -> Iterator[tuple[Kind, re.Match[str]]]:
    small = text.encode("latin-1", "replace").lower().decode("latin-1")
    values: dict[Names, list[int]] = {}
    for kind in kinds():
        if kind.names is not None:
            if kind.names not in values:
                values[kind.names] = list(_values(text, small, kind.names))
            for start in values[kind.names]:
                match = kind.pattern.match(text, start)
                if match:
                    yield kind, match
        elif not kind.hints or any(hint in small for hint in kind.hints):
            for match in kind.pattern.finditer(text):
                yield kind, match


def _values(text: str, small: str, names: Names) -> Iterator[int]:
    """Where what stands behind one of the names begins."""
    for start in names.starts:
        at = small.find(start)
        while at >= 0:
            match = names.pattern.match(text, at)
            if match:
                yield match.end()
            at = small.find(start, at + 1)
