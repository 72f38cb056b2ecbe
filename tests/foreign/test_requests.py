"""How endpoints of somebody else's judge requests, and what a campaign says of it.

What is expected follows from what an endpoint does and from the schema: which constraints it fails at, and that one
cause is one finding.
"""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import pytest
from foreign_endpoint import CONTRACT, answered, honest, problem, refused, replayed_right, run

if TYPE_CHECKING:
    from foreign_endpoint import Endpoint, Reply

ITEMS: Final = "request:/properties/messages/items"
CONTENT: Final = f"{ITEMS}/properties/content/anyOf"
BLOCK: Final = f"{CONTENT}/1/items"
CACHE: Final = f"{BLOCK}/properties/cache_control"
OPTIONAL: Final = ("system", "temperature", "top_p", "top_k", "metadata", "stream")
CRASH: Final[Reply] = (500, {"type": "error", "error": {"type": "api_error", "message": "Internal server error"}})


def of(*names: str) -> set[str]:
    return {f"request:/properties/{name}" for name in names}


def test_an_honest_one() -> None:
    for surface in ("bare", "messages"):
        told = run(honest, surface)
        assert (told.odd, told.found) == ({}, [])


# -- what lets through too much ----------------------------------------------------------------------------------------


def strips_unknown_keys(payload: Any) -> Reply:
    kept = copy.deepcopy(payload)
    for one in kept.get("messages") or [] if isinstance(kept, dict) else []:
        blocks = one.get("content") if isinstance(one, dict) else None
        if isinstance(one, dict):
            keep(one, "role", "content")
        for block in blocks if isinstance(blocks, list) else []:
            if isinstance(block, dict) and isinstance(block.get("cache_control"), dict):
                keep(block["cache_control"], "type", "ttl")
    return honest(kept)


def keep(value: dict[str, Any], *names: str) -> None:
    for name in value.keys() - set(names):
        del value[name]


def takes_texts_for_numbers(payload: Any) -> Reply:
    if isinstance(payload, dict):
        payload = {key: number(value) if key in NUMBERS else value for key, value in payload.items()}
    return honest(payload)


NUMBERS: Final = ("max_tokens", "temperature", "top_p", "top_k")


def number(value: Any) -> Any:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def does_not_mind_the_case_of_roles(payload: Any) -> Reply:
    kept = copy.deepcopy(payload)
    for one in kept.get("messages") or [] if isinstance(kept, dict) else []:
        if isinstance(one, dict) and isinstance(one.get("role"), str):
            one["role"] = one["role"].lower()
    return honest(kept)


def takes_null_for_absent(payload: Any) -> Reply:
    if isinstance(payload, dict):
        payload = {key: value for key, value in payload.items() if value is not None or key not in OPTIONAL}
    return honest(payload)


LOOSE: Final[dict[Endpoint, set[str]]] = {
    strips_unknown_keys: {f"{ITEMS}/additionalProperties", f"{CACHE}/additionalProperties"},
    takes_texts_for_numbers: of(*(f"{name}/type" for name in NUMBERS)),
    does_not_mind_the_case_of_roles: {f"{ITEMS}/properties/role/enum"},
    takes_null_for_absent: of(*(f"{name}/type" for name in OPTIONAL)),
}


@pytest.mark.parametrize("endpoint", LOOSE, ids=lambda one: one.__name__)
def test_leaks_are_told_by_constraint(endpoint: Endpoint) -> None:
    told = run(endpoint)
    assert told.odd == {"leaky": LOOSE[endpoint]}
    assert told.found == sorted(("leaky", one) for one in LOOSE[endpoint])
    replayed_right(told, endpoint)


def judges_the_first_message(payload: Any) -> Reply:
    if isinstance(payload, dict) and isinstance(payload.get("messages"), list):
        payload = {**payload, "messages": payload["messages"][:1]}
    return honest(payload)


def test_elements_that_nobody_looks_at_are_one_finding() -> None:
    """Every constraint inside an element is leaky, because a fault in the second message breaks it unseen."""
    told = run(judges_the_first_message)
    inside = {one.id for one in CONTRACT.request.constraints if one.id.startswith(ITEMS) and one.violable}
    assert told.odd == {"leaky": inside}
    (found,) = told.result.findings
    assert (found.code, found.constraint, {*found.others}) == ("leaky", f"{ITEMS}/type", inside - {f"{ITEMS}/type"})
    assert found.message.startswith("only the first element of /messages is judged (20 constraints): ")
    replayed_right(told, judges_the_first_message)


# -- what refuses too much ---------------------------------------------------------------------------------------------


def refuses_null(payload: Any) -> Reply:
    place = null_in(payload)
    return honest(payload) if problem(payload) or not place else refused(place, "null is not allowed")


def null_in(value: Any, *above: str | int) -> list[str | int]:
    if value is None:
        return [*above]
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return next((found for key, one in members if (found := null_in(one, *above, key))), [])


def refuses_unknown_keys(payload: Any) -> Reply:
    unknown = sorted(payload.keys() - CONTRACT.request.schema["properties"].keys()) if isinstance(payload, dict) else []
    return (
        honest(payload) if problem(payload) or not unknown else refused([unknown[0]], "Extra inputs are not permitted")
    )


def allows_64000_tokens(payload: Any) -> Reply:
    if problem(payload) or payload["max_tokens"] <= 64_000:
        return honest(payload)
    return refused(["max_tokens"], f"{payload['max_tokens']} > 64000, which is the maximum for this model")


def refuses_long_texts(payload: Any) -> Reply:
    if problem(payload):
        return honest(payload)
    if len(payload.get("system", "")) > 1_000:
        return refused(["system"], "too long")
    for number, one in enumerate(payload["messages"]):
        if isinstance(one["content"], str) and len(one["content"]) > 1_000:
            return refused(["messages", number, "content"], "too long")
        for index, block in enumerate(one["content"]):
            if isinstance(block, dict) and len(block.get("text", "")) > 1_000:
                return refused(["messages", number, "content", index, "text"], "too long")
    return answered(payload)


STRICT: Final[dict[Endpoint, tuple[set[str], int]]] = {
    refuses_null: (
        {"request:/additionalProperties", f"{BLOCK}/additionalProperties", *of("metadata/additionalProperties")}, 1,
    ),
    refuses_unknown_keys: ({"request:/additionalProperties"}, 1),
    allows_64000_tokens: (of("max_tokens/type"), 1),
    refuses_long_texts: ({*of("system/type"), f"{CONTENT}/0/type", f"{BLOCK}/properties/text/type"}, 3),
}  # fmt: skip
"""The constraints that allow what is refused, and the number of causes."""


@pytest.mark.parametrize("endpoint", STRICT, ids=lambda one: one.__name__)
def test_strictness_is_told_by_constraint(endpoint: Endpoint) -> None:
    constraints, causes = STRICT[endpoint]
    told = run(endpoint)
    assert told.odd == {"overstrict": constraints}
    assert [code for code, _ in told.found] == ["overstrict"] * causes
    replayed_right(told, endpoint)


# -- what crashes ------------------------------------------------------------------------------------------------------


def crashes_on_fractions(payload: Any) -> Reply:
    is_there = isinstance(payload, dict) and any(isinstance(one, float) for one in payload.values())
    return CRASH if is_there else honest(payload)


def crashes_on_emoji(payload: Any) -> Reply:
    return CRASH if any(ord(one) > 0xFFFF for one in json.dumps(payload, ensure_ascii=False)) else honest(payload)


def crashes_on_unknown_keys(payload: Any) -> Reply:
    is_there = isinstance(payload, dict) and payload.keys() - CONTRACT.request.schema["properties"].keys()
    return CRASH if is_there else honest(payload)


def test_a_crash_on_fractions() -> None:
    """The faults just outside a range are fractions too; those of an open end are whole, and are refused."""
    told = run(crashes_on_fractions)
    ranges = [f"{name}/{keyword}" for name in ("temperature", "top_p") for keyword in ("minimum", "maximum")]
    ends = [f"{name}/exclusiveMinimum" for name in ("max_tokens", "top_k")]
    assert told.odd == {"crashing": of(*(f"{name}/type" for name in NUMBERS), *ranges, *ends)}
    (found,) = told.result.findings
    assert {found.constraint, *found.others} == told.odd["crashing"]
    assert found.message.startswith("fails at a number with a fraction or an exponent, wherever it stands (10 constr")
    replayed_right(told, crashes_on_fractions)


def test_a_crash_on_unknown_keys() -> None:
    told = run(crashes_on_unknown_keys)
    assert told.odd == {"crashing": {"request:/additionalProperties"}}
    assert told.found == [("crashing", "request:/additionalProperties")]
    replayed_right(told, crashes_on_unknown_keys)


def test_a_crash_on_emoji_is_one_finding() -> None:
    """Wherever a text or a key may be any: nothing else crashes, and nothing is left open."""
    told = run(crashes_on_emoji)
    texts = {f"{CONTENT}/0/type", f"{BLOCK}/properties/text/type", f"{BLOCK}/properties/type/type", *of("system/type")}
    keys = {"request:/additionalProperties", f"{BLOCK}/additionalProperties", *of("metadata/additionalProperties")}
    assert told.odd == {"crashing": texts | keys}
    (found,) = told.result.findings
    assert {found.constraint, *found.others} == told.odd["crashing"]
    assert found.message.startswith("fails at a character beyond U+FFFF, wherever it stands (")
    replayed_right(told, crashes_on_emoji)


# -- what minds how messages follow one another ------------------------------------------------------------------------


def begins_with_the_user(payload: Any) -> Reply:
    if problem(payload) or not payload["messages"] or payload["messages"][0]["role"] == "user":
        return honest(payload)
    return refused(["messages"], "first message must use the user role")


def wants_roles_to_alternate(payload: Any) -> Reply:
    roles = [] if problem(payload) else [one["role"] for one in payload["messages"]]
    if any(role == following for role, following in pairwise(roles)):
        return refused(["messages"], "roles must alternate between user and assistant")
    return honest(payload)


def test_a_role_that_may_not_come_first() -> None:
    """It is the value of the list that is refused, although only there."""
    told = run(begins_with_the_user)
    role = f"{ITEMS}/properties/role/enum"
    assert told.odd == {"overstrict": {role}}
    assert told.found == [("overstrict", role)]
    assert told.result.findings[0].message.endswith("messages: first message must use the user role")
    replayed_right(told, begins_with_the_user)


def test_roles_that_must_alternate_are_no_matter_of_one_constraint() -> None:
    """Every value is fine in some conversation; what is refused is two messages of one role."""
    told = run(wants_roles_to_alternate)
    assert told.odd.keys() <= {"undetermined"}
    assert all(one.startswith(ITEMS) for one in told.odd.get("undetermined", ()))
    assert told.found == [("overstrict", None)]
    assert told.result.findings[0].message.endswith("roles must alternate between user and assistant")
    assert told.result.findings[0].answer is not None
    replayed_right(told, wants_roles_to_alternate)


def takes_texts_alone(payload: Any) -> Reply:
    """A union that is judged by its first branch."""
    for number, one in enumerate([] if problem(payload) else payload["messages"]):
        if not isinstance(one["content"], str):
            return refused(["messages", number, "content"], "expected a string")
    return honest(payload)


def test_a_union_that_is_judged_by_its_first_branch() -> None:
    """No constraint outside the union is touched; inside the other branch nothing conforming is accepted."""
    told = run(takes_texts_alone)
    assert told.odd.keys() <= {"overstrict", "undetermined"}
    assert told.odd["overstrict"] >= {CONTENT, f"{CONTENT}/1/type"}
    odd = set().union(*told.odd.values())
    inside = {one.id for one in CONTRACT.request.constraints if one.id.startswith(f"{CONTENT}/1/")}
    assert odd - {CONTENT} <= inside
    assert told.found == [("overstrict", CONTENT)]
    replayed_right(told, takes_texts_alone)
