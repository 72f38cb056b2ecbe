"""Checks of somebody's own: `--check MODULE:FUNCTION`, and the entry points of the group `haiku_contract.checks`."""

from __future__ import annotations

import importlib
import inspect
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from haiku_contract.campaign.checks import CHECKS, FAILED, Check
from haiku_contract.errors import UsageError
from haiku_contract.report.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GROUP: Final = "haiku_contract.checks"


def loaded(names: tuple[str, ...]) -> tuple[Check, ...]:
    """The checks that are installed, and those that are named, in this order.

    Args:
        names: `MODULE:FUNCTION`; modules in the current folder are found too.

    Raises:
        UsageError: one of them cannot be loaded, or has the code of another.
    """
    found = [*_installed(), *(_named(name) for name in names)]
    codes = [*CHECKS, FAILED]
    for one in found:
        if one.code in codes:
            raise UsageError(f"two checks have the code {one.code!r}: rename one of the two functions")
        codes.append(one.code)
    return tuple(found)


def _installed() -> Iterator[Check]:
    for point in sorted(metadata.entry_points(group=GROUP), key=lambda point: point.name):
        try:
            function = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the import of somebody's module raises
            raise _unusable(f"the entry point {point.name!r} of {GROUP}", error) from None
        yield _check(point.name, function, f"the entry point {point.name!r} of {GROUP}")


def _named(name: str) -> Check:
    module, colon, function = name.partition(":")
    if not (module and colon and function):
        raise UsageError(f"--check {name!r}: write it as MODULE:FUNCTION")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # as `python -m` does
    try:
        found = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the import of somebody's module raises
        raise _unusable(f"--check {name}", error) from None
    return _check(function.replace("_", "-"), getattr(found, function, None), f"--check {name}")


def _check(code: str, function: Any, origin: str) -> Check:
    if isinstance(function, Check):
        return function
    if not callable(function):
        raise UsageError(f"{origin}: there is no such function")
    told = one_line(inspect.getdoc(function) or "A check of your own, without a docstring.")
    return Check(code, function, told)


def _unusable(origin: str, error: BaseException) -> UsageError:
    return UsageError(f"{origin} cannot be loaded: {one_line(f'{type(error).__name__}: {error}')}")


def _load(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[Check, ...]:
    return loaded(value)


check_option = click.option(
    "--check",
    "checks",
    multiple=True,
    metavar="MODULE:FUNCTION",
    callback=_load,
    help="A check of your own: called with every judged exchange, yields one text per finding.",
)


_ttfb_option = click.option(
    "--max-ttfb", type=click.FloatRange(0), metavar="SECONDS", help="A later first byte of an answer is a finding."
)
_total_option = click.option(
    "--max-total", type=click.FloatRange(0), metavar="SECONDS", help="A later end of an answer is a finding."
)


def limits_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options `--max-ttfb` and `--max-total`."""
    return _ttfb_option(_total_option(command))
