"""The points of a face that landmark metrics look at, in one frame for all faces.

A point is (x, y, z) in face sizes (the distance of the outer corners of the eyes), from the middle between them: x to
the person's left, y down, z away from the camera, for a face seen from the front. Where the head was, how large it
stood in the picture and how it was turned is gone; whose face it is stays in the points.

x and y were seen in the picture. z is a guess of the landmark model: of the movement of lips within real clips (22 % of
whose variance is z) jaw and width of the mouth explain 60 % in x and y and 15 % in z.
"""

import numpy as np
from numpy.typing import NDArray

from src.errors import MotionError
from src.face import (
    CHIN,
    FACE_SIZE_POINTS,
    FOREHEAD,
    INNER_LIP,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_EYE_INNER,
    LEFT_EYE_OUTER,
    LOWER_INNER_LIP,
    NUM_LANDMARKS,
    OUTER_LIP,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_EYE_INNER,
    RIGHT_EYE_OUTER,
    UPPER_INNER_LIP,
)

_LIP_LANDMARKS = (*INNER_LIP, *OUTER_LIP)
FACE_LANDMARKS = (*_LIP_LANDMARKS, *RIGHT_BROW, *LEFT_BROW, *RIGHT_EYE, *LEFT_EYE)
"""Which landmarks the P points are: both contours of the lips, then the brows and the rims of the eyes."""

NUM_POINTS = len(FACE_LANDMARKS)
LIPS = slice(0, len(_LIP_LANDMARKS))
UPPER_FACE = slice(len(_LIP_LANDMARKS), NUM_POINTS)
UPPER_INNER = tuple(FACE_LANDMARKS.index(landmark) for landmark in UPPER_INNER_LIP)
LOWER_INNER = tuple(FACE_LANDMARKS.index(landmark) for landmark in LOWER_INNER_LIP)
"""Opposite points of the inner lips, among the P."""


def face_points(aligned: NDArray[np.floating]) -> NDArray[np.float64]:
    """The points of a clip in the common frame.

    Args:
        aligned: (T, 478, 3) landmarks of one clip without head movement, in any unit, position and direction that is
            the same for all frames, such as `src.data.alignment.align` gives.

    Returns:
        (T, P, 3) in face sizes; the clip's median face has its eye corners on the x axis and its forehead above its
        chin.

    Raises:
        MotionError: these are no landmarks of a clip.
    """
    if aligned.ndim != 3 or aligned.shape[1:] != (NUM_LANDMARKS, 3) or not len(aligned):
        raise MotionError(
            f"landmarks of shape {aligned.shape}, expected (T, {NUM_LANDMARKS}, 3) with T >= 1. "
            "Give those of the frames in which the face was seen."
        )
    face = np.median(aligned, axis=0).astype(np.float64)
    right, left = (face[corner] for corner in FACE_SIZE_POINTS)
    across = _unit(face[LEFT_EYE_OUTER] - face[RIGHT_EYE_OUTER] + face[LEFT_EYE_INNER] - face[RIGHT_EYE_INNER])
    down = face[CHIN] - face[FOREHEAD]
    down = _unit(down - across * (down @ across))
    axes = np.stack([across, down, np.cross(across, down)])
    points: NDArray[np.float64] = (aligned[:, FACE_LANDMARKS] - (left + right) / 2) @ axes.T
    return points / np.linalg.norm(left - right)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / np.linalg.norm(vector)
