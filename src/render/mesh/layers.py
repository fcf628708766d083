"""The person and the wall as two layers: one is warped, the other stands still.

The person's colours are stored multiplied by alpha, so that warping and laying one over the other are exact where
alpha changes from pixel to pixel. Everything per frame is uint8 arithmetic of OpenCV, in the box that can change.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.render.matting import separated
from src.render.mesh.geometry import Box

Picture = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class CutOut:
    """The person before nothing; read only.

    Attributes:
        person: (H, W, 4) RGB multiplied by alpha, and alpha.
    """

    person: Picture

    def shown(self, person: Picture) -> Picture:
        """(H, W, 4) RGB and straight alpha of what `self.person` became when it was warped."""
        return straight(person)


@dataclass(frozen=True, eq=False)
class Layers:
    """A portrait taken apart; read only.

    Attributes:
        person: (H, W, 4) RGB multiplied by alpha, and alpha.
        background: (H, W, 3) RGB of the wall, everywhere.
    """

    person: Picture
    background: Picture

    def shown(self, person: Picture) -> Picture:
        """(H, W, 3) RGB of what `self.person` became when it was warped, before the wall."""
        image = np.empty_like(self.background)
        self.compose(person, image, (0, 0, image.shape[1], image.shape[0]))
        return image

    def compose(self, person: Picture, out: Picture, box: Box) -> None:
        """Lay a warped person over the wall.

        Args:
            person: (bottom - top, right - left, 4) what `self.person` became inside the box.
            out: (H, W, 3) picture of which the box is written.
            box: left, top, right, bottom.
        """
        left, top, right, bottom = box
        see_through = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(person, 3)), cv2.COLOR_GRAY2RGB)
        wall = cv2.multiply(self.background[top:bottom, left:right], see_through, see_through, scale=1 / 255)
        cv2.add(cv2.cvtColor(person, cv2.COLOR_RGBA2RGB), wall, out[top:bottom, left:right])


def make_layers(image: Picture, matte: Picture, background: Picture) -> Layers:
    """Layers that give the picture back when nothing moves, to the rounding of a grey value.

    Args:
        image: (H, W, 3) RGB.
        matte: (H, W), 255 for the person.
        background: (H, W, 3) the wall, as `filled_background` gives it.

    Raises:
        RenderError: the shapes don't fit.
    """
    _check(image, matte, background)
    # The least alpha with which a colour exists that, laid over the wall, gives the pixel: strands and the camera's
    # sharpening beside the matte go with the person too, or they would stay behind as an outline.
    wall, pixel = background.astype(np.float32), image.astype(np.float32)
    darker = (wall - pixel) / np.maximum(wall, np.float32(1))
    brighter = (pixel - wall) / np.maximum(255 - wall, np.float32(1))
    least = np.ceil(255 * np.clip(np.maximum(darker, brighter).max(axis=2), 0.0, 1.0))
    alpha = np.maximum(matte, least.astype(np.uint8))
    own = np.clip(np.round(pixel - (1 - alpha[..., None].astype(np.float32) / 255) * wall), 0, 255)
    return Layers(np.dstack([own.astype(np.uint8), alpha]), background)


def cut_out(image: Picture, matte: Picture) -> Picture:
    """The person with own colours only, for another background: no rim of the old wall.

    Args:
        image: (H, W, 3) RGB.
        matte: (H, W), 255 for the person.

    Returns:
        (H, W, 4) RGB multiplied by alpha, and alpha.

    Raises:
        RenderError: the shapes don't fit.
    """
    _check(image, matte, image)
    own = separated(image, matte)[0] * (matte[..., None].astype(np.float32) / 255)
    own = np.where(matte[..., None] == 255, image, own)
    return np.dstack([np.round(own), matte]).astype(np.uint8)


def straight(person: Picture) -> Picture:
    """(H, W, 4) multiplied colours and alpha -> colours as files and players want them, and alpha."""
    alpha = cv2.extractChannel(person, 3)
    colours = cv2.divide(cv2.cvtColor(person, cv2.COLOR_RGBA2RGB), cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB), scale=255.0)
    return np.asarray(cv2.merge([*cv2.split(colours), alpha]), np.uint8)


def _check(image: Picture, matte: Picture, background: Picture) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or matte.shape != image.shape[:2] or background.shape != image.shape:
        raise RenderError(
            f"layers of shapes {image.shape} (picture), {matte.shape} (matte) and {background.shape} (background), "
            "expected (H, W, 3), (H, W) and (H, W, 3). Make the avatar again with `python -m scripts.make_avatar`."
        )
