"""The baseline: findings that are known and accepted for a while, each with a reason and a day on which that ends."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import wire
from haiku_contract.errors import UsageError
from haiku_contract.model import ABSENT, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from haiku_contract.model import CampaignFinished, Finding

_FORMAT: Final = "haiku_contract_baseline"
_VERSION: Final = 1
_UNTOLD: Final = (VerdictKind.UNDETERMINED, VerdictKind.UNEXERCISED)
_TEXTS: Final = ("fingerprint", "code", "reason", "expires")


class Entry(NamedTuple):
    """One accepted finding.

    Attributes:
        fingerprint: whose cause it is; the same on every machine.
        code: the kind of finding.
        constraint: the constraint that it is about; None where it is about none.
        reason: why it is accepted.
        expires: the first day on which it no longer is.
    """

    fingerprint: str
    code: str
    constraint: str | None
    reason: str
    expires: dt.date


class Compared(NamedTuple):
    """The findings of a campaign beside a baseline.

    Attributes:
        new: findings that are not accepted: unknown ones, and those whose entry has expired.
        accepted: findings with the entry that accepts them.
        expired: entries whose day has come, found again or not.
        vanished: entries whose finding was not made this time.
    """

    new: tuple[Finding, ...]
    accepted: tuple[tuple[Finding, Entry], ...]
    expired: tuple[Entry, ...]
    vanished: tuple[Entry, ...]


def read(body: bytes, name: str) -> tuple[Entry, ...]:
    """The entries of a baseline file.

    Raises:
        UsageError: it is not one; the message names the entry.
    """
    value, violations = wire.decode(body)
    if value is ABSENT or violations:
        raise UsageError(f"{name}: not JSON: {violations[0].message}")
    if not isinstance(value, dict) or value.get(_FORMAT) != _VERSION or not isinstance(value.get("accepted"), list):
        raise UsageError(f"{name}: not a baseline; --update-baseline writes one")
    return tuple(_entry(one, f"{name}: entry {number}") for number, one in enumerate(value["accepted"], 1))


def _entry(value: Any, name: str) -> Entry:
    texts = [value.get(key) for key in _TEXTS] if isinstance(value, dict) else [None]
    if not all(isinstance(text, str) for text in texts) or not isinstance(value.get("constraint"), (str, type(None))):
        raise UsageError(f"{name}: expected texts under {', '.join(_TEXTS)}, and constraint")
    try:
        expires = dt.date.fromisoformat(value["expires"])
    except ValueError:
        raise UsageError(f"{name}: expected a date as in 2026-12-31 under expires") from None
    return Entry(value["fingerprint"], value["code"], value["constraint"], value["reason"], expires)


def unseen(result: CampaignFinished) -> Callable[[Entry], bool]:
    """Whether a campaign could not have made a finding: it left out what shows it, or no answer told.

    Returns:
        A predicate of entries; what it holds of has not vanished.
    """
    told = {one.constraint: one.verdict not in _UNTOLD for one in result.verdicts}
    return lambda entry: not told.get(entry.constraint or "", not result.stopped)


def compare(
    findings: Iterable[Finding],
    entries: Iterable[Entry],
    today: dt.date,
    *,
    hidden: Callable[[Entry], bool] = lambda _: False,
) -> Compared:
    """Hold findings against a baseline as it is on a day; a hidden entry is not taken for a vanished one."""
    known = {entry.fingerprint: entry for entry in entries}
    valid = {key: entry for key, entry in known.items() if today < entry.expires}
    made = {one.fingerprint: one for one in findings}
    return Compared(
        new=tuple(one for key, one in made.items() if key not in valid),
        accepted=tuple((one, valid[key]) for key, one in made.items() if key in valid),
        expired=tuple(entry for key, entry in known.items() if key not in valid),
        vanished=tuple(entry for key, entry in known.items() if key not in made and not hidden(entry)),
    )


def updated(
    findings: Iterable[Finding],
    entries: Iterable[Entry],
    today: dt.date,
    *,
    until: dt.date,
    reason: str,
    hidden: Callable[[Entry], bool] = lambda _: False,
) -> str:
    """The text of a baseline that accepts all findings: known entries as they are, and the others until a day.

    Entries that have vanished are dropped, hidden ones kept; those that have expired and are found again begin anew.
    """
    known = {entry.fingerprint: entry for entry in entries if today < entry.expires}
    made = {one.fingerprint: one for one in findings}
    kept = [entry for key, entry in known.items() if key not in made and hidden(entry)] + [
        known.get(one.fingerprint) or Entry(one.fingerprint, str(one.code), one.constraint, reason, until)
        for one in made.values()
    ]
    accepted = [{**entry._asdict(), "expires": entry.expires.isoformat()} for entry in sorted(kept, key=_order)]
    return json.dumps({_FORMAT: _VERSION, "accepted": accepted}, indent=2, ensure_ascii=False) + "\n"


def _order(entry: Entry) -> tuple[str, str]:
    return entry.constraint or "", entry.fingerprint
