"""Secrets that once got through: each in its place and encoding, with the words around it that must stay."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from haiku_contract.endpoint.decoders import DECODERS
from haiku_contract.endpoint.known_secrets import of_environment
from haiku_contract.endpoint.redaction import Redaction
from haiku_contract.endpoint.secret_kinds import kinds
from haiku_contract.errors import UnsearchableError

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "sk-ant-api03-" + "Ab3dEf7hIj-_" * 5 + "QAA"
WORD = "qwLongPasswordValue77"
TOKEN = "Qk3vT9xLm2Rw8YzPj4Hs6Nd1Bf5Gc7Ka0Ue_-AbC"


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def gzipped(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def part(name: str, value: str) -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n--b--'


def delta(text: str, index: int = 0) -> str:
    event = {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}
    return f"event: content_block_delta\ndata: {json.dumps(event)}\n\n"


# where a secret stands -> the text, the secret, what must stay
PLACES: dict[str, tuple[str, str, str]] = {
    "a variable": (f"run: export API_KEY={WORD} and so on", WORD, "run: export API_KEY="),
    "YAML": (f"api_key: {WORD}\nb: 1", WORD, "\nb: 1"),
    "Python": (f"client(api_key='{WORD}', n=1)", WORD, "', n=1)"),
    "a header in a text": (f"curl -H 'x-api-key: {WORD}'", WORD, "curl -H 'x-api-key: "),
    "the first field of a form": (f"password={WORD}&b=1", WORD, "&b=1"),
    "a part of a form": (part("api_key", WORD), WORD, "\r\n--b--"),
    "a part that is a file": (part('client_secret"; filename="a.txt', WORD), WORD, "\r\n--b--"),
    "a list": (json.dumps({"password": [WORD, "b"], "c": "d"}), WORD, '"c": "d"'),
    "an object": (json.dumps({"password": {"value": WORD}, "c": "d"}), WORD, '"value"'),
    "words": (json.dumps({"password": "correct horse battery"}), "horse", '{"password": "'),
    "a dollar": (json.dumps({"password": "qw$Long*Value77"}), "Long", '{"password": "'),
    "a quote": (json.dumps({"password": 'qw"LongValue77'}), "LongValue", '{"password": "'),
    "a quote in JSON in JSON": (json.dumps({"a": json.dumps({"password": 'qw"LongV77'})}), "LongV77", '{"a": "'),
    "a number": ('{"account_id": 123456789012, "b": 1}', "23456789012", '"b": 1}'),
    "a name with an escape": (rf'{{"api\u005fkey": "{WORD}"}}', WORD, r'{"api\u005fkey": "'),
    "an element": (f"<Password>{WORD}</Password>", WORD, "<Password>"),
    "a token without a prefix": (f"the token {TOKEN} is", TOKEN, " is"),
    "a global key": ("x " + "c2547eb745079dac9320b638f5e225cf483cc", "c2547eb745079dac", "x "),
    "a name with more": (json.dumps({"password_confirmation": WORD}), WORD, "_confirmation"),
    "name and value": (json.dumps({"name": "API_KEY", "value": WORD}), WORD, '"value": "'),
    "name and value in YAML": (f"- name: API_KEY\n  value: {WORD}\n", WORD, "value: "),
    "attributes": (f'<add key="ApiKey" value="{WORD}"/>', WORD, 'value="'),
    "a pair": (json.dumps([["x-api-key", "aB3dE5gH7jK9mN1pQ3sT5"]]), "dE5gH7jK9", '["x-api-key", "'),
    "an option": (f"tool --api-key {WORD} --n 1", WORD, "--n 1"),
    "cookies": (f"Cookie: a=first-one-7; b={WORD}\nnext", WORD, "\nnext"),
    "a gateway in headers": (json.dumps({"cf-aig-gateway-id": "my-gateway"}), "my-gateway", "gateway-id"),
    "glued to a word": (f"my_{KEY}", KEY, "my_"),
    "glued to another": (f"prefix{KEY} suffix", KEY, " suffix"),
    "behind an id of an app": (
        "ghs_12_eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "dozjgNryP4J3",
        "ghs_12_eyJ",
    ),
    "two at once": (f"{KEY}{KEY} {WORD}", "Ab3dEf7", WORD),
}


@pytest.mark.parametrize("name", PLACES)
def test_no_place_hides_a_secret(name: str) -> None:
    text, secret, stays = PLACES[name]
    assert secret in text
    cleaned = Redaction().text(text)
    assert secret not in cleaned
    assert stays in cleaned
    assert list(Redaction().found(cleaned)) == []
    if text.startswith(("{", "[")):
        assert type(json.loads(cleaned)) is type(json.loads(text))


# an encoding -> how a text is written in it, and read again
ENCODINGS: dict[str, tuple[Callable[[str], str], Callable[[str], str]]] = {
    "escapes": (lambda text: "".join(f"\\u{ord(one):04x}" for one in text), lambda text: json.loads(f'"{text}"')),
    "percent": (lambda text: "".join(f"%{ord(one):02X}" for one in text), str),
    "base64": (base64_of, lambda text: base64.b64decode(text).decode()),
    "base64 twice": (
        lambda text: base64_of(base64_of(text)),
        lambda text: str(base64.b64decode(base64.b64decode(text))),
    ),
    "base64 for addresses": (lambda text: base64_of(text).translate({43: "-", 47: "_"}).rstrip("="), str),
    "base64 in lines": (
        lambda text: base64.encodebytes(text.encode()).decode(),
        lambda text: str(base64.b64decode(text)),
    ),
    "base64 of gzip": (gzipped, lambda text: gzip.decompress(base64.b64decode(text)).decode()),
    "base64 of zlib": (
        lambda text: base64.b64encode(zlib.compress(text.encode())).decode(),
        lambda text: zlib.decompress(base64.b64decode(text)).decode(),
    ),
    "digits": (lambda text: text.encode().hex(), lambda text: bytes.fromhex(text).decode()),
    "DIGITS": (lambda text: text.encode().hex().upper(), lambda text: bytes.fromhex(text).decode()),
    "UTF-16": (lambda text: text.encode("utf-16-le").decode("latin-1"), lambda text: text.replace("\0", "")),
    "UTF-16 the other way": (
        lambda text: text.encode("utf-16-be").decode("latin-1"),
        lambda text: text.replace("\0", ""),
    ),
    "references": (lambda text: "".join(f"&#{ord(one)};" for one in text), str),
    "hexadecimal references": (lambda text: "".join(f"&#x{ord(one):x};" for one in text), str),
}


@pytest.mark.parametrize("secret", [KEY, TOKEN, "quite-a-secret-7"], ids=["key", "token", "known"])
@pytest.mark.parametrize("name", ENCODINGS)
def test_no_encoding_hides_a_secret(name: str, secret: str) -> None:
    write, read = ENCODINGS[name]
    redaction = Redaction(secrets=("quite-a-secret-7",))
    text = f"<{write(f'it is {secret} here')}>"
    cleaned = redaction.text(text)
    assert list(redaction.found(text, sure=True)) != []
    assert list(redaction.found(cleaned)) == []
    plain = read(cleaned[1:-1])
    assert secret not in plain
    assert "it is " in plain or read is str


def test_every_decoder_is_tested() -> None:
    # the pieces of a stream are tested with the streams
    assert set(DECODERS) == {
        "compression",
        "escapes",
        "percent-encoding",
        "character references",
        "UTF-16",
        "base64",
        "hexadecimal digits",
        "pieces of a stream",
    }


def test_pieces_that_come_in_between_those_of_another_block() -> None:
    pieces = [KEY[at : at + 5] for at in range(0, len(KEY), 5)]
    events = "".join(delta(one) + delta("lorem ipsum ", 1) for one in pieces)
    cleaned = Redaction().text(events)
    assert pieces[4] not in cleaned
    assert cleaned.count("lorem ipsum ") == len(pieces)


def test_what_is_encoded_in_pieces_is_found_in_them() -> None:
    coded = base64_of(f"the key is {KEY}, and so on")
    pieces = [coded[at : at + 7] for at in range(0, len(coded), 7)]
    cleaned = Redaction().text("".join(map(delta, pieces)))
    said = [json.loads(line[5:])["delta"]["text"] for line in cleaned.splitlines() if line.startswith("data:")]
    assert [len(one) for one in said] == [len(one) for one in pieces]
    assert base64.b64decode("".join(said)).decode().startswith("the key is sk-ant-api03-xxxx")


def test_what_overlaps_is_replaced_whole() -> None:
    text = f"https://someone:abc-{WORD}@a.test/"
    assert Redaction(secrets=(f"{WORD}@a.test",)).text(text) == f"https://xxxxxxx:xxx-{'x' * len(WORD)}@x.xxxx/"


WORDS = [
    "password: required, token: a word, credentials: include",
    '{"errors": {"name": ["must not be blank"]}}',
    "api_key=os.environ['API_KEY'], password = getpass(prompt), token=None",
    "commit 5b2b1a3c4d5e6f708192a3b4c5d6e7f8091a2b3c of yesterday",
    "https://user:password@example.test/ is how it is written",
    "chatcmpl-AbCdEf0123456789AbCdEf0123456789Ab msg_01XFDUDYJgAACzvnptvVoYEL",
    "task-management-in-large-organisations-of-today",
    '{"type": "object", "properties": {"password": {"type": "string", "description": "at least 8 characters"}}}',
    '{"usage": {"input_tokens": 123456789, "output_tokens": 123456789}, "max_tokens": 12345678}',
    '{"required": ["api_key", "password", "address1"], "enum": ["token", "sha256sum"]}',
    "a cookie: it is sweet, and has 12 crumbs",
    "class _V1ValidatorWithValuesAndKwargsClsMethod:",
    "Expected sha256 abcdeabcdeabcdeabcdeabcdeabcdeabcdeabcdeabcde",
    "d2l0aCBub3RoaW5nIGluIGl0IGJ1dCB3b3Jkcw==",
]


@pytest.mark.parametrize("text", WORDS)
def test_words_are_no_secrets(text: str) -> None:
    assert list(Redaction().found(text, sure=True)) == []


def test_every_kind_of_secret_has_a_name_for_people() -> None:
    assert all(one.name and one.pattern.groupindex["secret"] for one in kinds())


def test_the_environment_names_its_secrets() -> None:
    environment = {
        "CLOUDFLARE_API_TOKEN": "abcdefgh-12345",
        "DB_PASSWORD": "postgres",
        "PATH": "/usr/bin:/bin-12345",
        "SSH_AUTH_SOCK": "/run/agent.12345678",
        "MY_SECRET": "<put it here 12345>",
        "GITHUB_TOKEN": " ghx-1234567890 ",
        "KEYBOARD": "german-12345",
    }
    assert of_environment(environment) == ("abcdefgh-12345", "ghx-1234567890")


def test_what_cannot_be_looked_into_is_refused() -> None:
    frame = b"\x28\xb5\x2f\xfd" + bytes(40)
    with pytest.raises(UnsearchableError, match="zstd"):
        Redaction().body(b'{"a": "' + base64.b64encode(frame) + b'"}')


def test_a_bomb_is_refused() -> None:
    bomb = base64.b64encode(gzip.compress(bytes(70 * 1024 * 1024))).decode()
    with pytest.raises(UnsearchableError, match="too large"):
        Redaction().text(f'{{"a": "{bomb}"}}')


def test_a_form_that_is_escaped_is_still_one() -> None:
    text = f"a=1&next=%2Flogin%3Fpassword%3D{quote(WORD)}"
    assert Redaction().text(text) == "a=1&next=%2Flogin%3Fpassword%3D" + "x" * len(WORD)
