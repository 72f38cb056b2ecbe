"""What could explain that a request failed, and how likely each explanation is by all the answers so far.

An explanation is one feature, or two that stand together. It is ruled out by a request that shows it on purpose and is
fine. A payload may also show a feature by accident (the value stands there, but perhaps it is judged by another branch
of a union), and there may be several faults: what rests on that alone makes an explanation unlikely and no more.
"""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from haiku_contract.campaign.split import Explanation, names
from haiku_contract.generate.packing import at, same
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.campaign.split import Features
    from haiku_contract.generate.goals import Path
    from haiku_contract.generate.packing import Packable

Edits: TypeAlias = "Sequence[tuple[Path, Any]]"

_ANYTHING: Final = object()
_SUSPICIOUS: Final = 0.9
"""How likely it is that the place is to blame that a rejection names, or that is to blame for another one."""
_TOGETHER: Final = 0.25
"""How likely it is that two features fail only together, beside one that fails alone."""
_BY_ACCIDENT: Final = 1 / 16
"""How likely it is that a request is fine that shows an explanation, but not on purpose."""
_ANOTHER: Final = 1 / 4
"""How likely it is that a request fails for another reason."""

_MOST_PLACES: Final = 64
"""Of how many places every two may fail together, the most suspicious first."""


class Seen(NamedTuple):
    """What came of one request.

    Attributes:
        may_show: the names of the features that stand in it, on purpose or not.
        shown: the names of the features that it shows on purpose.
        fails: whether it failed in the way that is to be explained; else it was fine.
    """

    may_show: frozenset[str]
    shown: frozenset[str]
    fails: bool


def weighed(suspicious: Features, rest: Features, seen: Sequence[Seen]) -> list[Explanation]:
    """The explanations that are left, with their weights.

    Args:
        suspicious: what the request that failed shows where the rejection says, or where something is guilty already.
        rest: what else it shows.
        seen: what came of the other requests.
    """
    left = 1 - _SUSPICIOUS if suspicious else 1.0
    found = [Explanation((one,), _SUSPICIOUS / len(suspicious)) for one in suspicious]
    found += [Explanation((one,), left / len(rest)) for one in rest]
    named = {one.name for one in suspicious or rest}
    pairs = [
        pair
        for pair in combinations(_places((*suspicious, *rest)), 2)
        if any(each.name in named for each in (*pair[0], *pair[1]))
    ]
    for pair in pairs:
        ways = list(product(*pair))
        found += [Explanation(way, _TOGETHER / len(pairs) / len(ways)) for way in ways]
    likely = (one._replace(weight=one.weight * _likelihood(one, seen)) for one in found)
    return [one for one in likely if one.weight]


def foreseen(explanations: Sequence[Explanation], may_show: frozenset[str]) -> float:
    """How likely it is that a request fails for the same reason, by the explanations that are left.

    Args:
        explanations: those.
        may_show: the names of the features that stand in the request.
    """
    weight = sum(one.weight for one in explanations)
    return sum(one.weight for one in explanations if one.names <= may_show) / weight if weight else 1.0


def _likelihood(explanation: Explanation, seen: Sequence[Seen]) -> float:
    likely = 1.0
    for one in seen:
        if not one.fails and explanation.names <= one.shown:
            return 0.0
        if one.fails != (explanation.names <= one.may_show):
            likely *= _ANOTHER if one.fails else _BY_ACCIDENT
    return likely


def _places(lined: Features) -> list[Features]:
    """For each place outside arrays at which the request shows something: that it does, and what stands there."""
    found: dict[tuple[str, ...], dict[bool, Packable]] = {}
    for one in lined:
        if one.array is None and one.edits and all(path and value is not ABSENT for path, value in one.edits):
            found.setdefault(names(one.edits[0][0]), {}).setdefault(one.loose, one)
    return [tuple(each.values()) for each in found.values()][:_MOST_PLACES]


def stands(way: Sequence[str], payload: Any) -> bool:
    """Whether anything stands at a place, whose elements are `*`, of a payload."""
    if not way:
        return payload is not ABSENT
    if way[0] == "*":
        return isinstance(payload, list) and any(stands(way[1:], each) for each in payload)
    return isinstance(payload, dict) and way[0] in payload and stands(way[1:], payload[way[0]])


def shows(feature: Packable, payload: Any) -> bool:
    """Whether what makes a feature stands in a payload, on purpose or not.

    Of an array any element will do. For an array of several elements any other stands that is as long: where one fails,
    its length may be why.

    Args:
        feature: what is looked for.
        payload: the decoded request.
    """
    edits = [(path, _ANYTHING if feature.loose else value) for path, value in feature.edits]
    return _holds(payload, edits, anywhere=feature.array is not None)


def _holds(value: Any, edits: Edits, *, anywhere: bool) -> bool:
    below: dict[str | int, list[tuple[Path, Any]]] = {}
    here = []
    for path, wanted in edits:
        if path:
            below.setdefault(path[0], []).append((path[1:], wanted))
        else:
            here.append(wanted)
    if here:
        return all(
            value is not ABSENT if one is _ANYTHING else same(value, one) or _is_as_long(value, one) for one in here
        )
    return all(
        any(_holds(one, inner, anywhere=anywhere) for one in _below(value, token, anywhere=anywhere))
        for token, inner in below.items()
    )


def is_long(feature: Packable) -> bool:
    """Whether a feature is that an array has several elements."""
    return any(isinstance(value, list) and len(value) > 1 for _, value in feature.edits) and not feature.loose


def _is_as_long(value: Any, array: Any) -> bool:
    return isinstance(value, list) and isinstance(array, list) and len(value) >= len(array) > 1


def _below(value: Any, token: str | int, *, anywhere: bool) -> Sequence[Any]:
    if isinstance(token, int) and anywhere:
        return value if isinstance(value, list) else ()
    if isinstance(value, dict):
        return (value.get(str(token), ABSENT),)
    return (at(value, (token,)),) if isinstance(value, list) else ()  # nothing is absent where nothing is around it
