"""How open eyes and lips are, from FaceMesh landmarks, as LivePortrait's networks want to be told.

The networks were trained with ratios of 203 other landmarks (`src.render.liveportrait.ratios`), which measure the
same places of a face: the gap between the middles of the inner lips over the distance of the mouth's corners, the gap
between the middles of the lids over the distance of the eye's corners. FaceMesh has points there, so its ratios are
taken as they are. Two differences remain: FaceMesh puts closed lips a little apart, mostly below the threshold from
which on lips count as open; and it hardly brings lids together, but what is measured is a photo with open eyes.

Motion gives the gap of the lips in face sizes (`src.motion`). A gap over the width of this mouth is the wanted ratio:
jaw_open x face size / width of the mouth.

Left and right are of the picture here, as in the official landmarks.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.face import (
    INNER_LIP_BOTTOM,
    INNER_LIP_TOP,
    LEFT_EYE_INNER,
    LEFT_EYE_OUTER,
    LEFT_MOUTH_CORNER,
    RIGHT_EYE_INNER,
    RIGHT_EYE_OUTER,
    RIGHT_MOUTH_CORNER,
)
from src.render.cropping import face_size

LARGEST_RATIO = 0.8
"""End of the official editor's sliders for eyes and lips: beyond, the networks were hardly trained."""

_LIPS = (INNER_LIP_TOP, INNER_LIP_BOTTOM, RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER)
_PERSONS_RIGHT_EYE = (159, 145, RIGHT_EYE_OUTER, RIGHT_EYE_INNER)
_PERSONS_LEFT_EYE = (386, 374, LEFT_EYE_INNER, LEFT_EYE_OUTER)
"""The two ends of the opening, the two ends of the width."""


class Openings(NamedTuple):
    """What is measured of a face.

    Attributes:
        eyes: ratios of the left eye of the picture and of the right one.
        lips: ratio of the lips.
        lips_per_jaw: ratio of lips that are one face size apart.
    """

    eyes: tuple[float, float]
    lips: float
    lips_per_jaw: float


def openings_of(landmarks: NDArray[np.floating]) -> Openings:
    """Measure (478, 3) FaceMesh landmarks, in pixels of any picture."""
    eyes = _ratio(landmarks, _PERSONS_RIGHT_EYE), _ratio(landmarks, _PERSONS_LEFT_EYE)
    width = float(np.linalg.norm(landmarks[RIGHT_MOUTH_CORNER, :2] - landmarks[LEFT_MOUTH_CORNER, :2]))
    return Openings(eyes, _ratio(landmarks, _LIPS), face_size(landmarks) / max(width, 1e-6))


def _ratio(landmarks: NDArray[np.floating], ends: tuple[int, int, int, int]) -> float:
    above, below, left, right = (landmarks[index, :2].astype(np.float64) for index in ends)
    return float(np.linalg.norm(above - below) / (np.linalg.norm(left - right) + 1e-6))
