"""The reference endpoint as an ASGI application: HTTP on the outside, the pure `handle` inside."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import messages, pointer, rejections, wire
from haiku_contract.endpoint.reference import replies
from haiku_contract.endpoint.reference.faults import Conduct, EndpointFault, conduct
from haiku_contract.endpoint.surfaces import Asked, Refusal, Surface, named, rest_error
from haiku_contract.errors import MissingExtraError
from haiku_contract.generate import suite
from haiku_contract.generate.conforming import simplest
from haiku_contract.generate.faults import certified
from haiku_contract.generate.routes import locations, routes, site_of
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE, Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.applications import Starlette

    from haiku_contract.contract import Contract

SERVED: Final = ("bare", "messages")
"""The surfaces that the reference endpoint answers on."""

EVENT_STREAM: Final = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, before it becomes HTTP; `chunks` are sent one by one."""

    status: int
    chunks: tuple[bytes, ...]
    content_type: str = JSON_CONTENT_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def handle(behaviour: Conduct, surface: Surface, asked: Asked, body: bytes) -> Reply:
    """Answer one request; a pure function of its arguments."""
    if asked.method != "POST":
        return _error(405, 7001, f"{asked.method} not supported for requested URI.")
    found, payload = _problems(behaviour, surface, asked, body)
    if isinstance(found, Refusal):
        return _error(found.status, found.code, found.message)
    if found:
        if behaviour.crash and behaviour.crash in messages.broken(found):
            return _error(500, 10000, "Internal error")
        constraint = behaviour.request.constraint(found[0].constraint)
        return _error(400, rejections.USER_INPUT_ERROR, rejections.text(found[0], constraint, payload))
    if isinstance(payload, dict) and payload.get("stream") is True and behaviour.contract.stream is not None:
        # What can be broken is the response schema, which a stream is not held against.
        return Reply(200, tuple(replies.stream(replies.message(payload))), EVENT_STREAM)
    answer = _answer(behaviour, payload)
    return Reply(200, (wire.encode(answer),))


def create_app(contract: Contract, fault: EndpointFault | None = None) -> Starlette:
    """The reference endpoint for a contract.

    Every surface answers at its own path, and the `bare` one at `/`.

    Args:
        contract: what is enforced and answered.
        fault: one way to misbehave; none when absent.

    Raises:
        MissingExtraError: starlette is not installed.
    """
    try:
        from starlette.applications import Starlette  # noqa: PLC0415 - an optional part
        from starlette.responses import Response, StreamingResponse  # noqa: PLC0415 - an optional part
        from starlette.routing import Route  # noqa: PLC0415 - an optional part
    except ImportError:
        raise MissingExtraError("fuzz") from None
    behaviour = conduct(contract, fault)

    def endpoint(surface: Surface) -> Any:
        async def answer(request: Any) -> Response:
            body = await request.body()
            headers = {name.lower(): value for name, value in request.headers.items()}
            asked = Asked(request.method, request.url.hostname or "", request.url.path, headers)
            reply = handle(behaviour, surface, asked, body)
            headers = {**reply.headers, "content-type": reply.content_type}
            if len(reply.chunks) == 1:
                return Response(reply.chunks[0], reply.status, headers)
            return StreamingResponse(_chunks(reply), reply.status, headers)

        return answer

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return Starlette(
        routes=[Route(surface.path or "/", endpoint(surface), methods=methods) for surface in map(named, SERVED)]
    )


async def _chunks(reply: Reply) -> Any:
    for chunk in reply.chunks:
        yield chunk


def _problems(behaviour: Conduct, surface: Surface, asked: Asked, body: bytes) -> tuple[list[Violation] | Refusal, Any]:
    """What the endpoint finds wrong, and the input it found."""
    found: list[Violation] = []
    content_type = asked.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != JSON_CONTENT_TYPE:
        found.append(wire.violation("content-type", (), content_type[:40] or "none"))
    decoded = wire.decode(body)
    found += decoded.violations
    found = [one for one in found if one.constraint != behaviour.lenient]
    if decoded.value is ABSENT or found:
        return found, None
    try:
        payload = surface.unwrap(asked, decoded.value, behaviour.contract.model_id)
    except Refusal as refusal:
        return refusal, None
    return list(behaviour.request.iter_errors(payload)), payload


def _answer(behaviour: Conduct, payload: Any) -> Any:
    response = behaviour.contract.response
    answer: Any = replies.message(payload)
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


def _error(status: int, code: int, message: str) -> Reply:
    return Reply(status, (json.dumps(rest_error(status, code, message), ensure_ascii=False).encode("utf-8"),))
