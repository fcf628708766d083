"""A source that is interrupted at written times, as by somebody who speaks into its sentence."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from src.errors import ConfigError
from src.realtime.frame import Chunk, Source


class Interrupted:
    """A written source with barge-ins: at each the speaker falls silent, and goes on after a pause where he stopped."""

    def __init__(self, source: Source, *, at_s: Sequence[float], pause_s: float) -> None:
        """Interrupt a source.

        Args:
            source: whose chunks say when they arrive.
            at_s: times of the barge-ins, in seconds after the start of the run; those after its end never happen.
            pause_s: until the speaker goes on; longer than he is heard late.

        Raises:
            ConfigError: the times are not ascending by more than the pause.
        """
        if any(later - earlier <= pause_s for earlier, later in pairwise(at_s)):
            raise ConfigError(
                f"at_s={list(at_s)}: barge-ins come one after the other, more than {pause_s:g} s apart. Correct them."
            )
        self._source, self._at_s, self._pause_s = source, list(at_s), pause_s

    @property
    def sample_rate_hz(self) -> int:
        """Of all chunks."""
        return self._source.sample_rate_hz

    @property
    def chunk_samples(self) -> int:
        """Size of the largest chunk."""
        return self._source.chunk_samples

    def chunks(self) -> Iterator[Chunk]:
        """The chunks, later by the pauses before them.

        Raises:
            ConfigError: a chunk doesn't say when it arrives.
        """
        waiting, late_s = list(self._at_s), 0.0
        for chunk in self._source.chunks():
            if chunk.at_s is None:
                raise ConfigError("only a written source can be interrupted at written times. Replay a recording.")
            while waiting and waiting[0] < chunk.at_s + late_s:
                yield Chunk(np.zeros(0, np.float32), waiting.pop(0), clears=True)
                late_s += self._pause_s
            yield replace(chunk, at_s=chunk.at_s + late_s)
