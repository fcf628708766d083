"""The rendered crop back in its photo, up to full HD: the photo is copied once, then only the crop is written."""

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError

Picture = NDArray[np.uint8]

LARGEST = (1920, 1080)
"""Width and height that the whole picture fits into, either way round."""
BORDER = 0.04
"""Width of the soft border inside the crop, over its side. There a moving shoulder goes over into the photo."""


class PasteBack:
    """Puts pictures of an avatar into the photo it was cropped from.

    Args:
        photo: (H, W, 3) RGB. Shown scaled down to fit `LARGEST`, never enlarged.
        left, top, side: the square of the photo that became the avatar's picture, in pixels; it may leave the photo.

    Raises:
        RenderError: the square doesn't touch the photo.
    """

    def __init__(self, photo: Picture, left: int, top: int, side: int) -> None:
        height, width = photo.shape[:2]
        if side <= 0 or left >= width or top >= height or left + side <= 0 or top + side <= 0:
            raise RenderError(
                f"paste: the crop at ({left}, {top}) with side {side} lies outside of the photo of {width} x {height} "
                "pixels. Hand in the photo that the avatar was made from."
            )
        long, short = LARGEST
        scale = min(1.0, long / max(width, height), short / min(width, height))
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        self._photo = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
        x, y = size[0] / width, size[1] / height
        self._square = round(left * x), round(top * y), max(round(side * x), 1), max(round(side * y), 1)
        self._box = (
            max(self._square[0], 0),
            max(self._square[1], 0),
            min(self._square[0] + self._square[2], size[0]),
            min(self._square[1] + self._square[3], size[1]),
        )
        self._strips = self._soft_borders()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the whole picture."""
        height, width = self._photo.shape[:2]
        return height, width, 3

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of what `paste` writes."""
        return self._box

    def start(self) -> Picture:
        """The photo, a fresh copy for the caller to paste into again and again."""
        return self._photo.copy()

    def paste(self, image: Picture, out: Picture) -> None:
        """Write a rendered picture into its place.

        Args:
            image: (S, S, 3) RGB of any size.
            out: from `start`; outside of `box` nothing is touched.
        """
        x, y, wide, tall = self._square
        left, top, right, bottom = self._box
        if image.shape[:2] != (tall, wide):
            shrinks = tall < image.shape[0]
            how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, (wide, tall), interpolation=how), np.uint8)
        out[top:bottom, left:right] = image[top - y : bottom - y, left - x : right - x]
        for (first, second, third, fourth), weight, still in self._strips:
            strip = out[second:fourth, first:third]
            moving = cv2.multiply(strip, weight, scale=1 / 255)
            cv2.add(moving, still, strip)

    def _soft_borders(self) -> list[tuple[tuple[int, int, int, int], Picture, Picture]]:
        """Box, weight of the rendered picture and the photo's weighted share of each side that has photo beyond."""
        left, top, right, bottom = self._box
        height, width = self._photo.shape[:2]
        reach = max(round(BORDER * min(right - left, bottom - top)), 1)
        ramp = (np.arange(reach, dtype=np.float32) + 0.5) / reach
        ramp = ramp * ramp * (3 - 2 * ramp)
        rows, columns = np.ones(bottom - top, np.float32), np.ones(right - left, np.float32)
        # Where the photo itself ends there is nothing to go over into.
        rows[:reach] = ramp if top > 0 else 1
        columns[:reach] = ramp if left > 0 else 1
        rows[-reach:] *= ramp[::-1] if bottom < height else 1
        columns[-reach:] *= ramp[::-1] if right < width else 1
        weight = np.minimum(rows[:, None], columns[None])
        strips = []
        middle = slice(top + reach, bottom - reach)
        for first, second, third, fourth in (
            (left, top, right, top + reach),
            (left, bottom - reach, right, bottom),
            (left, middle.start, left + reach, middle.stop),
            (right - reach, middle.start, right, middle.stop),
        ):
            part = np.round(255 * weight[second - top : fourth - top, first - left : third - left])
            if part.size and part.min() < 255:
                share = np.ascontiguousarray(np.repeat(part[..., None], 3, axis=2).astype(np.uint8))
                still = cv2.multiply(self._photo[second:fourth, first:third], cv2.bitwise_not(share), scale=1 / 255)
                strips.append(((first, second, third, fourth), share, np.asarray(still, np.uint8)))
        return strips
