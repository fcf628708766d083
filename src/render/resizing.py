"""One avatar at every size: pictures and landmarks of a package scaled to what a renderer draws."""

import logging
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from src.render.avatar import Avatar

logger = logging.getLogger(__name__)


def scaled(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A square picture of another size: area averaging down, Lanczos up, so that it neither aliases nor softens."""
    how = cv2.INTER_AREA if size < picture.shape[0] else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(picture, (size, size), interpolation=how), np.uint8)


def resized(avatar: Avatar, size: int) -> Avatar:
    """The avatar with pictures of `size` pixels; itself if it has that size.

    Enlarging is allowed and logged: the pictures become softer than a photo of that size.

    Args:
        avatar: any.
        size: of each side in pixels, even and above 0.
    """
    if size == avatar.size:
        return avatar
    if size > avatar.size:
        logger.warning(
            "%s: a picture of %d pixels is enlarged to %d and looks soft. `scripts.make_avatar size=%d` makes a sharp "
            "one, if the photo has the pixels.",
            avatar.name,
            avatar.size,
            size,
            size,
        )
    image, matte, background = (scaled(picture, size) for picture in (avatar.image, avatar.matte, avatar.background))
    return replace(
        avatar,
        image=image,
        landmarks=moved_landmarks(avatar.landmarks, size / avatar.size),
        matte=matte,
        background=background,
    )


def moved_landmarks(
    landmarks: NDArray[np.float32], factor: float, right: float = 0.0, down: float = 0.0
) -> NDArray[np.float32]:
    """Landmarks in a picture that was scaled and then moved by so many pixels; whole numbers stay pixel centres."""
    corner = np.array([0.5, 0.5, 0.0])
    return ((landmarks + corner) * factor + np.array([right, down, 0.0]) - corner).astype(np.float32)
