"""What measured channels go through before they are labels: gaps filled, trembling taken out, nothing delayed."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d
from scipy.signal import savgol_filter

MAX_INTERPOLATED_FRAMES = 3
"""Gaps up to this long (0.12 s) are interpolated, longer ones hold the last face seen."""

LIGHT_KERNEL = (1.0, 6.0, 1.0)
"""For lips that may close for a single frame: keeps 75 % of such a closure."""

SLOW_KERNEL = (1.0, 4.0, 6.0, 4.0, 1.0)
"""For corners of the mouth, which move less than they tremble and are slower: rounding is anticipated by 0.1 s and
more."""

HEAD_WINDOW_S = 0.44


def fill_gaps(seen: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values for every frame: seen ones as they are, short gaps interpolated, long ones held.

    Args:
        seen: (N, F) values of the N >= 1 frames in which the face was seen.
        present: (T,) marks those frames.

    Returns:
        (T, F).
    """
    frames, where = np.arange(len(present)), np.flatnonzero(present)
    before = np.clip(np.searchsorted(where, frames, side="right") - 1, 0, len(where) - 1)
    after = np.minimum(np.searchsorted(where, frames, side="left"), len(where) - 1)
    missing = where[after] - where[before] - 1
    short = (missing > 0) & (missing <= MAX_INTERPOLATED_FRAMES)
    values = seen[before]
    for channel in range(seen.shape[1]):
        values[short, channel] = np.interp(frames[short], where, seen[:, channel])
    return values


def smooth(values: NDArray[np.float64], kernel: tuple[float, ...]) -> NDArray[np.float64]:
    """(T, F) values under a symmetric kernel, whose weights are scaled to a sum of 1; the ends are held."""
    return np.asarray(convolve1d(values, np.array(kernel) / sum(kernel), axis=0, mode="nearest"))


def smooth_head(angles: NDArray[np.float64], fps: float) -> NDArray[np.float64]:
    """(T, 3) angles of a head, which is slower than lips.

    A parabola over `HEAD_WINDOW_S`, fitted rather than averaged, keeps turns and the slopes at the ends of a
    clip. Shorter clips stay as they are.
    """
    window = round(HEAD_WINDOW_S * fps) | 1
    if not 2 < window <= len(angles):
        return angles
    return np.asarray(savgol_filter(angles, window, 2, axis=0, mode="interp"))
