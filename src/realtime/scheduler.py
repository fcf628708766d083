"""Which picture belongs to now: ticks of the frame rate, driven by the position of the audio.

Audio is the master clock. The scheduler never looks at a wall clock and never counts its own calls:
it is told how far the sound has come and answers which frame that is. Whoever calls late finds the
frames in between dropped; whoever calls early is told to wait. So pictures can't drift from the sound.
"""

import math
from dataclasses import dataclass
from enum import Enum

_TOLERANCE = 1e-6
"""Frames. A position of exactly i / fps is frame i although float64 may land just below."""


class Action(Enum):
    """What to do at one look at the audio position."""

    WAIT = "wait"
    SHOW = "show"
    REPEAT = "repeat"


@dataclass(frozen=True)
class Decision:
    """The answer to one position: what to do, with which frame, and how many were skipped before it."""

    action: Action
    index: int
    num_dropped: int


class FrameScheduler:
    """Decides show, repeat or wait at each look, and counts what was dropped or repeated.

    Late by a whole frame or more: the frames in between are dropped and the newest due one is shown
    (`num_dropped`). Due but without motion: the last motion is shown again (`num_repeated`).
    """

    def __init__(self, *, fps: float) -> None:
        self._fps = fps
        self._next_index = 0
        self.num_shown = 0
        self.num_dropped = 0
        self.num_repeated = 0

    @property
    def next_index(self) -> int:
        """The first frame that has been neither shown nor dropped."""
        return self._next_index

    @property
    def next_s(self) -> float:
        """Presentation time of `next_index` in seconds of the stream."""
        return self._next_index / self._fps

    def decide(self, position_s: float, num_ready: int) -> Decision:
        """What to do when the sound is at `position_s`.

        Args:
            position_s: seconds of the stream; before 0 while the first audio waits to be played.
            num_ready: motion is known for frames 0 .. num_ready - 1.
        """
        position = position_s * self._fps + _TOLERANCE
        if position < self._next_index:  # minus infinity before the first sound
            return Decision(Action.WAIT, self._next_index, 0)
        due = math.floor(position)
        num_dropped = due - self._next_index
        self._next_index = due + 1
        self.num_dropped += num_dropped
        self.num_shown += 1
        if due < num_ready:
            return Decision(Action.SHOW, due, num_dropped)
        self.num_repeated += 1
        return Decision(Action.REPEAT, due, num_dropped)
