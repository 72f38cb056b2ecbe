"""Cassettes as files: what is written gives back its bytes to everybody, and what others write can be read."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from haiku_contract.endpoint import cassette_writing, matching
from haiku_contract.endpoint.cassette import Held, Interaction, load
from haiku_contract.endpoint.cassette_files import put
from haiku_contract.errors import CassetteError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Server

vcr = pytest.importorskip("vcr")

LONG = json.dumps({"messages": [{"role": "user", "content": "Hello, " * 20}], "n": [1, [], {}, [{}]], "s": '"}],{\\'})


@example("a\r\nb\r\n")
@example(" leading\n  blanks \n\n\n")
@example("\n")
@example("\n\nx")
@example("\tx\ny")
@example("x\n ")
@example("\x85\u2028\u2029\ufeff\x7f\x00\ufffe")
@example("no")
@example("1.5")
@example("it's: 'quoted' # here")
@example("- a\n- b")
@example("...\n---\n")
@example(LONG)
@example(json.dumps(json.loads(LONG), separators=(",", ":")))
@example('{"a": "' + " " * 200 + '", "b": 1}')
@given(st.text() | st.text(alphabet=' \n\t"\\{}[],:-#a\r', max_size=300) | st.just("x, ").map(lambda one: one * 50))
def test_every_text_is_given_back_by_every_reader(text: str) -> None:
    written = f"a:\n  b: {cassette_writing.scalar(text, 4)}\n  c: d\n"
    assert yaml.load(written, Loader=yaml.CSafeLoader) == {"a": {"b": text, "c": "d"}}
    assert yaml.safe_load(written) == {"a": {"b": text, "c": "d"}}


@given(st.binary())
def test_what_is_no_text_is_given_back_too(data: bytes) -> None:
    found = yaml.safe_load(f"a: {cassette_writing.body(data, 2)}\n")["a"]
    assert (found if isinstance(found, bytes) else found.encode()) == data


def test_long_json_has_one_member_a_line_and_the_same_bytes() -> None:
    usage = '"usage":{"input_tokens":1,"output_tokens":2},"x":[]}'
    lines = [
        '"{',
        r"    \"id\":\"msg_1\",",
        r"    \"content\":[{",
        r"        \"type\":\"text\",",
        r"        \"text\":\"a, b {c}\"}],",
        r"    \"usage\":{",
        r"      \"input_tokens\":1,",
        r"      \"output_tokens\":2},",
        r'    \"x\":[]}"',
    ]
    text = '{"id":"msg_1","content":[{"type":"text","text":"a, b {c}"}],' + usage
    assert cassette_writing.scalar(text, 2) == "\\\n".join(lines)


def test_an_event_stream_is_a_literal_block() -> None:
    assert cassette_writing.scalar("event: ping\ndata: {}\n\n", 2) == "|+\n  event: ping\n  data: {}\n"


INTERACTION = Interaction(
    method="POST",
    url="http://a.test/v1/messages",
    request_headers=(("content-type", "application/json"),),
    request=Held(b'{"a": 1}'),
    status=200,
    reason="OK",
    response_headers=(("vary", "a"), ("vary", "b"), ("content-type", "text/event-stream")),
    response=Held("event: é\r\n\r\n".encode()),
    sizes=(5, 8),
    seconds=(0.25, 1.5),
    error="ReadError: x",
)


def written(path: Path, *interactions: Interaction, about: dict[str, str] | None = None) -> Path:
    put(path, ((matching.request(one), cassette_writing.item(one)) for one in interactions), about or {})
    return path


def plain(one: Interaction) -> dict[str, Any]:
    names = [name for name in one.__slots__ if name not in ("line", "recorded", "repeat")]
    return {
        name: getattr(one, name).read() if name in ("request", "response") else getattr(one, name) for name in names
    }


def test_what_is_written_is_read(tmp_path: Path) -> None:
    cassette = load(written(tmp_path / "x.yaml", INTERACTION, INTERACTION, about={"contract": "a@1", "surface": "run"}))
    assert [plain(one) for one in cassette.interactions] == [plain(INTERACTION)] * 2
    assert [one.line for one in cassette.interactions] == [5, 5 + cassette_writing.item(INTERACTION).count("\n")]
    assert [one.repeat for one in cassette.interactions] == [1, 2]
    assert cassette.about == {"contract": "a@1", "surface": "run"}


def test_vcrpy_reads_what_is_written(tmp_path: Path) -> None:
    path = written(tmp_path / "x.yaml", INTERACTION, about={"contract": "a@1"})
    with vcr.use_cassette(str(path), record_mode="none") as cassette:
        (request,), (response,) = cassette.requests, cassette.responses
    assert (request.method, request.uri, request.body) == ("POST", INTERACTION.url, b'{"a": 1}')
    assert response["status"] == {"code": 200, "message": "OK"}
    assert response["headers"] == {"vary": ["a", "b"], "content-type": ["text/event-stream"]}
    assert response["body"]["string"] == INTERACTION.response.read()


@pytest.mark.parametrize("serializer", ["yaml", "json"])
@pytest.mark.parametrize("path", ["/stream", "/echo", "/gzip"])
def test_what_vcrpy_records_is_read(server: Server, tmp_path: Path, path: str, serializer: str) -> None:
    import httpx  # noqa: PLC0415 - vcrpy patches it

    if serializer == "json" and path == "/gzip":
        pytest.skip("vcrpy cannot write bytes as JSON")
    file = tmp_path / f"x.{serializer}"
    with vcr.use_cassette(str(file), serializer=serializer), httpx.Client() as client:
        sent = client.post(server.url + path, json={"a": "é, " * 50})
    (one,) = load(file).interactions
    assert (one.method, one.url, one.request.read()) == ("POST", server.url + path, sent.request.content)
    again = httpx.Response(one.status, headers=list(one.response_headers), content=one.response.read())
    assert again.content == sent.content


GZIPPED = base64.b64encode(gzip.compress(b"{}")).decode()
REQUEST = "- request: {method: POST, uri: 'http://a.test/', body: '{}', headers: {}}\n"
RUBY = """\
---
http_interactions:
- request:
    method: post
    uri: http://a.test/
    body:
      encoding: UTF-8
      string: "{}"
    headers:
      Accept:
      - "*/*"
  response:
    status:
      code: 200
      message: OK
    headers: {}
    body:
      encoding: ASCII-8BIT
      string: !binary |-
        w6k=
    http_version:
  recorded_at: Wed, 29 Jan 2025 14:24:59 GMT
recorded_with: VCR 6.1.0
"""
GO = """\
---
version: 2
interactions:
- id: 0
  request:
    proto: HTTP/1.1
    content_length: 2
    form: {}
    body: '{}'
    headers:
      Accept:
      - '*/*'
    url: http://a.test/
    method: POST
  response:
    uncompressed: true
    body: é
    headers: {}
    status: 200 OK
    code: 200
    duration: 2.2s
"""
HAR = {
    "log": {
        "version": "1.2",
        "comment": "saved by hand",
        "entries": [
            {"request": {}, "response": {"status": 0}},
            {
                "startedDateTime": "2025-01-29T14:24:59.000Z",
                "comment": "the one",
                "request": {
                    "method": "post",
                    "url": "http://a.test/",
                    "headers": [
                        {"name": ":method", "value": "POST"},
                        {"name": "Accept", "value": "*/*", "comment": ""},
                    ],
                    "postData": {"mimeType": "application/json", "text": "{}"},
                },
                "response": {
                    "status": 200,
                    "statusText": "OK",
                    "headers": [{"name": "Content-Encoding", "value": "br"}],
                    "content": {"size": 2, "mimeType": "text/plain", "text": "w6k=", "encoding": "base64"},
                },
            },
        ],
    }
}
OLD = """\
interactions:
- request: {body: '{}', headers: {Accept: '*/*'}, method: POST, uri: 'http://a.test/'}
  response: {content: "é", headers: {}, http_version: HTTP/1.1, status_code: 200}
version: 1
"""
LAYOUTS = {
    "vcrpy, old, for httpx": OLD,
    "vcrpy, base64": OLD.replace('content: "é"', "body: {base64_string: w6k=}"),
    "vcrpy, binary": OLD.replace('content: "é"', "body: {string: !!binary w6k=}"),
    "vcrpy, a body from a file": OLD.replace(
        "body: '{}'", "body: !!python/object/new:_io.BytesIO {state: !!python/tuple [!!binary e30=, 0, null]}"
    ),
    "vcrpy, two texts that are one": OLD.replace("'{}'", "&one '{}'"),
    "vcrpy, a list, as in the beginning": OLD.removeprefix("interactions:\n").removesuffix("version: 1\n"),
    "with the body as a value": OLD.replace("body: '{}'", "parsed_body: {}").replace(", body: '{}'", ""),
    "VCR for Ruby": RUBY,
    "go-vcr": GO,
    "HAR": json.dumps(HAR),
    "HAR with a byte order mark": "\ufeff" + json.dumps(HAR),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_layouts_of_others(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(LAYOUTS[name], encoding="utf-8")
    (one,) = load(path).interactions
    assert (one.method, one.url, one.request.read()) == ("POST", "http://a.test/", b"{}")
    assert one.request_headers == (("Accept", "*/*"),)
    assert (one.status, one.response_headers, one.response.read()) == (200, (), "é".encode())


@pytest.mark.parametrize("name", ["VCR for Ruby", "HAR"])
def test_the_day_of_a_recording(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(LAYOUTS[name], encoding="utf-8")
    assert str(load(path).interactions[0].recorded) == "2025-01-29"


def test_a_coding_that_the_recorder_has_undone_is_not_declared(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    headers = "headers: {content-encoding: gzip, content-length: '99', vary: x}"
    path.write_text(OLD.replace("headers: {}, http", f"{headers}, http"), encoding="utf-8")
    assert load(path).interactions[0].response_headers == (("vary", "x"),)
    path.write_text(
        path.read_text(encoding="utf-8").replace('content: "é"', f"content: !!binary {GZIPPED}"), encoding="utf-8"
    )
    (one,) = load(path).interactions
    assert dict(one.response_headers)["content-encoding"] == "gzip"
    assert gzip.decompress(one.response.read()) == b"{}"


RUN = '!!python/object/apply:os.system ["touch owned"]'
LAUGHS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
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
    "HAR without content": (
        json.dumps(HAR, indent=1).replace('"text": "w6k=",', ""),
        12,
        "the body of the response was not saved",
    ),
    "HAR with another status": (json.dumps(HAR, indent=1).replace("200", '"x"'), 12, "expected int, found str"),
    "HAR with a wrong day": (json.dumps(HAR, indent=1).replace("2025-01-29", "yesterday!"), 12, "Invalid isoformat"),
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


@pytest.mark.parametrize("end", range(0, RUBY.index("recorded_with: "), 7))
def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path, end: int) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(RUBY[:end], encoding="utf-8")
    with pytest.raises(CassetteError):
        load(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [(lambda _: None, "no such file"), (lambda path: path.mkdir(), "cannot be read: Is a directory")],
)
def test_files_that_cannot_be_read(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    path = tmp_path / "x.yaml"
    make(path)
    with pytest.raises(CassetteError, match=words):
        load(path)


def test_a_cassette_of_ours_that_holds_a_credential_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.yaml", INTERACTION, about={"contract": "a@1"})
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("      content-type:", "      x-api-key:\n      - hunter2-hunter2\n      content-type:", 1)
    )
    with pytest.raises(CassetteError) as caught:
        load(path)
    assert "x.yaml:4: the header x-api-key holds a secret" in str(caught.value)
    assert "hunter2" not in str(caught.value)
