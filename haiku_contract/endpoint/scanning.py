"""Files searched for secrets, for hooks and CI: what is found is named by place and kind, and never shown."""

from __future__ import annotations

import os
from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract.endpoint.redaction import Redaction
from haiku_contract.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEFT_OUT: Final = frozenset({".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox"})


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
    breaks = [at for at, char in enumerate(text) if char == "\n"] if text else []
    seen = {(bisect_right(breaks, one.start - 1) + 1, one.kind) for one in Redaction(allowed=allowed).found(text)}
    for line, kind in sorted(seen):
        yield Leak(str(path), line, kind)
