"""The reference endpoint on a port of this machine, in a thread, for whole sessions of tests.

One server has many addresses: each test gets a path of its own below the root, with its own fault, and what arrives
there is kept apart. A client that goes on sending after its test can disturb no other.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.endpoint.reference.app import FAULT_HEADER
from haiku_contract.endpoint.surfaces import Asked, named
from haiku_contract.errors import MissingExtraError
from haiku_contract.guard.policy import Policy
from haiku_contract.pytest_plugin.state import LOOPBACK
from haiku_contract.report.text import one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from haiku_contract.endpoint.reference.app import ReferenceEndpoint
    from haiku_contract.guard.policy import Observation
    from haiku_contract.model import Violation

_PLACE: Final = re.compile(r"/at-(\d+)(?=/|\Z)")
_TOLD: Final = FAULT_HEADER.encode()
_PATIENCE: Final = 10.0
"""Seconds in which a server starts or stops."""

_REFUSED: Final = 400
_EXCERPT: Final = 200

DELAYS: Final = {"delay:head": "http.response.start", "delay:body": "http.response.body"}
"""The faults that only take time: which message waits."""
DELAY: Final = 1.0
"""Seconds that it waits."""


@dataclass(slots=True)
class Visits:
    """What arrived at one address.

    Attributes:
        url: where it is; a base URL, below which the surfaces have their paths.
        fault: name of the fault that is shown to every request; none where it is empty.
        patience: seconds after which an answer that does not end is broken off.
        requests: how many requests arrived.
        shown: whether the fault has shown itself, in any answer.
        not_shown: why it does not show in the last answer in which it does not.
        refused: which request that answer refuses, and in what words; empty where it refuses none.
        violations: what was wrong with the requests.
    """

    url: str
    fault: str = ""
    patience: float = _PATIENCE
    requests: int = 0
    shown: bool = False
    not_shown: str = ""
    refused: str = ""
    violations: list[Violation] = field(default_factory=list)


class Server:
    """A running server; `stop` ends it.

    Attributes:
        port: where it listens.
        url: its root, where it behaves as it should.
    """

    def __init__(self, app: ReferenceEndpoint, surface: str) -> None:
        """Start it.

        Args:
            app: the endpoint.
            surface: the wire form of the requests; all but `bare` are recognised by their paths.

        Raises:
            MissingExtraError: the server is not installed.
        """
        try:
            import uvicorn  # noqa: PLC0415 - an optional part
        except ImportError:
            raise MissingExtraError("pytest") from None
        self._app: Any = app
        self._contract = app.repertoire.contract
        self._surface = named(surface) if surface == "bare" else None
        self._visits: dict[str, Visits] = {}
        self._numbers = count(1)
        listener = socket.create_server((LOOPBACK, 0), backlog=128)
        # Made again from its descriptor, Python asks the system for its protocol; see `haiku_contract.cli.serve`.
        self._listener = socket.socket(fileno=listener.detach())
        self.port = self._listener.getsockname()[1]
        self.url = f"http://{LOOPBACK}:{self.port}"
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",  # of a method it cannot be told
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="haiku-contract reference endpoint", daemon=True)
        self._thread.start()  # whoever connects before it serves waits in the queue of the listener

    def visit(self, fault: str = "", patience: float = _PATIENCE) -> Visits:
        """A new address, with a fault of its own."""
        number = next(self._numbers)
        visits = Visits(f"{self.url}/at-{number}", fault, patience)
        self._visits[str(number)] = visits
        return visits

    def stop(self) -> None:
        """End it, and what is under way."""
        self._server.should_exit = True
        self._thread.join(_PATIENCE)
        self._listener.close()

    def _run(self) -> None:
        asyncio.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, _context: None)  # a client that is gone is no news
        await self._server.serve([self._listener])

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        """One request: find its address, take notice, and pass it on as if it had come to the root."""
        place = _PLACE.match(scope["path"])
        visits = self._visits.get(place[1]) if place else None
        if place is None or visits is None:
            await self._app(scope, receive, send)
            return
        visits.requests += 1
        headers = scope["headers"]
        if visits.fault and visits.fault not in DELAYS:
            headers = [*headers, (_TOLD, visits.fault.encode())]
        inner = {**scope, "path": scope["path"][place.end() :] or "/", "headers": headers}
        body = bytearray()
        await self._app(
            inner,
            _impatient(_overheard(receive, body), visits.patience),
            self._noticing(send, visits, inner, body),
        )

    def _noticing(self, send: Any, visits: Visits, scope: Any, body: bytearray) -> Callable[[Any], Awaitable[None]]:
        delayed = DELAYS.get(visits.fault)
        refused = ""

        async def noticed(message: Any) -> None:
            nonlocal delayed, refused
            if message["type"] == delayed:
                delayed = None
                await asyncio.sleep(DELAY)
            if message["type"] == "http.response.start":
                self._judge(visits, scope, bytes(body))
                reason, status = _unshown(visits.fault, message), message["status"]
                visits.shown = visits.shown or not reason
                visits.not_shown = reason or visits.not_shown
                refused = f"{scope['method']} {scope['path']} got {status}" if reason and status >= _REFUSED else ""
            elif refused:
                words = message.get("body", b"")[:_EXCERPT].decode(errors="replace")
                visits.refused, refused = one_line(f"{refused}: {words}"), ""
            await send(message)

        return noticed

    def _judge(self, visits: Visits, scope: Any, body: bytes) -> None:
        """Hold a request against the contract, before its answer tells the client that it has arrived."""

        def observe(seen: Observation) -> None:
            visits.violations.extend(seen.violations)

        policy = Policy(self._contract, request="observe", surface=self._surface, hosts=None, observer=observe)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        asked = Asked(scope["method"], LOOPBACK, scope["path"], headers)
        surface = policy.surface_of(asked)
        if surface is not None:
            policy.check_request(asked, surface, headers.get("content-type", ""), body)


def _unshown(fault: str, start: Any) -> str:
    """Why a fault does not show in an answer that begins so; empty where it does."""
    told = [value.decode("latin-1") for name, value in start["headers"] if name == _TOLD]
    if fault in DELAYS and start["status"] >= _REFUSED:
        return f"not shown: {fault} shows on conforming requests"
    return told[0] if told else ""


def _overheard(receive: Any, body: bytearray) -> Any:
    async def heard() -> Any:
        message = await receive()
        body.extend(message.get("body", b""))
        return message

    return heard


def _impatient(receive: Any, patience: float) -> Any:
    """Say that the client is gone when an answer takes too long, so that no test waits for ever."""
    loop = asyncio.get_running_loop()
    until = loop.time() + patience

    async def heard() -> Any:
        try:
            async with asyncio.timeout_at(max(until, loop.time())):
                return await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}

    return heard
