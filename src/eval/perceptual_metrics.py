"""Two published numbers about lips and voice: mean temporal misalignment (MTM) and intensity correlation (SLCC).

Source of both: Lee Chae-Yeon et al., Perceptually Accurate 3D Talking Head Generation, CVPR 2025, and the
evaluation code that comes with it. Frames per second and points differ from theirs, so numbers are
comparable within our tables only.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from src.errors import MotionError
from src.eval.metrics import FLAT, MINIMUM_FRAMES, Measurement, Metric, pearson_r

SMOOTH_FRAMES = 2.0
"""Standard deviation of the Gaussian of MTM, in frames, part of the published definition."""

MTM = Metric(
    "mtm",
    1,
    "Mean temporal misalignment",
    "ms",
    "Mean absolute time between extrema of the predicted and the true mouth opening that derivative dynamic time "
    "warping matches. 0 is in time. It has no sign; lag has.",
    "Lee Chae-Yeon et al., Perceptually Accurate 3D Talking Head Generation, CVPR 2025",
)
SLCC = Metric(
    "slcc",
    1,
    "Speech-lip intensity correlation",
    "",
    "Pearson correlation over clips of how loud the speech is with how much the lips move, both standardised per "
    "speaker. 1: louder speech moves the lips more.",
    "Lee Chae-Yeon et al., Perceptually Accurate 3D Talking Head Generation, CVPR 2025",
)


def mtm(predicted: NDArray[np.floating], reference: NDArray[np.floating], *, fps: float) -> Measurement:
    """How far apart in time corresponding openings and closings are.

    Metric `mtm`, version 1, milliseconds. Definition: both curves are smoothed by a Gaussian of 2 frames
    and aligned by dynamic time warping of their first differences; a step of the path counts when it
    joins a maximum to a maximum or a minimum to a minimum, and the predicted one lies between the
    neighbouring extrema of the reference; the metric is the mean |frame difference| of those, in ms.
    Source: Lee Chae-Yeon et al., CVPR 2025, `evaluation/evaluate_MTM.py`.

    Args:
        predicted, reference: (T,) distance of the lips on one time grid; theirs is between the middles of
            the outer lips.
        fps: frames per second of both.

    Returns:
        0 or above; None for too few frames, or when no extrema are matched.

    Raises:
        MotionError: shapes differ.
    """
    predicted, reference = np.asarray(predicted, np.float64), np.asarray(reference, np.float64)
    if predicted.ndim != 1 or predicted.shape != reference.shape:
        raise MotionError(
            f"curves of shapes {predicted.shape} and {reference.shape} can't be compared. "
            "Sample both at the same times."
        )
    if len(reference) < MINIMUM_FRAMES:
        return Measurement(MTM, None, f"{len(reference)} frames, {MINIMUM_FRAMES} are needed")
    predicted, reference = (gaussian_filter1d(curve, SMOOTH_FRAMES) for curve in (predicted, reference))
    kinds_predicted, kinds_reference = _extrema(predicted), _extrema(reference)
    places = np.flatnonzero(kinds_reference)
    apart = []
    for at_reference, at_predicted in warp(reference, predicted):
        kind = kinds_reference[at_reference]
        if not kind or kind != kinds_predicted[at_predicted]:
            continue
        position = int(np.searchsorted(places, at_reference))
        left = places[position - 1] if position > 0 else 0
        right = places[position + 1] if position + 1 < len(places) else len(reference) - 1
        if left <= at_predicted <= right:
            apart.append(abs(int(at_reference) - int(at_predicted)))
    if not apart:
        return Measurement(MTM, None, "no openings or closings of both curves correspond")
    return Measurement(MTM, float(1000.0 * np.mean(apart) / fps))


def warp(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.int64]:
    """The cheapest way through two curves by derivative dynamic time warping.

    Args:
        first, second: (T1,) and (T2,).

    Returns:
        (K, 2) indices into both, from the first frames to the last; between equally dear steps back the
        one along both curves is taken, then the one along the first.
    """
    slopes = [np.diff(curve, prepend=curve[0]) for curve in (first, second)]
    costs = np.abs(slopes[0][:, None] - slopes[1][None, :])
    total = np.full((len(first) + 1, len(second) + 1), np.inf)
    total[0, 0] = 0.0
    # Along an anti-diagonal no cell needs another, so each is one step of NumPy: 0.2 s for a minute of motion.
    for diagonal in range(2, len(first) + len(second) + 1):
        rows = np.arange(max(1, diagonal - len(second)), min(len(first), diagonal - 1) + 1)
        columns = diagonal - rows
        before = np.minimum(
            total[rows - 1, columns - 1], np.minimum(total[rows - 1, columns], total[rows, columns - 1])
        )
        total[rows, columns] = costs[rows - 1, columns - 1] + before
    row, column = len(first), len(second)
    path = []
    while row > 0 and column > 0:
        path.append((row - 1, column - 1))
        steps = (total[row - 1, column - 1], total[row - 1, column], total[row, column - 1])
        cheapest = int(np.argmin(steps))
        row, column = row - (cheapest != 2), column - (cheapest != 1)
    return np.array(path[::-1])


def lip_intensity(points: NDArray[np.floating]) -> float:
    """How much the lips of a clip move: one value of SLCC.

    Args:
        points: (T, L, D) lip points, T at least 2.

    Returns:
        Root mean square over frames of the mean over points of the distance from the frame before, in
        units of the points per frame.
    """
    if np.ndim(points) != 3 or len(points) < 2:
        raise MotionError(f"lip points of shape {np.shape(points)}, expected (T, L, D) of 2 frames or more.")
    moved = np.linalg.norm(np.diff(np.asarray(points, np.float64), axis=0), axis=-1).mean(axis=1)
    return float(np.sqrt(np.mean(moved**2)))


def slcc(
    lip_intensities: NDArray[np.floating], speech_intensities: NDArray[np.floating], speakers: Sequence[str]
) -> Measurement:
    """Whether lips move more in louder speech.

    Metric `slcc`, version 1, no unit. Definition: per speaker both intensities are standardised over the
    clips of that speaker; then Pearson correlation over all clips. A speaker with one clip, or without
    any spread in one of them, is left out. Source: Lee Chae-Yeon et al., CVPR 2025,
    `evaluation/evaluate_SLCC.py`.

    Args:
        lip_intensities: (N,) one per clip, see `lip_intensity`.
        speech_intensities: (N,) root mean square of the sound of each clip, not normalised in loudness.
        speakers: N names.

    Returns:
        -1 .. 1; None for fewer than `MINIMUM_FRAMES` clips that count.
    """
    pair = np.stack([np.asarray(lip_intensities, np.float64), np.asarray(speech_intensities, np.float64)])
    if pair.shape != (2, len(speakers)):
        raise MotionError(f"{pair.shape[1:]} intensities for {len(speakers)} speakers. Give one of each per clip.")
    names = np.asarray(speakers)
    standardised = []
    for speaker in sorted(set(speakers)):
        own = pair[:, names == speaker]
        # Relative to its size: what spreads by less than rounding does is constant in any unit.
        spread = own.std(axis=1, ddof=1) if own.shape[1] > 1 else np.zeros(2)
        if np.all(spread > FLAT * np.abs(own).max(axis=1)):
            standardised.append((own - own.mean(axis=1, keepdims=True)) / spread[:, None])
    count = sum(own.shape[1] for own in standardised)
    if count < MINIMUM_FRAMES:
        return Measurement(SLCC, None, f"{count} clips of speakers with several, {MINIMUM_FRAMES} are needed")
    lips, speech = np.concatenate(standardised, axis=1)
    return Measurement(SLCC, pearson_r(lips, speech).value)


def _extrema(curve: NDArray[np.float64]) -> NDArray[np.int64]:
    """(T,) 1 at maxima, -1 at minima, 0 elsewhere."""
    kinds = np.zeros(len(curve), np.int64)
    kinds[find_peaks(curve)[0]] = 1
    kinds[find_peaks(-curve)[0]] = -1
    return kinds
