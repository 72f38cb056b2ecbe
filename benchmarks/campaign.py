"""What a campaign finds among faulty endpoints, in how many requests, and what Schemathesis finds among the same.

Arguments: `--schemathesis PATH` names its command, as in `venv/bin/schemathesis`; without it, it is left out.
`--sample N` takes every N-th endpoint for it (its runs over HTTP take seconds each).
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import haiku_contract as hc
from haiku_contract.campaign.plan import thorough, thrifty
from haiku_contract.campaign.run import Target, campaign
from haiku_contract.contract import DEFAULT_MODEL, versions
from haiku_contract.endpoint.reference.faults import Conduct
from haiku_contract.endpoint.reference.mutants import Mutant, mutants
from haiku_contract.endpoint.surfaces import SURFACES
from haiku_contract.generate import suite
from haiku_contract.model import CaseFinished, Exchange, OutcomeKind, VerdictKind

sys.path.insert(0, str(Path(__file__).parent))
import schemathesis_runs  # a file beside this one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from haiku_contract.campaign.plan import Plan
    from haiku_contract.endpoint.reference.reply import Reply
    from haiku_contract.model import CampaignFinished, Case, Event

FINE: Final = {
    VerdictKind.ENFORCED,
    VerdictKind.HELD,
    VerdictKind.UNVIOLABLE,
    VerdictKind.UNEXERCISED,
    VerdictKind.UNDETERMINED,
}
CONFORMING_FAILED: Final = {OutcomeKind.REJECTED, OutcomeKind.CRASHED}


class Run(NamedTuple):
    """What came of one campaign.

    Attributes:
        result: the verdicts.
        told: the number of the first request that told anything; None where none did.
        requests: all of them.
        localising: those that are not on the plan, until a finding was about the mutant, or its witness was sent where
            no one constraint is to blame.
        further: how many more there were than without a fault: what it took to localise the fault, and what showed once
            more what had stood beside it.
    """

    result: CampaignFinished
    told: int | None
    requests: int
    localising: int
    further: int


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schemathesis", help="the command")
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--contract", help="a version or a name, for one contract alone")
    given = parser.parse_args()
    for name, contract in contracts():
        if given.contract in (None, name):
            measure(name, contract)
            if given.schemathesis and (name == "1.1.1" or given.contract):
                beside(given.schemathesis, contract, given.sample)


def contracts() -> Iterable[tuple[str, hc.Contract]]:
    """The shipped versions, and contracts of other forms: unions, references, patterns, conditions."""
    yield from ((version, hc.load(DEFAULT_MODEL, version=version)) for version in versions(DEFAULT_MODEL))
    for path in sorted((Path(__file__).parent / "contracts").glob("*.json")):
        yield path.stem, hc.load(path)


def measure(name: str, contract: hc.Contract) -> None:
    """One contract: the flawless endpoint, then every mutant with the few requests and with all."""
    flawless = Conduct(contract, contract.request)
    few, all_of_them = thrifty(contract), thorough(suite(contract, "request"))
    nothing = Mutant("nothing", "removed", frozenset(), flawless)
    quiet = run(contract, few, lambda case: nothing.reply(flawless, case))
    known = list(mutants(contract))
    reached = [one for one, reach in known if reach == "suite"]
    odd = [one for one in reached if one.way == "widened"]
    reached = [one for one in reached if one.way != "widened"]
    bound, cover = detection_bounds(contract, reached, [*few.cases, *all_of_them.cases])
    counts = Counter(reach for _, reach in known)
    print(f"== {name}: {len(reached)} faulty endpoints ({', '.join(f'{n} {one}' for one, n in counts.items())})")
    print(f"   {dict(Counter(one.way for one in reached))}")
    print(
        f"   flawless: {quiet.requests} requests, {len(quiet.result.findings)} false alarms; lower bound for detection"
    )
    print(f"   {bound} (cover with hindsight {cover}), so {quiet.requests / bound:.2f} times the bound")
    figures(contract, reached, few)
    print(f"   {len(odd)} more accept a type at one place that is seldom taken for the right one; detected by")
    for words, plan in (("the few requests", few), ("all of the suite", all_of_them)):
        told = [run(contract, plan, lambda case, one=one: one.reply(flawless, case)).told for one in odd]
        print(f"   {words}: {share(sum(one is not None for one in told), len(odd))}")


def figures(contract: hc.Contract, reached: Sequence[Mutant], plan: Plan) -> None:
    """Detected, localised, and in how many requests."""
    flawless = Conduct(contract, contract.request)
    runs = [(one, run(contract, plan, lambda case, one=one: one.reply(flawless, case), one.about)) for one in reached]
    found = [(one, each) for one, each in runs if each.told is not None]
    right = [one for one, each in found if localised(one, each.result)]
    told = sorted(each.told or 0 for _, each in found)
    split = sorted(each.localising for _, each in found if each.localising) or [0]
    further = sorted(each.further for _, each in found if each.further) or [0]
    often = f"there were any ({len(split)} times)"
    print(f"   detected {share(len(found), len(reached))}, localised {share(len(right), len(found))}")
    print(f"   requests until detection: median {middle(told)}, 90 % {told[len(told) * 9 // 10]}, at most {told[-1]}")
    print(f"   further requests to localise, where {often}: median {middle(split)}, at most {split[-1]}")
    print(f"   with those that show once more what stood beside the fault ({len(further)} times):")
    print(f"   median {middle(further)}, at most {further[-1]}")
    print(f"   requests in all: median {middle([each.requests for _, each in found])}")
    for one, each in runs:
        if each.told is None:
            print(f"   missed: {one.name}")
        elif not localised(one, each.result):
            print(f"   not localised: {one.name}: {sorted({str(f.constraint) for f in each.result.findings})[:3]}")


def localised(mutant: Mutant, result: CampaignFinished) -> bool:
    """A verdict names the very constraint; of what fails only together, a finding that names no one constraint."""
    if not mutant.about:
        return any(one.constraint is None for one in result.findings)
    return bool(mutant.about & {one.constraint for one in result.verdicts if one.verdict not in FINE})


def run(contract: hc.Contract, plan: Plan, reply: Callable[[Case], Reply], about: frozenset[str] = frozenset()) -> Run:
    """One campaign in this process, one request at a time."""
    told: list[int] = []
    sure: list[int] = []
    sent: dict[str, int] = {}
    count = beyond = 0

    def listen(event: Event) -> None:
        nonlocal count, beyond
        if isinstance(event, CaseFinished):
            count += 1
            beyond += event.exchange.case.id not in planned
            sent[event.exchange.case.id] = beyond
            if any(one.constraint in about for one in event.findings):
                sure.append(beyond)
            failed = event.exchange.case.kind == "conforming" and event.outcome.kind in CONFORMING_FAILED
            if event.findings or failed:
                told.append(count)

    steps = campaign(contract, plan, Target("benchmark", "", SURFACES["bare"]), listen)
    planned = {case.id for case in plan.cases}
    try:
        batch = next(steps)
        while True:
            batch = steps.send([exchanged(case, reply(case)) for case in batch])
    except StopIteration as stop:
        result = cast("CampaignFinished", stop.value)
    if not about:
        sure = [sent.get(one.case, beyond) for one in result.findings if one.constraint is None]
    further = max(count - len({(case.body, case.content_type) for case in plan.cases}), 0)
    return Run(result, told[0] if told else None, count, min(*sure, further) if sure else further, further)


def exchanged(case: Case, reply: Reply) -> Exchange:
    """The exchange as a driver would have it."""
    headers = {"content-type": reply.content_type, **reply.headers}
    return Exchange(case, reply.status, headers, b"".join(reply.chunks), 0.0)


def detection_bounds(contract: hc.Contract, reached: Sequence[Mutant], cases: Sequence[Case]) -> tuple[int, int]:
    """How many requests tell all mutants at least, and how many do: cases of the suite, chosen with hindsight.

    Mutants of which no two are shown by one case need a case each: the lower bound. The cover takes, again and again,
    the case that shows most of those that are left.
    """
    shown = [frozenset(at for at, case in enumerate(cases) if one.shows(contract, case)) for one in reached]
    bound, used = 0, set[int]()
    for one in sorted(shown, key=len):
        if not used & one:
            bound, used = bound + 1, used | one
    left, cover = list(shown), 0
    while left:
        best = Counter(at for one in left for at in one).most_common(1)[0][0]
        left, cover = [one for one in left if best not in one], cover + 1
    return bound, cover


def beside(command: str, contract: hc.Contract, every: int) -> None:
    """Schemathesis on a sample of the same endpoints."""
    reached = [one for one, reach in mutants(contract) if reach == "suite"][::every]
    plan, flawless = thrifty(contract), Conduct(contract, contract.request)
    ours = [run(contract, plan, lambda case, one=one: one.reply(flawless, case)).told for one in reached]
    print(f"   a sample of {len(reached)}: ours detects {share(sum(one is not None for one in ours), len(reached))}")
    for line in schemathesis_runs.compared(command, contract, reached):
        print(f"   {line}")


def middle(numbers: Sequence[int]) -> float:
    """The median."""
    return statistics.median(numbers)


def share(part: int, whole: int) -> str:
    """Part of a whole, in per cent."""
    return f"{part} of {whole} ({100 * part / max(whole, 1):.1f} %)"


if __name__ == "__main__":
    main()
