"""How to send a case by hand: a line for a shell, and a few lines of Python.

Neither holds a secret: what must not be shown stands in a recipe as `$NAME`, and is read from the environment when the
line runs. Whatever else a payload holds (quotes, line breaks, bytes that are no text) is quoted.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract.endpoint import surfaces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haiku_contract.model import Case

MOST_BYTES: Final = 65_536
"""Longer bodies are not shown; `haiku-contract replay` sends them."""

_AS_IT_IS: Final = re.compile(r"[\w ./:;,=?&%@+~-]*", re.ASCII)
_PLAIN: Final = frozenset(b'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;/+=-_{}[]"')
_BYTES: Final = tuple(
    chr(byte) if byte in _PLAIN else "%%" if byte == ord("%") else f"\\{byte:03o}" for byte in range(256)
)


class Recipe(NamedTuple):
    """How requests to an endpoint look.

    Attributes:
        url: the address; a part that must not be shown is `$` and the name of a variable of the environment.
        headers: what every request carries beside its body, likewise.
        surface: the wire form.
        model_id: the model that is asked.
        variables: the names of the variables.
        before: the command that starts the endpoint; empty where it is there already.
    """

    url: str
    headers: Mapping[str, str]
    surface: str
    model_id: str
    variables: tuple[str, ...] = ()
    before: str = ""


def curl(recipe: Recipe, case: Case) -> str | None:
    """The command for a POSIX shell that sends a case; None where the body is too long for one."""
    body = _body(recipe, case)
    if body is None:
        return None
    headers = [f"-H {_in_shell(_header(name, value), recipe)}" for name, value in _headers(recipe, case).items()]
    command = " ".join(["curl -sS -i -g", _in_shell(recipe.url, recipe), *headers])
    text = _text(body)
    if text is None:
        return f"printf '{_octal(body)}' | {command} --data-binary @-"
    return f"{command} --data-raw {shlex.quote(text)}"


def python(recipe: Recipe, case: Case) -> str | None:
    """The Python program that sends a case with httpx; None where the body is too long to be read."""
    body = _body(recipe, case)
    if body is None:
        return None
    text = _text(body)
    content = repr(body) if text is None or text.isascii() else f"{text!r}.encode()"
    headers = "".join(
        f"        {name!r}: {_in_python(value, recipe)},\n" for name, value in _headers(recipe, case).items()
    )
    imports = "import os\n\n" if recipe.variables else ""
    return (
        f"{imports}import httpx\n\n"
        "response = httpx.post(\n"
        f"    {_in_python(recipe.url, recipe)},\n"
        f"    headers={{\n{headers}    }},\n"
        f"    content={content},\n"
        "    timeout=60,\n"
        ")\n"
        "print(response.status_code, response.text)\n"
    )


def _body(recipe: Recipe, case: Case) -> bytes | None:
    body = surfaces.named(recipe.surface).wrap(case.body, recipe.model_id)
    return body if len(body) <= MOST_BYTES else None


def _headers(recipe: Recipe, case: Case) -> dict[str, str]:
    return {**recipe.headers, "content-type": case.content_type}


def _header(name: str, value: str) -> str:
    """A header as curl takes it, for which one without a value ends in a semicolon."""
    return f"{name}: {value}" if value else f"{name};"


def _text(body: bytes) -> str | None:
    """The body as text, where a shell can carry it; a NUL ends every argument."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _octal(body: bytes) -> str:
    """Bytes as the format of printf: what is special to it or to the shell is escaped."""
    return "".join(_BYTES[byte] for byte in body)


def _parts(text: str, recipe: Recipe) -> list[str]:
    """The text in turns: what stands for itself, the name of a variable, what stands for itself, and so on."""
    names = "|".join(map(re.escape, recipe.variables))
    return re.split(rf"\$({names})\b", text) if names else [text]


def _in_shell(text: str, recipe: Recipe) -> str:
    parts = _parts(text, recipe)
    if len(parts) > 1 and all(_AS_IT_IS.fullmatch(part) for part in parts):
        return f'"{text}"'
    quoted = (f'"${part}"' if index % 2 else shlex.quote(part) for index, part in enumerate(parts) if part)
    return "".join(quoted) or "''"


def _in_python(text: str, recipe: Recipe) -> str:
    parts = _parts(text, recipe)
    terms = (f"os.environ[{part!r}]" if index % 2 else repr(part) for index, part in enumerate(parts) if part)
    return " + ".join(terms) or "''"
