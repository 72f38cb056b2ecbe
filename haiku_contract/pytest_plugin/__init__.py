"""The pytest plugin: clients that hold what they send and get against the contract, its cases, an endpoint that fails.

Hooks only; the fixtures lie in `fixtures`, and what they all do in the modules beside it, which are imported when they
are first needed.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from haiku_contract.errors import HaikuContractError
from haiku_contract.pytest_plugin import settings, state

if TYPE_CHECKING:
    from collections.abc import Generator

pytest_plugins = ("haiku_contract.pytest_plugin.fixtures",)

_MARKERS = (
    "contract_cases(side=, kind=, constraint=): run the test once for each of these cases, which is its contract_case",
    "contract_faults(*names): the kinds or names of faults that hostile_endpoint shows, one after the other",
    "contract_block_network(allowed_hosts=[]): let the test reach nothing but this machine and these hosts",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option, and one key of the ini file, for each setting."""
    group = parser.getgroup("haiku-contract", "contract tests")
    for name, one in settings.SETTINGS.items():
        option = state.written(name)
        key = option.replace("-", "_")
        form: dict[str, Any] = {"choices": one.choices} if one.choices else {"metavar": one.metavar}
        if one.kind is bool:
            form = {"action": "store_const", "const": "true"}
        group.addoption(f"--{option}", dest=key, default=None, help=one.help, **form)
        parser.addini(key, one.help, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings, so that a mistake in them shows before anything runs."""
    for line in _MARKERS:
        config.addinivalue_line("markers", line)
    try:
        config.stash[state.LAYERS] = state.read(config)
        state.settings_of(config)
    except HaikuContractError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers."""
    if state.KEPT in config.stash:
        config.stash[state.KEPT].stop()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One node for each case, and one for each fault."""
    markers = list(metafunc.definition.iter_markers("contract_cases"))
    hostile = "hostile_endpoint" in metafunc.fixturenames
    if not markers and not hostile:
        return
    with state.in_one_line():
        kept = state.kept(metafunc.config)
        of = kept.contract(state.settings_of(metafunc.config).contract)
        if markers:
            if "contract_case" not in metafunc.fixturenames:
                pytest.fail("@pytest.mark.contract_cases: the test takes no argument 'contract_case'", pytrace=False)
            found = {one.id: one for mark in markers for one in kept.suites(of).selected(mark.kwargs, mark.args)}
            metafunc.parametrize("contract_case", list(found.values()), ids=list(found))
        if hostile:
            from haiku_contract.pytest_plugin.hostile import selected  # noqa: PLC0415 - not before it is needed

            wanted = [name for mark in metafunc.definition.iter_markers("contract_faults") for name in mark.args]
            names = selected(kept.app(of).repertoire, wanted)
            metafunc.parametrize("hostile_endpoint", names, ids=names, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Block the network where a marker or a setting says so."""
    mark = item.get_closest_marker("contract_block_network")
    found = state.settings_of(item.config)
    if mark is None and not found.block_network:
        return (yield)
    from haiku_contract.pytest_plugin.endpoints import hosts  # noqa: PLC0415 - not before it is needed
    from haiku_contract.pytest_plugin.network import blocked  # noqa: PLC0415 - not before it is needed

    own = () if mark is None else tuple(mark.kwargs.get("allowed_hosts", ()))
    allowed = hosts(found)
    with contextlib.nullcontext() if allowed is None else blocked((*own, *allowed)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """After a test that passed: was there anything wrong that its client kept to itself, or nothing to be seen?"""
    result = yield
    if (watch := item.stash.get(state.WATCH, None)) and (hidden := watch.hidden()):
        _fail(hidden)
    if endpoint := item.stash.get(state.HOSTILE, None):
        if endpoint.mistakes:
            _fail(endpoint.mistakes)
        if not endpoint.requests:
            _fail([endpoint.not_shown])
        if endpoint.not_shown:
            pytest.skip(endpoint.not_shown)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What is told of campaigns travels with the report of their test, from one process to another too."""
    report = yield
    if call.when == "call" and state.CAMPAIGNS in item.stash:
        report.__dict__["haiku_contract_campaigns"] = item.stash[state.CAMPAIGNS]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The enforcement matrix in short, of each campaign."""
    told = [
        (report.nodeid, one)
        for reports in terminalreporter.stats.values()
        for report in reports
        for one in getattr(report, "haiku_contract_campaigns", ())
    ]
    if told:
        from haiku_contract.pytest_plugin.campaigns import lines  # noqa: PLC0415 - not before it is needed

        terminalreporter.section("contract campaigns")
        for nodeid, one in told:
            for line in lines(nodeid, one):
                terminalreporter.line(line)


def _fail(lines: list[str]) -> NoReturn:
    pytest.fail("\n".join(lines), pytrace=False)
