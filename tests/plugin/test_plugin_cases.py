"""The marker `contract_cases`, seen from outside: nodes, node ids, and what is wrong in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Run = Callable[..., pytest.RunResult]

CASES = """
import pytest

REASON = "response:/properties/stop_reason/type"

@pytest.mark.contract_cases(kind="faulted", constraint=REASON)
@pytest.mark.contract_cases(side="response", kind="conforming", constraint=[REASON])
def test_case(contract_case, contract):
    assert contract.response.is_valid(contract_case.payload) == (contract_case.kind == "conforming")
    assert not contract_case.id.endswith("null")
"""


def test_cases(pytester: pytest.Pytester) -> None:
    """In several processes they are in `test_in_several_processes`."""
    pytester.makepyfile(test_it=CASES)
    leaner = [word for name in ("asyncio", "recording", "xdist") for word in ("-p", f"no:{name}")]
    first = pytester.runpytest_inprocess(*leaner, "-v")
    first.assert_outcomes(passed=15, failed=1)
    nodes = [line.split()[0] for line in first.outlines if "::test_" in line and "%]" in line]
    assert "test_it.py::test_case[response/stop_reason/type/null]" in nodes
    assert len(nodes) == len(set(nodes)) == 16
    again = pytester.runpytest_inprocess(*leaner, "--lf", "-v")
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["*::test_case[[]response/stop_reason/type/null[]] FAILED*"])


def test_selecting_one(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(test_it=CASES)
    some = run("-k", "response/stop_reason and not null", "--collect-only", "-q")
    chosen = [line for line in some.outlines if "::" in line]
    assert len(chosen) == 15
    assert all("response/stop_reason" in line and "null" not in line for line in chosen)


MISTAKES = {
    'kind="fautled", side="response"': "no kind 'fautled'; did you mean 'faulted'?",
    'side="respnose"': "no side 'respnose'; did you mean 'response'?",
    'constraint="response:/properties/stop_reson/type"': "did you mean 'response:/properties/stop_reason/type'?",
    'konstraint="x"': "no argument 'konstraint'; did you mean 'constraint'?",
    'side="request", constraint="response:/type"': "'response:/type' is none of the side 'request'",
    'side=["request"]': "no side ['request']; did you mean 'request'?",
    "constraint=5": "constraint= is an id, or a list of ids, not 5",
    "constraint=[]": "constraint= is an id, or a list of ids, not []",
    'constraint="request:/properties/temprature/*"': "no constraint 'request:/properties/temprature/*'; did you mean",
    'constraint="request:/properties/metadata/propertyNames/type"': "unviolable: a JSON key is a string",
    'kind="conforming", constraint="wire:syntax"': "no case has kind='conforming', constraint='wire:syntax'",
    '"request"': "takes side=, kind=, constraint=, not 'request'",
    'kind="faulted", constraint=["response:/x"]': "no constraint 'response:/x'",
}


def test_mistakes_in_a_marker(pytester: pytest.Pytester, run: Run) -> None:
    for number, arguments in enumerate(MISTAKES):
        pytester.makepyfile(
            **{
                f"test_{number}": f"import pytest\n@pytest.mark.contract_cases({arguments})\n"
                "def test_it(contract_case): ..."
            }
        )
    pytester.makepyfile(
        test_argument="import pytest\n@pytest.mark.contract_cases(side='request')\ndef test_it(): ...",
        test_marker="def test_it(contract_case): ...",
        test_faults="import pytest\n@pytest.mark.contract_faults('delivery:hung')\ndef test_it(hostile_endpoint): ...",
        test_faults_by_name="import pytest\n@pytest.mark.contract_faults(x=1)\ndef test_it(hostile_endpoint): ...",
        test_network="import pytest\n@pytest.mark.contract_block_network(alowed_hosts=[])\ndef test_it(): ...",
    )
    done = run()
    done.assert_outcomes(errors=len(MISTAKES) + 4)
    said = [line for line in done.outlines if line.startswith("test_it: ")]
    for text in (*MISTAKES.values(), "the test takes no argument 'contract_case'", "no fault 'delivery:hung'"):
        assert sum(text in line for line in said) == 1, text
    assert len(said) == len(MISTAKES) + 4
    assert "Traceback" not in done.stdout.str()
    alone = run("test_marker.py")
    alone.assert_outcomes(errors=1)
    alone.stdout.fnmatch_lines(["contract_case is for tests marked with @pytest.mark.contract_cases(...)"])


SELECTED = """
import pytest

@pytest.mark.contract_cases(kind="faulted", constraint=["response:/properties/id/*", "request:/properties/top_k/type"])
def test_sides(contract_case): ...

@pytest.mark.contract_cases(side="error", kind="faulted", constraint="*anyOf/3/required/*")
def test_error(contract_case, assert_conforms):
    with pytest.raises(AssertionError, match="the error does not conform"):
        assert_conforms(contract_case.payload, side="error")

@pytest.mark.contract_cases(constraint="request:/properties/top_k/type")
@pytest.mark.parametrize("number", [1, 2])
class TestGroup:
    @pytest.mark.anyio
    async def test_async(self, contract_case, number): ...
"""

STREAMS = """
import pytest

@pytest.mark.contract_cases(side="stream", constraint="stream:/order/terminal")
def test_stream(contract_case):
    assert contract_case.kind == "faulted"
"""


def test_what_is_selected(pytester: pytest.Pytester, run: Run) -> None:
    """Constraints of any side, by patterns, with other parameters, on classes and in asynchronous tests."""
    pytester.makepyfile(test_it=SELECTED, test_streams=STREAMS)
    done = run("-v")
    nodes = [line.split()[0].partition("::")[2] for line in done.outlines if " PASSED " in line]
    done.assert_outcomes(passed=len(nodes))
    sides = [node.partition("[")[2].partition("/")[0] for node in nodes if node.startswith("test_sides")]
    assert sides == sorted(sides)
    assert set(sides) == {"request", "response"}
    assert "test_error[error/anyOf/3/required/error/removed]" in nodes
    assert sum(node.startswith("test_stream[stream/") for node in nodes) > 3
    one = "TestGroup::test_async[asyncio-request/top_k/type/null-1]"
    assert one in nodes
    assert sum(node.startswith("TestGroup") for node in nodes) % 4 == 0
    run(f"test_it.py::{one}").assert_outcomes(passed=1)
