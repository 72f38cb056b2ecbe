"""What can be set: one table, read by the command line, the ini file and `[tool.haiku-contract]` of `pyproject.toml`.

A setting `record-mode` is `--contract-record-mode` on the command line, `contract_record_mode` in the ini file and
`record-mode` in `pyproject.toml`. The command line counts before the fixture `contract_config`, that before the ini
file, and that before `pyproject.toml`.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from haiku_contract.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from haiku_contract.endpoint.recording import RecordMode

    Value: TypeAlias = str | bool | float | tuple[str, ...]

TABLE: Final = "haiku-contract"
ENDPOINTS: Final = ("reference", "recorded", "live")


class Setting(NamedTuple):
    """One thing that can be set.

    Attributes:
        kind: of its value: `str`, `bool`, `float`, or `tuple` for a list of texts.
        help: one line for `pytest --help`.
        choices: the only values; any text where it is empty.
        metavar: what stands for the value in the help.
    """

    kind: type
    help: str
    choices: tuple[str, ...] = ()
    metavar: str | None = None


SETTINGS: Final = {
    "contract": Setting(
        str, "the contract: a shipped model, a folder, or a catalog file", metavar="ID[@VERSION]|FOLDER|CATALOG.json"
    ),
    "endpoint": Setting(
        str,
        "who answers: reference, recorded, live, or a URL (default: recorded with a cassette, reference without)",
        metavar="reference|recorded|live|URL",
    ),
    "surface": Setting(str, "the wire form (default: messages)", ("bare", "binding", "run", "messages", "gateway")),
    "record-mode": Setting(
        str, "what is recorded: none (default), once, new, all; needs an endpoint", ("none", "once", "new", "all")
    ),
    "block-network": Setting(bool, "block the network in all tests, not only in those that use the contract"),
    "allowed-hosts": Setting(
        tuple, "hosts that may be reached where the network is blocked, with * and ?", metavar="HOST,HOST"
    ),
    "max-cost": Setting(
        float, "dollars that one campaign against the real endpoint may cost (default: nothing)", metavar="USD"
    ),
    "patience": Setting(
        float, "seconds after which hostile_endpoint hangs up on a client that waits (default: 10)", metavar="SECONDS"
    ),
    "excerpts": Setting(bool, "show short excerpts of payloads in violations"),
}
"""The settings by name."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force; see `SETTINGS`."""

    contract: str = "anthropic/claude-haiku-4.5"
    endpoint: str = ""
    surface: str = "messages"
    record_mode: RecordMode = "none"
    block_network: bool = False
    allowed_hosts: tuple[str, ...] = ()
    max_cost: float = 0.0
    patience: float = 10.0
    excerpts: bool = False


def settings(*layers: Mapping[str, Value]) -> Settings:
    """The settings that the layers add up to, the first of which counts most; keys as `checked` has them.

    Raises:
        UsageError: they do not go together.
    """
    merged: dict[str, Any] = {}
    for layer in reversed(layers):
        merged |= layer
    found = Settings(**{name.replace("-", "_"): value for name, value in merged.items()})
    if found.record_mode != "none" and found.endpoint in ("", "recorded"):
        raise UsageError(
            f"--contract-record-mode {found.record_mode} needs to know whose answers to record: "
            "add --contract-endpoint live, reference, or a URL"
        )
    return found


def pyproject(path: Path) -> dict[str, Value]:
    """The table `[tool.haiku-contract]` of a file; empty where there is no file, or no table in it.

    Raises:
        UsageError: the file is not TOML, or holds a key or a value that nobody reads.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    if TABLE not in text:  # TOML takes its time, and most projects have nothing to say here
        return {}
    try:
        tool = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    table = tool.get(TABLE, {}) if isinstance(tool, dict) else {}
    place = f"{path}: [tool.{TABLE}]"
    if not isinstance(table, dict):
        raise UsageError(f"{place} is no table: write its keys below that line")
    return checked(table, place)


def checked(given: Mapping[str, Any], place: str) -> dict[str, Value]:
    """Settings that somebody wrote down, by their names with dashes.

    Args:
        given: names (with dashes or underscores) and values.
        place: where they stand, for messages.

    Raises:
        UsageError: an unknown name, with the nearest one; a value of another type, or none of the choices.
    """
    return {_known(name, place): _value(name.replace("_", "-"), value, place) for name, value in given.items()}


def converted(name: str, text: str, place: str) -> Value:
    """The value that a text stands for, as the command line and the ini file give it.

    Raises:
        UsageError: it stands for none.
    """
    kind = SETTINGS[name].kind
    if kind is tuple:
        return tuple(part.strip() for part in text.replace("\n", ",").split(",") if part.strip())
    if kind is bool:
        if text.lower() not in _TRUTHS:
            raise UsageError(f"{place}: {name} is true or false, not {text!r}")
        return _TRUTHS[text.lower()]
    try:
        return _value(name, float(text) if kind is float else text, place)
    except ValueError:
        raise UsageError(f"{place}: {name} is a number, not {text!r}") from None


def nearest(name: str, known: Iterable[str]) -> str:
    """What to say of a name that nobody knows: the nearest one."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(names)}"


def _known(name: str, place: str) -> str:
    dashed = name.replace("_", "-")
    if dashed not in SETTINGS:
        raise UsageError(f"{place} has no key {name!r}; {nearest(dashed, SETTINGS)}")
    return dashed


def _value(name: str, value: Any, place: str) -> Value:
    kind, _, choices, _ = SETTINGS[name]
    if kind is tuple:
        fits = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    elif kind is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _ENDLESS
    else:
        fits = isinstance(value, kind)
    if not fits:
        raise UsageError(f"{place}: {name} is {_KINDS[kind]}, not {value!r}")
    if choices and value not in choices:
        raise UsageError(f"{place}: {name} = {value!r}; {nearest(value, choices)}")
    if name == "endpoint" and value and value not in ENDPOINTS and "://" not in value:
        raise UsageError(f"{place}: endpoint = {value!r} is no URL; {nearest(value, ENDPOINTS)}")
    return tuple(value) if kind is tuple else float(value) if kind is float else value


_ENDLESS: Final = float("inf")
_TRUTHS: Final = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)
_KINDS: Final = {str: "a text", bool: "true or false", float: "a number, not below 0", tuple: "a list of texts"}
