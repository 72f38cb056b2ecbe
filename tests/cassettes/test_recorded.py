"""Recording over real HTTP and replaying without it, for both kinds of clients."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.endpoint.cassette import Cassette, Held, Interaction, load
from haiku_contract.endpoint.recorded import RecordedTransport
from haiku_contract.endpoint.recording import RecordingTransport
from haiku_contract.endpoint.redaction import Redaction
from haiku_contract.errors import StaleCassetteError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Edge, Server

ASKED = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}


def one(request: bytes = b"{}", response: bytes = b"[]", **given: Any) -> Interaction:
    return Interaction(
        **{
            "method": "POST",
            "url": "http://recorded.invalid/x",
            "request_headers": (("content-type", "application/json"),),
            "request": Held(request),
            "status": 200,
            "response_headers": (("content-type", "application/json"),),
            "response": Held(response),
            **given,
        }
    )


def replay(*interactions: Interaction, **given: Any) -> RecordedTransport:
    return RecordedTransport(Cassette("x.yaml", interactions), **given)


def ask(transport: Any, body: bytes = b"{}", url: str = "http://a.test/x", **headers: str) -> httpx.Response:
    with httpx.Client(transport=transport) as client:
        return client.post(url, content=body, headers={"content-type": "application/json", **headers})


@pytest.mark.parametrize("path", ["/stream", "/echo"])
def test_what_is_replayed_is_what_came_over_the_wire(server: Server, edge: Edge, tmp_path: Path, path: str) -> None:
    cassette = tmp_path / "x.yaml"
    live = edge.ask(RecordingTransport(edge.network(), cassette, mode="once"), server.url + path, json=ASKED)
    server.stop()
    replayed = edge.ask(RecordedTransport(load(cassette)), server.url + path, json=ASKED)
    assert replayed.chunks == live.chunks
    assert replayed.status == live.status
    shown = [pair for pair in live.headers if pair[0] != "x-secret"]
    assert [pair for pair in replayed.headers if pair[0] != "x-secret"] == shown


def test_a_compressed_body_is_recorded_as_text(server: Server, edge: Edge, tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    live = edge.ask(RecordingTransport(edge.network(), cassette, mode="once"), f"{server.url}/gzip", json=ASKED)
    assert live.chunks[0].startswith(b"\x1f\x8b")
    (recorded,) = load(cassette).interactions
    assert recorded.response.read() == b'{"asked":' + recorded.request.read() + b"}"
    assert "content-encoding" not in dict(recorded.response_headers)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_compressed_stream_is_replayed_as_its_client_saw_it(
    server: Server, edge: Edge, tmp_path: Path, coding: str
) -> None:
    """What httpx gives to the caller, chunk by chunk; of the headers, those about the coding are gone with it."""
    cassette, url = tmp_path / "x.yaml", f"{server.url}/coded/{coding}"
    plain = b"".join(edge.ask(edge.network(), f"{server.url}/stream", json=ASKED).chunks)
    live = edge.ask(RecordingTransport(edge.network(), cassette, mode="once"), url, decoded=True, json=ASKED)
    assert len(live.chunks) > 1
    assert b"".join(live.chunks) == plain
    (recorded,) = load(cassette).interactions
    assert recorded.response.read() == plain
    server.stop()
    replayed = edge.ask(RecordedTransport(load(cassette)), url, decoded=True, json=ASKED)
    assert replayed.chunks == live.chunks
    assert replayed.headers == [pair for pair in live.headers if pair[0] != "content-encoding"]
    assert edge.ask(RecordedTransport(load(cassette)), url, json=ASKED).chunks == live.chunks


def test_a_body_that_breaks_off_breaks_off_again(server: Server, edge: Edge, tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    with pytest.raises(httpx.RemoteProtocolError) as live:
        edge.ask(RecordingTransport(edge.network(), cassette, mode="once"), f"{server.url}/broken", json=ASKED)
    server.stop()
    with pytest.raises(httpx.RemoteProtocolError) as replayed:
        edge.ask(RecordedTransport(load(cassette)), f"{server.url}/broken", json=ASKED)
    assert str(replayed.value) == str(live.value)
    assert load(cassette).interactions[0].response.read() == b'{"half":'


def test_no_answer_is_no_recording(edge: Edge, tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    with pytest.raises(httpx.ConnectError):
        edge.ask(RecordingTransport(edge.network(), cassette, mode="once"), "http://127.0.0.1:1/", json=ASKED)
    assert list(tmp_path.iterdir()) == []


class Mode(NamedTuple):
    """A mode, what the cassette has, what is asked, what reaches the server (None: refused), what it has then."""

    mode: Any
    before: list[str]
    asked: list[str]
    sent: list[str] | None
    after: list[str]


MODES = [
    Mode("none", ["/a"], ["/a"], [], ["/a"]),
    Mode("none", ["/a"], ["/b"], None, ["/a"]),
    Mode("once", [], ["/a", "/b"], ["/a", "/b"], ["/a", "/b"]),
    Mode("once", ["/a"], ["/a", "/a"], [], ["/a"]),
    Mode("once", ["/a"], ["/b"], None, ["/a"]),
    Mode("new", [], ["/a"], ["/a"], ["/a"]),
    Mode("new", ["/a"], ["/a", "/b"], ["/b"], ["/a", "/b"]),
    Mode("new", ["/a", "/b"], ["/b"], [], ["/a", "/b"]),
    Mode("all", ["/a", "/b"], ["/b", "/c"], ["/b", "/c"], ["/b", "/c"]),
    Mode("all", ["/a"], [], [], ["/a"]),
]


@pytest.mark.parametrize("case", MODES, ids=lambda case: f"{case.mode}-{len(case.before)}-{len(case.asked)}")
def test_record_modes(server: Server, edge: Edge, tmp_path: Path, case: Mode) -> None:
    cassette = tmp_path / "x.yaml"
    for path in case.before:
        edge.ask(RecordingTransport(edge.network(), cassette, mode="new"), server.url + path, json=ASKED)
    server.requests.clear()
    transport = RecordingTransport(edge.network(), cassette, mode=case.mode)
    if case.sent is None:
        with pytest.raises(StaleCassetteError):
            edge.ask(transport, server.url + case.asked[0], json=ASKED)
    else:
        _ask_all(edge, transport, [server.url + path for path in case.asked])
    assert server.requests == (case.sent or [])
    assert [httpx.URL(each.url).path for each in load(cassette).interactions] == case.after


def _ask_all(edge: Edge, transport: RecordingTransport, urls: list[str]) -> None:
    if edge.network is httpx.HTTPTransport:
        with httpx.Client(transport=transport) as client:
            for url in urls:
                client.post(url, json=ASKED)
        return

    async def ask_all() -> None:
        async with httpx.AsyncClient(transport=transport) as client:
            for url in urls:
                await client.post(url, json=ASKED)

    asyncio.run(ask_all())


def test_a_mode_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(hc.UsageError, match="choose one of none, once, new, all"):
        RecordingTransport(None, tmp_path / "x.yaml", mode="some")  # type: ignore[arg-type]


# recorded body -> asked body, whether that is the same request
SAME = [
    (b'{"a":1,"b":2}', b'{"b": 2, "a": 1}', True),
    (b'{"a":1}', b'{"a":1.0}', True),
    (b'{"a":100}', b'{"a":1e2}', True),
    (b'{"a":"\xc3\xa9"}', b'{"a":"\\u00e9"}', True),
    (b'{"a":1}', b'{"a":true}', False),
    (b'{"a":1}', b'{"a":"1"}', False),
    (b'{"a":[1,2]}', b'{"a":[2,1]}', False),
    (b'{"a":9007199254740993}', b'{"a":9007199254740992}', False),
    (b'{"a":1,"a":2}', b'{"a":1, "a":2}', False),
    (b'{"a":1,"a":2}', b'{"a":2}', False),
    (b"not json", b"not json", True),
    (b"not json", b"not  json", False),
    (b"", b"", True),
]


@pytest.mark.parametrize(("recorded", "asked", "same"), SAME)
def test_bodies_are_compared_as_json(recorded: bytes, asked: bytes, same: bool) -> None:
    transport = replay(one(recorded, b"found"))
    if same:
        assert ask(transport, asked).content == b"found"
    else:
        with pytest.raises(StaleCassetteError):
            ask(transport, asked)


def test_the_same_bytes_win_over_the_same_json() -> None:
    transport = replay(one(b'{"a":1}', b"first"), one(b'{"a":1.0}', b"second"))
    assert ask(transport, b'{"a":1.0}').content == b"second"
    assert ask(transport, b'{"a":1}').content == b"first"


def test_the_content_type_counts_where_one_was_recorded() -> None:
    headers = {kind: (("content-type", kind),) for kind in ("application/json", "text/plain")}
    transport = replay(*(one(response=kind.encode(), request_headers=pairs) for kind, pairs in headers.items()))
    for kind in headers:
        assert ask(transport, **{"content-type": f"{kind}; charset=utf-8"}).text == kind
    with pytest.raises(StaleCassetteError):
        ask(transport, **{"content-type": "text/html"})
    assert ask(replay(one(request_headers=())), **{"content-type": "text/html"}).text == "[]"


def test_headers_that_change_do_not_count() -> None:
    assert (
        ask(replay(one()), **{"user-agent": "another", "authorization": "Bearer other", "date": "today"}).text == "[]"
    )


# recorded and asked address -> whether that is the same surface
ADDRESSES = [
    ("https://api.cloudflare.com/client/v4/accounts/one/ai/run", "http://127.0.0.1:1/accounts/two/ai/run", True),
    (
        "https://gateway.ai.cloudflare.com/v1/a/g/anthropic/v1/messages",
        "http://a.test/v1/b/h/anthropic/v1/messages",
        True,
    ),
    ("https://api.anthropic.com/v1/messages?beta=true", "http://127.0.0.1:1/v1/messages", True),
    ("http://a.test/x", "http://b.test:81/x", True),
    ("http://a.test/x", "http://a.test/y", False),
    ("http://a.test/x?page=1", "http://a.test/x?page=2", False),
    ("http://a.test/v1/messages", "http://a.test/ai/run", False),
]


@pytest.mark.parametrize(("recorded", "asked", "same"), ADDRESSES)
def test_the_surface_counts_and_the_host_does_not(recorded: str, asked: str, same: bool) -> None:
    transport = replay(one(url=recorded))
    if same:
        assert ask(transport, url=asked).text == "[]"
    else:
        with pytest.raises(StaleCassetteError):
            ask(transport, url=asked)


def test_answers_to_one_request_come_in_their_order_and_the_last_one_again() -> None:
    transport = replay(one(response=b"1"), one(b"other", b"x"), one(response=b"2"))
    assert [ask(transport).text for _ in range(4)] == ["1", "2", "2", "2"]


def test_a_secret_in_the_request_does_not_keep_it_from_its_answer(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    key = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz"
    body = b'{"metadata":{"api_key":"%s"}}' % key.encode()
    inner = httpx.MockTransport(lambda _: httpx.Response(200, text="found"))
    ask(RecordingTransport(inner, cassette, mode="once"), body, **{"x-api-key": key})
    assert key not in cassette.read_text(encoding="utf-8")
    assert ask(RecordedTransport(load(cassette)), body, **{"x-api-key": key}).text == "found"
    other = body.replace(b"abcdef", b"fedcba")
    assert ask(RecordedTransport(load(cassette)), other).text == "found"


def test_a_stale_request_is_named_without_its_secrets() -> None:
    with pytest.raises(StaleCassetteError) as caught:
        ask(replay(one()), b'{"api_key":"hunter2-and-more"}', url="http://a.test/accounts/0123456789abcdef/ai/run")
    assert str(caught.value) == (
        'x.yaml: holds no answer to POST run {"api_key":"xxxxxxx-xxx-xxxx"}; record it in mode \'new\''
    )
    assert isinstance(caught.value, hc.EndpointError)


def test_chunks_come_in_their_time_if_asked(edge: Edge) -> None:
    recorded = one(response=b"abc", sizes=(1, 2), seconds=(0.02, 0.06))
    began = time.monotonic()
    assert edge.ask(replay(recorded), "http://a.test/x", json={}).chunks == [b"a", b"bc"]
    at_once = time.monotonic() - began
    began = time.monotonic()
    assert edge.ask(replay(recorded, timing=True), "http://a.test/x", json={}).chunks == [b"a", b"bc"]
    assert time.monotonic() - began >= 0.06 > at_once or at_once >= 0.06  # a machine may be slow, and never too fast


def test_a_client_that_stops_reading_is_recorded_as_such(server: Server, tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    url = f"{server.url}/stream"
    with (
        httpx.Client(transport=RecordingTransport(httpx.HTTPTransport(), cassette, mode="once")) as client,
        client.stream("POST", url, json=ASKED) as response,
    ):
        first = next(response.iter_raw())
    transport = RecordedTransport(load(cassette))
    with (
        httpx.Client(transport=transport) as client,
        client.stream("POST", f"{server.url}/stream", json=ASKED) as response,
    ):
        chunks = response.iter_raw()
        assert next(chunks) == first
        with pytest.raises(httpx.ReadError, match="stopped reading here"):
            next(chunks)


def test_what_could_hide_a_secret_is_not_recorded(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    headers = {"content-encoding": "mystery"}
    inner = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"abc")))
    transport = RecordingTransport(inner, cassette, mode="once")
    with httpx.Client(transport=transport) as client:
        client.post("http://a.test/x", json={})
        client.post("http://a.test/x", content=b"abc", headers={"content-encoding": "gzip"})
    assert len(transport.unrecorded) == 2
    assert "mystery" in transport.unrecorded[0]
    assert not cassette.exists()


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_what_is_compressed_without_saying_so_is_not_recorded(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    cassette = tmp_path / "x.yaml"
    answers = iter([b"{}", compress(b"{}")])
    transport = RecordingTransport(
        httpx.MockTransport(lambda _: httpx.Response(200, content=next(answers))), cassette, mode="once"
    )
    with httpx.Client(transport=transport) as client:
        client.post("http://a.test/x", content=compress(b"{}"))
        client.post("http://a.test/x", json={})
    assert [("the request is" in one, "the response is" in one) for one in transport.unrecorded] == [
        (True, False),
        (False, True),
    ]
    assert not cassette.exists()


def test_exchanges_are_written_in_the_order_of_their_requests(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    inner = httpx.MockTransport(lambda _: httpx.Response(200, stream=httpx.ByteStream(b"{}")))
    with httpx.Client(transport=RecordingTransport(inner, cassette, mode="once")) as client:
        first = client.send(client.build_request("POST", "http://a.test/1"), stream=True)
        client.post("http://a.test/2")
        first.read()
    assert [each.url for each in load(cassette).interactions] == ["http://a.test/1", "http://a.test/2"]


def test_a_redaction_of_ones_own(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    inner = httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"x-seen": "as it is"}, json={"said": "xyzzy-plugh"})
    )
    redaction = Redaction(secrets=("xyzzy-plugh",), headers=frozenset({"x-seen"}))
    ask(RecordingTransport(inner, cassette, mode="once", redaction=redaction))
    (recorded,) = load(cassette).interactions
    assert dict(recorded.response_headers)["x-seen"] == "as it is"
    assert recorded.response.read() == b'{"said":"xxxxx-xxxxx"}'
