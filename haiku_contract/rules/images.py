"""What the first bytes of an image or a PDF say: format and size in pixels. Pure; any bytes in, nothing raised."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from typing import Final

HEAD: Final = 1 << 18
"""Characters of base64 that are decoded: enough for the header of any of the four formats."""

_BASE64: Final = re.compile(r"[A-Za-z0-9+/\s]*+=*+\s*+")
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_FRAME: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})


def is_base64(data: str) -> bool:
    """True for text in the alphabet of base64 (RFC 4648 section 4); missing padding is forgiven."""
    return _BASE64.fullmatch(data) is not None


def head(data: str) -> bytes:
    """The first bytes of what base64 text holds; empty where it cannot be decoded."""
    text = "".join(data[:HEAD].split()).rstrip("=")
    try:
        return base64.b64decode(text[: len(text) // 4 * 4] if len(text) > 3 else text + "==")  # noqa: PLR2004 - RFC 4648
    except (binascii.Error, ValueError):
        return b""


def media_type(image: bytes) -> str:
    """The media type that the first bytes show; empty for none of the four that the provider takes."""
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if image.startswith(magic)), "")


def is_pdf(document: bytes) -> bool:
    """True for a PDF, whose header stands within its first 1024 bytes (ISO 32000-1, annex H, note 13)."""
    return b"%PDF-" in document[:1024]


def size(image: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None where the bytes do not tell."""
    try:
        return _SIZES[media_type(image)](image)
    except (KeyError, struct.error):
        return None


def _png(image: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", image[16:24])
    return width, height


def _gif(image: bytes) -> tuple[int, int]:
    width, height = struct.unpack("<HH", image[6:10])
    return width, height


def _webp(image: bytes) -> tuple[int, int] | None:
    if image[12:16] == b"VP8X":
        return (int.from_bytes(image[24:27], "little") + 1, int.from_bytes(image[27:30], "little") + 1)
    if image[12:16] == b"VP8 ":
        width, height = struct.unpack("<HH", image[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if image[12:16] == b"VP8L":
        (bits,) = struct.unpack("<I", image[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _jpeg(image: bytes) -> tuple[int, int] | None:
    """The size in the frame header, found by walking the segments (ITU-T T.81 annex B)."""
    position = 2
    while image[position : position + 1] == b"\xff":
        marker = image[position + 1] if position + 1 < len(image) else 0
        if marker in _FRAME:
            height, width = struct.unpack(">HH", image[position + 5 : position + 9])
            return width, height
        if marker in _STANDALONE or marker == 0xFF:  # noqa: PLR2004 - fill byte
            position += 1 if marker == 0xFF else 2  # noqa: PLR2004 - fill byte
            continue
        (length,) = struct.unpack(">H", image[position + 2 : position + 4])
        position += 2 + length
    return None


_SIZES: Final = {"image/png": _png, "image/gif": _gif, "image/webp": _webp, "image/jpeg": _jpeg}
