"""The explore phase: Hypothesis draws requests that no case of the suite is, and makes small what goes wrong.

Hypothesis asks, and is told what came of it; that is all that it knows of the endpoint. `explore` is plain and
synchronous; `explorer` runs it in a thread of its own and hands its questions on one by one, so that budget, pace,
journal and redaction are those of the campaign.
"""

from __future__ import annotations

import contextlib
import queue
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from hypothesis import HealthCheck, Phase, Verbosity, find, settings
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase
from hypothesis.errors import NoSuchExample

from haiku_contract import messages, pointer, wire
from haiku_contract.campaign import checks, drawing, places, witnesses
from haiku_contract.campaign.witnesses import conforming
from haiku_contract.errors import UsageError
from haiku_contract.generate import suite
from haiku_contract.model import ABSENT, Case, OutcomeKind, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from hypothesis.strategies import SearchStrategy

    from haiku_contract.campaign.checks import Judged
    from haiku_contract.contract import Contract
    from haiku_contract.model import Finding

Ask: TypeAlias = "Callable[[Case], Judged | None]"
Database: TypeAlias = "ExampleDatabase | Path | None"

MOST_BYTES: Final = 16_384
"""Longer requests are drawn and not sent: what an exploration can cost is known before it starts."""

_FAILURES: Final = {OutcomeKind.REJECTED: VerdictKind.OVERSTRICT, OutcomeKind.CRASHED: VerdictKind.CRASHING}
_AT_ONCE: Final = 10
"""After so many draws Hypothesis begins anew: it varies what it drew last, and so draws dozens of one kind in a row."""

_SETTINGS: Final = settings(
    database=None,  # examples are kept as requests: the drawn choices mean something to one version of a library only
    deadline=None,
    derandomize=False,
    max_examples=_AT_ONCE,
    phases=(Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    verbosity=Verbosity.quiet,
)
_DRAWS: Final = 4
"""How many draws there are for each request: some are of bytes that were sent already."""


class Discovery(NamedTuple):
    """What an exploration has found: a finding that is not known yet, and the exchange with its smallest witness."""

    finding: Finding
    judged: Judged


def explore(  # noqa: PLR0913 - keyword-only configuration of one exploration
    contract: Contract,
    ask: Ask,
    learned: Iterable[Finding] = (),
    *,
    examples: int,
    seed: int = 0,
    simplest: Any = None,
    database: Database = None,
) -> tuple[Discovery, ...]:
    """Look for what no case of the suite finds.

    Args:
        contract: whose requests are drawn.
        ask: sends a case and judges the answer; None when it could not be sent, and nothing more can be.
        learned: what is known already and is not to be found again.
        examples: how many drawn requests are sent at most; as many again may be sent to make witnesses small.
        seed: the same draws for the same seed, where the endpoint answers the same.
        simplest: the payload of an accepted request, from which witnesses differ by as little as can be; the suite's
            simplest one when absent.
        database: where witnesses are kept, and tried first next time: a folder, or a database of Hypothesis.

    Returns:
        What was found, in the order of discovery; the id of each witness is `request/explored/<digest of its bytes>`.
    """
    shown = [case.payload for case in suite(contract, "request") if case.kind == "conforming"]
    if simplest is None:
        simplest = shown[0] if shown else {}
    search = _Search(contract, ask, learned, examples, simplest)
    store = witnesses.Store(
        contract, DirectoryBasedExampleDatabase(database) if isinstance(database, Path) else database
    )
    found: list[Discovery] = []
    for case in store.cases():
        cause = search.cause(case)
        if cause is not None:
            found += search.discovered(case, cause)
    draws = drawing.cases(contract, simplest, shown)
    for turn in range(examples):
        witness = _round(search, draws, random.Random(f"{seed} {turn}"))  # noqa: S311 - to be the same every time
        if witness is None:
            break
        new = search.discovered(*witness)
        store.keep([one.judged.exchange.case for one in new])
        found += new
    return tuple(found)


def explorer(
    contract: Contract, *, examples: int, seed: int = 0, database: Database = None
) -> Callable[[Iterable[Finding], Any], Generator[Case, Judged | None, tuple[Discovery, ...]]]:
    """An exploration as a campaign wants it: from what is known and the simplest payload to questions, one by one."""

    def steps(learned: Iterable[Finding], simplest: Any) -> Generator[Case, Judged | None, tuple[Discovery, ...]]:
        def run(ask: Ask) -> tuple[Discovery, ...]:
            return explore(contract, ask, learned, examples=examples, seed=seed, simplest=simplest, database=database)

        return (yield from _one_by_one(run))

    return steps


class _Abandoned(BaseException):
    """Nobody waits for the exploration any more."""


class _Spent(BaseException):
    """Nothing more may be drawn."""


def _one_by_one(run: Callable[[Ask], tuple[Discovery, ...]]) -> Generator[Case, Judged | None, tuple[Discovery, ...]]:
    """What asks, turned into what is asked: it runs in a thread and is stopped as long as nobody answers."""
    questions: queue.SimpleQueue[Case | None] = queue.SimpleQueue()
    answers: queue.SimpleQueue[Judged | type[_Abandoned] | None] = queue.SimpleQueue()

    def ask(case: Case) -> Judged | None:
        questions.put(case)
        answer = answers.get()
        if isinstance(answer, type):
            raise answer
        return answer

    with ThreadPoolExecutor(1, "explore") as pool:
        exploration = pool.submit(run, ask)
        exploration.add_done_callback(lambda _: questions.put(None))
        try:
            while (case := questions.get()) is not None:
                answers.put((yield case))
            return exploration.result()
        finally:
            answers.put(_Abandoned)


class _Search:
    """What is known of the endpoint, and what may still be asked.

    A *cause* is what tells findings apart while a witness is made small: the fingerprint, and for conforming requests
    that fail, of which only the smallest tells why, the way in which they fail.
    """

    def __init__(self, contract: Contract, ask: Ask, learned: Iterable[Finding], examples: int, simplest: Any) -> None:
        self._contract = contract
        self._ask = ask
        self._simplest = simplest
        self._answers: dict[tuple[bytes, str], Judged | None] = {}
        self._known: set[str] = set()
        self._failing: dict[str, set[frozenset[str]]] = {}
        self.left = examples
        self._left_to_shrink = examples
        self._reserved = 0
        self.shrinking = False
        for finding in learned:
            self._learn(finding)

    def cause(self, case: Case) -> str | None:
        """What new thing a case shows."""
        judged = self._asked(case)
        if judged is None:
            return None
        failing = self._failing_conforming(judged)
        if failing is not None:
            return self._new_failure(failing)
        news = (one.fingerprint for one in checks.findings(judged) if one.fingerprint not in self._known)
        return next(news, None) if case.kind == "faulted" or judged.outcome.kind not in _FAILURES else None

    @property
    def spent(self) -> bool:
        """Whether nothing more may be asked for now."""
        return (self._left_to_shrink - self._reserved if self.shrinking else self.left) <= 0

    def start_shrinking(self) -> None:
        """Requests from now on are to make a witness small; half of what may be sent for that is left for others."""
        self.shrinking, self._reserved = True, self._left_to_shrink // 2

    def smaller(self, case: Case, cause: str) -> Case:
        """A witness with as many members as in the simplest request as can be; the conforming twin, if that fails."""
        if case.kind == "faulted" and cause in _FAILURES.values():
            case = conforming(case.twin)
        self._reserved = 0
        for place in sorted(self._places(case)):
            rest = self._reverted(case, frozenset([place]))
            if rest is not None and self.cause(rest) == cause:
                case = rest
        return case

    def discovered(self, case: Case, cause: str) -> list[Discovery]:
        """What a witness shows, under its own name; it is known from now on."""
        judged = self._asked(case)
        failing = None if judged is None else self._failing_conforming(judged)
        judged = failing if failing is not None else judged
        if judged is None:
            return []
        body = judged.exchange.case.body
        named = replace(judged.exchange.case, id=f"request/explored/{checks.fingerprint('explored', body.hex())}")
        judged = judged._replace(exchange=replace(judged.exchange, case=named))
        for finding in checks.findings(judged):
            if failing is not None and finding.code == cause:
                shown = self._places(named)
                about = "at " + ", ".join(sorted(shown))
                found = replace(
                    finding,
                    fingerprint=checks.fingerprint(finding.code, about),
                    message=f"{finding.message}; what it takes is {about}",
                )
            elif finding.fingerprint == cause:
                found = finding
            else:
                continue
            self._learn(found)
            return [Discovery(found, judged)]
        return []

    def _learn(self, finding: Finding) -> None:
        self._known.add(finding.fingerprint)
        case = finding.witness
        if case is not None and case.kind == "conforming" and finding.code in _FAILURES.values():
            self._failing.setdefault(finding.code, set()).add(self._places(case))

    def _places(self, case: Case) -> frozenset[str]:
        return places.changed(case.payload if case.fault is None else case.twin, self._simplest)

    def _failing_conforming(self, judged: Judged) -> Judged | None:
        """The conforming request that fails: this one, or the twin of this one, whose fault is then not the reason."""
        case = judged.exchange.case
        if judged.outcome.kind not in _FAILURES:
            return None
        if case.kind == "conforming":
            return judged
        if judged.outcome.kind is OutcomeKind.REJECTED and checks.names_the_fault(judged):
            return None
        if all(one.fingerprint in self._known for one in checks.findings(judged)):
            return None
        twin = self._asked(conforming(case.twin)) if case.twin is not ABSENT else None
        return twin if twin is not None and twin.outcome.kind in _FAILURES else None

    def _new_failure(self, judged: Judged) -> str | None:
        """How a conforming request fails, when it is not for what is known to make requests fail."""
        code, case = _FAILURES[judged.outcome.kind], judged.exchange.case
        shown = self._places(case)
        within = [known for known in self._failing.get(code, ()) if places.within(known, shown)]
        within.sort(key=sorted)
        if any(places.within(shown, known) or not self._fails(code, case, known) for known in within):
            return None
        return code if not within or self._fails(code, case, frozenset().union(*within)) else None

    def _fails(self, code: str, case: Case, without: frozenset[str]) -> bool:
        """Whether a request still fails, in the same way, when it does not show what is known."""
        rest = self._reverted(case, without)
        judged = None if rest is None else self._asked(rest)
        return judged is not None and _FAILURES.get(judged.outcome.kind) == code

    def _reverted(self, case: Case, shown: frozenset[str]) -> Case | None:
        """A request without what it shows at places; None where it would not conform, or its fault not be the same."""
        request = self._contract.request
        if case.fault is None:
            payload = places.reverted(case.payload, self._simplest, shown)
            return conforming(payload) if request.is_valid(payload) else None
        twin = places.reverted(case.twin, self._simplest, shown)
        try:
            payload = pointer.apply(case.fault, twin)
        except (UsageError, TypeError):  # the place of the fault is gone
            return None
        same = request.is_valid(twin) and messages.broken(request.iter_errors(payload)) == frozenset(case.breaks)
        return replace(case, payload=payload, body=wire.encode(payload), twin=twin) if same else None

    def _asked(self, case: Case) -> Judged | None:
        """What came of a case; nothing where it may not be sent any more."""
        key = case.body, case.content_type
        if key not in self._answers:
            if len(case.body) > MOST_BYTES or self.spent:
                return None
            if self.shrinking:
                self._left_to_shrink -= 1
            else:
                self.left -= 1
            self._answers[key] = self._ask(case)
            if self._answers[key] is None:
                self.left = self._left_to_shrink = 0
        judged = self._answers[key]
        return None if judged is None else judged._replace(exchange=replace(judged.exchange, case=case))


def _round(search: _Search, draws: SearchStrategy[Case], source: random.Random) -> tuple[Case, str] | None:
    """Draw until something new shows, and make it small; None when nothing has shown."""
    wanted: str | None = None
    smallest: Case | None = None

    def shows(case: Case) -> bool:
        nonlocal wanted, smallest
        if search.spent:
            raise _Spent
        cause = search.cause(case)
        if cause is None or (wanted is not None and cause != wanted):
            return False
        if wanted is None:
            search.start_shrinking()
        if smallest is None or _size(case) < _size(smallest):
            smallest = case
        wanted = cause
        return True

    with contextlib.suppress(_Spent):  # what was found until then counts
        for _ in range(0, _DRAWS * max(search.left, 1), _AT_ONCE):
            with contextlib.suppress(NoSuchExample):
                find(draws, shows, settings=_SETTINGS, random=source)
                break
    try:
        return None if wanted is None or smallest is None else (search.smaller(smallest, wanted), wanted)
    finally:
        search.shrinking = False


def _size(case: Case) -> tuple[int, bytes]:
    return len(case.body), case.body
