"""The 3-D head pose of a face in every frame, and the face without it.

Every frame is laid onto the clip's own reference shape by a similarity transform (rotation, scale, shift).
What the face does is measured on points laid on by those that speech hardly moves. How the head is turned is
read from more points against their noise (r with known pitch 0.945 against 0.938 on rendered clips), but from
none on the jaw or at the hair line: with the whole face, pitch came 15 ms late on rendered clips, with its middle
7 ms.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from src.face import FACE_SIZE_POINTS, MIDFACE, RIGID
from src.motion import head_angles, head_rotation


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """Landmarks without head pose, and the pose that was removed.

    Attributes:
        points: (T, 478, 3) in units of face size, in the clip's neutral pose.
        angles: (T, 3) yaw, pitch, roll in degrees relative to the clip's median pose.
    """

    points: NDArray[np.float64]
    angles: NDArray[np.float64]


def align(landmarks: NDArray[np.float64]) -> AlignedFace:
    """Remove the head pose from every frame of a clip.

    Args:
        landmarks: (T, 478, 3) in pixels, T >= 1.

    Returns:
        The same points laid onto the clip's reference shape, and the rotation of every frame.
    """
    rotation, scale, centre, origin = _laid_on(landmarks[:, RIGID])
    points = _apply(rotation, scale, centre, origin, landmarks)
    left, right = FACE_SIZE_POINTS
    face_size = np.median(np.linalg.norm(points[:, left] - points[:, right], axis=1))
    turned, *_ = _laid_on(landmarks[:, MIDFACE])
    return AlignedFace(points / face_size, head_angles(np.swapaxes(turned, 1, 2)))


def without_blinks(angle: NDArray[np.float64], blink: NDArray[np.float64]) -> NDArray[np.float64]:
    """A head angle without what lids that close add to it.

    FaceMesh tilts the whole face by some degrees when the eyes shut, more on one face than on another.
    The clip itself tells how much: its quick changes are compared with those of its lids. Heads are
    slower than lids, so little that is true is taken away.

    Args:
        angle: (T,) degrees.
        blink: (T,) 0 open to 1 shut; values outside are clipped.

    Returns:
        (T,) degrees.
    """
    shut = np.clip(blink, 0.0, 1.0)
    quick_angle, quick_shut = (x - gaussian_filter1d(x, _QUICK_FRAMES, mode="nearest") for x in (angle, shut))
    degrees = float(quick_shut @ quick_angle / (quick_shut @ quick_shut + _DOUBT))
    return angle - np.clip(degrees, -_LARGEST_BLINK_DEGREES, _LARGEST_BLINK_DEGREES) * shut


def without_openings(angle: NDArray[np.float64], opening: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pitch without what a mouth that opens adds to it: FaceMesh lifts the whole face.

    The same is taken from every clip: nods go with syllables, so that a clip can't tell what is a nod.

    Args:
        angle: (T,) pitch in degrees.
        opening: (T,) of the lips in face sizes.

    Returns:
        (T,) degrees.
    """
    return angle - _DEGREES_OF_OPENING * (opening - np.median(opening))


# Degrees of pitch per face size of opening. Sweeps of the jaw alone give 9 on the built-in portrait and 16 on 12
# rendered ones (median; -5 to 30); quick pitch over quick openings is 9 on 26 real clips (median, nods included).
_DEGREES_OF_OPENING = 8.0
# Standard deviation of the slow part that is not compared, 0.2 s at 25 frames per second: as long as a blink.
_QUICK_FRAMES = 5.0
# Half a blink's worth of frames: a clip that has less of a blink is corrected less.
_DOUBT = 0.5
_LARGEST_BLINK_DEGREES = 4.0

_Similarity = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def _laid_on(points: NDArray[np.float64]) -> _Similarity:
    """The transforms of `_similarity` that lay (T, P, 3) points onto their clip's median, in its median pose."""
    shape = points[len(points) // 2]
    # The first reference is one frame with its noise; the median of what is laid onto it is nobody's noise.
    for _ in range(2):
        shape = np.median(_apply(*_similarity(points, shape), points), axis=0)
    rotation, scale, centre, origin = _similarity(points, shape)
    # The reference stands as the middle frame stood. Turn it to the clip's median pose, about which
    # angles are then measured; twice, because a median of angles is not quite a median of rotations.
    for _ in range(2):
        yaw, pitch, roll = np.median(head_angles(np.swapaxes(rotation, 1, 2)), axis=0)
        turn = head_rotation(yaw, pitch, roll)
        rotation = turn @ rotation
        origin = origin @ turn.T
    return rotation, scale, centre, origin


def _similarity(points: NDArray[np.float64], shape: NDArray[np.float64]) -> _Similarity:
    """Robust similarity transforms that lay every frame's points onto one shape.

    Points that fit badly (a hand, hair, a raised brow) weigh less, by Cauchy weights in two rounds.

    Args:
        points: (T, P, 3).
        shape: (P, 3).

    Returns:
        rotation (T, 3, 3), scale (T,), centre (T, 3) and origin (T, 3): a point p of frame t goes to
        scale_t * rotation_t (p - centre_t) + origin_t.

    Reference:
        Umeyama: Least-squares estimation of transformation parameters between two point patterns, PAMI 1991.
    """
    weight = np.ones(points.shape[:2])
    for _ in range(3):
        share = weight / weight.sum(axis=1, keepdims=True)
        centre = np.einsum("tp,tpc->tc", share, points)
        origin = np.einsum("tp,pc->tc", share, shape)
        source, target = points - centre[:, None], shape - origin[:, None]
        left, singular, right = np.linalg.svd(np.swapaxes(share[..., None] * target, 1, 2) @ source)
        mirror = np.ones((len(points), 3))
        mirror[:, 2] = np.sign(np.linalg.det(left @ right))
        rotation = (left * mirror[:, None]) @ right
        scale = (singular * mirror).sum(axis=1) / (share * (source**2).sum(axis=2)).sum(axis=1)
        residual = np.linalg.norm(_apply(rotation, scale, centre, origin, points) - shape, axis=2)
        typical = 2 * np.median(residual, axis=1, keepdims=True) + 1e-9
        weight = 1 / (1 + (residual / typical) ** 2)
    return rotation, scale, centre, origin


def _apply(
    rotation: NDArray[np.float64],
    scale: NDArray[np.float64],
    centre: NDArray[np.float64],
    origin: NDArray[np.float64],
    points: NDArray[np.float64],
) -> NDArray[np.float64]:
    moved = (points - centre[:, None]) @ np.swapaxes(rotation, 1, 2)
    return scale[:, None, None] * moved + origin[:, None]
