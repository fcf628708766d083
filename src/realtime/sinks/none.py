"""Nowhere: for measuring the engine alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from src.realtime.frame import Frame, Layout


class NoSink:
    """Takes every frame and keeps none; its own `Output`."""

    @contextmanager
    def open(self, layout: Layout) -> Iterator["NoSink"]:
        """See `Sink.open`; always open."""
        yield self

    def show(self, frame: Frame) -> bool:
        """Goes on."""
        return True

    def flush(self) -> None:
        """Nothing waits here."""

    def played_s(self) -> float | None:
        """None: nothing is heard."""
        return None
