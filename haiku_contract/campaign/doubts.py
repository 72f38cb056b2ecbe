"""Refusals that may be about the endpoint rather than the request: whether it still accepts anything tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from haiku_contract.campaign.outcomes import where_credentials_are_good
from haiku_contract.model import OutcomeKind

if TYPE_CHECKING:
    from haiku_contract.model import Exchange, Outcome

MOST_ALIKE: Final = 5
"""So many different faults may be refused in the same words, one after another, before that is doubted."""

_REFUSED: Final = (OutcomeKind.REJECTED, OutcomeKind.CRASHED)


class Doubts:
    """What was refused since something was accepted, and may have been for another reason than what is wrong with it.

    Attributes:
        credentials: the requests that were answered with 401 or 403.
        are_new: whether any of them all was sent in this run.
        are_right: what was accepted at first has been refused, too.
    """

    def __init__(self) -> None:
        self.credentials: set[tuple[bytes, str]] = set()
        self.are_new = self.are_right = False
        self._alike: set[tuple[bytes, str]] = set()
        self._words: tuple[object, ...] = ()

    @property
    def open(self) -> set[tuple[bytes, str]]:
        """The requests whose answers say nothing where nothing is accepted any more."""
        return self.credentials | (self._alike if len(self._alike) > MOST_ALIKE else set())

    @property
    def void(self) -> set[tuple[bytes, str]]:
        """The requests whose answers say nothing; a 401 or 403 is taken for a rejection only where that is shown."""
        return self.open if self.are_right else self.credentials

    def heard(self, exchange: Exchange, result: Outcome) -> Outcome:
        """Take notice of an answer.

        Returns:
            What it is if something is accepted again.
        """
        case = exchange.case
        key = (case.body, case.content_type)
        if result.kind is OutcomeKind.ACCEPTED:
            self.credentials.clear()
            self._alike.clear()
            self.are_new = self.are_right = False
        elif result.kind is OutcomeKind.UNAUTHORISED:
            self.credentials.add(key)
            self.are_new |= exchange.attempts > 0
            return where_credentials_are_good(result, case)
        elif result.kind in _REFUSED and case.kind == "faulted":
            words = (exchange.status, result.code, result.message)
            self._alike = {key, *(self._alike if words == self._words else ())}
            self._words = words
            self.are_new |= exchange.attempts > 0
        return result
