"""What the verbs do with event streams: check a file, and write the suite out as files."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import wire
from haiku_contract.cli.options import read, write
from haiku_contract.errors import UsageError
from haiku_contract.generate.stream_events import REQUEST
from haiku_contract.model import ABSENT
from haiku_contract.report import structured
from haiku_contract.report.text import one_line
from haiku_contract.stream import StreamOutcome, StreamValidator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from haiku_contract.contract import Contract
    from haiku_contract.model import Case, Violation

_NO_TOLERANCE: Final = frozenset(("invalid-utf8", "unfinished-block", "unfinished-line"))
"""Oddities of the framing of which violations are made."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]+")


class Checked(NamedTuple):
    """A stream that was held against the contract, and what was wrong with it."""

    name: str
    violations: tuple[Violation, ...]
    stream: StreamValidator


def request_of(name: str | None) -> Any:
    """The payload of the request that the streams answer; None when no file is named.

    Raises:
        UsageError: the file cannot be read, or is no JSON.
    """
    if name is None:
        return None
    decoded = wire.decode(read(name))
    if decoded.value is ABSENT:
        raise UsageError(f"{name}: not JSON: {decoded.violations[0].message}")
    return decoded.value


def check(contract: Contract, name: str, body: bytes, request: Any) -> Checked:
    """Hold a file against the stream part of a contract: server-sent events, or a JSON array of event objects."""
    stream = StreamValidator(contract, request=request)
    if not body.lstrip().startswith(b"["):
        return Checked(name, (*stream.feed(body), *stream.finish()), stream)
    events, below = wire.decode(body)
    found = list(below)
    for event in events if isinstance(events, list) else ():
        found += stream.feed_event(event)
    if events is not ABSENT:
        found += stream.finish()
    return Checked(name, tuple(found), stream)


def lines(checked: Checked) -> list[str]:
    """One line per violation; then, marked, what is no violation: deviations, the outcome, what was tolerated."""
    name, violations, stream = checked
    found = [f"{name}: {one}" for one in violations or ("conforms",)]
    found += [f"{name}: deviation from the published response schema: {one}" for one in stream.deviations]
    if stream.outcome is StreamOutcome.ERROR and stream.error is not None:
        found.append(f"{name}: outcome: error {stream.error.type}: {stream.error.message}")
    seen = {code: count for code, count in stream.oddities.items() if code not in _NO_TOLERANCE}
    for what, tally in (("type", stream.unknown_events), ("key", stream.unknown_keys), ("framing", seen)):
        found += [f"{name}: tolerated: {what} {one} ({count})" for one, count in sorted(tally.items())]
    return [one_line(line) + "\n" for line in found]


def entry(checked: Checked) -> dict[str, Any]:
    """A checked stream as JSON."""
    stream = checked.stream
    return {
        "file": checked.name,
        "valid": not checked.violations,
        "violations": [structured.violation(one) for one in checked.violations],
        "deviations": [structured.violation(one) for one in stream.deviations],
        "outcome": stream.outcome.value,
        "error": None if stream.error is None else stream.error._asdict(),
        "events": stream.events,
        "unknown_events": dict(sorted(stream.unknown_events.items())),
        "unknown_keys": dict(sorted(stream.unknown_keys.items())),
        "oddities": dict(sorted(stream.oddities.items())),
    }


def file_name(case: Case) -> str:
    """The name of a case's file: its id without what a file system minds."""
    return _UNSAFE.sub("-", case.id.removeprefix("stream/").removeprefix("conforming/")).strip("-") + ".sse"


def write_folder(cases: Sequence[Case], folder: Path) -> None:
    """Write streams as files: `conforming/` and `faulted/`, what each faulted one breaks first, and the request.

    Raises:
        UsageError: they cannot be written.
    """
    try:
        for case in cases:
            (folder / case.kind).mkdir(parents=True, exist_ok=True)
            (folder / case.kind / file_name(case)).write_bytes(case.body)
        if cases:
            write(structured.dumps(REQUEST), str(folder / "request.json"))
        expected = {file_name(case): case.constraint for case in cases if case.kind == "faulted"}
        if expected:
            text = json.dumps(dict(sorted(expected.items())), indent=2) + "\n"
            write(text, str(folder / "faulted" / "expected.json"))
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}") from None
