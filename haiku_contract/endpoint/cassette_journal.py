"""The journal of a recording: what was answered so far, beside the cassette (`.NAME.1a2b3c4d.recording`).

Every exchange is written as it comes, redacted, as one line of JSON. Who records holds a lock on the file, which ends
with the process in whatever way that ends: a journal that nobody holds is of a recorder that was killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sys
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from haiku_contract.endpoint import matching
from haiku_contract.endpoint.cassette_writing import item
from haiku_contract.errors import CassetteError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from haiku_contract.endpoint.cassette import Interaction

JOURNAL: Final = ".recording"
_FORMAT: Final = 1
_LONGEST_NAME: Final = 200  # bytes, so that what stands beside a file has a name that systems take
_TOKEN: Final = r"[a-z0-9_]{8}"  # as `tempfile` makes them

Turn: TypeAlias = tuple[str, int]
"""A request, and which answer to it: what tells the exchanges of a cassette apart."""


class Entry(NamedTuple):
    """An exchange of a journal.

    Attributes:
        number: its own in the order of sending.
        key: its request.
        known: how many answers to that were known before the recording.
        start: where its line begins in the file.
        size: length of the line, in bytes.
    """

    number: int
    key: str
    known: int
    start: int
    size: int


class Journal:
    """The exchanges of one recorder, as they came; nobody else's as long as it is open."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Args: the file; opened, to be read and written.

        Raises:
            BlockingIOError: somebody is at work on it.
            CassetteError: it is no journal.
        """
        self.path = path
        self.entries: list[Entry] = []
        self.about: dict[str, str] = {}
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        weakref.finalize(self, self._file.close)
        self._end = 0
        try:
            self.held = _lock(descriptor, wait=False)
            self._read()
        except BaseException:
            self._file.close()
            raise

    def begin(self, about: Mapping[str, str]) -> None:
        """Say what is recorded."""
        self._write({"haiku_contract_recording": _FORMAT, "about": dict(about)})

    def add(self, number: int, one: Interaction, known: Mapping[str, int]) -> None:
        """Keep an exchange, with its number in the order of sending."""
        key = matching.request(one)
        before, start = known.get(key, 0), self._end
        self._write({"number": number, "key": key, "known": before, "item": item(one)})
        self.entries.append(Entry(number, key, before, start, self._end - start))

    def turns(self) -> Iterator[tuple[Turn, Entry]]:
        """The exchanges in the order of sending, and which answer to which request each is."""
        turns: Counter[str] = Counter()
        for entry in sorted(self.entries):
            turns[entry.key] += 1
            yield (entry.key, entry.known + turns[entry.key]), entry

    def text(self, entry: Entry) -> str:
        """An exchange as it stands in a cassette."""
        self._file.seek(entry.start)
        return str(json.loads(self._file.read(entry.size))["item"])

    def close(self, *, remove: bool) -> None:
        """Let go of it."""
        if remove:
            self.path.unlink(missing_ok=True)
        self._file.close()

    def _write(self, value: dict[str, Any]) -> None:
        rest = memoryview(json.dumps(value).encode() + b"\n")
        end = self._end + len(rest)
        try:
            self._file.seek(self._end)
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(self._end)  # no half line stays
            raise
        self._end = end

    def _read(self) -> None:
        """Take what is there, up to the last whole line."""
        for number, line in enumerate(self._file):
            if not line.endswith(b"\n"):
                break
            try:
                value = json.loads(line)
                if number:
                    known = (int(value["number"]), str(value["key"]), int(value["known"]))
                    self.entries.append(Entry(*known, self._end, len(line)))
                else:
                    self.about = {str(name): str(text) for name, text in value["about"].items()}
            except (ValueError, KeyError, TypeError, AttributeError):
                raise CassetteError(f"{self.path}:{number + 1}: not what a recording left behind; remove it") from None
            self._end += len(line)


def left(place: Path) -> list[Journal]:
    """The journals of recorders that are gone, the oldest first; they are ours from now on.

    Without locks nobody can tell who is still at work, and there are none.
    """
    found = []
    with alone(place.parent):
        for path in files(place, JOURNAL):
            try:
                one = Journal(path, os.open(path, os.O_RDWR))
            except (BlockingIOError, FileNotFoundError):  # somebody is at work on it
                continue
            if one.held and path.exists():  # or else its cassette has just been put in place
                found.append(one)
            else:
                one.close(remove=False)
    return sorted(found, key=lambda one: one.path.stat().st_mtime_ns)


def beside(place: Path) -> str:
    """How the names of the files begin that stand beside a cassette."""
    name = place.name
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = hashlib.blake2b(os.fsencode(name), digest_size=16).hexdigest()
    return f".{name}."


def files(place: Path, suffix: str) -> list[Path]:
    """The files with this suffix that stand beside a cassette."""
    pattern = re.compile(re.escape(beside(place)) + _TOKEN + re.escape(suffix))
    try:
        return [one for one in place.parent.iterdir() if pattern.fullmatch(one.name)]
    except OSError:
        return []


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only recorder that changes the files of a folder, where the system can do that."""
    if sys.platform == "win32":  # folders cannot be opened there
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, wait: bool = True) -> bool:
    """Hold an open file until it is closed, or the process ends in whatever way; whether the system can do that.

    Raises:
        BlockingIOError: somebody else holds it, and is not waited for.
    """
    if sys.platform == "win32":
        return False
    import fcntl  # noqa: PLC0415 - not on every system

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks
        return False
    return True
