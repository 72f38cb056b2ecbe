"""Cassettes: recorded exchanges in a file, read without keeping their bodies in memory.

The layout is that of VCR cassettes, with what streams need in additional keys; `cassette_layouts` tells the layouts
apart, `cassette_writing` writes ours.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from haiku_contract.errors import CassetteError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

Headers: TypeAlias = "tuple[tuple[str, str], ...]"

_MOST_IN_MEMORY: Final = 4 * 1024 * 1024
"""Bytes of bodies that a cassette keeps in memory; more of them lie in a temporary file without a name."""


class Body(Protocol):
    """A body, wherever it is kept."""

    def read(self) -> bytes:
        """The whole of it."""
        ...


class Held(NamedTuple):
    """A body in memory."""

    data: bytes

    def read(self) -> bytes:
        """The whole of it."""
        return self.data


class Store:
    """Bodies one after the other, in memory while they are few, else in a temporary file; shared between threads."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_MOST_IN_MEMORY)  # noqa: SIM115 - closed when nobody holds it
        self._end = 0
        self._lock = threading.Lock()
        weakref.finalize(self, self._file.close)

    def add(self, data: bytes) -> Body:
        """Keep a body."""
        if not data:
            return _EMPTY
        with self._lock:
            self._file.seek(self._end)
            self._file.write(data)
            stored = Stored(self, self._end, len(data))
            self._end += len(data)
        return stored

    def read(self, start: int, size: int) -> bytes:
        """What lies there."""
        with self._lock:
            self._file.seek(start)
            return self._file.read(size)


class Stored(NamedTuple):
    """A body in a store."""

    store: Store
    start: int
    size: int

    def read(self) -> bytes:
        """The whole of it."""
        return self.store.read(self.start, self.size)


_EMPTY: Final = Held(b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One recorded exchange.

    Attributes:
        method: of the request, in upper case.
        url: the whole address.
        request_headers: names as they were sent, in their order; one pair per value.
        request: the body of the request.
        status: HTTP status of the response.
        reason: its reason phrase; empty where none was recorded.
        response_headers: likewise.
        response: the body of the response as it came over the wire, without transfer codings.
        sizes: bytes of each chunk of the response; empty for a body that came in one.
        seconds: when each chunk came, from the sending of the request on; empty where that was not recorded.
        error: how the body broke off, as class and message of httpx; empty when it came to its end.
        recorded: on which day; None where that is not known.
        repeat: which answer to the same request it says that it is.
        line: where it stands in its file; 0 where it never did.
    """

    method: str
    url: str
    request_headers: Headers
    request: Body = field(repr=False)
    status: int
    reason: str = ""
    response_headers: Headers
    response: Body = field(repr=False)
    sizes: tuple[int, ...] = ()
    seconds: tuple[float, ...] = ()
    error: str = ""
    recorded: dt.date | None = None
    repeat: int = 1
    line: int = 0


@dataclass(frozen=True, slots=True)
class Cassette:
    """The interactions of one file, in its order.

    Attributes:
        name: the file, as errors call it.
        interactions: what was recorded.
        about: what the recording says of itself: contract, endpoint, surface; empty for cassettes of other tools.
        ours: whether it was written here.
    """

    name: str
    interactions: tuple[Interaction, ...]
    about: Mapping[str, str] = field(default_factory=dict)
    ours: bool = field(default=False, kw_only=True)


def load(path: str | Path) -> Cassette:
    """Read a cassette: VCR's layout in YAML or JSON, whoever wrote it, or HAR 1.2.

    Raises:
        CassetteError: it cannot be read, or it is one of ours and holds a credential, or answers to one request that
            were not recorded as such; the message has the line.
    """
    cassette = read(path)
    if cassette.ours:
        _check_redacted(cassette)
        _check_repeats(cassette)
    return cassette


def read(path: str | Path) -> Cassette:
    """Read a cassette as it is, whatever it holds.

    Raises:
        CassetteError: it cannot be read; the message has the line.
    """
    from haiku_contract.endpoint import cassette_layouts  # noqa: PLC0415 - it builds the values of this module

    path = Path(path)
    beside: dict[str, dict[str, str]] = {}
    try:
        with path.open("rb") as file, _seekable(file) as source:
            found = tuple(cassette_layouts.interactions(str(path), source, Store(), beside))
    except FileNotFoundError:
        raise CassetteError(f"{path}: no such file; {_advice(path)}") from None
    except OSError as error:
        raise CassetteError(f"{path}: cannot be read: {error.strerror}") from None
    about = beside.get(cassette_layouts.ABOUT)
    return Cassette(str(path), found, about or {}, ours=about is not None)


@contextlib.contextmanager
def _seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file, or a copy of what comes out of a pipe."""
    if file.seekable():
        yield file
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        yield copy


def _advice(path: Path) -> str:
    from haiku_contract.endpoint import cassette_files  # noqa: PLC0415 - it needs the values of this module

    if cassette_files.unfinished(path):
        return "its recording has not ended; if it was killed, record again in mode 'once', which goes on where it was"
    return "record it with 'haiku-contract record --record-mode once'"


def _check_redacted(cassette: Cassette) -> None:
    """Refuse a cassette of ours in which a credential was put after it was written."""
    from haiku_contract.endpoint import known_secrets, secrets  # noqa: PLC0415 - they need the values of this module

    for one in cassette.interactions:
        for name, value in (*one.request_headers, *one.response_headers):
            if any(secrets.looks_like_one(text) for text in known_secrets.credentials(name, value)):
                advice = "take it out; 'haiku-contract record --scan' names every place"
                raise CassetteError(f"{cassette.name}:{one.line}: the header {name} holds a secret: {advice}")


def _check_repeats(cassette: Cassette) -> None:
    """Refuse a cassette of ours that answers one request twice without having been recorded so.

    The recorder numbers further answers to one request. Without that, two recordings were put into one file.
    """
    from haiku_contract.endpoint import matching  # noqa: PLC0415 - it needs the values of this module

    known: dict[str, Interaction] = {}
    for one in cassette.interactions:
        before = known.setdefault(key := matching.request(one), one)
        if before is not one and one.repeat <= before.repeat:
            raise CassetteError(
                f"{cassette.name}:{one.line}: the same request as on line {before.line}, without 'repeat: "
                f"{before.repeat + 1}' as a recording has it; take one of the two out, or record again"
            )
        known[key] = one
