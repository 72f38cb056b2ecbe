"""HAR 1.2, as browsers and proxies save it: entries of a log, each a request and a response."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.endpoint.cassette import Interaction, Store
from haiku_contract.errors import CassetteError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.endpoint.cassette import Headers

_OF_CODED: Final = ("content-encoding", "content-length", "transfer-encoding")
"""Headers about a coding that HAR has taken off: its texts are the decoded ones."""


def interactions(name: str, log: Any, store: Store) -> Iterator[Interaction]:
    """The entries that got an answer.

    Args:
        name: what the file is called in errors.
        log: the value of `log`.
        store: takes the bodies.

    Raises:
        CassetteError: an entry is not one of HAR.
    """
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise CassetteError(f"{name}:1: a log of HAR without entries")
    for number, entry in enumerate(entries):
        try:
            status = _known(entry["response"]["status"], int)
            if status > 0:  # 0: nothing came back
                yield _interaction(entry, status, store)
        except (KeyError, TypeError, ValueError) as error:
            what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
            raise CassetteError(f"{name}: log.entries[{number}]: {what}; save it as HAR 1.2 with content") from None


def _interaction(entry: dict[str, Any], status: int, store: Store) -> Interaction:
    request, response = entry["request"], entry["response"]
    posted = request.get("postData") or {}
    content = response.get("content") or {}
    if "text" not in content and content.get("size", 0) > 0:
        raise ValueError("the body of the response was not saved")
    day = str(entry.get("startedDateTime", ""))[:10]
    return Interaction(
        method=_known(request["method"], str).upper(),
        url=_known(request["url"], str),
        request_headers=_headers(request.get("headers") or [], ()),
        request=store.add(_text(posted)),
        status=status,
        reason=str(response.get("statusText") or ""),
        response_headers=_headers(response.get("headers") or [], _OF_CODED),
        response=store.add(_text(content)),
        recorded=dt.date.fromisoformat(day) if day else None,
    )


def _headers(pairs: list[dict[str, Any]], without: tuple[str, ...]) -> Headers:
    """The headers as of HTTP/1.1, which has no pseudo-headers."""
    found = ((_known(one["name"], str), _known(one["value"], str)) for one in pairs)
    return tuple(pair for pair in found if pair[0].lower() not in without and not pair[0].startswith(":"))


def _text(content: dict[str, Any]) -> bytes:
    text = _known(content.get("text") or "", str)
    if content.get("encoding") != "base64":
        return bytes(text.encode("utf-8", "surrogatepass"))
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        raise ValueError("a body that is not base64, as it says it is") from None


def _known(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, found {type(value).__name__}")
    return value
