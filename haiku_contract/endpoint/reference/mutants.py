"""A catalogue of faulty endpoints, derived from any contract: what to measure a campaign by.

Every constraint of requests is removed, loosened and tightened in the ways of two tables; rules of the wire are passed
over, alone and two at a time; every constraint of responses is broken, always and under a condition on the request;
the endpoint crashes where a constraint is broken, and where a conforming request shows a value at an edge. What nobody
could observe is told apart: where no case shows a mutant, a search for a payload that does has to prove that there is
none.
"""

from __future__ import annotations

from itertools import combinations, cycle
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from haiku_contract import constraints, pointer, wire
from haiku_contract.constraints import types
from haiku_contract.endpoint.reference.answers import handle
from haiku_contract.endpoint.reference.faults import Conduct, EndpointFault, Repertoire
from haiku_contract.endpoint.reference.mutations import LOOSER, TIGHTER
from haiku_contract.endpoint.surfaces import SURFACES, Asked
from haiku_contract.errors import UsageError
from haiku_contract.generate import suite
from haiku_contract.generate.covering import packed
from haiku_contract.generate.merging import Unsatisfiable
from haiku_contract.generate.routes import site_of
from haiku_contract.generate.solver import Solver
from haiku_contract.localising import localised
from haiku_contract.model import ABSENT, JSON_CONTENT_TYPE
from haiku_contract.prediction import RequestValidator
from haiku_contract.schemas import Document
from haiku_contract.validation import compile_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haiku_contract.contract import Contract
    from haiku_contract.endpoint.reference.mutations import Changes
    from haiku_contract.endpoint.reference.reply import Reply
    from haiku_contract.generate.covering import Packed
    from haiku_contract.generate.packing import Packable
    from haiku_contract.model import Case, Constraint
    from haiku_contract.validation import Engine

Way: TypeAlias = Literal["removed", "loosened", "widened", "tightened", "wire", "broken", "crash", "combination"]
Reach: TypeAlias = Literal["suite", "beyond", "equivalent", "undecided"]

_ANYTHING: Final = object()
_ALIKE: Final = {
    "number": "string",
    "integer": "string",
    "boolean": "string",
    "string": "number",
    "array": "object",
    "object": "array",
}
"""The type that each is most easily taken for: text for a number, a list for an object."""


class Mutant(NamedTuple):
    """One faulty endpoint.

    Attributes:
        name: what is wrong.
        way: in which way.
        about: ids of the constraints that a verdict may name; none where only several together fail.
        conduct: how it behaves.
        lenient: rules of the wire that it passes over.
        when: on which requests alone; None for all.
    """

    name: str
    way: Way
    about: frozenset[str]
    conduct: Conduct
    lenient: tuple[str, ...] = ()
    when: Engine | None = None

    def reply(self, flawless: Conduct, case: Case) -> Reply:
        """What it answers to a case, where the flawless endpoint behaves as given."""
        asked = Asked("POST", "reference.invalid", "/", {"content-type": case.content_type})
        return handle(self._towards(flawless, case), SURFACES["bare"], asked, case.body)

    def _towards(self, flawless: Conduct, case: Case) -> Conduct:
        if self.lenient:
            broken = {one.constraint for one in wire.decode(case.body).violations}
            if case.content_type != JSON_CONTENT_TYPE:
                broken.add("wire:content-type")
            return flawless_but(flawless, next(iter(broken))) if broken and broken <= set(self.lenient) else flawless
        if self.when is None:
            return self.conduct
        value = wire.decode(case.body).value
        return self.conduct if value is not ABSENT and self.when.is_valid(value) else flawless

    def shows(self, contract: Contract, case: Case) -> bool:
        """Whether the answer to a case tells it from the flawless endpoint, worked out without asking either."""
        valid = case.payload is not ABSENT and contract.request.engine.is_valid(case.payload)
        if self.lenient:
            return case.constraint in self.lenient
        if self.way == "crash" and self.when is None:
            return self.conduct.crash in case.breaks
        if self.way in {"crash", "broken"}:
            asks = isinstance(case.payload, dict) and case.payload.get("stream") is True
            seen = valid and not (self.way == "broken" and asks and contract.stream is not None)
            return seen and (self.when is None or self.when.is_valid(case.payload))
        return case.payload is not ABSENT and self.conduct.request.engine.is_valid(case.payload) != valid


def flawless_but(flawless: Conduct, rule: str) -> Conduct:
    """The flawless behaviour without one rule of the wire."""
    return Conduct(flawless.contract, flawless.request, lenient=rule)


def mutants(contract: Contract) -> Iterator[tuple[Mutant, Reach]]:
    """Every faulty endpoint that can be told from a flawless one by more than its first answer, and what tells it.

    Yields:
        The mutant with `suite` where a case of the suite tells it, `beyond` where another payload does, `equivalent`
        where it is proven that none does, `undecided` where the search for one was given up.
    """
    cases = (*suite(contract, "request"), *(one.case for one in _packed(contract)))
    repertoire = Repertoire(contract)
    made = (*_of_requests(contract), *_of_the_wire(contract), *_of_responses(contract, repertoire))
    for one in (*made, *_crashes(contract, repertoire)):
        if one.way != "broken" and cases and one.shows(contract, cases[0]):
            continue  # where the simplest request is refused, nothing else can be told
        yield one, "suite" if any(one.shows(contract, case) for case in cases) else _reach(contract, one)


def _reach(contract: Contract, mutant: Mutant) -> Reach:
    """Whether any payload is accepted by one schema and not by the other."""
    ours, its = contract.request.schema, mutant.conduct.request.schema
    if '"$ref"' in wire.encode(ours).decode():
        return "undecided"  # references would have to be moved
    found: Reach = "equivalent"
    for yes, no in ((its, ours), (ours, its)):
        try:
            Solver(Document(localised({"allOf": [_bare(yes)], "not": _bare(no)}))).simplest()
        except Unsatisfiable:
            continue
        except UsageError:
            found = "undecided"
        else:
            return "beyond"
    return found


def _bare(schema: Any) -> Any:
    return {key: value for key, value in schema.items() if key not in {"$schema", "$id"}}


def _of_requests(contract: Contract) -> Iterator[Mutant]:
    root: Any = contract.request.schema
    ids = {one.id for one in contract.request.constraints}
    for one in contract.request.constraints:
        removed = constraints.without(root, one)
        if one.violable and not _is_said_twice(root, removed, one):
            yield _schema(contract, "removed", one.id, (one.id,), removed)
        for way, table in (("loosened", LOOSER), ("tightened", TIGHTER)):
            for label, change in table.get(one.keyword, ()) if one.reachable else ():
                changed = _changed(root, one, change)
                if changed is not None and (one.violable or way == "tightened"):
                    about = {one.id, *(each for each in ids if label == "or null" and each == _type_beside(one))}
                    named = "widened" if way == "loosened" and _is_odd(one, label) else way
                    yield _schema(contract, named, f"{one.id} {label}", tuple(about), changed)
    optional = [name for name in root.get("properties", {}) if name not in root.get("required", ())]
    for name in optional:
        here = [one.id for one in contract.request.constraints if one.pointer.startswith(f"/properties/{name}/")]
        required = {**root, "required": [*root.get("required", ()), name]}
        yield _schema(contract, "tightened", f"/{name} is required", (*here, "request:/additionalProperties"), required)
    for pair in combinations(optional, 2):
        apart = {**root, "allOf": [*root.get("allOf", ()), {"not": {"required": list(pair)}}]}
        yield _schema(contract, "combination", f"/{pair[0]} not with /{pair[1]}", (), apart)


def _type_beside(one: Constraint) -> str:
    return f"{one.id.rpartition('/')[0]}/type"


def _is_odd(one: Constraint, label: str) -> bool:
    """Whether a type is widened to one that is seldom taken for it."""
    if one.keyword != "type":
        return False
    alike = {"also null", *(f"also {_ALIKE[name]}" for name in types(one.value) if name in _ALIKE)}
    return label not in alike


def _schema(contract: Contract, way: Any, name: str, about: Sequence[str], schema: Any) -> Mutant:
    return Mutant(f"{way} {name}", way, frozenset(about), Conduct(contract, RequestValidator(schema)))


def _changed(root: Any, one: Constraint, change: Changes) -> Any:
    """The schema with what stands around a constraint changed; None where the change has no sense there."""
    site = pointer.split(site_of(one))
    said = pointer.get(root, site)
    if not isinstance(said, dict):
        return None
    new = change(one.value, said)
    changed = None if new is None or new == said else constraints.replace(root, site, new)
    return None if changed is None or _is_said_twice(root, changed, one) else changed


def _is_said_twice(root: Any, changed: Any, one: Constraint) -> bool:
    """Proof by enumeration: a list of values beside the constraint allows the same ones before and after."""
    site = pointer.split(site_of(one))
    before, after = pointer.get(root, site), pointer.get(changed, site)
    if not (isinstance(before, dict) and isinstance(after, dict)) or "$ref" in before:
        return False
    lists = [said.get("enum", [said["const"]] if "const" in said else None) for said in (before, after)]
    if lists[0] is None or lists[0] != lists[1]:
        return False
    engines = [compile_schema(_alone(said), "request") for said in (before, after)]
    return all(engines[0].is_valid(value) == engines[1].is_valid(value) for value in lists[0])


def _alone(said: dict[str, Any]) -> dict[str, Any]:
    """A schema without what would need the rest of the document."""
    known = constraints.ASSERTIONS.keys() - {*constraints.UNIONS, "not", "contains"}
    return {key: value for key, value in said.items() if key in known}


def _of_the_wire(contract: Contract) -> Iterator[Mutant]:
    flawless = Conduct(contract, contract.request)
    rules = [f"wire:{rule}" for rule in wire.BYTES_RULES]
    for chosen in (*((one,) for one in rules), *combinations(rules, 2)):
        yield Mutant(f"passes over {' and '.join(chosen)}", "wire", frozenset(chosen), flawless, lenient=chosen)


def _of_responses(contract: Contract, repertoire: Repertoire) -> Iterator[Mutant]:
    conditions = cycle(_conditions(contract))
    for one in contract.response.constraints:
        if one.violable:
            broken = repertoire.conduct(EndpointFault("broken", one.id))
            yield Mutant(f"broken {one.id}", "broken", frozenset((one.id,)), broken)
            feature, when = next(conditions)
            name = f"broken {one.id} if {feature.name}"
            yield Mutant(name, "broken", frozenset((one.id,)), broken, when=when)


def _crashes(contract: Contract, repertoire: Repertoire) -> Iterator[Mutant]:
    for name in [one.id for one in contract.request.constraints if one.violable] + [
        f"wire:{r}" for r in wire.BYTES_RULES
    ]:
        crashing = repertoire.conduct(EndpointFault("crash", name))
        yield Mutant(f"crash on a violation of {name}", "crash", frozenset((name,)), crashing)
    crashed = Conduct(contract, contract.request, answer="provider-crashed")
    for feature, when in _conditions(contract):
        about = frozenset(() if feature.constraint is None else (feature.constraint,))
        yield Mutant(f"crash on {feature.name}", "crash", about, crashed, when=when)


def _conditions(contract: Contract) -> Iterator[tuple[Packable, Engine]]:
    """What conforming requests can show and the simplest one does not, each once."""
    together = _packed(contract)
    simplest = suite(contract, "request")[0].payload if together else None
    seen: set[bytes] = set()
    for one in (feature for each in together for feature in each.features if feature.constraint is not None):
        # That a place is there is shown by whatever stands there.
        there = one.name.endswith("/present")
        schema = {"allOf": [_showing(path, _ANYTHING if there else value) for path, value in one.edits]}
        engine, key = compile_schema(schema, "request"), wire.encode(schema)
        if key not in seen and not engine.is_valid(simplest) and engine.is_valid(one.payload):
            seen.add(key)
            yield one, engine


def _packed(contract: Contract) -> tuple[Packed, ...]:
    try:
        return packed(contract.request, 1)
    except UsageError:  # nothing conforms
        return ()


def _showing(path: Sequence[str | int], value: Any) -> dict[str, Any]:
    """A schema for payloads that have a value at a place; of an array in any element."""
    if not path:
        return {} if value is _ANYTHING else {"const": value}
    token, rest = path[0], path[1:]
    if isinstance(token, int):
        return {"type": "array", "contains": _showing(rest, value)}
    if not rest and value is ABSENT:
        return {"type": "object", "not": {"required": [token]}}
    return {"type": "object", "required": [token], "properties": {token: _showing(rest, value)}}
