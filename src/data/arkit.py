"""`arkit55` labels: blendshapes relative to the speaker's own neutral, with the head of `core7`."""

import numpy as np
from numpy.typing import NDArray

from src.data.smoothing import LIGHT_KERNEL, fill_gaps, smooth
from src.errors import DataError
from src.motion import ARKIT55, BLENDSHAPES, Motion

NEUTRAL_PERCENTILE = 5.0
"""Blendshapes only add to a face, so the speaker's own neutral is near the smallest score of each."""

HEAD = ("head_yaw", "head_pitch", "head_roll")


def label_arkit55(scores: NDArray[np.float32], core7: Motion) -> Motion:
    """`arkit55` of one face in one clip.

    Args:
        scores: (T, 52) of `src.data.blendshapes.FaceBlendshapes`; rows where `core7` is not valid are not read.
        core7: labels of the same frames (`src.data.labels.label_core7`): their clock, head and validity.

    Returns:
        Motion on the same frames, valid where `core7` is, inside the ranges of `arkit55`. Each blendshape
        is what exceeds the clip's 5th percentile. Gaps are filled and lips smoothed as in `core7`; eyes
        are not smoothed.

    Raises:
        DataError: shapes disagree, or no frame is valid.
    """
    if scores.shape != (len(core7), len(BLENDSHAPES)):
        raise DataError(
            f"blendshape scores have shape {scores.shape}, expected ({len(core7)}, {len(BLENDSHAPES)}): one row per "
            "frame of the core7 labels. Score the landmarks that were labelled."
        )
    if not core7.valid.any():
        raise DataError("the face is seen in no frame, so there is nothing to label. Leave the clip out.")
    seen = scores[core7.valid].astype(np.float64)
    shapes = fill_gaps(seen - np.percentile(seen, NEUTRAL_PERCENTILE, axis=0), core7.valid)
    skin = [index for index, name in enumerate(BLENDSHAPES) if not name.startswith("eye")]
    shapes[:, skin] = smooth(shapes[:, skin], LIGHT_KERNEL)
    head = np.stack([core7.channel(name) for name in HEAD], axis=1)
    values = np.concatenate([shapes, head], axis=1).astype(np.float32)
    return Motion(values, ARKIT55, core7.fps, core7.start_s, core7.valid).clamped()
