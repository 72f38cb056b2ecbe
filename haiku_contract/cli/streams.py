"""What the verbs do with event streams: check a file, and write the suite out as files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import wire
from haiku_contract.cli.options import read, write
from haiku_contract.errors import UsageError
from haiku_contract.generate.stream_events import REQUEST
from haiku_contract.model import ABSENT, Violation
from haiku_contract.report import structured
from haiku_contract.report.text import one_line
from haiku_contract.scan import MAX_DEPTH
from haiku_contract.stream import StreamOutcome, StreamValidator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.model import Case

_NO_TOLERANCE: Final = frozenset(("invalid-utf8", "unfinished-block", "unfinished-line"))
"""Oddities of the framing of which violations are made."""

_MARK: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_MARKS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?+|[\[\]{},]', re.DOTALL)
"""What tells where an item of a JSON array ends, strings as one."""

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
    text = body.removeprefix(_MARK)
    if text.lstrip().startswith(b"["):
        # Server-sent events may begin with a mark, JSON must not.
        marked = (wire.violation("encoding", (), "a byte order mark"),) if text != body else ()
        return Checked(name, (*marked, *_check_array(stream, text)), stream)
    found = (*stream.feed(body), *stream.finish())
    if stream.events == 0 and (text.lstrip().startswith((b"{", *_UTF_16))):
        return Checked(name, (_neither(text),), StreamValidator(contract))
    return Checked(name, found, stream)


def _check_array(stream: StreamValidator, body: bytes) -> list[Violation]:
    items = _items(body)
    if items is None:
        return list(wire.decode(body).violations)
    found = [one for item in items for one in stream.feed_data(item)]
    return found + stream.finish()


def _items(body: bytes) -> list[bytes] | None:
    """The texts of what is in a JSON array, one by one and none of them read; None where its end is missing."""
    items: list[bytes] = []
    depth, begun = 0, 0
    for mark in _MARKS.finditer(body):
        char, at = mark.group(), mark.start()
        depth += (char in b"[{") - (char in b"]}") if len(char) == 1 else 0
        if depth > MAX_DEPTH:
            return None
        if depth == 1 and char == b"[" and not begun:
            begun = at + 1
        elif begun and ((depth == 1 and char == b",") or (depth == 0 and char == b"]")):
            items.append(body[begun:at])
            begun = at + 1
        if depth == 0:
            if char != b"]" or body[at + 1 :].strip():
                return None
            blank = sum(not item.strip() for item in items)
            return items if not blank else [] if len(items) == 1 else None
    return None


def _neither(body: bytes) -> Violation:
    actual = "a JSON object" if body.lstrip().startswith(b"{") else "something in UTF-16"
    return Violation(
        constraint="wire:syntax",
        instance_location="",
        expected="server-sent events or a JSON array of events",
        actual=actual,
        message=f"neither server-sent events nor a JSON array of events: found {actual}",
        hint="a whole message is checked with 'validate response'"
        if actual.startswith("a JSON")
        else "save it as UTF-8",
    )


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


def write_folder(cases: Sequence[Case], directory: str) -> None:
    """Write streams as files: `conforming/` and `faulted/`, what each faulted one breaks first, and the request.

    Raises:
        UsageError: there are none, no directory is named, or they cannot be written.
    """
    if not directory:
        raise UsageError("--directory is empty: name a folder, '.' for this one")
    if not cases:
        raise UsageError(
            "no streams to write: the contract says nothing of streams; add a stream.json (schemas/README.md)"
        )
    folder = Path(directory)
    try:
        for case in cases:
            (folder / case.kind).mkdir(parents=True, exist_ok=True)
            (folder / case.kind / file_name(case)).write_bytes(case.body)
        write(structured.dumps(REQUEST), str(folder / "request.json"))
        expected = {file_name(case): case.constraint for case in cases if case.kind == "faulted"}
        if expected:
            text = json.dumps(dict(sorted(expected.items())), indent=2) + "\n"
            write(text, str(folder / "faulted" / "expected.json"))
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}") from None
