"""What the tests with real clients share: the reference endpoint over HTTP, and the library a client stands on.

Each file here is skipped where its client is not installed; `.ci/clients` runs each in an environment of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

import haiku_contract as hc

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def contract() -> hc.Contract:
    return hc.load()


@pytest.fixture(scope="session")
def server(contract: hc.Contract) -> Iterator[str]:
    """The base URL of the reference endpoint on a free port of the loopback interface."""
    uvicorn = pytest.importorskip("uvicorn")
    from haiku_contract.endpoint.reference.app import create_app  # noqa: PLC0415 - needs the extra

    config = uvicorn.Config(create_app(contract), host="127.0.0.1", port=0, log_level="error", lifespan="off")
    instance = uvicorn.Server(config)
    thread = threading.Thread(target=instance.run)
    thread.start()
    while not instance.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{instance.servers[0].sockets[0].getsockname()[1]}"
    instance.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """The base URL of `haiku-contract serve` in a process of its own."""
    main = "from haiku_contract.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", main, "serve", "--port", "0", "--format", "json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603 - us
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate(timeout=10)[1]
    yield json.loads(line)["url"]
    process.terminate()
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")
