"""HAR 1.2, as browsers and proxies save it: entries of a log, each a request and a response."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from haiku_contract.endpoint import recorded_parts as parts
from haiku_contract.endpoint.cassette import Interaction, Store

if TYPE_CHECKING:
    from haiku_contract.endpoint.cassette import Headers


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
    response = _object(_object(entry, "an entry"), "response", of="an entry")
    status = response.get("status")
    if type(status) is int and status <= 0:
        return None
    return _interaction(entry, response, store)


def _flaw(what: str) -> HarError:
    return HarError(f"{what}; save it as HAR 1.2 with content")


def _interaction(entry: dict[str, Any], response: dict[str, Any], store: Store) -> Interaction:
    request = _object(entry, "request", of="an entry")
    method, url, status = request.get("method"), request.get("url"), response.get("status")
    posted = _object(request, "postData", of="a request", optional=True)
    content = _object(response, "content", of="a response", optional=True)
    begun = entry.get("startedDateTime")
    unsaved = "text" not in content and content.get("size", 0) not in (0, -1)
    for wrong, what in (
        (not parts.is_method(method), "the method of the request is missing, or none"),
        (not parts.is_url(url), "the url of the request is missing, or none"),
        (not parts.is_status(status), "the status of the response is missing, or none of HTTP"),
        (unsaved and str(method).upper() == "POST", "the body of the response was not saved"),  # pictures never are
        (begun and parts.day(begun) is None, "startedDateTime is no date"),
    ):
        if wrong:
            raise _flaw(what)
    reason = response.get("statusText")
    return Interaction(
        method=str(method).upper(),
        url=str(url),
        request_headers=_headers(request),
        request=store.add(_text(posted) or _form(posted.get("params"))),
        status=int(status or 0),
        reason=reason if isinstance(reason, str) and not parts.breaks(reason) else "",
        response_headers=_headers(response, parts.OF_CODED),  # the texts of HAR are the decoded ones
        response=store.add(_text(content)),
        recorded=parts.day(begun),
    )


def _object(value: Any, name: str, *, of: str = "", optional: bool = False) -> dict[str, Any]:
    """The value itself, or the member of that name where `of` says what it is a member of."""
    found = value.get(name) if of else value
    if found is None and optional:
        return {}
    if not isinstance(found, dict):
        what = f"{name!r} of {of}" if of else name
        raise _flaw(f"{what} is {'missing' if of and name not in value else 'not an object'}")
    return found


def _headers(part: dict[str, Any], without: tuple[str, ...] = ()) -> Headers:
    """The headers as of HTTP/1.1, which has no pseudo-headers."""
    listed = part.get("headers") or []
    if not isinstance(listed, list):
        raise _flaw("headers that are not a list")
    found = []
    for one in listed:
        name, value = (one.get("name"), one.get("value")) if isinstance(one, dict) else (None, None)
        if isinstance(name, str) and name.startswith(":"):
            continue
        for each in value.split("\n") if isinstance(value, str) else (value,):  # as browsers join them
            if not parts.is_header(name, each):
                raise _flaw(f"the header {str(name)[:40]!r} is not one")
            if str(name).lower() not in without:
                found.append((str(name), str(each)))
    return tuple(found)


def _form(params: Any) -> bytes:
    """The body of a form, which may be saved field by field."""
    fields = params if isinstance(params, list) else ()
    return urlencode(
        [(str(one.get("name")), str(one.get("value", ""))) for one in fields if isinstance(one, dict)]
    ).encode()


def _text(content: dict[str, Any]) -> bytes:
    text = content.get("text") or ""
    if not isinstance(text, str):
        raise _flaw("a body that is not a text")
    if content.get("encoding") != "base64":
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _flaw("a body that is not base64, as it says it is") from None
