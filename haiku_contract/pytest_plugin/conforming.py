"""`assert_conforms`: anything that can be held against the contract, held against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haiku_contract import wire
from haiku_contract.endpoint import surfaces
from haiku_contract.errors import UsageError
from haiku_contract.model import ABSENT
from haiku_contract.pytest_plugin.settings import nearest
from haiku_contract.stream import StreamValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from haiku_contract.contract import Contract
    from haiku_contract.model import Violation

_SIDES = ("request", "response", "stream", "error")
_ERRORS = 400
_BYTES = bytearray | memoryview


def checker(contract: Contract) -> Callable[..., None]:
    """What `assert_conforms` is for a contract."""

    def assert_conforms(value: Any, side: str | None = None) -> None:
        """Fail with one line per violation.

        Args:
            value: a payload (of a stream: the list of its events), a body as bytes or text, or a request or response of
                httpx, whose body has been read.
            side: `request`, `response`, `stream` or `error`; a message of httpx says that itself.
        """
        __tracebackhide__ = True
        found, kind = _judged(contract, value, side)
        if found:
            raise AssertionError("\n".join([f"the {kind} does not conform:", *(f"  {one}" for one in found)]))

    return assert_conforms


def _judged(contract: Contract, value: Any, side: str | None) -> tuple[list[Violation], str]:
    if hasattr(value, "headers") and hasattr(value, "content"):
        own = _side_of(value)
        if side not in (None, own):
            raise UsageError(f"assert_conforms: this is a {own}, not a {side}")
        return list(_message(contract, value, own)), own
    if side is None:
        raise UsageError(f"assert_conforms needs to know what this is: side= one of {', '.join(_SIDES)}")
    if side not in _SIDES:
        raise UsageError(f"assert_conforms: no side {side!r}; {nearest(side, _SIDES)}")
    return list(_plain(contract, value, side)), side


def _side_of(message: Any) -> str:
    if not hasattr(message, "status_code"):
        return "request"
    if wire.media_type(message.headers.get("content-type", "")) == "text/event-stream":
        return "stream"
    error = message.status_code >= _ERRORS or surfaces.is_error(wire.decode(message.content).value)
    return "error" if error else "response"


def _message(contract: Contract, message: Any, side: str) -> Iterable[Violation]:
    """The violations of a message of httpx; the envelope of its surface is taken off."""
    if side in ("stream", "error"):
        return _plain(contract, message.content, side)
    value, below = wire.decode(message.content)
    if below:
        return below
    if side == "response":
        return contract.response.iter_errors(surfaces.message(value))
    headers = {name.lower(): one for name, one in message.headers.items()}
    asked = surfaces.Asked(message.method, message.url.host, message.url.path, headers)
    surface = surfaces.recognise(asked)
    inner = value if surface is None else surface.input(asked, value)
    if inner is ABSENT:
        raise UsageError(f"assert_conforms: this request holds nothing under {surface.key!r}" if surface else "")
    return contract.request.iter_errors(inner)


def _plain(contract: Contract, value: Any, side: str) -> Iterable[Violation]:
    """The violations of a payload, or of a body; the payload of a stream is the list of its events."""
    body = value.encode() if isinstance(value, str) else bytes(value) if isinstance(value, _BYTES) else value
    if side == "stream":
        stream = StreamValidator(contract)
        if isinstance(body, list):
            return [*(one for event in body for one in stream.feed_event(event)), *stream.finish()]
        return [*stream.feed(body), *stream.finish()]
    validators = {"request": contract.request, "response": contract.response, "error": contract.error}
    validator = validators[side]
    if validator is None:
        raise UsageError(f"{contract.id} says nothing of errors")
    return validator.iter_errors_bytes(body) if isinstance(body, bytes) else validator.iter_errors(body)
