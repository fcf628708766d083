"""Where pictures and their sound go.

A sink is opened for one stream and gives an output that takes frames in order. Leaving the block closes
it; leaving it by an exception leaves nothing behind.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from src.errors import StreamError
from src.realtime.frame import Frame, Layout, Output
from src.render.mp4 import Mp4Writer


class Mp4Sink:
    """An mp4 file in which picture and sound carry the times of the stream.

    A dropped frame is a longer look at the one before it, never a shift of what follows.
    """

    def __init__(self, *, path: Path | str, preset: str, crf: int, threads: int) -> None:
        """`preset`, `crf` and `threads` as in `Mp4Writer`; live encoding wants a fast preset."""
        self._path = Path(path)
        self._preset, self._crf, self._threads = preset, crf, threads

    @contextmanager
    def open(self, layout: Layout) -> Iterator[Output]:
        """See `Sink.open`; the file appears when the block ends well."""
        with Mp4Writer(
            self._path,
            width=layout.width,
            height=layout.height,
            fps=layout.fps,
            sample_rate_hz=layout.sample_rate_hz,
            preset=self._preset,
            crf=self._crf,
            threads=self._threads,
        ) as writer:
            yield _Mp4Output(writer)


class _Mp4Output:
    def __init__(self, writer: Mp4Writer) -> None:
        self._writer = writer

    def show(self, frame: Frame) -> bool:
        self._writer.add_image(frame.image, frame.time_s)
        self._writer.add_audio(frame.audio)
        return True

    def flush(self) -> None:
        """What is in the file stays there."""

    def played_s(self) -> float | None:
        return None


class WindowSink:
    """A window on the desktop, without sound. Escape, `q` or its close button end the stream."""

    def __init__(self, *, title: str) -> None:
        self._title = title

    @contextmanager
    def open(self, layout: Layout) -> Iterator[Output]:
        """See `Sink.open`.

        Raises:
            StreamError: OpenCV was built without windows, or there is no display.
        """
        # Qt ends the whole process when it finds no display, so the question comes first.
        if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise StreamError(
                "no window can be opened: neither DISPLAY nor WAYLAND_DISPLAY is set. Run it on a desktop, or write a "
                "file with realtime/sink=mp4."
            )
        try:
            cv2.namedWindow(self._title, cv2.WINDOW_AUTOSIZE)
        except cv2.error as error:
            raise StreamError(
                f"no window can be opened ({error.err or error}). Install an OpenCV with windows, `pip install "
                "opencv-contrib-python` (not the -headless package), or write a file with realtime/sink=mp4."
            ) from error

        try:
            yield _WindowOutput(self._title)
        finally:
            cv2.destroyWindow(self._title)


class _WindowOutput:
    def __init__(self, title: str) -> None:
        self._title = title

    def show(self, frame: Frame) -> bool:
        cv2.imshow(self._title, cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1) & 0xFF
        is_open = cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        return is_open and key not in (27, ord("q"))

    def flush(self) -> None:
        """Nothing waits here."""

    def played_s(self) -> float | None:
        return None
