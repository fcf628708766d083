"""Motion labels from face landmarks: what a face does, whoever it is and however it is turned.

The 3-D head pose is removed before anything on the face is measured (`src/data/alignment.py`). Distances
are then taken over face size and relative to the clip's own neutral, which is a robust percentile of the
clip and never its first frame.

`label_core7` is pure arithmetic on landmarks. `extract_motion` does the whole way from a video file.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.data.alignment import align, without_blinks, without_openings
from src.data.audio import load_recording
from src.data.rejection import MediaError, Reason
from src.data.smoothing import LIGHT_KERNEL, SLOW_KERNEL, fill_gaps, smooth, smooth_head
from src.data.tracking import FaceTracker, Stopwatch
from src.data.video import read_timeline
from src.errors import DataError
from src.face import (
    CHIN,
    FACE_SIZE_POINTS,
    LEFT_INNER_CORNER,
    LEFT_MOUTH_CORNER,
    LOWER_INNER_LIP,
    NUM_LANDMARKS,
    RIGHT_INNER_CORNER,
    RIGHT_MOUTH_CORNER,
    UPPER_INNER_LIP,
    eye_aspect_ratio,
    eye_closure,
)
from src.motion import CORE7, FRAMES_PER_SECOND, Motion, frame_times

LABEL_VERSION = 4
"""Grows when the same landmarks would get other labels, so that stores are labelled again."""


def label_core7(landmarks: NDArray[np.float32], present: NDArray[np.bool_], fps: float, start_s: float) -> Motion:
    """`core7` of one face in one clip.

    Args:
        landmarks: (T, 478, 3) pixels, z in the same scale and smaller towards the camera.
        present: (T,) where the face was seen; the other rows of `landmarks` are not read.
        fps: frames per second.
        start_s: time of frame 0.

    Returns:
        Motion with T frames, inside the ranges of `core7`. Frames without a face are filled (gaps up to
        `src.data.smoothing.MAX_INTERPOLATED_FRAMES` by interpolation, longer ones by holding) and not valid.

    Raises:
        DataError: shapes disagree, or the face is seen in no frame.
    """
    present = np.asarray(present, bool)
    if landmarks.shape != (len(present), NUM_LANDMARKS, 3):
        raise DataError(
            f"landmarks have shape {landmarks.shape}, expected ({len(present)}, {NUM_LANDMARKS}, 3): one row per mark "
            "in `present`. Pass the arrays that the tracker gave."
        )
    if not present.any():
        raise DataError("the face is seen in no frame, so there is nothing to label. Leave the clip out.")
    face = align(landmarks[present].astype(np.float64))
    seen = np.zeros((int(present.sum()), CORE7.size))
    opening = _opening(face.points)
    seen[:, CORE7.index("jaw_open")] = opening
    width = _mouth_width(face.points)
    seen[:, CORE7.index("mouth_wide")] = width - _own_width(width, opening)
    blink = _blink(face.points)
    seen[:, CORE7.index("head_yaw") : CORE7.index("head_roll") + 1] = face.angles
    seen[:, CORE7.index("head_pitch")] = without_blinks(without_openings(face.angles[:, 1], opening), blink)
    seen[:, CORE7.index("eye_blink")] = blink

    values = fill_gaps(seen, present)
    jaw, wide = (slice(i, i + 1) for i in (CORE7.index("jaw_open"), CORE7.index("mouth_wide")))
    head = slice(CORE7.index("head_yaw"), CORE7.index("head_roll") + 1)
    values[:, jaw], values[:, wide] = smooth(values[:, jaw], LIGHT_KERNEL), smooth(values[:, wide], SLOW_KERNEL)
    values[:, head] = smooth_head(values[:, head], fps)
    spread = values[:, CORE7.index("mouth_wide")].copy()
    values[:, CORE7.index("mouth_wide")] = np.maximum(spread, 0)
    values[:, CORE7.index("mouth_narrow")] = np.maximum(-spread, 0)
    return Motion(values.astype(np.float32), CORE7, fps, start_s, present).clamped()


def lip_opening(landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
    """(T,) `jaw_open` of one face in pictures that all show it, without the smoothing of labels.

    For finding moments: smoothing lets an open mouth show through in the pictures beside it.

    Args:
        landmarks: (T, 478, 3) as of `label_core7`, T >= 1.
    """
    return _opening(align(landmarks.astype(np.float64)).points)


def extract_motion(path: Path, max_side_px: int = 1280) -> Motion:
    """Label a video file: decode at 25 frames per second by presentation time, follow one face, measure.

    Args:
        path: a video of one person.
        max_side_px: larger pictures are shrunk to this for the search.

    Returns:
        `core7`; time 0 is the file's first audio sample, or the container's zero if it has no sound.

    Raises:
        MediaError: the file can't be read, or shows no face.
    """
    path = Path(path)
    timeline = read_timeline(path)
    try:
        recording = load_recording(path)
        start_s, duration_s = recording.start_s, recording.duration_s
    except MediaError as error:
        if error.reason != Reason.NO_AUDIO:
            raise
        start_s, duration_s = 0.0, timeline.end_s
    times_s = start_s + frame_times(duration_s)
    with FaceTracker(max_side_px=max_side_px, probe_every_s=np.inf, rival_ratio=1.0) as tracker:
        track = tracker.track(path, timeline, times_s, Stopwatch())
    if not track.present.any():
        raise MediaError(path, Reason.NO_FACE, "no face was found in the video. Check its light, size and direction.")
    return label_core7(track.landmarks, track.present, FRAMES_PER_SECOND, 0.0)


# Closed lips measure -0.005 to 0.01 face sizes. The percentile finds a clip's own value; the bound keeps a
# clip that never closes its mouth from being read as one whose neutral is open.
_CLOSED_PERCENTILE = 5.0
_LARGEST_CLOSED_GAP = 0.01
_NEARLY_CLOSED = 0.03
_OPEN_EYE_PERCENTILE = 75.0
# Whoever looks down through a whole clip has open eyes all the same; nobody's are narrower than this.
_NARROWEST_OPEN_EYE = 0.15
_CENTRAL_LIP = slice(3, 6)
# The widths of 28 real clips over 2.5 s and of 50 rendered ones at rest lie up to 0.033 from their medians.
_LARGEST_REST_SHIFT = 0.035


def _opening(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) gap between the lips beyond that of the clip's closed mouth, in face sizes."""
    gap = _lip_gap(points)
    return gap - min(float(np.percentile(gap, _CLOSED_PERCENTILE)), _LARGEST_CLOSED_GAP)


def _lip_gap(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) opening between the inner lips along the face's vertical axis, in face sizes.

    Signed along an axis rather than a length, because a length of noise is never 0.
    """
    left, right = FACE_SIZE_POINTS
    middle = np.median(points, axis=0)
    across = middle[right] - middle[left]
    across /= np.linalg.norm(across)
    down = middle[CHIN] - (middle[left] + middle[right]) / 2
    down -= across * (down @ across)
    down /= np.linalg.norm(down)
    upper, lower = points[:, UPPER_INNER_LIP[_CENTRAL_LIP]], points[:, LOWER_INNER_LIP[_CENTRAL_LIP]]
    return ((lower - upper) @ down).mean(axis=1)


def _mouth_width(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) distance of the corners of the mouth in face sizes, the mean of outer and inner ones against noise."""
    pairs = ((LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER), (LEFT_INNER_CORNER, RIGHT_INNER_CORNER))
    widths = [np.linalg.norm(points[:, left] - points[:, right], axis=1) for left, right in pairs]
    return np.mean(widths, axis=0)


def _own_width(width: NDArray[np.float64], opening: NDArray[np.float64]) -> float:
    """The lips' own width, which vowels stretch and round: that of a nearly closed mouth.

    A word may close the lips in nothing but a rounded vowel. So this stays near the median of all frames.
    """
    at_rest = opening <= max(_NEARLY_CLOSED, float(np.percentile(opening, 30)))
    median = float(np.median(width))
    shift = float(np.median(width[at_rest])) - median
    return median + float(np.clip(shift, -_LARGEST_REST_SHIFT, _LARGEST_REST_SHIFT))


def _blink(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) lid closure from the eye aspect ratio, relative to the clip's open eyes."""
    ratio = eye_aspect_ratio(points)
    open_eye = max(float(np.percentile(ratio, _OPEN_EYE_PERCENTILE)), _NARROWEST_OPEN_EYE)
    return eye_closure(ratio, open_eye)
