"""What engines report and what it means: the branch of a union that was meant, constraints that are broken; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract import constraints, pointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from haiku_contract.constraints import Schema
    from haiku_contract.model import Side

_SHUT: Final = ("type", "const", "enum", "")
"""A branch that fails for one of these (the last: it is `false`) at the union's own place was not meant."""


class Failure(NamedTuple):
    """What an engine reports: the keyword that failed, by its place in the schema, and the instance it failed for.

    Attributes:
        schema_path: tokens from the root of the schema to the keyword, references resolved.
        instance_path: tokens from the root of the payload to the instance.
        instance: the value there.
        branches: for a union, the failures of each branch.
        unexpected: for keywords that close an object, the keys that are too much.
    """

    schema_path: tuple[str | int, ...]
    instance_path: tuple[str | int, ...]
    instance: Any
    branches: tuple[tuple[Failure, ...], ...] = ()
    unexpected: tuple[str, ...] = ()


def once(failures: Iterable[Failure]) -> Iterator[Failure]:
    """Each failing keyword once per place: engines repeat `required` for every missing member."""
    seen: set[tuple[tuple[str | int, ...], tuple[str | int, ...]]] = set()
    for failure in failures:
        key = (failure.schema_path, failure.instance_path)
        if key not in seen:
            seen.add(key)
            yield failure


class _Place(NamedTuple):
    """A keyword of a schema that failed: empty for a `false`; the id of the constraint; who has to be there."""

    keyword: str
    id: str
    members: tuple[str, ...]


class Meaning:
    """What failures of one schema mean; what is known of a place in the schema is kept.

    Attributes:
        schema: the schema.
        side: that names its constraints.
    """

    def __init__(self, schema: Schema, side: Side) -> None:
        """Args: as the attributes."""
        self.schema = schema
        self.side: Side = side
        self._places: dict[tuple[str | int, ...], _Place] = {}

    def keyword(self, failure: Failure) -> str:
        """The failing keyword; empty for a schema that is `false` at a place that no keyword closes."""
        return self._place(failure.schema_path).keyword

    def intended(self, failure: Failure) -> tuple[Failure, ...] | None:
        """The failures of the branch that was meant: its type fits; then discriminators, depth and fewness decide.

        None where the value has no branch's type, or is none of the values that the branches list; and where it fits a
        branch, and one more than it may.
        """
        if not all(failure.branches):
            return None
        here = len(failure.instance_path)
        fitting = [branch for branch in failure.branches if not self._was_not_meant(branch, here)]
        if len(fitting) < 2:  # noqa: PLR2004 - nothing to choose between
            return fitting[0] if fitting else None
        return min(fitting, key=lambda branch: self._distance(branch, here))

    def broken(self, failures: Iterable[Failure]) -> frozenset[str]:
        """The ids of the constraints that failures are about: of a union those of the branch that was meant.

        Where none was meant, the union itself and those of all branches.
        """
        found: set[str] = set()
        stack = list(failures)
        while stack:
            failure = stack.pop()
            meant = self.intended(failure) if failure.branches else None
            if meant is not None:
                stack += meant
                continue
            found |= self._ids(failure)
            for branch in failure.branches:
                stack += branch
        return frozenset(found)

    def every(self, failures: Iterable[Failure]) -> frozenset[str]:
        """The ids of all constraints that are not met, in every branch of the unions that fail.

        Wider than `broken`: for constraints of branches that never are the ones that were meant.
        """
        found: set[str] = set()
        stack = list(failures)
        while stack:
            failure = stack.pop()
            found |= self._ids(failure)
            for branch in failure.branches:
                stack += branch
        return frozenset(found)

    def _ids(self, failure: Failure) -> set[str]:
        place = self._place(failure.schema_path)
        if not place.members:
            return {place.id}
        missing = {f"{place.id}/{at}" for at, name in enumerate(place.members) if name not in failure.instance}
        return missing or {place.id}

    def _was_not_meant(self, branch: tuple[Failure, ...], here: int) -> bool:
        """Whether a failure tells that its branch was not meant; a union in a union does where none of its own was."""
        for one in branch:
            if len(one.instance_path) == here:
                if one.branches:
                    if all(one.branches) and self.intended(one) is None:
                        return True
                elif self._place(one.schema_path).keyword in _SHUT:
                    return True
        return False

    def _distance(self, branch: tuple[Failure, ...], here: int) -> tuple[int, int, int]:
        """How far a branch is from what was meant: wrong discriminators, then shallow failures, then all failures."""
        wrong = shallow = 0
        for one in branch:
            depth = len(one.instance_path)
            shallow += depth == here
            wrong += depth == here + 1 and self._place(one.schema_path).keyword in {"const", "enum"}
        return wrong, shallow, len(branch)

    def _place(self, path: tuple[str | int, ...]) -> _Place:
        found = self._places.get(path)
        if found is None:
            value = pointer.get(self.schema, path)
            keyword = constraints.keyword_at(path)
            if keyword not in constraints.ASSERTIONS and keyword not in constraints.CLOSING and value is False:
                keyword = ""
            members = tuple(value) if keyword == "required" and isinstance(value, list) else ()
            found = self._places[path] = _Place(keyword, f"{self.side}:{pointer.join(path)}", members)
        return found
