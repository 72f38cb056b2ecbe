"""Settings: the command line, files, and what is wrong in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from haiku_contract.endpoint.recording import OTHER_NAMES, RECORD_MODES
from haiku_contract.pytest_plugin.settings import SETTINGS, checked, converted

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., pytest.RunResult]

PARROT = """{"model_id": "example/parrot", "schema": {"input": {"type": "object"}, "output": {"type": "object"}}}"""

WRONG = {
    "endpiont = 'live'": "[tool.haiku-contract] has no key 'endpiont'; did you mean 'endpoint'?",
    "endpoint = 'refrence'": "endpoint = 'refrence' is no URL; did you mean 'reference'?",
    "surface = 'message'": "surface = 'message'; did you mean 'messages'?",
    "max-cost = '1'": "max-cost is a number, not below 0, not '1'",
    "max-cost = -1": "max-cost is a number, not below 0, not -1",
    "block-network = 'yes'": "block-network is true or false, not 'yes'",
    "allowed-hosts = 'localhost'": "allowed-hosts is a list of texts, not 'localhost'",
    "record-mode = 'all'": "--contract-record-mode all needs to know whose answers to record",
    "max_cost = 1\nmax-cost = 2": "max-cost is there twice, with a dash and with an underscore",
    "endpoint = 'http://'": "'http://' is no URL to send to",
    "endpoint = 'ftp://127.0.0.1/'": "'ftp://127.0.0.1/' is no URL to send to",
    "endpoint = 'https://me:secret@127.0.0.1:99999'": "'127.0.0.1:99999' is no URL to send to",
    "endpoint = 'https://exa mple.org'": "'https://exa mple.org' is no URL to send to",
}


def test_mistakes_in_pyproject(pytester: pytest.Pytester, run: Run) -> None:
    for line, text in WRONG.items():
        pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\n[tool.haiku-contract]\n{line}\n")
        done = run()
        assert done.ret == 4, line
        (said,) = filter(None, done.errlines)
        assert said.startswith("ERROR: ")
        assert text in said
        assert "secret" not in said


def test_mistakes_in_the_ini_file(pytester: pytest.Pytester, run: Run) -> None:
    for line, text in {
        "contract_block_network = perhaps": "tox.ini: contract_block_network: invalid truth value 'perhaps'",
        "contract_max_cost = much": "tox.ini: contract_max_cost: max-cost is a number, not 'much'",
        "contract_surface = runn": "tox.ini: contract_surface: surface = 'runn'; did you mean 'run'?",
    }.items():
        pytester.makeini(f"[pytest]\n{line}\n")
        done = run()
        assert done.ret == 4, line
        assert text in done.stderr.str()
        assert "Traceback" not in done.stderr.str()


def test_record_modes_have_the_names_that_recorders_give_them() -> None:
    setting = SETTINGS["record-mode"]
    assert (setting.choices, setting.others) == (RECORD_MODES, OTHER_NAMES)
    assert [checked({"record_mode": name}, "here") for name in OTHER_NAMES] == [
        {"record-mode": "new"},
        {"record-mode": "all"},
    ]
    assert converted("record-mode", "rewrite", "here") == "all"


def test_mistakes_in_the_fixture(pytester: pytest.Pytester, run: Run) -> None:
    for value, text in {
        "None": "contract_config is a dict of settings, not None",
        "{'endpiont': 'live'}": "contract_config has no key 'endpiont'; did you mean 'endpoint'?",
        "{'contract': 'x'}": "contract_config: override the fixture 'contract' for another contract",
    }.items():
        pytester.makepyfile(
            f"import pytest\n@pytest.fixture\ndef contract_config(): return {value}\ndef test_it(contract_client): ..."
        )
        done = run()
        done.assert_outcomes(errors=1)
        assert text in done.outlines


SHOWN = """
def test_it(_contract_settings):
    found = _contract_settings
    assert (found.allowed_hosts, found.block_network, found.excerpts) == (("a.test", "b.test"), True, False)
    assert (found.max_cost, found.endpoint) == (2.0, "reference")
"""


def test_values_in_every_kind_of_file(pytester: pytest.Pytester, run: Run) -> None:
    """Also in those in which pytest itself reads lists, and what is true or false."""
    pytester.makepyfile(SHOWN)
    plain = 'contract_endpoint = "reference"\ncontract_max_cost = "2"\n'
    typed = f'{plain}contract_allowed_hosts = ["a.test", "b.test"]\ncontract_block_network = true\n'
    for name, text in {
        "pytest.ini": "[pytest]\n" + plain.replace('"', "") + "contract_allowed_hosts =\n  a.test, \n  b.test\n"
        "contract_block_network = on\ncontract_excerpts = off\n",
        "pyproject.toml": f"[tool.pytest.ini_options]\n{typed}",
        **({"pytest.toml": f"[pytest]\n{typed}"} if pytest.version_tuple >= (9,) else {}),
    }.items():
        path = pytester.path / name
        path.write_text(text, encoding="utf-8")
        run().assert_outcomes(passed=1)
        path.unlink()


def test_the_nearest_pyproject_that_says_something(pytester: pytest.Pytester, run: Run) -> None:
    """Above the rootdir too; and a contract is found from the folder of the file that names it."""
    (pytester.mkdir("contracts") / "mine.json").write_text(PARROT, encoding="utf-8")
    pytester.makepyprojecttoml("[tool.haiku-contract]\nsurface = 'run'\ncontract = 'contracts/mine.json'\n")
    package = pytester.mkdir("package")
    (package / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (package / "pyproject.toml").write_text("[tool.other]\nx = 1  # no haiku-contract here\n", encoding="utf-8")
    (package / "test_it.py").write_text(
        "def test_it(contract, _contract_settings):\n"
        "    assert (contract.model_id, _contract_settings.surface) == ('example/parrot', 'run')\n",
        encoding="utf-8",
    )
    for folder in (".", "package"):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(pytester.path / folder)
            run(f"--rootdir={package}", str(package)).assert_outcomes(passed=1)
    (pytester.path / "pyproject.toml").write_bytes(b"[tool.haiku-contract]\nsurface = '\xff'")
    (package / "test_it.py").write_text("def test_it(): ...", encoding="utf-8")
    run(str(package)).assert_outcomes(passed=1)


def test_a_path_in_the_ini_file(pytester: pytest.Pytester, run: Run) -> None:
    (pytester.mkdir("contracts") / "mine.json").write_text(PARROT, encoding="utf-8")
    package = pytester.mkdir("package")
    (package / "test_it.py").write_text(
        "def test_it(contract):\n    assert contract.model_id == 'example/parrot'\n", encoding="utf-8"
    )
    (package / "pytest.ini").write_text("[pytest]\ncontract = ../contracts/mine.json\n", encoding="utf-8")
    run(str(package)).assert_outcomes(passed=1)


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


UNUSED = """
import sys

HEAVY = {"anyio", "click", "hypothesis", "httpx", "jsonschema", "rich", "tenacity", "uvicorn", "yaml"}
HEAVY |= {"jsonschema_rs", "orjson", "haiku_contract.contract", "haiku_contract.model"}
LOADED = HEAVY & set(sys.modules)

def test_it(pytestconfig):
    assert pytestconfig.pluginmanager.has_plugin("haiku_contract")
    assert LOADED == set()
"""
CONTRACT = """
import sys
import pytest

CLIENTS = {"anyio", "click", "hypothesis", "httpx", "rich", "tenacity", "uvicorn", "yaml"}

@pytest.mark.contract_cases(constraint="request:/properties/top_k/type", kind="conforming")
def test_it(contract, contract_case):
    assert contract.request.is_valid(contract_case.payload)
    assert CLIENTS & set(sys.modules) == set()
"""


def test_nothing_heavy_is_imported_before_it_is_used(pytester: pytest.Pytester) -> None:
    """In the order in which files are collected: the second asks for the contract alone, and no client or server."""
    pytester.makepyfile(test_1=UNUSED, test_2=CONTRACT)
    plugins = ("anyio", "asyncio", "recording", "hypothesispytest", "benchmark", "xdist")
    others = [word for name in plugins for word in ("-p", f"no:{name}")]
    done = pytester.runpytest_subprocess(*others)
    assert set(done.parseoutcomes()) == {"passed"}
    done.stdout.fnmatch_lines(["test_1.py .*", "test_2.py ..*"])
