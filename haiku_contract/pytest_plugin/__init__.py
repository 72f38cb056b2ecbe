"""The pytest plugin: clients that hold what they send and get against the contract, its cases, an endpoint that fails.

Hooks only; the fixtures lie in `fixtures`, and what they all do in the modules beside it, which are imported when they
are first needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

import pytest

from haiku_contract.errors import HaikuContractError, StaleCassetteError, UsageError
from haiku_contract.pytest_plugin import settings, state

if TYPE_CHECKING:
    from collections.abc import Generator

    from haiku_contract.model import Case

pytest_plugins = ("haiku_contract.pytest_plugin.fixtures",)

_MARKERS = (
    "contract_cases(side=, kind=, constraint=): run the test once for each of these cases, which is its contract_case",
    "contract_faults(*names): the kinds or names of faults that hostile_endpoint shows, one after the other",
    f"{settings.NETWORK_MARKER}(allowed_hosts=[]): let the test reach nothing but this machine and these hosts",
)
_NAMES = tuple(one.partition("(")[0] for one in _MARKERS)
_INI_TYPES: Final[dict[type, Literal["bool", "linelist"]]] = {bool: "bool", tuple: "linelist"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option, and one key of the ini file, for each setting."""
    group = parser.getgroup("haiku-contract", "contract tests")
    for name, one in settings.SETTINGS.items():
        option = state.written(name)
        key = option.replace("-", "_")
        form: dict[str, Any] = {"choices": (*one.choices, *one.others)} if one.choices else {"metavar": one.metavar}
        if one.kind is bool:
            form = {"action": "store_const", "const": "true"}
        group.addoption(f"--{option}", dest=key, default=None, help=one.help, **form)
        parser.addini(key, one.help, type=_INI_TYPES.get(one.kind, "string"), default=None)


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
    """One node for each case, and one for each fault; and no node where a marker says what cannot be."""
    marks = {name: list(metafunc.definition.iter_markers(name)) for name in _NAMES}
    hostile = "hostile_endpoint" in metafunc.fixturenames
    if not hostile and not any(marks.values()):
        return
    _, _, name = metafunc.definition.nodeid.partition("::")  # the file is told by pytest
    with state.in_one_line(f"{name}: "):
        for mark in marks[settings.NETWORK_MARKER]:
            settings.marked_hosts(mark.args, mark.kwargs)
        if marks["contract_cases"]:
            found = _cases(metafunc, marks["contract_cases"])
            metafunc.parametrize("contract_case", list(found.values()), ids=list(found))
        if hostile:
            names = _faults(metafunc, marks["contract_faults"])
            metafunc.parametrize("hostile_endpoint", names, ids=names, indirect=True)


def _cases(metafunc: pytest.Metafunc, marks: list[pytest.Mark]) -> dict[str, Case]:
    if "contract_case" not in metafunc.fixturenames:
        raise UsageError("@pytest.mark.contract_cases: the test takes no argument 'contract_case'")
    kept = state.kept(metafunc.config)
    suites = kept.suites(kept.contract(state.settings_of(metafunc.config).contract))
    return {one.id: one for mark in marks for one in suites.selected(mark.kwargs, mark.args)}


def _faults(metafunc: pytest.Metafunc, marks: list[pytest.Mark]) -> tuple[str, ...]:
    from haiku_contract.pytest_plugin.hostile import selected  # noqa: PLC0415 - not before it is needed

    for mark in marks:
        for name, value in mark.kwargs.items():
            raise UsageError(f"@pytest.mark.contract_faults takes names of faults, not {name}={value!r}")
    kept = state.kept(metafunc.config)
    of = kept.contract(state.settings_of(metafunc.config).contract)
    return selected(kept.app(of).repertoire, [name for mark in marks for name in mark.args])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Block the network where a marker or a setting says so."""
    mark = item.get_closest_marker(settings.NETWORK_MARKER)
    found = state.settings_of(item.config)
    if mark is None and not found.block_network:
        return (yield)
    from haiku_contract.pytest_plugin.endpoints import hosts  # noqa: PLC0415 - not before it is needed
    from haiku_contract.pytest_plugin.network import blocked  # noqa: PLC0415 - not before it is needed

    own = () if mark is None else settings.marked_hosts(mark.args, mark.kwargs)
    with blocked((*own, *hosts(found)), state.kept(item.config).ports):
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_recording_configure(config: pytest.Config, vcr: Any) -> None:
    """Keep VCR from what is sent to our servers, whose ports are others each time: in the tests it is recording for."""
    state.leave_alone(vcr, state.kept(config).ports)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """After a test that passed: was anything wrong that its client kept to itself, not recorded, or not to be seen?"""
    asked = item.stash.get(state.ENDPOINT, None)
    try:
        result = yield
    except (KeyboardInterrupt, pytest.exit.Exception):
        for one in [] if asked is None else asked.recorders:
            one.interrupt()
        raise
    except StaleCassetteError as error:
        for line in _again(item):
            error.add_note(line)
        raise
    if wrong := _unseen(item):
        _fail(wrong)
    if (hostile := item.stash.get(state.HOSTILE, None)) and hostile.not_shown:
        pytest.skip(hostile.not_shown)
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


def _unseen(item: pytest.Item) -> list[str]:
    """What is wrong with a test that passed, in lines: of several things that are, the first."""
    if (watch := item.stash.get(state.WATCH, None)) and (hidden := watch.hidden()):
        return hidden
    if asked := item.stash.get(state.ENDPOINT, None):
        if unrecorded := [f"not recorded: {line}" for one in asked.recorders for line in one.unrecorded]:
            return unrecorded
        if lacking := _lacking(item, asked.lacking):
            return [*lacking, *_again(item)]
    return endpoint.failures if (endpoint := item.stash.get(state.HOSTILE, None)) else []


def _lacking(item: pytest.Item, errors: list[StaleCassetteError]) -> list[str]:
    """What the cassette of a test lacks, where its client kept that to itself."""
    if not errors:
        return []
    from haiku_contract.pytest_plugin.watching import seen  # noqa: PLC0415 - not before it is needed

    return list(dict.fromkeys(str(one) for one in errors if not seen(getattr(item, "obj", None), one)))


def _again(item: pytest.Item) -> list[str]:
    """How what is not in the cassette of a test is recorded, in lines."""
    asked = item.stash.get(state.ENDPOINT, None)
    if asked is None or asked.cassette is None:
        return []
    from haiku_contract.pytest_plugin.campaigns import again  # noqa: PLC0415 - not before it is needed

    return [again(asked, [item.nodeid, *state.asked(item.config)])]


def _fail(lines: list[str]) -> NoReturn:
    pytest.fail("\n".join(lines), pytrace=False)
