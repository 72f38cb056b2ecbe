"""The reference endpoint as an ASGI application: HTTP on the outside, the pure `handle` inside.

Nothing here knows a server or a framework: `haiku_contract.cli.serve` runs it under uvicorn, a test passes it to
`httpx.ASGITransport`.
"""

from __future__ import annotations

import asyncio
import re
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import httpx

from haiku_contract.endpoint.reference import manners, refusals
from haiku_contract.endpoint.reference.answers import MAX_BODY, PLAIN, Settings, handle, refuse
from haiku_contract.endpoint.reference.faults import Conduct, EndpointFault, Repertoire
from haiku_contract.endpoint.reference.pace import schedule
from haiku_contract.endpoint.reference.reply import BODILESS
from haiku_contract.endpoint.surfaces import SURFACES, Asked
from haiku_contract.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.reference.reply import Reply
    from haiku_contract.endpoint.surfaces import Surface

    Message: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[Message]]
    Send: TypeAlias = Callable[[Message], Awaitable[None]]

SERVED: Final = tuple(SURFACES)
"""The surfaces that the reference endpoint answers on."""

FAULT_HEADER: Final = "x-haiku-fault"
"""The request header that names a fault for one answer."""

_MOST_READ: Final = 8 * MAX_BODY
"""Bytes that are read of a body that is too long, so that a client which sends before it listens hears why."""

_TOO_LARGE: Final = "too-large"
_TOO_SLOW: Final = "too-slow"
_PATIENCE: Final = 30.0
"""Seconds in which the next piece of a body has to come."""

_LARGE: Final = 64 * 1024
"""Bytes from which on a body is looked at beside the event loop, which has other connections to serve."""

_MOST_KEPT: Final = 256
_PORT: Final = re.compile(r":\d*$")


class ReferenceEndpoint:
    """The application: what it keeps is which behaviours it has worked out, and how far its dice have rolled."""

    def __init__(
        self, contract: Contract, faults: Sequence[EndpointFault], fault_rate: float, settings: Settings
    ) -> None:
        self._faults = Repertoire(contract)
        self._settings = settings
        self._flawless = self._faults.conduct()
        self._conducts = [self._faults.conduct(fault) for fault in faults]
        self._rate = fault_rate
        self._chance = Random(settings.seed)  # noqa: S311 - which answers go wrong is no secret
        self._asked_for: dict[str, Conduct] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI has it."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        asked = _asked(scope)
        body = await _body(asked, receive)
        if body is None:
            return  # nobody is there any more
        large = len(body) > _LARGE or FAULT_HEADER in asked.headers
        reply = await (asyncio.to_thread(self._reply, asked, body) if large else _now(self._reply(asked, body)))
        timed = schedule(reply, self._settings.pace, f"{self._settings.seed} {asked.path} {len(reply.chunks)}")
        await _Sender(scope, receive, send, reply).deliver(timed)

    def _reply(self, asked: Asked, body: bytes | str) -> Reply:
        surface = manners.route(asked)
        if surface is None:
            return self._refuse(SURFACES["bare"], refusals.BEFORE["route"], asked)
        if isinstance(body, str):
            return self._refuse(surface, refusals.BEFORE[body], asked)
        try:
            behaviour = self._conduct(asked)
        except UsageError as error:
            return self._refuse(surface, refusals.Refused(400, 0, f"{FAULT_HEADER}: {error}"), asked)
        return handle(behaviour, surface, asked, body, self._settings)

    def _refuse(self, surface: Surface, refused: refusals.Refused, asked: Asked) -> Reply:
        known = manners.ids(self._settings.seed, surface, asked.path.encode("utf-8", "replace"))
        return refuse(surface, refused, known, path=asked.path)

    def _conduct(self, asked: Asked) -> Conduct:
        """How to behave towards a request: as its header asks, or else as the dice say.

        Raises:
            UsageError: there is no fault of that name.
        """
        text = asked.headers.get(FAULT_HEADER)
        if text is not None:
            if text not in self._asked_for:
                if len(self._asked_for) >= _MOST_KEPT:
                    self._asked_for.clear()
                self._asked_for[text] = self._faults.conduct(self._faults.parse(text))
            return self._asked_for[text]
        if not self._conducts or self._chance.random() >= self._rate:
            return self._flawless
        return self._chance.choice(self._conducts)


def create_app(
    contract: Contract,
    fault: EndpointFault | Sequence[EndpointFault] | None = None,
    *,
    fault_rate: float = 1.0,
    settings: Settings = PLAIN,
) -> ReferenceEndpoint:
    """The reference endpoint for a contract, as an ASGI application.

    Every surface answers at its full address (any account, any gateway), at its path below the root, and the `bare` one
    at `/`. The request header `x-haiku-fault` names a fault for one answer.

    Args:
        contract: what is enforced and answered.
        fault: the ways to misbehave, of which each answer shows one; none when absent.
        fault_rate: the share of requests that a fault is shown to.
        settings: everything else.
    """
    faults = [] if fault is None else [fault] if isinstance(fault, EndpointFault) else list(fault)
    return ReferenceEndpoint(contract, faults, fault_rate, settings)


class _Sender:
    """One reply on its way: sends each chunk at its time, and stops as soon as nobody listens."""

    def __init__(self, scope: Message, receive: Receive, send: Send, reply: Reply) -> None:
        self._receive = receive
        self._send = send
        self._reply = reply
        # The transport of httpx has no connection that could break or time out, so its user is told what one would do.
        self._in_process = "spec_version" not in scope.get("asgi", {})

    async def deliver(self, timed: list[tuple[float, bytes]]) -> None:
        if self._reply.ending == "complete" and timed[-1][0] == 0:
            await self._start()
            for _, chunk in timed[:-1]:
                await self._write(chunk)
                await asyncio.sleep(0)  # others are served, and the server notices that a client is gone
            await self._write(timed[-1][1], more=False)
            return
        gone = asyncio.ensure_future(_until_gone(self._receive))
        try:
            await self._paced(timed, gone)
        finally:
            gone.cancel()

    async def _paced(self, timed: list[tuple[float, bytes]], gone: asyncio.Future[None]) -> None:
        clock = asyncio.get_running_loop().time
        begun = clock()
        for number, (at, chunk) in enumerate(timed):
            wait = begun + at - clock()
            if wait > 0:
                await asyncio.wait((gone,), timeout=wait)
            if gone.done():
                return
            if not number:
                await self._start()
            await self._write(chunk)
        if self._reply.ending == "complete":
            await self._write(b"", more=False)
        elif self._in_process:
            kind, words = _LOST[self._reply.ending]
            raise kind(words)
        elif self._reply.ending == "hang":
            await gone

    async def _start(self) -> None:
        reply = self._reply
        headers = {**reply.headers, "content-type": reply.content_type}
        if not reply.is_stream and reply.status not in BODILESS:
            headers["content-length"] = str(sum(map(len, reply.chunks)) + (reply.ending != "complete"))
        raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": reply.status, "headers": raw})

    async def _write(self, chunk: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})


_LOST: Final = {
    "cut": (httpx.RemoteProtocolError, "peer closed connection without sending complete message body"),
    "hang": (httpx.ReadTimeout, "the answer never ends"),
}
"""What a client over a network would have raised."""


def _asked(scope: Message) -> Asked:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Asked(scope["method"], _PORT.sub("", headers.get("host", "")), scope["path"], headers)


async def _body(asked: Asked, receive: Receive) -> bytes | str | None:
    """The body; the name of a refusal where it is too long or does not come; None where the client is gone."""
    length = asked.headers.get("content-length", "")
    if length.isdecimal() and int(length) > _MOST_READ:
        return _TOO_LARGE
    parts, size = bytearray(), 0
    try:
        async with asyncio.timeout(_PATIENCE) as patience:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                size += len(message.get("body", b""))
                if size <= MAX_BODY:
                    parts += message.get("body", b"")
                else:
                    parts.clear()
                if not message.get("more_body") or size > _MOST_READ:
                    return bytes(parts) if size <= MAX_BODY else _TOO_LARGE
                patience.reschedule(asyncio.get_running_loop().time() + _PATIENCE)
    except TimeoutError:
        return _TOO_SLOW


async def _now(reply: Reply) -> Reply:
    return reply


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
