"""A window on the desktop, with sound."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import StreamError
from src.realtime.frame import Layout
from src.realtime.sinks.player import Player
from src.realtime.sinks.speaker import opened_speaker

SILENT = "show it without sound: sink.sound=false"


class WindowSink:
    """Shows pictures when their sound is heard. Escape, `q` or the close button end the stream."""

    def __init__(self, *, title: str, sound: bool, device: int | str | None, latency: float | str) -> None:
        """See the class.

        Args:
            title: of the window.
            sound: false shows pictures alone.
            device: number or part of the name of the sound output; null is the system's own.
            latency: of the sound output: `low`, `high` or seconds.
        """
        self._title, self._sound, self._device, self._latency = title, sound, device, latency

    @contextmanager
    def open(self, layout: Layout) -> Iterator[Player]:
        """See `Sink.open`.

        Raises:
            StreamError: OpenCV was built without windows, there is no display or no sound output.
        """
        with ExitStack() as stack:
            speaker = None
            if self._sound:
                speaker = stack.enter_context(opened_speaker(self._device, self._latency, layout, SILENT))
            stack.enter_context(_window(self._title))
            player = Player(self._show, speaker, layout.fps)
            yield player
            player.finish()

    def _show(self, image: NDArray[np.uint8]) -> bool:
        cv2.imshow(self._title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1) & 0xFF
        is_open = cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        return is_open and key not in (27, ord("q"))


@contextmanager
def _window(title: str) -> Iterator[None]:
    # Qt ends the whole process when it finds no display, so the question comes first.
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise StreamError(
            "no window can be opened: neither DISPLAY nor WAYLAND_DISPLAY is set. Run it on a desktop, or write a "
            "file with realtime/sink=mp4."
        )
    try:
        cv2.namedWindow(title, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)  # "normal" has no row of buttons
    except cv2.error as error:
        raise StreamError(
            f"no window can be opened ({error.err or error}). Install an OpenCV with windows, `pip install "
            "opencv-contrib-python` (not the -headless package), or write a file with realtime/sink=mp4."
        ) from error
    try:
        yield
    finally:
        cv2.destroyWindow(title)
