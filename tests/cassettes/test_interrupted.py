"""Recordings that an exception or the keyboard ends: what was answered is kept, and nobody takes half for the whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import httpx
import pytest

from haiku_contract.endpoint.cassette import load
from haiku_contract.endpoint.recording import RecordingTransport
from haiku_contract.errors import CassetteError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no locks that end with a process")

URL = "http://a.test/x"


def recorder(path: Path, mode: str, text: str, asked: list[int] | None = None) -> RecordingTransport:
    """Records answers that have this text, and the number that was sent."""

    def answer(request: httpx.Request) -> httpx.Response:
        (asked if asked is not None else []).append(int(request.content))
        return httpx.Response(200, text=f"{text} {request.content.decode()}")

    return RecordingTransport(httpx.MockTransport(answer), path, mode=mode)  # type: ignore[arg-type]


def ask(transport: httpx.BaseTransport, numbers: range) -> list[str]:
    with httpx.Client(transport=transport) as client:
        return [client.post(URL, json=number).text for number in numbers]


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def answers(path: Path) -> list[str]:
    return [one.response.read().decode() for one in load(path).interactions]


@pytest.mark.parametrize("ended_by", [KeyboardInterrupt, CassetteError, None])
def test_what_was_not_recorded_again_is_kept_where_something_ends_a_recording(
    tmp_path: Path, ended_by: type[BaseException] | None
) -> None:
    cassette = tmp_path / "x.yaml"
    ask(recorder(cassette, "once", "old"), range(3))
    client = httpx.Client(transport=recorder(cassette, "all", "new"))
    client.__enter__()
    client.post(URL, json=0)
    client.__exit__(ended_by)
    assert sorted(answers(cassette)) == (["new 0", "old 1", "old 2"] if ended_by else ["new 0"])


@pytest.mark.parametrize("ended_by", [KeyboardInterrupt, CassetteError])
@pytest.mark.parametrize("mode", ["once", "new", "all"])
def test_no_half_cassette_where_there_was_none(tmp_path: Path, mode: str, ended_by: type[BaseException]) -> None:
    """What was recorded stays, and is taken up; not as a cassette, which the next run would take for all there is."""
    cassette = tmp_path / "x.yaml"
    for number in (0, 1):
        client = httpx.Client(transport=recorder(cassette, mode, "new"))
        client.__enter__()
        client.post(URL, json=number)
        client.__exit__(ended_by)
        assert all(name.endswith(".recording") for name in names(tmp_path))
    asked: list[int] = []
    got = ask(recorder(cassette, "once", "later", asked), range(3))
    assert got == answers(cassette) == ["new 0", "new 1", "later 2"]
    assert asked == [2]
    assert names(tmp_path) == ["x.yaml"]


def test_a_recording_that_ends_before_anything_was_answered_leaves_nothing(tmp_path: Path) -> None:
    def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    transport = RecordingTransport(httpx.MockTransport(refused), tmp_path / "x.yaml", mode="once")
    with pytest.raises(httpx.ConnectError), httpx.Client(transport=transport) as client:
        client.post(URL, json=0)
    assert names(tmp_path) == []
