"""`--help`: every option of a verb that sends requests stands in one section, and in the order of that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from haiku_contract.cli.app import group
from haiku_contract.cli.sections import SECTIONS, SectionedCommand

if TYPE_CHECKING:
    from collections.abc import Callable

    Cli = Callable[..., Any]

NAMES = [name for names in SECTIONS.values() for name in names]


def test_no_option_stands_twice_and_none_is_of_no_verb() -> None:
    known = {one.name for verb in group.commands.values() for one in verb.params}
    assert len(NAMES) == len(set(NAMES))
    assert set(NAMES) <= known | {"help"}


@pytest.mark.parametrize("verb", ["fuzz", "replay", "record"])
def test_every_option_is_shown_once(cli: Cli, verb: str) -> None:
    command = group.commands[verb]
    assert isinstance(command, SectionedCommand)
    shown = cli(verb, "--help").out
    for one in command.params:
        if one.param_type_name == "option":
            assert len(re.findall(rf"^  {one.opts[0]}\b", shown, re.MULTILINE)) == 1, one.opts
    titles = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    others = ["Options"] if verb == "record" else []
    assert titles == others + [title for title in SECTIONS if title in titles]
    assert shown.rstrip().splitlines()[-1].startswith("  -h, --help")


def test_fuzz_has_no_option_outside_of_a_section() -> None:
    assert {one.name for one in group.commands["fuzz"].params} <= set(NAMES)
