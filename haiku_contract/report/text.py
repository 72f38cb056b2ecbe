"""Text that is safe to show: nothing in it that a terminal would act on, and no line breaks of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from haiku_contract.campaign.compare import Comparison
    from haiku_contract.model import Verdict

_BREAKS: Final = re.compile(r"[ \t\r\n]+")


def one_line(text: str) -> str:
    """The text as one printable line: white space becomes blanks, whatever does not print is escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in _BREAKS.sub(" ", text.strip()))


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the plural where there is not exactly one."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def comparison(result: Comparison) -> str:
    """Where two endpoints differ, constraint by constraint, and in which findings; then how much was compared."""
    here, there = (one.endpoint for one in (result.here, result.there))
    lines = []
    for one in result.differences:
        lines += [one_line(one.here.constraint), _side(here, one.here), _side(there, one.there)]
    for endpoint, only in ((here, result.only_here), (there, result.only_there)):
        lines += [f"{one.code} at {endpoint} alone: {one_line(one.message)}, {one.fingerprint}" for one in only]
    untold = f", {len(result.untold)} not told by both" if result.untold else ""
    differences = f"{len(result.differences)} {'differs' if len(result.differences) == 1 else 'differ'}"
    lines.append(f"{counted(len(result.here.verdicts), 'constraint')}: {differences}{untold}")
    lines += [f"{counted(one.requests, 'request')} to {one.endpoint}" for one in (result.here, result.there)]
    return "".join(f"{line}\n" for line in lines)


def _side(endpoint: str, one: Verdict) -> str:
    detail = f": {one_line(one.detail)}" if one.detail else ""
    return f"    {one.verdict} at {endpoint}, {one.witness or '-'}{detail}"
