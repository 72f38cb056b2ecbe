"""Baselines: what is accepted, until when, and what has become of it."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

import haiku_contract as hc
from haiku_contract.campaign.baseline import compare, read, unseen, updated
from haiku_contract.campaign.checks import finding
from haiku_contract.model import CampaignFinished, Verdict, VerdictKind

if TYPE_CHECKING:
    from haiku_contract.model import Finding

TODAY = dt.date(2026, 11, 23)
HOT = finding("leaky", "request:/properties/temperature/maximum", "request/temperature/maximum/above", "accepted")
COLD = finding("leaky", "request:/properties/temperature/minimum", "request/temperature/minimum/below", "accepted")
ODD = finding("unknown-answer", None, "request/simplest", "what?")


def written(findings: list[Finding], entries: Any, today: dt.date, days: int, reason: str) -> str:
    return updated(findings, entries, today, until=today + dt.timedelta(days=days), reason=reason)


def test_what_was_written_is_read_and_accepts() -> None:
    entries = read(written([HOT, ODD], [], TODAY, 90, "waits for the provider").encode(), "file")
    compared = compare([COLD, HOT, ODD], entries, TODAY)
    assert compared.new == (COLD,)
    assert [one for one, _ in compared.accepted] == [HOT, ODD]
    assert {entry.reason for _, entry in compared.accepted} == {"waits for the provider"}
    assert (compared.expired, compared.vanished) == ((), ())


def test_a_finding_is_accepted_to_the_day_before_the_end() -> None:
    entries = read(written([HOT], [], TODAY, 10, "").encode(), "file")
    last = TODAY + dt.timedelta(days=9)
    assert compare([HOT], entries, last).new == ()
    after = compare([HOT], entries, last + dt.timedelta(days=1))
    assert after.new == (HOT,)
    assert [entry.fingerprint for entry in after.expired] == [HOT.fingerprint]


def test_what_has_vanished_is_told_and_dropped() -> None:
    entries = read(written([HOT, COLD], [], TODAY, 90, "").encode(), "file")
    assert [entry.fingerprint for entry in compare([COLD], entries, TODAY).vanished] == [HOT.fingerprint]
    assert [entry.fingerprint for entry in read(written([COLD], entries, TODAY, 90, "").encode(), "file")] == [
        COLD.fingerprint
    ]


def test_an_update_keeps_reasons_and_days_that_have_not_come() -> None:
    entries = read(written([HOT], [], TODAY, 5, "old").encode(), "file")
    later = TODAY + dt.timedelta(days=3)
    both = {
        one.code + str(one.constraint): one
        for one in read(written([HOT, COLD], entries, later, 5, "new").encode(), "f")
    }
    assert both["leaky" + str(HOT.constraint)] == entries[0]
    assert both["leaky" + str(COLD.constraint)].reason == "new"
    expired = read(written([HOT], entries, later + dt.timedelta(days=9), 5, "again").encode(), "f")
    assert [entry.reason for entry in expired] == ["again"]


def test_the_same_findings_give_the_same_bytes_in_any_order() -> None:
    assert written([HOT, COLD, ODD], [], TODAY, 9, "x") == written([ODD, COLD, HOT], [], TODAY, 9, "x")


GOOD = json.loads(written([HOT], [], TODAY, 90, ""))


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


def test_what_a_campaign_could_not_show_has_not_vanished() -> None:
    entries = read(written([HOT, COLD, ODD], [], TODAY, 90, "known").encode(), "file")
    rows = (
        Verdict(HOT.constraint or "", VerdictKind.UNDETERMINED, None, "left out"),
        Verdict(COLD.constraint or "", VerdictKind.ENFORCED, None, ""),
    )
    for stopped, vanished in (("the budget is used up", [COLD]), ("", [COLD, ODD])):
        hidden = unseen(CampaignFinished("x@1", "x", 0, 1, 0.0, rows, (), stopped=stopped))
        compared = compare([], entries, TODAY, hidden=hidden)
        assert {entry.fingerprint for entry in compared.vanished} == {one.fingerprint for one in vanished}
        text = updated([], entries, TODAY, until=TODAY, reason="x", hidden=hidden)
        kept = {entry.fingerprint for entry in read(text.encode(), "file")}
        assert kept == {entry.fingerprint for entry in entries} - {one.fingerprint for one in vanished}
