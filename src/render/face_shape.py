"""Whether points can be the landmarks of a face at all.

Packages come from anyone, and renderers take the shape of a face for granted: points that have none cost minutes and
gigabytes. The limits are wide: 12 portraits lie in the middle third of each.
"""

import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.face import CHIN, FACE_SIZE_POINTS, FOREHEAD, INNER_LIP, LEFT_EYE, OUTER_LIP, RIGHT_EYE
from src.render.cropping import face_size

_SIZE = 0.04, 1.0
"""Of the face over the side of the picture; those of portraits have 0.25 to 0.32."""
_REACH = 2.5
"""From between the eyes to the farthest point, over face size; portraits 1.1 to 1.4."""
_UPRIGHT = 0.6, 4.0
"""Length of the face across the line of the eyes times that line, over the square of face size; portraits 1.6 to 2.0.
Below 0 it is mirrored."""
_BELOW, _ASIDE = (0.25, 1.6), 0.7
"""Where the mouth is, seen from between the eyes, along and across the face; portraits 0.7 to 0.8, and 0."""
_FEATURES = (
    ("mouth", OUTER_LIP, 0.1, 0.8),
    ("mouth", INNER_LIP, 0.1, 0.8),
    ("right eye", RIGHT_EYE, 0.05, 0.5),
    ("left eye", LEFT_EYE, 0.05, 0.5),
)
"""Features, and how far their farthest point is from their middle over face size: at least and at most."""


def check_shape(landmarks: NDArray[np.floating], size: int, where: str, remedy: str) -> None:
    """Refuse points that are no face.

    Args:
        landmarks: (478, 3) finite points in pixels.
        size: of each side of the picture in pixels.
        where, remedy: what the message begins and ends with.

    Raises:
        RenderError: says what is wrong with them.
    """
    if wrong := _wrong(np.asarray(landmarks, np.float64), size):
        raise RenderError(f"{where}: the landmarks are no face ({wrong}). {remedy}")


def _wrong(points: NDArray[np.float64], size: int) -> str | None:
    unit = face_size(points)
    if not _SIZE[0] * size <= unit <= _SIZE[1] * size:
        return f"eyes {unit:.3g} pixels apart"
    right, left = points[list(FACE_SIZE_POINTS)]
    between = (right + left) / 2
    lips = points[list(OUTER_LIP)].mean(axis=0)
    for name, middle in (("eyes", between[:2]), ("lips", lips[:2])):
        if not (middle >= 0).all() or not (middle < size).all():
            return f"{name} outside the picture"
    if np.linalg.norm(points - between, axis=1).max() > _REACH * unit:
        return "points far from the others"
    across, down = (left - right)[:2], (points[CHIN] - points[FOREHEAD])[:2]
    area = float(across[0] * down[1] - across[1] * down[0]) / unit**2
    if not _UPRIGHT[0] <= area <= _UPRIGHT[1]:
        return "mirrored, or seen from the side"
    for name, ring, least, most in _FEATURES:
        feature = points[list(ring)]
        radius = np.linalg.norm(feature - feature.mean(axis=0), axis=1).max() / unit
        if not least <= radius <= most:
            return f"a {name} of {2 * radius:.2g} face sizes"
    along = across / np.linalg.norm(across)
    mouth = (lips - between)[:2] / unit
    below, aside = float(along[0] * mouth[1] - along[1] * mouth[0]), float(along @ mouth)
    if not _BELOW[0] <= below <= _BELOW[1] or abs(aside) > _ASIDE:
        return "the mouth is not below the eyes"
    return None
