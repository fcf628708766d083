"""How open eyes and lips are: opening over width, from the 203 landmarks that LivePortrait was trained with.

Ratios don't depend on scale, place or rotation in the picture plane, so any coordinates do.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from src.errors import RenderError

NUM_LANDMARKS = 203

_LEFT_EYE = (6, 18, 0, 12)
_RIGHT_EYE = (30, 42, 24, 36)
_LIPS = (90, 102, 48, 66)
"""Landmarks: the two ends of the opening, the two ends of the width."""

_SMALLEST_WIDTH = 1e-6


def eye_ratios(landmarks: ArrayLike) -> NDArray[np.float32]:
    """Openings of the eyes.

    Args:
        landmarks: (N, 203, 2).

    Returns:
        (N, 2): the left eye and the right one.

    Raises:
        RenderError: other landmarks, or NaN among them.
    """
    points = _checked(landmarks)
    return np.stack([_ratio(points, _LEFT_EYE), _ratio(points, _RIGHT_EYE)], axis=1)


def lip_ratios(landmarks: ArrayLike) -> NDArray[np.float32]:
    """Opening of the lips.

    Args:
        landmarks: (N, 203, 2).

    Returns:
        (N, 1).

    Raises:
        RenderError: other landmarks, or NaN among them.
    """
    return _ratio(_checked(landmarks), _LIPS)[:, None]


def _ratio(points: NDArray[np.float32], ends: tuple[int, int, int, int]) -> NDArray[np.float32]:
    above, below, left, right = (points[:, index] for index in ends)
    opening, width = (np.linalg.norm(one - other, axis=1) for one, other in ((above, below), (left, right)))
    return (opening / (width + np.float32(_SMALLEST_WIDTH))).astype(np.float32)


def _checked(landmarks: ArrayLike) -> NDArray[np.float32]:
    points = np.asarray(landmarks, np.float32)
    if points.ndim != 3 or points.shape[1:] != (NUM_LANDMARKS, 2):
        raise RenderError(
            f"ratios: landmarks of shape {points.shape}, expected (N, {NUM_LANDMARKS}, 2). Other sets of landmarks "
            "have other points on lids and lips."
        )
    if not np.isfinite(points).all():
        raise RenderError("ratios: NaN or infinity among the landmarks. The face was lost; leave the frame out.")
    return points
