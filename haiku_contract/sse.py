"""Bytes to server-sent events and back, incrementally: the WHATWG HTML standard, section 9.2.

The clauses named in the comments are 9.2.5 (the grammar of an event stream) and 9.2.6 (how a stream is interpreted,
in its parts *stream*, *line*, *field* and *dispatch*); "UTF-8 decode" is that of the WHATWG Encoding standard.

A decoder never refuses bytes: what a stream does that a well-behaved server would not is reported as an `Oddity`
among the events, in stream order and at its byte offset. How the bytes are cut into chunks makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal, TypeAlias

OddityCode: TypeAlias = Literal[
    "bom",
    "invalid-utf8",
    "unknown-field",
    "repeated-event",
    "null-in-id",
    "bad-retry",
    "empty-block",
    "unfinished-line",
    "unfinished-block",
]


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One dispatched event.

    Attributes:
        event: the type; `message` where the block names none.
        data: the values of the block's `data` fields, joined by LF.
        id: the last event id in force, which an earlier block may have set; empty where there is none.
        retry: the reconnection time in milliseconds that this block sets; None where it sets none.
        offset: where the block's first line (a comment counts) begins, in bytes from the start of the stream.
        named: whether the block has an `event` field; one that is empty counts.
    """

    event: str
    data: str
    id: str
    retry: int | None
    offset: int
    named: bool = True


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something in the framing that the standard tolerates and a well-behaved server avoids.

    ================== =========================================================== ======================
    code               what was found                                              offset of
    ================== =========================================================== ======================
    `bom`              the stream begins with a byte order mark; it is skipped     the mark
    `invalid-utf8`     a line is not UTF-8; it is decoded with U+FFFD; at most     the first wrong byte
                       once a line
    `unknown-field`    a field name that the standard does not know; it is ignored the line
    `repeated-event`   a second `event` field in a block; it replaces the first    the line
    `null-in-id`       an `id` with U+0000 in it; it is ignored                    the line
    `bad-retry`        a `retry` that is not made of ASCII digits alone, or has    the line
                       more than 18 of them; it is ignored
    `empty-block`      a block with fields, none of them `data`: no event          the block's first line
    `unfinished-line`  the stream ends within a line; the line is dropped          the line
    `unfinished-block` the stream ends before the blank line that would dispatch   the block's first line
                       the block; the block is dropped
    ================== =========================================================== ======================

    The oddities of a block come before its event, and before the oddity that says why it has none.

    Attributes:
        code: one of the codes above.
        offset: in bytes from the start of the stream.
        message: one line without the offset.
    """

    code: OddityCode
    offset: int
    message: str


StreamItem: TypeAlias = ServerSentEvent | Oddity

_set_event, _set_data, _set_id, _set_retry, _set_offset, _set_named = (
    vars(ServerSentEvent)[field.name].__set__ for field in fields(ServerSentEvent)
)

_BOM: Final = b"\xef\xbb\xbf"
_EVENT: Final = b"event: "
_CLOSED: Final = -1
_MAX_RETRY_DIGITS: Final = 18  # far from where int() begins to refuse, far above any use
_EXCERPT: Final = 40


class SSEDecoder:
    r"""Decodes one event stream.

    Memory is bounded by the longest unfinished line and the data of the unfinished block; time is linear in the bytes,
    however small the chunks.

    >>> decoder = SSEDecoder()
    >>> decoder.feed(b"event: ping\ndata: {}")
    []
    >>> decoder.feed(b"\n\n")
    [ServerSentEvent(event='ping', data='{}', id='', retry=None, offset=0, named=True)]
    >>> decoder.finish()
    []
    """

    __slots__ = (
        "_after_cr",
        "_block",
        "_data",
        "_event",
        "_fields",
        "_id",
        "_offset",
        "_partial",
        "_retry",
    )

    def __init__(self) -> None:
        self._begin_stream()

    def _begin_stream(self) -> None:
        self._partial = bytearray()  # the line whose end has not arrived
        self._offset = 0  # of that line
        self._after_cr = False
        self._id = ""
        self._begin_block()

    def _begin_block(self) -> None:
        self._block = _CLOSED  # offset of the open block's first line
        self._fields = False
        self._event: str | None = None
        self._data: list[str] = []
        self._retry: int | None = None

    def feed(self, chunk: bytes | bytearray | memoryview) -> list[StreamItem]:
        """Take the next bytes of the stream.

        Args:
            chunk: any number of bytes, cut anywhere.

        Returns:
            The events that these bytes complete and the oddities that they show, in stream order.

        Raises:
            TypeError: the chunk is not made of bytes.
        """
        items: list[StreamItem] = []
        if type(chunk) is not bytes:
            chunk = as_bytes(chunk)
        if self._after_cr and chunk:
            # 9.2.6 stream: the LF of a CRLF pair ends no line of its own; the CR has ended it already.
            self._after_cr = False
            if chunk.startswith(b"\n"):
                self._offset += 1
                chunk = chunk[1:]
        if b"\n" not in chunk and b"\r" not in chunk:
            self._partial += chunk
            return items
        if self._partial:
            chunk = bytes(self._partial) + chunk
            self._partial = bytearray()
        line_end = _line_end(chunk) if b"\r" in chunk else b"\n"
        if line_end:
            self._read_blocks(chunk, line_end, items)
        else:
            self._read_lines(chunk, items)
        return items

    def finish(self) -> list[StreamItem]:
        """Take note that the stream has ended, and get ready for the next one.

        Returns:
            The oddities of an unfinished end; never an event.
        """
        items: list[StreamItem] = []
        line, offset = self._without_bom(bytes(self._partial), items)
        # 9.2.6 stream: at the end of the file pending data is discarded; by 9.2.5 a line without an end is not a line.
        if line:
            _decode_line(line, offset, items)
            items.append(Oddity("unfinished-line", offset, "the stream ends within a line, which is dropped"))
        if self._fields or (line and not line.startswith(b":")):
            message = "the stream ends before the blank line that would dispatch this block, which is dropped"
            items.append(Oddity("unfinished-block", offset if self._block == _CLOSED else self._block, message))
        self._begin_stream()
        return items

    def _read_blocks(self, data: bytes, line_end: bytes, items: list[StreamItem]) -> None:
        """The fast path: where all lines end alike, two line ends end a block wherever no block was open before."""
        block_end, data_field, added = line_end * 2, line_end + b"data: ", 2 * len(line_end)
        blocks = data.split(block_end)
        rest = blocks.pop()
        if blocks and self._block != _CLOSED:
            self._read_lines(blocks.pop(0) + block_end, items)
        known: bytes | None = None
        for block in blocks:
            head, _, value = block.partition(data_field)
            if head != known:
                known, event = head, _plain_type(head)
            # Nearly all traffic has this shape: one line `event: x`, one line `data: {…}`.
            text = _text(value) if event and value and line_end not in value else None
            if event and text is not None:
                items.append(_plain_event(event, text, self._id, self._offset))
                self._offset += len(block) + added
            else:
                self._read_lines(block + block_end, items)
        if rest:
            self._read_lines(rest, items)

    def _read_lines(self, data: bytes, items: list[StreamItem]) -> None:
        """The way of the standard; what follows the last line end is kept for the next chunk."""
        # 9.2.6 stream: CRLF, LF and CR end a line and nothing else does, which is how bytes (not str) split.
        lines = data.splitlines(keepends=True)
        if lines and not lines[-1].endswith((b"\n", b"\r")):
            self._partial += lines.pop()
        for line in lines:
            self._read_line(line.rstrip(b"\r\n"), items)
            self._offset += len(line)
        self._after_cr = data.endswith(b"\r")

    def _read_line(self, line: bytes, items: list[StreamItem]) -> None:
        offset = self._offset
        if offset == 0:
            line, offset = self._without_bom(line, items)
        if not line:
            # 9.2.6 line: a blank line dispatches the event.
            self._dispatch(items)
            return
        if self._block == _CLOSED:
            self._block = offset
        # 9.2.6 line: the name ends at the first colon, the value loses one leading space; a line without a colon is a
        # name with an empty value; a line that starts with a colon, so has no name, is a comment.
        name, _, value = _decode_line(line, offset, items).partition(":")
        if name:
            self._fields = True
            self._read_field(name, value.removeprefix(" "), offset, items)

    def _read_field(self, name: str, value: str, offset: int, items: list[StreamItem]) -> None:
        # 9.2.6 field: names are compared as they are, without case folding.
        if name == "data":
            self._data.append(value)
        elif name == "event":
            if self._event is not None:
                message = f"a second event field in one block: {_excerpt(value)} replaces {_excerpt(self._event)}"
                items.append(Oddity("repeated-event", offset, message))
            self._event = value
        elif name == "id":
            if "\0" in value:
                items.append(Oddity("null-in-id", offset, f"the id {_excerpt(value)} holds U+0000 and is ignored"))
            else:
                self._id = value
        elif name == "retry":
            # str.isdigit takes the digits of other scripts too, and int() raises on thousands of digits.
            if value.isascii() and value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:
                self._retry = int(value)
            else:
                message = f"the retry {_excerpt(value)} is not 1 to {_MAX_RETRY_DIGITS} ASCII digits and is ignored"
                items.append(Oddity("bad-retry", offset, message))
        else:
            message = f"the field name {_excerpt(name)} is not data, event, id or retry; the line is ignored"
            items.append(Oddity("unknown-field", offset, message))

    def _dispatch(self, items: list[StreamItem]) -> None:
        # 9.2.6 dispatch: without data nothing is dispatched; the event type is reset and the last event id stays.
        if self._data:
            event = self._event or "message"
            data, named = "\n".join(self._data), self._event is not None
            items.append(ServerSentEvent(event, data, self._id, self._retry, self._block, named))
        elif self._fields:
            items.append(Oddity("empty-block", self._block, "a block without a data field; it dispatches no event"))
        self._begin_block()

    def _without_bom(self, line: bytes, items: list[StreamItem]) -> tuple[bytes, int]:
        # UTF-8 decode: one byte order mark is skipped at the start of the stream; any other is a character (U+FEFF).
        if self._offset == 0 and line.startswith(_BOM):
            items.append(Oddity("bom", 0, "the stream begins with a byte order mark, which is skipped"))
            return line[len(_BOM) :], len(_BOM)
        return line, self._offset


def decode(body: bytes) -> list[StreamItem]:
    """Decode a complete stream.

    Args:
        body: all bytes of it.

    Returns:
        Its events and oddities, in stream order.
    """
    decoder = SSEDecoder()
    return decoder.feed(body) + decoder.finish()


def encode(event: str | None, data: str, *, id: str | None = None, retry: int | None = None) -> bytes:  # noqa: A002 - the field's name
    """Encode one event, so that `decode` gives it back.

    Args:
        event: the type; None leaves the field out, which means `message`.
        data: any text; each LF starts another `data` line.
        id: the new last event id; None leaves the field out.
        retry: the reconnection time in milliseconds; None leaves the field out.

    Returns:
        The block, its blank line included.

    Raises:
        ValueError: an event stream cannot carry the value: a line break in `event` or `id`, U+0000 in `id`, a CR in
            `data` (only LF survives there), an empty `event` (it would arrive as `message`), a `retry` that is
            negative, has more than 18 digits or is a boolean, or a lone surrogate anywhere.
    """
    lines: list[str] = []
    if event is not None:
        if not event or "\n" in event or "\r" in event:
            raise ValueError(
                f"the event type must be one line and not empty, not {_excerpt(event)}; None leaves it out"
            )
        lines.append(f"event: {event}")
    if id is not None:
        if "\n" in id or "\r" in id or "\0" in id:
            raise ValueError(f"the id must be one line without U+0000, not {_excerpt(id)}")
        lines.append(f"id: {id}")
    if retry is not None:
        if isinstance(retry, bool) or not 0 <= retry < 10**_MAX_RETRY_DIGITS:
            raise ValueError(f"retry must be 0 to 10**{_MAX_RETRY_DIGITS} - 1 milliseconds, not {retry}")
        lines.append(f"retry: {retry}")
    if "\r" in data:
        raise ValueError("the data must not hold CR, which an event stream turns into LF; replace it first")
    lines += [f"data: {line}" for line in data.split("\n")]
    return ("\n".join(lines) + "\n\n").encode()


def as_bytes(chunk: object) -> bytes:
    """The bytes of a chunk.

    Raises:
        TypeError: it is not made of bytes.
    """
    if not isinstance(chunk, (bytes, bytearray, memoryview)):
        hint = "; encode the text as UTF-8" if isinstance(chunk, str) else ""
        raise TypeError(f"a chunk must be bytes, bytearray or memoryview, not {type(chunk).__name__}{hint}")
    return bytes(chunk)


def _line_end(data: bytes) -> bytes:
    """CRLF where all lines in `data`, which holds a CR, end so; else empty.

    A CR at the very end may be the first half of a CRLF; it is never part of two line ends in a row.
    """
    returns = data.count(b"\r")
    pairs = data.count(b"\r\n")
    return b"\r\n" if pairs == data.count(b"\n") == returns - data.endswith(b"\r") else b""


def _plain_type(head: bytes) -> str:
    """The event type, where `head` is one line that sets one and does nothing else; empty otherwise."""
    if head.startswith(_EVENT) and head.isascii() and b"\n" not in head and b"\r" not in head:
        return head[len(_EVENT) :].decode()
    return ""


def _text(data: bytes) -> str | None:
    """The bytes as text; None where they are not UTF-8, which the way of the standard reports."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _plain_event(event: str, data: str, last_id: str, offset: int) -> ServerSentEvent:
    # What the frozen __init__ does, in half the time: one of these is made for every event of a stream.
    item = object.__new__(ServerSentEvent)
    _set_event(item, event)
    _set_data(item, data)
    _set_id(item, last_id)
    _set_retry(item, None)
    _set_offset(item, offset)
    _set_named(item, True)  # noqa: FBT003 - the slot's own setter
    return item


def _decode_line(line: bytes, offset: int, items: list[StreamItem]) -> str:
    # UTF-8 decode: line ends are ASCII and no sequence extends over one, so line by line gives what the whole would.
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        message = f"byte 0x{line[error.start]:02x} is not UTF-8 here ({error.reason}); it is read as U+FFFD"
        items.append(Oddity("invalid-utf8", offset + error.start, message))
        return line.decode(errors="replace")


def _excerpt(text: str) -> str:
    return ascii(text if len(text) <= _EXCERPT else text[:_EXCERPT] + "...")
