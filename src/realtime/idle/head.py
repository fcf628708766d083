"""The small movement of a head that nobody asked to move: drift, changes of posture, beats on stressed syllables.

Heads of speakers move nearly all the time and calm down when they listen (Hadar et al., Head movement correlates of
juncture and stress at sentence level, Language and Speech 26, 1983); their movement follows loudness and pitch so
closely that listeners understand more words when they see it (Munhall et al., Visual prosody and speech
intelligibility, Psychological Science 15, 2004). Drift here is a sum of random walks that return, one per octave of
time constants, which makes a spectrum like 1/f; beats are answers to rises of loudness, of random size and direction.
"""

import math

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError
from src.realtime.idle.speech import SpeechNow

TIME_CONSTANTS_S = np.array([0.6, 1.2, 2.4, 4.8, 9.6, 19.2])
"""Of the drift's parts. Evenly spaced by octaves and equally strong, they add up to 1/f between 1/120 and 1/4 Hz."""
SMOOTHING_S = 0.22
"""Of each of two filters in a row that give the drift its inertia: a neck does not jump."""
BEAT_S = 0.2
"""Time from the start of a beat to its furthest point."""
QUIET_SHARE = 0.6
"""Drift of a silent head over that of a speaking one."""
LARGE_MOVE = 0.45
"""A change of posture by this share of the limits is a large move, which often comes with a blink."""


class Head:
    """Head angles of one stream, frame by frame.

    Args:
        yaw_deg, pitch_deg, roll_deg: bounds of each angle, which it comes close to a few times a minute.
        beat_deg: nod of a strong stress.
        posture_s: median time between changes of posture.
        fps: frames per second.
        seed: 0 is a seed.
    """

    def __init__(
        self,
        *,
        yaw_deg: float,
        pitch_deg: float,
        roll_deg: float,
        beat_deg: float,
        posture_s: float,
        fps: float,
        seed: int,
    ) -> None:
        if min(yaw_deg, pitch_deg, roll_deg, beat_deg) < 0 or posture_s <= 0:
            raise ConfigError(
                "the bounds of idle head movement must not be negative and posture_s must be above 0. Correct the "
                "idle configuration."
            )
        self._limit_deg = np.array([yaw_deg, pitch_deg, roll_deg])
        self._beat_deg, self._posture_s, self._dt = beat_deg, posture_s, 1.0 / fps
        self._random = np.random.default_rng(seed)
        self._keep = np.exp(-self._dt / TIME_CONSTANTS_S)[:, None]
        self._parts = self._random.normal(size=(len(TIME_CONSTANTS_S), 3))
        self._posture = np.zeros(3)
        self._until_s = self._interval()
        self._smooth = np.zeros((2, 3))
        self._beat, self._beat_speed = np.zeros(3), np.zeros(3)
        self._liveliness = QUIET_SHARE
        self.moved = False

    def angles_deg(self, speech: SpeechNow) -> NDArray[np.float64]:
        """(3,) yaw, pitch and roll of the next frame, each within its bound; `moved` tells of a large move begun."""
        draws = self._random.normal(size=(len(TIME_CONSTANTS_S) + 2, 3))  # as many in every frame
        self._parts = self._keep * self._parts + np.sqrt(1 - self._keep**2) * draws[:-2]
        drift = self._parts.sum(axis=0) / math.sqrt(len(TIME_CONSTANTS_S))
        target = 1.0 if speech.speaking else QUIET_SHARE
        self._liveliness += (target - self._liveliness) * min(self._dt / 0.5, 1.0)
        self._until_s -= self._dt * (3.0 if speech.begins else 1.0)
        self.moved = self._until_s <= 0
        if self.moved:
            new = 0.7 * np.clip(draws[-1], -2, 2) * np.array([1.0, 0.5, 0.7])
            self.moved = bool(np.abs(new - self._posture).max() > LARGE_MOVE)
            self._posture, self._until_s = new, self._interval()
        aim = 0.55 * self._liveliness * drift + 0.6 * self._posture
        share = 1 - math.exp(-self._dt / SMOOTHING_S)
        self._smooth[0] += share * (aim - self._smooth[0])
        self._smooth[1] += share * (self._smooth[0] - self._smooth[1])
        beat = self._beaten(speech.stress, draws[-2])
        return self._limit_deg * np.tanh(self._smooth[1] + beat)

    def _interval(self) -> float:
        return self._posture_s * math.exp(0.6 * float(self._random.normal()))

    def _beaten(self, stress: float, draw: NDArray[np.float64]) -> NDArray[np.float64]:
        """(3,) of a critically damped spring that each stress pushes, mostly down; in shares of the limits."""
        if stress > 0:
            size = min(stress * math.exp(0.4 * draw[1]), 1.0)
            # Pitch is positive upwards; some beats go up, and most have a little turn in them.
            direction = np.array([0.35 * math.tanh(draw[0]), 1.0 if draw[2] > 0.9 else -1.0, 0.25 * math.tanh(draw[2])])
            bound = np.maximum(self._limit_deg, 1e-9)
            # The furthest point of the spring's answer to a push v is v T / e.
            self._beat_speed += direction * np.minimum(self._beat_deg / bound, 1.0) * size * math.e / BEAT_S
        omega = 1.0 / BEAT_S
        # Exact step of x'' = -2 w x' - w^2 x, stable at any frame rate.
        decay, mixed = math.exp(-omega * self._dt), self._beat_speed + omega * self._beat
        self._beat, self._beat_speed = (
            decay * (self._beat + mixed * self._dt),
            decay * (self._beat_speed - omega * mixed * self._dt),
        )
        return self._beat
