"""The network in tests: what is blocked, whoever asks, and what is reached, also beside pytest-recording."""

from __future__ import annotations

import errno
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from haiku_contract.errors import NetworkBlockedError
from haiku_contract.pytest_plugin.network import EVERYWHERE, blocked
from haiku_contract.pytest_plugin.settings import marked_hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[..., pytest.RunResult]
    Way = Callable[[Any], object]

ELSEWHERE = "192.0.2.1"  # RFC 5737: for documentation, and nobody's
TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM


def by(kind: socket.SocketKind, method: str, *before: Any) -> Way:
    """A way to reach a host: a method of a new socket."""

    def reach(host: Any) -> object:
        family = socket.AF_INET6 if ":" in str(host) else socket.AF_INET
        with closing(socket.socket(family, kind)) as sock:
            return getattr(sock, method)(*before, (host, 9))

    return reach


WAYS: dict[str, Way] = {
    "connect": by(TCP, "connect"),
    "connect_ex": by(TCP, "connect_ex"),
    "connect a datagram": by(UDP, "connect"),
    "sendto": by(UDP, "sendto", b"x"),
    "sendto with flags": by(UDP, "sendto", b"x", 0),
    "sendmsg": by(UDP, "sendmsg", [b"x"], [], 0),
    "create_connection": lambda host: socket.create_connection((host, 9), timeout=1),
}
NAMES = {"getaddrinfo": (9,), "gethostbyname": (), "gethostbyname_ex": ()}
"""Functions that find the addresses of a host, and what else they take."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("host", [ELSEWHERE, b"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "nobody.invalid"])
def test_what_is_elsewhere_is_not_reached(way: str, host: Any) -> None:
    with (
        blocked(["example.org"]),
        pytest.raises(NetworkBlockedError, match="--contract-allowed-hosts"),
    ):
        WAYS[way](host)


@pytest.mark.parametrize("way", NAMES)
def test_no_name_server_is_asked(way: str) -> None:
    with blocked(["example.org"]), pytest.raises(NetworkBlockedError, match=r"nobody\.invalid"):
        getattr(socket, way)("nobody.invalid", *NAMES[way])


@pytest.mark.parametrize("host", ["127.0.0.1", b"127.0.0.1", "127.1.2.3", "LocalHost", "0.0.0.0", "::ffff:127.0.0.1"])  # noqa: S104 - nothing listens
def test_this_machine_is_reached(host: Any) -> None:
    with blocked(), socket.create_server(("127.0.0.1", 0)) as server:
        family = socket.AF_INET6 if ":" in str(host) else socket.AF_INET
        with closing(socket.socket(family)) as sock:
            assert sock.connect_ex((host, server.getsockname()[1])) in (0, errno.ECONNREFUSED)


def test_allowed_hosts_are_reached_at_the_addresses_that_they_have(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[Any] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [(0, 0, 0, "", ("192.0.2.7", 9))])
    monkeypatch.setattr(socket, "gethostbyname", lambda _: "192.0.2.8")
    monkeypatch.setattr(socket, "gethostbyname_ex", lambda host: (host, [], ["192.0.2.9"]))
    monkeypatch.setattr(socket.socket, "connect_ex", lambda _, address: reached.append(address[0]))
    addresses = ["192.0.2.7", "192.0.2.8", "192.0.2.9"]
    with blocked(["*.Example.org"]):
        for (way, further), address in zip(NAMES.items(), addresses, strict=True):
            with pytest.raises(NetworkBlockedError):
                WAYS["connect_ex"](address)
            getattr(socket, way)("api.EXAMPLE.org", *further)
            WAYS["connect_ex"](address)
    assert reached == addresses
    with blocked(EVERYWHERE):
        WAYS["connect_ex"]("198.51.100.1")
    assert reached[3:] == ["198.51.100.1"]


@pytest.fixture
def _shut(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As another plugin blocks all connections, those to this machine too."""

    def refuse(*_: object) -> None:
        raise RuntimeError("Network is disabled")

    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    yield
    assert vars(socket.socket)["connect_ex"] is refuse


@pytest.mark.usefixtures("_shut")
def test_our_servers_are_reached_where_another_plugin_has_blocked_everything() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours, socket.create_server(("127.0.0.1", 0)) as other:
        port = ours.getsockname()[1]
        with blocked(EVERYWHERE, lambda: {port}), closing(socket.socket()) as sock:
            assert sock.connect_ex(("127.0.0.1", port)) == 0
            with pytest.raises(RuntimeError, match="Network is disabled"):
                sock.connect_ex(("127.0.0.1", other.getsockname()[1]))
            with pytest.raises(RuntimeError, match="Network is disabled"):
                sock.connect_ex((ELSEWHERE, port))


def test_all_is_as_it_was_before() -> None:
    before = (dict(vars(socket.socket)), *(getattr(socket, name) for name in NAMES))
    with pytest.raises(ZeroDivisionError), blocked():
        raise ZeroDivisionError
    assert (dict(vars(socket.socket)), *(getattr(socket, name) for name in NAMES)) == before


def test_what_the_marker_takes() -> None:
    assert marked_hosts((), {"allowed_hosts": ["a.test", "*.b.test"]}) == ("a.test", "*.b.test")
    assert marked_hosts((), {"allowed_hosts": "a.test, *.b.test"}) == ("a.test", "*.b.test")
    assert marked_hosts((), {}) == ()


BESIDE = """
import httpx, pytest, socket

ASK = {"model": "anthropic/claude-haiku-4.5", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}
PATH = "/ai/v1/messages"

@pytest.mark.parametrize("recording", [
    pytest.param("none", marks=pytest.mark.vcr),
    pytest.param("once", marks=pytest.mark.vcr(record_mode="once")),
    pytest.param("nothing", marks=pytest.mark.block_network),
])
def test_client(contract_client, recording):
    assert contract_client.post(PATH, json=ASK).status_code == 200
    with pytest.raises(Exception, match="Network is disabled|network is blocked|record_mode 'none'"):
        httpx.get("http://192.0.2.1:9/")

@pytest.mark.vcr
@pytest.mark.asyncio
async def test_async(async_contract_client):
    assert (await async_contract_client.post(PATH, json=ASK)).status_code == 200

@pytest.mark.vcr
@pytest.mark.contract_faults("answer:overloaded")
def test_hostile(hostile_endpoint):
    assert httpx.post(hostile_endpoint.url + PATH, json=ASK).status_code == 529

@pytest.fixture
def other_server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()

def test_other_servers_of_this_machine(contract_client, other_server):
    with pytest.raises(RuntimeError, match="Network is disabled"):
        socket.create_connection(other_server)

@pytest.mark.block_network(allowed_hosts=["127.0.0.1"])
def test_allowed_by_the_other(contract_client, other_server):
    socket.create_connection(other_server).close()

def test_options(request):
    assert request.config.getoption("--contract-record-mode") == "all"
    assert request.config.getoption("--record-mode") is None
"""


def test_beside_pytest_recording(pytester: pytest.Pytester) -> None:
    """Each has its own options, markers and cassettes, and neither blocks or records what the other is for."""
    pytester.makepyfile(test_it=BESIDE)
    others = [word for name in ("cacheprovider", "hypothesispytest", "xdist") for word in ("-p", f"no:{name}")]
    ours = ("--contract-block-network", "--contract-record-mode=all", "--contract-endpoint=reference")
    done = pytester.runpytest_subprocess(*others, "--strict-markers", "--block-network", *ours)
    done.assert_outcomes(passed=8)
    cassettes = sorted(path.stem for path in pytester.path.glob("cassettes/test_it/*.yaml"))
    assert cassettes == ["test_async", "test_client[none]", "test_client[nothing]", "test_client[once]"]
    assert all("reference endpoint" in path.read_text() for path in pytester.path.glob("cassettes/test_it/*.yaml"))


FILTERED = """
import httpx, pytest

ASK = {"model": "anthropic/claude-haiku-4.5", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}
SEEN = []

def seen(request):
    SEEN.append(request.host)
    return request

@pytest.fixture(scope="module")
def vcr_config():
    return {"before_record_request": seen, "ignore_hosts": ["c.test"], "record_mode": "none"}

@pytest.mark.vcr
def test_client(contract_client):
    assert contract_client.post("/ai/v1/messages", json=ASK).status_code == 200
    assert SEEN == []
    with pytest.raises(Exception, match="record_mode 'none'"):
        httpx.get("http://a.test/")
    assert set(SEEN) == {"a.test"}
"""


def test_beside_a_filter_of_requests_of_its_own(pytester: pytest.Pytester) -> None:
    """What a `vcr_config` says of requests does not take the place of our exception, nor the other way round."""
    pytester.makepyfile(test_it=FILTERED)
    others = [word for name in ("cacheprovider", "hypothesispytest", "xdist") for word in ("-p", f"no:{name}")]
    pytester.runpytest_subprocess(*others).assert_outcomes(passed=1)
