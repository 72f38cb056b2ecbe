"""What `--explore N` finds beyond the suite: endpoints that fail under two conditions at once, which no case shows.

The conditions are those of the catalogue of faulty endpoints: what a conforming request can show and the simplest one
does not. An endpoint crashes where two of them hold, or accepts where one holds what breaks one constraint. Those that
the requests of the suite tell are left out. Each is explored without a database, and again with what that run has kept.

Arguments: `--examples N` requests are drawn at most, `--sample K` endpoints of each kind are taken, evenly spread.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis.database import InMemoryExampleDatabase

import haiku_contract as hc
from haiku_contract.campaign import checks
from haiku_contract.campaign.explore import explore
from haiku_contract.campaign.outcomes import outcome
from haiku_contract.campaign.plan import thrifty
from haiku_contract.endpoint.reference.faults import Conduct
from haiku_contract.endpoint.reference.mutants import Mutant, mutants

sys.path.insert(0, str(Path(__file__).parent))
from campaign import exchanged, share  # a file beside this one

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haiku_contract.campaign.checks import Judged
    from haiku_contract.model import Case


class Both(NamedTuple):
    """Two conditions as one."""

    one: Any
    other: Any

    def is_valid(self, payload: Any) -> bool:
        """Whether a payload shows both."""
        return bool(self.one.is_valid(payload) and self.other.is_valid(payload))


class Explored(NamedTuple):
    """What came of one exploration.

    Attributes:
        told: the number of the first request whose answer was wrong; None where none was.
        found: whether a finding came of it.
        requests: all of them.
    """

    told: int | None
    found: bool
    requests: int


def conditional(contract: hc.Contract) -> Iterator[tuple[str, Mutant]]:
    """Endpoints that fail under conditions, by kind; some of them never do."""
    known = [one for one, _ in mutants(contract)]
    edges = [one for one in known if one.way == "crash" and one.when is not None]
    for one, other in combinations(edges, 2):
        when: Any = Both(one.when, other.when)
        yield "crash where two things are shown", one._replace(name=f"{one.name} with {other.name}", when=when)
    removed = [one for one in known if one.way == "removed"]
    for at, one in enumerate(removed):
        edge = edges[at % len(edges)]
        yield "a fault accepted where one thing is shown", one._replace(name=f"{one.name}, {edge.name}", when=edge.when)


def judged(contract: hc.Contract, mutant: Mutant, flawless: Conduct, case: Case) -> Judged:
    """What a mutant makes of a case."""
    exchange = exchanged(case, mutant.reply(flawless, case))
    return checks.judge(contract, exchange, outcome(exchange))


def explored(contract: hc.Contract, mutant: Mutant, examples: int, seed: int, database: Any) -> Explored:
    """One exploration in this process."""
    flawless = Conduct(contract, contract.request)
    told: list[int] = []
    count = 0

    def ask(case: Case) -> Judged:
        nonlocal count
        count += 1
        answer = judged(contract, mutant, flawless, case)
        if checks.findings(answer):
            told.append(count)
        return answer

    found = explore(contract, ask, examples=examples, seed=seed, database=database)
    return Explored(told[0] if told else None, bool(found), count)


def spread(items: Sequence[Mutant], number: int) -> list[Mutant]:
    """So many of them, evenly spread."""
    return [items[at * len(items) // number] for at in range(min(number, len(items)))]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--sample", type=int, default=20)
    given = parser.parse_args()
    contract = hc.load()
    flawless, planned = Conduct(contract, contract.request), thrifty(contract).cases
    nothing = Mutant("nothing", "removed", frozenset(), flawless)
    quiet = explored(contract, nothing, given.examples, 0, None)
    print(f"== {contract.id}, --explore {given.examples}: flawless: {quiet.requests} requests, found: {quiet.found}")
    kinds: dict[str, list[Mutant]] = {}
    for kind, mutant in conditional(contract):
        kinds.setdefault(kind, []).append(mutant)
    for kind, known in kinds.items():
        beyond = [
            one
            for one in spread(known, 2 * given.sample)
            if not any(checks.findings(judged(contract, one, flawless, case)) for case in planned)
        ][: given.sample]
        kept = [InMemoryExampleDatabase() for _ in beyond]
        first, again = (
            [explored(contract, one, given.examples, seed, store) for one, store in zip(beyond, kept, strict=True)]
            for seed in (0, 1)
        )
        print(f"   {kind}: {len(beyond)} endpoints that the suite does not tell")
        for words, runs in (("without a database", first), ("with that of the first run", again)):
            print(f"   {words}: found {share(sum(one.found for one in runs), len(runs))}, {requests(runs)}")


def requests(runs: Sequence[Explored]) -> str:
    """Requests until the first wrong answer, and in all."""
    told = sorted(one.told for one in runs if one.told is not None)
    in_all = statistics.median(one.requests for one in runs) if runs else 0
    if not told:
        return f"in all: median {in_all:g}"
    return f"first wrong answer: median {statistics.median(told):g}, at most {told[-1]}; in all: median {in_all:g}"


if __name__ == "__main__":
    main()
