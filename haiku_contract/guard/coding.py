"""Content codings (RFC 9110 section 8.4), undone so that a body can be looked at; what is passed on stays as it came.

`gzip` and `deflate` are undone here, whatever else the client can undo (`br`, `zstd`) with the client's own decoders.
"""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.guard import heads

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.model import Violation

_HEADER: Final = 2  # bytes of zlib (RFC 1950 section 2.2)


class CodingError(ValueError):
    """A body is not in the coding that its head declares.

    Attributes:
        violation: which says so.
    """

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation)
        self.violation = violation


class Decoder:
    """Undoes the codings of one body, chunk by chunk."""

    def __init__(
        self, codings: str, steps: list[Callable[[bytes], bytes]], broken: tuple[type[Exception], ...]
    ) -> None:
        """Args: the codings by name; what undoes each, the outermost first; what those raise."""
        self._codings = codings
        self._steps = steps
        self._broken = broken

    def decode(self, chunk: bytes) -> bytes:
        """What the next chunk adds to the body; nothing any more after an error.

        Raises:
            CodingError: the body is not in the codings that were declared.
        """
        try:
            for step in self._steps:
                chunk = step(chunk)
        except self._broken as error:
            self._steps = [lambda _: b""]
            raise CodingError(heads.content_coding(self._codings, str(error))) from error
        return chunk


def decoder(library: Any, codings: str) -> Decoder | None:
    """What undoes the codings of a `Content-Encoding` field; None where one of them is not known.

    Args:
        library: the client's, for the codings that it knows.
        codings: the value of the field, as in `gzip, identity`.
    """
    steps = []
    for name in _names(codings):
        make = _OWN.get(name) or _foreign(library, name)
        if make is None:
            return None
        steps.append(make())
    return Decoder(codings, steps[::-1], (zlib.error, library.DecodingError))


def undone(library: Any, codings: str, body: bytes) -> bytes | Violation:
    """A whole body without its codings; what is wrong where they cannot be undone."""
    undoing = decoder(library, codings)
    if undoing is None:
        return heads.content_coding(codings, "one that cannot be undone here")
    try:
        return undoing.decode(body)
    except CodingError as error:
        return error.violation


def left(library: Any, codings: str) -> str:
    """The codings that a client leaves in a body that it has read."""
    return ", ".join(name for name in _names(codings) if _supported(library, name) is None)


def _names(codings: str) -> list[str]:
    names = [name.strip().lower() for name in codings.split(",")]
    return [name for name in names if name not in {"", "identity"}]


def _supported(library: Any, name: str) -> Callable[[], Any] | None:
    """The client's own decoder; None where it has none, or keeps it elsewhere."""
    known = getattr(sys.modules.get(f"{library.__name__}._decoders"), "SUPPORTED_DECODERS", {})
    found: Callable[[], Any] | None = known.get(name)
    return found


def _foreign(library: Any, name: str) -> Callable[[], Callable[[bytes], bytes]] | None:
    kind = _supported(library, name)
    return None if kind is None else lambda: _joined(kind().decode)


def _joined(decode: Callable[[bytes], Any]) -> Callable[[bytes], bytes]:
    """Decoders of httpx return bytes, those of httpx2 yield them."""

    def step(chunk: bytes) -> bytes:
        found = decode(chunk)
        return found if isinstance(found, bytes) else b"".join(found)

    return step


def _gzip() -> Callable[[bytes], bytes]:
    return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress


def _deflate() -> Callable[[bytes], bytes]:
    """As in zlib's format, or raw, which many servers send: RFC 9110 section 8.4.1.2 knows of both."""
    undoing = zlib.decompressobj()
    head = b""  # until there is enough of it to know which of the two it is

    def step(chunk: bytes) -> bytes:
        nonlocal undoing, head
        if len(head) >= _HEADER:
            return undoing.decompress(chunk)
        head += chunk
        if len(head) < _HEADER:
            return b""
        try:
            return undoing.decompress(head)
        except zlib.error:
            undoing = zlib.decompressobj(-zlib.MAX_WBITS)
            return undoing.decompress(head)

    return step


_OWN: Final[dict[str, Callable[[], Callable[[bytes], bytes]]]] = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate}
