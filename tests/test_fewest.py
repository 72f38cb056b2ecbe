"""The law of faults that break several constraints at once: no value of a small world breaks the one with fewer."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import haiku_contract as hc
from haiku_contract.generate.suite import cases_of

QUICK = settings(max_examples=150, derandomize=True, database=None, deadline=None)

SCALARS: list[Any] = [None, True, False, 0, 1, 2, 3, -1, 1.5, "", "a", "ab", "abc", "x"]
WORLD = [
    *SCALARS,
    *([], [1], ["a"], {}),
    *({key: one} for key in "abc" for one in SCALARS),
    *({"a": one, "b": other} for one, other in product(SCALARS, repeat=2)),
]
ASSERTIONS = st.sampled_from(
    [
        *({"type": one} for one in ("integer", "string", "boolean", "null", ["integer", "string"])),
        *({"minimum": 1}, {"maximum": 2}, {"minLength": 2}, {"maxLength": 1}, {"multipleOf": 2}, {"pattern": "^a"}),
    ]
)
LISTS = st.lists(st.sampled_from(SCALARS), min_size=1, max_size=3, unique_by=repr)
WORDS = ASSERTIONS | LISTS.map(lambda some: {"enum": some}) | st.sampled_from(SCALARS).map(lambda one: {"const": one})
LEAVES = st.lists(WORDS, min_size=1, max_size=3).map(
    lambda some: {key: one for part in some for key, one in part.items()}
)
POSSIBLE = LEAVES.filter(lambda leaf: any(map(Draft202012Validator(leaf).is_valid, SCALARS)))
"""Of what can never be there, faults are found that break more than they have to: the search does not know it."""

CLOSING = st.sampled_from([{}, {"additionalProperties": False}, {"propertyNames": {"maxLength": 1}}])
OBJECTS = st.builds(
    lambda properties, required, further: {"type": "object", "properties": properties, "required": required, **further},
    st.dictionaries(st.sampled_from("ab"), POSSIBLE, min_size=1),
    st.lists(st.sampled_from("ab"), unique=True),
    CLOSING,
)


def assert_fewest(schema: Any) -> None:
    validator = hc.SchemaValidator("request", schema)
    least: dict[str, int] = {}
    for case in cases_of(validator):
        if case.kind == "faulted" and case.constraint is not None:
            least[case.constraint] = min(least.get(case.constraint, len(case.breaks)), len(case.breaks))
    for value in WORLD:
        broken = validator.broken(value)
        for name in broken & least.keys():
            assert least[name] <= len(broken), (name, value)


@QUICK
@given(LEAVES | OBJECTS)
def test_no_value_breaks_a_constraint_together_with_fewer_others(schema: dict[str, Any]) -> None:
    assert_fewest(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "null", "enum": ["x", "a", None]},  # 'x' is of another type, and listed
        {"type": "boolean", "enum": [True]},
        {"type": "boolean", "const": True},
        {"enum": ["abc", 1], "const": 1},
        {"type": "integer", "multipleOf": 2, "enum": [0]},
        {"oneOf": [{"enum": [1, 2, 3, 4, 5, 6]}, {"type": "string", "enum": ["b", "c"]}]},
    ],
)
def test_what_stands_beside_a_constraint_is_tried(schema: dict[str, Any]) -> None:
    assert_fewest(schema)
