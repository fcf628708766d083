"""What every renderer is to those who use one."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from src.render.avatar import Avatar


class Renderer(Protocol):
    """Draws motion frames on an avatar. Holds numbers only and may be shared between threads."""

    @property
    def size(self) -> int:
        """Pixels of each side of the avatar's picture that it works on; avatars of other sizes are scaled."""
        ...

    @property
    def width(self) -> int:
        """Of the drawn pictures, in pixels."""
        ...

    @property
    def height(self) -> int:
        """Of the drawn pictures, in pixels."""
        ...

    @property
    def channels(self) -> int:
        """Of the drawn pictures: 3 for RGB, 4 for RGB and straight alpha."""
        ...

    def prepare(self, avatar: Avatar) -> Any:
        """All that depends on the avatar alone, once. Never written to again, so sessions may share it.

        Raises:
            RenderError: this avatar can't be drawn; says why.
        """
        ...

    def render(self, state: Any, frame: ArrayLike) -> NDArray[np.uint8]:
        """The picture of one motion frame.

        Args:
            state: from `prepare`.
            frame: (7,) values of `core7` or (55,) of `arkit55`; values outside their ranges are clamped.

        Returns:
            (height, width, channels), owned by the caller.

        Raises:
            RenderError: the frame has another number of values or is not finite.
        """
        ...


class SquarePictures:
    """Sizes of a renderer that draws the avatar's own square."""

    _size: int

    @property
    def size(self) -> int:
        """Pixels of each side of the rendered pictures."""
        return self._size

    @property
    def width(self) -> int:
        """Of the rendered pictures, in pixels."""
        return self._size

    @property
    def height(self) -> int:
        """Of the rendered pictures, in pixels."""
        return self._size
