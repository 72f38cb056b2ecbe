"""Recorded traffic that was held against a contract, as lines and as JSON (`schemas/reports/audit.schema.json`)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from haiku_contract.endpoint import secrets
from haiku_contract.report import structured
from haiku_contract.report.text import counted, one_line

if TYPE_CHECKING:
    from haiku_contract.audit.judging import Audited


class Audit(NamedTuple):
    """What came of an audit.

    Attributes:
        contract: id and version.
        exchanges: those that were held against it.
        others: how many exchanges were of something else.
        unread: one line for each file that is no recording, or not a whole one.
    """

    contract: str
    exchanges: tuple[Audited, ...]
    others: int
    unread: tuple[str, ...]


def lines(audit: Audit) -> list[str]:
    """One line per violation with its place, and, marked, per deviation that is none; then the counts."""
    out = [line for one in audit.exchanges for line in _lines(one)]
    broken = sum(bool(one.found) for one in audit.exchanges)
    violations = sum(len(one.found) + one.further for one in audit.exchanges)
    deviations = sum(len(one.deviations) for one in audit.exchanges)
    skipped = sum(bool(one.skipped) for one in audit.exchanges)
    counts = f"{counted(len(audit.exchanges), 'exchange')} held against {audit.contract}"
    counts += f", {counted(violations, 'violation')} in {broken} of them"
    counts += f", {counted(deviations, 'deviation')} of messages in streams" if deviations else ""
    counts += f"; of {skipped} the response could not be looked at" if skipped else ""
    counts += f"; {counted(audit.others, 'exchange')} of something else" if audit.others else ""
    by_constraint = [one_line(f"{times:>6}  {constraint}") + "\n" for constraint, times in _tally(audit).items()]
    return [*out, *by_constraint, counts + "\n"]


def _lines(one: Audited) -> list[str]:
    place = _place(one)
    told = [f"{found.side}: {found.violation}" for found in one.found]
    told += [f"{counted(one.further, 'further violation')} not shown"] if one.further else []
    told += [f"response: deviation from the published response schema: {each}" for each in one.deviations]
    return [secrets.shown(one_line(f"{place}: {line}")) + "\n" for line in told]


def report(audit: Audit) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "contract": audit.contract,
        "exchanges": len(audit.exchanges),
        "others": audit.others,
        "unread": list(audit.unread),
        "skipped": [_entry(one) | {"reason": one.skipped} for one in audit.exchanges if one.skipped],
        "constraints": _tally(audit),
        "violations": [
            _entry(one) | {"side": found.side} | _redacted(structured.violation(found.violation))
            for one in audit.exchanges
            for found in one.found
        ],
        "further": [_entry(one) | {"number": one.further} for one in audit.exchanges if one.further],
        "deviations": [
            _entry(one) | {"side": "response"} | _redacted(structured.violation(each))
            for one in audit.exchanges
            for each in one.deviations
        ],
    }


def _tally(audit: Audit) -> dict[str, int]:
    """How often each constraint is broken by what is shown, the most frequent first."""
    return dict(Counter(each.violation.constraint for one in audit.exchanges for each in one.found).most_common())


def _place(one: Audited) -> str:
    return f"{one.file}{f':{one.line}' if one.line else ''}: exchange {one.number}"


def _entry(one: Audited) -> dict[str, Any]:
    place = {"file": one.file, "exchange": one.number, "surface": one.surface, "status": one.status}
    return place | ({"file_line": one.line} if one.line else {})


def _redacted(value: Any) -> Any:
    """The value with stand-ins for the secrets in its texts."""
    if isinstance(value, dict):
        return {key: _redacted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redacted(inner) for inner in value]
    return secrets.shown(value) if isinstance(value, str) else value
