"""The guard in front of httpx: every law holds for the synchronous and for the asynchronous client."""

from __future__ import annotations

import asyncio
import gzip
import json
import warnings
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.errors import ContractWarning
from haiku_contract.guard import GuardTransport, Observation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

CONTRACT = hc.load()
MODEL = CONTRACT.model_id
GOOD = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}
BAD = {"messages": [{"role": "user", "content": "a private prompt"}], "max_tokens": "secret 8"}
ANSWER = {
    "id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}],
    "model": "claude-haiku-4-5-20251001", "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip
REST = "https://api.cloudflare.com/client/v4/accounts/0123/ai"

# One conforming request per surface: URL, headers, how the input is wrapped.
SURFACES: dict[str, tuple[str, dict[str, str], Callable[[dict[str, Any]], Any]]] = {
    "binding": (
        "https://workers-binding.ai/ai-gateway/run?version=3",
        {"cf-consn-model-id": MODEL},
        lambda value: {"inputs": value, "options": {"gateway": {"id": "default"}}},
    ),
    "binding without gateway": (
        "https://workers-binding.ai/run?version=3", {"cf-consn-model-id": MODEL}, lambda value: {"inputs": value},
    ),
    "run": (f"{REST}/run", {}, lambda value: {"model": MODEL, "input": value}),
    "run with the model in the path": (f"{REST}/run/anthropic%2Fclaude-haiku-4.5", {}, lambda value: value),
    "messages": (f"{REST}/v1/messages", {}, lambda value: {"model": MODEL, **value}),
    "messages of an SDK": ("http://127.0.0.1:9/any/base/v1/messages", {}, lambda value: {"model": MODEL, **value}),
    "gateway": (
        "https://gateway.ai.cloudflare.com/v1/0123/default/anthropic/v1/messages",
        {},
        lambda value: {"model": "claude-haiku-4-5", **value},
    ),
}  # fmt: skip


class Chunks(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that arrives in pieces, counts what was taken, and may break."""

    def __init__(self, *chunks: bytes, error: Exception | None = None) -> None:
        self.chunks = chunks
        self.error = error
        self.taken = 0
        self.closed = False

    def _next(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.taken += 1
            yield chunk
        if self.error:
            raise self.error

    def __iter__(self) -> Iterator[bytes]:
        yield from self._next()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._next():
            yield chunk

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


class Inner(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The network: remembers what was sent, answers with a stream."""

    def __init__(self, body: bytes | Chunks = b"", status: int = 200, **headers: str) -> None:
        self.sent: list[httpx.Request] = []
        self.body = body if isinstance(body, Chunks) else Chunks(body or json.dumps(ANSWER).encode())
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()} or {
            "content-type": "application/json"
        }

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return httpx.Response(self.status, headers=self.headers, stream=self.body)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def post_sync(guard: GuardTransport, url: str, **content: Any) -> httpx.Response:
    with httpx.Client(transport=guard) as client:
        return client.post(url, **content)


def post_async(guard: GuardTransport, url: str, **content: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=guard) as client:
            return await client.post(url, **content)

    return asyncio.run(go())


@pytest.fixture(params=[post_sync, post_async], ids=["sync", "async"])
def post(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("name", list(SURFACES))
def test_every_surface_is_recognised_and_unwrapped(post: Any, name: str) -> None:
    url, headers, wrap = SURFACES[name]
    seen: list[Observation] = []
    inner = Inner()
    assert (
        post(GuardTransport(CONTRACT, inner, observer=seen.append), url, json=wrap(GOOD), headers=headers).json()
        == ANSWER
    )
    assert [(one.direction, one.surface, one.violations) for one in seen] == [
        ("request", name.split(maxsplit=1)[0], ()),
        ("response", name.split(maxsplit=1)[0], ()),
    ]
    inner = Inner()
    with pytest.raises(hc.ContractViolation) as caught:
        post(GuardTransport(CONTRACT, inner), url, json=wrap(BAD), headers=headers)
    assert [one.constraint for one in caught.value.violations] == ["request:/properties/max_tokens/type"]
    assert [one.instance_location for one in caught.value.violations] == ["/max_tokens"]
    assert inner.sent == []


def test_the_bare_surface_has_to_be_named(post: Any) -> None:
    inner = Inner()
    with pytest.raises(hc.ContractViolation):
        post(GuardTransport(CONTRACT, inner, surface="bare"), "http://127.0.0.1:9/anything", json=BAD)
    assert inner.sent == []
    assert post(GuardTransport(CONTRACT, inner), "http://127.0.0.1:9/anything", json=BAD).status_code == 200


@pytest.mark.parametrize(
    ("url", "headers", "body"),
    [
        ("https://api.cloudflare.com/client/v4/accounts/0123/ai/v1/chat/completions", {}, {"model": MODEL, "x": 1}),
        (f"{REST}/v1/messages", {}, {"model": "anthropic/claude-opus-4.5", **BAD}),
        (f"{REST}/v1/messages", {}, BAD),
        (f"{REST}/run/@cf/meta/llama", {}, BAD),
        (f"{REST}/run", {}, {"model": "openai/gpt", "input": BAD}),
        ("https://workers-binding.ai/run?version=3", {"cf-consn-model-id": "openai/gpt"}, {"inputs": BAD}),
        ("https://api.anthropic.com/v1/messages", {}, {"model": "claude-haiku-4-5", **BAD}),
        ("https://example.com/", {}, ["anything"]),
    ],
)
def test_what_is_not_ours_passes_untouched(post: Any, url: str, headers: dict[str, str], body: Any) -> None:
    inner = Inner(b"not even JSON")
    seen: list[Observation] = []
    guard = GuardTransport(CONTRACT, inner, response="raise", observer=seen.append)
    response = post(guard, url, json=body, headers=headers)
    assert response.content == b"not even JSON"
    assert json.loads(inner.sent[0].content) == body
    assert seen == []


def test_other_methods_pass_untouched() -> None:
    inner = Inner()
    with httpx.Client(transport=GuardTransport(CONTRACT, inner, surface="bare", response="raise")) as client:
        assert client.get("http://127.0.0.1:9/").status_code == 200


def test_hosts_narrow_what_is_looked_at(post: Any) -> None:
    body = {"model": MODEL, **BAD}
    guard = GuardTransport(CONTRACT, Inner(), hosts=["gateway.internal"])
    assert post(guard, f"{REST}/v1/messages", json=body).status_code == 200
    with pytest.raises(hc.ContractViolation):
        post(
            GuardTransport(CONTRACT, Inner(), hosts=["gateway.internal"]),
            "https://gateway.internal/v1/messages",
            json=body,
        )


@pytest.mark.parametrize("body", [b'{"max_tokens": NaN}', b"", b'{"max_tokens":1,"max_tokens":2}', b"\xff"])
def test_bodies_that_are_not_json(post: Any, body: bytes) -> None:
    inner = Inner()
    with pytest.raises(hc.ContractViolation, match="wire:"):
        post(
            GuardTransport(CONTRACT, inner, surface="bare"),
            "http://127.0.0.1:9/",
            content=body,
            headers={"content-type": "application/json"},
        )
    assert inner.sent == []


def test_a_body_that_cannot_be_read_is_ours_when_it_names_the_model(post: Any) -> None:
    body = b'{"model": "anthropic/claude-haiku-4.5", "max_tokens": NaN}'
    with pytest.raises(hc.ContractViolation, match="wire:number"):
        post(
            GuardTransport(CONTRACT, Inner()),
            f"{REST}/v1/messages",
            content=body,
            headers={"content-type": "application/json"},
        )


def test_the_wrong_content_type(post: Any) -> None:
    with pytest.raises(hc.ContractViolation, match="wire:content-type"):
        post(
            GuardTransport(CONTRACT, Inner(), surface="bare"),
            "http://127.0.0.1:9/",
            content=json.dumps(GOOD),
            headers={"content-type": "text/plain"},
        )


def test_the_message_says_what_to_do_and_keeps_the_prompt_private(post: Any) -> None:
    with pytest.raises(hc.ContractViolation) as caught:
        post(GuardTransport(CONTRACT, Inner(), surface="bare"), "http://127.0.0.1:9/", json=BAD)
    text = str(caught.value)
    assert "request:/properties/max_tokens/type" in text
    assert "max_tokens: expected a number" in text
    assert "secret" not in text
    assert "private" not in text
    assert "secret" not in repr(caught.value.violations)
    with pytest.raises(hc.ContractViolation, match="secret 8"):
        post(GuardTransport(CONTRACT, Inner(), surface="bare", excerpts=True), "http://127.0.0.1:9/", json=BAD)


@pytest.mark.parametrize("name", list(SURFACES))
def test_respond_answers_as_the_endpoint_would(post: Any, name: str) -> None:
    url, headers, wrap = SURFACES[name]
    inner = Inner()
    response = post(GuardTransport(CONTRACT, inner, request="respond"), url, json=wrap(BAD), headers=headers)
    assert inner.sent == []
    assert response.status_code == 400
    body = response.json()
    entry = (body.get("errors") or body["error"])[0]
    assert entry["code"] == 7003
    assert entry["message"].startswith(
        "Model execution failed (User Input Error): Invalid value at max_tokens: Invalid input: expected number, "
        "received string"
    )
    assert "secret" not in entry["message"]


def test_respond_passes_what_conforms(post: Any) -> None:
    inner = Inner()
    guard = GuardTransport(CONTRACT, inner, request="respond", surface="bare")
    assert post(guard, "http://127.0.0.1:9/", json=GOOD).json() == ANSWER


def test_warn_and_observe_and_off(post: Any) -> None:
    url = "http://127.0.0.1:9/"
    with pytest.warns(ContractWarning, match="max_tokens: expected a number"):
        post(GuardTransport(CONTRACT, Inner(), request="warn", surface="bare"), url, json=BAD)
    seen: list[Observation] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        guard = GuardTransport(CONTRACT, Inner(), request="observe", surface="bare", observer=seen.append)
        post(guard, url, json=BAD)
        assert [len(one.violations) for one in seen] == [1, 0]
        seen.clear()
        guard = GuardTransport(
            CONTRACT, Inner(b"{}"), request="off", response="off", surface="bare", observer=seen.append
        )
        post(guard, url, json=BAD)
        assert seen == []


@pytest.mark.parametrize("chunks", [1, 7, 10_000])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_response_that_does_not_conform(post: Any, chunks: int, compressed: bool) -> None:
    body = json.dumps({**ANSWER, "usage": {}, "type": "private text"}).encode()
    raw = gzip.compress(body) if compressed else body
    pieces = [raw[at : at + chunks] for at in range(0, len(raw), chunks)]
    headers = {"content_type": "application/json; charset=utf-8"} | ({"content_encoding": "gzip"} if compressed else {})
    with pytest.raises(hc.ContractViolation) as caught:
        post(
            GuardTransport(CONTRACT, Inner(Chunks(*pieces), **headers), response="raise", surface="bare"),
            "http://127.0.0.1:9/",
            json=GOOD,
        )
    assert sorted(one.constraint for one in caught.value.violations) == [
        "response:/properties/type/const",
        "response:/properties/usage/required/0",
        "response:/properties/usage/required/1",
    ]
    assert "private" not in str(caught.value)
    with pytest.warns(ContractWarning, match="response does not conform"):
        response = post(
            GuardTransport(CONTRACT, Inner(Chunks(*pieces), **headers), surface="bare"),
            "http://127.0.0.1:9/",
            json=GOOD,
        )
    assert response.content == body


@pytest.mark.parametrize(
    "envelope",
    [
        {"result": ANSWER, "success": True, "errors": [], "messages": []},
        {"state": "Completed", "result": ANSWER},
        ANSWER,
    ],
)
def test_envelopes_of_a_success(post: Any, envelope: dict[str, Any]) -> None:
    guard = GuardTransport(CONTRACT, Inner(json.dumps(envelope).encode()), response="raise")
    assert post(guard, f"{REST}/run", json={"model": MODEL, "input": GOOD}).json() == envelope


@pytest.mark.parametrize(
    ("body", "fine"),
    [
        ({"result": None, "success": False, "errors": [{"code": 7003, "message": "no"}], "messages": []}, True),
        ({"error": [{"code": 2021, "message": "no"}]}, True),
        ({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}, "request_id": "req_1"}, True),
        ({"oops": 1}, False),
        ([], False),
        ({"error": {"type": 5}}, False),
    ],
)
def test_error_bodies_have_known_shapes(post: Any, body: Any, fine: bool) -> None:
    guard = GuardTransport(CONTRACT, Inner(json.dumps(body).encode(), 400), response="raise", surface="bare")
    if fine:
        assert post(guard, "http://127.0.0.1:9/", json=GOOD).status_code == 400
        return
    with pytest.raises(hc.ContractViolation, match="error:"):
        post(guard, "http://127.0.0.1:9/", json=GOOD)


def test_a_share_of_the_responses_is_looked_at() -> None:
    seen: list[Observation] = []
    guard = GuardTransport(CONTRACT, httpx.MockTransport(lambda _: httpx.Response(200, json=ANSWER)), surface="bare",
                           sample=0.25, observer=seen.append)  # fmt: skip
    with httpx.Client(transport=guard) as client:
        for _ in range(100):
            client.post("http://127.0.0.1:9/", json=GOOD)
    assert sum(one.direction == "response" for one in seen) == 25
    assert sum(one.direction == "request" for one in seen) == 100


def test_errors_of_the_inner_transport_pass_as_they_are(post: Any) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("too slow", request=request)

    guard = GuardTransport(CONTRACT, httpx.MockTransport(fail), surface="bare")
    with pytest.raises(httpx.ConnectTimeout, match="too slow"):
        post(guard, "http://127.0.0.1:9/", json=GOOD)


def test_a_body_that_breaks_on_the_way(post: Any) -> None:
    body = Chunks(b'{"id":', error=httpx.ReadError("gone"))
    seen: list[Observation] = []
    guard = GuardTransport(CONTRACT, Inner(body), surface="bare", response="raise", observer=seen.append)
    with pytest.raises(httpx.ReadError, match="gone"):
        post(guard, "http://127.0.0.1:9/", json=GOOD)
    assert body.closed
    assert [(one.direction, one.complete, one.violations) for one in seen] == [
        ("request", True, ()),
        ("response", False, ()),
    ]


def test_unknown_modes_are_refused() -> None:
    with pytest.raises(hc.UsageError, match="no mode request='strict': choose one of raise"):
        GuardTransport(CONTRACT, request="strict")  # type: ignore[arg-type]
    with pytest.raises(hc.UsageError, match="no sample"):
        GuardTransport(CONTRACT, sample=2)
    with pytest.raises(hc.UsageError, match="no surface"):
        GuardTransport(CONTRACT, surface="rest")


# -- streams ----------------------------------------------------------------------------------------------------

USAGE = {"input_tokens": 1, "output_tokens": 1}
EVENTS = [
    f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
    for event in (
        {"type": "message_start", "message": {**ANSWER, "content": [], "stop_reason": None, "usage": USAGE}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    )
]
STREAM = {"content_type": "text/event-stream; charset=utf-8"}


def read_sync(guard: GuardTransport, stop_after: int | None = None) -> list[bytes]:
    with httpx.Client(transport=guard) as client, client.stream("POST", "http://127.0.0.1:9/", json=GOOD) as response:
        got = []
        for chunk in response.iter_raw():
            got.append(chunk)
            if len(got) == stop_after:
                break
        return got


def read_async(guard: GuardTransport, stop_after: int | None = None) -> list[bytes]:
    async def go() -> list[bytes]:
        got = []
        async with (
            httpx.AsyncClient(transport=guard) as client,
            client.stream("POST", "http://127.0.0.1:9/", json=GOOD) as response,
        ):
            async for chunk in response.aiter_raw():
                got.append(chunk)
                if len(got) == stop_after:
                    break
        return got

    return asyncio.run(go())


@pytest.fixture(params=[read_sync, read_async], ids=["sync", "async"])
def read(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_stream_passes_chunk_by_chunk_and_unchanged(read: Any) -> None:
    body = Chunks(*EVENTS)
    seen: list[Observation] = []
    guard = GuardTransport(CONTRACT, Inner(body, **STREAM), surface="bare", response="raise", observer=seen.append)
    assert read(guard) == EVENTS
    assert [(one.direction, one.violations, one.complete) for one in seen] == [
        ("request", (), True),
        ("response", (), True),
    ]
    assert body.closed


def test_nothing_is_taken_ahead_of_the_reader(read: Any) -> None:
    body = Chunks(*EVENTS)
    seen: list[Observation] = []
    guard = GuardTransport(CONTRACT, Inner(body, **STREAM), surface="bare", response="raise", observer=seen.append)
    assert read(guard, 2) == EVENTS[:2]
    assert body.taken == 2
    assert body.closed
    assert [(one.direction, one.complete) for one in seen] == [("request", True), ("response", False)]


def test_a_broken_stream_raises_where_it_breaks(read: Any) -> None:
    body = Chunks(EVENTS[0], EVENTS[2], *EVENTS[3:])
    guard = GuardTransport(CONTRACT, Inner(body, **STREAM), surface="bare", response="raise")
    with pytest.raises(hc.ContractViolation, match="stream:"):
        read(guard)
    assert body.taken == 2
    assert body.closed


def test_a_truncated_stream_raises_at_its_end(read: Any) -> None:
    body = Chunks(*EVENTS[:-1])
    guard = GuardTransport(CONTRACT, Inner(body, **STREAM), surface="bare", response="raise")
    with pytest.raises(hc.ContractViolation, match="stream:"):
        read(guard)
    assert body.closed
    with pytest.warns(ContractWarning, match="stream:"):
        assert read(GuardTransport(CONTRACT, Inner(Chunks(*EVENTS[:-1]), **STREAM), surface="bare")) == EVENTS[:-1]


def test_a_compressed_stream(read: Any) -> None:
    raw = gzip.compress(b"".join(EVENTS[:-1]))
    pieces = [raw[at : at + 5] for at in range(0, len(raw), 5)]
    guard = GuardTransport(
        CONTRACT, Inner(Chunks(*pieces), **STREAM, content_encoding="gzip"), surface="bare", response="raise"
    )
    with pytest.raises(hc.ContractViolation, match="stream:"):
        read(guard)


def test_a_cancelled_reader_leaves_nothing_open() -> None:
    body = Chunks(*EVENTS)
    seen: list[Observation] = []
    guard = GuardTransport(CONTRACT, Inner(body, **STREAM), surface="bare", response="raise", observer=seen.append)

    async def go() -> None:
        async with (
            httpx.AsyncClient(transport=guard) as client,
            client.stream("POST", "http://127.0.0.1:9/", json=GOOD) as response,
        ):
            async for _ in response.aiter_raw():
                await asyncio.sleep(60)

    async def cancelled() -> None:
        task = asyncio.create_task(go())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert body.closed
    assert seen[-1].complete is False
    assert seen[-1].violations == ()
