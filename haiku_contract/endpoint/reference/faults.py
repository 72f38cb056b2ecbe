"""Ways in which the reference endpoint can misbehave, one at a time.

==========  ====================================================================================================
`lenient`   a request that breaks the constraint is accepted
`strict`    a request at the edge of what the constraint allows is rejected
`crash`     a request that breaks the constraint is answered with a 500
`broken`    the answers break the constraint of the response schema
`stream`    a faulted stream of the suite is sent in place of the stream that was asked for
`answer`    a request that should be accepted is refused (`refusals.ANSWERS`)
`delivery`  the answer gets lost or spoiled on its way (`reply.DELIVERIES`)
==========  ====================================================================================================

Each can depend on the request: `broken:response:/properties/id/type if /temperature=1` shows where the input has that
value at that JSON Pointer, `… if /system` where it has any. A fault that nobody could observe (a `type` beside an
`enum` of the same type, left out) is no fault and not listed. Strictness about a constraint that has no edge of its own
(a key that has to be there) allows no more than the simplest request has at that place.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from haiku_contract import pointer, wire
from haiku_contract.endpoint.reference.refusals import ANSWERS
from haiku_contract.endpoint.reference.reply import DELIVERIES
from haiku_contract.endpoint.reference.variants import loosened, tightened
from haiku_contract.errors import UsageError
from haiku_contract.generate import suite
from haiku_contract.generate.streams import stream_suite
from haiku_contract.model import ABSENT
from haiku_contract.prediction import RequestValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.reference.reply import Reply
    from haiku_contract.model import Case

FaultKind: TypeAlias = Literal["lenient", "strict", "crash", "broken", "stream", "answer", "delivery"]

_IF: Final = " if "
_REFUSED: Final = 400
_BREAKING: Final = "requests that break it"
_WHOLE: Final = "requests for a whole answer"
_STREAMS: Final = "requests for a stream"
_SHOWS: Final[dict[FaultKind, str]] = {
    "lenient": _BREAKING,
    "strict": "conforming requests at its edge",
    "crash": _BREAKING,
    "broken": _WHOLE,
    "stream": _STREAMS,
    "answer": "conforming requests",
    "delivery": "conforming requests",
}
"""On which requests a fault of each kind shows."""

_ONLY: Final[dict[tuple[FaultKind, str], str]] = {
    ("delivery", "error-event"): _STREAMS,
    ("delivery", "envelope"): _WHOLE,
}
"""The faults that show on fewer requests than their kind."""

_STREAM: Final = "stream/"


@dataclass(frozen=True, slots=True)
class EndpointFault:
    """One way to misbehave.

    Attributes:
        kind: what goes wrong.
        constraint: the id of the constraint or of the rule of the wire; for the last three kinds, the name.
        condition: on which requests, as `POINTER` or `POINTER=JSON`; on all where it is empty.
    """

    kind: FaultKind
    constraint: str
    condition: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.constraint}{self.condition and _IF}{self.condition}"

    @property
    def shows_on(self) -> str:
        """On which requests it shows, in words."""
        where = _ONLY.get((self.kind, self.constraint), _SHOWS[self.kind])
        return f"{where}, if {self.condition}" if self.condition else where

    def is_likely(self, right: Reply) -> bool:
        """Whether it may well show in place of an answer; it may all the same where this says no."""
        if right.status >= _REFUSED:
            return self.kind in {"lenient", "crash"}
        where = _ONLY.get((self.kind, self.constraint), _SHOWS[self.kind])
        return where not in {_BREAKING, _WHOLE if right.is_stream else _STREAMS}


@dataclass(frozen=True, slots=True)
class Conduct:
    """How the reference endpoint behaves.

    Attributes:
        contract: what it publishes.
        request: what it checks requests against.
        lenient: rules of the wire that it does not check.
        crash: id of the constraint whose violation crashes it.
        broken: id of the response constraint that its answers break.
        stream: what it sends for every stream; None for the stream that was asked for.
        answer: name of the refusal that it gives in place of an answer.
        delivery: name of what happens to its answers.
        condition: on which requests it behaves so, and flawlessly on all others.
    """

    contract: Contract
    request: RequestValidator
    lenient: str = ""
    crash: str = ""
    broken: str = ""
    stream: bytes | None = None
    answer: str = ""
    delivery: str = ""
    condition: str = ""

    def towards(self, payload: Any) -> Conduct:
        """The behaviour towards one request."""
        return self if _holds(self.condition, payload) else conduct(self.contract)


class Repertoire:
    """All faults of one contract; each list is worked out when it is first asked for, and kept."""

    def __init__(self, contract: Contract) -> None:
        """Args: the contract that is to be broken."""
        self.contract = contract

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """The requests of the suite."""
        return suite(self.contract, "request")

    @cached_property
    def about(self) -> tuple[EndpointFault, ...]:
        """The faults that are about a constraint."""
        return catalogue(self.contract, self.cases)

    @cached_property
    def streams(self) -> dict[str, bytes]:
        """The faulted streams of the suite, by name."""
        cases = (case for case in stream_suite(self.contract) if case.kind == "faulted")
        return {case.id.removeprefix(_STREAM): case.body for case in cases}

    def everything(self, kind: str | None = None) -> tuple[EndpointFault, ...]:
        """Every fault, or every one of a kind."""
        if kind is None:
            named = (fault for faults in _NAMED.values() for fault in faults(self))
            return (*self.about, *named)
        return tuple(_NAMED[kind](self)) if kind in _NAMED else tuple(one for one in self.about if one.kind == kind)

    def parse(self, text: str) -> EndpointFault:
        """The fault that a text names, as in `lenient:request:/properties/temperature/maximum`.

        Raises:
            UsageError: there is no such fault; the message names the nearest one.
        """
        name, _, condition = text.partition(_IF)
        kind, _, constraint = name.partition(":")
        if kind not in get_args(FaultKind):
            raise UsageError(f"no fault {text!r}: it starts with one of {', '.join(get_args(FaultKind))}, then ':'")
        if condition and not _can_hold(condition):
            raise UsageError(f"no fault {text!r}: what follows 'if' is a JSON Pointer, or POINTER=JSON")
        known = {str(fault): fault for fault in self.everything(kind)}
        if name in known:
            return replace(known[name], condition=condition)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0)
        hint = f"the nearest is {near[0]!r}" if near else "this contract has none"
        reason = f"no such {kind}" if kind in _NAMED else f"{constraint!r} cannot be {kind} observably"
        raise UsageError(f"no fault {text!r}: {reason}; {hint}")

    def conduct(self, fault: EndpointFault | None = None) -> Conduct:
        """The behaviour under a fault; flawless without one."""
        flawless = Conduct(self.contract, self.contract.request)
        if fault is None:
            return flawless
        return replace(_CONDUCTS[fault.kind](self, flawless, fault.constraint), condition=fault.condition)


def conduct(contract: Contract, fault: EndpointFault | None = None) -> Conduct:
    """The behaviour under a fault; flawless without one."""
    return Repertoire(contract).conduct(fault)


def parse(contract: Contract, text: str) -> EndpointFault:
    """The fault that a text names.

    Raises:
        UsageError: there is no such fault; the message names the nearest one.
    """
    return Repertoire(contract).parse(text)


def catalogue(contract: Contract, cases: Sequence[Case] = ()) -> tuple[EndpointFault, ...]:
    """Every fault that is about a constraint and shows in the behaviour, in the order of the constraints.

    `cases` are the requests of the suite, for whoever has them already.
    """
    cases = cases or suite(contract, "request")
    found: list[EndpointFault] = []
    for constraint in contract.request.constraints:
        if constraint.violable and _accepts(_reading(contract, loosened(contract, constraint)), cases):
            found.append(EndpointFault("lenient", constraint.id))
        if constraint.reachable and tightened(contract, constraint, cases) is not contract.request.schema:
            found.append(EndpointFault("strict", constraint.id))
        if constraint.violable:
            found.append(EndpointFault("crash", constraint.id))
    for rule in wire.BYTES_RULES:
        found += [EndpointFault("lenient", f"wire:{rule}"), EndpointFault("crash", f"wire:{rule}")]
    found += [EndpointFault("broken", one.id) for one in contract.response.constraints if one.violable]
    return tuple(found)


def _lenient(_all: Repertoire, flawless: Conduct, name: str) -> Conduct:
    constraint = flawless.request.constraint(name)
    if constraint is None:  # a rule of the wire
        return replace(flawless, lenient=name)
    return replace(flawless, request=_reading(flawless.contract, loosened(flawless.contract, constraint)))


def _strict(everything: Repertoire, flawless: Conduct, name: str) -> Conduct:
    constraint = flawless.request.constraint(name)
    if constraint is None:
        raise UsageError(f"no constraint {name!r} to be strict about")
    schema = tightened(flawless.contract, constraint, everything.cases)
    return replace(flawless, request=_reading(flawless.contract, schema))


_CONDUCTS: Final[dict[FaultKind, Callable[[Repertoire, Conduct, str], Conduct]]] = {
    "lenient": _lenient,
    "strict": _strict,
    "crash": lambda _all, flawless, name: replace(flawless, crash=name),
    "broken": lambda _all, flawless, name: replace(flawless, broken=name),
    "stream": lambda everything, flawless, name: replace(flawless, stream=everything.streams[name]),
    "answer": lambda _all, flawless, name: replace(flawless, answer=name),
    "delivery": lambda _all, flawless, name: replace(flawless, delivery=name),
}
"""What each kind of fault changes in a flawless behaviour."""

_NAMED: Final[dict[str, Callable[[Repertoire], Iterable[EndpointFault]]]] = {
    "stream": lambda everything: (EndpointFault("stream", name) for name in everything.streams),
    "answer": lambda _all: (EndpointFault("answer", name) for name in ANSWERS),
    "delivery": lambda _all: (EndpointFault("delivery", name) for name in DELIVERIES),
}
"""The faults that are about no constraint, by kind."""


def _holds(condition: str, payload: Any) -> bool:
    """Whether the input has the value at the place; one that could not be read has nothing."""
    if not condition:
        return True
    place, equals, text = condition.partition("=")
    for token in pointer.split(place):
        try:
            payload = pointer.step(payload, token)
        except (KeyError, IndexError, ValueError, TypeError):
            return False
    return payload is not ABSENT and (not equals or _is_same(payload, _value(text)))


def _is_same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _can_hold(condition: str) -> bool:
    """Whether a condition can be read at all."""
    place, _, text = condition.partition("=")
    try:
        pointer.split(place)
        _value(text)
    except (UsageError, RecursionError):
        return False
    return place.startswith("/")


def _value(text: str) -> Any:
    """JSON, or else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _reading(contract: Contract, schema: Any) -> RequestValidator:
    """Another request schema, read as the contract reads its own."""
    return RequestValidator(schema, assert_format=contract.request.assert_format)


def _accepts(validator: RequestValidator, cases: Sequence[Case]) -> bool:
    return any(case.kind == "faulted" and case.fault and validator.engine.is_valid(case.payload) for case in cases)
