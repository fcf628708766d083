"""How loud the speech is, frame by frame: all that the idle layer knows of the sound.

Causal: frame i knows the samples before its own time, so that replays agree whatever the chunks were.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

QUIETEST_DB = -70.0
"""Loudness of digital silence."""


def loudness_db(samples: NDArray[np.float32]) -> float:
    """Root mean square of (s,) samples in decibels of full scale, at least `QUIETEST_DB`."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return 10.0 * math.log10(max(power, 10.0 ** (QUIETEST_DB / 10.0)))


@dataclass(frozen=True)
class SpeechNow:
    """What the sound of a frame means for the face.

    Attributes:
        speaking: somebody speaks, short closures of the mouth included.
        pause_begins: speech has just ended, for a breath or for good.
        begins: speech has just begun.
        stress: how far the loudness rises above that of the last second, 0 .. 1, in the frame where the rise is
            steepest; 0 in all others.
    """

    speaking: bool
    pause_begins: bool
    begins: bool
    stress: float


class SpeechTracker:
    """Follows the loudness of one stream.

    Args:
        fps: frames per second.
        range_db: how far below the loudest of the last seconds speech goes.
        quietest_db: below this nobody speaks.
    """

    def __init__(self, *, fps: float, range_db: float, quietest_db: float) -> None:
        self._fps, self._range_db, self._quietest_db = fps, range_db, quietest_db
        self._loudest = self._slow = self._before = quietest_db
        self._speaking = False
        self._frames_quiet = self._frames_loud = 0
        self._since_stress = round(fps)

    def follow(self, level_db: float) -> SpeechNow:
        """The next frame's loudness; once per frame, in order."""
        self._loudest = max(level_db, self._loudest - 3.0 / self._fps, self._quietest_db)
        loud = level_db > max(self._loudest - self._range_db, self._quietest_db)
        self._frames_quiet = 0 if loud else self._frames_quiet + 1
        self._frames_loud = self._frames_loud + 1 if loud else 0
        was = self._speaking
        # Stop consonants are silent for up to 0.15 s; whatever is longer is a pause. Clicks are shorter than 0.08 s.
        if not was and self._frames_loud >= 0.08 * self._fps:
            self._speaking = True
        elif was and self._frames_quiet > 0.15 * self._fps:
            self._speaking = False
        self._slow += (max(level_db, self._quietest_db) - self._slow) * min(1.6 / self._fps, 1.0)
        rise = level_db - max(self._before, self._quietest_db)
        self._before = level_db
        stress = 0.0
        self._since_stress += 1
        if self._speaking and rise > 2.5 and level_db > self._slow + 3.0 and self._since_stress > 0.3 * self._fps:
            stress = min((level_db - self._slow) / 18.0, 1.0)
            self._since_stress = 0
        return SpeechNow(self._speaking, was and not self._speaking, self._speaking and not was, stress)
