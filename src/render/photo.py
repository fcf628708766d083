"""The whole photo with its head alive: a renderer around any other, which draws the head.

The inner renderer draws the avatar, a square around the head; the rest of the photo stands still and is never computed
again. The head is cut anew from the photo as it is shown, on whole pixels and in the size of the inner renderer: so it
is as sharp as the photo, and no edge makes a step where it leaves the square.
"""

import hashlib
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from src.errors import RenderError
from src.render.avatar import Avatar
from src.render.cropping import cut
from src.render.paste import PasteBack, full_hd
from src.render.portrait import load_portrait
from src.render.renderer import Renderer
from src.render.resizing import moved_landmarks, scaled

logger = logging.getLogger(__name__)

COARSE = 0.8
"""Drawn over shown size of the head below which it looks softer than the photo around it."""
BESIDE_PX = 2
"""How far beside the person the wall of the avatar is used; beyond, that of the photo, which is sharper."""


@dataclass(frozen=True, eq=False)
class PhotoState:
    """What `PhotoRenderer.prepare` knows about an avatar; read only.

    Attributes:
        head: the state of the inner renderer.
        paste: puts its pictures into the photo.
    """

    head: Any
    paste: PasteBack


class PhotoRenderer:
    """Draws an avatar inside the photo that it was made from.

    Args:
        inner: draws the head; without a transparent backdrop.
        photo: the picture file; turned upright as cameras note it, and shown in at most full HD.

    Raises:
        RenderError: the photo can't be read, or the inner renderer's pictures have holes.
    """

    def __init__(self, *, inner: Renderer, photo: str | Path) -> None:
        if inner.channels != 3:
            raise RenderError(
                "photo renderer: the inner renderer draws with transparency, there is nothing to paste it on. "
                "Use another backdrop for it, or render=mesh without the photo."
            )
        self._inner, self._path = inner, Path(photo)
        pixels = load_portrait(self._path)
        self._sha256 = hashlib.sha256(pixels.tobytes()).hexdigest()
        self._photo, self._scale = full_hd(pixels)

    @property
    def size(self) -> int:
        """Pixels of each side of the head's picture as the inner renderer draws it."""
        return self._inner.size

    @property
    def width(self) -> int:
        """Of the drawn pictures, in pixels."""
        return self._photo.shape[1]

    @property
    def height(self) -> int:
        """Of the drawn pictures, in pixels."""
        return self._photo.shape[0]

    @property
    def channels(self) -> int:
        """RGB."""
        return 3

    def prepare(self, avatar: Avatar) -> PhotoState:
        """Cut the head from the photo and measure it, once.

        Raises:
            RenderError: the avatar was made from another picture, or the inner renderer refuses it.
        """
        if avatar.source_sha256 != self._sha256:
            raise RenderError(
                f"{self._path}: not the picture that the avatar {avatar.name} was made from (the SHA-256 of its pixels "
                "is another). Hand in that picture as render.photo, or make the avatar again from this one with "
                "`python -m scripts.make_avatar`."
            )
        left, top, side = (round(place * self._scale) for place in avatar.crop)
        side = max(side, 1)
        if self._inner.size < COARSE * side:
            logger.warning(
                "%s: the head is drawn with %d pixels and shown with %d: it looks softer than the photo. Set "
                "render.inner.size to about %d, and render.inner.grid_step in proportion.",
                self._path,
                self._inner.size,
                side,
                side,
            )
        paste = PasteBack(self._photo, left, top, side)
        return PhotoState(self._inner.prepare(self._cut_anew(avatar, left, top, side)), paste)

    def render(self, state: PhotoState, frame: ArrayLike) -> NDArray[np.uint8]:
        """The photo with the head of one motion frame; see `Renderer.render`."""
        head = self._inner.render(state.head, frame)
        image = state.paste.start()
        state.paste.paste(head, image)
        return image

    def _cut_anew(self, avatar: Avatar, left: int, top: int, side: int) -> Avatar:
        """The avatar as a square of the shown photo."""
        size = self._inner.size
        # From pixel corners of the avatar's picture to those of the new one: a little more than scaling.
        zoom = avatar.crop[2] * self._scale / side
        shift = [
            (corner * self._scale - new) * size / side for corner, new in zip(avatar.crop, (left, top), strict=False)
        ]
        move = np.array([[zoom, 0, shift[0] + (zoom - 1) / 2], [0, zoom, shift[1] + (zoom - 1) / 2]])

        def moved(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
            kept = scaled(picture, size)
            shifted = cv2.warpAffine(kept, move, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            return np.asarray(shifted, np.uint8)

        image = scaled(cut(self._photo, left, top, side), size)
        matte, wall = moved(avatar.matte), moved(avatar.background)
        near = cv2.dilate(matte, np.ones((2 * BESIDE_PX + 1, 2 * BESIDE_PX + 1), np.uint8))
        return replace(
            avatar,
            image=image,
            landmarks=moved_landmarks(avatar.landmarks, zoom * size / avatar.size, *shift),
            matte=matte,
            background=np.where(near[..., None] > 0, wall, image),
        )
