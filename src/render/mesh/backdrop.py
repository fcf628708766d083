"""What is seen behind the person: the wall of the photo, blurred, a colour, another picture, or nothing."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.render.mesh.layers import CutOut, Layers, cut_out, make_layers
from src.render.portrait import load_portrait

Picture = NDArray[np.uint8]


class Backdrop(ABC):
    """Decides what is behind the person."""

    @property
    def channels(self) -> int:
        """Of the pictures that its layers show: 3 for RGB, 4 for RGB and straight alpha."""
        return 3

    @abstractmethod
    def layers(self, image: Picture, matte: Picture, wall: Picture) -> Layers | CutOut:
        """The person before this backdrop.

        Args:
            image: (H, W, 3) RGB portrait.
            matte: (H, W), 255 for the person.
            wall: (H, W, 3) the wall with the person filled in.

        Raises:
            RenderError: nothing of the picture is wall.
        """


class OwnBackdrop(Backdrop):
    """The wall of the photo: neutral, the picture is the photo."""

    def layers(self, image: Picture, matte: Picture, wall: Picture) -> Layers:
        """Layers that give the photo back."""
        return make_layers(image, matte, wall)


class TransparentBackdrop(Backdrop):
    """Nothing: pictures have an alpha channel."""

    @property
    def channels(self) -> int:
        """RGB and alpha."""
        return 4

    def layers(self, image: Picture, matte: Picture, wall: Picture) -> CutOut:
        """The person alone."""
        _check_wall(matte)
        return CutOut(cut_out(image, matte))


class StillBackdrop(Backdrop):
    """A layer that stands still behind the person."""

    @abstractmethod
    def behind(self, wall: Picture) -> Picture:
        """(H, W, 3) RGB instead of the wall of the photo with the person filled in, of the same shape."""

    def layers(self, image: Picture, matte: Picture, wall: Picture) -> Layers:
        """The person with colours of its own before `behind`."""
        _check_wall(matte)
        return Layers(cut_out(image, matte), self.behind(wall))


class BlurredBackdrop(StillBackdrop):
    """The wall of the photo out of focus.

    Args:
        radius: of the blur over the side of the picture, above 0.

    Raises:
        RenderError: the radius is not above 0.
    """

    def __init__(self, *, radius: float) -> None:
        if not 0 < radius <= 0.5:
            raise RenderError(
                f"backdrop: blur radius {radius}, expected above 0, at most 0.5. Correct the configuration."
            )
        self._radius = radius

    def behind(self, wall: Picture) -> Picture:
        """The wall, blurred."""
        return np.asarray(cv2.GaussianBlur(wall, (0, 0), self._radius * max(wall.shape[:2])), np.uint8)


class ColouredBackdrop(StillBackdrop):
    """One colour; (0, 255, 0) is the green for keying.

    Args:
        colour: red, green and blue, 0 to 255.

    Raises:
        RenderError: that is no colour.
    """

    def __init__(self, *, colour: Sequence[int]) -> None:
        if len(colour) != 3 or not all(0 <= value <= 255 for value in colour):
            raise RenderError(
                f"backdrop: colour {list(colour)}, expected red, green and blue from 0 to 255. Correct the config."
            )
        self._colour = np.array(list(colour), np.uint8)

    def behind(self, wall: Picture) -> Picture:
        """The colour everywhere."""
        return np.ascontiguousarray(np.broadcast_to(self._colour, wall.shape))


class PictureBackdrop(StillBackdrop):
    """Another picture, scaled to cover, its middle shown.

    Args:
        path: a picture file.

    Raises:
        RenderError: the file can't be read.
    """

    def __init__(self, *, path: str | Path) -> None:
        self._picture = load_portrait(path)

    def behind(self, wall: Picture) -> Picture:
        """The picture's middle, as large as the wall."""
        height, width = wall.shape[:2]
        scale = max(height / self._picture.shape[0], width / self._picture.shape[1])
        size = (max(round(self._picture.shape[1] * scale), width), max(round(self._picture.shape[0] * scale), height))
        scaled = cv2.resize(self._picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        left, top = (size[0] - width) // 2, (size[1] - height) // 2
        return np.ascontiguousarray(scaled[top : top + height, left : left + width], np.uint8)


def _check_wall(matte: Picture) -> None:
    if matte.min() == 255:
        raise RenderError(
            "backdrop: all of this avatar's picture counts as person, so nothing can be put behind. "
            "Make the avatar again from a photo that shows some wall, or set render/backdrop=own."
        )
