"""Numbers about motion: does it follow, when does it follow, does it rest in silence.

Pure functions of arrays. Each names its id, version, unit, definition and source, in words for the
reader and in a `Metric` for reports. What can't be measured is None with the reason, never 0: a
constant curve has no correlation, and a report must not pretend that it has.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.errors import MotionError

FLAT = 1e-6
"""A curve whose standard deviation is below this, in its own unit, counts as constant."""

MINIMUM_FRAMES = 10
"""0.4 s: fewer frames than this carry no figure."""

CLEAR_PEAK = 0.3
"""Correlation that a lag needs at its peak; below, the two curves have nothing to do with each other."""

PREDICTED_CONSTANT = "the predicted curve is constant"


@dataclass(frozen=True)
class Metric:
    """What a number means. A version grows when the same input gives another number."""

    id: str
    version: int
    label: str
    unit: str
    definition: str
    source: str


@dataclass(frozen=True)
class Measurement:
    """A number with its meaning, or the reason why there is none."""

    metric: Metric
    value: float | None
    reason: str = ""


PEARSON_R = Metric(
    "pearson_r",
    1,
    "Lip correlation",
    "",
    "Pearson correlation of predicted and reference mouth opening, frame by frame. 1 is the same movement up to "
    "scale and offset, 0 is none.",
    "Pearson 1895",
)
LAG = Metric(
    "lag",
    1,
    "Lip lag",
    "ms",
    "Shift of the predicted mouth opening at which its correlation with the reference peaks, between frames by a "
    "parabola. Positive: the prediction is later.",
    "normalised cross-correlation; parabolic peak interpolation as in Smith, Spectral Audio Signal Processing",
)
STD_RATIO = Metric(
    "std_ratio",
    1,
    "Movement ratio",
    "",
    "Standard deviation of the predicted mouth opening over that of the reference. Below 1 the mouth moves too "
    "little, above 1 too much.",
    "usual in regression",
)
SILENCE_STD = Metric(
    "silence_std",
    1,
    "Mouth spread in silence",
    "of face size",
    "Standard deviation of mouth opening over frames of silence (sound 25 dB below the clip's loud frames for at "
    "least 200 ms). 0 is a still mouth.",
    "ours; lips that move in silence are what users of talking heads complain about most",
)
SILENCE_SPEED = Metric(
    "silence_speed",
    1,
    "Mouth speed in silence",
    "of face size per s",
    "Mean absolute speed of mouth opening over neighbouring frames of silence (as in silence_std). 0 is a still mouth.",
    "ours; lips that move in silence are what users of talking heads complain about most",
)


def pearson_r(predicted: NDArray[np.floating], reference: NDArray[np.floating]) -> Measurement:
    """How alike two curves move.

    Metric `pearson_r`, version 1, no unit. Definition: covariance over the product of the standard
    deviations, over all frames. Source: Pearson 1895.

    Args:
        predicted, reference: (T,) of one channel on one time grid.

    Returns:
        -1 .. 1; None for fewer than `MINIMUM_FRAMES` frames or a constant curve.
    """
    reason = _unusable(predicted, reference)
    if reason:
        return Measurement(PEARSON_R, None, reason)
    return Measurement(PEARSON_R, _correlation(_float(predicted), _float(reference)))


def lag_ms(
    predicted: NDArray[np.floating], reference: NDArray[np.floating], *, fps: float, max_lag_ms: float
) -> Measurement:
    """How much later the prediction moves.

    Metric `lag`, version 1, milliseconds, positive when `predicted` is later. Definition: the shift k
    that maximises the Pearson correlation of predicted[t + k] and reference[t] over the frames that
    both have, refined by the parabola through the peak and its neighbours. Source: normalised
    cross-correlation; parabolic interpolation as in Smith, Spectral Audio Signal Processing.

    Args:
        predicted, reference: (T,) of one channel on one time grid.
        fps: frames per second of both.
        max_lag_ms: shifts up to this are tried, in both directions.

    Returns:
        The lag; None when a curve is constant or too short for the shifts, when no shift correlates by
        `CLEAR_PEAK`, or when the best one is the largest tried.
    """
    reason = _unusable(predicted, reference)
    reach = int(np.floor(max_lag_ms * fps / 1000.0))
    if not reason and len(reference) - reach < MINIMUM_FRAMES:
        needed = MINIMUM_FRAMES + reach
        reason = f"{len(reference)} frames are too few to try shifts of {max_lag_ms:g} ms; {needed} are needed"
    if reason:
        return Measurement(LAG, None, reason)
    predicted, reference = _float(predicted), _float(reference)
    # One shift more on each side, so that the parabola has neighbours at the ends.
    shifts = np.arange(-reach - 1, reach + 2)
    scores = np.array([_shifted_correlation(predicted, reference, int(shift)) for shift in shifts])
    best = 1 + int(np.argmax(scores[1:-1]))
    if scores[best] < CLEAR_PEAK:
        return Measurement(
            LAG, None, f"no shift correlates: the best has r = {scores[best]:.2f}, {CLEAR_PEAK} is needed"
        )
    before, peak, after = scores[best - 1 : best + 2]
    if before > peak or after > peak:
        return Measurement(LAG, None, f"the curves match best beyond the largest shift tried, {max_lag_ms:g} ms")
    curvature = before - 2.0 * peak + after
    fraction = 0.5 * (before - after) / curvature if curvature < 0 else 0.0
    return Measurement(LAG, float(1000.0 * (shifts[best] + fraction) / fps))


def std_ratio(predicted: NDArray[np.floating], reference: NDArray[np.floating]) -> Measurement:
    """How much the prediction moves, compared with the reference.

    Metric `std_ratio`, version 1, no unit. Definition: standard deviation over all frames, predicted
    over reference. Source: usual in regression.

    Args:
        predicted, reference: (T,) of one channel on one time grid.

    Returns:
        0 or above (a constant prediction really has 0); None for too few frames or a constant reference.
    """
    reason = _unusable(predicted, reference)
    if reason and reason != PREDICTED_CONSTANT:
        return Measurement(STD_RATIO, None, reason)
    return Measurement(STD_RATIO, float(_float(predicted).std() / _float(reference).std()))


def silence_stability(
    jaw_open: NDArray[np.floating],
    loudness: NDArray[np.floating],
    *,
    fps: float,
    floor_db: float = 25.0,
    settle_s: float = 0.2,
) -> tuple[Measurement, Measurement]:
    """Whether the mouth rests while nothing is said.

    Metrics `silence_std` and `silence_speed`, version 1, in face sizes and face sizes per second.
    Definition: standard deviation of mouth opening, and mean |difference| x fps between neighbours,
    over the frames whose loudness lies `floor_db` below the 95th percentile of the clip and has for
    `settle_s` (a mouth may take that long to close). Source: ours.

    Args:
        jaw_open: (T,) mouth opening.
        loudness: (T,) RMS of the sound of each frame, see `frame_rms`.
        fps: frames per second of both.
        floor_db, settle_s: part of the definition; change them with the version.

    Returns:
        Both measurements; None when fewer than `MINIMUM_FRAMES` frames are silent.
    """
    if len(jaw_open) != len(loudness):
        raise MotionError(
            f"{len(jaw_open)} frames of motion and {len(loudness)} of loudness. Measure both over the same time."
        )
    silent = silent_frames(loudness, fps=fps, floor_db=floor_db, settle_s=settle_s)
    if silent.sum() < MINIMUM_FRAMES:
        reason = f"{int(silent.sum())} frames of silence, {MINIMUM_FRAMES} are needed"
        return Measurement(SILENCE_STD, None, reason), Measurement(SILENCE_SPEED, None, reason)
    jaw = _float(jaw_open)
    pairs = silent[1:] & silent[:-1]
    speed = Measurement(SILENCE_SPEED, None, "no two neighbouring frames of silence")
    if pairs.any():
        speed = Measurement(SILENCE_SPEED, float(np.abs(np.diff(jaw))[pairs].mean() * fps))
    return Measurement(SILENCE_STD, float(jaw[silent].std())), speed


def silent_frames(
    loudness: NDArray[np.floating], *, fps: float, floor_db: float = 25.0, settle_s: float = 0.2
) -> NDArray[np.bool_]:
    """(T,) True where it has been silent for `settle_s`, this frame included; see `silence_stability`."""
    loudness = _float(loudness)
    loud = np.percentile(loudness, 95) if len(loudness) else 0.0
    quiet = loudness <= loud * 10.0 ** (-floor_db / 20.0)
    needed = max(round(settle_s * fps), 1)
    run, settled = 0, np.zeros(len(quiet), bool)
    for index, is_quiet in enumerate(quiet):
        run = run + 1 if is_quiet else 0
        settled[index] = run >= needed
    return settled


def frame_rms(waveform: NDArray[np.float32], sample_rate_hz: int, fps: float, num_frames: int) -> NDArray[np.float64]:
    """Loudness of the sound of each motion frame: the envelope that curves are drawn over.

    Args:
        waveform: (S,) mono; sound beyond its ends is silence.
        sample_rate_hz: of the waveform.
        fps: of the frames.
        num_frames: T.

    Returns:
        (T,) root mean square over the samples within half a frame of each frame's time.
    """
    edges = np.clip(np.round((np.arange(num_frames + 1) - 0.5) * sample_rate_hz / fps), 0, len(waveform)).astype(int)
    energy = np.concatenate([[0.0], np.cumsum(np.square(waveform, dtype=np.float64))])
    counts = np.maximum(np.diff(edges), 1)
    return np.sqrt(np.maximum(energy[edges[1:]] - energy[edges[:-1]], 0.0) / counts)


def _float(curve: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(curve, np.float64)


def _unusable(predicted: NDArray[np.floating], reference: NDArray[np.floating]) -> str:
    """Why two curves can't be compared; empty when they can."""
    if predicted.ndim != 1 or predicted.shape != reference.shape:
        raise MotionError(
            f"curves of shapes {predicted.shape} and {reference.shape} can't be compared. "
            "Sample both at the same times."
        )
    if len(reference) < MINIMUM_FRAMES:
        return f"{len(reference)} frames, {MINIMUM_FRAMES} are needed"
    if _float(reference).std() < FLAT:
        return "the reference curve is constant"
    return PREDICTED_CONSTANT if _float(predicted).std() < FLAT else ""


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    first, second = first - first.mean(), second - second.mean()
    scale = np.sqrt((first @ first) * (second @ second))
    return float(np.clip(first @ second / scale, -1.0, 1.0)) if scale > 0 else 0.0


def _shifted_correlation(predicted: NDArray[np.float64], reference: NDArray[np.float64], shift: int) -> float:
    """Correlation of predicted[t + shift] with reference[t] over the frames that both have."""
    num_both = len(reference) - abs(shift)
    if num_both < 2:
        return -1.0
    first = predicted[max(shift, 0) : max(shift, 0) + num_both]
    second = reference[max(-shift, 0) : max(-shift, 0) + num_both]
    return _correlation(first, second)
