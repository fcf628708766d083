"""A drawn face back in the picture that it was cut from, with a soft border all around."""

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.render.liveportrait.crop import CROP_PX, Array, warped
from src.render.liveportrait.pictures import Picture, check_picture

_BORDER_PX = 16


@functools.cache
def soft_mask(size_px: int = CROP_PX) -> NDArray[np.uint8]:
    """(S, S, 3) how much of a crop counts: 255 inside, falling to 0 over the 16 pixels at its border. Read only."""
    places = np.arange(size_px, dtype=np.float64)
    beyond = np.maximum(np.maximum(_BORDER_PX - places, places - (size_px - _BORDER_PX)), 0)
    distance = np.hypot(beyond[:, None], beyond[None])
    levels = np.floor(255 * np.maximum(0, 1 - distance / _BORDER_PX)).astype(np.uint8)
    mask = np.repeat(levels[..., None], 3, axis=2)
    mask.flags.writeable = False
    return mask


class CropPaste:
    """Puts drawn faces into a picture; used as `src.render.paste.PasteBack` is. The mask is brought there once.

    Args:
        picture: (H, W, 3) RGB; read only from now on.
        to_picture: (3, 3) from the crop to the picture.
        size_px: of the drawn faces.

    Raises:
        RenderError: the crop doesn't touch the picture.
    """

    def __init__(self, picture: Picture, to_picture: Array, size_px: int = CROP_PX) -> None:
        check_picture(picture)
        height, width = picture.shape[:2]
        self._picture, self._crop_px = picture, size_px
        self.mask: NDArray[np.uint8] = warped(soft_mask(size_px), to_picture, (width, height))
        """(H, W, 3) how much of the drawn face counts, 0..255."""
        rows, columns = (np.flatnonzero(self.mask[..., 0].any(axis=axis)) for axis in (1, 0))
        if len(rows) == 0:
            raise RenderError(
                f"paste: the crop lies outside of the picture of {width} x {height} pixels. Give the picture that it "
                "was cut from."
            )
        self._rows = slice(int(rows[0]), int(rows[-1]) + 1)
        self._columns = slice(int(columns[0]), int(columns[-1]) + 1)
        self._to_box = to_picture.astype(np.float64)
        self._to_box[:2, 2] -= (self._columns.start, self._rows.start)
        self._weight = self.mask[self._rows, self._columns].astype(np.float32) / 255
        self._still = (1 - self._weight) * picture[self._rows, self._columns]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the whole picture."""
        height, width = self._picture.shape[:2]
        return height, width, 3

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of what `paste` writes."""
        return self._columns.start, self._rows.start, self._columns.stop, self._rows.stop

    def start(self) -> Picture:
        """The picture, a fresh copy for the caller to paste into again and again."""
        return self._picture.copy()

    def paste(self, drawn: Picture, out: Picture) -> None:
        """Write a drawn face into its place.

        Args:
            drawn: (S, S, 3) RGB.
            out: from `start`; outside of `box` nothing is touched. Levels are truncated.
        """
        if drawn.shape != (self._crop_px, self._crop_px, 3):
            raise RenderError(f"paste: a face of shape {drawn.shape}, expected {(self._crop_px, self._crop_px, 3)}")
        height, width = self._weight.shape[:2]
        # Per frame: OpenCV is quick, and the border where it isn't exact is masked.
        face = cv2.warpAffine(drawn, self._to_box[:2], (width, height), flags=cv2.INTER_LINEAR)
        blended = cv2.multiply(face, self._weight, dtype=cv2.CV_32F)
        out[self._rows, self._columns] = np.clip(cv2.add(blended, self._still, dst=blended), 0, 255)
