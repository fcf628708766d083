"""Blinks as people make them: skewed intervals, doubles, quick down and slow up, more of them where speech pauses.

Figures that the numbers here stand on:

* 17 blinks a minute at rest and 26 in conversation: Bentivoglio et al., Analysis of blink rate patterns in normal
  subjects, Movement Disorders 12, 1997. Intervals are skewed to the right, many short ones and a few long.
* 100 to 400 ms from the first movement to the last: Stern, Walrath, Goldstein, The endogenous eyeblink,
  Psychophysiology 21, 1984; mean about 200 ms in alert people: Caffier, Erdmann, Ullsperger, Eur. J. Appl. Physiol.
  89, 2003.
* Closing is about twice as fast as opening: Evinger, Manning, Sibony, Eyelid movements, Invest. Ophthalmol. Vis. Sci.
  32, 1991; what that does for animated faces: Trutoiu et al., Modeling and animating eye blinks, ACM TAP 8, 2011.
* Blinks gather where speech pauses: Nakano, Kitazawa, Eyeblink entrainment at breakpoints of speech, Exp. Brain Res.
  205, 2010; and with large turns of gaze and head: Evinger et al., Not looking while leaping, Exp. Brain Res. 100,
  1994.

Our 18 real clips of 6 s and more (3.9 minutes of broadcasts and interviews, read by MediaPipe with
`src.eval.blink_metrics.find_blinks` at 0.4) give 41 blinks a minute, half shut for 144 ms (76 to 219), the logarithm of
intervals spread by 0.8. That is twice the published rate and was not checked by eye for flicker of the tracker, so the
literature's figures are used; asymmetry was 1.3 in peak speed, at 25 frames per second.
"""

import math
from collections import deque

import numpy as np

from src.errors import ConfigError
from src.realtime.idle.easing import ease
from src.realtime.idle.speech import SpeechNow

CLOSING_SHARE, HELD_SHARE = 0.3, 0.1
"""Shares of a blink's duration; opening takes the rest, twice the time of closing."""
SHORTEST_S, LONGEST_S = 0.12, 0.4
"""Bounds of a blink's duration: three frames, and the longest that is still called a blink."""
DURATION_SPREAD = 0.25
"""Standard deviation of the logarithm of a duration."""
REST_S = 0.45
"""Least time from the start of one blink to the start of the next, doubles excepted."""


class Blinks:
    """Blinks of one stream, frame by frame.

    Args:
        rate_per_min: of a silent face.
        speaking_factor: rate in speech over that, before the blinks of pauses.
        interval_spread: standard deviation of the logarithm of an interval.
        duration_s: median time from the first movement of the lids to the last.
        pause_chance, move_chance: probability that the beginning of a pause, or a large move of head or gaze, brings
            a blink.
        double_chance: probability that a second blink follows at once.
        fps: frames per second.
        seed: 0 is a seed.
    """

    def __init__(
        self,
        *,
        rate_per_min: float,
        speaking_factor: float,
        interval_spread: float,
        duration_s: float,
        pause_chance: float,
        move_chance: float,
        double_chance: float,
        fps: float,
        seed: int,
    ) -> None:
        if not 0 < rate_per_min <= 60 or not SHORTEST_S <= duration_s <= LONGEST_S or interval_spread <= 0:
            raise ConfigError(
                f"blinks of {duration_s} s, {rate_per_min} a minute, spread {interval_spread} are not those of people: "
                f"rate_per_min must be above 0 and at most 60, duration_s {SHORTEST_S} to {LONGEST_S}, interval_spread "
                "above 0. Correct the idle configuration."
            )
        self._speaking_factor, self._spread, self._duration_s = speaking_factor, interval_spread, duration_s
        self._pause_chance, self._move_chance, self._double_chance = pause_chance, move_chance, double_chance
        self._dt = 1.0 / fps
        # The mean of a log-normal lies above its median by this factor.
        self._median_s = 60.0 / rate_per_min / math.exp(interval_spread**2 / 2)
        self._random = np.random.default_rng(seed)
        self._wait_s = self._interval()
        self._since_s = math.inf
        self._coming: deque[float] = deque()

    def closure(self, speech: SpeechNow, moved: bool) -> float:
        """How far the lids are closed in the next frame, 0 open .. 1 shut.

        Args:
            speech: what the frame sounds like.
            moved: head or gaze begin a large move in it.
        """
        chance = self._random.random()  # one draw in every frame: what came before shifts no later draw
        self._wait_s -= self._dt * (self._speaking_factor if speech.speaking else 1.0)
        self._since_s += self._dt
        asked = (speech.pause_begins and chance < self._pause_chance) or (moved and chance < self._move_chance)
        if not self._coming and self._since_s > REST_S and (self._wait_s <= 0 or asked):
            self._begin()
        return self._coming.popleft() if self._coming else 0.0

    def _interval(self) -> float:
        return max(float(self._median_s * math.exp(self._spread * self._random.normal())), REST_S)

    def _begin(self) -> None:
        self._since_s, self._wait_s = 0.0, self._interval()
        self._coming.extend(self._curve(1.0))
        if self._random.random() < self._double_chance:
            gap = round(self._random.uniform(0.08, 0.25) / self._dt)
            self._coming.extend([0.0] * gap)
            self._coming.extend(self._curve(self._random.uniform(0.75, 1.0)))

    def _curve(self, depth: float) -> list[float]:
        """Closure in each frame of one blink. The lids meet on a frame: between frames nobody would see it."""
        drawn = self._duration_s * math.exp(DURATION_SPREAD * self._random.normal())
        duration = min(max(drawn, SHORTEST_S), LONGEST_S)
        down, held = CLOSING_SHARE * duration, HELD_SHARE * duration
        before = math.ceil(down / self._dt) - 1
        after = math.ceil((duration - down) / self._dt) - 1
        times = self._dt * np.arange(-before, after + 1)
        return [
            depth * (ease(1 + t / down) if t < 0 else ease(1 - max(t - held, 0.0) / (duration - down - held)))
            for t in times.tolist()
        ]
