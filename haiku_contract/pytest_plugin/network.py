"""No network: what a test may not reach fails at once, with the name of what it wanted to reach.

Connections to this machine are always allowed. What is replaced are methods of `socket`, on which the clients of
Python's own libraries, asyncio and trio are built; a client with sockets of its own (uvloop, curl) is not stopped.
"""

from __future__ import annotations

import _socket
import contextlib
import ipaddress
import socket
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.errors import NetworkBlockedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

EVERYWHERE: Final = ("*",)
"""The hosts that are allowed where nothing is blocked."""

_HERE: Final = ("localhost", "localhost.localdomain", "")
_INTERNET: Final = (socket.AF_INET, socket.AF_INET6)
_ADDRESS_AT: Final = {"connect": 0, "connect_ex": 0, "sendto": -1, "sendmsg": 3}
"""Which argument of a method of a socket is the address; `sendmsg` may come without one."""
_RESOLVING: Final[dict[str, Callable[[Any], Iterable[str]]]] = {
    "getaddrinfo": lambda found: (str(one[4][0]) for one in found),
    "gethostbyname": lambda found: (found,),
    "gethostbyname_ex": lambda found: found[2],
}
"""The functions that find addresses: which ones are in what they return."""


@contextlib.contextmanager
def blocked(allowed: Collection[str] = (), own: Callable[[], Collection[int]] = tuple) -> Iterator[None]:
    """Let nothing out but to this machine and to the allowed hosts, which may hold `*` and `?`.

    Args:
        allowed: the hosts.
        own: the ports of this machine at which the plugin itself serves; they are reached even where another plugin
            has blocked all connections, as `--block-network` of pytest-recording does.

    Raises, inside:
        NetworkBlockedError: something else was to be reached.
    """
    door = _Door(allowed, own)
    with contextlib.ExitStack() as stack:
        for name in _ADDRESS_AT:
            if hasattr(socket.socket, name):  # Windows has no sendmsg
                stack.enter_context(_replaced(socket.socket, name, door.guarded(name)))
        for name in _RESOLVING:
            stack.enter_context(_replaced(socket, name, door.resolving(name)))
        yield


class _Door:
    """Who may pass; the addresses of allowed hosts are learned as they are resolved."""

    def __init__(self, allowed: Collection[str], own: Callable[[], Collection[int]]) -> None:
        self._allowed = tuple(host.lower() for host in allowed)
        self._own = own
        self._addresses: set[str] = set()

    def guarded(self, name: str) -> Callable[..., Any]:
        """A method of a socket that is told an address."""
        method, place = getattr(socket.socket, name), _ADDRESS_AT[name]

        def checked(sock: socket.socket, *arguments: Any) -> Any:
            address = arguments[place] if len(arguments) > place else None
            if sock.family in _INTERNET and isinstance(address, tuple):
                host, port = _text(address[0]), address[1]
                if _is_here(host) and port in self._own():
                    return getattr(_socket.socket, name)(sock, *arguments)
                if not self._lets_through(host):
                    sock.close()  # whoever opened it closes it after an OSError alone
                    raise _error(host, f" port {port}")
            return method(sock, *arguments)

        return checked

    def resolving(self, name: str) -> Callable[..., Any]:
        """A function that finds the addresses of allowed hosts; a name server is asked for no others."""
        method, addresses = getattr(socket, name), _RESOLVING[name]

        def resolved(host: Any, *arguments: Any, **keywords: Any) -> Any:
            asked = _text(host or "")
            if not _is_address(asked) and not self._lets_through(asked):
                raise _error(asked, f" port {arguments[0]}" if arguments else "")
            found = method(host, *arguments, **keywords)
            if not _is_address(asked):
                self._addresses.update(addresses(found))
            return found

        return resolved

    def _lets_through(self, host: str) -> bool:
        return _is_here(host) or host in self._addresses or any(fnmatch(host.lower(), one) for one in self._allowed)


def _text(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)


def _is_here(host: str) -> bool:
    """Whether a connection to a host stays on this machine: also where its address is unspecified, or an IPv4 one."""
    if not _is_address(host):
        return host.lower() in _HERE
    address = ipaddress.ip_address(host.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _error(host: str, port: str) -> NetworkBlockedError:
    return NetworkBlockedError(
        f"the network is blocked in this test, and {host}{port} was to be reached; "
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
