"""Sessions that record what their clients get, and sessions that replay it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., pytest.RunResult]

HEAD = """
import pytest

PATH = "/ai/v1/messages"
ASK = {
    "model": "anthropic/claude-haiku-4.5",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 8,
}
"""

RECORDED = """
def test_it(contract_client):
    text = [contract_client.post(PATH, json=ASK).json()["content"][0]["text"] for _ in range(2)]
    assert text[0]

@pytest.mark.anyio
async def test_async(async_contract_client):
    assert (await async_contract_client.post(PATH, json=ASK)).json()["content"][0]["text"] != ""

class TestGroup:
    def test_it(self, contract_client, contract_endpoint):
        print(contract_endpoint.name)
        with contract_client.stream("POST", PATH, json={**ASK, "stream": True}) as response:
            assert list(response.iter_raw())
"""


def test_record_and_replay(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(test_module=HEAD + RECORDED)
    recording = ("--contract-record-mode", "once", "--contract-endpoint", "reference")
    run("-s", *recording).assert_outcomes(passed=4)
    folder = pytester.path / "cassettes" / "test_module"
    names = ["TestGroup.test_it", "test_async[asyncio]", "test_async[trio]", "test_it"]
    assert sorted(path.stem for path in folder.iterdir()) == names
    one = folder / "test_it.yaml"
    one.write_text(one.read_text(encoding="utf-8").replace('"text": "', '"text": "By tape. '), encoding="utf-8")
    assert "reference endpoint" in one.read_text(encoding="utf-8")

    replayed = run("-s")
    replayed.assert_outcomes(passed=4)
    replayed.stdout.fnmatch_lines(["*cassette TestGroup.test_it.yaml"])

    (pytester.path / "test_module.py").write_text((HEAD + RECORDED).replace('"Hello"', '"Bye"'), encoding="utf-8")
    stale = run("-s")
    stale.assert_outcomes(failed=4)
    again = "--contract-endpoint reference --contract-record-mode new"
    stale.stdout.fnmatch_lines(
        [
            "*StaleCassetteError: *no answer to POST messages*",
            f"*record them with: pytest test_module.py::test_it {again}",
        ]
    )
    one.unlink()
    missing = run("-s", "--contract-endpoint", "recorded", "-k", "test_it and not Group")
    missing.assert_outcomes(errors=1)
    missing.stdout.fnmatch_lines(["*no such cassette; record it with --contract-record-mode once*"])


SWALLOWED = """
from haiku_contract.errors import StaleCassetteError

def ask(client, most):
    try:
        return client.post(PATH, json={**ASK, "max_tokens": most}).status_code
    except Exception:
        return None

def test_kept_by_the_client(contract_client):
    assert ask(contract_client, 1) == 200
    ask(contract_client, MOST)

def test_seen_by_the_test(contract_client):
    assert ask(contract_client, 1) == 200
    if MOST > 1:
        with pytest.raises(StaleCassetteError):
            contract_client.post(PATH, json={**ASK, "max_tokens": MOST})
"""


def test_what_a_cassette_lacks_fails_the_test_even_where_its_client_swallows_that(
    pytester: pytest.Pytester, run: Run
) -> None:
    recording = ("--contract-record-mode", "once", "--contract-endpoint", "reference")
    pytester.makepyfile(test_it=HEAD + "MOST = 1\n" + SWALLOWED)
    run(*recording).assert_outcomes(passed=2)
    pytester.makepyfile(test_it=HEAD + "MOST = 2\n" + SWALLOWED)
    for options in ((), recording):
        done = run(*options)
        done.assert_outcomes(failed=1, passed=1)
        done.stdout.fnmatch_lines(["*test_kept_by_the_client.yaml: holds no answer to POST messages*"])
        assert "Traceback" not in done.stdout.str()


UNRECORDED = """
def test_it(contract_client):
    strange = {"content-encoding": "mystery"}
    assert contract_client.post("/", content=b"x", headers=strange).status_code == 400
"""


def test_what_cannot_be_recorded_fails_the_test_that_records_it(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(test_module=HEAD + UNRECORDED)
    run("--contract-endpoint", "reference").assert_outcomes(passed=1)
    done = run("--contract-record-mode", "once", "--contract-endpoint", "reference")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["not recorded: POST 127.0.0.1: the request is compressed, and could hide a secret"])
    assert "Traceback" not in done.stdout.str()


INTERRUPTED = """
def test_it(contract_client):
    assert contract_client.post(PATH, json=ASK).status_code == 200
    {then}
    assert contract_client.post(PATH, json={{**ASK, "max_tokens": 1}}).status_code == 200
"""


@pytest.mark.parametrize("then", ["raise KeyboardInterrupt", "pytest.exit('enough')"])
def test_a_session_that_is_interrupted_leaves_no_half_cassette(pytester: pytest.Pytester, run: Run, then: str) -> None:
    recording = ("--contract-record-mode", "once", "--contract-endpoint", "reference")
    pytester.makepyfile(test_module=HEAD + INTERRUPTED.format(then=then))
    if "raise" in then:
        with pytest.raises(KeyboardInterrupt):
            run(*recording)
    else:
        run(*recording)
    folder = pytester.path / "cassettes" / "test_module"
    (left,) = folder.iterdir()
    assert left.suffix == ".recording"
    pytester.makepyfile(test_module=HEAD + INTERRUPTED.format(then=""))
    run(*recording).assert_outcomes(passed=1)
    assert [path.name for path in folder.iterdir()] == ["test_it.yaml"]
    run().assert_outcomes(passed=1)


EXAMPLES = """
def test_it(contract_client):
    text = "ghp_" + "a1B2" * 9 + " and ghp_" + "c3D4" * 9
    asked = {**ASK, "messages": [{"role": "user", "content": text}]}
    assert contract_client.post(PATH, json=asked).status_code == 200
"""


def test_what_is_allowed_is_recorded_as_it_is_and_found_again(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(test_module=HEAD + EXAMPLES)
    allowed = ("--contract-allow", "ghp_" + "a1B2" * 9)
    recording = ("--contract-record-mode", "once", "--contract-endpoint", "reference")
    run("-s", *recording, *allowed).assert_outcomes(passed=1)
    text = (pytester.path / "cassettes" / "test_module" / "test_it.yaml").read_text(encoding="utf-8")
    assert ("ghp_" + "a1B2" * 9 in text, "c3D4" in text) == (True, False)
    run("-s", *allowed).assert_outcomes(passed=1)
