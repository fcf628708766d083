"""Where pictures and their sound go.

A sink is opened for one stream and gives a function that takes frames in order; it returns False when
the viewer wants no more. Leaving the block closes it; leaving it by an exception leaves nothing behind.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2

from src.errors import StreamError
from src.realtime.session import Frame
from src.render.mp4 import Mp4Writer

Write = Callable[[Frame], bool]


@dataclass(frozen=True)
class Layout:
    """What a sink must be ready for: picture size in pixels, frame rate, sample rate."""

    width: int
    height: int
    fps: float
    sample_rate_hz: int


class Sink(Protocol):
    """A file, a window, a device."""

    def open(self, layout: Layout) -> AbstractContextManager[Write]:
        """Make ready for a stream.

        Raises:
            StreamError, RenderError: it can't be opened; the message says why and what to do.
        """
        ...


class Mp4Sink:
    """An mp4 file in which picture and sound carry the times of the stream.

    A dropped frame is a longer look at the one before it, never a shift of what follows.
    """

    def __init__(self, *, path: Path | str, preset: str, crf: int, threads: int) -> None:
        """`preset`, `crf` and `threads` as in `Mp4Writer`; live encoding wants a fast preset."""
        self._path = Path(path)
        self._preset, self._crf, self._threads = preset, crf, threads

    @contextmanager
    def open(self, layout: Layout) -> Iterator[Write]:
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

            def write(frame: Frame) -> bool:
                writer.add_image(frame.image, frame.time_s)
                writer.add_audio(frame.audio)
                return True

            yield write


class WindowSink:
    """A window on the desktop, without sound. Escape, `q` or its close button end the stream."""

    def __init__(self, *, title: str) -> None:
        self._title = title

    @contextmanager
    def open(self, layout: Layout) -> Iterator[Write]:
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

        def write(frame: Frame) -> bool:
            cv2.imshow(self._title, cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
            key = cv2.waitKey(1) & 0xFF
            is_open = cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
            return is_open and key not in (27, ord("q"))

        try:
            yield write
        finally:
            cv2.destroyWindow(self._title)
