"""The answers that the guard gives in the endpoint's place: what `predict` says of the request, and what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import rejections
from haiku_contract.guard import heads
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, PredictedOutcome

if TYPE_CHECKING:
    from haiku_contract.endpoint.surfaces import Surface
    from haiku_contract.model import Advice, Prediction, Violation
    from haiku_contract.prediction import RequestValidator

_BAD_REQUEST: Final = 400


class Answer(NamedTuple):
    """A response that the guard gives itself, in place of the endpoint."""

    status: int
    headers: dict[str, str]
    body: bytes


def rejection(surface: Surface, request: RequestValidator, violations: tuple[Violation, ...], payload: Any) -> Answer:
    """The gateway's answer to a request that does not conform.

    Args:
        surface: the wire form to answer in.
        request: the request side of the contract.
        violations: what is wrong; never empty.
        payload: the input; `ABSENT` where there is none.
    """
    first = violations[0]
    if heads.is_envelope(first):
        text = f"{rejections.PREFIX}Required value missing: {surface.key}"
    elif payload is ABSENT or first.constraint.startswith("wire:"):
        text = rejections.text(first, None, payload)
    else:
        predicted = request.predict(payload)
        text, first = predicted.message, _meant(predicted, violations)
    return _answer(surface, f"{text} [{first.constraint}] {first.hint}")


def refusal(surface: Surface, request: RequestValidator, advice: tuple[Advice, ...], payload: Any) -> Answer:
    """The provider's answer, passed on by the gateway, to a conforming request that breaks one of its rules.

    The words are those of the advice that `predict` names, so that they are as discreet as the advice; the first one's
    where no rule is sure enough to be predicted.
    """
    predicted = request.predict_upstream(payload)
    surely = predicted.outcome is PredictedOutcome.REJECTED_UPSTREAM
    first = next((one for one in advice if surely and one.rule == predicted.rule), advice[0])
    return _answer(surface, f"{rejections.PREFIX}{first.observed} [{first.rule}] {first.hint}")


def _meant(predicted: Prediction, violations: tuple[Violation, ...]) -> Violation:
    """The violation that a prediction is about: of the same constraint, and nearest to the place it names."""
    same = [one for one in violations if one.constraint == predicted.constraint] or list(violations)
    field = predicted.field or ""
    return next((one for one in same if one.instance_location == field), None) or next(
        (one for one in same if _within(one.instance_location, field) or _within(field, one.instance_location)), same[0]
    )


def _within(place: str, other: str) -> bool:
    return place.startswith(f"{other}/")


def _answer(surface: Surface, text: str) -> Answer:
    body = json.dumps(surface.error(_BAD_REQUEST, rejections.USER_INPUT_ERROR, text.rstrip()), ensure_ascii=False)
    headers = {"content-type": JSON_CONTENT_TYPE, "x-should-retry": "false", "x-haiku-contract": "guard"}
    return Answer(_BAD_REQUEST, headers, body.encode("utf-8"))
