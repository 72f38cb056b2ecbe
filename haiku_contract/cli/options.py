"""What several verbs share: options, reading files, writing results."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from haiku_contract.contract import DEFAULT_MODEL, load
from haiku_contract.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from haiku_contract.contract import Contract

_Command = TypeVar("_Command", bound="Callable[..., Any]")


_ASSERT_FORMAT = "haiku_contract.assert_format"
_NAMED = "haiku_contract.contract"


def _remember(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's way
    context.meta[_ASSERT_FORMAT] = value


def _load(context: click.Context, _parameter: click.Parameter, value: str) -> Contract:
    if not value:
        raise UsageError("--contract is empty: name a shipped model, a folder or a catalog file")
    context.meta[_NAMED] = value
    contract = load(value, assert_format=context.meta.get(_ASSERT_FORMAT, False))
    for side in contract.sides:
        if side.remark:
            click.echo(f"haiku-contract: the {side.side} schema: {side.remark}", err=True)
    return contract


def contract_arguments() -> list[str]:
    """The arguments that name the contract of the command line at hand for another one; none for the default."""
    context = click.get_current_context(silent=True)
    meta = {} if context is None else context.meta
    named = meta.get(_NAMED, DEFAULT_MODEL)
    asserted = ["--assert-format"] if meta.get(_ASSERT_FORMAT) else []
    return [*([] if named == DEFAULT_MODEL else ["--contract", named]), *asserted]


def _check_target(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse a file that cannot be written before anything is sent, not after."""
    if value is None or value == "-":
        return value
    if not value:
        raise UsageError("--output is empty: name a file, or '-' for standard output")
    target = Path(value)
    if target.is_dir():
        raise UsageError(f"{value}: cannot be written: is a directory; name a file in it")
    if not target.parent.is_dir():
        raise UsageError(f"{value}: cannot be written: no such folder: {target.parent}")
    return value


def contract_option(command: _Command) -> _Command:
    """Which contract, and how its schemas are read."""
    chosen = click.option(
        "--contract",
        default=DEFAULT_MODEL,
        show_default=True,
        metavar="ID[@VERSION]|FOLDER|CATALOG.json",
        callback=_load,
        help="A shipped model, a contract folder, or a catalog file.",
    )
    asserting = click.option(
        "--assert-format",
        is_flag=True,
        is_eager=True,  # the contract is loaded with it
        expose_value=False,
        callback=_remember,
        help="Take 'format' in its schemas for an assertion instead of an annotation.",
    )
    return chosen(asserting(command))


format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the output.",
)
output_option = click.option(
    "--output",
    metavar="FILE",
    callback=_check_target,
    help="Write to FILE instead of standard output; whole or not at all. '-' is standard output.",
)
no_color_option = click.option("--no-color", is_flag=True, help="No colours; NO_COLOR does the same.")


def read(name: str) -> bytes:
    """The bytes of a file; `-` is standard input.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return _standard_input() if name == "-" else Path(name).read_bytes()
    except IsADirectoryError:
        raise UsageError(f"{name}: is a directory; name the files in it") from None
    except FileNotFoundError:
        raise UsageError(f"{name}: no such file") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _standard_input() -> bytes:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise UsageError("-: standard input is closed; name a file")
    return bytes(stream.read())


def write(text: str, output: str | None) -> None:
    """Print, or write a file so that it is either complete or not there; UTF-8 whatever the locale says.

    Raises:
        UsageError: it cannot be written.
    """
    if output is None or output == "-":
        write_lines([text], None)
        return
    try:
        _save(text.encode("utf-8", "backslashreplace"), Path(output))
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from None


def write_lines(lines: Iterable[str], output: str | None) -> None:
    """Write as `write` does; what is printed, line by line as it comes, and no further than somebody reads.

    Raises:
        UsageError: it cannot be written.
    """
    if output is not None and output != "-":
        write("".join(lines), output)
        return
    for line in lines:
        try:
            click.echo(line.encode("utf-8", "backslashreplace"), nl=False)
        except OSError as error:
            with contextlib.suppress(OSError, ValueError):
                # What is left in the buffer goes nowhere, or the interpreter would complain about it at its end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                raise UsageError(f"standard output: cannot be written: {error.strerror}") from None
            return  # whoever read the output has had enough


def _save(data: bytes, target: Path) -> None:
    if target.exists() and not target.is_file():  # a device or a pipe: there is nothing to replace
        target.write_bytes(data)
        return
    target = target.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:32]}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.chmod(stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
