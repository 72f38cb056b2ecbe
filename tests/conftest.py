"""What holds for every test: laws are tried on the same examples on every run, and none is timed."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("deterministic", derandomize=True, database=None, deadline=None)
settings.load_profile("deterministic")
