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
    Given: TypeAlias = str | bool | list[str]

TABLE: Final = "haiku-contract"
NETWORK_MARKER: Final = "contract_block_network"
ENDPOINTS: Final = ("reference", "recorded", "live")


class Setting(NamedTuple):
    """One thing that can be set.

    Attributes:
        kind: of its value: `str`, `bool`, `float`, or `tuple` for a list of texts.
        help: one line for `pytest --help`.
        choices: the only values; any text where it is empty.
        metavar: what stands for the value in the help.
        others: other names of some of the choices.
    """

    kind: type
    help: str
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    others: Mapping[str, str] = {}


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
        str,
        "what is recorded: none (default), once, new, all; needs an endpoint",
        ("none", "once", "new", "all"),
        others={"new_episodes": "new", "rewrite": "all"},  # as pytest-recording calls them
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
    "allow": Setting(
        tuple, "texts that look like secrets and are none, and so are recorded as they are", metavar="TEXT,TEXT"
    ),
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
    allow: tuple[str, ...] = ()


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


def pyproject(folder: Path) -> dict[str, Value]:
    """The table `[tool.haiku-contract]` of the nearest `pyproject.toml` that has one, in a folder or above it.

    Raises:
        UsageError: the file is not TOML, or holds a key or a value that nobody reads.
    """
    for place in (folder, *folder.parents):
        table = _table(place / "pyproject.toml", is_own=place == folder)
        if table is not None:
            return at_home(table, place)
    return {}


def at_home(layer: dict[str, Value], folder: Path) -> dict[str, Value]:
    """Settings from a file in a folder: the path of a contract begins there, wherever pytest is started."""
    named = layer.get("contract")
    if isinstance(named, str) and named and (folder / named).exists():
        return layer | {"contract": str(folder / named)}
    return layer


def _table(path: Path, *, is_own: bool) -> dict[str, Value] | None:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        if not is_own:  # what lies above the project may be anybody's
            return None
        raise UsageError(f"{path}: cannot be read: {error}") from None
    if TABLE not in text:  # TOML takes its time, and most projects have nothing to say here
        return None
    try:
        tool = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    if not isinstance(tool, dict) or TABLE not in tool:
        return None
    place = f"{path}: [tool.{TABLE}]"
    if not isinstance(tool[TABLE], dict):
        raise UsageError(f"{place} is no table: write its keys below that line")
    return checked(tool[TABLE], place)


def checked(given: Mapping[str, Any], place: str) -> dict[str, Value]:
    """Settings that somebody wrote down, by their names with dashes.

    Args:
        given: names (with dashes or underscores) and values.
        place: where they stand, for messages.

    Raises:
        UsageError: an unknown name, with the nearest one; a name that is there in both spellings; a value of another
            type, or none of the choices.
    """
    if not hasattr(given, "items"):
        raise UsageError(f"{place} is a dict of settings, not {given!r}")
    found: dict[str, Value] = {}
    for name, value in given.items():
        known = _known(name, place)
        if known in found:
            raise UsageError(f"{place}: {known} is there twice, with a dash and with an underscore; keep one")
        found[known] = _value(known, value, place)
    return found


def marked_hosts(unnamed: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[str, ...]:
    """The hosts that the marker `contract_block_network` lets a test reach.

    Args:
        unnamed: its arguments without a name, of which it takes none.
        named: the others: `allowed_hosts`, a list of texts or one text with commas.

    Raises:
        UsageError: it has another argument, or something else in it.
    """
    place = f"@pytest.mark.{NETWORK_MARKER}"
    if unnamed:
        raise UsageError(f"{place} takes allowed_hosts=[...], not {unnamed[0]!r}")
    for name in named:
        if name != "allowed_hosts":
            raise UsageError(f"{place}: no argument {name!r}; did you mean 'allowed_hosts'?")
    hosts = named.get("allowed_hosts", ())
    found = (
        converted("allowed-hosts", hosts, place) if isinstance(hosts, str) else _value("allowed-hosts", hosts, place)
    )
    return found if isinstance(found, tuple) else ()


def converted(name: str, given: Given, place: str) -> Value:
    """The value that is meant by what the command line or the ini file gives: a text, or what pytest makes of one.

    Raises:
        UsageError: none can be meant.
    """
    kind = SETTINGS[name].kind
    if kind is tuple:
        lines = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        return tuple(part.strip() for line in lines for part in line.replace("\n", ",").split(",") if part.strip())
    if kind is bool:
        return given if isinstance(given, bool) else str(given).lower() == "true"
    try:
        return _value(name, float(str(given)) if kind is float else given, place)
    except ValueError:
        raise UsageError(f"{place}: {name} is a number, not {given!r}") from None


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
    kind, _, choices, _, others = SETTINGS[name]
    if kind is tuple:
        fits = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    elif kind is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _ENDLESS
    else:
        fits = isinstance(value, kind)
    if not fits:
        raise UsageError(f"{place}: {name} is {_KINDS[kind]}, not {value!r}")
    if choices and (value := others.get(value, value)) not in choices:
        raise UsageError(f"{place}: {name} = {value!r}; {nearest(value, choices)}")
    if name == "endpoint" and value and value not in ENDPOINTS:
        _check_url(value, place)
    return tuple(value) if kind is tuple else float(value) if kind is float else value


def _check_url(value: str, place: str) -> None:
    """That a text is an address to which requests can be sent.

    Raises:
        UsageError: it is none; of what may be one, nothing is quoted that may be a secret.
    """
    if "://" not in value:
        raise UsageError(f"{place}: endpoint = {value!r} is no URL; {nearest(value, ENDPOINTS)}")
    import httpx  # noqa: PLC0415 - not before there is a URL

    try:
        url = httpx.URL(value)
        usable = url.scheme in _SCHEMES and url.host and "%20" not in url.host and (url.port or 1) <= _MAX_PORT
    except (httpx.InvalidURL, ValueError):  # ValueError: host names that no name server could know
        usable = False
    if not usable:
        shown = value.partition("?")[0].rpartition("@")[2]
        raise UsageError(f"{place}: endpoint: {shown!r} is no URL to send to; write http[s]://HOST[:PORT]/PATH")


_SCHEMES: Final = ("http", "https")
_MAX_PORT: Final = 65535
_ENDLESS: Final = float("inf")
_KINDS: Final = {str: "a text", bool: "true or false", float: "a number, not below 0", tuple: "a list of texts"}
