"""The hostile endpoint, seen from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

import haiku_contract as hc
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.pytest_plugin import hostile
from haiku_contract.pytest_plugin.server import DELAYS, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from haiku_contract.endpoint.reference.app import ReferenceEndpoint
    from haiku_contract.endpoint.reference.faults import Repertoire

    Run = Callable[..., pytest.RunResult]

HOSTILE = """
import time
import httpx, pytest
import haiku_contract as hc

ASK = {
    "model": "anthropic/claude-haiku-4.5",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 8,
}

def form(contract, response, streamed):
    if streamed and response.headers["content-type"].startswith("text/event-stream"):
        stream = hc.StreamValidator(contract)
        if stream.feed(response.content) + stream.finish():
            return "faulted"
        return "error" if stream.error else "conforming"
    body = response.json() if response.headers["content-type"] == "application/json" else None
    if isinstance(body, dict) and {"error", "errors"} & set(body):
        return "error"
    return "conforming" if contract.response.is_valid(body) else "faulted"

@pytest.fixture(scope="module")
def client():
    with httpx.Client(verify=False, timeout=0.4) as one:
        yield one

@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.contract_faults("answer", "delivery", "delay:*", "broken:*/type")
def test_client(hostile_endpoint, contract, client, streamed):
    expected = hostile_endpoint.expected_streamed if streamed else hostile_endpoint.expected
    started = time.monotonic()
    try:
        response = client.post(hostile_endpoint.url + "/ai/v1/messages", json={**ASK, "stream": streamed})
    except httpx.TransportError as error:
        assert expected.form == "lost" or hostile_endpoint.fault.startswith("delay:"), error
    else:
        assert (response.status_code, form(contract, response, streamed)) == (expected.status, expected.form)
    assert time.monotonic() - started < 4
    assert hostile_endpoint.requests == 1

@pytest.mark.contract_faults("answer:overloaded")
def test_wrong_request(hostile_endpoint):
    httpx.post(hostile_endpoint.url + "/v1/messages", json={**ASK, "max_tokens": "8"})

@pytest.mark.contract_faults("answer:overloaded")
def test_no_request(hostile_endpoint):
    assert hostile_endpoint.expected == ("error", 529, True, None)

@pytest.mark.parametrize("path, model", [("/ai/v1/messages", "claude-haiku"), ("/ai/v2/messages", ASK["model"])])
@pytest.mark.contract_faults("answer:overloaded", "delivery:cut", "delay:head")
def test_refused_anyway(hostile_endpoint, path, model):
    assert httpx.post(hostile_endpoint.url + path, json={**ASK, "model": model}).status_code == 404

@pytest.mark.contract_faults("answer:overloaded", "delay:body")
def test_refused_and_then_shown(hostile_endpoint):
    assert httpx.get(hostile_endpoint.url + "/ai/v1/models").status_code in (404, 405)
    httpx.post(hostile_endpoint.url + "/ai/v1/messages", json=ASK)
    httpx.get(hostile_endpoint.url + "/ai/v1/models")

@pytest.mark.anyio
@pytest.mark.contract_faults("broken:response:/properties/id/type")
async def test_async(hostile_endpoint, contract):
    async with httpx.AsyncClient(base_url=hostile_endpoint.url, verify=False) as client:
        answer = await client.post("/ai/v1/messages", json=ASK)
    (violation,) = contract.response.iter_errors(answer.json())
    assert violation.constraint == hostile_endpoint.expected.constraint
"""


def test_it_is_no_fixture_for_getfixturevalue(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile("def test_it(request): request.getfixturevalue('hostile_endpoint')")
    done = run()
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["E * hostile_endpoint is an argument of a test or of its fixtures; *"])


@pytest.fixture(scope="module")
def app() -> ReferenceEndpoint:
    return create_app(hc.load())


@pytest.fixture(scope="module")
def repertoire(app: ReferenceEndpoint) -> Repertoire:
    return app.repertoire


def test_hostile_endpoint(pytester: pytest.Pytester, run_apart: Run, repertoire: Repertoire) -> None:
    pytester.makepyfile(HOSTILE)
    done = run_apart("-rs", "--contract-patience", "0.8")
    types = [one for one in repertoire.everything("broken") if str(one).endswith("/type")]
    answers, deliveries = repertoire.everything("answer"), repertoire.everything("delivery")
    skipped = len(types) + 2  # each shows on one of the two kinds of requests; so do two deliveries
    shown = 2 * (len(answers) + len(deliveries) + len(DELAYS)) + len(types) - 2
    done.assert_outcomes(passed=shown + 4, failed=2 + 6, skipped=skipped)
    done.stdout.fnmatch_lines(
        [
            "SKIPPED*not shown: delivery:error-event shows on requests for a stream*",
            "SKIPPED*not shown: delivery:envelope shows on requests for a whole answer*",
        ]
    )
    done.stdout.fnmatch_lines(["request does not conform: max_tokens: expected a number, found string*"])
    done.stdout.fnmatch_lines(["answer:overloaded was not shown: nothing was sent to hostile_endpoint.url"])
    for fault in ("answer:overloaded", "delivery:cut", "delay:head"):
        done.stdout.fnmatch_lines(
            [f"{fault} was not shown: POST /ai/v1/messages got 404: *Model not found: claude-haiku*"]
        )
        done.stdout.fnmatch_lines([f"{fault} was not shown: POST /ai/v2/messages got 404: *"])


def test_faulted_streams(app: ReferenceEndpoint, repertoire: Repertoire) -> None:
    """Each breaks on the wire what it is said to break, and shows on requests for a stream alone."""
    asked = {"model": repertoire.contract.model_id, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8}
    names = hostile.selected(repertoire, ("stream:dropped/*", "stream:cut-within-event/*"))
    assert len(names) > 10
    server = Server(app, "messages")
    try:
        with httpx.Client() as client:
            for name in names:
                endpoint = hostile.endpoint(repertoire, server.visit(name))
                assert client.post(f"{endpoint.url}/ai/v1/messages", json=asked).status_code == 200
                assert (endpoint.failures, endpoint.not_shown) == (
                    [],
                    f"not shown: {name} shows on requests for a stream",
                )
                answer = client.post(f"{endpoint.url}/ai/v1/messages", json={**asked, "stream": True})
                stream = hc.StreamValidator(repertoire.contract)
                found = [*stream.feed(answer.content), *stream.finish()]
                assert found[0].constraint == endpoint.expected_streamed.constraint
                assert (endpoint.requests, endpoint.not_shown, endpoint.expected.form) == (2, "", "conforming")
    finally:
        server.stop()


def test_which_faults(repertoire: Repertoire) -> None:
    everything = hostile.selected(repertoire, ())
    assert {name.partition(":")[0] for name in everything} == set(hostile.KINDS)
    streams = hostile.selected(repertoire, ("stream",))
    assert {name.partition("/")[0] for name in streams} == {
        name.partition("/")[0] for name in everything if name.startswith("stream:")
    }
    assert len(streams) > 10 * sum(name.startswith("stream:") for name in everything)
    assert hostile.selected(repertoire, ("delay", "answer:overl*")) == ("answer:overloaded", *DELAYS)
    for pattern, hint in (("delivery:hung", "'delivery:hang'"), ("anser", "'answer'"), (3, "not 3")):
        with pytest.raises(hc.UsageError, match=hint):
            hostile.selected(repertoire, (pattern,))  # type: ignore[arg-type]
