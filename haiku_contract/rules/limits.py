"""Rules about the request as a whole: cache breakpoints, size of the prompt and of the body, and its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from haiku_contract import wire
from haiku_contract.model import ABSENT
from haiku_contract.rules import shapes
from haiku_contract.rules.view import Path, breach, dictionary, is_integer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.rules.view import Breach, View

CACHE_BLOCKS: Final = 4
CONTEXT: Final = 200_000
BODY: Final = 32 * 1024 * 1024

_PLAIN: Final = 4.5  # characters of ASCII text per token: more than prose or code has, so that the estimate stays low
_OTHER: Final = 1.5  # characters outside ASCII per token, likewise
_WIDEST: Final = 6  # bytes that one character takes at most in JSON


# -- cache breakpoints ------------------------------------------------------------------------------------------


def _markers(view: View) -> Iterator[tuple[Path, str, Any]]:
    """Every `cache_control` that is not null, in the order in which the provider processes them."""
    places: list[tuple[Path, str, dict[str, Any]]] = [
        (("tools", index), f"tools.{index}", tool) for index, tool in view.tools
    ]
    places += [(("system", index), f"system.{index}", dictionary(one)) for index, one in view.system_blocks]
    for block in view.blocks:
        places.append((block.path, block.at, dictionary(block.value)))
        places += [(one.path, one.at, dictionary(one.value)) for one in view.inside.get(block.path, ())]
    for path, at, holder in places:
        marker = holder.get("cache_control")
        if marker is not None:
            yield (*path, "cache_control"), f"{at}.cache_control", marker


def cache_control(view: View) -> Iterator[Breach]:
    """A cache breakpoint is ephemeral, for five minutes or an hour."""
    top = view.get("cache_control")
    if top is not ABSENT and top is not None and not isinstance(top, dict):
        yield breach(("cache_control",), reason="Input should be an object")
    for path, at, marker in _markers(view):
        if not isinstance(marker, dict):
            yield breach(path, at=at, reason="Input should be an object")
            continue
        if marker.get("type") != "ephemeral":
            tag = (
                f"Input tag {str(marker.get('type'))[:40]!r} found using 'type' does not match any of the expected tags"
            )
            reason = f"{tag}: 'ephemeral'" if "type" in marker else "Field required"
            yield breach(path, at=at if "type" in marker else f"{at}.type", reason=reason)
        if marker.get("ttl", ABSENT) not in (*shapes.TTLS, ABSENT):
            yield breach((*path, "ttl"), at=f"{at}.ephemeral.ttl", reason="Input should be '5m' or '1h'")
        for key in marker:
            if key not in {"type", "ttl"}:
                yield breach((*path, key), at=f"{at}.ephemeral.{key}", reason="Extra inputs are not permitted")


def cache_blocks(view: View) -> Iterator[Breach]:
    """At most four cache breakpoints in a request."""
    found = list(_markers(view))
    if len(found) > CACHE_BLOCKS:
        yield breach(found[CACHE_BLOCKS][0], count=len(found))


def cache_order(view: View) -> Iterator[Breach]:
    """No breakpoint for an hour comes after one for five minutes."""
    short = False
    for path, at, marker in _markers(view):
        ttl = dictionary(marker).get("ttl", "5m")
        if ttl == "1h" and short:
            yield breach((*path, "ttl"), at=f"{at}.ttl")
        short = short or ttl == "5m"


def cache_empty(view: View) -> Iterator[Breach]:
    """No breakpoint on a text block without text."""
    for block in view.all_blocks:
        if block.kind == "text" and block.value.get("text") == "" and block.value.get("cache_control") is not None:
            yield breach((*block.path, "cache_control"), at=f"{block.at}.text")
    for index, one in view.system_blocks:
        if dictionary(one).get("text") == "" and dictionary(one).get("cache_control") is not None:
            yield breach(("system", index, "cache_control"), at=f"system.{index}")


# -- sizes ------------------------------------------------------------------------------------------------------


def tokens(view: View) -> int:
    """A low estimate of the tokens of the prompt, from the number of its characters."""
    plain = other = 0
    for text in view.texts:
        if text.isascii():
            plain += len(text)
        else:
            ascii_only = len(text.encode("ascii", "ignore"))
            plain += ascii_only
            other += len(text) - ascii_only
    return int(plain / _PLAIN + other / _OTHER)


def prompt_long(view: View) -> Iterator[Breach]:
    """The prompt fits the context window."""
    count = tokens(view)
    if count > CONTEXT:
        yield breach(("messages",), tokens=count, limit=CONTEXT)


def prompt_and_answer(view: View) -> Iterator[Breach]:
    """The prompt and `max_tokens` together fit the context window."""
    count, most = tokens(view), view.get("max_tokens")
    if is_integer(most) and most < 10**12 and count <= CONTEXT < count + most:
        yield breach(("max_tokens",), tokens=count, most=int(most), limit=CONTEXT)


def _strings(payload: Any) -> Iterator[str]:
    """Every string of a payload, keys included; iterative, because payloads nest as they like."""
    stack = [payload]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            stack.extend(item.keys())
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def body_size(view: View) -> Iterator[Breach]:
    """The body has at most 32 MB."""
    characters = sum(len(text) for text in _strings(view.payload))
    if characters * _WIDEST <= BODY:
        return
    try:
        size = len(wire.encode(view.payload))
    except (ValueError, TypeError, RecursionError):
        return
    if size > BODY:
        yield breach((), size=size, limit=BODY)


def surrogates(view: View) -> Iterator[Breach]:
    """The body holds no half of a surrogate pair."""
    for text in _strings(view.payload):
        if not text.isascii():
            try:
                text.encode("utf-8")
            except UnicodeEncodeError:
                yield breach(())
                return
