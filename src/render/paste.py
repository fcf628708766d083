"""The rendered head back in its photo, up to full HD: the photo is copied, only the square of the head is computed."""

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from src.errors import RenderError

Picture = NDArray[np.uint8]

LARGEST = (1920, 1080)
"""Longer and shorter side that the whole picture fits into."""
BORDER = 0.04
"""Width of the soft border inside the square, over its side. There a moving shoulder goes over into the photo."""


def full_hd(photo: Picture) -> tuple[Picture, float]:
    """A photo as it is shown: scaled down to fit into full HD, upright or lying, never enlarged.

    Args:
        photo: (H, W, 3) RGB.

    Returns:
        The picture, and the factor that coordinates of the photo's pixel corners are multiplied by. Sides are even, as
        videos want them: up to two rows and columns are given up at the right and below.

    Raises:
        RenderError: less than two pixels are left of a side.
    """
    height, width = photo.shape[:2]
    long, short = LARGEST
    scale = min(1.0, long / max(width, height), short / min(width, height))
    # Sides of 1080.0000001 / scale must not lose a row to rounding.
    across, down = (2 * int(side * scale / 2 + 1e-6) for side in (width, height))
    if min(across, down) < 2:
        raise RenderError(f"paste: a photo of {width} x {height} pixels is too narrow to be shown. Use another one.")
    if scale == 1.0:
        return np.ascontiguousarray(photo[:down, :across]), scale
    box = (0.0, 0.0, min(across / scale, width), min(down / scale, height))
    shown = Image.fromarray(photo).resize((across, down), Image.Resampling.BOX, box=box)
    return np.array(shown, np.uint8), scale


class PasteBack:
    """Puts pictures of a head into the photo it was cut from.

    Args:
        photo: (H, W, 3) RGB, as `full_hd` gives it. Read only from now on.
        left, top, side: the square of the head in pixels of `photo`; it may leave the photo.

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
        self._photo = photo
        self._square = left, top, side
        self._box = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
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

    @property
    def side(self) -> int:
        """Of the square that pictures are scaled to, in pixels; parts of it may lie outside."""
        return self._square[2]

    def start(self) -> Picture:
        """The photo, a fresh copy for the caller to paste into again and again."""
        return self._photo.copy()

    def paste(self, image: Picture, out: Picture) -> None:
        """Write a rendered picture into its place.

        Args:
            image: (S, S, 3) RGB of any size.
            out: from `start`; outside of `box` nothing is touched.
        """
        x, y, side = self._square
        left, top, right, bottom = self._box
        if image.shape[0] != side:
            how = cv2.INTER_AREA if side < image.shape[0] else cv2.INTER_CUBIC
            image = np.asarray(cv2.resize(image, (side, side), interpolation=how), np.uint8)
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
