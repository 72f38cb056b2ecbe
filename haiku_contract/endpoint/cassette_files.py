"""Cassettes on a disk: put in their place whole, after a journal was kept of what is recorded.

Several may record into one cassette at a time: each has its own journal, and whoever ends adds what the cassette has
not got. What a recorder left that was killed is taken up by the next one.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.endpoint import cassette_layouts, codings, matching
from haiku_contract.endpoint.cassette import Cassette, Store, load
from haiku_contract.endpoint.cassette_journal import JOURNAL, Journal, alone, beside, files, left
from haiku_contract.endpoint.cassette_writing import TAIL, head, item, repeated
from haiku_contract.errors import CassetteError, UnsearchableError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from haiku_contract.endpoint.cassette import Interaction
    from haiku_contract.endpoint.cassette_journal import Entry, Turn
    from haiku_contract.endpoint.redaction import Redaction

READ_ONLY: Final = (".json", ".har")
"""How the names of files end that hold JSON, which is read and never written."""

_UNFINISHED: Final = ".new"


class Recording:
    """What one recorder adds to a cassette.

    Attributes:
        known: what is in the cassette, and what recorders that were killed left beside it.
        continues: whether the latter is all that there is: each of its answers was the answer to one request.
    """

    def __init__(self, path: Path, about: Mapping[str, str], redaction: Redaction, *, fresh: bool) -> None:
        """Args: the cassette; what it says of itself; how what others recorded is redacted; whether it takes its place.

        Raises:
            CassetteError: the cassette cannot be read, or not be written.
        """
        self._name = str(path)
        self._place = Path(os.path.realpath(path))
        self._redaction = redaction
        self._before = state(self._place)
        if path.suffix.lower() in READ_ONLY:
            raise CassetteError(f"{path}: cannot be recorded into: cassettes are YAML; name a file that ends in .yaml")
        if self._before is not None and not stat.S_ISREG(self._before[0]):
            raise CassetteError(f"{path}: cannot be written: not a file")
        self._fresh = fresh
        self._lock = threading.Lock()
        self._journal: Journal | None = None
        known = Cassette(self._name, ()) if fresh or self._before is None else self._present(path)
        self._about = known.about or about
        with self._failing():
            found = left(self._place) if self._place.parent.is_dir() else []
        asked = self._about.get("endpoint")
        self._left = [one for one in found if not fresh and one.about.get("endpoint") == asked]
        self._outdated = [one for one in found if one not in self._left]
        taken_up = any(one.entries for one in self._left)
        self.continues = taken_up and not known.interactions
        self.known = self._with_left(known) if taken_up else known
        self._counts = Counter(matching.request(one) for one in self.known.interactions)

    def begin(self) -> None:
        """Be ready to write, before anything is sent.

        Raises:
            CassetteError: it cannot be written.
        """
        with self._lock, self._failing():
            if self._journal is None:
                with alone(self._place.parent):
                    descriptor, name = tempfile.mkstemp(JOURNAL, beside(self._place), self._place.parent)
                    journal = Journal(Path(name), descriptor)
                try:
                    journal.begin(self._about)
                except OSError:
                    journal.close(remove=True)
                    raise
                self._journal = journal

    def add(self, number: int, one: Interaction) -> None:
        """Keep an exchange, with its number in the order of sending.

        Raises:
            CassetteError: it cannot be written.
        """
        self.begin()
        with self._lock, self._failing():
            if self._journal is not None:
                self._journal.add(number, one, self._counts)

    def close(self, *, interrupted: bool = False) -> None:
        """Put the cassette in its place, if there is anything to put.

        Args:
            interrupted: not all was recorded that was to be: what was to be replaced is kept, and where there is no
                cassette, none is put there that holds half; the next recorder takes up what stays beside it.

        Raises:
            CassetteError: it cannot be written; what was recorded stays beside it.
        """
        with self._lock, self._failing():
            own, self._journal = self._journal, None
            journals = [*self._left, *([own] if own else ())]
            any_new = any(one.entries for one in journals)
            halved = interrupted and all(one.held for one in journals) and state(self._place) is None
            puts = any_new and not halved
            try:
                if puts:
                    self._put(journals, interrupted=interrupted)
            except BaseException:
                for one in (*journals, *self._outdated):
                    one.close(remove=False)
                raise
            for one in journals:
                one.close(remove=puts or not one.entries)
            for one in self._outdated:
                one.close(remove=puts)
            self._left = self._outdated = []

    def _put(self, journals: list[Journal], *, interrupted: bool) -> None:
        with alone(self._place.parent):
            now = state(self._place)
            replaced = self._fresh and now == self._before and not interrupted
            base = Cassette(self._name, ()) if replaced or now is None else self._present(self._place)
            later = _later(journals)
            kept = ((matching.request(one), item(one)) for one in _without(base.interactions, later))
            put(self._place, _chained(kept, _items(later)), base.about or self._about)
            for one in files(self._place, _UNFINISHED):  # of somebody who was killed just here
                one.unlink(missing_ok=True)

    def _present(self, path: Path) -> Cassette:
        """The cassette as it is; what another tool recorded, as it would have been recorded here."""
        found = load(path)
        return found if found.ours else replace(found, interactions=tuple(self._adopted(found)))

    def _adopted(self, cassette: Cassette) -> Iterator[Interaction]:
        for one in cassette.interactions:
            try:
                yield self._redaction.interaction(codings.readable(one))
            except UnsearchableError as error:
                raise CassetteError(f"{cassette.name}:{one.line}: {error}; record into another file") from None

    def _with_left(self, known: Cassette) -> Cassette:
        """The cassette with what was left beside it."""
        later = _later(self._left)
        with tempfile.TemporaryFile() as file:
            _write(file, _items(later), {})
            file.seek(0)
            left = tuple(cassette_layouts.interactions(str(self._left[0].path), file, Store(), {}))
        kept = _without(known.interactions, later)
        return Cassette(known.name, (*kept, *left), known.about)

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CassetteError(f"{self._name}: cannot be written: {error.strerror}") from None


def state(path: Path) -> tuple[int, ...] | None:
    """What tells whether a file is the same as before, its mode first; None where there is none.

    Raises:
        CassetteError: that cannot be known.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CassetteError(f"{path}: cannot be read: {error.strerror}") from None
    return found.st_mode, found.st_ino, found.st_mtime_ns, found.st_size


def unfinished(path: Path) -> bool:
    """Whether a recording of this cassette was begun, and not ended."""
    return any(files(Path(os.path.realpath(path)), JOURNAL))


def put(path: Path, items: Iterable[tuple[str, str]], about: Mapping[str, str]) -> None:
    """Write a cassette so that it is whole, or as it was before.

    Args:
        path: its place.
        items: request and text of each exchange.
        about: what it says of itself.

    Raises:
        OSError: it cannot be written.
    """
    temporary = path.with_name(f"{beside(path)}{secrets.token_hex(4)}{_UNFINISHED}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(file, items, about)
            file.flush()
            os.fsync(descriptor)
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write(file: Any, items: Iterable[tuple[str, str]], about: Mapping[str, str]) -> None:
    """Write a cassette; further answers to one request say so."""
    file.write(head(about).encode())
    seen: Counter[str] = Counter()
    for key, text in items:
        seen[key] += 1
        file.write((text + repeated(seen[key])).encode())
    file.write(TAIL.encode())


def _later(journals: Iterable[Journal]) -> dict[Turn, tuple[Journal, Entry]]:
    """What journals hold, the oldest first; of one answer that two have, the later."""
    found: dict[Turn, tuple[Journal, Entry]] = {}
    for journal in journals:
        for turn, entry in journal.turns():
            found.pop(turn, None)
            found[turn] = journal, entry
    return found


def _items(later: Mapping[Turn, tuple[Journal, Entry]]) -> Iterator[tuple[str, str]]:
    for (key, _), (journal, entry) in later.items():
        yield key, journal.text(entry)


def _without(interactions: Iterable[Interaction], later: Container[Turn]) -> Iterator[Interaction]:
    """The interactions of which there are no later ones: other answers, or to other requests."""
    turns: Counter[str] = Counter()
    for one in interactions:
        key = matching.request(one)
        turns[key] += 1
        if (key, turns[key]) not in later:
            yield one


def _chained(*items: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for each in items:
        yield from each
