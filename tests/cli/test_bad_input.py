"""Whatever cannot be used ends in one line on standard error, exit code 2, and nothing written."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Cli = Callable[..., Any]
    Normalise = Callable[[str], str]

HOT = "request:/properties/temperature/maximum"


class Bad(NamedTuple):
    """A command line that cannot work, the files it needs, and the one line that it ends in."""

    arguments: str
    line: str
    files: dict[str, bytes] = {}  # noqa: RUF012 - read only


def _catalog(**schema: Any) -> dict[str, bytes]:
    return {"catalog.json": json.dumps({"model_id": "example/model", "schema": schema}).encode()}


BAD_INPUT = {
    "missing file": Bad("validate request nope.json", "nope.json: no such file"),
    "missing file after a good one": Bad(
        "validate request good.json nope.json", "nope.json: no such file", {"good.json": b"{}"}
    ),
    "directory": Bad("validate request .", ".: is a directory; name the files in it"),
    "no such side": Bad("validate error x.json", "Invalid value for '{request|response|stream}': 'error' is not"),
    "no file": Bad("validate request", "Missing argument 'FILE...'; see 'haiku-contract validate --help'"),
    "no such verb": Bad("fuz", "No such command 'fuz'. Did you mean 'fuzz'?; see 'haiku-contract --help'"),
    "no such option": Bad("fuzz --nope", "No such option '--nope'; see 'haiku-contract fuzz --help'"),
    "no such version": Bad(
        "constraints --contract anthropic/claude-haiku-4.5@9.9.9",
        "no version '9.9.9' of anthropic/claude-haiku-4.5: choose one of 1.0.0, ",
    ),
    "no such contract": Bad(
        "constraints --contract anthropic/claude-haiku-9",
        "no contract 'anthropic/claude-haiku-9': it is neither a shipped model (anthropic/claude-haiku-4.5) nor an"
        " existing path",
    ),
    "no contract": Bad("constraints --contract=", "--contract is empty: name a shipped model, a folder or a catalog"),
    "folder without a contract": Bad("constraints --contract .", "manifest.json: no such file; a contract folder"),
    "catalog without schema": Bad(
        "constraints --contract catalog.json",
        "catalog.json: not a catalog file: expected a JSON object with 'model_id' and 'schema': {'input', 'output'}",
        {"catalog.json": b'{"model_id": "example/model"}'},
    ),
    "catalog without output": Bad(
        "constraints --contract catalog.json",
        "catalog.json: not a catalog file: 'schema' has no 'output'",
        _catalog(input={}),
    ),
    "catalog that is a list": Bad(
        "constraints --contract catalog.json",
        "catalog.json: expected a JSON object, found array of 0",
        {"catalog.json": b"[]"},
    ),
    "catalog of another encoding": Bad(
        "constraints --contract catalog.json",
        "catalog.json: not JSON: line 1, column 1: (root): expected UTF-8 without a byte order mark",
        {"catalog.json": "{}".encode("utf-16")},
    ),
    "catalog that is cut off": Bad(
        "constraints --contract catalog.json",
        "catalog.json: not JSON: line 1, column 2: (root): expected JSON text (RFC 8259), found the end of the text",
        {"catalog.json": b"{"},
    ),
    "schema that is no schema": Bad(
        "fuzz --contract catalog.json",
        'catalog.json: the request schema is not a schema that can be used, at type: "objekt" is not',
        _catalog(input={"type": "objekt"}, output={}),
    ),
    "schema that is a list": Bad(
        "fuzz --contract catalog.json",
        "catalog.json: the response schema is not a schema: expected an object, found array of 1",
        _catalog(input={}, output=[1]),
    ),
    "schema that refers elsewhere": Bad(
        "fuzz --contract catalog.json",
        "catalog.json: the request schema is not a schema that can be used, at ",
        _catalog(input={"$ref": "http://127.0.0.1:1/schema.json"}, output={}),
    ),
    "no such fault": Bad(
        "fuzz --fault lenient:request:/properties/temperature/maximun",
        "no fault 'lenient:request:/properties/temperature/maximun': 'request:/properties/temperature/maximun' cannot"
        f" be lenient observably; the nearest is 'lenient:{HOT}'",
    ),
    "no such kind of fault": Bad("fuzz --fault nope", "no fault 'nope': it starts with one of lenient, strict,"),
    "empty fault": Bad("fuzz --fault=", "no fault '': it starts with one of lenient, strict, crash, broken, stream, "),
    "no such surface": Bad("fuzz --surface nope", "Invalid value for '--surface': 'nope' is not one of 'bare', "),
    "fault of somebody else's endpoint": Bad(
        f"fuzz --url http://127.0.0.1:1 --fault lenient:{HOT}", "--url cannot be combined with --fault"
    ),
    "output that is a directory": Bad(
        "fuzz --output .", ".: cannot be written: is a directory; name a file in it"
    ),
    "output in no directory": Bad("fuzz --output no/x", "no/x: cannot be written: no such folder: no"),
    "output without a name": Bad("fuzz --output=", "--output is empty: name a file, or '-' for standard output"),
}  # fmt: skip

BAD_URLS = {
    "": "''",
    "127.0.0.1:80": "'127.0.0.1:80'",
    "ftp://example.com": "'ftp://example.com'",
    "http://": "'http://'",
    "http://[::1": "'http://[::1'",
    "http://127.0.0.1:port/": "'http://127.0.0.1:port/'",
    "http://127.0.0.1:99999/": "'http://127.0.0.1:99999/'",
    "http://xn--/": "'http://xn--/'",
    "http://a\nb/": "'http://a\\nb/'",
    "htp://me:secret@example.com/?key=secret": "'example.com/'",
    "me:sec/ret@example.com": "'example.com'",
}


@pytest.mark.parametrize("bad", BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input(cli: Cli, tmp_path: Path, bad: Bad) -> None:
    for name, content in bad.files.items():
        (tmp_path / name).write_bytes(content)
    result = cli(*bad.arguments.split())
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith(f"haiku-contract: {bad.line}")
    assert {path.name for path in tmp_path.iterdir()} == set(bad.files)


@pytest.mark.parametrize("url", BAD_URLS, ids=repr)
def test_bad_url(cli: Cli, url: str) -> None:
    line = f"haiku-contract: not a URL that can be sent to: {BAD_URLS[url]}; write it as http[s]://HOST[:PORT]/PATH\n"
    assert cli("fuzz", "--url", url) == (2, "", line)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything is readable to root")
def test_file_without_permission(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_bytes(b"{}")
    (tmp_path / "mine.json").chmod(0)
    line = "haiku-contract: mine.json: cannot be read: Permission denied\n"
    assert cli("validate", "request", "mine.json") == (2, "", line)


def test_catalog_of_100_mb_of_brackets(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_bytes(b"[" * 100_000_000)
    result = cli("constraints", "--contract", "deep.json")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith("haiku-contract: deep.json: not JSON: line 1, column ")


def test_environment_that_no_client_can_use(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("ALL_PROXY", "nope://127.0.0.1:1")
    result = cli("fuzz", "--url", "http://127.0.0.1:1")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith("haiku-contract: the proxy or certificate settings of this environment cannot be used")


def test_without_the_extra(command: list[str]) -> None:
    python, option, script = command
    script = f"import sys; sys.modules['click'] = None; {script}"
    done = subprocess.run([python, option, script], capture_output=True, timeout=60, check=False)  # noqa: S603 - us
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.endswith(b"pip install 'haiku-contract[fuzz]'\n")
    assert done.stderr.count(b"\n") == 1


def test_version_and_help(cli: Cli, normalised: Normalise) -> None:
    assert normalised(cli("--version").out) == "haiku-contract, version 0.0.0\n"
    for verb in ("validate", "constraints", "generate", "fuzz"):
        result = cli(verb, "--help")
        assert (result.code, result.err) == (0, "")
        assert f"Usage: haiku-contract {verb}" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fuzz", "--timeout", "nan"], "--timeout"),
        (["fuzz", "--list-faults", "--fault", "x"], "one of the two"),
        (["validate", "request", "-", "-"], "only once"),
        (["generate", "--side", "response", "--constraint", "request:/type"], "add --side request"),
        (["generate", "--constraint", "request:/nothing"], "'haiku-contract constraints'"),
    ],
)
def test_contradictions_are_told(cli: Cli, arguments: list[str], words: str) -> None:
    result = cli(*arguments)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert words in result.err


def test_an_overwritten_file_keeps_its_permissions(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "private.json"
    target.write_text("old", "utf-8")
    target.chmod(0o600)
    assert cli("constraints", "--format", "json", "--output", str(target)).code == 0
    assert target.stat().st_mode & 0o777 == 0o600
    assert json.loads(target.read_text("utf-8"))["constraints"]
