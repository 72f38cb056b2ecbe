"""What the provider behind the gateway refuses although the published schema allows it: rules, as data and predicates.

The data (`rules.json` in a contract's folder) says what each rule forbids, how its refusal reads, where that was seen
and how sure it is for this model; the predicates (`haiku_contract.rules.table`) find the places. A rule is never a
violation: it yields `Advice`, and a prediction where it is sure enough.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from haiku_contract import pointer
from haiku_contract.errors import ContractLoadError
from haiku_contract.model import Advice
from haiku_contract.rules import members, shapes
from haiku_contract.rules.table import PREDICATES
from haiku_contract.rules.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from haiku_contract.model import Sureness
    from haiku_contract.rules.view import Breach

PHASES: Final = ("body", "fields", "keys", "shape", "request")
"""The steps in which the provider checks: the bytes, each known field, unknown keys, the conversation, the whole."""

SURE: Final = ("yes", "likely")
"""How sure a rule has to be before a refusal is predicted from it."""

ADVISED: Final = (*SURE, "unknown")
"""How sure a rule has to be before it is worth an advice: whatever is not known to be wrong for this model."""

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
_LONGEST: Final = 200
_LONGEST_REASON: Final = 1200  # the longest list of types that the provider names
_LAST: Final = 1 << 30
_KEYS: Final = frozenset(
    (
        "id",
        "sides",
        "forbids",
        "hint",
        "condition",
        "observed",
        "status",
        "error_type",
        "phase",
        "scope",
        "sources",
        "sureness",
        "from_version",
    )
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a provider, as `rules.json` has it.

    Attributes:
        id: readable and stable.
        sides: the sides of the contract that it speaks of.
        forbids: what may not be sent, in our words.
        hint: what to do instead.
        condition: when it holds, where it does not hold always; empty otherwise.
        observed: the provider's own message, with `{placeholders}` for its values.
        status: HTTP status of the refusal.
        error_type: the provider's type of error.
        phase: one of `PHASES`.
        scope: `api` for every model of the provider, `model` where it holds for this model in particular.
        source: where it was seen, as in `issue anthropics/claude-code#55689`.
        sureness: how sure it is for this model.
        from_version: the first version of the contract whose schema lets such a request through.
    """

    id: str
    sides: tuple[str, ...]
    forbids: str
    hint: str
    condition: str
    observed: str
    status: int
    error_type: str
    phase: str
    scope: str
    source: str
    sureness: Sureness
    from_version: str


@dataclass(frozen=True, slots=True)
class Found:
    """One broken rule: the rule, where, and the refusal that the provider would send."""

    rule: Rule
    path: tuple[str | int, ...]
    observed: str

    @property
    def location(self) -> str:
        """JSON Pointer to the place."""
        return pointer.join(self.path)


def load(document: Any, origin: str) -> tuple[Rule, ...]:
    """The rules of a decoded `rules.json`.

    Raises:
        ContractLoadError: it is of another form, or names a rule that this package has no predicate for.
    """
    entries = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ContractLoadError(f"{origin}: expected an object with an array under 'rules'")
    return tuple(_rule(entry, f"{origin}: rule {index}") for index, entry in enumerate(entries))


def found(payload: Any, rules: Iterable[Rule]) -> list[Found]:
    """Every place where a decoded payload breaks one of the rules, in the order in which the provider would refuse."""
    view = View(payload)
    ranked = [
        (_rank(rule, one, number), rule, one) for number, rule in enumerate(rules) for one in PREDICATES[rule.id](view)
    ]
    ranked.sort(key=lambda entry: entry[0])
    return [Found(rule, one.path, _fill(rule.observed, one.values)) for _, rule, one in ranked]


def advice(broken: Found) -> Advice:
    """What to tell somebody who is about to send the request."""
    rule = broken.rule
    return Advice(
        rule=rule.id,
        instance_location=broken.location,
        message=f"{pointer.readable(broken.path)}: the provider refuses {rule.forbids}",
        observed=broken.observed,
        source=rule.source,
        sureness=rule.sureness,
        hint=rule.hint,
        condition=rule.condition,
    )


def advise(payload: Any, rules: Iterable[Rule]) -> Iterator[Advice]:
    """An advice for every place of a decoded payload that breaks a rule which may hold for this model."""
    for broken in found(payload, (rule for rule in rules if rule.sureness in ADVISED)):
        yield advice(broken)


def first(payload: Any, rules: Iterable[Rule]) -> Found | None:
    """What the provider would refuse a decoded payload for, by the rules that are sure enough; None when nothing."""
    return next(iter(found(payload, (rule for rule in rules if rule.sureness in SURE))), None)


def _rule(entry: Any, origin: str) -> Rule:
    if not isinstance(entry, dict) or entry.keys() != _KEYS:
        raise ContractLoadError(f"{origin}: expected an object with exactly the keys {', '.join(sorted(_KEYS))}")
    if entry["id"] not in PREDICATES:
        raise ContractLoadError(f"{origin}: no predicate for {entry['id']!r}; see haiku_contract/rules/table.py")
    if entry["phase"] not in PHASES:
        raise ContractLoadError(f"{origin}: no phase {entry['phase']!r}: choose one of {', '.join(PHASES)}")
    sources = entry["sources"]
    source = "; ".join(f"{one['kind']} {one['pointer']}" for one in sources)
    rest = {key: value for key, value in entry.items() if key not in {"sides", "sources"}}
    return Rule(sides=tuple(entry["sides"]), source=source, **rest)


def _rank(rule: Rule, one: Breach, number: int) -> tuple[int, int, tuple[int, ...], int]:
    """Where in its checks the provider comes to a breach: by phase, then by field, then as the document has it."""
    phase = PHASES.index(rule.phase)
    if rule.phase not in {"fields", "shape"}:
        return phase, 0, (), number
    field = str(one.values["at"]).partition(".")[0]
    rank = shapes.FIELDS.index(field) if field in shapes.FIELDS and rule.phase == "fields" else len(shapes.FIELDS)
    place = tuple(token for token in one.path if isinstance(token, int))
    # What an object has too much is reported after all that is wrong with its members.
    extra = str(one.values.get("reason", rule.observed)).endswith(members.EXTRA)
    return phase, rank, (*place, _LAST) if extra else place, number


def _fill(template: str, values: dict[str, Any]) -> str:
    """The message with its placeholders filled; in one line, and not as long as what was sent."""

    def value(match: re.Match[str]) -> str:
        text = str(values.get(match.group(1), match.group()))
        most = _LONGEST_REASON if match.group(1) == "reason" else _LONGEST
        text = text if len(text) <= most else text[: most - 1] + "…"
        return text if text.isprintable() else ascii(text)[1:-1]

    return _PLACEHOLDER.sub(value, template)
