"""Generation from published schemas: run with folders or files of JSON Schemas as arguments.

Prints a line for each schema of which something is missing, and the shares over all of them: schemas with a conforming
case, violable constraints with a faulted case, cases that are not what they say.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import haiku_contract as hc
from haiku_contract._reference import ReferenceEngine
from haiku_contract.generate.suite import cases_of, unreached

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS: Final = 20.0
SHOWN: Final = 3


def main(arguments: list[str]) -> None:
    """Try every schema that the arguments name."""
    total: Counter[str] = Counter()
    for path, schema in schemas(arguments):
        validator = hc.SchemaValidator("response", schema)
        try:
            validator.engine  # noqa: B018 - compiling is the check
        except hc.HaikuContractError as error:
            total["schemas that no engine reads"] += 1
            print(f"{path.name}: {error}")
            continue
        total += tried(path, validator)
    for name, count in total.items():
        print(f"{count:>8}  {name}")


def schemas(arguments: list[str]) -> Iterator[tuple[Path, Any]]:
    """The JSON files that are schemas."""
    paths = [path for one in map(Path, arguments) for path in (sorted(one.rglob("*.json")) if one.is_dir() else [one])]
    for path in paths:
        try:
            schema = json.loads(path.read_bytes())
        except ValueError:
            continue
        if isinstance(schema, dict) and "json-schema.org" in str(schema.get("$schema", "")):
            yield path, schema


def tried(path: Path, validator: hc.SchemaValidator) -> Counter[str]:
    """What becomes of one schema, as far as the time allows."""
    found: Counter[str] = Counter(schemas=1)
    reference = ReferenceEngine.compile(validator.schema)  # None where it cannot read the patterns
    judge = validator.engine if reference is None else reference
    started, covered, ended = time.process_time(), set[str | None](), True
    for case in cases_of(validator):
        if found["cases"] == 0:
            found["schemas with a conforming case"] += 1
            found["of these after more than 5 s"] += time.process_time() - started > 5
        found["cases"] += 1
        if case.kind == "faulted":
            covered.add(case.constraint)
        if found["cases"] % 10 == 1 and judge.is_valid(case.payload) != (case.kind == "conforming"):
            found["cases that are not what they say"] += 1
            print(f"{path.name}: {case.id} is not {case.kind}")
        if time.process_time() - started > SECONDS:
            ended = False
            break
    found["schemas done in time"] += ended
    violable = [one for one in validator.constraints if one.violable]
    missing = [one for one in violable if one.id not in covered] if ended else []
    if ended:
        found["violable constraints of schemas done in time"] += len(violable)
        found["of these with a faulted case"] += len(violable) - len(missing)
    for one in missing[:SHOWN]:
        print(f"{path.name}: {one.pointer}: {unreached(validator, one)}")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
