"""From a video to one score per face: shots, detections, tracks, crops, and SyncNet on each with its sound.

The official scripts encode the pictures again between these steps. Here they are handed on as decoded ("lossless"):
the steps are the same, and the figures differ by what a codec does to a picture. They belong to tracked face crops
("real videos"): those of whole frames ("LRS") are on another scale.

Pictures come at 25 per second, sound at 16 kHz; sample 0 is heard when image 0 is shown.

Reference:
    `run_pipeline.py` and `run_syncnet.py` of github.com/joonson/syncnet_python; the mean over tracks as in the
    evaluation of github.com/bytedance/LatentSync.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from src.errors import DataError
from src.eval.syncnet.crops import CropPath, crop_face, crop_path
from src.eval.syncnet.front_end import SAMPLE_RATE_HZ
from src.eval.syncnet.network import SyncNet
from src.eval.syncnet.protocol import SyncScore, num_windows, score_clip
from src.eval.syncnet.s3fd import S3FD, detect_faces
from src.eval.syncnet.scenes import change_scores, find_cuts
from src.eval.syncnet.tracks import MIN_DETECTIONS, MIN_FACE_PX, Track, link_tracks

LOSSLESS = "lossless"
"""The mode: pictures are not encoded again between the steps."""

IMAGES_PER_SECOND = 25

_LARGEST_FACE = 20.0
"""Side of a box over that of the picture. Boxes reach beyond it, but not like this: such weights are not trained."""

Image = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Scan:
    """What the first look at a video found.

    Attributes:
        num_images: in the video.
        cuts: images with which a new shot starts, without image 0.
        detections: (n, 6) image number, x1, y1, x2, y2 in pixels, score.
    """

    num_images: int
    cuts: list[int]
    detections: NDArray[np.float64]

    @property
    def shots(self) -> list[tuple[int, int]]:
        """First image and the one after the last of every shot."""
        edges = [0, *self.cuts, self.num_images]
        return list(pairwise(edges))


@dataclass(frozen=True, eq=False)
class TrackScore:
    """A face and how well its lips go with the sound.

    Attributes:
        track: where it is.
        face_px: the larger of mean width and mean height of its boxes.
        num_windows: that were compared.
        score: the three figures.
    """

    track: Track
    face_px: float
    num_windows: int
    score: SyncScore


@dataclass(frozen=True)
class MeanScore:
    """Of all tracks of a video, each counted once whatever its length.

    Attributes:
        lse_c, lse_d: means.
        offset_frames: mean, cut off towards 0 to whole images.
    """

    lse_c: float
    lse_d: float
    offset_frames: int


@dataclass(frozen=True, eq=False)
class VideoScore:
    """What became of every shot of a video.

    Attributes:
        shots: first image and the one after the last.
        tracks: scored, in the order of their first images.
        reasons: why shots or tracks have no score, in words.
    """

    shots: list[tuple[int, int]]
    tracks: list[TrackScore]
    reasons: list[str]

    @property
    def mean(self) -> MeanScore | None:
        """Over the tracks; None without any."""
        if not self.tracks:
            return None
        scores = [one.score for one in self.tracks]
        return MeanScore(
            lse_c=fmean(score.confidence for score in scores),
            lse_d=fmean(score.min_distance for score in scores),
            offset_frames=math.trunc(fmean(score.offset_frames for score in scores)),
        )


def scan_video(images: Iterable[Image], detect: Callable[[Image], NDArray[np.float64]]) -> Scan:
    """Find the cuts and the faces of a video, one picture in memory at a time.

    Args:
        images: (H, W, 3) uint8 **red, green, blue** at 25 per second, all of one size.
        detect: an image to its (n, 5) x1, y1, x2, y2 in pixels and score, as `detector` gives.

    Raises:
        DataError: there are no images, or the detector gives boxes that no face can have.
    """
    found = []

    def looked_at() -> Iterator[Image]:
        for index, image in enumerate(images):
            boxes = detect(image)
            _check_boxes(boxes, index, image)
            found.append(np.column_stack([np.full(len(boxes), float(index)), boxes]))
            yield blue_first(image)

    cuts = find_cuts(change_scores(looked_at()))
    if not found:
        raise DataError("there are no pictures to look for a face in. Give a video.")
    return Scan(len(found), cuts, np.concatenate(found))


def detector(network: S3FD) -> Callable[[Image], NDArray[np.float64]]:
    """`detect` for `scan_video`: the face detector at the scale and threshold of the published figures."""
    return partial(detect_faces, network)


def score_video(
    network: SyncNet,
    images: Iterable[Image],
    samples: NDArray[np.int16],
    scan: Scan,
    min_detections: int = MIN_DETECTIONS,
) -> VideoScore:
    """Score every face that is tracked long enough.

    Args:
        network: with trained weights, in `eval()` mode.
        images: those that `scan` was made of, again.
        samples: (S,) int16 mono at 16 kHz.
        scan: of the same video.
        min_detections: a track must have more of them; at least 6, or the smoothing leaves nothing of a crop.

    Returns:
        The scored tracks; every shot has a track or a reason.

    Raises:
        DataError: there are fewer images than in `scan`, or `samples` are of another type.
    """
    tracks, reasons = [], []
    for first, end in scan.shots:
        of_shot = link_tracks(scan.detections, first, end, min_detections)
        tracks += of_shot
        if not of_shot:
            reasons.append(why_no_track(scan, first, end, min_detections))
    scored = []
    for track, crops in _crops(images, sorted(tracks, key=lambda track: track.first_image)):
        start, end = (round(second * SAMPLE_RATE_HZ) for second in track.sound_s)
        sound = samples[start:end]
        try:
            count = num_windows(len(crops), len(sound))
        except DataError as error:  # the sound is over before the pictures
            reasons.append(f"images {track.first_image} to {track.last_image}: {error}")
            continue
        scored.append(TrackScore(track, _face_px(track.boxes), count, score_clip(network, crops, sound)))
    return VideoScore(scan.shots, sorted(scored, key=lambda one: one.track.first_image), reasons)


def why_no_track(scan: Scan, first: int, end: int, min_detections: int) -> str:
    """Why the images of a shot, `end` excluded, give no track."""
    where = f"images {first} to {end - 1}"
    needed = f"a track needs more than {min_detections} pictures with its face"
    inside = scan.detections[(scan.detections[:, 0] >= first) & (scan.detections[:, 0] < end)]
    if end - first <= min_detections:
        return f"{where}: too short, {end - first} images; {needed}"
    if not len(inside):
        return f"{where}: no face was found"
    if link_tracks(inside, first, end, 0):
        return f"{where}: no face is seen for long enough; {needed}"
    size = f"{_face_px(inside[:, 1:5]):.0f} px on average"
    return f"{where}: the faces are too small, {size}; they must be larger than {MIN_FACE_PX:g} px"


def blue_first(image: Image) -> Image:
    """(H, W, 3) with the channels in the other order, as OpenCV and SyncNet want them."""
    return np.ascontiguousarray(image[..., ::-1])


def _crops(images: Iterable[Image], tracks: list[Track]) -> Iterator[tuple[Track, NDArray[np.uint8]]]:
    """Every track with its (T, 224, 224, 3) BGR crops, as soon as it ends; its pictures are then forgotten."""
    waiting: list[tuple[Track, CropPath, list[Image]]] = [(track, crop_path(track.boxes), []) for track in tracks]
    for index, image in enumerate(images):
        for track, path, crops in waiting:
            at = index - track.first_image
            if 0 <= at < len(track.boxes):
                crops.append(crop_face(blue_first(image), path.x[at], path.y[at], path.half_size[at]))
        for track, _, crops in waiting:
            if track.last_image == index:
                yield track, np.stack(crops)
        waiting = [one for one in waiting if one[0].last_image > index]
        if not waiting:
            return
    if waiting:
        raise DataError(
            f"the pictures ended before image {waiting[0][0].last_image}, which the first look had seen. "
            "Give the same video to both."
        )


def _check_boxes(boxes: NDArray[np.float64], index: int, image: Image) -> None:
    sides = boxes[:, 2:4] - boxes[:, :2]
    wrong = ~((sides > 0) & (sides < _LARGEST_FACE * max(image.shape[:2]))).all(axis=1)
    if wrong.any():
        width, height = sides[wrong][0]
        raise DataError(
            f"image {index}: the face detector gives a box of {width:.3g} x {height:.3g} pixels in a picture of "
            f"{image.shape[1]} x {image.shape[0]}, so its weights are not the trained ones. Give sfd_face.pth."
        )


def _face_px(boxes: NDArray[np.float64]) -> float:
    """The larger of mean width and mean height."""
    return float((boxes[:, 2:] - boxes[:, :2]).mean(axis=0).max())
