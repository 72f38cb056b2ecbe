"""`assert_conforms`: in what form a thing may be, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

import haiku_contract as hc
from haiku_contract.generate.stream_events import USUAL, encode
from haiku_contract.pytest_plugin.conforming import checker

CONTRACT = hc.load()
CHECK = checker(CONTRACT)
REQUEST = b'{"messages": [], "max_tokens": 1}'


@pytest.mark.parametrize(
    "form", [list, encode, lambda events: encode(events).decode(), lambda events: bytearray(encode(events))]
)
def test_streams(form: Any) -> None:
    CHECK(form(USUAL), side="stream")
    with pytest.raises(AssertionError, match=r"the stream does not conform:\n  .* \[stream:/order/terminal\]"):
        CHECK(form(USUAL[:-1]), side="stream")


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, bytes.decode])
def test_bodies(form: Any) -> None:
    CHECK(form(REQUEST), side="request")
    with pytest.raises(AssertionError, match=r"the request does not conform:\n  max_tokens: .* \[request:/\S+\]"):
        CHECK(form(REQUEST.replace(b"1", b'"1"')), side="request")


@pytest.mark.parametrize("side", [None, "respnose"])
def test_a_side_that_there_is_not(side: str | None) -> None:
    with pytest.raises(hc.UsageError, match=r"request, response, stream, error|did you mean 'response'"):
        CHECK({}, side=side)
