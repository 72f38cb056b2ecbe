"""Generation from published schemas: run with folders or files of JSON Schemas as arguments.

Prints a line for each schema of which something is missing, and the shares over all of them: schemas with a conforming
case, violable constraints with a faulted case, cases that are not what they say in the eyes of either engine. Every
case is judged. Without arguments it runs on the metaschemas that `jsonschema` brings.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema_specifications

import haiku_contract as hc
from haiku_contract import pointer, wire
from haiku_contract._reference import ReferenceEngine
from haiku_contract.generate.conforming import simplest
from haiku_contract.generate.merging import Unsatisfiable
from haiku_contract.generate.suite import cases_of, unreached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.model import Case

SECONDS: Final = 20.0  # of processor time for a schema
SOON: Final = 5.0
SHOWN: Final = 3
SPEAKING: Final = ("properties", "$ref", "allOf", "anyOf", "oneOf", "type", "definitions", "$defs")


def main(arguments: list[str]) -> None:
    """Try every schema that the arguments name."""
    total: Counter[str] = Counter()
    for name, schema in schemas(arguments):
        validator = hc.SchemaValidator("response", schema)
        try:
            validator.engine  # noqa: B018 - compiling is the check
        except hc.HaikuContractError as error:
            total["schemas that no engine reads"] += 1
            print(f"{name}: {error}")
            continue
        total += tried(name, validator)
    for what, count in total.items():
        print(f"{count:>8}  {what}")
    judged, covered = total["violable constraints of schemas done in time"], total["of these with a faulted case"]
    print(f"{covered / max(judged, 1):>8.1%}  of the violable constraints have a faulted case")


def schemas(arguments: list[str]) -> Iterator[tuple[str, Any]]:
    """The JSON files that are schemas: that say so, or have a keyword that only a schema has at its root."""
    if not arguments:
        yield from (
            (uri, jsonschema_specifications.REGISTRY[uri].contents) for uri in jsonschema_specifications.REGISTRY
        )
    paths = [path for one in map(Path, arguments) for path in (sorted(one.rglob("*.json")) if one.is_dir() else [one])]
    for path in paths:
        try:
            schema = json.loads(path.read_bytes())
        except ValueError:
            continue
        named = isinstance(schema, dict) and "json-schema.org" in str(schema.get("$schema", ""))
        if named or (isinstance(schema, dict) and "$schema" not in schema and not schema.keys().isdisjoint(SPEAKING)):
            yield path.name, schema


def tried(name: str, validator: hc.SchemaValidator) -> Counter[str]:
    """What becomes of one schema, as far as the time allows."""
    found: Counter[str] = Counter(schemas=1)
    reference = ReferenceEngine.compile(validator.schema)  # None where it cannot read the patterns
    started, covered, ended = time.process_time(), set[str | None](), True
    for case in cases_of(validator):
        if found["cases"] == 0:
            found["schemas with a conforming case"] += 1
            found["of these after more than 5 s"] += time.process_time() - started > SOON
        found["cases"] += 1
        found["of these breaking exactly one constraint"] += len(case.breaks) == 1
        if case.kind == "faulted":
            covered.add(case.constraint)
        if not is_what_it_says(validator, reference, case):
            found["cases that are not what they say"] += 1
            print(f"{name}: {case.id} is not {case.kind}")
        if time.process_time() - started > SECONDS:
            ended = False
            break
    if found["cases"] == 0:
        print(f"{name}: {why_none(validator)}")
        found["schemas without a value, with proof"] += is_unsatisfiable(validator)
    found["schemas done in time"] += ended
    violable = [one for one in validator.constraints if one.violable]
    missing = {one: unreached(validator, one) for one in violable if one.id not in covered} if ended else {}
    if ended:
        unreachable = sum(reason.startswith("unreachable") for reason in missing.values())
        found["violable constraints of schemas done in time"] += len(violable) - unreachable
        found["of these with a faulted case"] += len(violable) - len(missing)
    for one in list(missing)[:SHOWN]:
        print(f"{name}: {one.pointer}: {missing[one]}")
    return found


def is_what_it_says(validator: hc.SchemaValidator, reference: ReferenceEngine | None, case: Case) -> bool:
    """Whether both engines agree with a case, and undoing a fault gives what conforms."""
    engines = [validator.engine, *([] if reference is None else [reference])]
    conforms = case.kind == "conforming"
    if any(engine.is_valid(case.payload) != conforms for engine in engines):
        return False
    if case.fault is None:
        return conforms
    twins = all(engine.is_valid(case.twin) for engine in engines)
    alone = len(case.breaks) > 1 or validator.broken(case.payload) == {case.constraint}
    return twins and alone and wire.encode(pointer.apply(case.fault, case.twin)) == case.body


def why_none(validator: hc.SchemaValidator) -> str:
    """What is said of a schema without a case."""
    try:
        simplest(validator.schema)
    except hc.UsageError as error:
        return str(error)
    return "the engines disagree about every value that was found"


def is_unsatisfiable(validator: hc.SchemaValidator) -> bool:
    """Whether it is proven that nothing conforms."""
    try:
        simplest(validator.schema)
    except Unsatisfiable:
        return True
    except hc.UsageError:
        return False
    return False


if __name__ == "__main__":
    main(sys.argv[1:])
