"""The values that a search for payloads works with: steps, goals, atoms, nodes, and what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Path: TypeAlias = tuple[str | int, ...]


class Step(NamedTuple):
    """One applicator on the way: the keyword, and its key or index where it holds several schemas."""

    keyword: str
    key: str = ""


def modern_step(step: Step) -> Step:
    """The step in the words of 2020-12."""
    if step.keyword == "items" and step.key:
        return Step("prefixItems", step.key)
    return Step(_WORDS.get(step.keyword, step.keyword), step.key)


_WORDS: Final = {"additionalItems": "items", "dependencies": "dependentSchemas", "$recursiveRef": "$ref"}


class Positions(NamedTuple):
    """Which element of an array is the one on the route: number `at` (from 0) of `size`."""

    at: int
    size: int


ALONE: Final = Positions(0, 1)


class Host(NamedTuple):
    """A value, and where in it the place is that was asked for."""

    payload: Any
    path: Path


class Goal(NamedTuple):
    """A schema that the value has to conform to.

    Attributes:
        schema: the schema.
        demand: the steps from here to the place that the value has to reach; None where it need not reach any.
        within: the schemas that this one is a part of and that are held against the same value, by identity.
        strict: whether the value has to conform to it even where the schema around it, a union, would not ask for it.
    """

    schema: Any
    demand: tuple[Step, ...] | None = None
    within: frozenset[int] = frozenset()
    strict: bool = False


class Atom(NamedTuple):
    """An opened goal: its keywords in the words of 2020-12."""

    said: dict[str, Any]
    demand: tuple[Step, ...] | None
    within: frozenset[int]
    strict: bool = False


class Node(NamedTuple):
    """What one value has to be: all atoms at once, of one of the kinds."""

    atoms: tuple[Atom, ...]
    kinds: frozenset[str]
    name: str
    depth: int
    opened: frozenset[int] = frozenset()  # the schemas that were opened, by identity


Options: TypeAlias = tuple[tuple[Goal, ...], ...]


class State(NamedTuple):
    """Goals that are being opened.

    Attributes:
        pending: those that are not open yet.
        choices: the unions of which no branch is chosen yet.
        atoms: what the others are made of.
        kinds: the JSON types that they leave.
        opened: the schemas that were opened, by identity.
    """

    pending: tuple[Goal, ...]
    choices: tuple[Options, ...]
    atoms: tuple[Atom, ...]
    kinds: frozenset[str]
    opened: frozenset[int]


def reaching_of(atoms: Sequence[Atom]) -> tuple[Atom | None, Step | None]:
    """The atom through whose children the way goes on, and the step."""
    reaching = next((atom for atom in atoms if atom.demand), None)
    return reaching, modern_step(reaching.demand[0]) if reaching and reaching.demand else None
