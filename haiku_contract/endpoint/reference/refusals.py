"""What the endpoint says when it does not answer: one row per refusal, as published.

The gateway's own refusals have a code; those of the provider behind it have a type, and reach a client in the
provider's words on the surfaces that pass them on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from haiku_contract import rejections

_RETRY: Final = (("retry-after", "1"),)
_USER: Final = "User Input Error"
_ABOUT: Final = (400, 413)
"""The statuses with which the provider says that something is wrong with the request."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One refusal.

    Attributes:
        status: HTTP status.
        code: the gateway's code.
        message: the words.
        description: what the Worker binding makes its exception of.
        provider: the provider's type of error, where the refusal is the provider's own; empty otherwise.
        headers: what comes with it.
        http_code: the status that the body tells, where it is published with another one than it came with.
        known: names of the gateway's headers that it is published with; those of the surface where it is None.
        brief: whether the gateway's body is published without a description and the id of the request.
    """

    status: int
    code: int
    message: str
    description: str = _USER
    provider: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    http_code: int | None = None
    known: tuple[str, ...] | None = None
    brief: bool = False

    @property
    def text(self) -> str:
        """The words of the gateway, which puts its own in front of the provider's about the request."""
        return f"{rejections.PREFIX}{self.message}" if self.provider and self.status in _ABOUT else self.message


def of_provider(status: int, kind: str, message: str, *more: tuple[str, str]) -> Refused:
    """A refusal of the provider's own; the code with which the gateway passes it on is inferred."""
    description = _USER if status in _ABOUT else message
    return Refused(status, rejections.USER_INPUT_ERROR, message, description, provider=kind, headers=more)


BEFORE: Final[dict[str, Refused]] = {
    "method": Refused(405, 7001, "{method} not supported for requested URI.", known=()),
    "route": Refused(404, 7003, "Could not route to {path}, perhaps your object identifier is invalid?", known=()),
    "unauthorised": Refused(401, 10000, "Authentication error", "Authentication error", known=()),
    "gateway-unauthorised": Refused(401, 2009, "Unauthorized", "Unauthorized", http_code=400, known=()),
    "no-version": of_provider(400, "invalid_request_error", "anthropic-version: header is required"),
    "too-large": of_provider(413, "request_too_large", "Request exceeds the maximum size"),
    "too-slow": Refused(408, 7003, "The body of the request did not arrive in time", known=()),
    "crashed": Refused(500, 10000, "Internal error", "Internal error"),
}
"""What becomes of requests that never reach the model, by name."""

ANSWERS: Final[dict[str, Refused]] = {
    "throttled": Refused(429, 2003, "Rate limited", "Rate limited", headers=_RETRY),
    "throttled-with-200": Refused(
        200, 7003, "Wholesale rate limit exceeded for this gateway. Please reduce request rate or use BYOK."
    ),
    "credits": Refused(
        402,
        2021,
        "Insufficient balance; add money to your gateway or use BYOK",
        "Insufficient AI Gateway credits",
        known=("cf-aig-event-id", "cf-aig-request-id"),
    ),
    "spend-limit": Refused(
        429,
        2045,
        "Spend limit exceeded: rule 'per-user' (cost limit 0.002 per 3600s, fixed) for anthropic claude-haiku-4-5",
        "Spend limit exceeded",
        known=("cf-aig-event-id", "cf-aig-log-id", "cf-aig-request-id", "cf-aig-step"),
    ),
    "guardrails": Refused(422, 2017, "Prompt blocked due to security configurations", "Prompt blocked"),
    "data-loss-prevention": Refused(422, 2029, "Request content blocked due to DLP policy violations", "DLP"),
    "data-loss-prevention-of-answer": Refused(
        422, 2030, "Response content blocked due to DLP policy violations", "DLP"
    ),
    "no-credential": Refused(
        400,
        2040,
        "Provider 'anthropic' has no BYOK credential named 'example'. Configured aliases: 'other'",
        brief=True,
    ),
    "unauthorised": BEFORE["unauthorised"],
    "gateway-unauthorised": BEFORE["gateway-unauthorised"],
    "no-gateway": Refused(400, 2001, "Please configure AI Gateway in the Cloudflare dashboard", "No such gateway"),
    "model-not-found": Refused(404, 7003, "Model not found: {model}"),
    "no-route": BEFORE["route"],
    "invalid-request": of_provider(
        400,
        "invalid_request_error",
        "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
    ),
    "provider-unauthorised": of_provider(401, "authentication_error", "invalid x-api-key"),
    "provider-not-found": of_provider(404, "not_found_error", "model: {bare}"),
    "permission": of_provider(403, "permission_error", "Your API key does not have permission to use this model."),
    "too-large": BEFORE["too-large"],
    "provider-throttled": of_provider(
        429, "rate_limit_error", "Number of request tokens has exceeded your per-minute rate limit", *_RETRY
    ),
    "provider-crashed": of_provider(500, "api_error", "Internal server error"),
    "provider-timeout": of_provider(504, "timeout_error", "Request timed out"),
    "overloaded": of_provider(529, "overloaded_error", "Overloaded"),
    "outage": Refused(503, 10000, "Service unavailable", "Service unavailable"),
}
"""What can be asked for in place of an answer, by name."""

ELSEWHERE: Final[dict[tuple[str, str], Refused]] = {
    ("credits", "gateway"): Refused(
        402,
        2021,
        "Insufficient wholesale credits. Please add additional credits on the AI Gateway Cloudflare dashboard to "
        "continue using provider models.",
        "Insufficient AI Gateway credits",
        known=("cf-aig-log-id", "cf-aig-step"),
    ),
    ("unauthorised", "gateway"): BEFORE["gateway-unauthorised"],
}
"""Refusals that a surface words in its own way, by name and surface."""


def answer(name: str, surface: str) -> Refused:
    """The refusal of that name, as a surface words it."""
    return ELSEWHERE.get((name, surface)) or ANSWERS[name]
