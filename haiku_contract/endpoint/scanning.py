"""Files searched for secrets, for hooks and CI: what is found is named by place and kind, and never shown."""

from __future__ import annotations

import os
from itertools import accumulate, pairwise, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract.endpoint import archives, decoders
from haiku_contract.endpoint.cassette import read
from haiku_contract.endpoint.known_secrets import credentials, gateways
from haiku_contract.endpoint.redaction import Redaction
from haiku_contract.endpoint.secrets import looks_like_one, standin
from haiku_contract.errors import HaikuContractError, UnsearchableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from haiku_contract.endpoint.decoders import Edit

_CACHES: Final = (
    ".git .hg .hypothesis .mypy_cache .nox .pytest_cache .ruff_cache .svn .tox .venv __pycache__ node_modules venv"
)
_LEFT_OUT: Final = frozenset(_CACHES.split())
"""Folders that are not looked into unless they are named."""

_CASSETTES: Final = frozenset({".yaml", ".yml", ".json", ".har"})
_MOST_OF_CASSETTE: Final = 64 * 1024 * 1024  # bytes: a larger file is only searched as a text
_BLOCK: Final = 4 * 1024 * 1024
_AGAIN: Final = 64 * 1024
_LONGEST_LINE: Final = 1024 * 1024
"""Bytes of a file: searched at once, of those before that are searched again, the most up to the end of a line."""

_MOST_UNPACKED: Final = 1024 * 1024 * 1024
"""Bytes that are unpacked of one file."""
_NESTED: Final = 4
"""How many files within each other are opened."""

UNSEARCHABLE: Final = "cannot be searched"


class Leak(NamedTuple):
    """A place that looks like a secret."""

    path: str
    line: int
    kind: str


def scan(path: Path, allowed: frozenset[str] = frozenset(), known: tuple[str, ...] = ()) -> Iterator[Leak]:
    """The places in a file, or in all files of a folder, that look like secrets, in order.

    Args:
        path: the file or folder.
        allowed: texts that look like secrets and are none.
        known: texts that are secrets wherever they are.

    Raises:
        UsageError: it cannot be read.
    """
    redaction = Redaction(secrets=known, allowed=allowed)
    if path.is_dir():
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(set(folders) - _LEFT_OUT)
            for name in sorted(names):
                file = Path(folder, name)
                if file.is_file():
                    yield from _scan(file, redaction)
    else:
        yield from _scan(path, redaction)


def _scan(path: Path, redaction: Redaction) -> Iterator[Leak]:
    try:
        with path.open("rb") as file:
            seen = set(_in_file(str(path), file, redaction, _Unpacking()))
        is_small = path.stat().st_size <= _MOST_OF_CASSETTE
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    if is_small and path.suffix.lower() in _CASSETTES:
        found = _in_cassette(path, redaction, [one.line for one in seen])
        seen |= {Leak(str(path), line, kind) for line, kind in found}
    yield from sorted(seen)


class _Unpacking:
    """How much may still be unpacked of a file and of the files in it."""

    left = _MOST_UNPACKED

    def take(self, block: bytes) -> None:
        """Reckon with a block.

        Raises:
            ValueError: it would be too much.
        """
        self.left -= len(block)
        if self.left < 0:
            raise ValueError("too much")


def _in_file(name: str, file: IO[bytes], redaction: Redaction, unpacking: _Unpacking, depth: int = 0) -> Iterator[Leak]:
    """What is in a file, and in the files that it holds, which have their names below its own."""
    inside = archives.opener(file) if depth <= _NESTED else None
    if inside is None:
        for block, line in _blocks(file):
            if depth:
                unpacking.take(block)
            yield from (Leak(name, *one) for one in _in_block(block, line, redaction))
        return
    try:
        for inner, opened in inside(file):
            own = f"{name}/{inner}" if inner else name
            yield from _in_file(own, opened, redaction, unpacking, depth + 1)
    except archives.BROKEN:
        yield Leak(name, 1, UNSEARCHABLE)


def _blocks(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Parts of a file, each with the number of its first line; they overlap, and are whole lines where they can."""
    line, before = 1, b""
    while block := file.read(_BLOCK) + file.readline(_LONGEST_LINE):
        block = before + block
        yield block, line
        again = max(0, len(block) - _AGAIN)
        again = again and (block.find(b"\n", again) + 1 or again)
        line, before = line + block.count(b"\n", 0, again), block[again:]


def _in_block(data: bytes, first_line: int, redaction: Redaction) -> Iterator[tuple[int, str]]:
    texts = decoders.texts(data)
    try:
        found = [] if texts is None else list(texts.back(list(redaction.found(texts.plain, sure=True))))
    except UnsearchableError:
        yield first_line, UNSEARCHABLE
        return
    found = _apart(sorted(found, key=lambda one: (one.start, -one.end)))
    places = [0, *(one.start for one in found)]
    breaks = (data.count(b"\n", start, end) for start, end in pairwise(places))
    for one, line in zip(found, accumulate(breaks), strict=True):
        yield first_line + line, one.kind


def _apart(found: list[Edit]) -> list[Edit]:
    """Of what overlaps, the first: one secret may be known by its form and by its place."""
    kept = found[:1]
    for one in found[1:]:
        if one.start >= kept[-1].end:
            kept.append(one)
    return kept


def _in_cassette(path: Path, redaction: Redaction, known: list[int]) -> Iterator[tuple[int, str]]:
    """What only shows once the file is read as a cassette: headers by their names, and what YAML writes otherwise."""
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
        if any(standin(text) != text not in redaction.allowed for text in gateways("", one.request_headers)):
            yield one.line or 1, "gateway"
        values = "\n".join([one.url, one.error, *(value for _, value in (*one.request_headers, *one.response_headers))])
        for data in (values.encode("utf-8", "replace"), one.request.read(), one.response.read()):
            for _, kind in _in_block(data, 1, redaction):
                yield one.line or 1, kind
