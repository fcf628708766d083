"""An MP4 file of the stream."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.realtime.frame import Frame, Layout
from src.render.mp4 import Mp4Writer


class FileOutput:
    """A file that is being written: an `Output` which presents nothing, so what it took stays."""

    def __init__(self, writer: Mp4Writer) -> None:
        self._writer = writer

    def show(self, frame: Frame) -> bool:
        """Write picture and sound at their times; a dropped picture is a longer look at the one before it."""
        self._writer.add_image(frame.image, frame.time_s)
        self._writer.add_audio(frame.audio)
        return True

    def flush(self) -> None:
        """Nothing waits here: the engine hands frames over a moment before their time."""

    def played_s(self) -> float | None:
        """None: a file has no clock of its own."""
        return None


class Mp4Sink:
    """A file in which picture and sound carry the times of the stream. It appears when the stream ends well."""

    _writer: type[Mp4Writer] = Mp4Writer

    def __init__(self, *, path: Path | str, preset: str, crf: int, threads: int) -> None:
        """`preset`, `crf` and `threads` as in `Mp4Writer`; live encoding wants a fast preset."""
        self._path = Path(path)
        self._preset, self._crf, self._threads = preset, crf, threads

    @contextmanager
    def open(self, layout: Layout) -> Iterator[FileOutput]:
        """See `Sink.open`."""
        with self._writer(
            self._path,
            width=layout.width,
            height=layout.height,
            fps=layout.fps,
            sample_rate_hz=layout.sample_rate_hz,
            preset=self._preset,
            crf=self._crf,
            threads=self._threads,
        ) as writer:
            yield FileOutput(writer)
