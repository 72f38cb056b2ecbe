"""The provider's rules: each against its cases, all against arbitrary JSON, the data against the predicates."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract import pointer, rules
from haiku_contract.cli import app
from haiku_contract.errors import ContractLoadError
from haiku_contract.generate import suite
from haiku_contract.rules import images, shapes, tool_shapes
from haiku_contract.rules.table import PREDICATES
from haiku_contract.rules.view import View

ROOT = Path(__file__).resolve().parents[1]
MODEL = "anthropic/claude-haiku-4.5"
FOLDERS = sorted((ROOT / "schemas" / MODEL).glob("*.*.*"))
CASES: dict[str, dict[str, list[Any]]] = json.loads(Path(__file__).with_name("rule_cases.json").read_text("utf-8"))
"""By rule: requests that break it, with the refusal and where given the place; and requests like them that do not.

A request is a fragment over `BASE`: `$without` takes keys away, `{"$repeat": text, "times": n}` stands for a long text,
`{"$list": value, "times": n}` for a long array in which `{n}` is the index.
"""

BASE = {"messages": [{"role": "user", "content": "ping"}], "max_tokens": 16}
BREAKS = [(rule, number) for rule, cases in CASES.items() for number in range(len(cases["breaks"]))]
KEEPS = [(rule, number) for rule, cases in CASES.items() for number in range(len(cases["keeps"]))]
EXAMPLES = (
    "simple-question",
    "with-system-message",
    "multi-turn-conversation",
    "creative-writing",
    "streaming-response",
)


def _expand(value: Any) -> Any:
    if isinstance(value, list):
        return [_expand(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$repeat" in value:
        return value["$repeat"] * value["times"]
    if "$list" in value:
        text = json.dumps(value["$list"])
        return [json.loads(text.replace("{n}", str(index))) for index in range(value["times"])]
    return {key: _expand(item) for key, item in value.items()}


def _request(fragment: dict[str, Any]) -> dict[str, Any]:
    gone = fragment.get("$without", [])
    merged = BASE | {key: value for key, value in fragment.items() if key != "$without"}
    return {key: _expand(value) for key, value in merged.items() if key not in gone}


@cache
def _newest() -> hc.RequestValidator:
    return hc.load().request


@cache
def _rules() -> dict[str, rules.Rule]:
    return {rule.id: rule for rule in _newest().rules}


def _found(rule: str, request: Any) -> list[rules.Found]:
    return rules.found(request, [_rules()[rule]])


@pytest.mark.parametrize(("rule", "number"), BREAKS)
def test_request_that_breaks_a_rule_is_refused_in_the_words_observed(rule: str, number: int) -> None:
    case = CASES[rule]["breaks"][number]
    found = _found(rule, _request(case["with"]))
    assert found, "the rule finds nothing"
    expected = case["observed"]
    assert found[0].observed.startswith(expected[:-1]) if expected.endswith("…") else found[0].observed == expected
    assert found[0].location == case.get("at", found[0].location)


@pytest.mark.parametrize(("rule", "number"), BREAKS)
def test_place_of_a_broken_rule_exists_in_the_request(rule: str, number: int) -> None:
    request = _request(CASES[rule]["breaks"][number]["with"])
    for found in _found(rule, request):
        target = [token for token in found.path if token != "data"] if rule == "bedrock-url-image" else found.path
        pointer.get(request, target)


@pytest.mark.parametrize(("rule", "number"), KEEPS)
def test_request_that_keeps_a_rule_is_not_refused(rule: str, number: int) -> None:
    assert _found(rule, _request(CASES[rule]["keeps"][number])) == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_rules_of_a_version_are_those_that_matter_to_it(folder: Path) -> None:
    def number(version: str) -> list[int]:
        return [int(part) for part in version.split(".")]

    ids = [rule.id for rule in hc.load(MODEL, version=folder.name).request.rules]
    assert len(set(ids)) == len(ids)
    assert set(ids) == {rule.id for rule in _rules().values() if number(rule.from_version) <= number(folder.name)}


def test_every_rule_has_a_predicate_and_a_case_and_the_other_way_round() -> None:
    assert _rules().keys() == PREDICATES.keys() == CASES.keys()
    assert all(cases["breaks"] and cases["keeps"] for cases in CASES.values())


def test_every_rule_says_what_where_from_and_how_sure() -> None:
    document = json.loads((FOLDERS[-1] / "rules.json").read_text("utf-8"))
    for rule in document["rules"]:
        assert rule["sources"], rule["id"]
        assert all(source.keys() == {"kind", "pointer"} and source["pointer"] for source in rule["sources"])
        assert rule["sureness"] in document["surenesses"]
        assert rule["scope"] in {"api", "model"}
        assert rule["forbids"]
        assert rule["hint"]
    assert {rule["sureness"] for rule in document["rules"]} == document["surenesses"].keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_published_example_gets_no_advice(name: str) -> None:
    path = ROOT / "fixtures" / MODEL / "1.0.0/request/conforming" / f"{name}.json"
    assert list(_newest().advise(json.loads(path.read_text("utf-8")))) == []


@pytest.mark.parametrize(("rule", "number"), BREAKS)
def test_advice_is_one_line_and_speaks_of_rules_that_may_hold(rule: str, number: int) -> None:
    for advice in _newest().advise(_request(CASES[rule]["breaks"][number]["with"])):
        assert advice.sureness in rules.ADVISED
        for text in (advice.message, advice.observed, advice.source, advice.hint, advice.condition):
            assert len(text.splitlines()) <= 1
            assert re.search(r"\{[a-z_]+\}", advice.observed) is None, "a placeholder was left as it is"


def test_advice_leaves_a_violated_place_to_the_violation() -> None:
    contract = hc.load()
    request = {**BASE, "max_tokens": -1, "top_k": 1.5}
    assert [advice.rule for advice in contract.request.advise(request)] == ["top-k-integer"]


def test_advice_comes_in_the_order_in_which_the_provider_checks() -> None:
    request = {
        **BASE,
        "messages": [{"role": "user", "content": ""}],
        "zzz": 1,
        "top_k": 1.5,
        "temperature": 0.5,
        "top_p": 0.5,
        "metadata": {"a": 1},
    }
    found = [advice.rule for advice in hc.load().request.advise(request)]
    assert found == ["metadata-keys", "top-k-integer", "unknown-keys", "empty-user", "sampling-both"]


def test_advice_is_silent_about_what_json_cannot_carry() -> None:
    assert list(hc.load().request.advise({**BASE, "foo": {1, 2}, "zzz": float("nan")})) == []


def test_contract_of_another_model_has_no_rules(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.json"
    catalog.write_text(json.dumps({"model_id": "somebody/something", "schema": {"input": {}, "output": {}}}))
    contract = hc.load(catalog)
    assert contract.request.rules == ()
    assert list(contract.request.advise({"anything": 1})) == []
    assert contract.request.predict({"anything": 1}).outcome == "accepted"


def test_catalog_of_the_model_has_the_rules_that_ship(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.json"
    catalog.write_text(json.dumps({"model_id": MODEL, "schema": {"input": {}, "output": {}}}))
    assert hc.load(catalog).request.rules == hc.load().request.rules


@pytest.mark.parametrize(
    "document",
    [[], {}, {"rules": {}}, {"rules": [1]}, {"rules": [{"id": "x"}]}],
    ids=["array", "empty", "rules no array", "rule no object", "rule without keys"],
)
def test_rules_of_another_form_are_refused(document: Any) -> None:
    with pytest.raises(ContractLoadError, match=r"rules\.json"):
        rules.load(document, "rules.json")


@pytest.mark.parametrize(("key", "value"), [("id", "no-such-rule"), ("phase", "later")])
def test_rule_without_predicate_or_phase_is_refused(key: str, value: str) -> None:
    document = json.loads((FOLDERS[-1] / "rules.json").read_text("utf-8"))
    document["rules"][0][key] = value
    with pytest.raises(ContractLoadError, match=value):
        rules.load(document, "rules.json")


# -- robustness -----------------------------------------------------------------------------------------------

_KEYS = st.sampled_from(
    sorted(
        {
            *shapes.FIELDS,
            *tool_shapes.TOOL,
            *shapes.BETA_FIELDS,
            "role",
            "content",
            "text",
            "source",
            "data",
            "media_type",
            "url",
            "id",
            "tool_use_id",
            "budget_tokens",
            "user_id",
            "ttl",
            "format",
            "schema",
            "properties",
            "required",
            "items",
            "anyOf",
            "enum",
            "effort",
        }
    )
) | st.text(max_size=3)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["user", "assistant", "system", "enabled", "ephemeral", "1h", "base64", "custom", "object", "json_schema", ""]
    )
    | st.sampled_from(sorted(shapes.BLOCKS))
    | st.text(max_size=8)
)
JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5), max_leaves=40
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(shapes.FIELDS, JSON)
    | {
        "messages": st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from(["user", "assistant", "system"])},
                optional={"content": JSON | st.lists(st.dictionaries(_KEYS, JSON, max_size=4), max_size=3)},
            ),
            max_size=4,
        )
    },
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(JSON | REQUESTS)
def test_no_predicate_raises_whatever_json_it_is_given(payload: Any) -> None:
    for found in rules.found(payload, _rules().values()):
        assert len(found.observed.splitlines()) <= 1
        pointer.split(found.location)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(JSON | REQUESTS)
def test_no_payload_makes_advice_or_prediction_raise(payload: Any) -> None:
    request = _newest()
    list(request.advise(payload))
    prediction = request.predict(payload)
    assert (prediction.outcome == "rejected-by-gateway") == (not request.is_valid(payload))
    assert len(prediction.message.splitlines()) <= 1


@pytest.mark.parametrize("version", [folder.name for folder in FOLDERS])
def test_predicates_take_every_case_of_the_suite(version: str) -> None:
    contract = hc.load(MODEL, version=version)
    for case in suite(contract, "request"):
        if case.payload is not hc.model.ABSENT:
            rules.found(case.payload, contract.request.rules)
            contract.request.predict(case.payload)


@given(
    st.binary(max_size=64), st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF0000WEBP", b""])
)
def test_any_bytes_have_a_size_or_none(tail: bytes, head: bytes) -> None:
    size = images.size(head + tail)
    assert size is None or min(size) >= 0


@given(st.text())
def test_any_text_is_base64_or_not(text: str) -> None:
    images.is_base64(text)
    assert isinstance(images.head(text), bytes)


def test_work_grows_with_the_request_and_not_faster() -> None:
    """Counts calls instead of seconds: four times the turns make at most about four times the work."""

    def calls(turns: int) -> int:
        block = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x"}] * 3}
        request = {**BASE, "messages": [{"role": "user", "content": [block] * 2}] * turns}
        count = 0

        def count_call(_frame: Any, event: str, _argument: Any) -> None:
            nonlocal count
            count += event in {"call", "c_call"}

        before = sys.getprofile()
        sys.setprofile(count_call)
        try:
            for predicate in PREDICATES.values():
                list(predicate(View(request)))
        finally:
            sys.setprofile(before)
        return count

    assert calls(400) < 5 * calls(100)


# -- command line ---------------------------------------------------------------------------------------------


def _validate(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = app.run(["validate", *arguments])
    return code, capsys.readouterr().out


@pytest.fixture
def request_file(tmp_path: Path) -> str:
    path = tmp_path / "request.json"
    path.write_text(json.dumps({**BASE, "temperature": 0.5, "top_p": 0.5}))
    return str(path)


def test_advice_is_printed_as_such_and_leaves_the_exit_code_alone(
    capsys: pytest.CaptureFixture[str], request_file: str
) -> None:
    code, out = _validate(capsys, "request", "--advice", request_file)
    assert code == 0
    conforms, advice = out.splitlines()
    assert conforms == f"{request_file}: conforms"
    assert advice.startswith(f"{request_file}: advice: top_p: ")
    assert "[rule:sampling-both, sure: yes, seen in: issue " in advice


def test_advice_is_part_of_the_json_when_asked_for(capsys: pytest.CaptureFixture[str], request_file: str) -> None:
    code, out = _validate(capsys, "request", "--advice", "--format", "json", request_file)
    [file] = json.loads(out)["files"]
    assert (code, file["valid"], [one["rule"] for one in file["advice"]]) == (0, True, ["sampling-both"])
    _, plain = _validate(capsys, "request", "--format", "json", request_file)
    assert "advice" not in json.loads(plain)["files"][0]


def test_advice_is_for_requests_only(capsys: pytest.CaptureFixture[str], request_file: str) -> None:
    assert _validate(capsys, "response", "--advice", request_file)[0] == 2


def test_rules_are_not_imported_before_a_contract_is_loaded() -> None:
    code = "import sys, haiku_contract; sys.exit(any(name.startswith('haiku_contract.rules') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own interpreter
