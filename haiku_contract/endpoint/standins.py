"""What is written in place of a secret, and what of a text says that it is none."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Final

from haiku_contract.endpoint.secret_forms import KEPT

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\Z")
_HEX: Final = re.compile(r"(?=.*\d)(?:[0-9a-f]{8,}|[0-9A-F]{8,})\Z")
_NIL: Final = "00000000-0000-4000-8000-000000000000"
_ESCAPE: Final = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_LEAST_REST: Final = 4  # characters: of less a prefix is the whole

_MARK: Final = re.compile(
    r"(?i:<[^>]*>|\[[^\]]*\]|%[a-z_]+%|\$[({]?[a-z_][a-z0-9_]*[)}]?|\{\{?[^{}]*\}\}?|[x*.#-]+|env:\w+|default)\Z"
)
"""What stands for something else."""

_WORDS: Final = re.compile(
    r"(?i:(?:your|my|the|some|dummy|fake|test|example|redacted|filtered|placeholder|api[_-]?key|null|none|undefined|"
    r"default|bearer|secret|password|token|string)(?:[a-z_. :-]{0,40}|[ _.:-][\w. :-]{0,40})|"
    r"(?-i:[A-Z]{2,}(?:_[A-Z]{2,})+))\Z"
)
"""What says what belongs there."""

_OF_CODE: Final = re.compile(
    r"(?:self|this|cls|os|sys|env|environ|process|import|settings|config|args?|options?|opts|params?|request|req|data|"
    r"ctx|context|st|secrets|var|local|module|each|inputs?|props|state|client|auth|credentials?|known|parsed|"
    r"key|token|str|string|bytes|typing|Optional|Any)\b[.?|]"
)


def standin(secret: str) -> str:
    """What is written in place of a secret: a text of the same form that tells nothing of it."""
    if _UUID.match(secret):
        return _NIL
    kept = KEPT.match(secret)
    start = kept[0] if kept and len(secret) - kept.end() >= _LEAST_REST else ""
    rest = secret[len(start) :]
    if rest.isdecimal() and rest[0] != "0":
        return start + "1" + "0" * (len(rest) - 1)  # a number is still one in JSON
    if rest.isdecimal() or _HEX.match(rest):
        return start + "0" * len(rest)
    fill = "X" if rest == rest.upper() else "x"
    return start + re.sub(r"[^./=%:@\s;,-]", fill, rest, flags=re.ASCII)


def written(secret: str) -> str:
    """The stand-in for a secret that may be written with the escapes of JSON: that of what they stand for."""
    if "\\" not in secret:
        return standin(secret)
    try:
        plain = json.loads(f'"{secret}"', strict=False)
    except ValueError:
        plain = _ESCAPE.sub("x", secret)
    return json.dumps(standin(plain))[1:-1]


def is_mark(text: str) -> bool:
    """Whether a text in the place of a secret is a stand-in, or a mark where one belongs."""
    return standin(text) == text or bool(_MARK.match(text))


def is_placeholder(text: str) -> bool:
    """Whether a text in the place of a secret is such a mark, or words that say what belongs there."""
    return is_mark(text) or bool(_WORDS.match(text))


def is_mixed(text: str) -> bool:
    """Whether a text has letters and digits, as a word of a language and an expression of a program seldom have."""
    return any(map(str.isdigit, text)) and any(map(str.isalpha, text)) and not _OF_CODE.match(text)


_LEAST_DRAWN: Final = 20  # characters: fewer can look like that by chance
_CHANGES: Final = 0.4  # of all neighbours; at random it is 0.64 on average


def is_random(text: str) -> bool:
    """Whether a text looks drawn at random: capitals, small letters and digits that change all the time."""
    kinds = [0 if one.isdigit() else 1 if one.isupper() else 2 if one.islower() else 3 for one in text]
    changes = sum(one != other for one, other in pairwise(kinds))
    drawn = len(text) >= _LEAST_DRAWN and changes >= _CHANGES * len(text)
    return drawn and {0, 1, 2} <= set(kinds) and not any(map(str.isspace, text))
