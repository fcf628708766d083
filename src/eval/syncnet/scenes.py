"""Cuts between shots by the change of colour, as the SyncNet pipeline finds them (PySceneDetect 0.5.1).

For labels this project has `src.data.shots`, which is better; the published scores depend on this
one.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

THRESHOLD = 30.0
MIN_SHOT_IMAGES = 15
_STRIDES = ((3200, 12), (2100, 8), (1700, 6), (1200, 5), (900, 4), (600, 3), (400, 2))
"""Widths in pixels from which on only every n-th pixel is looked at."""


def change_scores(images: Iterable[NDArray[np.uint8]]) -> Iterator[float]:
    """Mean absolute difference in hue, saturation and value between neighbours; the first score belongs to image 1.

    Args:
        images: (H, W, 3) uint8, channels blue, green, red, all of one size.
    """
    for previous, current in pairwise(_hsv(image) for image in images):
        yield float(np.abs(current - previous).mean(axis=(0, 1)).mean())


def find_cuts(scores: Iterable[float]) -> list[int]:
    """Images with which a new shot starts, without image 0; scores as from `change_scores`."""
    cuts: list[int] = []
    for image, score in enumerate(scores, start=1):
        if score >= THRESHOLD and (not cuts or image - cuts[-1] >= MIN_SHOT_IMAGES):
            cuts.append(image)
    return cuts


def _hsv(image: NDArray[np.uint8]) -> NDArray[np.int32]:
    stride = next((stride for width, stride in _STRIDES if image.shape[1] >= width), 1)
    return np.asarray(cv2.cvtColor(image[::stride, ::stride], cv2.COLOR_BGR2HSV), dtype=np.int32)
