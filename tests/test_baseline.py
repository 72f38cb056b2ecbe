"""Baselines: what is accepted, until when, and what has become of it."""

from __future__ import annotations

import datetime as dt
import json

import pytest

import haiku_contract as hc
from haiku_contract.campaign.baseline import compare, read, updated
from haiku_contract.campaign.checks import finding

TODAY = dt.date(2026, 11, 23)
HOT = finding("leaky", "request:/properties/temperature/maximum", "request/temperature/maximum/above", "accepted")
COLD = finding("leaky", "request:/properties/temperature/minimum", "request/temperature/minimum/below", "accepted")
ODD = finding("unknown-answer", None, "request/simplest", "what?")


def test_what_was_written_is_read_and_accepts() -> None:
    entries = read(updated([HOT, ODD], [], TODAY, 90, "waits for the provider").encode(), "file")
    compared = compare([COLD, HOT, ODD], entries, TODAY)
    assert compared.new == (COLD,)
    assert [one for one, _ in compared.accepted] == [HOT, ODD]
    assert {entry.reason for _, entry in compared.accepted} == {"waits for the provider"}
    assert (compared.expired, compared.vanished) == ((), ())


def test_a_finding_is_accepted_to_the_day_before_the_end() -> None:
    entries = read(updated([HOT], [], TODAY, 10, "").encode(), "file")
    last = TODAY + dt.timedelta(days=9)
    assert compare([HOT], entries, last).new == ()
    after = compare([HOT], entries, last + dt.timedelta(days=1))
    assert after.new == (HOT,)
    assert [entry.fingerprint for entry in after.expired] == [HOT.fingerprint]


def test_what_has_vanished_is_told_and_dropped() -> None:
    entries = read(updated([HOT, COLD], [], TODAY, 90, "").encode(), "file")
    assert [entry.fingerprint for entry in compare([COLD], entries, TODAY).vanished] == [HOT.fingerprint]
    assert [entry.fingerprint for entry in read(updated([COLD], entries, TODAY, 90, "").encode(), "file")] == [
        COLD.fingerprint
    ]


def test_an_update_keeps_reasons_and_days_that_have_not_come() -> None:
    entries = read(updated([HOT], [], TODAY, 5, "old").encode(), "file")
    later = TODAY + dt.timedelta(days=3)
    both = {
        one.code + str(one.constraint): one
        for one in read(updated([HOT, COLD], entries, later, 5, "new").encode(), "f")
    }
    assert both["leaky" + str(HOT.constraint)] == entries[0]
    assert both["leaky" + str(COLD.constraint)].reason == "new"
    expired = read(updated([HOT], entries, later + dt.timedelta(days=9), 5, "again").encode(), "f")
    assert [entry.reason for entry in expired] == ["again"]


def test_the_same_findings_give_the_same_bytes_in_any_order() -> None:
    assert updated([HOT, COLD, ODD], [], TODAY, 9, "x") == updated([ODD, COLD, HOT], [], TODAY, 9, "x")


GOOD = json.loads(updated([HOT], [], TODAY, 90, ""))


def changed(**keys: object) -> bytes:
    return json.dumps({**GOOD, "accepted": [{**GOOD["accepted"][0], **keys}]}).encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"[]", "not a baseline"),
        (b"{}", "not a baseline"),
        (json.dumps({**GOOD, "accepted": 5}).encode(), "not a baseline"),
        (json.dumps({**GOOD, "accepted": [5]}).encode(), "file: entry 1: expected texts under fingerprint"),
        (
            json.dumps({**GOOD, "accepted": [{**GOOD["accepted"][0], "reason": None}]}).encode(),
            "entry 1: expected texts",
        ),
        (
            json.dumps({**GOOD, "accepted": [{**GOOD["accepted"][0], "constraint": 5}]}).encode(),
            "entry 1: expected texts",
        ),
        (changed(expires="soon"), "expected a date"),
    ],
)
def test_what_is_no_baseline(body: bytes, words: str) -> None:
    with pytest.raises(hc.UsageError, match=words):
        read(body, "file")
