"""Generation from published schemas: run with folders or files of JSON Schemas as arguments.

Every `*.json` below a folder that is a schema is tried in a process of its own, which has `--seconds` of processor time
for making cases and as much again for each of two further things: judging every case completely, and finding out why
constraints have none. A constraint that was not come to in that time has no case: how much of a huge schema is covered
depends on the limit, so run it with several. Prints a line for each schema of which something is missing, and the
shares over all of them. Without arguments it runs on the metaschemas that `jsonschema` brings. `--sample N` takes N of
the schemas, other ones for another `--seed`; `--report FILE` writes a line of JSON for each.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import re
import resource
import signal
import sys
import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema_specifications

import haiku_contract as hc
from haiku_contract import pointer, wire
from haiku_contract._reference import ReferenceEngine
from haiku_contract.failures import Meaning
from haiku_contract.generate.conforming import simplest
from haiku_contract.generate.merging import Unsatisfiable
from haiku_contract.generate.suite import cases_of, unreached
from haiku_contract.localising import localised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from haiku_contract.model import Case

SOON: Final = 5.0  # seconds of processor time
SHOWN: Final = 3
REASONS: Final = 15
PATIENCE: Final = 8.0  # seconds that may pass for a second of processor time
STAGES: Final = 3
GRACE: Final = 5.0  # seconds for a stage to end that is told to
FURTHER: Final = 200  # cases that are made when every constraint has been tried
STOPPED: Final = (-signal.SIGKILL, -signal.SIGXCPU)  # how a process ends that does not end when its time is used up
SPEAKING: Final = ("properties", "$ref", "allOf", "anyOf", "oneOf", "type", "definitions", "$defs", "$schema")
COUNTED: Final = (
    ("schemas that no engine reads", ""),
    ("schemas read", ""),
    ("satisfiable, or not known not to be", "schemas read"),
    ("with a conforming case soon", "satisfiable, or not known not to be"),
    ("with a conforming case later", "satisfiable, or not known not to be"),
    ("with every constraint tried in time", "schemas read"),
    ("violable constraints", ""),
    ("with a faulted case", "violable constraints"),
    ("violable constraints of schemas tried in time", ""),
    ("of these with a faulted case", "violable constraints of schemas tried in time"),
    ("cases", ""),
    ("cases judged", "cases"),
    ("faulted cases that break exactly one constraint", ""),
    ("cases that are not what they say", "cases judged"),
    ("crashes", "schemas read"),
    ("hangs", "schemas read"),
)
"""What is counted of the schemas, and of what each is a share."""


def main(arguments: list[str]) -> None:
    """Try every schema that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0, help="processor time for a schema")
    parser.add_argument("--sample", type=int, help="how many of the schemas to take")
    parser.add_argument("--seed", default="", help="which ones a sample is")
    parser.add_argument("--report", type=Path, help="a file for a line of JSON per schema")
    options = parser.parse_args(arguments)
    total: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with options.report.open("w", encoding="utf-8") if options.report else nullcontext() as report:
        for name, schema in sampled(list(schemas(options.paths)), options.sample, options.seed):
            told = tried_apart(schema, options.seconds)
            total += told["counts"]
            reasons += told["reasons"]
            for line in told["lines"]:
                print(f"{name}: {line}", flush=True)
            if report is not None:
                report.write(json.dumps({"schema": name, **told}) + "\n")
                report.flush()
    print("\nconstraints without a case, and other things that are missing, by reason:")
    for reason, count in reasons.most_common(REASONS):
        print(f"{count:>8}  {reason}")
    print()
    for what, whole in COUNTED:
        share = f"{total[what] / max(total[whole], 1):>8.2%}  of {whole}" if whole else ""
        print(f"{total[what]:>8}  {what:<52}{share}")


def schemas(paths: list[Path]) -> Iterator[tuple[str, Any]]:
    """The JSON files that are schemas: objects with a keyword that only a schema has at its root."""
    if not paths:
        yield from (
            (uri, jsonschema_specifications.REGISTRY[uri].contents) for uri in jsonschema_specifications.REGISTRY
        )
    for path in (path for one in paths for path in (sorted(one.rglob("*.json")) if one.is_dir() else [one])):
        try:
            schema = json.loads(path.read_bytes())
        except ValueError:
            continue
        if isinstance(schema, dict) and not schema.keys().isdisjoint(SPEAKING):
            yield str(path), schema


def sampled(every: list[tuple[str, Any]], most: int | None, seed: str) -> list[tuple[str, Any]]:
    """So many of the schemas, in an order that follows from their contents and the seed."""
    if most is None:
        return every
    return sorted(every, key=lambda one: hashlib.sha256(f"{seed}{json.dumps(one[1])}".encode()).digest())[:most]


def tried_apart(schema: Any, seconds: float) -> dict[str, Any]:
    """What another process tells of a schema, which ends when it has used its time."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_try, args=(schema, seconds, there))
    child.start()
    there.close()
    told = {"counts": Counter[str](), "reasons": Counter[str](), "lines": [], "times": {}}
    ends = time.monotonic() + (seconds + GRACE) * STAGES * PATIENCE
    finished = False
    while not finished and here.poll(max(ends - time.monotonic(), 0)):
        try:
            told, finished = here.recv()
        except EOFError:  # it is gone without its last word; how it ended tells why
            break
    child.kill()
    child.join()
    if not finished:
        is_late = child.exitcode in STOPPED
        told["counts"]["hangs" if is_late else "crashes"] += 1
        told["reasons"]["the process did not end in time" if is_late else "the process crashed"] += 1
        told["lines"].append("hang: it did not end in time" if is_late else f"crash: exit code {child.exitcode}")
    return told


def _try(schema: Any, seconds: float, there: Connection) -> None:
    """Tell in another process what becomes of a schema, from time to time."""
    signal.signal(signal.SIGPROF, _late)
    trial = Trial(schema, seconds)
    try:
        for _ in trial.run():
            there.send((trial.told, False))
    except Exception as error:  # noqa: BLE001 - a crash is what is looked for
        trial.counts["crashes"] += 1
        trial.lines.append(f"crash: {type(error).__name__}: {error}")
    there.send((trial.told, True))


class Late(BaseException):
    """The processor time for a stage is used up; no error, so that nothing takes it for one."""


def _late(_number: int, _frame: Any) -> None:
    raise Late


@contextmanager
def limited(seconds: float, times: dict[str, float], name: str) -> Iterator[None]:
    """End what is done inside when its processor time is used up, and note that; the process, if that does not help."""
    started = time.process_time()
    hard = int(started + seconds + GRACE) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (hard, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    try:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        yield
    except Late:
        times[f"{name} stopped"] = seconds
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        times[name] = round(time.process_time() - started, 3)


class Trial:
    """What becomes of one schema, as far as the time allows."""

    def __init__(self, schema: Any, seconds: float) -> None:
        self.validator = hc.SchemaValidator("response", schema)
        self.seconds = seconds
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.lines: list[str] = []
        self.times: dict[str, float] = {}
        self._cases: list[Case] = []
        self._ended = False

    @property
    def told(self) -> dict[str, Any]:
        """What is known so far."""
        return {"counts": self.counts, "reasons": self.reasons, "lines": self.lines, "times": self.times}

    def run(self) -> Iterator[None]:
        """Make and judge the cases; yields where something worth telling is known."""
        try:
            with limited(self.seconds, self.times, "compiling"):
                self.validator.engine  # noqa: B018 - compiling is the check
        except hc.HaikuContractError as error:
            self.counts["schemas that no engine reads"] += 1
            self.lines.append(str(error))
            return
        self.counts["schemas read"] += 1
        self.counts["satisfiable, or not known not to be"] += 1
        yield
        with limited(self.seconds, self.times, "cases"):
            self._make()
        if not self._cases:
            with limited(self.seconds, self.times, "reasons"):
                self._barren()
            return
        self._count()
        yield
        with limited(self.seconds, self.times, "judging"):
            self._judge_all()
        yield
        with limited(self.seconds, self.times, "reasons"):
            self._why()
        if self._ended:
            self.counts["with every constraint tried in time"] += 1
            self.counts["violable constraints of schemas tried in time"] = self.counts["violable constraints"]
            self.counts["of these with a faulted case"] = self.counts["with a faulted case"]

    def _make(self) -> None:
        started = time.process_time()
        conforming = 0
        for case in cases_of(self.validator):
            if not self._cases:
                self.times["first"] = round(time.process_time() - started, 3)
            self._cases.append(case)
            conforming += case.kind == "conforming"
            self._ended = self._ended or conforming > 1
            if conforming > FURTHER:
                break
        self._ended = True

    def _count(self) -> None:
        self.counts[
            "with a conforming case soon" if self.times["first"] <= SOON else "with a conforming case later"
        ] += 1
        self.counts["cases"] = len(self._cases)
        faulted = [case for case in self._cases if case.kind == "faulted"]
        self.counts["faulted cases that break exactly one constraint"] = sum(len(case.breaks) == 1 for case in faulted)
        self.counts["violable constraints"] = sum(one.violable for one in self.validator.constraints)
        self.counts["with a faulted case"] = len({case.constraint for case in faulted})

    def _judge_all(self) -> None:
        reference = ReferenceEngine.compile(localised(self.validator.schema))  # None where it cannot read the patterns
        for case in self._cases:
            wrong = what_is_wrong(self.validator, reference, case)
            self.counts["cases judged"] += 1
            if wrong:
                self.counts["cases that are not what they say"] += 1
                self.lines.append(f"{case.id} is not {case.kind}: {wrong}")

    def _barren(self) -> None:
        try:
            simplest(self.validator.schema)
            reason = "the engines disagree about every value that was found"
        except Unsatisfiable as error:
            self.counts["satisfiable, or not known not to be"] -= 1
            reason = str(error)
        except hc.UsageError as error:
            reason = str(error)
        self.reasons[f"no conforming case: {plainly(reason)}"] += 1
        self.lines.append(reason)

    def _why(self) -> None:
        """Why there is no case for each constraint without one; those that nothing reaches are not violable."""
        covered = {case.constraint for case in self._cases}
        every = self.validator.constraints
        last = max((at for at, one in enumerate(every) if one.id in covered), default=0)
        shown = 0
        for at, one in enumerate(every):
            if one.id in covered or not one.violable:
                continue
            reason = unreached(self.validator, one) if self._ended or at < last else "no time was left"
            if reason.startswith("unreachable"):
                self.counts["violable constraints"] -= 1
                continue
            self.reasons[f"{one.keyword or 'false'}: {plainly(reason)}"] += 1
            shown += 1
            if shown <= SHOWN:
                self.lines.append(f"{one.pointer}: {reason}")


def what_is_wrong(validator: hc.SchemaValidator, reference: ReferenceEngine | None, case: Case) -> str:
    """What is not as a case says, in the eyes of either engine; empty when all is."""
    engines = [validator.engine, *([] if reference is None or not follows(reference, case) else [reference])]
    if any(engine.is_valid(case.payload) != (case.kind == "conforming") for engine in engines):
        return "an engine says otherwise"
    if case.kind == "conforming":
        return ""
    if case.fault is None or not all(engine.is_valid(case.twin) for engine in engines):
        return "its twin does not conform"
    if wire.encode(pointer.apply(case.fault, case.twin)) != case.body:
        return "its edit does not lead from the twin to it"
    broken = [Meaning(validator.schema, validator.side).broken(one.failures(case.payload)) for one in engines]
    wider = validator.meaning.every(validator.failures(case.payload))
    if any(one != set(case.breaks) for one in broken) and wider != set(case.breaks):
        return f"it says that it breaks {set(case.breaks)}, and breaks {broken}"
    return ""


def follows(reference: ReferenceEngine, case: Case) -> bool:
    """Whether the slow engine comes to an end: it takes references that lead back to the same value for ever."""
    try:
        reference.is_valid(case.payload)
        reference.is_valid(case.twin)
    except RecursionError:
        return False
    return True


def plainly(reason: str) -> str:
    """A reason without what is particular to one schema."""
    return re.sub(r"'[^']*'|\d+", "…", reason)[:120]


if __name__ == "__main__":
    main(sys.argv[1:])
