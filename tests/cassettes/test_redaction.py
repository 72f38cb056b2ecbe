"""Secrets: none is written, wherever it hides; what is none stays as it is."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract.endpoint.cassette import load
from haiku_contract.endpoint.recorded import RecordedTransport
from haiku_contract.endpoint.recording import RecordingTransport
from haiku_contract.endpoint.redaction import Redaction
from haiku_contract.endpoint.scanning import scan
from haiku_contract.endpoint.secrets import looks_like_one, redact, standin
from haiku_contract.errors import StaleCassetteError
from haiku_contract.generate import suite

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "sk-ant-api03-" + "Ab3dEf7hIj-_" * 5 + "QAA"
ACCOUNT = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("HAIKU_CONTRACT_CORPUS") or ROOT.parent / "shared" / "corpus")
of_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="no recorded traffic; set HAIKU_CONTRACT_CORPUS")

# secret -> its stand-in
STANDINS = {
    KEY: "sk-ant-api03-" + "xxxxxxxxxx-x" * 5 + "xxx",
    ACCOUNT: "0" * 32,
    ACCOUNT.upper(): "0" * 32,
    "6F9619FF-8B86-D011-B42D-00CF4FC964FF": "00000000-0000-4000-8000-000000000000",
    "1234567890": "1000000000",
    "0123456789": "0000000000",
    "AKIAIOSFODNN7EXAMPLE": "AKIAXXXXXXXXXXXXXXXX",
    "ghp_" + "a1B2" * 9: "ghp_" + "x" * 36,
    "correct horse": "xxxxxxx xxxxx",
}


@pytest.mark.parametrize(("secret", "expected"), STANDINS.items(), ids=lambda one: one[:12])
def test_a_standin_has_the_form_of_the_secret(secret: str, expected: str) -> None:
    assert standin(secret) == expected


@given(st.text(max_size=60) | st.from_regex(r"(sk-ant-api03-|gh[ps]_|eyJ)?[\w./+=-]{0,80}", fullmatch=True))
def test_a_standin_stands_in_for_itself_and_is_as_long(secret: str) -> None:
    assert standin(standin(secret)) == standin(secret)
    assert len(standin(secret)) == len(secret)
    assert not looks_like_one(standin(secret))


def encoded(data: str) -> str:
    return base64.b64encode(data.encode()).decode()


# where a secret hides -> the text, what of it must be gone
HIDDEN: dict[str, tuple[str, str]] = {
    "a key": (f"the key is {KEY}.", KEY),
    "a key in JSON": (json.dumps({"a": {"b": [KEY]}}), KEY),
    "a key in JSON in JSON": (json.dumps({"a": json.dumps({"api_key": "hunter2hunter2"})}), "hunter2"),
    "escaped": (json.dumps({"a": KEY}).replace("ant", r"\u0061nt"), KEY[20:]),
    "escaped slashes": ('{"api_key": "abc\\/defghi/123"}', "defghi"),
    "a member": ('{"client_secret" : "abcdefgh-12345"}', "abcdefgh"),
    "another member": ('{"X-Api-Key":"zzzzzzzz1"}', "zzzzzzzz1"),
    "an account in JSON": (json.dumps({"account_id": ACCOUNT}), ACCOUNT),
    "an account in an address": (f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/run", ACCOUNT),
    "account and gateway": (f"https://gateway.ai.cloudflare.com/v1/{ACCOUNT}/my-gateway/anthropic", "my-gateway"),
    "a gateway in options": ('{"inputs": {}, "options": {"gateway": {"id": "my-gateway"}}}', "my-gateway"),
    "user and password": ("http://someone:pass-word@a.test/x", "pass-word"),
    "a query": ("http://a.test/x?page=1&api_key=abcdefgh1234&z=1", "abcdefgh1234"),
    "a bearer": ("curl -H 'Authorization: Bearer abcdefghijklmnop1'", "abcdefghijklmnop1"),
    "a token": (f"token {JWT}", JWT.rpartition(".")[2]),
    "a private key": (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
        "MIIEpAIBAAKCAQEA",
    ),
    "base64 of a key": (encoded(f'{{"x": "{KEY}"}}'), encoded(f'{{"x": "{KEY}"}}')[16:]),
    "base64 with the other alphabet": (
        encoded(f"???>>>{KEY}").replace("/", "_").replace("+", "-"),
        encoded(f"???>>>{KEY}")[24:],
    ),
    "base64 in JSON": (json.dumps({"data": encoded(f"x {KEY}")}), encoded(f"x {KEY}")[24:]),
    "a key after a line break in JSON": (json.dumps({"a": f"it is\n{KEY}"}), KEY),
    "a key after a tab in JSON in JSON": (json.dumps({"a": json.dumps({"b": f"\t{KEY}"})}), KEY),
    "percent-encoded": ("http://a.test/?x=" + "".join(f"%{byte:02x}" for byte in KEY.encode()), "%41%62%33"),
    "AWS": ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7EXAMPLE"),
    "GitHub": ("ghp_" + "a1B2" * 9, "a1B2a1B2"),
    "an event": (f'event: x\ndata: {{"delta": {{"text": "{KEY}"}}}}\n\n', KEY),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_no_hiding_place_is_good_enough(name: str) -> None:
    text, secret = HIDDEN[name]
    assert secret in text or name == "escaped"
    cleaned = Redaction().text(text)
    assert secret not in cleaned
    assert Redaction().text(cleaned) == cleaned
    assert list(Redaction().found(cleaned)) == []


@pytest.mark.parametrize("size", [1, 3, 7])
def test_a_key_that_arrives_in_pieces(size: int) -> None:
    pieces = [KEY[at : at + size] for at in range(0, len(KEY), size)]
    events = "".join(f'event: d\ndata: {{"delta":{{"type":"text_delta","text":"{one}"}}}}\n\n' for one in pieces)
    cleaned = Redaction().text(events)
    assert len(cleaned) == len(events)
    assert "".join(re.findall(r'"text":"([^"]*)"', cleaned)) == standin(KEY)


# a secret of the caller's own, in every form in which it can come back
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda one: one,
    "in an address": lambda one: quote(one, safe=""),
    "in base64": encoded,
    "in base64, one byte later": lambda one: encoded("x" + one),
    "in base64, two bytes later, and followed": lambda one: encoded("xx" + one + "yyy"),
    "in base64 that begins earlier": lambda one: "QUJD" * 9 + encoded("x" + one),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_that_is_named_is_found_in_every_form(form: str) -> None:
    secret = "Plain words, with blanks & more"
    written = FORMS[form](secret)
    cleaned = Redaction(secrets=(secret,)).text(f"<{written}>")
    assert len(cleaned) == len(written) + 2
    assert written[4:-4] not in cleaned
    plain = base64.b64decode(cleaned[1:-1]).decode("latin-1") if "base64" in form else cleaned
    assert "Plain" not in plain
    assert "blanks" not in plain


HARMLESS = [
    "max_tokens: 1, token: 5",
    '{"token": " the", "id": "msg_01XFDUDYJgAACzvnptvVoYEL"}',
    '{"api_key": "<ANTHROPIC_API_KEY>", "password": "$PASSWORD_OF_MINE", "secret": "{{ secret }}"}',
    '{"properties": {"password": {"type": "string"}}}',
    "Authorization: Bearer $CLOUDFLARE_API_TOKEN",
    "https://api.cloudflare.com/client/v4/accounts/$ACCOUNT_ID/ai/run",
    "https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/run",
    "req_011CVa2kdYoBWtrYYX7mqJjX toolu_01RZ48N8E3iuoHP5TqX57bHP",
    "sk-ant-xxxxxxxxxxxxxxxxxxxx sk-...",
    json.dumps({"signature": encoded("a signature of a block of thoughts, which is none" * 3)}),
    "a bearer of good news, basically",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redaction().text(text) == text


def test_what_is_allowed_stays() -> None:
    assert Redaction(allowed=frozenset({KEY})).text(f"x {KEY}") == f"x {KEY}"


def test_no_case_and_no_answer_of_the_suite_looks_like_a_secret() -> None:
    contract = hc.load()
    for side in ("request", "response"):
        for case in suite(contract, side):
            assert Redaction().body(case.body) == case.body


@given(st.binary(max_size=200), st.lists(st.integers(1, 9)))
def test_any_bytes_can_be_redacted(data: bytes, cuts: list[int]) -> None:
    sizes = tuple(cuts) if sum(cuts) == len(data) else (len(data),)
    body, after = Redaction().cut_body(data, sizes)
    assert sum(after) == len(body)
    assert redact(body.decode("latin-1")).encode("latin-1") == body


def test_chunks_keep_their_borders() -> None:
    uuid = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
    body = f'{{"access_token":"{uuid}","b":1}}{{"c":"\\u0073{KEY[1:]}"}}'.encode()
    cleaned, sizes = Redaction().cut_body(body, (20, 50, len(body) - 70))
    assert len(cleaned) == len(body) - 5
    assert sum(sizes) == len(cleaned)
    assert sizes[0] == 20


@pytest.mark.parametrize("key", ["signature", "partial_json"])
def test_a_key_that_arrives_in_pieces_of_any_kind(key: str) -> None:
    pieces = [KEY[at : at + 5] for at in range(0, len(KEY), 5)]
    events = "".join(f'event: d\ndata: {{"delta":{{"{key}":"{one}"}}}}\n\n' for one in pieces)
    assert pieces[4] not in Redaction().text(events)


# a header -> the secret in it, which the answer repeats
ECHOED = {
    ("authorization", "Basic " + encoded("someone:my-own-passphrase-7")): "my-own-passphrase-7",
    ("x-my-token", "qwerty-uiop-1234"): "qwerty-uiop-1234",
    ("authorization", "Basic " + encoded("a-key-instead-of-1:")): "a-key-instead-of-1",
    ("ocp-apim-subscription-key", "qwerty-uiop-1234"): "qwerty-uiop-1234",
}


@pytest.mark.parametrize("header", ECHOED)
def test_a_credential_that_comes_back_is_not_written(tmp_path: Path, header: tuple[str, str]) -> None:
    network = httpx.MockTransport(lambda _: httpx.Response(200, json={"echo": ECHOED[header]}))
    with httpx.Client(transport=RecordingTransport(network, tmp_path / "x.yaml", mode="once")) as client:
        client.post("http://a.test/", headers=[header], json={})
    text = (tmp_path / "x.yaml").read_text("utf-8")
    assert "echo" in text
    assert ECHOED[header] not in text
    assert header[1] not in text


def test_what_is_sent_as_a_secret_is_one_where_it_comes_back(tmp_path: Path) -> None:
    said = "qwerty-uiop-12 or, in the address, asdf-ghjkl-34 is wrong"
    network = httpx.MockTransport(
        lambda _: httpx.Response(401, json={"said": said}, extensions={"reason_phrase": b"no qwerty-uiop-12"})
    )
    transport = RecordingTransport(network, tmp_path / "x.yaml", mode="once")
    with httpx.Client(transport=transport) as client:
        client.post("http://a.test/?key=asdf-ghjkl-34", json={"password": "qwerty-uiop-12"})
    (one,) = load(tmp_path / "x.yaml").interactions
    assert json.loads(one.response.read()) == {"said": "xxxxxx-xxxx-xx or, in the address, xxxx-xxxxx-xx is wrong"}
    assert one.reason == "no xxxxxx-xxxx-xx"


def test_a_request_is_redacted_at_replay_with_what_it_carries_itself(tmp_path: Path) -> None:
    url = f"https://a.test/client/v4/accounts/{ACCOUNT}/other"
    asked: dict[str, Any] = {"headers": {"x-my-token": "qwerty-uiop-1"}, "json": {"a": f"of {ACCOUNT}: qwerty-uiop-1"}}
    network = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    with httpx.Client(transport=RecordingTransport(network, tmp_path / "x.yaml", mode="once")) as client:
        client.post(url, **asked)
    assert "qwerty" not in (tmp_path / "x.yaml").read_text("utf-8")
    with httpx.Client(transport=RecordedTransport(load(tmp_path / "x.yaml"))) as client:
        assert client.post(url, **asked).status_code == 200


def test_a_request_that_cannot_be_searched_is_not_in_a_cassette(tmp_path: Path) -> None:
    network = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    asked: dict[str, Any] = {"json": {"a": base64.b64encode(b"\x28\xb5\x2f\xfd" + bytes(40)).decode()}}
    transport = RecordingTransport(network, tmp_path / "x.yaml", mode="once")
    with httpx.Client(transport=transport) as client:
        client.post("http://a.test/x", json={})
        client.post("http://a.test/x", **asked)
    (told,) = transport.unrecorded
    assert told == "POST a.test: something is compressed with zstd, and could hide a secret"
    with httpx.Client(transport=RecordedTransport(load(tmp_path / "x.yaml"))) as client:
        assert client.post("http://a.test/x", json={}).status_code == 200
        with pytest.raises(StaleCassetteError, match=r"holds no answer to POST .*compressed with zstd"):
            client.post("http://a.test/x", **asked)


PLANTED = {
    "x-api-key": KEY,
    "authorization": f"Bearer {JWT}",
    "cookie": "sid=abcdefgh12345678; theme=dark-and-blue",
    "cf-aig-gateway-id": "somebodys-gateway",
    "x-anything": "what-ever-it-is",
}


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A cassette of an exchange that is full of secrets."""

    def answer(_: httpx.Request) -> httpx.Response:
        said = f'data: {{"echo": "{KEY}", "id": "{ACCOUNT}", "b": "{encoded("." + JWT)}", "s": "abcdefgh12345678"}}\n\n'
        return httpx.Response(200, headers={"set-cookie": "k=qwertyuiop-1; Path=/", "x-key": KEY}, text=said)

    cassette = tmp_path / "x.yaml"
    url = f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/run?key=abcdefgh-1234"
    with httpx.Client(transport=RecordingTransport(httpx.MockTransport(answer), cassette, mode="once")) as client:
        client.post(url, headers=PLANTED, json={"model": "m", "input": {"password": "my-pass-word", "k": KEY}})
    return cassette


def test_nothing_of_an_exchange_full_of_secrets_is_written(recorded: Path) -> None:
    text = recorded.read_text(encoding="utf-8")
    secrets = [
        KEY,
        JWT,
        ACCOUNT,
        "abcdefgh12345678",
        "somebodys",
        "what-ever",
        "qwertyuiop",
        "abcdefgh-1234",
        "my-pass-word",
    ]
    assert [one for one in secrets if one in text] == []
    assert encoded("." + JWT)[4:-4] not in text
    assert list(scan(recorded)) == []
    (one,) = load(recorded).interactions
    assert json.loads(one.request.read())["input"] == {"password": "xx-xxxx-xxxx", "k": standin(KEY)}
    assert one.url.endswith(f"/accounts/{'0' * 32}/ai/run?key=xxxxxxxx-xxxx")


# what is put into a cassette -> the kind that is told
PUT: dict[str, tuple[Callable[[str], str], str]] = {
    "a header": (lambda text: text.replace(f"- {standin(KEY)}", "- not-a-known-form-1", 1), "header x-api-key"),
    "a gateway": (lambda text: text.replace("- xxxxxxxxx-xxxxxxx", "- somebodys-gateway"), "gateway"),
    "a cookie": (lambda text: text.replace("x=xxxxxxxxxx-x", "x=abcdefghij-1"), "header set-cookie"),
    "a key": (lambda text: text.replace(standin(KEY), KEY, 1), "key of a provider"),
    "compressed": (
        lambda text: re.sub(
            r"string: .*?\n  stream", f"string: !!binary {encoded_gzip(KEY)}\n  stream", text, flags=re.DOTALL
        ),
        "key of a provider",
    ),
}


def encoded_gzip(text: str) -> str:
    import gzip  # noqa: PLC0415 - for one test

    return base64.b64encode(gzip.compress(text.encode())).decode()


@pytest.mark.parametrize("name", PUT)
def test_what_is_put_into_a_cassette_later_is_found(recorded: Path, name: str) -> None:
    put, kind = PUT[name]
    text = recorded.read_text(encoding="utf-8")
    changed = put(text)
    assert changed != text
    recorded.write_text(changed, encoding="utf-8")
    found = list(scan(recorded))
    assert [one.kind for one in found] == [kind]
    assert found[0].line > 0


def test_a_secret_is_told_with_its_line_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text(f"one\ntwo {KEY}\r\nthree\n", encoding="utf-8")
    (found,) = scan(tmp_path)
    assert (found.path, found.line, found.kind) == (str(file), 2, "key of a provider")
    assert KEY not in str(found)


@of_corpus
def test_there_is_no_false_alarm_on_recorded_traffic() -> None:
    assert [f"{one.path}:{one.line}: {one.kind}" for one in scan(CORPUS)] == []


@of_corpus
def test_recorded_traffic_is_written_and_read_as_it_is(tmp_path: Path) -> None:
    lines = [line for path in sorted(CORPUS.glob("*.jsonl")) for line in path.read_bytes().splitlines()]
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines[::7]]
    bodies = [(json.dumps(one["request"]), one["sse"] or json.dumps(one["response"])) for one in rows]
    answers = iter(bodies)
    inner = httpx.MockTransport(lambda _: httpx.Response(200, text=next(answers)[1]))
    cassette = tmp_path / "x.yaml"
    with httpx.Client(transport=RecordingTransport(inner, cassette, mode="once")) as client:
        for asked, _ in bodies:
            client.post("http://a.test/v1/messages", content=asked)
    assert [
        (one.request.read().decode(), one.response.read().decode()) for one in load(cassette).interactions
    ] == bodies
