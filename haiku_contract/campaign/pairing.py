"""What packed requests show beside one another at no cost: values that a campaign sends anyway, in another company.

An endpoint may mind a value only where a stream is asked for, or only in the first element of an array.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.generate.covering import Packed, joined
from haiku_contract.generate.packing import at
from haiku_contract.model import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haiku_contract.campaign.split import Features
    from haiku_contract.generate.packing import Packable
    from haiku_contract.validation import SchemaValidator

_STREAM: Final = ("stream",)


def unstreamed(validator: SchemaValidator, one: Packed, simplest: Any) -> Iterator[Packed]:
    """A packed request that asks for a stream, in two: a stream shows nothing of what the response schema says.

    The one that asks for it has every option that the other one has, each with any value.

    Args:
        validator: the schema.
        one: the packed request.
        simplest: the payload of the simplest request.
    """
    if not (isinstance(one.case.payload, dict) and one.case.payload.get("stream") is True):
        yield one
        return
    asking = tuple(each for each in one.features if any(path[:1] == _STREAM for path, _ in each.edits))
    rest = tuple(each for each in one.features if each not in asking)
    options = tuple(each for each in rest if each.loose and _is_option(each, simplest))
    for name, ways in (("whole", (rest,)), ("streamed", ((*asking, *options), asking))):
        made = next((part for part in ways if part and joined(validator, part) is not None), ())
        case = joined(validator, made) if made else None
        if case is not None:
            yield Packed(replace(case, id=f"{one.case.id}/{name}"), made)


def _is_option(feature: Packable, simplest: Any) -> bool:
    """Whether a feature is the presence of a member at the top that the simplest request has not."""
    path, _ = feature.edits[0]
    return len(path) == 1 and at(simplest, path) is ABSENT


def fronted(validator: SchemaValidator, together: Sequence[Packed], simplest: Any) -> tuple[Packed, ...]:
    """Packed requests whose arrays begin with other values of a list than those of the simplest one.

    Args:
        validator: the schema.
        together: the packed requests.
        simplest: the payload of the simplest request.
    """
    others = {each.name: each for one in together for each in one.features if _is_alternative(each, simplest)}
    made = list(together)
    for each in others.values():
        own = each._replace(name=f"{each.name}/first", array=None)
        for number in sorted(range(len(made)), key=lambda one: len(made[one].features)):
            found = _with(validator, made[number], own)
            if found is not None:
                made[number] = found
                break
    return tuple(made)


def _is_alternative(feature: Packable, simplest: Any) -> bool:
    """Whether a feature is a value of a list inside an element, where the first element has another one."""
    path, value = feature.edits[0]
    is_listed = (feature.constraint or "").rpartition("/")[2] == "enum"
    return is_listed and feature.array is not None and at(simplest, path) not in (ABSENT, value)


def _with(validator: SchemaValidator, one: Packed, own: Packable) -> Packed | None:
    shown: Features = (own, *one.features)
    case = joined(validator, shown)
    if case is None or any(at(case.payload, path) != value for path, value in own.edits):
        return None
    return Packed(replace(case, id=one.case.id), shown)
