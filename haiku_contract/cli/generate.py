"""`haiku-contract generate`: the cases of the suite, as JSON Lines or as a portable test suite."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Final

import click

from haiku_contract import generate as generation
from haiku_contract.cli import streams
from haiku_contract.cli.options import contract_option, output_option, write, write_lines
from haiku_contract.errors import UsageError
from haiku_contract.generate import corpus
from haiku_contract.report import structured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from haiku_contract.contract import Contract
    from haiku_contract.model import Case, Side
    from haiku_contract.validation import SchemaValidator


_PAIRS: Final = 2
_SIDES: Final[tuple[Side, ...]] = ("request", "response", "stream")
_NO_STREAMS = "no streams to write: the contract says nothing of streams; add a stream.json (schemas/README.md)"


@click.command()
@contract_option
@click.option("--kind", type=click.Choice(["conforming", "faulted", "all"]), default="all", show_default=True)
@click.option("--side", type=click.Choice([*_SIDES, "all"]), default="request", show_default=True)
@click.option("--constraint", metavar="ID", help="Only the cases about one constraint.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["jsonl", "test-suite"]),
    default="jsonl",
    show_default=True,
    help="One case a line, or one document in the layout of the JSON-Schema-Test-Suite.",
)
@click.option("--packed", is_flag=True, help="As few conforming cases as possible that show everything together.")
@click.option(
    "--strength",
    type=click.IntRange(min=1),
    help="With --packed or --coverage: how many optional properties are combined in every way.  [default: 2]",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="The order of cases that are worth the same, and which features come together in packed ones.",
)
@click.option("--coverage", is_flag=True, help="Print what the cases cover and what they cannot, instead of them.")
@click.option(
    "--directory",
    metavar="DIR",
    help="Write the cases of '--side stream' as files instead: DIR/conforming/*.sse, DIR/faulted/*.sse.",
)
@output_option
def generate(  # noqa: PLR0913 - the options of the command
    *,
    contract: Contract,
    kind: str,
    side: str,
    constraint: str | None,
    layout: str,
    packed: bool,
    strength: int | None,
    seed: int,
    coverage: bool,
    directory: str | None,
    output: str | None,
) -> None:
    """Print the deterministic suite, one case a line.

    A case has an id, the payload, and the constraint it is about; a faulted one also the edit (RFC 6902) that breaks it
    and all constraints that it breaks.

    The payload of a stream is the list of its events; one whose fault lies below them has its bytes instead. With
    --directory each stream is a file to test clients with; DIR/faulted/expected.json says what each breaks first.

    With --format test-suite the cases that are one JSON value are one document with a group for each side; each test
    has `description`, `data` and `valid`, and besides `id`, `constraint`, `breaks`, `patch` and `undo`.
    """
    if directory is not None and (side != "stream" or output is not None):
        raise UsageError("--directory is for '--side stream' and takes the place of --output")
    if side == "stream" and (packed or coverage or layout != "jsonl"):
        raise UsageError("--packed, --coverage and '--format test-suite' are for payloads that are one JSON value")
    if strength is not None and not (packed or coverage):
        raise UsageError("--strength is for --packed and --coverage: other cases combine nothing")
    _check_options(kind, constraint, layout, packed=packed, coverage=coverage)
    if coverage:
        sides = [one for one in contract.sides if side in ("all", one.side)]
        write("".join(line + "\n" for one in sides for line in told(one, strength or _PAIRS)), output)
        return
    if side == "stream" and contract.stream is None and directory is None:
        raise UsageError(_NO_STREAMS)
    found = (
        case
        for case in _cases(contract, side, (strength or _PAIRS) if packed else 0, seed)
        if kind in ("all", case.kind) and constraint in (None, case.constraint)
    )
    cases = _all(found, contract, side) if constraint is None else _some(found, constraint, side, contract)
    if directory is not None:
        streams.write_folder(list(cases), directory)
    elif layout == "test-suite":
        document = json.dumps(corpus.groups(contract, cases), ensure_ascii=False, indent=4)
        write(document + "\n", output)
    else:
        write_lines((json.dumps(structured.case(case), ensure_ascii=False) + "\n" for case in cases), output)


def _all(cases: Iterator[Case], contract: Contract, side: str) -> Iterator[Case]:
    """The cases, and a line on standard error for each side that has none because nothing conforms to its schema.

    Raises:
        UsageError: there are no cases at all; the message says why.
    """
    first = next(cases, None)
    asked = [one for one in contract.sides if side in ("all", one.side)]
    reasons = [f"no case on the {one.side} side: {reason}" for one in asked if (reason := generation.barren(one))]
    if first is None:
        raise UsageError("; ".join(reasons) or (_NO_STREAMS if side == "stream" else f"no case on the side {side!r}"))
    for reason in reasons:
        click.echo(f"haiku-contract: {reason}", err=True)
    yield first
    yield from cases


def _some(cases: Iterator[Case], constraint: str, side: str, contract: Contract) -> Iterator[Case]:
    """The cases about a constraint.

    Raises:
        UsageError: there are none; the message says why, or what there is.
    """
    first = next(cases, None)
    if first is None:
        raise UsageError(f"no case about {constraint!r}; {_hint(constraint, side, contract)}")
    yield first
    yield from cases


def _hint(constraint: str, side: str, contract: Contract) -> str:
    """Why there is no case about a constraint, or where else to look."""
    other = constraint.partition(":")[0]
    if other in _SIDES and side not in ("all", other):
        return f"add --side {other}"
    for validator in contract.sides:
        if (known := validator.constraint(constraint)) is not None and generation.barren(validator):
            return generation.unreached(validator, known)
    near = _nearest(constraint, contract)
    is_typo = near not in ("", constraint)
    return f"did you mean {near!r}?" if is_typo else "'haiku-contract constraints' lists what there is"


def _nearest(constraint: str, contract: Contract) -> str:
    """The constraint whose place is like the one that was given; empty where none is.

    Places are compared without their sides: those are alike in all of them, and make anything look like a typo.
    """
    side, named, place = constraint.rpartition(":")
    known = [one for one in contract.constraints if not named or one.side == side]
    places = {one.pointer.lstrip("/"): one.id for one in reversed(known)}  # of two sides the request comes first
    found = difflib.get_close_matches(place.lstrip("/"), places, n=1)
    return places[found[0]] if found else ""


def _check_options(kind: str, constraint: str | None, layout: str, *, packed: bool, coverage: bool) -> None:
    """Refuse options that do not go together."""
    named = f"'--kind {kind}'"
    about_one = {"--constraint": constraint is not None, named: kind == "faulted"}
    if coverage:
        further = {"--packed": packed, named: kind != "all", f"'--format {layout}'": layout != "jsonl"}
        _refuse("--coverage", about_one | further, "it speaks of all cases of a side")
    if packed:
        _refuse("--packed", about_one, "packed cases conform, and are about no one constraint")


def _refuse(option: str, others: Mapping[str, bool], reason: str) -> None:
    """Refuse what an option would pass over in silence.

    Raises:
        UsageError: one of the others was given too; the message names both.
    """
    for other, is_given in others.items():
        if is_given:
            raise UsageError(f"{option} cannot go with {other}: {reason}")


def _cases(contract: Contract, side: str, strength: int, seed: int) -> Iterator[Case]:
    """The cases of a side or of all, packed where there is a strength; of a side without a value none."""
    if strength:
        for validator in contract.sides:
            if side in ("all", validator.side) and generation.barren(validator) is None:
                yield from generation.packed_cases(contract, validator.side, strength, seed)
        return
    for one in _SIDES:
        if side in ("all", one):
            yield from generation.cases(contract, one, seed)


def told(validator: SchemaValidator, strength: int = _PAIRS) -> Iterator[str]:
    """What the cases of a schema cover, and of each constraint without a faulted case the reason; one line each."""
    found = generation.coverage(validator, strength)
    lost = {name for name, reason in found.reasons.items() if reason.startswith("unreachable")}
    violable = sum(one.violable and one.id not in lost for one in validator.constraints)
    yield f"{validator.side}: {found.faulted} of {violable} violable constraints have a faulted case"
    packed = found.packed
    if packed is not None:
        count = f"{len(packed.cases)} packed {'case shows' if len(packed.cases) == 1 else 'cases show'}"
        shown = f"{packed.wanted - len(packed.missed)} of {packed.wanted} features"
        together = f"{sum(packed.combinations)} of {packed.possible} combinations of optional properties"
        yield f"{validator.side}: {count} {shown} and {together}; no suite has fewer than {packed.lower_bound}"
        yield from (f"{validator.side}: {line}" for line in packed.left_out)
    yield from (f"{name}: {reason}" for name, reason in found.reasons.items())
