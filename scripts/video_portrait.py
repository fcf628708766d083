"""The best picture of a video for an avatar."""

import logging
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from src.data.landmarks import FaceFinder
from src.data.video import read_images, read_timeline
from src.errors import RenderError
from src.render.best_frame import best_frame
from src.render.preflight import main_faces
from src.render.preflight_measures import Measures, measure

SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".wmv"}
"""What is read as a video; everything else is a picture."""

DETECTION_SIDE = 960
"""Longest side of the picture in which faces are looked for; a film in full size takes minutes."""

FRAMES = 100
"""Pictures that are looked at, evenly over the video."""

logger = logging.getLogger(__name__)


def is_video(path: Path | str) -> bool:
    """Whether the name is that of a video."""
    return Path(path).suffix.lower() in SUFFIXES


def best_picture(path: Path, minimum_face_px: float) -> NDArray[np.uint8]:
    """(H, W, 3) RGB: the picture of a video that is best suited for an avatar; its time is logged.

    Raises:
        MediaError: the video can't be read.
        RenderError: no picture shows exactly one face.
    """
    timeline = read_timeline(path)
    count = len(timeline.times_s)
    places = np.unique(np.linspace(0, count - 1, min(FRAMES, count)).round().astype(np.int64))
    measured: list[Measures | None] = []
    with FaceFinder() as finder:
        pictures = track(
            read_images(path, timeline, places),
            "best picture",
            total=len(places),
            console=Console(stderr=True),
            transient=True,
        )
        for _, image in pictures:
            faces = main_faces(_found(finder, image))
            measured.append(measure(image, faces[0]) if len(faces) == 1 else None)
    best = best_frame(measured, minimum_face_px)
    if best is None:
        raise RenderError(
            f"{path}: none of {len(places)} pictures of the video shows exactly one face. Use a video of one person "
            "who faces the camera, or a photo."
        )
    # Decoded again: keeping all of them would take gigabytes of a large video.
    ((_, picture),) = read_images(path, timeline, places[best : best + 1])
    logger.info(
        "%s: the picture at %.2f s is the best of %d that were looked at",
        path,
        timeline.times_s[places[best]] - timeline.times_s[0],
        len(places),
    )
    return picture


def _found(finder: FaceFinder, image: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Faces of a picture, found in a smaller one, in pixels of the large one."""
    scale = max(1.0, max(image.shape[:2]) / DETECTION_SIDE)
    height, width = (round(side / scale) for side in image.shape[:2])
    small = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return [(face * np.float32(scale)).astype(np.float32) for face in finder.find(small)]
