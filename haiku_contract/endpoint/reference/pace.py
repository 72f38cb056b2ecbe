"""When each piece of an answer is sent: the time to the first byte, tokens per second, and cuts that know no events."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

from haiku_contract.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haiku_contract.endpoint.reference.reply import Reply


_MOST: Final = {"ttfb": 3600, "tokens_per_second": 1_000_000, "jitter": 1, "chunk_bytes": 1 << 20}


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast answers come.

    Attributes:
        ttfb: seconds to the first byte.
        tokens_per_second: of the model; 0 for as fast as it goes.
        jitter: by which share of itself each wait may be longer or shorter, 0 to 1.
        chunk_bytes: bytes per chunk on average, cut without regard to events; 0 for one event a chunk.

    Raises:
        UsageError: one of them is out of its range.
    """

    ttfb: float = 0.0
    tokens_per_second: float = 0.0
    jitter: float = 0.0
    chunk_bytes: int = 0

    def __post_init__(self) -> None:
        """Raises: UsageError: one of them is no number of its kind."""
        for name, most in _MOST.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise UsageError(f"a pace has a {name} from 0 to {most}, not {value}")


UNPACED: Final = Pace()
"""As fast as it goes."""


def schedule(reply: Reply, pace: Pace, seed: str) -> list[tuple[float, bytes]]:
    """Each chunk with the time at which it is sent, in seconds after the request; the same for the same seed."""
    chance = Random(seed)  # noqa: S311 - jitter, no secret
    timed = list(_timed(reply, pace, chance))
    return list(_cut(timed, pace.chunk_bytes, chance)) if pace.chunk_bytes and reply.is_stream else timed


def _timed(reply: Reply, pace: Pace, chance: Random) -> Iterator[tuple[float, bytes]]:
    now = _jittered(pace.ttfb, pace, chance)
    for number, chunk in enumerate(reply.chunks):
        wait = reply.pause
        if pace.tokens_per_second and number < len(reply.tokens):
            wait += reply.tokens[number] / pace.tokens_per_second
        now += _jittered(wait, pace, chance)
        yield now, chunk


def _jittered(wait: float, pace: Pace, chance: Random) -> float:
    return wait * (1 + pace.jitter * chance.uniform(-1, 1)) if wait and pace.jitter else wait


def _cut(timed: list[tuple[float, bytes]], size: int, chance: Random) -> Iterator[tuple[float, bytes]]:
    """The same bytes in chunks of other sizes, each sent when its last byte is there."""
    waiting, wanted, now = bytearray(), chance.randint(1, 2 * size - 1), 0.0
    for now, data in timed:
        at = 0
        while len(waiting) + len(data) - at >= wanted:
            end = at + wanted - len(waiting)
            yield now, bytes(waiting) + data[at:end]
            waiting.clear()
            at, wanted = end, chance.randint(1, 2 * size - 1)
        waiting += data[at:]
    if waiting:
        yield now, bytes(waiting)
