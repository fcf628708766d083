"""Where in a photo the head is: the square that becomes an avatar's picture, and the faces that can't be one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.face import CHIN, FACE_OVAL, FACE_SIZE_POINTS, FOREHEAD

CROP_SIDE = 2.25
"""Side of the crop over the height of the face: leaves room for hair, neck and some shoulder."""
TIGHTEST_SIDE = 1.4
"""The same where the photo ends earlier. Below, the border is continued by reflection."""
MINIMUM_FACE_PX = 24.0
"""Smallest usable face size in the source picture. Below, the eyes are a handful of pixels and nothing can be
animated but noise."""
BYSTANDER = 0.4
"""A face smaller than this times the largest one is somebody in the background."""
MAXIMUM_TURN = 0.55
"""Largest offset of the nose line from the middle of the eyes, over face size: about 35 degrees of yaw."""


def face_size(landmarks: NDArray[np.floating]) -> float:
    """3-D distance of the outer eye corners of (478, 3) landmarks, in their unit."""
    first, second = FACE_SIZE_POINTS
    return float(np.linalg.norm(landmarks[first] - landmarks[second]))


def the_one_face(
    faces: Sequence[NDArray[np.float32]], shape: tuple[int, ...], name: str, minimum_face_px: float
) -> NDArray[np.float64]:
    """The landmarks of the face that can be animated, of all in a picture of this shape.

    Raises:
        RenderError: no face, several faces, a face that is too small, cut off or turned away.
    """
    largest = max((face_size(face) for face in faces), default=0.0)
    faces = [face for face in faces if face_size(face) >= BYSTANDER * largest]
    if len(faces) != 1:
        raise RenderError(
            f"{name}: no face was found in the picture. Use a photo with one face seen from the front, in good light."
            if not faces
            else f"{name}: {len(faces)} faces were found in the picture, expected one. Crop the photo to one person."
        )
    landmarks = np.asarray(faces[0], np.float64)
    _check_face(landmarks, shape, name, minimum_face_px)
    return landmarks


def crop_box(landmarks: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Left, top and side in whole pixels of a square around the head, inside the picture where possible."""
    height, width = shape[:2]
    oval = landmarks[list(FACE_OVAL), :2]
    tall = float(np.linalg.norm(landmarks[CHIN, :2] - landmarks[FOREHEAD, :2]))
    tall = max(tall, 1.1 * float(np.ptp(oval[:, 0])))
    middle = (oval.min(axis=0) + oval.max(axis=0)) / 2
    # A face that fills its photo is better cropped tightly than continued by reflection.
    side = round(np.clip(min(height, width), TIGHTEST_SIDE * tall, CROP_SIDE * tall))
    left, top = (round(float(centre) - side / 2) for centre in middle)
    if side <= width:
        left = int(np.clip(left, 0, width - side))
    if side <= height:
        top = int(np.clip(top, 0, height - side))
    return left, top, side


def cut(image: NDArray[np.uint8], left: int, top: int, side: int) -> NDArray[np.uint8]:
    """(side, side, 3) pixels of the picture, reflected where the square leaves it."""
    height, width = image.shape[:2]
    rows = _reflected(np.arange(top, top + side), height)
    columns = _reflected(np.arange(left, left + side), width)
    return np.ascontiguousarray(image[rows[:, None], columns[None, :]])


def _check_face(landmarks: NDArray[np.float64], shape: tuple[int, ...], name: str, minimum_face_px: float) -> None:
    size = face_size(landmarks)
    if size < minimum_face_px:
        raise RenderError(
            f"{name}: the face is too small, {size:.0f} pixels between the outer eye corners, at least "
            f"{minimum_face_px:.0f} are needed. Use a larger photo or one taken closer."
        )
    height, width = shape[:2]
    oval = landmarks[list(FACE_OVAL), :2]
    overhang = max(-oval.min(), *(oval.max(axis=0) - (width - 1, height - 1)))
    if overhang > 0.15 * size:
        raise RenderError(
            f"{name}: the face is cut off by the border of the picture (by {overhang:.0f} pixels). Use a photo that "
            "shows the whole face."
        )
    eyes = landmarks[list(FACE_SIZE_POINTS)]
    turn = abs(eyes[1, 2] - eyes[0, 2]) / size
    if turn > MAXIMUM_TURN:
        raise RenderError(
            f"{name}: the face is turned {np.degrees(np.arcsin(min(turn, 1.0))):.0f} degrees away from the camera, at "
            f"most {np.degrees(np.arcsin(MAXIMUM_TURN)):.0f} can be animated. Use a photo taken from the front."
        )


def _reflected(index: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    period = max(2 * length - 2, 1)
    folded = np.abs(index) % period
    return np.minimum(folded, period - folded)
