"""The sections under which `--help` lists the options of the verbs that send requests: some forty, a few at a time."""

from __future__ import annotations

from typing import Final

import click

SECTIONS: Final[dict[str, tuple[str, ...]]] = {
    "Where requests go": (
        "url", "live", "reference", "fault", "list_faults", "cassette", "max_age", "surface", "header", "account",
        "gateway",
    ),
    "What is sent": ("contract", "assert_format", "report", "thorough", "repeat", "seed", "explore", "database"),
    "What it may take": ("max_requests", "max_cost", "max_tokens", "max_time", "free", "resume"),
    "How fast, how patiently": ("rate", "concurrency", "timeout", "retries"),
    "What is asked of answers": ("checks", "max_ttfb", "max_total"),
    "Findings that are accepted": ("baseline", "update_baseline", "reason", "expires"),
    "A second endpoint": ("compare_with", "compare_header"),
    "Output": ("form", "output", "no_color", "help"),
}  # fmt: skip
"""The options of each section, by the names of their parameters, in the order in which they are shown."""

_OTHERS: Final = "Options"


class SectionedCommand(click.Command):
    """A command whose help has the sections of this module; what is in none of them comes first."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section."""
        options = [one for one in self.get_params(context) if isinstance(one, click.Option)]
        asks_for_help = self.get_help_option(context)
        told = {"help" if one is asks_for_help else one.name: one.get_help_record(context) for one in options}
        known = {name for names in SECTIONS.values() for name in names}
        others = tuple(name for name in told if name not in known)
        for title, names in {_OTHERS: others, **SECTIONS}.items():
            rows = [row for name in names if (row := told.get(name)) is not None]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
