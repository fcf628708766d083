"""How far mouth and sound are apart when one is shifted against the other: sums over windows, ready to be pooled.

A clip of one word is too short to tell an offset: at a shift of 15 frames hardly a window is left. Sums and counts are
kept per shift instead of means, so that clips of a speaker or of a whole table row add up to one curve.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.errors import MotionError

MAX_SHIFT_FRAMES = 15
"""Shifts are tried up to this, in both directions: 0.6 s, as SyncNet does."""

SHIFTS = np.arange(-MAX_SHIFT_FRAMES, MAX_SHIFT_FRAMES + 1)
"""(31,) frames by which the motion is taken to be later than the sound."""


@dataclass(frozen=True, eq=False)
class ShiftCurve:
    """What windows of one or more clips say at every shift of `SHIFTS`.

    Attributes:
        sums: (31,) sums of the distances between mouth windows and the sound windows that many frames before them.
        counts: (31,) windows that have such a sound window in their clip.
        wins: (31,) how many of them are nearer to the sound of their own time; an equal distance counts half.
        reason: why there is no window at all; empty where there are some.
    """

    sums: NDArray[np.float64]
    counts: NDArray[np.float64]
    wins: NDArray[np.float64]
    reason: str = ""

    @classmethod
    def empty(cls, reason: str) -> "ShiftCurve":
        """The curve of a clip that says nothing, and why."""
        nothing = np.zeros(len(SHIFTS))
        return cls(nothing, nothing, nothing, reason)

    @property
    def num_windows(self) -> int:
        """Windows that were compared with the sound of their own time."""
        return int(self.counts[MAX_SHIFT_FRAMES])

    @property
    def means(self) -> NDArray[np.float64]:
        """(31,) mean distances; NaN at shifts without windows."""
        return np.where(self.counts > 0, self.sums / np.maximum(self.counts, 1), np.nan)


def shift_curve(mouth: NDArray[np.floating], sound: NDArray[np.floating], counted: NDArray[np.bool_]) -> ShiftCurve:
    """The curve of one clip.

    At shift s the mouth of window i is compared with the sound of window i - s, where the clip has one; nothing is
    padded. Shifts far out are so judged on the ends of short clips alone, which evens out over clips.

    Args:
        mouth, sound: (N, E) embeddings of length 1 of the windows of a clip, one per frame.
        counted: (N,) windows whose mouth was seen.

    Raises:
        MotionError: the shapes differ.
    """
    if mouth.ndim != 2 or mouth.shape != sound.shape or counted.shape != mouth.shape[:1]:
        raise MotionError(
            f"embeddings of shapes {mouth.shape} and {sound.shape} with {counted.shape} windows. "
            "Embed mouth and sound of the same frames."
        )
    mouth, sound = mouth.astype(np.float64), sound.astype(np.float64)
    own = np.linalg.norm(mouth - sound, axis=1)
    num_windows = len(mouth)
    sums, counts, wins = np.zeros((3, len(SHIFTS)))
    for place, shift in enumerate(SHIFTS):
        window = np.arange(max(shift, 0), num_windows + min(shift, 0))
        window = window[counted[window]]
        apart = np.linalg.norm(mouth[window] - sound[window - shift], axis=1)
        sums[place], counts[place] = apart.sum(), len(window)
        wins[place] = (apart > own[window]).sum() + 0.5 * (apart == own[window]).sum()
    return ShiftCurve(sums, counts, wins, "" if counted.any() else "no window in which the mouth was seen")


def pooled(curves: Sequence[ShiftCurve]) -> ShiftCurve:
    """The curve of all windows of several clips together."""
    if not any(curve.num_windows for curve in curves):
        reasons = [curve.reason for curve in curves if curve.reason]
        return ShiftCurve.empty(max(reasons, key=reasons.count) if reasons else "no clips")
    return ShiftCurve(*(sum(getattr(curve, name) for curve in curves) for name in ("sums", "counts", "wins")))
