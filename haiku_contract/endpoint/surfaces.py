"""The wire forms of the endpoint, as values: how a request is known, where the input is in it, how answers come back.

Paths, envelopes and codes are those of the published documentation and of published recordings; the `bare` surface, of
which nothing is published, follows the REST interface.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import rejections
from haiku_contract.errors import UsageError
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Asked(NamedTuple):
    """A request as far as its head tells.

    Attributes:
        method: in upper case.
        host: without the port.
        path: percent-decoded, without the query.
        headers: names in lower case.
        raw_path: the path as it was sent; empty where nobody knows.
    """

    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    raw_path: str = ""


class Refusal(Exception):  # noqa: N818 - an answer of the endpoint, not a malfunction
    """The envelope around the input is wrong.

    Attributes:
        status: HTTP status of the answer.
        code: the gateway's code.
        message: the gateway's words.
    """

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message


BARE: Final = "bare"
"""The surface that is the input as it is, for endpoints of anybody: nothing is published of how they answer."""

_DATE: Final = re.compile(r"-20\d{6}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Surface:
    """One wire form.

    Attributes:
        name: what it is called in options and reports.
        path: where it answers, below the base URL; empty when the base URL is the whole address.
        pattern: how its paths look, wherever they are served; a group `model` where the path names the model.
        wrap: (input bytes, model id) -> request body; works on any bytes, conforming or not.
        model: (head, decoded body) -> the model that is asked for; None when the request names none.
        input: decoded body -> the input in it; `ABSENT` where the body does not hold one.
        error: (status, code, message) -> body of an error.
        key: under which the body holds the input; empty where it is the input, or the input and the model's name.
    """

    name: str
    path: str
    pattern: re.Pattern[str]
    wrap: Callable[[bytes, str], bytes]
    model: Callable[[Asked, Any], str | None]
    input: Callable[[Asked, Any], Any]
    error: Callable[[int, int, str], dict[str, Any]]
    key: str = ""

    def unwrap(self, asked: Asked, body: Any, model_id: str) -> Any:
        """The input in a request to a model.

        Raises:
            Refusal: the request names no model or another one, or holds no input.
        """
        if self.name == "bare" or not isinstance(body, dict):
            return body
        model = self.model(asked, body)
        if model is None:
            raise Refusal(400, 7000, "No model id given")
        known = aliases(self, model_id)
        dated = self.name == "gateway" and _DATE.sub("", model) == known[0]  # the provider's own id, with its date
        if model not in known and not dated:
            raise Refusal(404, 7003, f"Model not found: {model}")
        found = self.input(asked, body)
        if found is ABSENT:
            raise Refusal(400, rejections.USER_INPUT_ERROR, f"{rejections.PREFIX}Required value missing: {self.key}")
        return found


def named(name: str) -> Surface:
    """The surface of that name.

    Raises:
        UsageError: there is none.
    """
    try:
        return SURFACES[name]
    except KeyError:
        raise UsageError(f"no surface {name!r}: choose one of {', '.join(SURFACES)}") from None


def recognise(asked: Asked) -> Surface | None:
    """The surface that a request is addressed to, by its method and path; None for everything else.

    `bare` has no form of its own and is never recognised; whoever uses it says so.
    """
    if asked.method != "POST":
        return None
    return next((one for one in SURFACES.values() if one.name != "bare" and one.pattern.search(asked.path)), None)


def aliases(surface: Surface, model_id: str) -> tuple[str, ...]:
    """The names under which a surface knows a model: the catalog's id, or the provider's own name for it."""
    if surface.name != "gateway":
        return (model_id,)
    bare = model_id.rpartition("/")[2]
    return (bare.replace(".", "-"), bare, model_id)


def message(value: Any) -> Any:
    """The message in the body of a success: in the REST envelope, in the preview's envelope, or the body itself."""
    return value["result"] if isinstance(value, dict) and _is_enveloped(value) else value


def is_error(value: Any) -> bool:
    """Whether a body says of itself that it is an error, whatever the status: in any of the shapes of errors."""
    if not isinstance(value, dict):
        return False
    if value.get("success") is False or value.get("state") == "Failed":
        return True
    return ("error" in value or "errors" in value) and "id" not in value and not _is_enveloped(value)


def _is_enveloped(value: dict[str, Any]) -> bool:
    return "result" in value and ("success" in value or value.get("state") == "Completed")


def _as_it_is(body: bytes, _model_id: str) -> bytes:
    return body


def _insert(member: bytes, body: bytes) -> bytes:
    """An object with one more member, put in as bytes, so that whatever is wrong with the rest stays as it is."""
    start = body.find(b"{")
    if start < 0 or body[:start].strip():
        return body
    rest = body[start + 1 :]
    comma = b"" if rest.lstrip().startswith(b"}") else b","
    return body[: start + 1] + member + comma + rest


def _with_model(body: bytes, model_id: str) -> bytes:
    return _insert(b'"model":' + json.dumps(model_id).encode(), body)


def _with_bare_model(body: bytes, model_id: str) -> bytes:
    return _with_model(body, model_id.rpartition("/")[2].replace(".", "-"))


def _in_run(body: bytes, model_id: str) -> bytes:
    return b'{"model":' + json.dumps(model_id).encode() + b',"input":' + body + b"}"


def _in_binding(body: bytes, _model_id: str) -> bytes:
    """What `env.AI.run(model, inputs, {gateway: {id: 'default', skipCache: true}})` sends.

    That a gateway id in the options decides for `/ai-gateway/run`, and that options arrive as they were given, is
    published with the runtime. Whether the gateway heeds `skipCache` here or the header of the other surfaces is not;
    so both are sent.
    """
    return b'{"inputs":' + body + b',"options":{"gateway":{"id":"default","skipCache":true}}}'


def _no_model(_asked: Asked, _body: Any) -> str | None:
    return None


def _model_in_body(_asked: Asked, body: Any) -> str | None:
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) else None


def _model_in_header(asked: Asked, _body: Any) -> str | None:
    return asked.headers.get("cf-consn-model-id")


def _model_in_path(asked: Asked) -> str | None:
    match = SURFACES["run"].pattern.search(asked.path)
    return match["model"] if match else None


def _model_of_run(asked: Asked, body: Any) -> str | None:
    return _model_in_path(asked) or _model_in_body(asked, body)


def _whole(_asked: Asked, body: Any) -> Any:
    return body


def _without_model(_asked: Asked, body: Any) -> Any:
    return {key: value for key, value in body.items() if key != "model"} if isinstance(body, dict) else body


def _under(key: str) -> Callable[[Asked, Any], Any]:
    return lambda _asked, body: body.get(key, ABSENT) if isinstance(body, dict) else ABSENT


def _input_of_run(asked: Asked, body: Any) -> Any:
    """Flat where the path names the model, as the generated SDKs send it; else under `input`."""
    return body if _model_in_path(asked) else _under("input")(asked, body)


def rest_error(_status: int, code: int, text: str) -> dict[str, Any]:
    """An error as the REST interface writes it."""
    return {"result": None, "success": False, "errors": [{"code": code, "message": text}], "messages": []}


def gateway_error(status: int, code: int, text: str) -> dict[str, Any]:
    """An error as the gateway itself writes it, to the Worker binding and to its own clients."""
    return {
        "success": False,
        "result": [],
        "messages": [],
        "error": [{"code": code, "message": text}],
        "name": "AiGatewayError",
        "httpCode": status,
        "internalCode": code,
        "message": text,
        "description": "User Input Error",
    }


SURFACES: Final[dict[str, Surface]] = {
    one.name: one
    for one in (
        Surface(BARE, "", re.compile(""), _as_it_is, _no_model, _whole, rest_error),
        Surface(
            "binding",
            "/ai-gateway/run?version=3",
            re.compile(r"^/(?:ai-gateway/)?run$"),
            _in_binding,
            _model_in_header,
            _under("inputs"),
            gateway_error,
            "inputs",
        ),
        Surface(
            "run",
            "/ai/run",
            re.compile(r"(?:^|/accounts/[^/]+)/ai/run(?:/(?P<model>.+))?$"),
            _in_run,
            _model_of_run,
            _input_of_run,
            rest_error,
            "input",
        ),
        Surface(
            "gateway",
            "/anthropic/v1/messages",
            re.compile(r"^/v1/[^/]+/[^/]+/anthropic/v1/messages$"),
            _with_bare_model,
            _model_in_body,
            _without_model,
            gateway_error,
        ),
        Surface(
            "messages",
            "/ai/v1/messages",
            re.compile(r"/v1/messages$"),
            _with_model,
            _model_in_body,
            _without_model,
            rest_error,
        ),
    )
}
"""The surfaces by name, the more particular path first."""
