"""Guarded clients, seen from outside: whole sessions of pytest in a folder of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., pytest.RunResult]

HEAD = """
import httpx, pytest
import haiku_contract as hc

PATH = "/ai/v1/messages"
ASK = {
    "model": "anthropic/claude-haiku-4.5",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 8,
}
WRONG = {**ASK, "max_tokens": "8"}
"""

CLIENTS = """
def test_whole(contract_client, assert_conforms):
    response = contract_client.post(PATH, json=ASK)
    assert response.status_code == 200
    assert_conforms(response)
    assert_conforms(response.request)

def test_stream(contract_client, assert_conforms):
    with contract_client.stream("POST", PATH, json={**ASK, "stream": True}) as response:
        assert len(list(response.iter_raw())) > 3
        response._content = b""

def test_refused(contract_client, assert_conforms):
    refused = contract_client.post(PATH, content=b"{}", headers={"content-type": "application/json"})
    assert refused.status_code == 400
    assert_conforms(refused, side="error")

def test_raised(contract_client):
    contract_client.post(PATH, json=WRONG)

def test_seen_by_the_test(contract_client):
    with pytest.raises(hc.ContractViolation):
        contract_client.post(PATH, json=WRONG)

def test_kept_by_the_client(contract_client):
    def ask():
        try:
            return contract_client.post(PATH, json=WRONG)
        except Exception:
            return None
    assert ask() is None

@pytest.mark.asyncio
async def test_asyncio(async_contract_client):
    assert (await async_contract_client.post(PATH, json=ASK)).status_code == 200
    async with async_contract_client.stream("POST", PATH, json={**ASK, "stream": True}) as response:
        assert len([chunk async for chunk in response.aiter_raw()]) > 3

@pytest.mark.asyncio
async def test_asyncio_raised(async_contract_client):
    await async_contract_client.post(PATH, json=WRONG)

@pytest.mark.asyncio
async def test_asyncio_kept(async_contract_client):
    async def ask():
        try:
            await async_contract_client.post(PATH, json=WRONG)
        except Exception:
            return None
    with pytest.raises(hc.ContractViolation):
        await async_contract_client.post(PATH, json=WRONG)
    await ask()

@pytest.mark.anyio
async def test_anyio(async_contract_client):
    assert (await async_contract_client.post(PATH, json=ASK)).status_code == 200

@pytest.mark.anyio
async def test_anyio_raised(async_contract_client):
    await async_contract_client.post(PATH, json=WRONG)

def test_elsewhere(contract_client):
    with pytest.raises(hc.errors.NetworkBlockedError, match="allow it with --contract-allowed-hosts example.invalid"):
        httpx.get("http://example.invalid/")
    with pytest.raises(hc.errors.NetworkBlockedError):
        httpx.get("http://192.0.2.1:9/")
    assert contract_client.post(PATH, json=ASK).status_code == 200

@pytest.mark.anyio
async def test_elsewhere_async(async_contract_client):
    async with httpx.AsyncClient() as client:
        with pytest.raises(hc.errors.NetworkBlockedError):
            await client.get("http://example.invalid/")
        with pytest.raises(Exception) as caught:  # in the group of a task group
            await client.get("http://192.0.2.1:9/")
        assert "192.0.2.1 port 9 was to be reached" in repr(caught.value)

@pytest.mark.contract_block_network(allowed_hosts=["192.0.2.*"])
def test_elsewhere_by_marker():
    with pytest.raises(hc.errors.NetworkBlockedError):
        httpx.get("http://198.51.100.1/")

def test_what_does_not_conform(assert_conforms):
    assert_conforms({"messages": [], "max_tokens": 1}, side="request")
    assert_conforms({"messages": [], "max_tokens": 0}, side="request")
"""

LINE = "max_tokens: expected a number, found string; write it without quotes"


def test_clients(pytester: pytest.Pytester, run_apart: Run) -> None:
    pytester.makepyfile(HEAD + CLIENTS)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error")
    # In a process of its own: another test's threads and event loops are none of its business.
    done = run_apart("-rA", out=("recording",))
    failing = {
        "test_raised": f"*ContractViolation: {LINE}*",
        "test_kept_by_the_client": f"request does not conform: {LINE}*",
        "test_asyncio_raised": f"*ContractViolation: {LINE}*",
        "test_asyncio_kept": f"request does not conform: {LINE}*",
        "test_anyio_raised*asyncio*": f"*ContractViolation: {LINE}*",
        "test_anyio_raised*trio*": f"*ContractViolation: {LINE}*",
        "test_what_does_not_conform": "*max_tokens: expected more than 0, found number 0*",
    }
    done.assert_outcomes(passed=11, failed=len(failing))
    for name, line in failing.items():
        done.stdout.fnmatch_lines([f"*_ {name} _*", line])


SHARED = """
from pathlib import Path

@pytest.fixture
def contract_cassette():
    return Path(__file__).parent / "shared.yaml"

@pytest.fixture
def contract_config():
    return {"surface": "run", "excerpts": True}

@pytest.mark.parametrize("word", ["one", "two"])
def test_shared(contract_client, word):
    asked = {"model": ASK["model"], "input": {"messages": [{"role": "user", "content": word}], "max_tokens": 8}}
    assert contract_client.post("/ai/run", json=asked).json()["success"]

def test_excerpts(contract_client):
    asked = {"model": ASK["model"], "input": {"messages": [], "max_tokens": "eight"}}
    with pytest.raises(hc.ContractViolation, match="eight"):
        contract_client.post("/ai/run", json=asked)
"""


def test_overridden_fixtures(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(HEAD + SHARED)
    for mode in ("all", "rewrite"):
        recording = ("--contract-record-mode", mode, "--contract-endpoint", "reference")
        run("-s", *recording).assert_outcomes(passed=3)
    text = (pytester.path / "shared.yaml").read_text(encoding="utf-8")
    assert text.count("one") == text.count("two") > 0
    run("-s").assert_outcomes(passed=3)


SDK = """
import httpx2

class Sdk:  # takes a client of the library of its choice, says little of what that raises, and tries again
    def __init__(self, base_url, client):
        self.url, self.client = base_url + PATH, client

    def ask(self, asked):
        try:
            return self.client.post(self.url, json=asked)
        except Exception:
            raise ConnectionError from None

@pytest.mark.parametrize("library", [httpx, httpx2])
def test_sync(contract_transport, contract_endpoint, library):
    with library.Client(transport=contract_transport) as client:
        assert Sdk(contract_endpoint.base_url, client).ask(ASK).json()["type"] == "message"

@pytest.mark.anyio
@pytest.mark.parametrize("library", [httpx, httpx2])
async def test_async(contract_transport, contract_endpoint, library):
    async with library.AsyncClient(transport=contract_transport) as client:
        async with client.stream("POST", contract_endpoint.base_url + PATH, json={**ASK, "stream": True}) as answer:
            assert b"".join([chunk async for chunk in answer.aiter_raw()]).endswith(b"\\n\\n")

def test_wrong(contract_transport, contract_endpoint):
    with pytest.raises(ConnectionError):
        Sdk(contract_endpoint.base_url, httpx2.Client(transport=contract_transport)).ask(WRONG)
"""


def test_a_transport_for_sdks(pytester: pytest.Pytester, run: Run) -> None:
    """They take a client of httpx or of httpx2, and hide what it raises; recorded and replayed all the same."""
    pytester.makepyfile(HEAD + SDK)
    for options in (("--contract-record-mode", "all", "--contract-endpoint", "reference"), ()):
        done = run(*options)
        done.assert_outcomes(passed=6, failed=1)
        done.stdout.fnmatch_lines([f"request does not conform: {LINE}*"])
        assert len(list(pytester.path.glob("cassettes/*/*.yaml"))) == 6


NAMED = """
@pytest.fixture
def contract_cassette_dir():
    return "mine"  # as it is with pytest-recording

@pytest.mark.parametrize("word", ["a/b"])
def test_some(contract_client, contract_cassette, word):
    assert str(contract_cassette).replace("\\\\", "/") == "mine/test_some[a-b].yaml"

class TestOf:
    def test_LONG(self, contract_client, contract_cassette):
        assert len(contract_cassette.name.encode()) < 100
        assert contract_cassette.name.startswith("TestOf.test_xxx")
        assert contract_client.get("/").status_code == 405
"""


def test_names_of_cassettes(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(HEAD + NAMED.replace("LONG", "x" * 300))
    recording = ("--contract-record-mode", "once", "--contract-endpoint", "reference")
    run(*recording).assert_outcomes(passed=2)
    run("--contract-endpoint", "recorded", "-k", "TestOf").assert_outcomes(passed=1)


RUN_AGAIN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    runtestprotocol(item, log=False, nextitem=nextitem)
    item._initrequest()
    runtestprotocol(item, nextitem=nextitem)
    return True
"""
FLAKY = """
times = []

def ask(client, what):
    try:
        client.post(PATH, json=what)
    except hc.ContractViolation:
        pass

def test_it(contract_client):
    times.append(1)
    ask(contract_client, WRONG if len(times) == 1 else ASK)
"""


def test_a_test_that_runs_again_begins_anew(pytester: pytest.Pytester, run: Run) -> None:
    """As plugins let a flaky one do."""
    pytester.makeconftest(RUN_AGAIN)
    pytester.makepyfile(test_once=HEAD + FLAKY, test_always=HEAD + FLAKY.replace("== 1", ">= 1"))
    done = run("-v")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["test_always.py::test_it FAILED*", "test_once.py::test_it PASSED*"])


def test_live_needs_credentials_and_shows_none(
    pytester: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(
        HEAD + "def test_it(contract_client, contract_endpoint):\n    assert repr(contract_endpoint) == ''\n"
    )
    arguments = ("--contract-endpoint", "live", "-l")
    for name in ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_GATEWAY_ID"):
        monkeypatch.delenv(name, raising=False)
    for line in (
        "the real endpoint needs an account id: set CLOUDFLARE_ACCOUNT_ID",
        "the real endpoint needs an API token: set CLOUDFLARE_API_TOKEN",
    ):
        missing = run(*arguments)
        missing.assert_outcomes(errors=1)
        assert line in missing.outlines
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "0123456789abcdef0123456789abcdef")
    private = run(*arguments, "--contract-surface", "binding")
    private.assert_outcomes(errors=1)
    private.stdout.fnmatch_lines(["the surface 'binding' has no public address: --contract-surface is one of *"])
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "a-secret-of-mine")
    shown = run(*arguments)
    shown.assert_outcomes(failed=1)
    assert "a-secret-of-mine" not in shown.stdout.str()
    assert "0123456789abcdef" not in shown.stdout.str()


def test_a_url(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        HEAD
        + "def test_it(contract_client):\n"
        + "    with pytest.raises(httpx.ConnectError):\n        contract_client.post(PATH, json=ASK)\n"
    )
    run("--contract-endpoint", "http://127.0.0.1:9").assert_outcomes(passed=1)
    wrong = run("--contract-endpoint", "http://[::1", "-q")
    assert wrong.ret == pytest.ExitCode.USAGE_ERROR
    assert "'http://[::1' is no URL to send to" in wrong.stderr.str()
