"""Whether the pictures stay with the sound that is heard: measured, and set right.

Whoever plays the sound tells now and then which second of the timeline is heard. Its clock is not ours: two quartz
clocks part by up to 200 ppm, 0.7 s in an hour. The audio is the master, so the pictures follow it.

Reference: limits of what is noticed, +45 / -125 ms, ITU-R BT.1359.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from src.errors import ConfigError


class Correction(Protocol):
    """A policy: how the pictures follow."""

    @property
    def least_s(self) -> float:
        """What is closer than this is left as it is."""
        ...

    def step_s(self, drift_s: float, elapsed_s: float) -> float:
        """By how much the pictures are moved now, towards `drift_s`.

        Args:
            drift_s: audio less video.
            elapsed_s: since the last look.
        """
        ...


class Slew:
    """Moves the pictures too slowly for anybody to see.

    Args:
        ms_per_s: speed.
    """

    def __init__(self, *, ms_per_s: float) -> None:
        if not ms_per_s > 0:
            raise ConfigError(f"ms_per_s={ms_per_s:g}: a correction that moves nothing. Set it above 0, 5 is unseen.")
        self._speed = ms_per_s / 1000.0
        self.least_s = 0.0

    def step_s(self, drift_s: float, elapsed_s: float) -> float:
        """See `Correction`."""
        return math.copysign(min(abs(drift_s), self._speed * elapsed_s), drift_s)


class DropOrRepeat:
    """Moves the pictures at once by whole frames: the next ones come so much sooner, or the last is seen longer.

    Args:
        fps: frames per second.
    """

    def __init__(self, *, fps: float) -> None:
        self._fps = fps
        self.least_s = 0.5 / fps

    def step_s(self, drift_s: float, elapsed_s: float) -> float:
        """See `Correction`."""
        return round(drift_s * self._fps) / self._fps


@dataclass(frozen=True)
class DriftFigures:
    """What the monitor saw, in milliseconds; audio less video, so above 0 the picture is late.

    Attributes:
        drift_ms: now, smoothed; None before anything was told.
        largest_ms: largest absolute value of it so far.
        corrected_ms: by how much pictures were moved in all, absolute values summed.
        num_corrections: how often the threshold was passed.
        num_jumps: how often sound and pictures were so far apart that the pictures were moved at once.
    """

    drift_ms: float | None
    largest_ms: float
    corrected_ms: float
    num_corrections: int
    num_jumps: int


class DriftMonitor:
    """Audio clock less video clock, smoothed, and the correction when it passes a threshold.

    A correction that was begun goes on until a quarter of the threshold is left. Clocks part slowly; what is far apart
    in two looks running was stopped, as a sound card that ran dry, and the pictures are moved at once.

    Args:
        threshold_ms: beyond this pictures are moved.
        jump_ms: beyond this at once, by all of it.
        smoothing_s: time constant; what is told about playback is rounded to the blocks of a sound card.
        correction: how.
    """

    def __init__(self, *, threshold_ms: float, jump_ms: float, smoothing_s: float, correction: Correction) -> None:
        if not (0 < threshold_ms <= jump_ms and smoothing_s > 0):
            raise ConfigError(
                f"drift: threshold_ms={threshold_ms:g} and smoothing_s={smoothing_s:g} must be above 0 and "
                f"jump_ms={jump_ms:g} no smaller than the threshold. Correct them."
            )
        self._jump_s = jump_ms / 1000.0
        self._was_far = False
        self._num_jumps = 0
        self._threshold_s, self._smoothing_s, self._correction = threshold_ms / 1000.0, smoothing_s, correction
        self._drift_s: float | None = None
        self._last_s = 0.0
        self._correcting = False
        self._largest_s = self._corrected_s = 0.0
        self._num_corrections = 0

    @property
    def figures(self) -> DriftFigures:
        """What was seen so far."""
        drift_ms = None if self._drift_s is None else 1000.0 * self._drift_s
        return DriftFigures(
            drift_ms, 1000.0 * self._largest_s, 1000.0 * self._corrected_s, self._num_corrections, self._num_jumps
        )

    def observe(self, audio_s: float, video_s: float, now_s: float) -> float:
        """Compare both clocks.

        Args:
            audio_s: second of the timeline that is heard.
            video_s: second of the timeline that is seen.
            now_s: any monotonic clock.

        Returns:
            Seconds by which the pictures are to come sooner.
        """
        seen_s, elapsed_s = audio_s - video_s, now_s - self._last_s
        self._last_s = now_s
        is_far, was_far = abs(seen_s) > self._jump_s, self._was_far
        self._was_far = is_far and not was_far
        if is_far and was_far:
            self._num_jumps += 1
            self._drift_s, self._correcting = 0.0, False
            self._largest_s = max(self._largest_s, abs(seen_s))
            self._corrected_s += abs(seen_s)
            return seen_s
        if self._drift_s is None:
            self._drift_s, elapsed_s = seen_s, 0.0
        else:
            self._drift_s += (seen_s - self._drift_s) * -math.expm1(-max(elapsed_s, 0.0) / self._smoothing_s)
        self._largest_s = max(self._largest_s, abs(self._drift_s))
        if not self._correcting and abs(self._drift_s) > self._threshold_s:
            self._correcting = True
            self._num_corrections += 1
        if not self._correcting:
            return 0.0
        step_s = self._correction.step_s(self._drift_s, elapsed_s)
        self._drift_s -= step_s
        self._corrected_s += abs(step_s)
        self._correcting = abs(self._drift_s) > max(self._threshold_s / 4, self._correction.least_s)
        return step_s
