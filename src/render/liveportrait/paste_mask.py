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
    """Puts drawn faces into a picture. The mask is brought to the picture once.

    Args:
        picture: (H, W, 3) RGB; read only from now on.
        to_picture: (3, 3) from the crop to the picture.
        size_px: of the drawn faces.

    Raises:
        RenderError: the crop doesn't touch the picture.
    """

    def __init__(self, picture: Picture, to_picture: Array, size_px: int = CROP_PX) -> None:
        check_picture(picture)
        self._to_picture, self._crop_px = to_picture, size_px
        height, width = picture.shape[:2]
        self._size_px = (width, height)
        self.mask: NDArray[np.uint8] = warped(soft_mask(size_px), to_picture, self._size_px)
        """(H, W, 3) how much of the drawn face counts, 0..255."""
        if not self.mask.any():
            raise RenderError(
                f"paste: the crop lies outside of the picture of {width} x {height} pixels. Give the picture that it "
                "was cut from."
            )
        self._weight = self.mask.astype(np.float32) / 255
        self._still = (1 - self._weight) * picture

    def paste(self, drawn: Picture) -> Picture:
        """The picture with a face in it.

        Args:
            drawn: (S, S, 3) RGB.

        Returns:
            (H, W, 3). Levels are truncated.
        """
        if drawn.shape != (self._crop_px, self._crop_px, 3):
            raise RenderError(f"paste: a face of shape {drawn.shape}, expected {(self._crop_px, self._crop_px, 3)}")
        # Per frame: OpenCV is quick, and the border where it isn't exact is masked.
        face = cv2.warpAffine(drawn, self._to_picture[:2], self._size_px, flags=cv2.INTER_LINEAR)
        return np.clip(self._weight * face + self._still, 0, 255).astype(np.uint8)
