"""A campaign against a cassette: what answers it, and what is not in the cassette."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import httpx

from haiku_contract.campaign.outcomes import NOT_RECORDED, STALE
from haiku_contract.campaign.pace import Pace
from haiku_contract.endpoint.recorded import RecordedTransport
from haiku_contract.errors import StaleCassetteError
from haiku_contract.model import OutcomeKind

if TYPE_CHECKING:
    from haiku_contract.endpoint.cassette import Headers, Interaction
    from haiku_contract.model import CampaignFinished, Event, Exchange

_BUSY: Final = frozenset({429, 502, 503, 504, 529})
_NO_ANSWER: Final = {"type": "error", "error": {"type": "overloaded_error", "message": "not in the cassette"}}


class Unhurried(Pace):
    """The pace of a recording, which is never overrun, whatever it says."""

    def __init__(self) -> None:
        super().__init__(None)

    def heard(self, exchange: Exchange, now: float) -> None:
        """Take no notice: who was busy when it was recorded is not any more."""


class CampaignTransport(RecordedTransport):
    """Answers a campaign from a cassette; what is not in it is answered as by a busy endpoint, which is no verdict.

    Attributes:
        missed: how many requests were not in it.
    """

    missed = 0

    def handle_request(self, request: Any) -> Any:
        """The recorded answer, or that there is none."""
        try:
            return super().handle_request(request)
        except StaleCassetteError:
            return self._missing()

    async def handle_async_request(self, request: Any) -> Any:
        """The recorded answer, or that there is none."""
        try:
            return await super().handle_async_request(request)
        except StaleCassetteError:
            return self._missing()

    def find(self, method: str, url: str, headers: Headers, body: bytes) -> Interaction:
        """The interaction that answers; not one that says to ask again, where it was asked again."""
        found = before = super().find(method, url, headers, body)
        while found.status in _BUSY:
            found = super().find(method, url, headers, body)
            if found is before:
                break
            before = found
        return found

    def _missing(self) -> httpx.Response:
        self.missed += 1
        return httpx.Response(529, headers={STALE: "1"}, json=_NO_ANSWER)


class Stale:
    """The cases of a campaign that are not in its cassette; takes every event.

    Attributes:
        cases: their ids, in the order of asking, and how often each was asked.
    """

    def __init__(self) -> None:
        self.cases: Counter[str] = Counter()

    def __call__(self, event: Event) -> None:
        """Take notice of a case that is not in the cassette."""
        exchange = getattr(event, "exchange", None)
        if exchange is not None and STALE in exchange.headers:
            self.cases[exchange.case.id] += 1

    def told(self, result: CampaignFinished) -> CampaignFinished:
        """The result, in which what is not in the cassette counts as left out."""
        if not self.cases:
            return result
        outcomes = Counter(result.outcomes) - Counter({OutcomeKind.THROTTLED: self.cases.total()})
        return replace(result, outcomes=dict(outcomes), left_out=(*self.cases, *result.left_out), stopped=NOT_RECORDED)
