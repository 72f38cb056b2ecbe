"""What the guard decides, without any I/O: which requests concern it, what is wrong, and what follows from that."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, get_args

from haiku_contract import wire
from haiku_contract.endpoint import surfaces
from haiku_contract.errors import ContractAdvice, ContractViolation, ContractWarning, UsageError
from haiku_contract.guard import answers, discretion, heads
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.surfaces import Asked, Surface
    from haiku_contract.guard.answers import Answer
    from haiku_contract.model import Advice
    from haiku_contract.stream import StreamError, StreamOutcome
    from haiku_contract.validation import SchemaValidator

RequestMode: TypeAlias = Literal["raise", "respond", "warn", "observe", "off"]
ResponseMode: TypeAlias = Literal["raise", "warn", "observe", "off"]
AdviceMode: TypeAlias = Literal["off", "warn", "raise"]
Direction: TypeAlias = Literal["request", "response"]

PROVIDER_HOSTS: Final = ("api.anthropic.com",)
"""Hosts that serve the same paths under another contract: the provider itself."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What the guard saw of one request or one response.

    Attributes:
        direction: `request` or `response`.
        surface: the wire form, by name.
        status: HTTP status of a response; None for a request.
        violations: what does not conform; empty when all is well. Without the payload's text unless asked for. Of an
            event stream the first 100, and what the protocol says of it alone: what the published response schema says
            of the message in it (`StreamValidator.deviations`) would take the whole message, and the guard keeps none.
        advice: rules of the provider that the request breaks; empty unless advice is on.
        complete: False for a response that was closed before its end.
        skipped: why a response was not looked at, as in `HTTP 302`; empty when it was.
        outcome: how an event stream ended: `complete`, `error`, `truncated`, or `open` where it was closed before its
            end; None for everything else.
        error: what the `error` event of a stream says, which may follow status 200; None where there was none. Its
            message is empty unless excerpts are asked for.
        further: how many violations there were beyond the first 100.
    """

    direction: Direction
    surface: str
    status: int | None = None
    violations: tuple[Violation, ...] = ()
    advice: tuple[Advice, ...] = ()
    complete: bool = True
    skipped: str = ""
    outcome: StreamOutcome | None = None
    error: StreamError | None = None
    further: int = 0


class Checked(NamedTuple):
    """A request that concerns the guard, after the check.

    Attributes:
        surface: the wire form.
        payload: the input; `ABSENT` where the body is not JSON, or holds none.
        answer: what to answer instead of sending it; None to send it.
    """

    surface: Surface
    payload: Any
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What to check and what to do about it; see `GuardTransport` for the meaning of each field."""

    contract: Contract
    request: RequestMode = "raise"
    response: ResponseMode = "warn"
    advice: AdviceMode = "off"
    surface: Surface | None = None
    hosts: Collection[str] | None = None
    observer: Callable[[Observation], None] | None = None
    excerpts: bool = False

    def __post_init__(self) -> None:
        for name, value, known in (
            ("request", self.request, get_args(RequestMode)),
            ("response", self.response, get_args(ResponseMode)),
            ("advice", self.advice, get_args(AdviceMode)),
        ):
            if value not in known:
                raise UsageError(f"no mode {name}={value!r}: choose one of {', '.join(known)}")

    def surface_of(self, asked: Asked) -> Surface | None:
        """The surface that a request is addressed to; None when it does not concern this contract."""
        if self.hosts is not None and asked.host not in self.hosts:
            return None
        if self.surface is not None:
            return self.surface if asked.method == "POST" else None
        if self.hosts is None and asked.host in PROVIDER_HOSTS:
            return None
        return surfaces.recognise(asked)

    def check_request(
        self, asked: Asked, surface: Surface, content_type: str, body: bytes | Violation
    ) -> Checked | None:
        """Hold a request against the contract and act on what is found; None when it is for another model.

        Args:
            asked: its head.
            surface: what it is addressed to.
            content_type: what the body is declared as.
            body: without its content coding; why not, where that cannot be taken off.

        Raises:
            ContractViolation: it does not conform, and the mode is `raise`.
            ContractAdvice: it breaks a rule of the provider, and advice is `raise`; with `respond` that is answered.
        """
        value, below = (ABSENT, (body,)) if isinstance(body, Violation) else wire.decode(body)
        if not self._is_ours(asked, surface, value, body):
            return None
        payload = surface.input(asked, value)
        if self.request == "off" and self.advice == "off":
            return Checked(surface, payload)
        if payload is ABSENT and value is not ABSENT:
            below = (*below, heads.envelope(surface.key, value))
        violations = self._request_violations(content_type, payload, below)
        advice = self._advice(payload) if self.advice != "off" and not violations else ()
        if self.observer is not None:
            self.notify(Observation("request", surface.name, violations=violations, advice=advice))
        if violations or advice:
            return Checked(surface, payload, self._follow(surface, payload, violations, advice))
        return Checked(surface, payload)

    def _follow(
        self, surface: Surface, payload: Any, violations: tuple[Violation, ...], advice: tuple[Advice, ...]
    ) -> Answer | None:
        """What follows from what is wrong with a request: an answer, an exception, a warning, or nothing."""
        request = self.contract.request
        if self.request == "respond" and violations:
            return answers.rejection(surface, request, violations, payload)
        if self.request == "respond" and self.advice == "raise":
            return answers.refusal(surface, request, advice, payload)
        self.act(self.request, violations, "request")
        self._act_on_advice(advice)
        return None

    def response_violations(self, status: int, body: bytes) -> tuple[Violation, ...]:
        """What is wrong with a whole JSON body: of a success by the response schema, else by the shapes of errors.

        An error is what its body says it is, or its status: errors at HTTP 200 are published observations.
        """
        value, below = wire.decode(body)
        if below:
            return self.discreet(below)
        if status < _ERRORS and not surfaces.is_error(value):
            validator: SchemaValidator | None = self.contract.response
            value = surfaces.message(value)
        else:
            validator = self.contract.error
        if validator is None or validator.engine.is_valid(value):
            return ()
        return tuple(validator.iter_errors(value, excerpts=self.excerpts))

    def _is_ours(self, asked: Asked, surface: Surface, value: Any, body: bytes | Violation) -> bool:
        """The request names this contract's model; where the body cannot be read, its bytes hold the name."""
        if surface.name == "bare":
            return True
        known = surfaces.aliases(surface, self.contract.model_id)
        if value is ABSENT:
            model = surface.model(asked, None)
            if model or isinstance(body, Violation):
                return model in known
            return any(name.encode() in body for name in known)
        model = surface.model(asked, value)
        return model is not None and any(model == name or model.startswith(name + "-20") for name in known)

    def _request_violations(
        self, content_type: str, payload: Any, below: tuple[Violation, ...]
    ) -> tuple[Violation, ...]:
        if content_type != JSON_CONTENT_TYPE and wire.media_type(content_type) != JSON_CONTENT_TYPE:
            below = (heads.request_type(content_type), *below)
        if payload is ABSENT or below:
            return self.discreet(below)
        if self.contract.request.engine.is_valid(payload):
            return ()
        return tuple(self.contract.request.iter_errors(payload, excerpts=self.excerpts))

    def discreet(self, violations: tuple[Violation, ...]) -> tuple[Violation, ...]:
        """The violations with nothing of the payload's values, unless those are asked for."""
        if self.excerpts or not violations:
            return violations
        return tuple(discretion.discreet(one) for one in violations)

    def _advice(self, payload: Any) -> tuple[Advice, ...]:
        if payload is ABSENT:
            return ()
        request = self.contract.request
        found = tuple(request.advise(payload))
        if self.excerpts or not found:
            return found
        observed = {rule.id: rule.observed for rule in request.rules}
        return tuple(discretion.discreet_advice(one, observed[one.rule]) for one in found)

    def notify(self, seen: Observation) -> None:
        """Tell the observer."""
        if self.observer is not None:
            self.observer(seen)

    def act(self, mode: str, violations: tuple[Violation, ...], direction: Direction) -> None:
        """Raise or warn, as the mode says.

        Raises:
            ContractViolation: there are violations, and the mode is `raise`.
        """
        if not violations:
            return
        if mode == "raise":
            raise ContractViolation(violations)
        if mode == "warn":
            for one in violations:
                warnings.warn(f"{direction} does not conform: {one}", ContractWarning, stacklevel=_TO_THE_CALLER)

    def _act_on_advice(self, advice: tuple[Advice, ...]) -> None:
        if advice and self.advice == "raise":
            raise ContractAdvice(advice)
        for one in advice:
            warnings.warn(f"request may be refused: {one.message}", ContractWarning, stacklevel=_TO_THE_CALLER)


_ERRORS: Final = 400
_TO_THE_CALLER: Final = 5
