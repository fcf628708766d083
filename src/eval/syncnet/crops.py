"""Cutting a tracked face out of the images the way SyncNet wants to see it.

The crop is a square of 2.8 half box sizes from the top of the box down: the whole face with the chin, not the mouth.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from src.eval.syncnet.network import IMAGE_SIZE_PX
from src.eval.syncnet.protocol import median_filter

CROP_SCALE = 0.4
MEDIAN_IMAGES = 13
PADDING_VALUE = 110


@dataclass(frozen=True)
class CropPath:
    """Where the crop is in every image of a track: (T,) pixels, smoothed."""

    x: NDArray[np.float64]
    """Centre of the box."""

    y: NDArray[np.float64]
    """Centre of the box."""

    half_size: NDArray[np.float64]
    """Half the longer side of the box."""


def crop_path(boxes: NDArray[np.float64]) -> CropPath:
    """Smooth (T, 4) boxes by a median of 13 images with zeros beyond the ends.

    The zeros pull the first and last six crops up, left and smaller; the published scores include that.
    """
    half_size = np.maximum(boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]) / 2
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    return CropPath(*(median_filter(values, MEDIAN_IMAGES) for values in (x, y, half_size)))


def crop_face(image: NDArray[np.uint8], x: float, y: float, half_size: float) -> NDArray[np.uint8]:
    """(224, 224, 3) crop of an (H, W, 3) image, grey where the image ends.

    Args:
        image: any channel order; SyncNet wants blue, green, red.
        x, y, half_size: of one image of a `CropPath`, in pixels.
    """
    below = half_size * (1 + 2 * CROP_SCALE)
    beside = half_size * (1 + CROP_SCALE)
    border = int(below)
    padded = np.pad(image, ((border, border), (border, border), (0, 0)), constant_values=PADDING_VALUE)
    centre_x, centre_y = x + border, y + border
    rows = slice(int(centre_y - half_size), int(centre_y + below))
    columns = slice(int(centre_x - beside), int(centre_x + beside))
    return np.asarray(cv2.resize(padded[rows, columns], (IMAGE_SIZE_PX, IMAGE_SIZE_PX)), dtype=np.uint8)
