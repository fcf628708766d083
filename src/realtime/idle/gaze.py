"""Where the eyes look: at the viewer, with small jumps around, and away now and then.

Eyes stand still for some tenths of a second to seconds and then jump; who begins to speak often looks away, and who
listens looks at the other longer (Lee, Badler, Badler, Eyes alive, SIGGRAPH 2002). A jump of A degrees takes
2.2 ms per degree and 21 ms more (Bahill, Clark, Stark, The main sequence, Math. Biosci. 24, 1975): at 25 frames per
second, one frame. While the head drifts, the eyes turn against it and stay where they looked (vestibulo-ocular reflex).
"""

import math

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError
from src.realtime.idle.speech import SpeechNow

AVERSION_CHANCE = 0.35
"""That the eyes look away when speech begins."""
LARGE_DEG = 5.0
"""A jump of this size often comes with a blink."""


class Gaze:
    """Direction of both eyes in one stream, frame by frame.

    Args:
        small_deg: standard deviation of the jumps around the viewer's eyes.
        away_deg: typical size of a look away.
        fixation_s: median time between jumps.
        fps: frames per second.
        seed: 0 is a seed.
    """

    def __init__(self, *, small_deg: float, away_deg: float, fixation_s: float, fps: float, seed: int) -> None:
        if min(small_deg, away_deg) < 0 or fixation_s <= 0:
            raise ConfigError(
                "small_deg and away_deg of the gaze must not be negative and fixation_s must be above 0. Correct the "
                "idle configuration."
            )
        self._small_deg, self._away_deg, self._fixation_s, self._dt = small_deg, away_deg, fixation_s, 1.0 / fps
        self._random = np.random.default_rng(seed)
        self._aim = np.zeros(2)
        self._left_s = fixation_s
        self.moved = False

    def direction_deg(self, speech: SpeechNow) -> NDArray[np.float64]:
        """(2,) yaw and pitch in the next frame, signs as of the head; `moved` tells of a large jump."""
        draws = self._random.normal(size=3)  # as many in every frame
        chance = self._random.random()
        self._left_s -= self._dt
        away = speech.begins and chance < AVERSION_CHANCE
        before = self._aim
        if away or self._left_s <= 0:
            if away:
                size = self._away_deg * math.exp(0.3 * draws[2])
                # Sideways rather than up or down, and up rather than down.
                self._aim = size * np.array([math.copysign(0.9, draws[0]), 0.35 + 0.3 * math.tanh(draws[1])])
                self._left_s = 0.6 * math.exp(0.4 * draws[1])
            else:
                self._aim = self._small_deg * np.clip(draws[:2], -2.5, 2.5) * (1.0, 0.6)
                self._left_s = self._fixation_s * math.exp(0.6 * draws[2])
        self.moved = bool(np.abs(self._aim - before).max() > LARGE_DEG)
        return self._aim
