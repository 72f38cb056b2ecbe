"""The suite of streams: every fault is reported first, every constraint has one, and files say the same as cases."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

import haiku_contract as hc
from haiku_contract import messages, sse
from haiku_contract.campaign.checks import findings, judge
from haiku_contract.campaign.matrix import Evidence, verdicts
from haiku_contract.campaign.outcomes import outcome
from haiku_contract.cli.app import run as command
from haiku_contract.cli.streams import file_name
from haiku_contract.generate import stream_events as make
from haiku_contract.generate import suite
from haiku_contract.generate.stream_events import REQUEST, USUAL, encode
from haiku_contract.generate.stream_faults import FAULTS
from haiku_contract.generate.streams import faulted_case, judged, stream_suite
from haiku_contract.model import ABSENT, Case, Exchange, OutcomeKind, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSIONS = ("1.0.0", "1.1.0", "1.1.1")

# What a person must find in the suite, by the part of the id that names it.
EXPECTED_IDS = [
    *(f"stream/dropped/{name}" for name in ("00-message_start", "01-content_block_start", "06-content_block_stop")),
    *("stream/dropped/13-message_delta", "stream/dropped/14-message_stop"),
    *("stream/doubled/00-message_start", "stream/doubled/14-message_stop"),
    *("stream/reordered/06-content_block_stop", "stream/reordered/13-message_delta"),
    *("stream/foreign/other-protocol-at-06-content_block_stop", "stream/late/ping-after-the-end"),
    *("stream/index/skipped-03-content_block_delta", "stream/index/reused-07-content_block_start"),
    *("stream/closed-block/03-content_block_delta", "stream/wrong-delta/input_json_delta-in-01-text"),
    *(
        "stream/cut-within-event/character-of-04-content_block_delta",
        "stream/cut-within-event/line-of-00-message_start",
    ),
    "stream/cut-within-event/escape-of-04-content_block_delta",
    *(f"stream/cut-after-event/after-{number:02}-{event['type']}" for number, event in enumerate(USUAL[:-1])),
    *("stream/missing-blank-line/after-03-content_block_delta", "stream/missing-blank-line/after-14-message_stop"),
    *("stream/usage-falling/output_tokens", "stream/error-in-the-middle/before-05-content_block_delta"),
    *("stream/conforming/error-in-a-block", "stream/conforming/framing/crlf"),
]


@cache
def contract(version: str = "1.1.1") -> hc.Contract:
    return hc.load(version=version)


def test_it_is_made_once_for_each_contract() -> None:
    known, other = hc.load(), hc.load(version="1.0.0")
    assert stream_suite(known) is stream_suite(known)
    assert stream_suite(other) is not stream_suite(known)
    assert stream_suite(dataclasses.replace(known, stream=None)) == ()


@cache
def cases(version: str = "1.1.1") -> tuple[Case, ...]:
    return suite(contract(version), "stream")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_faulted_stream_is_reported_for_its_fault_first(version: str) -> None:
    for case in cases(version):
        found = judged(contract(version), case.body)
        if case.kind == "conforming":
            assert found == [], case.id
        else:
            assert found[0].constraint == case.constraint, case.id
            assert case.breaks == tuple(sorted(messages.broken(found))), case.id


def test_one_fault_is_not_many_violations() -> None:
    """Recovery: after a violation the validator goes on with what was meant. The worst case is one of a kind."""
    counts = {case.id: len(judged(contract(), case.body)) for case in cases() if case.kind == "faulted"}
    several = {name: count for name, count in counts.items() if count > 2}
    assert set(several) == {
        "stream/reordered/06-content_block_stop",
        "stream/missing-blank-line/after-00-message_start",
        "stream/missing-blank-line/after-06-content_block_stop",
    }


def test_the_fault_is_the_only_difference() -> None:
    """Faults of the events: the twin from which they were made conforms, and the schemas of single events agree."""
    assert judged(contract(), encode(USUAL)) == []
    for case in cases():
        if case.payload is not ABSENT:
            assert encode(case.payload) == case.body or not all(isinstance(one, dict) for one in case.payload), case.id


@pytest.mark.parametrize("version", VERSIONS)
def test_every_constraint_has_a_case(version: str) -> None:
    stream = contract(version).stream
    assert stream is not None
    shown = {case.constraint for case in cases(version)}
    assert {one.id for one in stream.constraints if one.violable} <= shown
    wire_rules = {f"wire:{rule}" for rule in ("syntax", "duplicate-key", "number", "surrogate", "depth")}
    assert shown - {one.id for one in stream.constraints} == {None, *wire_rules}


def test_every_proposal_of_every_operator_is_a_case() -> None:
    """Nothing is dropped in silence: what an operator says of the usual stream is what is reported."""
    stream = contract().stream
    assert stream is not None
    for name, operator in FAULTS.items():
        proposals = list(operator(stream, USUAL))
        assert proposals, name
        for proposal in proposals:
            assert faulted_case(contract(), name, proposal) is not None, (name, proposal.label)


def test_every_conforming_stream_is_a_case() -> None:
    stream = contract().stream
    assert stream is not None
    names = {case.id.removeprefix("stream/conforming/") for case in cases() if case.kind == "conforming"}
    assert names == {*make.conforming(stream), *(f"framing/{name}" for name in make.framed(USUAL))}
    kinds = {event["content_block"]["type"] for events in make.conforming(stream).values() for event in events
             if event["type"] == "content_block_start"}  # fmt: skip
    assert set(stream.blocks) <= kinds


def test_ids_and_file_names_are_unique_and_the_expected_ones_are_there() -> None:
    ids = [case.id for case in cases()]
    assert len(ids) == len(set(ids)) == len({(case.kind, file_name(case)) for case in cases()})
    assert [one for one in EXPECTED_IDS if one not in ids] == []


def test_odd_framings_are_the_same_events() -> None:
    usual = [json.loads(item.data) for item in _events(encode(USUAL))]
    for name, body in make.framed(USUAL).items():
        assert [json.loads(item.data) for item in _events(body)] == usual, name


def _events(body: bytes) -> Iterator[sse.ServerSentEvent]:
    return (item for item in sse.decode(body) if isinstance(item, sse.ServerSentEvent))


def test_the_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib, haiku_contract as hc; from haiku_contract.generate import suite;"
        "print(hashlib.sha256(b''.join(c.id.encode() + c.body for c in suite(hc.load(), 'stream'))).hexdigest())"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter on our own code
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = hashlib.sha256(b"".join(case.id.encode() + case.body for case in cases())).hexdigest()
    assert done.stdout.strip() == here


# -- the campaign -----------------------------------------------------------------------------------------------------


def exchange_of(body: bytes) -> Exchange:
    case = Case("request/stream/type/true", "request", "conforming", None, REQUEST, b"{}")
    return Exchange(case, 200, {"content-type": make.CONTENT_TYPE}, body, 0.0)


@pytest.mark.parametrize("number", range(0, len(suite(hc.load(), "stream")), 7))
def test_a_broken_answer_breaks_its_row_and_a_deviation_breaks_none(number: int) -> None:
    case = cases()[number]
    exchange = exchange_of(case.body)
    judged_ = judge(contract(), exchange, outcome(exchange))
    rows = {one.constraint: one.verdict for one in verdicts(contract(), Evidence((judged_,)))}
    broken = {name for name, verdict in rows.items() if verdict is VerdictKind.BROKEN}
    assert broken == {name for name in case.breaks if name.startswith("stream:")}
    assert {one.constraint for one in findings(judged_) if one.code == "broken"} == set(case.breaks)


@pytest.mark.parametrize(("kind", "expected"), [
    ("overloaded_error", OutcomeKind.THROTTLED), ("invalid_request_error", OutcomeKind.REJECTED),
    ("api_error", OutcomeKind.CRASHED), ("permission_error", OutcomeKind.UNAUTHORISED), ("new", OutcomeKind.UNKNOWN),
])  # fmt: skip
def test_an_error_event_is_the_outcome_whatever_the_status_says(kind: str, expected: OutcomeKind) -> None:
    found = outcome(exchange_of(encode([*USUAL[:4], make.error(kind, "No.")])))
    assert (found.kind, found.code, found.message) == (expected, kind, "No.")
    assert outcome(exchange_of(encode(USUAL))).kind is OutcomeKind.ACCEPTED


# -- the command line -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("streams") / "written"
    assert command(["generate", "--side", "stream", "--directory", str(target)]) == 0
    return target


def test_the_files_are_the_cases(folder: Path) -> None:
    assert {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.sse")} == {
        f"{case.kind}/{file_name(case)}": case.body for case in cases()
    }
    assert json.loads((folder / "request.json").read_text("utf-8")) == REQUEST
    expected = json.loads((folder / "faulted/expected.json").read_text("utf-8"))
    assert expected == {file_name(case): case.constraint for case in cases() if case.kind == "faulted"}


def validate(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = command(["validate", "stream", *arguments])
    return code, capfd.readouterr().out


def test_validate_finds_in_every_file_what_it_says(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    request = str(folder / "request.json")
    expected = json.loads((folder / "faulted/expected.json").read_text("utf-8"))
    files = sorted(folder.rglob("*.sse"))
    code, out = validate(capfd, "--format", "json", "--request", request, *map(str, files))
    assert code == 1
    for path, entry in zip(files, json.loads(out)["files"], strict=True):
        first = [one["constraint"] for one in entry["violations"]][:1]
        assert first == ([expected[path.name]] if path.parent.name == "faulted" else []), path.name
        assert entry["valid"] == (path.parent.name == "conforming")


def test_validate_in_words(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out = validate(
        capfd, str(folder / "conforming/unknown-keys.sse"), str(folder / "conforming/error-at-once.sse")
    )
    assert code == 0
    lines = [line.rpartition(".sse: ")[2] for line in out.splitlines()]
    assert lines[0] == "conforms"
    assert lines[1].startswith("deviation from the published response schema: usage: ")
    assert "tolerated: key content_block_stop/x_extra (2)" in lines
    assert lines[-2:] == ["conforms", "outcome: error overloaded_error: Overloaded"]


@pytest.mark.parametrize(("events", "code", "text"), [
    (list(USUAL), 0, "conforms"),
    (list(USUAL[:-1]), 1, "stream:/order/terminal"),
    ([], 1, "stream:/order/terminal"),
    ([7], 1, "stream:/event/type"),
])  # fmt: skip
def test_validate_a_list_of_events(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], events: Any, code: int, text: str
) -> None:
    path = tmp_path / "events.json"
    path.write_text(" \n" + json.dumps(events), encoding="utf-8")
    found, out = validate(capfd, str(path))
    assert (found, text in out) == (code, True)


def test_validate_a_list_that_is_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "events.json"
    path.write_text("[1,", encoding="utf-8")
    code, out = validate(capfd, str(path))
    assert code == 1
    assert "[wire:syntax]" in out


@pytest.mark.parametrize(("arguments", "message"), [
    (["validate", "request", "x.json", "--request", "y.json"], "--request is about streams"),
    (["generate", "--directory", "x"], "--directory is for '--side stream'"),
    (["generate", "--side", "stream", "--directory", "x", "--output", "-"], "--directory is for '--side stream'"),
])  # fmt: skip
def test_usage(arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert command(arguments) == 2
    assert message in capfd.readouterr().err


def test_generate_prints_events_or_text(capfd: pytest.CaptureFixture[str]) -> None:
    assert command(["generate", "--side", "stream"]) == 0
    printed = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    for entry, case in zip(printed, cases(), strict=True):
        if case.payload is not ABSENT:
            assert entry["payload"] == case.payload
        elif "body" in entry:
            assert entry["body"].encode() == case.body
        else:
            assert entry["body_base64"]
