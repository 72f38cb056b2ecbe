"""Whatever is a secret, wherever it is put and however it is encoded: no cassette tells it, and the scan misses none.

The secret, its place and up to two encodings are drawn; then the exchange is recorded as it would be.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

import httpx
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract.endpoint.cassette import Held, Interaction, load
from haiku_contract.endpoint.cassette_writing import TAIL, head, item
from haiku_contract.endpoint.recorded import RecordedTransport
from haiku_contract.endpoint.recording import RecordingTransport
from haiku_contract.endpoint.redaction import Redaction
from haiku_contract.endpoint.scanning import scan

if TYPE_CHECKING:
    from collections.abc import Callable

CONTRACT = hc.load()
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
OF_MINE = "ghp_My1bWW7TG05Xovbi8vpWcT2qTf4f6n5TUuk7"
SHORT = "p9TK1.vRmT5iptvyXk7"
LEAST = 6  # bytes: a shorter part of a secret is found by chance


class Hidden(NamedTuple):
    """A secret, what is written of it before any encoding, and whether only the session knows that it is one."""

    secret: str
    text: str
    known: bool = False


def drawn(alphabet: str, least: int, most: int | None = None) -> st.SearchStrategy[str]:
    """Texts with letters and digits, as a secret that was drawn at random has, and no text of a cassette."""
    texts = st.text(alphabet, min_size=least, max_size=least if most is None else most)
    return texts.map(lambda text: text[:5] + "7" + text[6:-2] + "k7")


KEYS = st.one_of(
    drawn(LETTERS + DIGITS + "-_", 40, 95).map(lambda rest: f"sk-ant-api03-{rest}"),
    drawn(LETTERS + DIGITS, 36).map(lambda rest: f"ghp_{rest}"),
    drawn(LETTERS + DIGITS, 40).map(lambda rest: f"cfut_{rest}01ab23cd"),
    drawn(LETTERS[:26] + "234567", 16).map(lambda rest: f"AKIA{rest.upper()}"),
    drawn("0123456789abcdef", 146).map(lambda rest: f"v1.0-0123456789abcdef01234567-{rest.replace('k', 'a')}"),
    drawn(LETTERS + DIGITS, 24).map(lambda rest: f"eyJ{rest}.eyJ{rest}.{rest}"),
)
PASSWORDS = drawn(LETTERS + DIGITS + "-_.~!*", 10, 40).map(lambda text: "p" + text)
KNOWN = drawn(LETTERS + DIGITS + '-_.~!* "\\/+=é', 10, 40).map(lambda text: "p" + text)
NAMES = st.sampled_from(["password", "api_key", "X-Api-Key", "clientSecret", "refresh_token", "AWS_SECRET_ACCESS_KEY"])
NOTATIONS = st.sampled_from(
    ['{{"a": 1, "{0}": "{1}"}}', "{0}={1}&b=2", "export {0}={1}", "{0}: {1}\n", "call({0}='{1}')", '{{"{0}": ["{1}"]}}']
)
HIDDEN = st.one_of(
    KEYS.map(lambda key: Hidden(key, f"the key {key}, and more")),
    st.builds(lambda name, word, form: Hidden(word, form.format(name, word)), NAMES, PASSWORDS, NOTATIONS),
    KNOWN.map(lambda text: Hidden(text, f"it is {text} ", known=True)),
)


def of_bytes(text: str) -> bytes:
    return text.encode("utf-8")


ENCODINGS: dict[str, Callable[[str], str]] = {
    "none": str,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "escapes": lambda text: "".join(f"\\u{ord(one):04x}" for one in text),
    "percent": lambda text: quote(text, safe=""),
    "all percent": lambda text: "".join(f"%{one:02x}" for one in of_bytes(text)),
    "base64": lambda text: base64.b64encode(of_bytes(text)).decode(),
    "base64, moved by one": lambda text: base64.b64encode(b"x" + of_bytes(text)).decode(),
    "base64, moved by two": lambda text: base64.b64encode(b"xx" + of_bytes(text) + b"yy").decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(of_bytes(text)).decode().rstrip("="),
    "base64 of gzip": lambda text: base64.b64encode(gzip.compress(of_bytes(text), mtime=0)).decode(),
    "base64 of zlib": lambda text: base64.b64encode(zlib.compress(of_bytes(text))).decode(),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16")).decode(),
    "digits": lambda text: of_bytes(text).hex(),
    "DIGITS": lambda text: of_bytes(text).hex().upper(),
    "references": lambda text: "".join(f"&#{ord(one)};" for one in text),
}


class Put(NamedTuple):
    """What is sent and answered, with something in it."""

    url: str = "http://a.test/x"
    sent: bytes = b"{}"
    answered: bytes = b"{}"
    header: str = "text/plain"


def of_events(text: str, size: int) -> bytes:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    events = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": one}} for one in pieces
    ]
    return "".join(f"event: content_block_delta\ndata: {json.dumps(one)}\n\n" for one in events).encode()


PLACES: dict[str, Callable[[str], Put]] = {
    "query": lambda text: Put(url="http://a.test/x?" + urlencode({"q": text})),
    "path": lambda text: Put(url="http://a.test/x/" + quote(text, safe="") + "/y"),
    "header": lambda text: Put(header="text/plain; x=" + json.dumps(text)[1:-1]),
    "JSON": lambda text: Put(sent=json.dumps({"model": "m", "messages": [{"content": [{"text": text}]}]}).encode()),
    "name in JSON": lambda text: Put(sent=json.dumps({text: 1}).encode()),
    "JSON in JSON": lambda text: Put(answered=json.dumps({"a": json.dumps({"b": text})}).encode()),
    "pieces": lambda text: Put(answered=of_events(text, 7)),
    "small pieces": lambda text: Put(answered=of_events(text, 1)),
    "form": lambda text: Put(sent=urlencode({"a": "b", "text": text}).encode()),
    "multipart": lambda text: Put(
        sent=b'--b\r\nContent-Disposition: form-data; name="t"\r\n\r\n' + of_bytes(text) + b"\r\n--b--\r\n"
    ),
    "text": lambda text: Put(answered=b"what was said: " + of_bytes(text)),
    "UTF-16": lambda text: Put(answered=text.encode("utf-16")),
}


def recorded(put: Put, hidden: Hidden, folder: Path) -> Path:
    """The exchange as the transport records it; what is known is sent as a credential."""
    answer = httpx.Response(200, headers={"content-type": put.header}, content=put.answered)
    cassette = folder / "x.yaml"
    transport = RecordingTransport(
        httpx.MockTransport(lambda _: answer),
        cassette,
        mode="all",
        redaction=Redaction(secrets=(hidden.secret,) if hidden.known else ()),
    )
    with httpx.Client(transport=transport) as client:
        client.post(put.url, content=put.sent)
    assert transport.unrecorded == ()
    return cassette


def raw(put: Put, folder: Path) -> Path:
    """The same with nothing taken out."""
    one = Interaction(
        method="POST",
        url=put.url,
        request_headers=(),
        request=Held(put.sent),
        status=200,
        response_headers=(("content-type", put.header),),
        response=Held(put.answered),
    )
    file = folder / "raw.yaml"
    file.write_text(head({}) + item(one) + TAIL, encoding="utf-8")
    return file


def told(secret: str, encodings: list[str], cassette: Path) -> list[str]:
    """The ways in which a cassette tells a secret, by itself, or encoded as it was."""
    (one,) = load(cassette).interactions
    headers = "\n".join(f"{name}: {value}" for name, value in (*one.request_headers, *one.response_headers)).encode()
    written = [cassette.read_bytes(), one.url.encode(), headers, one.request.read(), one.response.read()]
    forms = {"none": secret, "+".join(encodings): encoded(secret, encodings)}
    forms |= {name: write(secret) for name, write in ENCODINGS.items()}
    # what stands around a text changes the ends of its base64, which are of no use here
    needles = {name: of_bytes(form)[4:-4] for name, form in forms.items() if "zip" not in name and "zlib" not in name}
    return [
        name for name, needle in needles.items() if len(needle) >= LEAST and any(needle in text for text in written)
    ]


def encoded(text: str, encodings: list[str]) -> str:
    for name in encodings:
        text = ENCODINGS[name](text)
    return text


CHAINS = st.lists(st.sampled_from(sorted(ENCODINGS)), max_size=2)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@example(Hidden("AKIADQABGBE2SU5S3EK7", "the key AKIADQABGBE2SU5S3EK7"), "JSON", ["base64 of gzip", "DIGITS"])
@example(Hidden(OF_MINE, f"the key {OF_MINE}, and more"), "small pieces", [])
@example(Hidden("prRp2odeFX8k7", '{"a": 1, "api_key": "prRp2odeFX8k7"}'), "form", [])
@example(Hidden("poTQIf9vzkHMC_k7", "call(refresh_token='poTQIf9vzkHMC_k7')"), "header", [])
@example(Hidden(SHORT, f'{{"password": "{SHORT}"}}'), "path", ["digits", "base64 of gzip"])
@example(Hidden(SHORT, f"it is {SHORT} ", known=True), "pieces", ["base64 of gzip", "base64 of UTF-16"])
@example(Hidden(OF_MINE, f"the key {OF_MINE}, and more"), "UTF-16", ["none"])
@given(HIDDEN, st.sampled_from(sorted(PLACES)), CHAINS)
def test_no_secret_is_told_and_none_is_missed(hidden: Hidden, place: str, encodings: list[str]) -> None:
    put = PLACES[place](encoded(hidden.text, encodings))
    known = (hidden.secret,) if hidden.known else ()
    with TemporaryDirectory() as name:
        folder = Path(name)
        cassette = recorded(put, hidden, folder)
        assert told(hidden.secret, encodings, cassette) == []
        assert list(scan(cassette, known=known)) == []
        assert list(scan(raw(put, folder), known=known)) != []


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(HIDDEN, CHAINS)
def test_a_request_with_a_secret_still_conforms_and_finds_its_answer(hidden: Hidden, encodings: list[str]) -> None:
    text = encoded(hidden.text, encodings)
    schema = {"name": "t", "input_schema": {"type": "object"}}
    use = {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "t",
        "input": {"api_key": text, "a": [text], "account_id": 123456},
    }
    asked = {
        "max_tokens": 5,
        "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": [use]}],
        "tools": [schema],
    }
    assert CONTRACT.request.is_valid(asked)
    headers = {"x-a-token": hidden.secret.encode("ascii", "replace").decode().strip()}
    with TemporaryDirectory() as name:
        cassette = Path(name) / "x.yaml"
        network = httpx.MockTransport(lambda _: httpx.Response(200, json={"said": text}))
        with httpx.Client(transport=RecordingTransport(network, cassette, mode="all")) as client:
            client.post("http://a.test/x", headers=headers, json=asked)
        (one,) = load(cassette).interactions
        assert CONTRACT.request.is_valid(json.loads(one.request.read()))
        assert json.loads(one.response.read()).keys() == {"said"}
        with httpx.Client(transport=RecordedTransport(load(cassette))) as client:
            assert client.post("http://a.test/x", headers=headers, json=asked).status_code == 200


KEY = "sk-ant-api03-" + "Ab3dEf7hIj-_" * 5 + "QAA"
MINE = "quite-a-secret"
FRAGMENTS = [
    *('"', "'", '\\"', "\\\\", "\\u0041", "%41", "%22", "&#65;", "&quot;", "{", "}", "[", "]", ",", ":", "=", "+", "/"),
    *("\n", "\r\n", " ", "\0", "é", "\x1f\x8b\x08", "1234567890", "hunter2hunter2"),
    *(
        '"password":',
        "api_key=",
        "Bearer ",
        "://a:b1cd@",
        "--api-key ",
        "Cookie: a=b1cdefgh;",
        '"name":"token","value":"',
    ),
    *("-----BEGIN PRIVATE KEY-----", "-----END", 'data: {"index":0,"delta":{"text":"', '"}}\n\n'),
    *(KEY, MINE, *(ENCODINGS[name](KEY) for name in ("base64", "base64 of gzip", "digits")), ENCODINGS["base64"](MINE)),
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join)


@settings(max_examples=300)
@example(" \\", 1)
@example("{" + ENCODINGS["digits"](KEY) + "-----END" + ENCODINGS["digits"](KEY), 7)
@example((ENCODINGS["base64"](KEY) + ", ") * 20, 7)
@example("-----BEGIN PRIVATE KEY-----\r\n}-----END", 7)
@example('--api-key \\u0041="password": ' + MINE, 7)
@given(TEXTS, st.integers(1, 60))
def test_json_stays_json_and_a_second_time_changes_nothing(text: str, size: int) -> None:
    redaction = Redaction(secrets=(MINE,))
    value = {"a": text, "password": {"b": text}, "b": json.dumps({text: [text], "api_key": [text]}), text: 1}
    body = json.dumps(value).encode()
    cut = [len(body[at : at + size]) for at in range(0, len(body), size)]
    cleaned, sizes = redaction.cut_body(body, tuple(cut))
    assert json.loads(cleaned).keys() >= {"a", "password", "b"}
    assert json.loads(json.loads(cleaned)["b"])
    assert (sum(sizes), min(sizes) >= 0, len(sizes)) == (len(cleaned), True, len(cut))
    assert redaction.body(cleaned) == cleaned
    assert MINE.encode() not in cleaned
    assert KEY.encode() not in cleaned
    raw = redaction.text(text)
    assert redaction.text(raw) == raw
