"""`haiku-contract explain`: what a code means, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from haiku_contract.cli.checks import check_option
from haiku_contract.cli.options import contract_option, format_option, output_option, write
from haiku_contract.report import explanations, structured
from haiku_contract.report.text import one_line

if TYPE_CHECKING:
    from haiku_contract.campaign.checks import Check
    from haiku_contract.contract import Contract
    from haiku_contract.report.explanations import Explanation


@click.command()
@click.argument("code", required=False)
@contract_option
@check_option
@format_option
@output_option
def explain(*, code: str | None, contract: Contract, checks: tuple[Check, ...], form: str, output: str | None) -> None:
    """Say what CODE means and what to do; without CODE, list every one.

    A code is a verdict, one of replay ("still there"), the code of a finding, an outcome, a rule of the wire
    (wire:syntax), an error code of the endpoint (2021), or a rule of the provider.
    """
    known = explanations.explanations(contract, checks)
    found = known if code is None else explanations.explain(known, code)
    if form == "json":
        write(structured.dumps([one._asdict() for one in found]), output)
    elif code is None:
        write("".join(_line(one) for one in found), output)
    else:
        write("".join(f"{one.code} ({one.kind})\n    {one_line(one.text)}\n" for one in found), output)


def _line(one: Explanation) -> str:
    return f"{one.kind:<20}  {one.code:<28}  {one_line(one.text).partition('. ')[0].rstrip('.')}\n"
