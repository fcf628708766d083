"""What a machine does to a stream: a renderer that stalls, a viewer who is slow or gone."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError
from src.realtime.clock import Clock
from src.realtime.core import Draw
from src.realtime.frame import Frame, Output, Sink
from src.realtime.sinks.through import ShownThrough


class Viewing(Protocol):
    """A fault of a sink."""

    def around(self, sink: Sink, clock: Clock) -> Sink:
        """The sink as the fault leaves it, for one run on that clock."""
        ...


class Stalls:
    """A renderer that takes `seconds` longer for some of its pictures, counted from 0."""

    def __init__(self, *, pictures: Sequence[int], seconds: float) -> None:
        """See the class.

        Raises:
            ConfigError: a time below 0.
        """
        if seconds < 0:
            raise ConfigError(f"a renderer can't stall for {seconds:g} s. Give 0 or more.")
        self._pictures, self._seconds = frozenset(pictures), seconds

    def around(self, draw: Draw, clock: Clock) -> Draw:
        """The renderer of one session; pictures are counted anew."""
        num_drawn = 0

        def stalling(values: NDArray[np.float32]) -> NDArray[np.uint8]:
            nonlocal num_drawn
            if num_drawn in self._pictures:
                clock.wait_until(clock.now_s() + self._seconds)
            num_drawn += 1
            return draw(values)

        return stalling


class SlowViewer:
    """A viewer to whom each picture of `[from_s, until_s)` of the timeline takes `interval_ms`."""

    def __init__(self, *, interval_ms: float, from_s: float, until_s: float) -> None:
        """See the class."""
        self._interval_s, self._from_s, self._until_s = interval_ms / 1000.0, from_s, until_s

    def around(self, sink: Sink, clock: Clock) -> Sink:
        """See `Viewing.around`."""

        def show(output: Output, frame: Frame) -> bool:
            if self._from_s <= frame.time_s < self._until_s:
                clock.wait_until(clock.now_s() + self._interval_s)
            return output.show(frame)

        return ShownThrough(sink, show)


class ViewerLeaves:
    """A viewer who is gone after so many seconds of the timeline, whatever is being said."""

    def __init__(self, *, at_s: float) -> None:
        """The last picture taken is the first one at or after `at_s`."""
        self._at_s = at_s

    def around(self, sink: Sink, clock: Clock) -> Sink:
        """See `Viewing.around`."""
        return ShownThrough(sink, lambda output, frame: output.show(frame) and frame.time_s < self._at_s)
