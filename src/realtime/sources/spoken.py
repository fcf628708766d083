"""What the sources that speak by a voice share."""

from collections.abc import Generator, Iterable
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from src.realtime.intake import AudioIntake
from src.realtime.sources.chunk_size import chunk_size
from src.realtime.sources.sound_queue import SoundQueue
from src.realtime.tts import Voice

AHEAD_S = 10.0
"""A voice is at most so far ahead of what is heard, and a sentence."""


class SpokenSource:
    """A voice, sentence by sentence; every sentence is a segment.

    Args:
        voice: speaks.
        chunk_ms: length of the pieces.
        sample_rate_hz: of the chunks; the voice's sound is converted to it.
    """

    def __init__(self, *, voice: Voice, chunk_ms: float, sample_rate_hz: int) -> None:
        self._voice, self._rate = voice, sample_rate_hz
        self._chunk_samples = chunk_size(chunk_ms, sample_rate_hz)

    @property
    def sample_rate_hz(self) -> int:
        """Of all chunks."""
        return self._rate

    @property
    def chunk_samples(self) -> int:
        """Size of the largest chunk."""
        return self._chunk_samples

    def _queue(self) -> SoundQueue:
        return SoundQueue(capacity=round(AHEAD_S * self._rate))

    def _pieces(self, sentence: str) -> Generator[NDArray[np.float32], None, None]:
        """A sentence as (s,) samples at `sample_rate_hz`, as it is spoken."""
        intake = AudioIntake(sample_rate_hz=self._rate)
        with closing(self._voice.speak(sentence)) as pieces:
            for samples, rate_hz in pieces:
                yield intake.take(samples, rate_hz)
        yield intake.finish()


def put(pieces: Iterable[NDArray[np.float32]], sound: SoundQueue, turn: int) -> None:
    """Put a sentence into a queue, and its end, for as long as it is wanted."""
    for samples in pieces:
        if not sound.put(samples, turn):
            return
    sound.end_segment()
