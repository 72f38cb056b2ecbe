"""What a solver has found and need not look for again, also where the document is changed in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haiku_contract.generate.merging import references

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haiku_contract.generate.goals import Goal, Host
    from haiku_contract.schemas import Document

    Key = tuple[Any, ...]


class Leads:
    """Which parts of a document lead to a place in it, through references."""

    def __init__(self, document: Document) -> None:
        """Args: the document."""
        self._document = document
        self._within: dict[int, tuple[Any, frozenset[str]]] = {}
        self._places = {name: document.target(name) for name in self.within(document.root)}

    def within(self, schema: Any) -> frozenset[str]:
        """The references inside a schema."""
        if id(schema) not in self._within:
            self._within[id(schema)] = schema, frozenset(references(schema))  # kept, so that its id stays its
        return self._within[id(schema)][1]

    def to(self, tokens: Sequence[str]) -> frozenset[str]:
        """The references whose targets hold a place, are a part of it, or lead to one of these."""
        place = tuple(tokens)
        found = set()
        users: dict[str, set[str]] = {}
        for name, target in self._places.items():
            if target is None:
                continue
            length = min(len(target.tokens), len(place))
            if target.tokens[:length] == place[:length]:
                found.add(name)
            for inner in self.within(target.schema):
                users.setdefault(inner, set()).add(name)
        queue = list(found)
        while queue:
            more = users.get(queue.pop(), set()) - found
            found |= more
            queue += more
        return frozenset(found)


class Firsts:
    """The simplest value of each set of goals, or that there is none.

    Those of another document count too that is the same but for one place, for goals that do not lead there.
    """

    def __init__(self, document: Document) -> None:
        """Args: the document that the goals are parts of."""
        self._document = document
        self._known: dict[Key, tuple[tuple[Goal, ...], Host | None]] = {}
        self._others: Firsts | None = None
        self._affected: frozenset[str] = frozenset()
        self._leads: Leads | None = None

    def changed(self, tokens: Sequence[str]) -> Firsts:
        """Those for the document with another schema at one place."""
        self._leads = self._leads or Leads(self._document)
        other = Firsts(self._document)
        other._others, other._leads, other._affected = self, self._leads, self._leads.to(tokens)
        return other

    def get(self, key: Key) -> tuple[tuple[Goal, ...], Host | None] | None:
        """The goals of a key and their simplest value; None where nothing is known."""
        found = self._known.get(key)
        if found is None and self._others is not None and self._leads is not None:
            found = self._others.get(key)
            if found is not None and not all(
                self._affected.isdisjoint(self._leads.within(one.schema)) for one in found[0]
            ):
                return None
        return found

    def keep(self, key: Key, goals: Sequence[Goal], found: Host | None) -> None:
        """Note the simplest value; the goals are kept, so that the identities in the key stay theirs."""
        self._known[key] = tuple(goals), found
