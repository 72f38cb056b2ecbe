"""Every fixture against our validation and the reference engine."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator

import haiku_contract as hc
from haiku_contract import pointer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema import ValidationError

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "fixtures"
SCHEMAS = ROOT / "schemas"

MODEL = "anthropic/claude-haiku-4.5"

# What each group of tests picks up, below <publisher>/<model>/<version>/.
PATTERNS = {
    "conforming": ("request/conforming/*.json", "response/conforming/*.json"),
    "faulted": ("request/faulted/*.json", "response/faulted/*.json"),
    "wire": ("request/wire/*.body",),
    "wire-table": ("request/wire/expected.json",),
    "stream": ("stream/conforming/*.sse",),
    "stream-faulted": ("stream/faulted/*.sse",),
    "stream-table": ("stream/faulted/expected.json",),
    "stream-request": ("stream/request.json",),
}
PICKED_UP = {
    group: sorted(chain.from_iterable(FIXTURES.glob(f"*/*/*/{pattern}") for pattern in patterns))
    for group, patterns in PATTERNS.items()
}
MANIFESTS = sorted(SCHEMAS.glob("*/*/*/manifest.json"))


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _line(version: str) -> list[str]:
    """A version and those of the same major number before it: what conformed to them conforms to it."""
    return [older for older in VERSIONS[: VERSIONS.index(version) + 1] if _numbers(older)[0] == _numbers(version)[0]]


VERSIONS = sorted((path.parent.name for path in MANIFESTS if path.is_relative_to(SCHEMAS / MODEL)), key=_numbers)
"""Oldest first."""
PAIRS = [(older, newer) for newer in VERSIONS for older in _line(newer) if older != newer]

EXAMPLES = {
    "simple-question": {
        "messages": [{"role": "user", "content": "What are the three laws of thermodynamics?"}],
        "max_tokens": 1024,
    },
    "with-system-message": {
        "system": "You are a helpful coding assistant specializing in Python.",
        "messages": [{"role": "user", "content": "How do I read a JSON file in Python?"}],
        "max_tokens": 1024,
        "temperature": 0.3,
    },
    "multi-turn-conversation": {
        "messages": [
            {"role": "user", "content": "I need help planning a road trip from San Francisco to Los Angeles."},
            {
                "role": "assistant",
                "content": (
                    "I'd be happy to help! The drive is about 380 miles and takes roughly 5-6 hours. "
                    "Would you like suggestions for scenic routes or interesting stops along the way?"
                ),
            },
            {"role": "user", "content": "Yes, what are some good places to stop?"},
        ],
        "max_tokens": 1024,
    },
    "creative-writing": {
        "messages": [
            {"role": "user", "content": "Write a short story opening about a detective finding an unusual clue."}
        ],
        "max_tokens": 512,
        "temperature": 0.8,
    },
    "streaming-response": {
        "messages": [{"role": "user", "content": "Explain the concept of recursion with a simple example."}],
        "max_tokens": 1024,
        "stream": True,
    },
}
"""The example calls that the publisher shows on the page of the model, value for value."""

_CONTENT = "request:/properties/messages/items/properties/content/anyOf"
_CACHE_CONTROL = f"{_CONTENT}/1/items/properties/cache_control"
NEVER_ALONE = {
    "request:/properties/messages/items/properties/role/type": "what is no string is not in the enum either",
    f"{_CONTENT}/0/type": "what is neither string nor array breaks the union, no branch in particular",
    f"{_CONTENT}/1/type": "what is neither string nor array breaks the union, no branch in particular",
    f"{_CACHE_CONTROL}/properties/type/type": "what is no string is not the constant either",
    f"{_CACHE_CONTROL}/properties/ttl/type": "what is no string is not in the enum either",
    "response:/properties/type/type": "what is no string is not the constant either",
    "response:/properties/role/type": "what is no string is not the constant either",
    "response:/properties/stop_reason/anyOf/0/type": "what is neither string nor null breaks the union",
    "response:/properties/stop_reason/anyOf/1/type": "what is neither string nor null breaks the union",
}
"""Constraints that some value breaks, but none without breaking another one too; with the reason."""


class Place(NamedTuple):
    """What the path of a fixture says about it."""

    model: str
    version: str
    side: str


def _place(path: Path) -> Place:
    publisher, model, version, side, *_ = path.relative_to(FIXTURES).parts
    return Place(f"{publisher}/{model}", version, side)


def _over(group: str) -> pytest.MarkDecorator:
    ids = [path.relative_to(FIXTURES).as_posix() for path in PICKED_UP[group]]
    return pytest.mark.parametrize("path", PICKED_UP[group], ids=ids)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def _contract(model: str, version: str) -> hc.Contract:
    return hc.load(model, version=version)


def _side(path: Path, version: str | None = None) -> Any:
    place = _place(path)
    return getattr(_contract(place.model, version or place.version), place.side)


def _violable(side: Any) -> set[str]:
    return {constraint.id for constraint in side.constraints if constraint.violable}


@cache
def _reference(place: Place) -> Draft202012Validator:
    return Draft202012Validator(_read(SCHEMAS / place.model / place.version / f"{place.side}.schema.json"))


def _found(violations: Iterator[hc.Violation]) -> list[tuple[str, str]]:
    return [(violation.constraint, violation.instance_location) for violation in violations]


def _readings(error: ValidationError, side: str) -> Iterator[tuple[str, str]]:
    """The constraints that one error may stand for: itself, or the one thing that is wrong in a branch of its union."""
    place = pointer.join(error.absolute_path)
    keyword = f"{side}:{pointer.join(error.absolute_schema_path)}"
    if error.validator == "required":
        missing = (index for index, name in enumerate(error.validator_value) if f"{name!r} is" in error.message)
        keyword = f"{keyword}/{next(missing)}"
    yield keyword, place
    branches = sorted(((inner.relative_schema_path[0], inner) for inner in error.context or ()), key=itemgetter(0))
    for _, group in groupby(branches, key=itemgetter(0)):
        errors = [inner for _, inner in group]
        if len(errors) == 1:
            yield from _readings(errors[0], side)


@_over("conforming")
def test_conforming_payload_conforms(path: Path) -> None:
    assert _found(_side(path).iter_errors(_read(path))) == []


@_over("conforming")
def test_bytes_of_a_conforming_payload_conform(path: Path) -> None:
    assert _found(_side(path).iter_errors_bytes(path.read_bytes())) == []


@_over("conforming")
def test_reference_engine_accepts_conforming_payload(path: Path) -> None:
    assert [error.message for error in _reference(_place(path)).iter_errors(_read(path))] == []


@pytest.mark.parametrize(("older", "newer"), PAIRS)
def test_what_conformed_to_an_older_version_still_conforms(older: str, newer: str) -> None:
    for path in PICKED_UP["conforming"]:
        if _place(path)[:2] == (MODEL, older):
            assert _found(_side(path, newer).iter_errors(_read(path))) == [], path.name


@_over("faulted")
def test_faulted_payload_breaks_exactly_its_constraint(path: Path) -> None:
    fixture = _read(path)
    assert fixture.keys() == {"constraint", "instance_location", "payload"}
    expected = (fixture["constraint"], fixture["instance_location"])
    assert _found(_side(path).iter_errors(fixture["payload"])) == [expected]


@_over("faulted")
def test_reference_engine_finds_the_one_fault(path: Path) -> None:
    fixture, place = _read(path), _place(path)
    [error] = _reference(place).iter_errors(fixture["payload"])
    assert (fixture["constraint"], fixture["instance_location"]) in list(_readings(error, place.side))


@pytest.mark.parametrize(("older", "newer"), PAIRS)
def test_what_broke_an_older_version_breaks_the_same_where_that_still_stands(older: str, newer: str) -> None:
    for path in PICKED_UP["faulted"]:
        fixture, side = _read(path), _side(path, newer)
        if _place(path)[:2] == (MODEL, older) and fixture["constraint"] in _violable(side):
            expected = (fixture["constraint"], fixture["instance_location"])
            assert _found(side.iter_errors(fixture["payload"])) == [expected], path.name


@_over("wire")
def test_body_breaks_its_rule_of_the_wire(path: Path) -> None:
    expected = _read(path.with_name("expected.json"))
    assert path.name in expected, f"add {path.name!r} with its rule to expected.json beside it"
    violations = list(_side(path).iter_errors_bytes(path.read_bytes()))
    assert violations, "the body conforms"
    assert violations[0].constraint == expected[path.name]


@_over("wire-table")
def test_table_of_bodies_names_every_body_once(path: Path) -> None:
    names = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=lambda pairs: [name for name, _ in pairs])
    assert sorted(names) == sorted(body.name for body in path.parent.glob("*.body"))


def _events(path: Path) -> list[dict[str, Any]]:
    """The events of a recording; as strict as a fixture should be, not as lenient as a client has to be."""
    blocks = path.read_bytes().decode("utf-8").removesuffix("\n\n").split("\n\n")
    events = []
    for block in blocks:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


def _streamed(path: Path, version: str) -> list[tuple[str, str]]:
    """What is wrong with a stream that answers the request beside its folder."""
    request = _read(path.parents[1] / "request.json")
    validator = hc.StreamValidator(_contract(_place(path).model, version), request=request)
    return _found(iter([*validator.feed(path.read_bytes()), *validator.finish()]))


@_over("stream")
def test_stream_conforms(path: Path) -> None:
    for version in VERSIONS:
        if _place(path).version in _line(version):
            assert _streamed(path, version) == [], version


@_over("stream-faulted")
def test_faulted_stream_breaks_its_constraint_first(path: Path) -> None:
    expected = _read(path.with_name("expected.json"))
    assert path.name in expected, f"add {path.name!r} with its constraint to expected.json beside it"
    for version in VERSIONS:
        if _place(path).version in _line(version):
            assert [constraint for constraint, _ in _streamed(path, version)][:1] == [expected[path.name]], version


@_over("stream-table")
def test_table_of_streams_names_every_stream_once(path: Path) -> None:
    names = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=lambda pairs: [name for name, _ in pairs])
    assert sorted(names) == sorted(stream.name for stream in path.parent.glob("*.sse"))


@_over("stream-request")
def test_request_of_the_streams_asks_for_one(path: Path) -> None:
    assert _read(path)["stream"] is True


@pytest.mark.parametrize("version", VERSIONS)
def test_every_rule_of_streams_has_a_fixture(version: str) -> None:
    """The rules above single events; faults of the schemas of single events are in the suite."""
    shown = {constraint for path in PICKED_UP["stream-table"] for constraint in _read(path).values()}
    stream = _contract(MODEL, version).stream
    assert stream is not None
    rules = {one.id for one in stream.constraints if one.pointer.split("/")[1] in {"order", "framing", "assembly"}}
    assert rules <= shown


def test_example_stream_has_the_events_and_the_usage_of_the_real_one() -> None:
    events = _events(FIXTURES / MODEL / "1.0.0/stream/conforming/streaming-response.sse")
    assert [event["type"] for event in events if event["type"] != "content_block_delta"] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    [start, delta] = (event for event in events if event["type"] in {"message_start", "message_delta"})
    assert start["message"]["usage"].keys() == {
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "cache_creation",
        "service_tier",
        "inference_geo",
    }
    assert delta["usage"].keys() == {
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
    }


def test_example_stream_tells_the_text_of_the_whole_response() -> None:
    folder = FIXTURES / MODEL / "1.0.0"
    events = _events(folder / "stream/conforming/streaming-response.sse")
    text = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    assert _read(folder / "response/conforming/streaming-response.json")["content"] == [{"type": "text", "text": text}]


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_request_is_the_published_one(name: str) -> None:
    assert _read(FIXTURES / MODEL / f"1.0.0/request/conforming/{name}.json") == EXAMPLES[name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_request_has_a_response(name: str) -> None:
    response = _read(FIXTURES / MODEL / f"1.0.0/response/conforming/{name}.json")
    assert response["usage"]["output_tokens"] <= EXAMPLES[name]["max_tokens"]


def test_every_fixture_is_picked_up_by_one_group() -> None:
    groups = Counter(chain.from_iterable(PICKED_UP.values()))
    files = {path for path in FIXTURES.rglob("*") if path.is_file()} - {FIXTURES / "README.md"}
    orphans = sorted(path.relative_to(FIXTURES).as_posix() for path in files if groups[path] != 1)
    assert orphans == [], "no test or more than one picks these up; fixtures/README.md shows where a file belongs"


@pytest.mark.parametrize("group", PICKED_UP)
def test_every_group_has_fixtures(group: str) -> None:
    assert PICKED_UP[group]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("side", ["request", "response"])
def test_every_constraint_that_can_break_alone_has_a_fixture(version: str, side: str) -> None:
    shown = {
        _read(path)["constraint"]
        for path in PICKED_UP["faulted"]
        if _place(path).model == MODEL and _place(path).version in _line(version)
    }
    missing = _violable(getattr(_contract(MODEL, version), side)) - NEVER_ALONE.keys() - shown
    assert missing == set(), "add a faulted fixture for each"


def test_no_fixture_shows_what_never_breaks_alone() -> None:
    shown = {_read(path)["constraint"] for path in PICKED_UP["faulted"]}
    assert shown & NEVER_ALONE.keys() == set()
