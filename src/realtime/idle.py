"""What a face does by itself: blinks, and a head that is never quite still.

All of it is a pure function of the stream's time and a seed, so that a replay shows the same frames
and a dropped frame changes nothing after it.
"""

import math
from bisect import bisect_right
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError
from src.motion import CORE7

CLOSING_SHARE, HELD_SHARE, OPENING_SHARE = 0.3, 0.4, 0.3
"""Shares of a blink's duration."""

NUM_WAVES = 4
"""Sines per head angle: with their random frequencies, enough to repeat in no session."""


class Idle(Protocol):
    """Something that adds life to predicted motion."""

    def apply(self, values: NDArray[np.float32], time_s: float) -> NDArray[np.float32]:
        """Motion values (F,) with this layer added, inside the ranges of the vocabulary."""
        ...


class BlinkController:
    """Blinks at random intervals: closing 30 %, shut 40 %, opening 30 % of `duration_s`.

    Args:
        interval_min_s, interval_max_s: bounds of the even distribution of the time from the start of
            one blink to the start of the next; the first comes one interval after the stream starts.
        duration_s: from the first movement of the lids to the last, at most `interval_min_s`.
        seed: 0 is a seed.
    """

    def __init__(self, *, interval_min_s: float, interval_max_s: float, duration_s: float, seed: int) -> None:
        if not 0 < duration_s <= interval_min_s <= interval_max_s:
            raise ConfigError(
                f"blinks of {duration_s} s every {interval_min_s} to {interval_max_s} s don't fit: they need "
                "0 < duration_s <= interval_min_s <= interval_max_s. Correct the idle configuration."
            )
        self._interval_s = (interval_min_s, interval_max_s)
        self._duration_s = duration_s
        self._random = np.random.default_rng(seed)
        # The only memory: starts drawn so far, in order (about a thousand an hour). The answer for a
        # time depends on the seed alone, not on which times were asked for before.
        self._starts_s = [self._random.uniform(*self._interval_s)]

    def closure(self, time_s: float) -> float:
        """How far the lids are closed at a stream time, 0 open .. 1 shut."""
        while self._starts_s[-1] <= time_s:
            self._starts_s.append(self._starts_s[-1] + self._random.uniform(*self._interval_s))
        index = bisect_right(self._starts_s, time_s) - 1
        if index < 0:
            return 0.0
        phase = (time_s - self._starts_s[index]) / self._duration_s
        if phase < CLOSING_SHARE:
            return _ease(phase / CLOSING_SHARE)
        if phase <= CLOSING_SHARE + HELD_SHARE:
            return 1.0
        return _ease(max(1.0 - phase, 0.0) / OPENING_SHARE)


class IdleHead:
    """Slow, small head movement: a sum of sines of random phase and frequency for each angle.

    Args:
        yaw_deg, pitch_deg, roll_deg: largest deflection of each angle; 0 leaves the angle alone.
        slowest_hz, fastest_hz: bounds of the random frequencies.
        seed: 0 is a seed.
    """

    def __init__(
        self, *, yaw_deg: float, pitch_deg: float, roll_deg: float, slowest_hz: float, fastest_hz: float, seed: int
    ) -> None:
        if not 0 < slowest_hz < fastest_hz:
            raise ConfigError(
                f"idle head frequencies {slowest_hz} to {fastest_hz} Hz need 0 < slowest_hz < fastest_hz. "
                "Correct the idle configuration."
            )
        random = np.random.default_rng(seed)
        self._frequency_hz = random.uniform(slowest_hz, fastest_hz, (3, NUM_WAVES))
        self._phase = random.uniform(0.0, 2.0 * math.pi, (3, NUM_WAVES))
        self._limit_deg = np.array([yaw_deg, pitch_deg, roll_deg])

    def angles_deg(self, time_s: float) -> NDArray[np.float64]:
        """(3,) yaw, pitch and roll in degrees at a stream time, each within its limit."""
        waves = np.sin(2.0 * math.pi * self._frequency_hz * time_s + self._phase)
        deflection: NDArray[np.float64] = self._limit_deg * waves.mean(axis=1)
        return deflection


class IdleFace:
    """Joins blinks and head movement with `core7` motion.

    Lids follow whoever closes them more, the model or the controller; head angles add up.
    """

    def __init__(self, *, blink: BlinkController, head: IdleHead) -> None:
        self._blink, self._head = blink, head
        self._lids = CORE7.index("eye_blink")
        self._angles = [CORE7.index(f"head_{angle}") for angle in ("yaw", "pitch", "roll")]
        self._minimum, self._maximum = CORE7.minimum, CORE7.maximum

    def apply(self, values: NDArray[np.float32], time_s: float) -> NDArray[np.float32]:
        """(F,) motion with the idle layer added and clamped to the ranges of `core7`; a new array."""
        alive = values.copy()
        alive[self._lids] = max(alive[self._lids], self._blink.closure(time_s))
        alive[self._angles] += self._head.angles_deg(time_s).astype(np.float32)
        return np.clip(alive, self._minimum, self._maximum)


class NoIdle:
    """Shows the prediction alone, for measurements that idle movement would disturb."""

    def apply(self, values: NDArray[np.float32], time_s: float) -> NDArray[np.float32]:
        """The values, inside the ranges of `core7`."""
        return np.clip(values, CORE7.minimum, CORE7.maximum)


def _ease(share: float) -> float:
    """0 to 1 with a gentle start and end: half a cosine."""
    return 0.5 - 0.5 * math.cos(math.pi * share)
