"""Python values on the wire against httpx: what can be sent, what cannot, and where that hides."""

from __future__ import annotations

import math
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract import pointer, wire

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=400)
URL = "https://endpoint.example/run"
CONTRACT = hc.load(version="1.0.0")

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**308), 10**308)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)


def same(one: Any, other: Any) -> bool:
    """Equal in types, signs of zero and order of keys too."""
    return repr(one) == repr(other)


class Colour(Enum):
    RED = "red"


class Role(StrEnum):
    USER = "user"


class Level(IntEnum):
    HIGH = 3


class Mixed(str, Enum):  # noqa: UP042 - the older way, whose str() is not its value
    A = "a"


class Text(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return "many\nlines"


class Loud(str):
    """Differs from its equal in Python alone."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


class Number(int):
    def __repr__(self) -> str:
        return "number\n" * 1000

    def __float__(self) -> float:
        return 0.0


class Real(float):
    def __repr__(self) -> str:
        return "real\n" * 1000


class Items(list):  # type: ignore[type-arg]
    pass


class Members(dict):  # type: ignore[type-arg]
    pass


@dataclass
class Message:
    role: str = "user"


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the untyped one is the one under test

# fmt: off
STRANGE_VALUES = [
    Colour.RED, Role.USER, Level.HIGH, Mixed.A, Text("x"), Text("\ud800"), Number(5), Number(10**400), Real(0.5),
    Real("nan"), Message(), UUID(int=1), datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1), Decimal(1), b"x",
    bytearray(b"x"), memoryview(b"x"), {1}, frozenset("a"), 1j, Ellipsis, NotImplemented, object(), Message, len,
    range(3), math.nan, math.inf, -math.inf, 10**308, 2**64, -(2**63) - 1, 10**400, 10**5000, -(10**5000),
    StopIteration, "\ud800", "a\udfffb", "é", "😀", "null", None, True, 0, -0.0, "", iter(()), type("a\nb", (), {})(),
    type("array", (), {})(),
]
STRANGE_NAMES = [
    "a", "b", "\ud800", Role.USER, Mixed.A, Text("x"), Loud("a"), Loud("a"), 1, True, None, 1.5, math.nan,
    Level.HIGH, (1, 2), b"a", 10**5000, Colour.RED, UUID(int=1), frozenset(), "k" * 10_000,
]
# fmt: on


def one_of(values: list[Any]) -> st.SearchStrategy[Any]:
    """One of the values, some of which have no `repr`."""
    return st.integers(0, len(values) - 1).map(lambda index: values[index])


STRANGE, STRANGE_KEYS = one_of(STRANGE_VALUES), one_of(STRANGE_NAMES)
PYTHON = st.recursive(
    STRANGE | JSON,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.lists(inner, max_size=3).map(Items)
        | st.tuples(inner, inner).map(lambda pair: Point(*pair))
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.dictionaries(STRANGE_KEYS | st.text(max_size=2), inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3).map(Members)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3).map(OrderedDict)
    ),
    max_leaves=8,
)


def itself(kind: type) -> Any:
    value = kind()
    inside = {"a": [1, (value,)]}
    value.append(inside) if isinstance(value, list) else value.update(inside)
    return value


def nested(depth: int, *, of: str = "list") -> Any:
    value: Any = 0
    for _ in range(depth):
        value = {"list": [value], "tuple": (value,), "dict": {"a": value}}[of]
    return value


SHAPES = [
    *(itself(kind) for kind in (list, dict, Items, Members)),
    *(nested(depth, of=of) for depth in (253, 254, 255, 256, 10_000) for of in ("list", "tuple", "dict")),
]


def judge(value: Any) -> None:
    """`problems` is empty exactly when httpx sends strict JSON that says what the Python value says."""
    found = list(wire.problems(value))
    assert all(one.constraint.partition(":")[2] in wire.RULES for one in found)
    assert all(one.message.isprintable() and len(one.message) < 400 for one in found)
    assert not (found and wire.is_plain(value)), "plain values have no problems"
    if not found:
        body = wire.encode(value)
        assert httpx.Request("POST", URL, json={"v": value}).content == b'{"v":' + body + b"}"
        assert wire.decode(body).violations == ()
        assert same(wire.decode(body).value, wire.normalise(value))
        if wire.is_plain(value):
            assert same(wire.normalise(value), value), "the wire changes nothing of a plain value"
        return
    try:
        body = httpx.Request("POST", URL, json={"v": value}).content
    except (ValueError, TypeError, RecursionError):
        return
    inner = body.removeprefix(b'{"v":').removesuffix(b"}")
    assert wire.decode(inner).violations or {one.constraint for one in found} == {"wire:key"}


@given(PYTHON)
@settings(DETERMINISTIC, max_examples=1000)
def test_problems_are_what_keeps_a_value_from_being_sent(value: Any) -> None:
    judge(value)


@pytest.mark.parametrize("index", range(len(SHAPES)))
def test_nesting_and_values_that_contain_themselves(index: int) -> None:
    judge(SHAPES[index])
    payload = {"messages": [], "max_tokens": 1, "metadata": SHAPES[index]}
    assert CONTRACT.request.is_valid(payload) == (not list(CONTRACT.request.iter_errors(payload)))


@given(JSON)
@DETERMINISTIC
def test_the_body_is_the_one_that_httpx_sends(value: Any) -> None:
    assert httpx.Request("POST", URL, json=[value]).content == wire.encode([value])
    assert wire.is_plain(value) or any(abs(number) >= 2**63 for number in _integers(value))
    assert same(wire.normalise(value), value)


def _integers(value: Any) -> list[int]:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value] if isinstance(value, int) else []
    return own + [number for child in children for number in _integers(child)]


@pytest.mark.parametrize(
    ("value", "rule", "location", "actual"),
    [
        ({"a": [1, math.nan]}, "number", "/a/1", "number nan"),
        ({"a": 10**400}, "number", "/a", "number of 1329 bits"),
        ([{1: "x"}], "key", "/0", "key number 1"),
        ({10**5000: 1}, "key", "", "key number of 16610 bits"),
        ({"x\ny": {1}}, "type", "/x\ny", "Python set"),
        ({Mixed.A: b""}, "type", "/a", "Python bytes"),
        ({Role.USER: Colour.RED}, "type", "/user", "Python Colour"),
        ({"a": "\ud800"}, "surrogate", "/a", "a lone surrogate"),
        ({"a": {"\ud800": 1}}, "surrogate", "/a", 'key string "\\ud800"'),
        ({Loud("a"): 1, Loud("a"): 2}, "duplicate-key", "", 'key string "a" twice'),
        (nested(255), "depth", "/0" * 254, "more"),
        (Real("inf"), "number", "", "number inf"),
    ],
)
def test_what_is_said_of_a_value_that_cannot_be_sent(value: Any, rule: str, location: str, actual: str) -> None:
    found = list(wire.problems(value))
    assert [(one.constraint, one.instance_location, one.actual) for one in found] == [
        (f"wire:{rule}", location, actual)
    ]


BROKEN = st.sampled_from([math.nan, math.inf, 10**400, "\ud800", b"", {1}, {2: 3}, UUID(int=1), Colour.RED, object()])
PATHS = st.lists(st.text(max_size=3) | st.integers(0, 3), max_size=6)
OPEN = st.sampled_from([("metadata", "a"), ("anything",), ("messages", 0, "content", 0, "source")])


@given(OPEN, PATHS, BROKEN, JSON)
@DETERMINISTIC
def test_what_cannot_be_sent_is_found_at_any_depth_of_an_open_part(
    start: tuple[str | int, ...], inner: list[str | int], broken: Any, beside: Any
) -> None:
    value: Any = broken
    for token in reversed(inner):
        value = {token: value, token + "+": beside} if isinstance(token, str) else [beside] * token + [value]
    message = {"role": "user", "content": [{"type": "image", "source": value if start[0] == "messages" else 1}]}
    payload: dict[str, Any] = {"messages": [message], "max_tokens": 1}
    if start[0] != "messages":
        payload[str(start[0])] = {"a": value} if len(start) > 1 else value
    violations = list(CONTRACT.request.iter_errors(payload))
    assert [one.instance_location for one in violations] == [pointer.join((*start, *inner))]
    assert violations[0].constraint.startswith("wire:")
    assert not CONTRACT.request.is_valid(payload)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"": 1}, True), ([{"a": [{"": []}]}], True), ({"a": ""}, False), (["", {"a": '"":'}], False),
        ({'"': 1}, False), ({"\\": "", "a": 10**400}, False), ({"a": [10**400, {"": 0}]}, True), ("", False),
    ],
)  # fmt: skip
def test_keys_without_a_name_are_seen(value: Any, expected: bool) -> None:
    assert wire.has_empty_key(value) == expected
