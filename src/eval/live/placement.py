"""Where on a time line a recording was played, and whether it is all there: found by the sound itself."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from src.errors import DataError
from src.motion import Motion


@dataclass(frozen=True)
class Placement:
    """A recording inside a sound track.

    Attributes:
        start_s: time of the track at which the recording's sample 0 was played.
        similarity: correlation of the recording with the track from there on, over the recording's length: 1 is all of
            it, in one piece.
    """

    start_s: float
    similarity: float


def place(recording: NDArray[np.floating], track: NDArray[np.floating], sample_rate_hz: int) -> Placement:
    """Find a recording in the sound track that it was played into.

    Args:
        recording: (S,) what was spoken.
        track: (N,) what was heard, N >= 1; silence before and after.
        sample_rate_hz: of both.

    Raises:
        DataError: nothing of one of them is audible.
    """
    first, second = np.asarray(recording, np.float64), np.asarray(track, np.float64)
    if not np.any(first) or not np.any(second):
        raise DataError("the recording or what was played of it is silent, so neither can be found in the other.")
    scores = correlate(second, first, "full", "fft")  # at index S - 1 both begin together
    shift = int(np.argmax(scores)) - (len(first) - 1)
    played = np.zeros(len(first))
    begin, end = max(shift, 0), min(shift + len(first), len(second))
    played[begin - shift : end - shift] = second[begin:end]
    loud = np.sqrt((first @ first) * (played @ played))
    return Placement(shift / sample_rate_hz, float(first @ played / loud) if loud > 0 else 0.0)


def placed(motion: Motion, start_s: float, num_frames: int) -> Motion:
    """Motion that begins somewhere on a time line, on the frames of that line.

    Args:
        motion: frame i at i / fps seconds after its own start.
        start_s: of its frame 0 on the time line.
        num_frames: T of the time line.

    Returns:
        T frames from time 0, between frames by straight lines; neutral and not valid where the motion has nothing.
    """
    position = np.arange(num_frames) - (start_s + motion.start_s) * motion.fps
    # What is a hair off the grid is on it: times come from samples and are divided.
    position = np.where(np.abs(position - np.round(position)) < 1e-3, np.round(position), position)
    known = (position >= 0) & (position <= len(motion) - 1)
    before = np.clip(np.floor(position).astype(int), 0, len(motion) - 1)
    after = np.minimum(before + 1, len(motion) - 1)
    share = (position - before)[:, None]
    values = motion.values[before] * (1 - share) + motion.values[after] * share
    values[~known] = motion.spec.neutral
    valid = known & motion.valid[before] & motion.valid[after]
    return replace(motion, values=values.astype(np.float32), start_s=0.0, valid=valid)
