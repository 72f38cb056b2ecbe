"""Rules about messages and their content blocks, each block for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract.model import ABSENT
from haiku_contract.rules import images, shapes
from haiku_contract.rules.fields import json_kind
from haiku_contract.rules.view import breach, dictionary, items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.rules.view import Block, Breach, View

IMAGE_BYTES: Final = 5 * 1024 * 1024
IMAGE_SIDE: Final = 8000
MANY_IMAGES: Final = 20
MANY_IMAGES_SIDE: Final = 2000
MOST_IMAGES: Final = 100

_KINDS: Final[dict[str, type]] = {"string": str, "array": list, "object": dict}


def messages_type(view: View) -> Iterator[Breach]:
    """`messages` is an array."""
    value = view.get("messages")
    if value is not ABSENT and not isinstance(value, list):
        yield breach(("messages",))


def message_type(view: View) -> Iterator[Breach]:
    """A message is an object."""
    for index, message in enumerate(items(view.get("messages"))):
        if not isinstance(message, dict):
            yield breach(("messages", index))


def message_keys(view: View) -> Iterator[Breach]:
    """A message has `role` and `content` and nothing else."""
    for index, message in view.messages:
        for key in message:
            if key not in {"role", "content"}:
                yield breach(("messages", index, key))


def role(view: View) -> Iterator[Breach]:
    """A role is `user` or `assistant`; `system` has a rule of its own."""
    for index, message in view.messages:
        value = message.get("role", ABSENT)
        if value is not ABSENT and value not in ("user", "assistant", "system"):
            yield breach(("messages", index, "role"), role=value if isinstance(value, str) else type(value).__name__)


def role_system(view: View) -> Iterator[Breach]:
    """The first message has not the role `system`."""
    for index, message in view.messages[:1]:
        if index == 0 and message.get("role") == "system":
            yield breach(("messages", 0, "role"))


def role_system_later(view: View) -> Iterator[Breach]:
    """No later message has the role `system`."""
    for index, message in view.messages:
        if index and message.get("role") == "system":
            yield breach(("messages", index, "role"))


def content_type(view: View) -> Iterator[Breach]:
    """Content is a string or an array."""
    for index, message in view.messages:
        if "content" in message and not isinstance(message["content"], (str, list)):
            yield breach(("messages", index, "content"))


def block_type(view: View) -> Iterator[Breach]:
    """A block is an object with a type that is a string."""
    for block in view.all_blocks:
        if not isinstance(block.value, dict):
            yield breach(block.path, at=block.at, reason="Input should be an object")
        elif "type" not in block.value:
            yield breach(block.path, at=f"{block.at}.type", reason="Field required")
        elif not isinstance(block.value["type"], str):
            yield breach((*block.path, "type"), at=f"{block.at}.type", reason="Input should be a valid string")


def block_unknown(view: View) -> Iterator[Breach]:
    """The type of a block is one that the API has."""
    for blocks, known in (
        (view.blocks, (*shapes.BLOCKS, *shapes.OTHER_BLOCKS)),
        (view.nested, shapes.NESTED_BLOCKS),
    ):
        for block in blocks:
            if block.kind and block.kind not in known:
                tags = ", ".join(repr(one) for one in sorted(known))
                yield breach((*block.path, "type"), at=block.at, tag=_short(block.kind), tags=tags)


def block_keys(view: View) -> Iterator[Breach]:
    """A block holds the members of its type and nothing else."""
    for block in view.all_blocks:
        required, optional = shapes.BLOCKS.get(block.kind, (None, ()))
        if required is None:
            continue
        for key in block.value:
            if key != "type" and key not in required and key not in optional:
                yield breach((*block.path, key), at=f"{block.tagged}.{key}")


def block_members(view: View) -> Iterator[Breach]:
    """A block holds what its type needs, of the right JSON type."""
    for block in view.all_blocks:
        required, _ = shapes.BLOCKS.get(block.kind, ({}, ()))
        for key, kind in required.items():
            if key not in block.value:
                yield breach(block.path, at=f"{block.tagged}.{key}", reason="Field required")
            elif kind and not isinstance(block.value[key], _KINDS[kind]):
                yield breach((*block.path, key), at=f"{block.tagged}.{key}", reason=json_kind(kind))


def _sources(view: View, kind: str) -> Iterator[tuple[Block, dict[str, Any]]]:
    for block in view.all_blocks:
        if block.kind == kind and isinstance(block.value.get("source"), dict):
            yield block, block.value["source"]


def _encoded(view: View) -> Iterator[tuple[Block, dict[str, Any], str]]:
    """Images that are sent as base64."""
    for block, source in _sources(view, "image"):
        if source.get("type") == "base64" and isinstance(source.get("data"), str):
            yield block, source, source["data"]


def source_type(view: View) -> Iterator[Breach]:
    """The source of an image or a document is of a type that the API has."""
    for kind, known in (("image", shapes.IMAGE_SOURCES), ("document", shapes.DOCUMENT_SOURCES)):
        for block, source in _sources(view, kind):
            found = source.get("type", ABSENT)
            place = (*block.path, "source")
            if found is ABSENT:
                yield breach(place, at=f"{block.tagged}.source.type", reason="Field required")
            elif found not in known:
                tags = ", ".join(repr(one) for one in known)
                reason = (
                    f"Input tag {_short(found)!r} found using 'type' does not match any of the expected tags: {tags}"
                )
                yield breach((*place, "type"), at=f"{block.tagged}.source", reason=reason)


def source_members(view: View) -> Iterator[Breach]:
    """An image source holds its data and media type, or its URL."""
    needs = {"base64": ("media_type", "data"), "url": ("url",)}
    for block, source in _sources(view, "image"):
        kind = source.get("type")
        for key in needs.get(kind, ()) if isinstance(kind, str) else ():
            at = f"{block.tagged}.source.{kind}.{key}"
            if key not in source:
                yield breach((*block.path, "source"), at=at, reason="Field required")
            elif key != "media_type" and not isinstance(source[key], str):
                yield breach((*block.path, "source", key), at=at, reason="Input should be a valid string")


def image_media_type(view: View) -> Iterator[Breach]:
    """The media type of an image is one of four."""
    for block, source in _sources(view, "image"):
        known = source.get("media_type", ABSENT)
        if source.get("type") == "base64" and known is not ABSENT and known not in shapes.IMAGE_TYPES:
            at = f"{block.tagged}.source.base64.media_type"
            yield breach((*block.path, "source", "media_type"), at=at)


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
    limit = MANY_IMAGES_SIDE if len(found) > MANY_IMAGES else IMAGE_SIDE
    for block, _, data in found:
        pixels = images.size(images.head(data))
        if pixels and max(pixels) > limit:
            yield _image(block, limit=limit)


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


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else type(value).__name__
    return text if len(text) <= 40 else text[:39] + "…"  # noqa: PLR2004 - what is readable in one line


def text_empty(view: View) -> Iterator[Breach]:
    """A text block holds text, in `messages` and in `system`."""
    for block in view.all_blocks:
        if block.kind == "text" and block.value.get("text") == "":
            yield breach((*block.path, "text"), at="messages")
    for index, one in view.system_blocks:
        if dictionary(one).get("text") == "":
            yield breach(("system", index, "text"), at="system")


def text_blank(view: View) -> Iterator[Breach]:
    """A text block of the user holds more than white space; so does content that is a string.

    Blank blocks of the assistant are accepted (two recordings of this model).
    """
    for index, message in view.messages:
        text = message.get("content")
        if message.get("role") == "user" and isinstance(text, str) and text and not text.strip():
            yield breach(("messages", index, "content"), at="messages")
    for block in view.blocks:
        text = block.value.get("text") if block.kind == "text" and block.role == "user" else None
        if isinstance(text, str) and text and not text.strip():
            yield breach((*block.path, "text"), at="messages")
