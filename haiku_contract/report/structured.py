"""Results as JSON: stable keys, described by `schemas/reports/fuzz.schema.json`."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from haiku_contract import pointer, wire
from haiku_contract.campaign import reproduce
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.campaign.baseline import Compared
    from haiku_contract.campaign.compare import Comparison
    from haiku_contract.campaign.replay import Replayed
    from haiku_contract.campaign.reproduce import Recipe
    from haiku_contract.model import Advice, CampaignFinished, Case, Constraint, Finding, Verdict, Violation


def dumps(value: Any) -> str:
    """JSON text for people and programs: indented, UTF-8, one line at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def campaign(
    result: CampaignFinished, compared: Compared, recipe: Recipe, header: Sequence[str] = ()
) -> dict[str, Any]:
    """The result of a campaign, beside the findings that are accepted.

    Args:
        result: what came of it.
        compared: which findings are accepted.
        recipe: how findings are reproduced.
        header: further headers as they were asked for, which hold the names of variables where values are secret.
    """
    reasons = {one.fingerprint: entry.reason for one, entry in compared.accepted}
    return {
        "contract": result.contract,
        "endpoint": result.endpoint,
        "surface": recipe.surface,
        "header": list(header),
        "seed": result.seed,
        "requests": result.requests,
        "cost_usd": result.cost_usd,
        "outcomes": {kind.value: count for kind, count in sorted(result.outcomes.items())},
        "verdicts": [verdict(one) for one in result.verdicts],
        "findings": [finding(one, recipe) | {"accepted": reasons.get(one.fingerprint)} for one in result.findings],
        "baseline": {
            "expired": [one.fingerprint for one in compared.expired],
            "vanished": [one.fingerprint for one in compared.vanished],
        },
        "left_out": list(result.left_out),
        "stopped": result.stopped,
    }


def replayed(result: Replayed, endpoint: str) -> dict[str, Any]:
    """What a replay came to, as `schemas/reports/replay.schema.json` describes it."""
    return {
        "verdict": result.verdict.value,
        "endpoint": endpoint,
        "case": result.case,
        "detail": result.detail,
        "requests": result.requests,
        "findings": [_named(one) for one in result.findings],
    }


def comparison(result: Comparison) -> dict[str, Any]:
    """Two campaigns side by side, as `schemas/reports/compare.schema.json` describes it."""
    sides = ((result.here, result.only_here), (result.there, result.only_there))
    return {
        "contract": result.here.contract,
        "endpoints": [
            {
                "endpoint": one.endpoint,
                "requests": one.requests,
                "cost_usd": one.cost_usd,
                "left_out": list(one.left_out),
                "stopped": one.stopped,
                "findings_only_here": [_named(each) for each in only],
            }
            for one, only in sides
        ],
        "differences": [
            {"constraint": one.here.constraint, "verdicts": [verdict(each) for each in one]}
            for one in result.differences
        ],
        "untold": list(result.untold),
    }


def verdict(one: Verdict) -> dict[str, Any]:
    """One cell of the enforcement matrix."""
    return {"constraint": one.constraint, "verdict": one.verdict.value, "witness": one.witness, "detail": one.detail}


def finding(one: Finding, recipe: Recipe) -> dict[str, Any]:
    """One finding, with its witness, what came back, and how to send the witness again."""
    case = one.witness
    return _named(one) | {
        "others": list(one.others),
        "witness": None if case is None else witness(case),
        "answer": None if one.answer is None else asdict(one.answer),
        "reproduce": None if case is None else reproduction(case, recipe),
    }


def _named(one: Finding) -> dict[str, Any]:
    return {
        "code": str(one.code),
        "fingerprint": one.fingerprint,
        "constraint": one.constraint,
        "case": one.case,
        "message": one.message,
    }


def witness(one: Case) -> dict[str, Any]:
    """A case that can be sent again from this alone: its bytes too, where they are not those of its payload."""
    entry = case(one) | {"content_type": one.content_type}
    if one.payload is not ABSENT and wire.encode(one.payload) != one.body:
        entry["body_base64"] = base64.b64encode(one.body).decode("ascii")
    return entry if one.twin is ABSENT else entry | {"twin": one.twin}


def reproduction(one: Case, recipe: Recipe) -> dict[str, Any]:
    """How a case is sent by hand; null where it is too long for that."""
    return {
        "before": recipe.before,
        "variables": list(recipe.variables),
        "curl": reproduce.curl(recipe, one),
        "python": reproduce.python(recipe, one),
    }


def advice(one: Advice) -> dict[str, Any]:
    """One advice; keys without a value are left out."""
    entry = {
        "rule": one.rule,
        "instance_location": one.instance_location,
        "message": one.message,
        "observed": one.observed,
        "hint": one.hint,
        "condition": one.condition,
        "sureness": one.sureness,
        "source": one.source,
    }
    return {key: value for key, value in entry.items() if value != ""}


def violation(one: Violation) -> dict[str, Any]:
    """One violation; keys without a value are left out."""
    entry = {
        "constraint": one.constraint,
        "instance_location": one.instance_location,
        "expected": one.expected,
        "actual": one.actual,
        "message": one.message,
        "hint": one.hint,
        "line": one.line,
        "column": one.column,
        "offset": one.offset,
        "context": [violation(inner) for inner in one.context],
    }
    return {key: value for key, value in entry.items() if value not in ("", None, []) or key == "instance_location"}


def basic(violations: tuple[Violation, ...]) -> dict[str, Any]:
    """The "basic" output of JSON Schema (draft 2020-12, Core section 12.4.2).

    Keywords are named as the standard does, so members of `required` share one place; what is wrong below JSON has no
    keyword, and its rule stands in the place of one.
    """
    if not violations:
        return {"valid": True}
    errors = [
        {
            "keywordLocation": _keyword_location(one.constraint),
            "instanceLocation": one.instance_location,
            "error": one.message,
        }
        for each in violations
        for one in (each, *each.context)
    ]
    return {"valid": False, "errors": errors}


def _keyword_location(constraint_id: str) -> str:
    side, _, place = constraint_id.partition(":")
    if side == "wire":
        return f"/wire/{place}"
    parent, _, last = place.rpartition("/")
    return parent if last.isdigit() and parent.endswith("/required") else place


def constraint(one: Constraint) -> dict[str, Any]:
    """One constraint of a contract."""
    return {
        "id": one.id,
        "keyword": one.keyword,
        "value": one.value,
        "reachable": one.reachable,
        "violable": one.violable,
        "reason": one.reason,
    }


def case(one: Case) -> dict[str, Any]:
    """One case: its payload, or its bytes in base64 where they are not one JSON value."""
    entry: dict[str, Any] = {"id": one.id, "side": one.side, "kind": one.kind, "constraint": one.constraint}
    if one.kind == "faulted":
        entry["breaks"] = list(one.breaks)
    if one.fault is not None:
        entry["fault"] = pointer.operation(one.fault)
        if one.twin is not ABSENT:
            entry["undo"] = pointer.operation(pointer.undone(one.fault, one.twin))
    if one.payload is ABSENT and one.side == "stream" and (text := _text(one.body)) is not None:
        entry["body"] = text
        entry["content_type"] = one.content_type
    elif one.payload is ABSENT:
        entry["body_base64"] = base64.b64encode(one.body).decode("ascii")
        entry["content_type"] = one.content_type
    else:
        entry["payload"] = one.payload
    return entry


def _text(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None
