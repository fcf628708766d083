"""Presenting frames to a person: pictures on a screen when their sound is heard.

With a loudspeaker its clock leads and the pictures follow it, so both stay together whatever the sound card does;
without one, the deadlines of the frames lead.
"""

import logging
import math
import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from src.errors import StreamError
from src.realtime.frame import Frame
from src.realtime.sinks.picture_queue import PictureQueue
from src.realtime.sinks.speaker import Speaker

logger = logging.getLogger(__name__)

CAPACITY_FRAMES = 25
OTHER_CLOCK_S = 60.0
"""A deadline this far from now is on another clock than the screen's."""

ShowImage = Callable[[NDArray[np.uint8]], bool]
"""Show an (H, W, 3) RGB picture now; False when the viewer left."""


class Player:
    """An open sink with a screen, and a loudspeaker or none; an `Output`.

    `show` waits until the picture is due, so it belongs on the thread of the screen. As many pictures stay behind as
    come before the loudspeaker gets to them, for sound must be handed over earlier than it is seen.

    Args:
        show_image: the screen.
        speaker: plays the sound; None for pictures alone.
        fps: frames per second.
        clock: of the deadlines, in seconds.
        sleep: waits so many of them.
    """

    def __init__(
        self,
        show_image: ShowImage,
        speaker: Speaker | None,
        fps: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._show_image, self._speaker, self._clock, self._sleep = show_image, speaker, clock, sleep
        self._pictures = PictureQueue(capacity=CAPACITY_FRAMES)
        self._num_behind = 0 if speaker is None else math.ceil(speaker.delay_s * fps)
        self._lock = threading.Lock()  # `flush` may come from another thread
        self._turn = 0
        self._left = False

    def show(self, frame: Frame) -> bool:
        """Take a frame, and present what is due; False when the viewer left.

        Raises:
            StreamError: the loudspeaker is gone, or the frames belong to another clock.
        """
        if abs(frame.deadline_s - self._clock()) > OTHER_CLOCK_S:
            raise StreamError(
                "frames of a computed clock can't be presented to a person: they come as fast as the machine computes. "
                "Take clock=wall, or write a file with realtime/sink=mp4."
            )
        if frame.turn != self._turn:
            self.flush()
            self._turn = frame.turn
        with self._lock:
            self._pictures.push(frame)
        if self._speaker is not None:
            self._speaker.play(frame)
        return self._present(self._num_behind)

    def flush(self) -> None:
        """Forget what was not presented yet."""
        with self._lock:
            self._pictures.flush()
        if self._speaker is not None:
            self._speaker.flush()

    def played_s(self) -> float | None:
        """Of the loudspeaker, `Speaker.played_s`; None without one."""
        return None if self._speaker is None else self._speaker.played_s()

    def finish(self) -> None:
        """Present the rest, and wait until it was heard. Says what went wrong on the way."""
        rest_s = 0.0 if self._speaker is None else self._speaker.end()
        if not self._left:
            end_s = self._clock() + rest_s
            self._present(0)
            self._sleep(max(end_s - self._clock(), 0.0))
        counts = {"pictures skipped": self._pictures.num_skipped}
        counts |= {} if self._speaker is None else self._speaker.counts
        if any(counts.values()):
            logger.info("presented with: %s", ", ".join(f"{count} {name}" for name, count in counts.items() if count))

    def _present(self, num_behind: int) -> bool:
        """Show pictures until at most so many are left that are not due."""
        while not self._left:
            with self._lock:
                num_waiting, frame = len(self._pictures), self._pictures.take_due(self._clock(), self._due_s)
                head = self._pictures.next()
            if frame is not None:
                self._left = not self._show_image(frame.image)
            elif head is None or num_waiting <= num_behind:
                break
            else:
                self._sleep(max(self._due_s(head) - self._clock(), 0.0))
        return not self._left

    def _due_s(self, frame: Frame) -> float:
        if self._speaker is None:
            return frame.deadline_s
        heard_s = self._speaker.heard_s(frame.time_s)
        return frame.deadline_s + self._speaker.delay_s if heard_s is None else heard_s
