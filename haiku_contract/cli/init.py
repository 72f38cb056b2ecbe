"""`haiku-contract init`: the least that a repository needs to hold itself against the contract in CI."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import httpx

from haiku_contract import __version__
from haiku_contract.cli.options import write
from haiku_contract.contract import DEFAULT_MODEL, load
from haiku_contract.endpoint import surfaces
from haiku_contract.endpoint.recording import RecordingTransport
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.errors import UsageError
from haiku_contract.generate.conforming import simplest

if TYPE_CHECKING:
    from typing import Any

    from haiku_contract.contract import Contract

_TEST: Final = "tests/test_contract.py"
_CASSETTE: Final = "tests/cassettes/contract.yaml"
_WORKFLOW: Final = ".github/workflows/contract.yml"
_LINE: Final = 88
_SURFACE: Final = surfaces.named("messages")
_ABOUT: Final = "reference endpoint, which stands in for the real one until that is recorded"

_TEST_TEXT: Final = '''"""The contract, held against a recording of the endpoint: offline, the same on every run.

`haiku-contract init` recorded the reference endpoint. To put the real one in its place, which costs a fraction of a
cent and takes CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN from the environment:

    pytest {test} --contract-endpoint live --contract-record-mode all
"""

from pathlib import Path

import haiku_contract
import pytest

REQUEST = {request}


@pytest.fixture(scope="session")
def contract():
    return haiku_contract.load({name})


@pytest.fixture
def contract_cassette():
    return Path(__file__).parent / "cassettes" / "contract.yaml"


def test_answer_conforms(contract_client, assert_conforms):
    response = contract_client.post("{path}", json=REQUEST)
    assert response.status_code == 200
    assert_conforms(response)
'''

_WORKFLOW_TEXT: Final = """name: contract
on: [push, pull_request]
permissions:
  contents: read
jobs:
  contract:
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          persist-credentials: false
      - uses: actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0
        with:
          python-version: "3.12"
      - run: python -m pip install 'haiku-contract[all]=={version}'
      - run: haiku-contract record --scan {folder}
      - run: python -m pytest {test}
"""


@click.command()
@click.option(
    "--contract",
    "name",
    default=DEFAULT_MODEL,
    show_default=True,
    metavar="ID[@VERSION]|FOLDER|CATALOG.json",
    help="A shipped model, a contract folder, or a catalog file.",
)
@click.option("--directory", default=".", metavar="FOLDER", help="The repository. [default: this folder]")
def init(name: str, directory: str) -> None:
    """Write a test of the contract, a cassette for it, and a workflow that runs it.

    The cassette holds what the reference endpoint answers, and says so. What exists is left alone.
    """
    root = Path(directory)
    if not root.is_dir():
        raise UsageError(f"{directory}: no such folder; make it first, or name another with --directory")
    contract = load(name)
    request = _request(contract)
    source, known = as_source(request, used=len("REQUEST = ")), _named(contract, name, root)
    folder = Path(_CASSETTE).parent.as_posix()
    texts = {
        _TEST: _TEST_TEXT.format(test=_TEST, request=source, name=known, path=_SURFACE.path).encode(),
        _CASSETTE: _recorded(contract, request),
        _WORKFLOW: _WORKFLOW_TEXT.format(test=_TEST, folder=folder, version=__version__).encode(),
    }
    for place in texts:
        _check_way(root, place)
    for place, text in texts.items():
        write(f"{_put(root, place, text)}\n", None)


def _named(contract: Contract, name: str, root: Path) -> str:
    """What a test of a repository is to load, as source: a shipped version, or a path from the test's own folder."""
    if name.partition("@")[0] == contract.model_id:
        return _flat(contract.id)
    try:
        there = Path(os.path.relpath(Path(name).resolve(), (root / _TEST).resolve().parent))
    except ValueError:  # on another drive
        there = Path(name).resolve()
    return f"Path(__file__).parent / {_flat(there.as_posix())}"


def _request(contract: Contract) -> dict[str, Any]:
    """The simplest request that there is."""
    payload = simplest(contract.request.schema)
    if not isinstance(payload, dict):
        raise UsageError(f"{contract.id}: no conforming request is known that is an object, and init needs one")
    return {"model": contract.model_id, **payload}


def _recorded(contract: Contract, request: dict[str, Any]) -> bytes:
    """A cassette with the answer of the reference endpoint."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "contract.yaml"
        about = {"contract": contract.id, "endpoint": _ABOUT, "surface": _SURFACE.name}
        transport = RecordingTransport(httpx.ASGITransport(create_app(contract)), path, mode="all", about=about)

        async def ask() -> None:
            async with httpx.AsyncClient(transport=transport, base_url="http://reference.invalid") as client:
                await client.post(_SURFACE.path, json=request)

        asyncio.run(ask())
        return path.read_bytes()


def as_source(value: Any, *, indent: str = "", used: int = 0) -> str:
    """A JSON value as Python source, broken into lines as formatters do it.

    Args:
        value: the value.
        indent: the blanks before the line in which it begins.
        used: how much else is in that line.
    """
    flat = _flat(value)
    if not value or not isinstance(value, dict | list) or len(indent) + used + len(flat) <= _LINE:
        return flat
    inner = indent + "    "
    if isinstance(value, dict):
        marks, parts = "{}", [(f"{_flat(key)}: ", one) for key, one in value.items()]
    else:
        marks, parts = "[]", [("", one) for one in value]
    body = "".join(f"{inner}{key}{as_source(one, indent=inner, used=len(key) + 1)},\n" for key, one in parts)
    return f"{marks[0]}\n{body}{indent}{marks[1]}"


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flat(key)}: {_flat(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flat, value)) + "]"
    return json.dumps(value) if isinstance(value, str) and value.isascii() else repr(value)


def _check_way(root: Path, place: str) -> None:
    """That nothing is where a folder is needed.

    Raises:
        UsageError: something is.
    """
    for above in Path(place).parents:
        folder = root / above
        if os.path.lexists(folder) and not folder.is_dir():
            raise UsageError(f"{folder}: is in the way: a folder is needed here")


def _put(root: Path, place: str, text: bytes) -> str:
    """Write a file where there is none, and say in one line what became of it.

    Raises:
        UsageError: it cannot be written.
    """
    target = root / place
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(text)
    except FileExistsError:
        return f"left alone  {target}: it exists"
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror}") from None
    return f"written     {target}"
