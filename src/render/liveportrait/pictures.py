"""Pictures in and out of the networks."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src.errors import RenderError

Picture = NDArray[np.uint8]

NETWORK_SIZE_PX = 256
SOURCE_SIDE_PX, SOURCE_DIVISION = 1280, 2
"""Longest side of a source picture, and what its sides are multiples of."""


def network_input(image: Picture) -> Tensor:
    """A picture as F and M see it.

    Args:
        image: (H, W, 3) RGB of any size; other ones than 256 x 256 are resized, without regard to their proportions.

    Returns:
        (1, 3, 256, 256) in 0..1.
    """
    check_picture(image)
    if image.shape[:2] != (NETWORK_SIZE_PX, NETWORK_SIZE_PX):
        image = np.asarray(cv2.resize(image, (NETWORK_SIZE_PX, NETWORK_SIZE_PX), interpolation=cv2.INTER_LINEAR))
    return torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None].contiguous()


def drawn_pictures(drawn: Tensor) -> Picture:
    """What G draws as bytes; truncated, not rounded, as the official program does.

    Args:
        drawn: (B, 3, H, W) around 0..1.

    Returns:
        (B, H, W, 3) RGB.
    """
    return levels_of(drawn).cpu().numpy()


def levels_of(drawn: Tensor) -> Tensor:
    """As `drawn_pictures`, on the device: (B, 3, H, W) around 0..1 -> (B, H, W, 3) uint8."""
    levels = (drawn.detach().float().clamp(0, 1) * 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous()


def limit_size(image: Picture) -> Picture:
    """A source picture with sides that are not too long, and even.

    Args:
        image: (H, W, 3) RGB.

    Returns:
        (H', W', 3): the longer side at most 1280; a last row or column is cut off where a side is odd.

    Raises:
        RenderError: it is no picture, or nothing is left of a side.
    """
    check_picture(image)
    height, width = image.shape[:2]
    longest = max(height, width)
    if longest > SOURCE_SIDE_PX:
        # The longer side becomes 1280; the other is truncated.
        height, width = (side * SOURCE_SIDE_PX // longest for side in (height, width))
    across, down = (side - side % SOURCE_DIVISION for side in (width, height))
    if min(across, down) == 0:
        raise RenderError(
            f"source: a picture of {image.shape[1]} x {image.shape[0]} pixels is too narrow. Use another one."
        )
    if longest > SOURCE_SIDE_PX:
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return image[:down, :across]


def check_picture(image: Picture) -> None:
    """Bytes, rows, columns and three colours, or a `RenderError`."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise RenderError(
            f"picture: {image.dtype} of shape {image.shape}, expected uint8 (H, W, 3) RGB. Convert it first."
        )
