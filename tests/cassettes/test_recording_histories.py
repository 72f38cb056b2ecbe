"""Any history of recorders of one cassette, some of which are killed: all that was answered is in it, and no more."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from haiku_contract.endpoint.cassette import load
from haiku_contract.endpoint.recorded import RecordedTransport
from haiku_contract.endpoint.recording import RecordingTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = "http://a.test/x"

NETWORK = httpx.MockTransport(lambda request: httpx.Response(200, text=request.content.decode()))


def ask(transport: RecordingTransport, number: int) -> None:
    request = httpx.Request("POST", URL, json=number)
    assert transport.handle_request(request).read() == str(number).encode()


class History:
    """Recorders at work on one cassette, with how often each has asked what, and how often any asked it at most."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder, "x.yaml")
        self.running: list[tuple[RecordingTransport, Counter[int]]] = []
        self.most: Counter[int] = Counter()

    def begin(self) -> None:
        self.running.append((RecordingTransport(NETWORK, self.path, mode="new"), Counter()))

    def ask(self, recorder: int, number: int) -> None:
        if self.running:
            transport, asked = self.running[recorder % len(self.running)]
            ask(transport, number)
            asked[number] += 1
            self.most |= asked

    def close(self, recorder: int) -> None:
        if self.running:
            self.running.pop(recorder % len(self.running))[0].close()

    def kill(self, recorder: int) -> None:
        """Let go of a recorder without a word, as when its process ends."""
        if self.running:
            self.running.pop(recorder % len(self.running))


RECORDERS = st.integers(0, 3)
STEPS = st.one_of(
    st.just(("begin",)),
    st.tuples(st.just("ask"), RECORDERS, st.integers(0, 5)),
    st.tuples(st.sampled_from(["close", "kill"]), RECORDERS),
)


@pytest.mark.skipif(os.name == "nt", reason="no locks that end with a process")
@given(st.lists(STEPS, max_size=25))
def test_what_was_answered_is_in_the_cassette(steps: list[tuple[str, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = History(folder)
        for name, *given_to in [("begin",), *steps]:
            getattr(history, name)(*given_to)
        history.running.clear()
        RecordingTransport(NETWORK, history.path, mode="new").close()
        recorded = Counter(int(one.request.read()) for one in load(history.path).interactions) if history.most else {}
        assert set(recorded) == set(history.most)
        assert Counter(recorded) <= history.most
        assert [one.name for one in Path(folder).iterdir()] == (["x.yaml"] if history.most else [])


@given(
    st.binary(max_size=40) | st.text(max_size=40).map(str.encode),
    st.lists(st.binary(min_size=1, max_size=20) | st.text(min_size=1, max_size=20).map(str.encode), max_size=5),
    st.sampled_from([200, 204, 404, 529]),
)
def test_whatever_comes_over_the_wire_is_replayed_chunk_by_chunk(
    asked: bytes, chunks: list[bytes], status: int
) -> None:
    inner = httpx.MockTransport(lambda _: httpx.Response(status, stream=Chunks(chunks)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.yaml")

        def heard(transport: httpx.BaseTransport) -> tuple[int, list[bytes]]:
            with httpx.Client(transport=transport) as client, client.stream("POST", URL, content=asked) as response:
                return response.status_code, list(response.iter_raw())

        recording = RecordingTransport(inner, path, mode="once")
        assert heard(recording) == (status, chunks)
        assume(not recording.unrecorded)  # what begins as compressed data does
        assert heard(RecordedTransport(load(path))) == (status, chunks)


class Chunks(httpx.SyncByteStream):
    """A body in these chunks."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)
