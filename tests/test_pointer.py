"""JSON Pointer against RFC 6901, one operation of JSON Patch against RFC 6902, and places as people read them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haiku_contract import pointer
from haiku_contract.errors import UsageError
from haiku_contract.model import ABSENT, Fault

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=200)

# The document and the pointers of RFC 6901 section 5.
RFC_6901 = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}
RFC_6901_POINTERS = [
    ("", RFC_6901),
    ("/foo", ["bar", "baz"]),
    ("/foo/0", "bar"),
    ("/", 0),
    ("/a~1b", 1),
    ("/c%d", 2),
    ("/e^f", 3),
    ("/g|h", 4),
    ("/i\\j", 5),
    ('/k"l', 6),
    ("/ ", 7),
    ("/m~0n", 8),
]

# Appendix A of RFC 6902, as far as it is about these operations, and what section 4 says of arrays.
RFC_6902 = [
    ("A.1 add a member", {"foo": "bar"}, Fault("add", "/baz", "qux"), {"foo": "bar", "baz": "qux"}),
    ("A.2 add an element", {"foo": ["bar", "baz"]}, Fault("add", "/foo/1", "qux"), {"foo": ["bar", "qux", "baz"]}),
    ("A.3 remove a member", {"baz": "qux", "foo": "bar"}, Fault("remove", "/baz"), {"foo": "bar"}),
    ("A.4 remove an element", {"foo": ["bar", "qux", "baz"]}, Fault("remove", "/foo/1"), {"foo": ["bar", "baz"]}),
    ("A.5 replace", {"baz": "qux", "foo": "bar"}, Fault("replace", "/baz", "boo"), {"baz": "boo", "foo": "bar"}),
    ("A.10 add an object", {"foo": "bar"}, Fault("add", "/child", {"a": {}}), {"foo": "bar", "child": {"a": {}}}),
    ("A.14 escaped", {"/": 9, "~1": 10}, Fault("replace", "/~01", 11), {"/": 9, "~1": 11}),
    ("A.16 add at the end", {"foo": ["bar"]}, Fault("add", "/foo/-", ["abc"]), {"foo": ["bar", ["abc"]]}),
    ("4.1 an index may be the length", [1], Fault("add", "/1", 2), [1, 2]),
    ("4.1 what exists is replaced", {"a": 1, "b": 2}, Fault("add", "/a", 3), {"a": 3, "b": 2}),
    ("4.1 the whole", {"a": 1}, Fault("add", "", [1]), [1]),
    ("4.2 the whole", {"a": 1}, Fault("remove", ""), ABSENT),
    ("4.3 the whole", {"a": 1}, Fault("replace", "", None), None),
    ("4.3 an element", [[1, 2], 3], Fault("replace", "/0/1", None), [[1, None], 3]),
    ("a key of digits", {"0": {"-": 1}}, Fault("replace", "/0/-", 2), {"0": {"-": 2}}),
    ("a key that is empty", {"": {"": 1}}, Fault("remove", "//"), {"": {}}),
]
NO_SUCH_PLACE = [
    ("A.12 add below what is not there", {"foo": "bar"}, Fault("add", "/baz/bat", "qux")),
    ("4.1 add beyond the end", [1], Fault("add", "/2", 3)),
    ("4.1 add into a string", {"a": ""}, Fault("add", "/a/b", 1)),
    ("4.1 add into a number", {"a": 1}, Fault("add", "/a/b", 1)),
    ("4.1 add into null", None, Fault("add", "/a", 1)),
    ("4.2 remove a missing member", {"foo": 1}, Fault("remove", "/bar")),
    ("4.2 remove beyond the end", [1], Fault("remove", "/1")),
    ("4.2 remove at the end", [1], Fault("remove", "/-")),
    ("4.3 replace a missing member", {"foo": 1}, Fault("replace", "/bar", 1)),
    ("4.3 replace at the end", [1], Fault("replace", "/-", 1)),
    ("4.3 replace inside a boolean", True, Fault("replace", "/a", 1)),
    ("an index from the end", [1], Fault("replace", "/-1", 2)),
    ("an index with a leading zero", [1, 2], Fault("remove", "/01")),
    ("an index with a sign", [1, 2], Fault("remove", "/+1")),
    ("an index with a blank", [1, 2], Fault("remove", "/ 1")),
    ("an index in other digits", [1, 2], Fault("remove", "/\u0661")),
    ("an index of more digits than Python reads", [1], Fault("remove", "/" + "1" * 5000)),
    ("no index", [1], Fault("remove", "/a")),
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("a/~0.'\n é", max_size=3), inner, max_size=4),
    max_leaves=12,
)
TOKENS = st.lists(st.text(max_size=4) | st.integers(0, 30), max_size=4)


def places(document: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    found = [(path, document)]
    if isinstance(document, (dict, list)):
        for key, child in document.items() if isinstance(document, dict) else enumerate(document):
            found += places(child, (*path, key))
    return found


@pytest.mark.parametrize(("text", "expected"), RFC_6901_POINTERS)
def test_the_pointers_of_the_rfc(text: str, expected: Any) -> None:
    tokens = pointer.split(text)
    assert pointer.get(RFC_6901, tokens) == expected
    assert pointer.join(tokens) == text


@given(st.lists(st.text()))
@DETERMINISTIC
def test_join_and_split_are_inverse(tokens: list[str]) -> None:
    assert pointer.split(pointer.join(tokens)) == tokens


@pytest.mark.parametrize("text", ["a", "a/b", "#/a", " /a", "/~", "/~2", "/a~", "/~~0"])
def test_what_is_no_pointer(text: str) -> None:
    with pytest.raises(UsageError, match="not a JSON Pointer"):
        pointer.split(text)


@given(JSON)
@DETERMINISTIC
def test_every_place_is_found_by_its_pointer(document: Any) -> None:
    for path, value in places(document):
        assert pointer.get(document, path) is value
        assert pointer.get(document, pointer.split(pointer.join(path))) is value


@pytest.mark.parametrize("token", ["-1", "01", "+1", " 1", "1 ", "1_0", "1.0", "", "-", "\u0661", "\u00b2", -1])
def test_an_array_index_is_written_in_one_way(token: str | int) -> None:
    with pytest.raises(ValueError, match=r"\A"):
        pointer.step(list(range(20)), token)


@pytest.mark.parametrize(
    ("document", "fault", "expected"), [row[1:] for row in RFC_6902], ids=[row[0] for row in RFC_6902]
)
def test_an_operation(document: Any, fault: Fault, expected: Any) -> None:
    before = copy.deepcopy(document)
    assert pointer.apply(fault, document) == expected
    assert document == before, "the document itself is not changed"


@pytest.mark.parametrize(
    ("document", "fault"), [row[1:] for row in NO_SUCH_PLACE], ids=[row[0] for row in NO_SUCH_PLACE]
)
def test_an_operation_that_does_not_fit(document: Any, fault: Fault) -> None:
    with pytest.raises(UsageError, match=f"cannot {fault.op} .*no such place"):
        pointer.apply(fault, document)


@given(st.data())
@DETERMINISTIC
def test_operations_undo_each_other(data: st.DataObject) -> None:
    document = data.draw(JSON)
    path, value = data.draw(st.sampled_from(places(document)))
    place = pointer.join(path)
    before = copy.deepcopy(document)

    replaced = pointer.apply(Fault("replace", place, "new"), document)
    assert pointer.get(replaced, path) == "new"
    assert pointer.apply(Fault("replace", place, value), replaced) == before
    if path:
        removed = pointer.apply(Fault("remove", place), document)
        assert pointer.apply(Fault("add", place, value), removed) == before
        parent = pointer.get(document, path[:-1])
        assert len(pointer.get(removed, path[:-1])) == len(parent) - 1
    assert document == before


def test_untouched_parts_are_shared() -> None:
    document = {"a": [{"x": 1}, {"y": 2}], "b": {"z": 3}}
    edited = pointer.apply(Fault("replace", "/a/0/x", 9), document)
    assert edited["b"] is document["b"]
    assert edited["a"][1] is document["a"][1]


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [
        ([], "(root)"),
        (["messages", 0, "role"], "messages[0].role"),
        ([0, 1], "[0][1]"),
        ([0, "a"], "[0].a"),
        (["$ref", "x-y_z"], "$ref.x-y_z"),
        (["0"], "['0']"),
        ([""], "['']"),
        (["a.b", "c"], "['a.b'].c"),
        (["a", "it's"], 'a["it\'s"]'),
        (["(root)"], "['(root)']"),
        (["a\nb"], "['a\\nb']"),
        (["\x1b[31m"], "['\\x1b[31m']"),
        (["\u202eabc"], "['\\u202eabc']"),
        (["\u2028"], "['\\u2028']"),
        (["\ud800"], "['\\ud800']"),
        (["größe"], "['größe']"),
    ],
)
def test_a_place_as_people_read_it(tokens: list[str | int], shown: str) -> None:
    assert pointer.readable(tokens) == shown


@given(st.lists(st.text(st.characters()) | st.integers(0, 10)))
@DETERMINISTIC
def test_a_readable_place_is_one_line(tokens: list[str | int]) -> None:
    assert pointer.readable(tokens).isprintable()


@given(TOKENS, TOKENS)
@DETERMINISTIC
def test_different_places_read_differently(one: list[str | int], other: list[str | int]) -> None:
    assert (pointer.readable(one) == pointer.readable(other)) == (one == other)


@given(st.lists(st.text(min_size=1) | st.integers(0, 99), max_size=4))
@settings(derandomize=True, deadline=None)
def test_what_is_readable_can_be_read(tokens: list[str | int]) -> None:
    assert pointer.read(pointer.readable(tokens)) == [str(token) for token in tokens]
    assert pointer.read(pointer.readable(tokens) + ": Invalid input") == [str(token) for token in tokens]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("messages.0.role: Field required", ["messages", "0", "role"]),
        ("max_tokens, temperature", ["max_tokens"]),
        ("['a b'][\"it's\"].c", ["a b", "it's", "c"]),
        ("(root): x", []),
        ("", None),
        (": x", None),
        ("['a", None),
    ],
)
def test_places_in_texts(text: str, tokens: list[str] | None) -> None:
    assert pointer.read(text) == tokens
