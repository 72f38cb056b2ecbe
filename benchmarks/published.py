"""Generation from published schemas: run with folders or files of JSON Schemas as arguments.

Every `*.json` below a folder that is a schema is tried in a process of its own, which is ended when it takes more
processor time than it may; every case that it makes is judged completely. Prints a line for each schema of which
something is missing, and the shares over all of them: schemas with a conforming case in time, violable constraints with
a faulted case, and why there is none for the others. Without arguments it runs on the metaschemas that `jsonschema`
brings. `--seconds` is the processor time for a schema; `--sample N` takes N of the schemas, the same ones every time.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema_specifications

import haiku_contract as hc
from haiku_contract import messages, pointer, wire
from haiku_contract._reference import ReferenceEngine
from haiku_contract.generate.conforming import simplest
from haiku_contract.generate.faults import _failing
from haiku_contract.generate.merging import Unsatisfiable
from haiku_contract.generate.suite import cases_of, unreached

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from haiku_contract.model import Case

SOON: Final = 5.0  # seconds of processor time
SHOWN: Final = 3
REASONS: Final = 15
PATIENCE: Final = 8.0  # seconds that may pass for a second of processor time
STOPPED: Final = (-signal.SIGKILL, -signal.SIGXCPU)  # how a process ends whose time is used up
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
    ("faulted cases that break exactly one constraint", ""),
    ("cases that are not what they say", "cases"),
    ("crashes", "schemas read"),
    ("stopped for time", "schemas read"),
)
"""What is counted of the schemas, and of what each is a share."""


def main(arguments: list[str]) -> None:
    """Try every schema that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0, help="processor time for a schema")
    parser.add_argument("--sample", type=int, help="how many of the schemas to take")
    options = parser.parse_args(arguments)
    total: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for name, schema in sampled(list(schemas(options.paths)), options.sample):
        told = tried_apart(schema, options.seconds)
        total += told["counts"]
        reasons += told["reasons"]
        for line in told["lines"]:
            print(f"{name}: {line}", flush=True)
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


def sampled(every: list[tuple[str, Any]], most: int | None) -> list[tuple[str, Any]]:
    """So many of the schemas, in an order that follows from their contents."""
    if most is None:
        return every
    return sorted(every, key=lambda one: hashlib.sha256(json.dumps(one[1]).encode()).digest())[:most]


def tried_apart(schema: Any, seconds: float) -> dict[str, Any]:
    """What another process tells of a schema, which ends when it has used its time."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_try, args=(schema, seconds, there))
    child.start()
    there.close()
    told = {"counts": Counter[str](), "reasons": Counter[str](), "lines": []}
    ends = time.monotonic() + seconds * PATIENCE
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
        told["counts"]["stopped for time" if is_late else "crashes"] += 1
        told["reasons"]["the search for a case did not end in time" if is_late else "the process crashed"] += 1
        told["lines"].append("stopped: it did not end in time" if is_late else f"crash: exit code {child.exitcode}")
    return told


def _try(schema: Any, seconds: float, there: Connection) -> None:
    """Tell in another process what becomes of a schema, from time to time."""
    limit = int(seconds * 2 + 1)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    trial = Trial(schema, seconds)
    try:
        for _ in trial.run():
            there.send((trial.told, False))
    except Exception as error:  # noqa: BLE001 - a crash is what is looked for
        trial.counts["crashes"] += 1
        trial.lines.append(f"crash: {type(error).__name__}: {error}")
    there.send((trial.told, True))


class Trial:
    """What becomes of one schema, as far as the time allows."""

    def __init__(self, schema: Any, seconds: float) -> None:
        self.validator = hc.SchemaValidator("response", schema)
        self.seconds = seconds
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.lines: list[str] = []
        self._covered: set[str | None] = set()

    @property
    def told(self) -> dict[str, Any]:
        """What is known so far."""
        return {"counts": self.counts, "reasons": self.reasons, "lines": self.lines}

    def run(self) -> Iterator[None]:
        """Make and judge the cases; yields where something worth telling is known."""
        started = time.process_time()
        try:
            self.validator.engine  # noqa: B018 - compiling is the check
        except hc.HaikuContractError as error:
            self.counts["schemas that no engine reads"] += 1
            self.lines.append(str(error))
            return
        self.counts["schemas read"] += 1
        self.counts["satisfiable, or not known not to be"] += 1
        yield
        tried = self._judge_all(started)
        yield from tried
        missing = [one for one in self._violable() if one.id not in self._covered]
        found = self._why(missing) if self.counts["cases"] else {}
        unreachable = [one for one in missing if found.get(one.id, "").startswith("unreachable")]
        self.counts["violable constraints"] -= len(unreachable)
        if self._ended:
            self.counts["with every constraint tried in time"] += 1
            self.counts["violable constraints of schemas tried in time"] = self.counts["violable constraints"]
            self.counts["of these with a faulted case"] = self.counts["with a faulted case"]

    def _violable(self) -> list[Any]:
        return [one for one in self.validator.constraints if one.violable]

    def _judge_all(self, started: float) -> Iterator[None]:
        reference = ReferenceEngine.compile(self.validator.schema)  # None where it cannot read the patterns
        self._ended = True
        for case in cases_of(self.validator):
            spent = time.process_time() - started
            if not self.counts["cases"]:
                self.counts["with a conforming case soon" if spent <= SOON else "with a conforming case later"] += 1
                self.counts["violable constraints"] += len(self._violable())
                yield
            self._judge(case, reference)
            if spent > self.seconds:
                self._ended = self.counts["conforming cases"] > 1
                break
        if not self.counts["cases"]:
            self._barren()
        yield

    def _judge(self, case: Case, reference: ReferenceEngine | None) -> None:
        self.counts["cases"] += 1
        self.counts[f"{case.kind} cases"] += 1
        if case.kind == "faulted":
            self.counts["faulted cases that break exactly one constraint"] += len(case.breaks) == 1
            self.counts["with a faulted case"] += case.constraint not in self._covered
            self._covered.add(case.constraint)
        wrong = what_is_wrong(self.validator, reference, case)
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

    def _why(self, missing: list[Any]) -> dict[str, str]:
        found = {one.id: unreached(self.validator, one) if self._ended else "no time was left" for one in missing}
        for one in missing:
            if not found[one.id].startswith("unreachable"):
                self.reasons[f"{one.keyword or 'false'}: {plainly(found[one.id])}"] += 1
        shown = [one for one in missing if not found[one.id].startswith("unreachable")][:SHOWN]
        self.lines += [f"{one.pointer}: {found[one.id]}" for one in shown]
        return found


def what_is_wrong(validator: hc.SchemaValidator, reference: ReferenceEngine | None, case: Case) -> str:
    """What is not as a case says, in the eyes of either engine; empty when all is."""
    engines = [validator.engine, *([] if reference is None else [reference])]
    if any(engine.is_valid(case.payload) != (case.kind == "conforming") for engine in engines):
        return "an engine says otherwise"
    if case.kind == "conforming":
        return ""
    if case.fault is None or not all(engine.is_valid(case.twin) for engine in engines):
        return "its twin does not conform"
    if wire.encode(pointer.apply(case.fault, case.twin)) != case.body:
        return "its edit does not lead from the twin to it"
    broken = [messages.named(validator.schema, validator.side, one.failures(case.payload)) for one in engines]
    if any(one != set(case.breaks) for one in broken) and _failing(validator, case.payload) != set(case.breaks):
        return f"it says that it breaks {set(case.breaks)}, and breaks {broken}"
    return ""


def plainly(reason: str) -> str:
    """A reason without what is particular to one schema."""
    return re.sub(r"'[^']*'|\d+", "…", reason)[:120]


if __name__ == "__main__":
    main(sys.argv[1:])
