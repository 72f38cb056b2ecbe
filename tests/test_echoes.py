"""Secrets in what comes back: taken out in every form in which servers repeat them."""

from __future__ import annotations

import base64
import html
import json
import logging
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haiku_contract.endpoint.echoes import hidden, hushed, without
from haiku_contract.model import Case, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET: Final = "p&ss <w>ord/+'\"\\é?"
KEY: Final = 'key/3a+9c="d<x>\\&1'
CASE: Final = Case("request/simplest", "request", "conforming", None, {}, b"{}")

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a word": lambda text: f"x{text}y",
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON with slashes escaped": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON in Unicode": lambda text: json.dumps(text, ensure_ascii=False),
    "percent": quote,
    "percent everything": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent in capitals": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "form": quote_plus,
    "HTML": html.escape,
    "HTML in numbers": lambda text: "".join(f"&#{byte};" for byte in text.encode()),
    "repr of bytes": lambda text: repr(text.encode()),
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex().upper(),
    "UTF-16": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 behind one": lambda text: base64.b64encode(b"a" + text.encode() + b"bc").decode(),
    "base64 behind two": lambda text: base64.b64encode(b"ab" + text.encode() + b"c").decode(),
    "base64 of a user": lambda text: base64.b64encode(b"user:" + text.encode()).decode(),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_secret_is_found_in_every_form(name: str) -> None:
    text = f"before {FORMS[name](SECRET)} after"
    found = hidden(text, (SECRET,))
    assert "REDACTED" in found
    assert found.startswith("before ")
    assert found.endswith(" after")
    assert len(found) < len("before  after") + len("REDACTED") + 12
    assert SECRET[2:-2] not in found


@settings(max_examples=20, derandomize=True, database=None, deadline=None)
@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40),
    st.sampled_from(list(FORMS.values())),
    st.text(max_size=5),
)
def test_any_secret_in_any_form(secret: str, form: Callable[[str], str], around: str) -> None:
    found = hidden(around + form(secret) + around, (secret,))
    assert "REDACTED" in found
    assert form(secret) not in found


def test_other_texts_stay() -> None:
    text = json.dumps({"text": "nothing here %41 \\u0041 & so on", "number": 12345678})
    assert hidden(text, (SECRET, "12", "")) == text
    assert hidden(text, ()) == text


def test_short_secrets_are_words() -> None:
    assert hidden('{"user": "admin", "administrator": 1}', ("admin",)) == '{"user": "REDACTED", "administrator": 1}'


def test_an_exchange_without_secrets() -> None:
    exchange = Exchange(CASE, 200, {"x-token": SECRET, "b": "c"}, f"a {SECRET}".encode(), 0.0, f"no {SECRET}")
    clean = without(exchange, (SECRET,))
    assert clean.headers == {"x-token": "REDACTED", "b": "c"}
    assert clean.body == b"a REDACTED"
    assert clean.error == "no REDACTED"
    assert without(exchange, ()) is exchange


@given(st.lists(st.integers(0, len(KEY)), max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_a_secret_in_the_pieces_of_a_stream(cuts: list[int], line: str) -> None:
    """However it is cut: each event brings a part of a text, and the client puts them together."""
    borders = [0, *sorted(cuts), len(KEY)]
    parts = ["the key is ", *(KEY[start:end] for start, end in pairwise(borders)), ", isn't it"]
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": one}} for one in parts
    ]
    body = "".join(f"event: {one['type']}{line}data: {json.dumps(one)}{line}{line}" for one in deltas)
    clean = without(Exchange(CASE, 200, {"content-type": "text/event-stream"}, body.encode(), 0.0), (KEY,)).body
    told = [json.loads(one.removeprefix("data: ")) for one in clean.decode().splitlines() if one.startswith("data: ")]
    text = "".join(one["delta"]["text"] for one in told)
    assert text == "the key is REDACTED, isn't it"


def test_bodies_that_are_no_text() -> None:
    body = b"\xff\x00" + SECRET.encode() + b"\xfe"
    assert without(Exchange(CASE, 200, {}, body, 0.0), (SECRET,)).body == b"\xff\x00REDACTED\xfe"


def test_debug_logs_hold_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("httpcore.http11")
    with caplog.at_level(logging.DEBUG):
        with hushed((SECRET,)):
            logger.debug("headers %r", [(b"x", SECRET.encode())])
            logger.debug("to %s", SECRET)
        logger.debug("afterwards %s", "as ever")
    assert [record.getMessage() for record in caplog.records] == [
        "headers [(b'x', b'REDACTED')]", "to REDACTED", "afterwards as ever",
    ]  # fmt: skip
