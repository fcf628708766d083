"""One face followed through a video: its landmarks at given instants."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from src.data.landmarks import ClosedAtExit, FaceLandmarker
from src.data.video import Timeline, sample_images
from src.face import CHIN, FOREHEAD, NUM_LANDMARKS

_Item = TypeVar("_Item")


@dataclass
class Stopwatch:
    """Seconds spent per stage of the work."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time inside the block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start

    def through(self, name: str, items: Iterable[_Item]) -> Iterator[_Item]:
        """The items, with the time it takes to make them added to a stage."""
        iterator = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """One face through time.

    Attributes:
        landmarks: (T, 478, 3) float32 in pixels of the upright video; 0 where the face was not seen.
        present: (T,) whether the face was seen.
        covered: (T,) whether the video has a picture at all.
        rivals: share of the probed pictures in which another face is comparable in size.
    """

    landmarks: NDArray[np.float32]
    present: NDArray[np.bool_]
    covered: NDArray[np.bool_]
    rivals: float

    @property
    def face_px(self) -> float:
        """Height of the face from forehead to chin in pixels, the median of the frames that show it."""
        if not self.present.any():
            return 0.0
        seen = self.landmarks[self.present]
        return float(np.median(np.linalg.norm(seen[:, FOREHEAD, :2] - seen[:, CHIN, :2], axis=1)))


class FaceTracker(ClosedAtExit):
    """Follows one face through videos, and notices others beside it.

    Attributes:
        max_side_px: larger pictures are shrunk to this before the search; the network looks at 192
            pixels of face, so more only costs time.
        probe_every_s: how often a picture is searched for a second face.
        rival_ratio: a second face counts from this share of the followed face's height.
    """

    def __init__(self, *, max_side_px: int, probe_every_s: float, rival_ratio: float) -> None:
        self.max_side_px = max_side_px
        self.probe_every_s = probe_every_s
        self.rival_ratio = rival_ratio
        self._follower = FaceLandmarker(max_faces=1, static=False)
        self._searcher = FaceLandmarker(max_faces=2, static=True)

    def close(self) -> None:
        """Free both face landmarkers; the tracker is of no further use."""
        self._follower.close()
        self._searcher.close()

    def track(self, path: Path, timeline: Timeline, times_s: NDArray[np.float64], stopwatch: Stopwatch) -> FaceTrack:
        """Landmarks of the face at ascending instants on the container's clock.

        Raises:
            MediaError: the video can't be decoded.
        """
        landmarks = np.zeros((len(times_s), NUM_LANDMARKS, 3), np.float32)
        present, covered = np.zeros(len(times_s), bool), np.zeros(len(times_s), bool)
        probes, rivals, next_probe_s = 0, 0, -np.inf
        self._follower.restart()
        for instants, image in stopwatch.through("decode", sample_images(path, timeline, times_s)):
            covered[instants] = True
            with stopwatch.stage("landmarks"):
                small, scale = _shrunk(image, self.max_side_px)
                faces = self._follower.detect(small)
                if not faces:
                    continue
                landmarks[instants], present[instants] = faces[0] * scale, True
                if times_s[instants[0]] >= next_probe_s:
                    next_probe_s = times_s[instants[0]] + self.probe_every_s
                    probes += 1
                    rivals += self._has_rival(small, faces[0])
        return FaceTrack(landmarks, present, covered, rivals / probes if probes else 0.0)

    def _has_rival(self, image: NDArray[np.uint8], followed: NDArray[np.float32]) -> bool:
        """Whether another face of comparable height stands beside the followed one."""
        height, centre = _height(followed), followed[:, :2].mean(axis=0)
        return any(
            _height(face) >= self.rival_ratio * height
            and np.linalg.norm(face[:, :2].mean(axis=0) - centre) > height / 2
            for face in self._searcher.detect(image)
        )


def _height(face: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(face[FOREHEAD, :2] - face[CHIN, :2]))


def _shrunk(image: NDArray[np.uint8], max_side_px: int) -> tuple[NDArray[np.uint8], float]:
    """The picture with its longer side at most `max_side_px`, and the factor back to its own pixels."""
    height, width = image.shape[:2]
    scale = max(height, width) / max_side_px
    if scale <= 1:
        return image, 1.0
    size = (round(width / scale), round(height / scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), scale
