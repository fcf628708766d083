"""How faithfully a renderer does what it is asked, seen by a face landmarker.

Known motion is rendered, landmarks are extracted from the pictures by the caller, and the channels measured
on them are compared with what was asked. Measures are relative to a picture of the neutral frame.

Asked in two ways: each channel swept alone over its whole range (`swept_motion`, `measure_swept`), and all of them
together at random as in speech (`random_motion`, `measure_together`), where one movement can hide another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.errors import RenderError
from src.face import (
    INNER_LIP_BOTTOM,
    INNER_LIP_TOP,
    LEFT_MOUTH_CORNER,
    RIGHT_MOUTH_CORNER,
    RIGID,
    eye_aspect_ratio,
    eye_closure,
)
from src.motion import CORE7, head_angles
from src.render.avatar import face_size

WIDTH = "mouth_width"
"""`mouth_wide` less `mouth_narrow`, the one movement that they are the halves of."""

MEASURED = (*CORE7.names, WIDTH)
"""What is compared: the channels, of the two halves of the width each in the frames where the other was not asked for,
and the width as a whole."""

FEWEST = 3
"""Pictures with a face that a channel needs before anything is said of it."""


@dataclass(frozen=True)
class ClosedLoop:
    """Agreement of asked and measured motion per name in `MEASURED`.

    Attributes:
        found: pictures in which a face was found.
        compared: how many of them tell of the channel.
        r: Pearson correlation.
        slope: of the measured over the asked value, least squares.
        mean_error: mean absolute difference in the channel's unit.
    """

    found: int
    compared: Mapping[str, int]
    r: Mapping[str, float]
    slope: Mapping[str, float]
    mean_error: Mapping[str, float]


def random_motion(rng: np.random.Generator, num_frames: int) -> NDArray[np.float32]:
    """(N, 7) independent frames as they occur in speech: lips often closed, head mostly near the front."""
    width = rng.uniform(-0.15, 0.15, num_frames)
    frames = np.zeros((num_frames, CORE7.size))
    frames[:, CORE7.index("jaw_open")] = rng.uniform(0, 0.4, num_frames) * (rng.random(num_frames) > 0.15)
    frames[:, CORE7.index("mouth_wide")] = np.maximum(width, 0)
    frames[:, CORE7.index("mouth_narrow")] = np.maximum(-width, 0)
    frames[:, CORE7.index("head_yaw")] = rng.normal(0, 8, num_frames)
    frames[:, CORE7.index("head_pitch")] = rng.normal(0, 6, num_frames)
    frames[:, CORE7.index("head_roll")] = rng.normal(0, 5, num_frames)
    frames[:, CORE7.index("eye_blink")] = rng.uniform(0, 1, num_frames) * (rng.random(num_frames) > 0.4)
    return np.clip(frames, CORE7.minimum, CORE7.maximum).astype(np.float32)


def swept_motion(per_channel: int) -> NDArray[np.float32]:
    """(7 N, 7) frames: each channel of `core7` in turn over its whole range in N even steps, the others at rest."""
    frames = np.tile(CORE7.neutral, (CORE7.size, per_channel, 1))
    for index, channel in enumerate(CORE7.channels):
        frames[index, :, index] = np.linspace(channel.minimum, channel.maximum, per_channel)
    return frames.reshape(-1, CORE7.size)


def measure_swept(asked: NDArray[np.float32], faces: Sequence[Sequence[NDArray[np.float32]]]) -> ClosedLoop:
    """Compare each channel in the frames in which it alone was moved.

    Args:
        asked: (7 N, 7) of `swept_motion`.
        faces: 7 N + 1 lists of (478, 3) landmarks, the first of the neutral frame's picture; empty: no face.

    Raises:
        RenderError: no face in the neutral picture, or in fewer than `FEWEST` of those of a channel.
    """
    turn = np.repeat(np.arange(CORE7.size), len(asked) // CORE7.size)
    rows = {name: turn == CORE7.index(name) for name in CORE7.names}
    wide, narrow = _OPPOSITE
    return _compared(asked, faces, rows | {WIDTH: rows[wide] | rows[narrow]})


def measure_together(asked: NDArray[np.float32], faces: Sequence[Sequence[NDArray[np.float32]]]) -> ClosedLoop:
    """Compare asked motion with the landmarks of its pictures.

    Args:
        asked: (N, 7) `core7` frames, such as those of `random_motion`.
        faces: N + 1 lists of (478, 3) landmarks, the first of the neutral frame's picture; empty: no face.

    Raises:
        RenderError: no face in the neutral picture, or in fewer than `FEWEST` of those of a channel.
    """
    rows = {name: np.ones(len(asked), bool) for name in MEASURED}
    for name, other in _OPPOSITE.items():
        rows[name] = asked[:, CORE7.index(other)] == 0
    return _compared(asked, faces, rows)


def _compared(
    asked: NDArray[np.float32],
    faces: Sequence[Sequence[NDArray[np.float32]]],
    rows: Mapping[str, NDArray[np.bool_]],
) -> ClosedLoop:
    """Agreement of each channel over its own frames."""
    if not faces[0]:
        raise RenderError(
            "no face was found in the picture of the neutral frame. Look at it, and use another portrait."
        )
    neutral = faces[0][0].astype(np.float64)
    seen = np.array([bool(found) for found in faces[1:]])
    measured = np.full((len(asked), len(MEASURED)), np.nan)
    for index in np.flatnonzero(seen):
        measured[index] = _channels(faces[index + 1][0].astype(np.float64), neutral)
    wide, narrow = (CORE7.index(name) for name in _OPPOSITE)
    wanted = np.column_stack([asked, asked[:, wide] - asked[:, narrow]]).astype(np.float64)
    compared, r, slope, mean_error = {}, {}, {}, {}
    for index, name in enumerate(MEASURED):
        used = rows[name] & seen
        if used.sum() < FEWEST:
            raise RenderError(
                f"{name}: a face was found in {used.sum()} of {rows[name].sum()} pictures, {FEWEST} are needed. "
                "Look at them, ask for more frames, or use another portrait."
            )
        x, y = wanted[used, index], measured[used, index]
        compared[name] = int(used.sum())
        r[name] = float(np.corrcoef(x, y)[0, 1])
        slope[name] = float(np.polyfit(x, y, 1)[0])
        mean_error[name] = float(np.abs(x - y).mean())
    return ClosedLoop(int(seen.sum()), compared, r, slope, mean_error)


_OPPOSITE = {"mouth_wide": "mouth_narrow", "mouth_narrow": "mouth_wide"}


def _channels(face: NDArray[np.float64], neutral: NDArray[np.float64]) -> list[float]:
    gap = np.linalg.norm(face[INNER_LIP_TOP] - face[INNER_LIP_BOTTOM]) / face_size(face)
    width, at_rest = (
        float(np.linalg.norm(points[RIGHT_MOUTH_CORNER] - points[LEFT_MOUTH_CORNER])) / face_size(points)
        for points in (face, neutral)
    )
    yaw, pitch, roll = head_angles(_rotation(neutral[list(RIGID)], face[list(RIGID)]))
    return [
        float(gap),
        width - at_rest,
        at_rest - width,
        yaw,
        pitch,
        roll,
        float(eye_closure(eye_aspect_ratio(face), float(eye_aspect_ratio(neutral)))),
        width - at_rest,
    ]


def _rotation(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation that best turns (N, 3) points into others (Kabsch, Acta Cryst. A32, 1976)."""
    u, _, vt = np.linalg.svd((before - before.mean(axis=0)).T @ (after - after.mean(axis=0)))
    mirror = np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
    return np.asarray(vt.T @ mirror @ u.T)
