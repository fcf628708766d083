"""Cutting faces out of pictures as LivePortrait was trained: turned upright by eyes and mouth, always alike.

A point of the picture is (x, y) in pixels; matrices are 3 x 3 and take columns (x, y, 1).
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import ArrayLike, NDArray

from src.errors import RenderError
from src.face import FACE_OVAL, LEFT_BROW, NOSE_TIP, NUM_LANDMARKS, RIGHT_BROW
from src.render.liveportrait.pictures import Picture, check_picture

Array = NDArray[np.float32]

CROP_PX = 512
LANDMARK_NETWORK_PX = 224


class Framing(NamedTuple):
    """How much of a picture around the landmarks of a face is cut out.

    Attributes:
        scale: side of the square over the longer side of the landmarks' box.
        shift_y: how far the square is moved down along the face, over its side.
    """

    scale: float
    shift_y: float


SOURCE = Framing(2.3, -0.125)
DRIVING = Framing(2.2, -0.1)
LANDMARKS = Framing(1.5, -0.1)


class _Anchors(NamedTuple):
    """Landmarks whose means are the eyes and the mouth, and those that are put into a box; None: all."""

    left_eye: tuple[int, ...]
    right_eye: tuple[int, ...]
    lips: tuple[int, ...]
    box: tuple[int, ...] | None = None


_TEMPLES = FACE_OVAL.index(356), FACE_OVAL.index(127)
_FACEMESH = _Anchors(
    # Corners and the middles of the lids, corners of the mouth: the places of the official landmarks.
    (33, 159, 133, 145),
    (362, 386, 263, 374),
    (61, 291),
    # The official 106 reach from the brows to the chin and to the temples, FaceMesh to the hair line.
    (*FACE_OVAL[_TEMPLES[0] : _TEMPLES[1] + 1], *RIGHT_BROW, *LEFT_BROW, NOSE_TIP),
)

_ANCHORS = {
    NUM_LANDMARKS: _FACEMESH,
    203: _Anchors((0, 6, 12, 18), (24, 30, 36, 42), (48, 66)),
    106: _Anchors((33, 35, 40, 39), (87, 89, 94, 93), (52, 61)),
    68: _Anchors((36, 39), (42, 45), (48, 54)),
    5: _Anchors((0,), (1,), (3, 4)),
}
_SMALLEST_FACE = 1e-3


@dataclass(frozen=True, eq=False)
class Rectangle:
    """A square around a face.

    Attributes:
        centre: (2,) x, y in pixels, float64.
        side: in pixels.
        angle_rad: by which the face is turned, clockwise in the picture.
    """

    centre: NDArray[np.float64]
    side: float
    angle_rad: float

    @property
    def box(self) -> NDArray[np.float64]:
        """(4,) left, top, right, bottom if it isn't turned."""
        return np.concatenate([self.centre - self.side / 2, self.centre + self.side / 2])

    def to_crop(self, size_px: int, *, upright: bool = True) -> Array:
        """(3, 3) from the picture to a crop of this size; `upright` turns the face back.

        All in float32 and in this order, as the official program: the last column is a difference of large numbers.
        """
        angle = self.angle_rad if upright else 0.0
        scale, half = np.float32(size_px) / np.float32(self.side), np.float32(size_px / 2)
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        x, y = self.centre.astype(np.float32)
        rows = [
            [scale * cos, scale * sin, half - scale * (cos * x + sin * y)],
            [-scale * sin, scale * cos, half - scale * (-sin * x + cos * y)],
            [0, 0, 1],
        ]
        return np.array(rows, np.float32)


@dataclass(frozen=True, eq=False)
class FaceCrop:
    """A face that was cut out.

    Attributes:
        image: (S, S, 3) RGB.
        to_crop, to_picture: (3, 3) between the picture and the crop.
    """

    image: Picture
    to_crop: Array
    to_picture: Array

    def points(self, landmarks: ArrayLike) -> Array:
        """(N, 2) points of the picture in the crop."""
        return moved_points(landmarks, self.to_crop)


def face_rectangle(landmarks: ArrayLike, framing: Framing) -> Rectangle:
    """The square around a face.

    Args:
        landmarks: (N, 2) in pixels, N one of 478 (FaceMesh), 203, 106, 68 and 5.
        framing: how much around it.

    Raises:
        RenderError: other landmarks, NaN, or all in one place.
    """
    points = _checked(landmarks)
    anchors = _ANCHORS[len(points)]
    places = (anchors.left_eye, anchors.right_eye, anchors.lips)
    left, right, lips = (points[list(indices)].mean(axis=0) for indices in places)
    down = lips - (left + right) / 2
    length = float(np.linalg.norm(down))
    down = np.array([0, 1], np.float32) if length <= _SMALLEST_FACE else down / length
    across = np.array([down[1], -down[0]], np.float32)
    angle = float(np.arccos(np.clip(across[0], -1, 1)))
    axes = np.stack([across, down])
    if anchors.box is not None:
        points = points[list(anchors.box)]
    middle = points.mean(axis=0)
    turned = (points - middle) @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    side = float(np.float32(framing.scale) * (high - low).max())
    if side <= 0:
        raise RenderError("crop: all landmarks lie in one place. There is no face to cut out.")
    centre = middle + (low + high) / 2 @ axes + framing.shift_y * side * down
    return Rectangle(centre.astype(np.float64), side, -angle if across[1] < 0 else angle)


def cut_face(image: Picture, rectangle: Rectangle, size_px: int = CROP_PX, *, upright: bool = True) -> FaceCrop:
    """Cut a face out.

    Args:
        image: (H, W, 3) RGB. What lies outside of it is black in the crop.
        rectangle: to cut.
        size_px: of the crop.
        upright: turn the face back.
    """
    check_picture(image)
    to_crop = rectangle.to_crop(size_px, upright=upright)
    return FaceCrop(warped(image, to_crop, (size_px, size_px)), to_crop, inverse(to_crop))


def driving_rectangle(landmarks: ArrayLike) -> Rectangle:
    """The one square by which all frames of a driving video are cut: the mean of their own, never turned.

    Args:
        landmarks: (T, 203, 2) in pixels.

    Raises:
        RenderError: other landmarks, NaN, or all in one place.
    """
    rectangles = [face_rectangle(points, DRIVING) for points in np.asarray(landmarks, np.float32)]
    if not rectangles:
        raise RenderError("crop: a driving video without landmarks. Find the face in its frames first.")
    left, top, right, bottom = np.mean([rectangle.box for rectangle in rectangles], axis=0)
    return Rectangle(np.array([left + right, top + bottom]) / 2, float(right - left), 0.0)


def network_crop(crop: Picture) -> Picture:
    """(512, 512, 3) crop of a source -> (256, 256, 3) for F and M."""
    half = (crop.shape[1] // 2, crop.shape[0] // 2)
    return np.asarray(cv2.resize(crop, half, interpolation=cv2.INTER_AREA), np.uint8)


def warped(image: NDArray[np.uint8], matrix: Array, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Bilinear and exact, 0 outside. OpenCV before 5.0 rounds places to 1/32 pixel, which shows at hard borders.

    Args:
        image: (H, W, 3).
        matrix: (3, 3) from `image` to the result.
        size_px: width and height of the result.
    """
    height, width = image.shape[:2]
    back = np.linalg.inv(matrix.astype(np.float64))
    columns, rows = np.arange(size_px[0]), np.arange(size_px[1])[:, None]
    places = [
        (2 * (row[0] * columns + row[1] * rows + row[2]) + 1) / side - 1
        for row, side in ((back[0], width), (back[1], height))
    ]
    grid = torch.from_numpy(np.stack(places, axis=-1).astype(np.float32))[None]
    pixels = torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None]
    sampled = functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return sampled[0].permute(1, 2, 0).round().to(torch.uint8).numpy()


def moved_points(points: ArrayLike, matrix: Array) -> Array:
    """(N, 2) points through a (3, 3) matrix."""
    return np.asarray(points, np.float32) @ matrix[:2, :2].T + matrix[:2, 2]


def inverse(matrix: Array) -> Array:
    """(3, 3), float32."""
    return np.linalg.inv(matrix).astype(np.float32)


def _checked(landmarks: ArrayLike) -> Array:
    points = np.asarray(landmarks, np.float32)
    if points.ndim != 2 or points.shape[1:] != (2,) or len(points) not in _ANCHORS:
        raise RenderError(
            f"crop: landmarks of shape {points.shape}, expected (N, 2) with N one of {', '.join(map(str, _ANCHORS))}"
        )
    if not np.isfinite(points).all():
        raise RenderError("crop: NaN or infinity among the landmarks. Leave the frame out.")
    return points
