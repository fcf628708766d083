"""One fault of a run: what it does to the source, to the renderer and to the sink."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

from src.realtime.clock import Clock
from src.realtime.core import Draw
from src.realtime.faults.arrivals import Arrivals, Pieces, said
from src.realtime.faults.machine import Stalls, Viewing
from src.realtime.frame import Chunk, Sink, Source


class Fault:
    """A file of `conf/realtime/fault`. Holds numbers only: each run wraps its own source, drawing and sink."""

    def __init__(self, *, arrivals: Sequence[Arrivals], drawing: Sequence[Stalls], viewing: Sequence[Viewing]) -> None:
        """Patterns, one after another, each around what the one before it left; none of them is no fault."""
        self._arrivals, self._drawing, self._viewing = list(arrivals), list(drawing), list(viewing)

    def source(self, source: Source) -> Source:
        """The source as its sound arrives."""
        return FaultySource(source, self._arrivals) if self._arrivals else source

    def draw(self, draw: Draw, clock: Clock) -> Draw:
        """The renderer of one session, on the machine at fault."""
        for pattern in self._drawing:
            draw = pattern.around(draw, clock)
        return draw

    def sink(self, sink: Sink, clock: Clock) -> Sink:
        """The sink with its viewer."""
        for pattern in self._viewing:
            sink = pattern.around(sink, clock)
        return sink


class FaultySource:
    """A source whose chunks go through patterns, and never overtake one another."""

    def __init__(self, source: Source, arrivals: Sequence[Arrivals]) -> None:
        self._source, self._arrivals = source, list(arrivals)

    @property
    def sample_rate_hz(self) -> int:
        """See `Source`."""
        return self._source.sample_rate_hz

    @property
    def chunk_samples(self) -> int:
        """What the source promises, whatever becomes of it on the way; `Pieces` promise their own."""
        sizes = [pattern.largest(self.sample_rate_hz) for pattern in self._arrivals if isinstance(pattern, Pieces)]
        return sizes[-1] if sizes else self._source.chunk_samples

    def chunks(self) -> Iterator[Chunk]:
        """See `Source.chunks`."""
        original = self._source.chunks()
        chunks: Iterator[Chunk] = original
        for pattern in self._arrivals:
            chunks = pattern.arriving(chunks, self.sample_rate_hz)
        last_s = 0.0
        try:
            for chunk in chunks:
                last_s = max(last_s, said(chunk))
                yield replace(chunk, at_s=last_s)
        finally:
            if isinstance(original, Generator):  # a pattern may stop before its source, which may hold a device
                original.close()
