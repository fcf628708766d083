"""A sink that keeps what it is shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from src.realtime.frame import Frame, Layout


@dataclass
class KeptOutput:
    """All frames, and after how many of them it was flushed."""

    frames: list[Frame] = field(default_factory=list)
    flushed: list[int] = field(default_factory=list)

    def show(self, frame: Frame) -> bool:
        self.frames.append(frame)
        return True

    def flush(self) -> None:
        self.flushed.append(len(self.frames))

    def played_s(self) -> float | None:
        return None


@dataclass
class KeptSink:
    """Opens `output`."""

    output: KeptOutput = field(default_factory=KeptOutput)

    @contextmanager
    def open(self, layout: Layout) -> Iterator[KeptOutput]:
        yield self.output
