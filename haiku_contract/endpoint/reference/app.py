"""The reference endpoint as an ASGI application: HTTP on the outside, the pure `handle` inside.

Nothing here knows a server or a framework: `haiku_contract.cli.serve` runs it under uvicorn, a test passes it to
`httpx.ASGITransport`.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
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
_LONGEST: Final = 600.0
"""Seconds in which all of a body has to come, in pieces or not."""

_LARGE: Final = 64 * 1024
"""Bytes from which on a body is looked at beside the event loop, which has other connections to serve."""

_MOST_KEPT: Final = 256
_PORT: Final = re.compile(r":\d*$")


class ReferenceEndpoint:
    """The application: what it keeps is which behaviours it has worked out, and how far its dice have rolled.

    Attributes:
        repertoire: the faults that can be asked for.
    """

    def __init__(
        self, contract: Contract, faults: Sequence[EndpointFault], fault_rate: float, settings: Settings
    ) -> None:
        self.repertoire = Repertoire(contract)
        self._settings = settings
        self._flawless = self.repertoire.conduct()
        self._always = tuple(faults)
        self._rate = fault_rate
        self._chance = Random(settings.seed)  # noqa: S311 - which answers go wrong is no secret
        self._conducts: dict[EndpointFault, Conduct] = {}
        self._asked_for: dict[str, EndpointFault] = {}

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
        heard = asyncio.get_running_loop().time()
        large = len(body) > _LARGE or FAULT_HEADER in asked.headers
        reply = await (asyncio.to_thread(self._reply, asked, body) if large else _now(self._reply(asked, body)))
        timed = schedule(reply, self._settings.pace, f"{self._settings.seed} {asked.path} {len(reply.chunks)}")
        await _Sender(scope, receive, send, reply).deliver(timed, heard)

    def _reply(self, asked: Asked, body: bytes | str) -> Reply:
        surface = manners.route(asked)
        if surface is None:
            return self._refuse_early(SURFACES["bare"], manners.lost(asked), asked)
        if isinstance(body, str):
            return self._refuse_early(surface, body, asked)
        try:
            faults = self._due(asked)
        except UsageError as error:
            return self._refuse(surface, refusals.Refused(400, 0, f"{FAULT_HEADER}: {error}"), asked)
        right = handle(self._flawless, surface, asked, body, self._settings)
        for fault in sorted(faults, key=lambda one: not one.is_likely(right)):
            wrong = handle(self._conduct(fault), surface, asked, body, self._settings)
            if wrong != right:
                return wrong
        return replace(right, headers={**right.headers, FAULT_HEADER: _unseen(faults)}) if faults else right

    def _refuse_early(self, surface: Surface, name: str, asked: Asked) -> Reply:
        reply = self._refuse(surface, refusals.BEFORE[name], asked)
        told = {FAULT_HEADER: _TOO_EARLY} if FAULT_HEADER in asked.headers else {}
        return replace(reply, headers={**reply.headers, **told})

    def _refuse(self, surface: Surface, refused: refusals.Refused, asked: Asked) -> Reply:
        known = manners.ids(self._settings.seed, surface, asked.path.encode("utf-8", "replace"))
        return refuse(surface, refused, known, path=asked.raw_path or asked.path, method=asked.method)

    def _due(self, asked: Asked) -> Sequence[EndpointFault]:
        """The faults of which the answer to a request is to show the first that can show in it.

        The one that its header asks for; or else all that the endpoint has, in an order that the dice give, where the
        dice say that something goes wrong.

        Raises:
            UsageError: there is no fault of that name.
        """
        text = asked.headers.get(FAULT_HEADER)
        if text is not None:
            if text not in self._asked_for:
                if len(self._asked_for) >= _MOST_KEPT:
                    self._asked_for.clear()
                self._asked_for[text] = self.repertoire.parse(text)
            return (self._asked_for[text],)
        if not self._always or self._chance.random() >= self._rate:
            return ()
        return self._chance.sample(self._always, len(self._always))

    def _conduct(self, fault: EndpointFault) -> Conduct:
        if fault not in self._conducts:
            if len(self._conducts) >= _MOST_KEPT + len(self._always):
                self._conducts.clear()
            self._conducts[fault] = self.repertoire.conduct(fault)
        return self._conducts[fault]


_TOO_EARLY: Final = "not shown: the request did not get as far as the model"


def _unseen(faults: Sequence[EndpointFault]) -> str:
    """What an answer says that is right although something was to go wrong."""
    if len(faults) > 1:
        return f"not shown: none of {len(faults)} faults shows on this request"
    return ascii(f"not shown: {faults[0]} shows on {faults[0].shows_on}")[1:-1]


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
        fault: the ways to misbehave; none when absent.
        fault_rate: the share of requests that a fault is shown to, 0 to 1.
        settings: everything else.

    A fault shows on some requests only (`EndpointFault.shows_on`). Of several, each answer shows one that can show in
    it; where none can, the answer is right and says so in its header `x-haiku-fault`.

    Raises:
        UsageError: the rate is no share.
    """
    if not 0 <= fault_rate <= 1:
        raise UsageError(f"a fault rate is a share from 0 to 1, not {fault_rate}")
    faults = [] if fault is None else [fault] if isinstance(fault, EndpointFault) else list(fault)
    return ReferenceEndpoint(contract, faults, fault_rate, settings)


class _Sender:
    """One reply on its way: sends each chunk at its time, and stops as soon as nobody listens."""

    def __init__(self, scope: Message, receive: Receive, send: Send, reply: Reply) -> None:
        self._receive = receive
        self._send = send
        self._reply = reply
        self._sleeper: asyncio.Future[None] | None = None
        # The transport of httpx has no connection that could break or time out, so its user is told what one would do.
        self._in_process = "spec_version" not in scope.get("asgi", {})

    async def deliver(self, timed: list[tuple[float, bytes]], heard: float) -> None:
        """Send each chunk at its time after the request was heard, by the clock of the loop."""
        if self._reply.ending == "complete" and timed[-1][0] == 0:
            await self._start()
            for _, chunk in timed[:-1]:
                await self._write(chunk)
                await asyncio.sleep(0)  # others are served, and the server notices that a client is gone
            await self._write(timed[-1][1], more=False)
            return
        gone = asyncio.ensure_future(_until_gone(self._receive))
        gone.add_done_callback(self._wake)
        try:
            await self._paced(timed, heard, gone)
        finally:
            gone.cancel()

    async def _paced(self, timed: list[tuple[float, bytes]], heard: float, gone: asyncio.Future[None]) -> None:
        for number, (at, chunk) in enumerate(timed):
            await self._sleep_until(heard + at)
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

    async def _sleep_until(self, when: float) -> None:
        """Wait for a time, or until nobody listens any more: one timer, and no task."""
        loop = asyncio.get_running_loop()
        if when > loop.time():
            self._sleeper = loop.create_future()
            timer = loop.call_at(when, self._wake)
            try:
                await self._sleeper
            finally:
                timer.cancel()

    def _wake(self, _: object = None) -> None:
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

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
    raw = (scope.get("raw_path") or b"").decode("latin-1")
    return Asked(scope["method"], _PORT.sub("", headers.get("host", "")), scope["path"], headers, raw)


async def _body(asked: Asked, receive: Receive) -> bytes | str | None:
    """The body; the name of a refusal where it is too long or does not come; None where the client is gone."""
    length = asked.headers.get("content-length", "")
    if length.isdecimal() and int(length) > _MOST_READ:
        return _TOO_LARGE
    parts, size = bytearray(), 0
    clock = asyncio.get_running_loop().time
    last = clock() + _LONGEST
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
                patience.reschedule(min(clock() + _PATIENCE, last))
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
