"""Rules about the parameters of a request: their types, ranges and names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from haiku_contract.model import ABSENT
from haiku_contract.rules import shapes
from haiku_contract.rules.view import breach, dictionary, is_integer, is_number, items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.rules.view import Breach, View

MAX_TOKENS: Final = 64_000
USER_ID: Final = 256

_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
_PHONE: Final = re.compile(r"\+(?:[ ().-]{0,3}\d){7,15}|(?:\d[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}")
_DIGITS: Final = re.compile(r"\d{10,15}")


def required(view: View) -> Iterator[Breach]:
    """`messages` and `max_tokens` of a request, `role` and `content` of a message."""
    for key in ("messages", "max_tokens"):
        if view.get(key) is ABSENT:
            yield breach((), at=key)
    for index, message in view.messages:
        for key in ("role", "content"):
            if key not in message:
                yield breach(("messages", index), at=f"messages.{index}.{key}")


def model(view: View) -> Iterator[Breach]:
    """`model` is a non-empty string where it is sent."""
    value = view.get("model")
    if value is ABSENT:
        return
    if not isinstance(value, str):
        yield breach(("model",), reason="Input should be a valid string")
    elif not value:
        yield breach(("model",), reason="String should have at least 1 character")


def max_tokens_type(view: View) -> Iterator[Breach]:
    """`max_tokens` is an integer, and not negative."""
    value = view.get("max_tokens")
    if value is ABSENT:
        return
    if not is_integer(value):
        yield breach(("max_tokens",), reason="Input should be a valid integer")
    elif value < 0:
        yield breach(("max_tokens",), reason="must be greater than or equal to 0")


def max_tokens_cap(view: View) -> Iterator[Breach]:
    """`max_tokens` is at most what the model can write."""
    value = view.get("max_tokens")
    if is_integer(value) and value > MAX_TOKENS:
        shown = int(value) if value < 10**18 else f"{float(value) if value < 10**300 else 1e300:.0e}"
        yield breach(("max_tokens",), value=shown, limit=MAX_TOKENS)


def sampling_type(view: View) -> Iterator[Breach]:
    """`temperature` and `top_p` are numbers."""
    for key in ("temperature", "top_p"):
        value = view.get(key)
        if value is not ABSENT and not is_number(value):
            yield breach((key,))


def sampling_range(view: View) -> Iterator[Breach]:
    """`temperature` and `top_p` lie between 0 and 1."""
    for key in ("temperature", "top_p"):
        value = view.get(key)
        if is_number(value) and not 0 <= value <= 1:
            yield breach((key,))


def sampling_both(view: View) -> Iterator[Breach]:
    """`temperature` and `top_p` are not sent together."""
    if is_number(view.get("temperature")) and is_number(view.get("top_p")):
        yield breach(("top_p",))


def top_k_type(view: View) -> Iterator[Breach]:
    """`top_k` is an integer."""
    value = view.get("top_k")
    if value is not ABSENT and not is_integer(value):
        yield breach(("top_k",))


def top_k_negative(view: View) -> Iterator[Breach]:
    """`top_k` is positive, says the schema; the provider itself takes -1."""
    value = view.get("top_k")
    if is_number(value) and value <= 0:
        yield breach(("top_k",))


def stream_type(view: View) -> Iterator[Breach]:
    """`stream` is a boolean."""
    value = view.get("stream")
    if value is not ABSENT and not isinstance(value, bool):
        yield breach(("stream",))


def system_type(view: View) -> Iterator[Breach]:
    """`system` is a string or an array of text blocks."""
    value = view.get("system")
    if value is ABSENT or isinstance(value, str):
        return
    if not isinstance(value, list):
        yield breach(("system",), reason="Input should be a valid array")
    for index, block in view.system_blocks:
        if not isinstance(block, dict):
            yield breach(("system", index), reason="Input does not match the expected shape.")
        elif "type" not in block or "text" not in block:
            missing = "text" if "type" in block else "type"
            yield breach(("system", index), at=f"system.{index}.{missing}", reason="Field required")
        elif block["type"] != "text":
            yield breach(("system", index, "type"), reason="Input should be 'text'")
        elif not isinstance(block["text"], str):
            yield breach(("system", index, "text"), reason="Input should be a valid string")


def stop_sequences_type(view: View) -> Iterator[Breach]:
    """`stop_sequences` is an array of strings; null is as good as none."""
    value = view.get("stop_sequences")
    if value is ABSENT or value is None:
        return
    if not isinstance(value, list):
        yield breach(("stop_sequences",), reason="Input should be a valid array")
    for index, one in enumerate(items(value)):
        if not isinstance(one, str):
            yield breach(("stop_sequences", index), reason="Input should be a valid string")


def stop_sequences_blank(view: View) -> Iterator[Breach]:
    """A stop sequence holds more than white space."""
    for index, one in enumerate(items(view.get("stop_sequences"))):
        if isinstance(one, str) and not one.strip():
            yield breach(("stop_sequences", index), reason="contain non-whitespace" if one else "be non-empty")


def metadata_type(view: View) -> Iterator[Breach]:
    """`metadata` is an object, its `user_id` a string or null; null is as good as none."""
    value = view.get("metadata")
    if value is ABSENT or value is None:
        return
    if not isinstance(value, dict):
        yield breach(("metadata",), reason="Input does not match the expected shape.")
    elif not isinstance(value.get("user_id"), (str, type(None))):
        yield breach(("metadata", "user_id"), reason="Input should be a valid string")


def metadata_keys(view: View) -> Iterator[Breach]:
    """`metadata` holds `user_id` and nothing else."""
    for key in dictionary(view.get("metadata")):
        if key != "user_id":
            yield breach(("metadata", key))


def metadata_length(view: View) -> Iterator[Breach]:
    """`metadata.user_id` has at most 256 characters."""
    value = dictionary(view.get("metadata")).get("user_id")
    if isinstance(value, str) and len(value) > USER_ID:
        yield breach(("metadata", "user_id"), limit=USER_ID)


def metadata_email(view: View) -> Iterator[Breach]:
    """`metadata.user_id` is no e-mail address."""
    value = dictionary(view.get("metadata")).get("user_id")
    if isinstance(value, str) and len(value) <= 10 * USER_ID and _EMAIL.search(value):
        yield breach(("metadata", "user_id"))


def metadata_phone(view: View) -> Iterator[Breach]:
    """`metadata.user_id` is no phone number, with a plus sign or with separators."""
    yield from _user_id(view, _PHONE)


def metadata_digits(view: View) -> Iterator[Breach]:
    """`metadata.user_id` is no number that may be one of a phone."""
    yield from _user_id(view, _DIGITS)


def _user_id(view: View, pattern: re.Pattern[str]) -> Iterator[Breach]:
    value = dictionary(view.get("metadata")).get("user_id")
    if isinstance(value, str) and len(value) <= USER_ID and pattern.fullmatch(value.strip()):
        yield breach(("metadata", "user_id"))


def service_tier(view: View) -> Iterator[Breach]:
    """`service_tier` is one of its values."""
    value = view.get("service_tier")
    if value is not ABSENT and value not in shapes.SERVICE_TIERS:
        yield breach(("service_tier",))


def container_type(view: View) -> Iterator[Breach]:
    """`container` is a string, an object or null."""
    value = view.get("container")
    if value is not ABSENT and not isinstance(value, (str, dict, type(None))):
        yield breach(("container",))


def container_alone(view: View) -> Iterator[Breach]:
    """A container is named only where the code execution tool is offered."""
    named = isinstance(view.get("container"), str)
    offered = any(str(tool.get("type")).startswith("code_execution") for _, tool in view.tools)
    if named and not offered:
        yield breach(("container",))


def inference_geo(view: View) -> Iterator[Breach]:
    """`inference_geo` is one of its values, or null."""
    value = view.get("inference_geo")
    if value is ABSENT or value is None or (isinstance(value, str) and value in shapes.GEOS):
        return
    known = "must be one of ['global', 'us']"
    yield breach(("inference_geo",), reason=known if isinstance(value, str) else "Input should be a valid string")


def inference_geo_model(view: View) -> Iterator[Breach]:
    """This model cannot be told where to run."""
    if view.get("inference_geo") in shapes.GEOS:
        yield breach(("inference_geo",))


def diagnostics(view: View) -> Iterator[Breach]:
    """`diagnostics` is an object or null."""
    value = view.get("diagnostics")
    if value is not ABSENT and not isinstance(value, (dict, type(None))):
        yield breach(("diagnostics",))


def beta_keys(view: View) -> Iterator[Breach]:
    """Keys of beta features, which need a header of their own."""
    for key in view.top:
        if key in shapes.BETA_FIELDS:
            yield breach((key,))


def unknown_keys(view: View) -> Iterator[Breach]:
    """Keys that the Messages API does not have."""
    for key in view.top:
        if key not in shapes.FIELDS and key not in shapes.BETA_FIELDS:
            yield breach((key,))
