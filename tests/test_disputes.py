"""Where the slow engine is not asked, it would have given the same verdict."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract._reference import ReferenceEngine
from haiku_contract.disputes import Disputes, is_shared

_SHARED = (
    r"^x-",
    r"^[\w\d\.\x2d_]+$",
    r"^\$message\.(header|payload)#(\/(([^\/~])|(~[01]))*)*",
    r"^[^\/~\^\: \[\]\\]+$",
    r"^[A-Z]{1,3}?$",
    r"^\S(.*\S)?$",
    r"^(?!ab)(?:a|b)+$",
    r"[-a-z-]",
    "[^\\u0000-\\u001F\\u007F]+",
    r"^[a-c|&~]\D\W\s*$",
)
_SINGULAR = ("[]a]", "a*+", r"\p{L}", "[a&&b]", "[a--b]", "(?i)a", r"\bfoo", r"(a)\1", r"[\b]", r"\<a", "{,2}", "é")


@pytest.mark.parametrize("pattern", _SHARED)
def test_an_expression_of_both_languages(pattern: str) -> None:
    assert is_shared(pattern)


@pytest.mark.parametrize("pattern", _SINGULAR)
def test_an_expression_of_one_language_only(pattern: str) -> None:
    assert not is_shared(pattern)


@settings(max_examples=150)
@given(st.sampled_from(_SHARED), st.text(string.printable + "é", max_size=6))
def test_engines_agree_on_what_is_not_disputed(pattern: str, text: str) -> None:
    schema = {"pattern": pattern}
    reference = ReferenceEngine.compile(schema)
    assert reference is not None
    if not Disputes(schema).about(text):
        assert hc.SchemaValidator("request", schema).engine.is_valid(text) == reference.is_valid(text)


@pytest.mark.parametrize(
    ("schema", "payload", "disputed"),
    [
        ({"type": "string"}, "é\n", False),
        ({"pattern": "^a$"}, "a", False),
        ({"pattern": "^a$"}, "a\n", True),  # Python's '$' stands before a line feed too
        ({"pattern": r"^\w$"}, ["é"], True),
        ({"patternProperties": {r"\p{L}": True}}, {}, True),
        ({"multipleOf": 3}, 7, False),
        ({"multipleOf": 3}, 7.5, True),
        ({"multipleOf": 3}, 2**60, True),
        ({"multipleOf": 3}, 2**70, True),
        ({"multipleOf": 0.1}, 1, True),
        ({"unevaluatedItems": False}, [], True),
    ],
)
def test_what_is_disputed(schema: dict[str, object], payload: object, disputed: bool) -> None:
    assert Disputes(schema).about(payload) is disputed


def test_failures_beside_a_key_without_a_name_are_told_by_the_fast_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = {"properties": {"": {"type": "string"}, "a": {"minLength": 2}}}
    validator = hc.SchemaValidator("request", schema)
    assert validator.broken({"": 1}) == {"request:/properties//type"}
    monkeypatch.setattr(ReferenceEngine, "failures", lambda *_: pytest.fail("the slow engine is asked"))
    assert validator.broken({"a": "x"}) == {"request:/properties/a/minLength"}
