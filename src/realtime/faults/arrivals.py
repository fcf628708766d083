"""What happens to sound on its way: the chunks of a source, arriving otherwise than they were spoken.

A pattern takes chunks that say when they arrive (`Chunk.at_s`) and gives them as the fault leaves them. Patterns can
follow one another. What a pattern doesn't touch it hands on; a chunk never overtakes another, as on a TCP connection.
Marks (`ends_segment`, `clears`) travel safely: a chunk that gets lost leaves an empty one with its marks.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError
from src.realtime.frame import Chunk


class Arrivals(Protocol):
    """One pattern."""

    def arriving(self, chunks: Iterator[Chunk], sample_rate_hz: int) -> Iterator[Chunk]:
        """The chunks as they arrive; all of them say when (`at_s`)."""
        ...


class Jitter:
    """Each chunk comes later than it should by the next of a list of delays, and the list begins anew at its end."""

    def __init__(self, *, delays_ms: Sequence[float], from_s: float, until_s: float) -> None:
        """A fault of the chunks that are spoken in `[from_s, until_s)`.

        Raises:
            ConfigError: no delays, or one below 0.
        """
        if not delays_ms or min(delays_ms) < 0:
            raise ConfigError(f"delays_ms={list(delays_ms)} must be at least one delay of 0 ms or more. Correct them.")
        self._delays_s = [delay / 1000.0 for delay in delays_ms]
        self._from_s, self._until_s = from_s, until_s

    def arriving(self, chunks: Iterator[Chunk], sample_rate_hz: int) -> Iterator[Chunk]:
        """See `Arrivals.arriving`."""
        delays_s = cycle(self._delays_s)
        for chunk in chunks:
            at_s = said(chunk)
            delay_s = next(delays_s) if self._from_s <= at_s < self._until_s else 0.0
            yield replace(chunk, at_s=at_s + delay_s)


class Late:
    """Every `every`-th chunk comes `delay_ms` late, and those behind it wait for it."""

    def __init__(self, *, every: int, delay_ms: float, from_s: float, until_s: float) -> None:
        """A fault of the chunks that are spoken in `[from_s, until_s)`; the first of them is late.

        Raises:
            ConfigError: `every` or `delay_ms` is not above 0.
        """
        if every < 1 or delay_ms <= 0:
            raise ConfigError(f"every={every} and delay_ms={delay_ms:g} must be above 0. Correct them.")
        self._jitter = Jitter(delays_ms=[delay_ms] + [0.0] * (every - 1), from_s=from_s, until_s=until_s)

    def arriving(self, chunks: Iterator[Chunk], sample_rate_hz: int) -> Iterator[Chunk]:
        """See `Arrivals.arriving`."""
        return self._jitter.arriving(chunks, sample_rate_hz)


class Bursts:
    """`num_chunks` chunks come at once, when the last of them has been spoken."""

    def __init__(self, *, num_chunks: int, from_s: float, until_s: float) -> None:
        """A fault of the chunks that are spoken in `[from_s, until_s)`; the last burst may be smaller.

        Raises:
            ConfigError: fewer than two chunks.
        """
        if num_chunks < 2:
            raise ConfigError(f"num_chunks={num_chunks}: a burst is two chunks or more. Correct it.")
        self._num_chunks, self._from_s, self._until_s = num_chunks, from_s, until_s

    def arriving(self, chunks: Iterator[Chunk], sample_rate_hz: int) -> Iterator[Chunk]:
        """See `Arrivals.arriving`."""
        kept: list[Chunk] = []
        for chunk in chunks:
            inside = self._from_s <= said(chunk) < self._until_s
            if inside:
                kept.append(chunk)
            if kept and (not inside or len(kept) == self._num_chunks):
                yield from (replace(other, at_s=kept[-1].at_s) for other in kept)
                kept = []
            if not inside:
                yield chunk
        yield from (replace(other, at_s=kept[-1].at_s) for other in kept)


class Missing:
    """Of every `every` chunks the first `num_chunks` never come, and nobody says so."""

    def __init__(self, *, every: int, num_chunks: int, from_s: float, until_s: float) -> None:
        """A fault of the chunks that are spoken in `[from_s, until_s)`.

        Raises:
            ConfigError: none or all of the chunks would be missing.
        """
        if not 0 < num_chunks < every:
            raise ConfigError(f"num_chunks={num_chunks} of every={every}: some must be missing, not all. Correct them.")
        self._every, self._num_chunks = every, num_chunks
        self._from_s, self._until_s = from_s, until_s

    def arriving(self, chunks: Iterator[Chunk], sample_rate_hz: int) -> Iterator[Chunk]:
        """See `Arrivals.arriving`."""
        place = 0
        for chunk in chunks:
            if self._from_s <= said(chunk) < self._until_s:
                if place % self._every < self._num_chunks:
                    chunk = replace(chunk, samples=chunk.samples[:0])
                place += 1
            yield chunk


class ClockOff:
    """The clock of the source is off: it gives `ppm` millionths more sound a second than it says."""

    def __init__(self, *, ppm: float) -> None:
        """A fault of the whole stream; below 0 the source is slow."""
        self._pace = 1.0 + ppm * 1e-6

    def arriving(self, chunks: Iterator[Chunk], sample_rate_hz: int) -> Iterator[Chunk]:
        """See `Arrivals.arriving`."""
        return (replace(chunk, at_s=said(chunk) / self._pace) for chunk in chunks)


class Pieces:
    """The same sound in chunks of other sizes, one after another from a list that begins anew at its end.

    A size needs no whole number of samples: pieces of 1/30 s, as programs with 30 pictures a second send them, are
    533 or 534 samples at 16 kHz. A piece comes when its last sample has been spoken; marks end a piece early.
    """

    def __init__(self, *, sizes_ms: Sequence[float]) -> None:
        """A fault of the whole stream.

        Raises:
            ConfigError: no sizes, or one that is not above 0.
        """
        if not sizes_ms or min(sizes_ms) <= 0:
            raise ConfigError(f"sizes_ms={list(sizes_ms)} must be at least one size above 0. Correct them.")
        self._sizes_ms = list(sizes_ms)

    def largest(self, sample_rate_hz: int) -> int:
        """Samples of the largest piece."""
        return math.ceil(max(self._sizes_ms) / 1000.0 * sample_rate_hz)

    def arriving(self, chunks: Iterator[Chunk], sample_rate_hz: int) -> Iterator[Chunk]:
        """See `Arrivals.arriving`."""
        ends = self._ends(sample_rate_hz)
        waiting: NDArray[np.float32] = np.zeros(0, np.float32)
        heard, given, end, at_s = 0, 0, next(ends), 0.0
        for chunk in chunks:
            at_s = said(chunk)
            waiting = np.concatenate([waiting, chunk.samples])
            heard += len(chunk.samples)
            while heard >= end:
                piece, waiting = np.split(waiting, [end - given])
                yield Chunk(piece, at_s - (heard - end) / sample_rate_hz)
                given, end = end, next(ends)
            if chunk.ends_segment or chunk.clears:
                yield replace(chunk, samples=waiting)
                waiting, given = waiting[:0], heard
        if len(waiting):
            yield Chunk(waiting, at_s)

    def _ends(self, sample_rate_hz: int) -> Iterator[int]:
        """Index after the last sample of each piece; rounded there, so that nothing adds up."""
        total_ms = 0.0
        for size_ms in cycle(self._sizes_ms):
            total_ms += size_ms
            yield round(total_ms / 1000.0 * sample_rate_hz)


class Leaves:
    """The speaker is gone in the middle of a word: no more sound, and nobody says that the sentence is over."""

    def __init__(self, *, at_s: float) -> None:
        """The last chunk is the last one that comes before `at_s`."""
        self._at_s = at_s

    def arriving(self, chunks: Iterator[Chunk], sample_rate_hz: int) -> Iterator[Chunk]:
        """See `Arrivals.arriving`."""
        for chunk in chunks:
            if said(chunk) >= self._at_s:
                return
            yield chunk


def said(chunk: Chunk) -> float:
    """When a chunk arrives.

    Raises:
        ConfigError: it comes from a device or a connection, which says nothing beforehand.
    """
    if chunk.at_s is None:
        raise ConfigError(
            "a fault changes when sound arrives, and this source doesn't say when: its sound comes now. Use a "
            "recording as the source, or fault=none."
        )
    return chunk.at_s
