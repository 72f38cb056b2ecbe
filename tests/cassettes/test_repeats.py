"""Several answers to one request: as they were recorded, and never by accident."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from haiku_contract.endpoint import cassette_writing, matching
from haiku_contract.endpoint.cassette import Held, Interaction, load
from haiku_contract.endpoint.cassette_files import put
from haiku_contract.endpoint.recorded import RecordedTransport
from haiku_contract.endpoint.recording import RecordingTransport
from haiku_contract.errors import CassetteError

if TYPE_CHECKING:
    from pathlib import Path

INTERACTION = Interaction(
    method="POST",
    url="http://a.test/v1/messages",
    request_headers=(("content-type", "application/json"),),
    request=Held(b'{"a": 1}'),
    status=200,
    response_headers=(),
    response=Held(b"a"),
)


def written(path: Path, *interactions: Interaction) -> Path:
    put(path, ((matching.request(one), cassette_writing.item(one)) for one in interactions), {})
    return path


def test_answers_to_one_request_are_recorded_with_their_numbers_and_come_in_turn(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    answers = iter("abc")
    inner = httpx.MockTransport(lambda _: httpx.Response(200, text=next(answers)))

    def ask(transport: httpx.BaseTransport, *asked: str) -> str:
        with httpx.Client(transport=transport) as client:
            return "".join(client.post("http://a.test/v1/messages", json=one).text for one in asked)

    assert ask(RecordingTransport(inner, cassette, mode="once"), "x", "y", "x") == "abc"
    assert [one.repeat for one in load(cassette).interactions] == [1, 1, 2]
    assert ask(RecordedTransport(load(cassette)), "x", "x", "y", "x") == "acbc"


TWICE = "x.yaml:{second}: the same request as on line {first}, without 'repeat: {number}' as a recording has it"


@pytest.mark.parametrize("answer", [Held(b"a"), Held(b"another")], ids=["the same answer", "another answer"])
def test_a_request_that_is_answered_twice_without_having_been_recorded_so_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Held
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (
        cassette_writing.item(replace(INTERACTION, response=one, sizes=())) for one in (Held(b"a"), answer)
    )
    text = cassette_writing.head({}) + first + second
    lines = {"first": 3, "second": 3 + first.count("\n"), "number": 2}
    (tmp_path / "x.yaml").write_text(text + cassette_writing.TAIL, encoding="utf-8")
    with pytest.raises(CassetteError) as caught:
        load("x.yaml")
    assert str(caught.value).startswith(TWICE.format(**lines))
    (tmp_path / "x.yaml").write_text(text + cassette_writing.repeated(2) + cassette_writing.TAIL, encoding="utf-8")
    assert [one.repeat for one in load("x.yaml").interactions] == [1, 2]


def test_a_second_answer_that_was_pasted_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "x.yaml", INTERACTION, INTERACTION)
    text = path.read_text(encoding="utf-8")
    second = text.removesuffix(cassette_writing.TAIL).rpartition("- request:")[2]
    path.write_text(text.replace(cassette_writing.TAIL, "- request:" + second + cassette_writing.TAIL))
    with pytest.raises(CassetteError, match="without 'repeat: 3' as a recording has it"):
        load("x.yaml")


def test_cassettes_of_others_may_answer_a_request_several_times(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    item = cassette_writing.item(INTERACTION)
    path.write_text("interactions:\n" + item + item + cassette_writing.TAIL, encoding="utf-8")
    assert [one.repeat for one in load(path).interactions] == [1, 1]


@pytest.mark.parametrize("number", ["0", "-1", "'2'", "1.5", "true", "[2]"])
def test_a_number_of_an_answer_that_is_none(tmp_path: Path, number: str) -> None:
    path = written(tmp_path / "x.yaml", INTERACTION)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(cassette_writing.TAIL, f"  repeat: {number}\n" + cassette_writing.TAIL))
    with pytest.raises(CassetteError, match=rf"x.yaml:{text.count(chr(10))}: 'repeat' that is not a number"):
        load(path)
