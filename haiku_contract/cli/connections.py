"""The connections of `haiku-contract serve`: uvicorn's protocol, with patience that ends, and statuses that fit.

uvicorn waits as long as a client likes for the head of a request, and answers whatever is no HTTP with 400. Here every
head has to arrive in time, the first on a connection and all that follow, and so has the rest of a body that was
already answered.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

PATIENCE: Final = 30
"""Seconds in which the head of a request has to arrive, and that a connection may be silent between two requests."""

LONGEST_HEAD: Final = 64 * 1024
"""Bytes of the head of a request, at most."""

_MOST_FILES: Final = 65_536
_UNANSWERED: Final = (h11.IDLE, h11.SEND_RESPONSE)
"""The states of our side in which an answer can still begin."""


class PatientProtocol(H11Protocol):
    """One connection, which waits for nobody for ever."""

    _patience: asyncio.TimerHandle | None = None
    _first = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head from now on."""
        super().connection_made(transport)
        self._look_at_the_clock()

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for the rest of a head that has begun."""
        super().data_received(data)
        self._look_at_the_clock()

    def on_response_complete(self) -> None:
        """Go on to the next request, part of which may be here already."""
        self._first = False
        super().on_response_complete()
        self._look_at_the_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._forget()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, with the status that the parser has for it; after an answer nothing more is said."""
        hint = getattr(sys.exception(), "error_status_hint", HTTPStatus.BAD_REQUEST)
        self._refuse(HTTPStatus(hint), msg)

    def _look_at_the_clock(self) -> None:
        """Start to wait for what the client owes, once; stop where it owes nothing.

        It owes the rest of a head that has begun, the head of its first request, and the rest of a body whose answer
        is complete. For bodies that still matter the application waits itself, and between requests uvicorn does.
        """
        begun = self._first or bool(self.conn.trailing_data[0])
        head = self.conn.their_state is h11.IDLE and begun
        rest = self.conn.their_state is h11.SEND_BODY and self.conn.our_state not in {*_UNANSWERED, h11.SEND_BODY}
        if not (head or rest) or self.transport.is_closing():
            self._forget()
        elif self._patience is None:
            self._unset_keepalive_if_required()
            self._patience = self.loop.call_later(PATIENCE, self._give_up)

    def _forget(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time")

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        if not self.transport.is_closing() and self.conn.our_state in _UNANSWERED:
            body = text.encode("ascii")
            headers = [("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(body))),
                       ("connection", "close")]  # fmt: skip
            reason = status.phrase.encode("ascii")
            for event in (h11.Response(status_code=status, headers=headers, reason=reason), h11.Data(data=body),
                          h11.EndOfMessage()):  # fmt: skip
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def raise_limit() -> None:
    """As many open connections as the system allows, where it counts them as files."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
