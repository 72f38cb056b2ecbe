"""`haiku-contract constraints`: every assertion site of a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from haiku_contract.campaign import matrix
from haiku_contract.cli.options import contract_option, format_option, output_option, write
from haiku_contract.report import structured
from haiku_contract.report.text import counted, one_line

if TYPE_CHECKING:
    from haiku_contract.contract import Contract
    from haiku_contract.model import Constraint


_SIDES = ("request", "response", "stream", "wire", "all")


@click.command()
@contract_option
@click.option("--side", type=click.Choice(_SIDES), default="all", show_default=True)
@format_option
@output_option
def constraints(contract: Contract, side: str, form: str, output: str | None) -> None:
    """List every constraint, whether anything reaches it, and whether it can be violated.

    Those of the two schemas, of JSON on the wire, and of event streams where the contract knows them.
    """
    found = [one for one in _listed(contract) if side in ("all", one.id.partition(":")[0])]
    if form == "json":
        report = {"contract": contract.id, "constraints": [structured.constraint(one) for one in found]}
        write(structured.dumps(report), output)
        return
    width = max((len(one.id) for one in found), default=0)
    lines = [one_line(f"{one.id:<{width}}  {_status(one)}") + "\n" for one in found]
    violable = sum(one.violable for one in found)
    write("".join(lines) + f"{counted(len(found), 'constraint')} of {contract.id}, {violable} violable\n", output)


def _listed(contract: Contract) -> tuple[Constraint, ...]:
    """What `fuzz` has a row for, in its order."""
    streamed = contract.stream.constraints if contract.stream else ()
    return (*contract.request.constraints, *matrix.wire_constraints(), *contract.response.constraints, *streamed)


def _status(one: Constraint) -> str:
    if not one.reachable:
        return f"unreachable: {one.reason}"
    return "violable" if one.violable else f"unviolable: {one.reason}"
