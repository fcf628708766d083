"""Motion frames by presentation time, in a buffer of fixed size.

The model writes at one end as audio arrives, the frame scheduler reads by time at the other. When a
time is asked for that the model has not reached, the last frame is held and the hold is counted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.errors import StreamError
from src.motion import MotionSpec


@dataclass(frozen=True)
class MotionSample:
    """Motion at one time: (F,) values, and whether the model had not come so far yet."""

    values: NDArray[np.float32]
    held: bool


class MotionTimeline:
    """A ring of the newest frames on the grid i / fps, i counted from the start of the stream.

    Full: the oldest frame is overwritten, whether it was read or not. Before any frame has arrived,
    and for times before the oldest kept frame, the answer is the nearest thing there is: the neutral
    face, or that oldest frame.
    """

    def __init__(self, *, spec: MotionSpec, fps: float, capacity: int) -> None:
        if capacity < 2:
            raise StreamError(f"a motion timeline of {capacity} frames can't interpolate. Give it at least 2.")
        self._fps = fps
        self._neutral = spec.neutral
        self._ring = np.zeros((capacity, spec.size), np.float32)
        self._num_frames = 0
        self.num_held = 0

    @property
    def num_frames(self) -> int:
        """Frames received since the start: frame `num_frames - 1` is the newest."""
        return self._num_frames

    def push(self, frames: NDArray[np.float32]) -> None:
        """Append (t, F) frames that follow those already there; copied."""
        kept = frames[-len(self._ring) :]
        first = self._num_frames + len(frames) - len(kept)
        self._ring[(first + np.arange(len(kept))) % len(self._ring)] = kept
        self._num_frames += len(frames)

    def sample(self, time_s: float) -> MotionSample:
        """Motion at a presentation time, interpolated linearly between frames.

        A time after the newest frame holds that frame (and counts in `num_held`).
        """
        if self._num_frames == 0:
            self.num_held += 1
            return MotionSample(self._neutral.copy(), held=True)
        newest = self._num_frames - 1
        oldest = max(self._num_frames - len(self._ring), 0)
        position = time_s * self._fps
        held = position > newest + 1e-6  # times are i / fps in float64: far closer to i than this
        self.num_held += held
        position = min(max(position, oldest), newest)
        before = min(int(position + 1e-6), newest)
        after = min(before + 1, newest)
        weight = np.float32(max(position - before, 0.0))
        values = self._frame(before) * (1 - weight) + self._frame(after) * weight
        return MotionSample(values, held)

    def _frame(self, index: int) -> NDArray[np.float32]:
        return self._ring[index % len(self._ring)]
