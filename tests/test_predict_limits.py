"""Predictions and advice for what is hard to handle: values that JSON cannot carry, loops, long names, many faults."""

from __future__ import annotations

import copy
import json
import random
import sys
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import haiku_contract as hc
from haiku_contract import messages, pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BASE: dict[str, Any] = {"messages": [{"role": "user", "content": "ping"}], "max_tokens": 16}
PREFIX = "Model execution failed (User Input Error): "


@pytest.fixture(scope="module")
def request_side() -> hc.RequestValidator:
    return hc.load().request


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: int = 1


NOT_JSON: dict[str, Any] = {
    "NaN": float("nan"),
    "Decimal": Decimal("0.5"),
    "dataclass": Point(),
    "enum": Colour.RED,
    "set": {1},
    "bytes": b"x",
    "an integer beyond a double": 10**5000,
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_json_cannot_carry_is_not_sent_and_nobody_is_quoted(request_side: hc.RequestValidator, name: str) -> None:
    for predict in (request_side.predict, request_side.predict_upstream):
        prediction = predict({**BASE, "zzz": NOT_JSON[name]})
        assert prediction.message.startswith("not sent, because JSON cannot carry it: zzz: expected ")
        assert (prediction.outcome, prediction.code, prediction.field) == ("rejected-by-gateway", None, "/zzz")
        assert str(prediction.constraint).startswith("wire:")


@pytest.mark.parametrize(
    "fragment", [{"system": "half: \ud83d"}, {"metadata": {"\ude00": 1}}, {"zzz": ["\\ud83d\ud83d"]}]
)
def test_half_a_surrogate_pair_is_refused_by_the_provider(request_side: hc.RequestValidator, fragment: Any) -> None:
    prediction = request_side.predict({**BASE, **fragment})
    assert (prediction.outcome, prediction.rule) == ("rejected-upstream", "surrogate")
    assert prediction.message == "The request body is not valid JSON: no low surrogate in string"
    assert (
        request_side.predict({**BASE, **fragment, "max_tokens": "x"}).constraint
        == "request:/properties/max_tokens/type"
    )


def test_payload_that_refers_to_itself_has_an_end(request_side: hc.RequestValidator) -> None:
    loop: dict[str, Any] = {**BASE, "tools": [{"name": "f", "input_schema": {"type": "object"}}]}
    loop["tools"][0]["input_schema"]["properties"] = {"a": loop["tools"][0]["input_schema"]}
    loop["metadata"] = loop
    assert request_side.predict(loop).constraint == request_side.predict_upstream(loop).constraint == "wire:depth"
    assert list(request_side.advise(loop)) == []


def test_message_of_a_prediction_is_bounded(request_side: hc.RequestValidator) -> None:
    keys = {f"{index}{'k' * 10_000}": 1 for index in range(1000)}
    prediction = request_side.predict({**BASE, "messages": [{"role": "user", "content": "a", **keys}]})
    assert prediction.message.startswith(f'{PREFIX}Invalid value at messages[0]: Unrecognized keys: "0kkk')
    assert len(prediction.message) < 1000
    assert prediction.message.endswith('", …')


def test_work_of_advice_grows_with_the_violations_and_not_faster(request_side: hc.RequestValidator) -> None:
    """Counts calls instead of seconds."""

    def calls(turns: int) -> int:
        request = {**BASE, "messages": [{"role": "bot", "content": [{"type": "text", "text": ""}]}] * turns}
        return calls_of(lambda: list(request_side.advise(request)))

    assert calls(400) < 5 * calls(100)


def calls_of(work: Callable[[], object]) -> int:
    count = 0

    def count_call(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count_call)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


# -- requests with anything anywhere --------------------------------------------------------------------------

ODD = [None, True, -1, 1.5, 10**300, "", "type", [], [[]], [None], {}, {"type": None}, {"type": {}}, {1, 2}, {3: 4}]
REQUESTS = [
    {**BASE, **case["with"]}
    for cases in json.loads(Path(__file__).with_name("rule_cases.json").read_text("utf-8")).values()
    for case in cases["breaks"]
    if not {"$repeat", "$list", "$without"} & set(json.dumps(case["with"]).split('"'))
]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for token, child in members:
        yield (*path, token)
        yield from places(child, (*path, token))


def test_nothing_raises_whatever_stands_wherever_a_rule_looks(request_side: hc.RequestValidator) -> None:
    chance = random.Random(20_260_823)
    for _ in range(600):
        request = copy.deepcopy(chance.choice(REQUESTS))
        *above, last = chance.choice(list(places(request)))
        pointer.get(request, above)[last] = copy.deepcopy(chance.choice(ODD))
        assert len(request_side.predict(request).message) <= 1500
        request_side.predict_upstream(request)
        list(request_side.advise(request))


# -- long names and texts -------------------------------------------------------------------------------------

LONG = "x" * 1_000_000


@pytest.mark.parametrize(
    "payload",
    [
        {**BASE, "messages": [{"role": LONG, "content": "x"}]},
        {**BASE, "messages": [{"role": "user", "content": "x", LONG: 1}]},
        {LONG: 1},
        {**BASE, "messages": [{"role": "user", **{f"{index}content": 1 for index in range(10_000)}}]},
    ],
    ids=["as a value", "as a key too much", "as a key instead", "ten thousand keys"],
)
def test_what_is_compared_for_a_hint_is_short(
    request_side: hc.RequestValidator, payload: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts the letters that are held against each other, whose product is the work."""
    work = 0
    compare = messages.difflib.get_close_matches

    def count(word: str, options: Sequence[str], *settings: Any) -> list[str]:
        nonlocal work
        work += sum(len(word) * len(one) for one in options)
        return compare(word, options, *settings)

    monkeypatch.setattr(messages.difflib, "get_close_matches", count)
    violations = list(request_side.iter_errors(payload))
    assert violations
    assert work < 10_000


@pytest.mark.parametrize(
    ("payload", "hint"),
    [
        ({**BASE, "messages": [{"role": "User", "content": "x"}]}, 'did you mean "user"?'),
        ({**BASE, "messages": [{"role": "user", "contents": "x"}]}, 'rename "contents" to "content"'),
        ({"messages": [], "max-tokens": 1}, 'rename "max-tokens" to "max_tokens"'),
    ],
)
def test_what_is_nearly_right_still_gets_its_hint(request_side: hc.RequestValidator, payload: Any, hint: str) -> None:
    assert hint in {one.hint for one in request_side.iter_errors(payload)}
