"""No network: what a test may not reach fails at once, with the name of what it wanted to reach.

Connections to this machine are always allowed. What is replaced are methods of `socket`, on which the clients of
Python's own libraries, asyncio and trio are built; a client with sockets of its own (uvloop, curl) is not stopped.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.errors import NetworkBlockedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

_HERE: Final = ("localhost", "localhost.localdomain", "")
_INTERNET: Final = (socket.AF_INET, socket.AF_INET6)


@contextlib.contextmanager
def blocked(allowed: Collection[str] = ()) -> Iterator[None]:
    """Let nothing out but to this machine and to the allowed hosts, which may hold `*` and `?`.

    Raises, inside:
        NetworkBlockedError: something else was to be reached.
    """
    door = _Door(allowed)
    real = socket.getaddrinfo
    with contextlib.ExitStack() as stack:
        for name in ("connect", "connect_ex", "sendto"):
            stack.enter_context(_replaced(socket.socket, name, door.guarded(getattr(socket.socket, name))))
        stack.enter_context(_replaced(socket, "getaddrinfo", door.resolving(real)))
        yield


class _Door:
    """Who may pass; the addresses of allowed hosts are learned as they are resolved."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = tuple(host.lower() for host in allowed)
        self._addresses: set[str] = set()

    def guarded(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """A method of a socket whose last argument is the address."""

        def checked(sock: socket.socket, *arguments: Any) -> Any:
            if sock.family in _INTERNET and arguments and isinstance(arguments[-1], tuple):
                host, port = arguments[-1][:2]
                if not self._lets_through(str(host)):
                    sock.close()  # whoever opened it closes it after an OSError alone
                    raise _error(str(host), port)
            return method(sock, *arguments)

        return checked

    def resolving(self, getaddrinfo: Callable[..., Any]) -> Callable[..., Any]:
        """`getaddrinfo` for the allowed hosts; a name server is asked for nothing else."""

        def resolved(host: Any, port: Any, *arguments: Any, **keywords: Any) -> Any:
            name = host.decode("ascii", "replace") if isinstance(host, bytes) else host or ""
            if not _is_address(name) and not self._lets_through(name):
                raise _error(name, port)
            found = getaddrinfo(host, port, *arguments, **keywords)
            if not _is_address(name):
                self._addresses |= {str(one[4][0]) for one in found}
            return found

        return resolved

    def _lets_through(self, host: str) -> bool:
        if host in _HERE or host in self._addresses or any(fnmatch(host.lower(), one) for one in self._allowed):
            return True
        return _is_address(host) and ipaddress.ip_address(host.partition("%")[0]).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _error(host: str, port: object) -> NetworkBlockedError:
    return NetworkBlockedError(
        f"the network is blocked in this test, and {host} port {port} was to be reached; "
        f"allow it with --contract-allowed-hosts {host}, or run with --contract-endpoint live"
    )


@contextlib.contextmanager
def _replaced(owner: Any, name: str, new: Any) -> Iterator[None]:
    own = vars(owner).get(name)
    setattr(owner, name, new)
    try:
        yield
    finally:
        if own is None:
            delattr(owner, name)
        else:
            setattr(owner, name, own)
