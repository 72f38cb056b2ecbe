"""Values for any schema: a bounded search that builds the simplest first and repairs what does not conform.

A search node is a set of *goals*, schemas that one value has to conform to at once. Opening the goals follows
references, takes `allOf` apart and chooses branches of unions until only flat *atoms* are left, from which a value is
built. Whatever building does not guarantee (`not`, `if`, a second branch of `oneOf`) is checked on the value; what is
refused says which goals to add, and the node is searched again. The simplest value of a set of goals is kept.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from haiku_contract.errors import UsageError
from haiku_contract.generate import scalars
from haiku_contract.generate.arrays import arrays
from haiku_contract.generate.goals import ALONE, Atom, Goal, Host, Node, Positions, State, modern_step
from haiku_contract.generate.holding import Holding, key_of, kind_of
from haiku_contract.generate.kept import Firsts
from haiku_contract.generate.kinds import (
    EVERY,
    asked_anyway,
    contradiction,
    flat,
    in_order,
    kinds_left,
    members,
    refuse_each_other,
)
from haiku_contract.generate.merging import Heights, Unsatisfiable
from haiku_contract.generate.objects import objects
from haiku_contract.generate.repairing import asked
from haiku_contract.schemas import REFERENCES, Words
from haiku_contract.trivial import accepts_everything

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from haiku_contract.generate.goals import Options, Step
    from haiku_contract.schemas import Document

_UNROLLED: Final = 6  # levels that show what a person would write; below, what ends a recursion soonest
_MAX_DEPTH: Final = 120
_MOST_TURNS: Final = 60
_MOST_REFUSED: Final = 24
_MOST_SCALARS: Final = 200  # that are tried where some are refused for what they are
_WORK: Final = 60_000
_LISTED_KINDS: Final = ("boolean", "null")  # of which every value is tried
_LONG: Final = 1_000  # characters that are looked at in the time that a short text takes
_COST: Final = 4  # of building a value, beside that of holding a value against a schema once


class Undecided(UsageError):  # noqa: N818 - a finding about the schema, not a malfunction
    """No value was found within the bound of the search, and none was excluded either."""


class _OutOfWork(Exception):  # noqa: N818 - ends a search
    """The bound of the search is reached."""


class Solver:
    """The search for values of one document; what is found is kept."""

    def __init__(self, document: Document, judge: Callable[[Any], bool] | None = None, work: int = _WORK) -> None:
        """Args: the schema; the engine that decides, where there is one; how much one search may try."""
        self.document = document
        self.judge = Holding(self.document)
        self.positions = ALONE
        self._accepts = judge or (lambda _: True)
        self.heights = Heights(self.document)
        self._simplest: dict[tuple[Step, ...], Host] = {}
        self.firsts = Firsts(self.document)
        self._open_keys: set[tuple[Any, ...]] = set()
        self._dead: dict[tuple[Any, ...], tuple[Goal, ...]] = {}
        self._ables: dict[int, tuple[list[Any], list[Any]]] = {}
        self._guarded = 0
        self._exclusive = False
        self._floor = 0
        self._most = work
        self._work = 0
        self._exhaustive = True
        self._conflict = ""
        self._beyond = ""

    # -- questions ----------------------------------------------------------------------------------------------------

    def simplest(self) -> Any:
        """The simplest value of the whole schema.

        Raises:
            Unsatisfiable: there is none; the message says why.
            Undecided: none was found within the bound.
        """
        return self.one(()).payload

    def one(self, steps: tuple[Step, ...], positions: Positions = ALONE) -> Host:
        """The simplest payload in which the schema at the end of a way is held against some place; raises likewise."""
        if positions == ALONE and steps in self._simplest:
            return self._simplest[steps]
        for host in self.hosts(steps, positions):
            if positions == ALONE:
                self._simplest[steps] = host
            return host
        where = " at this place" if steps else ""
        if self._exhaustive:
            raise Unsatisfiable(f"no value conforms{where}: {self._conflict or 'its parts contradict each other'}")
        beyond = f"; {self._beyond}" if self._beyond else ""
        raise Undecided(f"undecided{where}: no conforming value was found within the bound of the search{beyond}")

    def hosts(
        self, steps: tuple[Step, ...], positions: Positions = ALONE, *, exclusive: bool = False, start: Any = None
    ) -> Iterator[Host]:
        """Payloads that conform and reach the end of a way, simple ones first, as many as the bound allows.

        Args:
            steps: the way.
            positions: which elements of arrays are on it.
            exclusive: whether they are to fit no other branch of the unions on the way.
            start: the schema that the way begins at, where that is a part of the document.
        """
        self._exclusive = exclusive
        self._work, self._floor, self._exhaustive, self._conflict, self._beyond = self._most, 0, True, "", ""
        self.positions = positions
        self._open_keys.clear()
        self._dead.clear()
        try:
            for host in self.values((Goal(self.document.root if start is None else start, steps),), "", 0):
                if self._accepts(host.payload):
                    yield host
                self.give_up()
        except (_OutOfWork, RecursionError):
            self._exhaustive = False
            self._open_keys.clear()

    def excluded(self, start: Any, steps: tuple[Step, ...]) -> str:
        """Why no value of a part of the schema gets to the end of a way; empty where one does, or may."""
        found = next(self.hosts(steps, start=start), None)
        return self._conflict if found is None and self._exhaustive else ""

    def some(self, goals: tuple[Goal, ...], most: int) -> list[Any]:
        """A few values of parts of the schema; empty where none is found within the bound."""
        kept = self._work, self._floor, self._exhaustive, self._conflict, self._open_keys, self._dead
        self._work, self._floor, self._open_keys, self._dead = self._most // 8, 0, set(), {}
        found: list[Any] = []
        with suppress(_OutOfWork, RecursionError):  # a few are enough
            found.extend(host.payload for host in islice(self.values(goals, "", 0), most))
        self._work, self._floor, self._exhaustive, self._conflict, self._open_keys, self._dead = kept
        return found

    # -- what builders of objects and arrays use ----------------------------------------------------------------------

    def values(self, goals: Sequence[Goal], name: str, depth: int) -> Iterator[Host]:
        """The values that conform to all goals, simple ones first, without repetitions."""
        if depth > _MAX_DEPTH:
            self.give_up()
            return
        key = (tuple(sorted((id(goal.schema), str(goal.demand)) for goal in goals)), name, self.is_lean(depth))
        if key in self._dead:
            self.give_up()
            return
        seen: set[str] = set()
        before = self._guarded
        start = State(tuple(goals), (), (), EVERY, frozenset())
        for host in self._search(tuple(goals), start, name, depth, 0):
            text = key_of(host.payload)
            if text not in seen:
                seen.add(text)
                yield host
        if not seen and self._guarded == before:
            self._dead[key] = tuple(goals)  # kept, so that the ids stay theirs

    def first(self, goals: Sequence[Goal], name: str, depth: int) -> Host | None:
        """The simplest of `values`; kept where no place is asked for."""
        if any(goal.demand is not None for goal in goals):
            return next(self.values(goals, name, depth), None)
        key = (tuple(sorted({id(goal.schema) for goal in goals})), name, self.is_lean(depth))
        if (known := self.firsts.get(key)) is not None:
            return known[1]
        if key in self._open_keys:  # a value is never part of itself
            if self.is_lean(depth):
                self._guarded += 1
                return None
            return next(self.values(goals, name, depth), None)
        self._open_keys.add(key)
        before, exhaustive = self._guarded, self._exhaustive
        self._exhaustive = True
        try:
            found = next(self.values(goals, name, depth), None)
        finally:
            complete, self._exhaustive = self._exhaustive, self._exhaustive and exhaustive
            self._open_keys.discard(key)
        if found is not None or (self._guarded == before and complete):
            self.firsts.keep(key, goals, found)
        return found

    def is_lean(self, depth: int) -> bool:
        """Whether only what ends a recursion is wanted here."""
        return depth > _UNROLLED

    def conflict(self, reason: str) -> None:
        """Note why a set of goals has no value; the first reason is told."""
        self._conflict = self._conflict or reason

    def give_up(self, beyond: str = "") -> None:
        """Note that values were left out: that nothing is found proves nothing any more."""
        self._exhaustive = False
        self._beyond = self._beyond or beyond

    # -- the search at one place --------------------------------------------------------------------------------------

    def _search(self, goals: tuple[Goal, ...], start: State, name: str, depth: int, turn: int) -> Iterator[Host]:
        """Values that conform to all goals, from a state in which some of them are pending."""
        states = self._expansions(start, lean=self.is_lean(depth))
        for state in states if depth or turn else self._in_shares(states):
            try:
                yield from self._of_state(goals, state, name, depth, turn)
            except _OutOfWork:
                if not self._floor or depth or turn:
                    raise
                self._work = max(self._work, self._floor)
                self.give_up()  # there may be something in what follows
            except RecursionError:  # a value that is too deep for Python; others need not be
                self.give_up()

    def _in_shares(self, states: Iterator[State]) -> Iterator[State]:
        """The states, each of which may use half of the work that is left where another one follows."""
        state = next(states, None)
        while state is not None:
            following = next(states, None)
            self._floor = 0 if following is None else self._work // 2
            yield state
            self._floor = 0  # to look for another one is none of its work
            state = following

    def _of_state(self, goals: tuple[Goal, ...], state: State, name: str, depth: int, turn: int) -> Iterator[Host]:
        node = Node(state.atoms, state.kinds, name, depth, state.opened)
        refused = 0
        listed = any("const" in atom.said or "enum" in atom.said for atom in state.atoms)
        asking = [goal.schema for goal in goals]
        asking += [atom.said for atom in state.atoms if atom.strict or atom.demand == ()]
        for host in self._built(node):
            if all(self.judge.holds(one, host.payload) for one in asking):
                yield host
                continue
            if kind_of(host.payload) not in _LISTED_KINDS and not listed:
                self.give_up()  # there are more values than were tried
            refused += 1
            if refused == 1 and turn < _MOST_TURNS:
                for more in asked(self.document, self.judge, node, host.payload):
                    yield from self._search((*goals, *more), state._replace(pending=more), name, depth, turn + 1)
            if refused > _MOST_REFUSED and not listed:
                break

    def spend(self, steps: int) -> None:
        """Count work against the bound of the search."""
        self._work -= steps + self.judge.asked
        self.judge.asked = 0
        if self._work < self._floor:
            raise _OutOfWork

    def _expansions(self, start: State, *, lean: bool) -> Iterator[State]:
        """The ways to open all pending goals: no references, no `allOf`, one branch of each union."""
        stack = [start]
        while stack:
            state = self._opened(stack.pop(), lean=lean)
            if state is None:
                self.spend(_COST)
                continue
            self.spend(_COST + len(state.atoms))
            if not state.choices:
                yield state
                continue
            options, rest = state.choices[0], state.choices[1:]
            stack += [state._replace(pending=option, choices=rest) for option in reversed(options)]

    def _opened(self, state: State, *, lean: bool) -> State | None:
        """The state with every pending goal opened; None where they contradict each other."""
        pending, choices, atoms, kinds, opened = state
        while pending:
            goal, pending = pending[0], pending[1:]
            if goal.schema is False:
                self.conflict("a schema that is 'false' stands there")
                return None
            known = id(goal.schema) in opened or not isinstance(goal.schema, dict)
            opened |= {id(goal.schema)}
            if known and goal.demand is None:
                continue
            said = self.document.modern(goal.schema) if isinstance(goal.schema, dict) else {}
            more, picks, demand = self._parts(said, goal, lean=lean)
            left = kinds & kinds_left(said)
            if not left or accepts_everything(self.document, said.get("not", False), left):
                self.conflict("what stands under 'not' refuses everything" if left else contradiction(kinds, said))
                return None
            kinds = left
            atoms = (*atoms, Atom(said, demand, goal.within, goal.strict))
            pending, choices = (*more, *pending), (*choices, *picks)
        if refuse_each_other(self.document, [atom.said for atom in atoms]):
            self.conflict("'not' refuses what is asked for beside it")
            return None
        return State((), choices, atoms, kinds, opened)

    def _parts(
        self, said: dict[str, Any], goal: Goal, *, lean: bool
    ) -> tuple[list[Goal], list[Options], tuple[Step, ...] | None]:
        """What a schema asks of the same value through its subschemas, and the demand that is left for its children."""
        step = modern_step(goal.demand[0]) if goal.demand else None
        rest = goal.demand[1:] if goal.demand else None
        within = goal.within | {id(said)}
        more: list[Goal] = []
        picks: list[Options] = []
        for keyword in REFERENCES:
            target = self.judge.referred(said, keyword) if keyword in said else None
            if target is not None:
                met = step is not None and step.keyword in REFERENCES
                more.append(Goal(target, rest if met else None, within))
        for index, branch in enumerate(said.get("allOf", ())):
            met = step is not None and step.keyword == "allOf" and step.key == str(index)
            more.append(Goal(branch, rest if met else None, within))
        for union in ("anyOf", "oneOf"):
            if union not in said:
                continue
            branches = said[union]
            if step is not None and step.keyword == union:
                chosen = branches[int(step.key)]
                more.append(Goal(chosen, rest, within, strict=True))
                if self._exclusive:
                    more += [Goal(Words({"not": one}), strict=True) for one in branches if one is not chosen]
            else:
                picks.append(tuple((Goal(branch, None, within),) for branch in self._able(union, branches, lean=lean)))
        more += [Goal(one, None, within) for one in asked_anyway(self.document, said)]
        in_place = step is not None and step.keyword in {*REFERENCES, "allOf", "anyOf", "oneOf"}
        if step is not None and step.keyword in {"then", "else"} and "if" in said:
            asked = said["if"] if step.keyword == "then" else Words({"not": said["if"]})
            more += [Goal(asked, None, within, strict=True), Goal(said.get(step.keyword, True), rest, within)]
            in_place = True
        if step is not None and step.keyword == "dependentSchemas":
            more += [Goal(Words(required=[step.key])), Goal(said["dependentSchemas"][step.key], rest, within)]
            in_place = True
        return more, picks, None if in_place else goal.demand

    def _able(self, union: str, branches: list[Any], *, lean: bool) -> list[Any]:
        """The branches that may be the one that fits: of several that are the same none is, where only one may."""
        if id(branches) not in self._ables:
            texts = [key_of(one) for one in branches] if union == "oneOf" else []
            alike = {text for text in texts if texts.count(text) > 1}
            able = [
                one for index, one in enumerate(branches) if one is not False and not (alike and texts[index] in alike)
            ]
            self._ables[id(branches)] = branches, able
        able = self._ables[id(branches)][1]
        if not able:
            self.conflict(f"no branch of '{union}' can be the one that fits")
        return sorted(able, key=self.heights.of) if lean else able

    # -- building -----------------------------------------------------------------------------------------------------

    def _built(self, node: Node) -> Iterator[Host]:
        """Candidates for the atoms of a node; not judged yet."""
        self.spend(_COST)
        said = [atom.said for atom in node.atoms]
        reaching = next((atom for atom in node.atoms if atom.demand), None)
        listed = [one for one in said if "const" in one or "enum" in one]
        if listed:
            choices = min((members(one) for one in listed), key=len)
            flats = [words for atom in said if (words := flat(atom))]
            fitting = [one for one in choices if all(self.judge.holds(words, one) for words in flats)]
            if reaching is None:
                yield from (Host(one, ()) for one in fitting)
                return
        for kind in in_order(node, said):
            if kind in _PARTED:
                yield from _PARTED[kind](self, node)
            elif reaching is None:
                yield from self._scalars(said, kind, node.name)
        if reaching is None:
            yield from (Host(one, ()) for atom in said for one in scalars.noted(atom) if kind_of(one) in node.kinds)

    def _scalars(self, said: Sequence[dict[str, Any]], kind: str, name: str) -> Iterator[Host]:
        flats = [words for atom in said if (words := flat(atom))]
        most = _MOST_SCALARS if any("not" in words for words in flats) else None
        for one in islice(scalars.BUILDERS[kind](flats, name), most):
            self.spend(1 + (len(one) // _LONG if isinstance(one, str) else 0))
            if all(self.judge.holds(words, one) for words in flats):
                yield Host(one, ())
        if kind in _LISTED_KINDS:
            return
        if reason := scalars.nothing_between(said, kind):  # bounds that leave nothing prove it
            self.conflict(reason)
        else:
            self.give_up(scalars.too_long(said) if kind == "string" else "")


_PARTED: Final[dict[str, Callable[[Solver, Node], Iterator[Host]]]] = {
    "object": objects,
    "array": arrays,
}
"""The builder of every JSON type with parts."""
