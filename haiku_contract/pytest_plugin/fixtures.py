"""The fixtures. Those whose names begin with `contract_cassette`, and `contract_config`, are there to be overridden."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

from haiku_contract.errors import StaleCassetteError, UsageError
from haiku_contract.pytest_plugin import state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import httpx

    from haiku_contract.contract import Contract
    from haiku_contract.guard import GuardTransport
    from haiku_contract.model import CampaignFinished, Case
    from haiku_contract.pytest_plugin.endpoints import Endpoint
    from haiku_contract.pytest_plugin.hostile import HostileEndpoint
    from haiku_contract.pytest_plugin.settings import Settings
    from haiku_contract.pytest_plugin.watching import Watch

    class Campaign(Protocol):
        """What `contract_campaign` is."""

        def __call__(self, cases: Sequence[Case] | None = None, *, seed: int = 0) -> CampaignFinished:
            """Run a campaign: the requests of `haiku-contract fuzz`, or the given cases."""
            ...


_LONGEST: Final = 200
"""Bytes of a file's name that every file system takes, with what else is written beside the file."""
_KEPT: Final = 40
_UNSAFE = re.compile(r"[^\w\[\]=,.-]+")


@pytest.fixture(scope="session")
def contract(request: pytest.FixtureRequest) -> Contract:
    """The contract that the settings name."""
    with state.in_one_line():
        return state.kept(request.config).contract(state.settings_of(request.config).contract)


@pytest.fixture(scope="session")
def contract_config() -> Mapping[str, Any]:
    """Settings of one module or one test, as in `pyproject.toml`; override it."""
    return {}


@pytest.fixture(scope="module")
def contract_cassette_dir(request: pytest.FixtureRequest) -> Path:
    """The folder of the cassettes of a module, `cassettes/MODULE` beside it; override it."""
    path: Path = request.node.path
    return path.parent / "cassettes" / path.stem


@pytest.fixture
def contract_cassette_name(request: pytest.FixtureRequest) -> str:
    """The name of a test's cassette, without `.yaml`; override it."""
    prefix = f"{request.cls.__name__}." if request.cls else ""
    name = _UNSAFE.sub("-", prefix + request.node.name)
    if len(name.encode()) <= _LONGEST:
        return name
    return f"{name[:_KEPT]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


@pytest.fixture
def contract_cassette(contract_cassette_dir: Path | str, contract_cassette_name: str) -> Path:
    """The whole path of a test's cassette; override it to share one."""
    return Path(contract_cassette_dir) / f"{contract_cassette_name}.yaml"


@pytest.fixture
def contract_case() -> Case:
    """One case of the suite, for tests that are marked with `contract_cases`."""
    pytest.fail("contract_case is for tests marked with @pytest.mark.contract_cases(...)", pytrace=False)


@pytest.fixture
def _contract_settings(request: pytest.FixtureRequest, contract_config: Mapping[str, Any]) -> Settings:
    from haiku_contract.pytest_plugin.settings import checked  # noqa: PLC0415 - not before it is needed

    with state.in_one_line():
        own = checked(contract_config, "contract_config")
        if "contract" in own:
            raise UsageError("contract_config: override the fixture 'contract' for another contract")
        return state.settings_of(request.config, own)


@pytest.fixture
def _contract_network(request: pytest.FixtureRequest, _contract_settings: Settings) -> Iterator[None]:
    """Nothing is reached beyond this machine, but in a live run."""
    from haiku_contract.pytest_plugin.endpoints import hosts  # noqa: PLC0415 - not before it is needed
    from haiku_contract.pytest_plugin.network import blocked  # noqa: PLC0415 - not before it is needed

    with blocked(hosts(_contract_settings), state.kept(request.config).ports):
        yield


@pytest.fixture
def contract_endpoint(
    request: pytest.FixtureRequest,
    contract: Contract,
    contract_cassette: Path | str,
    _contract_settings: Settings,
    _contract_network: None,
) -> Endpoint:
    """Who answers the clients of this test."""
    from haiku_contract.pytest_plugin.endpoints import choose  # noqa: PLC0415 - not before it is needed

    kept, cassette = state.kept(request.config), Path(contract_cassette)
    mode = kept.record_mode(cassette, _contract_settings.record_mode)
    found = dataclasses.replace(_contract_settings, record_mode=mode)
    with state.in_one_line():
        if mode != "none":
            folders = request.getfixturevalue("tmp_path_factory")
            state.claim(request.config, folders, cassette, _contract_settings.record_mode)
        endpoint = choose(found, contract, cassette, lambda: kept.server(contract, found.surface))
    request.node.stash[state.ENDPOINT] = endpoint
    return endpoint


@pytest.fixture
def _contract_watch(request: pytest.FixtureRequest) -> Watch:
    from haiku_contract.pytest_plugin.watching import Watch  # noqa: PLC0415 - not before it is needed

    watch = request.node.stash[state.WATCH] = Watch(getattr(request.node, "obj", None))
    return watch


@pytest.fixture
def contract_client(
    contract: Contract, contract_endpoint: Endpoint, _contract_settings: Settings, _contract_watch: Watch
) -> Iterator[httpx.Client]:
    """A client of httpx that holds every request and every response against the contract.

    Its relative URLs are the paths of the surfaces, as in `contract_client.post("/ai/v1/messages", json=...)`.
    """
    import httpx  # noqa: PLC0415 - not before it is needed

    from haiku_contract.pytest_plugin import endpoints  # noqa: PLC0415 - not before it is needed

    with state.in_one_line():
        inner = contract_endpoint.transport()
    guard = endpoints.guarded(_contract_settings, contract, inner, _contract_watch)
    with endpoints.client(httpx.Client, contract_endpoint, guard) as client:
        yield client


@pytest.fixture
def async_contract_client(
    contract: Contract, contract_endpoint: Endpoint, _contract_settings: Settings, _contract_watch: Watch
) -> Iterator[httpx.AsyncClient]:
    """The same for `async` tests, whoever runs them: pytest-asyncio or anyio, on asyncio or trio."""
    import httpx  # noqa: PLC0415 - not before it is needed

    from haiku_contract.pytest_plugin import endpoints  # noqa: PLC0415 - not before it is needed

    with state.in_one_line():
        inner = contract_endpoint.transport("async")
    guard = endpoints.guarded(_contract_settings, contract, inner, _contract_watch)
    yield endpoints.client(httpx.AsyncClient, contract_endpoint, guard)
    guard.close()


@pytest.fixture
def contract_transport(
    contract: Contract, contract_endpoint: Endpoint, _contract_settings: Settings, _contract_watch: Watch
) -> Iterator[GuardTransport]:
    """What these clients send with, for a client of your own: of httpx or httpx2, synchronous or asynchronous.

    Such a client, or the SDK that takes it, is given `contract_endpoint.base_url` and `contract_endpoint.headers` too.
    """
    from haiku_contract.pytest_plugin import endpoints  # noqa: PLC0415 - not before it is needed

    with state.in_one_line():
        inner = contract_endpoint.transport("any")
    guard = endpoints.guarded(_contract_settings, contract, inner, _contract_watch)
    yield guard
    guard.close()


@pytest.fixture
def assert_conforms(contract: Contract) -> Callable[..., None]:
    """`assert_conforms(value, side="response")`: of payloads, of bytes, and of requests and responses of httpx."""
    from haiku_contract.pytest_plugin.conforming import checker  # noqa: PLC0415 - not before it is needed

    return checker(contract)


@pytest.fixture
def contract_campaign(
    request: pytest.FixtureRequest, contract: Contract, contract_endpoint: Endpoint, _contract_settings: Settings
) -> Campaign:
    """Runs a campaign against the endpoint, and tells of it at the end of the session."""
    from haiku_contract.pytest_plugin import campaigns  # noqa: PLC0415 - not before it is needed

    told = request.node.stash[state.CAMPAIGNS] = []

    def run(cases: Sequence[Case] | None = None, *, seed: int = 0) -> CampaignFinished:
        say, asked = state.speaker(request.config), [request.node.nodeid, *state.asked(request.config)]
        with state.in_one_line():
            try:
                result, stale = campaigns.run(
                    contract, contract_endpoint, _contract_settings, cases, seed=seed, say=say
                )
            except StaleCassetteError as error:
                raise StaleCassetteError(f"{error}; {campaigns.again(contract_endpoint, asked)}") from None
            told.append(campaigns.told(result))
            campaigns.check(contract_endpoint, stale, asked)
        return result

    return run


@pytest.fixture
def hostile_endpoint(
    request: pytest.FixtureRequest, contract: Contract, _contract_settings: Settings, _contract_network: None
) -> HostileEndpoint:
    """An endpoint on this machine that misbehaves, in each node of the test in another way."""
    from haiku_contract.pytest_plugin.hostile import endpoint  # noqa: PLC0415 - not before it is needed

    found, fault = _contract_settings, getattr(request, "param", None)
    if fault is None:
        pytest.fail("hostile_endpoint is an argument of a test or of its fixtures; getfixturevalue knows no fault")
    with state.in_one_line():
        kept = state.kept(request.config)
        visits = kept.server(contract, found.surface).visit(fault, found.patience)
        hostile = endpoint(kept.app(contract).repertoire, visits)
    request.node.stash[state.HOSTILE] = hostile
    return hostile
