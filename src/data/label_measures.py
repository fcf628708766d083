"""What can be said about the labels of one clip, and about the values of a channel over all of them.

Pure functions of arrays. What a clip can't tell is NaN; callers say why.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.face import (
    FACE_SIZE_POINTS,
    LEFT_EAR_POINTS,
    LEFT_MOUTH_CORNER,
    LOWER_INNER_LIP,
    NOSE_TIP,
    RIGHT_EAR_POINTS,
    RIGHT_MOUTH_CORNER,
    UPPER_INNER_LIP,
)
from src.motion import CORE7, MotionSpec

STILL_FRAMES = 10
"""Length of the windows that noise is measured in: 0.4 s."""

STILL_HEAD_DEGREES, STILL_MOUTH = 1.5, 0.02
"""A window is still when no head angle moves more than this, and neither lip gap nor mouth width more than this (of
face size), end to end and averaged over 3 frames. Syllables open the mouth by 0.05 to 0.3."""

BLINK_CLOSED, BLINK_OPEN = 0.5, 0.3
"""A blink rises to the first value after having been below the second."""

BINS = 4096
"""Of a channel's range, in which its values are counted: percentiles are exact to a 4096th of the range."""

MINIMUM_FRAMES = 10
_FLAT = 1e-6
_END = 1e-6


def still_noise(values: NDArray[np.floating], spec: MotionSpec, still: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How much each channel trembles while nothing moves.

    Args:
        values: (T, F) of one clip.
        spec: of the values.
        still: (W,) marks of `still_windows`.

    Returns:
        (F,) the median over still windows of the standard deviation about a parabola, in the channel's unit.
        NaN where no window is still, or where the channel lies at an end of its range through most of each.
    """
    starts = np.flatnonzero(still) * (STILL_FRAMES // 2)
    noise = np.full(spec.size, np.nan)
    if not len(starts):
        return noise
    windows = np.asarray(values, np.float64)[starts[:, None] + np.arange(STILL_FRAMES)]  # (W, 10, F)
    # What a face does slowly is no noise: 0.4 s of it are a parabola.
    slow = np.linalg.qr(np.vander(np.linspace(-1, 1, STILL_FRAMES), 3))[0]
    residual = windows - np.einsum("tk,sk,wsf->wtf", slow, slow, windows)
    spread = np.sqrt((residual**2).sum(axis=1) / (STILL_FRAMES - slow.shape[1]))
    measurable = at_ends(windows, spec).any(axis=0).mean(axis=1) <= 0.5
    for channel in np.flatnonzero(measurable.any(axis=0)):
        noise[channel] = np.median(spread[measurable[:, channel], channel])
    return noise


def still_windows(core: NDArray[np.floating], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which windows of `STILL_FRAMES`, half of that apart, show a face that keeps still.

    Args:
        core: (T, 7) `core7`.
        valid: (T,) a window with a guessed frame is not still.

    Returns:
        (W,) marks; empty for clips shorter than a window.
    """
    if len(core) < STILL_FRAMES:
        return np.zeros(0, bool)
    head = slice(CORE7.index("head_yaw"), CORE7.index("head_roll") + 1)
    width = core[:, CORE7.index("mouth_wide")] - core[:, CORE7.index("mouth_narrow")]
    moved = np.column_stack([core[:, head], core[:, CORE7.index("jaw_open")], width]).astype(np.float64)
    calm = (moved[:-2] + moved[1:-1] + moved[2:]) / 3
    step = STILL_FRAMES // 2
    windows = np.lib.stride_tricks.sliding_window_view(calm, STILL_FRAMES - 2, axis=0)[::step]
    reach = windows.max(axis=2) - windows.min(axis=2)
    seen = np.lib.stride_tricks.sliding_window_view(valid, STILL_FRAMES)[::step].all(axis=1)
    return (reach[:, :3] < STILL_HEAD_DEGREES).all(axis=1) & (reach[:, 3:] < STILL_MOUTH).all(axis=1) & seen


def at_ends(values: NDArray[np.floating], spec: MotionSpec) -> NDArray[np.bool_]:
    """(2, ...) which values lie at the lower and which at the upper end of their channel's range."""
    margin = _END * (spec.maximum - spec.minimum)
    return np.stack([values <= spec.minimum + margin, values >= spec.maximum - margin])


def count_blinks(closure: NDArray[np.floating], valid: NDArray[np.bool_]) -> int:
    """Blinks in (T,) lid closure; guessed frames begin and end none."""
    state = np.where(closure >= BLINK_CLOSED, 1, np.where(closure < BLINK_OPEN, -1, 0)) * valid
    state = state[state != 0]
    return int(np.sum((state[1:] == 1) & (state[:-1] == -1)))


def correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Pearson's r of two curves (T,); NaN for fewer than `MINIMUM_FRAMES` frames or a constant curve."""
    if len(first) < MINIMUM_FRAMES or first.std() < _FLAT or second.std() < _FLAT:
        return float("nan")
    return float(np.corrcoef(first.astype(np.float64), second.astype(np.float64))[0, 1])


def lag_frames(label: NDArray[np.floating], truth: NDArray[np.floating], reach: int) -> float:
    """How many frames later a label moves than the truth, by the peak of their correlation between frames.

    Args:
        label, truth: (T,) on one grid.
        reach: shifts up to this are tried.

    Returns:
        NaN when a curve is constant or too short, when the peak is below 0.3, or lies at the end of what was tried.
    """
    if len(label) < MINIMUM_FRAMES + 2 * reach:
        return float("nan")
    shifts = np.arange(-reach, reach + 1)
    middle = truth[reach : len(truth) - reach]
    scores = np.array([correlation(label[reach + s : len(label) - reach + s], middle) for s in shifts])
    if np.isnan(scores).any() or scores.max() < 0.3 or not 0 < (best := int(scores.argmax())) < 2 * reach:
        return float("nan")
    before, peak, after = scores[best - 1 : best + 2]
    curvature = before - 2 * peak + after
    return float(shifts[best] + (0.5 * (before - after) / curvature if curvature < 0 else 0.0))


def halves_of_the_face(landmarks: NDArray[np.floating]) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """What `core7` measures, on the left and on the right half of the face alone, by the names of its channels.

    All are ratios of distances in space, so a turned head changes none of them.

    Args:
        landmarks: (T, 478, 3) of frames that show the face.

    Returns:
        Left and right (T,) of `jaw_open` (lip gap over face size), `mouth_wide` (mouth corner to tip of the nose
        over face size) and `eye_blink` (height of the eye over its width).
    """

    def distance(first: int, second: int) -> NDArray[np.float64]:
        length = np.linalg.norm(landmarks[:, first] - landmarks[:, second], axis=1)
        return length.astype(np.float64)

    def eye(outer: int, upper_1: int, upper_2: int, inner: int, lower_2: int, lower_1: int) -> NDArray[np.float64]:
        return (distance(upper_1, lower_1) + distance(upper_2, lower_2)) / (2 * distance(outer, inner))

    face_size = distance(*FACE_SIZE_POINTS)
    gaps = np.stack([distance(*pair) for pair in zip(UPPER_INNER_LIP, LOWER_INNER_LIP, strict=True)], axis=1)
    half = len(UPPER_INNER_LIP) // 2  # the lists run from the person's right to the left
    return {
        "jaw_open": (gaps[:, half + 1 :].mean(axis=1) / face_size, gaps[:, :half].mean(axis=1) / face_size),
        "mouth_wide": (
            distance(LEFT_MOUTH_CORNER, NOSE_TIP) / face_size,
            distance(RIGHT_MOUTH_CORNER, NOSE_TIP) / face_size,
        ),
        "eye_blink": (eye(*LEFT_EAR_POINTS), eye(*RIGHT_EAR_POINTS)),
    }


@dataclass(frozen=True, eq=False)
class ValueCounts:
    """How often each channel had which value, over any number of clips in a fixed amount of memory.

    Attributes:
        spec: of the values.
        counts: (F, BINS) over each channel's range.
        at_end: (2, F) frames at the lower and at the upper end.
    """

    spec: MotionSpec
    counts: NDArray[np.int64]
    at_end: NDArray[np.int64]

    @classmethod
    def empty(cls, spec: MotionSpec) -> "ValueCounts":
        """Nothing counted yet."""
        return cls(spec, np.zeros((spec.size, BINS), np.int64), np.zeros((2, spec.size), np.int64))

    def add(self, values: NDArray[np.floating]) -> None:
        """Count (T, F) values."""
        low, high = self.spec.minimum, self.spec.maximum
        bins = np.clip((values - low) / (high - low) * BINS, 0, BINS - 1).astype(np.int64)
        flat = (bins + np.arange(self.spec.size) * BINS).ravel()
        self.counts[:] += np.bincount(flat, minlength=self.counts.size).reshape(self.counts.shape)
        self.at_end[:] += at_ends(values, self.spec).sum(axis=1)

    @property
    def frames(self) -> int:
        """How many frames were counted."""
        return int(self.counts[0].sum())

    def percentiles(self, channel: int, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values below which the given percentages of a channel's frames lie; at least one frame was counted."""
        below = np.concatenate([[0], np.cumsum(self.counts[channel])]) / self.frames
        # Where nothing was counted the share stands still, and inverting it needs rising shares.
        rising = np.concatenate([[True], np.diff(below) > 0])
        rising[:-1] |= rising[1:]
        edges = np.linspace(self.spec.minimum[channel], self.spec.maximum[channel], BINS + 1)
        return np.interp(shares / 100, below[rising], edges[rising])

    def histogram(self, channel: int, num_bars: int) -> tuple[list[float], list[int]]:
        """Edges and counts of even bars that hold all values but one in a thousand at each end."""
        used = np.flatnonzero(self.counts[channel])
        if not len(used):
            return [], []
        low, high = self.percentiles(channel, np.array([0.1, 99.9]))
        minimum, maximum = float(self.spec.minimum[channel]), float(self.spec.maximum[channel])
        place = BINS * (np.array([low, high]) - minimum) / (maximum - minimum)
        first = int(np.clip(np.floor(place[0]), 0, BINS - 1))
        width = max(1, int(np.ceil((np.ceil(place[1]) - first) / num_bars)))
        num_bars = int(np.ceil((np.ceil(place[1]) - first) / width))
        stops = first + width * np.arange(num_bars + 1)  # the last bar may reach beyond the range
        sums = np.concatenate([[0], np.cumsum(self.counts[channel])])[np.minimum(stops, BINS)]
        edges = minimum + (maximum - minimum) * stops / BINS
        return [round(float(edge), 6) for edge in edges], [int(count) for count in np.diff(sums)]
