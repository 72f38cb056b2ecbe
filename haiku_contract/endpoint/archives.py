"""Files that hold others: known by how they begin, and opened as streams, so that no size is too large."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BROKEN: Final = (OSError, EOFError, RuntimeError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
"""What reading them raises where they are cut off, encrypted, or compressed in a way that nobody here knows."""

_LONGEST: Final = 10  # bytes of the longest beginning, that of bzip2


def opener(file: IO[bytes]) -> Callable[[IO[bytes]], Iterator[tuple[str, IO[bytes]]]] | None:
    """What opens the files in a file, each with its name, which is empty where it has none; None for a plain file.

    Args:
        file: at its beginning, where it stays; it has `peek`, as all files have that Python opens for reading.
    """
    peeked: Any = file
    head = peeked.peek(_LONGEST)[:_LONGEST]
    return next((one for magic, one in _OPENERS.items() if head.startswith(magic)), None)


def _single(library: Any) -> Callable[[IO[bytes]], Iterator[tuple[str, IO[bytes]]]]:
    def inside(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
        with library.open(file) as one:
            yield "", one

    return inside


def _zip(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                with archive.open(member) as one:
                    yield member.filename, one


_OPENERS: Final[dict[bytes, Callable[[IO[bytes]], Iterator[tuple[str, IO[bytes]]]]]] = {
    b"\x1f\x8b\x08": _single(gzip),
    b"\xfd7zXZ\0": _single(lzma),
    **{b"BZh%d1AY&SY" % level: _single(bz2) for level in range(1, 10)},
    b"PK\x03\x04": _zip,
}
