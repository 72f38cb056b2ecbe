"""`validate --format basic`: the standard's own output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from haiku_contract.cli.app import run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_basic_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, broken = tmp_path / "good.json", tmp_path / "bad.json", tmp_path / "broken.json"
    good.write_text('{"messages": [], "max_tokens": 1}')
    bad.write_text('{"messages": [{"role": "user", "content": 5}]}')
    broken.write_text('{"max_tokens": NaN}')
    assert run(["validate", "request", "--format", "basic", str(good), str(bad), str(broken)]) == 1
    first, second, third = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"valid": True}
    assert second["valid"] is False
    places = [(one["keywordLocation"], one["instanceLocation"]) for one in second["errors"]]
    union = "/properties/messages/items/properties/content/anyOf"
    assert places == [
        ("/required", ""),
        (union, "/messages/0/content"),
        (f"{union}/0/type", "/messages/0/content"),
        (f"{union}/1/type", "/messages/0/content"),
    ]
    assert all(one["error"] for one in second["errors"])
    assert [one["keywordLocation"] for one in third["errors"]] == ["/wire/number"]


def test_no_room_for_anything_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "request", "--format", "basic", "--advice", "x.json"]) == 2
    assert "use --format json" in capsys.readouterr().err
