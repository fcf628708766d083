"""Numbers about mouth opening against a reference: how far off, how fast, do peaks and closures come in time.

Pure functions of (T,) curves on one time grid; frame i is at i / fps seconds. What can't be measured
is None with the reason. Correlation, lag, movement ratio and silence are in `src.eval.metrics`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from src.errors import MotionError
from src.eval.metrics import FLAT, MINIMUM_FRAMES, Measurement, Metric

LIP_MAE = Metric(
    "lip_mae",
    1,
    "Lip error",
    "of face size",
    "Mean absolute difference of predicted and reference mouth opening. 0 is the same curve.",
    "usual in regression",
)
CCC = Metric(
    "ccc",
    1,
    "Lip concordance",
    "",
    "Concordance correlation of predicted and reference mouth opening: correlation that also pays for a wrong scale "
    "or offset. 1 is the same curve.",
    "Lin, A concordance correlation coefficient to evaluate reproducibility, Biometrics 1989",
)
VELOCITY_ERROR = Metric(
    "velocity_error",
    1,
    "Lip velocity error",
    "of face size per s",
    "Mean absolute difference of the frame-to-frame speeds, with their signs, of predicted and reference mouth "
    "opening. 0 is the same movement.",
    "ours; the measure behind velocity losses, as in Cudeiro et al., VOCA, CVPR 2019",
)
PEAK_ERROR = Metric(
    "peak_error",
    1,
    "Peak alignment error",
    "ms",
    "Mean absolute time between the moments of widest opening of the reference and the predicted ones they pair "
    "with (at most 200 ms away, each used once). Read it beside peak_f1: unpaired peaks are not in it.",
    "ours; after the peak alignment of A2-LLM",
)
PEAK_F1 = Metric(
    "peak_f1",
    1,
    "Peaks found",
    "",
    "F1 of the pairing of predicted and reference opening peaks (see peak_error): 1 if every peak has its partner, "
    "less for missed and for extra peaks.",
    "ours",
)
CLOSURE_DEPTH = Metric(
    "closure_depth",
    1,
    "Closure depth",
    "",
    "How far the lips close where they have to: 1 - (smallest opening within the closure) / (95th percentile of the "
    "opening of the whole clip), mean over closures. 1 is shut, 0 is no closing at all.",
    "ours; closures at /p b m/",
)
CLOSURE_RECALL = Metric(
    "closure_recall",
    1,
    "Closures made",
    "",
    "Share of closures within which the mouth opening falls to 0.02 of face size or below. 1 is all of them.",
    "ours; closures at /p b m/",
)


def lip_mae(predicted: NDArray[np.floating], reference: NDArray[np.floating]) -> Measurement:
    """How far the opening is off, on average.

    Metric `lip_mae`, version 1, in face sizes. Definition: mean over frames of |predicted - reference|.
    Source: usual in regression.

    Args:
        predicted, reference: (T,) of one channel on one time grid.

    Returns:
        0 or above; None for fewer than `MINIMUM_FRAMES` frames.
    """
    predicted, reference, reason = _pair(predicted, reference)
    return _measured(LIP_MAE, reason, lambda: np.abs(predicted - reference).mean())


def ccc(predicted: NDArray[np.floating], reference: NDArray[np.floating]) -> Measurement:
    """How well the prediction is the reference, scale and offset included.

    Metric `ccc`, version 1, no unit. Definition: 2 cov / (var + var + (difference of means)^2), all
    over frames and divided by T. Source: Lin, Biometrics 1989.

    Args:
        predicted, reference: (T,) of one channel on one time grid.

    Returns:
        -1 .. 1, 0 for a still prediction; None for too few frames or a constant reference.
    """
    predicted, reference, reason = _pair(predicted, reference)
    if not reason and reference.std() < FLAT:
        reason = "the reference curve is constant"

    def value() -> float:
        covariance = np.mean((predicted - predicted.mean()) * (reference - reference.mean()))
        return 2.0 * covariance / (predicted.var() + reference.var() + (predicted.mean() - reference.mean()) ** 2)

    return _measured(CCC, reason, value)


def velocity_error(predicted: NDArray[np.floating], reference: NDArray[np.floating], *, fps: float) -> Measurement:
    """How far the speed of the opening is off; a constant offset costs nothing.

    Metric `velocity_error`, version 1, in face sizes per second. Definition: mean over neighbouring
    frames of |difference of predicted - difference of reference| x fps. Source: ours; the measure behind
    velocity losses, as in VOCA, CVPR 2019.

    Args:
        predicted, reference: (T,) of one channel on one time grid.
        fps: frames per second of both.

    Returns:
        0 or above; None for fewer than `MINIMUM_FRAMES` frames.
    """
    predicted, reference, reason = _pair(predicted, reference)
    return _measured(VELOCITY_ERROR, reason, lambda: np.abs(np.diff(predicted - reference)).mean() * fps)


def peak_alignment(
    predicted: NDArray[np.floating],
    reference: NDArray[np.floating],
    *,
    fps: float,
    reach_ms: float = 200.0,
    prominence: float = 0.5,
) -> tuple[Measurement, Measurement]:
    """Whether the mouth is widest at the right moments.

    Metrics `peak_error` and `peak_f1`, version 1, milliseconds and no unit. Definition: peaks are local
    maxima that stand out of their curve by `prominence` of its standard deviation, placed between frames by
    a parabola; pairs are formed nearest first, each peak once, up to `reach_ms`. The error is the mean
    |time difference| of the pairs; F1 is 2 pairs / (peaks of both). Source: ours, after A2-LLM.

    Args:
        predicted, reference: (T,) of one channel on one time grid.
        fps: frames per second of both.
        reach_ms, prominence: part of the definition; change them with the version.

    Returns:
        Both; the error is None without a pair, both for too few frames or a reference without peaks.
    """
    predicted, reference, reason = _pair(predicted, reference)
    wanted = np.empty(0) if reason else _peaks(reference, prominence)
    if not reason and not len(wanted):
        reason = "the reference has no peaks"
    if reason:
        return Measurement(PEAK_ERROR, None, reason), Measurement(PEAK_F1, None, reason)
    found = _peaks(predicted, prominence)
    distances_ms = 1000.0 * _nearest_pairs(found, wanted, reach_ms * fps / 1000.0) / fps
    f1 = Measurement(PEAK_F1, 2.0 * len(distances_ms) / (len(found) + len(wanted)))
    if not len(distances_ms):
        return Measurement(PEAK_ERROR, None, f"no predicted peak within {reach_ms:g} ms of one of the reference"), f1
    return Measurement(PEAK_ERROR, float(distances_ms.mean())), f1


def closures_made(
    jaw_open: NDArray[np.floating],
    intervals_s: NDArray[np.floating],
    *,
    fps: float,
    reference: NDArray[np.floating] | None = None,
    closed_below: float = 0.02,
) -> tuple[Measurement, Measurement]:
    """Whether the lips meet where they have to.

    Metrics `closure_depth` and `closure_recall`, version 1, no unit. Definition: per closure the smallest
    opening g among the frames from half a frame before its start to half a frame after its end. Depth is
    the mean of 1 - g / (95th percentile of `jaw_open`), recall the share with g <= `closed_below`.
    Source: ours.

    Args:
        jaw_open: (T,) mouth opening in face sizes.
        intervals_s: (N, 2) start and end of closures in seconds: those of /p b m/ where phonemes are
            known, else `energy_dips`.
        fps: frames per second of the motion.
        reference: (T,) true opening; given, only closures that it makes itself count, which is what makes
            energy dips (some are /t/ or /k/) usable.
        closed_below: part of the definition; change it with the version.

    Returns:
        Both; None when no closure lies within the frames, depth also when the mouth never opens.
    """
    opening = np.asarray(jaw_open, np.float64)
    if reference is not None and np.shape(reference) != opening.shape:
        raise MotionError(
            f"curves of shapes {opening.shape} and {np.shape(reference)} can't be compared. "
            "Sample both at the same times."
        )
    gaps = _smallest(opening, intervals_s, fps)
    if reference is not None:
        gaps = gaps[_smallest(np.asarray(reference, np.float64), intervals_s, fps) <= closed_below]
    gaps = gaps[np.isfinite(gaps)]
    if not len(gaps):
        reason = "no closure within the frames"
        return Measurement(CLOSURE_DEPTH, None, reason), Measurement(CLOSURE_RECALL, None, reason)
    recall = Measurement(CLOSURE_RECALL, float(np.mean(gaps <= closed_below)))
    wide = float(np.percentile(opening, 95))
    if wide < FLAT:
        return Measurement(CLOSURE_DEPTH, None, "the mouth never opens"), recall
    return Measurement(CLOSURE_DEPTH, float(np.mean(1.0 - gaps / wide))), recall


def energy_dips(
    loudness: NDArray[np.floating],
    *,
    fps: float,
    depth_db: float = 10.0,
    reach_s: float = 0.2,
    longest_s: float = 0.16,
) -> NDArray[np.float64]:
    """Short dips of the sound between louder sounds: where speech without known phonemes may close the lips.

    Args:
        loudness: (T,) RMS of the sound of each frame, see `frame_rms`.
        fps: frames per second.
        depth_db: a dip lies this far below the loudest frame within `reach_s` on each of its sides.
        reach_s: how far to look for louder sound; a pause that is longer has none on one side.
        longest_s: longer dips are pauses.

    Returns:
        (N, 2) start and end of each in seconds, half a frame around its first and last frame.
    """
    sound = np.asarray(loudness, np.float64)
    reach = max(round(reach_s * fps), 1)
    padded = np.concatenate([np.zeros(reach), sound, np.zeros(reach)])
    around = np.lib.stride_tricks.sliding_window_view(padded, reach).max(axis=1)  # (T + reach + 1,)
    louder = np.minimum(around[: len(sound)], around[reach + 1 : reach + 1 + len(sound)])
    low = (sound <= louder * 10.0 ** (-depth_db / 20.0)) & (louder > 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], low.astype(int), [0]])))
    runs = edges.reshape(-1, 2)
    runs = runs[(runs[:, 1] - runs[:, 0]) / fps <= longest_s + 1e-9]
    return (runs - 0.5) / fps


def _pair(
    predicted: NDArray[np.floating], reference: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Both curves as float64, and why they are too short; empty when they are not."""
    first, second = np.asarray(predicted, np.float64), np.asarray(reference, np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise MotionError(
            f"curves of shapes {first.shape} and {second.shape} can't be compared. Sample both at the same times."
        )
    short = len(second) < MINIMUM_FRAMES
    return first, second, f"{len(second)} frames, {MINIMUM_FRAMES} are needed" if short else ""


def _measured(metric: Metric, reason: str, value: Callable[[], float]) -> Measurement:
    return Measurement(metric, None, reason) if reason else Measurement(metric, float(value()))


def _peaks(curve: NDArray[np.float64], prominence: float) -> NDArray[np.float64]:
    """Times of the peaks of a curve, in frames and between them."""
    spread = curve.std()
    if spread < FLAT:
        return np.empty(0)
    tops, _ = find_peaks(curve, prominence=prominence * spread)
    before, top, after = curve[tops - 1], curve[tops], curve[tops + 1]
    curvature = before - 2.0 * top + after
    # A flat top has no curvature at its middle frame, and that frame is its answer.
    return tops + np.where(curvature < 0, 0.5 * (before - after) / np.where(curvature < 0, curvature, 1.0), 0.0)


def _nearest_pairs(first: NDArray[np.float64], second: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Distances of pairs of times, formed nearest first, each time once, up to `reach`."""
    apart = np.abs(first[:, None] - second[None, :])
    free_first, free_second, distances = np.ones(len(first), bool), np.ones(len(second), bool), []
    for index in np.argsort(apart, axis=None, kind="stable"):
        row, column = np.unravel_index(index, apart.shape)
        if apart[row, column] > reach + 1e-9:
            break
        if free_first[row] and free_second[column]:
            free_first[row] = free_second[column] = False
            distances.append(apart[row, column])
    return np.array(distances)


def _smallest(opening: NDArray[np.float64], intervals_s: NDArray[np.floating], fps: float) -> NDArray[np.float64]:
    """(N,) smallest opening within each interval, infinite where it has no frames."""
    smallest = []
    for start_s, end_s in np.asarray(intervals_s, np.float64).reshape(-1, 2):
        first, last = np.ceil(start_s * fps - 0.5 - 1e-9), np.floor(end_s * fps + 0.5 + 1e-9)
        frames = opening[int(max(first, 0)) : int(max(last + 1, 0))]
        smallest.append(frames.min() if len(frames) else np.inf)
    return np.array(smallest)
