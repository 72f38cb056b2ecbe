"""The request side of a contract: validation, and what is known beyond the schema.

`advise` tells which rules of the provider a request breaks; `predict` says what would become of it. The order of the
checks is that of public observations: the gateway holds a request against the published schema before it bills or calls
anybody, and answers with one problem; what passes is checked by the provider, known fields first, then unknown keys,
then the conversation, then what may not stand together.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import constraints, pointer, rejections, wire
from haiku_contract.model import PredictedOutcome, Prediction
from haiku_contract.validation import SchemaValidator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.constraints import Schema
    from haiku_contract.model import Advice, Violation
    from haiku_contract.rules import Rule

_MOST_VIOLATIONS: Final = 1_000  # one of them is answered with, and more than these nobody reads
ERROR_NAME: Final = "AiGatewayError"
_LAST: Final = 1 << 30
_LONGEST: Final = 1000
_LONGEST_NAME: Final = 60
_MOST_NAMES: Final = 8
_SURROGATE: Final = "wire:surrogate"
_ESCAPED: Final = re.compile(
    r"((?:\\\\)+|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
"""Escaped surrogates in JSON text: pairs, and escaped backslashes, as group 1; lone ones without."""
_ACCEPTED: Final = Prediction(PredictedOutcome.ACCEPTED, 200)


class RequestValidator(SchemaValidator):
    """The request side of a contract: its schema, and the provider's rules."""

    def __init__(self, schema: Schema, provider_rules: tuple[Rule, ...] = (), *, assert_format: bool = False) -> None:
        """Args: the schema as published, the rules of `rules.json` as far as known, and whether `format` asserts."""
        super().__init__("request", schema, assert_format=assert_format)
        self.rules = provider_rules

    def advise(self, payload: Any) -> Iterator[Advice]:
        """What the provider would refuse of a payload although the schema allows it; in the order of its checks.

        Only rules that may hold for this model are told of (`haiku_contract.rules.ADVISED`). A place that violates the
        schema is left to `iter_errors`, and so is a payload that JSON cannot carry.
        """
        from haiku_contract import rules  # noqa: PLC0415 - a third of this package's import time

        value = _on_the_wire(payload)
        if value is None:
            return
        violated = frozenset() if self.engine.is_valid(value[0]) else _locations(self.iter_errors(value[0]))
        for advice in rules.advise(value[0], self.rules):
            if not _is_inside(advice.instance_location, violated):
                yield advice

    def predict(self, payload: Any) -> Prediction:
        """What would become of a payload that is sent.

        A rejection by the provider is predicted only from rules that are sure enough (`haiku_contract.rules.SURE`:
        observed on this model, or observed or documented for the same interface in general).

        What JSON cannot carry (NaN, a dataclass, a loop) never leaves httpx: the outcome is a rejection without a code,
        whose message says so in our words. A lone surrogate is refused by the provider, where a client escapes it.
        """
        sent = _on_the_wire(payload)
        if sent is None and (problem := _unsendable(payload)) is not None:
            return _not_sent(problem)
        value = _with_surrogates(payload, "\ufffd") if sent is None else sent[0]
        if not self.engine.is_valid(value) and (violations := list(self._explain(value, most=_MOST_VIOLATIONS))):
            return self._by_gateway(violations, value)
        return self._by_provider(_with_surrogates(payload) if sent is None else value)

    def predict_upstream(self, payload: Any) -> Prediction:
        """What the provider would do with a payload that reaches it, whatever the gateway says."""
        sent = _on_the_wire(payload)
        if sent is None and (problem := _unsendable(payload)) is not None:
            return _not_sent(problem)
        return self._by_provider(_with_surrogates(payload) if sent is None else sent[0])

    def _by_provider(self, value: Any) -> Prediction:
        from haiku_contract import rules  # noqa: PLC0415 - a third of this package's import time

        found = rules.first(value, self.rules)
        if found is None:
            return _ACCEPTED
        return Prediction(
            PredictedOutcome.REJECTED_UPSTREAM,
            status=found.rule.status,
            code=rejections.USER_INPUT_ERROR,
            name=ERROR_NAME,
            error_type=found.rule.error_type,
            message=found.observed,
            field=found.location,
            rule=found.rule.id,
            sureness=found.rule.sureness,
        )

    def _by_gateway(self, violations: list[Violation], payload: Any) -> Prediction:
        first = min(violations, key=lambda one: self._rank(one, payload))
        location, constraint_id, message = self._rejection(first, payload)
        return Prediction(
            PredictedOutcome.REJECTED_BY_GATEWAY,
            status=400,
            code=rejections.USER_INPUT_ERROR,
            name=ERROR_NAME,
            message=wire.shorten(message, _LONGEST),
            field=location,
            constraint=constraint_id,
        )

    def _rejection(self, violation: Violation, payload: Any) -> tuple[str, str, str]:
        """Place, constraint and message of the gateway's answer to one violation."""
        constraint = self.constraint(violation.constraint)
        if constraint is None:
            return violation.instance_location, violation.constraint, rejections.text(violation, None, payload)
        union = outermost_union(constraint.pointer)
        if union is not None:
            # The gateway names the union and no branch of it, whatever is wrong inside.
            tokens = _tokens(payload, place_of(union, violation.instance_location))
            reason = f"{rejections.PREFIX}Invalid value at {pointer.readable(tokens)}: Invalid input"
            return pointer.join(tokens), violation.constraint, reason
        if constraint.keyword == "required":
            tokens = _tokens(payload, violation.instance_location)
            return (
                pointer.join([*tokens, constraint.value]),
                violation.constraint,
                self._missing([*tokens, constraint.value], constraint.pointer),
            )
        if constraint.keyword == "additionalProperties":
            return violation.instance_location, violation.constraint, self._unknown(violation, payload)
        return violation.instance_location, violation.constraint, rejections.text(violation, constraint, payload)

    def _missing(self, tokens: list[str | int], place: str) -> str:
        """A missing member; one that is a union reads as a value that fits no branch."""
        site = pointer.split(place)
        site = site[: len(site) - 2]  # "required" and the index in it
        member = pointer.get(self.schema, site).get("properties", {}).get(tokens[-1], {})
        if isinstance(member, dict) and any(key in member for key in constraints.UNIONS):
            return f"{rejections.PREFIX}Invalid value at {pointer.readable(tokens)}: Invalid input"
        return f"{rejections.PREFIX}Required value missing: {pointer.readable(tokens)}"

    def _unknown(self, violation: Violation, payload: Any) -> str:
        """Keys that are too much, by name."""
        *site, _ = pointer.split(violation.constraint.partition(":")[2])
        tokens = _tokens(payload, violation.instance_location)
        known = pointer.get(self.schema, site).get("properties", {})
        names = [key for key in pointer.get(payload, tokens) if key not in known]
        shown = [json.dumps(wire.shorten(name, _LONGEST_NAME), ensure_ascii=False) for name in names[:_MOST_NAMES]]
        shown += ["…"] if len(names) > _MOST_NAMES else []
        keys = f"Unrecognized key{'' if len(names) == 1 else 's'}: {', '.join(shown)}"
        return f"{rejections.PREFIX}Invalid value at {pointer.readable(tokens)}: {keys}"

    def _rank(self, violation: Violation, payload: Any) -> tuple[int, ...]:
        """Where in its schema the gateway comes to a violation: members as the schema lists them, unknown keys last."""
        constraint = self.constraint(violation.constraint)
        tokens = _tokens(payload, violation.instance_location)
        if constraint is not None and constraint.keyword == "required":
            tokens = [*tokens, constraint.value]
        elif constraint is not None and constraint.keyword == "additionalProperties":
            tokens = [*tokens, ""]
        rank, schema = [], self.schema
        for token in tokens:
            if isinstance(token, int):
                rank.append(token)
                schema = _members(schema).get("items", {})
            else:
                properties = _members(schema).get("properties", {})
                rank.append(list(properties).index(token) if token in properties else _LAST)
                schema = properties.get(token, {})
        return tuple(rank)


def _on_the_wire(payload: Any) -> tuple[Any] | None:
    """The value that the other side decodes, in a box; None where JSON cannot carry it."""
    if wire.is_plain(payload):
        return (payload,)
    return None if any(True for _ in wire.problems(payload)) else (wire.normalise(payload),)


def _unsendable(payload: Any) -> Violation | None:
    """The first thing in a payload that no JSON can carry; None where its only fault are lone surrogates.

    JSON text holds those as escapes, which some clients write and httpx does not; the provider refuses them.
    """
    return next((one for one in wire.problems(payload) if one.constraint != _SURROGATE), None)


def _not_sent(problem: Violation) -> Prediction:
    """Nobody gets to see the request: httpx cannot encode it, and what cannot be JSON is refused as a body."""
    return Prediction(
        PredictedOutcome.REJECTED_BY_GATEWAY,
        status=400,
        name="",
        message=wire.shorten(f"not sent, because JSON cannot carry it: {problem.message}", _LONGEST),
        field=problem.instance_location,
        constraint=problem.constraint,
    )


def _with_surrogates(payload: Any, instead: str = "") -> Any:
    """What the other side decodes where lone surrogates are written as escapes; with others in their place if given."""
    text = json.dumps(payload)
    return json.loads(
        _ESCAPED.sub(lambda match: match.group() if match.group(1) else instead, text) if instead else text
    )


def _locations(violations: Iterator[Violation]) -> frozenset[str]:
    return frozenset(violation.instance_location for violation in violations)


def _is_inside(location: str, places: frozenset[str]) -> bool:
    """True when the location is one of the places, or inside one; the whole holds only itself."""
    if location in places:
        return True
    while location := location.rpartition("/")[0]:
        if location in places:
            return True
    return False


def outermost_union(place: str) -> list[str] | None:
    """The tokens of the outermost union that a constraint is, or is inside of; None when there is none."""
    tokens = pointer.split(place)
    for index, token in enumerate(tokens):
        if token in constraints.UNIONS and (index == 0 or tokens[index - 1] not in {"properties", "$defs"}):
            return tokens[:index]
    return None


def union_of(constraint: str) -> str | None:
    """The id of the outermost union that a constraint is, or is inside of; None when there is none."""
    side, _, place = constraint.partition(":")
    site = outermost_union(place)
    return None if site is None else f"{side}:{pointer.join(pointer.split(place)[: len(site) + 1])}"


def place_of(site: list[str], location: str) -> str:
    """The place in the instance that a place in the schema is held against, on the way to a deeper place."""
    depth = sum(
        1 for index, token in enumerate(site) if token == "items" or (index and site[index - 1] == "properties")
    )
    return pointer.join(pointer.split(location)[:depth])


def _members(schema: Any) -> dict[str, Any]:
    """A schema with the branches of its union merged, which is all that an order needs."""
    if not isinstance(schema, dict):
        return {}
    merged = dict(schema)
    for keyword in constraints.UNIONS:
        for branch in schema.get(keyword, []):
            if isinstance(branch, dict):
                merged = {**branch, **merged}
    return merged


def _tokens(payload: Any, location: str) -> list[str | int]:
    """The tokens of a location, array indices as numbers."""
    tokens: list[str | int] = []
    for token in pointer.split(location):
        typed: str | int = int(token) if isinstance(payload, list) else token
        tokens.append(typed)
        payload = pointer.step(payload, typed)
    return tokens
