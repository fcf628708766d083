"""Breathing: slow, uneven, in time with the pauses of speech.

Resting adults breathe 12 to 18 times a minute, and neither length nor depth of two breaths are alike (Tobin et al.,
Variability of resting respiratory drive and timing, J. Appl. Physiol. 65, 1988). Who speaks draws breath quickly in a
pause and lets it out over the sentence (Conrad, Schoenle, Speech and respiration, Arch. Psychiatr. Nervenkr. 226,
1979).
"""

import numpy as np

from src.errors import ConfigError
from src.realtime.idle.easing import ease
from src.realtime.idle.speech import SpeechNow

INHALING_SHARE = 0.4
"""Of a breath at rest."""
QUICK_INHALE_S = 0.5
"""Drawing breath in a pause of speech."""
SPREAD = 0.18
"""Standard deviation of the logarithm of a breath's length and depth."""


class Breathing:
    """Rise of the chest in one stream, frame by frame.

    Args:
        period_s: median length of a breath at rest.
        fps: frames per second.
        seed: 0 is a seed.
    """

    def __init__(self, *, period_s: float, fps: float, seed: int) -> None:
        if not 2.0 <= period_s <= 10.0:
            raise ConfigError(
                f"a breath of period_s={period_s} is not one of people, 2 to 10 s. Correct the idle configuration."
            )
        self._period_s, self._dt = period_s, 1.0 / fps
        self._random = np.random.default_rng(seed)
        self._level = self._from = self._elapsed_s = self._inhale_s = self._exhale_s = 0.0
        self._depth = 1.0
        self._begin()
        self._elapsed_s = float(self._random.uniform(0.0, self._inhale_s))

    def level(self, speech: SpeechNow) -> float:
        """How full the chest is in the next frame: 0 is breathed out, 1 an ordinary breath."""
        self._elapsed_s += self._dt
        out_for = self._elapsed_s - self._inhale_s
        if (speech.pause_begins and out_for > 0.8) or out_for > self._exhale_s * (1.6 if speech.speaking else 1.0):
            self._begin()
            if speech.pause_begins:
                self._inhale_s = QUICK_INHALE_S
            out_for = -self._inhale_s
        if out_for <= 0:
            self._level = self._from + (self._depth - self._from) * ease(self._elapsed_s / self._inhale_s)
        else:
            self._level = self._depth * ease(1.0 - out_for / self._exhale_s)
        return self._level

    def _begin(self) -> None:
        length, depth = np.exp(SPREAD * self._random.normal(size=2))
        self._from, self._depth = self._level, float(min(depth, 1.5))
        self._elapsed_s = 0.0
        self._inhale_s = INHALING_SHARE * self._period_s * float(length)
        self._exhale_s = (1 - INHALING_SHARE) * self._period_s * float(length)
