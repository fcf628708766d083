"""What can be measured of a face in a picture before it becomes an avatar: size, turn, sharpness, light, lids, lips.

Lengths are in units of face size (3-D distance of the outer eye corners), so that pictures of any size compare.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from src.face import (
    CHIN,
    FACE_OVAL,
    FACE_SIZE_POINTS,
    FOREHEAD,
    INNER_LIP,
    INNER_LIP_BOTTOM,
    INNER_LIP_TOP,
    LEFT_EAR_POINTS,
    OUTER_LIP,
    RIGHT_EAR_POINTS,
)
from src.motion import head_angles
from src.render.cropping import face_size

SHARPNESS_SIZE = 96.0
"""Face size in pixels at which sharpness is looked at: what is finer is more than a 512-pixel avatar shows."""
DARK, BRIGHT = 16, 250
"""Grey levels up to and from which a pixel holds no more shape of the face."""

_FINE, _COARSE = 0.012, 0.05
"""Of face size: about a lash, about an eyelid."""
_AROUND_LIPS = 0.065
"""Width of the skin that lips are compared with, over face size."""


@dataclass(frozen=True)
class Measures:
    """One face of a picture.

    Attributes:
        face_px: face size in pixels.
        yaw, pitch, roll: of the head against the camera in degrees, signs as in `core7`.
        sharpness: contrast of fine detail over that of coarse shapes; see `sharpness_of`.
        light: grey level that the brightest twentieth of the face reaches.
        dark, bright: share of the face's pixels without shape, too dark or too bright.
        gap: between the inner lips, over face size.
        lip_contrast: how clearly lips and the line between them are seen; see `lip_contrast_of`.
        lids: height over width of the more closed eye, about 0.3 for an open one.
        overhang: by how much the outline of the face leaves the picture, over face size; 0 inside.
        above: room from the top of the forehead to the upper border, over the height of the face.
        beside: room from the outline of the face to the nearest other border, over the same; 0 outside.
    """

    face_px: float
    yaw: float
    pitch: float
    roll: float
    sharpness: float
    light: float
    dark: float
    bright: float
    gap: float
    lip_contrast: float
    lids: float
    overhang: float
    above: float
    beside: float


def measure(image: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> Measures:
    """Measure one face.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (478, 3) FaceMesh points in pixels of `image`.
    """
    points = np.asarray(landmarks, np.float64)
    size = max(face_size(points), 1e-6)
    height, width = image.shape[:2]
    yaw, pitch, roll = angles_of(points)
    oval = points[list(FACE_OVAL), :2]
    overhang = max(0.0, float(-oval.min()), *(oval.max(axis=0) - (width - 1, height - 1)))
    tall = float(np.linalg.norm(points[CHIN, :2] - points[FOREHEAD, :2]))
    colours, near = _face_of(image, points)
    skin = _filled(colours.shape, near[list(FACE_OVAL)])
    face = np.asarray(cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY), np.uint8)
    shown = face[skin]
    return Measures(
        face_px=size,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        sharpness=sharpness_of(face, skin, min(size, SHARPNESS_SIZE)),
        light=float(np.percentile(shown, 95)) if shown.size else 0.0,
        dark=float((shown <= DARK).mean()) if shown.size else 0.0,
        bright=float((shown >= BRIGHT).mean()) if shown.size else 0.0,
        gap=float(np.linalg.norm(points[INNER_LIP_TOP] - points[INNER_LIP_BOTTOM])) / size,
        lip_contrast=lip_contrast_of(colours, near, min(size, SHARPNESS_SIZE)),
        lids=min(_opening(points, RIGHT_EAR_POINTS), _opening(points, LEFT_EAR_POINTS)),
        overhang=overhang / size,
        above=max(0.0, float(oval[:, 1].min())) / max(tall, 1.0),
        beside=max(0.0, float(min(oval[:, 0].min(), *((width - 1, height - 1) - oval.max(axis=0))))) / max(tall, 1.0),
    )


def angles_of(points: NDArray[np.float64]) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees of one face against the camera, from the line of the eyes and that of the face."""
    right, left = (points[index] for index in FACE_SIZE_POINTS)
    across = (left - right) / max(float(np.linalg.norm(left - right)), 1e-9)
    down = points[CHIN] - points[FOREHEAD]
    down = down - across * (across @ down)
    down = down / max(float(np.linalg.norm(down)), 1e-9)
    yaw, pitch, roll = head_angles(np.stack([across, down, np.cross(across, down)], axis=1))
    return float(yaw), float(pitch), float(roll)


def sharpness_of(grey: NDArray[np.uint8], inside: NDArray[np.bool_], size: float) -> float:
    """Contrast of fine detail over that of coarse shapes, which only blur or a lack of pixels takes away.

    Args:
        grey: (h, w) grey levels.
        inside: (h, w), where they count.
        size: face size in pixels of `grey`.
    """

    def contrast(sigma: float) -> float:
        smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), sigma * size)
        rows, columns = np.gradient(smooth)
        return float(np.sqrt((rows[inside] ** 2 + columns[inside] ** 2).mean()))

    coarse = contrast(_COARSE) if inside.any() and min(grey.shape) > 1 else 0.0
    return contrast(_FINE) / coarse if coarse > 0 else 0.0


def lip_contrast_of(colours: NDArray[np.uint8], points: NDArray[np.float64], size: float) -> float:
    """The clearest sign of a mouth, in units of CIELAB; what lies over it has none of them.

    Lips are redder than the skin around them, or redder and darker (pictures without colour, half counted), and the
    line between them is darker than they are (a third counted: what lies over a mouth has shadows as well).

    Args:
        colours: (h, w, 3) uint8 RGB around a face.
        points: (478, 2) in pixels of `colours`.
        size: face size in these pixels.
    """
    whole, inside = (_filled(colours.shape, points[list(part)]) for part in (OUTER_LIP, INNER_LIP))

    def grown(share: float) -> NDArray[np.bool_]:
        side = 2 * max(1, round(share * size)) + 1
        return np.asarray(cv2.dilate(whole.astype(np.uint8), np.ones((side, side), np.uint8)), bool)

    lips, around = whole & ~inside, grown(_AROUND_LIPS) & ~grown(0.01)
    if not lips.any() or not around.any():
        return 0.0
    lab = cv2.cvtColor(colours.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    darker, redder = (float(value) for value in (lab[lips].mean(axis=0) - lab[around].mean(axis=0))[:2] * (-1, 1))
    line = inside.astype(np.uint8)
    cv2.polylines(line, [np.round(points[list(INNER_LIP)]).astype(np.int32)], True, (1,), 2)
    gap = float(np.median(lab[lips][:, 0]) - np.percentile(lab[line > 0][:, 0], 20))
    return max(redder, (redder + darker) / 2, gap / 3)


def _face_of(image: NDArray[np.uint8], points: NDArray[np.float64]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The box of a face with its size brought down to `SHARPNESS_SIZE`, and (478, 2) points in its pixels."""
    height, width = image.shape[:2]
    oval = points[list(FACE_OVAL), :2]
    left, top = (int(value) for value in np.clip(np.floor(oval.min(axis=0)), 0, (width - 1, height - 1)))
    right, bottom = (int(value) for value in np.clip(np.ceil(oval.max(axis=0)), (left + 1, top + 1), (width, height)))
    box = np.ascontiguousarray(image[top:bottom, left:right])
    scale = min(1.0, SHARPNESS_SIZE / max(face_size(points), 1.0))
    shape = (max(1, round(box.shape[1] * scale)), max(1, round(box.shape[0] * scale)))
    face = np.asarray(cv2.resize(box, shape, interpolation=cv2.INTER_AREA), np.uint8)
    return face, (points[:, :2] - (left, top)) * (shape[0] / (right - left), shape[1] / (bottom - top))


def _filled(shape: tuple[int, ...], outline: NDArray[np.float64]) -> NDArray[np.bool_]:
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], (1,))
    return mask.astype(bool)


def _opening(points: NDArray[np.float64], eye: tuple[int, ...]) -> float:
    outer, upper_1, upper_2, inner, lower_2, lower_1 = (points[index] for index in eye)
    heights = np.linalg.norm(upper_1 - lower_1) + np.linalg.norm(upper_2 - lower_2)
    return float(heights / max(2 * float(np.linalg.norm(outer - inner)), 1e-9))
