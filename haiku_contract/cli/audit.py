"""`haiku-contract audit`: recorded traffic against the contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from haiku_contract.audit.judging import judge
from haiku_contract.audit.reading import exchanges, files
from haiku_contract.cli.options import contract_option, format_option, output_option, write
from haiku_contract.errors import CassetteError, UsageError
from haiku_contract.report import audited, structured
from haiku_contract.report.audited import Audit
from haiku_contract.report.text import one_line

if TYPE_CHECKING:
    from haiku_contract.audit.judging import Audited
    from haiku_contract.contract import Contract

_UNREAD = 2


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@contract_option
@click.option("--any-model", is_flag=True, help="Also hold exchanges with other models against the contract.")
@format_option
@output_option
def audit(paths: tuple[str, ...], *, contract: Contract, any_model: bool, form: str, output: str | None) -> None:
    """Hold recorded traffic against the contract: cassettes in VCR's layout, HAR, JSON lines, or folders of them.

    Every exchange with the contract's model is checked, what was sent and what came back, streams included. One line
    per violation, with file, line and number of the exchange; the counts at the end.

    Exit code 1 when there are violations, 2 when a file cannot be read.
    """
    result = _audit(contract, paths, any_model=any_model)
    for line in result.unread:
        click.echo(f"haiku-contract: {one_line(line)}", err=True)
    text = structured.dumps(audited.report(result)) if form == "json" else "".join(audited.lines(result))
    write(text, output)
    broken = any(one.found for one in result.exchanges)
    click.get_current_context().exit(_UNREAD if result.unread else int(broken))


def _audit(contract: Contract, paths: tuple[str, ...], *, any_model: bool) -> Audit:
    held: list[Audited] = []
    unread: list[str] = []
    others = 0
    for path in paths:
        found = files(Path(path))
        if not found:
            raise UsageError(f"{path}: no recordings in it: .yaml, .yml, .json, .har, .jsonl or .ndjson")
        for file in found:
            try:
                for recorded in exchanges(file):
                    one = judge(contract, recorded, any_model=any_model)
                    others += one is None
                    held += [] if one is None else [one]
            except CassetteError as error:
                unread.append(str(error))
    return Audit(contract.id, tuple(held), others, tuple(unread))
