"""Predictions against outcomes that others observed: at the gateway, at the provider, and in recorded traffic."""

from __future__ import annotations

import json
import os
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import haiku_contract as hc
from haiku_contract import rules

ROOT = Path(__file__).resolve().parents[1]
CORPUS = Path(os.environ.get("HAIKU_CONTRACT_CORPUS") or ROOT.parent / "shared" / "corpus")
CASES: dict[str, dict[str, list[Any]]] = json.loads(Path(__file__).with_name("rule_cases.json").read_text("utf-8"))

PING = [{"role": "user", "content": "ping"}]
BASE: dict[str, Any] = {"messages": PING, "max_tokens": 16}
PREFIX = "Model execution failed (User Input Error): "
TOOLS = [{"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}}]
FORMAT = {"type": "json_schema", "schema": {"type": "object", "properties": {}, "additionalProperties": False}}

PASSED = {
    "output_config.format": {"output_config": {"format": FORMAT}},
    "output_config.format that is nonsense": {"output_config": {"format": "nonsense"}},
    "tools": {"tools": TOOLS},
    "tool_choice auto": {"tools": TOOLS, "tool_choice": {"type": "auto"}},
    "tool_choice tool": {"tools": TOOLS, "tool_choice": {"type": "tool", "name": "f"}},
    "tool_choice any": {"tools": TOOLS, "tool_choice": {"type": "any"}},
    "cache_control in content": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]}
        ]
    },
    "thinking adaptive": {"thinking": {"type": "adaptive"}},
    "temperature 0": {"temperature": 0},
    "an undeclared key": {"bogus_field": 1},
    "stream": {"stream": True},
}
"""What the gateway let through to billing for this model: dbrekelmans/gitflare, validation matrix of 2026-10-02."""


@pytest.fixture(scope="module")
def request_side() -> hc.RequestValidator:
    return hc.load().request


@pytest.mark.parametrize("name", PASSED)
def test_what_the_gateway_let_through_is_not_predicted_to_fail_there(
    request_side: hc.RequestValidator, name: str
) -> None:
    assert request_side.predict({**BASE, **PASSED[name]}).outcome != "rejected-by-gateway"


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        (
            {**BASE, "system": [{"type": "text", "text": "x"}]},
            "Invalid value at system: Invalid input: expected string, received array",
        ),
        ({"messages": PING}, "Required value missing: max_tokens"),
    ],
    ids=["system as blocks", "no max_tokens"],
)
def test_what_the_gateway_refused_is_predicted_word_for_word(
    request_side: hc.RequestValidator, request_body: Any, message: str
) -> None:
    prediction = request_side.predict(request_body)
    assert (prediction.outcome, prediction.status, prediction.code) == ("rejected-by-gateway", 400, 7003)
    assert (prediction.name, prediction.message) == ("AiGatewayError", PREFIX + message)


@pytest.mark.parametrize(
    ("request_body", "field", "message"),
    [
        ([], "", "Invalid value at (root): Invalid input: expected object, received array"),
        ({}, "/messages", "Required value missing: messages"),
        ({"max_tokens": "x"}, "/messages", "Required value missing: messages"),
        (
            {"max_tokens": "x", "messages": PING, "temperature": 2},
            "/max_tokens",
            "Invalid value at max_tokens: Invalid input: expected number, received string",
        ),
        (
            {**BASE, "top_p": -1, "temperature": 2},
            "/temperature",
            "Invalid value at temperature: Too big: expected number to be <=1",
        ),
        (
            {"max_tokens": 0, "messages": [{"role": "bot", "content": 7}]},
            "/messages/0/role",
            'Invalid value at messages[0].role: Invalid option: expected one of "user"|"assistant"',
        ),
        (
            {**BASE, "messages": [*PING, {"role": "user", "content": [{"text": "x"}]}]},
            "/messages/1/content",
            "Invalid value at messages[1].content: Invalid input",
        ),
        (
            {**BASE, "messages": [{"role": "user"}]},
            "/messages/0/content",
            "Invalid value at messages[0].content: Invalid input",
        ),
        (
            {**BASE, "messages": [{"role": "user", "content": "a", "name": "n", "id": 1}]},
            "/messages/0",
            'Invalid value at messages[0]: Unrecognized keys: "name", "id"',
        ),
        (
            {**BASE, "stream": None, "metadata": []},
            "/stream",
            "Invalid value at stream: Invalid input: expected boolean, received null",
        ),
    ],
)
def test_gateway_answers_with_the_first_problem_in_the_order_of_its_schema(
    request_side: hc.RequestValidator, request_body: Any, field: str, message: str
) -> None:
    prediction = request_side.predict(request_body)
    assert (prediction.field, prediction.message) == (field, PREFIX + message)
    assert prediction.constraint in {one.id for one in request_side.constraints}


ORDER = [
    ({"tools": "x", "tool_choice": 7}, "tool_choice: Input should be an object"),
    ({"messages": "x", "tools": "x"}, "tools: Input should be a valid array"),
    ({"system": 7, "messages": "x"}, "messages: Input should be a valid array"),
    ({"thinking": "x", "system": 7}, "system: Input should be a valid array"),
    ({"output_config": "x", "thinking": "x"}, "thinking: Input should be an object"),
    ({"cache_control": "x", "output_config": "x"}, "output_config: Input does not match the expected shape."),
    ({"max_tokens": "x", "cache_control": "x"}, "cache_control: Input should be an object"),
    ({"metadata": "x", "max_tokens": "x"}, "max_tokens: Input should be a valid integer"),
    ({"stop_sequences": "ZZ", "metadata": "x"}, "metadata: Input does not match the expected shape."),
    ({"temperature": "x", "stop_sequences": "ZZ"}, "stop_sequences: Input should be a valid array"),
    ({"service_tier": 7, "temperature": "x"}, "temperature: Input should be a valid number"),
    ({"top_k": "x", "service_tier": 7}, "service_tier: Input should be 'auto' or 'standard_only'"),
    ({"top_p": "x", "top_k": "x"}, "top_k: Input should be a valid integer"),
    ({"stream": "yes", "top_p": "x"}, "top_p: Input should be a valid number"),
    ({"container": 7, "stream": "yes"}, "stream: Input should be a valid boolean"),
    ({"inference_geo": 7, "container": 7}, "container.ContainerParams: Input does not match the expected shape."),
    ({"zzz_unknown": 1, "inference_geo": 7}, "inference_geo: Input should be a valid string"),
    ({"container": "container_x", "zzz_unknown": 1}, "zzz_unknown: Extra inputs are not permitted"),
    (
        {"messages": [{"role": "user", "content": []}], "temperature": "x"},
        "temperature: Input should be a valid number",
    ),
    ({"messages": [{"role": "user", "content": []}], "zzz_unknown": 1}, "zzz_unknown: Extra inputs are not permitted"),
    (
        {"messages": [{"role": "user", "content": []}], "container": "container_x"},
        "messages.0: user messages must have non-empty content",
    ),
    (
        {"messages": [{"role": "user", "content": "a", "bogus": 1}], "temperature": "x"},
        "messages.0.bogus: Extra inputs are not permitted",
    ),
]
"""What the provider said first of two problems: the parity table that `rules.json` names as a measurement."""


@pytest.mark.parametrize(("fragment", "message"), ORDER, ids=[message.partition(":")[0] for _, message in ORDER])
def test_provider_answers_with_the_first_problem_in_its_own_order(
    request_side: hc.RequestValidator, fragment: dict[str, Any], message: str
) -> None:
    prediction = request_side.predict_upstream({**BASE, **fragment})
    assert (prediction.outcome, prediction.message) == ("rejected-upstream", message)


_USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_x", "name": "f", "input": {}}]}
_RESULT = {"type": "tool_result", "tool_use_id": "toolu_x", "content": "ok"}
PROBED = {
    "no description": ({"tools": [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]}, ""),
    "parameters instead of input_schema": (
        {"tools": [{"name": "f", "parameters": {"type": "object"}}]},
        "tools.0.custom.input_schema: Field required",
    ),
    "strict and open": (
        {"tools": [{**TOOLS[0], "strict": True}]},
        "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false",
    ),
    "any": ({"tools": TOOLS, "tool_choice": {"type": "any"}}, ""),
    "none": ({"tools": TOOLS, "tool_choice": {"type": "none"}}, ""),
    "tool": ({"tools": TOOLS, "tool_choice": {"type": "tool", "name": "f"}}, ""),
    "one call": ({"tools": TOOLS, "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}, ""),
    "required": (
        {"tools": TOOLS, "tool_choice": {"type": "required"}},
        (
            "tool_choice: Input tag 'required' found using 'type' does not match any of the expected tags: "
            "'auto', 'any', 'tool', 'none'"
        ),
    ),
    "choice as a string": ({"tools": TOOLS, "tool_choice": "auto"}, "tool_choice: Input should be an object"),
    "result as text": ({"messages": [*PING, _USE, {"role": "user", "content": [_RESULT]}]}, ""),
    "result as blocks": (
        {
            "messages": [
                *PING,
                _USE,
                {"role": "user", "content": [{**_RESULT, "content": [{"type": "text", "text": "ok"}]}]},
            ]
        },
        "",
    ),
    "result that is an error": (
        {"messages": [*PING, _USE, {"role": "user", "content": [{**_RESULT, "is_error": True}]}]},
        "",
    ),
    "result of the assistant": (
        {"messages": [*PING, {"role": "assistant", "content": [_RESULT]}]},
        "messages.1: `tool_result` blocks can only be in `user` messages",
    ),
    "result without id": (
        {"messages": [*PING, _USE, {"role": "user", "content": [{"type": "tool_result", "content": "ok"}]}]},
        "messages.2.content.0.tool_result.tool_use_id: Field required",
    ),
    "system first": (
        {"messages": [{"role": "system", "content": "x"}, *PING]},
        (
            "messages.0: use the top-level 'system' parameter for the initial system prompt; the directive-only form "
            "(content: [] with output_config) is accepted at any position"
        ),
    ),
    "one token": ({"max_tokens": 1}, ""),
}
"""What this model answered to a public probe: aegis-gateway/aegis-ai-gateway, 2026-08-28; empty for 200."""


@pytest.mark.parametrize("name", PROBED)
def test_prediction_agrees_with_a_probe_of_this_model(request_side: hc.RequestValidator, name: str) -> None:
    fragment, message = PROBED[name]
    prediction = request_side.predict_upstream({**BASE, **fragment})
    assert (prediction.outcome, prediction.message) == ("rejected-upstream" if message else "accepted", message)


def test_rejection_upstream_names_its_rule_and_the_providers_error(request_side: hc.RequestValidator) -> None:
    prediction = request_side.predict({**BASE, "temperature": 0.5, "top_p": 0.5})
    assert prediction == hc.Prediction(
        outcome=hc.PredictedOutcome.REJECTED_UPSTREAM,
        status=400,
        code=7003,
        name="AiGatewayError",
        error_type="invalid_request_error",
        message="`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        field="/top_p",
        constraint=None,
        rule="sampling-both",
        sureness="yes",
    )


def test_accepted_request_has_neither_rule_nor_constraint(request_side: hc.RequestValidator) -> None:
    prediction = request_side.predict(BASE)
    assert (prediction.outcome, prediction.status, prediction.code) == ("accepted", 200, None)
    assert (prediction.rule, prediction.constraint, prediction.field, prediction.message) == (None, None, None, "")


def test_rules_that_are_not_sure_predict_nothing(request_side: hc.RequestValidator) -> None:
    for rule in request_side.rules:
        unsure = rule.sureness not in rules.SURE
        for case in CASES[rule.id]["breaks"] if unsure else ():
            request = {key: value for key, value in {**BASE, **case["with"]}.items() if key != "$without"}
            if "$" not in json.dumps(request):
                assert request_side.predict_upstream(request).rule != rule.id


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0", "1.1.1"])
def test_older_versions_refuse_at_the_gateway_what_newer_ones_pass_on(version: str) -> None:
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}
    prediction = hc.load(version=version).request.predict({**BASE, "messages": [*PING, call]})
    assert prediction.outcome == ("rejected-by-gateway" if version == "1.0.0" else "rejected-upstream")


# -- recorded traffic -----------------------------------------------------------------------------------------

NOT_AS_NOW = {
    "anthropic_completion_tools_call_with_tool_result_stream.yaml#0": "of 2024: no ids compared",
    "anthropic_completion_tools_call_with_tool_result_stream_helper.yaml#0": "likewise",
    "compacts_a_long_conversation_and_bills_the_summarization_pass.yml#0": "sent with the beta header of the feature",
}
"""Recordings that a rule contradicts, and why the rule stands."""

ELSEWHERE = ("anthropic_version", "anthropic_beta")
"""What Bedrock and Vertex have in the body, and this interface in headers."""


def _recordings() -> list[dict[str, Any]]:
    if not CORPUS.is_dir():
        pytest.skip(f"no recorded traffic in {CORPUS.name!r}: name its folder in HAIKU_CONTRACT_CORPUS")
    files = [path.read_text(encoding="utf-8") for path in sorted(CORPUS.glob("*.jsonl"))]
    found = [json.loads(line) for text in files for line in text.split("\n") if line]
    assert found, "the folder holds no recordings"
    return [
        one
        for one in found
        if isinstance(one["request"], dict) and "messages" in one["request"] and "count_tokens" not in str(one["url"])
    ]


@cache
def _rules_for(*, this: bool) -> hc.RequestValidator:
    """The newest contract with the rules about this model, or with those about the interface in general."""
    known = hc.load().request
    return hc.RequestValidator(known.schema, tuple(rule for rule in known.rules if this or rule.scope == "api"))


def _outcome(recording: dict[str, Any]) -> hc.Prediction:
    """What our rules say of a recorded request; those about this model only where it was sent to this model."""
    known = _rules_for(this="haiku-4" in str(recording["model"]))
    body = {key: value for key, value in recording["request"].items() if key not in ELSEWHERE}
    # The recorder wrote a word for each text of a million letters.
    text = json.dumps(body).replace("<MASSIVE_TEXT>", "a" * 1_000_000)
    return known.predict_upstream(json.loads(text))


def test_recorded_requests_that_were_accepted_are_predicted_to_be() -> None:
    wrong = {
        one["source"]: prediction.message
        for one in _recordings()
        if one["status"] == 200 and (prediction := _outcome(one)).outcome != "accepted"
    }
    names = {source.rpartition("/")[2].rpartition("_claude-sonnet-4-6_")[2] for source in wrong}
    assert names == NOT_AS_NOW.keys(), wrong


def test_recorded_refusals_are_predicted_with_their_message() -> None:
    refused = [one for one in _recordings() if one["status"] in {400, 413}]
    assert refused
    for one in refused:
        observed, predicted = one["response"]["error"]["message"], _outcome(one)
        assert (predicted.outcome, predicted.status) == ("rejected-upstream", one["status"])
        if predicted.rule == "context-input":  # the number of tokens is an estimate
            assert observed.partition(":")[0] == predicted.message.partition(":")[0]
        else:
            assert predicted.message == observed


def test_requests_recorded_at_the_proxied_endpoint_are_predicted_to_be_accepted() -> None:
    proxied = [one for one in _recordings() if one["model"] == "anthropic/claude-haiku-4.5"]
    outcomes = Counter(str(hc.load().request.predict(one["request"]).outcome) for one in proxied)
    assert outcomes == {"accepted": len(proxied)}
