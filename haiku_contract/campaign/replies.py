"""Checks of what comes back, whatever was decided about the request: shape, type, figures, reasons, times, secrets.

Each is a function of a judged exchange that yields what it found; `checks.CHECKS` names them. Those about a message
hold for contracts of the provider's message format alone, and only where the message conforms: what its schema already
says is not said twice.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import pointer, prediction, wire
from haiku_contract.campaign.outcomes import ANSWERS, EVENT_STREAM, media_type, succeeded
from haiku_contract.endpoint import surfaces
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.campaign.checks import Judged

_SEVERAL: Final = 2
_BINDING: Final = "binding"
_MODEL: Final = ("model",)
_WORD: Final = re.compile(r"[a-z]+|\d+")


class Found(NamedTuple):
    """What a check has found.

    Attributes:
        message: one line.
        constraint: id of the constraint that it is about; None where it is about none.
        cause: what tells it from other findings of the check that are about no constraint.
    """

    message: str
    constraint: str | None = None
    cause: str = ""


def is_none(schema: Any, answer: Any) -> bool:
    """Whether an object has none of the keys that every reply has: it may well be a refusal, in words of its own."""
    required = schema.get("required") if isinstance(schema, dict) else None
    if not isinstance(required, list) or len(required) < _SEVERAL or not isinstance(answer, dict):
        return False
    return not any(name in answer for name in required)


def error_body(judged: Judged) -> Iterator[Found]:
    """The body of a refusal has one of the shapes in `error.schema.json`."""
    if judged.error:
        nearest = judged.error[0]
        union = prediction.union_of(nearest.constraint)
        by = "" if union is None else "by the nearest one, "
        yield Found(f"refused with a body of no known shape: {by}{nearest.message}", union or nearest.constraint)


def content_type(judged: Judged) -> Iterator[Found]:
    """Answers are declared as what they are, and a stream comes where one was asked for."""
    exchange, media = judged.exchange, media_type(judged.exchange)
    declared = exchange.headers.get("content-type", "")
    shown = declared[:80] or "none"
    if succeeded(exchange) and exchange.body and media not in ANSWERS:
        yield Found(f"answered with content type {shown}, which is neither JSON nor an event stream", cause="success")
    if judged.has_error_schema and judged.outcome.kind is OutcomeKind.REJECTED and not _is_json(media):
        yield Found(f"refused with content type {shown}, which is not JSON", cause="refusal")
    if not succeeded(exchange) or judged.outcome.kind is not OutcomeKind.ACCEPTED:
        return
    if judged.terms.surface == _BINDING and media == JSON_CONTENT_TYPE and declared != JSON_CONTENT_TYPE:
        yield Found(f"answered with content type {shown}, which the Worker binding hands on as bytes", cause="binding")
    payload = exchange.case.payload
    if exchange.case.kind != "conforming" or not isinstance(payload, dict):
        return
    asked = payload.get("stream") is True
    if media == EVENT_STREAM and not asked:
        yield Found("answered with a stream that was not asked for", cause="unasked stream")
    promised = judged.may_stream and judged.terms.surface != surfaces.BARE
    if promised and asked and media == JSON_CONTENT_TYPE:
        yield Found("answered as a whole where a stream was asked for", cause="no stream")


def _is_json(media: str) -> bool:
    return media == JSON_CONTENT_TYPE or media.endswith("+json")


def max_tokens(judged: Judged) -> Iterator[Found]:
    """No answer is longer than `max_tokens` allows; one token is the shortest answer there is."""
    used, most = _used(judged), _most(judged)
    if used is not None and most is not None and used > max(1, math.ceil(most)):
        yield Found(f"used {used:g} output tokens, where max_tokens allows {most:g}")


def stop_reason(judged: Judged) -> Iterator[Found]:
    """The reason given for the end of an answer agrees with the request and with the rest of the answer."""
    reason = judged.message.get("stop_reason") if isinstance(judged.message, dict) else None
    agrees = _REASONS.get(reason) if isinstance(reason, str) else None
    wrong = "" if agrees is None else agrees(judged, judged.message)
    if wrong:
        yield Found(f"stop_reason is {reason}, but {wrong}", cause=str(reason))
    elif isinstance(judged.message, dict) and reason not in (None, "stop_sequence"):
        named = judged.message.get("stop_sequence")
        if named is not None:
            yield Found(f"stop_reason is {reason}, but a stop_sequence is named", cause="named")


def _by_sequence(judged: Judged, message: dict[str, Any]) -> str:
    payload = judged.exchange.case.payload
    given = payload.get("stop_sequences") if isinstance(payload, dict) else None
    if not isinstance(given, list) or not given:
        return "" if payload is ABSENT else "the request gives no stop_sequences"
    if "stop_sequence" in message and message["stop_sequence"] not in given:
        return "stop_sequence names none of those that the request gives"
    return ""


def _by_tokens(judged: Judged, _message: dict[str, Any]) -> str:
    used, most = _used(judged), _most(judged)
    short = used is not None and most is not None and used < math.floor(most)
    return f"only {used:g} of {most:g} output tokens were used" if short else ""


def _by_tool(_judged: Judged, message: dict[str, Any]) -> str:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    called = any(isinstance(one, dict) and one.get("type") == "tool_use" for one in blocks)
    return "" if called else "no block of the answer is a tool_use"


_REASONS: Final = {"stop_sequence": _by_sequence, "max_tokens": _by_tokens, "tool_use": _by_tool}


def model(judged: Judged) -> Iterator[Found]:
    """The answer names the model that was asked, under any of its names: with dots or hyphens, with a date or without.

    The names seen are those of `claude-haiku-4-5-20251001`; the id that was asked for never comes back.
    """
    named = judged.message.get("model") if isinstance(judged.message, dict) else None
    wanted = _WORD.findall(judged.model_id.rpartition("/")[2].lower())
    if isinstance(named, str) and not _in_order(wanted, _WORD.findall(named.lower())):
        yield Found(f"answered as the model {named[:80]!r}, where {judged.model_id} was asked")


def _in_order(wanted: list[str], found: list[str]) -> bool:
    """Whether all words are found, in their order, whatever stands between them."""
    rest = iter(found)
    return all(word in rest for word in wanted)


def stream_shape(judged: Judged) -> Iterator[Found]:
    """A streamed answer, put together, has the shape of one that is not streamed.

    Keys that the response schema does not list are no difference: the recorded streams carry more figures of usage than
    the published schema allows, which makes that schema late.
    """
    for violation in judged.shape:
        yield Found(f"the streamed answer differs from an unstreamed one: {violation.message}", violation.constraint)
    unlike = list(_unlike(judged.message, judged.whole, ())) if judged.whole is not ABSENT else []
    if unlike:
        yield Found(f"the streamed answer differs from an unstreamed one: {'; '.join(unlike)}", cause="whole")


def listed(schema: Any, message: Any) -> Any:
    """A message with those of its keys alone that its schema lists; what is beyond it, no stream has to have."""
    known = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(message, dict) or not isinstance(known, dict):
        return ABSENT
    return {key: value for key, value in message.items() if key in known}


def _unlike(value: Any, whole: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    """Where a streamed message has not the keys or the types of a whole one; null is like anything and like nothing."""
    if value is None or whole is None:
        return
    kind, place = wire.json_type(whole), pointer.readable(path)
    if wire.json_type(value) != kind:
        yield f"{place} is {wire.json_type(value)} and not {kind}"
    elif kind == "object":
        told = {key: one for key, one in whole.items() if one is not None}
        yield from (f"{pointer.readable((*path, key))} is missing" for key in told if key not in value)
        for key in (one for one in told if one in value):
            yield from _unlike(value[key], told[key], (*path, key))
    elif kind == "array":
        blocks = {one["type"]: one for one in whole if isinstance(one, dict) and "type" in one}
        for number, one in enumerate(value):
            like = blocks.get(one.get("type")) if isinstance(one, dict) else None
            yield from _unlike(one, like, (*path, number))
    elif path == _MODEL and value != whole:
        yield f"{place} is {wire.describe(value)} and not {wire.describe(whole)}"


def slow_first_byte(judged: Judged) -> Iterator[Found]:
    """The first byte of an answer comes within the time given with `--max-ttfb`."""
    yield from _late("the first byte came", judged.exchange.ttfb, judged.terms.max_ttfb)


def slow_answer(judged: Judged) -> Iterator[Found]:
    """An answer is complete within the time given with `--max-total`."""
    yield from _late("the answer took", judged.exchange.elapsed, judged.terms.max_total)


def _late(what: str, seconds: float | None, most: float | None) -> Iterator[Found]:
    if seconds is not None and most is not None and seconds > most:
        yield Found(f"{what} {seconds:.2f} s after the request, where {most:g} s are allowed")


def credential_echoed(judged: Judged) -> Iterator[Found]:
    """No answer holds a credential of the request; the finding holds none either, because it was taken out."""
    if judged.exchange.echoed:
        yield Found("the answer holds a credential of the request (shown as REDACTED)")


def _used(judged: Judged) -> float | None:
    usage = judged.message.get("usage") if isinstance(judged.message, dict) else None
    return _number(usage.get("output_tokens")) if isinstance(usage, dict) else None


def _most(judged: Judged) -> float | None:
    payload = judged.exchange.case.payload
    return _number(payload.get("max_tokens")) if isinstance(payload, dict) else None


def _number(value: Any) -> float | None:
    """A finite number as a float; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
