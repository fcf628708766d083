"""A sink before another one: its frames are seen, or shown in another way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from src.realtime.frame import Frame, Layout, Output, Sink


class ShownThrough:
    """Opens another sink and shows it frames by a function of its own.

    Args:
        sink: to show them.
        show: gets the open sink and a frame, in the place of `Output.show`.
    """

    def __init__(self, sink: Sink, show: Callable[[Output, Frame], bool]) -> None:
        self._sink, self._show = sink, show

    @contextmanager
    def open(self, layout: Layout) -> Iterator[Output]:
        """See `Sink.open`."""
        with self._sink.open(layout) as output:
            yield _Through(output, self._show)


def seen_by(see: Callable[[Frame], None], sink: Sink) -> ShownThrough:
    """The sink, of whose frames somebody is told before they are shown."""

    def show(output: Output, frame: Frame) -> bool:
        see(frame)
        return output.show(frame)

    return ShownThrough(sink, show)


class _Through:
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
