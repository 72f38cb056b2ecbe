"""What each verb prints, and its exit code."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import haiku_contract as hc
from haiku_contract import pointer
from haiku_contract.campaign import matrix
from haiku_contract.model import ABSENT, Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

    Cli = Callable[..., Any]
    Spawn = Callable[..., CompletedProcess[bytes]]
    Normalise = Callable[[str], str]

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "anthropic" / "claude-haiku-4.5" / "1.0.0"
LENIENT = "lenient:request:/properties/text/maxLength"


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def test_validate_prints_one_line_per_violation(cli: Cli, tmp_path: Path) -> None:
    write_json(tmp_path / "good.json", {"messages": [], "max_tokens": 1})
    write_json(tmp_path / "bad.json", {"messages": [{"role": "User", "content": "Hi"}], "max_tokens": "1"})
    (tmp_path / "cut.json").write_text('{\n  "messages": [', encoding="utf-8")
    result = cli("validate", "request", "good.json", "bad.json", "cut.json")
    assert (result.code, result.err) == (1, "")
    assert result.out == (
        "good.json: conforms\n"
        'bad.json: messages[0].role: expected "user" or "assistant", found string "User"; did you mean "user"?'
        " [request:/properties/messages/items/properties/role/enum]\n"
        'bad.json: max_tokens: expected a number, found string "1"; write 1 without quotes'
        " [request:/properties/max_tokens/type]\n"
        "cut.json: line 2, column 16: messages[0]: expected JSON text (RFC 8259),"
        " found the end of the text instead of a value or ']' [wire:syntax]\n"
    )


def test_validate_json(cli: Cli, tmp_path: Path) -> None:
    write_json(tmp_path / "good.json", {"messages": [], "max_tokens": 1})
    write_json(tmp_path / "bad.json", {"messages": [], "max_tokens": 0})
    result = cli("validate", "request", "--format", "json", "good.json", "bad.json")
    assert (result.code, result.err) == (1, "")
    assert json.loads(result.out) == {
        "contract": hc.load().id,
        "side": "request",
        "files": [
            {"file": "good.json", "valid": True, "violations": []},
            {
                "file": "bad.json",
                "valid": False,
                "violations": [
                    {
                        "constraint": "request:/properties/max_tokens/exclusiveMinimum",
                        "instance_location": "/max_tokens",
                        "expected": "more than 0",
                        "actual": "number 0",
                        "message": "max_tokens: expected more than 0, found number 0",
                    }
                ],
            },
        ],
    }


@pytest.mark.parametrize("side", ["request", "response"])
def test_validate_every_conforming_fixture(cli: Cli, side: str) -> None:
    files = sorted(str(path) for path in (FIXTURES / side / "conforming").glob("*.json"))
    result = cli("validate", side, "--contract", "anthropic/claude-haiku-4.5@1.0.0", *files)
    assert result == (0, "".join(f"{name}: conforms\n" for name in files), "")


def test_validate_standard_input(spawn: Spawn) -> None:
    done = spawn("validate", "request", "-", input=b'{"messages": [], "max_tokens": NaN}')
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.startswith(b"<stdin>: line 1, column 32: max_tokens: expected a finite number")
    assert done.stdout.count(b"\n") == 1


def test_payload_of_another_encoding_is_a_violation(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "utf-16.json").write_text("{}", encoding="utf-16")
    result = cli("validate", "request", "utf-16.json")
    assert (result.code, result.err) == (1, "")
    assert result.out.endswith("[wire:encoding]\n")


def test_100_mb_of_brackets_are_a_violation(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_bytes(b"[" * 100_000_000)
    result = cli("validate", "request", "deep.json")
    assert (result.code, result.err) == (1, "")
    assert result.out.startswith("deep.json: line 1, column ")
    assert result.out.endswith(" [wire:depth]\n")
    assert result.out.count("\n") == 1


def test_nothing_of_a_payload_reaches_the_terminal_as_it_is(cli: Cli, tmp_path: Path) -> None:
    key = "\x1b[31m\n\u202e\x9b"
    write_json(tmp_path / "odd.json", {"messages": [{"role": key, key: 1}, key, [key]], "max_tokens": key, key: None})
    result = cli("validate", "request", "odd.json")
    assert result.code == 1
    assert len(result.out.splitlines()) == result.out.count("\n") > 4
    assert all(line.isprintable() for line in result.out.split("\n"))


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text elsewhere")
@pytest.mark.parametrize("form", ["text", "json"])
def test_file_name_that_is_no_text(tmp_path: Path, form: str, spawn: Spawn) -> None:
    name = os.fsdecode(b"caf\xe9.json")
    write_json(tmp_path / name, {"messages": [], "max_tokens": 1})
    done = spawn("validate", "request", name, "--format", form, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"caf\\udce9.json" in done.stdout


# -- constraints ----------------------------------------------------------------------------------------------------


def test_constraints(cli: Cli, parrot: str) -> None:
    result = cli("constraints", "--contract", parrot)
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "request:/type                       violable\n"
        "request:/properties/text/type       violable\n"
        "request:/properties/text/maxLength  violable\n"
        "request:/required/0                 violable\n"
        "request:/additionalProperties       unviolable: accepts every further key\n"
        "wire:syntax                         violable\n"
        "wire:encoding                       violable\n"
        "wire:duplicate-key                  violable\n"
        "wire:depth                          violable\n"
        "wire:number                         violable\n"
        "wire:surrogate                      violable\n"
        "wire:content-type                   violable\n"
        "response:/type                      violable\n"
        "response:/properties/echo/type      violable\n"
        "response:/required/0                violable\n"
        "15 constraints of example/parrot@0.0.0, 14 violable\n"
    )


def test_constraints_json(cli: Cli, parrot: str) -> None:
    result = cli("constraints", "--contract", parrot, "--side", "response", "--format", "json")
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert found["contract"] == "example/parrot@0.0.0"
    assert found["constraints"][-1] == {
        "id": "response:/required/0",
        "keyword": "required",
        "value": "echo",
        "reachable": True,
        "violable": True,
        "reason": "",
    }
    assert [one["id"] for one in found["constraints"]] == [
        "response:/type",
        "response:/properties/echo/type",
        "response:/required/0",
    ]


def test_constraints_that_cannot_be_broken_have_a_reason(cli: Cli) -> None:
    found = json.loads(cli("constraints", "--format", "json").out)["constraints"]
    contract = hc.load()
    known = [*contract.constraints, *matrix.wire_constraints(), *contract.stream.constraints]
    assert sorted(one["id"] for one in found) == sorted(one.id for one in known)
    assert all(one["violable"] or one["reason"] for one in found)


@pytest.mark.parametrize("side", ["request", "response", "stream", "wire"])
def test_constraints_of_one_side(cli: Cli, side: str) -> None:
    found = json.loads(cli("constraints", "--side", side, "--format", "json").out)["constraints"]
    assert {one["id"].partition(":")[0] for one in found} == {side}


def test_undoing_a_fault_gives_the_twin(cli: Cli) -> None:
    lines = cli("generate", "--side", "all", "--kind", "faulted").out.splitlines()
    undone = 0
    sides = {side.side: side for side in hc.load().sides}
    for case in map(json.loads, lines):
        if "undo" in case and case["side"] in sides:
            operation = Fault(case["undo"]["op"], case["undo"]["path"], case["undo"].get("value", ABSENT))
            assert sides[case["side"]].is_valid(pointer.apply(operation, case["payload"])), case["id"]
            undone += 1
    assert undone > 300


# -- generate -------------------------------------------------------------------------------------------------------


def test_every_generated_case_is_what_it_says(cli: Cli) -> None:
    result = cli("generate", "--side", "all")
    assert (result.code, result.err) == (0, "")
    cases = [json.loads(line) for line in result.out.splitlines()]
    assert len({case["id"] for case in cases}) == len(cases)
    cases = [case for case in cases if case["side"] != "stream"]  # tests/test_stream_suite.py
    sides = {side.side: side for side in hc.load().sides}
    for case in cases:
        side = sides[case["side"]]
        if "payload" in case:
            expected = set(case["breaks"]) if case["kind"] == "faulted" else set()
            assert side.broken(case["payload"]) == expected, case["id"]
        else:
            conforms = side.is_valid_bytes(base64.b64decode(case["body_base64"]))
            assert conforms == (case["constraint"] == "wire:content-type"), case["id"]


def test_generate_one_constraint(cli: Cli) -> None:
    result = cli("generate", "--kind", "faulted", "--constraint", "request:/properties/top_k/exclusiveMinimum")
    assert result.code == 0
    assert json.loads(result.out.splitlines()[0]) == {
        "id": "request/top_k/exclusiveMinimum/at",
        "side": "request",
        "kind": "faulted",
        "constraint": "request:/properties/top_k/exclusiveMinimum",
        "breaks": ["request:/properties/top_k/exclusiveMinimum"],
        "fault": {"op": "replace", "path": "/top_k", "value": 0},
        "undo": {"op": "replace", "path": "/top_k", "value": 1},
        "payload": {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1, "top_k": 0},
    }


def test_generate_writes_the_same_bytes_whatever_the_hash_seed_and_the_locale(spawn: Spawn) -> None:
    first, other = (
        spawn("generate", "--side", "all", env=os.environ | changed)
        for changed in ({"PYTHONHASHSEED": "0"}, {"PYTHONHASHSEED": "1", "PYTHONIOENCODING": "ascii"})
    )
    assert (first.returncode, first.stderr) == (0, b"")
    assert (other.stdout, other.stderr) == (first.stdout, b"")


def test_generate_nothing_to_say(cli: Cli) -> None:
    assert cli("generate", "--constraint", "request:/nope") == (
        2,
        "",
        "haiku-contract: no case about 'request:/nope'; 'haiku-contract constraints' lists what there is\n",
    )


# -- fuzz -----------------------------------------------------------------------------------------------------------

TOO_LONG = ("Hello" * 17)[:81]
CURL = (
    "curl -sS -i -g http://127.0.0.1:8000/ -H 'cf-aig-skip-cache: true' -H 'content-type: application/json' --data-raw"
)
MATRIX = f"""\
verdict     constraint                          witness                                detail
enforced    request:/type                       request/type/null
enforced    request:/properties/text/type       request/text/type/null
leaky       request:/properties/text/maxLength  request/text/maxLength/above           accepted a fault
enforced    request:/required/0                 request/required/text/removed
unviolable  request:/additionalProperties       -                                      accepts every further key
enforced    wire:syntax                         request/wire/syntax/trailing-comma
enforced    wire:encoding                       request/wire/encoding/byte-order-mark
enforced    wire:duplicate-key                  request/wire/duplicate-key/repeated
enforced    wire:depth                          request/wire/depth/deep
enforced    wire:number                         request/wire/number/nan
enforced    wire:surrogate                      request/wire/surrogate/lone
enforced    wire:content-type                   request/wire/content-type/text
held        response:/type                      request/simplest
held        response:/properties/echo/type      request/simplest
held        response:/required/0                request/simplest

leaky request:/properties/text/maxLength
    accepted a request that breaks request:/properties/text/maxLength
    case request/text/maxLength/above, 8f3939b6d09d
    edit: replace /text "{TOO_LONG[:79]}…
    {CURL} '{{"text":"{TOO_LONG}"}}'

15 constraints: 10 enforced, 1 leaky, 1 unviolable, 3 held; 1 finding
N requests to reference endpoint in 0.0 s
"""


def test_fuzz_prints_the_matrix(cli: Cli, parrot: str, normalised: Normalise) -> None:
    result = cli("fuzz", "--contract", parrot, "--fault", LENIENT)
    assert (result.code, result.err) == (1, "")
    assert normalised(result.out) == MATRIX


def test_fuzz_without_findings(cli: Cli, parrot: str, normalised: Normalise) -> None:
    result = cli("fuzz", "--contract", parrot, "--reference")
    assert (result.code, result.err) == (0, "")
    assert normalised(result.out).splitlines()[-2:] == [
        "15 constraints: 11 enforced, 1 unviolable, 3 held; 0 findings",
        "N requests to reference endpoint in 0.0 s",
    ]


def test_fuzz_json(cli: Cli, parrot: str, report_schema: dict[str, Any]) -> None:
    result = cli("fuzz", "--contract", parrot, "--fault", LENIENT, "--format", "json", "--seed", "7")
    assert (result.code, result.err) == (1, "")
    report = json.loads(result.out)
    jsonschema.Draft202012Validator(report_schema).validate(report)
    assert report["contract"] == "example/parrot@0.0.0"
    assert report["endpoint"] == "reference endpoint"
    assert report["seed"] == 7
    assert report["requests"] == sum(report["outcomes"].values())
    rows = [line.split()[:2] for line in MATRIX.splitlines()[1:16]]
    assert [[one["verdict"], one["constraint"]] for one in report["verdicts"]] == rows
    [found] = report["findings"]
    witness, answer, reproduce = (found.pop(name) for name in ("witness", "answer", "reproduce"))
    assert (witness["payload"], witness["breaks"]) == ({"text": TOO_LONG}, [found["constraint"]])
    assert witness["fault"] == {"op": "replace", "path": "/text", "value": TOO_LONG}
    assert witness["undo"] == {"op": "replace", "path": "/text", "value": witness["twin"]["text"]}
    assert (answer["status"], answer["content_type"]) == (200, "application/json")
    assert set(json.loads(answer["body"])) == {"echo"}
    assert reproduce["curl"].startswith(CURL)
    assert reproduce["before"] == f"haiku-contract serve --contract {parrot} --fault {LENIENT}"
    assert report["findings"] == [
        {
            "code": "leaky",
            "fingerprint": "8f3939b6d09d",
            "constraint": "request:/properties/text/maxLength",
            "others": [],
            "case": "request/text/maxLength/above",
            "message": "accepted a request that breaks request:/properties/text/maxLength",
            "accepted": None,
        }
    ]


@pytest.mark.parametrize("surface", ["bare", "messages"])
def test_fuzz_json_of_the_shipped_contract(cli: Cli, surface: str, report_schema: dict[str, Any]) -> None:
    result = cli("fuzz", "--format", "json", "--surface", surface)
    assert (result.code, result.err) == (0, "")
    report = json.loads(result.out)
    jsonschema.Draft202012Validator(report_schema).validate(report)
    assert {one["verdict"] for one in report["verdicts"]} == {"enforced", "unviolable", "held", "unexercised"}
    assert report["findings"] == []


def test_list_faults(cli: Cli, parrot: str) -> None:
    result = cli("fuzz", "--contract", parrot, "--list-faults")
    assert (result.code, result.err) == (0, "")
    listed = result.out.splitlines()
    assert LENIENT in listed
    assert {one.partition(":")[0] for one in listed} == {"lenient", "strict", "crash", "broken"}
