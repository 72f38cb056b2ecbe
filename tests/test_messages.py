"""What is said of a violation: one line, of bounded length, in words of its own for every keyword."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import haiku_contract as hc
from haiku_contract import constraints
from haiku_contract.validation import SchemaValidator

if TYPE_CHECKING:
    from haiku_contract.model import Violation

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=300)
REQUEST = hc.load(version="1.0.0").request


def found(schema: Any, instance: Any) -> list[Violation]:
    return list(SchemaValidator("request", schema, assert_format=True).iter_errors(instance))


def everything(violations: list[Violation]) -> list[Violation]:
    return [one for each in violations for one in (each, *everything(list(each.context)))]


# By keyword: a schema, an instance that breaks it, and what is said of that: message and hint.
SAID: dict[str, tuple[Any, Any, str, str]] = {
    "type": (
        {"type": ["integer", "null"]}, "5",
        '(root): expected an integer or null, found string "5"',
        "write 5 without quotes",
    ),
    "enum": (
        {"enum": ["user", "tool", 1]}, "User",
        '(root): expected "user", "tool" or 1, found string "User"',
        'did you mean "user"?',
    ),
    "const": ({"const": False}, None, "(root): expected false, found null", ""),
    "multipleOf": ({"multipleOf": 2}, 3, "(root): expected a multiple of 2, found number 3", ""),
    "maximum": ({"maximum": 1}, 1.5, "(root): expected at most 1, found number 1.5", ""),
    "exclusiveMaximum": ({"exclusiveMaximum": 1}, 1, "(root): expected less than 1, found number 1", ""),
    "minimum": ({"minimum": 1}, 0, "(root): expected at least 1, found number 0", ""),
    "exclusiveMinimum": ({"exclusiveMinimum": 0}, 0, "(root): expected more than 0, found number 0", ""),
    "maxLength": ({"maxLength": 1}, "ab", "(root): expected at most 1 character, found string of 2", ""),
    "minLength": ({"minLength": 3}, "ab", "(root): expected at least 3 characters, found string of 2", ""),
    "pattern": ({"pattern": "^a\n"}, "b", '(root): expected text that matches "^a\\n", found string "b"', ""),
    "format": ({"format": "date"}, "soon", '(root): expected text of the format "date", found string "soon"', ""),
    "maxItems": ({"maxItems": 1}, [1, 2], "(root): expected at most 1 item, found array of 2", ""),
    "minItems": ({"minItems": 2}, [], "(root): expected at least 2 items, found array of 0", ""),
    "uniqueItems": ({"uniqueItems": True}, [1, 1], "(root): expected items that all differ, found array of 2", ""),
    "contains": (
        {"contains": False}, [1],
        "(root): expected an item that fits the schema under 'contains', found array of 1",
        "",
    ),
    "minContains": (
        {"contains": True, "minContains": 2}, [1],
        "(root): expected at least 2 items that fit 'contains', found array of 1", "",
    ),
    "maxContains": (
        {"contains": True, "maxContains": 1}, [1, 2],
        "(root): expected at most 1 items that fit 'contains', found array of 2", "",
    ),
    "maxProperties": ({"maxProperties": 1}, {"a": 1, "b": 1}, "(root): expected at most 1 key, found object of 2", ""),
    "minProperties": ({"minProperties": 2}, {"a": 1}, "(root): expected at least 2 keys, found object of 1", ""),
    "required": (
        {"required": ["name"]}, {"nam": 1},
        '(root): expected the key "name", found key "nam"',
        'rename "nam" to "name"',
    ),
    "dependentRequired": (
        {"dependentRequired": {"a": ["b"]}}, {"a": 1},
        '(root): expected the keys "b" (because of "a"), found key "a"', "",
    ),
    "dependencies": (
        {"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": ["b"], "b": True}}, {"a": 1},
        '(root): expected the keys "b" (because of "a"), found key "a"', "",
    ),
    "anyOf": (
        {"anyOf": [{"type": "string"}, {"const": 1}]}, 2,
        "(root): expected a string or 1, found number 2", 'write it in quotes: "2"',
    ),
    "oneOf": (
        {"oneOf": [{"type": "string"}, {"minLength": 1}]}, "a",
        (
            "(root): expected exactly one of: a string or what one of the branches describes, "
            "found a value that fits more than one"
        ), "",
    ),
    "not": (
        {"not": {}}, 1,
        "(root): expected something that the schema under 'not' does not accept, found number 1",
        "",
    ),
    "additionalProperties": (
        {"properties": {"text": {}}, "additionalProperties": False}, {"b": 1, "Text": 1},
        '(root): expected no keys beside "text", found keys "b", "Text"', 'did you mean "text"?',
    ),
    "unevaluatedProperties": (
        {"unevaluatedProperties": False}, {"a": 1, "b": 1},
        '(root): expected no such keys, found keys "a", "b"', 'remove "a" and "b"',
    ),
    "items": ({"items": False}, [1], "[0]: expected no further items, found number 1", "remove it"),
    "unevaluatedItems": (
        {"unevaluatedItems": False}, [1],
        "(root): expected no further items, found array of 1",
        "remove them",
    ),
    "": (
        {"properties": {"a": False}}, {"a": "\u202e"},
        'a: expected nothing here, found string "\\u202e"',
        "remove it",
    ),
}  # fmt: skip
CLOSING = {"additionalProperties", "items", "unevaluatedProperties", "unevaluatedItems"}


def test_every_keyword_has_its_words() -> None:
    assert set(SAID) == {*constraints.ASSERTIONS, *CLOSING, ""}


@pytest.mark.parametrize("keyword", SAID)
def test_what_is_said(keyword: str) -> None:
    schema, instance, message, hint = SAID[keyword]
    (violation,) = found(schema, instance)
    assert (violation.message, violation.hint) == (message, hint)
    assert violation.message.endswith(f": expected {violation.expected}, found {violation.actual}")


HOSTILE = [
    "a\nb",
    "\r\n",
    "\x00",
    "\x1b[31mred\x1b[0m",
    "\x7f",
    "\x85",
    "\u2028\u2029",
    "\u202eabc",
    "\ufeff",
    "k" * 10_000,
    "\n" * 10_000,
    "'\"`",
]


def hostile_schemas(text: str) -> list[tuple[Any, Any]]:
    many = [f"{text}{index}" for index in range(40)]
    return [
        ({"const": text}, 1),
        ({"const": {text: text}}, text),
        ({"enum": many}, text),
        ({"enum": [1]}, text),
        ({"type": "number"}, text),
        ({"type": "array"}, f'["{text}"]'),
        ({"pattern": "^(?!)" + text.replace("[", "")}, text),
        ({"required": many}, {}),
        ({"required": ["a"]}, dict.fromkeys(many, 1)),
        ({"required": [text]}, {f"{text}x": 1}),
        (
            {"properties": dict.fromkeys(many, True), "additionalProperties": False},
            dict.fromkeys([text, f"{text}x"], 1),
        ),
        ({"unevaluatedProperties": False}, dict.fromkeys(many, 1)),
        ({"propertyNames": {"maxLength": 0}}, {text: 1}),
        ({"dependentRequired": {many[0]: many[1:]}}, {many[0]: 1}),
        ({"anyOf": [{"const": one} for one in many]}, text),
        ({"oneOf": [{"type": "string"}, {"enum": [text]}]}, text),
        ({"additionalProperties": {"additionalProperties": {"items": {"type": "null"}}}}, {text: {text: [text]}}),
        ({"properties": {text: False}}, {text: text}),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_messages_are_one_short_line_whatever_the_payload_and_the_schema_hold(text: str) -> None:
    for schema, instance in hostile_schemas(text):
        violations = found(schema, instance)
        assert violations, schema
        for one in everything(violations):
            judge_words(one)


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800"])
def test_messages_of_the_wire_are_one_short_line_too(text: str) -> None:
    values: list[Any] = [
        {text: {text: {1}}},
        {text: math.nan},
        [{(text,): 1}],
        [{text: {5: text}}],
        {"a": text + "\ud800"},
    ]
    quoted = json.dumps(text, ensure_ascii=False)
    bodies = [
        f"{{{quoted}: NaN, {quoted}: 1}}",
        f"[{quoted}, {text}]",
        f'{{"a": {quoted} {text}}}',
        text,
        f'{{{quoted}: {{{quoted}: "\\ud800"}}}}',
    ]
    violations = [one for value in values for one in REQUEST.iter_errors(value)]
    violations += [one for body in bodies for one in REQUEST.iter_errors_bytes(body)]
    assert len(violations) >= 8
    for one in everything(violations):
        judge_words(one)
        one.instance_location.encode("utf-8")


def judge_words(violation: Violation) -> None:
    assert len(violation.message) < 400
    assert len(violation.hint) < 400
    for words in (violation.message, violation.expected, violation.actual, violation.hint):
        assert words.isprintable(), words


@given(st.text(st.characters()), st.text(st.characters()))
@DETERMINISTIC
def test_any_text_is_said_in_one_line(key: str, text: str) -> None:
    for one in everything(list(REQUEST.iter_errors({"messages": [{key: text, "role": text}], "max_tokens": text}))):
        judge_words(one)
