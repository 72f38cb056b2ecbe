"""What holds for every test: laws are tried on the same examples on every run, and none is timed."""

from __future__ import annotations

import os
import tempfile

from hypothesis import settings

# Many tests start a process. Where no bytecode may be kept, and none came with the package, each of them would compile
# all of it anew, which takes longer than what most of them do.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Likewise the tables of Unicode that Hypothesis makes where it may keep none, before it draws anything.
if "HYPOTHESIS_STORAGE_DIRECTORY" not in os.environ:
    _TABLES = tempfile.TemporaryDirectory(prefix="hypothesis-")
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = _TABLES.name

settings.register_profile("deterministic", derandomize=True, database=None, deadline=None)
settings.load_profile("deterministic")
