"""Landmark metrics for models that speak channels: from motion to points of lips and upper face, and the metrics on it.

LVE, FDD, MVE, LMD and MOD are about points of a face; our models say how far a mouth is open. `LipDecoder` is a linear
map between the two, fitted on the training part of a store. True points are the measured landmarks themselves, never
decoded ones, so the true motion has an error too: what its channels don't say about the points. That error, in the
row "truth against itself" of a table, is the floor of every landmark figure, and a model is as good as it is near it.

*What the figures are not.* They can't be compared with those of papers on meshes: those compare thousands of vertices
of a scanned or fitted head in millimetres, with a lip region of their own and a prediction that knows the mesh; here it
is `NUM_POINTS` landmarks of MediaPipe, whose depth is a guess, in face sizes, and a prediction that had to go through a
few channels. Millimetres would need the size of everybody's head, which a video doesn't tell. They can't be compared
between stores or motion specifications either: both change the decoder. Within one table all rows go the same way, and
their differences mean what they say.

*How good the decoder is*, on the 11 test speakers of 44 minutes of real clips: `core7` explains 52 % of the movement of
the points of the lips within clips (x and y 60 %, the guessed z 15 %); 80 % of it when every mouth is put on its own
centre as LMD does, for much of the rest is the whole mouth wandering against the head; and 28 % of brows and eyes, of
which it knows blinks alone. `arkit55` explains 60 %, 78 % and 55 %. So `lmd` and `mod` are the figures to read first.

*The neutral face* of a clip is the one on which its own labels come out best: the mean of its true points less what
the decoder makes of its true motion. Labels are relative to a neutral per clip, not per speaker (`src/data/labels.py`),
so it is taken per clip as well; a prediction with another idea of the closed mouth pays for it. On those clips the
floor of `lve_root` is 0.032 with it, and 0.041 with the median face of closed lips.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from src.errors import MotionError
from src.eval.cases import Case
from src.eval.face_points import LIPS, LOWER_INNER, NUM_POINTS, UPPER_FACE, UPPER_INNER
from src.eval.landmark_metrics import (
    FDD_ABSOLUTE,
    FDD_PER_POINT,
    FDD_SIGNED,
    LMD,
    LVE_ROOT,
    LVE_SQUARED,
    MOD,
    MVE,
    fdd_absolute,
    fdd_per_point,
    fdd_signed,
    lmd,
    lve_root,
    lve_squared,
    mod,
    mve,
)
from src.eval.metrics import MINIMUM_FRAMES, Measurement, Metric
from src.motion import MotionSpec

DECODER_VERSION = 1
"""Grows when the same clips would give another decoder."""

LANDMARK_METRICS: tuple[Metric, ...] = (
    LVE_SQUARED, LVE_ROOT, LMD, MOD, MVE, FDD_SIGNED, FDD_ABSOLUTE, FDD_PER_POINT,
)  # fmt: skip
"""What `landmark_figures` gives, in its order."""

NOT_COMPARABLE = (
    "Landmark figures are measured on MediaPipe landmarks in face sizes (the distance of the outer corners of the "
    "eyes), through a linear map from motion channels to points that was fitted on the training part. They can't be "
    "compared with figures on meshes, between stores or between motion specifications. The truth against itself is the "
    "floor: what the channels don't say about the points."
)
"""For reports, beside the figures."""

POINTS_OF = {
    **dict.fromkeys(
        (LVE_SQUARED.id, LVE_ROOT.id, LMD.id),
        f"Points: {LIPS.stop} landmarks of the inner and outer contour of the lips, in 3-D.",
    ),
    MOD.id: f"Points: {len(UPPER_INNER)} opposite pairs of landmarks of the inner lips, in 3-D.",
    MVE.id: f"Points: {NUM_POINTS} landmarks of lips, brows and rims of the eyes, in 3-D; not the whole face.",
    **dict.fromkeys(
        (FDD_SIGNED.id, FDD_ABSOLUTE.id, FDD_PER_POINT.id),
        f"Points: {NUM_POINTS - LIPS.stop} landmarks of brows and rims of the eyes, in 3-D. They move by what the "
        "channels of eyes, brows, cheeks and nose say; of core7 that is blinking alone.",
    ),
}
"""Which points each metric is measured on here, by its id; belongs to its definition."""

_UPPER_PREFIXES = ("eye", "brow", "cheek", "nose")
_ONLY_UPPER_PREFIXES = ("eye", "brow")

# In squared units of the channels, all of which are ratios: the square of what labels tremble by (0.003). From 1e-6 to
# 1e-4 the share explained on held-out speakers stays within 0.02.
_RIDGE = 1e-5


@dataclass(frozen=True, eq=False)
class LipDecoder:
    """A linear map from motion channels to where points lie, away from the neutral face.

    Lips follow all channels but eyes and brows; the upper face follows eyes, brows, cheeks and nose, so that a model
    that only talks can't earn anything above the nose. Channels in degrees are of the head and move nothing here, and
    neither does `_neutral`.

    Attributes:
        spec: of the motion.
        weights: (F, P, 3) face sizes per unit of each channel.
    """

    spec: MotionSpec
    weights: NDArray[np.float64]

    @classmethod
    def fit(cls, clips: Iterable[tuple[NDArray[np.floating], NDArray[np.floating]]], spec: MotionSpec) -> Self:
        """Ridge regression within clips: faces differ from clip to clip, movements of lips hardly do.

        Args:
            clips: motion values (T, F) and the points (T, P, 3) of the same frames, of each clip. Read once.
            spec: of the values.

        Raises:
            MotionError: shapes disagree, or there are fewer than `MINIMUM_FRAMES` frames in all.
        """
        size, frames = spec.size, 0
        channels, mixed = np.zeros((size, size)), np.zeros((size, NUM_POINTS * 3))
        for values, points in clips:
            _check(values, points, spec)
            moved, places = (each - each.mean(axis=0) for each in (np.float64(values), np.float64(points)))
            channels += moved.T @ moved
            mixed += moved.T @ places.reshape(len(places), -1)
            frames += len(moved)
        if frames < MINIMUM_FRAMES:
            raise MotionError(
                f"{frames} frames with landmarks to fit a map to points on, {MINIMUM_FRAMES} are needed. Take a store "
                "with a training part that was prepared with `prepare.settings.keep_landmarks=true`."
            )
        weights = np.zeros((size, NUM_POINTS, 3))
        for points_of, used in ((LIPS, _lip_channels(spec)), (UPPER_FACE, _upper_channels(spec))):
            wanted = mixed.reshape(size, NUM_POINTS, 3)[used, points_of] / frames  # (C, L, 3)
            square = channels[np.ix_(used, used)] / frames + _RIDGE * np.eye(len(used))
            weights[used, points_of] = np.linalg.solve(square, wanted.reshape(len(used), -1)).reshape(wanted.shape)
        return cls(spec, weights)

    def movement(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """(T, P, 3) how far points lie from the neutral face, of (T, F) values."""
        return np.tensordot(np.float64(values), self.weights, axes=1)

    def neutral(self, values: NDArray[np.floating], points: NDArray[np.floating]) -> NDArray[np.float64]:
        """The neutral face (P, 3) of a clip.

        Args:
            values: (T, F) its true motion.
            points: (T, P, 3) its true points.
        """
        _check(values, points, self.spec)
        neutral: NDArray[np.float64] = (points - self.movement(values)).mean(axis=0)
        return neutral

    def points(self, values: NDArray[np.floating], neutral: NDArray[np.floating]) -> NDArray[np.float64]:
        """(T, P, 3) points of a face with this neutral (P, 3) that moves by (T, F) values."""
        return self.movement(values) + neutral


def landmark_figures(
    predicted: NDArray[np.floating], reference: NDArray[np.floating], neutral: NDArray[np.floating]
) -> list[Measurement]:
    """All landmark metrics of one clip; `POINTS_OF` says which points each is about.

    Args:
        predicted, reference: (T, P, 3) of the frames that count.
        neutral: (P, 3) the face at rest.

    Returns:
        One per metric of `LANDMARK_METRICS`, in its order, in face sizes.
    """
    lips = predicted[:, LIPS], reference[:, LIPS]
    upper = predicted[:, UPPER_FACE], reference[:, UPPER_FACE]
    inner = [points[:, side] for points in (predicted, reference) for side in (UPPER_INNER, LOWER_INNER)]
    return [
        lve_squared(*lips),
        lve_root(*lips),
        lmd(*lips),
        mod(*inner),
        mve(predicted, reference),
        fdd_signed(*upper, neutral[UPPER_FACE]),
        fdd_absolute(*upper, neutral[UPPER_FACE]),
        fdd_per_point(*upper),
    ]


def measure_landmarks(
    case: Case, decoder: LipDecoder, points: NDArray[np.floating], seen: NDArray[np.bool_]
) -> list[Measurement]:
    """All landmark metrics of a clip over the frames that count. Of the truth as its own prediction it is the floor.

    Args:
        case: the motions, of the decoder's specification.
        decoder: makes points of the prediction.
        points: (T, P, 3) true ones on the frames of the case.
        seen: (T,) where they were seen.

    Raises:
        MotionError: points and motion are of different frames, or the specification is another.
    """
    if case.reference.spec != decoder.spec:
        raise MotionError(
            f"clip {case.clip_id!r}: motion of {case.reference.spec.name}, but the map to points is from "
            f"{decoder.spec.name}. Fit it for what the model predicts."
        )
    _check(case.reference.values, points, decoder.spec)
    counts = case.reference.valid & seen
    if counts.sum() < MINIMUM_FRAMES:
        reason = f"{int(counts.sum())} frames, {MINIMUM_FRAMES} are needed"
        return [Measurement(metric, None, reason) for metric in LANDMARK_METRICS]
    true_points = points[counts]
    neutral = decoder.neutral(case.reference.values[counts], true_points)
    return landmark_figures(decoder.points(case.predicted.values[counts], neutral), true_points, neutral)


@dataclass(frozen=True)
class Explained:
    """Share of the movement of points, within clips, that a decoder makes of the true motion; 1 is all, None without.

    Attributes:
        lips: of the points of the lips.
        mouth_shape: of the same after every mouth is put on its own centre, as `lmd` does.
        upper_face: of brows and eyes.
    """

    lips: float | None
    mouth_shape: float | None
    upper_face: float | None


def explained_share(
    decoder: LipDecoder, clips: Iterable[tuple[NDArray[np.floating], NDArray[np.floating]]]
) -> Explained:
    """How much of the movement of points the channels tell: 1 - squared error / squared movement, over all clips.

    Args:
        decoder: which.
        clips: values and points, as for `LipDecoder.fit`; of held-out speakers, to be an honest figure.
    """
    error, movement = np.zeros(3), np.zeros(3)
    for values, points in clips:
        moved = np.float64(points) - np.mean(points, axis=0, dtype=np.float64)
        missed = moved - decoder.movement(values - np.mean(values, axis=0, dtype=np.float64))
        for sums, offsets in ((error, missed), (movement, moved)):
            lips = offsets[:, LIPS]
            parts = lips, lips - lips.mean(axis=1, keepdims=True), offsets[:, UPPER_FACE]
            sums += [float(np.square(part).sum()) for part in parts]
    return Explained(*(float(1 - e / m) if m > 0 else None for e, m in zip(error, movement, strict=True)))


def _lip_channels(spec: MotionSpec) -> list[int]:
    return [index for index in _face_channels(spec) if not spec.names[index].startswith(_ONLY_UPPER_PREFIXES)]


def _upper_channels(spec: MotionSpec) -> list[int]:
    return [index for index in _face_channels(spec) if spec.names[index].startswith(_UPPER_PREFIXES)]


def _face_channels(spec: MotionSpec) -> list[int]:
    return [
        index for index, each in enumerate(spec.channels) if each.unit != "degrees" and not each.name.startswith("_")
    ]


def _check(values: NDArray[np.floating], points: NDArray[np.floating], spec: MotionSpec) -> None:
    if values.shape != (len(points), spec.size) or points.shape[1:] != (NUM_POINTS, 3):
        raise MotionError(
            f"{spec.name} values of shape {values.shape} and points of shape {points.shape}, expected "
            f"(T, {spec.size}) and (T, {NUM_POINTS}, 3). Give both of the same frames of one clip."
        )
