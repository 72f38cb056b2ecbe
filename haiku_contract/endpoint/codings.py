"""Content codings (RFC 9110 section 8.4): a recording holds what they code, to be read and searched for secrets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import httpx

from haiku_contract.endpoint.cassette import Held

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.endpoint.cassette import Headers, Interaction

_COMPRESSED: Final = (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda", b"\x28\xb5\x2f\xfd")
"""How gzip (RFC 1952), zlib (RFC 1950) and zstd (RFC 8878) begin."""


def _codings(headers: Headers) -> list[str]:
    values = ",".join(value for name, value in headers if name.lower() == "content-encoding")
    return [one for one in (part.strip().lower() for part in values.split(",")) if one not in ("", "identity")]


def is_compressed(body: bytes) -> bool:
    """Whether a body, whose coding was undone, begins as compressed data do; no JSON and no event stream does."""
    return body.startswith(_COMPRESSED)


def check_readable(headers: Headers, body: bytes) -> None:
    """Refuse a request that cannot be searched.

    Raises:
        ValueError: it is compressed.
    """
    if _codings(headers):
        raise ValueError("the request is compressed, and could hide a secret")
    check_plain("request", body)


def check_plain(what: str, body: bytes) -> None:
    """Refuse a body that is compressed without saying so.

    Raises:
        ValueError: it is.
    """
    if is_compressed(body):
        raise ValueError(f"the {what} is compressed without saying so, and could hide a secret")


def undone(headers: Headers, chunks: list[bytes], seconds: list[float]) -> tuple[Headers, list[tuple[float, bytes]]]:
    """Headers and chunks without content codings, so that the body can be read, and searched for secrets.

    Raises:
        ValueError, DecodingError: the coding cannot be undone.
    """
    timed = [(when, chunk) for when, chunk in zip(seconds, chunks, strict=True) if chunk]
    codings = _codings(headers)
    if not codings or not timed:
        return headers, timed
    now = 0.0

    def coded() -> Iterator[bytes]:
        nonlocal now
        for now, chunk in timed:  # noqa: B007 - the time is that of the chunk which is decoded next
            yield chunk

    response = httpx.Response(200, headers=list(headers), stream=_Coded(coded()))
    plain = [(now, chunk) for chunk in response.iter_bytes()]
    if b"".join(chunk for _, chunk in plain) == b"".join(chunks):
        raise ValueError(f"the content coding {', '.join(codings)} cannot be undone here, and could hide a secret")
    dropped = ("content-encoding", "content-length")
    return tuple(pair for pair in headers if pair[0].lower() not in dropped), plain


def readable(one: Interaction) -> Interaction:
    """An exchange of another tool without content codings, where they can be undone."""
    try:
        headers, chunks = undone(one.response_headers, [one.response.read()], [0.0])
    except (ValueError, httpx.DecodingError):
        return one
    return replace(one, response_headers=headers, response=Held(b"".join(data for _, data in chunks)), sizes=())


class _Coded(httpx.SyncByteStream):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks
