"""Files that are broken, cut off, hostile or something else: one line with the place, and nothing of them is run."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haiku_contract.endpoint import cassette_yaml
from haiku_contract.endpoint.cassette import Cassette, load
from haiku_contract.endpoint.cassette_writing import TAIL, head
from haiku_contract.endpoint.recorded import RecordedTransport
from haiku_contract.errors import CassetteError

if TYPE_CHECKING:
    from collections.abc import Callable

OLD, RUBY, HAR = (
    Path(__file__).with_name("layouts").joinpath(name).read_text(encoding="utf-8")
    for name in ("vcrpy.yaml", "vcr-for-ruby.yaml", "browser.har")
)
REQUEST = "- request: {method: POST, uri: 'http://a.test/', body: '{}', headers: {}}\n"
TWO = json.dumps(
    {
        "interactions": [
            {
                "request": {"method": "POST", "uri": "http://a.test/", "body": str(number), "headers": {}},
                "response": {"status": {"code": 200}, "headers": {"x": ["é"]}, "body": {"string": "{}"}},
            }
            for number in range(2)
        ],
        "version": 1,
    },
    indent=1,
    ensure_ascii=False,
)
OURS = (
    head({"contract": "a@1"})
    + REQUEST
    + """\
  response:
    status: {code: 200, message: OK}
    headers: {}
    body:
      string: |
        event: é

        data: x
  stream: {sizes: [19], seconds: [0.25]}
  recorded_at: '2025-01-29'
"""
)

RUN = '!!python/object/apply:os.system ["touch owned"]'
LAUGHS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


def har(place: str, value: Any = ...) -> str:
    """The HAR file without the value at a place of its entry, or with another one; on line 3 the entry begins."""
    entry = json.loads(HAR)["log"]["entries"][1]
    *path, last = place.split("/")
    part = entry
    for name in path:
        part = part[name]
    del part[last]
    if value is not ...:
        part[last] = value
    return '{"log":\n{"entries": [\n' + json.dumps(entry) + "]}}"


# what is wrong with a HAR file -> the file, words of the message
HARS: dict[str, tuple[str, str]] = {
    "with an entry that is a list": ('{"log":\n{"entries": [\n[]]}}', "an entry is not an object"),
    "without a request": (har("request"), "'request' of an entry is missing"),
    "without a response": (har("response"), "'response' of an entry is missing"),
    "with a request that is null": (har("request", None), "'request' of an entry is not an object"),
    "without a method": (har("request/method"), "the method of the request is missing, or none"),
    "with a method of two words": (har("request/method", "GET /"), "the method of the request"),
    "without a url": (har("request/url"), "the url of the request is missing, or none"),
    "with a url that is none": (har("request/url", "http://[a/"), "the url of the request"),
    "with a body that is a text": (har("request/postData", "{}"), "'postData' of a request is not an object"),
    "with a body that is a number": (har("request/postData", {"text": 5}), "a body that is not a text"),
    "with headers that are an object": (har("request/headers", {"a": "b"}), "headers that are not a list"),
    "with a header without a value": (har("request/headers", [{"name": "a"}]), "the header 'a' is not one"),
    "with a header of two lines": (har("response/headers", [{"name": "a", "value": "b\rc"}]), "the header 'a'"),
    "without a status": (har("response/status"), "the status of the response is missing, or none of HTTP"),
    "with a status that is a text": (har("response/status", "200"), "the status of the response"),
    "with a status of 999": (har("response/status", 999), "the status of the response"),
    "with content that is a text": (har("response/content", "é"), "'content' of a response is not an object"),
    "without content": (har("response/content/text"), "the body of the response was not saved"),
    "with content that is a number": (har("response/content/text", 5), "a body that is not a text"),
    "with base64 that is none": (har("response/content/text", "*"), "a body that is not base64"),
    "with a day that is none": (har("startedDateTime", "yesterday"), "startedDateTime is no date"),
}
# what is wrong -> the file, the line, words of the message
MISTAKES: dict[str, tuple[str | bytes, int, str]] = {
    "empty": ("", 0, "empty"),
    "a text": ("hello", 1, "not a cassette"),
    "another mapping": ("a: 1\nb: 2\n", 2, "no list of interactions"),
    "no YAML": ("interactions:\n- request: ]\nversion: 1\n", 2, "not YAML"),
    "a tab": ("interactions:\n\t- a\n", 2, "not YAML"),
    "a quote that does not end": (OLD.replace("version: 1", "version: 'x"), 5, "not YAML"),
    "not UTF-8": (OLD.encode("latin-1"), 3, "not UTF-8"),
    "a control character": (OLD.replace("é", "\x00"), 3, "not YAML"),
    "code as a body": (OLD.replace("'{}'", RUN), 2, "the tag !!python/object/apply:os.system is not one of a cassette"),
    "code beside": (OLD + f"more: {RUN}\n", 5, "the tag !!python/object/apply:os.system"),
    "an object": (
        OLD.replace("'{}'", "!!python/object:builtins.object {}"),
        2,
        "the tag !!python/object:builtins.object",
    ),
    "a name": (OLD.replace("'{}'", "!!python/name:os.system ''"), 2, "the tag !!python/name:os.system"),
    "a tag of Ruby": (OLD.replace("'{}'", "!ruby/object:Foo {}"), 2, "the tag !ruby/object:Foo"),
    "laughs": ("a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + LAUGHS + OLD, 6, "aliases that repeat more"),
    "an alias of itself": ("a: &a [*a]\n" + OLD, 1, "an alias of something that does not come before it"),
    "an alias of nothing": (OLD.replace("'{}'", "*a"), 2, "an alias of something"),
    "depth": ("a: " + "[" * 200 + "]" * 200 + "\n" + OLD, 1, "nested deeper"),
    "a key twice": (OLD.replace("method: POST", "method: POST, method: GET"), 2, "the key 'method' a second time"),
    "a key that is a list": ("? [a]\n: b\n" + OLD, 1, "a key that is not a text"),
    "two documents": (OLD + "---\na: 1\n", 5, "a second document"),
    "cut off after an interaction": (
        OLD.removesuffix("version: 1\n"),
        2,
        "no 'version' beside the interactions: the file is cut",
    ),
    "cut off before the response": (
        "interactions:\n" + REQUEST + "version: 1\n",
        2,
        "response is not a mapping, or missing",
    ),
    "cut off within": (OLD[:60], 2, "not YAML"),
    "no list": ("interactions: 5\nversion: 1\n", 1, "an interaction is not a mapping"),
    "an interaction that is a text": ("interactions:\n- a\nversion: 1\n", 2, "an interaction is not a mapping"),
    "a status of words": (OLD.replace("200", "fine"), 3, "a status that is none of HTTP"),
    "a status of 99999": (OLD.replace("200", "99999"), 3, "a status that is none of HTTP"),
    "no method": (OLD.replace("method: POST, ", ""), 2, "the method of a request"),
    "no address": (OLD.replace(", uri: 'http://a.test/'", ""), 2, "the address of a request"),
    "headers that are a text": (
        OLD.replace("headers: {Accept: '*/*'}", "headers: x"),
        2,
        "headers that are not a mapping",
    ),
    "a header of two lines": (OLD.replace("'*/*'", '"a\\r\\nb"'), 2, "the header 'Accept' is not one"),
    "a body that is a list": (OLD.replace("'{}'", "[1]"), 2, "a body that is neither text nor base64"),
    "base64 that is none": (OLD.replace('content: "é"', "body: {base64_string: '*'}"), 3, "a body that is not base64"),
    "binary that is none": (OLD.replace("'{}'", "!!binary '*'"), 2, "binary content that is not base64"),
    "chunks that do not add up": (
        OLD.replace("\nversion", "\n  stream: {sizes: [1, 2]}\nversion"),
        4,
        "chunks of 3 bytes for a body of 2: the body was edited or cut off",
    ),
    "JSON that is cut off": ('{"interactions": [\n', 2, "not JSON"),
    "JSON of something else": ('{"a": 1}', 1, "neither a list of interactions nor a log of HAR"),
    "JSON nested too deeply": ('{"log":' * 100_000, 1, "nested too deeply"),
    "a wrong interaction in JSON": (
        '{"version": 1,\n"interactions": [\n{"request": 5}]}',
        3,
        "request is not a mapping",
    ),
    "HAR without entries": ('{"log": {}}', 1, "neither a list of interactions nor a log of HAR"),
    "an error of a stream that is a list": (
        OLD.replace("\nversion", "\n  stream: {error: [1]}\nversion"),
        4,
        "an error of a stream that is not a text",
    ),
    "code as a key": (f"? !!python/name:os.system 'a'\n: 1\n{OLD}", 1, "the tag !!python/name:os.system"),
    "two files in one": (OLD + OLD, 5, "the key 'interactions' a second time"),
    "an address that is none": (OLD.replace("a.test", "[a.test"), 2, "the address of a request"),
    "a port that is none": (OLD.replace("a.test", "a.test:99999"), 2, "the address of a request"),
    "UTF-16 without a mark": (OLD.encode("utf-16-le"), 1, "not YAML (control characters are not allowed)"),
    "UTF-32": (OLD.encode("utf-32"), 1, "not YAML"),
    "nothing but NUL": (b"\0" * 5000, 1, "not YAML"),
    "NUL in JSON": (TWO.replace('"1"', '"\0"', 1), 28, "not JSON"),
    "a number of too many digits": (TWO.replace("200", "9" * 5000, 1), 12, "a number of more digits than are read"),
    "an infinite number": (TWO.replace("200", "1e999", 1), 3, "a status that is none of HTTP"),
    **{f"HAR {name}": (text, 3, words) for name, (text, words) in HARS.items()},
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_with_their_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    text, line, words = MISTAKES[name]
    path = tmp_path / "x.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CassetteError) as caught:
        load("x.yaml")
    assert str(caught.value).startswith(f"x.yaml:{line}: " if line else "x.yaml: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [one.name for one in tmp_path.iterdir()] == ["x.yaml"]


# a file -> up to where every beginning of it is refused; what is left then says nothing that is needed
WHOLE = {
    "ours": (OURS + TAIL, len((OURS + TAIL).encode()) - len(" 1\n")),
    "vcrpy": (OLD, len(OLD.encode()) - len(" 1\n")),
    "VCR for Ruby": (RUBY, len(RUBY.encode()) - len(" VCR 6.1.0\n")),
    "JSON": (TWO, len(TWO.encode())),
    "HAR": (har("comment", "é"), len(har("comment", "é").encode())),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.yaml"
    whole, needed = WHOLE[name]
    data = whole.encode()
    path.write_bytes(data)
    assert len(load(path).interactions) > 0
    for end in range(needed):
        path.write_bytes(data[:end])
        with pytest.raises(CassetteError) as caught:
            load(path)
        assert "\n" not in str(caught.value)


@given(st.binary(max_size=200) | st.text(alphabet="{}[]:,'\"&*!|>-?%@ \nab1", max_size=60).map(str.encode))
def test_arbitrary_bytes_are_a_cassette_or_an_error(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.yaml")
        for file in (data, (OURS + TAIL).encode()[:60] + data + (OURS + TAIL).encode()[60:]):
            path.write_bytes(file)
            with contextlib.suppress(CassetteError):
                assert isinstance(load(path), Cassette)


@pytest.mark.parametrize(
    "spelled",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: b"\n\n" + text.encode(),
    ],
    ids=["CRLF", "a byte order mark", "UTF-16 with a mark", "blank lines before"],
)
@pytest.mark.parametrize("text", [OLD, OURS + TAIL, TWO], ids=["vcrpy", "ours", "JSON"])
def test_files_that_an_editor_has_saved_in_its_way_are_read(
    tmp_path: Path, text: str, spelled: Callable[[str], bytes]
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    expected = [one.response.read() for one in load(path).interactions]
    path.write_bytes(spelled(text))
    assert [one.response.read() for one in load(path).interactions] == expected


@pytest.mark.parametrize(
    "text", ["interactions: []\nversion: 1\n", "[]", '{"interactions": []}', '{"log": {"entries": []}}']
)
def test_a_cassette_may_be_without_exchanges(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    assert load(path).interactions == ()


def test_json_of_any_length_is_not_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with path.open("wb") as file:
        file.write(b"[")
        file.truncate(1024**3)  # no block of it is really there
    with pytest.raises(CassetteError, match=r"x.json: more than 256 MiB of JSON; split it, or record as YAML"):
        load(path)


def test_no_value_is_read_that_is_longer_than_any_exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cassette_yaml, "_MOST_AT_ONCE", 1024 * 1024)
    path = tmp_path / "x.yaml"
    rest = OLD.removeprefix("interactions:\n").removesuffix("version: 1\n") * 10_000
    path.write_text(f"interactions:\n{rest}version: 1\n", encoding="utf-8")
    assert len(load(path).interactions) == 10_000  # which are longer together
    path.write_text(OLD.replace("é", "é" * 1024 * 1024), encoding="utf-8")
    with pytest.raises(CassetteError, match=r"x.yaml: one value is longer than 1 MiB"):
        load(path)


@pytest.mark.skipif(os.name == "nt", reason="no named pipes")
def test_what_comes_out_of_a_pipe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = threading.Thread(target=path.write_text, args=(OLD,), kwargs={"encoding": "utf-8"})
    writing.start()
    assert len(load(path).interactions) == 1
    writing.join()


def test_what_browsers_save_in_their_way_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.har"
    cookies = [{"name": "set-cookie", "value": "a=1\nb=2"}]
    form = {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a b", "value": "é"}, {"name": "c"}]}
    for place, value, expected in (
        ("response/headers", cookies, ("{}", (("set-cookie", "a=1"), ("set-cookie", "b=2")))),
        ("request/postData", form, ("a+b=%C3%A9&c=", ())),
        ("response/content", {"size": 0, "mimeType": "image/png"}, ("{}", ())),
        ("request/url", "data:text/plain,a b", ("{}", ())),
    ):
        path.write_text(har(place, value), encoding="utf-8")
        (one,) = load(path).interactions
        found = one.response_headers if place == "response/headers" else ()
        assert (one.request.read().decode(), found) == expected
    path.write_text(har("response/content/text").replace('"post"', '"get"'), encoding="utf-8")
    assert [(one.method, one.response.read()) for one in load(path).interactions] == [("GET", b"")]


@pytest.mark.parametrize("value", ["é", "€"])
def test_headers_that_are_not_ascii_are_replayed(tmp_path: Path, value: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(har("response/headers", [{"name": "x-said", "value": value}]), encoding="utf-8")
    with httpx.Client(transport=RecordedTransport(load(path))) as client:
        answer = client.post("http://a.test/", content=b"{}")
    assert answer.headers.raw == [(b"x-said", value.encode("latin-1" if value == "é" else "utf-8"))]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: None, "no such file; record it with 'haiku-contract record --record-mode once'"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    path = tmp_path / "x.yaml"
    make(path)
    with pytest.raises(CassetteError, match=words):
        load(path)
