"""Whether picture and sound go on together: the A/V offset over time, and how fast it changes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from src.eval.estimates import CONFIDENCE
from src.eval.lip_sync import MAX_LAG_MS, common_mouths
from src.eval.metrics import Measurement, Metric, lag_ms
from src.motion import Motion

WINDOW_S = 2.0
"""Long enough for a lag to be found in most windows of speech, short enough for several in a short recording."""

LONG_S = 600.0
"""Of all recordings together: what is said about an hour from less is called extrapolated."""

DRIFT = Metric(
    "av_drift",
    1,
    "A/V drift",
    "ms per hour",
    f"Slope of the A/V offset over the time of the video: least squares over windows of {WINDOW_S:g} s, one slope for "
    "all recordings, each with a level of its own. Positive: the picture falls behind. Of short recordings look at the "
    "interval, not at the value.",
    "ours; one line through what av_offset says of each window",
)


@dataclass(frozen=True)
class Window:
    """The A/V offset in the window around a time of the video, in seconds."""

    time_s: float
    offset_ms: float


@dataclass(frozen=True)
class Drift:
    """A slope and how sure it is.

    Attributes:
        measurement: metric `av_drift`.
        low, high: ends of the 95 % t interval; None where there is no value.
        windows: that had an offset.
        span_s: time from the first to the last of them, the sum over recordings.
    """

    measurement: Measurement
    low: float | None
    high: float | None
    windows: int
    span_s: float

    @property
    def is_extrapolated(self) -> bool:
        """Whether the hour is mostly imagined."""
        return self.span_s < LONG_S


def offsets_over_time(shown: Motion, predicted: Motion, window_s: float = WINDOW_S) -> list[Window]:
    """The A/V offset in each window of a video; windows without a clear one are left out.

    Args:
        shown: what the pictures show.
        predicted: the model's motion of the sound track of the same file.
        window_s: length of the windows, which lie side by side.
    """
    first, second, _ = common_mouths(shown, predicted)
    size = round(window_s * predicted.fps)
    begin_s = max(shown.start_s, predicted.start_s)
    found = []
    for start in range(0, len(first) - size + 1, size):
        piece = slice(start, start + size)
        lag = lag_ms(first[piece], second[piece], fps=predicted.fps, max_lag_ms=MAX_LAG_MS).value
        if lag is not None:
            found.append(Window(begin_s + (start + size / 2) / predicted.fps, lag))
    return found


def drift_per_hour(recordings: Sequence[Sequence[Window]]) -> Drift:
    """How fast the A/V offset changes.

    Metric `av_drift`, version 1, milliseconds per hour, positive when the picture falls behind. Definition: as in
    `DRIFT`. Source: ours.

    Args:
        recordings: windows of each; those with fewer than two say nothing.

    Returns:
        The slope; None for fewer than three windows above one per recording.
    """
    used = [windows for windows in recordings if len(windows) > 1]
    count = sum(map(len, used))
    span_s = sum(windows[-1].time_s - windows[0].time_s for windows in used)
    freedom = count - len(used) - 1
    if freedom < 1:
        reason = f"{count} windows with an offset in {len(used)} recordings, {len(used) + 2} are needed at least"
        return Drift(Measurement(DRIFT, None, reason), None, None, count, span_s)
    # Each recording less its own mean: the level of an offset is not its drift.
    times = np.concatenate([_centred([window.time_s for window in windows]) for windows in used])
    offsets = np.concatenate([_centred([window.offset_ms for window in windows]) for windows in used])
    slope = float(times @ offsets / (times @ times))
    residuals = offsets - slope * times
    error = math.sqrt(float(residuals @ residuals) / freedom / float(times @ times))
    reach = 3600.0 * error * float(student.ppf(0.5 + CONFIDENCE / 2, freedom))
    hourly = 3600.0 * slope
    return Drift(Measurement(DRIFT, hourly), hourly - reach, hourly + reach, count, span_s)


def _centred(values: Sequence[float]) -> np.ndarray:
    array = np.array(values, np.float64)
    return array - array.mean()
