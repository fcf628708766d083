"""Landmarks of pictures, which come at any rate, laid onto the even grid of motion frames.

Everything happens in presentation time and looks as far ahead as back, so nothing is delayed: a video of
24, 29.97 or a variable number of pictures per second gets the landmarks that it shows at each instant, not
those of the nearest picture, which would be up to half a picture early or late.
"""

import numpy as np
from numpy.typing import NDArray

from src.errors import DataError
from src.face import NUM_LANDMARKS
from src.motion import FRAMES_PER_SECOND

SAME_INSTANT_S = 1e-3
"""A picture this close to a wanted instant is taken as it is."""

REGULAR_SPACING_S = 0.06
"""Pictures up to this far apart follow each other; a video of 15 per second has up to `SLOWEST_SPACING_S`."""

SLOWEST_SPACING_S = 0.07

LONGEST_GAP_S = 3 / FRAMES_PER_SECOND
"""What may be missing beyond the spacing of the pictures and still be interpolated: three motion frames."""

HOLD_S = 0.5 / FRAMES_PER_SECOND
"""A picture stands for instants up to this far outside of what the pictures around it cover."""

_CHUNK = 2048  # instants at a time: what is gathered for them stays near 50 MB


def resample_landmarks(
    times_s: NDArray[np.float64], landmarks: NDArray[np.float32], wanted_s: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Landmarks at wanted instants, from those of the pictures in which the face was seen.

    Between pictures that follow each other a cubic through four of them is taken: of a 6 Hz movement seen
    24 times a second it keeps 86 % or more where a straight line keeps 71 %, so closures stay closed.

    Args:
        times_s: (N,) ascending presentation times of the pictures that show the face; N may be 0. Where
            several lie within `SAME_INSTANT_S`, the first counts.
        landmarks: (N, 478, 3) of those pictures.
        wanted_s: (T,) instants on the same clock, in any order.

    Returns:
        landmarks: (T, 478, 3) float32; 0 where `present` is False.
        present: (T,) whether landmarks are given: also where up to `LONGEST_GAP_S` was missing.
        interpolated: (T,) marks the frames that were guessed over such a gap, a part of `present`. They
            are not to be believed, only to be filled with.

    Raises:
        DataError: shapes disagree, or times descend or are not finite.
    """
    times_s, wanted_s = np.asarray(times_s, np.float64), np.asarray(wanted_s, np.float64)
    if times_s.ndim != 1 or wanted_s.ndim != 1 or landmarks.shape != (len(times_s), NUM_LANDMARKS, 3):
        raise DataError(
            f"landmarks have shape {landmarks.shape} with times {times_s.shape} and instants {wanted_s.shape}, "
            f"expected (N, {NUM_LANDMARKS}, 3), (N,) and (T,). Pass one row per picture that shows the face."
        )
    if not np.isfinite(times_s).all() or (np.diff(times_s) < 0).any():
        raise DataError("times of pictures descend or are not finite. Sort them before resampling.")
    result = np.zeros((len(wanted_s), NUM_LANDMARKS, 3), np.float32)
    present, interpolated = np.zeros(len(wanted_s), bool), np.zeros(len(wanted_s), bool)
    if len(times_s) == 0:
        return result, present, interpolated
    # Closer pictures would get weights in the millions, and no video has them but by a rounded clock.
    apart = np.concatenate([[True], np.diff(times_s) > SAME_INSTANT_S])
    times_s, landmarks = times_s[apart], np.asarray(landmarks, np.float32)[apart]
    for start in range(0, len(wanted_s), _CHUNK):
        part = slice(start, start + _CHUNK)
        result[part], present[part], interpolated[part] = _resample(times_s, landmarks, wanted_s[part])
    return result, present, interpolated


def _resample(
    times_s: NDArray[np.float64], landmarks: NDArray[np.float32], wanted_s: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    spacing = np.diff(times_s)
    typical = float(np.median(spacing)) if len(spacing) else 1 / FRAMES_PER_SECOND
    regular = float(np.clip(1.25 * typical, REGULAR_SPACING_S, SLOWEST_SPACING_S))
    longest = LONGEST_GAP_S + min(typical, regular) + SAME_INSTANT_S

    # The pictures around each instant; -1 and N where there is none.
    after = np.searchsorted(times_s, wanted_s)
    before = after - 1
    last = len(times_s) - 1
    left, right = np.clip(before, 0, last), np.clip(after, 0, last)
    nearest = np.where(np.abs(wanted_s - times_s[left]) <= np.abs(times_s[right] - wanted_s), left, right)
    distance = np.abs(wanted_s - times_s[nearest])
    gap = np.where((before >= 0) & (after <= last), times_s[right] - times_s[left], np.inf)

    exact = distance <= SAME_INSTANT_S
    between = ~exact & (gap <= regular)
    guessed = ~exact & (gap > regular) & (gap <= longest)
    held = ~exact & (gap > longest) & (distance <= HOLD_S)
    result = np.zeros((len(wanted_s), NUM_LANDMARKS, 3), np.float32)
    result[exact | held] = landmarks[nearest[exact | held]]
    at, to = left[guessed], right[guessed]
    share = ((wanted_s[guessed] - times_s[at]) / (times_s[to] - times_s[at])).astype(np.float32)[:, None, None]
    result[guessed] = (1 - share) * landmarks[at] + share * landmarks[to]
    weights, rows = _cubic(times_s, left[between], wanted_s[between], regular)
    for weight, row in zip(weights.astype(np.float32), rows, strict=True):
        result[between] += weight[:, None, None] * landmarks[row]
    return result, exact | between | guessed | held, guessed


def _cubic(
    times_s: NDArray[np.float64], left: NDArray[np.int64], wanted_s: NDArray[np.float64], regular: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Weights and rows, (4, n) each, of the pictures around instants that lie between `left` and the next.

    A cubic Hermite spline whose slopes are those of a parabola through three pictures, which makes it
    Catmull-Rom's on an even grid. Beyond a gap or an end there is no picture to take a slope from; there
    it is the chord's.
    """
    last = len(times_s) - 1
    rows = np.clip(np.stack([left - 1, left, left + 1, left + 2]), 0, last)
    width = times_s[rows[2]] - times_s[rows[1]]
    width_before, width_after = times_s[rows[1]] - times_s[rows[0]], times_s[rows[3]] - times_s[rows[2]]
    u = (wanted_s - times_s[rows[1]]) / width
    weights = np.zeros((4, len(left)))
    weights[1], weights[2] = 1 - 3 * u**2 + 2 * u**3, 3 * u**2 - 2 * u**3
    # Shares of the slopes at the pictures before and after, over `width`.
    for share, (start, end), outer_width in (
        (u * (1 - u) ** 2, (0, 1), width_before),
        (-(u**2) * (1 - u), (2, 3), width_after),
    ):
        known = (outer_width > 0) & (outer_width <= regular)
        outer_width = np.where(known, outer_width, 1.0)
        bent = np.where(known, width / (width + outer_width), 0.0)
        chord, outer = share * (1 - bent), share * bent * width / outer_width
        weights[1] -= chord
        weights[2] += chord
        weights[start] -= outer
        weights[end] += outer
    return weights, rows
