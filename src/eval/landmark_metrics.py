"""Published numbers about points of a face: LVE, FDD, MVE, LMD, MOD, each in the forms that papers print.

Two papers that print "LVE" or "FDD" may mean different things; ids say which form a number is. Points
are (T, L, D) with D = 2 or 3, of one clip, for predicted and true face in the same frames. Units here
are face sizes; the formulas hold in any unit, and with vertices in millimetres they give the published
numbers. Which points are lips or upper face is the caller's choice and belongs beside the number:
figures on landmarks can't be compared with figures on a mesh. A point given twice counts twice.
"""

import numpy as np
from numpy.typing import NDArray

from src.errors import MotionError
from src.eval.metrics import MINIMUM_FRAMES, Measurement, Metric

ARTALK_FDD_SCALE = 100.0
"""Factor that ARTalk's `metrics.py` puts before its FDD."""

LVE_SQUARED = Metric(
    "lve_squared",
    1,
    "LVE (squared)",
    "of face size, squared",
    "Largest squared distance between a predicted lip point and the true one, mean over frames. 0 is the same lips.",
    "Richard et al., MeshTalk, ICCV 2021; form of CodeTalker, FaceDiffuser and torchmetrics",
)
LVE_ROOT = Metric(
    "lve_root",
    1,
    "LVE (root)",
    "of face size",
    "Square root of lve_squared: a distance. 0 is the same lips.",
    "form of Chu et al., ARTalk, metrics.py",
)
FDD_SIGNED = Metric(
    "fdd_signed",
    1,
    "FDD (signed)",
    "of face size, squared",
    "How much more the true upper face varies than the predicted one: standard deviation over time of the squared "
    "distance from the neutral face, mean over points, true minus predicted. Clips can cancel: read fdd_absolute.",
    "Xing et al., CodeTalker, CVPR 2023",
)
FDD_ABSOLUTE = Metric(
    "fdd_absolute",
    1,
    "FDD (absolute)",
    "of face size, squared",
    "fdd_signed of a clip without its sign, so that clips can't cancel. 0 is as much upper-face movement.",
    "Stan et al., FaceDiffuser, MIG 2023 (ABS FDD)",
)
FDD_PER_POINT = Metric(
    "fdd_per_point",
    1,
    "FDD (per point)",
    "hundredths of face size",
    "Standard deviation over time of the sum of a point's coordinates, predicted against true, mean absolute "
    "difference over points, times 100. 0 is as much movement at every point.",
    "form of Chu et al., ARTalk, metrics.py",
)
MVE = Metric(
    "mve",
    1,
    "Mean vertex error",
    "of face size",
    "Mean distance between predicted and true points, over points and frames. 0 is the same face.",
    "Stan et al., FaceDiffuser, MIG 2023",
)
LMD = Metric(
    "lmd",
    1,
    "Landmark distance",
    "of face size",
    "Mean distance between predicted and true mouth landmarks after both mouths are put on their centres, frame by "
    "frame. 0 is the same mouth shape.",
    "Chen et al., Lip Movements Generation at a Glance, ECCV 2018",
)
MOD = Metric(
    "mod",
    1,
    "Mouth opening difference",
    "of face size",
    "Mean absolute difference of predicted and true opening: the distance of upper and lower inner lip, mean over "
    "pairs of points. 0 is the same opening.",
    "Sun et al., DiffPoseTalk, SIGGRAPH 2024",
)


def lve_squared(predicted: NDArray[np.floating], reference: NDArray[np.floating]) -> Measurement:
    """How far the worst lip point is off, squared.

    Metric `lve_squared`, version 1, in squared units of the points. Definition: mean over frames of the
    largest over points of the squared L2 distance. Papers pool the frames of all clips: weight the clips
    by their frames. Source: MeshTalk, ICCV 2021; CodeTalker `main/cal_metric.py`, the same in
    FaceDiffuser and in torchmetrics' `LipVertexError`.

    Args:
        predicted, reference: (T, L, D) lip points, not aligned.

    Returns:
        0 or above; None for fewer than `MINIMUM_FRAMES` frames.
    """
    predicted, reference, reason = _points(predicted, reference)
    if reason:
        return Measurement(LVE_SQUARED, None, reason)
    return Measurement(LVE_SQUARED, _worst_squared(predicted, reference))


def lve_root(predicted: NDArray[np.floating], reference: NDArray[np.floating]) -> Measurement:
    """How far the worst lip point is off, as a distance.

    Metric `lve_root`, version 1, in units of the points. Definition: square root of the mean over frames
    of the largest squared L2 distance; the root is outside the mean. Source: ARTalk, `metrics.py`, there in
    millimetres.

    Args:
        predicted, reference: (T, L, D) lip points, not aligned.

    Returns:
        0 or above; None for fewer than `MINIMUM_FRAMES` frames.
    """
    predicted, reference, reason = _points(predicted, reference)
    if reason:
        return Measurement(LVE_ROOT, None, reason)
    return Measurement(LVE_ROOT, float(np.sqrt(_worst_squared(predicted, reference))))


def fdd_signed(
    predicted: NDArray[np.floating], reference: NDArray[np.floating], neutral: NDArray[np.floating]
) -> Measurement:
    """How much livelier the true upper face is.

    Metric `fdd_signed`, version 1, in squared units of the points. Definition: with m = points - neutral,
    mean over points of the standard deviation over time of |m|^2, reference minus predicted; papers take
    the mean over clips. Source: CodeTalker, CVPR 2023, `main/cal_metric.py`.

    Args:
        predicted, reference: (T, L, D) upper-face points.
        neutral: (L, D) the same points of the face at rest.

    Returns:
        Positive when the prediction moves too little; None for fewer than `MINIMUM_FRAMES` frames.
    """
    predicted, reference, reason = _points(predicted, reference)
    if np.shape(neutral) != reference.shape[1:]:
        raise MotionError(
            f"a neutral face of shape {np.shape(neutral)} for points of shape {reference.shape[1:]}. "
            "Give the same points of the face at rest."
        )
    if reason:
        return Measurement(FDD_SIGNED, None, reason)
    return Measurement(FDD_SIGNED, _liveliness(reference - neutral) - _liveliness(predicted - neutral))


def fdd_absolute(
    predicted: NDArray[np.floating], reference: NDArray[np.floating], neutral: NDArray[np.floating]
) -> Measurement:
    """How different in liveliness the upper faces are.

    Metric `fdd_absolute`, version 1, in squared units of the points. Definition: |`fdd_signed`| of the
    clip; papers take the mean over clips. Source: FaceDiffuser, MIG 2023,
    `evaluation/compute_objective_metrics.py`.

    Args:
        predicted, reference: (T, L, D) upper-face points.
        neutral: (L, D) the same points of the face at rest.

    Returns:
        0 or above; None for fewer than `MINIMUM_FRAMES` frames.
    """
    signed = fdd_signed(predicted, reference, neutral)
    return Measurement(FDD_ABSOLUTE, None if signed.value is None else abs(signed.value), signed.reason)


def fdd_per_point(predicted: NDArray[np.floating], reference: NDArray[np.floating]) -> Measurement:
    """How different in liveliness the upper faces are, point by point.

    Metric `fdd_per_point`, version 1, in hundredths of the unit of the points. Definition: with s the sum
    of the coordinates of a point, 100 x mean over points of |std over time of s, predicted - reference|,
    the deviation over T and not T - 1. A sum of coordinates depends on the axes: movement along (1, -1, 0)
    is not seen. Source: ARTalk, `metrics.py`, there in millimetres.

    Args:
        predicted, reference: (T, L, D) upper-face points.

    Returns:
        0 or above; None for fewer than `MINIMUM_FRAMES` frames.
    """
    predicted, reference, reason = _points(predicted, reference)
    if reason:
        return Measurement(FDD_PER_POINT, None, reason)
    apart = predicted.sum(axis=-1).std(axis=0) - reference.sum(axis=-1).std(axis=0)
    return Measurement(FDD_PER_POINT, float(ARTALK_FDD_SCALE * np.abs(apart).mean()))


def mve(predicted: NDArray[np.floating], reference: NDArray[np.floating]) -> Measurement:
    """How far the points are off, on average.

    Metric `mve`, version 1, in units of the points. Definition: mean over frames and points of the L2
    distance. Source: FaceDiffuser, MIG 2023, `evaluation/compute_objective_metrics.py`.

    Args:
        predicted, reference: (T, L, D) points of the whole face, not aligned.

    Returns:
        0 or above; None for fewer than `MINIMUM_FRAMES` frames.
    """
    predicted, reference, reason = _points(predicted, reference)
    return Measurement(MVE, None, reason) if reason else Measurement(MVE, _mean_distance(predicted, reference))


def lmd(predicted: NDArray[np.floating], reference: NDArray[np.floating]) -> Measurement:
    """How far the shape of the mouth is off, wherever the mouth is.

    Metric `lmd`, version 1, in units of the points. Definition: both mouths are moved onto the mean of
    their own points in every frame; then mean over frames and points of the L2 distance. Scale and
    rotation stay. Source: Chen et al., ECCV 2018, who align the mean points.

    Args:
        predicted, reference: (T, L, D) mouth landmarks.

    Returns:
        0 or above; None for fewer than `MINIMUM_FRAMES` frames.
    """
    predicted, reference, reason = _points(predicted, reference)
    if reason:
        return Measurement(LMD, None, reason)
    centred = [points - points.mean(axis=1, keepdims=True) for points in (predicted, reference)]
    return Measurement(LMD, _mean_distance(*centred))


def mod(
    predicted_upper: NDArray[np.floating],
    predicted_lower: NDArray[np.floating],
    reference_upper: NDArray[np.floating],
    reference_lower: NDArray[np.floating],
) -> Measurement:
    """How far the opening of the mouth is off, measured on the lips.

    Metric `mod`, version 1, in units of the points. Definition: the opening of a frame is the mean L2
    distance of opposite inner-lip points; the metric is the mean over frames of |predicted - reference|.
    Source: DiffPoseTalk, SIGGRAPH 2024.

    Args:
        predicted_upper, predicted_lower, reference_upper, reference_lower: (T, L, D); point i of an upper
            lip is opposite point i of the lower one, as in `src.face`.

    Returns:
        0 or above; None for fewer than `MINIMUM_FRAMES` frames.
    """
    predicted_upper, reference_upper, reason = _points(predicted_upper, reference_upper)
    predicted_lower, reference_lower, _ = _points(predicted_lower, reference_lower)
    _points(predicted_upper, predicted_lower)
    if reason:
        return Measurement(MOD, None, reason)
    predicted = np.linalg.norm(predicted_upper - predicted_lower, axis=-1).mean(axis=1)
    reference = np.linalg.norm(reference_upper - reference_lower, axis=-1).mean(axis=1)
    return Measurement(MOD, float(np.abs(predicted - reference).mean()))


def _points(
    predicted: NDArray[np.floating], reference: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Both as float64, and why there are too few frames; empty when there are enough."""
    first, second = np.asarray(predicted, np.float64), np.asarray(reference, np.float64)
    if first.ndim != 3 or first.shape != second.shape or not first.shape[1] or first.shape[2] not in (2, 3):
        raise MotionError(
            f"points of shapes {first.shape} and {second.shape} can't be compared. "
            "Give (frames, points, 2 or 3) of both, the same frames and points."
        )
    short = len(second) < MINIMUM_FRAMES
    return first, second, f"{len(second)} frames, {MINIMUM_FRAMES} are needed" if short else ""


def _worst_squared(predicted: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    return float(np.square(predicted - reference).sum(axis=-1).max(axis=1).mean())


def _mean_distance(predicted: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(predicted - reference, axis=-1).mean())


def _liveliness(motion: NDArray[np.float64]) -> float:
    """Standard deviation over time of the squared length of (T, L, D) offsets, mean over points."""
    return float(np.square(motion).sum(axis=-1).std(axis=0).mean())
