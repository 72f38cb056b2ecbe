"""`haiku-contract serve` in a process of its own, over the loopback interface."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.campaign.drive import Sender, drive
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.cli.serve import _listener
from haiku_contract.endpoint import surfaces
from haiku_contract.endpoint.reference.faults import Repertoire
from haiku_contract.generate import suite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Cli = Callable[..., Any]

CONTRACT = hc.load()
INPUT: dict[str, Any] = {"messages": [{"role": "user", "content": "Why is the sky blue?"}], "max_tokens": 64}
BODY = json.dumps(INPUT).encode()


class Server:
    """A running `serve`."""

    def __init__(self, command: list[str], *options: str) -> None:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [*command, "serve", "--port", "0", "--format", "json", *options]
        self.process = subprocess.Popen(command, text=True, **pipes)  # type: ignore[call-overload]  # noqa: S603 - us
        line = self.process.stdout.readline()
        assert line, self.process.communicate(timeout=10)[1]
        self.told = json.loads(line)
        self.url: str = self.told["url"]

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err

    def connect(self) -> socket.socket:
        return socket.create_connection((self.told["host"], self.told["port"]), timeout=10)

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


@contextmanager
def running(command: list[str], *options: str) -> Iterator[Server]:
    server = Server(command, *options)
    try:
        yield server
    finally:
        assert server.stop() == (0, "", "")


@pytest.fixture(scope="module")
def server(command: list[str]) -> Iterator[Server]:
    """One for many tests; that it says nothing on standard error is checked at its end."""
    with running(command) as one:
        yield one


def post(server: Server, **more: Any) -> httpx.Response:
    options = {"timeout": more.pop("timeout", 10), "headers": more.pop("headers", {})}
    return httpx.post(server.url, json={**INPUT, **more}, trust_env=False, **options)


def test_the_first_line_says_where(server: Server) -> None:
    assert server.told == {
        "url": f"http://127.0.0.1:{server.told['port']}", "host": "127.0.0.1", "port": server.told["port"],
        "contract": CONTRACT.id,
    }  # fmt: skip
    CONTRACT.response.validate(post(server).json())


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_quietly_whatever_is_under_way(command: list[str], number: int) -> None:
    one = Server(command, "--fault", "delivery:hang-midway")
    with one.connect() as connection:
        connection.sendall(_request())
        assert connection.recv(20).startswith(b"HTTP/1.1 200")
        assert one.stop(number) == (0, "", "")


def test_small_answers_do_not_wait_for_each_other() -> None:
    """asyncio turns Nagle's algorithm off only where it can see that a socket speaks TCP."""
    with _listener("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.proto == socket.IPPROTO_TCP


def test_text_for_people(command: list[str]) -> None:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*command, "serve", "--port", "0"], text=True, **pipes) as process:  # type: ignore[call-overload]  # noqa: S603 - us
        assert process.stdout.readline().startswith(f"serving {CONTRACT.id} at http://127.0.0.1:")
        process.terminate()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--fault", "answer:nope"), "no fault 'answer:nope'"),
        (("--replies", "nowhere.json"), "nowhere.json: cannot be read"),
        (("--host", "no such host"), "cannot listen on no such host"),
        (("--host", "203.0.113.1"), "cannot listen on 203.0.113.1"),
        (("--port", "65536"), "65536"),
        (("--fault-rate", "2"), "--fault-rate"),
        (("--profile", "best"), "--profile"),
        (("--ttfb", "nan"), "a pace has a ttfb from 0 to 3600, not nan"),
        (("--jitter", "nan"), "a pace has a jitter from 0 to 1, not nan"),
        (("--fault", "answer:credits", "--fault-rate", "nan"), "a fault rate is a share from 0 to 1, not nan"),
        (("--token", ""), "--token is empty"),
        (("--replies", ""), "name a file or a folder"),
    ],
)
def test_what_cannot_be_served(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    result = cli("serve", *arguments)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert words in result.err


def test_a_port_that_is_taken(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = cli("serve", "--port", str(other.getsockname()[1]))
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert "cannot listen on 127.0.0.1 port" in result.err


def test_the_list_of_faults(cli: Cli, parrot: str) -> None:
    result = cli("serve", "--list-faults", "--contract", parrot)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == "lenient:request:/type\trequests that break it"
    assert lines[-1] == "delivery:stale-cache\tconforming requests"
    assert len(set(lines)) == len(lines)
    assert not [line for line in lines if line.startswith("stream:")]  # nothing is known of its streams
    told = json.loads(cli("serve", "--list-faults", "--contract", parrot, "--format", "json").out)
    assert [f"{one['fault']}\t{one['shows_on']}" for one in told] == lines
    assert [f"{one['kind']}:{one['about']}" for one in told] == [line.partition("\t")[0] for line in lines]


@pytest.mark.parametrize("fault", ["delivery:hang", "delivery:hang-midway", "delivery:cut", "delivery:drip"])
def test_accidents_over_a_network_are_noticed_by_a_campaign(server: Server, fault: str) -> None:
    target = Target("served", server.url, surfaces.named("bare"))
    send = Sender(target, CONTRACT.model_id, {"x-haiku-fault": fault})
    with (
        httpx.Client(timeout=0.4, trust_env=False) as client,
        pytest.raises(hc.EndpointError, match="cannot be reached"),
    ):
        drive(campaign(CONTRACT, suite(CONTRACT, "request"), target, lambda _: None), client, send)
    assert post(server).status_code == 200


def test_physics(command: list[str]) -> None:
    with running(command, "--ttfb", "0.2", "--tokens-per-second", "100", "--chunk-bytes", "7") as one:
        begun = time.monotonic()
        with httpx.stream("POST", one.url, json={**INPUT, "stream": True}, trust_env=False) as response:
            times, chunks = zip(*((time.monotonic() - begun, chunk) for chunk in response.iter_raw()), strict=True)
    assert times[0] >= 0.2
    stream = hc.StreamValidator(CONTRACT)
    assert [found for chunk in chunks for found in stream.feed(chunk)] + stream.finish() == []
    assert times[-1] - times[0] >= len(stream.message["content"][0]["text"].split()) / 100 - 0.02
    assert len(chunks) > 10


def test_parallel_streams_are_not_mixed(command: list[str]) -> None:
    async def one(client: httpx.AsyncClient, url: str, number: int) -> tuple[int, str]:
        response = await client.post(url, json={**INPUT, "stream": True, "max_tokens": number})
        stream = hc.StreamValidator(CONTRACT)
        assert [*stream.feed(response.content), *stream.finish()] == []
        return number, stream.message["content"][0]["text"]

    async def go(url: str) -> list[tuple[int, str]]:
        async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=100)) as client:
            return await asyncio.gather(*(one(client, url, number) for number in range(1, 9)))

    with running(command, "--tokens-per-second", "200", "--jitter", "1", "--chunk-bytes", "20") as server:
        for number, text in asyncio.run(go(server.url)):
            assert len(text.split()) == number


def test_clients_that_hang_up_are_no_news(server: Server) -> None:
    body = json.dumps({**INPUT, "stream": True}).encode()
    for number in range(60):
        with server.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
            connection.sendall(_request(body=body))
            if number % 2:
                connection.recv(1)
    assert post(server).status_code == 200  # and `server` ends without a word


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts what the system says is open")
def test_clients_that_hang_up_free_everything(server: Server) -> None:
    post(server)
    before = server.open_files()
    connections = [server.connect() for _ in range(50)]
    for number, connection in enumerate(connections):
        fault = b"x-haiku-fault: delivery:hang\r\n" if number % 2 else b"x-haiku-fault: delivery:drip\r\n"
        connection.sendall(_request(fault) if number % 3 else b"POST / HTTP/1.1\r\nhost: x\r\n")
    for connection in connections:
        connection.close()
    deadline = time.monotonic() + 10
    while server.open_files() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.open_files() <= before
    assert post(server).status_code == 200


def _request(*headers: bytes, body: bytes = BODY) -> bytes:
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n" % len(body)
    return head + b"".join(headers) + b"\r\n" + body


GARBAGE = {
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00garbage\r\n\r\n", 400),
    "no version": (b"POST /\r\n\r\n", 400),
    "wrong length": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n", 400),
    "two lengths": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
    "no host": (b"POST / HTTP/1.1\r\n\r\n", 400),
    "endless header": (b"POST / HTTP/1.1\r\nx: " + b"a" * 100_000, 431),
    "bad chunk": (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nnope\r\n", 400),
    "no body": (b"POST / HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "bytes": (_request(body=bytes(range(256))), 400),
    "deep": (_request(body=b"[" * 10_000 + b"]" * 10_000), 400),
    "giant by its length": (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999999\r\n\r\n", 413),
    "odd path": (b"POST /%ff%00%2e%2e HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", 404),
    "odd headers": (_request(b"x-odd: \xff\xfe\r\n", b"x-haiku-fault: \xff\r\n"), 400),
    "upgrade": (_request(b"connection: upgrade\r\n", b"upgrade: websocket\r\n"), 200),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_any_bytes_get_a_status(server: Server, name: str) -> None:
    data, status = GARBAGE[name]
    with server.connect() as connection:
        connection.sendall(data)
        assert connection.recv(12) == b"HTTP/1.1 %d" % status


def test_slow_headers(server: Server) -> None:
    with server.connect() as connection:
        for at in range(0, len(_request()), 40):
            connection.sendall(_request()[at : at + 40])
            time.sleep(0.01)
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_a_giant_body_is_read_but_not_kept(server: Server) -> None:
    size = 40 * 1024 * 1024
    with server.connect() as connection:
        connection.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(40):
            connection.sendall(b" " * 1024 * 1024)
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"request_too_large" in answer


def test_many_connections(server: Server) -> None:
    connections = [server.connect() for _ in range(300)]
    for connection in connections:
        connection.sendall(_request())
    for connection in connections:
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.close()


def test_beyond_loopback_is_said(command: list[str]) -> None:
    one = Server(command, "--host", "0.0.0.0")  # noqa: S104 - that is what is warned of
    code, _, err = one.stop()
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith("haiku-contract: warning: 0.0.0.0 can be reached from other machines")


def test_replies_and_a_rate(command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    path.write_text('{"text": "From a script."}\n', encoding="utf-8")
    with running(command, "--replies", str(path), "--fault", "answer:throttled", "--fault-rate", "0.5") as one:
        answers = [post(one) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200, 429}
    texts = {answer.json()["content"][0]["text"] for answer in answers if answer.status_code == 200}
    assert texts == {"From a script."}


@pytest.mark.parametrize(("options", "faults", "rate"), [
    ((), [], 1),
    (("--fault", "answer:credits"), ["answer:credits"], 1),
    (("--fault", "answer:credits", "--fault-rate", "0.5"), ["answer:credits"], 0.5),
    (("--fault-rate", "0.1"), None, 0.1),
])  # fmt: skip
def test_a_rate_without_a_fault_means_any_fault(
    cli: Cli, parrot: str, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], faults: Any, rate: float
) -> None:
    made: list[Any] = []

    def create_app(contract: hc.Contract, fault: Any, *, fault_rate: float, settings: Any) -> None:
        everything = list(Repertoire(contract).everything())
        made.append(([str(one) for one in fault] if fault != everything else None, fault_rate, settings.seed))
        raise hc.UsageError("enough")

    monkeypatch.setattr(sys.modules[_listener.__module__], "create_app", create_app)
    assert cli("serve", "--contract", parrot, "--seed", "7", *options).code == 2
    assert made == [(faults, rate, 7)]


def test_a_busy_server_hears_others_meanwhile(server: Server) -> None:
    """A large body is looked at beside the event loop."""
    large = json.dumps({**INPUT, "system": "\u00e9" * 4_000_000, "stop_sequences": [[[]]] * 200_000}).encode()
    thread = threading.Thread(target=lambda: httpx.post(server.url, content=large, timeout=60, trust_env=False))
    thread.start()
    assert post(server, timeout=20).status_code == 200
    thread.join()
