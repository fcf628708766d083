"""A talk that never ends, as people and programs have it: for runs that last for hours.

Turns follow a written pattern: an open microphone, sentences that a program sends faster than they are spoken, a
network that delivers in bursts, listeners who interrupt. No chance is in it, so a run can be repeated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError
from src.realtime.frame import Chunk

FASTER = 3.0
"""How much faster than speech a program sends its sentences: of 3 s, two wait, which is what a session takes."""
BURST_CHUNKS = 8
"""Chunks that a bad network delivers at once."""


@dataclass(frozen=True)
class Turn:
    """How one utterance is given.

    Attributes:
        delivery: `live` as it is spoken, `ahead` faster than that, `bursts` as it is spoken but several chunks at once.
        ends: somebody says that the sentence is over; otherwise the microphone stays open and hears the pause.
        pause_s: silence after it.
        interrupted_s: a barge-in so long after its start, and no more of it; None: it is spoken to its end.
    """

    delivery: Literal["live", "ahead", "bursts"]
    ends: bool
    pause_s: float
    interrupted_s: float | None = None


TURNS = (
    Turn("live", True, 0.7),
    Turn("live", False, 0.6),
    Turn("live", False, 1.1),
    Turn("ahead", True, 0.5),
    Turn("ahead", True, 0.8, interrupted_s=1.3),
    Turn("live", True, 0.4, interrupted_s=0.9),
    Turn("bursts", False, 0.9),
    Turn("ahead", True, 2.5),
    Turn("live", True, 0.3),
)
"""One round of a talk."""


class Conversation:
    """A source that takes turns for `seconds`.

    Args:
        utterances: (s,) each, at `sample_rate_hz`; said one after another, in another kind of turn each time round.
        turns: of one round; the next begins anew.
        seconds: no turn begins after that.
        chunk_samples: size of the chunks.
        sample_rate_hz: of the utterances.
    """

    def __init__(
        self,
        *,
        utterances: Sequence[NDArray[np.float32]],
        turns: Sequence[Turn],
        seconds: float,
        chunk_samples: int,
        sample_rate_hz: int,
    ) -> None:
        if not utterances or not turns or chunk_samples < 1:
            raise ConfigError("a talk needs an utterance, a turn and chunks of a sample or more. Give them.")
        self._utterances, self._turns, self._seconds = list(utterances), list(turns), seconds
        self._chunk_samples, self._rate = chunk_samples, sample_rate_hz

    @property
    def sample_rate_hz(self) -> int:
        """See `Source`."""
        return self._rate

    @property
    def chunk_samples(self) -> int:
        """See `Source`."""
        return self._chunk_samples

    @property
    def duration_s(self) -> float:
        """Seconds, but for the last turn."""
        return self._seconds

    def chunks(self) -> Iterator[Chunk]:
        """See `Source.chunks`; in the order of their arrival."""
        begin_s, number = 0.0, 0
        while begin_s < self._seconds:
            turn = self._turns[number % len(self._turns)]
            utterance = self._utterances[(number + number // len(self._utterances)) % len(self._utterances)]
            yield from self._said(turn, utterance, begin_s)
            spoken_s = len(utterance) / self._rate if turn.interrupted_s is None else turn.interrupted_s
            begin_s += spoken_s
            pause = np.zeros(round(turn.pause_s * self._rate), np.float32)
            if not turn.ends:
                yield from (replace(chunk, at_s=begin_s + (chunk.at_s or 0.0)) for chunk in self._cut(pause))
            begin_s += turn.pause_s
            number += 1

    def _said(self, turn: Turn, utterance: NDArray[np.float32], begin_s: float) -> Iterator[Chunk]:
        chunks = self._cut(utterance)
        for number, chunk in enumerate(chunks):
            last = chunk if turn.delivery != "bursts" else chunks[min(_burst_end(number), len(chunks) - 1)]
            after_s = (last.at_s or 0.0) / (FASTER if turn.delivery == "ahead" else 1.0)
            if turn.interrupted_s is not None and after_s >= turn.interrupted_s:
                break
            ends = turn.ends and number == len(chunks) - 1
            yield Chunk(chunk.samples, begin_s + after_s, ends_segment=ends)
        if turn.interrupted_s is not None:
            yield Chunk(np.zeros(0, np.float32), begin_s + turn.interrupted_s, clears=True)

    def _cut(self, samples: NDArray[np.float32]) -> list[Chunk]:
        """Chunks with the seconds after the start of the samples at which each has been spoken."""
        starts = range(0, len(samples), self._chunk_samples)
        pieces = [samples[start : start + self._chunk_samples] for start in starts]
        return [Chunk(piece, (start + len(piece)) / self._rate) for start, piece in zip(starts, pieces, strict=True)]


def _burst_end(number: int) -> int:
    """The last chunk of the burst that a chunk belongs to."""
    return number // BURST_CHUNKS * BURST_CHUNKS + BURST_CHUNKS - 1
