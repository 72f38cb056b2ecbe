"""Two campaigns of the same cases, against two endpoints: where their verdicts differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from haiku_contract.model import VerdictKind

if TYPE_CHECKING:
    from haiku_contract.model import CampaignFinished, Finding, Verdict

_UNTOLD: Final = (VerdictKind.UNDETERMINED, VerdictKind.UNEXERCISED)


class Difference(NamedTuple):
    """One constraint of which two endpoints make different things.

    Attributes:
        here: the verdict on the first.
        there: the verdict on the second.
    """

    here: Verdict
    there: Verdict


class Comparison(NamedTuple):
    """Two campaigns side by side.

    Attributes:
        here: the campaign against the first endpoint.
        there: the campaign against the second.
        differences: the constraints whose verdicts differ.
        only_here: findings about no such constraint that only the first endpoint gives.
        only_there: likewise for the second.
        untold: ids of the constraints of which one of them, or both, did not show what it does.
    """

    here: CampaignFinished
    there: CampaignFinished
    differences: tuple[Difference, ...]
    only_here: tuple[Finding, ...]
    only_there: tuple[Finding, ...]
    untold: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether anything differs."""
        return bool(self.differences or self.only_here or self.only_there)


def compare(here: CampaignFinished, there: CampaignFinished) -> Comparison:
    """Hold two campaigns of one contract against each other.

    What one of them left out, or what no answer of it reached, is no difference.
    """
    others = {one.constraint: one for one in there.verdicts}
    pairs = [Difference(one, others[one.constraint]) for one in here.verdicts if one.constraint in others]
    untold = {one.here.constraint for one in pairs if one.here.verdict in _UNTOLD or one.there.verdict in _UNTOLD}
    told = [one for one in pairs if one.here.constraint not in untold]
    differences = tuple(one for one in told if one.here.verdict is not one.there.verdict)
    settled = untold | {one.here.constraint for one in differences}
    return Comparison(
        here,
        there,
        differences,
        _only(here, there, settled),
        _only(there, here, settled),
        tuple(one.here.constraint for one in pairs if one.here.constraint in untold),
    )


def _only(one: CampaignFinished, other: CampaignFinished, settled: set[str]) -> tuple[Finding, ...]:
    """Findings of one that the other had the occasion to give and did not."""
    known = {each.fingerprint for each in other.findings}
    left_out = set(other.left_out)
    return tuple(
        each
        for each in one.findings
        if each.fingerprint not in known and each.constraint not in settled and each.case not in left_out
    )
