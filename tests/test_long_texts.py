"""Texts of many characters are looked at by expressions a few times, and not for each of the ways through them."""

from __future__ import annotations

from itertools import islice
from typing import Final

import pytest

from haiku_contract.generate import ecma

# As the schemas of published resources say of keys and certificates.
KEY: Final = "(?ms)\\s*^-----BEGIN (?-s:.*)KEY-----$.*?^-----END (?-s:.*)KEY-----$\\s*"
LONG: Final = 4_097
MOST_LOOKS: Final = 12  # at texts of that length; each may take the square of it


@pytest.mark.parametrize("expression", [KEY, "^[a-z]*$"])
def test_an_expression_looks_at_long_texts_a_few_times(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []
    matches = ecma.matches

    def counted(pattern: str, text: str) -> bool:
        looked_at.append(len(text))
        return matches(pattern, text)

    monkeypatch.setattr(ecma, "matches", counted)
    ecma.texts.cache_clear()
    ecma.texts(expression, LONG)
    assert 1 <= sum(length >= LONG for length in looked_at) <= MOST_LOOKS


@pytest.mark.parametrize(("least", "count"), [(0, 50), (100, 50), (131_073, 0)])
def test_many_texts_are_made_as_long_as_they_are_short(least: int, count: int) -> None:
    found = list(islice(ecma.varied("^[a-z]+$", least), 50))
    assert len(set(found)) == count
    assert all(len(text) >= least for text in found)
