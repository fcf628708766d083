"""Numbers about blinks: how often, how long, how far apart.

People blink 15 to 20 times a minute at rest and more in conversation, for 100 to 400 ms; a face that
never blinks or blinks like a clock is noticed. Put the figures of the true motion beside these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.errors import MotionError
from src.eval.metrics import MINIMUM_FRAMES, Measurement, Metric

SHORTEST_S, LONGEST_S = 0.04, 0.8
"""What counts as a blink, at half closure; longer is a closed eye, shorter a tracker's slip."""

BLINK_RATE = Metric(
    "blink_rate",
    1,
    "Blink rate",
    "per minute",
    "Blinks per minute. A blink takes the eye beyond half shut for 40 to 800 ms.",
    "ours; people at rest: 17 per minute, Bentivoglio et al., Movement Disorders 1997",
)
BLINK_DURATION = Metric(
    "blink_duration",
    1,
    "Blink duration",
    "ms",
    "Mean time for which a blink keeps the eye more than half shut, read between frames by straight lines.",
    "ours",
)
BLINK_INTERVAL = Metric(
    "blink_interval",
    1,
    "Time between blinks",
    "s",
    "Mean time from the middle of one blink to the middle of the next.",
    "ours",
)


@dataclass(frozen=True)
class Blink:
    """The time for which the eye is more than half shut, in seconds of the clip."""

    start_s: float
    end_s: float


def find_blinks(eye_blink: NDArray[np.floating], *, fps: float, half: float = 0.5) -> list[Blink]:
    """Blinks of a clip, those only that begin and end within it.

    Args:
        eye_blink: (T,) closure of the eyes, 0 open and 1 shut.
        fps: frames per second; frame i is at i / fps.
        half: the closure that separates open from shut.

    Returns:
        In order; crossings of `half` are placed between frames by straight lines.
    """
    closure = np.asarray(eye_blink, np.float64)
    if closure.ndim != 1:
        raise MotionError(f"eye closure of shape {closure.shape}, expected (T,). Give one channel.")
    shut = (closure > half).astype(int)
    steps = np.diff(shut)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    if len(shut) and shut[0]:
        ends = ends[1:]
    crossings = [
        [index + (half - closure[index]) / (closure[index + 1] - closure[index]) for index in indices]
        for indices in (starts, ends)
    ]
    blinks = [Blink(start / fps, end / fps) for start, end in zip(*crossings, strict=False)]
    return [blink for blink in blinks if SHORTEST_S - 1e-9 <= blink.end_s - blink.start_s <= LONGEST_S + 1e-9]


def blinking(eye_blink: NDArray[np.floating], *, fps: float) -> tuple[Measurement, Measurement, Measurement]:
    """How often, how long and how far apart the eyes blink.

    Metrics `blink_rate`, `blink_duration` and `blink_interval`, version 1, per minute, milliseconds and
    seconds. Definition: blinks are those of `find_blinks`, 40 to 800 ms at half closure; their number over
    T / fps; the mean of their durations; the mean distance of neighbouring middles. Source: ours.

    Args:
        eye_blink: (T,) closure of the eyes, 0 open and 1 shut.
        fps: frames per second.

    Returns:
        All three. No blink is a rate of 0 and no duration; one blink has no interval. None for fewer than
        `MINIMUM_FRAMES` frames.
    """
    return measure_blinks(find_blinks(eye_blink, fps=fps), num_frames=len(eye_blink), fps=fps)


def measure_blinks(
    blinks: Sequence[Blink], *, num_frames: int, fps: float
) -> tuple[Measurement, Measurement, Measurement]:
    """The figures of `blinking` for blinks that were found before in a clip of `num_frames` frames."""
    if num_frames < MINIMUM_FRAMES:
        reason = f"{num_frames} frames, {MINIMUM_FRAMES} are needed"
        return (
            Measurement(BLINK_RATE, None, reason),
            Measurement(BLINK_DURATION, None, reason),
            Measurement(BLINK_INTERVAL, None, reason),
        )
    rate = Measurement(BLINK_RATE, 60.0 * len(blinks) * fps / num_frames)
    duration = Measurement(BLINK_DURATION, None, "no blinks")
    if blinks:
        duration = Measurement(BLINK_DURATION, float(1000.0 * np.mean([one.end_s - one.start_s for one in blinks])))
    interval = Measurement(BLINK_INTERVAL, None, f"{len(blinks)} blinks, 2 are needed")
    if len(blinks) >= 2:
        middles = [(one.start_s + one.end_s) / 2.0 for one in blinks]
        interval = Measurement(BLINK_INTERVAL, float(np.diff(middles).mean()))
    return rate, duration, interval
