"""The command line `haiku-contract`; everything behind this guard needs the `fuzz` extra."""

from __future__ import annotations

import io
import sys

from haiku_contract.errors import MissingExtraError


def main() -> int:
    """Run the command line on `sys.argv`.

    Returns:
        The exit code: 0 fine, 1 findings or violations, 2 usage or configuration, 3 the budget ended before the
        suite, 4 endpoint unreachable, 130 interrupted.
    """
    try:
        from haiku_contract.cli.app import run  # noqa: PLC0415 - an optional part
    except ModuleNotFoundError as error:
        if error.name not in {"click", "hypothesis", "rich", "tenacity", "uvicorn"}:
            raise
        sys.stderr.write(f"haiku-contract: {MissingExtraError('fuzz')}\n")
        return 2
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a payload may hold what the terminal cannot show
    return run(sys.argv[1:])
