"""The layouts of recorded exchanges: VCR's as several tools write it, and HAR 1.2.

VCR's is a mapping with a list of interactions, each a request and a response. What the tools call the parts differs a
little (`vcrpy` of several years, VCR for Ruby, go-vcr); each part is looked up in a table of places.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.endpoint import har, recorded_parts
from haiku_contract.endpoint.cassette import Interaction, Store
from haiku_contract.endpoint.cassette_yaml import EMPTY, Mapping, Reader
from haiku_contract.errors import CassetteError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from typing import BinaryIO

    from haiku_contract.endpoint.cassette import Headers

ABOUT: Final = "haiku_contract"
"""The key under which our cassettes tell what they are about."""

STREAM: Final = "stream"
"""The key under which an interaction has what a stream needs: `sizes`, `seconds`, `error`."""

REPEAT: Final = "repeat"
"""The key under which our cassettes tell which answer to the same request an interaction is, from the second on."""

_LISTS: Final = frozenset({"interactions", "http_interactions"})
_LAST: Final = {"interactions": "version", "http_interactions": "recorded_with"}
"""What the tools write beside the interactions; a file without it was cut off."""

_MEMBER: Final = re.compile(r"[^ \t\r\n,]")
_DECODER: Final = json.JSONDecoder()
_CODINGS_WITH_A_MARK: Final = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
_MOST_JSON: Final = 256 * 1024 * 1024
"""Bytes of JSON that are read, which is done at once; YAML is read exchange by exchange, and may be of any length."""


def interactions(name: str, file: BinaryIO, store: Store, beside: dict[str, dict[str, str]]) -> Iterator[Interaction]:
    """The interactions of a file, one by one.

    Args:
        name: what the file is called in errors.
        file: opened at its beginning.
        store: takes the bodies.
        beside: takes what the file says of itself, under `ABOUT`; a cassette of ours has that.

    Raises:
        CassetteError: it is not a cassette.
    """
    start = file.read(64).lstrip()
    file.seek(0)
    if start.startswith((b"{", b"[", b"\xef\xbb\xbf{")):
        yield from _of_json(name, _whole(name, file), store)
    else:
        yield from _of_yaml(name, file, store, beside)


def _of_yaml(name: str, file: BinaryIO, store: Store, beside: dict[str, dict[str, str]]) -> Iterator[Interaction]:
    reader = Reader(name, file)
    seen: set[str] = set()
    line = 1
    for key, line, value in reader.top(_LISTS):
        seen.add(key)
        if value is EMPTY:
            continue
        if key in _LISTS or not key:
            yield _Layout(name, line, store).interaction(value)
        elif key == ABOUT and isinstance(value, Mapping):
            beside[ABOUT] = {one: str(text) for one, text in value.items()}
    listed = seen & _LISTS
    if not seen & (_LISTS | {""}):
        raise reader.error(line, "not a cassette: it has no list of interactions")
    if listed and not any(_LAST[one] in seen for one in listed):
        last = " or ".join(repr(_LAST[one]) for one in sorted(listed))
        raise reader.error(line, f"no {last} beside the interactions: the file is cut off; record it again")


def _whole(name: str, file: BinaryIO) -> bytes:
    if file.seek(0, io.SEEK_END) > _MOST_JSON:
        most = f"{_MOST_JSON >> 20} MiB"
        raise CassetteError(
            f"{name}: more than {most} of JSON; split it, or record as YAML, which may be of any length"
        )
    file.seek(0)
    return file.read()


def _of_json(name: str, data: bytes, store: Store) -> Iterator[Interaction]:
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CassetteError(f"{name}:{data.count(10, 0, error.start) + 1}: not UTF-8") from None
    except json.JSONDecodeError as error:
        raise CassetteError(f"{name}:{error.lineno}: not JSON ({error.msg}); is it cut off?") from None
    except RecursionError:
        raise CassetteError(f"{name}:1: nested too deeply for a cassette") from None
    except ValueError:  # the interpreter's limit for the digits of numbers
        digits = re.search(rb"[0-9]{4000}", data)
        line = data.count(b"\n", 0, digits.start() if digits else 0) + 1
        raise CassetteError(f"{name}:{line}: a number of more digits than are read") from None
    log = value.get("log") if isinstance(value, dict) else None
    where, listed = ("entries", har.entries(log)) if log is not None else _listed(value)
    if not isinstance(listed, list):
        raise CassetteError(f"{name}:1: not a cassette: it has neither a list of interactions nor a log of HAR")
    for one, line in zip(listed, _lines_of(data, where), strict=False):
        try:
            found = _Layout(name, line, store).interaction(one) if log is None else har.interaction(one, store)
        except har.HarError as error:
            raise CassetteError(f"{name}:{line}: {error}") from None
        if found is not None:
            yield replace(found, line=line)


def _listed(value: Any) -> tuple[str, Any]:
    if isinstance(value, list):
        return "", value
    return next(((key, value[key]) for key in sorted(_LISTS) if isinstance(value, dict) and key in value), ("", None))


def _lines_of(data: bytes, key: str) -> Iterator[int]:
    """The lines on which the members of a list begin in JSON, and 1 for ever where that cannot be told."""
    text = data.decode("utf-8-sig")
    start = re.search(rf'"{key}"\s*:\s*\[' if key else r"\[", text)
    at, line, told = start.end() if start else 0, 1, 0
    while member := _MEMBER.search(text, at):
        line, told = line + text.count("\n", told, member.start()), member.start()
        yield line
        try:
            at = _DECODER.raw_decode(text, told)[1]
        except ValueError:
            break
    yield from repeat(1)


class _Layout:
    """One interaction of VCR's layout."""

    def __init__(self, name: str, line: int, store: Store) -> None:
        self._name = name
        self._line = line
        self._store = store

    def interaction(self, value: Any) -> Interaction:
        whole = self._mapping(value, "an interaction")
        request = self._mapping(whole.get("request"), "request")
        response = self._mapping(whole.get("response"), "response")
        method = request.get("method")
        url = request.get("uri", request.get("url"))
        if not isinstance(method, str) or not recorded_parts.is_method(method):
            raise self._refusal(request, "method", "the method of a request")
        if not isinstance(url, str) or not recorded_parts.is_url(url):
            raise self._refusal(request, "uri", "the address of a request")
        body = self._body(response, ("body", "content"))
        headers = _undoubled(self._headers(response), body)
        stream = self._mapping(whole.get(STREAM, {}), STREAM)
        status, reason = self._status(response)
        return Interaction(
            method=method.upper(),
            url=url,
            request_headers=self._headers(request),
            request=self._store.add(self._body(request, ("body",))),
            status=status,
            reason=reason,
            response_headers=headers,
            response=self._store.add(body),
            sizes=self._sizes(stream, len(body)),
            seconds=self._seconds(stream),
            error=self._error(stream),
            recorded=_day(whole.get("recorded_at"), headers),
            repeat=self._repeat(whole),
            line=self._line,
        )

    def _mapping(self, value: Any, what: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        raise self._refusal({}, what, f"{what} is not a mapping, or missing")

    def _headers(self, part: dict[str, Any]) -> Headers:
        """A list of values per name, as VCR has it, or one value, or names and values in turn."""
        found = part.get("headers") or {}
        if not isinstance(found, dict):
            raise self._refusal(part, "headers", "headers that are not a mapping")
        pairs = []
        for name, given in found.items():
            for value in given if isinstance(given, list) else [given]:
                text = value.decode("latin-1") if isinstance(value, bytes) else value
                text = str(text) if isinstance(text, int | float) else text
                if not recorded_parts.is_header(name, text):
                    raise self._refusal(part, "headers", f"the header {name[:40]!r} is not one")
                pairs.append((name, text))
        return tuple(pairs)

    def _status(self, response: dict[str, Any]) -> tuple[int, str]:
        found: Any = response.get("status", response.get("status_code"))
        reason: Any = ""
        if isinstance(found, dict):
            found, reason = found.get("code"), found.get("message")
        if isinstance(response.get("code"), int):  # the number beside the words
            found, reason = response["code"], str(found or "").partition(" ")[2]
        if isinstance(found, str) and found.isascii() and found.isdecimal():
            found = int(found[:4])
        if not isinstance(found, int) or not recorded_parts.is_status(found):
            raise self._refusal(response, "status", "a status that is none of HTTP")
        return found, reason if isinstance(reason, str) and not recorded_parts.breaks(reason) else ""

    def _body(self, part: dict[str, Any], names: tuple[str, ...]) -> bytes:
        found = next((part[name] for name in names if name in part), None)
        if found is None and "parsed_body" in part:  # as some write JSON, so that it can be read
            return json.dumps(part["parsed_body"], ensure_ascii=False).encode("utf-8", "surrogatepass")
        if isinstance(found, dict):
            if "base64_string" in found:
                return self._decoded(part, found["base64_string"])
            found = found.get("string")
        if found is None:
            return b""
        if isinstance(found, str):
            return found.encode("utf-8", "surrogatepass")
        if not isinstance(found, bytes):
            raise self._refusal(part, "body", "a body that is neither text nor base64")
        return found

    def _decoded(self, part: dict[str, Any], text: Any) -> bytes:
        try:
            data = text if isinstance(text, bytes) else str(text).encode("ascii")
            return base64.b64decode(b"".join(data.split()), validate=True)
        except (binascii.Error, ValueError):
            raise self._refusal(part, "body", "a body that is not base64") from None

    def _sizes(self, stream: dict[str, Any], length: int) -> tuple[int, ...]:
        sizes = stream.get("sizes") or []
        if not isinstance(sizes, list) or not all(type(one) is int and one >= 0 for one in sizes):
            raise self._refusal(stream, "sizes", "sizes of chunks that are not a list of numbers")
        if sizes and sum(sizes) != length:
            advice = "the body was edited or cut off; take 'sizes' out, or record it again"
            raise self._refusal(stream, "sizes", f"chunks of {sum(sizes)} bytes for a body of {length}: {advice}")
        return tuple(sizes)

    def _seconds(self, stream: dict[str, Any]) -> tuple[float, ...]:
        seconds = stream.get("seconds") or []
        if not isinstance(seconds, list) or not all(type(one) in (int, float) and 0 <= one < _DAY for one in seconds):
            raise self._refusal(stream, "seconds", "times of chunks that are not a list of seconds")
        return tuple(float(one) for one in seconds)

    def _error(self, stream: dict[str, Any]) -> str:
        found = stream.get("error") or ""
        if not isinstance(found, str):
            raise self._refusal(stream, "error", "an error of a stream that is not a text")
        return found

    def _repeat(self, whole: dict[str, Any]) -> int:
        found = whole.get(REPEAT, 1)
        if type(found) is not int or found < 1:
            raise self._refusal(whole, REPEAT, f"{REPEAT!r} that is not a number from 2 on")
        return found

    def _refusal(self, part: dict[str, Any], key: str, what: str) -> CassetteError:
        line = part.lines.get(key, part.line) if isinstance(part, Mapping) else self._line
        advice = "" if ";" in what else "; is the file cut off, or not a cassette?"
        return CassetteError(f"{self._name}:{line}: {what}{advice}")


_DAY: Final = 86_400.0


def _undoubled(headers: Headers, body: bytes) -> Headers:
    """The headers without a content coding that the recorder has already undone."""
    codings = [value.strip().lower() for name, value in headers if name.lower() == "content-encoding"]
    mark = _CODINGS_WITH_A_MARK.get(codings[-1]) if codings else None
    if mark is None or body.startswith(mark):
        return headers
    return tuple((name, value) for name, value in headers if name.lower() not in recorded_parts.OF_CODED)


def _day(text: Any, headers: Headers) -> dt.date | None:
    """The day that a recording, or else its response, says it is of."""
    said = text if isinstance(text, str) else next((v for name, v in headers if name.lower() == "date"), "")
    return recorded_parts.day(said)
