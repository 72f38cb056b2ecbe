"""What the guard decides, without any I/O: which requests concern it, what is wrong, and what follows from that."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, get_args

from haiku_contract import rejections, wire
from haiku_contract.endpoint import surfaces
from haiku_contract.errors import ContractAdvice, ContractViolation, ContractWarning, UsageError
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.surfaces import Asked, Surface
    from haiku_contract.model import Advice, Violation
    from haiku_contract.stream import StreamError, StreamOutcome

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
        outcome: how an event stream ended: `complete`, `error`, `truncated`, or `open` where it was closed before its
            end; None for everything else.
        error: what the `error` event of a stream says, which may follow status 200; None where there was none.
        further: how many violations there were beyond the first 100.
    """

    direction: Direction
    surface: str
    status: int | None = None
    violations: tuple[Violation, ...] = ()
    advice: tuple[Advice, ...] = ()
    complete: bool = True
    outcome: StreamOutcome | None = None
    error: StreamError | None = None
    further: int = 0


class Answer(NamedTuple):
    """A response that the guard gives itself, in place of the endpoint."""

    status: int
    headers: dict[str, str]
    body: bytes


class Checked(NamedTuple):
    """A request that concerns the guard, after the check.

    Attributes:
        surface: the wire form.
        payload: the input; `ABSENT` where the body is not JSON.
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

    def check_request(self, asked: Asked, surface: Surface, content_type: str, body: bytes) -> Checked | None:
        """Hold a request against the contract and act on what is found; None when it is for another model.

        Raises:
            ContractViolation: it does not conform, and the mode is `raise`.
            ContractAdvice: it breaks a rule of the provider, and advice is `raise`.
        """
        value, below = wire.decode(body)
        if not self._is_ours(asked, surface, value, body):
            return None
        payload = surface.input(asked, value) if value is not ABSENT else ABSENT
        if self.request == "off" and self.advice == "off":
            return Checked(surface, payload)
        violations = self._request_violations(content_type, payload, below)
        advice = self._advice(payload) if not violations else ()
        if self.observer is not None:
            self.notify(Observation("request", surface.name, violations=violations, advice=advice))
        if not violations and not advice:
            return Checked(surface, payload)
        if violations and self.request == "respond":
            return Checked(surface, payload, self._answer(surface, violations[0], payload))
        self.act(self.request, violations, "request")
        self._act_on_advice(advice)
        return Checked(surface, payload)

    def response_violations(self, status: int, body: bytes) -> tuple[Violation, ...]:
        """What is wrong with a whole JSON body: of a success by the response schema, else by the shapes of errors."""
        value, below = wire.decode(body)
        if below:
            return self._discreet(below)
        validator = self.contract.response if status < _ERRORS else self.contract.error
        message = surfaces.message(value) if status < _ERRORS else value
        if validator is None or validator.engine.is_valid(message):
            return ()
        return tuple(validator.iter_errors(message, excerpts=self.excerpts))

    def _is_ours(self, asked: Asked, surface: Surface, value: Any, body: bytes) -> bool:
        """The request names this contract's model; where the body cannot be read, its bytes hold the name."""
        if surface.name == "bare":
            return True
        known = surfaces.aliases(surface, self.contract.model_id)
        if value is ABSENT:
            model = surface.model(asked, None)
            return model in known if model else any(name.encode() in body for name in known)
        model = surface.model(asked, value)
        return model is not None and any(model == name or model.startswith(name + "-20") for name in known)

    def _request_violations(
        self, content_type: str, payload: Any, below: tuple[Violation, ...]
    ) -> tuple[Violation, ...]:
        if content_type != JSON_CONTENT_TYPE and content_type.partition(";")[0].strip().lower() != JSON_CONTENT_TYPE:
            below = (wire.violation("content-type", (), content_type), *below)
        if payload is ABSENT or below:
            return self._discreet(below)
        if self.contract.request.engine.is_valid(payload):
            return ()
        return tuple(self.contract.request.iter_errors(payload, excerpts=self.excerpts))

    def _discreet(self, below: tuple[Violation, ...]) -> tuple[Violation, ...]:
        """Faults below JSON quote the text where it goes wrong; without excerpts the place has to do."""
        if self.excerpts:
            return below
        return tuple(
            replace(one, actual="something else", message=one.message.partition(", found ")[0])
            if one.constraint != "wire:content-type"
            else one
            for one in below
        )

    def _advice(self, payload: Any) -> tuple[Advice, ...]:
        if self.advice == "off" or payload is ABSENT:
            return ()
        return tuple(self.contract.request.advise(payload))

    def _answer(self, surface: Surface, violation: Violation, payload: Any) -> Answer:
        """The 400 that the endpoint would give, with what to do added."""
        constraint = self.contract.request.constraint(violation.constraint)
        text = rejections.text(violation, constraint, payload)
        text = f"{text} [{violation.constraint}] {violation.hint}".rstrip()
        body = json.dumps(surface.error(_BAD_REQUEST, rejections.USER_INPUT_ERROR, text), ensure_ascii=False)
        headers = {"content-type": JSON_CONTENT_TYPE, "x-should-retry": "false", "x-haiku-contract": "guard"}
        return Answer(_BAD_REQUEST, headers, body.encode("utf-8"))

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


_BAD_REQUEST: Final = 400
_ERRORS: Final = 400
_TO_THE_CALLER: Final = 5
