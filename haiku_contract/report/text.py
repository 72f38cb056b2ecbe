"""Text that is safe to show: nothing in it that a terminal would act on, and no line breaks of its own."""

from __future__ import annotations

import re
from typing import Final

_BREAKS: Final = re.compile(r"[ \t\r\n]+")


def one_line(text: str) -> str:
    """The text as one printable line: white space becomes blanks, whatever does not print is escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in _BREAKS.sub(" ", text.strip()))


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the plural where there is not exactly one."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
