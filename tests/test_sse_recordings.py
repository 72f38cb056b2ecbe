"""The decoder on recorded streams of other people.

The recordings are not part of the repository; `HAIKU_CONTRACT_CORPUS` names their folder.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from haiku_contract.sse import Oddity, ServerSentEvent, SSEDecoder, StreamItem, decode, encode

CORPUS = Path(os.environ.get("HAIKU_CONTRACT_CORPUS") or Path(__file__).resolve().parents[2] / "shared" / "corpus")


def events(items: list[StreamItem]) -> list[ServerSentEvent]:
    return [item for item in items if isinstance(item, ServerSentEvent)]


@pytest.fixture(scope="module")
def recordings() -> dict[str, str]:
    if not CORPUS.is_dir():
        pytest.skip(f"no recordings in {CORPUS}; HAIKU_CONTRACT_CORPUS names another folder")
    found = {}
    for path in sorted(CORPUS.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
            if line and (stream := json.loads(line)["sse"]):
                found[f"{path.name}:{number}"] = stream
    return found


def test_recordings_are_ordinary_streams(recordings: dict[str, str]) -> None:
    assert recordings
    for source, stream in recordings.items():
        items = decode(stream.encode())
        # Servers of this protocol send nothing but `event` and `data`, and whoever recorded a stream saw its end.
        assert [item for item in items if isinstance(item, Oddity)] == [], source
        assert len(items) == len(re.findall("^data:", stream, re.MULTILINE)), source
        assert all(isinstance(json.loads(item.data), dict) for item in events(items)), source


def test_recordings_in_any_chunks(recordings: dict[str, str]) -> None:
    for source, stream in recordings.items():
        body = stream.encode()
        whole = decode(body)
        for size in (1, 7, 100, 1400):
            decoder = SSEDecoder()
            items = [item for at in range(0, len(body), size) for item in decoder.feed(body[at : at + size])]
            assert items + decoder.finish() == whole, (source, size)


def test_recordings_survive_encoding(recordings: dict[str, str]) -> None:
    for source, stream in recordings.items():
        sent = [(item.event, item.data) for item in events(decode(stream.encode()))]
        received = events(decode(b"".join(encode(*pair) for pair in sent)))
        assert [(item.event, item.data) for item in received] == sent, source
