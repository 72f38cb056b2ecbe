"""Cassettes as files: what is written gives back its bytes to everybody, and what others write can be read."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from haiku_contract.endpoint import cassette_writing, matching
from haiku_contract.endpoint.cassette import Held, Interaction, load
from haiku_contract.endpoint.cassette_files import put
from haiku_contract.endpoint.recorded import RecordedTransport
from haiku_contract.endpoint.recording import RecordingTransport
from haiku_contract.endpoint.secrets import standin
from haiku_contract.errors import CassetteError

if TYPE_CHECKING:
    from conftest import Server

vcr = pytest.importorskip("vcr")

OLD, RUBY, GO, HAR = (
    Path(__file__).with_name("layouts").joinpath(name).read_text(encoding="utf-8")
    for name in ("vcrpy.yaml", "vcr-for-ruby.yaml", "go-vcr.yaml", "browser.har")
)
"""One exchange each, with `{}` as the request, and `é` as the response."""

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
    "HAR": HAR,
    "HAR with a byte order mark": "\ufeff" + HAR,
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


KEY = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz"


def test_what_another_tool_recorded_is_redacted_where_something_is_recorded_into_it(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    secret = OLD.replace("Accept: '*/*'", f"x-api-key: {KEY}").replace("'{}'", f"'{KEY}'")
    coded = base64.b64encode(gzip.compress(f"said {KEY}".encode())).decode()
    answer = f"content: !!binary {coded}, headers: {{content-encoding: gzip}}"
    path.write_text(secret.replace('content: "é", headers: {}', answer), encoding="utf-8")
    inner = httpx.MockTransport(lambda _: httpx.Response(200, text="later"))

    def ask(transport: httpx.BaseTransport) -> list[str]:
        with httpx.Client(transport=transport) as client:
            return [client.post("http://a.test/", content=one).text for one in (KEY, "more")]

    said = f"said {standin(KEY)}"
    assert ask(RecordingTransport(inner, path, mode="new")) == [said, "later"]
    cassette = load(path)
    assert cassette.ours
    assert [one.response.read().decode() for one in cassette.interactions] == [said, "later"]
    assert KEY not in path.read_text(encoding="utf-8")
    assert ask(RecordedTransport(cassette)) == [said, "later"]


def test_what_another_tool_recorded_and_cannot_be_searched_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    hidden = base64.b64encode(b"\x28\xb5\x2f\xfd" + b"x" * 50).decode()  # as zstd begins
    path.write_text(OLD.replace('content: "é"', f"content: !!binary {hidden}"), encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(CassetteError, match=r"x\.yaml:2: .* could hide a secret; record into another file"):
        RecordingTransport(None, path, mode="new")
    assert path.read_bytes() == before


def test_a_folder_may_change_while_something_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = httpx.MockTransport(lambda request: httpx.Response(200, text=request.url.path))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    for path in ("/a", "/b"):
        with httpx.Client(transport=RecordingTransport(inner, "x.yaml", mode="new")) as client:
            client.post(f"http://a.test{path}")
            monkeypatch.chdir("elsewhere")
        monkeypatch.chdir(tmp_path)
    assert [one.response.read() for one in load("x.yaml").interactions] == [b"/a", b"/b"]
    assert list((tmp_path / "elsewhere").iterdir()) == []
