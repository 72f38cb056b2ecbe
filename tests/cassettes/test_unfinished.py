"""Recordings that are killed, and several into one cassette: no answer is lost, and nothing stays behind."""

from __future__ import annotations

import errno
import gc
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from haiku_contract.endpoint.cassette import load
from haiku_contract.endpoint.recorded import RecordedTransport
from haiku_contract.endpoint.recording import RecordingTransport
from haiku_contract.errors import CassetteError, StaleCassetteError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no SIGKILL, and no locks that end with a process")

URL = "http://a.test/x"
KEY = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz"
RECORDER = """
import os, pathlib, signal, sys, httpx
from haiku_contract.endpoint.recording import RecordingTransport
path, mode, most, where = sys.argv[1:]

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

replace = pathlib.Path.replace
if where == "written":
    os.fsync = killed
if where == "replaced":
    pathlib.Path.replace = lambda *given: (replace(*given), killed())
if where == "half":
    os.fsync = lambda _: None
    pathlib.Path.replace = killed
inner = httpx.MockTransport(lambda request: httpx.Response(200, text=f"new {request.content.decode()}"))
with httpx.Client(transport=RecordingTransport(inner, path, mode=mode)) as client:
    for number in range(int(most)):
        client.post("http://a.test/x", json=number)
    if where == "asking":
        killed()
"""


def record(path: Path, mode: str, most: int, where: str = "nowhere") -> None:
    """Record in a process of its own, which is killed there."""
    done = subprocess.run([sys.executable, "-c", RECORDER, path, mode, str(most), where], check=False)  # noqa: S603
    assert done.returncode == (0 if where == "nowhere" else -signal.SIGKILL)


def ask(transport: httpx.BaseTransport, numbers: range) -> list[str]:
    with httpx.Client(transport=transport) as client:
        return [client.post(URL, json=number).text for number in numbers]


def answering(text: str, asked: list[int] | None = None) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        number = request.content.decode()
        (asked if asked is not None else []).append(int(number))
        return httpx.Response(200, text=f"{text} {number}")

    return httpx.MockTransport(answer)


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def answers(path: Path) -> list[str]:
    return [one.response.read().decode() for one in load(path).interactions]


@pytest.mark.parametrize(
    ("most", "where"), [(1, "asking"), (7, "asking"), (3, "written"), (3, "half"), (3, "replaced")]
)
def test_a_killed_recording_is_taken_up_where_it_was(tmp_path: Path, most: int, where: str) -> None:
    cassette = tmp_path / "x.yaml"
    record(cassette, "once", most, where)
    if where == "replaced":
        assert answers(cassette) == [f"new {number}" for number in range(most)]
    else:
        with pytest.raises(CassetteError, match=r"no such file; its recording has not ended; .* in mode 'once'"):
            load(cassette)
    asked: list[int] = []
    mode = "new" if where == "replaced" else "once"
    got = ask(RecordingTransport(answering("later", asked), cassette, mode=mode), range(10))  # type: ignore[arg-type]
    assert asked == list(range(most, 10))
    assert got == [f"new {number}" if number < most else f"later {number}" for number in range(10)]
    assert answers(cassette) == got
    assert names(tmp_path) == ["x.yaml"]


@pytest.mark.parametrize("where", ["asking", "written", "half", "replaced"])
def test_a_killed_recording_leaves_the_cassette_as_it_was_or_whole(tmp_path: Path, where: str) -> None:
    cassette = tmp_path / "x.yaml"
    ask(RecordingTransport(answering("old"), cassette, mode="once"), range(3))
    record(cassette, "all", 2, where)
    old = [f"old {number}" for number in range(3)]
    assert answers(cassette) == (["new 0", "new 1"] if where == "replaced" else old)
    assert ask(RecordedTransport(load(cassette)), range(1)) == ["new 0" if where == "replaced" else "old 0"]


def test_what_a_killed_recording_has_is_newer_than_the_cassette(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    ask(RecordingTransport(answering("old"), cassette, mode="once"), range(3))
    record(cassette, "all", 2, "asking")
    ask(RecordingTransport(answering("later"), cassette, mode="new"), range(4))
    assert sorted(answers(cassette)) == ["later 3", "new 0", "new 1", "old 2"]
    assert names(tmp_path) == ["x.yaml"]


def test_to_record_all_again_begins_again(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    record(cassette, "all", 3, "asking")
    ask(RecordingTransport(answering("later"), cassette, mode="all"), range(2))
    assert answers(cassette) == ["later 0", "later 1"]
    assert names(tmp_path) == ["x.yaml"]


def test_a_recording_that_only_replays_leaves_what_is_there(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    ask(RecordingTransport(answering("old"), cassette, mode="once"), range(1))
    record(cassette, "all", 2, "asking")
    before = names(tmp_path)
    assert len(before) == 2
    assert ask(RecordingTransport(None, cassette, mode="once"), range(1)) == ["old 0"]
    assert ask(RecordingTransport(None, cassette), range(1)) == ["old 0"]
    assert names(tmp_path) == before


def test_what_was_recorded_of_another_endpoint_is_not_taken_up(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    record(cassette, "once", 3, "asking")
    about = {"endpoint": "http://another.test/"}
    ask(RecordingTransport(answering("later"), cassette, mode="once", about=about), range(2))
    assert answers(cassette) == ["later 0", "later 1"]
    assert names(tmp_path) == ["x.yaml"]


def test_a_request_of_a_killed_recording_is_repeated_as_often_as_it_was_meant_to_be(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    record(cassette, "once", 2, "asking")
    transport = RecordingTransport(answering("later"), cassette, mode="once")
    with httpx.Client(transport=transport) as client:
        got = [client.post(URL, json=number).text for number in (0, 0, 1, 0)]
    assert got == ["new 0", "later 0", "new 1", "later 0"]
    assert [(one.repeat, one.response.read().decode()) for one in load(cassette).interactions] == [
        (1, "new 0"),
        (1, "new 1"),
        (2, "later 0"),
        (3, "later 0"),
    ]


def test_what_was_whole_before_is_not_asked_again(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    ask(RecordingTransport(answering("old"), cassette, mode="once"), range(1))
    record(cassette, "new", 3, "asking")
    transport = RecordingTransport(answering("later"), cassette, mode="new")
    with httpx.Client(transport=transport) as client:
        assert [client.post(URL, json=0).text for _ in range(2)] == ["old 0", "old 0"]
    assert answers(cassette) == ["old 0", "new 1", "new 2"]
    assert names(tmp_path) == ["x.yaml"]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a recording that was killed leaves."""
    folder = tmp_path_factory.mktemp("killed")
    record(folder / "x.yaml", "once", 3, "asking")
    (file,) = folder.iterdir()
    return file.read_bytes()


def test_a_journal_that_is_cut_off_anywhere_keeps_its_whole_lines(tmp_path: Path, journal: bytes) -> None:
    for end in range(0, len(journal) + 1, 29):
        (tmp_path / ".x.yaml.abcdefgh.recording").write_bytes(journal[:end])
        asked: list[int] = []
        ask(RecordingTransport(answering("later", asked), tmp_path / "x.yaml", mode="once"), range(3))
        whole = max(journal[:end].count(b"\n") - 1, 0)
        assert asked == list(range(whole, 3))
        assert answers(tmp_path / "x.yaml")[:whole] == [f"new {number}" for number in range(whole)]
        assert names(tmp_path) == ["x.yaml"]
        (tmp_path / "x.yaml").unlink()


@pytest.mark.parametrize("line", [b"hello\n", b"[]\n", b"{}\n", b'{"about": 5}\n', b"\xff\n"])
def test_what_is_no_journal_is_refused_and_left_alone(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / ".x.yaml.abcdefgh.recording"
    file.write_bytes(line)
    with pytest.raises(CassetteError, match=r"\.x\.yaml\.abcdefgh\.recording:1: not what a recording left behind"):
        RecordingTransport(None, tmp_path / "x.yaml", mode="new")
    assert file.read_bytes() == line


def test_no_secret_is_in_a_journal_and_nothing_is_before_the_first_request(tmp_path: Path) -> None:
    inner = httpx.MockTransport(lambda request: httpx.Response(200, text=request.headers["x-api-key"]))
    transport = RecordingTransport(inner, tmp_path / "x.yaml", mode="once")
    assert names(tmp_path) == []
    with httpx.Client(transport=transport) as client:
        client.post(URL, json={"k": KEY}, headers={"x-api-key": KEY})
        (file,) = tmp_path.iterdir()
        assert b"xxxx" in file.read_bytes()
        assert KEY.encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0
    assert names(tmp_path) == ["x.yaml"]


def test_files_of_other_cassettes_are_left_alone(tmp_path: Path) -> None:
    others = [".x.yaml.b.abcdefgh.recording", ".y.x.yaml.abcdefgh.recording", ".x.yaml.recording", ".x.yaml.notes"]
    for name in others:
        (tmp_path / name).write_bytes(b"somebody's")
    ask(RecordingTransport(answering("new"), tmp_path / "x.yaml", mode="once"), range(1))
    assert names(tmp_path) == sorted(["x.yaml", *others])


def test_a_cassette_with_the_longest_of_names(tmp_path: Path) -> None:
    cassette = tmp_path / ("é" * 125 + ".yaml")
    record(cassette, "once", 1, "asking")
    assert ask(RecordingTransport(answering("later"), cassette, mode="once"), range(2)) == ["new 0", "later 1"]
    assert names(tmp_path) == [cassette.name]


def test_answers_are_kept_although_an_earlier_request_has_none_yet(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    inner = httpx.MockTransport(lambda _: httpx.Response(200, stream=httpx.ByteStream(b"new")))
    client = httpx.Client(transport=RecordingTransport(inner, cassette, mode="once"))
    unread = client.send(client.build_request("POST", URL, json=0), stream=True)
    client.post(URL, json=1)
    del client, unread  # and nothing was ever closed
    gc.collect()
    asked: list[int] = []
    assert ask(RecordingTransport(answering("later", asked), cassette, mode="once"), range(2)) == ["later 0", "new"]
    assert asked == [0]


FULL = """
import resource, signal, sys, httpx
from haiku_contract.endpoint.recording import RecordingTransport
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
inner = httpx.MockTransport(lambda request: httpx.Response(200, text=f"new {request.content.decode()}"))
client = httpx.Client(transport=RecordingTransport(inner, sys.argv[1], mode="once"))
for number in range(100):
    client.post("http://a.test/x", json=number)
"""


def test_a_disk_that_is_full_costs_what_did_not_fit(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    done = subprocess.run([sys.executable, "-c", FULL, cassette], capture_output=True, text=True, check=False)  # noqa: S603
    assert "x.yaml: cannot be written: File too large" in done.stderr
    asked: list[int] = []
    ask(RecordingTransport(answering("later", asked), cassette, mode="once"), range(10))
    assert 0 < asked[0] < 10
    assert asked == list(range(asked[0], 10))
    assert answers(cassette)[: asked[0]] == [f"new {number}" for number in range(asked[0])]
    assert names(tmp_path) == ["x.yaml"]


@pytest.mark.parametrize("mode", ["once", "new", "all"])
def test_two_recorders_at_a_time_lose_nothing(tmp_path: Path, mode: str) -> None:
    cassette = tmp_path / "x.yaml"
    one, other = (httpx.Client(transport=RecordingTransport(answering(name), cassette, mode=mode)) for name in "ab")  # type: ignore[arg-type]
    for client, number in ((one, 0), (other, 1), (one, 2), (other, 2)):
        client.post(URL, json=number)
    one.close()
    assert answers(cassette) == ["a 0", "a 2"]
    other.close()
    assert sorted(answers(cassette)) == ["a 0", "b 1", "b 2"]
    assert names(tmp_path) == ["x.yaml"]


def test_processes_that_record_into_one_cassette_lose_nothing(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"
    starts = (0, 20, 1000)
    scripts = [RECORDER.replace("json=number", f"json={start} + number") for start in starts]
    command = [str(cassette), "new", "40", "nowhere"]
    running = [subprocess.Popen([sys.executable, "-c", script, *command]) for script in scripts]  # noqa: S603
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert sorted(answers(cassette)) == sorted(f"new {number}" for number in (*range(60), *range(1000, 1040)))
    assert names(tmp_path) == ["x.yaml"]


def test_threads_that_record_into_one_cassette_lose_nothing(tmp_path: Path) -> None:
    cassette = tmp_path / "x.yaml"

    def run(start: int) -> None:
        ask(RecordingTransport(answering("new"), cassette, mode="new"), range(start, start + 10))

    threads = [threading.Thread(target=run, args=(start,)) for start in range(0, 80, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers(cassette)) == sorted(f"new {number}" for number in range(80))
    assert names(tmp_path) == ["x.yaml"]


def broken(make: Callable[[Path], object]) -> Callable[[Path], Path]:
    def place(folder: Path) -> Path:
        make(folder)
        return folder / "x.yaml"

    return place


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (lambda folder: folder / "nowhere" / "x.yaml", "cannot be written: No such file or directory"),
        (broken(lambda folder: (folder / "x.yaml").symlink_to("x.yaml")), "cannot be read: Too many levels"),
        (broken(lambda folder: (folder / "x.yaml").mkdir()), "cannot be written: not a file"),
        (broken(lambda folder: os.mkfifo(folder / "x.yaml")), "cannot be written: not a file"),
        (lambda folder: folder / ("x" * 300), "cannot be read: File name too long"),
        (
            lambda folder: folder / "x.HAR",
            "cannot be recorded into: cassettes are YAML; name a file that ends in .yaml",
        ),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_is_sent(
    tmp_path: Path, place: Callable[[Path], Path], words: str
) -> None:
    asked: list[int] = []
    with pytest.raises(CassetteError, match=words):
        ask(RecordingTransport(answering("new", asked), place(tmp_path), mode="all"), range(1))
    assert asked == []


def test_where_there_are_no_locks_cassettes_are_recorded_and_nothing_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    cassette = tmp_path / "x.yaml"
    record(cassette, "once", 2, "asking")
    (left,) = names(tmp_path)
    monkeypatch.setattr("fcntl.flock", refuse)
    assert ask(RecordingTransport(answering("later"), cassette, mode="once"), range(3)) == [
        "later 0",
        "later 1",
        "later 2",
    ]
    assert names(tmp_path) == [left, "x.yaml"]


@pytest.mark.parametrize(
    ("umask", "before", "mode"), [(0o022, None, 0o644), (0o077, None, 0o600), (0o077, 0o640, 0o640)]
)
def test_who_may_read_a_cassette_is_for_its_owner_to_say(
    tmp_path: Path, umask: int, before: int | None, mode: int
) -> None:
    cassette = tmp_path / "x.yaml"
    if before is not None:
        ask(RecordingTransport(answering("old"), cassette, mode="once"), range(1))
        cassette.chmod(before)
    found = os.umask(umask)
    try:
        ask(RecordingTransport(answering("new"), cassette, mode="new"), range(2))
    finally:
        os.umask(found)
    assert cassette.stat().st_mode & 0o777 == mode


def test_what_a_link_points_to_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "x.yaml"
    link.symlink_to("real/y.yaml")
    ask(RecordingTransport(answering("new"), link, mode="once"), range(1))
    assert link.is_symlink()
    assert names(tmp_path / "real") == ["y.yaml"]
    with pytest.raises(StaleCassetteError):
        ask(RecordingTransport(answering("new"), link, mode="once"), range(2))
