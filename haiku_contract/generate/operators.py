"""How each keyword is broken: one operator per keyword, which proposes edits; pure, nothing is judged here."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from haiku_contract.constraints import types
from haiku_contract.generate import ecma
from haiku_contract.generate.formats import TABLE
from haiku_contract.generate.goals import Goal
from haiku_contract.generate.holding import Holding
from haiku_contract.generate.plausible import EXTRA_KEY, MOST_CHARACTERS, MOST_ITEMS, repeated
from haiku_contract.generate.values import SAMPLES
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haiku_contract.generate.goals import Path
    from haiku_contract.generate.solver import Solver

_EXACT: Final = 2**53
_MOST_FITTING: Final = 6
_MOST_BRANCHES: Final = 6
_ODD_NAMES: Final = ("-", "$", "0", " ", "_", "X", "é", "a b", "a-b", "a\nb", "a" * 300)
"""Keys for patterns that leave few."""


class Edit(NamedTuple):
    """A proposal: an operation relative to the site, with `ABSENT` for removals."""

    label: str
    op: Literal["add", "remove", "replace"]
    path: Path = ()
    value: Any = ABSENT


class Site(NamedTuple):
    """Where a constraint is to be broken.

    Attributes:
        keyword: the constraint's keyword.
        value: its value; for `required` the one member.
        said: the schema that it stands in, in the words of 2020-12.
        current: the conforming value that the schema is held against.
        solver: finds values for parts of the schema.
    """

    keyword: str
    value: Any
    said: dict[str, Any]
    current: Any
    solver: Solver


Operator: TypeAlias = "Callable[[Site], Iterator[Edit]]"


def _replace(label: str, value: Any) -> Edit:
    return Edit(label, "replace", (), value)


def _fitting(site: Site, *schemas: Any) -> list[Any]:
    """Values that conform to some schemas at once."""
    return site.solver.some(tuple(Goal(one) for one in schemas), _MOST_FITTING)


def _type(site: Site) -> Iterator[Edit]:
    allowed = types(site.value)
    for name, samples in SAMPLES.items():
        for label, sample in samples:
            whole = "integer" in allowed and name == "number" and sample == int(sample)
            if name not in allowed and not whole:
                yield _replace(label, sample)


def _member(site: Site) -> Iterator[Edit]:
    members = site.value if site.keyword == "enum" else [site.value]
    text = next((one for one in [site.current, *members] if isinstance(one, str)), None)
    if text is not None:
        yield _replace("unknown", "unknown")
        yield _replace("near-miss", text + "s")
        yield _replace("other-case", text.upper() if text != text.upper() else text.lower())
        yield _replace("padded", text + " ")
        yield _replace("empty", "")
    for samples in SAMPLES.values():
        yield _replace(samples[0][0], samples[0][1])
    numbers = [one for one in members if isinstance(one, (int, float)) and not isinstance(one, bool)]
    if numbers:
        yield _replace("other-number", max(numbers) + 1)


def _bound(outwards: int) -> Operator:
    def propose(site: Site) -> Iterator[Edit]:
        limit = site.value
        if isinstance(limit, bool):  # draft 4 says beside the bound whether it is exclusive
            limit = site.said.get(site.keyword, 0)
        if site.keyword.startswith("exclusive"):
            yield _replace("at", limit)
        whole = "integer" in types(site.said.get("type", []))
        side = "above" if outwards > 0 else "below"
        if not whole and abs(limit) < math.inf:
            with suppress(OverflowError):  # an integer that no double holds
                yield _replace(f"just-{side}", math.nextafter(limit, math.copysign(math.inf, outwards)))
        beyond = math.floor(limit) + 1 if outwards > 0 else math.ceil(limit) - 1
        yield _replace(side, beyond)
        step = site.said.get("multipleOf")
        if step:
            multiple = math.floor(limit / step) + 1 if outwards > 0 else math.ceil(limit / step) - 1
            yield _replace(f"{side}-multiple", multiple * step)
        yield _replace(f"far-{side}", outwards * max(1e9, abs(limit) * 2))

    return propose


def _required(site: Site) -> Iterator[Edit]:
    if isinstance(site.current, dict) and site.value in site.current:
        yield Edit("removed", "remove", (site.value,))


def _closed(site: Site) -> Iterator[Edit]:
    if not isinstance(site.current, dict):
        return
    yield Edit("unknown-key", "add", (EXTRA_KEY,), "text")
    yield Edit("null-key", "add", (EXTRA_KEY,), None)
    for name in list(site.said.get("properties", {}))[:1]:
        yield Edit("near-miss-key", "add", (name + "s",), "text")
        yield Edit("other-case-key", "add", (name.upper(),), "text")
    yield Edit("empty-key", "add", ("",), "text")
    if "patternProperties" in site.said:
        odd = (name for name in _ODD_NAMES if not Holding.speaks_of(site.said, name))
        yield from (Edit("odd-key", "add", (name,), "text") for name in odd)
    if "propertyNames" in site.said:
        for name in _fitting(site, site.said["propertyNames"], {"type": "string"}):
            if not Holding.speaks_of(site.said, name):
                yield Edit("fitting-key", "add", (name,), "text")
    if isinstance(site.value, dict):
        for value in _fitting(site, {"not": site.value}):
            yield Edit("refused-under-unknown-key", "add", (EXTRA_KEY,), value)
    for label, sample in (one for samples in SAMPLES.values() for one in samples):
        yield Edit(f"{label}-under-unknown-key", "add", (EXTRA_KEY,), sample)


def _closed_items(site: Site) -> Iterator[Edit]:
    if isinstance(site.current, list):
        missing = len(site.said.get("prefixItems", ())) - len(site.current)
        for samples in SAMPLES.values():
            label, sample = samples[0]
            yield Edit("further-item" if label == "null" else f"further-{label}", "add", ("-",), sample)
        if isinstance(site.value, dict):
            for value in _fitting(site, {"not": site.value}):
                yield Edit("refused-item", "add", ("-",), value)
        if missing > 0:
            filled = [found[0] if (found := _fitting(site, one)) else None for one in site.said["prefixItems"]]
            yield _replace("one-item-more", [*site.current, *filled[len(site.current) :], "text"])


def _length(outwards: int) -> Operator:
    def propose(site: Site) -> Iterator[Edit]:
        length = int(site.value) + outwards
        current, label = site.current, "above" if outwards > 0 else "below"
        if isinstance(current, str) and 0 <= length <= MOST_CHARACTERS:
            yield _replace(label, repeated(current or "a", length))
            yield _replace(f"{label}-end", current[:length].ljust(length, current[-1:] or "a"))
            fitting = ecma.texts(site.said["pattern"], length) if "pattern" in site.said else ()
            yield from (_replace(f"{label}-fitting", one) for one in fitting if len(one) == length)
        elif isinstance(current, list) and 0 <= length <= max(MOST_ITEMS, len(current)):
            filled = current or [sample for samples in SAMPLES.values() for _, sample in samples[:1]]
            yield _replace(label, repeated(filled, length))

    return propose


_UNLIKELY: Final = (
    *(("empty", ""), ("blank", " "), ("symbols", "\u0001!"), ("text", "text"), ("digits", "0")),
    *(("lines", "a\nb"), ("long", "a" * 300), ("non-ascii", "é")),
)


def _pattern(site: Site) -> Iterator[Edit]:
    for label, text in _UNLIKELY:
        yield _replace(label, text)
    current = site.current if isinstance(site.current, str) else ""
    for label, text in (("spoilt-start", "\u0001" + current[1:]), ("spoilt-end", current[:-1] + "\u0001")):
        yield _replace(label, text)
    yield _replace("spoilt", "\u0001" * len(current))
    for label, mark in (("line-feed", "\n"), ("letter", "z"), ("capital", "Z"), ("digit", "7")):
        yield _replace(f"other-{label}", mark * max(len(current), 1))


def _half(value: float) -> float:
    """Half of a number; of an integer beyond a double the integral half."""
    return value // 2 if isinstance(value, int) and abs(value) > _EXACT else value / 2


def _multiple(site: Site) -> Iterator[Edit]:
    if isinstance(site.current, (int, float)):
        yield _replace("between", site.current + _half(site.value))
        yield _replace("next", site.current + 1)
        yield _replace("previous", site.current - 1)


def _unique(site: Site) -> Iterator[Edit]:
    if not isinstance(site.current, list):
        return
    if site.current:
        yield Edit("repeated", "add", ("-",), site.current[0])
        yield _replace("all-the-same", [site.current[0]] * len(site.current))
    if isinstance(site.said.get("items"), dict):
        yield from (_replace("repeated", [one, one]) for one in _fitting(site, site.said["items"]))
    yield _replace("twins", [None, None])
    yield _replace("text-twins", ["text", "text"])


def _properties(outwards: int) -> Operator:
    def propose(site: Site) -> Iterator[Edit]:
        if not isinstance(site.current, dict):
            return
        if outwards > 0:
            if site.value < MOST_ITEMS:
                extra = {f"{EXTRA_KEY}_{index}": "text" for index in range(int(site.value) + 1)}
                yield _replace("above", {**site.current, **extra})
            properties = site.said.get("properties", {})
            declared = {name: found[0] for name, one in properties.items() if (found := _fitting(site, one))}
            yield _replace("above-declared", {**declared, **site.current})
        elif site.value > 0:
            yield _replace("below", dict(list(site.current.items())[: int(site.value) - 1]))
            yield _replace("below-last", dict(list(site.current.items())[::-1][: int(site.value) - 1]))

    return propose


def _dependent(site: Site) -> Iterator[Edit]:
    if not isinstance(site.current, dict):
        return
    for name, needed in site.said.get("dependentRequired", {}).items():
        if name in site.current:
            yield from (Edit("removed", "remove", (one,)) for one in needed if one in site.current)
        elif any(one not in site.current for one in needed):
            inner = site.said.get("properties", {}).get(name, True)
            yield from (Edit("alone", "add", (name,), one) for one in _fitting(site, inner))


def _contains(site: Site) -> Iterator[Edit]:
    if not isinstance(site.current, list):
        return
    inner, holds = site.said.get("contains", True), site.solver.judge.holds
    fitting = [index for index, one in enumerate(site.current) if holds(inner, one)]
    if site.keyword == "maxContains":
        for one in [*(site.current[index] for index in fitting), *_fitting(site, inner)]:
            missing = int(site.value) + 1 - len(fitting)
            yield Edit("one-too-many", "add", ("-",), one)
            if missing <= MOST_ITEMS:
                yield _replace("too-many", [*site.current, *([one] * missing)])
        return
    if len(fitting) == 1:
        yield Edit("removed", "remove", (fitting[0],))
    yield _replace("none", [one for index, one in enumerate(site.current) if index not in fitting])
    others = [sample for samples in SAMPLES.values() for _, sample in samples if not holds(inner, sample)]
    for other in others[:_MOST_FITTING]:
        replaced = [other if index in fitting[:1] else one for index, one in enumerate(site.current)]
        yield _replace("another", replaced)
        yield _replace("others", [other] * len(site.current))


def _no_branch(site: Site) -> Iterator[Edit]:
    yield from _any_type(site)
    if site.keyword == "oneOf":
        branches = site.value[:_MOST_BRANCHES]
        for at, one in enumerate(branches):
            for other in branches[at + 1 :]:
                yield from (_replace("fits-more", value) for value in _fitting(site, one, other)[:2])


def _refused(site: Site) -> Iterator[Edit]:
    for value in _fitting(site, site.value):
        yield _replace("refused", value)
        if isinstance(value, dict) and isinstance(site.current, dict):
            yield _replace("refused-beside", {**site.current, **value})
            if len(value) == 1:
                (name,) = value
                yield Edit("refused-key", "add", (name,), value[name])
    yield from _any_type(site)


def _any_type(_site: Site) -> Iterator[Edit]:
    for samples in SAMPLES.values():
        for label, sample in samples:
            yield _replace(label, sample)


def _unevaluated(site: Site) -> Iterator[Edit]:
    yield from _closed(site) if site.keyword == "unevaluatedProperties" else _closed_items(site)


OPERATORS: Final[dict[str, Operator]] = {
    "type": _type,
    "enum": _member,
    "const": _member,
    "minimum": _bound(-1),
    "exclusiveMinimum": _bound(-1),
    "maximum": _bound(1),
    "exclusiveMaximum": _bound(1),
    "multipleOf": _multiple,
    "minLength": _length(-1),
    "maxLength": _length(1),
    "pattern": _pattern,
    "format": lambda site: (_replace(label, text) for label, text in TABLE[site.value].broken),
    "minItems": _length(-1),
    "maxItems": _length(1),
    "uniqueItems": _unique,
    "contains": _contains,
    "minContains": _contains,
    "maxContains": _contains,
    "minProperties": _properties(-1),
    "maxProperties": _properties(1),
    "required": _required,
    "dependentRequired": _dependent,
    "dependencies": _dependent,
    "additionalProperties": _closed,
    "unevaluatedProperties": _unevaluated,
    "items": _closed_items,
    "additionalItems": _closed_items,
    "unevaluatedItems": _unevaluated,
    "anyOf": _no_branch,
    "oneOf": _no_branch,
    "not": _refused,
    "": _any_type,
}
"""How each keyword is broken."""


def _key(_site: Site, key: str) -> Iterator[Edit]:
    yield from (Edit(samples[0][0], "add", (key,), samples[0][1]) for samples in SAMPLES.values())


def _matching_key(site: Site, key: str) -> Iterator[Edit]:
    for name in ecma.texts(key)[:_MOST_FITTING]:
        yield from _key(site, name)


def _element(site: Site, key: str) -> Iterator[Edit]:
    if isinstance(site.current, list):
        yield Edit("further-item", "add", ("-",), "text")
        filled = [found[0] if (found := _fitting(site, one)) else None for one in site.said["prefixItems"]]
        yield _replace("up-to-here", [*site.current, *filled[len(site.current) : int(key)], "text"])


FORBIDDEN: Final[dict[str, Callable[[Site, str], Iterator[Edit]]]] = {
    "properties": _key,
    "dependentSchemas": _key,
    "patternProperties": _matching_key,
    "propertyNames": lambda site, _key: _closed(site),
    "additionalProperties": lambda site, _key: _closed(site),
    "prefixItems": _element,
    "items": lambda site, _key: _closed_items(site),
    "": lambda site, _key: _conditional(site),
}
"""How what is `false` at the end of a step is broken: the place is filled, or the condition met that leads there."""


def _conditional(site: Site) -> Iterator[Edit]:
    if "if" in site.said:
        refused = {"not": site.said["if"]} if site.said.get("else") is False else site.said["if"]
        yield from (_replace("refused", one) for one in _fitting(site, refused))
    yield from _any_type(site)
