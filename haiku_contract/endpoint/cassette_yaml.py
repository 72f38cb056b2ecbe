"""YAML as it is read from a cassette: plain values with the lines they stand on, one interaction at a time.

The parser's events are turned into values here, and by nothing else: no tag names a class, so no code of a file is ever
run, and of a large cassette one interaction is held at a time. Of YAML 1.1 this takes what writers of cassettes write.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.errors import CassetteError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

_MOST_DEPTH: Final = 100
_MOST_REPEATED: Final = 100_000
"""How many values may be repeated by aliases in a file: those of a cassette are few."""

_MOST_AT_ONCE: Final = 256 * 1024 * 1024
"""Bytes that one value may have, an exchange with both its bodies, because it is held in memory."""

_TAG: Final = "tag:yaml.org,2002:"
_BUFFER: Final = f"{_TAG}python/object/new:_io.BytesIO"
_BINARY: Final = frozenset({f"{_TAG}binary", "!binary"})
_TEXT: Final = frozenset({f"{_TAG}str", f"{_TAG}python/str", f"{_TAG}python/unicode", "!"})
_LISTS: Final = frozenset({f"{_TAG}seq", f"{_TAG}python/tuple"})
_MAPPINGS: Final = frozenset({f"{_TAG}map", _BUFFER})

_WORDS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_SPECIAL: Final = frozenset("-+.0123456789~ntfNTF")
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,400})\Z")
_FLOAT: Final = re.compile(r"[-+]?[0-9]{1,400}\.[0-9]{0,400}(?:[eE][-+]?[0-9]{1,4})?\Z")


EMPTY: Final = object()
"""A list whose members follow."""


class Mapping(dict[str, Any]):
    """A mapping with the line that it begins on, and the lines of its keys."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


class Reader:
    """One file. `top` yields the members of its outermost mapping; sequences in it come member by member."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        """Args: what the file is called in errors; the open file."""
        self._yaml = _library()
        self._name = name
        self._file = file
        loader = getattr(self._yaml, "CSafeLoader", self._yaml.SafeLoader)
        self._source = _Source(name, file)
        self._step: Callable[[], Any] = loader(self._source).get_event
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._built = 0
        self._repeated = 0
        events = self._yaml.events
        self._scalar, self._alias = events.ScalarEvent, events.AliasEvent
        self._mapping, self._mapping_end = events.MappingStartEvent, events.MappingEndEvent
        self._sequence, self._sequence_end = events.SequenceStartEvent, events.SequenceEndEvent

    def top(self, lists: frozenset[str]) -> Iterator[tuple[str, int, Any]]:
        """The members of the document: key, line, value.

        A list under one of the keys `lists` comes as `EMPTY`, and then as many times as it has members, with one of
        them each time; and so does a document that is a list, under the key "".

        Raises:
            CassetteError: the file is not YAML, or more than plain values.
        """
        self._get()  # the start of the stream
        if isinstance(self._get(), self._yaml.events.StreamEndEvent):
            raise CassetteError(f"{self._name}: empty; record it again")
        event = self._get()
        if type(event) is self._sequence:
            yield "", _line(event), EMPTY
            yield from self._members("", event)
        elif type(event) is self._mapping:
            yield from self._keys(event, lists)
        else:
            raise self.error(_line(event), "not a cassette: expected a mapping")
        self._get()  # the end of the document
        after = self._get()
        if not isinstance(after, self._yaml.events.StreamEndEvent):
            raise self.error(_line(after), "a second document; a cassette is one")

    def error(self, line: int, what: str) -> CassetteError:
        """What is wrong, with its place."""
        return CassetteError(f"{self._name}:{line}: {what}")

    def _keys(self, start: Any, lists: frozenset[str]) -> Iterator[tuple[str, int, Any]]:
        self._check_tag(start, _MAPPINGS)
        known: set[str] = set()
        while type(event := self._get()) is not self._mapping_end:
            key, line = self._key(event, known)
            following = self._get()
            if key in lists and type(following) is self._sequence:
                yield key, line, EMPTY
                yield from self._members(key, following)
            else:
                yield key, line, self._value(following, 1)

    def _members(self, key: str, start: Any) -> Iterator[tuple[str, int, Any]]:
        self._check_tag(start, _LISTS)
        while type(event := self._get()) is not self._sequence_end:
            self._source.taken = 0
            yield key, _line(event), self._value(event, 1)

    def _value(self, event: Any, depth: int) -> Any:
        kind = type(event)
        self._built += 1
        if kind is self._scalar:
            value = self._text(event)
        elif depth > _MOST_DEPTH:
            raise self.error(_line(event), f"nested deeper than {_MOST_DEPTH} levels")
        elif kind is self._mapping:
            before = self._built
            value = self._dict(event, depth)
            self._keep(event, value, self._built - before)
            return value
        elif kind is self._sequence:
            before = self._built
            self._check_tag(event, _LISTS)
            value = []
            while type(inner := self._get()) is not self._sequence_end:
                value.append(self._value(inner, depth + 1))
            self._keep(event, value, self._built - before)
            return value
        else:
            return self._aliased(event)
        self._keep(event, value, 1)
        return value

    def _dict(self, event: Any, depth: int) -> Any:
        if event.tag is not None:
            self._check_tag(event, _MAPPINGS)
        value = Mapping(_line(event))
        known: set[str] = set()
        while type(inner := self._get()) is not self._mapping_end:
            key, line = self._key(inner, known)
            value.lines[key] = line
            value[key] = self._value(self._get(), depth + 1)
        if event.tag == _BUFFER:  # a request that was read from a file: its state is the content, and where it was read
            state = value.get("state")
            if not isinstance(state, list) or not state or not isinstance(state[0], str | bytes):
                raise self.error(value.line, "a buffer without content")
            return state[0]
        return value

    def _key(self, event: Any, known: set[str]) -> tuple[str, int]:
        line = _line(event)
        if type(event) is not self._scalar:
            raise self.error(line, "a key that is not a text")
        if event.tag is not None:
            self._check_tag(event, _TEXT)
        if event.value in known:
            raise self.error(line, f"the key {event.value[:40]!r} a second time; keep one of the two")
        known.add(event.value)
        return event.value, line

    def _keep(self, event: Any, value: Any, size: int) -> None:
        if event.anchor is not None:
            self._anchors[event.anchor] = value, size

    def _aliased(self, event: Any) -> Any:
        if event.anchor not in self._anchors:  # or it is still being built: it would hold itself
            raise self.error(_line(event), "an alias of something that does not come before it")
        value, size = self._anchors[event.anchor]
        self._repeated += size
        self._built += size
        if self._repeated > _MOST_REPEATED:
            raise self.error(_line(event), "aliases that repeat more than any cassette does")
        return value

    def _text(self, event: Any) -> Any:
        text = event.value
        if event.tag is not None and event.tag not in _TEXT:
            return self._binary(event)
        if event.style or event.tag is not None:  # quoted, or said to be a text
            return text
        if text and text[0] not in _SPECIAL:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.match(text):
            return int(text)
        return float(text) if _FLOAT.match(text) else text

    def _binary(self, event: Any) -> bytes:
        self._check_tag(event, _BINARY)
        try:
            return base64.b64decode("".join(event.value.split()), validate=True)
        except (binascii.Error, ValueError):
            raise self.error(_line(event), "binary content that is not base64") from None

    def _check_tag(self, event: Any, allowed: frozenset[str]) -> None:
        if event.tag is not None and event.tag not in allowed:
            shown = event.tag.replace(_TAG, "!!")[:80]
            raise self.error(_line(event), f"the tag {shown} is not one of a cassette; nothing of it was run")

    def _get(self) -> Any:
        try:
            return self._step()
        except self._yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise self.error(line, f"not YAML ({error.problem or error.context}); is it cut off?") from None
        except self._yaml.reader.ReaderError as error:
            reason = "not UTF-8" if "UTF-8" in str(error.reason) else f"not YAML ({error.reason})"
            raise self.error(self._line_at(error.position), reason) from None
        except UnicodeDecodeError as error:
            raise self.error(self._line_at(error.start), "not UTF-8") from None

    def _line_at(self, position: int) -> int:
        self._file.seek(0, io.SEEK_SET)
        return self._file.read(max(position, 0)).count(b"\n") + 1


class _Source:
    """A file as the parser reads it, and how much it has taken for one value."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.taken = 0
        self._name = name
        self._read = file.read

    def read(self, size: int) -> bytes:
        data = self._read(size)
        self.taken += len(data)
        if self.taken > _MOST_AT_ONCE:
            raise CassetteError(
                f"{self._name}: one value is longer than {_MOST_AT_ONCE >> 20} MiB, which no exchange is"
            )
        return data


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _library() -> Any:
    try:
        import yaml  # noqa: PLC0415 - an optional part
    except ModuleNotFoundError:
        raise MissingExtraError("fuzz") from None
    return yaml
