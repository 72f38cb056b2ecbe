"""Schemathesis against faulty endpoints, served over HTTP on the loopback interface."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import tempfile
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from haiku_contract.endpoint.reference.faults import Conduct
from haiku_contract.model import ABSENT, Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import haiku_contract as hc
    from haiku_contract.endpoint.reference.mutants import Mutant

SETTINGS: Final = ("--checks=all", "--mode=all", "--phases=examples,coverage,fuzzing", "--no-color", "--seed=1")
"""All its checks, conforming and faulted data, its systematic phase and its random one."""

FIRST: Final = ("--max-failures=1",)
_PATIENCE: Final = 120


class Served:
    """All endpoints on one port, each below its number; counts the requests to each."""

    def __init__(self, contract: hc.Contract, mutants: Sequence[Mutant]) -> None:
        self.contract = contract
        self.mutants = mutants
        self.heard: Counter[int] = Counter()
        self._flawless = Conduct(contract, contract.request)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve a request, as ASGI has it."""
        number, _, rest = scope["path"].strip("/").partition("/")
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message.get("body", b"")
        if rest == "openapi.json":
            await _send(send, 200, "application/json", json.dumps(self._document(number)).encode())
            return
        if scope["method"] != "POST":
            await _send(send, 405, "application/json", b'{"error":"method"}', (b"allow", b"POST"))
            return
        self.heard[int(number)] += 1
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        case = Case("", "request", "conforming", None, ABSENT, body, content_type=headers.get("content-type", ""))
        reply = self.mutants[int(number)].reply(self._flawless, case)
        await _send(send, reply.status, reply.content_type, b"".join(reply.chunks))

    def _document(self, number: str) -> dict[str, Any]:
        """The contract as OpenAPI 3.1 says it; errors are described as any JSON."""
        request, response = (_without_id(one.schema) for one in self.contract.sides)
        answers = {"200": {"description": "fine", "content": {"application/json": {"schema": response}}}}
        if self.contract.stream is not None:
            answers["200"]["content"]["text/event-stream"] = {"schema": {}}  # type: ignore[index]
        refused = {"description": "refused", "content": {"application/json": {"schema": {}}}}
        operation = {
            "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
            "responses": answers | dict.fromkeys(("400", "405"), refused),
        }
        head = {"openapi": "3.1.0", "info": {"title": "endpoint", "version": "1"}}
        return head | {"paths": {f"/{number}/": {"post": operation}}}


def compared(command: str, contract: hc.Contract, reached: Sequence[Mutant]) -> Iterator[str]:
    """What Schemathesis detects, and in how many requests; the first endpoint is the flawless one."""
    flawless = reached[0]._replace(conduct=Conduct(contract, contract.request), lenient=(), when=None)
    served = Served(contract, [flawless, *reached])
    with _listening(served) as port:
        alarm, _ = _run(command, port, 0)
        yield f"schemathesis: {served.heard[0]} requests to the flawless endpoint{', with an alarm' if alarm else ''}"
        found, late = 0, 0
        for number in range(1, len(served.mutants)):
            failed, finished = _run(command, port, number)
            found, late = found + failed, late + (not finished)
    counts = sorted(served.heard[number] for number in range(1, len(served.mutants)))
    yield f"schemathesis: detected {found} of {len(counts)}, until the first failure or its end a median of"
    yield f"{statistics.median(counts)} requests, at most {counts[-1]}; {late} runs were cut at {_PATIENCE} s"


def _run(command: str, port: int, number: int) -> tuple[bool, bool]:
    """Whether a run fails, and whether it came to its end."""
    place = f"http://127.0.0.1:{port}/{number}/openapi.json"
    asked = [command, "run", place, f"--url=http://127.0.0.1:{port}", *SETTINGS, *FIRST]
    folder = tempfile.mkdtemp()  # it keeps what it has found beside where it runs
    try:
        done = subprocess.run(asked, capture_output=True, timeout=_PATIENCE, check=False, cwd=folder)  # noqa: S603 - named
    except subprocess.TimeoutExpired:
        return False, False
    return done.returncode == 1, True


@contextlib.contextmanager
def _listening(app: Any) -> Iterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


async def _send(send: Any, status: int, kind: str, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    told = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


def _without_id(schema: Any) -> Any:
    return {key: value for key, value in schema.items() if key not in {"$id", "$schema"}}
