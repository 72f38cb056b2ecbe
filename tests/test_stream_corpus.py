"""Recorded streams of other people: no violation of the protocol, the known deviations, and the message of the SDK.

The recordings are not part of the repository; `HAIKU_CONTRACT_CORPUS` names their folder.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract.generate import suite
from haiku_contract.generate.stream_events import encode, error
from haiku_contract.generate.stream_strategies import stream_cases
from haiku_contract.strategies import streams

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS = Path(os.environ.get("HAIKU_CONTRACT_CORPUS") or Path(__file__).resolve().parents[2] / "shared" / "corpus")
CONTRACT = hc.load()

NOT_THIS_PROTOCOL = {"DataDog+dd-trace-py.jsonl:38"}
"""Bedrock's text completion of a model before Claude 3: another protocol, with no `type` and no event names."""

KNOWN_DEVIATIONS = {"response:/properties/usage/additionalProperties"}


@cache
def recordings() -> dict[str, dict[str, Any]]:
    if not CORPUS.is_dir():
        pytest.skip(f"no recordings in {CORPUS}; HAIKU_CONTRACT_CORPUS names another folder")
    found = {}
    for path in sorted(CORPUS.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
            if line and (record := json.loads(line))["sse"]:
                found[f"{path.name}:{number}"] = record
    return found


def run(body: bytes, request: Any = None) -> tuple[list[hc.Violation], hc.StreamValidator]:
    stream = hc.StreamValidator(CONTRACT, request=request)
    return stream.feed(body) + stream.finish(), stream


def test_recorded_streams_keep_the_protocol() -> None:
    reported = {}
    for source, record in recordings().items():
        found, stream = run(record["sse"].encode(), record["request"])
        if found:
            reported[source] = [one.constraint for one in found]
        else:
            assert stream.outcome is hc.StreamOutcome.COMPLETE, source
    assert set(reported) <= NOT_THIS_PROTOCOL
    for constraints in reported.values():
        assert constraints == ["stream:/event/required/0", "stream:/order/terminal"]


def test_deviations_are_of_the_known_kinds() -> None:
    kinds: Counter[str] = Counter()
    for source, record in recordings().items():
        _, stream = run(record["sse"].encode())
        kinds.update(one.constraint for one in stream.deviations)
        if record["provider"] == "cloudflare-proxied":
            assert {one.constraint for one in stream.deviations} == KNOWN_DEVIATIONS, source
        assert set(stream.unknown_events) == set(), source
        assert set(stream.unknown_keys) <= {"message_stop/amazon-bedrock-invocationMetrics"}, source
    assert set(kinds) == KNOWN_DEVIATIONS


def test_recorded_streams_in_chunks() -> None:
    for source, record in recordings().items():
        body = record["sse"].encode()
        whole = run(body)
        for size in (1, 1400):
            stream = hc.StreamValidator(CONTRACT)
            found = [one for at in range(0, len(body), size) for one in stream.feed(body[at : at + size])]
            assert (found + stream.finish(), stream.message) == (whole[0], whole[1].message), (source, size)


# -- the accumulator of the SDK ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def accumulate() -> Callable[[bytes], Any]:
    """The final message that the `anthropic` SDK makes of the bytes of a stream."""
    anthropic = pytest.importorskip("anthropic", reason="the dev extra installs it")
    httpx = pytest.importorskip("httpx2", reason="anthropic 1 and later bring it")
    body = b""

    def answer(_request: Any) -> Any:
        return httpx.Response(200, headers={"content-type": "text/event-stream; charset=utf-8"}, content=body)

    client = anthropic.Anthropic(
        api_key="none",
        base_url="http://reference.invalid",
        max_retries=0,
        http_client=httpx.Client(transport=httpx.MockTransport(answer)),
    )

    def accumulated(sent: bytes) -> Any:
        """The snapshot where the stream ends, for whatever reason."""
        nonlocal body
        body = sent
        question = [{"role": "user", "content": "Hello"}]
        with client.messages.stream(model="claude-haiku-4-5", max_tokens=1, messages=question) as stream:
            with contextlib.suppress(anthropic.APIStatusError):  # what it makes of an error event
                stream.until_done()
            return json.loads(stream.current_message_snapshot.to_json())

    return accumulated


def without_nulls(value: Any) -> Any:
    """To the SDK a key that is null and one that is missing are the same."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def test_recorded_messages_are_those_of_the_sdk(accumulate: Callable[[bytes], Any]) -> None:
    compared = 0
    for source, record in recordings().items():
        body = record["sse"].encode()
        if source not in NOT_THIS_PROTOCOL:
            assert without_nulls(run(body)[1].message) == without_nulls(accumulate(body)), source
            compared += 1
    assert compared


def test_messages_of_the_suite_are_those_of_the_sdk(accumulate: Callable[[bytes], Any]) -> None:
    """All that the SDK reads: it does without unknown types, tools on other servers, and byte order marks."""
    left_out = {"unknown-types", "every-key", "framing/byte-order-mark"}
    for case in suite(CONTRACT, "stream"):
        stream = run(case.body)[1]
        if case.kind == "conforming" and stream.outcome == "complete" and case.id.split("/", 2)[2] not in left_out:
            assert without_nulls(stream.message) == without_nulls(accumulate(case.body)), case.id


LAW = settings(max_examples=60, derandomize=True, database=None, deadline=None)


def known_to_the_sdk(stream: hc.StreamValidator) -> bool:
    """It does without blocks of unknown types, and without messages that never begin."""
    return stream.message is not None and not any(name.startswith("content_block_") for name in stream.unknown_events)


@LAW
@given(body=streams())
def test_drawn_messages_are_those_of_the_sdk(accumulate: Callable[[bytes], Any], body: bytes) -> None:
    stream = run(body)[1]
    if known_to_the_sdk(stream):
        # The SDK does not skip a byte order mark, and so misses the first event.
        assert without_nulls(stream.message) == without_nulls(accumulate(body.removeprefix(b"\xef\xbb\xbf")))


@LAW
@given(data=st.data())
def test_messages_of_cut_streams_are_those_of_the_sdk(accumulate: Callable[[bytes], Any], data: st.DataObject) -> None:
    case = data.draw(stream_cases())
    body = encode(case.payload)
    body = body[: data.draw(st.integers(0, len(body)))]
    if data.draw(st.booleans()):
        body = body[: body.rfind(b"\n\n") + 2] + encode([error("overloaded_error", "Busy")])
    stream = run(body)[1]
    if known_to_the_sdk(stream):
        assert without_nulls(stream.message) == without_nulls(accumulate(body))
