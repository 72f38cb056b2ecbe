"""The journal of a campaign: every answer as it comes, one line each, so that a run that was killed can go on.

An answer is written before the campaign hears of it, and while others are under way (`drive.Sender.arrived`): what was
paid for is lost only where it was under way itself. Whatever is written was redacted before (`drive.Sender.secrets`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.campaign.outcomes import outcome
from haiku_contract.errors import UsageError
from haiku_contract.model import Exchange, OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO, Self

    from haiku_contract.model import Case

_FORMAT: Final = 1
_DIGITS: Final = 16
_KEPT: Final = ("content-type", "cf-aig-cache-status", "retry-after")
_NO_ANSWER: Final = (OutcomeKind.UNREACHABLE, OutcomeKind.THROTTLED, OutcomeKind.UNAUTHORISED)


class Journal:
    """A file of answers: `known` gives those of an earlier run, and calling it adds one of this run."""

    def __init__(self, path: Path, contract: str, endpoint: str, address: str = "") -> None:
        """Args: the file, which need not exist; what the campaign is about; and what tells its endpoint from others.

        The address is written as a digest, because it may hold a secret.

        Raises:
            UsageError: the file cannot be used, or is the journal of another campaign.
        """
        self._path = path
        digest = hashlib.sha256(address.encode()).hexdigest()[:_DIGITS]
        self._head = {"haiku_contract_journal": _FORMAT, "contract": contract, "endpoint": endpoint, "address": digest}
        self._known: dict[str, deque[dict[str, Any]]] = {}
        self._file: BinaryIO | None = None
        try:
            self._length = self._read() if path.exists() else 0
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from None

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("ab")
            self._file.truncate(self._length)  # what a killed run left half-written
        except OSError as error:
            raise UsageError(f"{self._path}: cannot be written: {error.strerror}") from None
        if not self._length:
            self._write(self._head)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def holds(self, case: Case) -> int:
        """How many answers to these bytes are known."""
        return len(self._known.get(_key(case), ()))

    def known(self, case: Case) -> Exchange | None:
        """What the endpoint answered to these bytes in an earlier run, once each; None when it was not asked again."""
        entries = self._known.get(_key(case))
        if not entries:
            return None
        entry = entries.popleft()
        body = base64.b64decode(entry["body"])
        ttfb = entry.get("ttfb")
        return Exchange(
            case,
            entry["status"],
            entry["headers"],
            body,
            entry["elapsed"],
            attempts=0,
            ttfb=ttfb if isinstance(ttfb, float) else None,
            echoed=entry.get("echoed") is True,
        )

    def __call__(self, exchange: Exchange) -> None:
        """Write an answer down; what did not get through is no answer, and is asked again.

        Raises:
            UsageError: the file cannot be written any more.
        """
        if exchange.attempts == 0 or outcome(exchange).kind in _NO_ANSWER:
            return
        self._write(
            {
                "key": _key(exchange.case),
                "case": exchange.case.id,
                "status": exchange.status,
                "headers": {name: exchange.headers[name] for name in _KEPT if name in exchange.headers},
                "elapsed": round(exchange.elapsed, 6),
                "ttfb": None if exchange.ttfb is None else round(exchange.ttfb, 6),
                "echoed": exchange.echoed,
                "body": base64.b64encode(exchange.body).decode("ascii"),
            }
        )

    def _write(self, entry: dict[str, Any]) -> None:
        if self._file is None:
            raise RuntimeError("the journal is not open")
        try:
            self._file.write(json.dumps(entry).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise UsageError(f"{self._path}: cannot be written: {error.strerror}; free some space and resume") from None

    def _read(self) -> int:
        """Take the entries; the number of bytes up to the end of the last whole line."""
        length = 0
        for number, line in enumerate(_whole_lines(self._path)):
            entry = _entry(line)
            if number == 0 and (entry is None or entry != self._head):
                raise UsageError(f"{self._path}: {self._refusal(entry)}; name another file")
            if entry is None or (number and not _is_answer(entry)):
                raise UsageError(f"{self._path}: line {number + 1} is not of a journal; name another file")
            if number:
                self._known.setdefault(entry["key"], deque()).append(entry)
            length += len(line)
        if not length and self._path.stat().st_size:
            raise UsageError(f"{self._path}: not the journal of a campaign; name another file")
        return length

    def _refusal(self, entry: dict[str, Any] | None) -> str:
        if entry is None or entry.get("haiku_contract_journal") != _FORMAT:
            return "not the journal of a campaign"
        return f"the journal of {entry.get('contract')} against {entry.get('endpoint')}, at another address or surface"


def _whole_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from (line for line in file if line.endswith(b"\n"))


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _is_answer(entry: dict[str, Any]) -> bool:
    kinds = {"key": str, "status": int, "headers": dict, "elapsed": float, "body": str}
    if not all(isinstance(entry.get(name), kind) for name, kind in kinds.items()):
        return False
    try:
        base64.b64decode(entry["body"], validate=True)
    except binascii.Error:
        return False
    return all(isinstance(one, str) for pair in entry["headers"].items() for one in pair)


def _key(case: Case) -> str:
    return hashlib.sha256(case.content_type.encode() + b"\n" + case.body).hexdigest()
