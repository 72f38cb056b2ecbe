"""Recorded traffic, exchange by exchange: from cassettes of any layout, from HAR, and from JSON lines.

A line of JSON is an object with `request` and `response` (JSON values) or `sse` (the text of an event stream), `url`,
and if known `method`, `status`, `headers` (of the response) and `model`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import wire
from haiku_contract.endpoint.cassette import Held, Interaction, load
from haiku_contract.errors import CassetteError
from haiku_contract.model import JSON_CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES: Final = (".jsonl", ".ndjson")
_KINDS: Final = (".yaml", ".yml", ".json", ".har", *LINES)
_EVENT_STREAM: Final = "text/event-stream"


class Recorded(NamedTuple):
    """One exchange, and where it was found.

    Attributes:
        file: its file.
        line: where it begins in it; None where that is not known.
        number: which of the exchanges in the file it is, from 1 on.
        interaction: what was sent, and what came back.
        surface: the wire form that the recording says it has; None where it does not.
        model: the model that the recording says was asked; None where it does not.
        answered: whether the recording holds what came back.
    """

    file: str
    line: int | None
    number: int
    interaction: Interaction
    surface: str | None = None
    model: str | None = None
    answered: bool = True


def files(path: Path) -> tuple[Path, ...]:
    """The file itself; of a folder, all files in it that can be recordings by their names, sorted."""
    if not path.is_dir():
        return (path,)
    found = (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    return tuple(sorted(one for one in found if one.suffix.lower() in _KINDS))


def exchanges(path: Path) -> Iterator[Recorded]:
    """The exchanges of a file, in its order.

    Raises:
        CassetteError: it cannot be read; the message has file and line.
    """
    return _of_lines(path) if path.suffix.lower() in LINES else _of_cassette(path)


def _of_cassette(path: Path) -> Iterator[Recorded]:
    cassette = load(path)
    surface = cassette.about.get("surface")
    model = cassette.about["contract"].partition("@")[0] if surface == "bare" and "contract" in cassette.about else None
    for number, one in enumerate(cassette.interactions, 1):
        yield Recorded(str(path), one.line if one.line > 1 else None, number, one, surface, model)


def _of_lines(path: Path) -> Iterator[Recorded]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _of_line(path, number, line)
    except FileNotFoundError:
        raise CassetteError(f"{path}: no such file") from None
    except OSError as error:
        raise CassetteError(f"{path}: cannot be read: {error.strerror}") from None


def _of_line(path: Path, number: int, line: bytes) -> Recorded:
    value, below = wire.decode(line)
    if below:
        raise CassetteError(f"{path}:{number}: not JSON: {below[0].message}; is it cut off?")
    if not isinstance(value, dict) or not isinstance(url := value.get("url"), str):
        raise CassetteError(f"{path}:{number}: not an exchange: an object with 'request', 'response' and 'url'")
    streamed = value.get("sse")
    status, model, method = value.get("status", 200), value.get("model"), value.get("method", "POST")
    headers = value.get("headers") or {}
    if not isinstance(headers, dict) or type(status) is not int or not isinstance(method, str):
        raise CassetteError(f"{path}:{number}: 'headers' is an object, 'status' a number, 'method' a text")
    kind = headers.get("content-type") or (_EVENT_STREAM if isinstance(streamed, str) else JSON_CONTENT_TYPE)
    interaction = Interaction(
        method=method.upper(),
        url=url,
        request_headers=(),
        request=Held(_encoded(value.get("request"))),
        status=status,
        response_headers=(("content-type", str(kind)),),
        response=Held(
            streamed.encode("utf-8", "surrogatepass") if isinstance(streamed, str) else _encoded(value.get("response"))
        ),
        line=number,
    )
    named = model if isinstance(model, str) else None
    answered = isinstance(streamed, str) or value.get("response") is not None
    return Recorded(str(path), number, number, interaction, None, named, answered)


def _encoded(value: Any) -> bytes:
    return b"" if value is None else json.dumps(value).encode("ascii")
