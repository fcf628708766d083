"""Pictures side by side, to be looked at."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.face import FACE_OVAL
from src.files import replacing
from src.motion import ARKIT55, CORE7, Motion, MotionSpec

JPEG_QUALITY = 85
"""Of sheets that are written as JPEG: a third of the size of the best, and no difference to the eye."""
FACE_SHARE, FACE_LOWER = 1.0, 0.1
"""Side of the part around a face over the face's larger side, and how far below its middle it lies, over its height."""


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
        if not cv2.imwrite(str(unfinished), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]):
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


def moments(motion: Motion, per_second: float, longest_s: float) -> tuple[list[str], NDArray[np.float32]]:
    """Labels and (N, F) frames of a motion at even times, from its start on.

    Args:
        motion: of any vocabulary.
        per_second: frames per second that are taken, above 0.
        longest_s: what comes later is left out, above 0.
    """
    num_frames = max(int(min(motion.duration_s, longest_s) * per_second + 1e-9), 1)
    times_s = motion.start_s + np.arange(num_frames) / per_second
    return [f"{time_s:.1f} s" for time_s in times_s.tolist()], motion.sample(times_s)


def around_face(image: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The square part of a picture with the face from brows to chin, so that the mouth is large on a sheet.

    Args:
        image: (S, S, 3) uint8 picture.
        landmarks: (478, 3) points of the face at rest in its pixels.
    """
    points = landmarks[list(FACE_OVAL), :2]
    low, high = points.min(axis=0), points.max(axis=0)
    side = int(min(FACE_SHARE * float((high - low).max()), *image.shape[:2]))
    # Low rather than high: a jaw goes down, and less happens above the brows.
    middle = (low + high) / 2 + (0.0, FACE_LOWER * float(high[1] - low[1]))
    left, top = np.clip(np.round(middle - side / 2).astype(int), 0, np.array(image.shape[1::-1]) - side)
    return image[top : top + side, left : left + side]
