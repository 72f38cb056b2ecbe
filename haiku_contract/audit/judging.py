"""One recorded exchange against a contract: what was sent, and what came back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit

import httpx

from haiku_contract import wire
from haiku_contract.endpoint import surfaces
from haiku_contract.endpoint.surfaces import Asked
from haiku_contract.guard import heads
from haiku_contract.guard.coding import undone
from haiku_contract.guard.policy import Checked, Observation, Policy
from haiku_contract.guard.watch import Head, watcher
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, Violation
from haiku_contract.stream import StreamValidator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.audit.reading import Recorded
    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.cassette import Headers
    from haiku_contract.endpoint.surfaces import Surface

Side: TypeAlias = Literal["request", "response"]

_MOST: Final = 100  # violations of one half of an exchange
_EVENTS: Final = (b"event:", b"data:", b":", b"id:", b"retry:")


class Found(NamedTuple):
    """A violation in recorded traffic, and in which half of the exchange."""

    side: Side
    violation: Violation


@dataclass(frozen=True, slots=True)
class Audited:
    """One exchange that was held against the contract.

    Attributes:
        file: where it was found.
        line: where it begins in it; None where that is not known.
        number: which of the exchanges in the file it is, from 1 on.
        surface: its wire form.
        status: HTTP status of the response.
        found: what does not conform, of the request first; of either half the first 100.
        further: how many violations there were beyond these.
        deviations: what the response schema, which is published for whole messages, says of the message in a stream;
            none of that is a violation of the stream.
        skipped: why the response was not looked at; empty when it was.
    """

    file: str
    line: int | None
    number: int
    surface: str
    status: int
    found: tuple[Found, ...] = ()
    further: int = 0
    deviations: tuple[Violation, ...] = ()
    skipped: str = ""


def judge(contract: Contract, recorded: Recorded, *, any_model: bool = False) -> Audited | None:
    """Hold an exchange against a contract; None when it does not concern it.

    It does when its address or the recording tells the wire form, and the model asked for is the contract's, under
    any of its names and with any date.

    Args:
        contract: the contract.
        recorded: the exchange.
        any_model: whether exchanges with other models count, too: many share the form of their messages.
    """
    one = recorded.interaction
    asked = _asked(recorded)
    surface = surfaces.recognise(asked) or _told(recorded, asked)
    if surface is None:
        return None
    body = _plain(one.request_headers, one.request.read())
    value, below = (ABSENT, (body,)) if isinstance(body, Violation) else wire.decode(body)
    asked_for = surface.model(asked, value) or recorded.model
    if not (_is_named(contract, asked_for, body) or (any_model and asked_for)):
        return None
    payload = surface.input(asked, value)
    if surface.name == "bare" and isinstance(payload, dict) and "model" in payload and payload["model"] == asked_for:
        payload = {key: inner for key, inner in payload.items() if key != "model"}
    sent = list(_of_request(contract, one.request_headers, payload, below))
    if payload is ABSENT and value is not ABSENT:
        sent.append(heads.envelope(surface.key, value))
    seen = _of_response(contract, recorded, surface, payload)
    halves: tuple[tuple[Side, Sequence[Violation]], ...] = (("request", sent), ("response", seen.violations))
    return Audited(
        recorded.file,
        recorded.line,
        recorded.number,
        surface.name,
        one.status,
        tuple(Found(side, each) for side, half in halves for each in half[:_MOST]),
        seen.further + sum(len(half[_MOST:]) for _, half in halves),
        () if seen.outcome is None else _deviations(contract, recorded, payload),
        seen.skipped,
    )


def _deviations(contract: Contract, recorded: Recorded, payload: Any) -> tuple[Violation, ...]:
    """What the response schema says of the message that a stream carried."""
    body = _plain(recorded.interaction.response_headers, recorded.interaction.response.read())
    if isinstance(body, Violation):
        return ()
    stream = StreamValidator(contract, request=payload)
    stream.feed(body)
    stream.finish()
    return stream.deviations[:_MOST]


def _asked(recorded: Recorded) -> Asked:
    one = recorded.interaction
    try:
        parts = urlsplit(one.url)
        host, path = parts.hostname or "", unquote(parts.path)
    except ValueError:  # an address that is none: at least it tells no wire form
        host, path = "", ""
    return Asked(one.method, host, path, {name.lower(): text for name, text in one.request_headers})


def _told(recorded: Recorded, asked: Asked) -> Surface | None:
    """The wire form where the address does not tell it: the one that the recording names, or else the bare input."""
    if asked.method != "POST" or (recorded.surface is None and recorded.model is None):
        return None
    return surfaces.SURFACES.get(recorded.surface or "bare")


def _is_named(contract: Contract, model: str | None, body: bytes | Violation) -> bool:
    names = {name for one in surfaces.SURFACES.values() for name in surfaces.aliases(one, contract.model_id)}
    if model is None:  # a body that cannot be read can still hold the name
        return isinstance(body, bytes) and wire.decode(body).value is ABSENT and any(n.encode() in body for n in names)
    return any(model == name or model.startswith(f"{name}-20") for name in names)


def _plain(headers: Headers, body: bytes) -> bytes | Violation:
    codings = _header(headers, "content-encoding")
    return undone(httpx, codings, body) if codings else body


def _of_request(
    contract: Contract, headers: Headers, payload: Any, below: tuple[Violation, ...]
) -> tuple[Violation, ...]:
    declared = _header(headers, "content-type")
    if declared and wire.media_type(declared) != JSON_CONTENT_TYPE:
        below = (heads.request_type(declared), *below)
    return below if below or payload is ABSENT else tuple(contract.request.iter_errors(payload))


def _of_response(contract: Contract, recorded: Recorded, surface: Surface, payload: Any) -> Observation:
    """What the guard sees of the response."""
    one = recorded.interaction
    if not recorded.answered:
        return Observation("response", surface.name, one.status, skipped="nothing of it was recorded")
    body = one.response.read()
    seen: list[Observation] = []
    policy = Policy(contract, response="observe", observer=seen.append, excerpts=True)
    declared = _header(one.response_headers, "content-type") or _guessed(body)
    head = Head(one.status, declared, _header(one.response_headers, "content-encoding"))
    watching = watcher(policy, Checked(surface, payload), head, httpx)
    if watching is not None:
        watching.feed(body)
        if one.error:  # the connection was lost, which is no fault of what was said until then
            watching.abandon()
        else:
            watching.finish()
    return seen[-1]


def _guessed(body: bytes) -> str:
    """What a body is whose recording does not say it."""
    return "text/event-stream" if body.lstrip().startswith(_EVENTS) else JSON_CONTENT_TYPE


def _header(headers: Headers, wanted: str) -> str:
    return ", ".join(value for name, value in headers if name.lower() == wanted)
