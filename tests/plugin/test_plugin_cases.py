"""Markers and settings, seen from outside: nodes, node ids, and what is wrong in one line."""

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


def test_cases(pytester: pytest.Pytester, run_apart: Run) -> None:
    pytester.makepyfile(test_it=CASES)
    first = run_apart("-v", workers=2)
    nodes = [line.split()[-1] for line in first.outlines if "::test_" in line and line.startswith("[gw")]
    assert "test_it.py::test_case[response/stop_reason/type/null]" in nodes
    assert len(nodes) == len(set(nodes)) == 16
    first.assert_outcomes(passed=len(nodes) - 1, failed=1)
    leaner = [word for name in ("asyncio", "recording", "xdist") for word in ("-p", f"no:{name}")]
    pytester.runpytest_inprocess(*leaner).assert_outcomes(passed=len(nodes) - 1, failed=1)
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
    )
    done = run()
    done.assert_outcomes(errors=len(MISTAKES) + 2)
    done.stdout.fnmatch_lines([f"*{text}*" for text in MISTAKES.values()])
    done.stdout.fnmatch_lines(["*the test takes no argument 'contract_case'"])
    done.stdout.fnmatch_lines(["no fault 'delivery:hung'; did you mean 'delivery:hang'[?]"])
    alone = run("test_marker.py")
    alone.assert_outcomes(errors=1)
    alone.stdout.fnmatch_lines(["contract_case is for tests marked with @pytest.mark.contract_cases(...)"])


WRONG = {
    "endpiont = 'live'": "[tool.haiku-contract] has no key 'endpiont'; did you mean 'endpoint'?",
    "endpoint = 'refrence'": "endpoint = 'refrence' is no URL; did you mean 'reference'?",
    "surface = 'message'": "surface = 'message'; did you mean 'messages'?",
    "max-cost = '1'": "max-cost is a number, not below 0, not '1'",
    "max-cost = -1": "max-cost is a number, not below 0, not -1",
    "block-network = 'yes'": "block-network is true or false, not 'yes'",
    "allowed-hosts = 'localhost'": "allowed-hosts is a list of texts, not 'localhost'",
    "record-mode = 'all'": "--contract-record-mode all needs to know whose answers to record",
    "x = ": "not TOML",
}


def test_mistakes_in_pyproject(pytester: pytest.Pytester, run: Run) -> None:
    for line, text in WRONG.items():
        pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\n[tool.haiku-contract]\n{line}\n")
        done = run()
        if "TOML" not in text:
            assert done.ret == 4, line
            assert text in done.stderr.str()
            assert "Traceback" not in done.stderr.str()


def test_which_setting_counts(pytester: pytest.Pytester, run: Run) -> None:
    """Command line, then `contract_config`, then the ini file, then `pyproject.toml`."""
    pytester.makepyprojecttoml(
        "[tool.haiku-contract]\ncontract = 'anthropic/claude-haiku-4.5@1.0.0'\nsurface = 'run'\nendpoint = 'recorded'\n"
    )
    pytester.makeini("[pytest]\ncontract_surface = gateway\ncontract_allowed_hosts = a.invalid, b.invalid\n")
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture(params=[{}, {"endpoint": "reference"}])
        def contract_config(request):
            return request.param

        def test_it(contract, contract_config, _contract_settings):
            assert contract.version == "1.0.0"
            assert _contract_settings.surface == "gateway"
            assert _contract_settings.allowed_hosts == ("a.invalid", "b.invalid")
            assert _contract_settings.endpoint == "http://127.0.0.1"

        def test_own(contract_config, contract_endpoint):
            assert contract_endpoint.name == "http://127.0.0.1"
        """
    )
    run("--contract-endpoint", "http://127.0.0.1").assert_outcomes(passed=4)
    ours = run("-k", "test_own")
    ours.assert_outcomes(errors=1, failed=1, deselected=2)
    ours.stdout.fnmatch_lines(["*no such cassette*", "*'reference endpoint' == 'http://127.0.0.1'*"])


def test_nothing_heavy_is_imported_before_it_is_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
        import sys

        HEAVY = {"anyio", "click", "hypothesis", "httpx", "jsonschema", "rich", "tenacity", "uvicorn", "yaml"}
        HEAVY |= {"jsonschema_rs", "orjson", "haiku_contract.contract", "haiku_contract.model"}

        def test_it(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("haiku_contract")
            assert HEAVY & set(sys.modules) == set()
        """
    )
    plugins = ("anyio", "asyncio", "recording", "hypothesispytest", "benchmark", "xdist")
    others = [word for name in plugins for word in ("-p", f"no:{name}")]
    pytester.runpytest_subprocess(*others).assert_outcomes(passed=1)


def test_beside_pytest_recording(pytester: pytest.Pytester) -> None:
    """Both in one session, each with its own options, fixtures and markers; apart, because vcr may be here already."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.vcr
        @pytest.mark.block_network
        def test_it(contract_client, vcr, record_mode):
            asked = {"model": "anthropic/claude-haiku-4.5", "messages": [], "max_tokens": 1}
            assert contract_client.get("/nothing").status_code == 404
            assert record_mode == "all"
        """
    )
    others = [word for name in ("asyncio", "cacheprovider", "hypothesispytest") for word in ("-p", f"no:{name}")]
    done = pytester.runpytest_subprocess(*others, "-Werror", "--record-mode", "all", "--strict-markers")
    done.assert_outcomes(passed=1)
