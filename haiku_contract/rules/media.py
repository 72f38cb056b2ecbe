"""Rules about images and documents: their sources, and what their data is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract.model import ABSENT
from haiku_contract.rules import images, members, shapes
from haiku_contract.rules.view import breach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.rules.view import Block, Breach, View

IMAGE_BYTES: Final = 5 * 1024 * 1024
IMAGE_SIDE: Final = 8000
MANY_IMAGES: Final = 20
MANY_IMAGES_SIDE: Final = 2000
MOST_IMAGES: Final = 100


def _sources(view: View, kind: str) -> Iterator[tuple[Block, dict[str, Any]]]:
    for block in view.all_blocks:
        if block.kind == kind and isinstance(block.value.get("source"), dict):
            yield block, block.value["source"]


def _encoded(view: View, kind: str = "image") -> Iterator[tuple[Block, dict[str, Any], str]]:
    """Images, or documents, that are sent as base64."""
    for block, source in _sources(view, kind):
        if source.get("type") == "base64" and isinstance(source.get("data"), str):
            yield block, source, source["data"]


def source_type(view: View) -> Iterator[Breach]:
    """The source of an image or a document is of a type that the API has."""
    for kind, known in shapes.SOURCES.items():
        for block, source in _sources(view, kind):
            found = source.get("type", ABSENT)
            place = (*block.path, "source")
            if found is ABSENT:
                yield breach(place, at=f"{block.tagged}.source.type", reason=members.MISSING)
            elif not isinstance(found, str) or found not in known:
                tags = tuple(known)
                yield breach((*place, "type"), at=f"{block.tagged}.source", reason=members.tag_reason(found, tags))


def _places(view: View) -> Iterator[members.Place]:
    for kind, known in shapes.SOURCES.items():
        for block, source in _sources(view, kind):
            found = source.get("type")
            if isinstance(found, str) and found in known:
                at = f"{block.tagged}.source.{found}"
                yield members.Place((*block.path, "source"), at, source, known[found])


def source_members(view: View) -> Iterator[Breach]:
    """A source holds what its type needs: data and its media type, a URL, an id."""
    for place in _places(view):
        yield from members.wrong(place)


def source_keys(view: View) -> Iterator[Breach]:
    """A source holds the members of its type and nothing else."""
    for place in _places(view):
        yield from members.unknown(place)


def image_empty(view: View) -> Iterator[Breach]:
    """An image has data."""
    for block, _, data in _encoded(view):
        if not data:
            yield _image(block)


def image_base64(view: View) -> Iterator[Breach]:
    """The data of an image is base64, without a `data:` prefix."""
    for block, _, data in _encoded(view):
        if not images.is_base64(data):
            yield _image(block)


def image_size(view: View) -> Iterator[Breach]:
    """An image has at most 5 MB, counted in its base64 text."""
    for block, _, data in _encoded(view):
        if len(data) > IMAGE_BYTES:
            yield _image(block, size=len(data), limit=IMAGE_BYTES)


def image_mismatch(view: View) -> Iterator[Breach]:
    """The data of an image is of the media type that is declared."""
    for block, source, data in _encoded(view):
        declared, found = source.get("media_type"), images.media_type(images.head(data))
        if found and declared in shapes.IMAGE_TYPES and declared != found:
            yield _image(block, declared=declared, found=found)


def image_unreadable(view: View) -> Iterator[Breach]:
    """The data of an image is of one of the four formats."""
    for block, _, data in _encoded(view):
        if data and images.is_base64(data) and not images.media_type(images.head(data)):
            yield _image(block)


def image_pixels(view: View) -> Iterator[Breach]:
    """No side of an image has more than 8000 pixels, or 2000 where there are more than twenty images."""
    found = list(_encoded(view))
    many = len(found) > MANY_IMAGES
    limit, size = (MANY_IMAGES_SIDE, "size for many-image requests") if many else (IMAGE_SIDE, "size")
    for block, _, data in found:
        pixels = images.size(images.head(data))
        if pixels and max(pixels) > limit:
            yield _image(block, limit=limit, size=size)


def image_count(view: View) -> Iterator[Breach]:
    """At most 100 images in a request."""
    count = sum(1 for block in view.all_blocks if block.kind == "image")
    if count > MOST_IMAGES:
        yield breach(("messages",), images=count, limit=MOST_IMAGES)


def image_url(view: View) -> Iterator[Breach]:
    """An image by URL, which one provider of the same model does not take."""
    for block, source in _sources(view, "image"):
        if source.get("type") == "url":
            yield _image(block)


def _image(block: Block, **values: Any) -> Breach:
    return breach((*block.path, "source", "data"), at=f"{block.tagged}.source.base64", **values)


def document_data(view: View) -> Iterator[Breach]:
    """The data of a PDF is base64 of a PDF."""
    for block, source, data in _encoded(view, "document"):
        at = f"{block.tagged}.source.base64"
        path = (*block.path, "source", "data")
        if not data:
            yield breach(path, at=at, reason="PDF cannot be empty")
        elif not images.is_base64(data):
            yield breach(path, at=at, reason="invalid base64 data")
        elif source.get("media_type") == shapes.PDF and not images.is_pdf(images.head(data)):
            yield breach(path, at=f"{block.at}.pdf.source.base64.data", reason="The PDF specified was not valid.")
