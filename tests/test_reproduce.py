"""Commands and programs that send a case by hand, really run: what arrives is what the campaign would have sent."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn

import haiku_contract as hc
from haiku_contract import wire
from haiku_contract.campaign.reproduce import MOST_BYTES, Recipe, curl, python
from haiku_contract.campaign.run import Target
from haiku_contract.cli import recipes
from haiku_contract.endpoint import surfaces
from haiku_contract.endpoint.reference.app import create_app
from haiku_contract.generate import suite
from haiku_contract.model import ABSENT, Case

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACT = hc.load()
MODEL = CONTRACT.model_id
NASTY = 'it\'s "quoted" $HOME `id` \\ \n\t!! %s é 😀'


class Listener:
    """An HTTP server that keeps what it is sent."""

    def __init__(self) -> None:
        heard: list[tuple[str, dict[str, str], bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                heard.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.heard = heard
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    listener = Listener()
    thread = threading.Thread(target=listener.server.serve_forever)
    thread.start()
    yield listener
    listener.server.shutdown()
    thread.join()
    listener.server.server_close()


def case(payload: Any, body: bytes | None = None, content_type: str = "application/json") -> Case:
    sent = wire.encode(payload) if body is None else body
    return Case("request/x", "request", "faulted", None, payload, sent, content_type=content_type)


def run_shell(command: str, **environment: str) -> str:
    done = subprocess.run(  # noqa: S603 - the command under test
        ["sh", "-c", command],  # noqa: S607 - wherever it is
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere", "NO_PROXY": "*", **environment},
        capture_output=True,
        timeout=30,
        check=True,
    )
    return done.stdout.decode()


def run_python(program: str) -> None:
    exec(compile(program, "reproduction", "exec"), {})  # noqa: S102 - the program under test


CASES = {
    "plain": case({"max_tokens": 1}),
    "quotes and line breaks": case({"messages": [{"role": "user", "content": NASTY}]}),
    "a text that is no JSON": case(ABSENT, b"@file 'x' \"y\"\n\r\n$(id) \\n %d"),
    "bytes that are no text": case(ABSENT, bytes(range(256)) + b"12"),
    "nothing": case(ABSENT, b""),
    "another content type": case({}, content_type="text/plain; charset=utf-8"),
    "no content type": case({}, content_type=""),
}


@pytest.mark.parametrize("surface", ["bare", "run"])
@pytest.mark.parametrize("name", CASES)
def test_what_arrives_is_the_request(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, name: str, surface: str
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    one = CASES[name]
    recipe = Recipe(f"{listener.url}/a[1]/%2F?x=1&y={{2}}", {"x-one": "a 'b' \"c\""}, surface, MODEL)
    command, program = curl(recipe, one), python(recipe, one)
    assert command is not None
    assert program is not None
    listener.heard.clear()
    assert run_shell(command).endswith("ok")
    run_python(program)
    by_curl, by_httpx = listener.heard
    for path, headers, body in (by_curl, by_httpx):
        assert path.startswith("/a")
        assert body == surfaces.named(surface).wrap(one.body, MODEL)
        assert headers["content-type"] == one.content_type
        assert headers["x-one"] == "a 'b' \"c\""
    assert by_curl[0] == "/a[1]/%2F?x=1&y={2}"


def test_secrets_are_read_when_it_runs(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    secret = "s3 \"c'r$t`\\"
    url = f"{listener.url}/accounts/$THE_ACCOUNT/x"
    recipe = Recipe(url, {"authorization": "Bearer $THE_TOKEN", "x": "$OTHER 'it'"}, "bare", MODEL,
                    ("THE_ACCOUNT", "THE_TOKEN"))  # fmt: skip
    command, program = curl(recipe, case({})), python(recipe, case({}))
    assert command is not None
    assert program is not None
    listener.heard.clear()
    run_shell(command, THE_TOKEN=secret, THE_ACCOUNT="acc")
    monkeypatch.setenv("THE_TOKEN", secret)
    monkeypatch.setenv("THE_ACCOUNT", "acc")
    run_python(program)
    for path, headers, _ in listener.heard:
        assert path == "/accounts/acc/x"
        assert (headers["authorization"], headers["x"]) == (f"Bearer {secret}", "$OTHER 'it'")
    assert len(listener.heard) == 2


def test_long_bodies_are_not_shown() -> None:
    recipe = recipes.of_reference("bare", CONTRACT, None)
    assert curl(recipe, case("x" * MOST_BYTES)) is None
    assert python(recipe, case("x" * MOST_BYTES)) is None


def test_recipes_hold_no_secret() -> None:
    target = Target("x", "https://me:pass@host.example/a%2Fb?key=secret#f", surfaces.named("bare"))
    recipe = recipes.of_url(target, CONTRACT)
    assert recipe.url == "https://$ENDPOINT_USERINFO@host.example/a%2Fb?$ENDPOINT_QUERY"
    assert recipe.variables == ("ENDPOINT_USERINFO", "ENDPOINT_QUERY")
    plain = recipes.of_url(Target("x", "http://host.example:81/a", surfaces.named("bare")), CONTRACT)
    assert (plain.url, plain.variables) == ("http://host.example:81/a", ())
    live = recipes.of_live("messages", CONTRACT)
    assert live.url.endswith("/accounts/$CLOUDFLARE_ACCOUNT_ID/ai/v1/messages")
    assert live.headers["authorization"] == "Bearer $CLOUDFLARE_API_TOKEN"
    command = curl(live, case({}))
    assert command is not None
    assert '"authorization: Bearer $CLOUDFLARE_API_TOKEN"' in command


def test_the_served_reference_endpoint_answers_as_the_campaign_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    server = uvicorn.Server(uvicorn.Config(create_app(CONTRACT), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        pass
    port = server.servers[0].sockets[0].getsockname()[1]
    hot = next(one for one in suite(CONTRACT, "request") if one.constraint == "request:/properties/temperature/maximum"
               and one.kind == "faulted")  # fmt: skip
    recipe = recipes.of_reference("messages", CONTRACT, "lenient:x")
    command = curl(recipe, hot)
    assert command is not None
    said = run_shell(command.replace("127.0.0.1:8000", f"127.0.0.1:{port}"))
    server.should_exit = True
    thread.join()
    head, _, body = said.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 400")
    assert "Invalid value at temperature" in json.loads(body)["errors"][0]["message"]
    assert recipe.before == "haiku-contract serve --fault lenient:x"
    assert httpx.URL(recipe.url).port == 8000
