"""What to ask for besides, so that a value like one that was refused conforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from haiku_contract.generate.goals import Goal
from haiku_contract.generate.negating import negations
from haiku_contract.schemas import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haiku_contract.generate.goals import Atom, Node
    from haiku_contract.generate.holding import Holding
    from haiku_contract.schemas import Document


def asked(document: Document, judge: Holding, node: Node, value: Any) -> Iterator[tuple[Goal, ...]]:
    """What to add to the goals of a node whose value was refused: alternatives, likely ones first.

    Only the first thing that is wrong is looked at: the next search finds the next. Where the likely alternative has
    been asked for already, it is wrong because something in it is, of which another atom speaks: that comes first.
    """
    later: list[tuple[Goal, ...]] = []
    for keyword, repair in _REPAIRS.items():
        for atom in node.atoms:
            if keyword not in atom.said:
                continue
            proposed = list(repair(_Refused(document, judge, node, atom, value)))
            news = [not all(_is_asked(node, goal.schema) for goal in one) for one in proposed]
            found = [one for one, new in zip(proposed, news, strict=True) if new]
            if news and news[0]:
                yield from found
                yield from later
                return
            later += found
    yield from later


def _is_asked(node: Node, schema: Any) -> bool:
    """Whether a node has a schema, or one that says the same, among its goals."""
    return id(schema) in node.opened or (isinstance(schema, Words) and any(atom.said == schema for atom in node.atoms))


class _Refused(NamedTuple):
    """A value that an atom of a node may be the reason to refuse."""

    document: Document
    judge: Holding
    node: Node
    atom: Atom
    value: Any

    def holds(self, schema: Any) -> bool:
        return self.judge.holds(schema, self.value)

    def goal(self, schema: Any) -> Goal:
        """A schema inside the atom's, held against the same value."""
        return Goal(schema, None, self.atom.within | {id(self.atom.said)})


def _condition(refused: _Refused) -> Iterator[tuple[Goal, ...]]:
    said, goal = refused.atom.said, refused.goal
    if refused.holds(Words({keyword: said[keyword] for keyword in ("if", "then", "else") if keyword in said})):
        return
    met = (goal(said["if"]), goal(said.get("then", True)))
    unmet = (Goal(Words({"not": said["if"]})), goal(said.get("else", True)))
    yield from (met, unmet) if refused.holds(said["if"]) else (unmet, met)


def _dependent(refused: _Refused) -> Iterator[tuple[Goal, ...]]:
    for name, schema in refused.atom.said["dependentSchemas"].items():
        if isinstance(refused.value, dict) and name in refused.value and not refused.holds(schema):
            yield (refused.goal(schema),)
            yield (Goal(Words(properties={name: False})),)
            return


def _negation(refused: _Refused) -> Iterator[tuple[Goal, ...]]:
    inner = refused.atom.said["not"]
    if refused.holds(inner):
        for one in negations(refused.document, refused.judge, inner):
            yield tuple(Goal(schema) for schema in one)


def _one_branch(refused: _Refused) -> Iterator[tuple[Goal, ...]]:
    fitting = [branch for branch in refused.atom.said["oneOf"] if refused.holds(branch)]
    for index, kept in enumerate(fitting) if len(fitting) > 1 else ():
        if id(kept) in refused.node.opened:
            yield tuple(Goal(Words({"not": one})) for one in (*fitting[:index], *fitting[index + 1 :]))


def _contained(refused: _Refused) -> Iterator[tuple[Goal, ...]]:
    said = refused.atom.said
    if "maxContains" in said and isinstance(refused.value, list):
        yield (Goal(Words(maxItems=max(len(refused.value) - 1, 0))),)
        yield (Goal(Words(items=Words({"not": said["contains"]}))),)


def _unevaluated(refused: _Refused) -> Iterator[tuple[Goal, ...]]:
    """Another branch of a union, or the condition met, so that what is left over is spoken of."""
    said = refused.atom.said
    if refused.holds(said):
        return
    for union in ("anyOf", "oneOf"):
        yield from ((refused.goal(branch),) for branch in said.get(union, ()) if not refused.holds(branch))
    if "if" in said and not refused.holds(said["if"]):
        yield refused.goal(said["if"]), refused.goal(said.get("then", True))


_REPAIRS: Final[dict[str, Callable[[_Refused], Iterator[tuple[Goal, ...]]]]] = {
    "not": _negation,
    "if": _condition,
    "dependentSchemas": _dependent,
    "oneOf": _one_branch,
    "contains": _contained,
    **dict.fromkeys(("unevaluatedProperties", "unevaluatedItems"), _unevaluated),
}
"""What each keyword that building does not guarantee asks for, where it is the reason.

What other repairs have asked not to be comes first, or they would ask for it again.
"""
