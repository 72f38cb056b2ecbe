"""The decoder against the WHATWG standard: whole, byte by byte, and cut anywhere."""

from __future__ import annotations

import doctest
import pickle
import re
import tracemalloc
from dataclasses import FrozenInstanceError
from itertools import pairwise
from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haiku_contract import sse
from haiku_contract.sse import Oddity, OddityCode, ServerSentEvent, SSEDecoder, StreamItem, decode, encode

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=300)
FEW = settings(DETERMINISTIC, max_examples=20)

BOM = b"\xef\xbb\xbf"


class Golden(NamedTuple):
    name: str
    body: bytes
    expected: list[ServerSentEvent | tuple[OddityCode, int]]


def event(
    data: str, offset: int = 0, *, type_: str = "message", id_: str = "", retry: int | None = None, named: bool = False
) -> ServerSentEvent:
    return ServerSentEvent(type_, data, id_, retry, offset, named or type_ != "message")


# The situations of the examples in WHATWG HTML 9.2, in our own words.
STANDARD = [
    Golden("three events", b"data: one\n\ndata: two,\ndata: in two lines\n\ndata: three\n\n", [
        event("one"), event("two,\nin two lines", 11), event("three", 42),
    ]),
    Golden("event types", b"event: start\ndata: 17\n\nevent: stop\ndata: 17\n\nevent: start\ndata: 18\n\n", [
        event("17", type_="start"), event("17", 23, type_="stop"), event("18", 45, type_="start"),
    ]),
    Golden("multi-line data", b"data: ABC\ndata: -1\ndata: 25\n\n", [event("ABC\n-1\n25")]),
    Golden("comment, id, reset of the id, two spaces", (
        b": only a comment\n\ndata: with an id\nid: 1\n\ndata:without space\nid\n\ndata:  indented\n\n"
    ), [event("with an id", 18, id_="1"), event("without space", 42), event(" indented", 65)]),
    Golden("data without value, unfinished", b"data\n\ndata\ndata\n\ndata:", [
        event(""), event("\n", 6), ("unfinished-line", 17), ("unfinished-block", 17),
    ]),
    Golden("the space is optional", b"data:same\n\ndata: same\n\n", [event("same"), event("same", 11)]),
    Golden("keep-alive comments", b":\n\n: still here\n\n", []),
]  # fmt: skip

LINE_ENDS = [
    Golden("CR", b"event: a\rdata: 1\r\rdata: 2\r\r", [event("1", type_="a"), event("2", 18)]),
    Golden("CRLF", b"event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", [event("1", type_="a"), event("2", 21)]),
    Golden("CR and LF", b"data: 1\r\ndata: 2\rdata: 3\n\r\ndata: 4\n\n", [event("1\n2\n3"), event("4", 27)]),
    Golden("CR then CRLF", b"data: 1\r\r\ndata: 2\n\r", [event("1"), event("2", 10)]),
    Golden("LF then CR", b"data: 1\n\rdata: 2\r\r", [event("1"), event("2", 9)]),
    Golden("further blank lines", b"\n\n\nevent: a\ndata: 1\n\n\ndata: 2\n\n\n\n\n", [
        event("1", 3, type_="a"), event("2", 22),
    ]),
    Golden("blank line, then data alone", b"\ndata: 1\n\n\ndata: 2\n\n", [event("1", 1), event("2", 11)]),
    Golden("no other line ends", "data: \v\f\x1c\x1d\x1e\x85\u2028\u2029.\n\n".encode(), [
        event("\v\f\x1c\x1d\x1e\x85\u2028\u2029."),
    ]),
]  # fmt: skip

ENCODING = [
    Golden("BOM", BOM + b"data: 1\n\n", [("bom", 0), event("1", 3)]),
    Golden("BOM before an ordinary event", BOM + b"event: a\ndata: 1\n\n", [("bom", 0), event("1", 3, type_="a")]),
    Golden("BOM and blank line", BOM + b"\ndata: 1\n\n", [("bom", 0), event("1", 4)]),
    Golden("BOM alone", BOM, [("bom", 0)]),
    Golden("BOM and a cut line", BOM + b"da", [("bom", 0), ("unfinished-line", 3), ("unfinished-block", 3)]),
    Golden("part of a BOM", BOM[:2], [("invalid-utf8", 0), ("unfinished-line", 0), ("unfinished-block", 0)]),
    Golden("two BOMs", BOM + BOM + b"data: 1\n\n", [("bom", 0), ("unknown-field", 3), ("empty-block", 3)]),
    Golden("BOM in the second block", b"\n" + BOM + b"data: 1\n\n", [("unknown-field", 1), ("empty-block", 1)]),
    Golden("two, three and four bytes", "event: ä\ndata: ä世🎈\n\ndata: 世\n\n".encode(), [
        event("ä世🎈", type_="ä"), event("世", 27),
    ]),
    Golden("invalid byte in an ordinary event", b"event: a\ndata: {}\n\nevent: a\ndata: \xff!\xff\n\n", [
        event("{}", type_="a"), ("invalid-utf8", 34), event("\ufffd!\ufffd", 19, type_="a"),
    ]),
    Golden("invalid type", b"event: \xff\ndata: 1\n\n", [("invalid-utf8", 7), event("1", type_="\ufffd")]),
    Golden("sequence cut by the line end", b"data: \xe4\xb8\n\n", [("invalid-utf8", 6), event("\ufffd")]),
    Golden("surrogate and overlong form", b"data: \xed\xa0\x80\ndata: \xc0\x80\n\n", [
        ("invalid-utf8", 6), ("invalid-utf8", 16), event("\ufffd\ufffd\ufffd\n\ufffd\ufffd"),
    ]),
    Golden("truncated sequence is one character", b"data: \xf0\x9f\x8e|\n\n", [("invalid-utf8", 6), event("\ufffd|")]),
    Golden("invalid comment", b":\xff\n\n", [("invalid-utf8", 1)]),
    Golden("cut within a character", b"data: 1\n\ndata: \xe4\xb8", [
        event("1"), ("invalid-utf8", 15), ("unfinished-line", 9), ("unfinished-block", 9),
    ]),
]  # fmt: skip

FIELDS = [
    Golden("data before event", b"data: 1\nevent: a\n\n", [event("1", type_="a")]),
    Golden("empty type", b"event: \ndata: 1\n\nevent:\ndata: 2\n\nevent\ndata: 3\n\n", [
        event("1", named=True), event("2", 17, named=True), event("3", 33, named=True),
    ]),
    Golden("empty data", b"event: a\ndata: \n\nevent: a\ndata:\n\n", [
        event("", type_="a"), event("", 17, type_="a"),
    ]),
    Golden("colons in the value", b"event: a:b\ndata::: 1\n\n", [event(":: 1", type_="a:b")]),
    Golden("type only for its block", b"event: a\n\ndata: 1\n\n", [("empty-block", 0), event("1", 10)]),
    Golden("second type", b"event: a\nevent: b\ndata: 1\n\n", [("repeated-event", 9), event("1", type_="b")]),
    Golden("missing blank line", b"event: a\ndata: 1\nevent: b\ndata: 2\n\n", [
        ("repeated-event", 17), event("1\n2", type_="b"),
    ]),
    Golden("id stays, also over a block without data", b"id: 7\n\ndata: 1\n\nevent: a\ndata: 2\n\nid\ndata: 3\n\n", [
        ("empty-block", 0), event("1", 7, id_="7"), event("2", 16, type_="a", id_="7"), event("3", 34),
    ]),
    Golden("id between type and data", b"event: a\nid: 7\ndata: 1\n\n", [event("1", type_="a", id_="7")]),
    Golden("U+0000 in the id", b"id: 7\ndata: 1\n\nid: \0\ndata: \0\n\n", [
        event("1", id_="7"), ("null-in-id", 15), event("\0", 15, id_="7"),
    ]),
    Golden("retry", b"retry: 0250\ndata: 1\n\ndata: 2\n\n", [event("1", retry=250), event("2", 21)]),
    Golden("bad retries", "retry: -1\nretry: 1.5\nretry: \nretry\nretry: ٣\nretry:  1\ndata: 1\n\n".encode(), [
        ("bad-retry", 0), ("bad-retry", 10), ("bad-retry", 21), ("bad-retry", 29), ("bad-retry", 35),
        ("bad-retry", 45), event("1"),
    ]),
    Golden("bad retry after a good one", b"retry: 5\nretry: x\ndata: 1\n\n", [("bad-retry", 9), event("1", retry=5)]),
    Golden("longest retry", b"retry: " + b"9" * 18 + b"\ndata: 1\n\n", [event("1", retry=10**18 - 1)]),
    Golden("too long retry", b"retry: " + b"9" * 19 + b"\ndata: 1\n\n", [("bad-retry", 0), event("1")]),
    Golden("unknown fields", b"Data: 1\n data: 1\ndata : 1\n{}\ndata: 1\n\n", [
        ("unknown-field", 0), ("unknown-field", 8), ("unknown-field", 17), ("unknown-field", 26), event("1"),
    ]),
    Golden("retry alone", b"retry: 5\n\n", [("empty-block", 0)]),
    Golden("unfinished block", b"data: 1\n\nevent: a\ndata: 2\n", [event("1"), ("unfinished-block", 9)]),
    Golden("unfinished line", b"event: a\ndata: 2", [("unfinished-line", 9), ("unfinished-block", 0)]),
    Golden("unfinished comment", b": a\n: b", [("unfinished-line", 4)]),
    Golden("comment at the end", b"data: 1\n\n: a\n", [event("1")]),
    Golden("comment as first line of a block", b": a\ndata: 1\n: b\n\n", [event("1")]),
]  # fmt: skip

GOLDEN = [*STANDARD, *LINE_ENDS, *ENCODING, *FIELDS, Golden("nothing", b"", [])]
golden = pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case.name)

# What line ends, fields, characters and ordinary events are made of, so that random streams meet every branch.
TOKENS = [
    *(b"event: a\ndata: {}\n\n", b"event: a", b"event: b", b"event:", b"data: {}", b"data", b"data:", b"id: 1", b"id"),
    *(b"retry: 1", b"retry: x", b"other", b": c", b":", b" ", b"\n", b"\n", b"\n\n", b"\r", b"\r\n", b"\0", b"\xff"),
    *(BOM, "世".encode(), "世".encode()[:2], b"\x85"),
]
streams = st.lists(st.sampled_from(TOKENS), max_size=30).map(b"".join)

ONE_LINE = st.characters(exclude_categories=["Cs"], exclude_characters="\r\n")
types = st.none() | st.text(ONE_LINE, min_size=1)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r") | st.just("\n"))
ids = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))
retries = st.none() | st.integers(0, 10**18 - 1)


def cut(body: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(places), len(body)]
    return [body[start:end] for start, end in pairwise(bounds)]


def equally_cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def fed(chunks: list[bytes]) -> list[StreamItem]:
    decoder = SSEDecoder()
    return [item for chunk in chunks for item in decoder.feed(chunk)] + decoder.finish()


def shown(items: list[StreamItem]) -> list[ServerSentEvent | tuple[OddityCode, int]]:
    return [(item.code, item.offset) if isinstance(item, Oddity) else item for item in items]


def events(items: list[StreamItem]) -> list[ServerSentEvent]:
    return [item for item in items if isinstance(item, ServerSentEvent)]


def as_the_standard_says(body: bytes) -> list[tuple[str, str, str]]:
    """9.2.6 read aloud, on the text as a whole: type, data and last event id of each event."""
    dispatched = []
    data = type_ = last_id = ""
    for line in re.split("\r\n|\r|\n", body.decode("utf-8", "replace").removeprefix("\ufeff"))[:-1]:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                dispatched.append((type_ or "message", data.removesuffix("\n"), last_id))
            data = type_ = ""
        elif name == "event":
            type_ = value
        elif name == "data":
            data += value + "\n"
        elif name == "id" and "\0" not in value:
            last_id = value
    return dispatched


def first_wrong_byte(body: bytes) -> list[int]:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return [error.start]
    return []


@golden
def test_golden_whole(case: Golden) -> None:
    assert shown(decode(case.body)) == case.expected


@golden
def test_golden_in_bytes_and_in_two_chunks(case: Golden) -> None:
    whole = decode(case.body)
    assert fed(equally_cut(case.body, 1)) == whole
    for place in range(len(case.body) + 1):
        assert fed(cut(case.body, [place])) == whole


@golden
@FEW
@given(data=st.data())
def test_golden_in_any_chunks(case: Golden, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(case.body))))
    assert fed(cut(case.body, places)) == decode(case.body)


@DETERMINISTIC
@given(st.data(), streams | st.binary())
def test_any_bytes_in_any_chunks(data: st.DataObject, body: bytes) -> None:
    places = data.draw(st.lists(st.integers(0, len(body))))
    assert fed(cut(body, places)) == decode(body) == fed(equally_cut(body, 1))


@DETERMINISTIC
@given(streams | st.binary())
def test_agrees_with_the_standard(body: bytes) -> None:
    assert [(item.event, item.data, item.id) for item in events(decode(body))] == as_the_standard_says(body)


@DETERMINISTIC
@given(streams)
def test_invalid_utf8_is_found_where_the_codec_finds_it(body: bytes) -> None:
    found = [item.offset for item in decode(body) if isinstance(item, Oddity) and item.code == "invalid-utf8"]
    assert found[:1] == first_wrong_byte(body)


@DETERMINISTIC
@given(streams)
def test_an_offset_is_where_the_block_begins(body: bytes) -> None:
    for item in events(decode(body)):
        # The blank line keeps a byte order mark from standing at the start of the stream.
        again = events(decode(b"\n" + body[item.offset :]))[0]
        assert (again.event, again.data, again.retry, again.offset) == (item.event, item.data, item.retry, 1)


@DETERMINISTIC
@given(types, texts, ids, retries)
def test_round_trip(type_: str | None, data: str, id_: str | None, retry: int | None) -> None:
    body = encode(type_, data, id=id_, retry=retry)
    assert decode(body) == [event(data, type_=type_ or "message", id_=id_ or "", retry=retry, named=type_ is not None)]


@DETERMINISTIC
@given(st.lists(st.tuples(types, texts)))
def test_round_trip_of_streams(pairs: list[tuple[str | None, str]]) -> None:
    items = decode(b"".join(encode(type_, data) for type_, data in pairs))
    assert [(item.event, item.data) for item in events(items)] == [(type_ or "message", data) for type_, data in pairs]
    assert len(items) == len(pairs)


def test_encoded_form() -> None:
    assert encode("ping", '{"type": "ping"}') == b'event: ping\ndata: {"type": "ping"}\n\n'
    assert encode(None, "a\nb", id="", retry=5) == b"id: \nretry: 5\ndata: a\ndata: b\n\n"


@pytest.mark.parametrize(("type_", "data", "id_", "retry"), [
    ("a\nb", "", None, None), ("a\rb", "", None, None), ("", "", None, None), ("\ud800", "", None, None),
    (None, "a\rb", None, None), (None, "a\r\nb", None, None), (None, "\ud800", None, None),
    (None, "", "a\nb", None), (None, "", "a\rb", None), (None, "", "a\0b", None), (None, "", "\ud800", None),
    (None, "", None, -1), (None, "", None, 10**18), (None, "", None, True),
])  # fmt: skip
def test_what_a_stream_cannot_carry(type_: str | None, data: str, id_: str | None, retry: int | None) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - codec errors are ValueErrors with messages of their own
        encode(type_, data, id=id_, retry=retry)


@golden
@pytest.mark.parametrize("line_end", [b"\r\n", b"\r"])
def test_line_ends_make_no_difference_but_to_offsets(case: Golden, line_end: bytes) -> None:
    body = case.body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    again = body.replace(b"\n", line_end)
    for size in (len(again) or 1, 1, 7):
        assert [
            (one.event, one.data, one.id, one.retry, one.named) for one in events(fed(equally_cut(again, size)))
        ] == [(one.event, one.data, one.id, one.retry, one.named) for one in events(decode(body))]


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_chunks_of_any_kind_of_bytes(kind: type) -> None:
    body = b"event: a\ndata: 1\n\n"
    for size in (1, 5, len(body)):
        assert fed([kind(chunk) for chunk in equally_cut(body, size)]) == decode(body)


@pytest.mark.parametrize(("chunk", "message"), [
    ("data: 1\n\n", "a chunk must be bytes, bytearray or memoryview, not str; encode the text as UTF-8"),
    (None, "a chunk must be bytes, bytearray or memoryview, not NoneType"),
    ([1], "a chunk must be bytes, bytearray or memoryview, not list"),
])  # fmt: skip
def test_what_is_no_chunk(chunk: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}$"):
        SSEDecoder().feed(chunk)


def test_a_cr_ends_the_line_at_once() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: 1\r") == []
    assert decoder.feed(b"\r") == [event("1")]
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"data: 2\r") == []
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"\r") == [event("2", 10)]
    assert decoder.finish() == []


def test_finish_gets_ready_for_the_next_stream() -> None:
    decoder = SSEDecoder()
    decoder.feed(b"id: 1\nevent: a\ndata: 1\n\nretry: 5\nevent: b\ndata: cut\r")
    assert shown(decoder.finish()) == [("unfinished-block", 24)]
    assert decoder.finish() == []
    assert shown(decoder.feed(b"\n" + b"data: 1\n\n")) == [event("1", 1)]


def test_every_code_is_documented_and_has_a_golden_stream() -> None:
    codes = set(get_args(OddityCode))
    assert codes == set(re.findall(r"^    `([a-z0-9-]+)`", Oddity.__doc__ or "", re.MULTILINE))
    assert codes == {item.code for case in GOLDEN for item in decode(case.body) if isinstance(item, Oddity)}


def test_messages_are_one_short_printable_line() -> None:
    hostile = "\x1b[31m\x85\u2028世" * 100
    body = (
        f"{hostile}\nevent: {hostile}\nevent: {hostile}\nid: \0{hostile}\nretry: {hostile}\n\n".encode() + b"\xff\n\n"
    )
    for case in [*GOLDEN, Golden("hostile", body, [])]:
        for item in decode(case.body):
            if isinstance(item, Oddity):
                assert item.message.isascii()
                assert item.message.isprintable()
                assert len(item.message) < 400


@pytest.mark.parametrize("body", [b"event: a\ndata: 1\n\n", b"data: 1\nevent: a\n\n"], ids=["fast", "slow"])
def test_events_are_values(body: bytes) -> None:
    (item,) = decode(body)
    assert item == event("1", type_="a")
    assert hash(item) == hash(event("1", type_="a"))
    assert pickle.loads(pickle.dumps(item)) == item  # noqa: S301 - our own bytes
    with pytest.raises(FrozenInstanceError):
        item.offset = 1  # type: ignore[misc]


@pytest.mark.parametrize(("text", "size"), [("x" * 1_000_000, 1), ("x" * 10_000_000, 1000), ("\n" * 100_000, 5)])
def test_large_blocks_take_linear_time(text: str, size: int) -> None:
    # To copy or scan the unfinished part again for every chunk would be work on tens to hundreds of gigabytes.
    assert fed(equally_cut(encode("a", text), size)) == [event(text, type_="a")]


def test_comments_and_finished_events_take_no_memory() -> None:
    decoder = SSEDecoder()
    tracemalloc.start()
    try:
        for _ in range(5_000):
            decoder.feed(b": still here\n")
            decoder.feed(b"event: a\ndata: {}\n\n: ")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000


def test_the_examples_of_the_docstrings() -> None:
    assert doctest.testmod(sse) == (0, 4)
