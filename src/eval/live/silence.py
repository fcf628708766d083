"""Whether a shown mouth stays closed and still while nothing is heard: one figure of what viewers see."""

import numpy as np
from numpy.typing import NDArray

from src.errors import MotionError
from src.eval.metrics import MINIMUM_FRAMES, Measurement, Metric, silent_frames

CLOSED = 0.03
"""Of face size: lips that meet are found below this in drawn faces of 256 and 512 pixels, 95 % of them below 0.015."""

STILL = 0.01
"""Of face size, from one frame to the next: landmarks of a still face tremble by up to 0.006."""

SILENCE_STABILITY = Metric(
    "silence_stability",
    1,
    "Mouth at rest in silence",
    "",
    f"Share of the frames of silence (as in silence_std) in which the mouth is closed (opening up to {CLOSED:g} of "
    f"face size) and still (changed by up to {STILL:g} since the frame before). 1 is a mouth that rests whenever "
    "nobody speaks.",
    "ours; lips that move in silence are what users of talking heads complain about most",
)


def silence_stability(jaw_open: NDArray[np.floating], loudness: NDArray[np.floating], *, fps: float) -> Measurement:
    """How much of the silence the mouth rests.

    Metric `silence_stability`, version 1, no unit. Definition: as in `SILENCE_STABILITY`; frames that are silent as in
    `silent_frames`. Source: ours.

    Args:
        jaw_open: (T,) mouth opening.
        loudness: (T,) RMS of the sound of each frame, see `frame_rms`.
        fps: frames per second of both.

    Returns:
        0 .. 1; None when fewer than `MINIMUM_FRAMES` frames are silent.
    """
    if len(jaw_open) != len(loudness):
        raise MotionError(
            f"{len(jaw_open)} frames of motion and {len(loudness)} of loudness. Measure both over the same time."
        )
    silent = silent_frames(loudness, fps=fps)
    if silent.sum() < MINIMUM_FRAMES:
        reason = f"{int(silent.sum())} frames of silence, {MINIMUM_FRAMES} are needed"
        return Measurement(SILENCE_STABILITY, None, reason)
    jaw = np.asarray(jaw_open, np.float64)
    rests = (jaw <= CLOSED) & (np.abs(np.diff(jaw, prepend=jaw[0])) <= STILL)
    return Measurement(SILENCE_STABILITY, float(rests[silent].mean()))
