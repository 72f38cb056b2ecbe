"""What the parts of a recorded exchange have to be so that it can be replayed, whatever the layout of its file."""

from __future__ import annotations

import datetime as dt
import email.utils
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

_METHOD: Final = re.compile(r"[A-Za-z]{1,20}\Z")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")  # a token, RFC 9110 section 5.6.2
_CONTROLS: Final = re.compile(r"[\0-\x1f\x7f]")
_LEAST_STATUS: Final = 100
_MOST_STATUS: Final = 599
OF_CODED: Final = ("content-encoding", "content-length", "transfer-encoding")
"""Headers about a coding, which do not hold where the body is recorded without it."""


def is_method(value: Any) -> bool:
    """Whether it can be the method of a request."""
    return isinstance(value, str) and _METHOD.match(value) is not None


def is_url(value: Any) -> bool:
    """Whether it can be the address of a request."""
    if not isinstance(value, str) or not value or _CONTROLS.search(value):
        return False
    try:
        _ = urlsplit(value).port
    except ValueError:
        return False
    return True


def is_status(value: Any) -> bool:
    """Whether it is a status of HTTP."""
    return type(value) is int and _LEAST_STATUS <= value <= _MOST_STATUS


def is_header(name: Any, value: Any) -> bool:
    """Whether these can be the name and the value of a header."""
    return isinstance(name, str) and _NAME.match(name) is not None and isinstance(value, str) and not breaks(value)


def breaks(text: str) -> bool:
    """Whether a text would end the line that it stands on, in HTTP/1.1."""
    return "\n" in text or "\r" in text or "\0" in text


def day(text: Any) -> dt.date | None:
    """The day in UTC that a text names, as ISO 8601 or as HTTP write it; None where it names none."""
    for read in _DATES if isinstance(text, str) else ():
        try:
            found = read(text.strip())
        except (ValueError, TypeError, OverflowError):
            continue
        return (found.astimezone(dt.UTC) if found.tzinfo else found).date()
    return None


_DATES: Final[tuple[Callable[[str], dt.datetime], ...]] = (
    dt.datetime.fromisoformat,
    email.utils.parsedate_to_datetime,
    lambda text: dt.datetime.fromisoformat(text[:10]),
)
