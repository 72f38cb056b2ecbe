"""`audit`: recorded traffic of every form is held against the contract, exchange by exchange."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import jsonschema
import pytest

import haiku_contract as hc
from haiku_contract.endpoint.recording import RecordingTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Result

    Cli = Callable[..., Result]

ROOT: Final = Path(__file__).resolve().parents[2]
FIXTURES: Final = ROOT / "fixtures" / "anthropic" / "claude-haiku-4.5" / "1.0.0"
QUESTION: Final = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}
ANSWER: Final = json.loads((FIXTURES / "response" / "conforming" / "simple-question.json").read_text("utf-8"))
STREAM: Final = 'event: message_start\ndata: {"type":"message_start"}\n\n'
URL: Final = "https://a.test/ai/v1/messages"
OWN: Final = "anthropic/claude-haiku-4.5"


def asked(**changes: Any) -> dict[str, Any]:
    return {"model": OWN, **QUESTION, **changes}


def vcr(url: str, request: Any, response: str, content_type: str = "application/json") -> dict[str, Any]:
    return {
        "request": {"method": "POST", "uri": url, "body": json.dumps(request), "headers": {}},
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"Content-Type": [content_type]},
            "body": {"string": response},
        },
    }


def as_yaml(*interactions: Any) -> str:
    import yaml  # noqa: PLC0415 - for the tests that need it

    return str(yaml.safe_dump({"interactions": list(interactions), "version": 1}, sort_keys=False))


def as_har(url: str, request: Any, response: str) -> str:
    entry = {
        "startedDateTime": "2025-11-02T10:00:00Z",
        "request": {
            "method": "POST",
            "url": url,
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "postData": {"text": json.dumps(request)},
        },
        "response": {
            "status": 200,
            "statusText": "OK",
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "content": {"text": base64.b64encode(response.encode()).decode(), "encoding": "base64"},
        },
    }
    return json.dumps({"log": {"version": "1.2", "entries": [entry]}})


def test_traffic_that_conforms_is_counted(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(as_yaml(vcr(URL, asked(), json.dumps(ANSWER))))
    assert cli("audit", "a.yaml") == (0, f"1 exchange held against {hc.load().id}, 0 violations in 0 of them\n", "")


def test_both_halves_are_checked_with_file_line_and_number(cli: Cli, tmp_path: Path) -> None:
    good, bad = vcr(URL, asked(), json.dumps(ANSWER)), vcr(URL, asked(max_tokens=0), '{"id": 1}')
    (tmp_path / "a.yaml").write_text(as_yaml(good, vcr("https://a.test/other", {}, "{}"), bad))
    line = (tmp_path / "a.yaml").read_text().split("\n- request")[:3]
    begins = sum(part.count("\n") + 1 for part in line) + 1
    result = cli("audit", "a.yaml")
    assert result.code == 1
    told = result.out.splitlines()
    assert told[0].startswith(f"a.yaml:{begins}: exchange 3: request: max_tokens: ")
    assert told[0].endswith("[request:/properties/max_tokens/exclusiveMinimum]")
    assert any(one.startswith(f"a.yaml:{begins}: exchange 3: response: id: ") for one in told)
    assert "     1  request:/properties/max_tokens/exclusiveMinimum" in told
    assert told[-1].startswith(f"2 exchanges held against {hc.load().id}, ")
    assert told[-1].endswith(" violations in 1 of them; 1 exchange of something else")


FORMS: Final[dict[str, Callable[[Any, str], str]]] = {
    "x.yaml": lambda request, response: as_yaml(vcr(URL, request, response)),
    "x.json": lambda request, response: json.dumps({"interactions": [vcr(URL, request, response)], "version": 1}),
    "x.har": lambda request, response: as_har(URL, request, response),
    "x.jsonl": lambda request, response: (
        json.dumps({"url": URL, "request": request, "status": 200, "response": json.loads(response)}) + "\n"
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_read(cli: Cli, tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_text(FORMS[name](asked(max_tokens=0), json.dumps(ANSWER)))
    report = json.loads(cli("audit", "in", "--format", "json").out)
    schema = json.loads((ROOT / "schemas" / "reports" / "audit.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(report)
    assert (report["exchanges"], report["others"], report["unread"]) == (1, 0, [])
    assert report["constraints"] == {"request:/properties/max_tokens/exclusiveMinimum": 1}
    (one,) = report["violations"]
    assert (one["file"], one["exchange"], one["side"], one["surface"]) == (f"in/{name}", 1, "request", "messages")


def test_a_recorded_stream_is_checked_as_a_stream(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(as_yaml(vcr(URL, asked(stream=True), STREAM, "text/event-stream")))
    (tmp_path / "b.jsonl").write_text(json.dumps({"url": URL, "request": asked(stream=True), "sse": STREAM}))
    for name in ("a.yaml", "b.jsonl"):
        result = cli("audit", name)
        assert result.code == 1
        assert "response: " in result.out
        assert "[stream:" in result.out


def whole_stream() -> str:
    """A stream that the grammar allows, and whose message the published response schema does not know in all parts."""
    return "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
        for event in (
            {
                "type": "message_start",
                "message": {
                    "id": "msg_1",
                    "type": "message",
                    "role": "assistant",
                    "content": [],
                    "model": "claude-haiku-4-5",
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": {"input_tokens": 1, "output_tokens": 1, "service_tier": "standard"},
                },
            },
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": 1},
            },
            {"type": "message_stop"},
        )
    )


def test_what_the_response_schema_says_of_a_streamed_message_is_told_as_validate_stream_tells_it(
    cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "x.sse").write_text(whole_stream())
    (tmp_path / "a.yaml").write_text(as_yaml(vcr(URL, asked(stream=True), whole_stream(), "text/event-stream")))
    validated, audited = cli("validate", "stream", "x.sse"), cli("audit", "a.yaml")
    mark = "deviation from the published response schema: "
    told = [line.partition(mark)[2] for line in validated.out.splitlines() if mark in line]
    assert len(told) == 1
    assert [line.partition(mark)[2] for line in audited.out.splitlines() if mark in line] == told
    assert (validated.code, audited.code) == (0, 0)
    assert audited.out.splitlines()[-1].endswith(", 0 violations in 0 of them, 1 deviation of messages in streams")
    report = json.loads(cli("audit", "a.yaml", "--format", "json").out)
    (one,) = report["deviations"]
    assert (one["file"], one["exchange"], one["side"]) == ("a.yaml", 1, "response")
    assert (report["violations"], report["further"], report["constraints"]) == ([], [], {})


def test_a_response_that_is_wrong_everywhere_does_not_fill_the_screen(cli: Cli, tmp_path: Path) -> None:
    answer = {**ANSWER, "content": [{"type": "text", "text": number} for number in range(250)]}
    (tmp_path / "a.yaml").write_text(as_yaml(vcr(URL, asked(), json.dumps(answer))))
    lines = cli("audit", "a.yaml").out.splitlines()
    assert len([one for one in lines if one.startswith("a.yaml:2: exchange 1: response: content")]) == 100
    assert "a.yaml:2: exchange 1: 150 further violations not shown" in lines
    assert lines[-1].endswith(", 250 violations in 1 of them")
    report = json.loads(cli("audit", "a.yaml", "--format", "json").out)
    assert (len(report["violations"]), [one["number"] for one in report["further"]]) == (100, [150])


@pytest.mark.parametrize("name", ["x.har", "x.json"])
def test_exchanges_of_json_have_lines(cli: Cli, tmp_path: Path, name: str) -> None:
    if name == "x.har":
        log = json.loads(as_har(URL, asked(max_tokens=0), json.dumps(ANSWER)))
        log["log"]["entries"] *= 2
    else:
        log = {"interactions": [vcr(URL, asked(max_tokens=0), json.dumps(ANSWER))] * 2, "version": 1}
    text = json.dumps(log, indent=1)
    (tmp_path / name).write_text(text)
    begins = [
        number for number, line in enumerate(text.splitlines(), 1) if line == ("   {" if "har" in name else "  {")
    ]
    told = [line.split(": ")[:2] for line in cli("audit", name).out.splitlines() if line.startswith(name)]
    assert told == [[f"{name}:{line}", f"exchange {number}"] for number, line in enumerate(begins, 1)]


MODELS: Final = {OWN: 1, "claude-haiku-4-5-20251001": 1, "claude-haiku-4.5": 1, "claude-sonnet-4-5": 0, None: 0}


@pytest.mark.parametrize("model", MODELS)
def test_only_exchanges_with_the_model_of_the_contract_count(cli: Cli, tmp_path: Path, model: str | None) -> None:
    request = {**QUESTION, "max_tokens": 0} | ({"model": model} if model else {})
    (tmp_path / "a.yaml").write_text(as_yaml(vcr("https://api.anthropic.com/v1/messages", request, json.dumps(ANSWER))))
    assert cli("audit", "a.yaml").code == MODELS[model]
    assert cli("audit", "a.yaml", "--any-model").code == int(model is not None)


def test_a_recording_of_ours_is_read_with_what_it_says_of_itself(cli: Cli, tmp_path: Path) -> None:
    network = httpx.MockTransport(lambda _: httpx.Response(200, json=ANSWER))
    about = {"contract": hc.load().id, "surface": "bare"}
    with httpx.Client(transport=RecordingTransport(network, tmp_path / "x.yaml", mode="once", about=about)) as client:
        client.post("http://a.test/", json={**QUESTION, "max_tokens": 0})
    result = cli("audit", "x.yaml")
    assert (result.code, result.out.count("exchange 1: request: max_tokens")) == (1, 1)


def test_a_file_that_is_cut_off_fails_the_audit_and_hides_no_other(cli: Cli, tmp_path: Path) -> None:
    whole = as_yaml(vcr(URL, asked(max_tokens=0), json.dumps(ANSWER)))
    (tmp_path / "a.yaml").write_text(whole)
    (tmp_path / "b.yaml").write_text(whole.replace("version: 1\n", ""))
    (tmp_path / "c.jsonl").write_text('{"url": "http://a.test", "request": {}}\n{"url"')
    result = cli("audit", ".")
    assert result.code == 2
    assert result.out.startswith("a.yaml:2: exchange 1: request: max_tokens")
    first, second = result.err.splitlines()
    assert first.startswith("haiku-contract: b.yaml:")
    assert second.startswith("haiku-contract: c.jsonl:2: not JSON")


def test_no_secret_of_the_traffic_is_told(cli: Cli, tmp_path: Path) -> None:
    key = "sk-ant-api03-" + "Ab3dEf7hIj-_" * 2
    (tmp_path / "a.yaml").write_text(as_yaml(vcr(URL, asked(max_tokens=key), json.dumps(ANSWER))))
    for form in ("text", "json"):
        result = cli("audit", "a.yaml", "--format", form)
        assert result.code == 1
        assert "max_tokens" in result.out
        assert "Ab3d" not in result.out


def test_what_was_not_recorded_is_not_judged(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"url": URL, "request": asked(), "response": None}))
    result = cli("audit", "a.jsonl")
    assert (result.code, "of 1 the response could not be looked at" in result.out) == (0, True)


def test_mistakes(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert cli("audit").code == 2
    assert "no recordings in it" in cli("audit", "empty").err
    assert "no such file" in cli("audit", "gone.jsonl").err
    assert "no such file" in cli("audit", "gone.yaml").err
