"""What a machine does to a stream: a renderer that stalls, a viewer who is slow or gone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError
from src.realtime.faults.clocks import Clock
from src.realtime.frame import Frame, Layout, Output, Sink

Draw = Callable[[NDArray[np.float32]], NDArray[np.uint8]]
"""(C,) motion values to an (H, W, 3) picture."""


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

        return _Sink(sink, show)


class ViewerLeaves:
    """A viewer who is gone after so many seconds of the timeline, whatever is being said."""

    def __init__(self, *, at_s: float) -> None:
        """The last picture taken is the first one at or after `at_s`."""
        self._at_s = at_s

    def around(self, sink: Sink, clock: Clock) -> Sink:
        """See `Viewing.around`."""
        return _Sink(sink, lambda output, frame: output.show(frame) and frame.time_s < self._at_s)


class _Sink:
    """A sink that shows in another way."""

    def __init__(self, sink: Sink, show: Callable[[Output, Frame], bool]) -> None:
        self._sink, self._show = sink, show

    @contextmanager
    def open(self, layout: Layout) -> Iterator[Output]:
        """See `Sink.open`."""
        with self._sink.open(layout) as output:
            yield _Output(output, self._show)


class _Output:
    def __init__(self, output: Output, show: Callable[[Output, Frame], bool]) -> None:
        self._output, self._show = output, show

    def show(self, frame: Frame) -> bool:
        """See `Output.show`."""
        return self._show(self._output, frame)

    def flush(self) -> None:
        """See `Output.flush`."""
        self._output.flush()

    def played_s(self) -> float | None:
        """See `Output.played_s`."""
        return self._output.played_s()
