"""Laws of the project that no other tool checks."""

from __future__ import annotations

import ast
import fnmatch
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "haiku_contract"
SOURCES = sorted(PACKAGE.rglob("*.py"))
PYTHON = sorted([*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 60
SWALLOWED_WHOLE = {"", "Exception", "BaseException"}

BARE_IGNORE = re.compile(r"# noqa(?!: [A-Z]+\d)|# ruff: noqa|# type: ignore(?!\[[a-z])|# mypy: ignore")
# What belongs to one set-up and not to the project: where packages come from, and where a checkout lies.
FOREIGN = re.compile(
    r"index-url|pypi\.org|pythonhosted|artifactory|\bnexus\b|/simple/|/(?:home|Users|root|work|tmp)/\w", re.IGNORECASE
)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


each_source = pytest.mark.parametrize("path", SOURCES, ids=_name)
each_python_file = pytest.mark.parametrize("path", PYTHON, ids=_name)


@each_python_file
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@each_source
def test_functions_are_short(path: Path) -> None:
    for node in _nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MOST_LINES_OF_A_FUNCTION, node.name


@each_source
def test_no_error_is_swallowed_whole(path: Path) -> None:
    for node in _nodes(path):
        if isinstance(node, ast.ExceptHandler):
            caught = {ast.unparse(node.type)} if node.type else {""}
            silent = all(isinstance(one, ast.Pass | ast.Continue | ast.Expr) for one in node.body)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            caught = {ast.unparse(one) for one in node.args}
            silent = True
        else:
            continue
        assert not (silent and caught & SWALLOWED_WHOLE), f"line {node.lineno}"


def _nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


@each_python_file
def test_every_exception_from_a_check_names_the_check(path: Path) -> None:
    assert _lines_with(BARE_IGNORE, path) == []


def test_no_file_names_a_registry_or_a_place_on_one_machine() -> None:
    assert [line for path in _tracked() for line in _lines_with(FOREIGN, path)] == []


def _lines_with(law: re.Pattern[str], path: Path) -> list[str]:
    lines = path.read_bytes().decode("utf-8", "replace").splitlines() if path != Path(__file__).resolve() else []
    return [f"{_name(path)}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if law.search(line)]


def test_no_lock_file() -> None:
    assert not [_name(path) for path in _tracked() if path.suffix == ".lock" or path.match("requirements*.txt")]


def _tracked() -> list[Path]:
    """What belongs to the project: what git knows, or, without git, what `.gitignore` does not name."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S603 - git itself
        return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split()]
    return sorted(_files(ROOT, ignored))


def _files(folder: Path, ignored: list[str]) -> Iterator[Path]:
    for child in folder.iterdir():
        if any(fnmatch.fnmatch(child.name, pattern) for pattern in ignored):
            continue
        if child.is_dir():
            yield from _files(child, ignored)
        else:
            yield child


def test_imports_point_down() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    if not lint.exists():
        pytest.skip("needs import-linter")
    command = [lint, "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_has_its_layer() -> None:
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = configuration["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one["type"] == "layers")
    named = [name.strip() for layer in layers for name in re.split(r"[|:]", layer)]
    modules = [f"haiku_contract.{one.stem}" for one in PACKAGE.glob("*.py") if one.stem != "__init__"]
    packages = [f"haiku_contract.{one.parent.name}" for one in PACKAGE.glob("*/__init__.py")]
    assert sorted(named) == sorted([*modules, *packages])
