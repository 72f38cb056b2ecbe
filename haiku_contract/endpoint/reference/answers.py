"""What the reference endpoint answers: a pure function from a request to a reply."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import messages, pointer, rejections, wire
from haiku_contract.endpoint.reference import events, manners, refusals, replies, scripts
from haiku_contract.endpoint.reference.pace import UNPACED, Pace
from haiku_contract.endpoint.reference.reply import DELIVERIES, Reply
from haiku_contract.endpoint.surfaces import SURFACES, Refusal, aliases
from haiku_contract.generate import suite
from haiku_contract.generate.conforming import simplest
from haiku_contract.generate.faults import certified
from haiku_contract.generate.routes import locations, routes, site_of
from haiku_contract.generate.stream_events import CONTENT_TYPE
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, PredictedOutcome

if TYPE_CHECKING:
    from haiku_contract.endpoint.reference.events import Profile
    from haiku_contract.endpoint.reference.faults import Conduct
    from haiku_contract.endpoint.reference.refusals import Refused
    from haiku_contract.endpoint.reference.scripts import Script
    from haiku_contract.endpoint.surfaces import Asked, Surface
    from haiku_contract.model import Violation

MAX_BODY: Final = 32 * 1024 * 1024
"""Bytes of a request, at most (32 MB, as published)."""

_OK: Final = 200
_CACHE: Final = "cf-aig-cache-status"


@dataclass(frozen=True, slots=True)
class Settings:
    """How the reference endpoint is set up, faults apart.

    Attributes:
        profile: what streams look like.
        script: answers that somebody wrote.
        pace: how fast answers come.
        seed: of everything that is left to chance.
        token: the one that credentials have to hold; any will do where it is empty.
        rules: whether the provider refuses what it is known to refuse although the schema allows it.
    """

    profile: Profile = "observed"
    script: Script = ()
    pace: Pace = UNPACED
    seed: int = 0
    token: str = ""
    rules: bool = False


PLAIN: Final = Settings()
"""Set up in no particular way."""


class Heard(NamedTuple):
    """What was understood of a request.

    Attributes:
        payload: the input; `ABSENT` where it could not be read.
        problems: what is wrong with the bytes and what they are declared as.
        refusal: what is wrong with the envelope; None where nothing is.
    """

    payload: Any
    problems: tuple[Violation, ...] = ()
    refusal: Refusal | None = None


def handle(
    behaviour: Conduct,
    surface: Surface,
    asked: Asked,
    body: bytes,
    settings: Settings = PLAIN,
) -> Reply:
    """Answer one request; a pure function of its arguments."""
    known = manners.ids(settings.seed, surface, body)
    name = "method" if asked.method != "POST" else manners.turned_away(asked, surface, settings.token)
    if name is not None:
        return refuse(surface, refusals.BEFORE[name], known, method=asked.method)
    heard = _understand(behaviour.contract.model_id, surface, asked, body)
    behaviour = behaviour.towards(heard.payload)
    refused = _rejection(behaviour, heard, settings)
    if refused is None and behaviour.answer:
        refused = refusals.answer(behaviour.answer, surface.name)
    if refused is not None:
        model = behaviour.contract.model_id
        bare = aliases(SURFACES["gateway"], model)[0]
        return refuse(surface, refused, known, path=asked.raw_path or asked.path, model=model, bare=bare)
    reply = _accepted(behaviour, surface, None if heard.payload is ABSENT else heard.payload, settings)
    reply = replace(reply, headers={**manners.headers(surface, known), **reply.headers})
    return DELIVERIES[behaviour.delivery](reply) if behaviour.delivery else reply


def refuse(surface: Surface, refused: Refused, known: manners.Ids, **words: str) -> Reply:
    """The reply of a refusal, in the form of the surface; `words` stand for the `{placeholders}` of its message."""
    for name, word in words.items():
        refused = replace(refused, message=refused.message.replace(f"{{{name}}}", word))
    body = manners.encode(manners.MANNERS[surface.name].error(refused, known))
    headers = manners.headers(surface, known)
    names = set(headers) - {_CACHE} if refused.known is None else set(refused.known)  # nothing was looked up
    told = {name: value for name, value in headers.items() if name in names}
    return Reply(refused.status, (body,), headers=told | dict(refused.headers))


def _understand(model_id: str, surface: Surface, asked: Asked, body: bytes) -> Heard:
    content_type = asked.headers.get("content-type", "")
    is_json = wire.media_type(content_type) == JSON_CONTENT_TYPE
    declared = () if is_json else (wire.violation("content-type", (), content_type[:40] or "none"),)
    value, below = wire.decode(body)
    if value is ABSENT:
        return Heard(ABSENT, (*declared, *below))
    try:
        return Heard(surface.unwrap(asked, value, model_id), (*declared, *below))
    except Refusal as refusal:
        return Heard(ABSENT, (*declared, *below), refusal)


def _rejection(behaviour: Conduct, heard: Heard, settings: Settings) -> Refused | None:
    """Why a request is not passed on to the model; None where it is."""
    found = [one for one in heard.problems if one.constraint != behaviour.lenient]
    if found:
        crashes = behaviour.crash in messages.broken(found)
        return _refused(rejections.text(found[0], None, heard.payload), crashes=crashes)
    if heard.refusal is not None:
        return refusals.Refused(heard.refusal.status, heard.refusal.code, heard.refusal.message)
    if heard.payload is ABSENT:
        return None  # lenient towards bytes that hold no value at all
    if behaviour.request.engine.is_valid(heard.payload):
        return _upstream(behaviour, heard.payload) if settings.rules else None
    crashes = behaviour.crash != "" and behaviour.crash in behaviour.request.broken(heard.payload)
    return _refused(behaviour.request.predict(heard.payload).message, crashes=crashes)


def _refused(text: str, *, crashes: bool) -> Refused:
    return refusals.BEFORE["crashed"] if crashes else refusals.Refused(400, rejections.USER_INPUT_ERROR, text)


def _upstream(behaviour: Conduct, payload: Any) -> Refused | None:
    """What the provider refuses although the schema allows it."""
    predicted = behaviour.contract.request.predict_upstream(payload)
    if predicted.outcome is PredictedOutcome.ACCEPTED:
        return None
    return refusals.of_provider(predicted.status, predicted.error_type, predicted.message)


def _accepted(behaviour: Conduct, surface: Surface, payload: Any, settings: Settings) -> Reply:
    asks = isinstance(payload, dict) and payload.get("stream") is True
    streamed = asks and behaviour.contract.stream is not None
    if streamed and behaviour.stream is not None:
        return _streamed(events.chunks(behaviour.stream))
    written = scripts.answer(settings.script, payload, streamed=streamed, profile=settings.profile, seed=settings.seed)
    if written is not None:
        return _in_envelope(surface, written)
    answer = _answer(behaviour, payload, settings)
    if streamed:
        # What can be broken is the response schema, which a stream is not held against.
        return _streamed(tuple(events.stream(_message(payload, settings), settings.profile)))
    return _in_envelope(surface, Reply(_OK, (manners.encode(answer),), tokens=(replies.length(answer),)))


def _streamed(chunks: tuple[events.Chunk, ...]) -> Reply:
    return Reply(_OK, tuple(one.data for one in chunks), CONTENT_TYPE, {}, tuple(one.tokens for one in chunks))


def _in_envelope(surface: Surface, reply: Reply) -> Reply:
    """The reply with its message in the envelope of the surface."""
    if reply.status != _OK or reply.is_stream:
        return reply
    before, after = manners.encode(manners.MANNERS[surface.name].success("")).split(b'""')
    return replace(reply, chunks=(before + b"".join(reply.chunks) + after,))


def _message(payload: Any, settings: Settings) -> dict[str, Any]:
    return replies.message(payload, settings.seed, profile=settings.profile)


def _answer(behaviour: Conduct, payload: Any, settings: Settings) -> Any:
    response = behaviour.contract.response
    answer: Any = _message(payload, settings)
    if not response.engine.is_valid(answer):
        answer = simplest(response.schema)
    return _break(behaviour, answer) if behaviour.broken else answer


def _break(behaviour: Conduct, answer: Any) -> Any:
    """The answer with one fault of the constraint in it; a case of the suite where the answer does not reach it."""
    response = behaviour.contract.response
    constraint = response.constraint(behaviour.broken)
    if constraint is not None:
        route = routes(response.schema)[site_of(constraint)]
        for path in locations(route, response.schema, answer):
            schema = pointer.get(response.schema, pointer.split(site_of(constraint)))
            for one in certified(response, constraint, schema, answer, path):
                return one.payload
    cases = suite(behaviour.contract, "response")
    return next(case.payload for case in cases if case.constraint == behaviour.broken and case.kind == "faulted")
