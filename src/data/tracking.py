"""One face followed through a video: its landmarks in every picture, and at any instants."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise, starmap
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from src.data.landmarks import ClosedAtExit, FaceLandmarker
from src.data.resampling import HOLD_S, resample_landmarks
from src.data.segments import FrameFacts, head_yaw_deg
from src.data.shots import ShotDetector
from src.data.video import MAX_DISTANCE_S, Timeline, nearest_of, read_images
from src.face import CHIN, FOREHEAD, NUM_LANDMARKS

_Item = TypeVar("_Item")

MARGIN_S = 0.2
"""What has to be seen before and after a stretch, so that landmarks at its ends are interpolated like the others."""

_LARGEST_STEP = 0.5
"""Of a face's height, from one picture to the next: 15 heights a second, faster than any head that is not blurred."""


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
class FaceFrames:
    """One face at given instants.

    Attributes:
        landmarks: (T, 478, 3) float32 in pixels of the upright video; 0 where they are not known.
        interpolated: (T,) where they were guessed over a short gap: to be filled with, not to be believed.
        facts: what decides which stretches are good.
    """

    landmarks: NDArray[np.float32]
    interpolated: NDArray[np.bool_]
    facts: FrameFacts

    @property
    def present(self) -> NDArray[np.bool_]:
        """(T,) whether landmarks are known."""
        return self.facts.present


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """One face in the pictures of a video that were looked at.

    Attributes:
        times_s: (N,) when the pictures are shown, ascending, on the container's clock.
        landmarks: (N, 478, 3) float32 in pixels of the upright video; 0 where the face was not seen.
        present: (N,) whether it was seen, and can be believed.
        new_shot: (N,) whether a shot begins with the picture, or the follower went over to another face.
        probed: (N,) whether the picture was searched for other faces.
        rival: (N,) whether one of comparable size was found.
    """

    times_s: NDArray[np.float64]
    landmarks: NDArray[np.float32]
    present: NDArray[np.bool_]
    new_shot: NDArray[np.bool_]
    probed: NDArray[np.bool_]
    rival: NDArray[np.bool_]

    def at(self, times_s: NDArray[np.float64]) -> FaceFrames:
        """The face at ascending instants on the container's clock. Nothing is interpolated across shots."""
        landmarks = np.zeros((len(times_s), NUM_LANDMARKS, 3), np.float32)
        present, interpolated, rival = np.zeros((3, len(times_s)), bool)
        starts = np.flatnonzero(self.new_shot)
        # A microsecond of grace: an instant is often that of a picture, less a rounding error.
        first_frames = np.searchsorted(times_s + 1e-6, self.times_s[starts])
        pictures, frames = [0, *starts, len(self.times_s)], [0, *first_frames, len(times_s)]
        for of_shot, at in zip(starmap(slice, pairwise(pictures)), starmap(slice, pairwise(frames)), strict=True):
            seen, probed = self.present[of_shot], self.probed[of_shot]
            known_s, known = self.times_s[of_shot], self.landmarks[of_shot]
            if not seen.all():
                known_s, known = known_s[seen], known[seen]
            landmarks[at], present[at], interpolated[at] = resample_landmarks(known_s, known, times_s[at])
            if probed.any():
                rival[at] = self.rival[of_shot][probed][nearest_of(self.times_s[of_shot][probed], times_s[at])]
        new_shot = np.zeros(len(times_s), bool)
        new_shot[first_frames[(first_frames > 0) & (first_frames < len(times_s))]] = True
        facts = FrameFacts(
            shown=self._shown(times_s),
            present=present,
            new_shot=new_shot,
            rival=rival,
            face_px=_heights(landmarks),
            yaw_deg=head_yaw_deg(landmarks),
        )
        return FaceFrames(landmarks, interpolated, facts)

    def _shown(self, times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        if not len(self.times_s):
            return np.zeros(len(times_s), bool)
        distance = np.abs(self.times_s[nearest_of(self.times_s, times_s)] - times_s)
        between = (times_s >= self.times_s[0]) & (times_s <= self.times_s[-1])
        return distance <= np.where(between, MAX_DISTANCE_S, HOLD_S) + 1e-6


class FaceTracker(ClosedAtExit):
    """Follows one face through videos, and notices others beside it.

    Attributes:
        max_side_px: larger pictures are shrunk before the search, by the smallest whole factor that keeps their longer
            side within this; the network looks at 192 pixels of face, so more only costs time.
        probe_every_s: how often, at least, a picture is searched for a second face; also where the face appears
            or jumps.
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

    def follow(self, path: Path, timeline: Timeline, start_s: float, end_s: float, stopwatch: Stopwatch) -> FaceTrack:
        """The face in the pictures shown between two instants on the container's clock.

        Raises:
            MediaError: the video can't be decoded.
        """
        indices = timeline.between(start_s, end_s)
        times_s = timeline.times_s[indices]
        landmarks = np.zeros((len(indices), NUM_LANDMARKS, 3), np.float32)
        present, new_shot, probed, rival = np.zeros((4, len(indices)), bool)
        last, next_probe_s = -1, -np.inf
        shots = ShotDetector()
        self._follower.restart()
        for number, (_, image) in enumerate(stopwatch.through("decode", read_images(path, timeline, indices))):
            with stopwatch.stage("landmarks"):
                small, scale = _shrunk(image, self.max_side_px)
                faces = self._follower.detect(small)
                shots.push(small, faces[0] if faces else None)
                if not faces:
                    continue
                landmarks[number], present[number] = faces[0] * scale, True
                lost = last < number - 1
                jumped = last >= 0 and _has_jumped(landmarks[last], landmarks[number], number - last)
                new_shot[number], last = jumped, number
                if times_s[number] >= next_probe_s or lost or jumped:
                    next_probe_s = times_s[number] + self.probe_every_s
                    probed[number], rival[number] = True, self._has_rival(small, faces[0])
        new_shot[shots.finish()] = True
        # The follower looks for the face where it stood before the cut.
        present &= ~new_shot
        return FaceTrack(times_s, landmarks, present, new_shot, probed, rival)

    def track(self, path: Path, timeline: Timeline, times_s: NDArray[np.float64], stopwatch: Stopwatch) -> FaceFrames:
        """The face at ascending instants on the container's clock.

        Raises:
            MediaError: the video can't be decoded.
        """
        return self.follow(path, timeline, times_s[0] - MARGIN_S, times_s[-1] + MARGIN_S, stopwatch).at(times_s)

    def _has_rival(self, image: NDArray[np.uint8], followed: NDArray[np.float32]) -> bool:
        """Whether another face of comparable height stands beside the followed one."""
        height, centre = _height(followed), followed[:, :2].mean(axis=0)
        return any(
            _height(face) >= self.rival_ratio * height
            and np.linalg.norm(face[:, :2].mean(axis=0) - centre) > height / 2
            for face in self._searcher.detect(image)
        )


def _has_jumped(before: NDArray[np.float32], after: NDArray[np.float32], pictures: int) -> bool:
    """Whether a face is somewhere else than heads get to within some pictures: it is another one."""
    distance = np.linalg.norm(before[:, :2].mean(axis=0) - after[:, :2].mean(axis=0))
    return bool(distance > _LARGEST_STEP * pictures * _height(before))


def _heights(faces: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.linalg.norm(faces[:, FOREHEAD, :2].astype(np.float64) - faces[:, CHIN, :2], axis=1)


def _height(face: NDArray[np.float32]) -> float:
    return float(_heights(face[None])[0])


def _shrunk(image: NDArray[np.uint8], max_side_px: int) -> tuple[NDArray[np.uint8], int]:
    """The picture with its longer side at most `max_side_px`, and the factor back to its own pixels.

    By whole factors only: averaging blocks of pixels takes a tenth of the time of averaging parts of them. A border
    narrower than one pixel of the result may be lost.
    """
    factor = -(-max(image.shape[:2]) // max_side_px)
    if factor == 1:
        return image, 1
    width, height = image.shape[1] // factor, image.shape[0] // factor
    whole = image[: height * factor, : width * factor]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8), factor
