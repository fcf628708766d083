"""All figures about the motion of one clip, from one code path, whoever predicted it.

A model, the truth itself and every control go through `clip_figures`, so that a column of a table compares like with
like. Frames whose reference was not seen count nowhere; figures that need an unbroken grid (lags, speeds, peaks) are
taken from the first to the last seen frame.

The mouth is `jaw_open` of `core7`; motion of `arkit55` is projected onto it first.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.eval.blink_metrics import BLINK_DURATION, BLINK_INTERVAL, BLINK_RATE, find_blinks, measure_blinks
from src.eval.cases import Case
from src.eval.lip_metrics import (
    CCC,
    CLOSURE_DEPTH,
    CLOSURE_RECALL,
    LIP_MAE,
    PEAK_ERROR,
    PEAK_F1,
    VELOCITY_ERROR,
    ccc,
    closures_made,
    energy_dips,
    lip_mae,
    peak_alignment,
    velocity_error,
)
from src.eval.lip_sync import MAX_LAG_MS, MOUTH
from src.eval.metrics import (
    LAG,
    MINIMUM_FRAMES,
    PEARSON_R,
    SILENCE_SPEED,
    SILENCE_STD,
    STD_RATIO,
    Measurement,
    Metric,
    frame_rms,
    lag_ms,
    pearson_r,
    silence_stability,
    silent_frames,
    std_ratio,
)
from src.eval.perceptual_metrics import MTM, SLCC, lip_intensity, mtm
from src.eval.timing_metrics import (
    BEAT_ALIGNMENT,
    HEAD_RANGE,
    HEAD_SPEED,
    HIGH_FREQUENCY,
    JERK,
    JITTER,
    beat_alignment,
    head_beats_s,
    head_movement,
    high_frequency,
    jerk,
    jitter,
    sound_beats_s,
)
from src.motion import Motion, core7_of

STILL_HEAD_DEG = 0.5
"""A head that ranges over less has no beats: what turns back there is rounding, or a model at its mean."""

HEAD = ("head_yaw", "head_pitch", "head_roll")


@dataclass(frozen=True)
class Figure:
    """A figure of the tables.

    Attributes:
        metric: what it is.
        pooling: what clips are weighted by, in words.
    """

    metric: Metric
    pooling: str

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        metric = self.metric
        return {
            "label": metric.label,
            "unit": metric.unit,
            "version": metric.version,
            "definition": metric.definition,
            "source": metric.source,
            "pooling": self.pooling,
        }


_FRAMES, _SECONDS = "frames", "seconds"

FIGURES: dict[str, Figure] = {
    figure.metric.id: figure
    for figure in (
        Figure(PEARSON_R, _FRAMES),
        Figure(CCC, _FRAMES),
        Figure(STD_RATIO, _FRAMES),
        Figure(LIP_MAE, _FRAMES),
        Figure(VELOCITY_ERROR, _FRAMES),
        Figure(LAG, _FRAMES),
        Figure(MTM, _FRAMES),
        Figure(PEAK_ERROR, _FRAMES),
        Figure(PEAK_F1, _FRAMES),
        Figure(CLOSURE_DEPTH, "closures"),
        Figure(CLOSURE_RECALL, "closures"),
        Figure(SILENCE_STD, "silent frames"),
        Figure(SILENCE_SPEED, "silent frames"),
        Figure(JITTER, _FRAMES),
        Figure(JERK, _FRAMES),
        Figure(HIGH_FREQUENCY, _FRAMES),
        Figure(SLCC, "clips, standardised per speaker; the lips are mouth opening"),
        Figure(HEAD_RANGE, _FRAMES),
        Figure(HEAD_SPEED, _FRAMES),
        Figure(BEAT_ALIGNMENT, "beats of the motion"),
        Figure(BLINK_RATE, _SECONDS),
        Figure(BLINK_DURATION, "blinks"),
        Figure(BLINK_INTERVAL, "intervals"),
    )
}
"""Figures in the order of the tables, by id."""


@dataclass(frozen=True)
class Weighted:
    """A figure of one clip, and how much the clip counts for it."""

    measurement: Measurement
    weight: float


@dataclass(frozen=True, eq=False)
class Heard:
    """What the sound and the truth of a clip say, the same for every prediction.

    Attributes:
        loudness: (T,) see `frame_rms`.
        silent: (T,) see `silent_frames`.
        closures_s: (N, 2) seconds in which the lips have to meet.
        intensity: root mean square of the whole sound.
    """

    loudness: NDArray[np.float64]
    silent: NDArray[np.bool_]
    closures_s: NDArray[np.float64]
    intensity: float


def hear(case: Case, closures_s: NDArray[np.floating] | None = None) -> Heard:
    """Listen to a clip once.

    Args:
        case: the clip; its prediction does not matter.
        closures_s: (N, 2) closures of /p b m/ where phonemes are known; None takes those dips of the sound in which
            the true lips meet.
    """
    fps = case.reference.fps
    loudness = frame_rms(case.waveform, case.sample_rate_hz, fps, len(case.reference))
    if closures_s is None:
        true = core7_of(case.reference).channel(MOUTH)
        dips = energy_dips(loudness, fps=fps)
        met = [closures_made(true, dip[None], fps=fps)[1].value == 1.0 for dip in dips]
        closures_s = dips[np.array(met, bool)]
    rms = float(np.sqrt(np.mean(np.square(case.waveform, dtype=np.float64)))) if len(case.waveform) else 0.0
    return Heard(loudness, silent_frames(loudness, fps=fps), np.asarray(closures_s, np.float64).reshape(-1, 2), rms)


def clip_figures(case: Case, heard: Heard) -> dict[str, Weighted]:
    """Every figure of `FIGURES` but `slcc`, which is of many clips.

    Args:
        case: what is measured.
        heard: see `hear`.

    Returns:
        By id. A figure that can't be measured is None with its reason.
    """
    seen = case.reference.valid
    span = seen_span(seen)
    frames, fps = int(seen.sum()), case.reference.fps
    if not frames:
        nothing = Measurement(PEARSON_R, None, "no frame of the clip was seen")
        return {
            name: Weighted(replace(nothing, metric=figure.metric), 0)
            for name, figure in FIGURES.items()
            if figure.metric is not SLCC
        }
    motion, truth = _core7(case)
    mouth, true = motion.channel(MOUTH), truth.channel(MOUTH)
    unbroken, true_unbroken, loudness = mouth[span], true[span], heard.loudness[span]
    figures = [
        pearson_r(mouth[seen], true[seen]),
        ccc(mouth[seen], true[seen]),
        std_ratio(mouth[seen], true[seen]),
        lip_mae(mouth[seen], true[seen]),
        velocity_error(unbroken, true_unbroken, fps=fps),
        lag_ms(unbroken, true_unbroken, fps=fps, max_lag_ms=MAX_LAG_MS),
        mtm(unbroken, true_unbroken, fps=fps),
        *peak_alignment(unbroken, true_unbroken, fps=fps),
        jitter(unbroken),
        jerk(unbroken, fps=fps),
        high_frequency(unbroken, fps=fps),
    ]
    weighted = [Weighted(figure, frames) for figure in figures]

    closures = _within(heard.closures_s, span, fps)
    weighted += [Weighted(one, len(closures)) for one in closures_made(unbroken, closures, fps=fps)]
    silent = int(heard.silent[span].sum())
    weighted += [Weighted(one, max(silent, 1)) for one in silence_stability(unbroken, loudness, fps=fps)]
    weighted += _head_figures(motion.values[span][:, [motion.spec.index(name) for name in HEAD]], loudness, fps)
    weighted += _blink_figures(motion.channel("eye_blink")[span], fps)
    by_id = {one.measurement.metric.id: one for one in weighted}
    return {name: by_id[name] for name in FIGURES if name in by_id}


def intensity_of(case: Case) -> float | None:
    """How much the mouth of a prediction moves, for `slcc`; None for too few frames."""
    mouth = _core7(case)[0].channel(MOUTH)[seen_span(case.reference.valid)]
    return lip_intensity(mouth[:, None, None]) if len(mouth) >= MINIMUM_FRAMES else None


def channel_figures(case: Case) -> dict[str, dict[str, Weighted]]:
    """`pearson_r`, `ccc`, `std_ratio` and `mae` of every channel of the clip's own vocabulary, over seen frames."""
    seen = case.reference.valid
    frames = int(seen.sum())
    rows = {}
    for channel in case.reference.spec.channels:
        pair = case.predicted.channel(channel.name)[seen], case.reference.channel(channel.name)[seen]
        error = lip_mae(*pair)
        measured = (pearson_r(*pair), ccc(*pair), std_ratio(*pair), replace(error, metric=MAE))
        rows[channel.name] = {one.metric.id: Weighted(one, frames) for one in measured}
    return rows


MAE = replace(
    LIP_MAE,
    id="mae",
    label="Error",
    unit="of the channel's unit",
    definition="Mean absolute difference of predicted and reference channel. 0 is the same curve.",
)


def seen_span(seen: NDArray[np.bool_]) -> slice:
    """From the first to the last seen frame; empty where there is none."""
    frames = np.flatnonzero(seen)
    return slice(int(frames[0]), int(frames[-1]) + 1) if len(frames) else slice(0, 0)


def _core7(case: Case) -> tuple[Motion, Motion]:
    return core7_of(case.predicted), core7_of(case.reference)


def _within(closures_s: NDArray[np.float64], span: slice, fps: float) -> NDArray[np.float64]:
    """Those closures that lie inside a span, in its own time."""
    begin, end = span.start / fps, span.stop / fps
    inside = (closures_s[:, 0] >= begin - 0.5 / fps) & (closures_s[:, 1] <= end + 0.5 / fps)
    return closures_s[inside] - begin


def _head_figures(angles: NDArray[np.float32], loudness: NDArray[np.float64], fps: float) -> list[Weighted]:
    reach, speed = head_movement(angles, fps=fps)
    beats = head_beats_s(angles, fps=fps)
    alignment = beat_alignment(beats, sound_beats_s(loudness, fps=fps))
    if reach.value is not None and reach.value < STILL_HEAD_DEG:
        alignment = Measurement(BEAT_ALIGNMENT, None, f"the head ranges over less than {STILL_HEAD_DEG:g} degrees")
    return [Weighted(reach, len(angles)), Weighted(speed, len(angles)), Weighted(alignment, len(beats))]


def _blink_figures(eye_blink: NDArray[np.float32], fps: float) -> list[Weighted]:
    blinks = find_blinks(eye_blink, fps=fps)
    rate, duration, interval = measure_blinks(blinks, num_frames=len(eye_blink), fps=fps)
    weights = len(eye_blink) / fps, len(blinks), max(len(blinks) - 1, 0)
    return [Weighted(one, weight) for one, weight in zip((rate, duration, interval), weights, strict=True)]
