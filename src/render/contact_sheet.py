"""Pictures side by side, to be looked at."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.files import replacing
from src.motion import ARKIT55, CORE7, MotionSpec


def contact_sheet(
    labels: Sequence[str], images: Sequence[NDArray[np.uint8]], columns: int, width: int
) -> NDArray[np.uint8]:
    """Images in rows with a caption each.

    Args:
        labels: one per image; "" for none.
        images: (H, W, 3) uint8 RGB, all of one shape.
        columns: images per row, >= 1.
        width: pixels of each image on the sheet.

    Returns:
        (rows * height, columns * width, 3) uint8 RGB, white where the last row is short.
    """
    height = round(width * images[0].shape[0] / images[0].shape[1])
    rows = -(-len(images) // columns)
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for index, (label, image) in enumerate(zip(labels, images, strict=True)):
        cell = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        place = (round(0.03 * width), height - round(0.04 * width))
        # Dark under light: readable on any picture.
        for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(cell, label, place, cv2.FONT_HERSHEY_SIMPLEX, width / 640, colour, thickness, cv2.LINE_AA)
        top, left = index // columns * height, index % columns * width
        sheet[top : top + height, left : left + width] = cell
    return sheet


def save_sheet(path: Path, sheet: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) uint8 RGB as a picture of the kind that the name ends in, atomically.

    Raises:
        RenderError: it can't be written.
    """
    with replacing(path) as unfinished:
        if not cv2.imwrite(str(unfinished), sheet[..., ::-1]):
            raise RenderError(f"{path}: the picture can't be written. Check free space and permissions.")


def range_of_motion() -> tuple[list[str], NDArray[np.float32]]:
    """Labels and (N, 7) frames that show every channel near its ends, and some together."""
    poses: list[dict[str, float]] = [
        {},
        {"jaw_open": 0.06},
        {"jaw_open": 0.15},
        {"jaw_open": 0.3},
        {"jaw_open": 0.5},
        {"jaw_open": 0.08, "mouth_wide": 0.12},
        {"jaw_open": 0.12, "mouth_narrow": 0.12},
        {"eye_blink": 1.0},
        {"head_yaw": 20.0},
        {"head_yaw": -20.0},
        {"head_pitch": 14.0},
        {"head_pitch": -14.0},
        {"head_roll": 14.0},
        {"head_roll": -14.0},
        {"jaw_open": 0.25, "head_yaw": 14.0, "head_pitch": 6.0, "head_roll": 5.0},
        {"jaw_open": 0.1, "mouth_narrow": 0.08, "head_yaw": -14.0, "head_roll": -6.0, "eye_blink": 0.5},
    ]
    frames = np.tile(CORE7.neutral, (len(poses), 1))
    for frame, pose in zip(frames, poses, strict=True):
        for name, value in pose.items():
            frame[CORE7.index(name)] = value
    labels = [
        " ".join(f"{name.split('_')[1]} {value:g}" for name, value in pose.items()) or "neutral" for pose in poses
    ]
    return labels, frames


def sweep(spec: MotionSpec, name: str, num_frames: int) -> tuple[list[str], NDArray[np.float32]]:
    """Labels and (N, F) frames that take one channel from the lower end of its range to the upper one."""
    channel = spec.channels[spec.index(name)]
    values = np.linspace(channel.minimum, channel.maximum, num_frames, dtype=np.float32)
    frames = np.tile(spec.neutral, (num_frames, 1))
    frames[:, spec.index(name)] = values
    return [f"{name} {value:.3g}" for value in values], frames


def every_shape() -> tuple[list[str], NDArray[np.float32]]:
    """Labels and (N, 55) frames, each with one blendshape of `arkit55` at its upper end."""
    shapes = [channel for channel in ARKIT55.channels if channel.unit == "ratio"]
    frames = np.tile(ARKIT55.neutral, (len(shapes), 1))
    for frame, shape in zip(frames, shapes, strict=True):
        frame[ARKIT55.index(shape.name)] = shape.maximum
    return [shape.name for shape in shapes], frames
