"""`haiku-contract generate`: the cases of the suite as JSON Lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from haiku_contract import generate as generation
from haiku_contract.cli import streams
from haiku_contract.cli.options import contract_option, output_option, write
from haiku_contract.errors import UsageError
from haiku_contract.report import structured

if TYPE_CHECKING:
    from haiku_contract.contract import Contract


_SIDES = ("request", "response", "stream")


@click.command()
@contract_option
@click.option("--kind", type=click.Choice(["conforming", "faulted", "all"]), default="all", show_default=True)
@click.option("--side", type=click.Choice([*_SIDES, "all"]), default="request", show_default=True)
@click.option("--constraint", metavar="ID", help="Only the cases about one constraint.")
@click.option(
    "--directory",
    metavar="DIR",
    help="Write the cases of '--side stream' as files instead: DIR/conforming/*.sse, DIR/faulted/*.sse.",
)
@output_option
def generate(
    *, contract: Contract, kind: str, side: str, constraint: str | None, directory: str | None, output: str | None
) -> None:
    """Print the deterministic suite, one case a line.

    A case has an id, the payload, and the constraint it is about; a faulted one also the edit (RFC 6902) that breaks it
    and all constraints that it breaks.

    The payload of a stream is the list of its events; one whose fault lies below them has its bytes instead. With
    --directory each stream is a file to test clients with; DIR/faulted/expected.json says what each breaks first.
    """
    if directory is not None and (side != "stream" or output is not None):
        raise UsageError("--directory is for '--side stream' and takes the place of --output")
    cases = [
        case
        for case in (*generation.suite(contract), *generation.suite(contract, "stream"))
        if side in ("all", case.side) and kind in ("all", case.kind) and constraint in (None, case.constraint)
    ]
    if not cases and constraint is not None:
        other = constraint.partition(":")[0]
        elsewhere = other in _SIDES and side not in ("all", other)
        hint = f"add --side {other}" if elsewhere else "'haiku-contract constraints' lists what there is"
        raise UsageError(f"no case about {constraint!r}; {hint}")
    if directory is not None:
        streams.write_folder(cases, directory)
        return
    lines = (json.dumps(structured.case(case), ensure_ascii=False) + "\n" for case in cases)
    write("".join(lines), output)
