"""HAR 1.2, as browsers and proxies save it: entries of a log, each a request and a response."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.endpoint.cassette import Interaction, Store

if TYPE_CHECKING:
    from haiku_contract.endpoint.cassette import Headers

_OF_CODED: Final = ("content-encoding", "content-length", "transfer-encoding")
"""Headers about a coding that HAR has taken off: its texts are the decoded ones."""


class HarError(ValueError):
    """An entry is not one of HAR; the message says why, without its place."""


def entries(log: Any) -> Any:
    """The list of entries in the value of `log`; None where there is none."""
    return log.get("entries") if isinstance(log, dict) else None


def interaction(entry: Any, store: Store) -> Interaction | None:
    """The exchange of an entry; None where no answer came back.

    Args:
        entry: a member of the list of entries.
        store: takes the bodies.

    Raises:
        HarError: it is not one.
    """
    try:
        status = _known(entry["response"]["status"], int)
        return _interaction(entry, status, store) if status > 0 else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise HarError(f"{what}; save it as HAR 1.2 with content") from None


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
