"""Rules about the request as a whole: cache breakpoints, size of the prompt and of the body, and its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import wire
from haiku_contract.model import ABSENT
from haiku_contract.rules import members, shapes
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


class _Marker(NamedTuple):
    """One `cache_control`: where it stands, how the provider writes that place with the type and without, its value."""

    path: Path
    tagged: str
    at: str
    value: Any


def _markers(view: View) -> Iterator[_Marker]:
    """Every `cache_control` that is not null, in the order in which the provider processes them."""
    holders: list[tuple[Path, str, str, dict[str, Any]]] = []
    for index, tool in view.tools:
        kind = tool.get("type")
        tagged = f"tools.{index}.{kind if isinstance(kind, str) else 'custom'}"
        holders.append((("tools", index), tagged, f"tools.{index}", tool))
    holders += [
        (("system", index), f"system.{index}", f"system.{index}", dictionary(one)) for index, one in view.system_blocks
    ]
    for block in view.blocks:
        inside = view.inside.get(block.path, ())
        holders += [(one.path, one.tagged, one.at, dictionary(one.value)) for one in (block, *inside)]
    for path, tagged, at, holder in holders:
        if (value := holder.get("cache_control")) is not None:
            yield _Marker((*path, "cache_control"), f"{tagged}.cache_control", f"{at}.cache_control", value)
    if (whole := view.get("cache_control")) is not ABSENT and whole is not None:
        yield _Marker(("cache_control",), "cache_control", "cache_control", whole)


def cache_control(view: View) -> Iterator[Breach]:
    """A cache breakpoint is ephemeral, for five minutes or an hour."""
    for path, at, _, value in _markers(view):
        if not isinstance(value, dict):
            yield breach(path, at=at, reason=members.NO_OBJECT)
        elif "type" not in value:
            yield breach(path, at=f"{at}.type", reason=members.MISSING)
        elif value["type"] != "ephemeral":
            yield breach((*path, "type"), at=at, reason=members.tag_reason(value["type"], ("ephemeral",)))
        else:
            place = members.Place(path, f"{at}.ephemeral", value, shapes.EPHEMERAL)
            yield from members.wrong(place)
            yield from members.unknown(place)


def cache_blocks(view: View) -> Iterator[Breach]:
    """At most four cache breakpoints in a request; the one of the whole request marks its last block."""
    found = list(_markers(view))
    if found and found[-1].path == ("cache_control",) and view.blocks:
        last = view.blocks[-1]
        if last.path[1] == view.messages[-1][0] and dictionary(last.value).get("cache_control") is not None:
            found.pop()
    if len(found) > CACHE_BLOCKS:
        yield breach(found[CACHE_BLOCKS].path, count=len(found))


def cache_order(view: View) -> Iterator[Breach]:
    """No breakpoint for an hour comes after one for five minutes."""
    short = False
    for path, _, at, marker in _markers(view):
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
    stack, seen = [payload], set()
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, (dict, list)) and id(item) not in seen:
            seen.add(id(item))
            stack.extend((*item.keys(), *item.values()) if isinstance(item, dict) else item)


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
