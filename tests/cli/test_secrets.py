"""Marked secrets everywhere, an endpoint that repeats them in every way, and a search of every byte that is written."""

from __future__ import annotations

import base64
import contextlib
import gzip
import html
import json
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest

import haiku_contract as hc
from haiku_contract.cli import targets
from haiku_contract.endpoint.secrets import standin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Listen = Callable[[Callable[[bytes], bytes]], Any]

ROOT: Final = Path(__file__).resolve().parents[2]
TOKEN: Final = "mark-Token.7f/3a+9c=d"
ACCOUNT: Final = "markaccount0123456789abcdef"
GATEWAY: Final = "mark-gateway-of-ours"
KEY: Final = "mark-Key_of-header&<1>"
COOKIE: Final = "mark-cookie-value-22"
PASSWORD: Final = "mark-p4ss:word"
QUERY: Final = "mark-query-signature"
PROXY: Final = "mark-proxy-password"
SECRETS: Final = (TOKEN, ACCOUNT, GATEWAY, KEY, COOKIE, PASSWORD, QUERY, PROXY)
ENVIRONMENT: Final = {
    "CLOUDFLARE_API_TOKEN": TOKEN,
    "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
    "CLOUDFLARE_GATEWAY_ID": GATEWAY,
    "MY_KEY": KEY,
    "MY_COOKIE": f"session={COOKIE}",
    "HTTPS_PROXY": f"http://me:{PROXY}@127.0.0.1:9",
    "NO_PROXY": "127.0.0.1",
    "PYTHONDEVMODE": "1",
}
CHECK: Final = """
import logging
import os
logging.basicConfig(level=logging.DEBUG, filename="debug.log")
logging.getLogger().addHandler(logging.StreamHandler())
def talk(judged):
    "Raises with all that it can see."
    raise ValueError(f"{judged!r} {os.environ['CLOUDFLARE_API_TOKEN']} {os.environ['MY_KEY']!r}")
def tell(judged):
    "Says all that it knows."
    yield f"the token is {os.environ['CLOUDFLARE_API_TOKEN']}"
"""
MAIN: Final = """
import os, sys
from haiku_contract.cli import main
from haiku_contract.endpoint import live
live._API = os.environ["SOMEBODY"] + "/client/v4/accounts/"
live._GATEWAY = os.environ["SOMEBODY"] + "/v1/"
raise SystemExit(main())
"""
MESSAGE: Final = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5-20251001",
    "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip


def forms(secret: str) -> Iterator[bytes]:
    """What a secret may look like in a file."""
    raw = secret.encode()
    texts = {
        secret,
        json.dumps(secret)[1:-1],
        html.escape(secret),
        quote(secret, safe=""),
        raw.hex(),
        raw.hex().upper(),
    }
    texts.add("".join(f"\\u{ord(one):04x}" for one in secret))
    for text in texts:
        yield text.encode()
    for ahead in range(3):  # what of its base64 does not depend on what stands beside it
        coded = base64.b64encode(bytes(ahead) + raw)
        core = coded[-(-ahead * 8 // 6) : (ahead + len(raw)) * 8 // 6]
        yield from (core, core.translate(bytes.maketrans(b"+/", b"-_")))


FORMS: Final = {form: secret for secret in SECRETS for form in forms(secret)}
SEARCH: Final = re.compile(b"|".join(re.escape(form) for form in FORMS))
BASE64: Final = re.compile(rb"[A-Za-z0-9+/]{16,}={0,2}")


def shown(data: bytes, depth: int = 2) -> set[str]:
    """The secrets in bytes, also in what is coded or compressed in them."""
    found = {FORMS[match] for match in SEARCH.findall(data)}
    for coded in BASE64.findall(data) if depth else ():
        plain = coded.rstrip(b"=")
        inner = base64.b64decode(plain[: len(plain) - len(plain) % 4] if len(plain) % 4 == 1 else plain + b"==")
        found |= shown(inner, depth - 1)
        with contextlib.suppress(zlib.error):
            found |= shown(zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(inner), depth - 1)
    return found


def http(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def as_json(status: str, value: Any, *headers: str) -> bytes:
    return http(status, json.dumps(value).encode(), "content-type: application/json", *headers)


def stream(text: str) -> bytes:
    start = {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}}
    events: list[dict[str, Any]] = [
        start,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": text}},
        {"type": text, "error": text},
        {"type": "error", "error": {"type": "api_error", "message": text}},
    ]
    body = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events).encode()
    return http("200 OK", body, "content-type: text/event-stream; charset=utf-8")


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(one):04x}" for one in text)


# Ways to repeat a text that a request came with.
WAYS: Final[tuple[Callable[[str], bytes], ...]] = (
    lambda text: as_json("400 Bad", {"success": False, "errors": [{"code": 7003, "message": text}]}),
    lambda text: as_json("500 Oops", {"error": [{"code": 1, "message": text}]}, f"x-echo: {text}", f"{text}: x"),
    stream,
    lambda text: http("307 Elsewhere", b"", f"location: http://x/{quote(text)}?{text}", f"set-cookie: a={text}"),
    lambda text: as_json("200 OK", {**MESSAGE, "model": text, "content": [{"type": "text", "text": text}]}),
    lambda text: as_json("200 OK", {**MESSAGE, "id": base64.b64encode(text.encode()).decode(), "content": []}),
    lambda text: f"HTTP/1.1 200 OK\r\n{text}\r\n\r\n".encode("latin-1"),
    lambda text: f"HTTP/1.1 200 {text}\r\ncontent-length: 0\r\n\r\n".encode("latin-1"),
    lambda text: f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{text}\r\n".encode("latin-1"),
    lambda text: http("502 Bad", html.escape(text).encode(), "content-type: text/html"),
    lambda text: http("418 Teapot", text.encode().hex().encode(), f"content-type: text/{text}"),
    lambda text: http("400 Bad", f'{{"message": "{escaped(text)}"}}'.encode(), "content-type: application/json"),
    lambda text: http("200 OK", gzip.compress(text.encode()), "content-encoding: gzip", "content-type: text/plain"),
    lambda text: http("400 Bad", gzip.compress(text.encode()), "content-type: application/octet-stream"),
    lambda text: http("200 OK", b"{}", f"content-encoding: {text}", "content-type: application/json"),
    lambda text: as_json("403 No", {"error": {"type": "permission_error", "message": text}, "type": "error"}),
)


class Parrot:
    """Answers the first request properly, and each further one in the next way, with all that came in its head."""

    def __init__(self, first: bool = True) -> None:
        self.first = first
        self.turn = 0

    def __call__(self, request: bytes) -> bytes:
        head = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        coded = [base64.b64decode(one.split()[-1]).decode() for one in head if "Basic " in one]
        text = " ".join([*head[0].split()[:2], *(one.partition(": ")[2] for one in head[1:]), *coded])
        self.turn += 1
        if self.first and self.turn == 1:
            return as_json("200 OK", {**MESSAGE, "content": [{"type": "text", "text": text}]})
        return WAYS[self.turn % len(WAYS)](text)


@pytest.fixture
def run(tmp_path: Path, listen: Listen) -> Callable[..., str]:
    """Run command lines in a process of its own and an empty folder; what they print, with the codes that they end in.

    `{here}` in an argument is the address of a parrot, without `http://`.
    """
    (tmp_path / "own.py").write_text(CHECK, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()} | ENVIRONMENT

    def go(*arguments: str, codes: tuple[int, ...] = (0, 1, 4)) -> str:
        somebody = listen(Parrot())
        here = somebody.url.removeprefix("http://")
        command = [sys.executable, "-X", "dev", "-c", MAIN, *(one.replace("{here}", here) for one in arguments)]
        settings: dict[str, Any] = {"cwd": tmp_path, "env": environment | {"SOMEBODY": somebody.url}}
        done = subprocess.run(command, capture_output=True, check=False, timeout=60, **settings)  # noqa: S603 - us
        assert done.returncode in codes, done.stderr.decode()[-2000:]
        assert somebody.heard
        (tmp_path / f"{len(list(tmp_path.iterdir()))}.out").write_bytes(done.stdout + b"\n" + done.stderr)
        return done.stdout.decode()

    return go


def written(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for what the tests themselves have put there."""
    files = [one for one in folder.rglob("*") if one.is_file() and one.name != "own.py" and one.suffix != ".pyc"]
    return {str(one.relative_to(folder)): one.read_bytes() for one in files}


def check(folder: Path, sign: str = "REDACTED") -> None:
    """No secret is in any file, and something is there in place of one."""
    files = written(folder)
    assert not {name: found for name, body in files.items() if (found := shown(body))}
    assert any(sign.encode() in body for body in files.values())


CHECKS: Final = ("--check", "own:talk", "--check", "own:tell")
FUZZ: Final = ("fuzz", "--retries", "0", "--timeout", "2", "--rate", "none", *CHECKS)
HEADERS: Final = ("--header", "X-Api-Key: env:MY_KEY", "--header", "Cookie: env:MY_COOKIE")
USER: Final = f"http://me:{quote(PASSWORD, safe='')}@{{here}}/client/v4/accounts/{ACCOUNT}?signature={QUERY}"
KEPT: Final = ("--resume", "run.jsonl", "--explore", "4", "--database", "examples")


def test_the_search_finds_what_it_should() -> None:
    for secret in SECRETS:
        coded = base64.b64encode(f"x{secret}yz".encode())
        for body in (secret.encode(), coded, gzip.compress(secret.encode()), escaped(secret).encode()):
            assert shown(b"a " + body + b" b") == ({secret} if body[:2] != b"\x1f\x8b" else set())
        assert shown(base64.b64encode(gzip.compress(secret.encode()))) == {secret}


def test_a_campaign_at_a_url(run: Callable[..., str], tmp_path: Path) -> None:
    update = ("--baseline", "known.json", "--update-baseline", "--reason", "of today")
    run(*FUZZ, "--url", USER, *HEADERS, "--format", "json", "--output", "report.json", *KEPT, *update)
    run(*FUZZ, "--url", USER, *HEADERS, "--baseline", "known.json", "--output", "report.txt")
    check(tmp_path)


def test_a_campaign_with_a_bearer(run: Callable[..., str], tmp_path: Path) -> None:
    url = f"http://{{here}}/client/v4/accounts/{ACCOUNT}?signature={QUERY}"
    bearer = ("--header", "Authorization: Bearer env:CLOUDFLARE_API_TOKEN")
    run(*FUZZ, "--url", url, "--surface", "messages", *HEADERS, *bearer, "--resume", "run.jsonl")
    check(tmp_path)


RECORD: Final = (
    *("record", "--record-mode", "all", "--cassette", "recorded.yaml"),
    *("--retries", "0", "--timeout", "2", "--rate", "none"),
)


def test_a_recording(run: Callable[..., str], tmp_path: Path) -> None:
    run(*RECORD, "--url", USER, *HEADERS)
    check(tmp_path, standin(ACCOUNT))
    assert (tmp_path / "recorded.yaml").stat().st_size > 10_000


def test_a_recording_of_the_real_endpoint(run: Callable[..., str], tmp_path: Path) -> None:
    run(*RECORD, "--live", "--surface", "run", "--max-requests", str(2 * len(WAYS)), codes=(1,))
    check(tmp_path, standin(ACCOUNT))
    assert (tmp_path / "recorded.yaml").stat().st_size > 10_000


@pytest.mark.parametrize("surface", ["run", "messages", "gateway"])
def test_the_real_endpoint(run: Callable[..., str], tmp_path: Path, surface: str) -> None:
    run(*FUZZ, "--live", "--surface", surface, "--format", "json", "--output", "report.json", *KEPT[:2], codes=(1,))
    report = json.loads((tmp_path / "report.json").read_bytes())
    assert {"CLOUDFLARE_API_TOKEN"} <= set(report["findings"][0]["reproduce"]["variables"])
    fingerprint = next(one["fingerprint"] for one in report["findings"] if one["witness"])
    run("replay", fingerprint, "--report", "report.json", "--live", "--surface", surface, *CHECKS, "--format", "json")
    check(tmp_path)


def test_two_endpoints(run: Callable[..., str], tmp_path: Path) -> None:
    there = USER.replace("me:", "else:")
    run(*FUZZ, "--url", USER, *HEADERS, "--compare-with", there, "--format", "json", codes=(1, 4))
    check(tmp_path)


@pytest.mark.parametrize("way", range(len(WAYS)))
def test_the_first_answer_is_the_last(
    cli: Callable[..., Any], listen: Listen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: int
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    parrot = Parrot(first=False)
    parrot.turn = way
    here = listen(parrot).url.removeprefix("http://")
    arguments = (*FUZZ[:-4], "--url", USER.format(here=here), *HEADERS, "--max-requests", "1", "--format", "json")
    result = cli(*arguments, "--resume", "run.jsonl")
    assert not shown((result.out + result.err).encode() + b"".join(written(tmp_path).values()))


@pytest.mark.parametrize(("gateway", "is_hidden"), [(GATEWAY, True), ("max_tokens", False), ("default", False)])
def test_a_gateway_that_is_a_word_of_the_contract_is_left_in_answers(gateway: str, *, is_hidden: bool) -> None:
    """Taken out, it would change what answers say."""
    nowhere: dict[str, Any] = dict.fromkeys(("url", "account", "fault"))
    place = SimpleNamespace(contract=hc.load(), live=True, surface="run", gateway=gateway, header=(), **nowhere)
    assert (gateway in targets.destination(place, ENVIRONMENT).secrets) == is_hidden


def test_a_password_cannot_be_guessed_from_a_journal(cli: Callable[..., Any], listen: Listen, tmp_path: Path) -> None:
    """The journal tells endpoints apart, and not the passwords for them; so a new one does not begin anew."""
    here = listen(Parrot()).url.removeprefix("http://")
    for password in ("first-of-them", "second-of-them"):
        cli("fuzz", "--url", f"http://me:{password}@{here}", "--max-requests", "1", "--resume", "run.jsonl")
    lines = (tmp_path / "run.jsonl").read_bytes().splitlines()
    assert len(lines) == 1 + 2
    assert cli("fuzz", "--url", f"http://{here}/else", "--resume", "run.jsonl").code == 2
