"""What the tests of the plugin share.

pytester runs most sessions in this process, and takes what they import out of it again. So everything is imported here
first: that is faster, and no class is there twice.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

import httpcore  # noqa: F401 - see above
import pytest
import trio  # noqa: F401 - see above
import uvicorn.protocols.http.h11_impl  # noqa: F401 - see above
import yaml  # noqa: F401 - see above

import haiku_contract._reference
import haiku_contract.endpoint
import haiku_contract.pytest_plugin
from haiku_contract.campaign import drive  # noqa: F401 - see above

if TYPE_CHECKING:
    from collections.abc import Callable

for _package in (haiku_contract.endpoint, haiku_contract.pytest_plugin):
    for _module in pkgutil.walk_packages(_package.__path__, f"{_package.__name__}."):
        import_module(_module.name)


def without(*names: str) -> list[str]:
    """The arguments that leave plugins out; each that is left in costs every process its imports."""
    return [word for name in ("cacheprovider", "hypothesispytest", *names) for word in ("-p", f"no:{name}")]


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest prints its summary in another way where it runs for a pull request."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run_apart(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Runs a session in a process of its own, and its tests in further ones where there are to be workers."""

    def session(*arguments: str, workers: int = 0, out: tuple[str, ...] = ("asyncio", "recording")) -> pytest.RunResult:
        return pytester.runpytest_subprocess(*without(*out), "-n", str(workers), *arguments)

    return session


@pytest.fixture
def run(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Runs a session in this process, without what it does not need."""

    def session(*arguments: str, out: tuple[str, ...] = ("asyncio", "recording", "xdist")) -> pytest.RunResult:
        return pytester.runpytest_inprocess(*without(*out), "-Werror", *arguments)

    return session
