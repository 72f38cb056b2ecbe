"""What the plugin keeps with pytest's own objects, and how its errors are shown."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from haiku_contract.errors import HaikuContractError, UsageError
from haiku_contract.pytest_plugin import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from haiku_contract.endpoint.recording import RecordMode
    from haiku_contract.pytest_plugin.endpoints import Endpoint
    from haiku_contract.pytest_plugin.hostile import HostileEndpoint
    from haiku_contract.pytest_plugin.kept import Kept
    from haiku_contract.pytest_plugin.settings import Settings, Value
    from haiku_contract.pytest_plugin.watching import Watch

LOOPBACK: Final = "127.0.0.1"
"""Where our servers are."""

LAYERS: pytest.StashKey[tuple[dict[str, Value], ...]] = pytest.StashKey()
"""With the session: what the command line, the ini file and `pyproject.toml` say."""
KEPT: pytest.StashKey[Kept] = pytest.StashKey()
"""With the session: what is made once."""
WATCH: pytest.StashKey[Watch] = pytest.StashKey()
"""With a test: what its guards have found."""
HOSTILE: pytest.StashKey[HostileEndpoint] = pytest.StashKey()
"""With a test: its hostile endpoint."""
ENDPOINT: pytest.StashKey[Endpoint] = pytest.StashKey()
"""With a test: who answers it."""
CAMPAIGNS: pytest.StashKey[list[dict[str, Any]]] = pytest.StashKey()
"""With a test: what is told of its campaigns."""


def read(config: pytest.Config) -> tuple[dict[str, Value], ...]:
    """What the command line, the ini file and `pyproject.toml` say, in this order.

    Raises:
        UsageError: something that cannot be.
    """
    command, ini = {}, {}
    for name in settings.SETTINGS:
        option = written(name)
        key = option.replace("-", "_")
        if (given := config.getoption(key)) is not None:
            command[name] = settings.converted(name, given, f"--{option}")
        place = f"{config.inipath}: {key}"
        try:
            noted = config.getini(key)
        except (ValueError, TypeError, pytest.UsageError) as error:  # pytest reads some of them itself
            raise UsageError(f"{place}: {error}") from None
        if noted not in (None, ""):
            ini[name] = settings.converted(name, noted, place)
    if config.inipath is not None:
        ini = settings.at_home(ini, config.inipath.parent)
    return command, ini, settings.pyproject(config.rootpath)


def asked(config: pytest.Config) -> Iterator[str]:
    """The options of the command line that say what is asked and recorded, beside the endpoint and the mode."""
    for name in ("contract", "surface", "allow", "max-cost"):
        option = written(name)
        if (given := config.getoption(option.replace("-", "_"))) is not None:
            yield from (f"--{option}", given)


def written(name: str) -> str:
    """A setting as an option, without its dashes."""
    return name if name == "contract" else f"contract-{name}"


def settings_of(config: pytest.Config, own: Mapping[str, Value] | None = None) -> Settings:
    """The settings of a session, or of a test that has some of its own.

    Raises:
        UsageError: they do not go together.
    """
    command, ini, project = config.stash[LAYERS]
    return settings.settings(command, own or {}, ini, project)


def kept(config: pytest.Config) -> Kept:
    """What is made once in a session."""
    if KEPT not in config.stash:
        from haiku_contract.pytest_plugin.kept import Kept  # noqa: PLC0415 - not before it is needed

        config.stash[KEPT] = Kept()
    return config.stash[KEPT]


def speaker(config: pytest.Config) -> Callable[[str], None]:
    """What shows a line at once, before a test is over, whatever is captured."""

    def say(line: str) -> None:
        capture = config.pluginmanager.getplugin("capturemanager")
        with contextlib.nullcontext() if capture is None else capture.global_and_fixture_disabled():
            sys.stderr.write(f"\n{line}\n")
            sys.stderr.flush()

    return say


def claim(config: pytest.Config, folders: pytest.TempPathFactory, cassette: Path, mode: RecordMode) -> None:
    """Let one process of a session record into a cassette, and no other, where they would not add to what others have.

    With `all`, each would begin the cassette anew; with `once`, whoever comes later would find it there, without what
    its own tests need. With `new`, each adds what is not there yet.

    Raises:
        UsageError: another process of pytest-xdist records into it.
    """
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is None or mode in ("none", "new"):
        return
    named = hashlib.sha256(f"{worker['testrunuid']} {cassette}".encode()).hexdigest()
    own, place = worker["workerid"], folders.getbasetemp().parent / f"cassette-{named[:32]}"
    if mode == "once" and cassette.exists() and not place.exists():  # it is replayed, and by all of them
        return
    with contextlib.suppress(FileExistsError), place.open("x") as file:
        file.write(own)
    if place.read_text() != own:
        raise UsageError(
            f"{cassette}: another process of this session records into it, too; record without -n or in mode new, or "
            "keep the tests that share it together (--dist loadfile, or loadgroup with @pytest.mark.xdist_group)"
        )


def leave_alone(vcr: Any, ports: Callable[[], Collection[int]]) -> None:
    """Let an instance of VCR neither record nor answer what goes to ports of this machine.

    Args:
        vcr: the instance.
        ports: which ones, asked at each request.
    """
    merged = vcr.get_merged_config

    def sieved(**options: Any) -> dict[str, Any]:
        """The options of a cassette; what a `vcr_config` or a marker says of requests comes after us."""
        found: dict[str, Any] = merged(**options)
        own = found["before_record_request"]

        def sieve(request: Any) -> Any:
            return None if request.host == LOOPBACK and request.port in ports() else own(request)

        return found | {"before_record_request": sieve}

    vcr.get_merged_config = sieved


@contextlib.contextmanager
def in_one_line(before: str = "") -> Iterator[None]:
    """Let what goes wrong fail the test, or the collection of it, with one line and no traceback.

    Args:
        before: what the line begins with.
    """
    try:
        yield
    except HaikuContractError as error:
        raise pytest.fail.Exception(before + str(error), pytrace=False) from None
