"""Detections of many images into tracks of one face each, as the SyncNet pipeline links them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.errors import DataError

MIN_OVERLAP = 0.5
MAX_GAP_IMAGES = 25
MIN_DETECTIONS = 100
"""A track must have more of them. LatentSync uses 50."""

MIN_FACE_PX = 100.0


@dataclass(frozen=True)
class Track:
    """A face in consecutive images."""

    first_image: int
    """Counted from the start of the video, at 25 images/s."""

    boxes: NDArray[np.float64]
    """(T, 4) x1, y1, x2, y2 in pixels for every image, interpolated where the detector saw nothing."""

    @property
    def last_image(self) -> int:
        """The last image with a box."""
        return self.first_image + len(self.boxes) - 1

    @property
    def sound_s(self) -> tuple[float, float]:
        """Start and end of the track's sound in seconds, rounded to milliseconds as the original cuts it."""
        return round(self.first_image / 25, 3), round((self.last_image + 1) / 25, 3)


def link_tracks(
    detections: NDArray[np.float64], first: int, end: int, min_detections: int = MIN_DETECTIONS
) -> list[Track]:
    """The tracks of one shot.

    A track starts with the first detection that is left, and takes the next one that overlaps its last box enough
    and is near enough in time, until the shot ends or 25 images pass without one.

    Args:
        detections: (n, 5 or more) image number, x1, y1, x2, y2 in pixels; within an image as the detector gave them.
            The detector keeps no two boxes of an image that overlap by half, so an image gives a track one at most.
        first, end: images of the shot, `end` excluded.
        min_detections: a track must have more.

    Raises:
        DataError: the shape of `detections` is wrong.
    """
    if detections.ndim != 2 or detections.shape[1] < 5:
        raise DataError(f"detections of shape {detections.shape}: expected (n, 5), image number and box in every row.")
    inside = detections[(detections[:, 0] >= first) & (detections[:, 0] < end)]
    left = inside[np.argsort(inside[:, 0], kind="stable")]
    tracks = []
    while len(left):
        taken = _followed(left)
        track = _interpolated(left[taken])
        left = np.delete(left, taken, axis=0)
        if len(taken) > min_detections and _mean_size_px(track) > MIN_FACE_PX:
            tracks.append(track)
    return tracks


def _followed(detections: NDArray[np.float64]) -> list[int]:
    """Rows of the track that starts with row 0."""
    taken = [0]
    for row in range(1, len(detections)):
        last = detections[taken[-1]]
        gap = detections[row, 0] - last[0]
        if gap > MAX_GAP_IMAGES:
            break
        if gap > 0 and _overlap(detections[row, 1:5], last[1:5]) > MIN_OVERLAP:
            taken.append(row)
    return taken


def _interpolated(detections: NDArray[np.float64]) -> Track:
    images = np.arange(int(detections[0, 0]), int(detections[-1, 0]) + 1)
    boxes = [np.interp(images, detections[:, 0], detections[:, column]) for column in range(1, 5)]
    return Track(first_image=int(images[0]), boxes=np.stack(boxes, axis=1))


def _mean_size_px(track: Track) -> float:
    """The larger of mean width and mean height."""
    return float((track.boxes[:, 2:] - track.boxes[:, :2]).mean(axis=0).max())


def _overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Intersection over union."""
    shared = np.prod(np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None))
    union = np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - shared
    return float(shared / union)
