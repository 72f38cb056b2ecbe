"""Answers as they come in, bounded: a body is read up to a length, and its content coding undone no further."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

MOST_BYTES: Final = 8 * 1024 * 1024
"""More than any message, streamed or not, of as many tokens as the model can write."""

_WINDOWS: Final = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class Endless(httpx.RequestError):
    """An answer that goes on and on."""


class Incoming:
    """The body of one answer, chunk by chunk.

    Attributes:
        began: the time of `time.monotonic` at which its first chunk was taken; None before that.
    """

    def __init__(self, response: httpx.Response) -> None:
        """Args: the response, whose body was not read, or was read and decoded already by whoever made it.

        Raises:
            httpx.DecodingError: the body is in a coding that nobody asked for.
        """
        self.began: float | None = None
        self._response = response
        self._body = bytearray()
        codings = [name.strip().lower() for name in response.headers.get("content-encoding", "").split(",")]
        codings = [name for name in codings if name not in {"", "identity"}]
        self._undoing = None
        if codings and not response.is_stream_consumed:
            if len(codings) > 1 or codings[0] not in _WINDOWS:
                raise httpx.DecodingError(f"the body is coded as {', '.join(codings)!a}, which was not asked for")
            self._undoing = zlib.decompressobj(_WINDOWS[codings[0]])

    def chunks(self) -> Iterator[bytes]:
        """What is to be taken, from a synchronous client."""
        return self._response.iter_bytes() if self._response.is_stream_consumed else self._response.iter_raw()

    def chunks_async(self) -> AsyncIterator[bytes]:
        """What is to be taken, from an asynchronous client."""
        return self._response.aiter_bytes() if self._response.is_stream_consumed else self._response.aiter_raw()

    def take(self, chunk: bytes) -> None:
        """Take the next chunk.

        Raises:
            Endless: there is more than any answer has.
            httpx.DecodingError: it is not in the coding that was declared.
        """
        self.began = self.began or time.monotonic()
        if self._undoing is not None:
            try:
                chunk = self._undoing.decompress(chunk, MOST_BYTES + 1 - len(self._body))
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from error
        self._body += chunk
        if len(self._body) > MOST_BYTES:
            raise Endless(f"the answer is longer than {MOST_BYTES:,} bytes")

    def whole(self) -> bytes:
        """The body, after its last chunk.

        Raises:
            httpx.DecodingError: it breaks off.
        """
        if self._undoing is not None and not self._undoing.eof and self._body:
            raise httpx.DecodingError("the coded body breaks off")
        return bytes(self._body)
