"""`haiku-contract generate`: the portable test suite, packed cases, and what the cases cover."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from haiku_contract.cli.generate import generate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARROT = {
    "model_id": "example/parrot",
    "schema": {
        "input": {"type": "object", "properties": {"text": {"type": "string"}}},
        "output": {"type": "object"},
    },
}

COVERAGE = """\
request: 37 of 37 violable constraints have a faulted case
request: 12 packed cases show 149 of 149 features and 60 of 60 combinations of optional properties;\
 no suite has fewer than 12
request:/properties/messages/items/properties/content/anyOf/1/items/additionalProperties: unviolable: accepts every\
 further key
request:/properties/metadata/propertyNames/type: unviolable: a JSON key is a string
request:/properties/metadata/additionalProperties: unviolable: accepts every further key
request:/additionalProperties: unviolable: accepts every further key
"""


def test_the_test_suite_layout(cli: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = cli("generate", "--format", "test-suite", "--side", "all")
    assert (code, err) == (0, "")
    groups = json.loads(out)
    assert [group["description"].rpartition(" ")[2] for group in groups] == ["request", "response"]
    for group in groups:
        assert set(group) == {"description", "schema", "tests"}
        assert all({"description", "data", "valid", "id", "constraint"} <= set(test) for test in group["tests"])
    assert {
        "description": "request/required/messages/removed",
        "data": {"max_tokens": 1},
        "valid": False,
        "id": "request/required/messages/removed",
        "constraint": "request:/required/0",
        "breaks": ["request:/required/0"],
        "patch": [{"op": "remove", "path": "/messages"}],
        "undo": [{"op": "add", "path": "/messages", "value": [{"role": "user", "content": "Hello"}]}],
    } in groups[0]["tests"]


@pytest.mark.parametrize("further", [["--packed", "--seed", "7"], ["--seed", "7"], ["--format", "test-suite"]])
def test_the_same_bytes_under_any_hash_seed(spawn: Callable[..., object], further: list[str]) -> None:
    runs = [
        spawn("generate", "--side", "all", *further, env=os.environ | {"PYTHONHASHSEED": hashing})
        for hashing in ("0", "1")
    ]
    assert runs[0].stdout == runs[1].stdout != b""  # type: ignore[attr-defined]


def test_the_seed_changes_the_order_and_nothing_else(cli: Callable[..., tuple[int, str, str]]) -> None:
    """The first case and the faults before everything else, whatever the seed; and the same lines in all."""
    plain, seeded = (cli("generate", "--side", "all", "--seed", seed)[1].splitlines() for seed in ("0", "1"))
    assert plain != seeded
    assert sorted(plain) == sorted(seeded)
    assert plain == cli("generate", "--side", "all")[1].splitlines()
    first, other = (json.loads(lines[0])["id"] for lines in (plain, seeded))
    assert first == other == "request/simplest"


def test_strength(cli: Callable[..., tuple[int, str, str]]) -> None:
    lengths = [len(cli("generate", "--packed", "--strength", strength)[1].splitlines()) for strength in "123"]
    assert lengths == sorted(set(lengths))
    assert "160 of 160 combinations" in cli("generate", "--coverage", "--strength", "3")[1]
    code, out, err = cli("generate", "--strength", "3")
    assert (code, out, "--strength is for --packed" in err) == (2, "", True)


def test_packed_cases(cli: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = cli("generate", "--packed")
    ids = [json.loads(line)["id"] for line in out.splitlines()]
    assert code == 0
    assert ids == [f"request/packed/{number}" for number in range(1, len(ids) + 1)]


def test_what_the_cases_cover(cli: Callable[..., tuple[int, str, str]]) -> None:
    assert cli("generate", "--coverage") == (0, COVERAGE, "")


@pytest.mark.parametrize("option", ["--packed", "--coverage", "--format=test-suite"])
def test_streams_are_no_json_values(cli: Callable[..., tuple[int, str, str]], option: str) -> None:
    code, _, err = cli("generate", "--side", "stream", option)
    assert (code, "one JSON value" in err) == (2, True)


@pytest.mark.parametrize(
    ("option", "other"),
    [
        ("--coverage", ["--constraint", "request:/type"]),
        ("--coverage", ["--kind", "conforming"]),
        ("--coverage", ["--kind", "faulted"]),
        ("--coverage", ["--format", "test-suite"]),
        ("--coverage", ["--packed"]),
        ("--packed", ["--kind", "faulted"]),
        ("--packed", ["--constraint", "request:/type"]),
    ],
)
def test_options_that_would_be_passed_over_are_refused(
    cli: Callable[..., tuple[int, str, str]], option: str, other: list[str]
) -> None:
    arguments = [option, *other]
    code, out, err = cli("generate", *arguments)
    assert (code, out) == (2, "")
    assert all(one in err for one in arguments if one.startswith("--"))


@pytest.mark.parametrize("further", [[], ["--constraint", "stream:x"], ["--kind", "faulted"]])
def test_a_contract_that_says_nothing_of_streams(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, further: list[str]
) -> None:
    (tmp_path / "catalog.json").write_text(json.dumps(PARROT))
    arguments = ("generate", "--contract", "catalog.json", "--side", "stream")
    code, out, err = cli(*arguments, *further)
    assert (code, out, "no streams to write: the contract says nothing of streams" in err) == (2, "", True)
    if not further:
        assert cli(*arguments, "--directory", "streams") == (code, out, err)


IMPOSSIBLE = {"type": "object", "required": ["a"], "properties": {"a": False}}
REASON = "no value conforms: nothing may stand under the required key 'a'"


@pytest.mark.parametrize(
    "further",
    [
        *([], ["--kind", "conforming"], ["--format", "test-suite"], ["--seed", "1"]),
        *(["--packed"], ["--packed", "--format", "test-suite"]),
    ],
)
def test_a_side_without_cases_says_why(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, further: list[str]
) -> None:
    schemas = {"input": IMPOSSIBLE, "output": {"type": "object"}}
    (tmp_path / "catalog.json").write_text(json.dumps({"model_id": "example/none", "schema": schemas}))
    said = f"haiku-contract: no case on the request side: {REASON}\n"
    assert cli("generate", "--contract", "catalog.json", *further) == (2, "", said)
    code, out, err = cli("generate", "--contract", "catalog.json", "--side", "all", *further)
    assert (code, err) == (0, said)
    assert ("response/packed/1" if "--packed" in further else "response/simplest") in out
    about = cli("generate", "--contract", "catalog.json", "--constraint", "request:/type")
    assert about == (2, "", f"haiku-contract: no case about 'request:/type'; unreachable: {REASON}\n")


@pytest.mark.parametrize("typo", ["request:/propertes/temperature/maximum", "temperature/maximum"])
def test_a_misspelt_constraint(cli: Callable[..., tuple[int, str, str]], typo: str) -> None:
    code, out, err = cli("generate", "--constraint", typo)
    assert (code, out) == (2, "")
    assert err.endswith("; did you mean 'request:/properties/temperature/maximum'?\n")


def test_the_help_speaks_of_every_option() -> None:
    assert all(getattr(option, "help", None) for option in generate.params if option.name not in {"kind", "side"})


def test_a_dialect_that_is_not_known_is_told_once(cli: Callable[..., Any], tmp_path: Path) -> None:
    odd = {"$schema": "https://example.org/dialect", "type": "object"}
    parrot = {"model_id": "a/b", "schema": {"input": odd, "output": {"type": "object"}}}
    (tmp_path / "catalog.json").write_text(json.dumps(parrot))
    found = cli("constraints", "--contract", "catalog.json")
    assert found.code == 0
    assert found.err.count("\n") == 1
    assert "the request schema: '$schema' names 'https://example.org/dialect'" in found.err
