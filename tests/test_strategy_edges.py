"""Strategies at their edges: what is no contract is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import haiku_contract as hc
from haiku_contract import strategies

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("name", sorted(set(strategies.__all__) - {"chunkings"}))
def test_what_is_no_contract_is_refused_at_once(name: str) -> None:
    make: Callable[[Any], object] = getattr(strategies, name)
    with pytest.raises(hc.UsageError, match=r"'a/folder' is no contract: give what 'haiku_contract.load\(\)' returns"):
        make("a/folder")
