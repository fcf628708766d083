"""Motion labels from face landmarks: what a face does, whoever it is and however it is turned.

The 3-D head pose is removed before anything on the face is measured: every frame is laid onto the
clip's own reference shape by a similarity transform (rotation, scale, shift) of the points that speech
hardly moves. Distances are then taken over face size and relative to the clip's own neutral, which is
a robust percentile of the clip and never its first frame.

`label_core7` is pure arithmetic on landmarks. `extract_motion` does the whole way from a video file.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d
from scipy.signal import savgol_filter

from src.data.audio import load_recording
from src.data.rejection import MediaError, Reason
from src.data.tracking import FaceTracker, Stopwatch
from src.data.video import read_timeline
from src.errors import DataError
from src.face import (
    CHIN,
    FACE_SIZE_POINTS,
    LEFT_MOUTH_CORNER,
    LOWER_INNER_LIP,
    NUM_LANDMARKS,
    RIGHT_MOUTH_CORNER,
    RIGID,
    UPPER_INNER_LIP,
    eye_aspect_ratio,
)
from src.motion import CORE7, FRAMES_PER_SECOND, Motion, head_angles, head_rotation

LABEL_VERSION = 1
"""Grows when the same landmarks would get other labels, so that stores are labelled again."""

MAX_INTERPOLATED_FRAMES = 3
"""Gaps up to this long (0.12 s) are interpolated, longer ones hold the last face seen."""


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """Landmarks without head pose, and the pose that was removed.

    Attributes:
        points: (T, 478, 3) in units of face size, in the clip's neutral pose.
        angles: (T, 3) yaw, pitch, roll in degrees relative to the clip's median pose.
    """

    points: NDArray[np.float64]
    angles: NDArray[np.float64]


def label_core7(landmarks: NDArray[np.float32], present: NDArray[np.bool_], fps: float, start_s: float) -> Motion:
    """`core7` of one face in one clip.

    Args:
        landmarks: (T, 478, 3) pixels, z in the same scale and smaller towards the camera.
        present: (T,) where the face was seen; the other rows of `landmarks` are not read.
        fps: frames per second.
        start_s: time of frame 0.

    Returns:
        Motion with T frames, inside the ranges of `core7`. Frames without a face are filled (gaps up to
        `MAX_INTERPOLATED_FRAMES` by interpolation, longer ones by holding) and not valid.

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
    gap = _lip_gap(face.points)
    closed = min(float(np.percentile(gap, _CLOSED_PERCENTILE)), _LARGEST_CLOSED_GAP)
    opening = gap - closed
    seen[:, CORE7.index("jaw_open")] = opening
    width = _mouth_width(face.points)
    # The lips' own width is that of a nearly closed mouth; vowels stretch and round it.
    at_rest = opening <= max(_NEARLY_CLOSED, float(np.percentile(opening, 30)))
    seen[:, CORE7.index("mouth_wide")] = width - np.median(width[at_rest])
    seen[:, CORE7.index("head_yaw") : CORE7.index("head_roll") + 1] = face.angles
    seen[:, CORE7.index("eye_blink")] = _blink(face.points)

    values = _smoothed(_filled(seen, present), fps)
    spread = values[:, CORE7.index("mouth_wide")].copy()
    values[:, CORE7.index("mouth_wide")] = np.maximum(spread, 0)
    values[:, CORE7.index("mouth_narrow")] = np.maximum(-spread, 0)
    return Motion(values.astype(np.float32), CORE7, fps, start_s, present).clamped()


def align(landmarks: NDArray[np.float64]) -> AlignedFace:
    """Remove the head pose from every frame of a clip.

    Args:
        landmarks: (T, 478, 3) in pixels, T >= 1.

    Returns:
        The same points laid onto the clip's reference shape, and the rotation of every frame.
    """
    rigid = landmarks[:, RIGID]
    shape = rigid[len(rigid) // 2]
    # The first reference is one frame with its noise; the median of what is laid onto it is nobody's noise.
    for _ in range(2):
        shape = np.median(_apply(*_similarity(rigid, shape), rigid), axis=0)
    rotation, scale, centre, origin = _similarity(rigid, shape)
    # The reference stands as the middle frame stood. Turn it to the clip's median pose, about which
    # angles are then measured; twice, because a median of angles is not quite a median of rotations.
    for _ in range(2):
        yaw, pitch, roll = np.median(head_angles(np.swapaxes(rotation, 1, 2)), axis=0)
        turn = head_rotation(yaw, pitch, roll)
        rotation = turn @ rotation
        origin = origin @ turn.T
    points = _apply(rotation, scale, centre, origin, landmarks)
    left, right = FACE_SIZE_POINTS
    face_size = np.median(np.linalg.norm(points[:, left] - points[:, right], axis=1))
    return AlignedFace(points / face_size, head_angles(np.swapaxes(rotation, 1, 2)))


def extract_motion(path: Path, max_side_px: int = 720) -> Motion:
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


def frame_times(duration_s: float) -> NDArray[np.float64]:
    """(T,) instants of the motion frames of a clip, in seconds after its first audio sample.

    Frame i is at i / 25 s; T is the smallest count that covers the duration.
    """
    # A nanosecond of grace keeps 1.2 s from becoming 31 frames by a rounding error.
    return np.arange(max(1, int(np.ceil(duration_s * FRAMES_PER_SECOND - 1e-9)))) / FRAMES_PER_SECOND


# Closed lips measure -0.005 to 0.01 face sizes. The percentile finds a clip's own value; the bound keeps a
# clip that never closes its mouth from being read as one whose neutral is open.
_CLOSED_PERCENTILE = 5.0
_LARGEST_CLOSED_GAP = 0.01
_NEARLY_CLOSED = 0.03
# Eye aspect ratio of a closed eye as a share of the open one: FaceMesh hardly brings the lids together
# (0.13 to 0.35 at the bottom of blinks in news, interview and laboratory footage).
_CLOSED_EYE = 0.3
_OPEN_EYE_PERCENTILE = 75.0
# Whoever looks down through a whole clip has open eyes all the same; nobody's are narrower than this.
_NARROWEST_OPEN_EYE = 0.15
_CENTRAL_LIP = slice(3, 6)


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
    return np.linalg.norm(points[:, LEFT_MOUTH_CORNER] - points[:, RIGHT_MOUTH_CORNER], axis=1)


def _blink(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) lid closure from the eye aspect ratio, relative to the clip's open eyes."""
    ratio = eye_aspect_ratio(points)
    open_eye = max(float(np.percentile(ratio, _OPEN_EYE_PERCENTILE)), _NARROWEST_OPEN_EYE)
    closed_eye = _CLOSED_EYE * open_eye
    return (open_eye - ratio) / (open_eye - closed_eye)


def _similarity(
    points: NDArray[np.float64], shape: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Robust similarity transforms that lay every frame's points onto one shape.

    Points that fit badly (a hand, hair, a raised brow) weigh less, by Cauchy weights in two rounds.

    Args:
        points: (T, P, 3).
        shape: (P, 3).

    Returns:
        rotation (T, 3, 3), scale (T,), centre (T, 3) and origin (T, 3): a point p of frame t goes to
        scale_t * rotation_t (p - centre_t) + origin_t.

    Reference:
        Umeyama: Least-squares estimation of transformation parameters between two point patterns, PAMI 1991.
    """
    weight = np.ones(points.shape[:2])
    for _ in range(3):
        share = weight / weight.sum(axis=1, keepdims=True)
        centre = np.einsum("tp,tpc->tc", share, points)
        origin = np.einsum("tp,pc->tc", share, shape)
        source, target = points - centre[:, None], shape - origin[:, None]
        left, singular, right = np.linalg.svd(np.einsum("tp,tpi,tpj->tij", share, target, source))
        mirror = np.ones((len(points), 3))
        mirror[:, 2] = np.sign(np.linalg.det(left @ right))
        rotation = (left * mirror[:, None]) @ right
        scale = (singular * mirror).sum(axis=1) / np.einsum("tp,tpc,tpc->t", share, source, source)
        residual = np.linalg.norm(_apply(rotation, scale, centre, origin, points) - shape, axis=2)
        typical = 2 * np.median(residual, axis=1, keepdims=True) + 1e-9
        weight = 1 / (1 + (residual / typical) ** 2)
    return rotation, scale, centre, origin


def _apply(
    rotation: NDArray[np.float64],
    scale: NDArray[np.float64],
    centre: NDArray[np.float64],
    origin: NDArray[np.float64],
    points: NDArray[np.float64],
) -> NDArray[np.float64]:
    moved = (points - centre[:, None]) @ np.swapaxes(rotation, 1, 2)
    return scale[:, None, None] * moved + origin[:, None]


def _filled(seen: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(T, F) values for every frame: seen ones as they are, short gaps interpolated, long ones held."""
    frames, where = np.arange(len(present)), np.flatnonzero(present)
    before = np.clip(np.searchsorted(where, frames, side="right") - 1, 0, len(where) - 1)
    after = np.minimum(np.searchsorted(where, frames, side="left"), len(where) - 1)
    missing = where[after] - where[before] - 1
    short = (missing > 0) & (missing <= MAX_INTERPOLATED_FRAMES)
    values = seen[before]
    for channel in range(seen.shape[1]):
        values[short, channel] = np.interp(frames[short], where, seen[:, channel])
    return values


def _smoothed(values: NDArray[np.float64], fps: float) -> NDArray[np.float64]:
    """Light smoothing without lag: the head more, the mouth little, blinks not at all.

    Lips may close for a single frame, and what FaceMesh trembles (0.005 face sizes) is small beside
    that, so the mouth gets a kernel which keeps 75 % of such a closure. Heads are slow: a parabola over
    0.28 s, fitted rather than averaged, keeps their turns and the slopes at the ends of a clip.
    """
    smooth = values.copy()
    mouth = slice(CORE7.index("jaw_open"), CORE7.index("mouth_narrow") + 1)
    head = slice(CORE7.index("head_yaw"), CORE7.index("head_roll") + 1)
    smooth[:, mouth] = convolve1d(values[:, mouth], np.array([1.0, 6.0, 1.0]) / 8, axis=0, mode="nearest")
    window = round(0.28 * fps) | 1
    if 2 < window <= len(values):
        smooth[:, head] = savgol_filter(values[:, head], window, 2, axis=0, mode="interp")
    return smooth
