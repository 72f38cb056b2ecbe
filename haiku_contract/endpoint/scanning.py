"""Files searched for secrets, for hooks and CI: what is found is named by place and kind, and never shown."""

from __future__ import annotations

import os
import re
import zlib
from bisect import bisect_left
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract.endpoint.cassette import read
from haiku_contract.endpoint.redaction import Redaction, credentials
from haiku_contract.endpoint.secrets import looks_like_one
from haiku_contract.errors import HaikuContractError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEFT_OUT: Final = frozenset({".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox"})

_CASSETTES: Final = frozenset({".yaml", ".yml", ".json", ".har"})
_MOST_PLAIN: Final = 64 * 1024 * 1024


class Leak(NamedTuple):
    """A place that looks like a secret."""

    path: str
    line: int
    kind: str


def scan(path: Path, allowed: frozenset[str] = frozenset()) -> Iterator[Leak]:
    """The places in a file, or in all files of a folder, that look like secrets, in order.

    Args:
        path: the file or folder.
        allowed: texts that look like secrets and are none.

    Raises:
        UsageError: it cannot be read.
    """
    if path.is_dir():
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(set(folders) - _LEFT_OUT)
            for name in sorted(names):
                file = Path(folder, name)
                if file.is_file():
                    yield from _scan(file, allowed)
    else:
        yield from _scan(path, allowed)


def _scan(path: Path, allowed: frozenset[str]) -> Iterator[Leak]:
    try:
        text = path.read_bytes().decode("latin-1")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    redaction = Redaction(allowed=allowed)
    breaks = [match.start() for match in re.finditer("\n", text)]
    seen = {(bisect_left(breaks, one.start) + 1, one.kind) for one in redaction.found(text, sure=True)}
    if path.suffix.lower() in _CASSETTES:
        seen |= set(_in_cassette(path, redaction, [line for line, _ in seen]))
    for line, kind in sorted(seen):
        yield Leak(str(path), line, kind)


def _in_cassette(path: Path, redaction: Redaction, known: list[int]) -> Iterator[tuple[int, str]]:
    """What only shows once the file is read as a cassette: headers by their names, and bodies that are encoded."""
    try:
        interactions = read(path).interactions
    except HaikuContractError:
        return  # it is another kind of file, and was searched as such
    ends = [one.line for one in interactions[1:]]
    for one, end in zip_longest(interactions, ends, fillvalue=None):
        if one is None or any(one.line <= line and (end is None or line < end) for line in known):
            continue
        for name, value in (*one.request_headers, *one.response_headers):
            if any(looks_like_one(text) and text not in redaction.allowed for text in credentials(name, value)):
                yield one.line or 1, f"header {name}"
        for body in (one.request.read(), one.response.read()):
            for found in redaction.found(_plain(body).decode("latin-1"), sure=True):
                yield one.line or 1, found.kind


def _plain(body: bytes) -> bytes:
    """A body without the coding that it is in, where that is gzip or zlib."""
    if not body.startswith((b"\x1f\x8b", b"\x78")):
        return body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, _MOST_PLAIN)
    except zlib.error:
        return body
