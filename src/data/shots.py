"""Shot changes inside a video, found from thumbnails of its pictures.

A picture begins a new shot when it differs from the one before far more than its neighbours differ from each other,
and when the pictures after it do not return to what was shown before it (a flash does).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import DataError

LOOKAHEAD = 4
"""Pictures after a cut that decide whether it was one."""

_SIDE = 32
_LOOKBACK = 8
_MIN_CHANGE = 0.12
_MIN_RATIO = 3.0


class ShotDetector:
    """Finds the pictures with which a new shot begins. Takes them in order, one at a time.

    Memory does not grow with the video, except by the cuts that are found.
    """

    def __init__(self) -> None:
        self._thumbnails: list[NDArray[np.float32]] = []
        self._changes: list[float] = []
        self._count = 0
        self._cuts: list[int] = []

    def push(self, image: NDArray[np.uint8]) -> None:
        """Take the next picture, (H, W, 3) uint8 RGB of any size. It is not kept.

        Raises:
            DataError: it is not such a picture.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise DataError(
                f"shots are found in (H, W, 3) uint8 pictures, got {image.shape} {image.dtype}. Decode them to RGB."
            )
        thumbnail = _thumbnail(image)
        self._changes.append(_difference(self._thumbnails[-1], thumbnail) if self._thumbnails else 0.0)
        self._thumbnails.append(thumbnail)
        self._count += 1
        if len(self._changes) > _LOOKBACK + 1 + LOOKAHEAD:
            del self._changes[0], self._thumbnails[0]
        self._decide(len(self._changes) - 1 - LOOKAHEAD)

    def finish(self) -> list[int]:
        """Indices of the pictures with which a new shot begins, ascending; the first picture counts as 0.

        Call it once, after the last picture.
        """
        for position in range(max(1, len(self._changes) - LOOKAHEAD), len(self._changes)):
            self._decide(position)
        return list(self._cuts)

    def _decide(self, position: int) -> None:
        if position < 1 or self._changes[position] < _MIN_CHANGE:
            return
        change = self._changes[position]
        others = self._changes[max(1, position - _LOOKBACK) : position] + self._changes[position + 1 :]
        if others and change < _MIN_RATIO * float(np.mean(others)):
            return
        before = self._thumbnails[position - 1]
        if any(_difference(before, after) < change / 2 for after in self._thumbnails[position + 1 :]):
            return
        self._cuts.append(self._count - len(self._changes) + position)


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(32, 32) grey levels without their mean and spread, so that exposure does not count."""
    step = max(1, min(image.shape[:2]) // (2 * _SIDE))
    grey = cv2.cvtColor(np.ascontiguousarray(image[::step, ::step]), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return (small - small.mean()) / (small.std() + 1.0)


def _difference(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """0 for the same picture, 1 for unrelated ones."""
    return 1 - float(np.mean(first * second))
