"""How fast requests follow one another, and which are sent again: times only, no I/O."""

from __future__ import annotations

import email.utils
import math
import re
import time
from typing import TYPE_CHECKING, Any, Final

from tenacity import retry_if_result, stop_after_attempt, wait_exponential_jitter

from haiku_contract.campaign.outcomes import outcome
from haiku_contract.errors import UsageError
from haiku_contract.model import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

    from haiku_contract.model import Exchange

MOST_WAIT: Final = 60.0
"""Seconds that a campaign waits for an endpoint at most; who asks for more is not asked again."""

PUBLISHED_RATE: Final = 200 / 60
"""Requests per second and gateway that unified billing allows."""

_RATE = re.compile(r"(\d+(?:\.\d+)?)/(s|m|h)\Z")
_PER: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_SLOWEST: Final = 30.0
_FIRST_STEP: Final = 0.05  # seconds between requests from which on it slows down, where there was no limit
_backoff = wait_exponential_jitter(initial=1, max=MOST_WAIT / 2, jitter=1)


class Pace:
    """When the next request may start; one for all requests of a campaign.

    Attributes:
        asked: how often an answer has asked to wait; whoever was waiting then takes another turn.
    """

    def __init__(self, rate: float | None, *, adapts: bool = False) -> None:
        """Args: requests per second (None: no limit), and whether being throttled slows it down."""
        self._shortest = self._interval = 0.0 if rate is None else 1 / rate
        self._adapts = adapts
        self._next = 0.0
        self._slowed = -math.inf
        self.asked = 0

    def delay(self, now: float) -> float:
        """Seconds to wait before the next request; takes its turn."""
        turn = max(now, self._next)
        self._next = turn + self._interval
        return turn - now

    def heard(self, exchange: Exchange, now: float) -> None:
        """Take notice of an answer: who asks to wait is given time by all requests, and not by this one alone."""
        throttled = exchange.status is not None and outcome(exchange).kind is OutcomeKind.THROTTLED
        asked = retry_after(exchange, time.time()) if throttled else None
        if asked is not None and asked <= MOST_WAIT:
            self._next = max(self._next, now + asked)
            self.asked += 1
        if self._adapts and not throttled:
            self._interval = max(self._interval * 0.95, self._shortest)
        elif self._adapts and now - exchange.elapsed >= self._slowed:  # it was sent since; the others say the same
            self._slowed = now
            self._interval = min(max(self._interval, _FIRST_STEP) * 2, _SLOWEST)


def pace(text: str, *, real: bool) -> Pace:
    """The pace that a text asks for: `none`, `auto`, or requests per time as in `3/s`, `200/m`.

    Args:
        text: what was asked for.
        real: whether `auto` is about the real endpoint, whose limit is known, rather than one that may have none.

    Raises:
        UsageError: it cannot be read.
    """
    if text in ("none", "auto"):
        known = PUBLISHED_RATE if real and text == "auto" else None
        return Pace(known, adapts=text == "auto")
    match = _RATE.match(text)
    if match is None or not float(match[1]):
        raise UsageError(f"not a rate: {text!r}; write requests per time as in 3/s or 200/m, or auto, or none")
    return Pace(float(match[1]) / _PER[match[2]])


def retries(attempts: int, used_up: Callable[[float], bool], *, once: bool = False) -> dict[str, Any]:
    """How tenacity is to send a request again: the arguments of its `Retrying` and `AsyncRetrying`.

    Args:
        attempts: how often it is sent at most.
        used_up: whether no further request may be sent at all, after waiting some seconds.
        once: what was not answered in time is not sent again.
    """
    enough = stop_after_attempt(attempts)
    return {
        "stop": lambda state: (
            enough(state)
            or _asks_too_long(state)
            or used_up(_asked(state) or 0.0)
            or (once and _result(state).status is None)
        ),
        "wait": _wait,
        "retry": retry_if_result(_is_lost_for_now),
        "retry_error_callback": _result,
    }


def retry_after(exchange: Exchange, now: float) -> float | None:
    """Seconds that an answer asks to wait (RFC 9110 section 10.2.3); None where it does not ask."""
    text = exchange.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):  # a year or a month of twenty digits
        return None


def _is_lost_for_now(exchange: Exchange) -> bool:
    """Throttled, out of order for the moment, or too slow; who cannot be reached at all will not be a second later."""
    if exchange.status is None:
        return exchange.error.partition(":")[0].endswith("Timeout")
    return outcome(exchange).kind is OutcomeKind.THROTTLED


def _wait(state: RetryCallState) -> float:
    return _backoff(state) if _asked(state) is None else 0.0  # the pace holds back all requests, this one too


def _asks_too_long(state: RetryCallState) -> bool:
    asked = _asked(state)
    return asked is not None and asked > MOST_WAIT


def _asked(state: RetryCallState) -> float | None:
    return retry_after(_result(state), time.time())


def _result(state: RetryCallState) -> Exchange:
    if state.outcome is None:
        raise RuntimeError("asked about an attempt that has not ended")
    found: Exchange = state.outcome.result()
    return found
