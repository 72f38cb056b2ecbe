"""Files of any kind and size are searched for secrets, block by block; what is found has its line."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import random
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from haiku_contract.endpoint import scanning
from haiku_contract.endpoint.scanning import UNSEARCHABLE, Leak, scan

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "ghp_" + "a1B2" * 9
ROOT = Path(__file__).resolve().parents[2]
OURS = ["haiku_contract", "schemas", "fixtures", "benchmarks", "CHANGELOG.md", "pyproject.toml", ".ci"]


@pytest.mark.parametrize("name", OURS)
def test_there_is_no_false_alarm_on_our_own_files(name: str) -> None:
    assert list(scan(ROOT / name)) == []


def test_what_the_readme_plants_can_be_allowed() -> None:
    planted = "sk-ant-not-to-be-written-down"
    assert [one.kind for one in scan(ROOT / "README.md")] == ["secret in its place"]
    assert list(scan(ROOT / "README.md", frozenset({planted}))) == []


@pytest.mark.parametrize("ahead", range(0, 260, 7))
def test_a_secret_at_the_border_of_two_blocks_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    monkeypatch.setattr(scanning, "_BLOCK", 128)
    monkeypatch.setattr(scanning, "_AGAIN", 64)
    monkeypatch.setattr(scanning, "_LONGEST_LINE", 32)
    lines = "\n" * (ahead // 3) + "a b c" * (ahead // 5)
    file = tmp_path / "x.txt"
    file.write_bytes(f"{lines} {KEY} \nmore\n".encode() * 2)
    first = lines.count("\n") + 1
    assert list(scan(file)) == [Leak(str(file), line, "key of a provider") for line in (first, 2 * first + 1)]


def test_no_block_is_larger_than_it_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "_BLOCK", 1000)
    monkeypatch.setattr(scanning, "_AGAIN", 100)
    monkeypatch.setattr(scanning, "_LONGEST_LINE", 50)
    file = tmp_path / "x.txt"
    file.write_bytes(b"x" * 10_000)
    with file.open("rb") as opened:
        sizes = [len(block) for block, _ in scanning._blocks(opened)]
    assert max(sizes) <= 1150
    assert sum(sizes) >= 10_000


NOISE = random.Random(7).randbytes(5000)

# a kind of file -> its bytes, and the line on which the secret is told
FILES: dict[str, tuple[bytes, int]] = {
    "binary": (b"\0\1\n" + NOISE.replace(b"\n", b"") + b"\n" + KEY.encode() + NOISE, 3),
    "UTF-16": (f"one\ntwo {KEY}\n".encode("utf-16"), 2),
    "gzip": (gzip.compress(f"one\ntwo {KEY}\n".encode(), mtime=0), 2),
    "bzip2": (bz2.compress(f"one\ntwo {KEY}\n".encode()), 2),
    "xz": (lzma.compress(f"one\ntwo {KEY}\n".encode()), 2),
    "xz in gzip": (gzip.compress(lzma.compress(f"one\ntwo {KEY}\n".encode())), 2),
    "gzip behind something": (b"one\n" + gzip.compress(KEY.encode(), mtime=0), 2),
    "UTF-8": (f"鍵\nこれは {KEY} です\n".encode(), 2),
    "Windows": (f"one\r\ntwo\r\n{KEY}\r\n".encode(), 3),
    "an image in JSON": (b'{"data": "' + base64.b64encode(NOISE + KEY.encode() + NOISE) + b'"}', 1),
    "a notebook": (b'{"source": [\n"a = 1\\n",\n"k = \'' + KEY.encode() + b"'\\n\"\n]}", 3),
}


@pytest.mark.parametrize("name", FILES)
def test_any_kind_of_file_is_searched(tmp_path: Path, name: str) -> None:
    data, line = FILES[name]
    file = tmp_path / "x.bin"
    file.write_bytes(data)
    assert list(scan(file)) == [Leak(str(file), line, "key of a provider")]


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        for name, data in files.items():
            archive.writestr(f"folder/{name}", data)
    return file.getvalue()


def test_what_is_in_an_archive_has_its_path(tmp_path: Path) -> None:
    plain, secret = b"nothing\n" * 9, f"one\n{KEY}\n".encode()
    file = tmp_path / "x.zip"
    file.write_bytes(zipped(a=plain, b=secret, c=zipped(d=secret)))
    found = [(one.path, one.line) for one in scan(tmp_path)]
    assert found == [(f"{file}/folder/b", 2), (f"{file}/folder/c/folder/d", 2)]


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_what_is_compressed_is_searched_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(scanning, "_BLOCK", 1000)
    monkeypatch.setattr(scanning, "_AGAIN", 100)
    file = tmp_path / "x"
    file.write_bytes(compress(base64.encodebytes(NOISE) + f"\n{KEY}\n".encode()))
    assert [one.kind for one in scan(file)] == ["key of a provider"]
    file.write_bytes(file.read_bytes()[:-2000])
    assert [one.kind for one in scan(file)] == [UNSEARCHABLE]


def test_what_would_be_too_much_when_it_is_unpacked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning._Unpacking, "left", 10_000)
    (tmp_path / "bomb").write_bytes(zipped(a=b" " * 6000, b=gzip.compress(b" " * 6000), c=b""))
    assert list(scan(tmp_path)) == [
        Leak(str(tmp_path / "bomb" / "folder" / "b"), 1, UNSEARCHABLE),
    ]


def test_noise_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(random.Random(1).randbytes(300_000))
    (tmp_path / "a.txt").write_bytes(base64.encodebytes(random.Random(2).randbytes(300_000)))
    assert list(scan(tmp_path)) == []


def test_what_cannot_be_searched_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.zst"
    file.write_bytes(b"\x28\xb5\x2f\xfd" + NOISE)
    assert list(scan(file)) == [Leak(str(file), 1, UNSEARCHABLE)]


def test_caches_are_left_out_and_what_is_named_is_not(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text(KEY)
    (tmp_path / "gone").symlink_to("nowhere")
    assert list(scan(tmp_path)) == []
    assert len(list(scan(tmp_path / ".git"))) == 1


def test_what_is_known_is_found_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n" + b"quite-a-secret".hex())
    assert [(one.line, one.kind) for one in scan(tmp_path, known=("quite-a-secret",))] == [(2, "known secret")]
