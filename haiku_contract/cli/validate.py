"""`haiku-contract validate`: files against one side of a contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from haiku_contract import wire
from haiku_contract.cli import streams
from haiku_contract.cli.options import contract_option, output_option, read, write
from haiku_contract.errors import UsageError
from haiku_contract.model import ABSENT
from haiku_contract.report import structured
from haiku_contract.report.text import one_line

if TYPE_CHECKING:
    from haiku_contract.contract import Contract
    from haiku_contract.model import Advice, Violation

_ON_STANDARD_INPUT = "<stdin>"


@click.command()
@click.argument("side", type=click.Choice(["request", "response", "stream"]))
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@contract_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "basic"]),
    default="text",
    show_default=True,
    help="Form of the output; 'basic' is JSON Schema's own, one object a line and file.",
)
@output_option
@click.option(
    "--advice", is_flag=True, help="Also print what the provider is known to refuse; no effect on the exit code."
)
@click.option("--request", "asked", metavar="FILE", help="The request that the streams answer; its tools are checked.")
def validate(  # noqa: PLR0913 - one parameter per option
    *,
    side: str,
    files: tuple[str, ...],
    contract: Contract,
    form: str,
    output: str | None,
    advice: bool,
    asked: str | None,
) -> None:
    """Check files against one side of the contract; '-' is standard input.

    A request or a response is one JSON value; a stream is what arrived as server-sent events, or a JSON array of the
    events. Of a stream also what the published response schema says of the message in it is printed, marked as
    deviation, and what is tolerated: neither is a violation.

    One line per violation: the place, what is expected, what was found, what to do, and the id of the constraint.

    With --advice also one line per rule of the provider that a request breaks, marked as advice: the place, what is
    refused, what to do, the rule, how sure it is for this model, and where it was seen. Advice is no violation.
    """
    if advice and side != "request":
        raise UsageError(f"--advice is about requests: there are no rules for a {side}")
    if asked is not None and side != "stream":
        raise UsageError(f"--request is about streams: a {side} is checked without it")
    if form == "basic" and (advice or side == "stream"):
        raise UsageError("--format basic is about one schema: it has no room for advice or streams; use --format json")
    if side == "stream":
        _validate_streams(contract, files, form, output, streams.request_of(asked))
        return
    validator = contract.request if side == "request" else contract.response
    bodies = _bodies(files)
    results = [(name, tuple(validator.iter_errors_bytes(body))) for name, body in bodies]
    advices = {name: _advice(contract, body) if advice else () for name, body in bodies}
    if form == "basic":
        write("".join(json.dumps(structured.basic(found), ensure_ascii=False) + "\n" for _, found in results), output)
    elif form == "json":
        report = {
            "contract": contract.id,
            "side": side,
            "files": [
                {"file": name, "valid": not found, "violations": [structured.violation(one) for one in found]}
                | ({"advice": [structured.advice(one) for one in advices[name]]} if advice else {})
                for name, found in results
            ],
        }
        write(structured.dumps(report), output)
    else:
        lines = (line for name, found in results for line in (*_lines(name, found), *_marked(name, advices[name])))
        write("".join(lines), output)
    click.get_current_context().exit(1 if any(found for _, found in results) else 0)


def _bodies(files: tuple[str, ...]) -> list[tuple[str, bytes]]:
    if files.count("-") > 1:
        raise UsageError("'-' stands twice, and standard input can be read only once")
    return [(_ON_STANDARD_INPUT if name == "-" else name, read(name)) for name in files]


def _validate_streams(contract: Contract, files: tuple[str, ...], form: str, output: str | None, request: Any) -> None:
    checked = [streams.check(contract, name, body, request) for name, body in _bodies(files)]
    if form == "json":
        report = {"contract": contract.id, "side": "stream", "files": [streams.entry(one) for one in checked]}
        write(structured.dumps(report), output)
    else:
        write("".join(line for one in checked for line in streams.lines(one)), output)
    click.get_current_context().exit(1 if any(one.violations for one in checked) else 0)


def _lines(name: str, violations: tuple[Violation, ...]) -> list[str]:
    return [one_line(f"{name}: {one}") + "\n" for one in violations or ("conforms",)]


def _advice(contract: Contract, body: bytes) -> tuple[Advice, ...]:
    value = wire.decode(body).value
    return () if value is ABSENT else tuple(contract.request.advise(value))


def _marked(name: str, advices: tuple[Advice, ...]) -> list[str]:
    """Advice as text: never to be taken for a violation."""
    return [
        one_line(
            f"{name}: advice: {one.message}{f' ({one.condition})' if one.condition else ''}; {one.hint} "
            f"[rule:{one.rule}, sure: {one.sureness}, seen in: {one.source}]"
        )
        + "\n"
        for one in advices
    ]
