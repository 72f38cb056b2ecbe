"""Results for people: the enforcement matrix as a table, findings in words, a progress bar while requests run."""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from haiku_contract.campaign import reproduce
from haiku_contract.model import ABSENT, CampaignStarted, CaseFinished, VerdictKind
from haiku_contract.report.text import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self, TextIO

    from haiku_contract.campaign.baseline import Compared
    from haiku_contract.campaign.reproduce import Recipe
    from haiku_contract.model import CampaignFinished, Event, Finding

_STYLES: Final = {
    VerdictKind.ENFORCED: "green",
    VerdictKind.HELD: "green",
    VerdictKind.LEAKY: "bold red",
    VerdictKind.CRASHING: "bold red",
    VerdictKind.BROKEN: "bold red",
    VerdictKind.OVERSTRICT: "red",
    VerdictKind.MISATTRIBUTED: "yellow",
    VerdictKind.UNDETERMINED: "yellow",
    VerdictKind.UNVIOLABLE: "dim",
    VerdictKind.UNEXERCISED: "dim",
}
_AS_IT_SHOULD_BE: Final = (VerdictKind.ENFORCED, VerdictKind.HELD)
_WIDE: Final = 400
_MOST_VALUE: Final = 80
_MOST_OTHERS: Final = 5
_MOST_COMMAND: Final = 1_000


def console(file: TextIO | None, *, color: bool = True) -> Console:
    """A console on a stream, or on none; colours where the stream shows them (`NO_COLOR` is honoured), or not at all.

    What goes into a pipe or a file is wide enough to keep every row on one line.
    """
    stream = io.StringIO() if file is None else file
    terminal = stream.isatty()
    return Console(
        file=stream,
        color_system="auto" if color else None,
        width=None if terminal else _WIDE,
        highlight=False,
        soft_wrap=not terminal,
    )


def matrix(result: CampaignFinished, out: Console, compared: Compared, recipe: Recipe) -> None:
    """Print the enforcement matrix, the findings, what the baseline says of them, and the totals.

    Findings are printed with their edit and with the command that sends the witness again, as the recipe says.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("verdict", "constraint", "witness", "detail"):
        table.add_column(title, overflow="fold")
    for one in result.verdicts:
        detail = "" if one.verdict in _AS_IT_SHOULD_BE else one.detail
        verdict = Text(one.verdict, _STYLES[one.verdict])
        table.add_row(verdict, *(Text(one_line(cell)) for cell in (one.constraint, one.witness or "-", detail)))
    _print_table(table, out)
    out.print()
    for found in compared.new:
        out.print(_finding(found, recipe), soft_wrap=True)
    for found, entry in compared.accepted:
        until = f", until {entry.expires}: {one_line(entry.reason)}".rstrip(": ")
        out.print(Text(f"accepted {found.code} {one_line(found.constraint or '-')}{until}"))
    for word, entries in (("expired", compared.expired), ("vanished", compared.vanished)):
        for entry in entries:
            out.print(
                Text(f"{word} in the baseline: {entry.code} {one_line(entry.constraint or '-')}, {entry.fingerprint}")
            )
    if result.findings or compared.vanished or compared.expired:
        out.print()
    counts = Counter(one.verdict for one in result.verdicts)
    verdicts = ", ".join(f"{counts[kind]} {kind}" for kind in VerdictKind if counts[kind])
    cost = f", {result.cost_usd:.6f} USD" if result.cost_usd else ""
    out.print(
        Text(f"{counted(len(result.verdicts), 'constraint')}: {verdicts}; {counted(len(result.findings), 'finding')}"),
        Text(f"{counted(result.requests, 'request')} to {result.endpoint} in {result.elapsed:.1f} s{cost}"),
        sep="\n",
    )
    if result.stopped:
        out.print(Text(f"{counted(len(result.left_out), 'case')} left out: {result.stopped}"))


def _print_table(table: Table, out: Console) -> None:
    """Print a table; outside a terminal without the blanks that fill its last column."""
    if out.is_terminal:
        out.print(table)
        return
    with out.capture() as captured:
        out.print(table)
    out.file.write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))


def _finding(found: Finding, recipe: Recipe) -> Text:
    also = [f"also {one_line(', '.join(found.others[:_MOST_OTHERS]))}{_more(found)}"] if found.others else []
    witness = f"case {one_line(found.case)}, {found.fingerprint}"
    told = [one_line(found.message), *also, witness, *_reproduced(found, recipe)]
    lines = "".join(f"\n    {line}" for line in told)
    return Text.assemble((found.code, "bold red"), f" {one_line(found.constraint or '-')}{lines}")


def _more(found: Finding) -> str:
    rest = len(found.others) - _MOST_OTHERS
    return f" and {rest} more" if rest > 0 else ""


def _reproduced(found: Finding, recipe: Recipe) -> Iterator[str]:
    """The edit that makes the witness of its twin, the words of an answer that nobody knows, and the command."""
    case, answer = found.witness, found.answer
    if case is not None and case.fault is not None:
        value = "" if case.fault.value is ABSENT else f" {_shown(json.dumps(case.fault.value, ensure_ascii=False))}"
        yield f"edit: {case.fault.op} {one_line(case.fault.path) or 'the whole'}{value}"
    if answer is not None and found.code == "unknown-answer":
        yield f"answer: {answer.status}, {_shown(answer.content_type) or 'no content type'}: {one_line(answer.body)}"
    command = None if case is None else reproduce.curl(recipe, case)
    if command is not None and len(command) <= _MOST_COMMAND and command.isprintable():
        yield command
    else:
        yield f"haiku-contract replay {found.fingerprint} --report REPORT.json"


def _shown(text: str) -> str:
    text = one_line(text)
    return text if len(text) <= _MOST_VALUE else f"{text[:_MOST_VALUE]}…"


class Bar:
    """A progress bar over the events of campaigns; silent where the stream is not a terminal."""

    def __init__(self, out: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[findings]}"),
            console=out,
            transient=True,
            disable=not out.is_terminal,
        )
        self._task = self._progress.add_task("", total=None, findings="")
        self._findings = 0
        self._started: list[CampaignStarted] = []

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, CampaignStarted):
            self._started.append(event)
            names = " and ".join(one.endpoint for one in self._started)
            self._progress.update(self._task, description=names, total=sum(one.cases for one in self._started))
        elif isinstance(event, CaseFinished):
            self._findings += len(event.findings)
            self._progress.update(self._task, advance=1, findings=counted(self._findings, "finding"))
